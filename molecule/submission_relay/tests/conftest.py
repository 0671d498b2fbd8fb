# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the relay have in common: mail programs on the lab's hosts, and eyes on both ends."""

import json
import os
import subprocess
import time
import uuid

import pytest

from lab import Lab
from tests.lab.relay import CLIENT, LOG, MSA1, ROOT, mail, secret


@pytest.fixture(scope="session")
def lab():
    return Lab()


@pytest.fixture(scope="session")
def ask(lab):
    """What a server replies to a mail program on a host of the lab."""

    def session(source, port, host=MSA1.v4, **wanted):
        command = ["python3", str(CLIENT)]
        done = lab.run(source, command, input=json.dumps({"host": host, "port": port, **wanted}), check=True, timeout=180)
        return json.loads(done.stdout)

    return session


@pytest.fixture
def send(ask):
    """Send one mail; returns its subject and what the server said at the end, or at the first refusal."""

    def one(
        login,
        *headers,
        source="cust-east",
        host=MSA1.v4,
        port=587,
        sender=None,
        from_=None,
        to=("friend@mobile.example",),
        message=None,
    ):
        subject = f"op25b {uuid.uuid4()}"
        sender = login if sender is None else sender
        text = mail(subject, from_ or sender or login, *headers) if message is None else message.replace("SUBJECT", subject)
        replies = ask(source, port, host, login=secret(login), mail_from=sender, to=list(to), message=text)
        assert replies["auth"].startswith("235"), replies
        steps = [replies["mail"], *(replies[f"rcpt {one}"] for one in to), replies.get("data", replies.get("error", ""))]
        return subject, next((step for step in steps if not step.startswith("2")), steps[-1])

    return one


@pytest.fixture
def arrived(lab):
    """The message with this subject in the log of a sink; None where it does not come."""

    def wait(sink, subject, seconds=60):
        end = time.monotonic() + seconds
        while True:
            for entry in lab.sink_log(sink):
                if entry["event"] == "mail" and ["Subject", subject] in entry["headers"]:
                    return entry
            if time.monotonic() > end:
                return None
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="session")
def logged(lab):
    """Wait for a line with all of these in the mail log of a relay, from where the log ended at the call of `since`."""

    class Logged:
        def since(self, relay="msa1"):
            path = lab.path(relay, LOG)
            return relay, path.stat().st_size

        def line(self, position, *parts, seconds=60):
            relay, start = position
            end = time.monotonic() + seconds
            while True:
                with lab.path(relay, LOG).open(encoding="utf-8", errors="replace") as file:
                    file.seek(start)
                    for line in file:
                        if all(part in line for part in parts):
                            return line.rstrip("\n")
                if time.monotonic() > end:
                    return ""
                time.sleep(0.1)

    return Logged()


@pytest.fixture(scope="session")
def redis(lab):
    """One command to the relays' Redis, by its own client."""

    def command(*words):
        client = ["env", "REDISCLI_AUTH=redis, only in the lab", "redis-cli", "-h", MSA1.v4, *map(str, words)]
        return lab.run("msa1", client, check=True).stdout.rstrip("\n")

    return command


@pytest.fixture
def fresh(redis):
    """Nobody has sent or mistyped anything yet."""

    def forget():
        keys = redis("--scan", "--pattern", "op25b:*").split()
        keys = [key for key in keys if not key.startswith(("op25b:log:", "op25b:mail:"))]
        if keys:
            redis("DEL", *keys)

    forget()
    yield forget
    forget()


@pytest.fixture(scope="session")
def play():
    """Run a playbook on the hosts of this scenario; returns what it printed."""

    def run(playbook, *arguments, variables=None, fails=False):
        command = ["ansible-playbook", str(ROOT / playbook), *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
        environment.update(ANSIBLE_FORCE_COLOR="0", COLUMNS="200", ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"))
        if variables:
            command += ["-e", json.dumps(variables)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=400, stdin=subprocess.DEVNULL
        )
        assert (done.returncode != 0) == fails, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    return run
