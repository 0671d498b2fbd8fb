# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import by_name, by_network_os, nftables
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError


def lines(have, want):
    return list(nftables.diff(have, want).commands)


def test_one_new_exemption_in_a_hundred_thousand_is_one_line(build, document):
    many = [f"198.18.{n >> 8 & 255}.{n & 255}" for n in range(0, 65536, 2)]
    pools = {"east_ftth": {"prefixes": ["198.18.0.0/15"]}, "west_cable": {"prefixes": ["198.51.100.128/25"]}}

    def exempt(addresses):
        return nftables.build(
            build("all", pools=pools, exemptions=[{"prefixes": addresses, "who": "all of them", "why": "a test"}])
        )

    assert lines(exempt(many), exempt([*many, "198.19.0.1"])) == ["add element inet op25b exempted.v4 { 198.19.0.1 }"]


def test_a_wave_exchanges_rules_and_leaves_sets_alone(build):
    plan = nftables.diff(nftables.build(build("pilot")), nftables.build(build("mobile")))
    touched = {line.split()[4] for line in plan.commands if "rule" in line or "flush" in line}
    assert touched == {"out.west_cable.mobile", "in.west_cable.mobile"}
    assert not any("element" in line or "delete" in line for line in plan.commands)


def test_the_table_is_never_replaced_as_a_whole(build):
    for before, after in (("observe", "all"), ("all", "observe"), ("pilot", "all")):
        assert not any("table" in line for line in lines(nftables.build(build(before)), nftables.build(build(after))))


def test_wave_none_takes_the_table_out(build):
    assert lines(nftables.build(build("all")), nftables.build(build("none"))) == ["delete table inet op25b"]
    assert lines(nftables.EMPTY, nftables.build(build("none"))) == []


def test_drift_is_told_line_by_line(build):
    want = nftables.build(build("all"))
    drifted = nftables.text(want).replace("tcp dport 25 jump outbound", "tcp dport 26 jump outbound")
    drifted = drifted.replace("203.0.113.0/26", "203.0.113.0/27")
    plan = nftables.diff(nftables.from_text(drifted), want)
    assert plan.diff == (
        "--- inet op25b on the device\n+++ inet op25b by the policy\n"
        "@@ set class.mobile.v4\n- 203.0.113.0/27\n+ 203.0.113.0/26\n"
        "@@ chain forward\n- tcp dport 26 jump outbound\n+ tcp dport 25 jump outbound\n"
    )
    assert (plan.added, plan.removed) == (2, 2)


def test_a_long_difference_is_cut_for_people_and_whole_for_the_device(build):
    pools = {
        "east_ftth": {
            "prefixes": [f"198.51.100.{n}/32" for n in range(0, 128, 2)] + [f"203.0.113.{n}/32" for n in range(0, 256, 2)]
        },
        "west_cable": {"prefixes": ["198.51.100.128/25"]},
    }
    plan = nftables.diff(
        nftables.EMPTY,
        nftables.build(
            build(
                "all",
                pools=pools,
                exemptions=[],
                destinations={},
                waves=[{"name": "all", "date": "2019-03-01", "pools": "all", "action": "block"}],
            )
        ),
    )
    assert "+ … and 92 more" in plan.diff
    assert sum(line.count("203.0.113.") for line in plan.commands) == 128


def json_of(*items):
    return json.dumps({"nftables": [{"metainfo": {}}, {"table": {}}, *items]})


def rule(*expr, **more):
    return {"rule": {"chain": "c", "expr": list(expr), **more}}


CHAIN = {"chain": {"name": "c"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"match": {"op": "==", "left": {"&": [FLAGS, ["syn", "ack"]]}, "right": "syn"}}, "tcp flags syn / syn,ack"),
        (
            {"match": {"op": "==", "left": {"&": [FLAGS, {"|": ["ack", "syn"]}]}, "right": {"|": ["ack", "syn"]}}},
            "tcp flags syn,ack / syn,ack",
        ),
        ({"match": {"op": "!=", "left": {"meta": {"key": "oifname"}}, "right": "@uplinks"}}, "oifname != @uplinks"),
        ({"log": {"prefix": "x"}}, 'unknown [{"log": {"prefix": "x"}}]'),
        ({"vmap": {"key": 1, "data": 2}}, 'unknown [{"vmap": {"data": 2, "key": 1}}]'),
    ],
)
def test_expressions_of_every_release_read_as_the_same_words(expression, words):
    assert nftables.from_json(json_of(CHAIN, rule(expression))).chains["c"].rules == (words,)


def test_what_is_not_ours_in_our_table_is_drift(build):
    want = nftables.build(build("all"))
    listing = json_of(
        {"counter": {"name": "theirs", "packets": 7, "bytes": 1}},
        {
            "set": {
                "name": "m",
                "type": "ipv4_addr",
                "flags": ["interval"],
                "auto-merge": True,
                "elem": [{"range": ["192.0.2.1", "192.0.2.6"]}],
            }
        },
        {"map": {"name": "verdicts", "type": "ipv4_addr", "map": "verdict"}},
        {"chain": {"name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
        CHAIN,
        rule({"drop": None}, comment="by hand"),
    )
    have = nftables.from_json(listing)
    found, drift = nftables.read(have)
    assert not found.pools
    assert 'chain c: - drop comment "by hand"' in drift
    assert "set m: - 192.0.2.1-192.0.2.6" in drift
    assert "counter theirs: - counter" in drift
    commands = lines(have, want)
    for gone in (
        "chain inet op25b c",
        "chain inet op25b forward",
        "set inet op25b m",
        "set inet op25b verdicts",
        "counter inet op25b theirs",
    ):
        assert f"delete {gone}" in commands


def test_running_config_must_be_the_table(build):
    with pytest.raises(
        Op25bError, match=r"running_config: this is not one table inet op25b; give what `nft list table inet op25b`"
    ):
        nftables.parse("table inet filter {\n}\n")
    with pytest.raises(Op25bError, match=r"running_config: 'flowtable f \{' is nothing that this table holds"):
        nftables.parse("table inet op25b {\n\tflowtable f {\n\t}\n}\n")
    assert nftables.parse("") == (type(build("none"))(), [])


def test_sources_seen_are_read_with_their_packets():
    seen = {
        "set": {
            "name": "seen.any.v4",
            "type": "ipv4_addr",
            "flags": ["timeout"],
            "timeout": 3600,
            "size": 10,
            "elem": [{"elem": {"val": "198.51.100.10", "expires": 5, "counter": {"packets": 3, "bytes": 9}}}],
        }
    }
    assert nftables.sources(nftables.from_json(json_of(seen))) == {"any": {"198.51.100.10": 3}}


def test_the_host_picks_the_dialect():
    assert by_network_os(None) is nftables
    assert by_name("nftables") is nftables
    with pytest.raises(Op25bError, match=r"ansible_network_os: no dialect serves 'acme.os'; leave it out for a Linux edge"):
        by_network_os("acme.os")
    with pytest.raises(Op25bError, match=r"dialect: 'nft' is not known; write one of nftables"):
        by_name("nft")


@pytest.mark.parametrize(("wave", "asked"), [("all", True), ("observe", False)])
def test_fragments_are_asked_for_their_ports_where_something_is_blocked(build, wave, asked):
    assert ("exthdr frag exists jump fragments" in nftables.build(build(wave)).chains["forward"].rules) is asked
