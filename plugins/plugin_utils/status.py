# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is where: the policy at a wave, what every edge answers, and the journal, held against each other.

`edges` has the variables of each edge by its name, with what the task acl returned for `state: gathered` in `edge_found`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import intent, journal, rollout
from .errors import Op25bError
from .policy import ANY, Policy
from .prefixes import PrefixSet
from .tables import BAD, WARN, Cell, Column, Row, Table

UNKNOWN = "?"
"""The action of an edge that did not answer."""
MARKS = {"unproved": WARN, "unrecorded": WARN, "armed": WARN, "differs": BAD, "unknown": BAD}
"""The states that a person should see at once."""
Edges = Mapping[str, Mapping[str, Any]]


def problem(variables: Mapping[str, Any]) -> str | None:
    """Why an edge did not say what it enforces; None where it did."""
    found = variables.get("edge_found") or {}
    return None if "gathered" in found else rollout.said(found)


def rows(policy: Policy, wave: str, edges: Edges, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each edge, pool and destination class.

    `edge`, `pool` and its `area`, `destination`, `wanted` and `device` (actions), `out` and `in` (what the edge counted, or
    None), `since` (when the newest record of the journal says that the device came to its action, or None), and `state`:

        confirmed   the device is as wanted, nothing is armed, and the journal knows it, or nothing is wanted
        unrecorded  the same, but no run wrote it down
        unproved    the same as confirmed, for the reason in `problem` and not because a probe proved it
        armed       an unconfirmed change is on the edge
        differs     the device is not as wanted; `problem` says what else than the action
        unknown     the edge did not answer; `problem` says why. `pool` is None where not even its pools are known
    """
    known = journal.newest_confirmed(records)
    wanted = {pool: dict(terms) for pool, terms in intent.at(policy, wave).pools.items()}
    found: list[dict[str, Any]] = []
    for edge, variables in edges.items():
        why = problem(variables)
        try:
            attached = rollout.edge_from(edge, variables, policy).pools
        except Op25bError as err:
            nothing = dict.fromkeys(("pool", "area", "destination", "wanted", "out", "in", "since"))
            found.append({"edge": edge, **nothing, "device": UNKNOWN, "state": "unknown", "problem": str(err)})
            continue
        answer = {} if why else variables["edge_found"]
        now = rollout.actions_of(answer.get("gathered", {}))
        for pool in dict.fromkeys([*attached, *now]):
            # What is no longer attached, or no longer in the policy, should not be there.
            terms = wanted.get(pool, {}) if pool in attached else {}
            odd = _odd(policy, pool, answer)
            for name in dict.fromkeys([*(each.name for each in policy.destinations), *now.get(pool, ()), ANY]):
                numbers = rollout.counted(answer, pool, name)
                row = {
                    "edge": edge,
                    "pool": pool,
                    "area": policy.pools[pool].area if pool in policy.pools else None,
                    "destination": name,
                    "wanted": terms.get(name, terms.get(ANY, intent.PASS)),
                    "device": UNKNOWN if why else rollout.action_of(now, pool, name),
                }
                found.append(
                    {**row, "out": numbers.get("out"), "in": numbers.get("in"), **_state(row, answer, why or odd, known)}
                )
    return found


def _odd(policy: Policy, pool: str, answer: Mapping[str, Any]) -> str | None:
    """What else than an action is not as it should be where a pool is on an edge."""
    if answer.get("drift"):
        return "lines of the device are not just what such rules ask for"
    there = answer.get("gathered", {}).get("pools", {}).get(pool)
    if there and pool in policy.pools and PrefixSet.parse(map(str, there["prefixes"])) != policy.pools[pool].prefixes:
        return "the pool has other prefixes there than in the policy"
    return None


def _state(
    row: Mapping[str, Any], answer: Mapping[str, Any], why: str | None, known: Mapping[journal.Place, Mapping[str, Any]]
) -> dict[str, Any]:
    if row["device"] == UNKNOWN:
        return {"since": None, "state": "unknown", "problem": why}
    last = known.get((row["edge"], row["pool"], row["destination"]))
    since = last["at"] if last and last["after"] == row["device"] else None
    if answer.get("armed"):
        return {"since": since, "state": "armed"}
    if row["wanted"] != row["device"]:
        return {"since": since, "state": "differs"}
    if why:
        return {"since": since, "state": "differs", "problem": why}
    if since and row["wanted"] != intent.PASS and last and last.get("unproved"):
        return {"since": since, "state": "unproved", "problem": last["unproved"]}
    return {"since": since, "state": "confirmed" if since or row["wanted"] == intent.PASS else "unrecorded"}


def table(found: Sequence[Mapping[str, Any]], edges: Edges) -> Table:
    """The rows as a table; below them what is armed, and every line in which an edge is not just what such rules ask for."""
    body = []
    for row in found:
        keys = ("edge", "pool", "destination", "wanted", "device", "out", "in")
        words = ["-" if row[key] is None else str(row[key]) for key in keys]
        state = Cell("NOT KNOWN" if row["state"] == "unknown" else row["state"], MARKS.get(row["state"], ""))
        body.append(Row((*words, _day(row["since"] or "-"), state), row.get("problem") or ""))
    states = [row["state"] for row in found]
    order = ("confirmed", "unproved", "unrecorded", "armed", "differs")
    end = [f"{states.count(state)} {state}" for state in order if state in states]
    silent = len({row["edge"] for row in found if row["state"] == "unknown"})
    end += [f"{silent} of {len(edges)} edges NOT known"] if silent else []
    worst = next((mark for mark in (BAD, WARN) if any(MARKS.get(state) == mark for state in states)), "")
    columns = (
        *(Column(head) for head in ("edge", "pool", "class", "wanted", "device")),
        *(Column("SYN out", right=True, rank=2), Column("SYN-ACK in", right=True, rank=3), Column("since", rank=1)),
        Column("state"),
    )
    return Table(columns, tuple(body), (Cell(", ".join(end) or "no edges", worst),), tuple(_notes(edges)))


def _day(time: str) -> Cell:
    """A time, of which the day is enough where the width is small."""
    return Cell(time, short=time.partition("T")[0])


def _notes(edges: Edges) -> Iterator[Cell]:
    for edge, variables in edges.items():
        found = variables.get("edge_found") or {}
        if armed := found.get("armed"):
            left = "by itself" if armed["seconds_left"] is None else f"in {armed['seconds_left']} s"
            yield Cell(f"{edge}: a change that {armed['who']} armed at {armed['at']} is unconfirmed; it goes back {left}", WARN)
        for sentence in found.get("drift", ()):
            yield Cell(f"{edge}: {sentence}", BAD)


def observed(wave: str, edges: Edges) -> list[dict[str, Any]]:
    """What the edges counted as records of the journal: a step without a change for each pool and class that has a counter."""
    steps = []
    for edge, variables in edges.items():
        answer = variables.get("edge_found") or {}
        now = rollout.actions_of(answer.get("gathered", {}))
        for pool, counters in answer.get("counters", {}).get("pools", {}).items():
            for name, counted in counters.items():
                action = rollout.action_of(now, pool, name)
                step = {"kind": "step", "wave": wave, "edge": edge, "pool": pool, "class": name, "outcome": "observed"}
                numbers = {"out": counted.get("out"), "in": counted.get("in")}
                steps.append({**step, "before": action, "after": action, "counters": numbers})
    return steps


def observed_table(edges: Edges, steps: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> Table:
    """New connections to port 25 outside, by pool, class and edge, with their sums.

    `since last` is what came since the observation before, by the journal; a counter that went down began anew.
    """
    last = journal.newest_observed(records)
    body = []
    lines: dict[tuple[str, str], list[tuple[list[Cell | str], int, int | None]]] = {}
    for step in steps:
        before = last.get(journal.place(step))
        out = int(step["counters"]["out"] or 0)
        was = int(before["counters"].get("out") or 0) if before else None
        more = None if was is None else out - was if out >= was else out
        when = _day(before["at"] if before else "never")
        words = [step["edge"], step["after"], str(out), "-" if more is None else f"+{more}", when]
        lines.setdefault((step["pool"], step["class"]), []).append((words, out, more))
    for (pool, name), each in lines.items():
        body += [Row((pool, name, *words)) for words, _out, _more in each]
        if len(each) > 1:
            body.append(Row((pool, name, "all", "", str(sum(out for _words, out, _more in each)), _added(each), "")))
    silent = {edge: why for edge, variables in edges.items() if (why := problem(variables))}
    body += [Row(("-", "-", edge, "-", "-", "-", Cell("NOT KNOWN", BAD)), why) for edge, why in silent.items()]
    whole = [each for some in lines.values() for each in some]
    end = f"{sum(out for _words, out, _more in whole)} SYN to port 25 outside, {_added(whole)} since the last observation"
    end += f"; {len(silent)} of {len(edges)} edges NOT known" if silent else ""
    columns = (
        *(Column(head) for head in ("pool", "class", "edge", "action")),
        *(Column("SYN out", right=True), Column("since last", right=True), Column("last observed", rank=1)),
    )
    return Table(columns, tuple(body), (Cell(end, BAD if silent else ""),))


def _added(lines: Sequence[tuple[list[Cell | str], int, int | None]]) -> str:
    known = [more for _words, _out, more in lines if more is not None]
    return f"+{sum(known)}" if known else "-"
