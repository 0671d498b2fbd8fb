# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Acl as an ordered list of rules in which the first match decides, beside the operator's own entries.

    out (at the uplinks): TCP to port 25 from a pool        in (at the uplinks): TCP from port 25 to a pool

Such a device sees a packet at one interface only. At an uplink a packet of a pool has left the edge, by whichever
interface it came, so that what customers of one edge send to each other stays untouched.

A permit is final in such a list: it hides what the operator has behind it, and the operator's permits hide ours. So
the place of our rules is found by asking, for every packet that one of them decides, what the operator's entries say.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .acl import DEFAULT_REJECT, REJECTING, Acl, PoolAcl
from .errors import Op25bError
from .policy import ANY
from .prefixes import BITS, FAMILIES, NOTHING, PrefixSet, Span, minus, union

TCP = 6
SMTP = 25
OUT, IN = "out", "in"
DIRECTIONS = (OUT, IN)
EXEMPTED, PERMITTED = "exempted", "permitted"
EVERY_INTERFACE = ("*",)
"""What the interfaces of a pool are where the device sees its packets at the uplinks only."""

Box = tuple[tuple[Span, ...], ...]
"""A set of packets: kind, protocol, source, destination, source port, destination port; each a set of numbers."""
WHOLE, LATER, HEADLESS = (0, 0), (1, 1), (2, 2)
_KINDS = ((0, 2),)
_PROTOCOLS = ((0, 255),)
_PORTS = ((0, 65535),)


@dataclass(frozen=True)
class Side:
    """The source or the destination of a rule: a named set of prefixes, or without a name any address."""

    name: str | None = None
    prefixes: PrefixSet = NOTHING


ANYWHERE = Side()


@dataclass(frozen=True)
class Rule:
    """One rule of ours in one direction and one family.

    `inside` are customers, `outside` is the other end. `opening` matches only packets with SYN: they are counted as
    new connections. `headless` matches IPv6 first fragments that end before the ports.
    """

    label: str
    permit: bool
    inside: Side
    outside: Side
    opening: bool = False
    headless: bool = False


def rules(acl: Acl, direction: str, family: int) -> tuple[Rule, ...]:
    """The rules of an Acl for one direction and family (4 or 6), in order; none where nothing is to be done."""
    if direction == IN and not acl.return_rule:
        return ()
    classes: dict[str, PrefixSet] = {}
    for name, prefixes in acl.classes:
        # Without overlaps the order of the classes means nothing, and a device need not keep it.
        classes[name] = _of(prefixes - union(classes.values()), family)
    terms = [rule for pool in acl.pools for rule in _terms(pool, classes, family, direction)]
    if not terms:
        return ()
    heads = []
    if acl.exempted.spans(family):
        heads.append(Rule(EXEMPTED, True, Side(EXEMPTED, _of(acl.exempted, family)), ANYWHERE))
    if acl.permitted.spans(family):
        heads.append(Rule(PERMITTED, True, ANYWHERE, Side(PERMITTED, _of(acl.permitted, family))))
    return (*heads, *terms)


def _terms(pool: PoolAcl, classes: Mapping[str, PrefixSet], family: int, direction: str) -> Iterator[Rule]:
    inside = Side(f"pool {pool.name}", _of(pool.prefixes, family))
    if not inside.prefixes:
        return
    last = dict(pool.terms)[ANY]
    for name, action in pool.terms:
        outside = ANYWHERE if name == ANY else Side(f"class {name}", classes[name])
        if name != ANY and not outside.prefixes:
            continue
        label = f"pool {pool.name} to {name}: {action}"
        if action == "block":
            yield Rule(label, False, inside, outside)
            if family == 6 and direction == OUT:
                yield Rule(label, False, inside, outside, headless=True)
            continue
        if action == "observe" or (name != ANY and last == "observe"):
            yield Rule(label, True, inside, outside, opening=True)
        if name != ANY and last == "block":
            yield Rule(label, True, inside, outside)


def _of(prefixes: PrefixSet, family: int) -> PrefixSet:
    return PrefixSet(v4=prefixes.v4) if family == 4 else PrefixSet(v6=prefixes.v6)


Rules = Mapping[tuple[str, int], Sequence[Rule]]
"""Direction and family to rules."""


def all_rules(acl: Acl) -> dict[tuple[str, int], tuple[Rule, ...]]:
    """The rules of an Acl in every direction and family that has any."""
    found = {(direction, family): rules(acl, direction, family) for direction in DIRECTIONS for family in FAMILIES}
    return {place: items for place, items in found.items() if items}


def acl_of(found: Rules, uplinks: Iterable[str], reject: str) -> Acl:
    """The Acl that such rules are: what `rules` made of an Acl, but for what an ordered list cannot say."""
    terms: dict[str, dict[str, str]] = {}
    pools: dict[str, PrefixSet] = {}
    classes: dict[str, PrefixSet] = {}
    heads = {EXEMPTED: NOTHING, PERMITTED: NOTHING}
    for rule in (rule for (direction, _family), items in sorted(found.items()) if direction == OUT for rule in items):
        if rule.label == EXEMPTED:
            heads[EXEMPTED] |= rule.inside.prefixes
        elif rule.label == PERMITTED:
            heads[PERMITTED] |= rule.outside.prefixes
        else:
            pool, destination, action = term_of(rule.label)
            pools[pool] = pools.get(pool, NOTHING) | rule.inside.prefixes
            terms.setdefault(pool, {})[destination] = action
            if destination != ANY:
                classes[destination] = classes.get(destination, NOTHING) | rule.outside.prefixes
    if not pools:
        return Acl()
    return Acl(
        pools=tuple(
            PoolAcl(name, pools[name], EVERY_INTERFACE, tuple((c, terms[name].get(c, "pass")) for c in (*sorted(classes), ANY)))
            for name in sorted(pools)
        ),
        classes=tuple(sorted(classes.items())),
        exempted=heads[EXEMPTED],
        permitted=heads[PERMITTED],
        uplinks=tuple(sorted(uplinks)),
        reject=reject if any("block" in actions.values() for actions in terms.values()) else DEFAULT_REJECT,
        return_rule=any(direction == IN for direction, _family in found),
    )


def term_of(label: str) -> tuple[str, str, str]:
    """Pool, destination class and action of a rule by its label; raises ValueError."""
    found = re.fullmatch(r"pool (\S+) to (\S+): (pass|observe|block)", label)
    if found is None:
        raise ValueError(label)
    return found[1], found[2], found[3]


def is_label(text: str) -> bool:
    """Whether a rule of ours may have this label."""
    try:
        return text in (EXEMPTED, PERMITTED) or bool(term_of(text))
    except ValueError:
        return False


def enforceable(acl: Acl, rejects: Sequence[str], fallback: str) -> tuple[Acl, list[str]]:
    """What of an Acl an ordered list at the uplinks can say, and a sentence for each thing that it cannot.

    `rejects` are the replies to a blocked sender that the platform has, `fallback` is the one that stands in for the rest.
    """
    if "limit" in acl.actions():
        pool = next(p.name for p in acl.pools if "limit" in dict(p.terms).values())
        raise Op25bError(
            f"waves: the action limit of pool {pool} needs a counter for each customer, and an access list has none; "
            "write observe or block for the pools of this edge."
        )
    if not acl.pools:
        return acl, []
    warnings = []
    reject = acl.reject if acl.reject in rejects else fallback
    if reject != acl.reject and acl.actions() & REJECTING:
        warnings.append(f"reject: an access list of this edge cannot answer with {acl.reject}; a blocked sender gets {reject}.")
    if acl.checked_interfaces:
        warnings.append(
            "source_check: an access list cannot look at routes; use the platform's own check of the reverse path on "
            + ", ".join(acl.checked_interfaces)
            + "."
        )
    if acl.seen:
        warnings.append("observe_sources: an access list remembers no addresses; this edge counts, and names no sources.")
    found = acl_of(all_rules(acl), acl.uplinks, reject)
    return replace(found, tickets=acl.tickets if found.exempted else ()), warnings


# -- sets of packets ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One entry of a list as a set of packets.

    `permit` is None where it may be either. An entry that is not `exact` matches nothing outside of its boxes, and maybe
    not all within. `text` is the entry in the device's words, for people.
    """

    permit: bool | None
    boxes: tuple[Box, ...]
    exact: bool = True
    text: str = ""


def everything(family: int) -> Box:
    """Every packet of a family."""
    addresses = ((0, (1 << BITS[family]) - 1),)
    return (_KINDS, _PROTOCOLS, addresses, addresses, _PORTS, _PORTS)


def boxes(
    family: int,
    permit: bool,
    *,
    protocol: tuple[Span, ...] = _PROTOCOLS,
    source: tuple[Span, ...] | None = None,
    destination: tuple[Span, ...] | None = None,
    sports: tuple[Span, ...] = _PORTS,
    dports: tuple[Span, ...] = _PORTS,
    deeper: bool = False,
    fragments: bool = False,
    headless: bool = False,
) -> tuple[Box, ...]:
    """The packets that an entry matches, by the way in which such lists treat fragments.

    `deeper` says that it looks into the transport header: then a denial matches no later fragment, and a permit matches
    later fragments by their addresses (Cisco, "Access Control Lists and IP Fragments").
    """
    _kinds, _protocols, everywhere, _everywhere, _sports, _dports = everything(family)
    source = everywhere if source is None else source
    destination = everywhere if destination is None else destination
    if headless:
        return (((HEADLESS,), _PROTOCOLS, source, destination, _PORTS, _PORTS),)
    if fragments:
        return (((LATER,), protocol, source, destination, _PORTS, _PORTS),)
    if not deeper:
        return ((_KINDS, protocol, source, destination, sports, dports),)
    found: list[Box] = [((WHOLE,), protocol, source, destination, sports, dports)]
    if permit:
        found.append(((LATER,), protocol, source, destination, _PORTS, _PORTS))
    return tuple(found)


def entry(rule: Rule, direction: str, family: int) -> Entry:
    """A rule of ours as a set of packets."""
    inside, outside = (None if side.name is None else side.prefixes.spans(family) for side in (rule.inside, rule.outside))
    if rule.headless:
        return Entry(False, boxes(family, False, source=inside, destination=outside, headless=True), text=rule.label)
    port = ((SMTP, SMTP),)
    found = (
        boxes(family, rule.permit, protocol=((TCP, TCP),), source=inside, destination=outside, dports=port, deeper=True)
        if direction == OUT
        else boxes(family, rule.permit, protocol=((TCP, TCP),), source=outside, destination=inside, sports=port, deeper=True)
    )
    return Entry(rule.permit, found, not rule.opening, rule.label)


def meet(left: Box, right: Box) -> Box | None:
    """The packets of both boxes, or None."""
    found = []
    for ours, theirs in zip(left, right, strict=True):
        both = _both(ours, theirs)
        if not both:
            return None
        found.append(both)
    return tuple(found)


def _both(left: tuple[Span, ...], right: tuple[Span, ...]) -> tuple[Span, ...]:
    found = []
    at = start = 0
    while at < len(left) and start < len(right):
        first, last = max(left[at][0], right[start][0]), min(left[at][1], right[start][1])
        if first <= last:
            found.append((first, last))
        if left[at][1] < right[start][1]:
            at += 1
        else:
            start += 1
    return tuple(found)


def without(pieces: Sequence[Box], taken: Iterable[Box]) -> list[Box]:
    """The packets of the pieces that are in none of the taken boxes."""
    rest = list(pieces)
    for box in taken:
        rest = [piece for old in rest for piece in _minus(old, box)]
    return rest


def _minus(piece: Box, box: Box) -> Iterator[Box]:
    common = meet(piece, box)
    if common is None:
        yield piece
        return
    for at, (whole, part) in enumerate(zip(piece, common, strict=True)):
        outside = minus(whole, part)
        if outside:
            yield (*common[:at], outside, *piece[at + 1 :])


def conflict(ours: Sequence[Entry], theirs: Sequence[Entry], place: int) -> tuple[str, str] | None:
    """Why our entries cannot stand before `theirs[place]`: an entry of theirs, and what would happen; None where they can.

    No packet that they deny may become permitted, and none that we deny may be permitted by what stands before.
    """
    for at, entry_ in enumerate(ours):
        pieces = list(entry_.boxes)
        for earlier in ours[:at]:
            if earlier.exact:
                pieces = without(pieces, earlier.boxes)
        for other in theirs[:place]:
            if not entry_.permit and other.permit is not False and _hits(pieces, other):
                return other.text, f"lets through what is to be blocked ({entry_.text})"
            if other.exact:
                pieces = without(pieces, other.boxes)
        if not entry_.permit:
            continue
        for other in theirs[place:]:
            if other.permit is not True and _hits(pieces, other):
                return other.text, f"denies what would be permitted before it ({entry_.text})"
            if other.exact:
                pieces = without(pieces, other.boxes)
        if pieces:
            return "the implicit deny at the end", f"denies what would be permitted before it ({entry_.text})"
    return None


def _hits(pieces: Iterable[Box], other: Entry) -> bool:
    return any(meet(piece, box) for piece in pieces for box in other.boxes)


def place(ours: Sequence[Entry], theirs: Sequence[Entry], stands: int | None, where: str) -> int:
    """Before which of their entries ours can stand: where they stand if that is right, else as early as possible.

    Raises Op25bError with the entry that is in the way.
    """
    first: tuple[str, str] | None = None
    places: list[int] = [*([] if stands is None else [stands]), *range(len(theirs) + 1)]
    for at in dict.fromkeys(places):
        found = conflict(ours, theirs, at)
        if found is None:
            return at
        if at == 0:
            first = found
    entry_, why = first or ("", "")
    raise Op25bError(
        f"{where}: no place in this access list is right for the policy; in the way of the head is '{entry_}', which {why}. "
        "Change it, or bind a list of its own."
    )


# -- numbers -----------------------------------------------------------------------------------------------------------


def renumber(have: Mapping[int, str], want: Sequence[str], low: int, high: int, step: int) -> dict[int, str] | None:
    """Numbers for the wanted lines that keep those of lines that stay; None where a gap is too small.

    `have` are our lines now by number, all of them different; new numbers lie between low and high and are none of
    theirs, so that new lines can stand before old ones go. They are `step` apart where there is room.
    """
    kept = _kept(list(have.items()), want)
    result: dict[int, str] = {}
    before: int = low
    run: list[str] = []
    for at in range(len(want) + 1):
        number = high if at == len(want) else kept.get(at)
        if number is None:
            run.append(want[at])
            continue
        found = _free(len(run), before, number, step, have)
        if found is None:
            return None
        result.update(zip(found, run, strict=True))
        if at < len(want):
            result[number] = want[at]
        before, run = number, []
    return result


def _free(count: int, low: int, high: int, step: int, taken: Mapping[int, str]) -> list[int] | None:
    apart = min(step, (high - low) // (count + 1))
    for shift in (0, apart // 2, apart // 3):
        found = [low + apart * (at + 1) - shift for at in range(count)]
        if apart > 0 and low < min(found, default=high) and not any(number in taken for number in found):
            return found
    if high - low - 1 - sum(low < number < high for number in taken) < count:
        return None
    found = []
    number = low
    while len(found) < count:
        number += 1
        if number not in taken:
            found.append(number)
    return found if number < high else None


def _kept(have: Sequence[tuple[int, str]], want: Sequence[str]) -> dict[int, int]:
    """Place in `want` to the number that the line has now: the longest common subsequence of lists without repeats."""
    places = {line: at for at, line in enumerate(want)}
    tops: list[int] = []
    piles: list[list[tuple[int, int, int]]] = []
    for number, line in have:
        if line not in places:
            continue
        at = places[line]
        pile = bisect_left(tops, at)
        if pile == len(tops):
            tops.append(at)
            piles.append([])
        tops[pile] = at
        piles[pile].append((at, number, len(piles[pile - 1]) - 1 if pile else -1))
    kept = {}
    link = len(piles[-1]) - 1 if piles else -1
    for cards in reversed(piles):
        at, number, link = cards[link]
        kept[at] = number
    return kept
