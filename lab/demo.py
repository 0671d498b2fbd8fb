# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: close port 25 in the lab, prove it with real packets and real mail, take it back, and say what was proved.

Every number of its last lines was measured in this run. It ends with 1 when anything was not so.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lab.clients import customer
from lab.machine import Lab, LabError
from lab.topology import HOSTS

ROOT = Path(__file__).resolve().parents[1]
WIDTH = "200"
"""Of the matrix, where none of its columns is left out."""
STATE = re.compile(r"(open|refused|filtered|unreachable|not probed)(?: ([\d.]+) ms)?")
OUTSIDE = ("mobile_carrier", "other_isp")
BLOCKED = ("cust-east", "cust-west", "cust-north", "cust-south", "cust-central", "cust-coast-a", "cust-coast-b")
"""A customer of each pool, behind an edge of each kind; of the pool that has two edges, one behind each."""
LINUX = tuple(host.name for host in HOSTS.values() if host.management and not host.cli)
ROUTERS = {host.name: host.cli.port for host in HOSTS.values() if host.cli}
SHOW = {
    22: ["ansible.netcommon.cli_command", "-a", "command='show running-config'"],
    830: ["ansible.netcommon.netconf_get", "-a", "source=running"],
}
"""What shows a router's configuration, by the port where it listens."""

MAIL = """
import json, smtplib, ssl, sys
wanted = json.load(sys.stdin)
trust = ssl.create_default_context(cadata=wanted["certificate"])
trust.check_hostname = False
client = smtplib.SMTP(wanted["relay"], 587, timeout=20)
client.starttls(context=trust)
client.login(wanted["login"], wanted["password"])
client.sendmail(wanted["login"], [wanted["to"]], wanted["message"])
print(client.sock.version())
client.quit()
"""


class Cell(NamedTuple):
    """One connection of the matrix."""

    probe: str
    pool: str
    family: str
    target: str
    port: int
    state: str
    ms: float

    def __str__(self) -> str:
        return f"{self.probe} -> {self.target} {self.family} port {self.port} is {self.state}"


class NotSoError(Exception):
    """Something that the demo promises did not happen."""


class Demo:
    """The run, and what it has found."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.log = ROOT / ".cache" / f"{lab.name}.log"
        """All that was printed, of this run and those before it, until main empties it."""
        self.started = time.monotonic()
        self.proved: list[str] = []

    def say(self, what: str) -> None:
        """Begin a step."""
        print(f"\n==> {time.monotonic() - self.started:5.1f} s  {what}", flush=True)

    def play(self, *arguments: str) -> list[Cell]:
        """Run ansible-playbook, show its tasks as they come and its matrix, and return the matrix."""
        table = matrix(self.show(*arguments))
        print("\n" + "\n".join(table))
        return cells(table)

    def show(self, *arguments: str) -> list[str]:
        """Run ansible-playbook, show its tasks as they come, and return all that it printed."""
        command = ["ansible-playbook", *arguments]
        print(f"    $ {' '.join(command)}", flush=True)
        environment = {**os.environ, "OP25B_LAB": self.lab.name, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"}
        environment["COLUMNS"] = WIDTH
        lines: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            run = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            assert run.stdout
            for line in run.stdout:
                log.write(line)
                lines.append(line.rstrip())
                if line.startswith(("TASK", "RUNNING HANDLER")):
                    print("    " + re.sub(r"^.*\[(?:ccsnet\.op25b\.\w+ : )?(.*)\] \**$", r"- \1", line.rstrip()), flush=True)
            if run.wait() != 0:
                print("\n".join(lines))
                raise NotSoError(f"{' '.join(command)} ended with {run.returncode}: {why(lines)}; all of it is in {self.log}")
        return lines

    def seen_by_servers(self, since: float) -> list[dict[str, object]]:
        """Connections to port 25 that the servers outside wrote down, from addresses that the pools block."""
        blocked = {address for host in BLOCKED for address in (HOSTS[host].v4, HOSTS[host].v6)}
        events = [event for host in ("mobile-mx", "other-isp") for event in self.lab.sink_log(host)]
        return [
            event
            for event in events
            if event["event"] == "accept"
            and event["local_port"] == 25
            and event["time"] >= since
            and event["peer_address"] in blocked
        ]

    def edge_rules(self) -> dict[str, str]:
        """Everything that the edges are configured to do, without what counts."""
        found = {name: self.lab.run(name, ["nft", "-s", "list", "ruleset"]).stdout for name in LINUX}
        environment = {**os.environ, "OP25B_LAB": self.lab.name, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0"}
        asked = [
            subprocess.Popen(
                ["ansible", ",".join(name for name, at in ROUTERS.items() if at == port), "-o", "-m", *show],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for port, show in SHOW.items()
        ]
        lines = [line for each in asked for line in "".join(each.communicate()).splitlines()]
        for line in lines:
            name, _arrow, result = line.partition(" | ")
            if name in ROUTERS and result.startswith("SUCCESS"):
                text = str(json.loads(result[result.index("{") :])["stdout"])
                found[name] = "\n".join(kept for kept in text.splitlines() if not kept.startswith(("!", "Building", "Current")))
        missing = sorted({*LINUX, *ROUTERS} - set(found))
        said = [line for line in lines if line.partition(" | ")[0] in missing]
        must(not missing, f"{', '.join(missing)} did not show what they are configured to do: {'; '.join(said) or lines[-1:]}")
        return found

    def mail(self) -> str:
        """Send a mail from a customer through the relay, and wait for it where it should arrive."""
        mark = f"op25b demo {uuid.uuid4()}"
        certificate = self.lab.path("msa1", "/etc/ssl/certs/submission_relay.pem").read_text(encoding="ascii")
        user = customer("cust-east")
        wanted = {
            "certificate": certificate,
            "relay": HOSTS["msa1"].v4,
            **user,
            "to": "friend@mobile.example",
            "message": f"From: {user['login']}\r\nTo: friend@mobile.example\r\nSubject: {mark}\r\n\r\nStill there.\r\n",
        }
        sent = time.time()
        run = self.lab.run("cust-east", ["/usr/bin/python3", "-c", MAIL], input=json.dumps(wanted))
        must(run.returncode == 0, f"{user['login']} could not send through 587: {run.stderr.strip().rpartition(chr(10))[2]}")
        tls = run.stdout.strip()
        while time.time() < sent + 20:
            for event in self.lab.sink_log("mobile-mx"):
                if event["event"] == "mail" and mark in json.dumps(event):
                    shown = {key: value for key, value in event.items() if key not in ("body", "headers")}
                    print("    mobile-mx wrote down: " + json.dumps(shown), flush=True)
                    took = float(str(event["time"])) - sent
                    return f"through {wanted['relay']}:587 ({tls}) from {event['peer_address']} after {took:.1f} s"
            time.sleep(0.1)
        raise NotSoError("the mail that cust-east sent through 587 did not arrive at mobile-mx within 20 s")

    def run(self) -> None:
        """All of it, in order."""
        self.say("the lab: an ISP's customers, an edge of each kind, its mail servers, a mobile carrier and another ISP")
        self.lab.down()
        booted = self.lab.up()
        print(f"    {len(booted)} hosts")
        before_rules = self.edge_rules()

        self.say("before: the relay is there, port 25 is not closed (wave none)")
        began = time.time()
        before = self.play("ccsnet.op25b.site", "-e", "op25b_wave=none")
        must(all(cell.state == "open" for cell in before), "not every connection was open before")
        arrived = len(self.seen_by_servers(began))
        must(arrived > 0, "the servers outside saw no connection to port 25 before")
        self.proved.append(f"before: {len(before)} of {len(before)} connections open, port 25 from the pools among them")

        self.say("port 25 is closed (wave all), armed, and confirmed by real packets")
        began = time.time()
        after = self.play("ccsnet.op25b.site", "--limit", "edges:probes")
        closed = [cell for cell in after if cell.port == 25 and cell.target in OUTSIDE and cell.probe in BLOCKED]
        others = [cell for cell in after if cell not in closed]
        tried = len(BLOCKED) * len(OUTSIDE) * 2
        must(len(closed) == tried, f"{tried} ways out on port 25 should have been tried, not {len(closed)}")
        # A Linux and a Junos edge reset; an access list answers administratively prohibited.
        must(all(cell.state in ("refused", "unreachable") for cell in closed), "port 25 is not refused everywhere")
        times = sorted(cell.ms for cell in closed)
        # Half of them: a single one may have waited for a processor of this machine.
        must(times[len(times) // 2] < 10, f"refusals take too long: {times} ms")
        leaked = len(self.seen_by_servers(began))
        must(leaked == 0, f"the servers outside saw {leaked} connections to port 25 all the same")
        must(all(cell.state == "open" for cell in others), "something else than port 25 is closed")
        self.proved.append(
            f"after: port 25 from {len({cell.pool for cell in closed})} pools to outside refused by a Linux, an IOS-XE, an IOS-XR"
            f" and a Junos edge (these three are stand-ins) and by a pair of Linux edges, {len(closed)} of {len(closed)} on IPv4"
            f" and IPv6, half of them in {times[len(times) // 2]:.1f} ms, the slowest in {times[-1]:.1f} ms;"
            f" the servers' own logs: {arrived} connections before, {leaked} now"
        )
        self.proved.append(
            f"nothing else changed: {len(others)} of {len(others)} other connections open (587, 465, 443, our servers,"
            " the exempted customer, the fixed line, another ISP's line)"
        )

        self.say("a customer sends mail through 587")
        self.proved.append(f"mail from cust-east arrives at the mobile carrier, {self.mail()}")

        self.say("all of it is taken back")
        again = self.play("ccsnet.op25b.rollback")
        must(all(cell.state == "open" for cell in again), "not every connection is open again")
        must(self.edge_rules() == before_rules, "an edge's rules are not what they were before")
        self.proved.append(
            f"taken back: {len(again)} of {len(again)} connections open, and the rules of all edges are byte for byte"
            f" what they were ({', '.join(f'{name}: {len(text)} bytes' for name, text in before_rules.items())})"
        )


def matrix(lines: Sequence[str]) -> list[str]:
    """The lines of the last table in what a playbook printed."""
    # The last one is of everything; before it, a rollout shows one for each batch.
    start = max((n for n, line in enumerate(lines) if line.split()[:2] == ["probe", "pool"]), default=None)
    end = max((n for n, line in enumerate(lines) if " probes, " in line), default=None)
    if start is None or end is None:
        raise NotSoError("the playbook printed no matrix")
    return list(lines[start : end + 1])


def cells(table: Sequence[str]) -> list[Cell]:
    """Every connection of the table; read again here, so that the playbook is not its own judge."""
    words = [re.split(r" {2,}", line.strip()) for line in table]
    ports = [int(word) for word in words[0] if word.isdigit()]
    found = []
    for row in words[2:]:
        if len(row) != 4 + len(ports) + 1:
            continue
        for port, text in zip(ports, row[4:-1], strict=True):
            state = STATE.fullmatch(text)
            if state:
                found.append(Cell(row[0], row[1], row[2], row[3], port, state[1], float(state[2] or 0)))
    if not found:
        raise NotSoError("the matrix is empty")
    return found


def why(lines: Sequence[str]) -> str:
    """Why a playbook stopped, in its own words: its last no-go, or else the first error of a task."""
    no_go = [line[line.index("NO-GO") :] for line in lines if "NO-GO" in line]
    errors = [line.partition("[ERROR]: ")[2].removeprefix("Task failed: ") for line in lines if line.startswith("[ERROR]: ")]
    return next(iter([*no_go[-1:], *errors]), "it did not say why").strip("'\" ")


def must(so: bool, otherwise: str) -> None:
    """Stop unless it is so."""
    if not so:
        raise NotSoError(otherwise)


def main(kind: type[Demo] = Demo) -> int:
    """Run a demo; the lab is gone afterwards, however it ended."""
    demo = kind(Lab(os.environ.get("OP25B_LAB") or "demo"))
    demo.log.parent.mkdir(exist_ok=True)
    demo.log.write_text("", encoding="utf-8")
    try:
        demo.run()
    except (NotSoError, LabError, OSError, subprocess.SubprocessError) as err:
        print(f"\ndemo: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    finally:
        demo.say("the lab is taken away")
        demo.lab.down()
    print(f"\nProved in {time.monotonic() - demo.started:.0f} s:")
    for number, line in enumerate(demo.proved, 1):
        print(f"{number}. {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
