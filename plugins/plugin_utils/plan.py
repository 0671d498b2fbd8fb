# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dialect hands to a transport: the smallest change, and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """A change of one device.

    `commands` are the device's own words, in the order in which they are sent, applied as one transaction;
    `rollback` is what brings the device back to what it was; `diff` is for people; `added` and `removed` are
    how many elements the change adds and removes; `entries` is what the device then holds of ours, where its
    hardware sets a limit; `wanted` is the configuration that the device should show afterwards, in the dialect's form.
    """

    commands: tuple[str, ...]
    rollback: tuple[str, ...]
    diff: str
    added: int
    removed: int
    entries: int = 0
    wanted: Any = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.commands)


def by_place(shown: Iterable[str]) -> Iterator[str]:
    """Differences of the form `where: what` as a diff shows them: each place once, what changes there below it."""
    last = None
    for line in shown:
        where, _colon, what = line.partition(": ")
        if where != last:
            yield f"@@ {where}"
            last = where
        yield what
