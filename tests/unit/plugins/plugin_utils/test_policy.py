# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError, PolicyError

TODAY = datetime.date(2019, 3, 20)
DOCUMENT = {
    "version": 1,
    "operator": {"name": "CCSNET", "domains": ["ccsnet.ne.jp", "m2.ccsnet.ne.jp"], "contact": "https://example.net/support"},
    "pools": {
        "east_ftth": {"prefixes": ["198.51.100.0/25", "2001:db8:e000::/36"], "area": "east", "line": "ftth"},
        "west_cable": {"prefixes": ["198.51.100.128/25", "2001:db8:f000::/36"], "area": "west", "line": "cable"},
    },
    "mail_servers": {
        "msa1": {
            "addresses": ["192.0.2.25", "2001:db8:25::25"],
            "role": "submission",
            "port25_from_pools_until": datetime.date(2019, 6, 30),
        },
        "mx1": {"addresses": ["192.0.2.26", "2001:db8:25::26"], "role": "mx"},
    },
    "exemptions": [
        {
            "prefixes": ["198.51.100.17/32"],
            "who": "customer 4711",
            "why": "own mail server",
            "until": "2019-09-30",
            "ticket": "OP-17",
        }
    ],
    "destinations": {"mobile": {"prefixes": ["203.0.113.0/26"]}},
    "waves": [
        {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
        {"name": "pilot", "date": "2019-03-04", "pools": ["east_ftth"], "destinations": ["mobile"], "action": "block"},
        {"name": "west", "date": "2019-03-25", "areas": ["west"], "action": "block"},
    ],
}


def changed(path, value):
    document = copy.deepcopy(DOCUMENT)
    at = document
    for part in path[:-1]:
        at = at[part]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


def mistakes(document):
    with pytest.raises(PolicyError) as err:
        policy.load(document, TODAY)
    return err.value.mistakes


def test_the_document_is_read():
    read = policy.load(DOCUMENT, TODAY)
    assert read.pools["east_ftth"].prefixes.texts() == ["198.51.100.0/25", "2001:db8:e000::/36"]
    assert read.permitted().texts() == ["192.0.2.25", "192.0.2.26", "2001:db8:25::25", "2001:db8:25::26"]
    assert read.exempted().texts() == ["198.51.100.17"]
    assert [w.pools for w in read.waves] == [("east_ftth", "west_cable"), ("east_ftth",), ("west_cable",)]
    assert read.warnings == ()


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        # bad prefix, host bits, v4-mapped, the whole Internet, twice
        (
            ("pools", "east_ftth", "prefixes"),
            ["198.51.100.0/25", "nonsense"],
            "op25b_policy.pools.east_ftth.prefixes[1]: 'nonsense' is not a prefix; "
            "write one as 198.51.100.0/25 or 2001:db8:e000::/36.",
        ),
        (
            ("pools", "east_ftth", "prefixes"),
            ["198.51.100.17/25", "2001:db8:e000::/36"],
            "op25b_policy.pools.east_ftth.prefixes[0]: '198.51.100.17/25' has host bits set; write 198.51.100.0/25.",
        ),
        (
            ("destinations", "mobile", "prefixes"),
            ["::ffff:203.0.113.0/122"],
            "op25b_policy.destinations.mobile.prefixes[0]: '::ffff:203.0.113.0' is an IPv4-mapped IPv6 address, "
            "which no router sees on the wire; write 203.0.113.0.",
        ),
        (
            ("destinations", "mobile", "prefixes"),
            ["0.0.0.0/0"],
            "op25b_policy.destinations.mobile.prefixes[0]: '0.0.0.0/0' is the whole Internet; write the prefixes that are meant.",
        ),
        (
            ("destinations", "mobile", "prefixes"),
            ["203.0.113.0/26", "203.0.113.0/26"],
            "op25b_policy.destinations.mobile.prefixes: '203.0.113.0/26' stands here twice; take one out.",
        ),
        # unknown key, missing key, empty pool, bad name, wrong type
        (
            ("pools", "east_ftth", "aera"),
            "east",
            "op25b_policy.pools.east_ftth.aera: this key is unknown. Did you mean area? Known here: prefixes, area, line.",
        ),
        (
            ("waves", 0, "action"),
            None,
            "op25b_policy.waves[0].action: this key is missing; write a wave: "
            "{name: ..., date: ..., pools: all or [...], action: ...}.",
        ),
        (
            ("pools", "east_ftth", "prefixes"),
            [],
            "op25b_policy.pools.east_ftth.prefixes: this is empty; write a list of at least one prefix, "
            'as [198.51.100.0/25, "2001:db8:e000::/36"].',
        ),
        (
            ("pools", "East FTTH"),
            {"prefixes": ["198.51.100.64/26"]},
            "op25b_policy.pools.East FTTH: 'East FTTH' cannot be a name; write a name of lower-case letters, digits, _ and -, "
            "beginning with a letter, at most 24 long.",
        ),
        (
            ("waves",),
            "later",
            "op25b_policy.waves: 'later' is not right here; write at least one wave: "
            "[{name: ..., date: ..., pools: all, action: block}].",
        ),
        (("version",), 2, "op25b_policy.version: 2 is not right here; write 1, the version of this document's form."),
        # waves: unknown pool, area, class; order, names, dates, actions
        (
            ("waves", 1, "pools"),
            ["east_fth"],
            "op25b_policy.waves[1].pools[0]: no pool is named 'east_fth'. "
            "Did you mean east_ftth? Known here: east_ftth, west_cable.",
        ),
        (
            ("waves", 2, "areas"),
            ["north"],
            "op25b_policy.waves[2].areas[0]: no pool has the area 'north'. Known here: east, west.",
        ),
        (
            ("waves", 1, "destinations"),
            ["mobil"],
            "op25b_policy.waves[1].destinations[0]: no destination class is named 'mobil'. "
            "Did you mean mobile? Known here: mobile, any.",
        ),
        (
            ("waves", 1, "date"),
            "2019-02-01",
            "op25b_policy.waves[1].date: 2019-02-01 is before 2019-03-01, the date of the wave 'observe' that comes first; "
            "put the waves in the order of their dates.",
        ),
        (
            ("waves", 1, "name"),
            "observe",
            "op25b_policy.waves[1].name: a wave before this one is already named 'observe'; rename one of them.",
        ),
        (
            ("waves", 1, "name"),
            "none",
            "op25b_policy.waves[1].name: 'none' means the state before the first wave; rename this wave.",
        ),
        (
            ("waves", 1, "date"),
            "2019-02-30",
            "op25b_policy.waves[1].date: '2019-02-30' is no day of the calendar; write a date as 2019-03-01.",
        ),
        (
            ("waves", 1, "action"),
            "blok",
            "op25b_policy.waves[1].action: 'blok' is not right here; write pass, observe, limit or block.",
        ),
        (
            ("waves", 1, "areas"),
            ["east"],
            "op25b_policy.waves[1]: a wave names either its pools or its areas; write pools: all, pools: [...] or areas: [...].",
        ),
        (
            ("waves", 1, "pools"),
            "east_ftth",
            "op25b_policy.waves[1].pools: 'east_ftth' is not right here; write all, or a list of pool names.",
        ),
        # who overlaps whom
        (
            ("exemptions", 0, "prefixes"),
            ["192.0.2.99"],
            "op25b_policy.exemptions[0].prefixes: '192.0.2.99' is outside of every pool, where nothing is blocked; "
            "write a prefix inside one pool, or take the exemption out.",
        ),
        (
            ("pools", "west_cable", "prefixes"),
            ["192.0.2.24/31"],
            "op25b_policy.mail_servers.msa1.addresses: '192.0.2.25' lies in pool west_cable, whose customers are blocked; "
            "take it out of the pool, or exempt it if the server really stands there.",
        ),
        (
            ("pools", "west_cable", "prefixes"),
            ["198.51.100.0/25"],
            "op25b_policy.pools.west_cable.prefixes: '198.51.100.0/25' is also in pool east_ftth; leave it in one of them.",
        ),
        (
            ("mail_servers", "msa1", "port25_from_pools"),
            False,
            "op25b_policy.mail_servers.msa1.port25_from_pools_until: 2019-06-30 says until when port 25 is open, "
            "but port25_from_pools is false; take one of them out.",
        ),
        # ports and numbers out of range
        (
            ("probe_targets",),
            {"other": {"addresses": ["203.0.113.100"], "ports": [25, 70000]}},
            "op25b_policy.probe_targets.other.ports[1]: 70000 is out of range; write a TCP port, 1 to 65535.",
        ),
        (
            ("probe_targets",),
            {"other": {"addresses": ["203.0.113.0/24"], "ports": [25]}},
            "op25b_policy.probe_targets.other.addresses[0]: '203.0.113.0/24' is not an IP address; "
            "write one as 192.0.2.25 or 2001:db8::25.",
        ),
        (
            ("limit",),
            {"per_minute": 0},
            "op25b_policy.limit.per_minute: 0 is out of range; write 1 to 100000 new connections a minute.",
        ),
    ],
)
def test_each_mistake_is_one_sentence(path, value, sentence):
    assert mistakes(changed(path, value)) == (sentence,)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_document():
    document = changed(("pools", "east_ftth", "prefixes"), ["198.51.100.1/25", "x"])
    document["waves"][0]["pools"] = ["north"]
    document["waves"][1]["action"] = "stop"
    document["exemptions"][0]["until"] = "soon"
    assert [m.split(":")[0] for m in mistakes(document)] == [
        "op25b_policy.pools.east_ftth.prefixes[0]",
        "op25b_policy.pools.east_ftth.prefixes[1]",
        "op25b_policy.exemptions[0].until",
        "op25b_policy.waves[0].pools[0]",
        "op25b_policy.waves[1].action",
    ]


@pytest.mark.parametrize("document", [None, [], "policy", 7, {}])
def test_no_document_at_all_is_a_sentence_too(document):
    assert all(m.startswith("op25b_policy") for m in mistakes(document))


def test_an_expired_exemption_blocks_again_and_is_told():
    read = policy.load(changed(("exemptions", 0, "until"), "2019-03-19"), TODAY)
    assert not read.exempted()
    assert read.warnings == (
        "op25b_policy.exemptions[0].until: the exemption of customer 4711 (198.51.100.17) ended on 2019-03-19 and is blocked "
        "again; extend its date or take it out.",
    )


def test_the_last_day_of_an_exemption_counts():
    assert policy.load(changed(("exemptions", 0, "until"), "2019-03-20"), TODAY).exempted()


def test_the_submission_server_closes_port_25_after_its_date():
    read = policy.load(DOCUMENT, datetime.date(2019, 7, 1))
    assert read.permitted().texts() == ["192.0.2.26", "2001:db8:25::26"]
    assert "mail_servers.msa1.port25_from_pools_until: since 2019-06-30 has passed" in read.warnings[0]


def test_sources_are_no_longer_kept_after_their_end():
    document = changed(("observe_sources",), {"purpose": "notice", "until": "2019-03-19"})
    read = policy.load(document, TODAY)
    assert read.observe_sources is None
    assert "sources are no longer kept" in read.warnings[0]


def test_a_longer_prefix_of_another_pool_takes_its_part():
    read = policy.load(changed(("pools", "west_cable", "prefixes"), ["198.51.100.64/26"]), TODAY)
    assert read.pools["east_ftth"].prefixes.texts() == ["198.51.100.0/26", "2001:db8:e000::/36"]


def test_a_server_in_a_pool_may_be_exempted():
    document = changed(("pools", "west_cable", "prefixes"), ["192.0.2.0/24"])
    document["exemptions"].append(
        {"prefixes": ["192.0.2.25", "192.0.2.26"], "who": "msa1, mx1", "why": "they stand in the pool's range"}
    )
    assert policy.load(document, TODAY).exempted().texts() == ["192.0.2.25", "192.0.2.26", "198.51.100.17"]


def test_an_unknown_wave_is_a_sentence():
    with pytest.raises(Op25bError, match=r"no wave of the policy is named 'pilott'. Did you mean pilot\?"):
        policy.wave_index(policy.load(DOCUMENT, TODAY), "pilott")


def test_a_hold_names_a_pool_and_a_wave_of_the_policy():
    document = changed(("holds",), {"est_ftth": {"wave": "pilt", "why": "complaints"}, "west_cable": {"wave": "none"}})
    assert [sentence.removeprefix("op25b_policy.holds.") for sentence in mistakes(document)] == [
        "est_ftth: no pool is named 'est_ftth'. Did you mean east_ftth? Known here: east_ftth, west_cable.",
        "est_ftth.wave: no wave is named 'pilt'. Did you mean pilot? Known here: none, observe, pilot, west.",
        "west_cable.why: this key is missing; write a hold: {wave: ..., why: ...}.",
    ]
