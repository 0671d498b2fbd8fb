# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import cisco_grammar as grammar
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.ordered import everything
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import PrefixSet, Range, parse_prefix
from hypothesis import assume, given
from hypothesis import strategies as st

GROUPS = {"SERVERS": PrefixSet.parse(["192.0.2.25", "192.0.2.32/27"])}


def ace(text, family=4):
    found = grammar.read_ace(text, family, GROUPS)
    assert found is not None
    return found


def texts(place):
    return None if place.prefixes is None else place.prefixes.texts()


# -- places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "words", "read"),
    [
        (4, "any", None),
        (4, "host 192.0.2.25", ["192.0.2.25"]),
        (4, "192.0.2.0 0.0.0.255", ["192.0.2.0/24"]),
        (4, "192.0.2.77 0.0.0.255", ["192.0.2.0/24"]),
        (4, "192.0.2.25 0.0.0.0", ["192.0.2.25"]),
        (4, "0.0.0.0 255.255.255.255", ["0.0.0.0/0"]),
        (4, "192.0.2.0/24", ["192.0.2.0/24"]),
        (4, "192.0.2.1 0.0.0.2", ["192.0.2.1", "192.0.2.3"]),
        (4, "192.0.2.0 0.0.0.5", ["192.0.2.0/31", "192.0.2.4/31"]),
        (4, "object-group SERVERS", ["192.0.2.25", "192.0.2.32/27"]),
        (4, "net-group SERVERS", ["192.0.2.25", "192.0.2.32/27"]),
        (6, "any", None),
        (6, "host 2001:DB8::25", ["2001:db8::25"]),
        (6, "2001:DB8:E000::/36", ["2001:db8:e000::/36"]),
        (6, "2001:DB8:E000::1/36", ["2001:db8:e000::/36"]),
        (6, "2001:db8::25", ["2001:db8::25"]),
    ],
)
def test_a_place_is_read_at_either_end(family, words, read):
    protocol = "ip" if family == 4 else "ipv6"
    for text, end in ((f"permit {protocol} {words} any", "source"), (f"permit {protocol} any {words}", "destination")):
        found = ace(text, family)
        assert texts(getattr(found, end)) == read
        assert getattr(found, end).exact
        assert found.rest == ()


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 31), max_size=8), st.integers(0, 2**32 - 1))
def test_a_wildcard_mask_is_what_its_bits_say(value, holes, other):
    wildcard = sum(1 << bit for bit in holes)
    words = f"{ipaddress.IPv4Address(value)} {ipaddress.IPv4Address(wildcard)}"
    place = ace(f"permit ip {words} any").source
    assert place.exact
    for address in (value, value ^ wildcard, other, (value & ~wildcard) | (other & wildcard), value ^ (other & ~wildcard)):
        inside = any(first <= address <= last for first, last in place.prefixes.v4)
        assert inside == ((address ^ value) & ~wildcard & 0xFFFFFFFF == 0)


def test_a_wildcard_mask_with_too_many_holes_may_match_anything():
    found = grammar.read_entry("permit ip 192.0.2.0 85.85.85.85 any", 4, GROUPS)
    assert found.boxes == (everything(4),)
    assert not found.exact


def test_a_group_that_cannot_be_read_may_hold_anything():
    found = grammar.read_entry("permit ip object-group NESTED any", 4, GROUPS)
    assert found.boxes == (everything(4),)
    assert not found.exact


# -- protocols and ports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "word", "number"),
    [
        (4, "tcp", 6), (4, "udp", 17), (4, "icmp", 1), (6, "icmp", 58), (6, "icmpv6", 58), (4, "gre", 47), (4, "esp", 50),
        (4, "ahp", 51), (4, "ospf", 89), (4, "sctp", 132), (4, "47", 47), (4, "igmp", 2), (4, "eigrp", 88), (4, "pim", 103),
    ],
)  # fmt: skip
def test_a_protocol_is_read(family, word, number):
    found = ace(f"deny {word} any any", family)
    assert found.protocol == ((number, number),)
    assert found.known


@pytest.mark.parametrize("word", ["ip", "ipv4", "ipv6"])
def test_some_words_are_every_protocol(word):
    assert ace(f"deny {word} any any").protocol == ((0, 255),)


@pytest.mark.parametrize(
    ("words", "spans"),
    [
        ("eq smtp", ((25, 25),)),
        ("eq 25", ((25, 25),)),
        ("eq smtp www 587", ((25, 25), (80, 80), (587, 587))),
        ("neq 25", ((0, 24), (26, 65535))),
        ("neq 0 65535", ((1, 65534),)),
        ("lt 26", ((0, 25),)),
        ("lt 0", ()),
        ("gt 1023", ((1024, 65535),)),
        ("gt 65535", ()),
        ("range 20 30", ((20, 30),)),
        ("range ftp-data smtp", ((20, 25),)),
    ],
)
def test_ports_are_read_at_either_end(words, spans):
    assert ace(f"permit tcp any {words} any").sports == spans
    assert ace(f"permit tcp any any {words}").dports == spans
    assert ace(f"permit tcp any {words} any").dports is None


def test_a_port_that_matches_nothing_is_not_one_that_matches_all():
    found = grammar.read_entry("permit tcp any any lt 0", 4, GROUPS)
    assert not any(all(box) for box in found.boxes if box[0] == ((0, 0),))


@pytest.mark.parametrize(("protocol", "port"), [("tcp", 514), ("udp", 514)])
def test_a_name_of_a_port_is_that_of_the_protocol(protocol, port):
    assert ace(f"deny {protocol} any any eq syslog").dports == ((port, port),)
    assert ace("deny udp any any eq ntp").dports == ((123, 123),)
    assert not ace("deny tcp any any eq ntp").known


# -- what is not read errs to the careful side -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "evaluate SESSIONS",
        "permit tcp any",
        "permit tcp 192.0.2.0 any",
        "permit tcp host 192.0.2 any",
        "permit tcp 192.0.2.0/x any",
        "permit icmp host any",
        "remark nothing",
        "permit",
    ],
)
def test_an_entry_that_is_not_read_may_match_anything_and_say_either(text):
    assert grammar.read_ace(text, 4, GROUPS) is None
    found = grammar.read_entry(text, 4, GROUPS)
    assert found == grammar.Entry(None, (everything(4),), exact=False, text=text)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("permit tcp any any established", "established"),
        ("permit tcp any any eq smtp syn", "syn"),
        ("permit tcp any any match-all +syn -ack", "match-all"),
        ("permit icmp any any echo", "echo"),
        ("permit tcp any any eq smtp time-range NIGHT", "time-range"),
        ("permit tcp any any eq smtp dscp ef", "dscp"),
        ("permit tcp any any eq nosuchport", ""),
        ("permit nosuchprotocol any any", ""),
        ("permit object-group SERVICES any any", ""),
        ("permit tcp any port-group MAIL any", ""),
    ],
)
def test_an_entry_that_says_more_matches_some_part_only(text, rest):
    found = grammar.read_entry(text, 4, GROUPS)
    assert found.permit
    assert not found.exact
    assert rest in ace(text).rest or not ace(text).known
    # The packets that it may match are no fewer than those of any port, or of the ports that were read.
    assert all(box[2:4] == everything(4)[2:4] for box in found.boxes)


@pytest.mark.parametrize("word", ["log", "log-input", "icmp-off"])
def test_a_word_that_matches_no_fewer_packets_changes_nothing(word):
    plain, more = (grammar.read_entry(text, 4, GROUPS) for text in ("deny ip any any", f"deny ip any any {word}"))
    assert (more.permit, more.boxes, more.exact) == (plain.permit, plain.boxes, True)


def test_fragments_are_kinds_of_packets():
    later = grammar.read_entry("deny ip any any fragments", 4, GROUPS)
    assert [box[0] for box in later.boxes] == [((1, 1),)]
    headless = grammar.read_entry("deny ipv6 any any undetermined-transport", 6, GROUPS)
    assert [box[0] for box in headless.boxes] == [((2, 2),)]
    assert later.exact
    assert headless.exact


@pytest.mark.parametrize("ending", ["eq smtp", "established", "time-range NIGHT", "eq nosuchport"])
def test_what_looks_into_the_transport_header_meets_later_fragments_as_a_permit_only(ending):
    kinds = [
        [box[0] for box in grammar.read_entry(f"{verb} tcp any any {ending}", 4, GROUPS).boxes] for verb in ("permit", "deny")
    ]
    assert kinds == [[((0, 0),), ((1, 1),)], [((0, 0),)]]


# -- blocks, members, words --------------------------------------------------------------------------------------------


def test_a_configuration_is_read_in_blocks():
    text = "hostname edge\n!\ninterface A\n description one\n  two\n!\n\n ! a comment\n ip address\nend\n"
    assert [(block.head, block.lines) for block in grammar.blocks(text)] == [
        ("hostname edge", ()),
        ("interface A", ("description one", "two", "ip address")),
        ("end", ()),
    ]
    assert list(grammar.blocks("!\n\n")) == []


@pytest.mark.parametrize(
    ("text", "family", "read"),
    [
        ("host 192.0.2.25", 4, ["192.0.2.25"]),
        ("192.0.2.0 255.255.255.0", 4, ["192.0.2.0/24"]),
        ("192.0.2.0/24", 4, ["192.0.2.0/24"]),
        ("range 192.0.2.4 192.0.2.7", 4, ["192.0.2.4/30"]),
        ("any", 4, None),
        ("host 2001:db8::25", 6, ["2001:db8::25"]),
        ("2001:db8::/32", 6, ["2001:db8::/32"]),
        ("range 2001:db8::4 2001:db8::7", 6, ["2001:db8::4/126"]),
        ("group-object OTHERS", 4, None),
        ("object-group OTHERS", 4, None),
        ("host", 4, None),
        ("host nobody", 4, None),
        ("192.0.2.0 mask", 4, None),
    ],
)
def test_a_member_of_a_group_is_read(text, family, read):
    found = grammar.read_member(text, family)
    assert (found.texts() if found else None) == read


def test_a_group_with_a_member_that_is_not_read_is_not_read():
    assert grammar.members(["description of", "host 192.0.2.25", "host 192.0.2.26"], 4).texts() == ["192.0.2.25", "192.0.2.26"]
    assert grammar.members(["host 192.0.2.25", "group-object OTHERS"], 4) is None


@given(st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_a_prefix_comes_back_from_its_words(length, value):
    first = value >> (32 - length) << (32 - length)
    item = Range(4, first, first + (1 << 32 - length) - 1)
    assert grammar.read_member(grammar.masked(item), 4) == PrefixSet.of([item])
    assert ace(f"permit ip {grammar.address_words(item)} any").source.prefixes == PrefixSet.of([item])


@given(st.integers(0, 128), st.integers(0, 2**128 - 1))
def test_a_prefix_of_the_other_family_comes_back_too(length, value):
    first = value >> (128 - length) << (128 - length)
    # IPv4-mapped prefixes are refused where they come in.
    assume(length < 96 or first >> 32 != 0xFFFF)
    item = Range(6, first, first + (1 << 128 - length) - 1)
    words = grammar.address_words(item)
    assert grammar.read_member(words, 6) == PrefixSet.of([item])
    assert parse_prefix(words.removeprefix("host ")) == item
