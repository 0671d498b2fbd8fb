# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the customers' page may say: dates from the policy, and « done » only from what the edges answered.

A customer knows an area and a kind of line, no pool. So the schedule has a row for each area, line and wave that limits or blocks
something which was not so before.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import intent, rollout
from .acl import REJECTING
from .errors import Op25bError
from .policy import ANY, Policy, wave_index

Rows = Sequence[Mapping[str, Any]]


def facts(policy: Policy, wave: str, status: Rows) -> dict[str, Any]:
    """The facts of the page at the reached wave, by the rows of the status (`status.py`).

    `schedule` has for each `area` and `line` (None: the pools name none) its `steps`: `wave`, `date`, `action`, `destinations`
    ([any] when the action then holds for every class), `part` (other pools of this area and line are not in this wave), `state`,
    `held_in_part` and `late`. `waves` are the dates of all waves that limit or block. A day is `iso`, `year`, `month`, `day` and
    `weekday` (0 is Monday).
    """
    for key in ("name", "domains", "contact"):
        if not policy.operator.get(key):
            raise Op25bError(f"op25b_policy.operator.{key}: the notice to customers needs it; write it into the policy.")
    schedule = _schedule(policy, wave, status)
    steps = [step for group in schedule for step in group["steps"]]
    return {
        "operator": dict(policy.operator),
        "schedule": schedule,
        "begins": min((step["date"] for step in steps), key=lambda day: str(day["iso"]), default=None),
        "begun": any(step["state"] == "done" for step in steps),
        "waves": {each.name: each.date.isoformat() for each in policy.waves if each.action in REJECTING},
        "own_port25": _own_port25(policy),
    }


def _day(date: datetime.date) -> dict[str, Any]:
    return {"iso": date.isoformat(), "year": date.year, "month": date.month, "day": date.day, "weekday": date.weekday()}


def _schedule(policy: Policy, wave: str, status: Rows) -> list[dict[str, Any]]:
    # What the waves say by themselves, so that a held pool stays on the page, as postponed.
    free = replace(policy, holds={})
    groups: dict[tuple[str | None, str | None], list[str]] = {}
    for pool in policy.pools.values():
        groups.setdefault((pool.area, pool.line), []).append(pool.name)
    schedule = []
    for (area, line), pools in groups.items():
        told = []
        for each in policy.waves:
            steps = rollout.steps(free, rollout.wave_before(free, each.name), each.name)
            mine = [step for step in steps if step.pool in pools and step.after in REJECTING]
            if not mine:
                continue
            touched = {step.pool for step in mine}
            active = {pool for pool in touched if not _held(policy, pool, each.name)}
            destinations = _destinations(free, each.name, mine)
            # A row that says « all » is done when all is, whatever this wave moved of it.
            places = [
                (pool, name)
                for pool, terms in intent.at(free, each.name).pools.items()
                for name, _action in terms
                if pool in active and (destinations == [ANY] or name in destinations)
            ]
            state = _state(policy, wave, each.name, places, status)
            told.append(
                {
                    "wave": each.name,
                    "date": _day(each.date),
                    "action": each.action,
                    "destinations": destinations,
                    "part": touched != set(pools),
                    "state": state,
                    "held_in_part": bool(active) and active != touched,
                    "late": state == "planned" and each.date < policy.today,
                }
            )
        if told:
            schedule.append({"area": area, "line": line, "steps": told})
    return schedule


def _held(policy: Policy, pool: str, wave: str) -> bool:
    hold = policy.holds.get(pool)
    return hold is not None and wave_index(policy, hold.wave) < wave_index(policy, wave)


def _destinations(free: Policy, wave: str, steps: Sequence[rollout.Step]) -> list[str]:
    """The classes that a wave moves, in the order of the policy; [any] when its action then holds for all of them."""
    then = intent.at(free, wave).pools
    if all(action == step.after for step in steps for _class, action in then[step.pool]):
        return [ANY]
    moved = {step.destination for step in steps}
    return [name for name in free.classes() if name in moved]


def _state(
    policy: Policy, reached: str, wave: str, places: Sequence[tuple[str, str]], status: Sequence[Mapping[str, Any]]
) -> str:
    """What became of a wave for these pools and classes, which no hold keeps from it.

    `postponed` (there are none), `planned` (not reached), `lifted` (a later wave opened one again), `under way`, `done`.
    """
    if not places:
        return "postponed"
    if wave_index(policy, wave) > wave_index(policy, reached):
        return "planned"
    now = {(pool, name): action for pool, terms in intent.at(policy, reached).pools.items() for name, action in terms}
    if any(now[place] not in REJECTING for place in places):
        return "lifted"
    # An edge of which not even the pools are known may carry any of them.
    if any(row["pool"] is None for row in status):
        return "under way"
    for place in places:
        found = [row for row in status if (row["pool"], row["destination"]) == place]
        if not found or any(row["state"] not in ("confirmed", "unproved") or row["device"] != now[place] for row in found):
            return "under way"
    return "done"


def _own_port25(policy: Policy) -> dict[str, Any]:
    """Whether every submission server of ours still takes mail from pools on port 25, and the last day on which it does."""
    servers = [server for server in policy.mail_servers.values() if server.role == "submission"]
    ends = [server.open_until for server in servers if server.open_until]
    is_open = bool(servers) and all(server.port25_from_pools for server in servers) and all(policy.today <= end for end in ends)
    return {"open": is_open, "until": _day(min(ends)) if is_open and ends else None}
