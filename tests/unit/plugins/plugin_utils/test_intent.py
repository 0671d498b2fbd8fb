# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import intent, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError


@pytest.mark.parametrize(
    ("wave", "east", "west"),
    [
        ("none", {"mobile": "pass", "any": "pass"}, {"mobile": "pass", "any": "pass"}),
        ("observe", {"mobile": "observe", "any": "observe"}, {"mobile": "observe", "any": "observe"}),
        ("pilot", {"mobile": "block", "any": "observe"}, {"mobile": "observe", "any": "observe"}),
        ("mobile", {"mobile": "block", "any": "observe"}, {"mobile": "block", "any": "observe"}),
        ("all", {"mobile": "block", "any": "block"}, {"mobile": "block", "any": "block"}),
    ],
)
def test_the_latest_reached_wave_says_what_happens(document, wave, east, west):
    found = intent.at(policy.load(document, datetime.date(2019, 3, 1)), wave)
    assert {name: dict(terms) for name, terms in found.pools.items()} == {"east_ftth": east, "west_cable": west}
    assert [name for name, _action in found.pools["east_ftth"]] == ["mobile", "any"]


def test_an_unknown_wave_is_refused(document):
    with pytest.raises(Op25bError, match="op25b_wave: no wave of the policy is named 'al'"):
        intent.at(policy.load(document, datetime.date(2019, 3, 1)), "al")


def test_a_held_pool_stays_where_it_is_held_and_goes_back_with_the_others(document):
    document["holds"] = {"east_ftth": {"wave": "pilot", "why": "complaints"}, "west_cable": {"wave": "none", "why": "a school"}}
    held = policy.load(document, datetime.date(2019, 3, 1))
    passes = {"mobile": "pass", "any": "pass"}

    def at(wave):
        return {name: dict(terms) for name, terms in intent.at(held, wave).pools.items()}

    assert at("all") == {"east_ftth": {"mobile": "block", "any": "observe"}, "west_cable": passes}
    assert at("observe") == {"east_ftth": {"mobile": "observe", "any": "observe"}, "west_cable": passes}
