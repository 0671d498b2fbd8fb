# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout in the lab: every gate that can be tripped is, the controller dies, and what was rolled back is what it was."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time

import pytest

from lab.clients import clients
from lab.demo_rollout import ALL, SENDERS, Rollout
from lab.topology import HOSTS

from .ansible_task import BIN, ROOT, environment, kill_controller, sockets, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("rollout")]
PAIR = ("edge-p1", "edge-p2")


class Site:
    """A lab whose relay works, and the playbooks with the inventory of a phase."""

    def __init__(self, lab):
        self.lab = lab
        self.demo = Rollout(lab)
        self.journal = lab.state / "journal.jsonl"
        self.environment = environment(OP25B_LAB=lab.name, ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(lab.name)))

    def command(self, playbook, phase, *edges, **variables):
        words = [str(BIN / "ansible-playbook"), f"ccsnet.op25b.{playbook}", "-i", f"inventories/lab/{phase}.op25b.yml"]
        limit = ["--limit", ",".join([*edges, "probes"])] if edges else []
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

    def no_go(self, phase, *edges, **variables):
        """Why the rollout stops."""
        process = self.started(
            self.command("rollout", phase, *edges, **variables),
            ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
        )
        printed = process.communicate(timeout=300)[0]
        assert process.returncode == 2, printed
        tasks = (task for play in json.loads(printed[printed.index("{\n") :])["plays"] for task in play["tasks"])
        said = [result["msg"] for task in tasks for result in task["hosts"].values() if "NO-GO" in str(result.get("msg"))]
        assert said, printed
        return said[0]

    def rules(self):
        return self.demo.edge_rules()

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


@pytest.fixture(scope="module")
def site(new_lab):
    """The relay is there, as the public playbook sets it up."""
    made = Site(new_lab())
    made.demo.begin()
    return made


@pytest.fixture
def untouched(site):
    """Whatever stops a rollout here, every edge is as it was before."""
    before = site.rules()
    yield
    assert site.rules() == before


def test_in_check_mode_the_gates_are_held_and_nothing_changes(site, untouched):
    before = site.journal.read_text(encoding="utf-8") if site.journal.exists() else None
    process = site.started([*site.command("rollout", "0_observe", *PAIR), "--check"])
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 0, printed
    assert "Gate 4: the relay works from inside of these very pools" in printed
    assert "PLAY [Batch after batch]" in printed
    assert (site.journal.read_text(encoding="utf-8") if site.journal.exists() else None) == before


# -- the gates, before anything is changed --------------------------------------------------------------------------------


def test_the_day_the_page_and_the_waves_before(site, untouched):
    early = site.no_go("1_pilot", op25b_today="2019-03-03")
    assert early == (
        "NO-GO, the wave 'pilot' begins on 2019-03-04, and today is 2019-03-03; wait for the day; no customers' page says that "
        "the wave 'pilot' begins on 2019-03-04; run the playbook ccsnet.op25b.notice. If it must be now: "
        "-e op25b_override='the reason', which is written down"
    )
    # Who says why goes on to the next gate.
    assert site.no_go("1_pilot", op25b_today="2019-03-03", op25b_override="a worm") == (
        "NO-GO, the wave 'observe' before this one is not confirmed on all its edges; run rollout with its inventory first; "
        "edge-l1 is not where the wave before 'pilot' leaves it (east_ftth x mobile is pass and not observe, east_ftth x any is "
        "pass and not observe, west_cable x mobile is pass and not observe, west_cable x any is pass and not observe); run "
        "rollout with the inventory of that wave, or rollback to it"
    )


def test_a_policy_with_a_mistake_and_one_that_does_not_fit(site, untouched):
    assert "budget: the edge would hold" in site.no_go("0_observe", "edge-c1", op25b_acl_budget=3)
    document = {"op25b_policy": {"version": 1, "pools": {}, "waves": []}}
    done = site.started(site.command("rollout", "0_observe", **document))
    assert "The policy has" in done.communicate(timeout=100)[0]


def test_one_of_a_pair_is_left_out_or_does_not_answer(site, untouched):
    assert site.no_go("0_observe", "edge-p1") == "NO-GO, edge-p1 moves together with edge-p2; run it with both"
    with site.gone("edge-p2"):
        said = site.no_go("0_observe", *PAIR)
    assert said.startswith("NO-GO, edge-p2: ")


def test_a_relay_that_is_down(site, untouched):
    with site.stopped("msa1", "postfix"):
        said = site.no_go("0_observe", *PAIR)
    assert re.match(
        r"NO-GO, port 587: .*efused.* \(from cust-coast-a in coast_ftth; cust-coast-b in coast_ftth\); port 465: .*efused", said
    )


def test_an_edge_without_a_second_path(site, untouched):
    with site.stopped("edge-p2", "lab-sshd"):
        said = site.no_go("0_observe", *PAIR)
    assert said.startswith("NO-GO, edge-p2 does not answer on its second path, 192.0.2.230 port 22; without one,")


def test_somebody_else_is_at_it(site, untouched):
    arm = {"hosts": "edge-p1", "gather_facts": False, "roles": [{"role": "ccsnet.op25b.edge", "edge_confirm_seconds": 600}]}
    waits = {"hosts": "edge-p1", "gather_facts": False, "tasks": [{"ansible.builtin.command": "sleep 60"}]}
    armed = site.lab.state / "arm.yml"
    armed.write_text(json.dumps([arm, waits]), encoding="utf-8")
    other = site.started([str(BIN / "ansible-playbook"), str(armed), "-i", "inventories/lab/0_observe.op25b.yml"])
    try:
        for line in other.stdout:
            if "TASK [ansible.builtin.command]" in line:
                break
        said = site.no_go("0_observe", *PAIR)
    finally:
        kill_controller(other)
    assert re.match(r"NO-GO, edge-p1 has an unconfirmed change that \S+ \(pid \d+\) armed; confirm it, take it back,", said)
    # It may be right all the same.
    site.run("confirm", "0_observe", "edge-p1")
    assert site.steps("edge-p1", "confirmed") == {("coast_ftth", name, "observe") for name in ("mobile", "any")}
    site.run("rollback", "0_observe", "edge-p1")


# -- batches that are taken back --------------------------------------------------------------------------------------------


def test_an_edge_that_takes_the_change_and_does_nothing_and_the_batch_before_it_stays(site):
    before = site.rules()
    with site.broken("edge-x1", ignore_changes=True):
        said = site.no_go("0_observe", "edge-c1", "edge-x1")
    assert said.startswith("NO-GO, edge-x1: this batch is taken back, no other one begins, and what was confirmed before stays.")
    assert "- edge-x1: the change is not on it: the device took the change without a word, and differs all the same" in said
    after = site.rules()
    assert {name for name in after if after[name] != before[name]} == {"edge-c1"}
    assert site.steps("edge-c1", "confirmed") == {("north_ftth", name, "observe") for name in ("mobile", "any")}
    assert not site.steps("edge-x1", "confirmed")
    site.run("rollback", "0_observe", "edge-c1")
    assert site.rules() == before


def test_an_edge_that_does_not_count(site, untouched):
    with site.broken("edge-j1", count=False):
        said = site.no_go("0_observe", "edge-j1")
    assert re.search(r"^- edge-j1: central_ftth x any: the probes sent 2 SYN and 0 were counted; look", said, re.MULTILINE)
    assert len(site.steps("edge-j1", "taken_back")) == 2


def test_both_of_a_pair_go_back_when_a_target_is_down(site, untouched):
    with site.stopped("other-isp", "lab-sink"):
        said = site.no_go("0_observe", *PAIR)
    assert "- cust-coast-b -> other_isp v4 port 587: it should be open and is refused; look whether the target is up" in said
    last = {(each["edge"], each["outcome"]) for each in site.record()[-4:]}
    assert last == {(edge, "taken_back") for edge in PAIR}


def test_one_of_a_pair_that_cannot_be_confirmed_takes_the_other_with_it(site):
    before = site.rules()
    process = site.started(site.command("rollout", "0_observe", *PAIR, edge_confirm_seconds=30))
    printed = ""
    for line in process.stdout:
        printed += line
        if ": Judge]" in line:
            break
    with site.gone("edge-p2"):
        printed += process.communicate(timeout=300)[0]
    assert "PLAY [The wave stands]" not in printed
    assert "changed: [edge-p1]" in printed[printed.index(": Keep the change]") : printed.index(": Judge again")]
    assert "- edge-p2: the change could not be confirmed: " in printed
    assert wait_for(lambda: site.rules() == before, 60)
    assert all(site.steps(edge, "taken_back") for edge in PAIR)


# -- a controller that dies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        "Gate 4: the relay works from inside of these very pools",
        "Port 25 on this edge is what the policy says, armed",
        "Try every target from the probe hosts behind these edges, and from one that must not notice",
        "Keep the change",
        "Write down what became of it",
    ],
)
def test_a_controller_that_is_killed_is_run_again(site, moment):
    before = site.rules()
    site.journal.write_text("", encoding="utf-8")
    wanted, _comma, armed = moment.partition(", armed")
    process = site.started(site.command("rollout", "0_observe", *PAIR))
    batch = False
    for line in process.stdout:
        batch = batch or "PLAY [Batch after batch]" in line
        if f"{wanted}]" in line and (batch or not armed):
            break
    kill_controller(process)
    assert not [each for each in site.record() if each["kind"] == "wave"]
    site.run("rollout", "0_observe", *PAIR)
    for edge in PAIR:
        assert site.steps(edge, "confirmed") == {("coast_ftth", name, "observe") for name in ("mobile", "any")}
    site.run("rollback", "0_observe", *PAIR)
    assert site.rules() == before


# -- back -------------------------------------------------------------------------------------------------------------------


def test_one_pool_one_wave_and_everything_go_back_to_the_byte(site):
    def play(name, **variables):
        """Run it on every edge; which actions the journal says changed."""
        seen = len(site.record()) if site.journal.exists() else 0
        site.run(name, "0_observe", *untouched, **variables)
        steps = [each for each in site.record()[seen:] if each["kind"] == "step" and each["before"] != each["after"]]
        return {(each["edge"], each["pool"], each["class"], each["before"], each["after"]) for each in steps}

    untouched = site.rules()
    play("site", op25b_wave="observe")
    observed = site.rules()
    play("site", op25b_wave="mobile")
    blocked = site.rules()
    assert all(blocked[edge] != observed[edge] != untouched[edge] for edge in untouched)

    back = {"op25b_wave": "mobile", "op25b_to": "observe"}
    changed = ("mobile", "block", "observe")
    assert play("rollback", **back, op25b_pool="north_ftth") == {("edge-c1", "north_ftth", *changed)}
    assert site.rules() == blocked | {"edge-c1": observed["edge-c1"]}
    # edge-l1 carries two pools: one of them goes back, the other stays where the device has it.
    assert play("rollback", **back, op25b_pool="east_ftth") == {("edge-l1", "east_ftth", *changed)}
    moved = play("rollback", **back)
    assert {("edge-l1", "west_cable", *changed), ("edge-p2", "coast_ftth", *changed)} <= moved
    assert len(moved) == 5
    assert site.rules() == observed

    assert len(play("rollback")) == 14
    assert site.rules() == untouched


# -- as README describes it -------------------------------------------------------------------------------------------------


def test_two_waves_on_every_edge_and_back_by_the_public_playbooks_while_customers_send(site):
    seen = len(site.record()) if site.journal.exists() else 0
    # As at an ISP with more pools than the lab has: so many networks have sent by the login of the check within this hour.
    networks = [word for number in range(300) for word in (str(time.time()), f"2001:db8:{number:x}::/48")]
    key = "op25b:networks:probe@ccsnet.ne.jp"
    assert site.lab.run("msa1", ["redis-cli", "ZADD", key, *networks], check=True).stdout.strip() == "300"
    with clients(site.lab, SENDERS, every=15) as sending:
        site.demo.walk("0_observe", "1_pilot")
        site.demo.back()
    # Of the check's login, too: none failed, none is suspended.
    site.demo.mail_went_through(sending)

    records = site.record()[seen:]
    waves = [(each["wave"], each["outcome"]) for each in records if each["kind"] == "wave"]
    # The rollback writes down each wave that it takes out.
    assert waves == [(wave, outcome) for outcome in ("confirmed", "rolled_back") for wave in ("observe", "pilot")]
    steps = [each for each in records if each["kind"] == "step" and each["before"] != each["after"]]
    assert {each["outcome"] for each in steps} == {"armed", "confirmed"}
    kept = [each for each in steps if each["outcome"] == "confirmed"]
    places = {
        action: {(each["edge"], each["pool"], each["class"]) for each in kept if each["after"] == action}
        for action in ("observe", "block", "pass")
    }
    assert {pool for _edge, pool, _class in places["observe"]} == set(ALL)
    assert places["block"] == {("edge-l1", "east_ftth", "mobile")}
    assert places["pass"] == places["observe"]
    assert len(places["pass"]) == 14
