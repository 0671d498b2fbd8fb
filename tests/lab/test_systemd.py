# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux edge with systemd as PID 1: the dead man's switch as a unit, and rules that survive reload and reboot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from .ansible_task import wait_for

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = Path("/lib/systemd/systemd")
OPERATOR = """\
flush ruleset
table inet operator {
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t\ttcp dport 23 drop
\t}
}
"""
INTERFACES = ("up0", "east0")
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="booting a host needs root"),
    pytest.mark.skipif(not SYSTEMD.exists(), reason="systemd is not installed here, so it cannot be booted"),
]


class Host:
    """A host of its own, whose disk stays when it is rebooted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(directory)], check=True)

    def boot(self) -> None:
        script = str(Path(__file__).with_name("systemd_host.sh"))
        namespaces = ["--ipc", "--mount", "--net", "--pid", "--uts", "--cgroup", "--fork"]
        self.process = subprocess.Popen(["unshare", *namespaces, "sh", script, str(self.directory)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self.state() not in ("running", "degraded"):
            assert time.monotonic() < deadline, "systemd did not come up"
            time.sleep(0.1)
        self.run("ip", "link", "add", INTERFACES[0], "type", "veth", "peer", "name", INTERFACES[1])

    def state(self) -> str:
        if not self.pid():
            return ""
        return self.run("systemctl", "is-system-running", check=False)

    def pid(self) -> str:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return children.split()[0] if children.split() else ""

    def run(self, *argv: str, check: bool = True) -> str:
        done = subprocess.run(
            ["nsenter", "--target", self.pid(), "--all", *argv], capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def table(self) -> str:
        return self.run("nft", "-s", "list", "table", "inet", "op25b", check=False)

    def write(self, path: str, text: str) -> None:
        done = subprocess.run(
            ["nsenter", "--target", self.pid(), "--all", "sh", "-c", f"cat > {path}"], input=text, text=True, check=False
        )
        assert done.returncode == 0

    def power_off(self) -> None:
        if self.process.poll() is None:
            os.kill(int(self.pid()), signal.SIGKILL)
            self.process.wait(10)

    def task(self, module: str, **arguments) -> subprocess.CompletedProcess[str]:
        """A task as an ad-hoc command runs it: its session is over when this returns."""
        connection = {
            "ansible_connection": "community.docker.nsenter",
            "ansible_nsenter_pid": self.pid(),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        ansible = [str(Path(sys.executable).with_name("ansible")), "edge", "-i", "edge,", "-e", json.dumps(connection)]
        return subprocess.run(
            [*ansible, "-m", f"ccsnet.op25b.{module}", "-a", json.dumps(arguments)],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def host(tmp_path):
    started = Host(tmp_path)
    try:
        started.boot()
        yield started
    finally:
        started.power_off()
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.fixture
def acl():
    text = (ROOT / "inventories" / "lab" / "group_vars" / "all" / "op25b.yml").read_text(encoding="utf-8")
    return {
        "policy": json.loads(json.dumps(yaml.safe_load(text)["op25b_policy"], default=str)),
        "attachments": [{"interface": INTERFACES[1], "pools": ["east_ftth"]}],
        "uplinks": [INTERFACES[0]],
    }


def test_the_unit_takes_back_and_the_table_survives_reload_and_reboot(host, acl):
    host.write("/etc/nftables.conf", OPERATOR)
    host.run("systemctl", "enable", "--now", "nftables")

    armed = host.task("acl", **acl, wave="all", confirm=6)
    assert armed.returncode == 0, armed.stdout + armed.stderr
    assert "op25b-watch-" in host.run("systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend")
    assert "chain forward" in host.table()
    assert wait_for(lambda: host.table() == "", 30)
    late = host.task("acl_confirm", state="confirmed")
    assert late.returncode != 0
    assert "was not confirmed within 6 s" in late.stdout + late.stderr

    assert host.task("acl", **acl, wave="pilot", confirm=60).returncode == 0
    assert host.task("acl_confirm", state="confirmed").returncode == 0
    confirmed = host.table()
    assert "out.east_ftth.mobile" in confirmed
    assert host.run("systemctl", "is-enabled", "op25b.service") == "enabled"

    # The distribution's service flushes the whole ruleset; ours comes back with it.
    for verb in ("reload", "restart"):
        host.run("systemctl", verb, "nftables")
        # systemctl waits for the job that it was asked for, not for the one that follows from it.
        assert wait_for(lambda: host.table() == confirmed, 10), verb
        assert "tcp dport 23 drop" in host.run("nft", "list", "table", "inet", "operator")

    assert host.task("acl", **acl, wave="all", confirm=600).returncode == 0
    assert host.table() != confirmed
    host.power_off()
    host.boot()
    assert host.table() == confirmed
    assert "tcp dport 23 drop" in host.run("nft", "list", "table", "inet", "operator")

    again = host.task("acl", **acl, wave="pilot", confirm=60)
    assert '"changed": false' in again.stdout or "changed: false" in again.stdout, again.stdout

    assert host.task("acl", state="deleted").returncode == 0
    assert host.table() == ""
    left = host.run("sh", "-c", "find /etc/op25b /etc/systemd/system -name '*op25b.service' -o -name confirmed.nft", check=False)
    assert left == ""
    host.run("systemctl", "reload", "nftables")
