# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last thing that a run prints: what happened to each edge, what was proved, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import rollout
from .policy import NO_WAVE
from .tables import BAD, GOOD, WARN, Cell, Column, Row, Table

CONFIRMED, BACK, ARMED, UNTOUCHED, UNCHANGED, FAILED, UNKNOWN = (
    "confirmed",
    "rolled back",
    "armed",
    "untouched",
    "unchanged",
    "NOT DONE",
    "NO ANSWER",
)
"""What may have become of an edge."""
_MARKS = {CONFIRMED: GOOD, BACK: WARN, ARMED: BAD, FAILED: BAD, UNKNOWN: BAD}


def state(variables: Mapping[str, Any], *, back: bool = False) -> tuple[str, str]:
    """What became of an edge, and a detail, by what the tasks registered in its variables.

    These are `edge_acl` (the plan, or with `rollout_begun` the change), `rollout_kept`, `rollout_taken_back`, `rollout_undone`,
    and `edge_found`, what was read last. With `back`, the change was the way back itself.
    """
    result = variables.get("edge_acl") or {}
    begun = back or variables.get("rollout_begun")
    if "after" not in result:
        silent = result.get("unreachable") or not result
        if begun and not silent and (armed := (variables.get("edge_found") or {}).get("armed")):
            return ARMED, _seconds(armed)
        return (UNKNOWN if silent else FAILED), rollout.said(result)
    if not result.get("changed"):
        return UNCHANGED, ""
    if not begun:
        return UNTOUCHED, ""
    if back:
        return BACK, ""
    kept = _done(variables.get("rollout_kept"))
    if _done(variables.get("rollout_undone")) or (not kept and _done(variables.get("rollout_taken_back"))):
        return BACK, ""
    if kept:
        return CONFIRMED, "it could not be rolled back" if variables.get("rollout_undone", {}).get("failed") else ""
    found = variables.get("edge_found") or {}
    if "gathered" in found and "armed" not in found:
        # The device itself says so: its timer was faster.
        return BACK, ""
    return ARMED, _seconds(found.get("armed") or {"seconds_left": None})


def _done(result: Mapping[str, Any] | None) -> bool:
    return bool(result) and not any(result.get(key) for key in ("failed", "unreachable", "skipped"))  # type: ignore[union-attr]


def _seconds(armed: Mapping[str, Any]) -> str:
    left = armed["seconds_left"]
    return "it rolls back by itself when its timer ends" if left is None else f"it rolls back by itself in {left} s"


def table(
    edges: Mapping[str, Mapping[str, Any]],
    wave: str,
    problems: Sequence[str],
    playbook: str,
    sources: Sequence[str],
    missing: Sequence[str] = (),
    *,
    back: bool = False,
) -> Table:
    """What became of each edge, and what to type next.

    `edges` has the variables of each edge that was asked, with the `rollout_verdict` of its batch (Gates.judge); `problems` are
    sentences; `playbook` and the inventories `sources` are those of this run; `missing` are edges without which the wave is not
    complete.
    """
    rows: list[Row] = []
    became = {edge: state(variables, back=back) for edge, variables in edges.items()}
    for edge, (what, detail) in became.items():
        if what != UNCHANGED:
            rows += _rows(edge, edges[edge], what, detail)
    states = [what for what, _detail in became.values()]
    end = ", ".join(f"{states.count(what)} {what}" for what in dict.fromkeys(states)) or "none was asked"
    head = f"{'NO-GO' if problems else 'GO'}, wave {wave}"
    if back:
        whole = not {FAILED, UNKNOWN, ARMED} & set(states)
        head = ("" if whole else "NOT ") + ("everything out" if wave == NO_WAVE else f"back to wave {wave}")
    bad = problems or any(_MARKS.get(what) == BAD for what in states)
    lines = [Cell(f"{head}; edges: {end}", BAD if bad else GOOD)]
    if missing and not problems:
        lines.append(Cell(f"The wave is not complete without {', '.join(missing)}, which this run did not change.", WARN))
    notes: list[Cell | str] = [Cell(f"- {problem}", BAD) for problem in problems]
    notes += [
        "Next:",
        *(f"  {line}" for line in _next({e: what for e, (what, _d) in became.items()}, problems, playbook, sources)),
    ]
    columns = (
        *(Column(name) for name in ("edge", "pool", "class", "before", "after")),
        Column("probes", right=True, rank=1),
        Column("outcome"),
    )
    return Table(columns, tuple(rows), tuple(lines), tuple(notes))


def _next(became: Mapping[str, str], problems: Sequence[str], playbook: str, sources: Sequence[str]) -> Iterator[str]:
    """What to type next."""
    armed = [edge for edge, what in became.items() if what == ARMED]
    silent = [edge for edge, what in became.items() if what in (UNKNOWN, FAILED)]
    inventories = [word for source in sources for word in ("-i", source)]
    if armed:
        task = ["ccsnet.op25b.acl_confirm", "-a", "state=taken_back"]
        yield shlex.join(["ansible", ",".join(armed), *inventories, "-m", *task])
    if playbook == "rollback" and silent:
        yield command(playbook, sources, "--limit", ",".join(silent))
    yield command("status", sources)
    if problems and playbook != "rollback":
        yield f"{command(playbook, sources)}   # when that is mended"


def _rows(edge: str, variables: Mapping[str, Any], what: str, detail: str) -> Iterator[Row]:
    result, verdict = variables.get("edge_acl") or {}, variables.get("rollout_verdict") or {}
    outcome = Cell(what, _MARKS.get(what, ""))
    steps = [
        step for step in rollout.actions_between(result.get("before", {}), result.get("after", {})) if step.before != step.after
    ]
    tried = verdict.get("probes", {}).get(edge, {}).get("tried")
    if not steps:
        yield Row((edge, "-", "-", "-", "-", str(tried) if tried else "-", outcome), detail)
    for step in steps:
        why = what == CONFIRMED and verdict.get("proofs", {}).get(edge, {}).get(step.pool, {}).get(step.destination)
        seen = Cell("unproved", WARN) if why else Cell(str(tried) if tried else "-")
        more = "; ".join(part for part in (detail, f"unproved ({why})" if why else "") if part)
        yield Row((edge, step.pool, step.destination, step.before, step.after, seen, outcome), more)


def command(playbook: str, sources: Sequence[str], *more: str) -> str:
    """What to type for a playbook, with the inventories of this run."""
    inventories = [word for source in sources for word in ("-i", source)]
    return shlex.join(["ansible-playbook", f"ccsnet.op25b.{playbook}", *inventories, *more])
