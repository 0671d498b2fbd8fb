# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import matrix, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address

from tests.screens import text as shown

SOURCES = [parse_address("198.51.100.10"), parse_address("2001:db8:e000::10")]


@pytest.fixture
def plan(document):
    return matrix.plan(policy.load(document, datetime.date(2019, 3, 20)), "pilot", SOURCES)


def expected(plan, name, port):
    return {t["expected"] for t in plan["targets"] if (t["name"], t["port"]) == (name, port)}


def test_every_target_is_tried_in_both_families(plan):
    assert len(plan["targets"]) == 2 * (3 + 1 + 4 + 4)
    assert {t["pool"] for t in plan["targets"]} == {"east_ftth"}
    assert expected(plan, "mobile_carrier", 25) == {"refused"}
    assert expected(plan, "other_isp", 25) == expected(plan, "own_msa", 25) == expected(plan, "mobile_carrier", 587) == {"open"}


def test_a_family_without_a_source_is_not_tried(document):
    found = matrix.plan(policy.load(document, datetime.date(2019, 3, 20)), "all", SOURCES[:1])
    assert all("." in t["address"] for t in found["targets"])


def test_controls_are_ports_that_no_wave_closes(plan):
    assert {(c["name"], c["port"]) for c in plan["controls"]} == {("own_msa", 587), ("mobile_carrier", 587), ("other_isp", 587)}


@pytest.mark.parametrize(("reject", "seen"), [("admin-prohibited", "unreachable"), ("drop", "filtered")])
def test_what_the_customer_sees_follows_the_reject(document, reject, seen):
    document["reject"] = reject
    assert expected(matrix.plan(policy.load(document, datetime.date(2019, 3, 20)), "all", SOURCES), "other_isp", 25) == {seen}


@pytest.mark.parametrize(
    ("expected_", "seen", "ok"),
    [
        ("refused", "unreachable", True),
        ("filtered", "unreachable", True),
        ("refused", "filtered", False),
        ("unreachable", "refused", False),
        ("open", "unreachable", False),
        ("refused", "open", False),
    ],
)
def test_an_edge_may_answer_by_what_its_platform_has(expected_, seen, ok):
    target = {"name": "x", "address": "203.0.113.100", "port": 25, "pool": "east_ftth", "expected": expected_}
    probe = {"address": "203.0.113.100", "port": 25, "state": seen, "ms": 0.1}
    assert matrix.judge([target], [probe], "cust-east")[0]["ok"] is ok


def test_the_table_names_what_is_wrong(plan):
    targets = [t for t in plan["targets"] if t["name"] in ("own_mx", "mobile_carrier") and ":" not in t["address"]]
    probes = [{"address": t["address"], "port": t["port"], "state": t["expected"], "ms": 0.41} for t in targets]
    probes = [p for p in probes if p["port"] != 443]
    probes[1]["state"] = "open"
    rows = matrix.judge(targets, probes, "cust-east")
    assert shown(matrix.table(rows)) == (
        "probe      pool       IP  target          25           443         465          587          verdict\n"
        f"{'-' * 104}\n"
        "cust-east  east_ftth  v4  own_mx          open 0.4 ms  -           -            -            as expected\n"
        "cust-east  east_ftth  v4  mobile_carrier  open 0.4 ms  not probed  open 0.4 ms  open 0.4 ms  "
        "WRONG: 25 should be refused and is open; 443 should be open and is not probed\n"
        "\n"
        "5 probes, 2 NOT as expected\n"
    )
    assert shown(matrix.table([r for r in rows if r["ok"]])).endswith("\n3 probes, all as expected\n")
