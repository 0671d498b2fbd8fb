# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import cisco, ios
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.cisco.ios.plugins.module_utils.network.ios.rm_templates import acl_interfaces, acls
from cisco_acl import Ace, AddressAg
from hypothesis import given, settings

from tests.property.strategies import TODAY, documents

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "ios"
UPLINK = "GigabitEthernet0/0/0"


def wanted(build, wave="all", uplinks=(UPLINK,), **keys):
    return ios.build(build(wave, uplinks=uplinks, **{"reject": "admin-prohibited", **keys}))


def config(*lists, bound="", more=""):
    """A configuration with an uplink, what is bound there, and access lists as (head, lines)."""
    text = f"interface {UPLINK}\n ip address 192.0.2.198 255.255.255.252\n{bound}!\n{more}"
    return ios.from_text(text + "".join(f"{head}\n" + "".join(f" {line}\n" for line in lines) for head, lines in lists))


def refusal(have, want) -> str:
    with pytest.raises(Op25bError) as err:
        ios.diff(have, want)
    return str(err.value)


# -- every line is one that others read, too ---------------------------------------------------------------------------


class OtherParsers:
    """cisco_acl for IPv4, and the expressions of cisco.ios, which must match a line to its end, for both families.

    Neither knows `undetermined-transport` (Cisco IOS IPv6 Command Reference, "deny (IPv6)"), so that it is judged without.
    """

    def __init__(self):
        found = [*acls.AclsTemplate().PARSERS, *acl_interfaces.Acl_interfacesTemplate().PARSERS]
        self._expressions = {parser["name"]: parser["getval"] for parser in found}
        self._head = ""
        self.read = 0

    def _match(self, name, text):
        found = self._expressions[name].fullmatch(text)
        assert found, f"cisco.ios has no word for '{text}'"
        return found.groupdict()

    def line(self, line):
        """Judge one line in the mode that the lines before it led to."""
        self.read += 1
        text = line.strip().removeprefix("no ")
        if not line.startswith(" "):
            self._head = text
            kind, *words = text.split()
            if kind == "interface":
                self._match("interface", text)
            elif kind == "object-group":
                assert len(words) == 2
                assert words[0] == "network"
            else:
                self._match("acls_name", text)
        elif self._head.startswith("interface "):
            self._match("access_groups", f" {text}")
        elif self._head.startswith("object-group "):
            assert AddressAg(text, platform="ios").line == text
        elif not (line.strip().startswith("no ") and text.removeprefix("sequence ").isdigit()):
            self._entry(text)

    def _entry(self, text):
        six = self._head.startswith("ipv6 ")
        if " remark " in text:
            self._match("remarks_ipv6" if six else "remarks_no_data", text)
            return
        if not six:
            assert Ace(text, platform="ios").line == text
        found = self._match("aces", f" {text.removesuffix(' undetermined-transport')}" if six else text)
        assert found["sequence_ipv6" if six else "sequence"]
        for end in ("source", "dest"):
            hosts, networks = found[f"{end}_host"], found[f"ipv6_{end}_address"]
            ipaddress.ip_network(hosts or networks or "::")
            assert found[f"{end}_any"] or found[f"{end}_obj_grp"] or hosts or networks


def test_other_parsers_read_every_line_of_the_cases():
    parsers = OtherParsers()
    for case in FIXTURES.iterdir():
        for name in ("plan.txt", "rollback.txt"):
            for line in (case / name).read_text().splitlines():
                parsers.line(line)
    assert parsers.read > 500
    print(f"{parsers.read} lines")


@settings(max_examples=100)
@given(documents())
def test_other_parsers_read_every_line_of_any_policy(document):
    for wave in document["waves"]:
        wave["action"] = {"limit": "block"}.get(wave["action"], wave["action"])
    checked = policy.load(document, TODAY)
    places = acl.attachments_from([{"interface": "Customers1", "pools": list(document["pools"])}], checked)
    want = ios.build(acl.build(checked, checked.waves[-1].name, places, (UPLINK,)))
    parsers = OtherParsers()
    plan = ios.diff(config(), want)
    for line in [*ios.render(want.acl).splitlines(), *plan.commands, *plan.rollback]:
        parsers.line(line)
    assert parsers.read > 0 or not want.acl.pools


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("", "ip access-list extnded OP25B-OUT"),
        ("", "ipv6 access-list"),
        ("", "object-group net OP25B-EXEMPTED"),
        ("", "interface"),
        ("object-group network OP25B-EXEMPTED", " hst 198.51.100.17"),
        ("object-group network OP25B-EXEMPTED", " 198.51.100.0 0.0.0.255"),
        ("object-group network OP25B-EXEMPTED", " 198.51.100.1 255.255.255.0"),
        ("ip access-list extended OP25B-OUT", " 10 permit tpc any any eq smtp"),
        ("ip access-list extended OP25B-OUT", " 10 permit tcp object-group any eq smtp"),
        ("ip access-list extended OP25B-OUT", " 10 permit tcp any any eq smtq"),
        ("ip access-list extended OP25B-OUT", " 10 permit tcp any eq smtp"),
        ("ip access-list extended OP25B-OUT", " 10 permit tcp any any eq smtp sny"),
        ("ip access-list extended OP25B-OUT", " sequence 10 permit tcp any any eq smtp"),
        ("ip access-list extended OP25B-OUT", " 10 remrk op25b: exempted"),
        ("ipv6 access-list OP25B-OUT-V6", " 10 permit tcp any any eq smtp"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 permit tpc any any eq smtp"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 permit tcp 2001:DB8:::/36 any eq smtp"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 permit tcp 2001:DB8:E000::1/36 any eq smtp"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 permit tcp any any eq smtp sny"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 deny ipv6 any undetermined-transport"),
        ("ipv6 access-list OP25B-OUT-V6", " sequence 10 remrk op25b: exempted"),
        (f"interface {UPLINK}", " ip acces-group OP25B-OUT out"),
    ],
)
def test_other_parsers_refuse_a_line_that_is_wrong(head, line):
    parsers = OtherParsers()
    if head:
        parsers.line(head)
    with pytest.raises((AssertionError, ValueError)):
        parsers.line(line)


# -- where the entries stand -------------------------------------------------------------------------------------------


def test_a_plan_names_no_list_that_is_not_there_yet(build):
    commands = ios.diff(config(), wanted(build)).commands
    bound = [at for at, line in enumerate(commands) if line.startswith((" ip access-group", " ipv6 traffic-filter"))]
    made = [at for at, line in enumerate(commands) if line.startswith(("ip access-list", "ipv6 access-list"))]
    entries = [at for at, line in enumerate(commands) if " permit " in line or " deny " in line]
    assert len(bound) == 4
    assert max(made) < min(bound)
    assert max(entries) < min(bound)


def test_an_own_list_lets_through_what_we_do_not_speak_of(build):
    want = wanted(build)
    lists = ios.target(config(), want).lists
    assert {name: lines[cisco.LAST] for (_family, name), lines in lists.items()} == {
        "OP25B-OUT": "permit ip any any",
        "OP25B-IN": "permit ip any any",
        "OP25B-OUT-V6": "permit ipv6 any any",
        "OP25B-IN-V6": "permit ipv6 any any",
    }
    assert all(max(lines) == cisco.LAST for lines in lists.values())


def test_a_permit_of_ours_stands_behind_what_the_operator_denies(build):
    bound = " ip access-group EDGE out\n"
    lines = ["1000 deny ip host 198.51.100.17 203.0.113.0 0.0.0.255", "2000 permit ip any any"]
    have = config(("ip access-list extended EDGE", lines), bound=bound)
    numbers = list(ios.target(have, wanted(build)).lists[4, "EDGE"])
    assert numbers[0] == 1000
    assert numbers[-1] == 2000
    assert len(numbers) > 10


def test_only_what_a_permit_would_open_decides_the_place(build):
    bound = " ip access-group EDGE out\n"
    lines = ["1000 deny ip host 198.51.100.99 203.0.113.0 0.0.0.255", "2000 permit ip any any"]
    have = config(("ip access-list extended EDGE", lines), bound=bound)
    # The permitted servers lie elsewhere, and a denial of ours takes nothing away that the operator denies.
    assert list(ios.target(have, wanted(build)).lists[4, "EDGE"])[-2:] == [1000, 2000]


# -- refusals, each one sentence for a person --------------------------------------------------------------------------

OPEN = ("ip access-list extended EDGE", ["1000 permit ip any any"])
BOUND = " ip access-group EDGE out\n"


def test_no_room_names_the_command_that_makes_some(build):
    tight = ("ip access-list extended EDGE", ["10 permit ip any any"])
    assert refusal(config(tight, bound=BOUND), wanted(build)) == (
        "ip access-list extended EDGE: between 0 and 10 there are 9 numbers, and 15 are needed; make room with `ip access-list "
        "resequence EDGE 100000 1000`."
    )


def test_no_room_beside_what_stands_names_that_command_too(build):
    have = ios.target(config(("ip access-list extended EDGE", ["20 permit ip any any"]), bound=BOUND), wanted(build, "observe"))
    assert refusal(have, wanted(build, "all")) == (
        "ip access-list extended EDGE: between 0 and 20 there are 19 numbers, and more are needed, as what goes keeps its number "
        "until what comes has one; make room with `ip access-list resequence EDGE 100000 1000`."
    )


def test_no_place_names_the_entry_in_the_way(build):
    lines = ["1000 permit tcp host 198.51.100.99 any eq smtp", "2000 deny ip host 198.51.100.17 any", "3000 permit ip any any"]
    assert refusal(config(("ip access-list extended EDGE", lines), bound=BOUND), wanted(build)) == (
        "ip access-list extended EDGE: no place in this access list is right for the policy; in the way of the head is 'deny ip "
        "host 198.51.100.17 any', which denies what would be permitted before it (exempted). Change it, or bind a list of its "
        "own."
    )


@pytest.mark.parametrize(
    ("lists", "bound", "more", "sentence"),
    [
        (
            [],
            BOUND,
            "",
            "ip access-list extended EDGE: an uplink is bound to this name, and the device has no such list with entries; bind "
            "one that has, or none.",
        ),
        (
            [OPEN],
            BOUND,
            "interface GigabitEthernet0/0/1\n ip access-group EDGE out\n!\n",
            "ip access-list extended EDGE: this access list also serves GigabitEthernet0/0/1 out; give the uplinks one of "
            "their own.",
        ),
        (
            [OPEN],
            BOUND + " ip access-group EDGE in\n",
            "",
            f"ip access-list extended EDGE: this access list also serves {UPLINK} in; give the uplinks one of their own.",
        ),
        (
            [OPEN],
            BOUND,
            "line vty 0 4\n access-class EDGE in\n!\n",
            "ip access-list extended EDGE: this access list is also used by 'line vty 0 4: access-class EDGE in'; give the "
            "uplinks one of their own.",
        ),
        (
            [("ip access-list extended EDGE", ["permit ip any any"])],
            BOUND,
            "",
            "running configuration: 'ip access-list extended EDGE: permit ip any any' has no sequence number; a release is "
            "needed that shows them there.",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_sentence(build, lists, bound, more, sentence):
    assert refusal(config(*lists, bound=bound, more=more), wanted(build)) == sentence


def test_a_list_that_is_only_described_elsewhere_may_be_used(build):
    more = "interface GigabitEthernet0/0/1\n description behind EDGE only\n!\n"
    assert ios.diff(config(OPEN, bound=BOUND, more=more), wanted(build)).changed


def test_an_uplink_is_one_interface(build):
    with pytest.raises(Op25bError) as err:
        wanted(build, uplinks=("GigabitEthernet*",))
    assert str(err.value) == (
        "uplinks: 'GigabitEthernet*' stands for many names, and an access list is bound to one interface; write each."
    )


def test_the_interfaces_are_those_of_the_running_configuration_without_their_kind():
    found = ios.interfaces(ios.from_text(INTERFACES))
    assert list(found) == ["GigabitEthernet0/0/0", "Serial0/1/0.100", "Port-channel10", "Vlan20", "Virtual-Template1", "Dialer1"]
    assert all(name == found[name] for name in found)


INTERFACES = """\
hostname edge
!
interface GigabitEthernet0/0/0
 no ip address
 shutdown
!
interface Serial0/1/0.100 point-to-point
 ip address 192.0.2.1 255.255.255.252
!
interface Port-channel10
!
interface Vlan 20
 ip address 192.0.2.9 255.255.255.252
!
interface Virtual-Template1
 ip unnumbered Loopback0
!
interface Dialer1
!
router ospf 1
 passive-interface GigabitEthernet0/0/9
!
end
"""


def hosted(build):
    """A list of the operator with our entries in it, as text."""
    have = config(("ip access-list extended EDGE", ["5000 permit ip any any"]), bound=BOUND)
    target = ios.target(have, wanted(build, return_rule=False))
    return target, target.lists[4, "EDGE"]


def test_an_entry_between_ours_that_is_none_of_them_is_refused(build):
    target, lines = hosted(build)
    first, last = (next(n for n, line in lines.items() if f"op25b: {mark}" in line) for mark in ("begin", "end"))
    between = {**target.lists, (4, "EDGE"): dict(sorted({**lines, first + 1: "permit udp any any"}.items()))}
    have = replace(target, lists=between)
    assert refusal(have, wanted(build, return_rule=False)) == (
        "ip access-list extended EDGE: 'permit udp any any' stands between the entries of this collection and is none of them; "
        f"give it a number below {first} or above {last}."
    )


def test_a_place_that_the_operator_made_wrong_is_refused(build):
    target, lines = hosted(build)
    last = next(n for n, line in lines.items() if "op25b: end" in line)
    wrong = {**target.lists, (4, "EDGE"): dict(sorted({**lines, last + 1: "deny ip host 198.51.100.17 any"}.items()))}
    have = replace(target, lists=wrong)
    assert refusal(have, wanted(build, return_rule=False)) == (
        "ip access-list extended EDGE: the entries of this collection stand at a place that is no longer right for the "
        "operator's own; take them out (state: deleted), and apply again."
    )


# -- reading back ------------------------------------------------------------------------------------------------------

READ = (FIXTURES / "operators-lists" / "wanted.cfg").read_text()


@pytest.mark.parametrize(
    ("old", "new", "drift"),
    [
        (
            " host 198.51.100.17\n",
            " host 198.51.100.17\n group-object OTHERS\n",
            "object-group network OP25B-EXEMPTED: - group-object OTHERS",
        ),
        (
            " 1248 permit tcp object-group OP25B-EXEMPTED any eq smtp\n",
            "",
            "ip access-list extended EDGE-OUT: - 1186 remark op25b: exempted",
        ),
        (
            " 3858 deny tcp any eq smtp object-group OP25B-pool-west_cable\n",
            " 3858 deny tcp any eq smtp object-group OP25B-pool-west_cable log\n",
            "ip access-list extended EDGE-IN: - 3858 deny tcp any eq smtp object-group OP25B-pool-west_cable log",
        ),
    ],
)
def test_what_was_changed_by_hand_is_drift(old, new, drift):
    assert READ.count(old) == 1
    assert ios.parse(READ)[1] == []
    assert drift in ios.parse(READ.replace(old, new))[1]


def test_a_strange_label_is_told_and_hides_nothing_else():
    strange = READ.replace("pool west_cable to any: block", "pool west_cable to any: shout")
    found, drift = ios.parse(strange)
    assert {pool.name: dict(pool.terms)["any"] for pool in found.pools} == {"east_ftth": "block", "west_cable": "pass"}
    assert any(line.endswith("remark op25b: pool west_cable to any: shout") for line in drift)
    assert set(ios.counts(ios.from_text(strange))["pools"]["west_cable"]) == {"mobile"}


SHOWN = """\
Extended IP access list EDGE-OUT
    1000 deny ip any 10.0.0.0 0.255.255.255 (999 matches)
    1248 permit tcp object-group OP25B-EXEMPTED any eq smtp (50 matches)
    1496 deny tcp object-group OP25B-pool-east_ftth object-group OP25B-class-mobile eq smtp (7 matches)
    1620 deny tcp object-group OP25B-pool-east_ftth any eq smtp (1 match)
    1744 deny tcp object-group OP25B-pool-west_cable object-group OP25B-class-mobile eq smtp
Extended IP access list EDGE-IN
    3462 deny tcp object-group OP25B-class-mobile eq smtp object-group OP25B-pool-east_ftth (3 matches)
IPv6 access list EDGE-OUT-V6
    deny tcp 2001:DB8:E000::/36 2001:DB8:B000::/36 eq smtp (20 matches) sequence 400
    deny ipv6 2001:DB8:E000::/36 2001:DB8:B000::/36 undetermined-transport (4 matches) sequence 450
    deny ipv6 2001:DB8:F000::/36 any undetermined-transport (5 matches) sequence 900
"""


def test_counters_are_told_for_each_pool_and_class():
    nothing = {"out": 0, "in": 0}
    assert ios.counts(ios.with_counters(ios.from_text(READ), SHOWN)) == {
        "pools": {
            "east_ftth": {"mobile": {"out": 27, "in": 3}, "any": {"out": 1, "in": 0}},
            "west_cable": {"mobile": nothing, "any": nothing},
        },
        "fragments": 9,
    }


def test_observed_connections_are_counted_by_their_syn(build):
    have = ios.target(config(), wanted(build, "observe"))
    entry = "permit tcp object-group OP25B-pool-east_ftth any eq smtp syn"
    number = next(number for number, line in have.lists[4, "OP25B-OUT"].items() if line == entry)
    shown = f"Extended IP access list OP25B-OUT\n    {number} {entry} (12 matches)\n"
    assert ios.counts(ios.with_counters(have, shown))["pools"]["east_ftth"]["any"] == {"out": 12, "in": 0}


# -- the smallest change -----------------------------------------------------------------------------------------------


def test_one_exemption_more_is_two_lines(build, document):
    more = [*document["exemptions"], {"prefixes": ["198.51.100.33"], "who": "customer 4712", "why": "contract"}]
    have = ios.target(config(), wanted(build))
    assert ios.diff(have, wanted(build, exemptions=more)).commands == (
        "object-group network OP25B-EXEMPTED",
        " host 198.51.100.33",
    )


def test_members_that_stay_keep_the_places_that_the_device_shows(build):
    have = ios.target(config(), wanted(build, exemptions=exempt(17, 33)))
    head = "object-group network OP25B-EXEMPTED"
    turned = replace(have, groups={**have.groups, head: have.groups[head][::-1]})
    assert not ios.diff(turned, wanted(build, exemptions=exempt(17, 33))).changed
    after = ios.target(turned, wanted(build, exemptions=exempt(17, 25, 33)))
    assert after.groups[head] == ("host 198.51.100.33", "host 198.51.100.17", "host 198.51.100.25")


def exempt(*hosts):
    return [{"prefixes": [f"198.51.100.{host}" for host in hosts], "who": "customers", "why": "contracts"}]


def test_the_budget_counts_entries_with_their_groups_written_out(build):
    plain = ios.diff(config(), wanted(build, **MOVABLE)).entries
    pools = {
        "east_ftth": {"prefixes": ["198.51.100.0/26", "198.51.100.96/27"]},
        "west_cable": {"prefixes": ["198.51.100.128/25"]},
    }
    mobile = {"mobile": {"prefixes": ["203.0.113.0/27", "203.0.113.64/27", "203.0.113.128/27"]}}
    more = ios.diff(config(), wanted(build, **{**MOVABLE, "pools": pools, "destinations": mobile})).entries
    # East has 2 x 3 entries to mobile and 2 to any where it had 1 and 1, west 3 to mobile where it had 1; each way.
    assert more - plain == 2 * (5 + 1 + 2)


MOVABLE = {
    "pools": {"east_ftth": {"prefixes": ["198.51.100.0/25"]}, "west_cable": {"prefixes": ["198.51.100.128/25"]}},
    "destinations": {"mobile": {"prefixes": ["203.0.113.0/26"]}},
    "exemptions": [],
}
MOVED = {
    **MOVABLE,
    "pools": {
        "east_ftth": {"prefixes": ["198.51.100.0/25", "198.51.100.192/26"]},
        "west_cable": {"prefixes": ["198.51.100.128/26"]},
    },
}


def test_members_and_entries_that_change_at_once_go_to_new_names(build):
    have = ios.target(config(), wanted(build, "mobile", **MOVABLE))
    plan = ios.diff(have, wanted(build, "all", **MOVED))
    old = {head for head in have.groups if "-pool-" in head}
    assert len(old) == 2
    assert not old & set(plan.commands)
    assert {f"{head}.2" for head in old} <= set(plan.commands)
    assert {f"no {head}" for head in old} <= set(plan.commands)
    bound = max(at for at, line in enumerate(plan.commands) if line.startswith(" ip access-group"))
    assert all(bound < at for at, line in enumerate(plan.commands) if line.startswith("no "))


def test_members_that_change_alone_change_under_their_names(build):
    have = ios.target(config(), wanted(build, **MOVABLE))
    assert ios.diff(have, wanted(build, **MOVED)).commands == (
        "object-group network OP25B-pool-east_ftth",
        " 198.51.100.192 255.255.255.192",
        "object-group network OP25B-pool-west_cable",
        " 198.51.100.128 255.255.255.192",
        " no 198.51.100.128 255.255.255.128",
    )


def test_the_next_change_of_that_kind_comes_back_to_the_first_names(build):
    first = ios.target(config(), wanted(build, "mobile", **MOVABLE))
    second = ios.target(first, wanted(build, "all", **MOVED))
    assert {head.endswith(".2") for head in second.groups} == {True}
    assert ios.target(second, wanted(build, "mobile", **MOVABLE)) == first
