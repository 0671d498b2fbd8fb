# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real packets have to prove before a change may stay: each pool, destination class and address family that it touches.

A probe proves its own pool, by the edges that it crosses, towards the classes of which the policy has a probe target on port 25.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from . import intent
from .policy import ANY, Policy
from .prefixes import FAMILIES, Address, PrefixSet
from .verdict import SMTP

_ELSEWHERE = {"pools", "exempted", "tickets", "observe_sources"}
"""Keys of what an edge enforces that say nothing of every pool alike."""


class Claim(NamedTuple):
    """A pool and destination class in one family, which a change touches."""

    pool: str
    destination: str
    family: int


def claims(policy: Policy, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Claim, ...]:
    """What a change touches, by what the edge enforced before and enforces after it, as the task acl returns them.

    A pool of which only the actions change is touched in their classes; one whose prefixes, interfaces or exemptions change, and
    every pool where uplinks or permitted servers do, in each class that is not passed.
    """
    everywhere = any(before.get(key) != after.get(key) for key in {*before, *after} - _ELSEWHERE) and bool(before and after)
    old, new = before.get("pools", {}), after.get("pools", {})
    found: list[Claim] = []
    for pool in dict.fromkeys([*new, *old]):
        was, becomes = old.get(pool), new.get(pool)
        prefixes = PrefixSet.parse({text for each in (was, becomes) if each for text in each["prefixes"]})
        then, now = ((each or {}).get("actions", {}) for each in (was, becomes))
        whole = everywhere or (bool(was and becomes) and _place(was, before, prefixes) != _place(becomes, after, prefixes))
        for name in dict.fromkeys([*(each.name for each in policy.destinations), ANY]):
            earlier, later = (each.get(name, each.get(ANY, intent.PASS)) for each in (then, now))
            if earlier != later or (whole and later != intent.PASS):
                families = [family for family in FAMILIES if prefixes.spans(family) and _exists(policy, name, family)]
                found += [Claim(pool, name, family) for family in families]
    return tuple(found)


def _place(pool: Mapping[str, Any], enforced: Mapping[str, Any], prefixes: PrefixSet) -> tuple[Any, ...]:
    return pool["prefixes"], pool["interfaces"], PrefixSet.parse(enforced["exempted"]) & prefixes


def _exists(policy: Policy, destination: str, family: int) -> bool:
    return destination == ANY or any(each.prefixes.spans(family) for each in policy.destinations if each.name == destination)


def by_addresses(policy: Policy, addresses: Iterable[Address]) -> set[Claim]:
    """What a probe host with these addresses can prove of the edges that it crosses; one that is exempted proves nothing."""
    open_servers, exempted = policy.permitted(), policy.exempted()
    found = set()
    for source in addresses:
        pool = policy.pool_of(source)
        if pool is None or source in exempted:
            continue
        for target in policy.probe_targets:
            for address in target.addresses:
                if SMTP in target.ports and address.family == source.family and address not in open_servers:
                    name = next((each.name for each in policy.destinations if address in each.prefixes), ANY)
                    found.add(Claim(pool, name, source.family))
    return found


def sentences(edge: str, unproved: Sequence[Claim]) -> Iterator[str]:
    """A sentence for each pool of an edge with what nobody proves there."""
    for pool, group in groupby(unproved, key=lambda claim: claim.pool):
        each = list(group)
        families = {name: [claim.family for claim in each if claim.destination == name] for name in {c.destination for c in each}}
        what = ", ".join(
            f"{name} on {' and '.join(f'IPv{family}' for family in families[name])}"
            for name in dict.fromkeys(claim.destination for claim in each)
        )
        yield f"{edge}: no probe proves {pool} x {what}"


REMEDY = (
    "put a probe host into that pool behind that edge (op25b_probe_addresses, op25b_probe_edges), and a target on port 25 of "
    "that class and family into probe_targets; or write op25b_unproved='the reason' for an edge that can have none"
)
"""What to do about what is not proved."""
