# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a wave costs for 50, 200 and 800 edges: the real playbook, over SSH and NETCONF to the lab's edges.

Each name of the inventory leads to one of the lab's edges, which so stands for many; the controller is the lab's noc. Prints
wall time, CPU and peak memory of the controller (ansible-playbook and every process that it starts), the CPU of the lab's
edges apart, and how they grow; ends with 1 where 200 edges of all kinds take 60 s or longer.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import Lab

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "inventories" / "lab"
LINUX = ("edge-l1", "edge-p1", "edge-p2")
MIXES: Mapping[str, tuple[str, ...]] = {
    "Linux": LINUX,
    "IOS-XE": ("edge-c1",),
    "IOS-XR": ("edge-x1",),
    "Junos": ("edge-j1",),
    "all kinds": ("edge-l1", "edge-c1", "edge-x1", "edge-j1"),
}
RUNS = {50: 3, 200: 3, 800: 1}
PROMISED = ("all kinds", 200, 60.0)
PORT = 2222
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One plan: seconds of time, of CPU of the controller and of the edges, and MB of the controller at once."""

    wall: float
    cpu: float
    devices: float
    memory: float


def inventory(lab: Lab, key: Path, kinds: tuple[str, ...], number: int) -> dict[str, Any]:
    """So many edges, each of them one of the lab's, as the lab's own inventory has it."""
    read = yaml.safe_load((LAB / "hosts.yml").read_text())["all"]["children"]["edges"]
    routers = read["children"]["routers"]
    own = {**read["hosts"], **{name: {**routers["vars"], **found} for name, found in routers["hosts"].items()}}
    for name in LINUX:
        host = own[name].pop("op25b_second_path")["host"]
        own[name] |= {
            "ansible_host": host,
            "ansible_port": PORT,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
    for each in own.values():
        # The noc is where the controller is.
        each.pop("ansible_libssh_proxy_command", None)
        each.pop("ansible_netconf_proxy_command", None)
    hosts = {f"edge-{at + 1}": own[kinds[at % len(kinds)]] for at in range(number)}
    return {"all": {"children": {"edges": {"hosts": hosts}}}}


def descendants(of: int) -> list[int]:
    """Every process below this one."""
    parents = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
    found = [of]
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each]
    return found


def cpu(pids: list[int]) -> float:
    """Seconds that these processes, and those that they have waited for, had the processor."""
    used = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            used += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return used / TICKS


def memory(pids: list[int]) -> int:
    """KB of these processes together, what they share counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            total += int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0])
    return total


def devices(lab: Lab) -> float:
    """CPU of the edges so far."""
    return sum(cpu(descendants(pid)) for name, pid in lab.running().items() if name.startswith("edge-"))


def plan(lab: Lab, directory: Path) -> Run:
    """One run of the playbook."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(directory / "c"),
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    inside = ["nsenter", f"--target={lab.pid('noc')}", "--net", "--"]
    command = [*inside, program, "-i", str(directory / "inventory"), "ccsnet.op25b.plan", "-e", "op25b_wave=pilot"]
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.5):
            peak = max(peak, memory(descendants(os.getpid())[1:]))

    watcher = threading.Thread(target=watch)
    log = directory / "log"
    used, elsewhere, begun = cpu([os.getpid()]) - own(), devices(lab), time.monotonic()
    watcher.start()
    with log.open("w") as output:
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False).returncode
    wall = time.monotonic() - begun
    ended.set()
    watcher.join()
    end_all()
    if code:
        raise SystemExit(f"ansible-playbook ended with {code}: {log.read_text()[-3000:]}")
    return Run(wall, cpu([os.getpid()]) - own() - used, devices(lab) - elsewhere, peak / 1024)


def own() -> float:
    """CPU of this very process."""
    return sum(os.times()[:2])


def end_all() -> None:
    """End what still runs: connections that would wait for another task."""
    for child in descendants(os.getpid())[1:]:
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


@contextlib.contextmanager
def controller(lab: Lab) -> Iterator[Path]:
    """A directory with what a controller has: the lab's policy, and a key that the Linux edges take."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        shutil.copytree(LAB / "group_vars", directory / "inventory" / "group_vars")
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        for edge in LINUX:
            keys = lab.path(edge, "/root/.ssh/authorized_keys")
            keys.parent.mkdir(mode=0o700, exist_ok=True)
            keys.write_text(key.with_suffix(".pub").read_text())
            # One edge stands for many here: its own sshd takes ten at once.
            options = [f"Port={PORT}", "UsePAM=no", "MaxStartups=1000", "HostKey=/etc/ssh/lab_host_key"]
            lab.run(edge, ["/usr/sbin/sshd", "-f", "/dev/null", *(f"-o{option}" for option in options)], check=True)
        yield directory


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", default=list(MIXES), choices=list(MIXES), metavar="KIND", help=", ".join(MIXES))
    parser.add_argument("--edges", nargs="*", default=list(RUNS), type=int, metavar="NUMBER")
    arguments = parser.parse_args()
    kept = True
    lab = Lab(f"bench-{os.getpid()}")
    print(f"{'seconds, and MB':18} {'min':>6} {'median':>7} {'max':>7}", end=" ")
    print(f"{'CPU':>8} {'for each':>9} {'CPU of edges':>13} {'memory':>7}")
    try:
        lab.up()
        # What a run leaves behind is ours to count and to end; the lab's hosts, which are up, are not.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with controller(lab) as directory:
            for kind in arguments.kinds:
                for number in arguments.edges:
                    hosts = inventory(lab, directory / "key", MIXES[kind], number)
                    (directory / "inventory" / "hosts.yml").write_text(yaml.safe_dump(hosts))
                    runs = [plan(lab, directory) for _ in range(RUNS.get(number, 1))]
                    walls = [run.wall for run in runs]
                    used = statistics.median(run.cpu for run in runs)
                    elsewhere, peak = statistics.median(run.devices for run in runs), max(run.memory for run in runs)
                    print(
                        f"{number:6} {kind:11} {min(walls):6.1f} {statistics.median(walls):7.1f} {max(walls):7.1f} "
                        f"{used:8.1f} {used / number:9.2f} {elsewhere:13.1f} {peak:7.0f}",
                        flush=True,
                    )
                    if (kind, number) == PROMISED[:2]:
                        kept = statistics.median(walls) < PROMISED[2]
    finally:
        lab.down()
    kind, number, limit = PROMISED
    print(f"\n{number} edges of {kind} in less than {limit:.0f} s: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
