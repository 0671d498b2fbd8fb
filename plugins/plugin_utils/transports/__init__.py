# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plan reaches a device. A transport translates between the action and what runs on, or beside, the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from ..errors import Op25bError
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


class Connected(ABC):
    """What the transports that speak with the device itself share: what they refuse, and who may end an armed change."""

    check: bool

    @staticmethod
    @abstractmethod
    def digest(text: str) -> str:
        """A name for a running configuration as it is."""

    @staticmethod
    def refuse_armed(device: Device) -> None:
        """Refuse to change what is armed."""
        if device.armed:
            raise Op25bError(
                f"this device has an unconfirmed change: {device.armed['who']} armed it at {device.armed['at']}. Confirm it, "
                "take it back, or wait; nothing was changed."
            )

    def before_change(self, device: Device, running: str) -> None:
        """Refuse to change what is armed, or what is no longer what was read."""
        self.refuse_armed(device)
        if self.digest(running) != device.token:
            raise Op25bError(
                "the configuration was changed by someone else between reading and changing it; nothing was changed. Run again."
            )

    @abstractmethod
    def _armed(self) -> Mapping[str, Any] | None:
        """The unconfirmed change on the device."""

    @abstractmethod
    def _keep(self, change: str) -> None:
        """Keep the armed change."""

    @abstractmethod
    def _take_back(self, change: str) -> None:
        """Take the armed change back now."""

    def _claim(self, change: str | None) -> Mapping[str, Any] | None:
        """The armed change, if this task may end it."""
        armed = self._armed()
        if armed and change and change != armed["id"]:
            raise Op25bError(
                f"the unconfirmed change here is not this one: {armed['who']} armed it at {armed['at']}. Nothing was done."
            )
        return armed

    def confirm(self, change: str | None) -> bool:
        """Keep the armed change."""
        armed = self._claim(change)
        if armed is None and change:
            raise Op25bError("there is nothing to confirm: the change is no longer armed; it went back, or was confirmed before.")
        if armed is not None and not self.check:
            self._keep(str(armed["id"]))
        return armed is not None

    def cancel(self, change: str | None) -> bool:
        """Take the armed change back now."""
        armed = self._claim(change)
        if armed is not None and not self.check:
            self._take_back(str(armed["id"]))
        return armed is not None


def to(dialect: str, way: Way) -> Transport:
    """The transport for a dialect: the class Transport of the module with its name."""
    made: Transport = import_module(f".{dialect}", __package__).Transport(way)
    return made
