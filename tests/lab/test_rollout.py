# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout in the lab: every gate that can be tripped is, the controller dies, and what was rolled back is what it was."""

from __future__ import annotations

import json
import re
import time

import pytest

from lab.clients import clients
from lab.demo_rollout import ALL, SENDERS

from .ansible_task import BIN, kill_controller, wait_for
from .sessions import netconf
from .site import End

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("rollout")]
PAIR = ("edge-p1", "edge-p2")


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
    assert "TASK [ccsnet.op25b.rollout : Look what became of it]" in printed
    assert "PLAY [Batch after batch]" in printed
    assert (site.journal.read_text(encoding="utf-8") if site.journal.exists() else None) == before


# -- the gates, before anything is changed --------------------------------------------------------------------------------


def test_the_day_the_page_and_the_waves_before(site, untouched):
    early = site.no_go("1_pilot", op25b_today="2019-03-03")
    assert early.problems == [
        "the wave 'pilot' begins on 2019-03-04, and today is 2019-03-03; wait for the day",
        "no customers' page says that the wave 'pilot' begins on 2019-03-04; run the playbook ccsnet.op25b.notice",
        "if it must be now: -e op25b_override='the reason', which is written down",
    ]
    assert early.edges == {"edge-l1": "untouched"}
    # Who says why goes on to the next gate.
    assert site.no_go("1_pilot", op25b_today="2019-03-03", op25b_override="a worm").problems == [
        "the wave 'observe' before this one is not confirmed on all its edges; run rollout with its inventory first",
        "edge-l1 is not where the wave before 'pilot' leaves it (east_ftth x mobile is pass and not observe, east_ftth x any is "
        "pass and not observe, west_cable x mobile is pass and not observe, west_cable x any is pass and not observe); run "
        "rollout with the inventory of that wave, or rollback to it",
    ]


def test_site_waits_for_the_day_as_a_rollout_does_and_says_how_to_go_on(site, untouched):
    early = site.no_go("0_observe", *PAIR, playbook="site", op25b_today="2019-02-28")
    assert early.problems[0] == "the wave 'observe' begins on 2019-03-01, and today is 2019-02-28; wait for the day"
    assert "op25b_override" in early.problems[1]
    assert early.edges == dict.fromkeys(PAIR, "untouched")


def test_a_policy_with_a_mistake_and_one_that_does_not_fit(site, untouched):
    assert "budget: the edge would hold" in site.no_go("0_observe", "edge-c1", op25b_acl_budget=3).problems[0]
    document = {"op25b_policy": {"version": 1, "pools": {}, "waves": []}}
    done = site.started(site.command("rollout", "0_observe", **document))
    assert "The policy has" in done.communicate(timeout=100)[0]


def test_one_of_a_pair_is_left_out_or_does_not_answer(site, untouched):
    assert site.no_go("0_observe", "edge-p1").problems == ["edge-p1 changes together with edge-p2; run it with both"]
    with site.gone("edge-p2"):
        for playbook in ("rollout", "site"):
            stop = site.no_go("0_observe", *PAIR, "edge-c1", playbook=playbook)
            assert stop.problems[0].startswith("edge-p2: ")
            assert stop.problems[1] == (
                "edge-c1 can go on without waiting for edge-p1, edge-p2: add --limit 'edges:!edge-p1:!edge-p2'"
            )
            assert stop.edges == {"edge-p1": "untouched", "edge-p2": "NO ANSWER", "edge-c1": "untouched"}


def test_a_relay_that_is_down(site, untouched):
    with site.stopped("msa1", "postfix"):
        said = site.no_go("0_observe", *PAIR).problems
    assert re.match(r"port 587: .*efused.* \(from cust-coast-a in coast_ftth; cust-coast-b in coast_ftth\)", said[0])
    assert re.match(r"port 465: .*efused", said[1])


def test_an_edge_without_a_second_path(site, untouched):
    with site.stopped("edge-p2", "lab-sshd"):
        said = site.no_go("0_observe", *PAIR).problems
    assert [each.partition("; without")[0] for each in said] == [
        "edge-p2 does not answer on its second path, 192.0.2.230 port 22"
    ]


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
        said = site.no_go("0_observe", *PAIR).problems[0]
    finally:
        kill_controller(other)
    # Who armed it, with the run: it is at work, and nobody takes its change back.
    assert re.match(
        r"edge-p1 has an unconfirmed change that \S+ \(run [a-z2-9]{10}\) armed at \S+; that run is at work; wait for it", said
    )
    # It may be right all the same.
    site.run("confirm", "0_observe", "edge-p1")
    assert site.steps("edge-p1", "confirmed") == {("coast_ftth", name, "observe") for name in ("mobile", "any")}
    site.run("rollback", "0_observe", "edge-p1")


def test_a_disabled_edge_of_a_pair_a_slice_of_a_job_and_a_lost_journal(site, untouched):
    (said,) = site.no_go(site.without("0_observe", "edge-p2")).problems
    assert said == ("edge-p2 is not in the inventory of this run (disabled?), and edge-p1 changes together with it; enable it")
    # AWX deals the hosts out in the order of their names.
    names = sorted(site.listed("0_observe")["_meta"]["hostvars"])
    sliced = site.started(site.command("rollout", site.without("0_observe", *names[1::2])))
    printed = " ".join(sliced.communicate(timeout=300)[0].split())
    assert sliced.returncode == 2
    assert re.search(r"1 mistake: - this run has \d+ of the \d+ hosts of its phase, dealt out like the slices of a job;", printed)
    stop = site.no_go("1_pilot", op25b_journal=str(site.lab.state / "lost.jsonl"), op25b_override="a worm")
    assert any("is not confirmed on all its edges" in each for each in stop.problems)
    assert "lost.jsonl" in stop.printed


def test_a_journal_whose_host_is_down_is_told_before_anything_is_armed(site, untouched):
    with site.gone("noc"):
        process = site.started(
            site.command("rollout", "0_observe", *PAIR, op25b_journal_host="noc", op25b_journal="/root/j.jsonl")
        )
        printed = process.communicate(timeout=300)[0]
    assert process.returncode != 0
    assert "noc" in printed
    assert "Ask it in check mode" not in printed


def test_a_rollback_never_goes_forward(site, untouched):
    stop = site.no_go("0_observe", "edge-p1", "edge-p2", playbook="rollback", op25b_wave="pilot", op25b_to="all")
    assert stop.edges == dict.fromkeys(PAIR, "NOT DONE")
    assert (
        "would make this edge stricter (coast_ftth x mobile from pass to block, coast_ftth x any from pass to block)"
        in " ".join(stop.printed.split())
    )


def test_a_rollback_with_an_edge_down_says_which_and_the_others_are_back(site):
    before = site.rules()
    site.run("site", "0_observe", *PAIR)
    with site.gone("edge-p2"):
        stop = site.no_go("0_observe", *PAIR, playbook="rollback")
    assert stop.edges == {"edge-p1": "rolled back", "edge-p2": "NO ANSWER"}
    assert stop.problems[0] == "edge-p2 did not go back"
    assert any(line.endswith("--limit edge-p2") for line in stop.next)
    site.run("rollback", "0_observe", "edge-p2")
    assert site.rules() == before


# -- what is kept is proved ---------------------------------------------------------------------------------------------------


def test_nothing_is_kept_without_proof_but_for_a_reason_that_is_shown_until_it_is_proved(site):
    before = site.rules()
    blind = site.without("0_observe", "cust-coast-b")
    for playbook in ("site", "rollout"):
        stop = site.no_go(blind, *PAIR, playbook=playbook)
        assert stop.problems[0].startswith("edge-p2: no probe proves coast_ftth x mobile on IPv4 and IPv6, any on IPv4 and IPv6;")
        assert site.rules() == before
    site.run("site", blind, *PAIR, op25b_unproved="no line behind it")

    def states():
        printed = site.run("status", "0_observe", *PAIR)
        rows = [re.split(r" {2,}", line) for line in printed.splitlines() if re.match(r"edge-p\d  coast", line)]
        return {row[0]: row[-1].partition(":")[0] for row in rows if len(row) > 5}

    assert states() == {"edge-p1": "confirmed", "edge-p2": "unproved"}
    site.run("site", "0_observe", *PAIR)
    assert states() == dict.fromkeys(PAIR, "confirmed")
    site.run("rollback", "0_observe", *PAIR)
    assert site.rules() == before


def test_an_edge_that_watches_the_wrong_uplink_does_not_see_the_probes_and_is_no_go(site, untouched):
    stop = site.no_go("0_observe", "edge-l1", playbook="site", op25b_uplinks=["oob0"])
    assert "the probes sent 2 SYN and 0 were counted" in " ".join(stop.problems)
    assert stop.edges == {"edge-l1": "rolled back"}


def test_blank_answers_of_a_survey_and_numbers_for_texts_change_nothing_of_a_run(site):
    before = site.rules()
    blank = "".join(
        f"!unsafe '{name}': !unsafe ''\n"
        for name in ("op25b_unproved", "op25b_today", "edge_confirm_seconds", "rollout_serial", "op25b_wave", "op25b_acl_budget")
    )
    answers = site.lab.state / "answers.yml"
    answers.write_text(f"{blank}!unsafe 'op25b_override': !unsafe '4711'\n", encoding="utf-8")
    command = [*site.command("rollout", "0_observe", *PAIR), "-e", f"@{answers}"]
    process = site.started(command)
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 0, printed
    assert "GO, wave observe; edges: 2 confirmed" in printed
    reasons = {each["reason"] for each in site.record() if each["kind"] == "step" and each["outcome"] == "confirmed"}
    assert "4711" in reasons
    site.run("rollback", "0_observe", *PAIR)
    assert site.rules() == before


# -- batches that are rolled back -------------------------------------------------------------------------------------------


def test_an_edge_that_takes_the_change_and_does_nothing_and_the_batch_before_it_stays(site):
    before = site.rules()
    with site.broken("edge-x1", ignore_changes=True):
        stop = site.no_go("0_observe", "edge-c1", "edge-x1")
    assert stop.problems[0].startswith(
        "edge-x1: the change is not on it: the device took the change without a word, and differs all the same"
    )
    assert stop.edges == {"edge-c1": "confirmed", "edge-x1": "NOT DONE"}
    assert site.agrees(stop, before)
    after = site.rules()
    assert {name for name in after if after[name] != before[name]} == {"edge-c1"}
    assert site.steps("edge-c1", "confirmed") == {("north_ftth", name, "observe") for name in ("mobile", "any")}
    assert not site.steps("edge-x1", "confirmed")
    site.run("rollback", "0_observe", "edge-c1")
    assert site.rules() == before


def test_an_edge_that_does_not_count(site, untouched):
    with site.broken("edge-j1", count=False):
        for playbook in ("rollout", "site"):
            stop = site.no_go("0_observe", "edge-j1", playbook=playbook)
            assert "edge-j1: central_ftth x any: the probes sent 2 SYN and 0 were counted; look" in " - ".join(stop.problems)
            assert stop.edges == {"edge-j1": "rolled back"}
    assert site.steps("edge-j1", "taken_back") == {("central_ftth", name, "observe") for name in ("mobile", "any")}


def test_an_edge_that_refuses_a_line_takes_back_what_was_armed_beside_it(site, untouched):
    before = site.rules()
    with site.broken("edge-c1", fail_on="observe"):
        stop = site.no_go("0_observe", "edge-l1", "edge-c1", playbook="site")
    assert stop.edges == {"edge-l1": "rolled back", "edge-c1": "NOT DONE"}
    assert any("the device refused the change: " in each for each in stop.problems)
    assert site.agrees(stop, before)


def test_an_edge_that_somebody_else_has_locked_takes_back_what_was_armed_beside_it(site, untouched):
    before = site.rules()
    with netconf(site.lab) as session, session.locked("candidate"):
        stop = site.no_go("0_observe", "edge-l1", "edge-j1", playbook="site")
    assert stop.edges == {"edge-l1": "rolled back", "edge-j1": "NOT DONE"}
    assert any(each.startswith("edge-j1: ") and "lock" in each for each in stop.problems)
    assert site.agrees(stop, before)


def test_both_of_a_pair_go_back_when_a_target_is_down(site, untouched):
    with site.stopped("other-isp", "lab-sink"):
        stop = site.no_go("0_observe", *PAIR)
    assert re.search(
        r"other_isp port [\d, ]*587[\d, ]* on IPv4 and IPv6 should be open and is refused from \S+, cust-coast-b; look whether "
        "the target is up",
        " - ".join(stop.problems),
    )
    assert stop.edges == dict.fromkeys(PAIR, "rolled back")
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
    assert "changed: [edge-p1]" in printed[printed.index(": Confirm the change]") : printed.index(": Judge again")]
    assert "- edge-p2: the change could not be confirmed: " in " ".join(printed.split())
    assert wait_for(lambda: site.rules() == before, 60)
    assert all(site.steps(edge, "taken_back") for edge in PAIR)


# -- a controller that dies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        "Look what became of it",
        "Port 25 on this edge is what the policy says, armed",
        "Try every target from the probe hosts behind these edges, and from one that must not notice",
        "Confirm the change",
        "Judge again, now that it should be confirmed",
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
    again = End(site.run("rollout", "0_observe", *PAIR))
    # What the run that was killed had confirmed is no line of the table.
    assert set(again.edges.values()) <= {"confirmed"}
    assert {edge for edge, rules in site.rules().items() if rules != before[edge]} == set(PAIR)
    for edge in PAIR:
        assert site.steps(edge, "confirmed") == {("coast_ftth", name, "observe") for name in ("mobile", "any")}
    site.run("rollback", "0_observe", *PAIR)
    assert site.rules() == before


def test_what_a_killed_controller_left_on_a_router_is_known_by_the_journal_and_goes_back_first(site):
    before = site.rules()
    process = site.started(site.command("rollout", "0_observe", "edge-c1", edge_confirm_seconds=45))
    for line in process.stdout:
        if ": Try every target from the probe hosts" in line:
            break
    kill_controller(process)
    assert site.rules()["edge-c1"] != before["edge-c1"]
    again = site.run("rollout", "0_observe", "edge-c1")
    waited = again.partition(" : Wait until nothing is armed]")[2].partition("TASK [")[0]
    assert "ok: [edge-c1]" in waited
    assert End(again).edges == {"edge-c1": "confirmed"}
    site.run("rollback", "0_observe", "edge-c1")
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
