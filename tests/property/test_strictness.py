# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing on the way back is stricter for any packet than it was, whatever policy, waves, holds, pools and edges were before."""

from __future__ import annotations

import datetime
from dataclasses import replace

from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import BITS, Address
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.strictness import ORDER, loosened, stricter
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import Packet, verdict
from hypothesis import given
from hypothesis import strategies as st

from .strategies import TODAY, documents

LATER = TODAY + datetime.timedelta(days=30)


@st.composite
def ways_back(draw):
    """What a device has, and what a rollback with any arguments wants there: the policy has moved on meanwhile."""
    document = draw(documents())
    names, waves = list(document["pools"]), [wave["name"] for wave in document["waves"]]
    pools, reached = st.sampled_from(names), st.sampled_from(["none", *waves])

    def attached():
        return [{"interface": name, "pools": draw(st.lists(pools, min_size=1, unique=True))} for name in ("c0", "c1")]

    first = attached()

    def edge(given, wave, today, have=None):
        attachments = first if have is None or draw(st.integers(0, 3)) else attached()
        checked = policy.load(given, today)
        places = acl.attachments_from(attachments, checked)
        uplinks = acl.uplinks_from(draw(st.sampled_from([["up0"], ["up0", "up1"], ["up*"]])), places)
        changing = draw(st.sets(pools)) if have else None
        return acl.build(checked, wave, places, uplinks, acl.kept(checked, have, changing) if changing else None)

    have = edge(document, waves[-1], TODAY)
    for exemption in document["exemptions"]:
        exemption["until"] = str(TODAY)
    held = {pool: {"wave": draw(reached), "why": "OP-31"} for pool in draw(st.sets(pools))}
    others = draw(documents())
    moved = {key: others[key] for key in draw(st.sets(st.sampled_from(["mail_servers", "partners", "limit", "return_rule"])))}
    later = {**document, **moved, **({"holds": held} if held else {})}
    if set(others["destinations"]) >= set(document["destinations"]):
        later["destinations"] = others["destinations"]
    return have, edge(later, draw(reached), draw(st.sampled_from([LATER, LATER, TODAY])), have)


def least(have, want):
    """What is wanted, with no action stricter than the device has it: what a rollback may be asked for."""
    now = {pool.name: dict(pool.terms) for pool in have.pools}
    classes = [name for name, _prefixes in want.classes]
    pools = []
    for pool in want.pools:
        there = now.get(pool.name, {})
        bounds = {name: there.get(name, there.get("any", "pass")) for name in [*classes, "any"]}
        bounds["any"] = min([bounds["any"], *(there[name] for name in there if name not in classes)], key=ORDER.index)
        terms = tuple((name, min(action, bounds[name], key=ORDER.index)) for name, action in pool.terms)
        if any(action != "pass" for _name, action in terms):
            pools.append(replace(pool, terms=terms))
    return replace(want, pools=tuple(pools))


def corners(*sets):
    """An address of every part into which these sets cut the Internet."""
    for family, bits in BITS.items():
        numbers = {0}
        for first, last in (span for one in sets for span in one.spans(family)):
            numbers |= {first, last + 1}
        yield from (Address(family, number) for number in numbers if number < 1 << bits)


def strictness(device, packet):
    return ORDER.index(verdict(device, packet).action)


@given(ways_back())
def test_no_packet_is_treated_more_strictly_on_the_way_back(way):
    have, want = way
    want = least(have, want)
    assert stricter(have, want) == []
    back = loosened(have, want)
    both = (have, want)
    inside = list(corners(*(pool.prefixes for each in both for pool in each.pools), *(each.exempted for each in both)))
    outside = list(corners(*(prefixes for each in both for _name, prefixes in each.classes), *(each.permitted for each in both)))
    for customer, server in ((one, other) for one in inside for other in outside if one.family == other.family):
        for there in ("c0", "c1"):
            for far in ("up0", "up1", "up2"):
                for packet in (
                    Packet(customer, server, 40000, 25, there, far),
                    Packet(server, customer, 25, 40000, far, there),
                    Packet(customer, server, 40000, 25, there, far, routed=False),
                ):
                    assert strictness(back, packet) <= strictness(have, packet), packet


@given(ways_back())
def test_what_is_refused_would_really_be_stricter_for_somebody(way):
    have, want = way
    for sentence in stricter(have, want):
        pool, _x, name, _from, was, _to, becomes = sentence.split()
        assert ORDER.index(becomes) > ORDER.index(was)
        there = {each.name: dict(each.terms) for each in have.pools}.get(pool, {})
        assert there.get(name, there.get("any", "pass")) == was


@given(documents())
def test_a_device_that_the_policy_made_goes_back_to_just_what_an_earlier_wave_says(document):
    """Narrowing changes nothing where nobody changed the policy: the rollback of an unchanged policy stays byte for byte."""
    checked = policy.load(document, TODAY)
    places = acl.attachments_from([{"interface": "c0", "pools": list(checked.pools)}], checked)
    built = [acl.build(checked, wave, places, ("up0",)) for wave in ("none", *(each.name for each in checked.waves))]
    for at, have in enumerate(built):
        for want in built[:at]:
            if not stricter(have, want):
                assert loosened(have, want) == want
