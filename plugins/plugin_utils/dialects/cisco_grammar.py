# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Cisco dialects share: the hierarchy of a running configuration, and the words of an access list entry.

The grammar is that of the command references: "Cisco IOS Security Command Reference" (permit, deny, object-group
network) and "IP Addresses and Services Command Reference for Cisco ASR 9000" (access lists). An entry that says
more than is read here is taken to match at most what is read, which errs to the careful side everywhere.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..ordered import TCP, Entry, boxes, everything
from ..prefixes import BITS, PrefixSet, Range, Span, address_text

_TCP_PORTS = {
    "bgp": 179, "chargen": 19, "cmd": 514, "daytime": 13, "discard": 9, "domain": 53, "echo": 7, "exec": 512, "finger": 79,
    "ftp": 21, "ftp-data": 20, "gopher": 70, "hostname": 101, "ident": 113, "irc": 194, "klogin": 543, "kshell": 544,
    "login": 513, "lpd": 515, "nntp": 119, "pim-auto-rp": 496, "pop2": 109, "pop3": 110, "smtp": 25, "sunrpc": 111,
    "syslog": 514, "tacacs": 49, "talk": 517, "telnet": 23, "time": 37, "uucp": 540, "whois": 43, "www": 80,
}  # fmt: skip
_UDP_PORTS = {
    "biff": 512, "bootpc": 68, "bootps": 67, "discard": 9, "dnsix": 195, "domain": 53, "echo": 7, "isakmp": 500,
    "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ss": 139, "non500-isakmp": 4500,
    "ntp": 123, "pim-auto-rp": 496, "rip": 520, "snmp": 161, "snmptrap": 162, "sunrpc": 111, "syslog": 514, "tacacs": 49,
    "talk": 517, "tftp": 69, "time": 37, "who": 513, "xdmcp": 177,
}  # fmt: skip
_PROTOCOLS = {
    "ahp": 51, "eigrp": 88, "esp": 50, "gre": 47, "icmp": 1, "igmp": 2, "ipinip": 4, "igrp": 9, "nos": 94, "ospf": 89,
    "pcp": 108, "pim": 103, "sctp": 132, "tcp": TCP, "udp": 17,
}  # fmt: skip
_ANY_PROTOCOL = {"ip", "ipv4", "ipv6"}
_HARMLESS = {"log", "log-input", "icmp-off"}
_LAST_PORT = 65535
_MOST_HOLES = 12


@dataclass(frozen=True)
class Block:
    """A line of a configuration and the indented lines below it, without their indentation."""

    head: str
    lines: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a running configuration; comments and empty lines are left out."""
    head: str | None = None
    lines: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("!"):
            continue
        if line[0] == " " and head is not None:
            lines.append(line.strip())
            continue
        if head is not None:
            yield Block(head, tuple(lines))
        head, lines = line.rstrip(), []
    if head is not None:
        yield Block(head, tuple(lines))


@dataclass(frozen=True)
class Ace:
    """An entry of an access list, read. `rest` are the words behind the addresses and ports, `known` whether all was read."""

    permit: bool
    protocol: tuple[Span, ...]
    source: Place
    destination: Place
    sports: tuple[Span, ...] | None
    dports: tuple[Span, ...] | None
    rest: tuple[str, ...]
    known: bool = True


@dataclass(frozen=True)
class Place:
    """The source or destination of an entry: any address (None), prefixes, or those of a named group."""

    prefixes: PrefixSet | None
    group: str | None = None
    exact: bool = True


Groups = Mapping[str, PrefixSet]
"""Names of object groups to their addresses; one that is not there may hold anything."""


class Words:
    """The words of one entry, read from the left."""

    def __init__(self, words: Sequence[str], family: int, groups: Groups) -> None:
        self._words, self._at = words, 0
        self._family, self._groups = family, groups
        self.known = True

    @property
    def next(self) -> str:
        """The word to be read, or an empty one at the end."""
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self) -> str:
        """Read one word."""
        word = self.next
        self._at += 1
        return word

    def rest(self) -> tuple[str, ...]:
        """All words that are left."""
        return tuple(self._words[self._at :])

    def protocol(self) -> tuple[Span, ...]:
        """Read the protocol."""
        word = self.take()
        if word in _ANY_PROTOCOL:
            return ((0, 255),)
        if word.isdigit():
            return ((int(word), int(word)),)
        number = 58 if word in ("icmp", "icmpv6") and self._family == 6 else _PROTOCOLS.get(word)
        if number is None:
            if word == "object-group":
                self.take()
            self.known = False
            return ((0, 255),)
        return ((number, number),)

    def place(self) -> Place:
        """Read a source or a destination."""
        word = self.take()
        if word == "any":
            return Place(None)
        if word == "host":
            value = self._number(self.take())
            return Place(PrefixSet.of([Range(self._family, value, value)]))
        if word in ("object-group", "net-group"):
            name = self.take()
            members = self._groups.get(name)
            return Place(members, name, exact=members is not None)
        if "/" in word:
            head, _slash, length = word.partition("/")
            free = BITS[self._family] - int(length)
            first = self._number(head) >> free << free
            return Place(PrefixSet.of([Range(self._family, first, first + (1 << free) - 1)]))
        value = self._number(word)
        if self._family == 6:
            return Place(PrefixSet.of([Range(6, value, value)]))
        return _wildcard(value, self._number(self.take()))

    def _number(self, text: str) -> int:
        return int.from_bytes(socket.inet_pton(socket.AF_INET if self._family == 4 else socket.AF_INET6, text), "big")

    def ports(self, protocol: tuple[Span, ...]) -> tuple[Span, ...] | None:
        """Read ports, where there are any."""
        if self.next in ("eq", "neq", "lt", "gt", "range"):
            kind = self.take()
            found = [self._port(self.take(), protocol)]
            while (kind == "range" and len(found) < 2) or (kind in ("eq", "neq") and self._is_port(self.next, protocol)):
                found.append(self._port(self.take(), protocol))
            if -1 in found:
                self.known = False
                return None
            first, last = found[0], found[-1]
            if kind == "eq":
                return tuple(sorted((port, port) for port in found))
            spans = {"range": [(first, last)], "lt": [(0, first - 1)], "gt": [(first + 1, _LAST_PORT)]}.get(kind)
            if spans is None:
                edges = [-1, *sorted(found), _LAST_PORT + 1]
                spans = [(low + 1, high - 1) for low, high in pairwise(edges)]
            return tuple((low, high) for low, high in spans if low <= high)
        if self.next == "port-group":
            self.take()
            self.take()
            self.known = False
        return None

    @staticmethod
    def _is_port(word: str, protocol: tuple[Span, ...]) -> bool:
        return word.isdigit() or word in (_UDP_PORTS if protocol == ((17, 17),) else _TCP_PORTS)

    @staticmethod
    def _port(word: str, protocol: tuple[Span, ...]) -> int:
        if word.isdigit():
            return int(word)
        return (_UDP_PORTS if protocol == ((17, 17),) else _TCP_PORTS).get(word, -1)


def _wildcard(value: int, wildcard: int) -> Place:
    """The addresses of a wildcard mask, whose bits that are 1 may be anything; they need not be contiguous."""
    holes = [bit for bit in range(32) if wildcard >> bit & 1]
    free = next((bit for bit in range(33) if not wildcard >> bit & 1), 32)
    scattered = [bit for bit in holes if bit >= free]
    if len(scattered) > _MOST_HOLES:
        return Place(None, exact=False)
    bases = [value & ~wildcard & 0xFFFFFFFF]
    for bit in scattered:
        bases += [base | 1 << bit for base in bases]
    return Place(PrefixSet.of(Range(4, base, base + (1 << free) - 1) for base in bases))


def read_ace(text: str, family: int, groups: Groups) -> Ace | None:
    """Read an entry without its number; None where it is none that permits or denies by addresses."""
    words = Words(text.split(), family, groups)
    verb = words.take()
    if verb not in ("permit", "deny"):
        return None
    try:
        protocol = words.protocol()
        source = words.place()
        sports = words.ports(protocol)
        destination = words.place()
        dports = words.ports(protocol)
    except (OSError, ValueError):
        return None
    return Ace(verb == "permit", protocol, source, destination, sports, dports, words.rest(), words.known)


def read_entry(text: str, family: int, groups: Groups) -> Entry:
    """An entry of the operator as a set of packets, as far as it can be read; what cannot may match anything."""
    ace = read_ace(text, family, groups)
    if ace is None:
        return Entry(None, (everything(family),), exact=False, text=text)
    rest = [word for word in ace.rest if word not in _HARMLESS]
    fragments, headless = "fragments" in rest, "undetermined-transport" in rest
    rest = [word for word in rest if word not in ("fragments", "undetermined-transport")]
    found = boxes(
        family,
        ace.permit,
        protocol=ace.protocol,
        source=None if ace.source.prefixes is None else ace.source.prefixes.spans(family),
        destination=None if ace.destination.prefixes is None else ace.destination.prefixes.spans(family),
        sports=ace.sports or ((0, _LAST_PORT),),
        dports=ace.dports or ((0, _LAST_PORT),),
        deeper=bool(ace.sports or ace.dports or rest or not ace.known),
        fragments=fragments,
        headless=headless,
    )
    exact = not rest and ace.known and ace.source.exact and ace.destination.exact
    return Entry(ace.permit, found, exact, text)


def address_words(item: Range) -> str:
    """An address or prefix as an entry says it: host, or prefix and length."""
    family, first, last = item
    size = last - first + 1
    return (
        f"host {address_text(family, first)}"
        if size == 1
        else f"{address_text(family, first)}/{BITS[family] - size.bit_length() + 1}"
    )


def masked(item: Range) -> str:
    """An IPv4 member of a group with its network mask, or as a host."""
    _family, first, last = item
    if first == last:
        return f"host {address_text(4, first)}"
    return f"{address_text(4, first)} {address_text(4, 0xFFFFFFFF ^ (last - first))}"


def read_member(text: str, family: int) -> PrefixSet | None:
    """The addresses of a member of a group; None where it is something else, as a nested group."""
    words = text.split()
    try:
        if len(words) == 2 and words[0] not in ("host", "group-object", "object-group", "description") and "/" not in words[0]:
            first, mask = (int.from_bytes(socket.inet_pton(socket.AF_INET, word), "big") for word in words)
            return PrefixSet.of([Range(4, first & mask, first | (0xFFFFFFFF ^ mask))])
        if words[0] == "range" and len(words) == 3:
            kind = socket.AF_INET if family == 4 else socket.AF_INET6
            low, high = (int.from_bytes(socket.inet_pton(kind, word), "big") for word in words[1:])
            return PrefixSet.of([Range(family, low, high)])
        return (
            Words(words, family, {}).place().prefixes if words[0] not in ("group-object", "object-group", "description") else None
        )
    except (OSError, ValueError, IndexError):
        return None


def members(lines: Iterable[str], family: int) -> PrefixSet | None:
    """The addresses of a group; None where a member cannot be read."""
    found = []
    for line in lines:
        if line.startswith("description "):
            continue
        read = read_member(line, family)
        if read is None:
            return None
        found += list(read.ranges(family))
    return PrefixSet.of(found)
