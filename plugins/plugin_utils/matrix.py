# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe matrix: what a probe host should see, held against what it saw, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .policy import Policy
from .prefixes import Address
from .tables import BAD, GOOD, Cell, Column, Row, Table
from .verdict import SMTP, of_policy

SEEN_OF_REPLY = {None: "open", "tcp-reset": "refused", "admin-prohibited": "unreachable", "drop": "filtered"}
"""What a customer's connect() shows for each way to turn a packet away."""
STANDS_FOR = {("refused", "unreachable"), ("filtered", "unreachable")}
"""Expected and seen that agree: an edge which cannot answer as the policy says answers administratively prohibited."""
PORT_RANKS = {SMTP: 0, 587: 2}
"""Which ports' columns stay longest where the width is small; a port that is not as expected stays anyway."""


def plan(policy: Policy, wave: str, sources: Iterable[Address]) -> dict[str, list[dict[str, Any]]]:
    """What one probe host tries, and what it should see, for each family of which it has an address.

    The controls are each target's first port other than 25: they stay open at every wave, so that a target
    which is down is not taken for one that is blocked.
    """
    by_family = {source.family: source for source in sources}
    targets: list[dict[str, Any]] = []
    controls: list[dict[str, Any]] = []
    for target in policy.probe_targets:
        for address in target.addresses:
            source = by_family.get(address.family)
            if source is None:
                continue
            for port in target.ports:
                found = of_policy(policy, wave, source, address, port)
                targets.append(
                    {
                        "name": target.name,
                        "address": str(address),
                        "port": port,
                        "pool": policy.pool_of(source),
                        "expected": SEEN_OF_REPLY[found.reply],
                    }
                )
            others = [port for port in target.ports if port != SMTP]
            controls += [{"name": target.name, "address": str(address), "port": port} for port in others[:1]]
    return {"targets": targets, "controls": controls}


def judge(targets: Sequence[Mapping[str, Any]], probes: Sequence[Mapping[str, Any]], probe: str) -> list[dict[str, Any]]:
    """One row for each target: expected and seen; a target that was not probed is not as expected."""
    seen = {(p["address"], p["port"]): p for p in probes}
    rows = []
    for target in targets:
        found = seen.get((target["address"], target["port"]), {"state": "not probed", "ms": None})
        rows.append(
            {
                "probe": probe,
                "pool": target["pool"] or "no pool",
                "target": target["name"],
                "family": "v6" if ":" in target["address"] else "v4",
                "port": target["port"],
                "expected": target["expected"],
                "seen": found["state"],
                "ms": found["ms"],
                "ok": found["state"] == target["expected"] or (target["expected"], found["state"]) in STANDS_FOR,
            }
        )
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The matrix: a line for each probe host, family and target, a column for each port."""
    ports = sorted({row["port"] for row in rows})
    lines: dict[tuple[str, ...], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        lines.setdefault((row["probe"], row["pool"], row["family"], row["target"]), {})[row["port"]] = row
    body = []
    for key, cells in lines.items():
        wrong = "; ".join(
            f"{row['port']} should be {row['expected']} and is {row['seen']}" for row in cells.values() if not row["ok"]
        )
        verdict = Cell("WRONG", BAD) if wrong else Cell("as expected")
        body.append(Row((*key, *(_cell(cells.get(port)) for port in ports), verdict), wrong))
    wrong_rows = sum(not row["ok"] for row in rows)
    end = Cell(f"{len(rows)} probes, {f'{wrong_rows} NOT' if wrong_rows else 'all'} as expected", BAD if wrong_rows else GOOD)
    columns = (
        *(Column("probe"), Column("pool", rank=1), Column("IP"), Column("target")),
        *(Column(str(port), rank=PORT_RANKS.get(port, 3)) for port in ports),
        Column("verdict"),
    )
    return Table(columns, tuple(body), (end,))


def _cell(row: Mapping[str, Any] | None) -> Cell | str:
    if row is None:
        return "-"
    seen, mark = str(row["seen"]), "" if row["ok"] else BAD
    return Cell(f"{seen} {row['ms']:.1f} ms", mark, seen) if row["ms"] is not None and seen != "filtered" else Cell(seen, mark)
