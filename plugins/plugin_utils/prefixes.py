# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address arithmetic: sets of IPv4 and IPv6 addresses as sorted, disjoint ranges.

Addresses are read and checked with netaddr; the set operations are one sweep over integers, because a
policy of 100,000 prefixes is loaded at every run.
"""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .errors import missing_library

try:
    import netaddr
except ImportError:
    netaddr = None

BITS = {4: 32, 6: 128}
FAMILIES = (4, 6)
Span = tuple[int, int]
"""First and last address of a range, both included."""

_AF = {4: socket.AF_INET, 6: socket.AF_INET6}
_MAPPED = 0xFFFF


class Range(NamedTuple):
    """An inclusive range of addresses of one family (4 or 6)."""

    family: int
    first: int
    last: int


class Address(NamedTuple):
    """One address: its family (4 or 6) and its number."""

    family: int
    value: int

    def __str__(self) -> str:
        return address_text(self.family, self.value)


def address_text(family: int, value: int) -> str:
    """The address as text, IPv6 in the canonical form of RFC 5952."""
    return socket.inet_ntop(_AF[family], value.to_bytes(BITS[family] // 8, "big"))


def parse_address(text: str) -> Address:
    """Read one address; raises ValueError with the rest of a sentence that began with the key."""
    if netaddr is None:
        raise missing_library("netaddr")
    try:
        read = netaddr.IPAddress(text)
    except (netaddr.AddrFormatError, ValueError, TypeError):
        raise ValueError(f"'{text}' is not an IP address; write one as 192.0.2.25 or 2001:db8::25") from None
    value = int(read)
    if read.version == 6 and value >> 32 == _MAPPED:
        raise ValueError(
            f"'{text}' is an IPv4-mapped IPv6 address, which no router sees on the wire; "
            f"write {address_text(4, value & 0xFFFFFFFF)}"
        )
    return Address(int(read.version), value)


def parse_prefix(text: str) -> Range:
    """Read a prefix (or a bare address, which is its own /32 or /128).

    Raises ValueError with the rest of a sentence that began with the key: value, mistake, remedy.
    """
    head, slash, tail = text.partition("/")
    try:
        address = parse_address(head)
    except ValueError as err:
        if "IPv4-mapped" in str(err):
            raise
        raise ValueError(f"'{text}' is not a prefix; write one as 198.51.100.0/25 or 2001:db8:e000::/36") from None
    bits = BITS[address.family]
    if not slash:
        return Range(address.family, address.value, address.value)
    if address.family == 4 and (length := _length_of_mask(tail)) is not None:
        size = 1 << (bits - length)
        right = address_text(4, address.value - address.value % size)
        raise ValueError(f"'{text}' has a netmask where a prefix length is wanted; write {right}/{length}")
    if not (tail.isascii() and tail.isdigit() and int(tail) <= bits):
        raise ValueError(f"'{text}' has no valid prefix length; IPv{address.family} takes /0 to /{bits}")
    size = 1 << (bits - int(tail))
    if address.value % size:
        right = address_text(address.family, address.value - address.value % size)
        raise ValueError(f"'{text}' has host bits set; write {right}/{int(tail)}")
    return Range(address.family, address.value, address.value + size - 1)


def _length_of_mask(text: str) -> int | None:
    """The prefix length of a netmask as 255.255.255.0, or of a wildcard as 0.0.0.255."""
    if text.count(".") != 3:
        return None
    try:
        mask = netaddr.IPAddress(text, 4)
    except (netaddr.AddrFormatError, ValueError):
        return None
    # 0.0.0.0 is both: as a netmask it would be the whole Internet, and as a wildcard it is how routers write one host.
    if mask.is_netmask() and int(mask):
        return int(mask.netmask_bits())
    return BITS[4] - int(mask).bit_length() if mask.is_hostmask() else None


def range_text(item: Range) -> str:
    """A range as nftables and people write it: an address, a prefix, or first-last."""
    family, first, last = item
    size = last - first + 1
    text = address_text(family, first)
    if size == 1:
        return text
    if size & (size - 1) == 0 and first % size == 0:
        return f"{text}/{BITS[family] - size.bit_length() + 1}"
    return f"{text}-{address_text(family, last)}"


def _merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def minus(left: tuple[Span, ...], right: tuple[Span, ...]) -> tuple[Span, ...]:
    """The numbers of the left ranges that are in none of the right ones; both sorted and disjoint."""
    rest: list[Span] = []
    at = 0
    for first, last in left:
        while at < len(right) and right[at][1] < first:
            at += 1
        cursor = at
        while cursor < len(right) and right[cursor][0] <= last:
            if right[cursor][0] > first:
                rest.append((first, right[cursor][0] - 1))
            first = right[cursor][1] + 1
            cursor += 1
        if first <= last:
            rest.append((first, last))
    return tuple(rest)


def _split(family: int, span: Span) -> Iterator[Range]:
    """The fewest prefixes that cover exactly this range."""
    first, last = span
    while first <= last:
        size = first & -first if first else 1 << BITS[family]
        while size > last - first + 1:
            size >>= 1
        yield Range(family, first, first + size - 1)
        first += size


@dataclass(frozen=True)
class PrefixSet:
    """A set of addresses of both families; equal sets compare equal, however they were written."""

    v4: tuple[Span, ...] = ()
    v6: tuple[Span, ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[Range]) -> PrefixSet:
        """The union of ranges, which may overlap and come in any order."""
        spans: dict[int, list[Span]] = {4: [], 6: []}
        for family, first, last in ranges:
            spans[family].append((first, last))
        return cls(_merge(spans[4]), _merge(spans[6]))

    @classmethod
    def parse(cls, prefixes: Iterable[str]) -> PrefixSet:
        """The union of prefixes given as text; raises ValueError as parse_prefix does."""
        return cls.of(map(parse_prefix, prefixes))

    def spans(self, family: int) -> tuple[Span, ...]:
        """The disjoint, sorted, not adjacent ranges of one family."""
        return self.v4 if family == 4 else self.v6

    def __or__(self, other: PrefixSet) -> PrefixSet:
        return PrefixSet(_merge(self.v4 + other.v4), _merge(self.v6 + other.v6))

    def __sub__(self, other: PrefixSet) -> PrefixSet:
        return PrefixSet(minus(self.v4, other.v4), minus(self.v6, other.v6))

    def __and__(self, other: PrefixSet) -> PrefixSet:
        return self - (self - other)

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __contains__(self, address: Address) -> bool:
        spans = self.spans(address.family)
        at = bisect_right(spans, address.value, key=lambda span: span[0]) - 1
        return at >= 0 and address.value <= spans[at][1]

    def __le__(self, other: PrefixSet) -> bool:
        return not self - other

    def ranges(self, family: int) -> tuple[Range, ...]:
        """The fewest prefixes of one family that give exactly this set, in address order."""
        return _ranges(family, self.spans(family))

    def texts(self) -> list[str]:
        """The fewest prefixes as text, IPv4 first; a host is written without its length."""
        return [range_text(item) for family in FAMILIES for item in self.ranges(family)]


@lru_cache(maxsize=64)
def _ranges(family: int, spans: tuple[Span, ...]) -> tuple[Range, ...]:
    return tuple(piece for span in spans for piece in _split(family, span))


NOTHING = PrefixSet()


def union(sets: Iterable[PrefixSet]) -> PrefixSet:
    """The union of many sets in one sort."""
    return PrefixSet.of(Range(family, first, last) for one in sets for family in FAMILIES for first, last in one.spans(family))


def longest_match(owner: Mapping[Range, str]) -> dict[str, PrefixSet]:
    """Each owner's addresses where a longer prefix takes its part out of the shorter one that holds it."""
    pieces: dict[str, list[Range]] = {name: [] for name in owner.values()}
    for family, bits in BITS.items():
        # Prefixes nest or are disjoint: one sweep with the stack of enclosing prefixes finds the innermost one
        # of every piece. The last item lies behind the address space and closes all that is open.
        end = Range(family, 1 << bits, 1 << bits)
        stack: list[Range] = []
        at = 0
        for item in [*sorted((r for r in owner if r.family == family), key=lambda r: (r.first, -r.last)), end]:
            while stack and stack[-1].last < item.first:
                top = stack.pop()
                if at <= top.last:
                    pieces[owner[top]].append(Range(family, at, top.last))
                    at = top.last + 1
            if stack and at < item.first:
                pieces[owner[stack[-1]]].append(Range(family, at, item.first - 1))
            at = item.first
            stack.append(item)
    return {name: PrefixSet.of(ranges) for name, ranges in pieces.items()}
