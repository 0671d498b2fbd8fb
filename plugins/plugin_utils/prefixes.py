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

from .errors import missing_library, shown

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


def _block(text: str, kind: str) -> tuple[Range, str]:
    """A block of the table below, which must not need a library that may be missing, nor a parser that refuses it."""
    head, _slash, length = text.partition("/")
    family = 6 if ":" in head else 4
    first = int.from_bytes(socket.inet_pton(_AF[family], head), "big")
    return Range(family, first, first + (1 << BITS[family] - int(length)) - 1), f"{text} ({kind})"


_BLOCKS = {
    4: [
        _block("0.0.0.0/8", "unspecified"),
        _block("127.0.0.0/8", "loopback"),
        _block("169.254.0.0/16", "link-local"),
        _block("224.0.0.0/4", "multicast"),
        _block("240.0.0.0/4", "class E and broadcast"),
    ],
    6: [
        _block("::/128", "unspecified"),
        _block("::1/128", "loopback"),
        _block("::ffff:0:0/96", "IPv4-mapped"),
        _block("fe80::/10", "link-local"),
        _block("ff00::/8", "multicast"),
    ],
}
_RESERVED = {family: (blocks, [block.first for block, _name in blocks]) for family, blocks in _BLOCKS.items()}


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
        raise ValueError(f"{shown(text)} is not an IP address; write one as 192.0.2.25 or 2001:db8::25") from None
    value = int(read)
    if read.version == 6 and value >> 32 == _MAPPED:
        raise ValueError(
            f"'{text}' is an IPv4-mapped IPv6 address, which no router sees on the wire; "
            f"write {address_text(4, value & 0xFFFFFFFF)}"
        )
    return Address(int(read.version), value)


def parse_host(text: str) -> Address:
    """Read one address, which may have the length of a host, /32 or /128.

    Raises ValueError with the rest of a sentence that began with the key.
    """
    head, slash, tail = text.partition("/")
    if not slash:
        return parse_address(text)
    address = parse_address(head)
    if tail == str(BITS[address.family]):
        return address
    raise ValueError(f"{shown(text)} is a prefix, not an address; write each address by itself, as 192.0.2.25 or 2001:db8::25")


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
        raise ValueError(f"{shown(text)} is not a prefix; write one as 198.51.100.0/25 or 2001:db8:e000::/36") from None
    bits = BITS[address.family]
    if not slash:
        return Range(address.family, address.value, address.value)
    if not (tail.isascii() and tail.isdigit() and len(tail) < 4 and int(tail) <= bits):
        length = _mask_length(tail) if address.family == 4 else None
        if length is not None:
            right = address_text(4, address.value >> 32 - length << 32 - length)
            raise ValueError(f"{shown(text)} has a netmask in place of a prefix length; write {right}/{length}")
        raise ValueError(f"{shown(text)} has no valid prefix length; IPv{address.family} takes /0 to /{bits}")
    size = 1 << (bits - int(tail))
    if address.value % size:
        right = address_text(address.family, address.value - address.value % size)
        raise ValueError(f"{shown(text)} has host bits set; write {right}/{int(tail)}")
    return Range(address.family, address.value, address.value + size - 1)


def _mask_length(text: str) -> int | None:
    """The prefix length that a netmask or a router's wildcard means; none for what is neither, or could be both."""
    try:
        mask = parse_address(text)
    except ValueError:
        return None
    ones = mask.value if mask.value >> 31 else mask.value ^ 0xFFFFFFFF
    length = ones.bit_count()
    regular = mask.family == 4 and 0 < length < 32 and ones == 0xFFFFFFFF >> 32 - length << 32 - length
    return length if regular else None


def reserved(item: Range) -> list[tuple[Range, str]]:
    """The blocks that no customer and no server has, as far as this range touches them, each with its name.

    Private addresses (RFC 1918) and those of a carrier's NAT (RFC 6598) are none of them: pools have such.
    """
    blocks, firsts = _RESERVED[item.family]
    before = bisect_right(firsts, item.last)
    if not before or blocks[before - 1][0].last < item.first:
        return []
    return [(block, name) for block, name in blocks[:before] if block.last >= item.first]


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


def nested(owner: Mapping[Range, str]) -> Iterator[tuple[Range, Range]]:
    """Each prefix that lies in one of another owner, and the innermost prefix that holds it."""
    for family in FAMILIES:
        stack: list[Range] = []
        for item in sorted((r for r in owner if r.family == family), key=lambda r: (r.first, -r.last)):
            while stack and stack[-1].last < item.first:
                stack.pop()
            if stack and owner[stack[-1]] != owner[item]:
                yield item, stack[-1]
            stack.append(item)
