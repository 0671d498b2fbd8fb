# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import intent, notice, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

DAY = datetime.date(2019, 3, 20)
POOLS = {
    "east_a": {"prefixes": ["198.51.100.0/26"], "area": "east", "line": "ftth"},
    "east_b": {"prefixes": ["198.51.100.64/26"], "area": "east", "line": "ftth"},
    "west": {"prefixes": ["198.51.100.128/26"], "area": "west", "line": "ftth"},
}


@pytest.fixture
def load(document):
    def make(today=DAY, **keys):
        return policy.load({**document, "pools": POOLS, "exemptions": [], "waves": WAVES, **keys}, today)

    return make


WAVES = [
    {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
    {"name": "pilot", "date": "2019-03-04", "pools": ["east_a"], "destinations": ["mobile"], "action": "block"},
    {"name": "mobile", "date": "2019-03-11", "pools": "all", "destinations": ["mobile"], "action": "block"},
    {"name": "east", "date": "2019-03-18", "areas": ["east"], "action": "block"},
    {"name": "all", "date": "2019-03-25", "pools": "all", "action": "block"},
]


def rows(checked, wave, edges=("edge-1", "edge-2"), **changed):
    """The status where every edge has what the policy wants, but for (pool, class, edge)s that are given as changed."""
    return [
        {"edge": edge, "pool": pool, "destination": name, "wanted": action, "device": action, "state": "confirmed", **other}
        for edge in edges
        for pool, terms in intent.at(checked, wave).pools.items()
        for name, action in terms
        for other in [changed.get(f"{edge}_{pool}_{name}".replace("-", ""), {})]
    ]


def states(checked, wave, status):
    return {
        (group["area"], step["wave"]): step["state"]
        for group in notice.facts(checked, wave, status)["schedule"]
        for step in group["steps"]
    }


def test_a_group_of_customers_has_the_waves_that_bring_it_something_new(load):
    facts = notice.facts(load(), "none", [])
    assert [(group["area"], [step["wave"] for step in group["steps"]]) for group in facts["schedule"]] == [
        ("east", ["pilot", "mobile", "east"]),
        ("west", ["mobile", "all"]),
    ]
    assert [(step["destinations"], step["part"]) for group in facts["schedule"] for step in group["steps"]] == [
        (["mobile"], True),
        (["mobile"], True),
        (["any"], False),
        (["mobile"], False),
        (["any"], False),
    ]
    assert facts["begins"] == {"iso": "2019-03-04", "year": 2019, "month": 3, "day": 4, "weekday": 0}
    assert facts["waves"] == {"pilot": "2019-03-04", "mobile": "2019-03-11", "east": "2019-03-18", "all": "2019-03-25"}
    assert not facts["begun"]


def test_a_class_that_the_others_do_not_follow_is_told_by_its_name(load):
    only = [{"name": "rest", "date": "2019-03-04", "pools": "all", "destinations": ["mobile"], "action": "limit"}]
    steps = notice.facts(load(waves=only), "none", [])["schedule"][0]["steps"]
    assert [(step["destinations"], step["action"]) for step in steps] == [(["mobile"], "limit")]


def test_done_is_what_every_edge_has_confirmed(load):
    checked = load()
    assert states(checked, "mobile", rows(checked, "mobile")) == {
        ("east", "pilot"): "done",
        ("east", "mobile"): "done",
        ("east", "east"): "planned",
        ("west", "mobile"): "done",
        ("west", "all"): "planned",
    }
    assert notice.facts(checked, "mobile", rows(checked, "mobile"))["begun"]


@pytest.mark.parametrize(
    "row",
    [
        {"state": "unrecorded"},
        {"state": "armed"},
        {"state": "differs", "device": "observe"},
        {"state": "unknown", "device": "?"},
        # A status that was made for another wave, and says confirmed of it.
        {"device": "observe"},
    ],
)
def test_one_edge_that_has_not_confirmed_it_is_enough(load, row):
    checked = load()
    assert states(checked, "mobile", rows(checked, "mobile", edge2_west_mobile=row)) == {
        ("east", "pilot"): "done",
        ("east", "mobile"): "done",
        ("east", "east"): "planned",
        ("west", "mobile"): "under way",
        ("west", "all"): "planned",
    }


def test_all_destinations_are_done_when_every_class_is(load):
    checked = load()
    found = states(checked, "all", rows(checked, "all", edge2_west_mobile={"state": "unrecorded"}))
    assert (found["west", "mobile"], found["west", "all"], found["east", "east"]) == ("under way", "under way", "done")


def test_a_pool_without_an_edge_and_an_edge_without_an_answer_are_not_done(load):
    checked = load()
    west = [row for row in rows(checked, "mobile") if row["pool"] != "west"]
    assert states(checked, "mobile", west)["west", "mobile"] == "under way"
    assert states(checked, "mobile", west)["east", "mobile"] == "done"
    blind = [*rows(checked, "mobile"), {"edge": "edge-3", "pool": None, "destination": None, "device": "?", "state": "unknown"}]
    assert "done" not in states(checked, "mobile", blind).values()
    leftover = {"edge": "edge-3", "pool": "gone", "destination": "any", "wanted": "pass", "device": "block", "state": "differs"}
    assert states(checked, "mobile", [*rows(checked, "mobile"), leftover])["west", "mobile"] == "done"


def test_a_held_pool_is_postponed_whatever_the_edge_has(load):
    hold = {"wave": "observe", "why": "a hospital asked"}
    checked = load(holds={"west": hold})
    assert states(checked, "all", rows(checked, "all")) == {
        ("east", "pilot"): "done",
        ("east", "mobile"): "done",
        ("east", "east"): "done",
        ("west", "mobile"): "postponed",
        ("west", "all"): "postponed",
    }


def test_a_held_pool_among_others_is_told_beside_their_state(load):
    checked = load(holds={"east_b": {"wave": "mobile", "why": "a hospital asked"}})
    east = notice.facts(checked, "all", rows(checked, "all"))["schedule"][0]["steps"]
    assert [(step["wave"], step["state"], step["held_in_part"]) for step in east] == [
        ("pilot", "done", False),
        ("mobile", "done", False),
        ("east", "done", True),
    ]


def test_a_wave_that_opens_again_lifts_what_came_before(load):
    checked = load(waves=[*WAVES, {"name": "back", "date": "2019-04-01", "pools": ["west"], "action": "observe"}])
    found = states(checked, "back", rows(checked, "back"))
    assert (found["west", "mobile"], found["west", "all"], found["east", "east"]) == ("lifted", "lifted", "done")
    assert ("west", "back") not in found


def test_a_day_that_passed_without_its_wave_is_late(load):
    checked = load()
    late = {(step["wave"], step["late"]) for group in notice.facts(checked, "pilot", [])["schedule"] for step in group["steps"]}
    assert late == {("pilot", False), ("mobile", True), ("east", True), ("all", False)}


@pytest.mark.parametrize(
    ("keys", "is_open", "until"),
    [
        ({}, True, None),
        ({"port25_from_pools": False}, False, None),
        ({"port25_from_pools_until": "2019-06-30"}, True, "2019-06-30"),
        ({"port25_from_pools_until": "2019-03-19"}, False, None),
    ],
)
def test_our_own_port_25_is_open_where_every_submission_server_has_it_open(load, document, keys, is_open, until):
    msa = document["mail_servers"]["msa1"]
    servers = {"msa1": {**msa, **keys}, "msa2": {"addresses": ["192.0.2.27"], "role": "submission"}}
    found = notice.facts(load(mail_servers=servers), "none", [])["own_port25"]
    assert (found["open"], found["until"] and found["until"]["iso"]) == (is_open, until)


def test_a_page_without_a_contact_is_refused(load):
    with pytest.raises(Op25bError, match=r"^op25b_policy\.operator\.contact: the notice to customers needs it"):
        notice.facts(load(operator={"name": "CCSNET", "domains": ["ccsnet.ne.jp"]}), "none", [])
