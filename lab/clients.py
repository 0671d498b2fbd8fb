# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers who send mail through 587 and 465 of our relay all the time, over IPv4 and IPv6, whatever becomes of port 25.

    with clients(lab, ["cust-east", "cust-coast-b"]) as sending:
        ...
    sending.sent, sending.failed, sending.slowest, sending.lost()

Each is a process on its host, with a login of its own: a mail a second, each through the next of the four ways, with AUTH, in TLS
that trusts the relay's own certificate alone. They need a relay that the role submission_relay has set up.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import select
import smtplib
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from lab.machine import REPOSITORY, Lab, LabError
from lab.topology import HOSTS

RELAY, SINK, RECIPIENT = "msa1", "mobile-mx", "friend@mobile.example"
WAYS = [(address, port) for port in (587, 465) for address in (HOSTS[RELAY].v4, HOSTS[RELAY].v6)]
CERTIFICATE = "/etc/ssl/certs/submission_relay.pem"
USERS = REPOSITORY / "inventories" / "lab" / "group_vars" / "relays.yml"


class Sending:
    """What the customers have sent so far, and how it went."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.mails: list[dict[str, Any]] = []
        """Every mail that was tried: `host`, `login`, `address`, `port`, `mark`, `seconds`, and `error`, empty where taken."""

    def read(self, host: str, login: str, lines: Iterable[str]) -> None:
        """Take what the mail program of a host reports, until it ends."""
        for line in lines:
            # The last line of one that was killed may be cut off.
            if line.endswith("\n"):
                self.mails.append({"host": host, "login": login, **json.loads(line)})

    @property
    def sent(self) -> int:
        """How many mails the relay took."""
        return sum(not mail["error"] for mail in self.mails)

    @property
    def failed(self) -> list[str]:
        """What went wrong, a sentence for each mail that the relay did not take."""
        return [
            f"{mail['login']} could not send through {mail['address']} port {mail['port']}: {mail['error']}"
            for mail in self.mails
            if mail["error"]
        ]

    @property
    def slowest(self) -> float:
        """Seconds that the slowest of them took."""
        return max((mail["seconds"] for mail in self.mails), default=0.0)

    def lost(self, seconds: float = 20) -> list[str]:
        """The marks of mails that the relay took and that did not come where they go, for which it waits that long."""
        end = time.monotonic() + seconds
        while True:
            subjects = {value for event in self.lab.sink_log(SINK) for key, value in event.get("headers", ()) if key == "Subject"}
            missing = [mail["mark"] for mail in self.mails if not mail["error"] and mail["mark"] not in subjects]
            if not missing or time.monotonic() > end:
                return missing
            time.sleep(0.2)


def customer(host: str) -> dict[str, str]:
    """The login of the customer on a host, and its password. One login on all hosts would be a stolen one."""
    login = f"{host}@ccsnet.ne.jp"
    for user in yaml.safe_load(USERS.read_text(encoding="utf-8"))["submission_relay_users"]:
        if user["login"] == login:
            return {"login": login, "password": user["password"]}
    raise LabError(f"{USERS.relative_to(REPOSITORY)} has no login {login} for the customer on {host}")


class Client:
    """The mail program of a customer, which sends until it is asked to end."""

    def __init__(self, sending: Sending, host: str, wanted: Mapping[str, Any]) -> None:
        self.host = host
        self.program = sending.lab.script_popen(host, "lab.clients", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=sending.read, args=(host, wanted["login"], self.program.stdout), daemon=True)
        self.reader.start()
        self._tell(json.dumps(wanted) + "\n")

    def _tell(self, text: str) -> None:
        """Say it; one that has ended says itself why, and its exit code is looked at in the end."""
        assert self.program.stdin
        with contextlib.suppress(BrokenPipeError):
            self.program.stdin.write(text)
            self.program.stdin.flush()

    def ask_to_end(self) -> None:
        """It sends no more mail after the present one."""
        assert self.program.stdin
        with contextlib.suppress(BrokenPipeError):
            self.program.stdin.close()

    def wait(self) -> None:
        """Until all that it said is read."""
        self.reader.join()
        if self.program.wait():
            raise LabError(f"the mail program on {self.host} ended with {self.program.returncode}: what it said is above")

    def kill(self) -> None:
        """End it, whatever it does; only then is nobody reading what it says any more."""
        with contextlib.suppress(BrokenPipeError), self.program:
            self.program.kill()
            self.reader.join()


@contextlib.contextmanager
def clients(lab: Lab, hosts: Sequence[str], every: float = 1) -> Iterator[Sending]:
    """Customers send from each of these hosts, a mail every so many seconds, until the block ends."""
    certificate = lab.path(RELAY, CERTIFICATE).read_text(encoding="ascii")
    sending = Sending(lab)
    with contextlib.ExitStack() as stack:
        programs = []
        for host in hosts:
            wanted = {"ways": WAYS, "every": every, "certificate": certificate, **customer(host)}
            programs.append(Client(sending, host, wanted))
            stack.callback(programs[-1].kill)
        yield sending
        for each in programs:
            each.ask_to_end()
        for each in programs:
            each.wait()


def reason(err: OSError | smtplib.SMTPException) -> str:
    """Why a mail could not be sent: the relay's own words, where it was the relay."""
    if isinstance(err, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(err.recipients.values()))
        return f"{code} {said.decode(errors='replace')}"
    if isinstance(err, smtplib.SMTPResponseException):
        text = err.smtp_error
        return f"{err.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
    return getattr(err, "strerror", None) or str(err) or type(err).__name__


def send(wanted: dict[str, Any], address: str, port: int, mark: str) -> None:
    """One mail, as a mail program sends it."""
    trust = ssl.create_default_context(cadata=wanted["certificate"])
    # It is reached by its addresses, and nothing but its own certificate is trusted.
    trust.check_hostname = False
    if port == 465:
        client: smtplib.SMTP = smtplib.SMTP_SSL(address, port, "client.example", timeout=20, context=trust)
    else:
        client = smtplib.SMTP(address, port, "client.example", timeout=20)
    with client:
        if port != 465:
            client.starttls(context=trust)
        client.login(wanted["login"], wanted["password"])
        client.sendmail(
            wanted["login"],
            [RECIPIENT],
            f"From: {wanted['login']}\r\nTo: {RECIPIENT}\r\nSubject: {mark}\r\n\r\nStill there.\r\n",
        )


def main() -> None:
    """Send until standard input ends."""
    wanted = json.loads(sys.stdin.readline())
    for number in itertools.count():
        address, port = wanted["ways"][number % len(wanted["ways"])]
        mark, error = f"op25b client {uuid.uuid4()}", ""
        started = time.monotonic()
        try:
            send(wanted, address, port, mark)
        except (OSError, smtplib.SMTPException) as err:
            error = reason(err)
        took = time.monotonic() - started
        record = {"address": address, "port": port, "mark": mark, "seconds": round(took, 3), "error": error}
        print(json.dumps(record), flush=True)
        if select.select([sys.stdin], [], [], max(wanted["every"] - took, 0))[0]:
            break


if __name__ == "__main__":
    # Who is interrupted, or has nobody left to tell, ends.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
