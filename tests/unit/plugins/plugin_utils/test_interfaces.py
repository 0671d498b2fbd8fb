# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, interfaces


def places(*named):
    return tuple(acl.Attachment(name, pools) for name, pools in named)


def names(*named, **others):
    return {**{name: name for name in named}, **others}


IOS = names(
    "GigabitEthernet0/0/0", "GigabitEthernet0/0/1", "GigabitEthernet0/0/1.100", "TenGigabitEthernet0/1/0", "Port-channel1"
)
XR = names("MgmtEth0/RP0/CPU0/0", "HundredGigE0/0/1/0", "Bundle-Ether100", "Bundle-Ether100.20", "TenGigE0/0/0/1")
JUNOS = names("ge-0/0/1.0", "xe-0/0/0.0", "xe-0/0/0.100", "ae0.4094")
LINUX = names("lo", "eth0", "eth10", "bond0", "bond0.100", "ppp0", enp3s0="eth0")


@pytest.mark.parametrize(
    ("known", "name", "likely"),
    [
        (IOS, "Gi0/0/1", "GigabitEthernet0/0/1"),
        (IOS, "gigabitethernet0/0/0", "GigabitEthernet0/0/0"),
        (IOS, "gi0/0/1.100", "GigabitEthernet0/0/1.100"),
        (IOS, "Te0/1/0", "TenGigabitEthernet0/1/0"),
        (IOS, "Po1", "Port-channel1"),
        (IOS, "GigabitEthernet0/0/7", "GigabitEthernet0/0/1"),
        (XR, "BE100", "Bundle-Ether100"),
        (XR, "Hu0/0/1/0", "HundredGigE0/0/1/0"),
        (XR, "mg0/RP0/CPU0/0", "MgmtEth0/RP0/CPU0/0"),
        (XR, "be100.20", "Bundle-Ether100.20"),
        (JUNOS, "ge-0/0/1", "ge-0/0/1.0"),
        (JUNOS, "XE-0/0/0", "xe-0/0/0.0"),
        (JUNOS, "ae0", "ae0.4094"),
        (JUNOS, "xe-0/0/0.0O", "xe-0/0/0.0"),
        (LINUX, "Eth10", "eth10"),
        (LINUX, "bond0.10", "bond0.100"),
    ],
)
def test_a_name_that_is_not_there_is_told_the_likely_one(build, known, name, likely):
    right = next(each for each in known if each not in (likely, name))
    mistakes, warnings = interfaces.check(
        places((name, ("east_ftth",)), (right, ("west_cable",))), [name], known, acl.Acl(), build("observe")
    )
    assert warnings == []
    assert [text.partition(". ")[0] for text in mistakes] == [
        f"{key}: this device has no interface '{name}'" for key in ("uplinks[0]", "attachments[0].interface")
    ]
    assert all(f" Did you mean {likely}? Known here: " in text for text in mistakes), mistakes


def test_a_name_that_looks_like_none_gets_no_hint_and_every_wrong_one_a_sentence(build):
    wrong = places(("kunde7", ("east_ftth",)), ("eth10", ("west_cable",)))
    mistakes, _warnings = interfaces.check(wrong, ["eth0", "core7"], LINUX, acl.Acl(), build("all"))
    known = "Known here: bond0, bond0.100, eth0, eth10, lo, ppp0."
    assert mistakes == [
        f"uplinks[1]: this device has no interface 'core7'. {known}",
        f"attachments[0].interface: this device has no interface 'kunde7'. {known}",
    ]


def test_a_second_name_is_never_what_a_rule_meets(build):
    mistakes, _warnings = interfaces.check((), ["enp3s0"], LINUX, acl.Acl(), build("all"))
    assert mistakes == ["uplinks[0]: 'enp3s0' is another name of eth0, which no rule matches; write eth0."]


def test_a_wildcard_without_a_match_is_a_warning(build):
    found = interfaces.check(
        places(("ppp*", ("east_ftth",)), ("pppoe*", ("west_cable",))), ["eth0"], LINUX, acl.Acl(), build("all")
    )
    assert found == (
        [],
        ["attachments[1].interface: no interface of this device begins with 'pppoe' now; 'pppoe*' means those that may come."],
    )


GONE = "this device has no interface '{}'; nothing becomes stricter, so the change goes on."


def test_an_interface_that_has_gone_holds_up_no_way_back(build):
    """What the device has is left alone or taken away; a name that is new, or a change that is stricter, is refused."""
    usual = places(("east0", ("east_ftth",)), ("west0", ("west_cable",)))
    known = names("lo", "east0")
    have = build("all")
    expected = ["uplinks[0]: " + GONE.format("up0"), "attachments[1].interface: " + GONE.format("west0")]
    for wave in ("all", "pilot", "observe", "none"):
        assert interfaces.check(usual, ["up0"], known, have, build(wave)) == ([], expected)
    for now, wave in (("none", "observe"), ("observe", "pilot"), ("pilot", "all")):
        mistakes, warnings = interfaces.check(usual, ["up0"], known, build(now), build(wave))
        assert (len(mistakes), warnings) == (2, [])
    # Where all of it goes out, no name is needed; where some stays, it must not move to an interface that is not there.
    moved = places(("east9", ("east_ftth",)), ("west0", ("west_cable",)))
    assert interfaces.check(moved, ["up9"], known, have, acl.Acl())[0] == []
    assert len(interfaces.check(moved, ["up9"], known, have, build("pilot"))[0]) == 2


def test_a_device_that_filters_at_its_uplinks_knows_no_other_name(build):
    have = dataclasses.replace(
        build("all"), pools=tuple(dataclasses.replace(pool, interfaces=("*",)) for pool in build("all").pools)
    )
    found = interfaces.check(places(("east0", ("east_ftth",))), ["up0"], names("up0"), have, build("pilot"))
    assert found == ([], ["attachments[0].interface: " + GONE.format("east0")])
