# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy, report

NOW = "2019-03-20T00:00:00Z"
WAVES = [
    {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
    {"name": "pilot", "date": "2019-03-04", "pools": ["east_ftth"], "destinations": ["mobile"], "action": "block"},
    {"name": "mobile", "date": "2019-03-11", "pools": "all", "destinations": ["mobile"], "action": "block"},
    {"name": "all", "date": "2019-03-25", "pools": "all", "action": "block"},
]


def record(at, kind="step", **keys):
    said = {"at": at, "run": "noc:1:1", "operator": "hanako", "playbook": "rollout", "kind": kind, "reason": ""}
    return {**said, **keys}


def observed(at, out, edge="edge-1", pool="east_ftth", name="any"):
    step = {"wave": "observe", "edge": edge, "pool": pool, "class": name, "before": "observe", "after": "observe"}
    return record(at, **step, outcome="observed", change="", probes={}, counters={"out": out, "in": 0})


def confirmed(at, edge="edge-1", pool="east_ftth", name="any", **keys):
    step = {"wave": "all", "edge": edge, "pool": pool, "class": name, "before": "observe", "after": "block"}
    return record(at, **{**step, "outcome": "confirmed", "change": "c1", "probes": {}, "counters": {}, **keys})


def wave(at, name, outcome="confirmed", **keys):
    return record(at, "wave", wave=name, outcome=outcome, **keys)


@pytest.fixture
def facts(document):
    def make(
        records=(), status=(), reached="all", today=datetime.date(2019, 3, 20), probes=("198.51.100.10", "198.51.100.138"), **keys
    ):
        return report.facts(
            policy.load({**document, "exemptions": [], "waves": WAVES, **keys}, today), reached, status, records, NOW, probes
        )

    return make


def row(**keys):
    given = {"edge": "edge-1", "pool": "east_ftth", "destination": "any", "wanted": "block", "device": "block", "out": None}
    return {**given, "state": "confirmed", **keys}


def test_a_rate_is_what_came_between_two_readings(facts):
    found = facts([observed("2019-03-01T00:00:00Z", 100), observed("2019-03-03T00:00:00Z", 500)])
    assert found["periods"] == {"heads": ["before"], "rows": [{"pool": "east_ftth", "destination": "any", "rates": [200.0]}]}


def test_a_counter_that_went_down_began_anew_and_the_edge_itself_is_the_last_reading(facts):
    found = facts([observed("2019-03-18T00:00:00Z", 900), observed("2019-03-19T00:00:00Z", 40)], [row(out=100)])
    assert found["periods"]["rows"][0]["rates"] == [50.0]


def test_edges_of_a_pool_add_up_though_they_were_read_at_other_times(facts):
    records = [
        observed("2019-03-01T00:00:00Z", 0),
        observed("2019-03-05T00:00:00Z", 400),
        observed("2019-03-01T12:00:00Z", 0, "edge-2"),
        observed("2019-03-03T12:00:00Z", 20, "edge-2"),
    ]
    assert facts(records)["periods"]["rows"][0]["rates"] == [110.0]
    plot = facts(records)["plots"][0]
    (line,) = plot["lines"]
    levels = [float(word.partition("H")[0]) for word in line["path"].removeprefix("M").split(" ", 1)[1].split("V")]
    assert [tick["text"] for tick in plot["ticks_y"]] == ["0", "100", "200"]
    assert levels[0] == levels[2] > levels[1]


def test_nothing_is_drawn_where_nothing_was_read(facts):
    records = [observed("2019-03-01T00:00:00Z", 0), observed("2019-03-02T00:00:00Z", 10)]
    other = [observed("2019-03-04T00:00:00Z", 0, "edge-2"), observed("2019-03-05T00:00:00Z", 10, "edge-2")]
    assert facts([*records, *other])["plots"][0]["lines"][0]["path"].count("M") == 2
    assert facts(records)["plots"][0]["lines"][0]["path"].count("M") == 1
    assert facts()["plots"] == []


def test_waves_are_marked_where_they_were_confirmed_and_cut_the_periods(facts):
    records = [
        observed("2019-03-01T00:00:00Z", 0),
        wave("2019-03-03T00:00:00Z", "pilot"),
        observed("2019-03-03T00:00:00Z", 200),
        observed("2019-03-05T00:00:00Z", 220),
    ]
    found = facts(records)
    assert found["periods"]["heads"] == ["before", "after pilot"]
    assert found["periods"]["rows"][0]["rates"] == [100.0, 10.0]
    (mark,) = found["plots"][0]["marks"]
    assert (mark["number"], mark["state"]) == (2, "confirmed")
    begin, _a, middle, _b, end = (tick["x"] for tick in found["plots"][0]["ticks_x"])
    assert begin < mark["x"] == middle < end


def test_before_and_after_leave_out_the_span_in_which_the_block_came(facts):
    days = ["2019-03-01", "2019-03-03", "2019-03-05", "2019-03-07"]
    outs = [0, 200, 90000, 90020]
    records = [observed(f"{day}T00:00:00Z", out) for day, out in zip(days, outs, strict=True)]
    found = facts([*records, confirmed("2019-03-04T00:00:00Z")])["changes"]
    assert found == [{"pool": "east_ftth", "destination": "any", "before": 100.0, "after": 10.0, "percent": -90}]
    assert facts(records)["changes"] == []
    assert facts([*records[:2], confirmed("2019-03-04T00:00:00Z")])["changes"][0]["after"] is None


def test_waves_have_who_and_when_and_a_wave_that_went_back_is_no_more_confirmed(facts):
    records = [
        wave("2019-03-01T01:00:00Z", "observe"),
        wave("2019-03-04T01:00:00Z", "pilot"),
        wave("2019-03-05T01:00:00Z", "pilot", "rolled_back", operator="taro", reason="complaints"),
    ]
    found = {
        each["name"]: (each["state"], each["operator"], each["reached"]) for each in facts(records, reached="observe")["waves"]
    }
    assert found == {
        "observe": ("confirmed", "hanako", True),
        "pilot": ("rolled back", "taro", False),
        "mobile": ("not confirmed", None, False),
        "all": ("not confirmed", None, False),
    }
    assert [each["reason"] for each in facts(records)["reasons"]] == ["complaints"]


def test_a_reason_of_a_run_stands_once(facts):
    steps = [confirmed("2019-03-04T01:00:00Z", edge=edge, reason="the page was late") for edge in ("edge-1", "edge-2")]
    assert len(facts(steps)["reasons"]) == 1
    assert len(facts([*steps, {**steps[0], "run": "noc:2:2"}])["reasons"]) == 2


def test_exemptions_stand_by_their_end(facts):
    def exemption(number, **keys):
        return {"prefixes": [f"198.51.100.{number}"], "who": f"customer {number}", "why": "by contract", **keys}

    given = [exemption(1), exemption(2, until="2020-01-01"), exemption(3, until="2019-03-19"), exemption(4, until="2019-04-19")]
    found = facts(exemptions=given)
    assert [(each["who"], each["state"]) for each in found["exemptions"]] == [
        ("customer 3", "ended"),
        ("customer 4", "ends soon"),
        ("customer 2", "in force"),
        ("customer 1", "no end"),
    ]
    assert "The exemption of customer 1 (198.51.100.1) has no end." in found["risks"]
    assert sum("customer 3" in risk for risk in found["risks"]) == 1


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"state": "unknown", "device": "?", "problem": "the device does not answer"},
            "edge-1 did not say what it enforces: the device does not answer.",
        ),
        ({"state": "armed"}, "edge-1: east_ftth x any carries a change that nobody has confirmed."),
        ({"state": "unrecorded"}, "edge-1: east_ftth x any is as wanted, but no run wrote down that it was confirmed."),
        ({"state": "differs", "device": "pass"}, "edge-1: east_ftth x any is not as wanted: it has pass, and block is wanted."),
        ({"state": "differs", "problem": "lines too many"}, "edge-1: east_ftth x any is not as wanted: lines too many."),
    ],
)
def test_what_an_edge_leaves_open_is_a_risk(facts, keys, sentence):
    assert facts(status=[row(**keys), row(edge="edge-2")])["risks"] == [sentence]
    assert facts(status=[row()])["risks"] == []


def test_what_the_policy_and_the_journal_leave_open_is_a_risk(facts):
    assert facts(reached="pilot")["risks"] == ["The wave mobile was due on 2019-03-11 and is not reached."]
    assert facts(probes=["198.51.100.10"])["risks"] == [
        "west_cable: no probe host stands in this pool, so that nobody tries its way out."
    ]
    armed = confirmed("2019-03-04T01:00:00Z", outcome="armed")
    assert facts([armed])["risks"] == ["edge-1: the run noc:1:1 armed the change c1 and never wrote what became of it."]
    assert facts([armed, confirmed("2019-03-04T01:05:00Z")])["risks"] == []


def test_a_held_pool_is_shown_with_its_reason(facts):
    held = {"west_cable": {"wave": "mobile", "why": "a hospital asked"}}
    assert facts(holds=held)["holds"] == [{"pool": "west_cable", "wave": "mobile", "why": "a hospital asked"}]
