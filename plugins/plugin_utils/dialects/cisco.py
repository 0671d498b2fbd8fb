# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists at the uplinks of a Cisco edge: what the dialects of its two systems share.

Where an uplink has an access list already, our entries stand in it, between two remarks; else a list of our own is
bound, which ends in an explicit permit. Where every command takes effect at once, their order is the safety of a
change: new lines are added from the first to the last, then old ones are removed from the last to the first. Whatever
packet comes in between meets either the first new line that it will ever meet, or the first old one that it ever met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import ordered
from ..acl import Acl
from ..errors import Op25bError
from ..ordered import EXEMPTED, OUT, PERMITTED, Rule, Rules, Side
from ..plan import Plan, by_place
from ..prefixes import FAMILIES, NOTHING, Range, union
from .cisco_grammar import Groups, blocks, members, read_ace, read_entry

CONNECTION = "ansible.netcommon.network_cli"
OWN = "OP25B-"
LAST = 2000000000
"""The number of the permit that ends a list of our own: no line of ours comes behind it."""
_STEP = 1000
_REMARK = "remark op25b: "
_TICKET = f"{_REMARK}ticket "
_BEGIN, _END = f"{_REMARK}begin, written by ccsnet.op25b", f"{_REMARK}end"
_SPARE = ".2"
_HEADS = {OWN + name.upper() for name in (EXEMPTED, PERMITTED)}

ListKey = tuple[int, str]
"""Family and name of an access list."""


@dataclass(frozen=True)
class Config:
    """What of a running configuration concerns us.

    `groups` are members by the line that begins a group, `lists` are entries by number, `bound` says which list an
    interface has for direction and family, `interfaces` are their addresses, `awaited` are those among them whose line card
    is not there, `uses` are lines that may name an access list elsewhere than at an interface, `packets` are counters by list
    and number.
    """

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists: Mapping[ListKey, Mapping[int, str]] = field(default_factory=dict)
    bound: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    awaited: frozenset[str] = frozenset()
    uses: tuple[str, ...] = ()
    unnumbered: str | None = None
    packets: Mapping[ListKey, Mapping[int, int]] = field(default_factory=dict)


EMPTY = Config()


@dataclass(frozen=True)
class Wanted:
    """What the device should enforce, as far as it can."""

    acl: Acl
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Syntax:
    """The words of one system. Where something depends on the family, it is by 4 and 6."""

    name: str
    lists: Mapping[int, str]
    groups: Mapping[int, str]
    """Families that have object groups; the entries of others name every prefix."""
    group_word: str
    bindings: Mapping[int, str]
    directions: Mapping[str, str]
    numbers: Mapping[int, str]
    everything: Mapping[int, str]
    addresses: tuple[str, ...]
    resequence: Mapping[int, str]
    """How an operator makes room between the numbers of a list."""
    rejects: Mapping[str, str]
    """What a denial says at its end for each reply to a blocked sender."""
    member: Callable[[Range], str]
    address: Callable[[Range], str]
    remark_by_number: bool
    """Whether `no NUMBER` takes out a remark, too; else its words are needed."""
    headless: bool
    """Whether an entry can match IPv6 fragments whose transport header cannot be seen (undetermined-transport)."""
    limits: str


class Lists:
    """A dialect of access lists at the uplinks."""

    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self._directions = {word: direction for direction, word in syntax.directions.items()}

    def build(self, acl: Acl) -> Wanted:
        """What of an Acl this platform can enforce; raises Op25bError where it cannot at all."""
        for name in acl.uplinks:
            if name.endswith("*"):
                raise Op25bError(
                    f"uplinks: '{name}' stands for many names, and an access list is bound to one interface; write each."
                )
        able, warnings = ordered.enforceable(acl, tuple(self.syntax.rejects), "admin-prohibited")
        return Wanted(able, (*warnings, self.syntax.limits) if able.pools else tuple(warnings))

    # -- reading -------------------------------------------------------------------------------------------------------

    def from_text(self, text: str) -> Config:
        """Read a running configuration."""
        groups: dict[str, tuple[str, ...]] = {}
        lists: dict[ListKey, dict[int, str]] = {}
        bound: dict[tuple[str, str, int], str] = {}
        interfaces: dict[str, tuple[str, ...]] = {}
        awaited: set[str] = set()
        uses: list[str] = []
        unnumbered = None
        bindings = tuple(self.syntax.bindings.values())
        for block in blocks(text):
            family = next((f for f, head in self.syntax.lists.items() if block.head.startswith(head)), None)
            if family:
                numbered = {}
                for line in block.lines:
                    found = re.match(r"(?:sequence )?(\d+) (.*)", line)
                    if found:
                        numbered[int(found[1])] = found[2]
                    else:
                        unnumbered = f"{block.head}: {line}"
                lists[family, block.head[len(self.syntax.lists[family]) :]] = dict(sorted(numbered.items()))
            elif block.head.startswith(tuple(self.syntax.groups.values())):
                groups[block.head] = block.lines
            elif block.head.startswith("interface "):
                name, awaits = _interface(block.head)
                awaited |= {name} if awaits else set()
                addresses = []
                for line in block.lines:
                    words = line.split()
                    if line.startswith(bindings):
                        version = next(f for f, binding in self.syntax.bindings.items() if line.startswith(binding))
                        bound[name, self._directions[words[3]], version] = words[2]
                    elif line.startswith(self.syntax.addresses):
                        addresses.append(words[2].partition("/")[0].lower())
                    elif not line.startswith("description "):
                        uses.append(f"{block.head}: {line}")
                interfaces[name] = tuple(addresses)
            else:
                uses += [block.head, *(f"{block.head}: {line}" for line in block.lines if not line.startswith("description "))]
        return Config(groups, lists, bound, interfaces, frozenset(awaited), tuple(uses), unnumbered)

    @staticmethod
    def interfaces(config: Config) -> Mapping[str, str]:
        """What can carry packets is in a running configuration: IOS shows all of it, IOS-XR all that anything is said of.

        What is only preconfigured is not there. What comes and goes with a customer's session is in no configuration.
        """
        return {name: name for name in config.interfaces if name not in config.awaited}

    def _members(self, config: Config, family: int) -> Groups:
        head = self.syntax.groups.get(family)
        if head is None:
            return {}
        read = {key[len(head) :]: members(lines, family) for key, lines in config.groups.items() if key.startswith(head)}
        return {name: found for name, found in read.items() if found is not None}

    @staticmethod
    def _ours(config: Config, key: ListKey) -> dict[int, str]:
        """Our lines of a list by number: in one of ours all but its last permit, else what stands between our remarks."""
        lines = config.lists.get(key, {})
        if key[1].startswith(OWN):
            return {number: line for number, line in lines.items() if number != LAST}
        found: dict[int, str] = {}
        inside = False
        for number, line in lines.items():
            inside = inside or line == _BEGIN
            # A remark of ours is ours wherever it stands: an interrupted run may have left it alone.
            if line.startswith(_REMARK) or (inside and _is_ours(line, key[0])):
                found[number] = line
            inside = inside and line != _END
        return found

    def used(self, config: Config) -> dict[ListKey, list[tuple[str, str]]]:
        """Access lists that hold lines of ours, with the interfaces and directions that they are bound to."""
        found: dict[ListKey, list[tuple[str, str]]] = {}
        for (interface, direction, family), name in config.bound.items():
            key = (family, name)
            if key in found or self._ours(config, key):
                found.setdefault(key, []).append((interface, direction))
        return found

    def _rules(self, config: Config, key: ListKey, direction: str, groups: Groups) -> tuple[list[Rule], str]:
        """The rules that our lines of a list are, and the reply to who is blocked, if any; a line that is none is left out."""
        inside: dict[tuple[str, bool, bool, bool], list[Side]] = {}
        outside: dict[tuple[str, bool, bool, bool], list[Side]] = {}
        label = reject = ""
        for line in self._ours(config, key).values():
            if line.startswith(_REMARK):
                label = line[len(_REMARK) :]
                continue
            ace = read_ace(line, key[0], groups)
            if ace is None or not ordered.is_label(label):
                continue
            sides = [
                Side() if p.prefixes is None and p.group is None else Side("", p.prefixes or NOTHING)
                for p in (ace.source, ace.destination)
            ]
            kind = (label, ace.permit, "syn" in ace.rest, "undetermined-transport" in ace.rest)
            inside.setdefault(kind, []).append(sides[0 if direction == OUT else 1])
            outside.setdefault(kind, []).append(sides[1 if direction == OUT else 0])
            if not ace.permit:
                said = (r for r, word in self.syntax.rejects.items() if word and word in ace.rest)
                reject = next(said, reject or "admin-prohibited")
        return [Rule(k[0], k[1], _joined(inside[k]), _joined(outside[k]), k[2], k[3]) for k in inside], reject

    def read(self, config: Config) -> tuple[Acl, list[str]]:
        """The Acl of a device, and every line in which the device is not just what such an Acl asks for."""
        found: dict[tuple[str, int], list[Rule]] = {}
        uplinks: set[str] = set()
        tickets: set[str] = set()
        reject = "admin-prohibited"
        groups = {family: self._members(config, family) for family in FAMILIES}
        for key, places in self.used(config).items():
            tickets |= {line[len(_TICKET) :] for line in self._ours(config, key).values() if line.startswith(_TICKET)}
            for direction in {direction for _interface, direction in places}:
                rules, said = self._rules(config, key, direction, groups[key[0]])
                found.setdefault((direction, key[0]), rules)
                # One family may block and the other not.
                reject = said or reject if direction == OUT else reject
            uplinks |= {interface for interface, _direction in places}
        try:
            acl = replace(ordered.acl_of(found, uplinks, reject), tickets=tuple(sorted(tickets)))
            return acl, self.differences(config, self.target(config, Wanted(acl)))
        except Op25bError as err:
            return Acl(), [str(err)]

    def parse(self, text: str) -> tuple[Acl, list[str]]:
        """The Acl of a running configuration as text, and its drift."""
        return self.read(self.from_text(text))

    # -- what should be there ------------------------------------------------------------------------------------------

    def _group(self, side: Side, family: int, names: Mapping[str, str]) -> str:
        """The name of the object group of a side: distinct between families, as access lists are."""
        name = str(side.name)
        base = OWN + (name.upper() if name in (EXEMPTED, PERMITTED) else name.replace(" ", "-")) + ("-V6" if family == 6 else "")
        return names.get(base, base)

    def _lines(self, acl: Acl, rules: Sequence[Rule], direction: str, family: int, names: Mapping[str, str]) -> list[str]:
        """Our lines of one list, without numbers."""
        found: list[str] = []
        for rule in rules:
            if rule.label == EXEMPTED and direction == OUT:
                found += [_TICKET + ticket for ticket in acl.tickets]
            if rule.headless and not self.syntax.headless:
                continue
            found.append(_REMARK + rule.label)
            for inside in self._texts(rule.inside, family, names):
                found += [
                    self._ace(acl, rule, direction, inside, outside) for outside in self._texts(rule.outside, family, names)
                ]
        return list(dict.fromkeys(found))

    def _texts(self, side: Side, family: int, names: Mapping[str, str]) -> list[str]:
        if side.name is None:
            return ["any"]
        if family in self.syntax.groups:
            return [f"{self.syntax.group_word} {self._group(side, family, names)}"]
        return [self.syntax.address(item) for item in side.prefixes.ranges(family)]

    def _ace(self, acl: Acl, rule: Rule, direction: str, inside: str, outside: str) -> str:
        source, destination = (inside, outside) if direction == OUT else (outside, inside)
        ports = ("", " eq smtp") if direction == OUT else (" eq smtp", "")
        reply = "" if rule.permit else self.syntax.rejects[acl.reject if direction == OUT else self._silent(acl.reject)]
        if rule.headless:
            words = f"deny ipv6 {source} {destination} undetermined-transport"
        else:
            verb = "permit" if rule.permit else "deny"
            words = f"{verb} tcp {source}{ports[0]} {destination}{ports[1]}" + (" syn" if rule.opening else "")
        return f"{words} {reply}" if reply else words

    def _silent(self, reject: str) -> str:
        """What comes back in is dropped without a word, where the platform can."""
        return "drop" if "drop" in self.syntax.rejects else reject

    def target(self, have: Config, want: Wanted) -> Config:
        """The configuration that the device should have: what it has, changed as little as the policy asks for."""
        if have.unnumbered:
            raise Op25bError(
                f"running configuration: '{have.unnumbered}' has no sequence number; a release is needed that shows them there."
            )
        for (family, name), lines in have.lists.items():
            if _open_ended(list(lines.values()), family):
                shown = f"{self.syntax.lists[family]}{name}"
                raise Op25bError(
                    f"{shown}: entries of this collection cannot be told from yours; they stand between '{_BEGIN}' and '{_END}', "
                    "and one of these remarks is missing or not at its place."
                )
        rules = ordered.all_rules(want.acl)
        now = _names(have)
        result = self._with(have, want.acl, rules, now)
        if result is None or _entangled(have, result):
            # Names that nothing uses yet: what is built under them takes effect entry by entry, in safe order.
            result = self._with(have, want.acl, rules, {base: _other(name, base) for base, name in now.items()})
        if result is None:
            raise Op25bError(
                "access lists: between two entries of this collection no number is free; take them out (state: deleted), and "
                "apply again."
            )
        return result

    def _with(self, have: Config, acl: Acl, rules: Rules, names: Mapping[str, str]) -> Config | None:
        groups = {head: lines for head, lines in have.groups.items() if not _is_own(head)}
        for family, head in self.syntax.groups.items():
            sides = (
                s for (_way, version), items in rules.items() if version == family for r in items for s in (r.inside, r.outside)
            )
            for side in sides:
                if side.name is None:
                    continue
                key = head + self._group(side, family, names)
                wanted = dict.fromkeys(self.syntax.member(item) for item in side.prefixes.ranges(family))
                # Members that stay keep their places, so that what the device will show is known beforehand.
                groups[key] = tuple(dict.fromkeys([*(line for line in have.groups.get(key, ()) if line in wanted), *wanted]))
        lists: dict[ListKey, Mapping[int, str]] = {}
        bound = {place: name for place, name in have.bound.items() if not name.startswith(OWN)}
        uplinks = acl.uplinks if acl.pools else ()
        for (direction, family), items in rules.items():
            lines = self._lines(acl, items, direction, family, names)
            for uplink in uplinks:
                host = have.bound.get((uplink, direction, family))
                if host is None or host.startswith(OWN):
                    plain = f"{OWN}{direction.upper()}" + ("-V6" if family == 6 else "")
                    place = (family, names.get(plain, plain))
                    bound[uplink, direction, family] = place[1]
                    found = ordered.renumber(self._ours(have, place), lines, 0, LAST, _STEP)
                    found = None if found is None else {**found, LAST: self.syntax.everything[family]}
                else:
                    place = (family, host)
                    if place in lists:
                        continue
                    self._alone(have, place, direction, uplinks)
                    found = self._hosted(have, place, [_BEGIN, *lines, _END], items, direction)
                if found is None:
                    return None
                lists[place] = found
        for where, now in have.lists.items():
            if where not in lists and not where[1].startswith(OWN):
                mine = self._ours(have, where)
                lists[where] = {number: line for number, line in now.items() if number not in mine} if mine else now
        return replace(have, groups=groups, lists=lists, bound=bound)

    def _alone(self, have: Config, key: ListKey, direction: str, uplinks: Sequence[str]) -> None:
        """A list of the operator takes our entries only where it serves nothing but the uplinks, in this direction."""
        family, name = key
        shown = f"{self.syntax.lists[family]}{name}"
        if not have.lists.get(key):
            raise Op25bError(
                f"{shown}: an uplink is bound to this name, and the device has no such list with entries; bind one that has, or "
                "none."
            )
        for (interface, way, version), other in have.bound.items():
            if (version, other) == key and (interface not in uplinks or way != direction):
                raise Op25bError(f"{shown}: this access list also serves {interface} {way}; give the uplinks one of their own.")
        for line in have.uses:
            if name in line.split():
                raise Op25bError(f"{shown}: this access list is also used by '{line}'; give the uplinks one of their own.")

    def _hosted(self, have: Config, key: ListKey, lines: Sequence[str], rules: Sequence[Rule], direction: str) -> dict[int, str]:
        """A list of the operator with our lines in it."""
        family, name = key
        shown = f"{self.syntax.lists[family]}{name}"
        mine = self._ours(have, key)
        theirs = {number: line for number, line in have.lists[key].items() if number not in mine}
        between = [line for number, line in theirs.items() if mine and min(mine) < number < max(mine)]
        if between:
            raise Op25bError(
                f"{shown}: '{between[0]}' stands between the entries of this collection and is none of them; give it a number "
                f"below {min(mine)} or above {max(mine)}."
            )
        groups = self._members(have, family)
        acting = {n: read_entry(line, family, groups) for n, line in theirs.items() if not line.startswith("remark ")}
        numbers = list(acting)
        stands = sum(number < min(mine) for number in numbers) if mine else None
        ours = [ordered.entry(rule, direction, family) for rule in rules]
        at = ordered.place(ours, list(acting.values()), stands, shown)
        if stands is not None and at != stands:
            raise Op25bError(
                f"{shown}: the entries of this collection stand at a place that is no longer right for the operator's own; take "
                "them out (state: deleted), and apply again."
            )
        low = max((n for n in theirs if n < min(mine)), default=0) if mine else (numbers[at - 1] if at else 0)
        high = min((n for n in theirs if n > low), default=LAST)
        result = ordered.renumber(mine, lines, low, high, _STEP)
        if result is None:
            more = "more are needed, as what goes keeps its number until what comes has one"
            needed = more if mine else f"{len(lines)} are needed"
            raise Op25bError(
                f"{shown}: between {low} and {high} there are {high - low - 1} numbers, and {needed}; "
                f"{self.syntax.resequence[family].format(name=name)}."
            )
        return dict(sorted({**theirs, **result}.items()))

    # -- the way there -------------------------------------------------------------------------------------------------

    def render(self, acl: Acl) -> str:
        """The configuration that an Acl makes of a device without any, as text."""
        return "\n".join(self._commands(EMPTY, self.target(EMPTY, self.build(acl)))) + "\n" if acl.pools else ""

    def diff(self, have: Config, want: Wanted) -> Plan:
        """The smallest change of a device, in an order in which every state on the way is safe."""
        wanted = self.target(have, want)
        shown = self.differences(have, wanted)
        head = [f"--- {self.syntax.name} running configuration", "+++ by the policy"]
        return Plan(
            commands=tuple(self._commands(have, wanted)),
            rollback=tuple(self._commands(wanted, have)),
            diff="\n".join([*head, *by_place(shown)]) + "\n" if shown else "",
            added=sum(": + " in line for line in shown),
            removed=sum(": - " in line for line in shown),
            entries=self._size(wanted),
            wanted=wanted,
        )

    def _size(self, config: Config) -> int:
        """The entries of ours with every group written out, as the hardware counts them."""
        sizes = {head.split()[-1]: len(lines) for head, lines in config.groups.items()}
        total = 0
        for key in config.lists:
            for line in self._ours(config, key).values():
                if not line.startswith("remark "):
                    product = 1
                    for word in line.split():
                        product *= sizes.get(word, 1) if word.startswith(OWN) else 1
                    total += product
        return total

    def differences(self, have: Config, want: Config) -> list[str]:
        """Every difference in one line: where, then - what the device has or + what it should have; groups have no order."""
        found = []
        for head in dict.fromkeys([*have.groups, *want.groups]):
            old, new = have.groups.get(head, ()), want.groups.get(head, ())
            if old != new:
                found += [f"{head}: - {line}" for line in old if line not in set(new)]
                found += [f"{head}: + {line}" for line in new if line not in set(old)]
        for key in dict.fromkeys([*have.lists, *want.lists]):
            before, after = have.lists.get(key, {}), want.lists.get(key, {})
            where = f"{self.syntax.lists[key[0]]}{key[1]}"
            for number in sorted(before.keys() | after.keys()) if before != after else ():
                if before.get(number) != after.get(number):
                    found += [f"{where}: - {number} {before[number]}"] if number in before else []
                    found += [f"{where}: + {number} {after[number]}"] if number in after else []
        for place in dict.fromkeys([*have.bound, *want.bound]):
            if have.bound.get(place) != want.bound.get(place):
                for sign, side in (("-", have), ("+", want)):
                    found += [f"interface {place[0]}: {sign} {self._binding(side, place)}"] if place in side.bound else []
        return found

    def _binding(self, config: Config, place: tuple[str, str, int]) -> str:
        _interface, direction, family = place
        return f"{self.syntax.bindings[family]}{config.bound[place]} {self.syntax.directions[direction]}"

    def _commands(self, have: Config, want: Config) -> Iterator[str]:
        context = None
        for place, line in self._steps(have, want):
            if place and place != context:
                yield place
            context = place
            yield f" {line}" if place else line

    def _steps(self, have: Config, want: Config) -> Iterator[tuple[str, str]]:
        """Commands with the mode they are for, in safe order."""
        kept = sorted(head for head in have.groups if have.groups[head] and want.groups.get(head))
        adds = {head: _less(want.groups[head], have.groups[head]) for head in kept}
        drops = {head: [f"no {line}" for line in _less(have.groups[head], want.groups[head])] for head in kept}

        def of(changes: Mapping[str, Sequence[str]], kind: str) -> Iterator[tuple[str, str]]:
            return ((head, line) for head, lines in changes.items() if _kind(head) == kind for line in lines)

        inserts = self._inserts(have, want)
        removals = [
            (head, f"no {line if ' remark ' in line and not self.syntax.remark_by_number else _number(line)}", line)
            for head, line in self._inserts(want, have)[::-1]
            if self._key(head) in want.lists
        ]
        for place in (place for place in have.bound if place not in want.bound):
            yield _head(have, place[0]), f"no {self._binding(have, place)}"
        for head in sorted(head for head in want.groups if not have.groups.get(head)):
            yield from ((head, line) for line in want.groups[head])
        yield from of(adds, "head")
        # What we write stands between our remarks from its first line to its last, and is never taken for the operator's;
        # nothing of the operator's ever stands behind a beginning without an end.
        yield from ((head, line) for head, line in inserts[::-1] if _is_mark(line))
        yield from ((head, line) for head, line in inserts if _is_head(line))
        yield from of(adds, "class")
        yield from ((head, line) for head, line in inserts if not _is_head(line) and not _is_mark(line))
        yield from of(adds, "pool")
        yield from of(drops, "pool")
        yield from ((head, command) for head, command, line in removals if not _is_head(line) and not _is_mark(line))
        yield from of(drops, "class")
        yield from ((head, command) for head, command, line in removals if _is_head(line))
        yield from ((head, command) for head, command, line in removals[::-1] if _is_mark(line))
        yield from of(drops, "head")
        for place, name in want.bound.items():
            if have.bound.get(place) != name:
                yield _head(have, place[0]), self._binding(want, place)
        for family, name in sorted(have.lists.keys() - want.lists.keys()):
            yield "", f"no {self.syntax.lists[family]}{name}"
        emptied = [head for head in want.groups if not want.groups[head] and have.groups.get(head) != ()]
        for head in sorted({*(have.groups.keys() - want.groups.keys()), *(have.groups.keys() & set(emptied))}):
            yield "", f"no {head}"
        yield from (("", head) for head in emptied)

    def _inserts(self, old: Config, new: Config) -> list[tuple[str, str]]:
        """Lines that `new` has and `old` has not, from the first to the last, with the list that they are for."""
        found = []
        for key, lines in new.lists.items():
            before = old.lists.get(key, {})
            fresh = [(number, line) for number, line in lines.items() if before.get(number) != line]
            if key not in old.lists:
                # The permit first: an access list that exists denies what none of its lines permits.
                fresh.sort(key=lambda item: item[0] != LAST)
            found += [
                (f"{self.syntax.lists[key[0]]}{key[1]}", f"{self.syntax.numbers[key[0]]}{number} {line}")
                for number, line in fresh
            ]
        return found

    def _key(self, head: str) -> ListKey:
        family = next(f for f, begin in self.syntax.lists.items() if head.startswith(begin))
        return family, head[len(self.syntax.lists[family]) :]

    # -- counters ------------------------------------------------------------------------------------------------------

    def counts(self, config: Config) -> dict[str, Any]:
        """New connections for each pool and destination class. Of what is denied every packet counts, as all are SYN."""
        pools: dict[str, Any] = {}
        fragments = 0
        for key, places in self.used(config).items():
            label = ""
            for number, line in self._ours(config, key).items():
                if line.startswith(_REMARK):
                    label = line[len(_REMARK) :]
                    continue
                passed = config.packets.get(key, {}).get(number, 0)
                if " undetermined-transport" in line:
                    fragments += passed
                elif (
                    label.startswith("pool ") and ordered.is_label(label) and (line.startswith("deny ") or line.endswith(" syn"))
                ):
                    pool, destination, action = ordered.term_of(label)
                    if action != "pass":
                        for direction in {direction for _interface, direction in places}:
                            cell = pools.setdefault(pool, {}).setdefault(destination, {"out": 0, "in": 0})
                            cell[direction] += passed
        return {"pools": pools, "fragments": fragments}

    @staticmethod
    def addresses(config: Config, interface: str) -> tuple[str, ...]:
        """The device's own addresses on an interface."""
        return config.interfaces.get(interface, ())

    @staticmethod
    def sources(_config: Config) -> dict[str, dict[str, int]]:
        """An access list remembers no sources."""
        return {}


def with_packets(config: Config, listing: str, key_of: Callable[[str], ListKey | None]) -> Config:
    """The configuration with the counters of a listing; `key_of` names the list that a line begins, if it begins one."""
    found: dict[ListKey, dict[int, int]] = {}
    key: ListKey | None = None
    for line in listing.splitlines():
        begun = key_of(line)
        number = re.match(r" +(\d+) ", line) or re.search(r" sequence (\d+)$", line)
        if begun:
            key = begun
        elif key and number:
            matches = re.search(r"\((\d+) (?:hw )?match(?:es)?\)", line)
            packets = found.setdefault(key, {})
            packets[int(number[1])] = packets.get(int(number[1]), 0) + (int(matches[1]) if matches else 0)
    return replace(config, packets=found)


def _interface(head: str) -> tuple[str, bool]:
    """The name in the line that begins an interface, without its kind (point-to-point, l2transport); whether it is only awaited.

    An interface that IOS-XR knows of while its line card is not there is `interface preconfigure NAME`.
    """
    words = head.split()[1:]
    awaits = words[0] == "preconfigure" and len(words) > 1
    name, *more = words[awaits:]
    # Some releases write `Vlan 10`.
    return name + (more[0] if more and more[0][0].isdigit() else ""), awaits


def _head(config: Config, interface: str) -> str:
    """The line that begins an interface."""
    return f"interface {'preconfigure ' if interface in config.awaited else ''}{interface}"


def _open_ended(lines: Sequence[str], family: int) -> bool:
    """Whether entries of ours begin in a list of the operator without an end, or end without a beginning."""
    marks = [line for line in lines if line in (_BEGIN, _END)]
    if marks == [_END]:
        # What an interrupted run leaves: the end is written first, and taken out last.
        return any(_is_ours(line, family) for line in lines[: lines.index(_END)])
    return marks not in ([], [_BEGIN, _END])


def _is_ours(line: str, family: int) -> bool:
    """Whether an entry between our remarks has the form of ours; a line that somebody put there stays theirs."""
    ace = read_ace(line, family, {})
    if ace is None:
        return False
    smtp = ((ordered.SMTP, ordered.SMTP),)
    return "undetermined-transport" in ace.rest or (ace.protocol == ((6, 6),) and smtp in (ace.sports, ace.dports))


def _joined(sides: Sequence[Side]) -> Side:
    if len(sides) == 1:
        return sides[0]
    return Side(sides[0].name, union(side.prefixes for side in sides))


def _is_own(head: str) -> bool:
    return head.split()[-1].startswith(OWN)


def _other(name: str, base: str) -> str:
    return base if name.endswith(_SPARE) else base + _SPARE


def _names(config: Config) -> dict[str, str]:
    """For each group and list of ours by its plain name: the name that it has on the device."""
    used = {word for lines in config.lists.values() for line in lines.values() for word in line.split() if word.startswith(OWN)}
    used |= set(config.bound.values())
    names = [*(head.split()[-1] for head in config.groups), *(name for _family, name in config.lists)]
    return {name.removesuffix(_SPARE): name for name in sorted(names, key=lambda n: n in used) if name.startswith(OWN)}


def _entangled(have: Config, want: Config) -> bool:
    """Whether a pool or class changes its members while entries that name it change: no order of both is safe."""
    changed = {
        head.split()[-1]
        for head, lines in have.groups.items()
        if head in want.groups and set(want.groups[head]) != set(lines) and _kind(head) != "head"
    }
    return bool(changed) and any(
        word in changed
        for key in have.lists.keys() & want.lists.keys()
        for line in set(have.lists[key].values()) ^ set(want.lists[key].values())
        for word in line.split()
    )


def _kind(head: str) -> str:
    """What a group of ours holds: pool, class, or the head of a list."""
    name = head.split()[-1].removeprefix(OWN)
    return next((kind for kind in ("pool", "class") if name.startswith(kind)), "head")


def _is_head(line: str) -> bool:
    return any(word.removesuffix(_SPARE).removesuffix("-V6") in _HEADS for word in line.split())


def _is_mark(line: str) -> bool:
    return line.endswith((_BEGIN, _END))


def _number(line: str) -> str:
    """What a numbered line begins with."""
    return re.split(" (?:permit|deny|remark) ", line)[0]


def _less(left: Sequence[str], right: Sequence[str]) -> list[str]:
    gone = set(right)
    return [line for line in left if line not in gone]
