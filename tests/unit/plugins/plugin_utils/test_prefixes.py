# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import re

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import (
    PrefixSet,
    Range,
    longest_match,
    parse_address,
    parse_prefix,
    range_text,
    union,
)
from hypothesis import given
from hypothesis import strategies as st

BASE = int(ipaddress.ip_address("198.51.100.0"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("198.51.100.1/25", "'198.51.100.1/25' has host bits set; write 198.51.100.0/25"),
        ("2001:db8::1/36", "'2001:db8::1/36' has host bits set; write 2001:db8::/36"),
        ("198.51.100.0/33", "'198.51.100.0/33' has no valid prefix length; IPv4 takes /0 to /32"),
        ("2001:db8::/129", "IPv6 takes /0 to /128"),
        ("198.51.100.7/255.255.255.0", "has a netmask where a prefix length is wanted; write 198.51.100.0/24"),
        ("198.51.100.0/0.0.0.127", "has a netmask where a prefix length is wanted; write 198.51.100.0/25"),
        ("198.51.100.0/0.0.0.0", "has a netmask where a prefix length is wanted; write 198.51.100.0/32"),
        ("198.51.100.7/255.255.255.255", "has a netmask where a prefix length is wanted; write 198.51.100.7/32"),
        ("198.51.100.0/255.0.255.0", "has no valid prefix length"),
        ("2001:db8::/255.255.255.0", "has no valid prefix length"),
        ("198.51.100.0/", "has no valid prefix length"),
        ("198.51.100", "'198.51.100' is not a prefix; write one as 198.51.100.0/25 or 2001:db8:e000::/36"),
        ("0xc6336400/25", "is not a prefix"),
        ("", "is not a prefix"),
        ("::ffff:198.51.100.1", "which no router sees on the wire; write 198.51.100.1"),
    ],
)
def test_a_bad_prefix_is_told_with_its_remedy(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_prefix(text)


@pytest.mark.parametrize("text", ["198.51.100.0/25", "198.51.100.7", "2001:db8:e000::/36", "2001:db8::1"])
def test_range_text_is_what_was_read(text):
    assert range_text(parse_prefix(text)) == text


def test_a_range_that_is_no_prefix_is_written_first_to_last():
    assert range_text(Range(4, BASE + 1, BASE + 6)) == "198.51.100.1-198.51.100.6"


def test_halves_join_and_families_stay_apart():
    joined = PrefixSet.parse(["198.51.100.128/25", "2001:db8::/33", "198.51.100.0/25", "2001:db8:8000::/33"])
    assert joined.texts() == ["198.51.100.0/24", "2001:db8::/32"]


spans = st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63)).map(sorted), max_size=8)


def both(pairs):
    ranges = [Range(4, BASE + a, BASE + b) for a, b in pairs]
    return PrefixSet.of(ranges), {BASE + n for a, b in pairs for n in range(a, b + 1)}


@given(spans, spans)
def test_set_operations_are_those_of_sets(left, right):
    (a, numbers_a), (b, numbers_b) = both(left), both(right)

    def members(found):
        return {n for first, last in found.v4 for n in range(first, last + 1)}

    assert members(a | b) == members(union([a, b])) == numbers_a | numbers_b
    assert members(a - b) == numbers_a - numbers_b
    assert members(a & b) == numbers_a & numbers_b
    assert (a <= b) == (numbers_a <= numbers_b)
    for number in range(BASE - 1, BASE + 66):
        assert (parse_address(str(ipaddress.ip_address(number))) in a) == (number in numbers_a)


@given(spans)
def test_prefixes_are_the_fewest(pairs):
    found, numbers = both(pairs)
    expected = list(ipaddress.collapse_addresses(ipaddress.ip_network(n) for n in numbers))
    assert found.texts() == [str(n.network_address) if n.prefixlen == 32 else str(n) for n in expected]


@given(st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 63)), st.sampled_from(["a", "b", "c"]), max_size=10))
def test_longest_match_is_that_of_a_router(drawn):
    owner = {}
    for (bits, number), name in drawn.items():
        size = 1 << (6 - bits)
        owner[Range(4, BASE + number // size * size, BASE + number // size * size + size - 1)] = name
    found = longest_match(owner)
    for number in range(BASE, BASE + 64):
        holding = [r for r in owner if r.first <= number <= r.last]
        best = owner[min(holding, key=lambda r: r.last - r.first)] if holding else None
        assert [n for n, prefixes in found.items() if parse_address(str(ipaddress.ip_address(number))) in prefixes] == (
            [best] if best else []
        )
