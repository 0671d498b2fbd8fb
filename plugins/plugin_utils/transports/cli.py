# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To a device with a command line, over ansible.netcommon.network_cli: one session, one paste.

network_cli sends a command and reads until a prompt. A paste shows a prompt after each of its lines, so that a slow device
looks finished in the middle: the end of a paste is known by the answer to its last line, and by nothing else.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import Op25bError
from . import Connected, Way

_LINES_A_PASTE = 200
_PROBE, _ANSWER = "do show privilege", r"Current privilege level is \d+"
"""What ends a paste: a command that any configuration mode takes, and what it prints."""
_PATIENCE = 600
"""How often a silent device is asked again before a paste counts as lost; each takes network_cli's buffer_read_timeout."""


class Connection(Protocol):
    """What is used of ansible.module_utils.connection.Connection."""

    def get(self, **arguments: Any) -> str:
        """Send one command and return what the device answers."""

    def get_prompt(self) -> str:
        """The prompt that was seen last."""

    def set_check_prompt(self, task: str | None) -> None:
        """Which task's first command finds the device in EXEC mode, by whatever means; None: leave its mode alone."""


class Session:
    """Commands to a device, with its own words in every error."""

    def __init__(self, connection: Connection, errors: type[Exception]) -> None:
        self._connection, self._errors = connection, errors

    def ask(self, command: str, **more: Any) -> str:
        """Send one command; returns its output."""
        output, refused = self._get(command, **more)
        if refused:
            said = words(output)
            raise Op25bError(
                f"the device refuses `{command}`: {said}" if said else f"`{command}` got no answer: {output.strip()}"
            )
        return output

    def tell(self, command: str) -> str:
        """Send one command whose refusal network_cli may not know for one: `%Rollback ...` is none of its patterns."""
        output = self.ask(command)
        if words(output):
            raise Op25bError(f"the device refuses `{command}`: {words(output)}")
        return output

    def keep_mode(self) -> None:
        """Let this task find the device in the mode in which the last one left it."""
        self._connection.set_check_prompt(None)

    def configuring(self) -> bool:
        """Whether the device is in configuration mode."""
        return str(self._connection.get_prompt()).strip().endswith(")#")

    def _get(self, command: str, **more: Any) -> tuple[str, bool]:
        try:
            # What is not UTF-8 in it, such as a description, is none of our business; it comes as halves of characters.
            return str(self._connection.get(command=command, **more)).encode(errors="replace").decode(), False
        except self._errors as err:
            return _text(str(err)), True

    def paste(self, lines: Sequence[str]) -> str:
        """Send lines in configuration mode, and return all that the device printed."""
        printed = ""
        for at in range(0, len(lines), _LINES_A_PASTE):
            output, _refused = self._get("\n".join([*lines[at : at + _LINES_A_PASTE], _PROBE]))
            for _again in range(_PATIENCE):
                if re.search(_ANSWER, output):
                    break
                more, _refused = self._get(" ")
                output += "\n" + more
            else:
                raise Op25bError("the device does not answer any more in the middle of a change")
            printed += "\n" + output
            if words(output):
                break
        return printed


def _text(error: str) -> str:
    """What network_cli raises: the device's output, or bytes of it as Python writes them."""
    try:
        read = ast.literal_eval(error) if error.startswith("b") else error
    except (SyntaxError, ValueError):
        return error
    return read.decode(errors="replace") if isinstance(read, bytes) else error


def words(output: str) -> str:
    """The device's own words of what is wrong, with the line that it is about; empty where all is well.

    %SYS-5-CONFIG_I and its like are log messages, which may come in between.
    """
    lines = [line.rstrip() for line in output.splitlines()]
    for at, line in enumerate(lines):
        if re.match(r"\s*%(?![A-Z0-9_]+-\d-)", line) or "invalid input" in line.lower():
            echoed = next((before.strip() for before in reversed(lines[:at]) if before.strip() not in ("", "^")), "")
            command = re.sub(r"^\S+[#>]", "", echoed).strip()
            return f"{line.strip()} ({command})" if command else line.strip()
    return ""


class CliTransport(Connected):
    """What the transports over a command line share."""

    @staticmethod
    def digest(text: str) -> str:
        """A name for a running configuration as it is, without the lines that change by themselves."""
        passing = ("!", "Building", "Current", "ntp clock-period")
        kept = (line for line in text.splitlines() if line.strip() and not line.startswith(passing))
        return hashlib.sha256("\n".join(line.rstrip() for line in kept).encode()).hexdigest()

    def __init__(self, way: Way) -> None:
        self.session = Session(way.connection(), way.errors)
        self.check, self.save = way.check, way.save
