# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError


def test_only_attached_pools_that_do_not_pass_are_enforced(build):
    found = build("pilot", [{"interface": "east0", "pools": ["east_ftth"]}])
    assert [(p.name, p.interfaces, p.terms) for p in found.pools] == [
        ("east_ftth", ("east0",), (("mobile", "block"), ("any", "observe")))
    ]
    assert build("none") == acl.Acl()


def test_exemptions_of_other_edges_are_left_out(build):
    assert build("all").exempted.texts() == ["198.51.100.17", "2001:db8:e000::17"]
    assert not build("all", [{"interface": "west0", "pools": ["west_cable"]}]).exempted


def test_what_no_term_needs_is_not_said(build):
    observed = build("observe", reject="drop", limit={"per_minute": 3})
    assert (observed.reject, observed.limit, observed.seen) == ("tcp-reset", None, None)
    assert build("all", reject="drop").reject == "drop"


def test_sources_are_kept_only_while_something_is_observed(build):
    wish = {"purpose": "notice", "until": "2019-04-01", "hours": 12}
    assert build("observe", observe_sources=wish).seen == acl.Seen(12, 65536)
    assert build("all", observe_sources=wish).seen is None


def test_sources_are_checked_only_where_something_is_blocked(build):
    places = [{"interface": "east0", "pools": ["east_ftth"], "source_check": True}]
    assert build("observe", places).checked_interfaces == ()
    assert build("pilot", places).checked_interfaces == ("east0",)


def test_a_wildcard_swallows_the_names_it_covers(build):
    places = [{"interface": "ppp*", "pools": ["east_ftth"]}, {"interface": "ppp0", "pools": ["east_ftth"]}]
    assert build("all", places).pools[0].interfaces == ("ppp*",)


@pytest.mark.parametrize(
    ("attachments", "uplinks", "sentence"),
    [
        ([], ["up0"], "attachments: this is empty or no list; write at least one entry."),
        (["east0"], ["up0"], "attachments[0]: 'east0' is not right here; write {interface: eth1, pools: [...]}."),
        ([{"interface": "east0"}], ["up0"], "attachments[0].pools: this is empty or no list; write at least one entry."),
        (
            [{"interface": "east 0", "pools": ["east_ftth"]}],
            ["up0"],
            "attachments[0].interface: 'east 0' is not the name of an interface; "
            "write one as eth1, or ppp* for all that begin so.",
        ),
        (
            [{"interface": "east0", "pools": ["east"]}],
            ["up0"],
            "attachments[0].pools: no pool of the policy is named 'east'. "
            "Did you mean east_ftth? Known here: east_ftth, west_cable.",
        ),
        (
            [{"interface": "east0", "pool": ["east_ftth"]}],
            ["up0"],
            "attachments[0].pool: this key is unknown. Did you mean pools? Known here: interface, pools, source_check.",
        ),
        (
            [{"interface": "east0", "pools": ["east_ftth"]}] * 2,
            ["up0"],
            "attachments[1].interface: 'east0' is attached twice; join the two lists of pools.",
        ),
        ([{"interface": "east0", "pools": ["east_ftth"]}], [], "uplinks: this is empty or no list; write at least one entry."),
        (
            [{"interface": "e*", "pools": ["east_ftth"]}],
            ["east9"],
            "uplinks: 'east9' and 'e*' of attachments mean the same interface; an interface leads either to customers or out.",
        ),
    ],
)
def test_a_wrong_edge_is_one_sentence(document, attachments, uplinks, sentence):
    checked = policy.load(document, datetime.date(2019, 3, 1))
    with pytest.raises(Op25bError) as err:
        acl.uplinks_from(uplinks, acl.attachments_from(attachments, checked))
    assert str(err.value) == sentence


def test_the_data_of_an_acl_name_every_part(build):
    data = build("pilot", limit={"per_minute": 3}).as_data()
    assert data["pools"]["west_cable"] == {
        "prefixes": ["198.51.100.128/25", "2001:db8:f000::/36"],
        "interfaces": ["west0"],
        "actions": {"mobile": "observe", "any": "observe"},
    }
    assert data["reject"] == "tcp-reset"
    assert "limit" not in data
    assert acl.Acl().as_data() == {}


def test_only_the_changing_pools_change(document):
    checked = policy.load(document, datetime.date(2019, 3, 1))
    places = acl.attachments_from([{"interface": "eth1", "pools": ["east_ftth", "west_cable"]}], checked)
    have = acl.build(checked, "pilot", places, ["up0"])
    stays = acl.kept(checked, have, ["west_cable"])
    assert stays == {"east_ftth": {"mobile": "block", "any": "observe"}}
    changed = acl.build(checked, "all", places, ["up0"], stays)
    assert {pool.name: dict(pool.terms) for pool in changed.pools} == {
        "east_ftth": {"mobile": "block", "any": "observe"},
        "west_cable": {"mobile": "block", "any": "block"},
    }
    # What is not on the device stays out; a class that the device does not know is part of any there.
    assert acl.kept(checked, acl.Acl(), ["west_cable"]) == {"east_ftth": {}}
    assert [pool.name for pool in acl.build(checked, "all", places, ["up0"], {"east_ftth": {}}).pools] == ["west_cable"]
    older = acl.build(checked, "all", places, ["up0"], {"east_ftth": {"any": "observe"}})
    assert dict(older.pools[0].terms) == {"mobile": "observe", "any": "observe"}
    with pytest.raises(Op25bError, match=r"^pools: no pool of the policy is named 'est'\."):
        acl.kept(checked, have, ["est"])


def test_what_an_edge_enforced_is_read_back_from_the_result_of_a_task(build, document):
    exemption = {**document["exemptions"][0], "prefixes": ["198.51.100.17/32"]}
    for keys in ({}, {"limit": {"per_minute": 3}}, {"exemptions": [exemption]}, {"return_rule": False, "reject": "drop"}):
        for wave in ("none", "observe", "all"):
            made = build(wave, **keys)
            assert acl.from_data(json.loads(json.dumps(made.as_data()))) == made
