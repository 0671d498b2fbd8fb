# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wave moves: pool by destination class, and the edges on which that happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import acl, dialects, intent
from .errors import Op25bError
from .policy import NO_WAVE, Policy, wave_index


@dataclass(frozen=True)
class Step:
    """One pool and destination class: its action before the wave, and after."""

    pool: str
    destination: str
    before: str
    after: str


@dataclass(frozen=True)
class Edge:
    """An edge as the host file has it: the pools behind it, its dialect, and the group with which it moves."""

    name: str
    pools: tuple[str, ...]
    dialect: str
    pair: str | None


def wave_before(policy: Policy, wave: str) -> str:
    """The wave before this one; raises Op25bError for an unknown name."""
    names = [NO_WAVE, *(each.name for each in policy.waves)]
    return names[max(wave_index(policy, wave) - 1, 0)]


def steps(policy: Policy, before: str, after: str) -> tuple[Step, ...]:
    """What differs between two waves, in the order of the policy."""
    old, new = intent.at(policy, before), intent.at(policy, after)
    return tuple(
        Step(pool, destination, was, becomes)
        for pool, terms in new.pools.items()
        for (destination, becomes), (_same, was) in zip(terms, old.pools[pool], strict=True)
        if was != becomes
    )


def edge_from(name: str, variables: Mapping[str, Any], policy: Policy) -> Edge:
    """An edge by its variables; raises Op25bError with one sentence."""
    try:
        if "op25b_attachments" not in variables:
            raise Op25bError("op25b_attachments: it is missing; write the interfaces towards customers with their pools.")
        places = acl.attachments_from(variables["op25b_attachments"], policy)
        dialect = dialects.by_network_os(variables.get("ansible_network_os")).NAME
    except Op25bError as err:
        raise Op25bError(f"{name}: {err}") from None
    pools = tuple(pool for pool in policy.pools if any(pool in place.pools for place in places))
    pair = variables.get("op25b_ha_group")
    return Edge(name, pools, dialect, None if pair is None else str(pair))


def touched(edges: Sequence[Edge], pools: set[str]) -> tuple[Edge, ...]:
    """The edges with any of these pools, and with each one all that move together with it."""
    first = [edge for edge in edges if pools & set(edge.pools)]
    pairs = {edge.pair for edge in first if edge.pair}
    return tuple(edge for edge in edges if edge in first or edge.pair in pairs)


def tree(policy: Policy, wave: str, edges: Sequence[Edge]) -> dict[str, dict[str, dict[str | None, list[str]]]]:
    """The edges that a wave touches: by area, by pair, and in it their names in order; beside it all by their dialect.

    An edge with pools of two areas stands in both. Pools without an area are of the area `none`.
    """
    moved = {step.pool for step in steps(policy, wave_before(policy, wave), wave)}
    areas: dict[str, dict[str | None, list[str]]] = {}
    vendors: dict[str, dict[str | None, list[str]]] = {}
    for edge in touched(edges, moved):
        for area in dict.fromkeys(policy.pools[pool].area or "none" for pool in edge.pools):
            areas.setdefault(area, {}).setdefault(edge.pair, []).append(edge.name)
        vendors.setdefault(edge.dialect, {}).setdefault(None, []).append(edge.name)
    return {"area": areas, "vendor": vendors}
