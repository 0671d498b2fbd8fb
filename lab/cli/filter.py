# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists without a vendor: an ordered filter at an interface, what it decides, and the kernel that does it.

The semantics are those of Cisco's routers ("Access Control Lists and IP Fragments", document 8014): the first entry that
matches decides. A fragment other than the first has no layer 4. A `permit` entry that asks for layer 4 takes it by its
layer 3 and protocol alone; a `deny` entry that asks for layer 4 leaves it to the entries below.

Junos differs in what a `literal` match and the further fields of an entry say: nothing is assumed about a later fragment
or about the protocol that has the ports, an entry may leave the decision to those below, and it may take what is too much.

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
FIRST = {4: "ip frag-off & 0x3fff == 0x2000", 6: "frag frag-off 0 frag more-fragments 1"}
TCP = 6
EXTENSION_HEADERS = (0, 43, 44, 51, 60)
"""Next headers of IPv6 that the kernel, like the router, walks over on its way to the upper-layer protocol."""

EXTENSIONS = {0: "hbh", 43: "rt", 44: "frag", 60: "dst", 135: "mh"}
"""Of IPv6: those whose presence nftables can ask for."""
UNREACHABLE = {4: "icmp", 6: "icmpv6"}

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
    first_fragment: bool = False
    """First fragments of a packet that is in pieces, and nothing else."""
    next_headers: tuple[int, ...] | None = None
    """IPv6: what may follow the IPv6 header itself, be it an extension header or the upper-layer protocol."""
    extension_headers: tuple[int, ...] | None = None
    """IPv6: one of these is somewhere in the packet; of a later fragment, right behind the IPv6 header."""
    literal: bool = False
    """Ports and flags are the bytes where TCP has them, whatever the protocol, and no later fragment has any (Junos)."""

    def __post_init__(self) -> None:
        if self.layer4 and (self.fragments or self.undetermined) and not self.literal:
            raise ValueError("what is asked for has no layer 4 to look at")
        if (self.sports is not None or self.dports is not None) and self.protocol is None and not self.literal:
            raise ValueError("ports need a protocol that has them")
        if self.icmp is not None and self.protocol != ICMP[self.family]:
            raise ValueError("an ICMP type needs the ICMP of the family")
        if self.tcp_flags is not None and self.protocol != TCP and not self.literal:
            raise ValueError("TCP flags need TCP")
        if self.family == 6 and self.protocol in EXTENSION_HEADERS:
            raise ValueError("an extension header is not the upper-layer protocol of a packet")
        if self.family == 4 and self.undetermined:
            raise ValueError("undetermined transport is of IPv6")
        if self.family == 4 and not (self.next_headers is None and self.extension_headers is None):
            raise ValueError("next headers and extension headers are of IPv6")
        if not EXTENSIONS.keys() >= set(self.extension_headers or ()):
            raise ValueError("the kernel cannot look for that extension header")

    @property
    def layer4(self) -> bool:
        """Whether it asks for something that only the header of the upper-layer protocol can tell."""
        return any(asked is not None for asked in (self.sports, self.dports, self.icmp, self.tcp_flags))


@dataclass(frozen=True)
class Policer:
    """A token bucket: what finds no token in it is dropped, and counted by the bucket's name."""

    name: str
    """Entries with the same policer share its bucket."""
    rate: int
    """Each second."""
    burst: int
    unit: str = "packets"
    """Of rate and burst: `packets` or `bytes`."""
    side: str | None = None
    """`saddr` or `daddr`: a bucket for each address, as far as `mask` tells one from the other; None: one for all."""
    mask: int = 0


@dataclass(frozen=True)
class Entry:
    """One line of an access list."""

    key: str
    """Names the entry for its counter; unique in its filter."""
    permit: bool | None
    """None: the entry counts what matches, and leaves the decision to those below it."""
    match: Match
    reply: bool | int | str = True
    """How a denied packet is answered. True: with ICMP administratively prohibited (`ip unreachables`). False: not at all.
    A number: with ICMP destination unreachable of that code. `reset`: TCP with a reset, all else as with True."""
    also: tuple[Match, ...] = ()
    """Further alternatives: what one of them matches is matched by the entry."""
    policers: tuple[Policer, ...] = ()
    """What they drop of the matching packets, which are counted before, is not decided about by anybody."""

    @property
    def matches(self) -> tuple[Match, ...]:
        """All alternatives."""
        return (self.match, *self.also)


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
    headers: tuple[int, ...] = ()
    """Of IPv6: the numbers of all headers from the first one behind the IPv6 header on."""


def decide(entries: Iterable[Entry], packet: Packet) -> Entry | None:
    """The first entry that matches and decides; None if none does."""
    last = ([None, *met(entries, packet)])[-1]
    return last if last is not None and last.permit is not None else None


def met(entries: Iterable[Entry], packet: Packet) -> list[Entry]:
    """The entries that count the packet. Policers are not in the model: only time tells what they drop."""
    found = []
    for entry in entries:
        if any(_matches(match, entry.permit, packet) for match in entry.matches):
            found.append(entry)
            if entry.permit is not None:
                break
    return found


def _matches(match: Match, permit: bool | None, packet: Packet) -> bool:
    if match.family != packet.family or match.protocol not in (None, packet.protocol):
        return False
    if match.next_headers is not None and packet.headers[:1] not in [(number,) for number in match.next_headers]:
        return False
    seen = packet.headers[:1] if packet.fragment == "later" else packet.headers
    if match.extension_headers is not None and not set(match.extension_headers) & set(seen):
        return False
    if not (_like(packet.source, match.sources) and _like(packet.destination, match.destinations)):
        return False
    if match.first_fragment and packet.fragment not in ("first", "headless"):
        return False
    if match.fragments and packet.fragment != "later":
        return False
    # Not documented: whether later fragments are meant, too. They are not here; so a deny drops less, and a list that
    # relies on it for them is caught.
    if match.undetermined:
        return packet.fragment == "headless"
    if not match.layer4:
        return True
    if packet.fragment in ("later", "headless"):
        return packet.fragment == "later" and bool(permit) and not match.literal
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
Counted = tuple[str, str, str, str, tuple[Match, ...], bool | None]
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
    """Filters in the kernel: nftables of the network namespace that `nft`, a command, runs in.

    Without `counts` its entries decide as they should, and their counters stay at zero.
    """

    def __init__(self, nft: Sequence[str] = ("nft",), counts: bool = True) -> None:
        self._nft, self._counts = nft, counts
        self._number = count()
        self._compiled: dict[Slot, _Compiled] = {}
        self._counters: dict[Counted, str] = {}
        # A set is known by its content: it is loaded once, however many entries and reloads use it.
        self._sets: dict[Content, str] = {}
        # A bucket is known by all that it is: it goes on counting and limiting as long as somebody uses it.
        self._policers: dict[Policer, int] = {}
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
        used = {policer for item in filters for entry in item.entries for policer in entry.policers}
        policers = {policer: self._policers[policer] if policer in self._policers else next(self._number) for policer in used}
        compiled: dict[Slot, _Compiled] = {}
        for slot, item in wanted.items():
            keys = [(item.interface, item.direction, item.name, entry.key, entry.matches, entry.permit) for entry in item.entries]
            names = [self._counters.get(key) or f"c{next(self._number)}" for key in keys]
            counters |= zip(keys, names, strict=True)
            old = self._compiled.get(slot)
            compiled[slot] = old if old and old.filter == item else self._compile(item, names, sets, policers)
        if len({key[:4] for key in counters}) != sum(len(item.entries) for item in filters):
            raise ValueError("an entry shares its counter: its key is not unique in its filter, or the filter's name not here")
        sets = {content: name for content, name in sets.items() if any(content in one.sets for one in compiled.values())}
        new = [one for slot, one in compiled.items() if one is not self._compiled.get(slot)]
        old_chains = [name for slot, one in self._compiled.items() if one is not compiled.get(slot) for name in one.chains]

        script = [f"add counter {TABLE} {name}" for key, name in counters.items() if key not in self._counters]
        script += [_define(content, name) for content, name in sets.items() if content not in self._sets]
        script += [_bucket(policer, number) for policer, number in policers.items() if policer not in self._policers]
        script += [f"add chain {TABLE} {name}" for one in new for name in one.chains]
        script += [f"add rule {TABLE} {chain} {rule}" for one in new for chain, rule in one.rules]
        script += [f"flush chain {TABLE} {name}" for name in ("in", "out", *old_chains)]
        for (interface, direction, family), one in compiled.items():
            side = {"in": "iifname", "out": "oifname"}[direction]
            script.append(f'add rule {TABLE} {direction} {side} "{interface}" meta nfproto ipv{family} goto {one.chains[0]}')
        script += [f"delete chain {TABLE} {name}" for name in old_chains]
        script += [f"delete counter {TABLE} {name}" for key, name in self._counters.items() if key not in counters]
        script += [f"delete set {TABLE} {name}" for content, name in self._sets.items() if content not in sets]
        gone = [(policer, number) for policer, number in self._policers.items() if policer not in policers]
        for policer, number in gone:
            script.append(f"delete {'set' if policer.side else 'limit'} {TABLE} l{number}\ndelete counter {TABLE} p{number}")
        self._run("\n".join(script))
        self._compiled, self._counters, self._sets, self._policers = compiled, counters, sets, policers
        self._cleared = {name: self._cleared[name] for name in counters.values() if name in self._cleared}

    def counters(self) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """(interface, direction, name of the list, key of the entry) to packets and bytes, since it is there or was cleared."""
        numbers = self._read()
        found = {}
        for key, name in self._counters.items():
            packets, size = self._cleared.get(name, (0, 0))
            found[key[:4]] = (numbers[name][0] - packets, numbers[name][1] - size)
        return found

    def policed(self) -> dict[str, int]:
        """Name of a policer to the packets that it dropped."""
        numbers = self._read()
        found: dict[str, int] = {}
        for policer, number in self._policers.items():
            found[policer.name] = found.get(policer.name, 0) + numbers[f"p{number}"][0]
        return found

    def clear(self, name: str | None = None) -> None:
        """Count from zero, for the list of that name or for all."""
        numbers = self._read()
        self._cleared |= {counter: numbers[counter] for key, counter in self._counters.items() if name in (None, key[2])}

    def _compile(
        self, item: Filter, counters: Sequence[str], sets: dict[Content, str], policers: dict[Policer, int]
    ) -> _Compiled:
        """Compile one filter; sets that are not there yet are added to those given."""
        chains = [f"f{next(self._number)}", f"f{next(self._number)}"]
        # Later fragments have a chain of their own: the kernel would take what a later fragment has at the place of the
        # ports for ports (seen with 6.18), so no rule that asks for layer 4 may see one.
        rules = [(chains[0], f"{LATER[item.family]} goto {chains[1]}")]
        used: set[Content] = set()

        def name_of(content: Content) -> str:
            used.add(content)
            return sets.setdefault(content, f"s{next(self._number)}")

        def chain() -> str:
            chains.append(f"f{next(self._number)}")
            return chains[-1]

        for entry, counter in zip(item.entries, counters, strict=True):
            counted = [f"counter name {counter}"] if self._counts else []
            verdicts = [*counted, *(_limit(item.family, one, policers[one]) for one in entry.policers)]
            verdicts += _verdicts(item.family, entry)
            if entry.permit is not None and len(verdicts) == len(counted) + 1:
                verdict = " ".join(verdicts)
            else:
                action = chain()
                rules += [(action, rule) for rule in verdicts]
                verdict = f"{'jump' if entry.permit is None else 'goto'} {action}"
            if entry.match.undetermined:
                # A rule whose look at an absent header fails does not match, and none matches because of that: so
                # those that have the header turn back, in a chain of their own.
                turn = chain()
                rules += [(turn, "@th,0,8 & 0 == 0 return"), (turn, verdict)]
                verdict = f"frag frag-off 0 jump {turn}"
            found = [one for match in entry.matches for one in _conditions(match, entry.permit, name_of)]
            for place in (0, 1):
                here, there, then = [condition for later, condition in found if later == place], chains[place], verdict
                if entry.permit is None and len(here) > 1:
                    # Two alternatives that match one packet count it once: the first of them does not come back here.
                    there, then = chain(), f"goto {action}"
                    rules.append((chains[place], f"jump {there}"))
                rules += [(there, f"{condition} {then}") for condition in here]
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


def _bucket(policer: Policer, number: int) -> str:
    """Define what a policer needs."""
    if policer.side:
        # As many as there are addresses that the mask tells apart; the kernel takes memory for those that were seen.
        size = min(1 << policer.mask.bit_count(), 1 << 20)
        made = f"add set {TABLE} l{number} {{ type ipv4_addr; size {size}; flags dynamic; }}"
    else:
        made = f"add limit {TABLE} l{number} {{ {_rate(policer)} }}"
    return f"{made}\nadd counter {TABLE} p{number}"


def _rate(policer: Policer) -> str:
    # More than the kernel takes is more than the lab carries.
    rate, burst = min(policer.rate, 12_500_000_000), min(policer.burst, 0xFFFFFFFF)
    unit = "" if policer.unit == "packets" else f" {policer.unit}"
    return f"rate over {rate}{unit}/second burst {burst} {policer.unit}"


def _limit(family: int, policer: Policer, number: int) -> str:
    """The rule that drops what is too much."""
    if policer.side:
        bucket = f"update @l{number} {{ ip {policer.side} & {_text(family, policer.mask)} limit {_rate(policer)} }}"
    else:
        bucket = f"limit name l{number}"
    return f"{bucket} counter name p{number} drop"


def _verdicts(family: int, entry: Entry) -> list[str]:
    """What becomes of a packet in the end, as rules."""
    prohibited = "reject with icmpx type admin-prohibited"
    if entry.permit is None:
        return []
    if entry.permit:
        return ["accept"]
    if entry.reply == "reset":
        return ["meta l4proto tcp reject with tcp reset", prohibited]
    if entry.reply is True:
        return [prohibited]
    if entry.reply is False:
        return ["drop"]
    return [f"reject with {UNREACHABLE[family]} type {entry.reply}"]


def _conditions(match: Match, permit: bool | None, name_of: Callable[[Content], str]) -> Iterator[tuple[int, str]]:
    """The alternatives of a match, in nftables' words; those with a 1 are for later fragments, those with a 0 for all else."""
    layer3 = list(_layer3(match, name_of))
    headers = match.extension_headers
    if not (match.undetermined or match.first_fragment) and (not match.layer4 or (permit and not match.literal)):
        # What is behind the fragment header of a later fragment is not looked at.
        first = "" if headers is None else _next_header(headers)
        yield from ((1, f"{first} {condition}") for condition in layer3)
    if not match.fragments:
        exists = [""] if headers is None else [f"exthdr {EXTENSIONS[number]} exists" for number in headers]
        first = FIRST[match.family] if match.first_fragment else ""
        layer4 = [" ".join(words) for words in product(*_layer4(match))]
        yield from ((0, " ".join((first, *words))) for words in product(exists, layer3, layer4))


def _next_header(numbers: Iterable[int]) -> str:
    return f"ip6 nexthdr {{ {', '.join(map(str, numbers))} }}"


def _layer3(match: Match, name_of: Callable[[Content], str]) -> Iterator[str]:
    """The alternatives of addresses and protocol: each is what must hold in nftables' words."""
    ip = "ip" if match.family == 4 else "ip6"
    addresses = [
        [f"{ip} {side}{field}" for field in _fields(match.family, alternatives, name_of)]
        for side, alternatives in (("saddr", match.sources), ("daddr", match.destinations))
        if all(mask for _value, mask in alternatives)
    ]
    protocol = "" if match.protocol is None else f"meta l4proto {match.protocol}"
    first = "" if match.next_headers is None else _next_header(match.next_headers)
    yield from (" ".join(words) for words in product(*addresses, [first], [protocol]))


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
        field = "@th,104,8" if match.literal else "tcp flags"
        yield [f"{field} & {mask} == {value & mask}" for value, mask in match.tcp_flags]


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
