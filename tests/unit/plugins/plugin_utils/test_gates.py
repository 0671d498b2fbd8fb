# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import gates, matrix, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.proof import Claim
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.rollout import Edge


@pytest.fixture
def checked(document):
    return policy.load(document, datetime.date(2019, 3, 11))


def edge(name, *pools, pair=None):
    return Edge(name, pools, ("east",), "ios", pair)


def probe(name, address, *edges):
    return gates.Probe(name, (parse_address(address),), edges)


EAST, WEST, FIXED = "198.51.100.10", "198.51.100.130", "192.0.2.130"
EDGES = (edge("e1", "east_ftth"), edge("p1", "west_cable", pair="p"), edge("e2", "east_ftth"), edge("p2", "west_cable", pair="p"))
PROBES = (
    probe("fixed", FIXED),
    probe("east-2", EAST, "e2"),
    probe("west-1", WEST, "p1"),
    probe("west-2", WEST, "p2"),
    probe("both", EAST, "e1", "e2"),
)


def claims(*pools, families=(4,)):
    return [Claim(pool, name, family) for pool in pools for name in ("mobile", "any") for family in families]


def changes(*done):
    """What changes on each edge that is not done yet."""
    return {edge.name: claims(*edge.pools) for edge in EDGES if edge.name not in done}


def planned(checked, *sizes, probes=PROBES, done=(), wave="mobile"):
    found = gates.batches(checked, wave, EDGES, probes, changes(*done), sizes)
    return [(each.edges, sorted((task.probe.name, task.wave, task.judges) for task in each.tasks)) for each in found]


def test_the_canary_has_a_probe_host_of_its_own_pairs_move_together_and_somebody_outside_is_asked(checked):
    assert planned(checked, 1, "100%") == [
        (("p1", "p2"), [("east-2", "pilot", "p1"), ("west-1", "mobile", "p1"), ("west-2", "mobile", "p2")]),
        (("e1", "e2"), [("both", "mobile", "e1"), ("east-2", "mobile", "e2"), ("fixed", "pilot", "e1")]),
    ]


def test_the_last_size_counts_again_and_again_and_a_percentage_is_one_at_least(checked):
    probes = (*PROBES, probe("east-1", EAST, "e1"))
    assert [edges for edges, _tasks in planned(checked, "1%", probes=probes)] == [("e1",), ("p1", "p2"), ("e2",)]
    assert [edges for edges, _tasks in planned(checked, "67%", 1, probes=probes)] == [("e1", "p1", "p2"), ("e2",)]


def test_what_was_done_by_an_earlier_run_is_expected_to_be_there(checked):
    # `both` crosses e1 as well, which comes last, but is at the wave already; and e2 is nobody to ask what should not be there.
    first, *_others = planned(checked, 1, done=("e1", "e2"))
    assert first == (("e1",), [("both", "mobile", "e1"), ("west-1", "pilot", "e1")])


@pytest.mark.parametrize("sizes", [(), (0,), ("x",), ("150",), ("-1",), ("%",)])
def test_a_size_that_is_none_is_refused(checked, sizes):
    if sizes == ("150",):
        assert len(planned(checked, *sizes)) == 1
    else:
        with pytest.raises(Op25bError, match=r"^rollout_serial: "):
            planned(checked, *sizes)


def unproved(checked, *probes, reasons=None):
    found = gates.batches(checked, "mobile", EDGES, probes, changes(), ("100%",))
    return gates.without_probe([batch.as_data() for batch in found], reasons or {})


def test_what_no_probe_host_can_prove_is_named_before_anything_is_armed(checked):
    assert unproved(checked, *PROBES, probe("east-1", EAST, "e1")) == []
    (said,) = unproved(checked, *PROBES[:3], probe("east-1", EAST, "e1"))
    assert said.startswith("p2: no probe proves west_cable x mobile on IPv4, any on IPv4; put a probe host into that pool")
    # A line in no pool proves nothing of a block, nor does a customer who is exempted.
    others = unproved(checked, probe("fixed", FIXED, "e1"), probe("exempt", "198.51.100.17", "e1"), *PROBES[1:4])
    assert [each.partition(":")[0] for each in others] == ["e1"]
    assert unproved(checked, *PROBES[:3], probe("east-1", EAST, "e1"), reasons={"p2": "no line behind it"}) == []
    # Without a target on port 25 of that family, nobody can see anything.
    wanted = {**changes(), "e1": claims("east_ftth", families=(4, 6))}
    (batch,) = gates.batches(checked, "mobile", EDGES, [*PROBES, probe("east-1", EAST, "e1")], wanted, ("100%",))
    assert batch.unproved["e1"] == claims("east_ftth", families=(6,))


def test_a_site_asks_every_line_in_no_pool_and_nobody_behind_edges_that_are_not_in_it(checked):
    probes = [*PROBES, probe("elsewhere", WEST, "p9"), probe("line", "192.0.2.131")]
    (batch,) = gates.batches(checked, "mobile", EDGES[:1], probes, {"e1": claims("east_ftth")}, ("100%",), bystanders=True)
    assert [(task.probe.name, task.wave) for task in batch.tasks] == [("fixed", "pilot"), ("line", "pilot")]


def test_probe_hosts_are_read_or_their_mistake_is_named_with_them(checked):
    def read(**variables):
        return gates.probe_from("h", variables, checked, EDGES)

    assert read(op25b_probe_addresses=[WEST]).edges == ("p1", "p2")
    assert read(op25b_probe_addresses=[WEST], op25b_probe_edges=["p2"]).edges == ("p2",)
    assert read(op25b_probe_addresses=[FIXED]).edges == ()
    with pytest.raises(Op25bError, match=r"^h: op25b_probe_addresses: it is missing;"):
        read()
    with pytest.raises(Op25bError, match=r"^h: op25b_probe_addresses: 'x' is not an IP address;"):
        read(op25b_probe_addresses=["x"])


def notice(at, **waves):
    return {"kind": "notice", "at": at, "waves": waves, "sha256": "0", "run": "r", "operator": "o", "playbook": "notice"}


def test_a_wave_waits_for_its_day_and_for_the_page_that_tells_it(document):
    def problems(wave, today, *records, days=0):
        return gates.date_and_notice(policy.load(document, datetime.date.fromisoformat(today)), wave, records, days)

    told = notice("2019-03-01T00:00:00Z", mobile="2019-03-11")
    assert problems("mobile", "2019-03-11", told) == []
    assert problems("mobile", "2019-03-10", told) == [
        "the wave 'mobile' begins on 2019-03-11, and today is 2019-03-10; wait for the day"
    ]
    assert problems("mobile", "2019-03-11") == [
        "no customers' page says that the wave 'mobile' begins on 2019-03-11; run the playbook ccsnet.op25b.notice"
    ]
    other = notice("2019-03-02T00:00:00Z", mobile="2019-03-12")
    assert "no customers' page says" in problems("mobile", "2019-03-11", told, other)[0]
    assert problems("mobile", "2019-03-11", told, days=10) == []
    assert "which is 10 days and not the 11 of" in problems("mobile", "2019-03-11", told, days=11)[0]
    # The page changes with what is done, and says the same of what comes.
    assert problems("mobile", "2019-03-11", told, notice("2019-03-05T00:00:00Z", mobile="2019-03-11"), days=10) == []
    again = notice("2019-03-05T00:00:00Z", mobile="2019-03-11")
    assert "since 2019-03-05" in problems("mobile", "2019-03-11", told, other, again, days=10)[0]
    # Who is only counted notices nothing.
    assert problems("observe", "2019-03-11") == []
    assert problems("none", "2019-03-11") == []


def complete(*waves):
    return [
        {"kind": "wave", "at": "2019-03-04T00:00:00Z", "wave": each, "outcome": "confirmed", "reason": ""} | {"run": "r"}
        for each in waves
    ]


def answer(before, after):
    def enforced(actions):
        return {"pools": {"east_ftth": {"actions": actions}}} if actions else {}

    return {"before": enforced(before), "after": enforced(after)}


def test_all_that_comes_before_stands(checked):
    old, new = {"mobile": "block", "any": "observe"}, {"mobile": "block", "any": "block"}

    def problems(answers, *records):
        return gates.earlier_waves(checked, "all", answers, records)

    records = complete("observe", "pilot", "mobile")
    assert problems({"e1": answer(old, new), "e2": answer(new, new)}, *records) == []
    assert problems({"e1": answer(old, new)}, *records[:2]) == [
        "the wave 'mobile' before this one is not confirmed on all its edges; run rollout with its inventory first"
    ]
    back = {**records[1], "outcome": "rolled_back"}
    assert "the wave 'pilot' before this one" in problems({}, *records, back)[0]
    assert problems({"e1": answer(None, new)}, *records) == [
        "e1 is not where the wave before 'all' leaves it (east_ftth x mobile is pass and not block, east_ftth x any is "
        "pass and not observe); run rollout with the inventory of that wave, or rollback to it"
    ]


def test_mail_is_sent_from_every_pool_that_the_wave_moves(checked):
    asked = gates.relay_probes(checked, "mobile", EDGES, PROBES)
    assert {name: [each["probe"] for each in tasks] for name, tasks in asked.items()} == {
        "e1": [],
        "p1": ["west-1", "west-2"],
        "e2": [],
        "p2": [],
    }
    with pytest.raises(Op25bError, match=r"^probes: no probe host is in west_cable, so that nobody knows"):
        gates.relay_probes(checked, "mobile", EDGES, PROBES[:2])


def test_a_mail_that_was_not_taken_or_did_not_arrive_is_a_no_go():
    item = {"probe": "west-1", "pools": ["west_cable"], "addresses": [WEST]}
    taken, refused = (
        {"port": 587, "ok": True, "queue_id": "A1", "detail": ""},
        {"port": 465, "ok": False, "queue_id": "", "detail": "535 no"},
    )

    def problems(mails, *told):
        return gates.relay([{"item": item, **mails}], [{"mails": told}, {"failed": True, "msg": "a relay is down"}])

    arrived = {"queue_id": "A1", "status": "sent", "detail": "250 ok"}
    assert problems({"mails": [taken]}, arrived) == []
    assert problems({"mails": [taken, refused]}, arrived) == ["port 465: 535 no (from west-1 in west_cable)"]
    assert problems({"mails": [taken]}, {**arrived, "status": "deferred", "detail": "timed out"}) == [
        "port 587: the relay took the mail, and it did not arrive; it is deferred: timed out (from west-1 in west_cable)"
    ]
    assert "no relay knows what became of it" in problems({"mails": [taken]}, {**arrived, "status": "not_seen"})[0]
    assert problems({"msg": "no route"}) == ["the probe host did not answer: no route (from west-1 in west_cable)"]
    # A relay that is down looks the same from everywhere.
    other = {"item": {**item, "probe": "east-1", "pools": ["east_ftth"]}, "mails": [refused]}
    assert gates.relay([{"item": item, "mails": [refused]}, other], []) == [
        "port 465: 535 no (from west-1 in west_cable; east-1 in east_ftth)"
    ]


def seen(checked, address, wave, **states):
    """What a probe host reports that saw just what the policy says, but for the targets named in `states`."""
    targets = matrix.plan(checked, wave, [parse_address(address)])["targets"]
    return [
        {
            "name": target["name"],
            "address": target["address"],
            "port": target["port"],
            "state": states.get(f"{target['name']}_{target['port']}", target["expected"]),
            "ms": 1.0,
            "source": address,
            "syns": 1,
        }
        for target in targets
    ]


WEST_POOL = {"prefixes": ["198.51.100.128/25"], "interfaces": ["west0"], "actions": {"mobile": "block", "any": "observe"}}
ENFORCED = {"before": {}, "after": {"pools": {"west_cable": WEST_POOL}, "exempted": []}}


@pytest.fixture
def judged(checked):
    """A verdict on the pair p1, p2 at wave mobile, whose counters rise by `out`, with `changes` to what each edge answers."""
    first = gates.batches(checked, "mobile", EDGES, PROBES, changes(), (1, "100%"))[0].as_data()

    def judge(out=(1, 1), exact=True, states=None, reasons=None, beside=(), **changes):
        answers = {}
        batch = {**first, "probes": {**first["probes"], "p1": [*first["probes"]["p1"], *beside]}}
        for name, mobile in zip(("p1", "p2"), out, strict=True):
            results = [
                {"probes": seen(checked, task["addresses"][0], task["wave"], **((states or {}).get(task["probe"], {})))}
                for task in batch["probes"][name]
            ]
            counted = [
                {"counters": {"pools": {"west_cable": {"mobile": {"out": 5 + n}, "any": {"out": 9 + n}}}}} for n in (0, mobile)
            ]
            answers[name] = {
                "edge_acl": ENFORCED,
                "rollout_tried": {"results": results},
                "rollout_base": counted[0],
                "edge_found": counted[1],
            } | changes.get(name, {})
        return gates.judge(checked, "mobile", batch, answers, exact, reasons)

    return judge


def test_a_batch_stays_when_everybody_saw_what_the_policy_says_and_the_counters_agree(judged):
    verdict = judged()
    assert (verdict["go"], verdict["problems"]) == (True, [])
    assert verdict["probes"]["p1"] == {"tried": len(verdict["rows"]) - verdict["probes"]["p2"]["tried"], "wrong": []}
    assert verdict["counters"]["p2"] == {"west_cable": {name: {"sent": 1, "out": 1} for name in ("any", "mobile")}}


def test_counters_have_to_have_risen_by_the_probes_and_in_a_quiet_pool_by_nothing_else(judged):
    assert judged(out=(0, 1))["problems"] == [
        f"p1: west_cable x {name}: the probes sent 1 SYN and 0 were counted; look whether their packets take another way, and "
        "whether this hardware counts"
        for name in ("any", "mobile")
    ]
    assert not judged(out=(1, 3))["go"]
    assert judged(out=(1, 3), exact=False)["go"]


def test_a_probe_host_behind_no_edge_counts_nowhere(judged):
    line = {"probe": "fixed", "wave": "mobile", "edges": [], "addresses": ["192.0.2.130"]}
    verdict = judged(beside=[line])
    assert verdict["go"], verdict["problems"]
    assert "fixed" in {row["probe"] for row in verdict["rows"]}


def test_what_a_probe_host_saw_amiss_is_said_with_the_edge_and_what_to_do(judged):
    assert judged(states={"west-2": {"mobile_carrier_25": "open"}})["problems"] == [
        "mobile_carrier port 25 on IPv4 should be refused and is open from west-2; look whether these packets cross p2, and with "
        "the playbook ccsnet.op25b.status what it enforces"
    ]
    # The same from everywhere is one sentence.
    down = {f"mobile_carrier_{port}": "filtered" for port in (587, 465, 443)}
    assert judged(states={"west-1": down, "west-2": down})["problems"] == [
        "mobile_carrier port 587, 465, 443 on IPv4 should be open and is filtered from west-1, west-2; look whether the target "
        "is up, and whether p1, p2 turns away more than the policy says"
    ]
    # What was not seen right was not counted right either, which is no second mistake.
    assert len(judged(out=(0, 0), states={"west-2": {"mobile_carrier_25": "open"}})["problems"]) == 1
    assert "look whether the target is up" in judged(states={"west-1": {"mobile_carrier_587": "filtered"}})["problems"][0]
    outside = judged(states={"east-2": {"other_isp_25": "refused"}})["problems"]
    assert "nothing was changed for these" in outside[0]


def test_an_edge_that_counted_nothing_is_not_proved_by_what_its_neighbour_counted(checked):
    """One probe host behind a pair takes one way: whoever counted nothing needs another probe host, or a reason."""
    pair = [Edge(name, ("west_cable",), ("west",), "ios", "p") for name in ("p1", "p2")]
    both = probe("west", WEST, "p1", "p2")
    wanted = {each.name: claims("west_cable") for each in pair}
    batch = gates.batches(checked, "mobile", pair, [both], wanted, (1,))[0].as_data()
    results = [{"probes": seen(checked, WEST, "mobile")}]

    def verdict(out, reasons=None):
        answers = {
            name: {
                "edge_acl": ENFORCED,
                "rollout_tried": {"results": results if batch["probes"][name] else []},
                "rollout_base": {"counters": {"pools": {}}},
                "edge_found": {"counters": {"pools": {"west_cable": {"mobile": {"out": here}, "any": {"out": here}}}}},
            }
            for name, here in zip(("p1", "p2"), out, strict=True)
        }
        return gates.judge(checked, "mobile", batch, answers, True, reasons)

    found = verdict((1, 0))
    assert found["problems"][0].startswith("p2: no probe proves west_cable x mobile on IPv4, any on IPv4; put a probe host")
    kept = verdict((1, 0), {"p2": "VRRP backup"})
    assert (kept["go"], kept["proofs"]["p2"]) == (True, {"west_cable": {"mobile": "VRRP backup", "any": "VRRP backup"}})
    assert kept["proofs"]["p1"] == {"west_cable": {"mobile": "", "any": ""}}


def test_a_journal_that_cannot_be_written_is_no_go_before_the_change_is_confirmed(judged):
    failed = {"failed": True, "msg": "journal: the host noc does not answer"}
    assert judged(p1={"rollout_written": failed})["problems"] == ["journal: the host noc does not answer"]


def test_what_does_not_answer_is_no_go(judged):
    assert judged(p1={"edge_acl": {"failed": True, "msg": "refused"}})["problems"] == ["p1: the change is not on it: refused"]
    silent = judged(p2={"rollout_tried": {"results": [{"unreachable": True, "msg": "gone"}]}})["problems"]
    assert silent == ["west-2: this probe host did not answer, so that nothing is proved: gone"]
    assert judged(p2={"edge_found": {"msg": "no"}})["problems"] == ["p2: its counters cannot be read: no"]
    assert judged(p2={"rollout_kept": {"failed": True, "msg": "too late"}})["problems"] == [
        "p2: the change could not be confirmed: too late"
    ]


def test_counters_of_edges_that_one_probe_host_crosses_are_added_up():
    def tried(*edges):
        return {"edges": list(edges)}

    first, second, third = tried("a", "b"), tried("c"), tried("b", "d")
    assert list(gates._groups([first, second, third])) == [(("a", "b", "d"), [first, third]), (("c",), [second])]


def test_the_journal_gets_a_line_for_each_pool_and_class_that_changed_or_that_it_does_not_know():
    old, new = {"mobile": "observe", "any": "observe"}, {"mobile": "block", "any": "observe"}
    answers = {"e1": {"edge_acl": answer(old, new) | {"change": "c1"}}, "e2": {"edge_acl": {"failed": True}}}

    def lines(outcome, *records):
        found = gates.recorded("pilot", outcome, answers, {"probes": {"e1": {"tried": 3, "wrong": []}}}, "why", records)
        return [(each["edge"], each["class"], each["before"], each["after"], each["outcome"], each["change"]) for each in found]

    changed, same = ("e1", "mobile", "observe", "block"), ("e1", "any", "observe", "observe")
    assert lines("armed") == [(*changed, "armed", "c1")]
    assert lines("confirmed") == [(*changed, "confirmed", "c1"), (*same, "confirmed", "c1")]
    known = {"kind": "step", "at": "2019-03-01T00:00:00Z", "edge": "e1", "pool": "east_ftth", "class": "any", "before": "pass"}
    known |= {"after": "observe", "outcome": "confirmed", "unproved": ""}
    assert lines("confirmed", known) == [(*changed, "confirmed", "c1")]


def test_the_journal_knows_what_stays_without_proof_until_it_is_proved():
    same = {"mobile": "block", "any": "observe"}
    answers = {"e1": {"edge_acl": answer(same, same)}}
    place = {"kind": "step", "at": "2019-03-01T00:00:00Z", "edge": "e1", "pool": "east_ftth", "before": "pass"}
    known = [
        {**place, "class": name, "after": action, "outcome": "confirmed", "unproved": why}
        for name, action, why in (("mobile", "block", "no line behind it"), ("any", "observe", ""))
    ]

    def lines(**proofs):
        found = gates.recorded("all", "confirmed", answers, {"proofs": {"e1": {"east_ftth": proofs}}}, "", known)
        return [(each["class"], each["unproved"]) for each in found]

    assert lines() == []
    assert lines(mobile="no line behind it", any="") == []
    assert lines(mobile="", any="") == [("mobile", "")]


def test_the_journal_catches_up_with_what_edges_enforce():
    def known(edge, name, after):
        place = {"edge": edge, "pool": "east_ftth", "class": name}
        return {"kind": "step", "at": "2019-03-01T00:00:00Z", **place, "after": after, "outcome": "confirmed"}

    found = {"pools": {"east_ftth": {"actions": {"mobile": "block", "any": "observe"}}}}
    edges = {
        "e1": {"edge_found": {"gathered": found}},
        "e2": {"edge_found": {"gathered": {}}},
        "e3": {"edge_found": {"gathered": {}}},
    }
    records = [
        known("e1", "any", "observe"),
        known("e1", "mobile", "observe"),
        known("e2", "any", "block"),
        known("gone", "any", "block"),
    ]
    assert [
        (each["edge"], each["class"], each["before"], each["after"]) for each in gates.caught_up("pilot", edges, records)
    ] == [
        ("e1", "mobile", "observe", "block"),
        ("e2", "any", "block", "pass"),
    ]


def test_a_wave_stands_no_longer_when_one_of_its_pools_goes_back_before_it(checked):
    records = complete("observe", "pilot", "mobile")

    def back(to, *pools):
        return [(each["wave"], each["outcome"]) for each in gates.rolled_back(checked, to, pools, records)]

    assert back("observe") == [("pilot", "rolled_back"), ("mobile", "rolled_back")]
    # The pilot did not move west_cable, and the wave after the mobile one was never complete.
    assert back("observe", "west_cable") == [("mobile", "rolled_back")]
    assert back("mobile") == []


def test_every_syn_counts_that_the_kernel_sent_where_an_edge_counts(checked):
    probes = seen(checked, WEST, "mobile")
    for each in probes:
        each["syns"] = 3
    assert gates.sent(checked, "mobile", probes) == {("west_cable", "mobile"): 3, ("west_cable", "any"): 3}
    assert gates.sent(checked, "none", probes) == {}
    # Without a route there was no packet.
    assert gates.sent(checked, "mobile", [{**each, "source": ""} for each in probes]) == {}


def test_a_probe_host_that_also_crosses_edges_of_other_batches_says_nothing_of_these_counters(checked):
    batch = gates.batches(checked, "mobile", EDGES, PROBES, changes("e1"), (1, "100%"))[0].as_data()
    (task,) = (each for each in batch["probes"]["p1"] if each["probe"] == "west-1")
    task["edges"] = ["p1", "e1"]
    answers = {
        name: {
            "edge_acl": {"before": {}, "after": {}},
            "rollout_tried": {
                "results": [{"probes": seen(checked, each["addresses"][0], each["wave"])} for each in batch["probes"][name]]
            },
            **{key: {"counters": {"pools": {}}} for key in ("rollout_base", "edge_found")},
        }
        for name in ("p1", "p2")
    }
    problems = gates.judge(checked, "mobile", batch, answers, True)["problems"]
    assert problems
    assert all(problem.startswith("p2: ") for problem in problems)


TARO = {"id": "c1", "who": "taro@noc (run k7qmz2xw4a)", "at": "2019-03-04T01:02:03Z", "seconds_left": 290}
LOGIN = {"id": "c1", "who": "ansible", "at": "2019-03-04T01:02:03Z", "seconds_left": None}
"""What an edge says that knows nothing but the login."""
AT_WORK = "that run is at work; wait for it (without confirmation the change goes back in 290 s)"
UNKNOWN = "nothing here proves that this run is gone, so that the edge's own clock decides: the change goes back"


def left(alive, edge="e1", change="c1"):
    return {"edge": edge, "change": change, "run": "2019-03-04T01:00:00Z/k7qmz2xw4a", "alive": alive}


@pytest.mark.parametrize(
    ("armed", "changes", "is_gone", "who", "end"),
    [
        ({**TARO, "alive": None, "abandoned": False}, [], False, TARO["who"], f"{UNKNOWN} in 290 s"),
        ({**TARO, "alive": True, "abandoned": False}, [left(True)], False, TARO["who"], AT_WORK),
        (
            {**TARO, "alive": False, "abandoned": True},
            [left(False)],
            True,
            TARO["who"],
            "that run is gone; take the change back (it goes back in 290 s)",
        ),
        # Of what knows the login alone, the journal knows the run.
        (
            {**LOGIN, "alive": None, "abandoned": False},
            [left(True, edge="e2"), left(False)],
            True,
            "ansible (run k7qmz2xw4a)",
            "that run is gone; take the change back (it goes back by itself)",
        ),
        # Another change of that edge, as of a person by hand, is nobody's.
        (
            {**LOGIN, "alive": None, "abandoned": False},
            [left(False, change="c2"), left(False, edge="e2")],
            False,
            "ansible",
            f"{UNKNOWN} by itself",
        ),
    ],
)
def test_a_change_is_abandoned_only_with_proof_and_else_it_is_said_how_long_it_stays(armed, changes, is_gone, who, end):
    assert gates.abandoned(armed, "e1", changes) is is_gone
    said = gates.armed_by(armed, "e1", changes)
    assert said == f"e1 has an unconfirmed change that {who} armed at 2019-03-04T01:02:03Z; {end}"
