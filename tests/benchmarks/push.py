# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a push costs beside what one would use without us: 1,000 entries on a stand-in, over real SSH and real Ansible.

IOS-XE beside cisco.ios.ios_acls and ios_config; Junos beside ansible.netcommon.netconf_config, which is given the whole
configuration of our filters, each of them and each prefix list with operation="replace".

Prints min, median and max of several runs, and the ratios that are promised; ends with 1 where one is missed. CPU is that
of the controller: user and system time of ansible-playbook and of every process that it leaves behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lab import Lab

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = 500
"""Of IPv6, each an entry in both directions."""
UPLINK = "GigabitEthernet0/0/0"
STARTUP = f"""hostname edge
!
archive
 path flash:archive
!
interface {UPLINK}
 ip address 192.0.2.198 255.255.255.252
!
interface GigabitEthernet0/0/1
 ip address 198.51.100.1 255.255.255.0
!
end
"""
ONE_MORE = "2001:db8::18"
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Run:
    """What one run of ansible-playbook took, and what its tasks returned."""

    cpu: float
    wall: float
    results: list[dict[str, Any]]


@dataclass
class Series:
    """Runs of the same play."""

    name: str
    runs: list[Run] = field(default_factory=list)

    def median(self, what: str) -> float:
        """The middle of all runs; `what` is cpu or wall."""
        return float(statistics.median(getattr(run, what) for run in self.runs))

    def say(self) -> None:
        """Print what the runs took."""
        for what in ("cpu", "wall"):
            values = [getattr(run, what) for run in self.runs]
            spread = " / ".join(f"{value:7.2f}" for value in (min(values), self.median(what), max(values)))
            print(f"{self.name:36} {what:4} {spread} s   {len(values)} runs", flush=True)


def policy(prefixes: int, action: str, exempt: Sequence[str]) -> dict[str, Any]:
    """A policy whose pool has many prefixes of IPv6."""
    return {
        "version": 1,
        "pools": {"east": {"prefixes": ["198.51.100.0/24", *(f"2001:db8:{2 * n:x}::/48" for n in range(prefixes))]}},
        "mail_servers": {"msa1": {"addresses": ["192.0.2.25", "2001:db8:ffff::25"], "role": "submission"}},
        "exemptions": [{"prefixes": ["198.51.100.17", "2001:db8::17", *exempt], "who": "customers", "why": "contracts"}],
        "waves": [{"name": "all", "date": "2019-03-01", "pools": "all", "action": action}],
    }


def acl(interface: str, uplink: str, document: dict[str, Any]) -> dict[str, Any]:
    """The task of this collection."""
    return {
        "ccsnet.op25b.acl": {
            "policy": document,
            "wave": "all",
            "attachments": [{"interface": interface, "pools": ["east"]}],
            "uplinks": [uplink],
            "today": "2019-03-25",
            "budget": 100000,
        }
    }


def ours(prefixes: int, *, exempt: Sequence[str] = ()) -> dict[str, Any]:
    """It observes, since cisco.ios.ios_acls has a word for each of its entries."""
    return acl("GigabitEthernet0/0/1", UPLINK, policy(prefixes, "observe", exempt))


EMPTY = {"ccsnet.op25b.acl": {"state": "deleted"}}
PATIENT = {"ansible_command_timeout": 900, "ansible_connect_timeout": 900}
"""For cisco.ios, which needs minutes for its lines, and as long to think while the session is idle; ours has the defaults."""
NOTHING = {"ansible.netcommon.cli_command": {"command": "show privilege"}}


def acls_of(commands: Sequence[str]) -> dict[str, Any]:
    """The entries of IPv6 as the argument of cisco.ios.ios_acls."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for line in commands:
        words = line.split()
        if not line.startswith(" "):
            entries = lists.setdefault(words[-1], []) if line.startswith("ipv6 access-list ") else None
        elif entries is not None:
            entries.append(ace(words))
    acls = [{"name": name, "aces": aces} for name, aces in lists.items()]
    return {"cisco.ios.ios_acls": {"state": "merged", "config": [{"afi": "ipv6", "acls": acls}]}, "vars": PATIENT}


def ace(words: Sequence[str]) -> dict[str, Any]:
    """One entry: sequence NUMBER remark ... or permit tcp SOURCE [eq smtp] DESTINATION [eq smtp] [syn]."""
    if words[2] == "remark":
        return {"sequence": int(words[1]), "remarks": [" ".join(words[3:])]}
    found: dict[str, Any] = {"sequence": int(words[1]), "grant": words[2], "protocol": words[3]}
    rest = list(words[4:])
    for side in ("source", "destination"):
        word = rest.pop(0)
        found[side] = {"any": True} if word == "any" else {"host": rest.pop(0)} if word == "host" else {"address": word}
        if rest[:1] == ["eq"]:
            found[side]["port_protocol"] = {"eq": rest[1]}
            del rest[:2]
    if rest:
        found["protocol_options"] = {words[3]: {rest.pop(): True}}
    return found


def _metered(command: Sequence[str], environment: dict[str, str], log: Path, answer: Any) -> None:
    # The connection's own process leaves its parent; as the reaper of orphans we get it back, and its CPU time with it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begun = time.monotonic()
    with log.open("w") as output:
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False).returncode
    wall = time.monotonic() - begun
    # It would wait for another task, until it has been idle for long.
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := children.read_text().split():
        for child in left:
            os.kill(int(child), signal.SIGTERM)
            os.waitpid(int(child), 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer.put((code, used.ru_utime + used.ru_stime, wall))


class Bench:
    """Plays against one device."""

    def __init__(self, directory: Path, variables: Mapping[str, Any]) -> None:
        self._directory = directory
        self._variables = {
            "ansible_user": "ansible",
            "ansible_host_key_checking": False,
            "ansible_python_interpreter": sys.executable,
            **variables,
        }

    def play(self, *tasks: dict[str, Any]) -> Run:
        """One run of ansible-playbook."""
        play = self._directory / "play.json"
        play.write_text(json.dumps([{"hosts": "edge", "gather_facts": False, "tasks": list(tasks)}]))
        log = self._directory / "log.json"
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(self._directory / "c"),
            "HOME": str(self._directory),
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "edge,", "-e", json.dumps(self._variables), str(play)]
        context = multiprocessing.get_context("fork")
        answer = context.SimpleQueue()
        meter = context.Process(target=_metered, args=(command, environment, log, answer))
        meter.start()
        code, cpu, wall = answer.get()
        meter.join()
        if code:
            raise SystemExit(f"ansible-playbook ended with {code}: {log.read_text()[-3000:]}")
        text = log.read_text()
        found = json.loads(text[text.index("{\n") :])
        results = [task["hosts"]["edge"] for play in found["plays"] for task in play["tasks"]]
        return Run(cpu, wall, results)

    def config_of(self, commands: Sequence[str]) -> dict[str, Any]:
        """The same lines for cisco.ios.ios_config, by way of a file."""
        file = self._directory / "lines.cfg"
        file.write_text("\n".join(commands) + "\n")
        return {"cisco.ios.ios_config": {"src": str(file)}, "vars": PATIENT}

    def several(self, name: str, count: int, task: dict[str, Any], before: dict[str, Any] | None = None) -> Series:
        """Runs of one task, each after another one that prepares the device."""
        series = Series(name)
        for _ in range(count):
            if before:
                self.play(before)
            series.runs.append(self.play(task))
        series.say()
        return series

    def paired(
        self, name: str, count: int, tasks: tuple[dict[str, Any], dict[str, Any]], before: dict[str, Any] | None = None
    ) -> tuple[Series, Series]:
        """Runs of our task and of that of netconf_config in turn, so that what else the machine does slows both."""
        made = Series(f"ours, {name}"), Series(f"netconf_config, {name}")
        for _ in range(count):
            for series, task in zip(made, tasks, strict=True):
                if before:
                    self.play(before)
                series.runs.append(self.play(task))
        for series in made:
            series.say()
        return made


@contextlib.contextmanager
def device() -> Iterator[Bench]:
    """A stand-in of its own, and plays against it."""
    # Short: the names of sockets have 107 characters at most.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        (directory / "startup-config").write_text(STARTUP)
        config = {
            "platform": "ios",
            "hostname": "edge",
            "listen": ["127.0.0.1"],
            "port": 0,
            "users": {"ansible": {"password": "words", "privilege": 15}},
            "startup": str(directory / "startup-config"),
        }
        (directory / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "lab.cli", "--config", str(directory / "config.json")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as daemon:
            try:
                port = json.loads(daemon.stdout.readline() if daemon.stdout else "")["ports"][0]
                reached = {
                    "ansible_host": "127.0.0.1",
                    "ansible_port": port,
                    "ansible_password": "words",
                    "ansible_connection": "ansible.netcommon.network_cli",
                    "ansible_network_os": "cisco.ios.ios",
                    "ansible_network_cli_ssh_type": "libssh",
                }
                yield Bench(directory, reached)
            finally:
                daemon.terminate()


def promised(what: str, ours: float, theirs: float, limit: float) -> bool:
    """Print a ratio, and whether it is as promised."""
    kept = ours * limit <= theirs
    print(f"{what:36} 1/{theirs / ours:.0f} of theirs, at most 1/{limit:.0f}: {'kept' if kept else 'MISSED'}", flush=True)
    return kept


def cisco() -> list[bool]:
    """IOS-XE beside cisco.ios."""
    with contextlib.ExitStack() as stack:
        bench, other = (stack.enter_context(device()) for _ in range(2))
        some, more = ours(PREFIXES), ours(PREFIXES, exempt=[ONE_MORE])
        nothing = bench.several("a task that asks one thing", 3, NOTHING)
        cold = bench.several("ours, cold push", 3, some, EMPTY)
        commands = cold.runs[-1].results[0]["commands"]
        entries = sum(" permit " in line or " deny " in line for line in commands)
        same = bench.several("ours, nothing to change", 5, some)
        one = bench.several("ours, one exemption more", 5, more, some)
        added = one.runs[-1].results[0]["commands"]
        bench.play(some)
        wire = bench.play(ours(PREFIXES, exempt=["198.51.100.18"])).results[0]["commands"]
        bench.play(some)
        with ThreadPoolExecutor() as pool:
            # ios_config spends its time waiting, and ios_acls has the other core: neither is in the other's way.
            pushes = pool.submit(other.several, "ios_config, cold push", 2, other.config_of(commands), EMPTY)
            their_same = bench.several("ios_acls, nothing to change", 2, acls_of(commands))
            their_one = bench.several("ios_acls, one exemption more", 2, acls_of([*commands, *added]), some)
            their_cold = pushes.result()
        assert other.play(some).results[0]["commands"] == [], "ios_config made something else of the same lines"
        assert not any(run.results[0]["changed"] for run in their_same.runs), "ios_acls was given other entries"
        assert all(len(run.results[0]["commands"]) > 1 for run in their_one.runs), "ios_acls added nothing"
        many = ours(5 * PREFIXES)
        bench.several("ours, 5,000 entries, cold push", 1, many, EMPTY)
        bench.several("ours, 5,000 entries, nothing", 2, many)
        bench.several("ours, 5,000 entries, one exemption", 1, ours(5 * PREFIXES, exempt=[ONE_MORE]))

    base = nothing.median("cpu")
    print(f"\n{entries} entries in {len(commands)} lines; CPU is what a run takes beyond the task that asks one thing")
    kept = [
        promised("CPU, nothing to change", same.median("cpu") - base, their_same.median("cpu") - base, 50),
        promised("CPU, one exemption more", one.median("cpu") - base, their_one.median("cpu") - base, 50),
        promised("time, cold push", cold.median("wall"), their_cold.median("wall"), 5),
        len(wire) <= 2,
    ]
    print(f"lines on the wire, one exemption     {len(wire)} of IPv4, at most 2: {'kept' if kept[-1] else 'MISSED'};", end=" ")
    print(f"{len(added)} of IPv6, an entry for each direction\n")
    return kept


# -- Junos -------------------------------------------------------------------------------------------------------------

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
ALL_OF_JUNOS = '<configuration xmlns="http://yang.juniper.net/junos/conf/root"/>'
NOTHING_OF_JUNOS = {
    "ansible.netcommon.netconf_get": {"source": "running", "filter": ALL_OF_JUNOS.replace("/>", "><version/></configuration>")}
}
SAID = "/tmp/netconf-said"


def ours_on_junos(prefixes: int, *, exempt: Sequence[str] = ()) -> dict[str, Any]:
    """It blocks, with what it arms and confirms in one go."""
    return acl("ge-0/0/1.0", "xe-0/0/0.0", policy(prefixes, "block", exempt))


@contextlib.contextmanager
def junos_device() -> Iterator[tuple[Bench, Lab]]:
    """The lab's Junos edge in a lab of its own, and plays against it."""
    lab = Lab(f"bench-{os.getpid()}")
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        try:
            lab.up()
            reached = {
                "ansible_host": "192.0.2.228",
                "ansible_port": 830,
                "ansible_password": "ansible-lab",
                "ansible_connection": "ansible.netcommon.netconf",
                "ansible_network_os": "ccsnet.op25b.junos",
                "ansible_netconf_proxy_command": f"env -C {ROOT} {sys.executable} -m lab connect --name {lab.name} noc %h %p",
            }
            yield Bench(Path(directory), reached), lab
        finally:
            lab.down()


def local(element: ElementTree.Element) -> str:
    """Its name without the name space."""
    return element.tag.rpartition("}")[2]


def whole(bench: Bench) -> dict[str, Any]:
    """What our filters are on the device, as a task of netconf_config that replaces each of them by itself."""
    asked = {"ansible.netcommon.netconf_get": {"source": "running", "filter": ALL_OF_JUNOS}}
    reply = ElementTree.fromstring(bench.play(asked).results[0]["stdout"])
    configuration = next(element for element in reply.iter() if local(element) == "configuration")
    for parent in list(configuration.iter()):
        for child in list(parent):
            name = next((inner.text or "" for inner in child if local(inner) == "name"), "")
            bound = local(parent) in ("inet", "inet6") and not name
            if local(child) in ("prefix-list", "filter") and (bound or name.startswith("OP25B-")):
                child.set(f"{{{NETCONF}}}operation", "replace")
            elif local(child) in ("prefix-list", "filter", "address", "description", "version"):
                parent.remove(child)
    config = ElementTree.Element(f"{{{NETCONF}}}config")
    config.append(configuration)
    return {"ansible.netcommon.netconf_config": {"content": ElementTree.tostring(config, encoding="unicode")}}


@contextlib.contextmanager
def overheard(lab: Lab) -> Iterator[None]:
    """The device writes down what is said to it."""

    def subsystem(old: str, new: str) -> None:
        change = f"sed -i 's|^Subsystem netconf {old}|Subsystem netconf {new}|' /run/lab-junos/sshd_config"
        lab.run("edge-j1", ["sh", "-c", f"{change} && kill -HUP $(cat /run/lab-junos/sshd.pid) && sleep 1"], check=True)

    subsystem("", f"tee {SAID} \\| ")
    yield
    subsystem(f"tee {SAID} . ", "")


def edits(lab: Lab) -> tuple[int, Counter[str]]:
    """How many bytes were said to the device, and the entries of lists and leaf-lists in edits, by their names."""
    said = lab.run("edge-j1", ["cat", SAID], check=True).stdout
    found: Counter[str] = Counter()
    for message in said.split("]]>]]>"):
        root = ElementTree.fromstring(message) if message.strip() else ElementTree.Element("none")
        for edit in (element for element in root.iter() if local(element) == "edit-config"):
            keyed = [element for element in edit.iter() if len(element) and local(element[0]) == "name"]
            # An entry that only leads to another one is none that changes.
            found.update(
                local(element) for element in keyed if not any(inner in keyed for inner in element.iter() if inner != element)
            )
    return len(said.encode()), found


def junos() -> list[bool]:
    """Junos beside netconf_config."""
    with junos_device() as (bench, lab):
        some, more = ours_on_junos(2 * PREFIXES), ours_on_junos(2 * PREFIXES, exempt=[ONE_MORE])
        entries = sum("prefix-list" in line.split() for line in bench.play(some).results[0]["commands"])
        their_some = whole(bench)
        bench.play(more)
        their_more = whole(bench)
        nothing = bench.several("Junos, a task that asks one thing", 3, NOTHING_OF_JUNOS)
        cold = bench.paired("cold push", 3, (some, their_some), EMPTY)
        assert bench.play(some).results[0]["commands"] == [], "netconf_config made something else of the same configuration"
        same = bench.paired("nothing to change", 3, (some, their_some))
        assert not any(run.results[0]["changed"] for series in same for run in series.runs), "somebody changed what was the same"
        one = bench.paired("one exemption more", 3, (more, their_more), some)
        assert bench.play(more).results[0]["commands"] == [], "netconf_config made something else of the same configuration"
        wire = []
        for task in (more, their_more):
            bench.play(some)
            with overheard(lab):
                bench.play(task)
            wire.append(edits(lab))

    base = nothing.median("cpu")
    print(f"\n{entries} entries of prefix lists; CPU is what a run takes beyond the task that asks one thing")
    for what, (mine, theirs) in (("nothing to change", same), ("one exemption", one), ("cold push", cold)):
        print(f"{what:36} CPU {mine.median('cpu') - base:.2f} and theirs {theirs.median('cpu') - base:.2f} s;", end=" ")
        print(f"time {mine.median('wall') / theirs.median('wall'):.2f} of theirs")
    (mine_bytes, mine_found), (their_bytes, their_found) = wire
    # The mark of an armed change comes with it, and goes with its confirmation.
    mark = mine_found.pop("data", 0) + mine_found.pop("apply-macro", 0)
    kept = mine_found == {"prefix-list-item": 1}
    print(f"entries on the wire, one exemption   {dict(mine_found)}, at most one: {'kept' if kept else 'MISSED'};", end=" ")
    print(f"and {mark} for the mark of an armed change; theirs {their_found['prefix-list-item']}")
    print(f"bytes said to the device             {mine_bytes}, theirs {their_bytes}")
    return [kept]


def main() -> int:
    """Measure, print and judge."""
    print(f"{'':36} {'':4} {'min':>7}   {'median':>7}   {'max':>7}")
    return 0 if all([*junos(), *cisco()]) else 1


if __name__ == "__main__":
    sys.exit(main())
