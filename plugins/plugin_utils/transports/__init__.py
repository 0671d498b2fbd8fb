# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plan reaches a device. A transport translates between the action and what runs on, or beside, the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..plan import Plan


@dataclass(frozen=True)
class Device:
    """A device as it is: its configuration in the dialect's form, and the state of the dead man's switch.

    `token` lets the transport see at apply time that nobody changed the device in between. `armed` is the
    unconfirmed change (id, who, at, seconds_left), `persisted` whether a reboot keeps the configuration.
    """

    have: Any
    token: str
    armed: Mapping[str, Any] | None
    persisted: bool
    warnings: tuple[str, ...] = ()


class Transport(Protocol):
    """The way to one device; every method raises Op25bError with the device's own words, and heeds check mode."""

    def read(self, acknowledge: bool = False) -> Device:
        """Read the device; a run that decides anew acknowledges a change that was taken back."""

    def apply(self, plan: Plan, device: Device, change: str, seconds: int) -> Mapping[str, Any]:
        """Apply a plan as one transaction: armed when seconds are given, else kept."""

    def confirm(self, change: str | None) -> bool:
        """Keep the armed change; returns whether there was one."""

    def cancel(self, change: str | None) -> bool:
        """Take the armed change back now; returns whether there was one."""
