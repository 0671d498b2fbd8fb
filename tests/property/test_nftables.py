# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of the nftables dialect, held against the kernel that runs the tests."""

from __future__ import annotations

import shutil
import struct
from collections import Counter
from itertools import count

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import nftables
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import verdict
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lab import wire

from .router import Router
from .strategies import edges, model, packets, route

needs_kernel = pytest.mark.skipif(not shutil.which("nft", path="/usr/sbin:/usr/bin"), reason="nft is not installed")
ROOMY = st.integers(1000, 2000)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
# A packet is sent many times while hypothesis looks for a shorter example; the first one is told as it is.
QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
ICMP = {4: 1, 6: 58}
nonces = count(0x0B250000, 2)
"""Never the same twice, so that a packet which comes late is not taken for another."""


@pytest.fixture(scope="module")
def router():
    started = Router()
    yield started
    started.close()


@given(edges())
@settings(max_examples=200)
def test_parse_of_render_is_identity(acl):
    assert nftables.parse(nftables.render(acl)) == (acl, [])


@given(edges())
@settings(max_examples=100)
def test_second_apply_is_empty(acl):
    ruleset = nftables.build(acl)
    assert not nftables.diff(ruleset, nftables.from_text(nftables.text(ruleset))).changed


@needs_kernel
@given(edges(), edges())
@settings(max_examples=60, phases=QUICK, suppress_health_check=SLOW)
def test_kernel_holds_what_was_planned_and_goes_back(router, first, second):
    router.restore("")
    old, new = nftables.build(first), nftables.build(second)
    apply(router, nftables.diff(nftables.EMPTY, old))
    assert read(router) == old
    before = router.text()
    snapshot = router.snapshot()
    assert nftables.from_text(snapshot) == old

    plan = nftables.diff(old, new)
    apply(router, plan)
    assert read(router) == new
    assert nftables.read(read(router)) == (second, [])
    router.nft("".join(f"{line}\n" for line in plan.rollback))
    assert read(router) == old

    apply(router, plan)
    router.restore(snapshot)
    assert router.text() == before
    router.restore(snapshot)
    assert router.text() == before


@needs_kernel
@given(edges(ROOMY), st.lists(packets(), min_size=20, max_size=60))
@settings(max_examples=60, phases=QUICK, suppress_health_check=SLOW)
def test_kernel_gives_the_model_s_verdict(router, acl, drawn):
    router.restore("")
    apply(router, nftables.diff(nftables.EMPTY, nftables.build(acl)))
    sent, expected, counted = [], [], Counter()
    back, _drift = nftables.parse(nftables.render(acl))
    for item in drawn:
        judged = verdict(acl, model(item))
        assert verdict(back, model(item)) == judged
        nonce = next(nonces)
        expected.append((item, judged, nonce))
        new = {"out": wire.SYN, "in": wire.SYNACK, None: None}[judged.direction]
        if judged.action != "pass" and judged.pool and item["shape"] != "headless" and item["flags"] == new:
            counted[judged.pool, judged.destination, judged.direction] += 1
        pieces = wire.packet(**{k: v for k, v in item.items() if k != "iif"}, nonce=nonce)
        sent += [(item["iif"], piece) for piece in pieces]
    # An ICMP error quotes the packet that it is about, and is none.
    arrived = [(oif, data) for oif, data in router.send(sent) if data[9 if data[0] >> 4 == 4 else 6] != ICMP[data[0] >> 4]]

    for item, judged, nonce in expected:
        through = [oif for oif, data in arrived if struct.pack("!I", nonce) in data]
        pieces = 2 if item["shape"] == "headless" else 1
        wanted = pieces if judged.passes else pieces - 1
        assert through == [route(item["destination"])] * wanted, (item, judged)
        if judged.reply == "tcp-reset" and item["flags"] == wire.SYN:
            answer = struct.pack("!I", nonce + 1)
            assert any(answer in data and oif == route(item["source"]) for oif, data in arrived), (item, judged)
    numbers = nftables.counts(read(router))["pools"]
    assert {
        (pool, name, direction): number
        for pool, classes in numbers.items()
        for name, directions in classes.items()
        for direction, number in directions.items()
        if number
    } == counted


def apply(router, plan):
    router.nft("".join(f"{line}\n" for line in plan.commands))


def read(router):
    listing = router.listing()
    return nftables.from_json(listing) if listing else nftables.EMPTY
