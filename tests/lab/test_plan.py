# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a wave, on an edge of each kind."""

from __future__ import annotations

import json
import re

import pytest

from .ansible_task import sockets

pytestmark = pytest.mark.lab
EXPECTED = """\
edge     pool          class   before  after    entries
-------------------------------------------------------
edge-l1  east_ftth     mobile  pass    block
edge-l1  east_ftth     any     pass    observe
edge-l1  west_cable    mobile  pass    observe
edge-l1  west_cable    any     pass    observe
edge-p1  coast_ftth    mobile  pass    observe
edge-p1  coast_ftth    any     pass    observe
edge-p2  coast_ftth    mobile  pass    observe
edge-p2  coast_ftth    any     pass    observe
edge-c1  north_ftth    mobile  pass    observe
edge-c1  north_ftth    any     pass    observe
edge-x1  south_ftth    mobile  pass    observe
edge-x1  south_ftth    any     pass    observe
edge-j1  central_ftth  mobile  pass    observe
edge-j1  central_ftth  any     pass    observe

6 of 6 edges would change
"""


def planned(ansible, check=True):
    done = ansible("ansible-playbook", "playbooks/plan.yml", "-e", "op25b_wave=pilot", check=check)
    lines = done.stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("edge ") and " before " in line)
    table = lines[start : next(at for at, line in enumerate(lines) if "edges would change" in line) + 1]
    return done, re.sub(r" +\+\d+ -\d+$", "", "\n".join(table), flags=re.MULTILINE) + "\n"


def test_a_plan_says_what_would_change_where_and_touches_nothing(ansible, lab):
    def ruleset():
        return lab.run("edge-l1", ["nft", "-s", "list", "ruleset"], check=True).stdout

    def sessions():
        return {path.name for path in sockets(lab.name).glob("*")}

    before, lasting = ruleset(), sessions()
    done, table = planned(ansible)
    assert table == EXPECTED
    assert ruleset() == before
    assert sessions() == lasting, "a session with a router outlives its task, which costs most of the plan's time"
    assert "directly to stderr" not in done.stdout + done.stderr
    assert planned(ansible)[1] == EXPECTED


def test_an_edge_that_does_not_answer_is_a_line_of_the_plan_and_fails_alone(ansible, lab):
    lab.run("edge-j1", ["/etc/init.d/lab-junos", "stop"], check=True)
    try:
        done, table = planned(ansible, check=False)
    finally:
        lab.run("edge-j1", ["/etc/init.d/lab-junos", "start"], check=True)
    assert done.returncode == 2
    assert "edge-j1  -           -       -       -        NOT KNOWN: the device does not answer <get-config>" in table
    assert table.endswith("\n5 of 6 edges would change, 1 NOT known\n")
    assert re.findall(r"^(\S+) .*failed=[1-9]", done.stdout, re.MULTILINE) == ["edge-j1"]


def refused(ansible, edge, kind, task, **variables):
    """What a task says over a session that ends with it."""
    given = json.dumps({"ansible_connection": f"ccsnet.op25b.{kind}", **variables})
    done = ansible("ansible", edge, "-m", "ccsnet.op25b.acl", "-a", json.dumps(task), "-e", given, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout


def test_a_session_that_ends_with_its_task_changes_nothing(ansible):
    said = refused(ansible, "edge-x1", "network_cli", {"state": "deleted"})
    assert "a change may need it longer; write ansible.netcommon.network_cli. Nothing was sent." in said


def test_a_host_key_that_is_not_known_is_refused_and_nobody_is_asked(ansible):
    said = refused(ansible, "edge-c1", "network_cli", {"state": "gathered"}, ansible_host_key_checking=True)
    assert "The authenticity of host '192.0.2.226' can't be established" in said
    assert "continue connecting" not in said


def test_a_router_that_goes_silent_is_not_waited_for_longer_than_the_operator_wants(ansible, lab):
    lab.run("edge-j1", ["pkill", "-STOP", "netconfd"], check=True)
    try:
        said = refused(ansible, "edge-j1", "netconf", {"state": "gathered"}, ansible_command_timeout=3)
    finally:
        lab.run("edge-j1", ["pkill", "-CONT", "netconfd"], check=True)
    assert "the device does not answer <get-config>: command timeout triggered, timeout value is 3 secs" in said
