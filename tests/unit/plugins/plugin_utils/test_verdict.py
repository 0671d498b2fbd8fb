# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import PASSED, Packet, of_policy, verdict

OUT = Packet(parse_address("198.51.100.10"), parse_address("203.0.113.10"), 40000, 25, "east0", "up0")
BACK = Packet(parse_address("203.0.113.10"), parse_address("198.51.100.10"), 25, 40000, "up0", "east0")
V6 = {"source": parse_address("2001:db8:e000::10"), "destination": parse_address("2001:db8:c000::100")}


def of(acl, packet, **changes):
    found = verdict(acl, dataclasses.replace(packet, **changes))
    return found.action, found.reply


def test_mail_that_leaves_the_isp_is_blocked(build):
    found = verdict(build("all"), OUT)
    assert (found.action, found.reply, found.pool, found.destination, found.direction) == (
        "block",
        "tcp-reset",
        "east_ftth",
        "mobile",
        "out",
    )
    assert of(build("all"), OUT, **V6) == ("block", "tcp-reset")


@pytest.mark.parametrize(
    "changes",
    [
        {"dport": 587},
        {"dport": 465},
        {"protocol": "udp"},
        {"destination": parse_address("192.0.2.25")},
        {"source": parse_address("198.51.100.17")},
        {"source": parse_address("192.0.2.130"), "iif": "fixed0"},
        {"oif": "west0"},
        {"iif": "west0"},
    ],
    ids=str,
)
def test_nothing_else_is(build, changes):
    assert verdict(build("all"), dataclasses.replace(OUT, **changes)) is PASSED


def test_the_answer_to_a_syn_that_left_by_another_line_is_dropped(build):
    assert of(build("all"), BACK) == ("block", "drop")
    assert of(build("all", return_rule=False), BACK) == ("pass", None)
    assert of(build("all"), BACK, source=parse_address("192.0.2.25")) == ("pass", None)
    assert of(build("all"), BACK, destination=parse_address("198.51.100.17")) == ("pass", None)


def test_mail_to_a_home_server_comes_in(build):
    assert of(build("all"), BACK, sport=40000, dport=25) == ("pass", None)
    assert of(build("all"), OUT, sport=25, dport=40000) == ("pass", None)


def test_a_class_that_is_only_observed_passes(build):
    assert of(build("pilot"), OUT) == ("block", "tcp-reset")
    assert of(build("pilot"), OUT, destination=parse_address("203.0.113.100")) == ("observe", None)


def test_a_fragment_that_hides_its_port_is_blocked_where_25_would_be(build):
    assert of(build("all"), OUT, headless=True, dport=80, **V6) == ("block", "drop")
    assert of(build("observe"), OUT, headless=True, **V6) == ("pass", None)


def test_an_unrouted_source_is_blocked_where_it_is_checked(build):
    places = [{"interface": "east0", "pools": ["east_ftth"], "source_check": True}]
    forged = {"source": parse_address("192.0.2.99"), "routed": False}
    assert of(build("all", places), OUT, **forged) == ("block", "drop")
    assert of(build("all"), OUT, **forged) == ("pass", None)


@pytest.mark.parametrize(
    ("source", "destination", "port", "wave", "action"),
    [
        ("198.51.100.10", "203.0.113.10", 25, "pilot", "block"),
        ("198.51.100.130", "203.0.113.10", 25, "pilot", "observe"),
        ("198.51.100.130", "203.0.113.10", 25, "all", "block"),
        ("198.51.100.10", "203.0.113.10", 587, "all", "pass"),
        ("198.51.100.17", "203.0.113.10", 25, "all", "pass"),
        ("198.51.100.10", "192.0.2.25", 25, "all", "pass"),
        ("192.0.2.130", "203.0.113.10", 25, "all", "pass"),
        ("2001:db8:f000::10", "2001:db8:c000::100", 25, "all", "block"),
    ],
)
def test_a_policy_answers_for_every_customer(document, source, destination, port, wave, action):
    read = policy.load(document, datetime.date(2019, 3, 1))
    assert of_policy(read, wave, parse_address(source), parse_address(destination), port).action == action
