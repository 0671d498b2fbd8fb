# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Juniper Junos: filters of our own in front of the operator's, at the uplinks, out and in.

A packet that none of our terms blocks must meet the operator's filters as if ours were not there. So no term of ours
accepts: a term takes out of its match, by `except`, all that it has nothing to do with, and what it counts goes on with
`next term`. Where the operator has no filter, one of ours that accepts everything ends the list.

    OP25B-OUT, OP25B-IN         (and -V6) one term for each pool and destination class that is not just passed
    OP25B-POOL-p, -CLASS-c      prefix lists; OP25B-EXEMPTED and OP25B-PERMITTED are what terms except, by longest match
    OP25B-ACCEPT                ends a list that has no filter of the operator
    apply-macro OP25B           where `input X` or `output X` became a list, to put it back; OP25B-TRIAL: an armed change

Configuration is kept as the words of `show configuration | display set`, which are read from that text or from XML, and
from which XML is written. Sources: "Routing Policies, Firewall Filters, and Traffic Policers User Guide for Routing Devices"
(match conditions based on address fields; multiple filters applied as a list; nonterminating actions; prefix-specific
policing), and Juniper's YANG models.
"""

from __future__ import annotations

import fnmatch
import itertools
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ..acl import DEFAULT_REJECT, Acl, PoolAcl
from ..errors import Op25bError
from ..ordered import DIRECTIONS, EVERY_INTERFACE, IN, OUT
from ..plan import Plan, by_place
from ..policy import ANY, Limit
from ..prefixes import BITS, FAMILIES, NOTHING, PrefixSet, Range, parse_prefix, range_text, union

NAME = "junos"
NETWORK_OS = ("ccsnet.op25b.junos", "junipernetworks.junos.junos", "junos")
"""The first loads no plugin of the archived collection: ansible.netcommon then speaks NETCONF as the RFC has it."""
CONNECTION = "ansible.netcommon.netconf"

OWN = "OP25B-"
TRIAL = "OP25B-TRIAL"
_MACRO = "OP25B"
_LONGEST_LIST = 16
_MOST_NEXT_TERMS = 1024
_MOST_PREFIXES = 85325
"""Of one list (Juniper's reference of `prefix-list`)."""
_LONGEST_NAME = 64
_RANGES = {"port": (0, 65535), "pps-limit": (1, 24414062), "packet-burst": (1, 24414062)}
"""Juniper's models leave these open. The guide has the last two for hierarchical policers alone, and pps-limit from 2."""
_SLOWEST = 2
_INET = {4: "inet", 6: "inet6"}
_FAMILY = {"inet": 4, "inet6": 6}
_SUFFIX = {4: "", 6: "-V6"}
_EVERYTHING = {4: Range(4, 0, (1 << 32) - 1), 6: Range(6, 0, (1 << 128) - 1)}
_REJECT = {"tcp-reset": "reject tcp-reset", "admin-prohibited": "reject administratively-prohibited", "drop": "discard"}
_INPUT = {OUT: "output", IN: "input"}
_DIRECTION = {word: direction for direction, word in _INPUT.items()}
_CARDS, _PORTS = 8, 48
"""Of what a range spans: * is 0 to 47 whatever is there ("Interface Ranges for Physical Interfaces")."""
_MOST_INSTANCES = 16
"""Bits of the address that a prefix-action tells apart: 65,536 instances."""

Words = tuple[str, ...]
Place = tuple[str, str, int]
"""Logical interface, direction and family."""


@dataclass(frozen=True)
class Binding:
    """The filters at one place; `single` is the statement `input X` or `output X`, else it is a list."""

    names: tuple[str, ...]
    single: bool = False


@dataclass(frozen=True)
class Config:
    """What of a configuration concerns us.

    `lists` are our prefix lists, `objects` our filters, policers and prefix-actions: their lines in the order that means
    something, by the words that begin them. `bound` is every filter at an interface, ours or not, `singles` are the places
    whose single statement became a list, `trial` is the mark of an armed change. `hidden` says why what an interface does
    cannot be read from this configuration. `payload` is whether the platform has payload-protocol, `packets` are counters.
    """

    lists: Mapping[str, frozenset[Range]] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bound: Mapping[Place, Binding] = field(default_factory=dict)
    singles: frozenset[str] = frozenset()
    trial: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    payload: bool = True
    packets: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


EMPTY = Config()


@dataclass(frozen=True)
class Wanted:
    """What the device should enforce, as far as it can."""

    acl: Acl
    warnings: tuple[str, ...] = ()


# -- Acl → what this platform can say ----------------------------------------------------------------------------------


def build(acl: Acl) -> Wanted:
    """What of an Acl a Junos edge can enforce; raises Op25bError where it cannot at all."""
    for name in acl.uplinks:
        if name.endswith("*"):
            raise Op25bError(f"uplinks: '{name}' stands for many names, and a filter is bound to one interface; write each.")
        if not re.search(r"\.\d+$", name):
            raise Op25bError(f"uplinks: '{name}' names no unit; write the logical interface, as {name}.0.")
    if not acl.pools:
        return Wanted(Acl())
    warnings = []
    if acl.checked_interfaces:
        warnings.append(
            "source_check: a filter cannot look at routes; use the platform's own rpf-check on "
            + ", ".join(acl.checked_interfaces)
            + "."
        )
    if acl.seen:
        warnings.append("observe_sources: a filter remembers no addresses; this edge counts, and names no sources.")
    cut = _cut(acl)
    objects = dict(_objects(cut, True))
    lists = _lists(cut, objects)
    for name, prefixes in lists.items():
        if len(prefixes) > _MOST_PREFIXES:
            raise Op25bError(
                f"{name} would have {len(prefixes)} prefixes, and a prefix list of Junos takes {_MOST_PREFIXES}; aggregate "
                "them, or make two pools or classes of one."
            )
    able = _recognise(objects, lists, acl.uplinks)
    if able.limit and acl.limit and able.limit != acl.limit:
        warnings.append(
            f"limit: a policer counts whole packets a second; {acl.limit.per_minute} a minute are "
            f"{able.limit.per_minute} a minute on this edge."
        )
    if any(pool.prefixes.v6 for pool in able.pools if "limit" in dict(pool.terms).values()):
        warnings.append("limit: this platform has a rate for each customer in IPv4 only; IPv6 connections are counted, and pass.")
    if any(pool.prefixes.v6 for pool in able.pools):
        warnings.append("junos: IPv6 first fragments that end before the TCP header pass, as a filter has no word for them.")
    for head, lines in objects.items():
        following = sum(line.endswith(" then next term") for line in lines)
        if following > _MOST_NEXT_TERMS:
            raise Op25bError(
                f"waves: {following} terms of {head.split()[-1]} would count and go on, and a filter of Junos takes "
                f"{_MOST_NEXT_TERMS}; attach fewer pools, or name fewer destination classes."
            )
    return Wanted(able, tuple(warnings))


def _cut(acl: Acl) -> Acl:
    """The same without overlaps, and without a prefix that is excepted as a whole.

    The same prefix with and without except has no meaning that Juniper documents.
    """
    pools = tuple(replace(pool, prefixes=_not_within(pool.prefixes, acl.exempted)) for pool in acl.pools)
    classes: list[tuple[str, PrefixSet]] = []
    taken = NOTHING
    for name, prefixes in acl.classes:
        classes.append((name, _not_within(prefixes - taken, acl.permitted)))
        taken |= prefixes
    limit = acl.limit and Limit(max(_SLOWEST, math.ceil(acl.limit.per_minute / 60)) * 60, acl.limit.burst)
    exempted = acl.exempted & union(pool.prefixes for pool in pools)
    return replace(acl, pools=pools, classes=tuple(classes), exempted=exempted, limit=limit)


def _not_within(prefixes: PrefixSet, outer: PrefixSet) -> PrefixSet:
    """Without those of its prefixes that lie in the other set as a whole."""
    if not prefixes & outer:
        return prefixes
    return PrefixSet.of(item for family in FAMILIES for item in prefixes.ranges(family) if not PrefixSet.of([item]) <= outer)


def _terms(acl: Acl, direction: str, family: int, payload: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Our terms for one direction and family: name and lines. They exclude each other, and those that block come last."""
    if direction == IN and not acl.return_rule:
        return []
    inside, outside = ("source", "destination") if direction == OUT else ("destination", "source")
    port = f"from {outside}-port 25"
    protocol = _protocol(family, payload)
    opening = "from tcp-initial" if direction == OUT else 'from tcp-flags "(syn & ack)"'
    heads = [f"from {inside}-prefix-list {OWN}EXEMPTED{_SUFFIX[family]} except"] if acl.exempted.spans(family) else []
    if acl.permitted.spans(family):
        heads.append(f"from {outside}-prefix-list {OWN}PERMITTED{_SUFFIX[family]} except")
    everywhere = PrefixSet.of([_EVERYTHING[family]])
    rest = everywhere - acl.permitted - union(prefixes for _name, prefixes in acl.classes)
    classes = {
        name: f"from {outside}-prefix-list {OWN}CLASS-{name}{_SUFFIX[family]}" for name, p in acl.classes if p.spans(family)
    }
    found = []
    for pool in acl.pools:
        if not pool.prefixes.spans(family):
            continue
        for destination, action in pool.terms:
            if action == "pass" or (destination not in classes if destination != ANY else not rest):
                continue
            lines = [protocol, port, *heads, f"from {inside}-prefix-list {OWN}POOL-{pool.name}{_SUFFIX[family]}"]
            if destination != ANY:
                lines.append(classes[destination])
            elif classes or acl.permitted.spans(family):
                lines.append(f"from {outside}-prefix-list {OWN}ANY{_SUFFIX[family]}")
                lines += [f"{line} except" for line in classes.values()]
            lines.append(f"then count {_MACRO}.{pool.name}.{destination}")
            if action == "block":
                lines.append("then " + (_REJECT[acl.reject] if direction == OUT else "discard"))
            else:
                lines += [opening, "then next term"]
                if action == "limit" and family == 4 and direction == OUT:
                    lines.append(f"then prefix-action {OWN}LIMIT-{pool.name}")
            found.append((f"{pool.name}.{destination}.{action}", tuple(sorted(lines))))
    return sorted(found, key=lambda term: term[0].endswith(".block"))


def _protocol(family: int, payload: bool) -> str:
    if family == 4:
        return "from protocol tcp"
    return f"from {'payload-protocol' if payload else 'next-header'} tcp"


def _objects(acl: Acl, payload: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Filters, policers and prefix-actions: the words that begin each, and its lines."""
    limiting: set[str] = set()
    for direction in DIRECTIONS:
        for family in FAMILIES:
            terms = _terms(acl, direction, family, payload)
            if not terms:
                continue
            lines = [f"term {name} {line}" for name, found in terms for line in found]
            limiting.update(line.rpartition(" ")[2] for line in lines if " then prefix-action " in line)
            if not terms[-1][0].endswith(".block"):
                # The last term of a filter must not be one with `next term`; this one matches nothing.
                protocol = _protocol(family, payload)
                nowhere = f"from source-address {_text(_EVERYTHING[family])} except"
                lines += [f"term end {line}" for line in sorted([protocol, nowhere, "then accept"])]
            yield f"firewall family {_INET[family]} filter {_filter(direction, family)}", tuple(lines)
    if acl.limit:
        pps = (
            "if-exceeding-pps packet-burst " + str(acl.limit.burst),
            f"if-exceeding-pps pps-limit {acl.limit.per_minute // 60}",
        )
        limited = [pool for pool in acl.pools if f"{OWN}LIMIT-{pool.name}" in limiting]
        if limited:
            yield f"firewall policer {OWN}LIMIT", (*pps, "then discard")
        for pool in limited:
            yield (
                f"firewall family inet prefix-action {OWN}LIMIT-{pool.name}",
                (f"policer {OWN}LIMIT", "source-prefix-length 32", f"subnet-prefix-length {_subnet(pool.prefixes)}"),
            )


def _subnet(prefixes: PrefixSet) -> int:
    """The length of the shortest prefix that holds a pool: what of an address its customers have in common."""
    first, last = prefixes.v4[0][0], prefixes.v4[-1][1]
    return min(31, max(32 - _MOST_INSTANCES, 32 - (first ^ last).bit_length()))


def _lists(acl: Acl, objects: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[Range]]:
    """The prefix lists that the filters name."""
    named = {word for lines in objects.values() for line in lines for word in line.split() if word.startswith(OWN)}
    found: dict[str, frozenset[Range]] = {}
    for family in FAMILIES:
        sets = {f"POOL-{pool.name}": pool.prefixes for pool in acl.pools}
        sets |= {f"CLASS-{name}": prefixes for name, prefixes in acl.classes}
        sets |= {"EXEMPTED": acl.exempted, "PERMITTED": acl.permitted}
        for name, prefixes in sets.items():
            full = f"{OWN}{name}{_SUFFIX[family]}"
            if full in named:
                found[full] = frozenset(prefixes.ranges(family))
        if f"{OWN}ANY{_SUFFIX[family]}" in named:
            found[f"{OWN}ANY{_SUFFIX[family]}"] = frozenset({_EVERYTHING[family]})
    return found


def _filter(direction: str, family: int) -> str:
    return f"{OWN}{direction.upper()}{_SUFFIX[family]}"


def target(have: Config, want: Wanted) -> Config:
    """The configuration that the device should have: what it has, changed as little as the policy asks for."""
    acl = want.acl
    uplinks = acl.uplinks if acl.pools else ()
    touched = {interface for (interface, _direction, _family), found in have.bound.items() if _ours(found.names)}
    for interface in (*uplinks, *sorted(touched)):
        if interface in have.hidden:
            raise Op25bError(f"{interface}: {have.hidden[interface]} Nothing was changed.")
    objects = dict(_objects(acl, have.payload))
    lists = _lists(acl, objects)
    bound: dict[Place, Binding] = {}
    singles = set()
    places = [(uplink, direction, family) for uplink in uplinks for direction in DIRECTIONS for family in FAMILIES]
    for place in dict.fromkeys([*have.bound, *places]):
        _interface, direction, family = place
        before = have.bound.get(place, Binding(()))
        theirs = tuple(name for name in before.names if not name.startswith(OWN))
        single = before.single or (_place(place) in have.singles and len(theirs) == 1)
        if place in places and f"firewall family {_INET[family]} filter {_filter(direction, family)}" in objects:
            accept = f"{OWN}ACCEPT{_SUFFIX[family]}"
            bound[place] = Binding((_filter(direction, family), *(theirs or (accept,))))
            if single:
                singles.add(_place(place))
            if not theirs:
                objects[f"firewall family {_INET[family]} filter {accept}"] = ("term all then accept",)
            if len(bound[place].names) > _LONGEST_LIST:
                raise Op25bError(
                    f"{_place(place)}: {len(theirs)} filters are bound here, and a list of Junos holds {_LONGEST_LIST}; "
                    "ours would be one too many. Join two of yours."
                )
        elif theirs:
            bound[place] = Binding(theirs, single)
    return replace(have, lists=lists, objects=objects, bound=bound, singles=frozenset(singles), trial={}, packets={})


def _ours(names: Sequence[str]) -> bool:
    return any(name.startswith(OWN) for name in names)


def _place(place: Place) -> str:
    interface, direction, family = place
    return f"{interface} {_INET[family]} {_INPUT[direction]}"


# -- text and XML → Config ---------------------------------------------------------------------------------------------


def from_text(text: str) -> Config:
    """Read a configuration, given as XML or as `show configuration | display set`."""
    if text.lstrip().startswith("<"):
        return from_xml(text)
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = tuple(word for word in shlex.split(line, comments=True) if word not in ("[", "]"))
        except ValueError:
            raise Op25bError(f"running_config: line {number}, '{line}', has an open quotation mark.") from None
        if words and words[0] not in ("set", "deactivate", "activate", "delete", "protect"):
            raise Op25bError(
                f"running_config: line {number}, '{line}', begins with no word of a configuration; give what "
                "`show configuration | display set` prints, or the XML of <get-config>."
            )
        listed = next((at for at, word in enumerate(words) if word in ("input-list", "output-list")), len(words))
        # `input-list [ A B ]` is one line for each.
        lines += [(*words[: listed + 1], name) for name in words[listed + 1 :]] or [words]
    return _read(lines)


def from_xml(text: str) -> Config:
    """Read the reply to <get-config>, or a <configuration>, in whatever namespaces the device writes it."""
    found = (child for child in _configuration(text) if _tag(child) in _TOP)
    lines = (line for child in found for line in _flat(child, ()))
    return _read(("deactivate", *words[1:]) if words[0] == "inactive" else ("set", *words) for words in lines)


def changes(before: str, after: str) -> list[str]:
    """What the one configuration as XML has (-) and the other has (+), all of it and not just what concerns us."""
    lines = [
        dict.fromkeys(" ".join(map(_word, words)) for child in _configuration(text) for words in _flat(child, ()))
        for text in (before, after)
    ]
    return [f"- {line}" for line in lines[0] if line not in lines[1]] + [f"+ {line}" for line in lines[1] if line not in lines[0]]


def _configuration(text: str) -> Sequence[ElementTree.Element]:
    """The hierarchies of a configuration."""
    try:
        # From the operator's own router, by an expat that limits what entities expand to.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as err:
        raise Op25bError(f"running_config: this is no XML: {err}.") from None
    return next((list(element) for element in root.iter() if _tag(element) == "configuration"), [])


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_SILENT = {"prefix-list-item", "filter-name", "interface", "data", "value"}
"""Elements whose name is no word of a command."""
_TOP = {"policy-options", "firewall", "interfaces", "groups", "apply-groups"}


def _flat(element: ElementTree.Element, before: Words) -> Iterator[Words]:
    """An element as the words of commands; a line that begins with `inactive` names what is deactivated."""
    tag = _tag(element)
    children = list(element)
    head = before if tag in _SILENT and not (tag == "interface" and "interfaces" not in before) else (*before, tag)
    if not children:
        text = (element.text or "").strip()
        yield (*head, text) if text else head
    elif _tag(children[0]) == "name":
        head = (*head, (children[0].text or "").strip())
        if len(children) == 1:
            yield head
        children = children[1:]
    if any(name.rpartition("}")[2] == "inactive" for name in element.attrib):
        yield ("inactive", *head)
    for child in children:
        yield from _flat(child, head)


def _read(lines: Iterable[Words]) -> Config:
    """The configuration that these commands make."""
    lists: dict[str, set[Range]] = {}
    objects: dict[str, list[str]] = {}
    bound: dict[Place, Binding] = {}
    singles: set[str] = set()
    trial: dict[str, str] = {}
    interfaces: dict[str, list[str]] = {}
    hidden: dict[str, str] = {}
    off: list[Words] = []
    given: list[Words] = []
    applied: set[str] = set()
    every: list[Words] = []
    for command in lines:
        verb, words = command[:1], command[1:]
        if verb == ("set",) and words[:1] in (("interfaces",), ("groups",), ("apply-groups",)):
            every.append(words)
        if "apply-groups" in words:
            applied.update(words[words.index("apply-groups") + 1 :])
        if verb == ("deactivate",):
            off.append(words)
        elif verb != ("set",):
            continue
        elif words[:2] == ("policy-options", "prefix-list") and len(words) > 2:
            if words[2].startswith(OWN):
                if words[2] not in lists:
                    _sane(words[:3], 3)
                members = lists.setdefault(words[2], set())
                if len(words) > 3:
                    members.add(_prefix(words[2], words[3]))
        elif words[:1] == ("firewall",):
            _firewall(words, objects, singles, trial)
        elif words[:1] == ("interfaces",) and len(words) > 4 and words[2] == "unit":
            interface, family = f"{words[1]}.{words[3]}", _FAMILY.get(words[5] if len(words) > 5 else "")
            addresses = interfaces.setdefault(interface, [])
            rest = words[6:]
            if family and rest[:1] == ("address",) and len(rest) > 1:
                addresses.append(rest[1].partition("/")[0].lower())
            elif family and rest[:1] == ("filter",) and len(rest) > 2:
                way, _dash, listed = rest[1].partition("-")
                if way in _DIRECTION and listed in ("", "list"):
                    place = (interface, _DIRECTION[way], family)
                    before = bound[place].names if place in bound else ()
                    bound[place] = Binding((*before, rest[2]), not listed)
        elif words[:1] == ("groups",) and "interfaces" in words and "filter" in words:
            given.append(words)
    for interface in _logical(every):
        interfaces.setdefault(interface, [])
    for interface in interfaces:
        device, _dot, unit = interface.rpartition(".")
        path = ("interfaces", device, "unit", unit)
        for words in off:
            if words == path[: len(words)] or (words[:4] == path and (len(words) < 7 or words[6] == "filter")):
                hidden[interface] = f"`{' '.join(words)}` is deactivated; activate or delete it first."
        for words in given:
            named = words[words.index("interfaces") + 1] if words.index("interfaces") + 1 < len(words) else ""
            if words[1] in applied and (named.startswith("<") or named == device):
                hidden[interface] = (
                    f"the group {words[1]} may give this interface a filter that is not in its own configuration; "
                    "write that filter at the interface itself first."
                )
    for words in off:
        if _ours(words) or words in (("firewall",), ("policy-options",)):
            raise Op25bError(f"`{' '.join(words)}` is deactivated; activate or delete it, and run again. Nothing was changed.")
    return Config(
        lists={name: frozenset(members) for name, members in lists.items()},
        objects={head: _in_order(head, found) for head, found in objects.items()},
        bound=bound,
        singles=frozenset(singles),
        trial=trial,
        interfaces={name: tuple(found) for name, found in interfaces.items()},
        hidden=hidden,
    )


def _logical(lines: Sequence[Words]) -> set[str]:
    """The logical interfaces that a configuration makes: at the interfaces themselves, by ranges and by groups.

    A name with wildcards in a group adds to what is there and makes nothing; in a range it stands for all the numbers that it
    covers ("Interface Ranges for Physical Interfaces", "Using Wildcards with Configuration Groups").
    """
    ranges: dict[str, set[str]] = {}
    units: dict[str, set[str]] = {}
    grouped: list[tuple[str, str, str]] = []
    applied: set[tuple[str, str]] = set()
    for words in lines:
        if "apply-groups" in words:
            at = words.index("apply-groups")
            applied.update((name, words[1] if at > 1 else "") for name in words[at + 1 :])
        if words[:2] == ("interfaces", "interface-range") and len(words) > 4:
            if words[3] in ("member", "member-range"):
                ranges.setdefault(words[2], set()).update(_members(words[4], words[-1]))
            elif words[3] == "unit":
                units.setdefault(f"range {words[2]}", set()).add(words[4])
        elif words[:1] == ("interfaces",) and len(words) > 1 and words[1] != "apply-groups":
            units.setdefault(words[1], set()).update(words[3:4] if words[2:3] == ("unit",) else ())
        elif words[:1] == ("groups",) and words[2:3] == ("interfaces",) and len(words) > 3:
            grouped.append((words[1], words[3], words[5] if words[4:5] == ("unit",) and len(words) > 5 else ""))
    for name, members in ranges.items():
        for member in members:
            units.setdefault(member, set()).update(units.get(f"range {name}", ()))
    for group, named, unit in grouped:
        pattern = named[1:-1] if named.startswith("<") else ""
        devices = [name for name in units if fnmatch.fnmatchcase(name, pattern)] if pattern else [named]
        for device in devices:
            if (group, "") in applied or (group, device) in applied:
                units.setdefault(device, set()).update([unit] if unit and not unit.startswith("<") else ())
    return {f"{device}.{unit}" for device, found in units.items() if " " not in device for unit in found}


def _members(first: str, last: str) -> Iterator[str]:
    """The interfaces of a range: from a first to a last one, or a `member` with *, [1-3] or [1,4] among its numbers."""
    ends = [re.fullmatch(r"(\D+)(\d+)/(\d+)/(\d+)", name) for name in (first, last)]
    if first != last and ends[0] and ends[1]:
        (kind, *low), (_kind, *high) = ends[0].groups(), ends[1].groups()
        start, end = [int(number) for number in low], [int(number) for number in high]
        for slot, card, port in itertools.product(range(start[0], end[0] + 1), range(_CARDS), range(_PORTS)):
            if start <= [slot, card, port] <= end:
                yield f"{kind}{slot}/{card}/{port}"
    else:
        parts = re.findall(r"\*|\[[^\]]*\]|[^*\[]+", first)
        yield from map("".join, itertools.product(*(_numbers(part) if part[0] in "*[" else [part] for part in parts)))


def _numbers(part: str) -> list[str]:
    if part == "*":
        return [str(number) for number in range(_PORTS)]
    spans = (re.fullmatch(r"(\d+)(?:-(\d+))?", span.strip()) for span in part[1:-1].split(","))
    return [str(number) for span in spans if span for number in range(int(span[1]), int(span[2] or span[1]) + 1)]


def interfaces(config: Config) -> Mapping[str, str]:
    """The logical interfaces. There is none that its configuration does not make, but for those of customers' sessions."""
    return {name: name for name in config.interfaces}


def _firewall(words: Words, objects: dict[str, list[str]], singles: set[str], trial: dict[str, str]) -> None:
    if words[1:2] == ("apply-macro",) and len(words) > 2:
        if words[2] == _MACRO and len(words) > 3:
            singles.add(words[3])
        elif words[2] == TRIAL and len(words) > 4:
            trial[words[3]] = words[4]
        return
    length = 3 if words[1:2] == ("policer",) else 5
    if len(words) < length or words[length - 2] not in ("policer", "filter", "prefix-action"):
        return
    if words[length - 1].startswith(OWN):
        _sane(words, length)
        line = " ".join(_word(word) for word in words[length:])
        objects.setdefault(" ".join(words[:length]), []).extend([line] if line else [])


def _sane(words: Words, length: int) -> None:
    """Refuse what no router commits, in an object that the first words name: a name that is too long, a number too large."""
    where = " ".join(words[:length])
    for word in words[length - 1 :]:
        if len(word) > _LONGEST_NAME:
            raise Op25bError(f"{where}: '{word}' is too long; a name of Junos has at most {_LONGEST_NAME} characters.")
    for kind, (least, most) in _RANGES.items():
        found = re.fullmatch(rf".*\b{kind} (\d+)(?:-(\d+))?", " ".join(words[length:]))
        if found and not least <= int(found[1]) <= int(found[2] or found[1]) <= most:
            raise Op25bError(f"{where}: '{found[0]}' is out of range; a {kind} is {least} to {most}.")


def _in_order(head: str, lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of an object as we keep them: terms in their order, and what has no order sorted."""
    if " filter " not in head:
        return tuple(sorted(lines))
    terms: dict[str, list[str]] = {}
    for line in lines:
        name = line.split()[1] if line.startswith("term ") and len(line.split()) > 1 else ""
        terms.setdefault(name, []).append(line)
    return tuple(line for found in terms.values() for line in sorted(found))


def _word(word: str) -> str:
    """A word as `display set` writes it."""
    return word if re.fullmatch(r"[^\s\"&!()|;{}\[\]<>]+", word) else f'"{word}"'


def _prefix(name: str, text: str) -> Range:
    try:
        return parse_prefix(text)
    except ValueError as err:
        raise Op25bError(f"policy-options prefix-list {name}: {err}.") from None


def _text(item: Range) -> str:
    """A prefix as Junos writes it: a host, too, has its length."""
    text = range_text(item)
    return text if "/" in text else f"{text}/{BITS[item.family]}"


# -- Config → Acl ------------------------------------------------------------------------------------------------------


def read(config: Config) -> tuple[Acl, list[str]]:
    """The Acl of a device, and every line in which the device is not just what such an Acl asks for."""
    uplinks = {interface for (interface, _direction, _family), found in config.bound.items() if _ours(found.names)}
    acl = _recognise(config.objects, config.lists, uplinks)
    try:
        return acl, differences(config, target(config, Wanted(acl)))
    except Op25bError as err:
        return acl, [str(err)]


def _recognise(objects: Mapping[str, Sequence[str]], lists: Mapping[str, frozenset[Range]], uplinks: Iterable[str]) -> Acl:
    """The Acl that filters and prefix lists of ours are."""
    actions: dict[str, dict[str, str]] = {}
    reject = DEFAULT_REJECT
    for head, lines in objects.items():
        if not head.split()[-1].startswith(f"{OWN}OUT"):
            continue
        for line in lines:
            found = re.fullmatch(r"term ([a-z0-9_-]+)\.([a-z0-9_-]+)\.(observe|limit|block) then (.*)", line)
            if found:
                actions.setdefault(found[1], {})[found[2]] = found[3]
                reject = next((key for key, words in _REJECT.items() if words == found[4]), reject)
    if not actions:
        return Acl()
    sets: dict[str, PrefixSet] = {}
    for name, members in lists.items():
        plain = name.removeprefix(OWN).removesuffix(_SUFFIX[6])
        sets[plain] = sets.get(plain, NOTHING) | PrefixSet.of(members)
    classes = sorted(name.removeprefix("CLASS-") for name in sets if name.startswith("CLASS-"))
    rate = re.search(
        r"packet-burst (\d+) if-exceeding-pps pps-limit (\d+)", " ".join(objects.get(f"firewall policer {OWN}LIMIT", ()))
    )
    return Acl(
        pools=tuple(
            PoolAcl(
                name,
                sets.get(f"POOL-{name}", NOTHING),
                EVERY_INTERFACE,
                tuple((c, actions[name].get(c, "pass")) for c in (*classes, ANY)),
            )
            for name in sorted(actions)
        ),
        classes=tuple((name, sets[f"CLASS-{name}"]) for name in classes),
        permitted=sets.get("PERMITTED", NOTHING),
        exempted=sets.get("EXEMPTED", NOTHING),
        uplinks=tuple(sorted(uplinks)),
        reject=reject,
        limit=Limit(int(rate[2]) * 60, int(rate[1])) if rate else None,
        return_rule=any(head.split()[-1].startswith(f"{OWN}IN") for head in objects),
    )


def parse(text: str) -> tuple[Acl, list[str]]:
    """The Acl of a configuration as text or XML, and its drift."""
    return read(from_text(text))


def render(acl: Acl) -> str:
    """The commands that make a Junos edge enforce an Acl on which no filter is bound yet."""
    return "".join(f"{line}\n" for line in diff(EMPTY, build(acl)).commands)


# -- have, want → Plan -------------------------------------------------------------------------------------------------


def differences(have: Config, want: Config) -> list[str]:
    """Every difference in one line: where, then - what the device has or + what it should have."""
    found = []
    for name in dict.fromkeys([*have.lists, *want.lists]):
        old, new = have.lists.get(name, frozenset()), want.lists.get(name, frozenset())
        found += [
            f"prefix-list {name}: {sign} {_text(item)}"
            for sign, gone in (("-", old - new), ("+", new - old))
            for item in sorted(gone)
        ]
        if not old and not new and (name in have.lists) != (name in want.lists):
            found.append(f"prefix-list {name}: {'-' if name in have.lists else '+'} (empty)")
    for head in dict.fromkeys([*have.objects, *want.objects]):
        before, after = have.objects.get(head, ()), want.objects.get(head, ())
        if before != after:
            lines = [
                f"{sign} {line}"
                for sign, some, other in (("-", before, after), ("+", after, before))
                for line in some
                if line not in set(other)
            ]
            found += [f"{head.removeprefix('firewall ')}: {line}" for line in lines or ["- (another order)"]]
    for place in dict.fromkeys([*have.bound, *want.bound]):
        if have.bound.get(place) != want.bound.get(place):
            for sign, side in (("-", have), ("+", want)):
                found += [f"interface {place[0]}: {sign} {_bound(place, side.bound[place])}"] if place in side.bound else []
    for sign, gone in (("-", have.singles - want.singles), ("+", want.singles - have.singles)):
        found += [f"apply-macro {_MACRO}: {sign} {name}" for name in sorted(gone)]
    if have.trial and not want.trial:
        found.append(f"apply-macro {TRIAL}: - {have.trial.get('change', '')}")
    return found


def _bound(place: Place, binding: Binding) -> str:
    way = _INPUT[place[1]]
    shown = f"{way} {binding.names[0]}" if binding.single else f"{way}-list [ {' '.join(binding.names)} ]"
    return f"family {_INET[place[2]]} filter {shown}"


def diff(have: Config, wanted: Wanted) -> Plan:
    """The smallest change of a candidate from what the device has to what it should have."""
    want = target(have, wanted)
    shown = differences(have, want)
    titles = ["--- configuration on the device", "+++ configuration by the policy"] if shown else []
    return Plan(
        commands=tuple(_commands(have, want)),
        rollback=tuple(_commands(want, have)),
        diff="".join(f"{line}\n" for line in [*titles, *by_place(shown)]),
        added=sum(": + " in line for line in shown),
        removed=sum(": - " in line for line in shown),
        entries=sum(len(members) for members in want.lists.values()) + sum(len(lines) for lines in want.objects.values()),
        wanted=want,
    )


def _commands(old: Config, new: Config) -> Iterator[str]:
    """First all that is deleted, then all that is set: a candidate has no moment in between."""
    changed = sorted(head for head in {*old.objects, *new.objects} if old.objects.get(head) != new.objects.get(head))
    places = sorted(
        (place for place in {*old.bound, *new.bound} if old.bound.get(place) != new.bound.get(place)),
        key=lambda place: (place[0], place[2], place[1]),
    )
    macro, mark = f"firewall apply-macro {_MACRO}", f"firewall apply-macro {TRIAL}"
    for place in places:
        yield from (f"delete {path}" for path in _paths(place, old.bound.get(place), new.bound.get(place)))
    yield from (f"delete {head}" for head in changed if head in old.objects)
    if old.singles and not new.singles:
        yield f"delete {macro}"
    else:
        yield from (f'delete {macro} "{name}"' for name in sorted(old.singles - new.singles))
    if old.trial and not new.trial:
        yield f"delete {mark}"
    for name, members in old.lists.items():
        path = f"policy-options prefix-list {name}"
        gone = sorted(members - new.lists[name]) if name in new.lists else ()
        yield from (f"delete {path} {_text(item)}" for item in gone)
        if name not in new.lists:
            yield f"delete {path}"
    for name, members in new.lists.items():
        path = f"policy-options prefix-list {name}"
        yield from (f"set {path} {_text(item)}" for item in sorted(members - old.lists.get(name, frozenset())))
        if not members and name not in old.lists:
            yield f"set {path}"
    for head in changed:
        yield from (f"set {head} {line}" for line in new.objects.get(head, ()))
        if new.objects.get(head) == ():
            yield f"set {head}"
    yield from (f'set {macro} "{name}" single' for name in sorted(new.singles - old.singles))
    yield from (line for line in marked(new.trial) if not old.trial)
    for place in places:
        yield from (f"set {path}" for path in _paths(place, old.bound.get(place), new.bound.get(place), setting=True))


def marked(trial: Mapping[str, str]) -> Iterator[str]:
    """The commands that write the mark of an armed change, which goes back with the change, or is deleted when it stays."""
    return (f"set firewall apply-macro {TRIAL} {key} {_word(value)}" for key, value in trial.items())


def _paths(place: Place, old: Binding | None, new: Binding | None, *, setting: bool = False) -> Iterator[str]:
    """What of a binding is deleted or set, as paths. What is set goes to the end of a list."""
    interface, direction, family = place
    device, _dot, unit = interface.rpartition(".")
    path = f"interfaces {device} unit {unit} family {_INET[family]} filter {_INPUT[direction]}"
    side = new if setting else old
    if side is None:
        return
    if side.single:
        yield f"{path} {_word(side.names[0])}" if setting else path
        return
    kept: list[str] = []
    if old and new and not old.single and not new.single:
        # The most of the new list that is there already, in this order.
        rest = iter(old.names)
        kept = list(itertools.takewhile(lambda name: name in rest, new.names))
    yield from (f"{path}-list {_word(name)}" for name in side.names if name not in kept)


# -- commands → XML ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Keyed:
    """A list: the word after its name is a key, and `inner` is what its entries hold. `tag` is its element."""

    inner: Mapping[str, Any] = field(default_factory=dict)
    tag: str = ""


_LEAF: Mapping[str, Any] = {}
_MATCH = {name: _Keyed() for kind in ("source", "destination") for name in (f"{kind}-prefix-list", f"{kind}-address")}
_FILTER = _Keyed({"term": _Keyed({"from": _MATCH, "then": {"reject": _LEAF}})})
_BINDING = {"input": {"": "filter-name"}, "output": {"": "filter-name"}}
_TREE: Mapping[str, Any] = {
    "policy-options": {"prefix-list": _Keyed({"": _Keyed(tag="prefix-list-item")})},
    "firewall": {
        "apply-macro": _Keyed({"": _Keyed({"": "value"}, "data")}),
        "policer": _Keyed({"if-exceeding-pps": _LEAF, "then": _LEAF}),
        "family": {"inet": {"filter": _FILTER, "prefix-action": _Keyed()}, "inet6": {"filter": _FILTER}},
    },
    "interfaces": {
        "": _Keyed({"unit": _Keyed({"family": {"inet": {"filter": _BINDING}, "inet6": {"filter": _BINDING}}})}, "interface")
    },
}
_YANG = "http://yang.juniper.net/junos/conf/"
_NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"

_Step = tuple[str, str | None, str | None]
"""An element, and the key of a list's entry or the value of a leaf."""


def _steps(words: Sequence[str]) -> list[_Step]:
    """The elements that a command's words name, from the outermost to the innermost."""
    found: list[_Step] = []
    inner: Any = _TREE
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        rule = inner.get(word)
        if rule is None and "" in inner:
            rule = inner[""]
            if isinstance(rule, str):
                found.append((rule, None, word))
                continue
            found.append((rule.tag, word, None))
            inner = rule.inner
        elif isinstance(rule, _Keyed):
            found.append((rule.tag or word, words[at], None))
            inner, at = rule.inner, at + 1
        elif rule is not None:
            found.append((word, None, None))
            inner = rule
        else:
            found.append((word, None, words[at] if at < len(words) else None))
            at += 1
    return found


def edits(commands: Iterable[str]) -> Iterator[str]:
    """The <config> of the edits that these commands are, one for what is deleted and one for what is set."""
    sides: dict[str, list[str]] = {"delete": [], "set": []}
    for line in commands:
        verb, _space, rest = line.partition(" ")
        sides[verb].append(rest)
    for verb, lines in sides.items():
        if lines:
            # What one element holds must come together, as an edit may have it only once.
            lines.sort(key=lambda line: line.partition(" ")[0])
            yield "".join(_config(lines, verb == "delete"))


def _config(lines: Iterable[str], deleting: bool) -> Iterator[str]:
    yield f'<config xmlns="{_NETCONF}" xmlns:nc="{_NETCONF}"><configuration xmlns="{_YANG}root">'
    gone = ' nc:operation="delete"' if deleting else ""
    stack: list[_Step] = []
    for line in lines:
        steps = _steps(shlex.split(line) if '"' in line else line.split())
        last = len(steps) - 1
        depth = 0
        while depth < min(len(stack), last) and stack[depth] == steps[depth]:
            depth += 1
        yield from (f"</{step[0]}>" for step in stack[depth:][::-1])
        stack = stack[:depth]
        for at in range(depth, len(steps)):
            tag, key, value = steps[at]
            space = f' xmlns="{_YANG}{tag}"' if at == 0 else ""
            name = "" if key is None else f"<name>{escape(key)}</name>"
            if at < last:
                yield f"<{tag}{space}>{name}"
                stack.append(steps[at])
            else:
                yield f"<{tag}{space}{gone}>{name}{escape(value or '')}</{tag}>"
    yield from (f"</{step[0]}>" for step in stack[::-1])
    yield "</configuration></config>"


# -- counters ----------------------------------------------------------------------------------------------------------


def with_counters(config: Config, reply: str) -> Config:
    """The configuration with its counters, from the reply to <get-firewall-information>.

    A filter in a list has its counters under a name that ends in the interface and -i or -o.
    """
    known = sorted(
        {line.rpartition(" ")[2] for lines in config.objects.values() for line in lines if " then count " in line},
        key=len,
        reverse=True,
    )
    found: dict[tuple[str, str, str], int] = {}
    for counter in ElementTree.fromstring(reply).iter():  # noqa: S314
        if _tag(counter) != "counter":
            continue
        values = {_tag(child): (child.text or "").strip() for child in counter}
        shown = values.get("counter-name", "")
        name = next((name for name in known if shown.startswith(f"{name}-")), None)
        if name and shown[-2:] in ("-i", "-o"):
            _own, pool, destination = name.split(".")
            key = (pool, destination, OUT if shown.endswith("o") else IN)
            found[key] = found.get(key, 0) + int(values.get("packet-count") or 0)
    return replace(config, packets=found)


def counts(config: Config) -> dict[str, Any]:
    """New connections for each pool and destination class. Of what is blocked every packet counts, as all are SYN."""
    pools: dict[str, Any] = {}
    for (pool, destination, direction), packets in config.packets.items():
        pools.setdefault(pool, {}).setdefault(destination, {"out": 0, "in": 0})[direction] = packets
    return {"pools": pools, "fragments": 0}


def sources(_config: Config) -> dict[str, dict[str, int]]:
    """A filter remembers no sources."""
    return {}


def addresses(config: Config, interface: str) -> tuple[str, ...]:
    """The device's own addresses on an interface."""
    return config.interfaces.get(interface, ())
