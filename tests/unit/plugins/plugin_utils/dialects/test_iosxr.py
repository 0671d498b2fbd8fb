# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.acl import Acl
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import cisco, iosxr
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

READ = (Path(__file__).resolve().parents[4] / "fixtures" / "iosxr" / "operators-lists" / "wanted.cfg").read_text()
UPLINK = "HundredGigE0/0/1/0"
BOUND = " ipv4 access-group EDGE egress\n"


def wanted(build, wave="all", **keys):
    return iosxr.build(build(wave, uplinks=(UPLINK,), **{"reject": "admin-prohibited", **keys}))


def config(*lines, bound="", more=""):
    """A configuration with an uplink, what is bound there, and an access list EDGE of these lines."""
    edge = "ipv4 access-list EDGE\n" + "".join(f" {line}\n" for line in lines) + "!\n" if lines else ""
    return iosxr.from_text(f"interface {UPLINK}\n{bound}!\n{more}{edge}end\n")


# -- what is written ---------------------------------------------------------------------------------------------------


def test_every_side_of_both_families_is_a_group_of_its_own(build):
    target = iosxr.target(config(), wanted(build))
    assert target.groups["object-group network ipv4 OP25B-pool-east_ftth"] == ("198.51.100.0/25",)
    assert target.groups["object-group network ipv6 OP25B-pool-east_ftth-V6"] == ("2001:db8:e000::/36",)
    assert "host 2001:db8:e000::17" in target.groups["object-group network ipv6 OP25B-EXEMPTED-V6"]
    names = [head.split()[-1] for head in target.groups]
    assert len(names) == len(set(names)) == 10


@pytest.mark.parametrize(("reject", "out"), [("admin-prohibited", ""), ("drop", " icmp-off")])
def test_a_denial_says_whether_it_answers_and_is_silent_towards_the_internet(build, reject, out):
    lists = iosxr.target(config(), wanted(build, reject=reject)).lists
    forth, back = ([line for line in lists[4, f"OP25B-{way}"].values() if line.startswith("deny ")] for way in ("OUT", "IN"))
    assert len(forth) == len(back) == 4
    assert all(line.endswith(f" eq smtp{out}") for line in forth)
    assert all(line.endswith(" icmp-off") for line in back)


def test_no_word_for_fragments_without_a_header_is_made_up(build):
    want = wanted(build)
    lists = iosxr.target(config(), want).lists
    assert not any("undetermined" in line for lines in lists.values() for line in lines.values())
    assert any("first fragments that end before the TCP header pass" in warning for warning in want.warnings)


def test_one_exemption_more_is_two_lines_and_of_both_families_four(build, document):
    have = iosxr.target(config(), wanted(build))

    def more(*prefixes):
        exemption = {"prefixes": list(prefixes), "who": "customer 4712", "why": "contract"}
        return iosxr.diff(have, wanted(build, exemptions=[*document["exemptions"], exemption])).commands

    assert more("198.51.100.33") == ("object-group network ipv4 OP25B-EXEMPTED", " host 198.51.100.33")
    assert more("198.51.100.33", "2001:db8:e000::33") == (
        "object-group network ipv4 OP25B-EXEMPTED",
        " host 198.51.100.33",
        "object-group network ipv6 OP25B-EXEMPTED-V6",
        " host 2001:db8:e000::33",
    )


def test_the_budget_counts_groups_of_either_family_written_out(build):
    plain = iosxr.diff(config(), wanted(build)).entries
    pools = {
        "east_ftth": {"prefixes": ["198.51.100.0/25", "2001:db8:e000::/38", "2001:db8:e800::/38"]},
        "west_cable": {"prefixes": ["198.51.100.128/25", "2001:db8:f000::/36"]},
    }
    # One prefix of IPv6 more in a pool with two classes, in both directions.
    assert iosxr.diff(config(), wanted(build, pools=pools)).entries - plain == 4


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "more", "sentence"),
    [
        (
            ["10 permit ipv4 any any"],
            "",
            "ipv4 access-list EDGE: between 0 and 10 there are 9 numbers, and 15 are needed; make room with `resequence "
            "access-list ipv4 EDGE 100000 1000`.",
        ),
        (
            ["1000 permit ipv4 any any"],
            "interface GigabitEthernet0/0/0/1\n ipv4 access-group EDGE egress\n!\n",
            "ipv4 access-list EDGE: this access list also serves GigabitEthernet0/0/0/1 out; give the uplinks one of their own.",
        ),
        (
            ["1000 permit ipv4 any any"],
            "vty-pool default 0 4 line-template default\nline default\n access-class ingress EDGE\n!\n",
            "ipv4 access-list EDGE: this access list is also used by 'line default: access-class ingress EDGE'; give the "
            "uplinks one of their own.",
        ),
        (
            ["permit ipv4 any any"],
            "",
            "running configuration: 'ipv4 access-list EDGE: permit ipv4 any any' has no sequence number; a release is needed "
            "that shows them there.",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_sentence(build, lines, more, sentence):
    with pytest.raises(Op25bError) as err:
        iosxr.diff(config(*lines, bound=BOUND, more=more), wanted(build))
    assert str(err.value) == sentence


# -- what is read back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "drift"),
    [
        (" 2001:db8:f000::/36\n", " 2001:db8:f000::/37\n", None),
        (
            " 1868 deny tcp net-group OP25B-pool-west_cable any eq smtp\n",
            " 1868 deny tcp net-group OP25B-pool-west_cable any eq smtp icmp-off\n",
            "ipv4 access-list EDGE-OUT: ",
        ),
        (
            " 1726 deny tcp net-group OP25B-class-mobile-V6 eq smtp net-group OP25B-pool-west_cable-V6 icmp-off\n",
            "",
            "ipv6 access-list EDGE-IN-V6: + ",
        ),
    ],
)
def test_what_was_changed_by_hand_is_told(old, new, drift):
    assert READ.count(old) == 1
    plain, none = iosxr.parse(READ)
    assert none == []
    found, told = iosxr.parse(READ.replace(old, new))
    if drift is None:
        # Another prefix in a pool is another policy, and no drift.
        assert (found == plain, told) == (False, [])
    else:
        assert any(line.startswith(drift) for line in told)


def test_counters_are_read_from_the_line_cards_or_from_the_route_processor():
    shown = (
        "ipv4 access-list EDGE-OUT\n"
        " 1248 permit tcp net-group OP25B-EXEMPTED any eq smtp (50 matches)\n"
        " 1496 deny tcp net-group OP25B-pool-east_ftth net-group OP25B-class-mobile eq smtp (7 hw matches)\n"
        " 1620 deny tcp net-group OP25B-pool-east_ftth any eq smtp (1 match)\n"
        "ipv6 access-list EDGE-OUT-V6\n"
        " 496 deny tcp net-group OP25B-pool-east_ftth-V6 net-group OP25B-class-mobile-V6 eq smtp (20 hw matches)\n"
        "ipv6 access-list EDGE-IN-V6\n"
        " 1594 deny tcp any eq smtp net-group OP25B-pool-east_ftth-V6 icmp-off (3 matches)\n"
    )
    # As a second line card shows them.
    shown += "ipv4 access-list EDGE-OUT\n 1620 deny tcp net-group OP25B-pool-east_ftth any eq smtp (4 hw matches)\n"
    nothing = {"out": 0, "in": 0}
    assert iosxr.counts(iosxr.with_counters(iosxr.from_text(READ), shown)) == {
        "pools": {
            "east_ftth": {"mobile": {"out": 27, "in": 0}, "any": {"out": 5, "in": 3}},
            "west_cable": {"mobile": nothing, "any": nothing},
        },
        "fragments": 0,
    }


def test_members_and_entries_that_change_at_once_go_to_new_names(build):
    east, west = ["198.51.100.0/25"], ["198.51.100.128/25"]
    plain = {"destinations": {"mobile": {"prefixes": ["203.0.113.0/26"]}}, "exemptions": []}
    pools = {"east_ftth": {"prefixes": east}, "west_cable": {"prefixes": west}}
    have = iosxr.target(config(), wanted(build, "mobile", pools=pools, **plain))
    pools = {"east_ftth": {"prefixes": [*east, "198.51.100.192/26"]}, "west_cable": {"prefixes": ["198.51.100.128/26"]}}
    after = iosxr.target(have, wanted(build, "all", pools=pools, **plain))
    assert {head for head in have.groups if "-pool-" in head} & after.groups.keys() == set()
    assert all(name.endswith(".2") for _family, name in after.lists)
    assert set(after.bound.values()) == {name for _family, name in after.lists}
    assert all(lines[cisco.LAST] == "permit ipv4 any any" for lines in after.lists.values())


def test_the_reply_is_read_from_the_family_that_blocks(build):
    only_v4 = {"destinations": {"mobile": {"prefixes": ["203.0.113.0/26"]}}, "reject": "drop"}
    want = wanted(build, "mobile", **only_v4)
    assert want.acl.reject == "drop"
    assert iosxr.read(iosxr.target(config(), want)) == (want.acl, [])


PRECONFIGURED = """\
hostname edge
interface Bundle-Ether100
 ipv4 address 192.0.2.201 255.255.255.252
!
interface Bundle-Ether100.20 l2transport
 encapsulation dot1q 20
!
interface preconfigure HundredGigE0/7/0/0
 ipv4 address 192.0.2.205 255.255.255.252
 ipv4 access-group OP25B-OUT egress
!
group CORE
 interface 'HundredGigE.*'
  mtu 9216
 !
end-group
ipv4 access-list OP25B-OUT
 2000000000 permit ipv4 any any
!
end
"""


def test_an_interface_whose_line_card_is_not_there_is_none_and_gives_back_what_it_has_of_ours():
    have = iosxr.from_text(PRECONFIGURED)
    assert list(iosxr.interfaces(have)) == ["Bundle-Ether100", "Bundle-Ether100.20"]
    assert iosxr.diff(have, iosxr.build(Acl())).commands == (
        "interface preconfigure HundredGigE0/7/0/0",
        " no ipv4 access-group OP25B-OUT egress",
        "no ipv4 access-list OP25B-OUT",
    )
