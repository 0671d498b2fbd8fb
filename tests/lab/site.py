# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose relay works, and the playbooks that an operator runs on it."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
from pathlib import Path

from lab.demo import LINUX, ROUTERS
from lab.demo_rollout import Rollout
from lab.topology import HOSTS

from .ansible_task import BIN, ROOT, environment, sockets
from .sessions import running

LAST = re.compile("(NO-)?GO, wave|(NOT )?(back to wave|everything out)")


class End:
    """What the last table of a run says."""

    def __init__(self, printed):
        lines = printed.splitlines()
        last = max(at for at, line in enumerate(lines) if LAST.match(line))
        end = lines.index("Next:", last)
        self.printed = printed
        said = " ".join(" ".join(lines[last + 1 : end]).split())
        self.problems = said.removeprefix("- ").split(" - ") if said else []
        self.next = [line.strip() for line in itertools.takewhile(str.strip, lines[end + 1 :])]
        heads = max((at for at in range(last) if lines[at].startswith("edge ") and " outcome" in lines[at]), default=None)
        rows = [re.split(r" {2,}", line) for line in lines[heads + 2 : last] if line and line[0] != " "] if heads else []
        self.edges = {row[0]: row[-1].partition(":")[0] for row in rows}
        """What became of each edge that was to change."""


def plain(value):
    """What ansible-inventory prints, with every text as AWX reads it."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else {k: plain(v) for k, v in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class Site:
    """A lab whose relay works, and the playbooks with the inventory of a phase."""

    def __init__(self, lab):
        self.lab = lab
        self.demo = Rollout(lab)
        self.journal = lab.state / "journal.jsonl"
        self.environment = environment(OP25B_LAB=lab.name, ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(lab.name)))

    def command(self, playbook, phase, *edges, **variables):
        inventory = phase if isinstance(phase, Path) else f"inventories/lab/{phase}.op25b.yml"
        words = [str(BIN / "ansible-playbook"), f"ccsnet.op25b.{playbook}", "-i", str(inventory)]
        limit = ["--limit", ",".join(edges)] if edges else []
        return [*words, *limit, "-e", json.dumps(variables)]

    def run(self, playbook, phase, *edges, **variables):
        """Its output; it must end well."""
        done = self.started(self.command(playbook, phase, *edges, **variables)).communicate(timeout=300)
        assert re.search(r"failed=[1-9]|unreachable=[1-9]", done[0]) is None, done[0]
        return done[0]

    def started(self, command, **more):
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **more},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def no_go(self, phase, *edges, playbook="rollout", **variables):
        """Why it stops, and what the last table says of each edge."""
        process = self.started(self.command(playbook, phase, *edges, **variables))
        printed = process.communicate(timeout=300)[0]
        assert process.returncode == 2, printed
        return End(printed)

    def listed(self, phase):
        process = self.started([str(BIN / "ansible-inventory"), "-i", f"inventories/lab/{phase}.op25b.yml", "--list"])
        return plain(json.loads(process.communicate(timeout=300)[0]))

    def without(self, phase, *hosts):
        """The inventory of a phase as AWX has it, where these hosts are disabled: they are gone from it."""
        read = self.listed(phase)
        variables = read.pop("_meta")["hostvars"]

        def members(group):
            found = list(read.get(group, {}).get("hosts", ()))
            return found + [host for child in read.get(group, {}).get("children", ()) for host in members(child)]

        groups = {name: {"hosts": {host: {} for host in members(name) if host not in hosts}} for name in read if name != "all"}
        whole = {"hosts": {host: each for host, each in variables.items() if host not in hosts}, "children": groups}
        text = json.dumps({"all": whole}).replace("{{ inventory_dir }}", str(ROOT / "inventories" / "lab"))
        place = self.lab.state / f"without-{len(hosts)}.yml"
        place.write_text(text, encoding="utf-8")
        return place

    def rules(self):
        """Everything that each edge is configured to do, by its own words, without what counts."""
        linux = {name: self.lab.run(name, ["nft", "-s", "list", "ruleset"]).stdout for name in LINUX}
        return linux | {name: running(self.lab, name) for name in ROUTERS}

    def agrees(self, stop, before):
        """Whether the last table says the truth of every edge in it: what is confirmed has changed, and nothing else has."""
        after = self.rules()
        changed = {edge for edge in after if after[edge] != before[edge]}
        return {edge for edge, became in stop.edges.items() if became == "confirmed"} == changed & set(stop.edges)

    def record(self):
        return [json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines()]

    def steps(self, edge, outcome):
        return {
            (each["pool"], each["class"], each["after"])
            for each in self.record()
            if each["kind"] == "step" and each["edge"] == edge and each["outcome"] == outcome
        }

    @contextlib.contextmanager
    def broken(self, host, **options):
        """A stand-in with these options; afterwards it is as it was, but for its configuration."""
        name = "lab-junos" if HOSTS[host].cli.platform == "junos" else "lab-cli"
        settings = self.lab.path(host, f"/etc/{name}.json")
        before = settings.read_text(encoding="utf-8")
        settings.write_text(json.dumps({**json.loads(before), "options": options}), encoding="utf-8")
        self.lab.run(host, ["service", name, "restart"], check=True)
        try:
            yield
        finally:
            settings.write_text(before, encoding="utf-8")
            self.lab.run(host, ["service", name, "restart"], check=True)

    @contextlib.contextmanager
    def gone(self, host):
        """A host that Ansible cannot reach, although it goes on with its work."""
        pid = self.lab.state / host / "pid"
        alive = pid.read_text(encoding="ascii")
        # No process has it.
        pid.write_text("4194304", encoding="ascii")
        try:
            yield
        finally:
            pid.write_text(alive, encoding="ascii")

    @contextlib.contextmanager
    def stopped(self, host, service):
        self.lab.run(host, ["service", service, "stop"], check=True)
        try:
            yield
        finally:
            self.lab.run(host, ["service", service, "start"], check=True)
