# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router's customer reaches through it, and what its operator finds; whichever system the scenario is about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import Lab
from lab.machine import FILES, REPOSITORY
from lab.topology import HOSTS

EDGE, CUSTOMER = os.environ["OP25B_EDGE"], os.environ["OP25B_CUSTOMER"]
testinfra_hosts = [f"ansible://{CUSTOMER}"]
OUTSIDE = ("mobile-mx", "other-isp")
CONNECT = """
import errno, json, socket, sys
def state(address, port):
    try:
        socket.create_connection((address, port), 3).close()
    except OSError as err:
        return errno.errorcode.get(err.errno, type(err).__name__)
    return "open"
print(json.dumps([state(*target) for target in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def lab():
    return Lab()


def states(host, names, port):
    targets = [(address, port) for name in names for address in (HOSTS[name].v4, HOSTS[name].v6)]
    done = host.run("%s -c %s %s", sys.executable, CONNECT, json.dumps(targets))
    assert done.rc == 0, done.stderr
    return json.loads(done.stdout)


def task(module, **arguments):
    program = str(Path(sys.executable).with_name("ansible"))
    words = [program, EDGE, "-i", str(REPOSITORY / "inventories" / "lab"), "-m", module, "-a", json.dumps(arguments)]
    plain = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_FORCE_COLOR": "0"}
    environment = {**{name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}, **plain}
    done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("=> {") + 3 :])[0]


def test_port_25_is_closed_to_the_pool_and_nothing_else_is(host, lab):
    before = {sink: len(lab.sink_log(sink)) for sink in OUTSIDE}
    assert states(host, OUTSIDE, 25) == ["EHOSTUNREACH", "EACCES"] * 2
    for port in (587, 465, 443):
        assert states(host, OUTSIDE, port) == ["open"] * 4
    assert states(host, ["mx1"], 25) == ["open"] * 2
    for sink, seen in before.items():
        ports = {line["local_port"] for line in lab.sink_log(sink)[seen:] if "local_port" in line}
        assert 25 not in ports
        assert ports


def test_what_the_operator_wrote_stands_as_it_was_written():
    shown = task("ansible.netcommon.cli_command", command="show running-config")["stdout"]
    text = "\n".join(line.rstrip() for line in shown.splitlines())
    blocks = [b.splitlines() for b in (FILES / f"{EDGE}.cfg").read_text(encoding="utf-8").split("\n!\n")]
    checked = [block for block in blocks if "access-list " in block[0] or block[0].startswith("interface ")]
    assert len(checked) >= 4
    for block in checked:
        found = iter(text[text.index(f"\n{block[0]}\n") + 1 :].partition("\n!\n")[0].splitlines())
        assert all(line in found for line in block), block


def test_the_edge_enforces_what_was_converged_and_nothing_is_armed():
    gathered = task("ccsnet.op25b.acl", state="gathered")
    assert gathered["drift"] == []
    assert "armed" not in gathered
    actions = [pool["actions"] for pool in gathered["gathered"]["pools"].values()]
    assert actions == [{"mobile": "block", "any": "block"}]
