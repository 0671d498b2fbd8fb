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
EMPTY = object()
"""A key without a value, while None takes the key out."""
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
        at[path[-1]] = None if value is EMPTY else value
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
            "op25b_policy.probe_targets.other.addresses[0]: '203.0.113.0/24' is a prefix, not an address; "
            "write each address by itself, as 192.0.2.25 or 2001:db8::25.",
        ),
        # a prefix where single addresses stand, and addresses that nobody has
        (
            ("mail_servers", "mx1", "addresses"),
            ["192.0.2.26/32", "203.0.113.0/26"],
            "op25b_policy.mail_servers.mx1.addresses[1]: '203.0.113.0/26' is a prefix, not an address; "
            "write each address by itself, as 192.0.2.25 or 2001:db8::25.",
        ),
        (
            ("partners",),
            {"isp": {"addresses": ["2001:db8:99::/64"]}},
            "op25b_policy.partners.isp.addresses[0]: '2001:db8:99::/64' is a prefix, not an address; "
            "write each address by itself, as 192.0.2.25 or 2001:db8::25.",
        ),
        (
            ("mail_servers", "mx1", "addresses"),
            ["127.0.0.1"],
            "op25b_policy.mail_servers.mx1.addresses[0]: '127.0.0.1' lies in 127.0.0.0/8 (loopback), which no server has; "
            "write the server's own address.",
        ),
        (
            ("pools", "west_cable", "prefixes"),
            ["239.1.0.0/16"],
            "op25b_policy.pools.west_cable.prefixes[0]: '239.1.0.0/16' lies in 224.0.0.0/4 (multicast), which no customer has; "
            "write the customers' prefixes alone.",
        ),
        (
            ("pools", "west_cable", "prefixes"),
            ["224.0.0.0/3"],
            "op25b_policy.pools.west_cable.prefixes[0]: '224.0.0.0/3' holds 224.0.0.0/4 (multicast) and 240.0.0.0/4 "
            "(class E and broadcast), which no customer has; write the customers' prefixes alone.",
        ),
        (
            ("pools", "west_cable", "prefixes"),
            ["fe00::/7"],
            "op25b_policy.pools.west_cable.prefixes[0]: 'fe00::/7' holds fe80::/10 (link-local) and ff00::/8 (multicast), "
            "which no customer has; write the customers' prefixes alone.",
        ),
        (
            ("exemptions", 0, "prefixes"),
            ["169.254.0.1"],
            "op25b_policy.exemptions[0].prefixes[0]: '169.254.0.1' lies in 169.254.0.0/16 (link-local), which no customer has; "
            "write the customers' prefixes alone.",
        ),
        (
            ("destinations", "mobile", "prefixes"),
            ["ff0e::/16"],
            "op25b_policy.destinations.mobile.prefixes[0]: 'ff0e::/16' lies in ff00::/8 (multicast), where no mail server is; "
            "write the prefixes that are meant.",
        ),
        (
            ("destinations", "mobile", "prefixes"),
            ["0.0.0.0/00"],
            "op25b_policy.destinations.mobile.prefixes[0]: '0.0.0.0/00' is the whole Internet; "
            "write the prefixes that are meant.",
        ),
        # values that YAML or Jinja made of something else
        (("version",), True, "op25b_policy.version: true is not right here; write 1, the version of this document's form."),
        (("version",), "1.1", "op25b_policy.version: '1.1' is not right here; write 1, the version of this document's form."),
        (
            ("limit",),
            {"per_minute": 10.5},
            "op25b_policy.limit.per_minute: 10.5 is not right here; write 1 to 100000 new connections a minute.",
        ),
        (
            ("limit",),
            {"per_minute": 10, "burst": "ten"},
            "op25b_policy.limit.burst: 'ten' is not right here; write 1 to 100000 new connections at once.",
        ),
        (
            ("limit",),
            {"per_minute": True},
            "op25b_policy.limit.per_minute: true is not right here; write 1 to 100000 new connections a minute.",
        ),
        (
            ("limit",),
            {"per_minute": "010"},
            "op25b_policy.limit.per_minute: '010' is not right here; write 1 to 100000 new connections a minute.",
        ),
        (
            ("observe_sources",),
            {"purpose": "notice", "until": "2019-04-01", "hours": "0.5", "max_entries": 2.0},
            "op25b_policy.observe_sources.hours: '0.5' is not right here; "
            "write 1 to 720 hours after which an address is forgotten.",
        ),
        (
            ("observe_sources",),
            {"purpose": "notice", "until": "2019-04-01", "max_entries": 16**5000},
            "op25b_policy.observe_sources.max_entries: so large a number is not right here; "
            "write 1 to 1000000 addresses for each destination class and family.",
        ),
        (
            ("probe_targets",),
            {"other": {"addresses": ["203.0.113.100"], "ports": ["25", 587.0, 465.5, False]}},
            (
                "op25b_policy.probe_targets.other.ports[2]: 465.5 is not right here; write a TCP port, 1 to 65535.",
                "op25b_policy.probe_targets.other.ports[3]: false is not right here; write a TCP port, 1 to 65535.",
            ),
        ),
        (("return_rule",), "sometimes", "op25b_policy.return_rule: 'sometimes' is not right here; write true or false."),
        (("return_rule",), 1, "op25b_policy.return_rule: 1 is not right here; write true or false."),
        (
            ("exemptions", 0, "ticket"),
            1.1,
            "op25b_policy.exemptions[0].ticket: 1.1 is a number, of which YAML and Jinja drop zeros; "
            "write a ticket's name as OP-17 (printable ASCII without ?, at most 60 long, "
            "since routers get it as a remark), in quotes.",
        ),
        (
            ("pools", "east_ftth", "line"),
            False,
            "op25b_policy.pools.east_ftth.line: YAML reads this as false, like no and off; write a name of lower-case letters, "
            "digits, _ and -, beginning with a letter, at most 24 long, in quotes.",
        ),
        (
            ("pools", True),
            {"prefixes": ["198.51.100.64/26"]},
            "op25b_policy.pools.True: 'True' cannot be a name; write a name of lower-case letters, digits, _ and -, "
            "beginning with a letter, at most 24 long, in quotes.",
        ),
        (
            ("pools", float("nan")),
            {"prefixes": ["198.51.100.64/26"]},
            "op25b_policy.pools.<float>: '<float>' cannot be a name; write a name of lower-case letters, digits, _ and -, "
            "beginning with a letter, at most 24 long.",
        ),
        (
            ("pools", "north\n"),
            {"prefixes": ["198.51.100.64/26"]},
            "op25b_policy.pools.north\\n: 'north\\n' cannot be a name; write a name of lower-case letters, digits, _ and -, "
            "beginning with a letter, at most 24 long.",
        ),
        (
            ("pools", "east_ftth", "prefixes", 0),
            198.51,
            "op25b_policy.pools.east_ftth.prefixes[0]: 198.51 is not right here; "
            'write a prefix as 198.51.100.0/25 or "2001:db8:e000::/36".',
        ),
        (
            ("waves", 1, "date"),
            20190304,
            "op25b_policy.waves[1].date: 20190304 is not right here; write a date as 2019-03-01.",
        ),
        # nothing, where something is needed; what is neither text nor number
        (("waves", 0, "action"), EMPTY, "op25b_policy.waves[0].action: this is empty; write pass, observe, limit or block."),
        (
            ("pools", "east_ftth"),
            EMPTY,
            "op25b_policy.pools.east_ftth: this is empty; write a pool: {prefixes: [...], area: ..., line: ...}.",
        ),
        (
            ("mail_servers", "mx1", "addresses", 1),
            EMPTY,
            "op25b_policy.mail_servers.mx1.addresses[1]: this is empty; "
            'write one address, no wider prefix, as 192.0.2.25 or "2001:db8:25::25".',
        ),
        (
            ("exemptions", 0, "who"),
            b"customer",
            "op25b_policy.exemptions[0].who: a value of the type bytes is not right here; write a text that is not empty.",
        ),
        (
            ("exemptions", 0, "until"),
            ["2019-09-30"],
            "op25b_policy.exemptions[0].until: a list is not right here; write a date as 2019-03-01.",
        ),
        (
            ("exemptions", 0, "who"),
            "a\ud800b",
            "op25b_policy.exemptions[0].who: 'a\\ud800b' holds a character that cannot be printed; "
            "write a text that is not empty.",
        ),
        # A ticket becomes a line of a router's configuration.
        (
            ("exemptions", 0, "ticket"),
            "OP-17\u001b",
            "op25b_policy.exemptions[0].ticket: 'OP-17\\x1b' holds a character that cannot be printed; "
            "write a ticket's name as OP-17 (printable ASCII without ?, at most 60 long, since routers get it as a remark).",
        ),
        (
            ("exemptions", 0, "ticket"),
            "OP-17?",
            "op25b_policy.exemptions[0].ticket: 'OP-17?' is not right here; "
            "write a ticket's name as OP-17 (printable ASCII without ?, at most 60 long, since routers get it as a remark).",
        ),
        (
            ("limit",),
            {"per_minute": 0},
            "op25b_policy.limit.per_minute: 0 is out of range; write 1 to 100000 new connections a minute.",
        ),
    ],
)
def test_each_mistake_is_one_sentence(path, value, sentence):
    assert mistakes(changed(path, value)) == ((sentence,) if isinstance(sentence, str) else sentence)


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


def read_as(path, value):
    return policy.load(changed(path, value), TODAY)


def test_numbers_that_yaml_or_jinja_made_of_something_else_are_read_as_what_they_are():
    document = changed(("version",), "1")
    document["limit"] = {"per_minute": "10", "burst": 7.0}
    document["observe_sources"] = {"purpose": "notice", "until": TODAY, "hours": " 48\n", "max_entries": "1000.0"}
    document["probe_targets"] = {"other": {"addresses": ["203.0.113.100"], "ports": ["25", 587.0, 465]}}
    read = policy.load(document, TODAY)
    assert read.limit == policy.Limit(10, 7)
    assert (read.observe_sources.hours, read.observe_sources.max_entries) == (48, 1000)
    assert read.probe_targets[0].ports == (25, 587, 465)
    numbers = [*vars(read.limit).values(), read.observe_sources.hours, *read.probe_targets[0].ports]
    assert {type(number) for number in numbers} == {int}


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("Yes", True), ("ON", True), ("False", False), ("no", False)])
def test_words_for_true_and_false_are_read_as_such(word, meant):
    document = changed(("return_rule",), word)
    document["mail_servers"]["mx1"]["port25_from_pools"] = f"{word}\n"
    read = policy.load(document, TODAY)
    assert (read.return_rule, read.mail_servers["mx1"].port25_from_pools) == (meant, meant)


@pytest.mark.parametrize(
    "day",
    [
        datetime.date(2019, 9, 30),
        datetime.datetime(2019, 9, 30),
        datetime.datetime(2019, 9, 30, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=9))),
        "2019-09-30 ",
        "2019-09-30 00:00:00",
        "2019-09-30T00:00:00Z",
    ],
)
def test_a_day_is_read_from_whatever_names_it(day):
    assert read_as(("exemptions", 0, "until"), day).exemptions[0].until == datetime.date(2019, 9, 30)


def test_numbers_and_dates_become_the_text_that_was_meant():
    document = changed(("exemptions", 0, "ticket"), 4711)
    document["exemptions"][0] |= {"who": 4712, "why": datetime.date(2019, 3, 1)}
    document["operator"]["name"] = 2019
    read = policy.load(document, TODAY)
    exemption = read.exemptions[0]
    assert (exemption.ticket, exemption.who, exemption.why, read.operator["name"]) == ("4711", "4712", "2019-03-01", "2019")


def test_a_text_is_one_line_and_has_no_space_around_it():
    document = changed(("exemptions", 0, "why"), " own mail server\n  by contract\n")
    document["pools"]["east_ftth"] = {"prefixes": ["198.51.100.0/25\n"], "area": "east\n"}
    document["exemptions"][0]["ticket"] = "OP-17\nno access-list 101"
    read = policy.load(document, TODAY)
    assert read.exemptions[0].why == "own mail server by contract"
    assert read.exemptions[0].ticket == "OP-17 no access-list 101"
    assert read.pools["east_ftth"].area == "east"
    assert read.pools["east_ftth"].prefixes.texts() == ["198.51.100.0/25"]


def test_what_is_optional_and_empty_was_not_given():
    document = changed(("exemptions", 0, "ticket"), EMPTY)
    document["exemptions"][0]["until"] = document["pools"]["east_ftth"]["area"] = None
    document |= dict.fromkeys(("limit", "partners", "holds", "reject", "return_rule", "observe_sources", "probe_targets"))
    read = policy.load(document, TODAY)
    assert (read.exemptions[0].ticket, read.exemptions[0].until, read.pools["east_ftth"].area) == (None, None, None)
    assert (read.limit, read.reject, read.return_rule) == (policy.Limit(10, 5), "tcp-reset", True)
    assert (read.partners, read.holds, read.observe_sources, read.probe_targets) == ({}, {}, None, ())


def test_an_address_with_the_length_of_a_host_is_that_address():
    document = changed(("mail_servers", "mx1", "addresses"), ["192.0.2.26/32", "2001:db8:25::26/128"])
    document["probe_targets"] = {"other": {"addresses": ["203.0.113.100/32"], "ports": [25]}}
    read = policy.load(document, TODAY)
    assert read.mail_servers["mx1"].addresses.texts() == ["192.0.2.26", "2001:db8:25::26"]
    assert str(read.probe_targets[0].addresses[0]) == "203.0.113.100"


@pytest.mark.parametrize("prefix", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00:db8::/32"])
def test_a_pool_may_have_private_addresses(prefix):
    assert read_as(("pools", "west_cable", "prefixes"), [prefix]).warnings == ()


def test_a_destination_class_may_be_wide():
    assert read_as(("destinations", "mobile", "prefixes"), ["128.0.0.0/1"]).warnings == ()


@pytest.mark.parametrize(
    ("prefixes", "start"),
    [
        (["198.51.100.200"], "'198.51.100.200' has"),
        (["198.51.100.200", "2001:db8:f000::/36", "2001:db8:7::1"], "'198.51.100.200' and 1 more have"),
    ],
)
def test_a_bare_address_in_a_pool_is_told(prefixes, start):
    read = read_as(("pools", "west_cable", "prefixes"), prefixes)
    assert read.warnings == (
        f"op25b_policy.pools.west_cable.prefixes: {start} no prefix length, and is read as one address; "
        "write 198.51.100.200/32 if that is meant.",
    )


def test_a_pool_within_another_one_is_told():
    assert read_as(("pools", "west_cable", "prefixes"), ["198.51.100.64/26"]).warnings == (
        "op25b_policy.pools.east_ftth: 198.51.100.64/26 of pool west_cable lies inside it, and the longest match counts: "
        "these addresses belong to west_cable, and no longer to east_ftth.",
    )


def test_pools_that_leave_nothing_to_the_one_around_them_are_told():
    document = changed(("pools", "around"), {"prefixes": ["198.51.100.0/24"]})
    assert policy.load(document, TODAY).warnings == (
        "op25b_policy.pools.around: 198.51.100.0/25 and 1 more of the pools east_ftth, west_cable lie inside it, and the longest "
        "match counts: these addresses belong to east_ftth, west_cable, and none is left to around.",
    )


def test_a_server_that_is_closed_and_open_at_once_is_told():
    document = changed(("mail_servers", "msa1"), {"addresses": ["192.0.2.26"], "role": "submission", "port25_from_pools": False})
    assert policy.load(document, TODAY).warnings == (
        "op25b_policy.mail_servers.msa1.addresses: pools still reach port 25 of 192.0.2.26, which stands in "
        "op25b_policy.mail_servers.mx1, too; take it out there if port 25 is to be closed.",
    )


def test_a_partner_closes_port_25_after_its_date():
    read = read_as(("partners",), {"isp": {"addresses": ["203.0.113.99"], "until": "2019-03-19"}})
    assert read.warnings == (
        "op25b_policy.partners.isp.until: since 2019-03-19 has passed, pools no longer reach port 25 of isp.",
    )


def test_a_class_that_the_ones_before_it_hold_is_told():
    document = changed(("destinations", "shop"), {"prefixes": ["203.0.113.0/28"]})
    assert policy.load(document, TODAY).warnings == (
        "op25b_policy.destinations.shop: the classes before this one hold all of its addresses, and the first that holds an "
        "address counts, so that nothing is left to it; put it before them, or take it out.",
    )


def test_a_target_of_which_no_pool_has_the_family_is_told():
    document = changed(("pools",), {"east_ftth": {"prefixes": ["198.51.100.0/25"]}})
    document["waves"] = document["waves"][:2]
    document["probe_targets"] = {
        "six": {"addresses": ["2001:db8:c000::100"], "ports": [25]},
        "both": {"addresses": ["203.0.113.100", "2001:db8:c000::101"], "ports": [25]},
    }
    assert policy.load(document, TODAY).warnings == (
        "op25b_policy.probe_targets.six.addresses: no pool has IPv6 addresses, so no probe host in a pool tries this target; "
        "write an IPv4 address of it, too.",
    )


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
