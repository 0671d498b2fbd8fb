# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal, policy, status

from tests.screens import text as shown

AT = "2019-03-04T01:02:03Z"
RUN = {"at": AT, "run": "noc:1:1", "operator": "taro", "playbook": "rollout"}
ARMED = {"id": "c1", "who": "taro@noc (run k7qmz2xw4a)", "at": AT, "seconds_left": 9}


@pytest.fixture
def checked(document):
    return policy.load(document, datetime.date(2019, 3, 5))


def confirmed(edge, pool, name, after, at=AT):
    place = {"edge": edge, "pool": pool, "class": name, "before": "observe", "after": after}
    return {**RUN, "at": at, "kind": "step", "wave": "pilot", **place, "outcome": "confirmed"}


def edge(*pools, **found):
    return {"op25b_attachments": [{"interface": "x0", "pools": list(pools)}], "edge_found": found}


@pytest.fixture
def gathered(build):
    """What a device answers that is as the policy says at a wave, with numbers for its counters."""

    def make(wave, pool, out=7, **more):
        has = build(wave, [{"interface": "x0", "pools": [pool]}]).as_data()
        actions = has["pools"][pool]["actions"] if has else {}
        counters = {name: {"out": out, "in": 0} for name, action in actions.items() if action != "pass"}
        return {"gathered": has, "counters": {"pools": {pool: counters}}, "drift": [], **more}

    return make


def states(rows):
    return {(row["edge"], row["pool"], row["destination"]): row["state"] for row in rows}


def test_a_row_says_what_is_wanted_and_what_is_there_since_when(checked, gathered):
    records = [
        confirmed("e1", "east_ftth", "mobile", "block"),
        confirmed("e1", "east_ftth", "any", "observe", "2019-03-01T00:00:00Z"),
    ]
    found = status.rows(checked, "pilot", {"e1": edge("east_ftth", **gathered("pilot", "east_ftth"))}, records)
    place = {"edge": "e1", "pool": "east_ftth", "area": "east", "out": 7, "in": 0, "state": "confirmed"}
    assert found == [
        {**place, "destination": "mobile", "wanted": "block", "device": "block", "since": AT},
        {**place, "destination": "any", "wanted": "observe", "device": "observe", "since": "2019-03-01T00:00:00Z"},
    ]


def test_what_no_run_wrote_down_is_not_confirmed(checked, gathered):
    records = [confirmed("e1", "east_ftth", "mobile", "block"), confirmed("e1", "east_ftth", "mobile", "observe")]
    found = status.rows(checked, "pilot", {"e1": edge("east_ftth", **gathered("pilot", "east_ftth"))}, records)
    assert [row["state"] for row in found] == ["unrecorded", "unrecorded"]
    assert [row["since"] for row in found] == [None, None]


def test_nothing_wanted_and_nothing_there_needs_no_record(checked, gathered):
    found = status.rows(checked, "none", {"e1": edge("east_ftth", **gathered("none", "east_ftth"))}, [])
    assert [(row["wanted"], row["device"], row["out"], row["state"]) for row in found] == [
        ("pass", "pass", None, "confirmed")
    ] * 2


def test_what_is_armed_differs_drifts_or_is_silent_is_never_confirmed(checked, gathered):
    records = [confirmed(f"e{at}", "east_ftth", name, "observe") for at in range(1, 6) for name in ("mobile", "any")]
    other = gathered("observe", "east_ftth")
    other["gathered"]["pools"]["east_ftth"]["prefixes"] = ["198.51.100.0/26"]
    edges = {
        "e1": edge("east_ftth", **gathered("observe", "east_ftth", armed=ARMED)),
        "e2": edge("east_ftth", **gathered("observe", "east_ftth", drift=["set exempted.v4: + 192.0.2.1"])),
        "e3": edge("east_ftth", failed=True, msg="no route"),
        "e4": edge("east_ftth", **gathered("observe", "east_ftth")),
        "e5": edge("east_ftth", **other),
        "e6": {"op25b_attachments": [{"interface": "x0", "pools": ["est"]}], "edge_found": gathered("observe", "east_ftth")},
    }
    found = status.rows(checked, "pilot", edges, records)
    assert states(found) == {
        **{("e1", "east_ftth", name): "armed" for name in ("mobile", "any")},
        **{("e2", "east_ftth", name): "differs" for name in ("mobile", "any")},
        **{("e3", "east_ftth", name): "unknown" for name in ("mobile", "any")},
        ("e4", "east_ftth", "mobile"): "differs",
        ("e4", "east_ftth", "any"): "confirmed",
        **{("e5", "east_ftth", name): "differs" for name in ("mobile", "any")},
        ("e6", None, None): "unknown",
    }
    silent = next(row for row in found if row["edge"] == "e3")
    assert (silent["device"], silent["wanted"], silent["problem"]) == ("?", "block", "no route")
    text = shown(status.table(found, edges))
    assert "e3 east_ftth mobile block ? - - - NOT KNOWN: no route" in [" ".join(line.split()) for line in text.splitlines()]
    assert "NOT KNOWN: e6: attachments[0].pools: no pool of the policy is named 'est'" in text
    assert text.endswith(
        "\n1 confirmed, 2 armed, 5 differs, 2 of 6 edges NOT known\n"
        "e1: a change that taro@noc (run k7qmz2xw4a) armed at 2019-03-04T01:02:03Z is unconfirmed; it goes back in 9 s\n"
        "e2: set exempted.v4: + 192.0.2.1\n"
    )


def test_a_pool_that_is_left_on_an_edge_differs(checked, gathered):
    found = status.rows(checked, "observe", {"e1": edge("west_cable", **gathered("observe", "east_ftth"))}, [])
    assert [(row["pool"], row["wanted"], row["device"], row["state"]) for row in found] == [
        *[("west_cable", "observe", "pass", "differs")] * 2,
        *[("east_ftth", "pass", "observe", "differs")] * 2,
    ]
    gone = gathered("observe", "east_ftth")
    gone["gathered"]["pools"] = {"old_dsl": gone["gathered"]["pools"]["east_ftth"]}
    found = status.rows(checked, "none", {"e1": edge("west_cable", **gone)}, [])
    assert {(row["pool"], row["area"], row["state"]) for row in found} == {
        ("west_cable", "west", "confirmed"),
        ("old_dsl", None, "differs"),
    }


def test_an_observation_is_a_step_without_a_change_that_the_journal_takes(checked, gathered):
    edges = {"e1": edge("east_ftth", **gathered("pilot", "east_ftth", out=3)), "e2": edge("east_ftth", msg="no route")}
    steps = status.observed("pilot", edges)
    assert [(step["class"], step["before"], step["after"], step["counters"]) for step in steps] == [
        ("mobile", "block", "block", {"out": 3, "in": 0}),
        ("any", "observe", "observe", {"out": 3, "in": 0}),
    ]
    assert len(journal.read("".join(journal.line({**RUN, **step}) for step in steps))[0]) == 2


def test_observations_are_summed_and_a_counter_that_went_down_began_anew(gathered):
    def counted(one, two):
        return {
            "e1": edge("east_ftth", **gathered("observe", "east_ftth", out=one)),
            "e2": edge("east_ftth", **gathered("observe", "east_ftth", out=two)),
        }

    first = counted(10, 20)
    steps = status.observed("observe", first)
    text = shown(status.observed_table(first, steps, []))
    assert "east_ftth any all 30 -" in [" ".join(line.split()) for line in text.splitlines()]
    assert text.endswith("\n60 SYN to port 25 outside, - since the last observation\n")
    records = [{**RUN, **step} for step in steps]
    second = {**counted(13, 4), "e3": {"edge_found": {"msg": "no route"}}}
    text = shown(status.observed_table(second, status.observed("observe", second), records))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[5:8] == [
        f"east_ftth any e1 observe 13 +3 {AT}",
        f"east_ftth any e2 observe 4 +4 {AT}",
        "east_ftth any all 17 +7",
    ]
    assert lines[-3:] == [
        "- - e3 - - - NOT KNOWN: no route",
        "",
        "34 SYN to port 25 outside, +14 since the last observation; 1 of 3 edges NOT known",
    ]
