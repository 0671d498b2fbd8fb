# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wave means: the action for each pool and destination class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .policy import Policy, wave_index

PASS = "pass"  # noqa: S105 - an action, no password


@dataclass(frozen=True)
class Intent:
    """For each pool, in policy order: the action for each destination class, `any` last."""

    wave: str
    pools: Mapping[str, tuple[tuple[str, str], ...]]


def at(policy: Policy, wave: str) -> Intent:
    """What the latest reached wave says of each pool and class; naming an earlier wave goes back to it.

    A held pool is at the wave of its hold when that comes before the reached one.
    """
    index = wave_index(policy, wave)
    held = {hold.pool: min(index, wave_index(policy, hold.wave)) for hold in policy.holds.values()}

    def action(pool: str, destination: str) -> str:
        for step in reversed(policy.waves[: held.get(pool, index)]):
            if pool in step.pools and (not step.destinations or destination in step.destinations):
                return step.action
        return PASS

    return Intent(wave, {pool: tuple((name, action(pool, name)) for name in policy.classes()) for pool in policy.pools})
