# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy, rollout
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.rollout import Edge, Step

from tests.screens import text as shown


@pytest.fixture
def checked(document):
    return policy.load(document, datetime.date(2019, 3, 1))


def test_a_step_is_a_pool_and_a_class_that_change(checked):
    assert rollout.wave_before(checked, "pilot") == "observe"
    assert rollout.wave_before(checked, "observe") == rollout.wave_before(checked, "none") == "none"
    assert rollout.steps(checked, "observe", "pilot") == (Step("east_ftth", "mobile", "observe", "block"),)
    assert rollout.steps(checked, "all", "mobile") == tuple(
        Step(pool, "any", "block", "observe") for pool in ("east_ftth", "west_cable")
    )
    assert rollout.steps(checked, "all", "all") == ()


EAST, WEST = Edge("e1", ("east_ftth",), ("east",), "ios", None), Edge("w1", ("west_cable",), ("west",), "junos", None)
PAIR = Edge("e2", ("east_ftth",), ("east",), "iosxr", "p"), Edge("e3", ("west_cable",), ("west",), "nftables", "p")


def test_whoever_is_a_pair_moves_together(checked):
    edges = (WEST, EAST, *PAIR)
    assert rollout.touched(checked, "pilot", edges) == (EAST, *PAIR)
    assert rollout.touched(checked, "none", edges) == ()


def test_edges_are_read_or_their_mistake_is_named_with_them(checked):
    variables = {"op25b_attachments": [{"interface": "x", "pools": ["west_cable", "east_ftth"]}]}
    both = ("east_ftth", "west_cable"), ("east", "west")
    assert rollout.edge_from("e", variables, checked) == Edge("e", *both, "nftables", None)
    paired = variables | {"op25b_ha_group": 1, "ansible_network_os": "cisco.ios.ios"}
    assert rollout.edge_from("e", paired, checked) == Edge("e", *both, "ios", "1")
    with pytest.raises(Op25bError, match=r"^e: op25b_attachments: it is missing;"):
        rollout.edge_from("e", {}, checked)
    with pytest.raises(Op25bError, match=r"^e: attachments\[0\]\.pools: no pool of the policy is named 'est'"):
        rollout.edge_from("e", {"op25b_attachments": [{"interface": "x", "pools": ["est"]}]}, checked)


def enforced(**pools):
    return {"pools": {name: {"actions": actions} for name, actions in pools.items()}} if pools else {}


def result(before, after, added=0, removed=0, **more):
    summary = {"added": added, "removed": removed}
    return {"before": before, "after": after, "summary": summary, "changed": bool(added or removed), **more}


OBSERVED, BLOCKED = {"mobile": "observe", "any": "observe"}, {"mobile": "block", "any": "observe"}
PLANNED = {
    "new": result({}, enforced(east_ftth=BLOCKED), 12),
    "step": result(enforced(east_ftth=OBSERVED, west_cable=OBSERVED), enforced(east_ftth=BLOCKED, west_cable=OBSERVED), 2, 2),
    "a class that was part of any": result(enforced(east_ftth={"any": "block"}), enforced(east_ftth=BLOCKED), 3, 1),
    "an exemption": result(enforced(east_ftth=BLOCKED), enforced(east_ftth=BLOCKED), 1),
    "as it should be": result(enforced(east_ftth=BLOCKED), enforced(east_ftth=BLOCKED)),
    "out": result(enforced(east_ftth=OBSERVED), {}, 0, 9),
    "down": {"failed": True, "msg": "no route to host"},
    "gone": {"unreachable": True},
}


def test_the_plan_has_a_line_for_each_action_that_changes_and_counts_the_edges():
    assert (
        shown(rollout.plan_table(PLANNED))
        == """\
edge                          pool       class   before   after    entries
----------------------------------------------------------------------------
new                           east_ftth  mobile  pass     block    +12 -0
new                           east_ftth  any     pass     observe
step                          east_ftth  mobile  observe  block    +2 -2
a class that was part of any  east_ftth  any     block    observe  +3 -1
an exemption                  -          -       -        -        +1 -0
out                           east_ftth  mobile  observe  pass     +0 -9
out                           east_ftth  any     observe  pass
down                          -          -       -        -        NOT KNOWN: no route to host
gone                          -          -       -        -        NOT KNOWN: it did not answer

5 of 8 edges would change, 2 NOT known
"""
    )


def test_a_plan_in_which_nothing_changes_says_so():
    assert shown(rollout.plan_table({"e": PLANNED["as it should be"]})) == "0 of 1 edges would change\n"
