# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To an IOS-XE edge: every change under the revert timer of the configuration archive, which outlives the session.

Source: "Configuration Management Configuration Guide, Cisco IOS XE 17": Configuration Rollback Confirmed Change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..dialects import ios
from ..errors import Op25bError
from ..plan import Plan
from . import Device
from .cli import CliTransport, words

_LONGEST = 120
_GUARD = 5
"""Minutes of the timer that guards a change which nobody asked to arm."""
_PENDING = re.compile(
    r"Time configured.*?: *(?P<at>.+?) *$.*?Timer value: *(?P<value>\d+) *min.*?User: *(?P<who>\S+)", re.MULTILINE | re.DOTALL
)


class Transport(CliTransport):
    """The way to one device."""

    def read(self, acknowledge: bool = False, counters: bool = False) -> Device:
        """Read the running configuration and the revert timer."""
        del acknowledge
        text = self._running()
        have = ios.from_text(text)
        if counters:
            shown = [self.session.ask(command) for command in ("show ip access-lists", "show ipv6 access-list")]
            have = ios.with_counters(have, "\n".join(shown))
        return Device(have, self.digest(text), self._armed(), True)

    def _running(self) -> str:
        try:
            return self.session.ask("show running-config")
        except Op25bError as err:
            if "Invalid input" in str(err):
                raise Op25bError(f"{err}; it needs privilege 15: set ansible_become and ansible_become_method: enable.") from None
            raise

    def _armed(self) -> Mapping[str, Any] | None:
        shown = self.session.ask("show archive config rollback timer")
        found = _PENDING.search(shown)
        if found is None:
            return None
        left = int(found["value"]) * 60 - (_moment(self.session.ask("show clock")) - _moment(found["at"])).total_seconds()
        name = hashlib.sha256(f"{found['at']} {found['who']}".encode()).hexdigest()[:12]
        return {"id": name, "who": found["who"], "at": found["at"], "seconds_left": max(0, round(left))}

    def management(self) -> set[str]:
        """The device's own addresses by which sessions of this one's peer come to it."""
        me = re.search(r"^\*.*?(\S+) *$", self.session.ask("show users"), re.MULTILINE)
        peer = me[1].lower() if me else ""
        rows = (line.split() for line in self.session.ask("show tcp brief").splitlines())
        return {row[1].rpartition(".")[0].lower() for row in rows if len(row) > 3 and row[2].lower().startswith(f"{peer}.")}

    def apply(self, plan: Plan, device: Device, seconds: int) -> str:
        """Send the plan under the revert timer, look whether the device shows it, and keep it or leave it armed."""
        minutes = -(-seconds // 60) or _GUARD
        if minutes > _LONGEST:
            raise Op25bError(
                f"confirm: {seconds} is out of range; the revert timer of this device takes at most {_LONGEST * 60} seconds."
            )
        running = self._running()
        if not re.search(r"^archive\n(?: .*\n)* path ", running, re.MULTILINE):
            raise Op25bError(
                "this device has no configuration archive, and without it no change goes back by itself; configure `archive` "
                "with a `path` such as flash:archive first. Nothing was sent."
            )
        self.before_change(device, running)
        if self.check:
            return ""
        entered = self.session.tell(f"configure terminal revert timer {minutes}")
        if not self.session.configuring():
            raise Op25bError(f"the device does not let us change it now: {entered.strip()}; nothing was changed.")
        try:
            printed = self.session.paste(plan.commands)
            self.session.ask("end")
            wrong = words(printed)
            if wrong:
                raise Op25bError(f"the device refused the change: {wrong}")
            missing = ios.differences(ios.from_text(self._running()), plan.wanted)
            if missing:
                raise Op25bError(f"the device took the change without a word, and differs all the same: {missing[0]}")
        except Op25bError as err:
            raise Op25bError(f"{err}; {self._back(device)}") from None
        if not seconds:
            self._keep()
            return ""
        armed = self._armed()
        return str(armed["id"]) if armed else ""

    def _back(self, device: Device) -> str:
        """Take the change back now, and say how that ended."""
        try:
            if self.session.configuring():
                self.session.ask("end")
            self._take_back()
        except Op25bError as err:
            return f"it goes back by itself when its timer ends, since going back now did not work: {err}"
        same = self.digest(self._running()) == device.token
        return "it is back as it was" if same else "it went back, but not to the byte: look at it"

    def _take_back(self, change: str = "") -> None:
        del change  # There is one timer, for whatever was changed.
        self.session.tell("configure revert now")

    def _keep(self, change: str = "") -> None:
        del change
        self.session.tell("configure confirm")
        if self.save:
            self.session.ask("write memory")


def _moment(text: str) -> datetime:
    """A time as the device prints it, in its own zone: 22:50:48.123 UTC Thu Feb 21 2008."""
    found = re.search(r"(\d+:\d+:\d+)(?:\.\d+)? \S+ \w+ (\w+ +\d+ \d+)", text)
    return datetime.strptime(f"{found[1]} {found[2]}", "%H:%M:%S %b %d %Y") if found else datetime.min
