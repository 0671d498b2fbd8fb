# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who and what is in the scenario of the relay, for its tests."""

import time
import uuid
from pathlib import Path
from subprocess import DEVNULL

from lab.topology import HOSTS

from .ansible_task import wait_for

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "tests" / "lab" / "mail_client.py"
MSA1, MSA2, BALANCER = HOSTS["msa1"], HOSTS["msa2"], HOSTS["lb1"]
LOG = "/var/log/submission_relay/mail.log"
TARO, JIRO, KAEDE = (f"{name}@ccsnet.ne.jp" for name in ("taro", "jiro", "kaede"))
PROBE = "probe@ccsnet.ne.jp"
HANAKO, SAKURA = (f"{name}@m2.ccsnet.ne.jp" for name in ("hanako", "sakura"))


def start(lab, host, server):
    """Start a server, which keeps what it is started with open, so that nobody may wait for that to close."""
    lab.run(host, ["service", server, "start"], check=True, capture_output=False, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)


def until(what, good=bool, seconds=60):
    """What this says as soon as that is good. A minute is enough for a machine that does much else."""
    said = None

    def is_good():
        nonlocal said
        said = what()
        return good(said)

    assert wait_for(is_good, seconds), said
    return said


def promptly(what, seconds, before=lambda: None):
    """Whether this takes less than so many seconds at least once in five times, each after what makes others wait: who has to
    wait does so each time, and no machine is busy all the time."""
    for _attempt in range(5):
        before()
        begun = time.monotonic()
        what()
        if time.monotonic() - begun < seconds:
            return True
    return False


def taken(said):
    """Whether the server has taken the mail, of which it said this."""
    return said.startswith("250")


def secret(login):
    """A login with its password, which all have in the same form."""
    return [login, f"{login.split('@')[0]}, only in the lab"]


def mail(subject, sender, *headers, to="friend@mobile.example", body="hello"):
    """A whole message."""
    lines = [f"From: <{sender}>", f"To: <{to}>", f"Subject: {subject}", f"Message-ID: <{uuid.uuid4()}@client.example>", *headers]
    return "\r\n".join([*lines, "", body, ""])
