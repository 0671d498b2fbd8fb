# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a run: one process of ansible-playbook with all of its workers.

A host name and a process id prove nothing in containers, so a run has a random token. It is in every record of the journal, and
in the name under which a change is armed on a device that keeps one.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""None that is taken for another one when it is read aloud: 0 and o, 1 and l."""
_LENGTH = 10
_TOKEN = rf"[{_LETTERS}]{{{_LENGTH}}}"
_WHO = re.compile(rf"\(run ({_TOKEN})\)$")
_TEXT = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ/({_TOKEN})(?:/.*)?")


def new_token() -> str:
    """A name that no other run has: 50 random bits, which also make a file name."""
    return "".join(secrets.choice(_LETTERS) for _at in range(_LENGTH))


@dataclass(frozen=True)
class Run:
    """A run: its token, when it began (UTC, as the journal writes times), and its job in AWX, where it is one."""

    token: str
    started: str
    job: str = ""

    @property
    def text(self) -> str:
        """The run as the journal names it: `2019-03-04T01:02:03Z/k7qmz2xw4a`, in AWX with `/job-4711` behind it."""
        return "/".join([self.started, self.token, *([f"job-{self.job}"] if self.job else [])])

    def who(self, user: str, host: str) -> str:
        """Who changes a device, in words: a job in AWX has a number, and a host name that nobody knows."""
        return f"{user} in AWX job {self.job} (run {self.token})" if self.job else f"{user}@{host} (run {self.token})"


def token_in(text: str) -> str:
    """The token in the name of a run, or of who armed a change; empty where there is none, as before runs had tokens."""
    found = _TEXT.fullmatch(text) or _WHO.search(text)
    return found[1] if found else ""
