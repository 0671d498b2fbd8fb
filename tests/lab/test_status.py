# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Status, observe and impact on an edge of each kind, by connections that customers really make."""

from __future__ import annotations

import json
import stat
import subprocess

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal

from lab.machine import REPOSITORY

from .ansible_task import environment, sockets

pytestmark = pytest.mark.lab
CUSTOMERS = {
    "cust-east": ("edge-l1", "east_ftth"),
    "cust-north": ("edge-c1", "north_ftth"),
    "cust-south": ("edge-x1", "south_ftth"),
    "cust-central": ("edge-j1", "central_ftth"),
}
"""A customer behind an edge of each kind."""
MOBILE, OTHER = "203.0.113.10", "203.0.113.100"
APPLY = """
- hosts: edges
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: ccsnet.op25b.edge, tasks_from: acl}
      vars: {edge_confirm_seconds: 0}
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 25), timeout=5).close()"


@pytest.fixture(scope="module")
def lab(new_lab):
    """One of this file's own, as every edge changes."""
    made = new_lab()
    made.up()
    return made


@pytest.fixture(scope="module")
def play(lab, tmp_path_factory):
    """Run playbooks at the wave that observes, where addresses may be kept for a while: exit code, output, its lines."""
    place = tmp_path_factory.mktemp("status")
    read = yaml.safe_load((REPOSITORY / "inventories/lab/group_vars/all/op25b.yml").read_text(encoding="utf-8"))
    wish = {"purpose": "tell customers before the block", "until": "2019-03-20", "hours": 1}
    given = {"op25b_policy": {**read["op25b_policy"], "observe_sources": wish}, "op25b_wave": "observe"}
    given |= {"op25b_today": "2019-03-04", "op25b_journal": str(place / "journal.jsonl")}
    (place / "given.json").write_text(json.dumps(given, default=str), encoding="utf-8")
    (place / "apply.yml").write_text(APPLY, encoding="utf-8")

    def run(*books, **more):
        paths = [str(place / book if book == "apply.yml" else REPOSITORY / "playbooks" / book) for book in books]
        done = subprocess.run(
            ["ansible-playbook", *paths, "-e", f"@{place / 'given.json'}", "-e", json.dumps(more)],
            cwd=REPOSITORY,
            env=environment(
                OP25B_LAB=lab.name,
                ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(lab.name)),
                ANSIBLE_PERSISTENT_BUFFER_READ_TIMEOUT="0.02",
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        printed = done.stdout + done.stderr
        return done.returncode, printed, [" ".join(line.split()) for line in printed.splitlines()]

    run.place = place
    return run


def connect(lab, host, address):
    lab.run(host, ["python3", "-c", CONNECT, address], check=True)


def test_counters_journal_and_devices_are_one_table_and_addresses_go_when_their_day_is_over(lab, play, tmp_path):
    code, printed, _lines = play("apply.yml")
    assert code == 0, printed
    for host in CUSTOMERS:
        connect(lab, host, MOBILE)
        connect(lab, host, MOBILE)
        connect(lab, host, OTHER)

    sources, contacts = tmp_path / "sources.csv", tmp_path / "contacts.csv"
    (tmp_path / "customers.csv").write_text("prefix,customer,case,contact\n198.51.100.8/29,4711,company,taro@example.net\n")
    code, printed, lines = play(
        "status.yml",
        "observe.yml",
        "impact.yml",
        op25b_sources=str(sources),
        op25b_customers=str(tmp_path / "customers.csv"),
        op25b_contacts=str(contacts),
    )
    assert code == 0, printed
    # No run wrote down how the edges came to this; the counters are those of the packets.
    for edge, pool in CUSTOMERS.values():
        assert f"{edge} {pool} mobile observe observe 2 2 - unrecorded" in lines
        assert f"{edge} {pool} any observe observe 1 1 - unrecorded" in lines
        assert f"{pool} mobile {edge} observe 2 - never" in lines
    assert "12 SYN to port 25 outside, - since the last observation" in lines
    assert "198.51.100.10" not in printed
    assert sources.read_text(encoding="utf-8").splitlines() == [
        "# for: tell customers before the block; to be deleted after 2019-03-20",
        "edge,address,pool,class,syns,hours",
        "edge-l1,198.51.100.10,east_ftth,mobile,2,1",
        "edge-l1,198.51.100.10,east_ftth,any,1,1",
    ]
    assert "company east_ftth mobile pilot 2019-03-04 1 1 2" in lines
    assert contacts.read_text(encoding="utf-8").splitlines()[1:] == [
        "4711,taro@example.net,company,198.51.100.10,pilot,2019-03-04"
    ]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (sources, contacts)} == {0o600}

    records, warnings = journal.read((play.place / "journal.jsonl").read_text(encoding="utf-8"))
    assert warnings == []
    steps = [each for each in records if each["kind"] == "step"]
    seen = {journal.place(each): each["counters"] for each in steps if each["before"] == each["after"] == "observe"}
    assert seen["edge-j1", "central_ftth", "mobile"] == {"out": 2, "in": 2}
    # As a rollout writes it, for what the edges have by now; but for one of them.
    rest = {key: records[0][key] for key in ("at", "run", "operator", "playbook")}
    with (play.place / "journal.jsonl").open("a", encoding="utf-8") as file:
        for each in steps:
            if each["edge"] != "edge-x1":
                file.write(journal.line({**each, **rest, "outcome": "confirmed", "before": "pass"}))

    for host in CUSTOMERS:
        connect(lab, host, OTHER)
    lab.run("edge-j1", ["/etc/init.d/lab-junos", "stop"], check=True)
    try:
        code, printed, lines = play("status.yml")
        assert code == 2, printed
        assert f"edge-c1 north_ftth any observe observe 2 2 {rest['at']} confirmed" in lines
        assert "edge-x1 south_ftth any observe observe 2 2 - unrecorded" in lines
        assert any(line.startswith("edge-j1 central_ftth any observe ? - - - NOT KNOWN: the device does not") for line in lines)
        assert "10 confirmed, 2 unrecorded, 1 of 6 edges NOT known" in lines
        # The day is over: the addresses go first, and new ones are refused.
        code, printed, lines = play("observe.yml", op25b_today="2019-03-21", op25b_sources=str(sources))
        assert code == 2, printed
        assert "op25b_policy.observe_sources: no addresses of customers may be kept today;" in printed
        assert not sources.exists()
        assert not contacts.exists()
        code, printed, lines = play("observe.yml", op25b_today="2019-03-21")
    finally:
        lab.run("edge-j1", ["/etc/init.d/lab-junos", "start"], check=True)
    assert code == 2, printed
    last = steps[0]["at"]
    assert f"north_ftth any edge-c1 observe 2 +1 {last}" in lines
    assert f"north_ftth mobile edge-c1 observe 2 +0 {last}" in lines
    assert "12 SYN to port 25 outside, +3 since the last observation; 1 of 6 edges NOT known" in lines
    records, _warnings = journal.read((play.place / "journal.jsonl").read_text(encoding="utf-8"))
    assert journal.source_files(records) == {}
