# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plan reaches a device. A transport translates between the action and what runs on, or beside, the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from ..plan import Plan


@dataclass(frozen=True)
class Way:
    """What the action has for a transport: a module run on the host, or a connection to the device and its errors.

    `address` is where the connection leads. `check` means that nothing may change; `save` that what is kept shall also
    survive a reboot where the device leaves that to its operator.
    """

    run: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    connection: Callable[[], Any]
    errors: type[Exception]
    who: str
    address: str
    check: bool
    save: bool


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

    def read(self, acknowledge: bool = False, counters: bool = False) -> Device:
        """Read the device; a run that decides anew acknowledges a change that was taken back."""

    def management(self) -> set[str]:
        """The device's own addresses by which the sessions of this controller come to it, where that matters."""

    def apply(self, plan: Plan, device: Device, seconds: int) -> str:
        """Apply a plan as one transaction: armed when seconds are given, else kept. Returns the armed change's name."""

    def confirm(self, change: str | None) -> bool:
        """Keep the armed change; returns whether there was one."""

    def cancel(self, change: str | None) -> bool:
        """Take the armed change back now; returns whether there was one."""


def to(dialect: str, way: Way) -> Transport:
    """The transport for a dialect: the class Transport of the module with its name."""
    made: Transport = import_module(f".{dialect}", __package__).Transport(way)
    return made
