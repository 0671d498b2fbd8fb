# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To an IOS-XR edge: one candidate, committed on trial, confirmed by the session that armed it.

Source: "System Management Configuration Guide for Cisco ASR 9000 Series Routers, IOS XR 7" (commit confirmed, configure
exclusive). A trial belongs to its session: that stays in configuration mode until it is confirmed or taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..dialects import iosxr
from ..errors import Op25bError
from ..plan import Plan
from . import Device, Way
from .cli import CliTransport, words

_SHORTEST, _LONGEST, _GUARD = 30, 65535, 120
"""Seconds of a trial: what the system takes, and what guards a change that nobody asked to arm."""
_QUESTION = r"\[(?:no|cancel)\]: ?$"


class Transport(CliTransport):
    """The way to one device."""

    def __init__(self, way: Way) -> None:
        super().__init__(way)
        # network_cli leaves configuration mode when a task begins, and with it a trial goes back.
        self.session.keep_mode()

    def _show(self, command: str) -> str:
        """The output of an EXEC command in whatever mode the session is."""
        output = self.session.ask(f"do {command}" if self.session.configuring() else command)
        # A time stamp stands before every answer of a session that did not switch it off.
        return re.sub(r"\A\s*\w{3} \w{3} +\d+ [\d:.]+ \w+\n", "", output)

    def _running(self) -> str:
        return self._show("show running-config")

    def read(self, acknowledge: bool = False, counters: bool = False) -> Device:
        """Read the running configuration, and whether a trial is under way."""
        del acknowledge
        armed = self._armed()
        if self.session.configuring() and not armed:
            self.session.ask("abort")
        text = self._running()
        have = iosxr.from_text(text)
        if counters:
            have = iosxr.with_counters(have, "\n".join(self._show(command) for command in iosxr.counter_commands(have)))
        return Device(have, self.digest(text), armed, True)

    def _armed(self) -> Mapping[str, Any] | None:
        for block in re.split(r"\n\s*\d+\) ", "\n" + self._show("show configuration sessions detail")):
            if re.search(r"Client: +commit-confirm", block):
                at = re.search(r"Session: +(\S+) +(.*\S)", block)
                who = re.search(r"User: +(\S+)", block)
                if at and who:
                    return {"id": at[1], "who": who[1], "at": at[2], "seconds_left": None}
        return None

    def management(self) -> set[str]:
        """The device's own addresses by which sessions of this one's peer come to it."""
        me = re.search(r"^\*.* (\S+) *$", self._show("show users"), re.MULTILINE)
        peer = me[1].lower() if me else ""
        rows = (line.split() for line in self._show("show tcp brief").splitlines())
        return {row[4].rpartition(":")[0].lower() for row in rows if len(row) > 6 and row[5].lower().rpartition(":")[0] == peer}

    def apply(self, plan: Plan, device: Device, seconds: int) -> str:
        """Commit the plan on trial, look whether the device shows it, and keep it or leave it armed."""
        if seconds > _LONGEST:
            raise Op25bError(f"confirm: {seconds} is out of range; a trial of this device takes at most {_LONGEST} seconds.")
        self.before_change(device, self._running())
        if self.check:
            return ""
        entered = self.session.ask("configure exclusive")
        if not self.session.configuring():
            raise Op25bError(f"the device does not let us change it now: {entered.strip()}; nothing was changed.")
        try:
            # The lock is ours only now.
            self.before_change(device, self._running())
            printed = self.session.paste(plan.commands)
            if words(printed):
                raise Op25bError(f"the device refused the change: {words(printed)}")
            self._commit(f"commit confirmed {max(seconds or _GUARD, _SHORTEST)}")
            missing = iosxr.differences(iosxr.from_text(self._running()), plan.wanted)
            if missing:
                raise Op25bError(f"the device took the change without a word, and differs all the same: {missing[0]}")
        except Op25bError as err:
            self.session.ask("abort")
            same = self.digest(self._running()) == device.token
            raise Op25bError(f"{err}; {'it is as it was' if same else 'it is not as it was: look at it'}") from None
        armed = self._armed()
        if not seconds:
            self._keep()
            return ""
        return str(armed["id"]) if armed else ""

    def _commit(self, command: str) -> None:
        try:
            said = self.session.ask(command, prompt=_QUESTION, answer="no")
        except Op25bError as err:
            failed = self.session.ask("show configuration failed")
            reasons = [line.strip() for line in failed.splitlines() if line.strip() and line.strip() not in ("!", "end")]
            told = "; ".join(line for line in reasons if not line.startswith(("!! SEMANTIC", "!! previous", "!! individual")))
            raise Op25bError(f"the device refused the commit: {told or err}") from None
        if "% " in said or "[no]" in said:
            raise Op25bError(f"the device refused the commit: {said.strip()}")

    def _keep(self, change: str = "") -> None:
        del change  # This session has no other.
        self.session.ask("commit")
        if self._armed():
            raise Op25bError("the device did not take the confirmation; it goes back by itself.")
        self.session.ask("end")

    def _take_back(self, change: str = "") -> None:
        del change
        self.session.ask("abort")

    def _claim(self, change: str | None) -> Mapping[str, Any] | None:
        armed = super()._claim(change)
        if armed and not self.session.configuring():
            raise Op25bError(
                f"the change that {armed['who']} armed at {armed['at']} belongs to another session, and this device lets no "
                "other end it; it goes back by itself. Arm and confirm in one run, and set ansible_connect_timeout "
                "longer than what is between them takes."
            )
        return armed
