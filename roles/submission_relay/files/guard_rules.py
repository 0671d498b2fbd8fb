# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guard of a submission relay decides, and how it reads the mail log: no Redis, no file."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

HOUR, DAY = 3600, 86400
HISTORY = 14 * DAY
LONGEST = 6
"""Postfix waits 10 seconds for Dovecot, which lets a wrong password wait 2 more, and checks it in between."""
REFUSE = -1
FEW = 20
"""Of fewer recipients, a share of bounces says nothing."""


class Event(NamedTuple):
    """A line of the mail log that counts."""

    kind: str
    """client: a mail begins; queued: it has so many recipients; bounced: one of them does not exist; removed: it has left."""
    time: float
    queue_id: str
    login: str = ""
    network: str = ""
    recipients: int = 0


LINE = re.compile(
    r"(?P<time>\d{4}-\S+|\w{3} [ \d]\d \d\d:\d\d:\d\d) \S+ postfix/(?:[\w.-]+/)*(?P<program>\w+)\[\d+\]: "
    r"(?P<queue_id>[0-9A-Za-z]{6,}): (?P<text>.*)"
)
CLIENT = re.compile(
    r"client=\S*?\[(?P<address>[0-9A-Fa-f.:]+)\](?::\d+)?(?:, sasl_method=[^,]*, sasl_username=(?P<login>[^,\s]+))?"
)
QUEUED = re.compile(r"from=<.*>, size=\d+, nrcpt=(?P<recipients>\d+) \(queue active\)$")
# A carrier that refuses our relay refuses what all customers send: their doing is only what says that a recipient does not exist.
# Many servers have no enhanced codes: then it is what they say to RCPT TO.
GONE = re.compile(
    r"to=<.*>, .*dsn=(?:5\.1\.(?:[01236]|10)|5\.2\.1|5\.4\.4|5\.0\.0(?=.*\(in reply to RCPT TO command\)\)$)), status=bounced \("
)


def parse(line: str, now: float) -> Event | None:
    """What a line of the log says, if it counts."""
    found = LINE.match(line)
    if not found or found["queue_id"] == "NOQUEUE":
        return None
    program, text, queue_id = found["program"], found["text"], found["queue_id"]
    at = functools.partial(moment, found["time"], now)
    client = CLIENT.match(text) if program == "smtpd" else None
    if client:
        return Event("client", at(), queue_id, (client["login"] or "").lower(), network(client["address"]))
    if program == "pickup":
        return Event("client", at(), queue_id)
    if program == "qmgr":
        queued = QUEUED.match(text)
        if queued:
            return Event("queued", at(), queue_id, recipients=int(queued["recipients"]))
        return Event("removed", at(), queue_id) if text == "removed" else None
    if "status=bounced" in text and GONE.match(text):
        return Event("bounced", at(), queue_id)
    return None


def moment(text: str, now: float) -> float:
    """When a line was written, and now where that cannot be read."""
    year = datetime.fromtimestamp(now).year
    said = _moment(text, year)
    # In January, December was last year.
    return _moment(text, year - 1) if said > now + DAY else said or now


@functools.lru_cache(maxsize=8)
def _moment(text: str, year: int) -> float:
    with contextlib.suppress(ValueError):
        if text[4] == "-":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        return datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").timestamp()
    return 0


def network(address: str) -> str:
    """The network of an address, as a customer moves in one: /24 or /48."""
    return _net(address, 24, 48)


def place(address: str) -> str:
    """Whom an address stands for: itself, or the /64 of one household."""
    return _net(address, 32, 64)


@functools.lru_cache(maxsize=4096)
def _net(address: str, v4: int, v6: int) -> str:
    ip = ipaddress.ip_address(address)
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network(f"{ip}/{v4 if ip.version == 4 else v6}", strict=False))


def wait_for(wrong: int, limit: int) -> int:
    """Seconds to wait after so many wrong passwords, more with each, and REFUSE from twice the limit on."""
    if not limit or wrong < limit:
        return 0
    return REFUSE if wrong >= 2 * limit else 1 + LONGEST * (wrong - limit) // limit


def judge_attempt(wrong: Mapping[str, int], known: bool, limits: Mapping[str, int]) -> int:
    """What Dovecot is told: wrong has the wrong passwords by pair, login and address."""
    counted = ("pair",) if known else ("pair", "login", "address")
    waits = [wait_for(wrong[name], limits[name]) for name in counted]
    return REFUSE if REFUSE in waits else max(waits)


def rules_of(login: str, check: str, rules: Mapping[str, int]) -> Mapping[str, int]:
    """The rules of stolen logins that hold for this one.

    For the check of the rollout none does: it comes from every pool at once, and all that a thief would want it for is refused
    before, since it has one recipient and limits of its own.
    """
    return dict.fromkeys(rules, 0) if login == check else rules


def judge_login(networks: int, hours: Mapping[str, int], hour: int, rules: Mapping[str, int], most: int, learned: bool) -> str:
    """Why a login is taken for stolen, or nothing; hours has recipients by hour, and with a b those that bounced."""
    recipients, bounced = hours.get(str(hour), 0), hours.get(f"{hour}b", 0)
    if rules["networks"] and networks >= rules["networks"]:
        return f"mail came from {networks} networks within an hour"
    if rules["bounces"] and recipients >= FEW and bounced * 100 >= rules["bounces"] * recipients:
        return f"{bounced} of {recipients} recipients within an hour do not exist"
    before = range(hour - HISTORY // HOUR, hour)
    busiest = max((count for name, count in hours.items() if name.isdigit() and int(name) in before), default=0)
    if rules["volume"] and learned and recipients * 4 >= most and recipients >= rules["volume"] * busiest:
        return f"{recipients} recipients within an hour, and {busiest} at most in any hour of the 14 days before"
    return ""


def maps_of(parameter: str) -> list[str]:
    """The tables in a parameter of main.cf, of which one in braces may have spaces."""
    tables = re.findall(r"(?:[^\s,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+", parameter)
    # Only Postfix itself may ask its proxymap.
    return [re.sub(r"(?<![^\s,{])proxy:", "", table) for table in tables]
