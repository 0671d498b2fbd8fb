# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a wave, on an edge of each kind."""

from __future__ import annotations

import re

import pytest

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
    lines = [line.removeprefix(" " * 8) for line in done.stdout.splitlines()]
    start = next(at for at, line in enumerate(lines) if line.startswith("edge ") and " before " in line)
    table = lines[start : next(at for at, line in enumerate(lines) if "edges would change" in line) + 1]
    return done, re.sub(r" +\+\d+ -\d+$", "", "\n".join(table), flags=re.MULTILINE) + "\n"


def test_a_plan_says_what_would_change_where_and_touches_nothing(ansible, lab):
    def ruleset():
        return lab.run("edge-l1", ["nft", "-s", "list", "ruleset"], check=True).stdout

    before = ruleset()
    _done, table = planned(ansible)
    assert table == EXPECTED
    assert ruleset() == before
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
