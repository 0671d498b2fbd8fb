# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal on a host of the inventory, written for edges of every kind from a controller that keeps nothing."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal, run
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import runs

from lab.topology import HOSTS

from .ansible_task import BIN, ROOT, environment, sockets

pytestmark = pytest.mark.lab
PLACE = "/var/lib/op25b/journal.jsonl"
HOST = {"delegate_to": "{{ op25b_journal_host | default(omit, true) }}"}
READ = {"ccsnet.op25b.journal": {"path": PLACE, "state": "gathered"}, **HOST}
EDGES = ("edge-c1", "edge-x1", "edge-j1", "edge-l1")


def step(edge, number=0):
    place = {"wave": "pilot", "edge": edge, "pool": "east_ftth", "class": f"class {number}", "before": "pass", "after": "block"}
    # A text in which there is all that could go wrong on the way to a host.
    reason = "計画 {% raw %}{{ 7 * 7 }}{% endraw %} 'OP-31'\n"
    return {"kind": "step", **place, "outcome": "armed", "change": "c1", "reason": reason}


def write(*records):
    return {"ccsnet.op25b.journal": {"path": PLACE, "records": list(records)}, **HOST}


@pytest.fixture
def keeper(lab):
    """The file on the host, before and after of which there is nothing."""
    assert "noc" in HOSTS
    lab.run("noc", ["rm", "-rf", "/var/lib/op25b"], check=True)
    yield lab.path("noc", PLACE)
    lab.run("noc", ["rm", "-rf", "/var/lib/op25b"], check=True)


@pytest.fixture
def start(lab, tmp_path):
    """Start ansible-playbook with one play on some edges; in AWX, as far as it can see, which keeps no file of its jobs."""

    def begin(tasks, *options, edges=EDGES, **more):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.yml"
        path.write_text(json.dumps([{"hosts": ",".join(edges), "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        given = {"op25b_journal_host": "noc", "op25b_volatile": False, "awx_job_id": 4711, **more}
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), str(path), "-e", json.dumps(given), *options],
            cwd=ROOT,
            env=environment(
                OP25B_LAB=lab.name,
                ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(lab.name)),
                ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
                HOME=str(tmp_path),
            ),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return begin


def results(process):
    """What each task returned on each host."""
    printed = process.communicate(timeout=300)[0]
    assert "{\n" in printed, printed
    (play,) = json.loads(printed[printed.index("{\n") : printed.rindex("}") + 1])["plays"]
    return [task["hosts"] for task in play["tasks"]]


def test_edges_of_every_kind_write_to_it_and_the_controller_keeps_nothing(keeper, start, tmp_path, monkeypatch):
    mine = {"ccsnet.op25b.journal": {"path": PLACE, "records": [{**step("edge"), "edge": "{{ inventory_hostname }}"}]}, **HOST}
    asked = {"ccsnet.op25b.acl": {"state": "gathered"}}
    first, wrote, found, _gathered = results(start([{**write(), "run_once": True}, mine, {**READ, "run_once": True}, asked]))
    (made,), (read,) = first.values(), found.values()
    assert (made["path"], made["missing"], made["changed"]) == (PLACE, True, True)
    assert all(each["changed"] for each in wrote.values())
    assert {each["edge"] for each in read["records"]} == set(EDGES)
    assert {each["reason"] for each in read["records"]} == {"計画 {{ 7 * 7 }} 'OP-31'\n"}
    assert len({each["run"] for each in read["records"]}) == 1
    assert all(each["alive"] for each in read["open"])
    assert (read["missing"], read["broken"], len(read["open"])) == (False, [], 4)
    assert keeper.stat().st_mode & 0o777 == 0o600
    assert keeper.parent.stat().st_mode & 0o777 == 0o700
    assert journal.read(keeper.read_text(encoding="utf-8")) == (read["records"], [])
    assert not list(tmp_path.rglob("*.jsonl"))
    # The sessions with the routers, which outlast it, are no part of the run.
    assert subprocess.run(["pgrep", "-f", "ansible_connection_cli_stub"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    monkeypatch.setenv("HOME", str(tmp_path))
    assert {runs.alive(run.token_in(each["run"])) for each in read["records"]} == {False}


def test_two_runs_at_once_lose_nothing_and_what_a_killed_one_left_spoils_nothing(keeper, start):
    results(start([write()], edges=["edge-l1"]))
    keeper.write_bytes(b'{"torn')
    both = [
        start([write(*(step(edge, 10 * at + number) for number in range(10))) for at in range(6)], edges=[edge])
        for edge in ("edge-l1", "edge-p1")
    ]
    for each in both:
        assert all(result["changed"] for task in results(each) for result in task.values())
    records, warnings = journal.read(keeper.read_text(encoding="utf-8"))
    for edge in ("edge-l1", "edge-p1"):
        assert [each["class"] for each in records if each["edge"] == edge] == [f"class {number}" for number in range(60)]
    assert len({each["run"] for each in records}) == 2
    assert warnings == ["journal: line 1 is no JSON and left out."]


def test_a_long_journal_is_read(keeper, start):
    results(start([write()], edges=["edge-l1"]))
    made_by = {"at": "2019-03-04T01:02:03Z", "run": "noc:1:1", "operator": "taro", "playbook": "rollout"}
    lines = [journal.line({**made_by, **step("edge-l1", number)}) for number in range(20000)]
    keeper.write_text("".join(lines), encoding="utf-8")
    ((found,),) = (each.values() for each in results(start([READ], edges=["edge-l1"])))
    assert len(found["records"]) == 20000


def test_in_check_mode_it_is_looked_at_and_not_made(keeper, start):
    wrote, found = results(start([write(step("edge-l1")), READ], "--check", edges=["edge-l1"]))
    assert (wrote["edge-l1"]["changed"], found["edge-l1"]["missing"]) == (True, True)
    assert not keeper.parent.exists()


def test_a_host_that_is_down_and_one_that_cannot_is_one_sentence_before_anything(lab, keeper, start):
    never = {"ccsnet.op25b.acl": {"state": "gathered"}}
    first = {**write(), "run_once": True}
    pid = lab.state / "noc" / "pid"
    alive = pid.read_text(encoding="ascii")
    # No process has it.
    pid.write_text("4194304", encoding="ascii")
    try:
        found = results(start([first, never], edges=["edge-p1", "edge-p2"]))
    finally:
        pid.write_text(alive, encoding="ascii")
    assert len(found) == 1
    assert re.match(
        rf"journal: {PLACE} on noc cannot be written: .+; mend that, or name another file in op25b_journal, or another host in "
        r"op25b_journal_host\.$",
        found[0]["edge-p1"]["msg"],
    )
    lab.run("noc", ["touch", "/var/lib/op25b"], check=True)
    (found,) = results(start([first, never], edges=["edge-p1", "edge-p2"]))
    assert found["edge-p1"]["msg"].startswith(f"journal: {PLACE} on noc cannot be written: Not a directory; mend that")
    ((refused,),) = (each.values() for each in results(start([first], edges=["edge-p1"], op25b_journal_host=None)))
    assert refused["msg"].startswith(f"journal: {PLACE} goes with the container of AWX job 4711")
