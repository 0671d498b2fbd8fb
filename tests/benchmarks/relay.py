# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the submission relay costs beside bare Postfix, and that a power cut neither loses nor doubles a mail.

The ratio: the same hosts have a second Postfix, as Debian ships it, with STARTTLS and SASL and nothing else, and a Dovecot of
its own that differs from the relay's in having no auth policy. Clients come to both in the same way, through HAProxy. Both send
in turn, so that what else the machine does slows both. Time runs until the last mail is at the sink.

The soak: all goes through HAProxy, and the power of one relay is cut in the middle. Every message must be at the sink, or its
sender told of it: by the reply, or by a bounce. A message may be there twice only where SMTP itself cannot do better (RFC 5321
4.2.5, RFC 1047): somebody took it, and the cut came before whoever had sent it knew. These are counted apart.

All of it is one machine: disks are tmpfs, on which fsync costs nothing, to both alike; and a power cut ends every process of a
host, but what the kernel has not written yet is not lost by it. Sinks are Postfix's smtp-sink, which offers no TLS.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import Lab
from lab.topology import HOSTS
from tests.benchmarks.relay_client import LATER, REFUSED, TAKEN, UNKNOWN

ROOT = Path(__file__).resolve().parents[2]
RELAYS, BALANCER, SINK = ("msa1", "msa2"), "lb1", "other-isp"
CUSTOMERS = ("cust-east", "cust-west")
LOGINS = 200
DOMAINS = ("ccsnet.ne.jp", "m2.ccsnet.ne.jp")
PASSWORD = "hanako, only in the lab"
HASH = "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$5yf7IYd2XtVFxWP2RZf1uQ$Tl7hhOtmV29RMPqNI2798Ky7jiqj3gXql67aZOTKbk4"
BARE_PORT = 2587
GOAL = 0.8
ARRIVED, REFUSING, TOLD = 2525, 2526, 2527
REFUSED_EVERY = 100
SINKS = "/var/lib/soak"

VARIABLES = {
    "submission_relay_tls_self_signed": True,
    "submission_relay_users": [
        {"login": f"customer{number:03}@{DOMAINS[number % 2]}", "password_hash": HASH} for number in range(LOGINS)
    ],
    "submission_relay_home_servers": [],
    # The counting goes on; nobody comes to its end.
    "submission_relay_limits": {"message": 100, "minute": 100_000, "hour": 1_000_000, "day": 10_000_000},
    "submission_relay_transport": {
        "arrives.example": f"smtp:[{HOSTS[SINK].v4}]:{ARRIVED}",
        "refused.example": f"smtp:[{HOSTS[SINK].v4}]:{REFUSING}",
        **dict.fromkeys(DOMAINS, f"smtp:[{HOSTS[SINK].v4}]:{TOLD}"),
    },
}

BARE = r"""
umask 022
bare=/etc/postfix-bare
mkdir -p $bare /var/spool/postfix-bare /var/lib/postfix-bare
chown postfix: /var/lib/postfix-bare
cp /usr/share/postfix/main.cf.debian $bare/main.cf
cp /etc/postfix/transport $bare/transport
# As Debian's master.cf proposes it, and not chrooted: the relay is not, either.
sed -E 's/^([a-z]\S* +(inet|unix|unix-dgram) +\S+ +\S+ +)y/\1n/; /^smtp +inet/d' \
    /usr/share/postfix/master.cf.dist >$bare/master.cf
cat >>$bare/master.cf <<END
PORT inet n - n - - smtpd
  -o syslog_name=bare/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_upstream_proxy_protocol=haproxy
END
postconf -c $bare -e compatibility_level=3.6 queue_directory=/var/spool/postfix-bare data_directory=/var/lib/postfix-bare \
    syslog_name=bare syslog_facility=local2 mydestination= inet_interfaces=all alias_maps= \
    transport_maps=texthash:$bare/transport \
    smtpd_tls_chain_files="$(postconf -h smtpd_tls_chain_files)" smtp_tls_security_level=may \
    smtpd_client_connection_count_limit=0 smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth
postfix -c $bare check
sed 's#/var/spool/postfix/#/var/spool/postfix-bare/#; /^auth_policy_/d' /etc/dovecot/dovecot.conf >/etc/dovecot/bare.conf
printf 'base_dir = /run/dovecot-bare\nsyslog_facility = local2\n' >>/etc/dovecot/bare.conf
mkdir -p /etc/rsyslog.d
for file in /etc/rsyslog.d/*submission_relay*; do
    [ -e "$file" ] || continue
    # Its log is written as the relay's is, to a file of its own.
    sed 's#"mail"#"local2"#; s#mail\.log#bare.log#' $file >/etc/rsyslog.d/10-bare.conf
done
service rsyslog restart >/dev/null 2>&1 || true
[ -e /run/dovecot-bare/master.pid ] || dovecot -c /etc/dovecot/bare.conf </dev/null >/dev/null 2>&1
postfix -c $bare status >/dev/null 2>&1 || postfix -c $bare start </dev/null >/dev/null 2>&1
""".replace("PORT", str(BARE_PORT))

BARE_BALANCER = r"""
sed -E '/^frontend submissions/,$d; /server-state|stats /d; s/:(10)?587( v6only)?$/:PORT\2/' \
    /etc/haproxy/haproxy.cfg >/etc/haproxy/bare.cfg
[ -e /run/haproxy/bare.pid ] || haproxy -D -p /run/haproxy/bare.pid -f /etc/haproxy/bare.cfg
""".replace("PORT", str(BARE_PORT))

SINK_START = """
mkdir -p DIR
cd DIR
setsid smtp-sink -u root -D DIR/arrived ADDRESS:ARRIVED 1000 </dev/null >/dev/null 2>DIR/arrived.err &
setsid smtp-sink -u root -f rcpt ADDRESS:REFUSING 1000 </dev/null >/dev/null 2>DIR/refusing.err &
setsid smtp-sink -u root -D DIR/told ADDRESS:TOLD 1000 </dev/null >/dev/null 2>DIR/told.err &
"""


@dataclasses.dataclass(frozen=True)
class Copy:
    """A message as it came to a sink."""

    mark: str
    to: str
    relay: str
    queue_id: str
    when: str


class Dump:
    """What smtp-sink has written of the messages that it took, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._rest = b""
        self._copy: dict[str, str] = {}
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        self.count = 0

    def read(self) -> int:
        """Go on; returns how many messages there are."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for raw in lines:
            line = raw.decode(errors="replace").strip()
            if line.startswith("X-Client-Addr: "):
                self._copy = {}
            elif line.startswith("X-Helo-Args: "):
                self._copy["relay"] = line.partition(" ")[2].partition(".")[0]
            elif line.startswith("X-Rcpt-Args: "):
                self._copy["to"] = line.partition("<")[2].partition(">")[0]
            elif "when" not in self._copy and (when := re.search(r"(\d\d:\d\d:\d\d) \+0000", line)):
                self._copy["when"] = when[1]
            elif found := re.search(r"with E?SMTPS?A? id ([0-9A-Za-z]{6,})\b(?! *;.*smtp-sink)", line):
                # Ours comes after that of smtp-sink.
                self._copy["queue_id"] = found[1]
            elif (found := re.match(r"Message-ID: <(soak-[^>]+)>", line, re.IGNORECASE)) and "mark" not in self._copy:
                copy = Copy(mark=found[1], **{name: self._copy.get(name, "") for name in ("to", "relay", "queue_id", "when")})
                self._copy["mark"] = copy.mark
                self.copies[copy.mark].append(copy)
                self.count += 1
        return self.count


@dataclasses.dataclass
class Run:
    """One load."""

    name: str
    senders: dict[str, str]
    known: dict[str, list[str]]
    troubles: dict[str, int]
    seconds: float
    slowest: float
    cpu: dict[str, float]
    arrived: dict[str, list[Copy]]
    told: dict[str, list[Copy]]

    @property
    def rate(self) -> float:
        """Messages each second, until the last one has arrived."""
        return len(self.known) / self.seconds

    def say(self) -> None:
        """One line."""
        servers = sum(seconds for host, seconds in self.cpu.items() if host in (*RELAYS, BALANCER))
        clients = sum(seconds for host, seconds in self.cpu.items() if host in CUSTOMERS)
        each = 1000 / len(self.known)
        print(f"{self.name:14} {len(self.known):6} messages  {self.seconds:6.1f} s  {self.rate:6.1f}/s", end="  ")
        print(f"CPU a message: servers {servers * each:5.2f} ms, clients {clients * each:4.2f} ms;", end=" ")
        print(f"the slowest {self.slowest:.1f} s", flush=True)
        for words, times in self.troubles.items():
            print(f"{'':14} {times:6} times {words}")

    @property
    def server_cpu(self) -> float:
        """Of relays and balancer, in seconds a message."""
        return sum(self.cpu[host] for host in (*RELAYS, BALANCER)) / len(self.known)


class Bench:
    """A lab with two relays, a balancer, bare Postfix on both relays, and sinks."""

    def __init__(self, lab: Lab, at_once: int, size: int) -> None:
        self.lab = lab
        self._at_once = at_once
        self._size = size
        self._runs = itertools.count(int(time.time()))
        self._arrived = Dump(lab.path(SINK, f"{SINKS}/arrived"))
        self._told = Dump(lab.path(SINK, f"{SINKS}/told"))
        self._lost: defaultdict[str, float] = defaultdict(float)

    def prepare(self, only: Sequence[str]) -> None:
        """Everything by the collection's own playbook; then what it is measured against."""
        self.lab.up()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as variables:
            json.dump(VARIABLES, variables)
            variables.flush()
            for playbook in only:
                self._play(playbook, variables.name)
        install = "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends postfix >/dev/null 2>&1"
        self.lab.run(
            SINK, ["sh", "-c", f"[ -x /usr/sbin/smtp-sink ] || {{ apt-get -qq update; {install}; }}; service postfix stop"]
        )
        words = {"DIR": SINKS, "ADDRESS": HOSTS[SINK].v4, "ARRIVED": ARRIVED, "REFUSING": REFUSING, "TOLD": TOLD}
        start = re.sub("|".join(words), lambda found: str(words[found[0]]), SINK_START)
        self.lab.run(
            SINK, ["sh", "-ec", start], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, capture_output=False
        )
        for relay in RELAYS:
            self.lab.run(relay, ["bash", "-ec", BARE], check=True)
        self.lab.run(BALANCER, ["bash", "-ec", BARE_BALANCER], check=True)

    def _play(self, playbook: str, variables: str) -> None:
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_INVENTORY": f"{ROOT}/inventories/lab/hosts.yml,{ROOT}/molecule/submission_relay/hosts.yml",
            "OP25B_LAB": self.lab.name,
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), playbook, "-e", f"@{variables}"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{playbook} ended with {done.returncode}: {done.stdout[-5000:]}{done.stderr[-2000:]}")

    def load(self, name: str, port: int, messages: int, each: int, middle: Callable[[], None] | None = None) -> Run:
        """Send to a port of the balancer; in the middle something may happen.

        It ends when all is at a sink or told, or does not come.
        """
        run = next(self._runs)
        senders: dict[str, str] = {}
        sessions: list[dict[str, Any]] = []
        for number in range(messages // each):
            login = VARIABLES["submission_relay_users"][number % LOGINS]["login"]  # type: ignore[index]
            marks = []
            for index in range(each):
                at = number * each + index
                mark = f"soak-{run}-{at}@client.example"
                senders[mark] = login
                marks.append([mark, "friend@refused.example" if at % REFUSED_EVERY == 7 else "friend@arrives.example"])
            sessions.append({"login": login, "password": PASSWORD, "messages": marks})
        before = self.cpu()
        begun = time.time()
        workers = []
        for index, customer in enumerate(CUSTOMERS):
            worker = self.lab.script_popen(
                customer, "tests.benchmarks.relay_client", stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            wanted = {"server": (HOSTS[BALANCER].v4, port), "size": self._size, "at_once": self._at_once // len(CUSTOMERS)}
            assert worker.stdin
            json.dump({**wanted, "sessions": sessions[index :: len(CUSTOMERS)]}, worker.stdin)
            worker.stdin.close()
            workers.append(worker)
        said: list[dict[str, Any]] = [{} for _ in workers]
        # The workers speak in step; the last line of each has all that it knows, and not all end at once.
        for lines in itertools.zip_longest(*(self._lines(worker) for worker in workers)):
            said = [line or last for line, last in zip(lines, said, strict=True)]
            if middle and sum(each.get("taken", 0) for each in said) >= messages / 2:
                middle()
                middle = None
        for index, worker in enumerate(workers):
            if worker.wait():
                raise SystemExit(f"the clients on {CUSTOMERS[index]} ended with {worker.returncode}")
        known = {mark: attempts for each in said for mark, attempts in each["known"].items()}
        last = self._drained(known)
        after = self.cpu()
        cpu = {host: after[host] - before[host] for host in before}
        cpu.update({customer: each["cpu"] for customer, each in zip(CUSTOMERS, said, strict=True)})
        troubles: Counter[str] = Counter()
        for each in said:
            troubles.update(each["troubles"])
        copies = [
            {mark: list(found) for mark, found in dump.copies.items() if mark in senders} for dump in (self._arrived, self._told)
        ]
        slowest = max(each["slowest"] for each in said)
        made = Run(name, senders, known, dict(troubles), last - begun, slowest, cpu, *copies)
        made.say()
        return made

    @staticmethod
    def _lines(worker: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
        assert worker.stdout
        for line in worker.stdout:
            yield json.loads(line)

    def _drained(self, known: dict[str, list[str]]) -> float:
        """Wait until every message that was taken is somewhere, and nothing more comes; when the last one came."""
        taken = {mark for mark, attempts in known.items() if TAKEN in attempts}
        last, quiet_from, count = time.time(), time.time(), -1
        while True:
            now = self._arrived.read() + self._told.read()
            left = sum(mark not in self._arrived.copies and mark not in self._told.copies for mark in taken)
            if now != count:
                count, quiet_from = now, time.time()
                last = quiet_from
            if not left and time.time() - quiet_from > 0.3:
                return last
            if time.time() - quiet_from > 90:
                return last
            if left and time.time() - quiet_from > 5:
                # What was deferred while a relay was away is due now.
                for relay in RELAYS:
                    self.lab.run(relay, ["postqueue", "-f"])
            time.sleep(0.05)

    def queued(self) -> list[str]:
        """What the relays have still in their queues."""
        return [line for relay in RELAYS for line in self.lab.run(relay, ["postqueue", "-j"], check=True).stdout.splitlines()]

    def cpu(self) -> dict[str, float]:
        """Seconds that the processes of each server have used, their ended children included."""
        spaces = {}
        for host in (*RELAYS, BALANCER, SINK):
            spaces[os.stat(f"/proc/{self.lab.pid(host)}/ns/pid").st_ino] = host
        used = {host: self._lost[host] for host in spaces.values()}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                host = spaces.get(os.stat(process / "ns" / "pid").st_ino)
                if host:
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    used[host] += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            except OSError:
                continue
        return used

    def power_cut(self, relay: str, seconds: float) -> None:
        """End every process of the host at once, and boot it again after a while."""
        # With its processes goes what they have used.
        self._lost[relay] = self.cpu()[relay]
        self.cut = time.time()
        os.kill(self.lab.pid(relay), signal.SIGKILL)
        time.sleep(seconds)
        self.lab.restart(relay)
        self.booted = time.time()
        print(f"{'':14} {relay} had no power for {self.booted - self.cut:.0f} s", flush=True)


def ratio(bench: Bench, pairs: int, messages: int, each: int) -> float:
    """The relay beside bare Postfix, in turn; who is first alternates. The median."""
    print(f"sessions of {each} messages, each session with an AUTH (argon2id)")
    ports = {"bare": BARE_PORT, "relay": 587}
    for name, port in ports.items():
        bench.load(f"warm, {name}", port, messages // 4, each)
    rates, costs = [], []
    for number in range(pairs):
        order = list(ports)[:: 1 if number % 2 == 0 else -1]
        runs = {name: bench.load(name, ports[name], messages, each) for name in order}
        rates.append(runs["relay"].rate / runs["bare"].rate)
        costs.append(runs["relay"].server_cpu / runs["bare"].server_cpu)
        for run in runs.values():
            assert not wrong(run, None), f"{run.name}: {wrong(run, None)}"
    for what, values in (("messages a second", rates), ("CPU of the servers", costs)):
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{what + ', relay / bare':36} min {low:.2f}, median {middle:.2f}, max {high:.2f}")
    return statistics.median(rates)


def wrong(run: Run, bench: Bench | None, cut_off: str = "") -> list[str]:
    """What is lost, told to somebody else, both told and arrived, or twice without a reason that SMTP leaves."""
    found = []
    replies_lost = relay_cut = 0
    for mark, sender in run.senders.items():
        attempts = run.known.get(mark, [])
        arrived, told = run.arrived.get(mark, []), run.told.get(mark, [])
        if TAKEN not in attempts:
            if REFUSED not in attempts:
                found.append(f"{mark} was never taken: {attempts}")
            if (arrived or told) and UNKNOWN not in attempts:
                found.append(f"{mark} came though it was not taken: {attempts}")
            continue
        if not arrived and not told:
            found.append(f"{mark} is lost: {attempts}")
        found += [f"{mark} was told to {copy.to}" for copy in told if copy.to != sender]
        if arrived and told:
            found.append(f"{mark} arrived, and its sender was told that it did not")
        for copies in (arrived, told):
            by_queue = Counter((copy.relay, copy.queue_id) for copy in copies)
            unknown = attempts.count(UNKNOWN)
            if len(by_queue) > 1 + unknown:
                found.append(f"{mark} is there {len(copies)} times: {copies}, {attempts}")
            replies_lost += len(by_queue) > 1
            for (relay, _id), times in by_queue.items():
                if times == 1:
                    continue
                # It was on its way to the sink when the power went.
                if (
                    bench
                    and relay == cut_off
                    and times == 2
                    and copies[0].when <= clock(bench.cut + 1)
                    and copies[1].when >= clock(bench.booted - 5)
                ):
                    relay_cut += 1
                else:
                    found.append(f"{mark} came {times} times from the queue of {relay}: {copies}")
    if bench:
        taken = sum(TAKEN in attempts for attempts in run.known.values())
        refused = sum(REFUSED in attempts for attempts in run.known.values())
        again = sum(len(attempts) > 1 for attempts in run.known.values())
        unknown = sum(UNKNOWN in attempts for attempts in run.known.values())
        later = sum(LATER in attempts for attempts in run.known.values())
        print(f"sent {len(run.senders)} = arrived {len(run.arrived)} + told {len(run.told)} by a bounce + {refused} by the reply")
        print(
            f"taken {taken}; sent again {again}, of which {later} after a 4xx, and {unknown} with the reply to the last dot lost"
        )
        print(f"twice because a reply to the client was lost {replies_lost}, because one to the relay was {relay_cut} (RFC 1047)")
        print(f"lost, doubled or told wrongly: {len(found)}", *found[:10], sep="\n  ")
    return found


def clock(when: float) -> str:
    """As smtp-sink writes it."""
    return time.strftime("%H:%M:%S", time.gmtime(when))


def soak(bench: Bench, messages: int, each: int) -> bool:
    """A power cut in the middle."""
    cut_off = RELAYS[1]
    run = bench.load("soak", 587, messages, each, lambda: bench.power_cut(cut_off, 5))
    left = bench.queued()
    print(f"left in the queues: {len(left)}")
    return not wrong(run, bench, cut_off) and not left


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="of the soak (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=5, help="of runs for the ratio (default: %(default)s)")
    parser.add_argument("--paired-messages", type=int, default=2000, help="of each of these (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=32, help="sessions at the same time (default: %(default)s)")
    parser.add_argument("--each", type=int, default=10, help="messages of a session (default: %(default)s)")
    parser.add_argument("--long", type=int, default=100, help="messages of a long session; 0: none (default: %(default)s)")
    parser.add_argument("--size", type=int, default=3000, help="bytes of a message (default: %(default)s)")
    parser.add_argument("--lab", default=f"soak-{os.getpid()}", help="name of the lab; one that is given stays up")
    parser.add_argument("--playbook", nargs="*", default=["playbooks/relay.yml"], help="none: the lab is ready")
    arguments = parser.parse_args()
    lab = Lab(arguments.lab)
    try:
        bench = Bench(lab, arguments.at_once, arguments.size)
        bench.prepare(arguments.playbook)
        print(f"{LOGINS} logins, {arguments.at_once} sessions at once, messages of {arguments.size} bytes\n")
        kept = []
        if arguments.pairs:
            found = ratio(bench, arguments.pairs, arguments.paired_messages, arguments.each)
            kept.append(found >= GOAL)
            print(f"{found:.2f} of bare Postfix, at least {GOAL}: {'kept' if kept[-1] else 'MISSED'}\n")
            # Not judged. As mail programs send, a mail and goodbye: most of what a mail costs is its login.
            ratio(bench, arguments.pairs, arguments.paired_messages // 5, 1)
            print()
        if arguments.pairs and arguments.long:
            # Nobody's mail program does this; it is what a mail costs without its share of the password.
            ratio(bench, arguments.pairs, 2 * arguments.paired_messages, arguments.long)
            print()
        if arguments.messages:
            kept.append(soak(bench, arguments.messages, arguments.each))
        return 0 if all(kept) else 1
    finally:
        if arguments.lab.startswith("soak-"):
            lab.down()


if __name__ == "__main__":
    sys.exit(main())
