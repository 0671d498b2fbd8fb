# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.acl import Acl
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import junos
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

BOUND = """\
set interfaces xe-0/0/0 unit 0 family inet address 192.0.2.206/30
set interfaces xe-0/0/0 unit 0 family inet filter input edge-in
set interfaces xe-0/0/0 unit 0 family inet6 filter input-list [ edge-in-v6 edge-more-v6 ]
"""
UPLINK = "interfaces xe-0/0/0 unit 0 family"


@pytest.fixture
def wanted(build):
    def make(wave="all", **keys):
        return junos.build(build(wave, uplinks=("xe-0/0/0.0",), **keys))

    return make


@pytest.mark.parametrize("wave", ["observe", "pilot", "mobile", "all"])
def test_what_is_rendered_is_read_back_from_text_and_from_xml(wave, wanted, build):
    text = junos.render(build(wave, uplinks=("xe-0/0/0.0",)))
    assert junos.parse(text) == (wanted(wave).acl, [])
    (config,) = junos.edits(text.splitlines())
    assert junos.parse(config) == (wanted(wave).acl, [])


def test_a_ticket_for_which_a_filter_has_no_room_is_not_part_of_what_it_holds(build, document):
    with_ticket = [{**each, "ticket": "OP-17"} for each in document["exemptions"]]
    given = build("all", uplinks=("xe-0/0/0.0",), exemptions=with_ticket)
    assert given.tickets == ("OP-17",)
    assert junos.parse(junos.render(given)) == (junos.build(given).acl, [])


def test_no_term_ends_a_filter_by_going_on_and_none_accepts_but_what_matches_nothing(build):
    text = junos.render(build("observe", uplinks=("xe-0/0/0.0",)))
    accepting = [line for line in text.splitlines() if line.endswith("then accept") and "ACCEPT" not in line]
    assert accepting
    for line in accepting:
        head = line.removesuffix(" then accept")
        assert head.endswith(" term end")
        assert f"{head} from source-address {'::/0' if 'inet6' in head else '0.0.0.0/0'} except" in text
    filters = {line.partition(" term ")[0] for line in text.splitlines() if " term " in line}
    for head in filters:
        last = [line for line in text.splitlines() if line.startswith(head)][-1]
        assert not last.endswith("next term")


def test_ours_stand_in_front_and_a_single_filter_comes_back_as_it_was(wanted):
    have = junos.from_text(BOUND)
    plan = junos.diff(have, wanted())
    assert plan.wanted.bound["xe-0/0/0.0", "in", 4] == junos.Binding(("OP25B-IN", "edge-in"))
    assert plan.wanted.bound["xe-0/0/0.0", "in", 6] == junos.Binding(("OP25B-IN-V6", "edge-in-v6", "edge-more-v6"))
    assert plan.wanted.bound["xe-0/0/0.0", "out", 4] == junos.Binding(("OP25B-OUT", "OP25B-ACCEPT"))
    assert f"delete {UPLINK} inet filter input" in plan.commands
    back = junos.diff(plan.wanted, junos.build(Acl()))
    assert f"set {UPLINK} inet filter input edge-in" in back.commands
    assert back.wanted == have


def test_one_more_exemption_is_one_element_of_a_list(wanted, document):
    more = [*document["exemptions"], {"prefixes": ["198.51.100.77"], "who": "customer 7", "why": "own mail server"}]
    plan = junos.diff(junos.diff(junos.from_text(BOUND), wanted()).wanted, wanted(exemptions=more))
    assert plan.commands == ("set policy-options prefix-list OP25B-EXEMPTED 198.51.100.77/32",)
    assert plan.rollback == ("delete policy-options prefix-list OP25B-EXEMPTED 198.51.100.77/32",)
    (config,) = junos.edits(plan.commands)
    assert config.count("<prefix-list-item>") == 1
    (config,) = junos.edits(plan.rollback)
    assert '<prefix-list-item nc:operation="delete"><name>198.51.100.77/32</name></prefix-list-item>' in config


def test_a_prefix_that_is_exempted_as_a_whole_is_not_in_the_pool_and_not_in_the_exceptions(wanted):
    found = wanted(exemptions=[{"prefixes": ["198.51.100.0/25"], "who": "all", "why": "example"}]).acl
    assert [pool.prefixes.texts() for pool in found.pools] == [
        ["2001:db8:e000::/36"],
        ["198.51.100.128/25", "2001:db8:f000::/36"],
    ]
    assert not found.exempted


def test_limit_is_a_policer_for_each_customer_in_ipv4_and_says_what_it_cannot(wanted):
    limited = wanted(waves=[{"name": "all", "date": "2019-03-25", "pools": "all", "action": "limit"}])
    assert limited.acl.limit.per_minute == 120
    assert len([text for text in limited.warnings if text.startswith("limit: ")]) == 2
    commands = junos.diff(junos.EMPTY, limited).commands
    assert "set firewall policer OP25B-LIMIT if-exceeding-pps pps-limit 2" in commands
    assert "set firewall family inet prefix-action OP25B-LIMIT-east_ftth subnet-prefix-length 25" in commands
    assert not any("inet6" in line and "prefix-action" in line for line in commands)


def test_what_cannot_be_read_from_the_configuration_is_refused(wanted):
    off = BOUND + f"deactivate {UPLINK} inet filter\n"
    with pytest.raises(Op25bError, match=r"xe-0/0/0\.0: .* is deactivated"):
        junos.diff(junos.from_text(off), wanted())
    group = "set groups EDGE interfaces <*> unit <*> family inet filter input theirs\nset apply-groups EDGE\n"
    with pytest.raises(Op25bError, match="the group EDGE may give"):
        junos.diff(junos.from_text(BOUND + group), wanted())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set policy-options prefix-list OP25B-EXEMPTED 198.51.100.0/99", "has no valid prefix length"),
        ("set policy-options prefix-list OP25B-EXEMPTED 198.51.100.1/24", "has host bits set"),
        ("set firewall family inet filter OP25B-OUT term t from destination-port 70000", "a port is 0 to 65535"),
        ("set firewall family inet filter OP25B-OUT term t from source-port 26-25", "a port is 0 to 65535"),
        (f"set policy-options prefix-list OP25B-{'x' * 59} 198.51.100.0/24", "at most 64 characters"),
        (f"set firewall family inet filter OP25B-OUT term t then count {'x' * 65}", "at most 64 characters"),
        (f"set firewall family inet filter OP25B-OUT term {'x' * 65} then accept", "at most 64 characters"),
        ("set firewall policer OP25B-LIMIT if-exceeding-pps pps-limit 0", "a pps-limit is 1 to 24414062"),
        ("set firewall policer OP25B-LIMIT if-exceeding-pps packet-burst 24414063", "a packet-burst is 1 to 24414062"),
        ("show interfaces", "begins with no word of a configuration"),
    ],
)
def test_values_that_the_models_let_through_are_refused(line, said):
    with pytest.raises(Op25bError, match=said) as raised:
        junos.parse(line)
    assert str(raised.value).count(". ") == 0


def test_no_name_of_ours_is_too_long_for_a_router(build, document):
    pool, kind = "p" * 24, "c" * 24
    text = junos.render(
        build(
            "all",
            uplinks=("xe-0/0/0.0",),
            attachments=[{"interface": "east0", "pools": [pool]}],
            pools={pool: document["pools"]["east_ftth"]},
            destinations={kind: {"prefixes": ["203.0.113.0/26"]}},
            waves=[{"name": "all", "date": "2019-03-25", "pools": "all", "action": "observe"}],
            exemptions=[],
        )
    )
    assert f"count OP25B.{pool}.{kind}" in text
    assert max(len(word) for word in text.split()) <= 64


def test_a_policer_is_there_only_where_a_term_uses_it(wanted):
    limit = [{"name": "all", "date": "2019-03-25", "pools": "all", "destinations": ["mobile"], "action": "limit"}]
    found = wanted(waves=limit, destinations={"mobile": {"prefixes": ["2001:db8:b000::/36"]}})
    assert found.acl.limit is None
    assert junos.read(junos.diff(junos.EMPTY, found).wanted) == (found.acl, [])


@pytest.mark.parametrize(("uplink", "said"), [("xe-0/0/0", "names no unit"), ("xe-*", "stands for many names")])
def test_an_uplink_is_one_logical_interface(build, uplink, said):
    with pytest.raises(Op25bError, match=said):
        junos.build(build("all", uplinks=(uplink,)))


def test_what_a_router_has_no_room_for_is_refused(wanted):
    most = 85_325
    every_other = [f"2001:db8:e000::{number >> 16:x}:{number & 0xFFFF:x}" for number in range(0, 2 * most, 2)]
    exemption = {"who": "customer 7", "why": "own mail server"}
    assert wanted(exemptions=[{**exemption, "prefixes": every_other}]).acl.exempted.v6
    with pytest.raises(Op25bError, match="OP25B-EXEMPTED-V6 would have 85326 prefixes, and a prefix list of Junos takes 85325;"):
        wanted(exemptions=[{**exemption, "prefixes": [*every_other, "2001:db8:e000::ffff:0"]}])
    only = [{"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"}]
    pools = {f"p{number}": {"prefixes": [f"2001:db8:{number:x}::/48"]} for number in range(0, 1026, 2)}
    with pytest.raises(Op25bError, match="waves: 1026 terms of OP25B-OUT-V6 would count and go on, and a filter of"):
        wanted("observe", pools=pools, waves=only, exemptions=[], attachments=[{"interface": "east0", "pools": list(pools)}])


INHERITED = """\
set groups RE interfaces fxp0 unit 0 family inet address 192.0.2.1/24
set groups UNITS interfaces <ge-*> unit 0 family inet
set groups UNITS interfaces <*> unit <*> family inet mtu 1500
set groups UNUSED interfaces ge-9/9/9 unit 0 family inet
set groups ONE interfaces <*> unit 7 family inet
set apply-groups [ RE UNITS ]
set interfaces interface-range HOMES member ge-0/0/2
set interfaces interface-range HOMES member "ge-0/1/[1-2,5]"
set interfaces interface-range HOMES member-range xe-1/0/46 to xe-1/1/1
set interfaces interface-range HOMES unit 100 vlan-id 100
set interfaces interface-range STARS member et-0/0/*
set interfaces interface-range STARS unit 0 family inet
set interfaces ge-0/0/1 description "no unit of its own"
set interfaces xe-0/0/0 unit 0 family inet address 192.0.2.206/30
set interfaces xe-0/0/1 apply-groups ONE
set interfaces ae0 unit 4094 vlan-id 4094
set interfaces lo0 unit 0 family inet address 192.0.2.9/32
"""


def test_the_logical_interfaces_are_what_the_configuration_makes_of_ranges_and_groups_too():
    found = junos.interfaces(junos.from_text(INHERITED))
    ge = ["ge-0/0/1.0", "ge-0/0/2.0", "ge-0/0/2.100", *(f"ge-0/1/{n}.{u}" for n in (1, 2, 5) for u in (0, 100))]
    xe = ["xe-0/0/0.0", "xe-0/0/1.7", "xe-1/0/46.100", "xe-1/0/47.100", "xe-1/1/0.100", "xe-1/1/1.100"]
    assert sorted(found) == sorted(["ae0.4094", "fxp0.0", *ge, "lo0.0", *xe, *(f"et-0/0/{n}.0" for n in range(48))])
    assert found["ge-0/0/1.0"] == "ge-0/0/1.0"


def test_the_same_from_xml():
    groups = "".join(f"<interface><name>{n}</name><unit><name>0</name></unit></interface>" for n in ("fxp0", "&lt;ge-*&gt;"))
    text = (
        f"<configuration><groups><name>G</name><interfaces>{groups}</interfaces></groups><apply-groups>G</apply-groups>"
        "<interfaces><interface-range><name>R</name><member><name>xe-0/0/0</name></member><member-range><name>ge-0/0/3</name>"
        "<end-range>ge-0/0/4</end-range></member-range><unit><name>5</name></unit></interface-range>"
        "<interface><name>ae0</name><unit><name>0</name></unit></interface></interfaces></configuration>"
    )
    assert sorted(junos.interfaces(junos.from_text(text))) == [
        "ae0.0", "fxp0.0", "ge-0/0/3.0", "ge-0/0/3.5", "ge-0/0/4.0", "ge-0/0/4.5", "xe-0/0/0.5",
    ]  # fmt: skip
