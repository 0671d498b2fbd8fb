# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from lab.cli.filter import Entry, Match, Packet, decide, met

CUSTOMER, SERVER = (int(ipaddress.ip_address(text)) for text in ("198.51.100.77", "203.0.113.25"))
POOL = ((int(ipaddress.ip_address("198.51.100.0")), 0xFFFFFF00),)
MAIL = Packet(CUSTOMER, SERVER, 4, 6, 40000, 25, flags=0x02)
SMTP = Match(4, 6, sources=POOL, dports=((25, 25),))
ESTABLISHED = ((0x10, 0x10), (0x04, 0x04))


def judged(packet, *entries):
    """The keys count from 0; None is what no entry matched."""
    found = decide([Entry(str(i), permit, match) for i, (permit, match) in enumerate(entries)], packet)
    return found and int(found.key)


def changed(packet, **more):
    return dataclasses.replace(packet, **more)


def test_the_first_that_matches_decides():
    assert judged(MAIL, (False, SMTP), (True, Match(4))) == 0
    assert judged(MAIL, (True, Match(4)), (False, SMTP)) == 0
    assert judged(changed(MAIL, dport=587), (False, SMTP), (True, Match(4))) == 1
    assert judged(changed(MAIL, dport=587), (False, SMTP)) is None


@pytest.mark.parametrize(
    "other", [{"protocol": 17}, {"source": SERVER}, {"sport": 25, "dport": 40000}, {"dport": None}, {"family": 6}]
)
def test_all_that_is_asked_for_must_hold(other):
    assert judged(MAIL, (False, SMTP)) == 0
    assert judged(changed(MAIL, **other), (False, SMTP)) is None


def test_a_mask_may_have_holes():
    odd_hosts = Match(4, sources=((1, 1),), destinations=((0xCB000019, 0xFF0000FF),))
    assert judged(MAIL, (True, odd_hosts)) == 0
    assert judged(changed(MAIL, source=CUSTOMER + 1), (True, odd_hosts)) is None
    assert judged(changed(MAIL, destination=SERVER + 1), (True, odd_hosts)) is None


@pytest.mark.parametrize(("flags", "matches"), [(0x02, False), (0x12, True), (0x10, True), (0x04, True), (0x01, False)])
def test_established_is_ack_or_rst(flags, matches):
    assert (judged(changed(MAIL, flags=flags), (True, Match(4, 6, tcp_flags=ESTABLISHED))) == 0) is matches


def test_a_later_fragment_skips_a_deny_that_asks_for_layer_4_and_takes_such_a_permit():
    later = changed(MAIL, sport=None, dport=None, fragment="later")
    assert judged(later, (False, SMTP)) is None
    assert judged(later, (True, SMTP)) == 0
    assert judged(changed(later, protocol=17), (True, SMTP)) is None
    assert judged(changed(later, source=SERVER), (True, SMTP)) is None
    assert judged(later, (False, Match(4, 6))) == 0
    assert judged(later, (True, Match(4, 6, tcp_flags=ESTABLISHED))) == 0
    assert judged(later, (False, Match(4, 6, tcp_flags=ESTABLISHED))) is None


@pytest.mark.parametrize(("fragment", "matches"), [("none", False), ("first", False), ("later", True)])
def test_the_keyword_fragments_is_about_later_ones(fragment, matches):
    packet = changed(MAIL, fragment=fragment)
    assert (judged(packet, (False, Match(4, 6, fragments=True))) == 0) is matches


def test_a_headless_fragment_has_no_layer_4():
    headless = Packet(1, 2, 6, 6, None, None, fragment="headless")
    assert judged(headless, (True, Match(6, 6, dports=((0, 65535),)))) is None
    assert judged(headless, (False, Match(6, 6, fragments=True))) is None
    assert judged(headless, (False, Match(6, undetermined=True))) == 0
    assert judged(changed(headless, fragment="none", dport=25), (False, Match(6, undetermined=True))) is None
    assert judged(headless, (True, Match(6, 6))) == 0


@pytest.mark.parametrize(("icmp", "matches"), [((8, 0), False), ((3, 4), True), ((3, 1), False), (None, False)])
def test_icmp_type_and_code(icmp, matches):
    packet = Packet(CUSTOMER, SERVER, 4, 1, None, None, icmp=icmp)
    assert (judged(packet, (True, Match(4, 1, icmp=(3, 4)))) == 0) is matches


def test_an_empty_group_matches_nothing():
    assert judged(MAIL, (True, Match(4, sources=()))) is None
    assert judged(MAIL, (True, Match(4, 6, dports=()))) is None


def test_an_entry_may_leave_the_decision_to_those_below():
    entries = [Entry("a", None, SMTP), Entry("b", None, Match(4)), Entry("c", False, SMTP), Entry("d", True, Match(4))]
    assert [entry.key for entry in met(entries, MAIL)] == ["a", "b", "c"]
    assert decide(entries, MAIL).key == "c"
    assert [entry.key for entry in met(entries[:2], MAIL)] == ["a", "b"]
    assert decide(entries[:2], MAIL) is None


def test_an_entry_matches_what_one_of_its_alternatives_matches():
    either = Entry("a", False, Match(4, 6, sports=((25, 25),)), also=(Match(4, 6, dports=((25, 25),)),))
    assert decide([either], MAIL) is either
    assert decide([either], changed(MAIL, sport=25, dport=1)) is either
    assert decide([either], changed(MAIL, dport=1)) is None


@pytest.mark.parametrize("asked", [{"dports": ((25, 25),)}, {"tcp_flags": ((0x02, 0x02),)}])
def test_a_literal_match_assumes_nothing(asked):
    match = Match(4, literal=True, **asked)
    assert judged(changed(MAIL, protocol=47), (True, match)) == 0
    assert judged(changed(MAIL, fragment="later"), (True, match)) is None


@pytest.mark.parametrize(("fragment", "matches"), [("none", False), ("first", True), ("headless", True), ("later", False)])
def test_first_fragments_are_of_packets_in_pieces(fragment, matches):
    assert (judged(changed(MAIL, fragment=fragment), (True, Match(4, first_fragment=True))) == 0) is matches


def test_headers_of_ipv6():
    packet = Packet(1, 2, 6, 6, 1, 25, headers=(0, 44, 6))
    assert judged(packet, (True, Match(6, next_headers=(6, 44)))) is None
    assert judged(packet, (True, Match(6, next_headers=(6, 0)))) == 0
    assert judged(packet, (True, Match(6, extension_headers=(43, 44)))) == 0
    assert judged(packet, (True, Match(6, extension_headers=(43, 60)))) is None
    assert judged(changed(packet, fragment="later"), (True, Match(6, extension_headers=(44,)))) is None
    assert judged(changed(packet, fragment="later"), (True, Match(6, extension_headers=(0,)))) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"family": 4, "dports": ((25, 25),)},
        {"family": 6, "protocol": 1, "icmp": (8, None)},
        {"family": 4, "protocol": 17, "tcp_flags": ESTABLISHED},
        {"family": 6, "protocol": 44},
        {"family": 4, "undetermined": True},
        {"family": 4, "protocol": 6, "dports": ((25, 25),), "fragments": True},
        {"family": 4, "next_headers": (6,)},
        {"family": 4, "extension_headers": (44,)},
        {"family": 6, "extension_headers": (50,)},
    ],
)
def test_what_no_packet_can_be_is_no_match(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Match(**wrong)
