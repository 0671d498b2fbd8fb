# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wave moves: pool by destination class, and the edges on which that happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import acl, dialects, intent
from .errors import Op25bError
from .policy import ANY, NO_WAVE, Policy, wave_index
from .tables import BAD, Cell, Column, Row, Table


@dataclass(frozen=True)
class Step:
    """One pool and destination class: its action before the wave, and after."""

    pool: str
    destination: str
    before: str
    after: str


@dataclass(frozen=True)
class Edge:
    """An edge as the host file has it: the pools behind it and their areas, its dialect, and the group with which it moves.

    A pool without an area is of the area `none`.
    """

    name: str
    pools: tuple[str, ...]
    areas: tuple[str, ...]
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
    areas = tuple(dict.fromkeys(policy.pools[pool].area or "none" for pool in pools))
    pair = variables.get("op25b_ha_group")
    return Edge(name, pools, areas, dialect, None if pair is None else str(pair))


def touched(policy: Policy, wave: str, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edges with any pool that the wave moves, and with each one all that move together with it."""
    pools = {step.pool for step in steps(policy, wave_before(policy, wave), wave)}
    first = [edge for edge in edges if pools & set(edge.pools)]
    pairs = {edge.pair for edge in first if edge.pair}
    return tuple(edge for edge in edges if edge in first or edge.pair in pairs)


def moves(planned: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What would change where, by what the task acl returns for each edge in check mode.

    A row for each pool and destination class whose action changes; `added` and `removed` are the entries of the whole edge. An
    edge on which anything else changes, as an exemption, has one row without them; one without an answer has a `problem`.
    """
    rows: list[dict[str, Any]] = []
    for edge, result in planned.items():
        if "before" not in result:
            rows.append({"edge": edge, "problem": said(result)})
            continue
        entries = {"added": result["summary"]["added"], "removed": result["summary"]["removed"]}
        found = [
            {"edge": edge, **asdict(step), **entries}
            for step in actions_between(result["before"], result["after"])
            if step.before != step.after
        ]
        rows += found or ([{"edge": edge, **entries}] if result["changed"] else [])
    return rows


def said(result: Mapping[str, Any]) -> str:
    """Why a task has no answer."""
    return str(result.get("msg") or "it did not answer")


def counted(found: Mapping[str, Any], pool: str, destination: str) -> dict[str, int]:
    """What an edge counted for a pool and class, `out` and `in`, by what the task acl gathered; nothing where it does not."""
    numbers: dict[str, int] = found.get("counters", {}).get("pools", {}).get(pool, {}).get(destination, {})
    return numbers


def actions_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Step]:
    """The actions for each pool and class that a device enforces on one of two sides, equal ones as well."""
    old, new = actions_of(before), actions_of(after)
    for pool in dict.fromkeys([*new, *old]):
        for name in dict.fromkeys([*new.get(pool, ()), *old.get(pool, ())]):
            yield Step(pool, name, action_of(old, pool, name), action_of(new, pool, name))


def actions_of(enforced: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """For each pool the action for each class, of what a task says that a device enforces."""
    return {pool: found["actions"] for pool, found in enforced.get("pools", {}).items()}


def action_of(actions: Mapping[str, Mapping[str, str]], pool: str, destination: str) -> str:
    """The action of a pool for a class; a class that a device does not know is part of `any` there."""
    found = actions.get(pool, {})
    return found.get(destination, found.get(ANY, intent.PASS))


def plan_table(planned: Mapping[str, Mapping[str, Any]]) -> Table:
    """The moves as a table, a line for each, and how many edges change."""
    rows = moves(planned)
    body = []
    above = None
    for row in rows:
        if "problem" in row:
            body.append(Row((row["edge"], "-", "-", "-", "-", Cell("NOT KNOWN", BAD)), row["problem"]))
        else:
            words = [str(row.get(key, "-")) for key in ("edge", "pool", "destination", "before", "after")]
            body.append(Row((*words, f"+{row['added']} -{row['removed']}" if row["edge"] != above else "")))
        above = row["edge"]
    unknown = len({row["edge"] for row in rows if "problem" in row})
    changing = len({row["edge"] for row in rows}) - unknown
    end = f"{changing} of {len(planned)} edges would change" + (f", {unknown} NOT known" if unknown else "")
    columns = (*(Column(head) for head in ("edge", "pool", "class", "before", "after")), Column("entries", rank=1))
    return Table(columns, tuple(body), (Cell(end, BAD if unknown else ""),))
