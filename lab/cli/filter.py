# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists without a vendor: an ordered filter at an interface, what it decides, and the kernel that does it.

The semantics are those of Cisco's routers ("Access Control Lists and IP Fragments", document 8014): the first entry that
matches decides. A fragment other than the first has no layer 4. A `permit` entry that asks for layer 4 takes it by its
layer 3 and protocol alone; a `deny` entry that asks for layer 4 leaves it to the entries below.

`decide` is the model, `DataPlane` the same in nftables. No connection tracking: it would put fragments together before
anybody could decide about them.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product

TABLE = "inet lab_cli"
BITS = {4: 32, 6: 128}
ANY = ((0, 0),)
ICMP = {4: 1, 6: 58}
LATER = {4: "ip frag-off & 0x1fff != 0", 6: "frag frag-off != 0"}
TCP = 6
EXTENSION_HEADERS = (0, 43, 44, 51, 60)
"""Next headers of IPv6 that the kernel, like the router, walks over on its way to the upper-layer protocol."""

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Match:
    """What one entry matches. All that is given must hold; of several alternatives one must."""

    family: int
    """4 or 6."""
    protocol: int | None = None
    """The upper-layer protocol, which IPv6 has behind its extension headers; None: any."""
    sources: Pairs = ANY
    """Alternatives (value, mask): where the mask has a 1, the address must be like the value."""
    destinations: Pairs = ANY
    sports: Pairs | None = None
    """Alternatives (first, last), both included; None: not asked for."""
    dports: Pairs | None = None
    icmp: tuple[int, int | None] | None = None
    """Type and code, or None for any code."""
    tcp_flags: Pairs | None = None
    """Alternatives (value, mask) on the octet of flags; `established` is ((0x10, 0x10), (0x04, 0x04)): ACK or RST."""
    fragments: bool = False
    """Fragments other than the first, and nothing else."""
    undetermined: bool = False
    """IPv6 `undetermined-transport`: first fragments that end before the header of the upper-layer protocol."""

    def __post_init__(self) -> None:
        if self.layer4 and (self.fragments or self.undetermined):
            raise ValueError("what is asked for has no layer 4 to look at")
        if (self.sports is not None or self.dports is not None) and self.protocol is None:
            raise ValueError("ports need a protocol that has them")
        if self.icmp is not None and self.protocol != ICMP[self.family]:
            raise ValueError("an ICMP type needs the ICMP of the family")
        if self.tcp_flags is not None and self.protocol != TCP:
            raise ValueError("TCP flags need TCP")
        if self.family == 6 and self.protocol in EXTENSION_HEADERS:
            raise ValueError("an extension header is not the upper-layer protocol of a packet")
        if self.family == 4 and self.undetermined:
            raise ValueError("undetermined transport is of IPv6")

    @property
    def layer4(self) -> bool:
        """Whether it asks for something that only the header of the upper-layer protocol can tell."""
        return any(asked is not None for asked in (self.sports, self.dports, self.icmp, self.tcp_flags))


@dataclass(frozen=True)
class Entry:
    """One line of an access list."""

    key: str
    """Names the entry for its counter; unique in its filter."""
    permit: bool
    match: Match
    reply: bool = True
    """Whether a denied packet is answered with ICMP administratively prohibited (`ip unreachables`)."""


@dataclass(frozen=True)
class Filter:
    """An access list at one place, with the vendor's implicit entries at its end. What none matches passes."""

    interface: str
    """The name that the kernel has for the interface."""
    direction: str
    """`in`: what comes in by the interface, also for the router itself. `out`: what is forwarded to it."""
    name: str
    """Of the list; lists of both families at one interface and direction have different names."""
    family: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Packet:
    """A packet as an access list sees it. Addresses are numbers; what its layer 4 does not have is None."""

    source: int
    destination: int
    family: int
    protocol: int
    """Of a later IPv6 fragment: what follows its fragment header, which may be an extension header."""
    sport: int | None
    dport: int | None
    flags: int = 0
    icmp: tuple[int, int] | None = None
    fragment: str = "none"
    """`none` (a whole packet), `first` (with layer 4), `later`, or `headless`: the first fragment of IPv6, without layer 4."""


def decide(entries: Iterable[Entry], packet: Packet) -> Entry | None:
    """The first entry that matches, which decides; None if none does."""
    return next((entry for entry in entries if _matches(entry, packet)), None)


def _matches(entry: Entry, packet: Packet) -> bool:
    match = entry.match
    if match.family != packet.family or match.protocol not in (None, packet.protocol):
        return False
    if not (_like(packet.source, match.sources) and _like(packet.destination, match.destinations)):
        return False
    if match.fragments:
        return packet.fragment == "later"
    # Not documented: whether later fragments are meant, too. They are not here; so a deny drops less, and a list that
    # relies on it for them is caught.
    if match.undetermined:
        return packet.fragment == "headless"
    if not match.layer4:
        return True
    if packet.fragment in ("later", "headless"):
        return packet.fragment == "later" and entry.permit
    return (
        _within(packet.sport, match.sports)
        and _within(packet.dport, match.dports)
        and (match.tcp_flags is None or _like(packet.flags, match.tcp_flags))
        and (
            match.icmp is None
            or (packet.icmp is not None and packet.icmp[0] == match.icmp[0] and match.icmp[1] in (None, packet.icmp[1]))
        )
    )


def _like(number: int, alternatives: Pairs) -> bool:
    return any((number ^ value) & mask == 0 for value, mask in alternatives)


def _within(port: int | None, ranges: Pairs | None) -> bool:
    return ranges is None or (port is not None and any(first <= port <= last for first, last in ranges))


Slot = tuple[str, str, int]
Counted = tuple[str, str, str, str, Match, bool]
Content = tuple[int, Pairs]


@dataclass(frozen=True)
class _Compiled:
    """What one filter is in the kernel."""

    filter: Filter
    chains: tuple[str, ...]
    """The first is where it begins."""
    rules: tuple[tuple[str, str], ...]
    """Chain and rule."""
    sets: frozenset[Content]


class DataPlane:
    """Filters in the kernel: nftables of the network namespace that `nft`, a command, runs in."""

    def __init__(self, nft: Sequence[str] = ("nft",)) -> None:
        self._nft = nft
        self._number = count()
        self._compiled: dict[Slot, _Compiled] = {}
        self._counters: dict[Counted, str] = {}
        # A set is known by its content: it is loaded once, however many entries and reloads use it.
        self._sets: dict[Content, str] = {}
        self._cleared: dict[str, tuple[int, int]] = {}
        self._run(
            f"add table {TABLE}\ndelete table {TABLE}\nadd table {TABLE}\n"
            # Before any reassembly (-400) that another's rules may ask for.
            f"add chain {TABLE} in {{ type filter hook prerouting priority -450; policy accept; }}\n"
            f"add chain {TABLE} out {{ type filter hook forward priority 0; policy accept; }}\n"
        )

    def apply(self, filters: Sequence[Filter]) -> None:
        """Have these filters and no other, in one transaction: each packet sees all of the old or all of the new.

        Entries that are as they were, at the same place of the same list, go on counting.
        """
        wanted = {(item.interface, item.direction, item.family): item for item in filters}
        if len(wanted) != len(filters):
            raise ValueError("an interface has one filter for each direction and family")
        counters: dict[Counted, str] = {}
        sets = dict(self._sets)
        compiled: dict[Slot, _Compiled] = {}
        for slot, item in wanted.items():
            keys = [(item.interface, item.direction, item.name, entry.key, entry.match, entry.permit) for entry in item.entries]
            names = [self._counters.get(key) or f"c{next(self._number)}" for key in keys]
            counters |= zip(keys, names, strict=True)
            old = self._compiled.get(slot)
            compiled[slot] = old if old and old.filter == item else self._compile(item, names, sets)
        if len({key[:4] for key in counters}) != sum(len(item.entries) for item in filters):
            raise ValueError("an entry shares its counter: its key is not unique in its filter, or the filter's name not here")
        sets = {content: name for content, name in sets.items() if any(content in one.sets for one in compiled.values())}
        new = [one for slot, one in compiled.items() if one is not self._compiled.get(slot)]
        old_chains = [name for slot, one in self._compiled.items() if one is not compiled.get(slot) for name in one.chains]

        script = [f"add counter {TABLE} {name}" for key, name in counters.items() if key not in self._counters]
        script += [_define(content, name) for content, name in sets.items() if content not in self._sets]
        script += [f"add chain {TABLE} {name}" for one in new for name in one.chains]
        script += [f"add rule {TABLE} {chain} {rule}" for one in new for chain, rule in one.rules]
        script += [f"flush chain {TABLE} {name}" for name in ("in", "out", *old_chains)]
        for (interface, direction, family), one in compiled.items():
            side = {"in": "iifname", "out": "oifname"}[direction]
            script.append(f'add rule {TABLE} {direction} {side} "{interface}" meta nfproto ipv{family} goto {one.chains[0]}')
        script += [f"delete chain {TABLE} {name}" for name in old_chains]
        script += [f"delete counter {TABLE} {name}" for key, name in self._counters.items() if key not in counters]
        script += [f"delete set {TABLE} {name}" for content, name in self._sets.items() if content not in sets]
        self._run("\n".join(script))
        self._compiled, self._counters, self._sets = compiled, counters, sets
        self._cleared = {name: self._cleared[name] for name in counters.values() if name in self._cleared}

    def counters(self) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """(interface, direction, name of the list, key of the entry) to packets and bytes, since it is there or was cleared."""
        numbers = self._read()
        found = {}
        for key, name in self._counters.items():
            packets, size = self._cleared.get(name, (0, 0))
            found[key[:4]] = (numbers[name][0] - packets, numbers[name][1] - size)
        return found

    def clear(self, name: str | None = None) -> None:
        """Count from zero, for the list of that name or for all."""
        numbers = self._read()
        self._cleared |= {counter: numbers[counter] for key, counter in self._counters.items() if name in (None, key[2])}

    def _compile(self, item: Filter, counters: Sequence[str], sets: dict[Content, str]) -> _Compiled:
        """Compile one filter; sets that are not there yet are added to those given."""
        chains = [f"f{next(self._number)}", f"f{next(self._number)}"]
        # Later fragments have a chain of their own: the kernel would take what a later fragment has at the place of the
        # ports for ports (seen with 6.18), so no rule that asks for layer 4 may see one.
        rules = [(chains[0], f"{LATER[item.family]} goto {chains[1]}")]
        used: set[Content] = set()

        def name_of(content: Content) -> str:
            used.add(content)
            return sets.setdefault(content, f"s{next(self._number)}")

        for entry, counter in zip(item.entries, counters, strict=True):
            match = entry.match
            verdict = f"counter name {counter} " + (
                "accept" if entry.permit else "reject with icmpx type admin-prohibited" if entry.reply else "drop"
            )
            layer3 = list(_layer3(match, name_of))
            if not match.undetermined and (entry.permit or not match.layer4):
                rules += [(chains[1], f"{conditions} {verdict}") for conditions in layer3]
            if match.undetermined:
                # A rule whose look at an absent header fails does not match, and none matches because of that: so
                # those that have the header turn back, in a chain of their own.
                chains.append(f"f{next(self._number)}")
                rules += [(chains[-1], "@th,0,8 & 0 == 0 return"), (chains[-1], verdict)]
                verdict = f"frag frag-off 0 jump {chains[-1]}"
            if not match.fragments:
                layer4 = [" ".join(words) for words in product(*_layer4(match))]
                rules += [(chains[0], " ".join((*words, verdict))) for words in product(layer3, layer4)]
        return _Compiled(item, tuple(chains), tuple(rules), frozenset(used))

    def _read(self) -> dict[str, tuple[int, int]]:
        listing = json.loads(self._run("", "-j", "list", "counters", "table", *TABLE.split()))["nftables"]
        numbers = [item["counter"] for item in listing if "counter" in item]
        return {item["name"]: (item["packets"], item["bytes"]) for item in numbers}

    def _run(self, script: str, *arguments: str) -> str:
        command = [*self._nft, *(arguments or ("-f", "-"))]
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[:2000]}")
        return done.stdout


def _layer3(match: Match, name_of: Callable[[Content], str]) -> Iterator[str]:
    """The alternatives of addresses and protocol: each is what must hold in nftables' words."""
    ip = "ip" if match.family == 4 else "ip6"
    addresses = [
        [f"{ip} {side}{field}" for field in _fields(match.family, alternatives, name_of)]
        for side, alternatives in (("saddr", match.sources), ("daddr", match.destinations))
        if all(mask for _value, mask in alternatives)
    ]
    protocol = "" if match.protocol is None else f"meta l4proto {match.protocol}"
    yield from (" ".join(words) for words in product(*addresses, [protocol]))


def _layer4(match: Match) -> Iterator[list[str]]:
    """For each thing that is asked for of the layer 4, the alternatives."""
    for field, ranges in (("sport", match.sports), ("dport", match.dports)):
        if ranges is not None:
            numbers = ", ".join(f"{first}-{last}" if first < last else str(first) for first, last in _merge(ranges))
            yield [f"th {field} {{ {numbers} }}"] if numbers else []
    if match.icmp is not None:
        kind, code = match.icmp
        yield [f"@th,0,8 {kind}" + ("" if code is None else f" @th,8,8 {code}")]
    if match.tcp_flags is not None:
        yield [f"tcp flags & {mask} == {value & mask}" for value, mask in match.tcp_flags]


def _fields(family: int, alternatives: Pairs, name_of: Callable[[Content], str]) -> Iterator[str]:
    """Alternatives of an address, those of one mask together. Prefixes are ranges; another mask is laid on the address."""
    full = (1 << BITS[family]) - 1
    groups: dict[int, list[tuple[int, int]]] = {}
    for value, mask in alternatives:
        host = full ^ mask
        if host & (host + 1) == 0:
            groups.setdefault(full, []).append((value & mask, value & mask | host))
        else:
            groups.setdefault(mask, []).append((value & mask, value & mask))
    for mask, ranges in groups.items():
        merged = _merge(ranges)
        content = _range(family, *merged[0]) if len(merged) == 1 else f"@{name_of((family, merged))}"
        yield f" {content}" if mask == full else f" & {_text(family, mask)} == {content}"


def _merge(ranges: Pairs | Sequence[tuple[int, int]]) -> Pairs:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _define(content: Content, name: str) -> str:
    family, ranges = content
    elements = ", ".join(_range(family, first, last) for first, last in ranges)
    return f"add set {TABLE} {name} {{ type ipv{family}_addr; flags interval; elements = {{ {elements} }}; }}"


def _range(family: int, first: int, last: int) -> str:
    return _text(family, first) if first == last else f"{_text(family, first)}-{_text(family, last)}"


def _text(family: int, address: int) -> str:
    kind, size = (socket.AF_INET, 4) if family == 4 else (socket.AF_INET6, 16)
    return socket.inet_ntop(kind, address.to_bytes(size, "big"))
