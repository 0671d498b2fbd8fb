# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli.filter import Packet, decide
from lab.cli.iosxr import FAILED, LEAVING, NO_CHANGES, Device
from lab.cli.iosxr_config import delta
from lab.cli.shell import Options, Terminal

ROOT = Path(__file__).resolve().parents[4]
STARTUP = """\
hostname edge-x1
logging 192.0.2.77
username ansible
 group root-lr
 secret 10 $6$abc
!
line default
 access-class ingress VTY
 transport input ssh
!
object-group network ipv4 POOL
 198.51.100.0/25
 198.51.100.128/25
!
ipv4 access-list UP
 10 permit tcp any any established
 20 deny tcp net-group POOL any eq smtp
 30 permit ipv4 any any
!
ipv4 access-list VTY
 10 permit ipv4 192.0.2.0/24 any
!
interface Loopback0
 ipv4 address 192.0.2.200 255.255.255.255
!
interface HundredGigE0/0/0/0
 description the internet
 ipv4 address 192.0.2.194 255.255.255.252
 ipv6 address 2001:db8:1::2/64
 ipv4 access-group UP egress
!
interface HundredGigE0/0/0/1
 shutdown
!
prefix-set OURS
  198.51.100.0/24
end-set
!
route-policy OUT
  if destination in OURS then
    pass
  else
    drop
  endif
end-policy
!
router static
 address-family ipv4 unicast
  0.0.0.0/0 192.0.2.193
 !
!
ssh server v2
end
"""
FULL = """\
hostname edge-x1
clock timezone UTC Etc/UTC
logging trap informational
logging buffered 10000000
logging 192.0.2.77 vrf default severity info
telnet vrf default ipv4 server max-servers 5 access-list VTY
service timestamps log datetime msec
domain name op25b.example
username ansible
 group root-lr
 group cisco-support
 secret 10 $6$abc
!
aaa authentication login default local
vrf MGMT
 address-family ipv4 unicast
 !
!
line console
 exec-timeout 10 0
!
line default
 timestamp disable
 access-class ingress VTY
 ipv6 access-class ingress VTY6
 transport input ssh
!
line template REMOTE
 session-limit 5
!
vty-pool default 0 29 line-template REMOTE
snmp-server community public RO SystemOwner IPv4 VTY
snmp-server location here
icmp ipv4 rate-limit unreachable 600
ntp
 server 192.0.2.77 prefer iburst
 access-group ipv4 serve VTY
 update-calendar
!
object-group port MAIL
 eq smtp
 range 465 587
!
object-group network ipv4 POOL
 description customers
 198.51.100.0/25
 host 203.0.113.5
 range 203.0.113.10 203.0.113.20
!
object-group network ipv4 POOLS
 object-group POOL
!
object-group network ipv6 POOL
 2001:db8:e000::/48
 host 2001:db8::1
!
control-plane
 management-plane
  inband
   interface all
    allow SSH
    allow SNMP peer
     address ipv4 192.0.2.0/24
    !
   !
  !
 !
!
ipv6 access-list UP
 10 permit tcp any any established
 20 deny tcp net-group POOL any eq smtp log
 30 permit ipv6 any any
!
ipv6 access-list VTY6
 10 permit ipv6 2001:db8::/64 any
!
ipv4 access-list UP
 5 remark op25b
 10 permit tcp any any established
 20 deny tcp net-group POOLS any port-group MAIL counter OP25B icmp-off
 30 permit ipv4 any any
!
ipv4 access-list VTY
 10 permit ipv4 192.0.2.0/24 any
!
class-map match-any MAIL
 match access-group ipv4 UP
 end-class-map
!
policy-map COPP
 class MAIL
  police rate 1 mbps
   conform-action transmit
   exceed-action drop
  !
 !
 class class-default
 !
 end-policy-map
!
interface Bundle-Ether1
 ipv4 address 198.51.100.1 255.255.255.128
 ipv4 verify unicast source reachable-via rx allow-default
 ipv6 address 2001:db8:e000::1/64
 ipv6 enable
 ipv4 access-group UP ingress hardware-count interface-statistics
!
interface Bundle-Ether1.100
 encapsulation dot1q 100
 ipv4 access-group UP egress
!
interface Loopback0
 ipv4 address 192.0.2.200 255.255.255.255
!
interface MgmtEth0/RP0/CPU0/0
 vrf MGMT
 ipv4 address 192.0.2.226 255.255.255.0
!
interface GigabitEthernet0/0/0/2
 shutdown
!
interface TenGigE0/0/0/1/0
 bundle id 1 mode active
!
interface HundredGigE0/0/0/0
 description the internet
 mtu 9216
 service-policy input COPP
 ipv4 address 192.0.2.194 255.255.255.252
 ipv4 unreachables disable
 load-interval 30
 ipv4 access-group UP egress
 ipv6 access-group UP egress
!
prefix-set OURS
  198.51.100.0/24,
  203.0.113.0/24 le 32
end-set
!
route-policy OUT
  if destination in OURS then
    if community matches-any X then
      drop
    endif
    pass
  elseif as-path in Y then
    set med 5
  else
    drop
  endif
end-policy
!
router static
 address-family ipv4 unicast
  0.0.0.0/0 192.0.2.193
  203.0.113.0/24 Null0
 !
 address-family ipv6 unicast
  ::/0 2001:db8:1::1
 !
 vrf MGMT
  address-family ipv4 unicast
   0.0.0.0/0 MgmtEth0/RP0/CPU0/0 192.0.2.1
  !
 !
!
ssh server v2
ssh server vrf default ipv4 access-list VTY
ssh server rate-limit 600
end
"""
OTHER = FULL
for old, new in (
    ("192.0.2.77", "192.0.2.78"), ("eq smtp", "eq domain"), ("20 deny tcp", "20 deny udp"), ("30 permit", "30 deny"),
    ("customers", "all of them"), ("mtu 9216", "mtu 1500"), (".194", ".198"), ("rate 1 mbps", "rate 2 mbps"), ("10 0", "9 9"),
    ("le 32", "le 30"), ("transmit", "drop"), ("reachable-via rx", "reachable-via any"), ("match-any MAIL", "match-all MAIL"),
    ("hardware-count ", ""), ("2001:db8:e000::1/64", "2001:db8:e000::2/64"), ("secret 10 $6$abc", "secret 10 $6$def"),
    ("5 remark op25b", "5 remark other"), ("mode active", "mode passive"), ("allow SSH\n", "allow Telnet\n"),
):  # fmt: skip
    assert old in OTHER
    OTHER = OTHER.replace(old, new)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Box:
    """A router, and a user at it."""

    def __init__(self, startup=STARTUP, **options):
        self.clock = Clock()
        self.device = Device(startup, hostname="ios", clock=self.clock, options=Options(**options))
        self.changes, self.saved = [], []
        self.device.on_change.append(lambda: self.changes.append(self.device.running()))
        self.device.on_save.append(self.saved.append)
        self.user = self.enter()

    def enter(self, user="ansible"):
        session = self.device.session(user, local="192.0.2.200")
        session.line("terminal exec prompt no-timestamp")
        return session


@pytest.fixture
def box():
    return Box()


def run(session, *lines):
    """The output of the last line; those before it may not fail."""
    for line in lines[:-1]:
        output = session.line(line)
        assert not re.search("%(?! WARNING)", output), (line, output)
    return session.line(lines[-1])


def config(session, *lines):
    return run(session, "configure", *lines)


def commit(session, *lines):
    assert config(session, *lines, "commit") == ""
    assert run(session, "end") == ""


def listed(box, name="UP", family=4):
    """The list as it is shown, without its first line."""
    return box.user.line(f"show access-lists ipv{family} {name}").splitlines()[1:]


def add(box, *entries, family=4):
    commit(box.user, f"ipv{family} access-list NEW", *entries)
    return [line[1:] for line in listed(box, "NEW", family)]


def caret(output):
    first, second = output.splitlines()
    assert second == "% Invalid input detected at '^' marker."
    return len(first) - 1


# -- text --------------------------------------------------------------------------------------------------------------


def test_the_running_configuration_is_the_one_that_it_came_up_with(box):
    assert box.device.running() == STARTUP
    assert Device(box.device.running(), hostname="other").running() == STARTUP
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x1#"
    text = box.user.line("show running-config")
    assert text.startswith("Building configuration...\n!! IOS XR Configuration 7.")
    assert text.endswith(f"\n!\n{STARTUP}\n")


def test_every_statement_comes_back_as_it_was():
    assert Device(FULL, hostname="other").running() == FULL


@pytest.mark.parametrize(
    ("before", "after"),
    [(STARTUP, FULL), (FULL, STARTUP), ("hostname x\n", FULL), (FULL, "hostname x\n"), (FULL, OTHER), (OTHER, FULL)],
)
def test_the_changes_that_are_shown_are_the_changes(before, after):
    """What `show configuration` shows of a replacement, entered as it is, does the same."""
    box, wanted = Box(before), Box(after)
    lines = list(delta(box.device.tree, wanted.device.tree))
    config(box.user, *lines, "root")
    assert run(box.user, "show configuration").splitlines()[2:-2] == lines
    assert run(box.user, "commit") == ""
    assert box.device.running() == wanted.device.running()
    run(box.user, "end", "rollback configuration last 1")
    assert box.device.running() == Box(before).device.running()


@pytest.mark.parametrize(
    "line", ["interfaze Loopback0", "ipv4 access-list X\n 10 permit ip any any", "interface Loopback0\n foo"]
)
def test_a_bad_startup_configuration_is_an_error(line):
    with pytest.raises(ValueError, match="startup configuration, line"):
        Device(f"{line}\n", hostname="x")


def test_a_startup_configuration_that_names_what_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="does not exist"):
        Device("interface Loopback0\n ipv4 access-group NONE ingress\n", hostname="x")


def test_one_statement_is_shown_alone(box):
    assert box.user.line("show running-config hostname") == "hostname edge-x1\n\n"
    assert box.user.line("show running-config interface hu0/0/0/1") == "interface HundredGigE0/0/0/1\n shutdown\n!\n\n"
    assert box.user.line("show running-config ipv4 access-list VTY").splitlines()[1] == " 10 permit ipv4 192.0.2.0/24 any"
    assert box.user.line("show running-config ipv4 access-list NONE") == "% No such configuration item(s)\n\n"
    assert box.user.line("show running-config | include access-group") == " ipv4 access-group UP egress\n"


def test_who_is_there_and_from_where(box):
    here = box.device.session("ansible", local="192.0.2.227", peer=("192.0.2.225", 50222))
    here.line("terminal exec prompt no-timestamp")
    assert [line.split() for line in here.line("show users").splitlines()[1:]] == [
        ["vty0", "ansible", "ssh", "0", "00:00:00"],
        ["*", "vty1", "ansible", "ssh", "0", "00:00:00", "192.0.2.225"],
    ]
    assert here.line("show tcp brief").splitlines()[2].split()[4:] == ["192.0.2.227:22", "192.0.2.225:50222", "ESTAB"]


def test_output_of_show_has_the_time_above_it_until_it_is_switched_off(box):
    session = box.device.session("x")
    assert session.line("show privilege").splitlines()[0].endswith(" UTC")
    session.line("terminal exec prompt no-timestamp")
    assert session.line("show privilege") == "Current privilege level is 15\n"


@pytest.mark.parametrize(
    ("line", "column"), [("shov version", 3), ("show versiox", 11), ("foo", 0), ("show privilege x", 15), ("   foo", 3)]
)
def test_the_caret_is_below_the_word_that_is_wrong(box, line, column):
    assert caret(box.user.line(line)) == len(box.user.prompt) + column


def test_incomplete_and_ambiguous_commands(box):
    assert box.user.line("show") == "% Incomplete command.\n"
    assert box.user.line("te") == "% Incomplete command.\n"
    assert box.user.line("c").startswith("% Ambiguous command:")
    config(box.user, "hostname other")
    assert box.user.line("cl").startswith("% Ambiguous command:")
    assert "hostname other" in box.user.line("show configuration")


# -- modes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("interface hu 0/0/0/5", "config-if"),
        ("interface Te0/0/0/1.100", "config-subif"),
        ("interface be1", "config-if"),
        ("interface mgmtEth 0/RP0/CPU0/0", "config-if"),
        ("ipv4 access-list A", "config-ipv4-acl"),
        ("ipv6 access-list A", "config-ipv6-acl"),
        ("object-group network ipv4 A", "config-object-group-ipv4"),
        ("object-group network ipv6 A", "config-object-group-ipv6"),
        ("object-group port A", "config-object-group-port"),
        ("line template A", "config-line"),
        ("username u", "config-un"),
        ("prefix-set A", "config-pfx"),
        ("route-policy A", "config-rpl"),
        ("class-map match-any A", "config-cmap"),
        ("policy-map A", "config-pmap"),
        ("router static", "config-static"),
        ("control-plane", "config-ctrl"),
        ("ntp", "config-ntp"),
        ("vrf A", "config-vrf"),
    ],
)
def test_modes_have_their_prompts(box, line, mode):
    assert config(box.user, line) == ""
    assert box.user.prompt == f"RP/0/RP0/CPU0:edge-x1({mode})#"
    run(box.user, {"prefix-set A": "end-set", "route-policy A": "end-policy"}.get(line, "exit"))
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x1(config)#"


def test_a_line_of_a_mode_above_leaves_the_mode(box):
    config(box.user, "router static", "address-family ipv4 unicast", "interface Loopback0")
    assert box.user.prompt.endswith("(config-if)#")
    assert caret(box.user.line("permit tcp any any"))
    assert box.user.prompt.endswith("(config-if)#")
    run(box.user, "root")
    assert box.user.prompt.endswith("(config)#")


def test_a_statement_may_stand_behind_the_one_above_it(box):
    commit(box.user, "ipv4 access-list UP 15 deny udp any any", "interface Loopback0 description us")
    assert listed(box)[1] == " 15 deny udp any any"
    assert box.user.prompt.endswith("edge-x1#")
    commit(box.user, "no ipv4 access-list UP 15", "no interface Loopback0 description")
    assert box.device.running() == STARTUP


# -- entries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("permit ipv4 any any", "permit ipv4 any any"),
        ("permit tcp 198.51.100.0 0.0.0.255 any eq 25", "permit tcp 198.51.100.0/24 any eq smtp"),
        ("permit tcp 198.51.100.77/24 any eq smtp", "permit tcp 198.51.100.0/24 any eq smtp"),
        ("deny udp host 192.0.2.1 range 1 100 any neq 53", "deny udp host 192.0.2.1 range 1 100 any neq domain"),
        ("deny ipv4 198.51.0.5 0.0.255.0 any", "deny ipv4 198.51.0.5 0.0.255.0 any"),
        ("deny ipv4 192.0.2.1 0.0.0.0 0.0.0.0 255.255.255.255", "deny ipv4 host 192.0.2.1 any"),
        ("deny ipv4 192.0.2.1/32 0.0.0.0/0", "deny ipv4 host 192.0.2.1 any"),
        ("permit tcp any any est", "permit tcp any any established"),
        ("permit tcp any any match-all +syn -ack log", "permit tcp any any match-all +syn -ack log"),
        ("deny 6 any any", "deny tcp any any"),
        ("deny 99 any any", "deny 99 any any"),
        ("deny tcp any any fragments", "deny tcp any any fragments"),
        ("deny ipv4 any any icmp-off log", "deny ipv4 any any log icmp-off"),
        ("deny ipv4 any any counter C1", "deny ipv4 any any counter C1"),
        ("permit icmp any any 3 4", "permit icmp any any packet-too-big"),
        ("permit icmp any any echo", "permit icmp any any echo"),
        ("permit icmp any any 200 7", "permit icmp any any 200 7"),
        ("permit host 192.0.2.1", "permit ipv4 host 192.0.2.1 any"),
        ("permit 192.0.2.0 0.0.0.255", "permit ipv4 192.0.2.0/24 any"),
        ("deny tcp net-group POOL any eq 443", "deny tcp net-group POOL any eq https"),
        ("deny tcp any any eq 587", "deny tcp any any eq 587"),
        ("remark  two  words", "remark two  words"),
    ],
)
def test_ipv4_entries_are_shown_as_the_device_writes_them(box, written, shown):
    assert add(box, written) == [f"10 {shown}"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("permit tcp 2001:DB8::1/64 any eq 25", "permit tcp 2001:db8::/64 any eq smtp"),
        ("permit icmpv6 any any nd-ns", "permit icmpv6 any any nd-ns"),
        ("permit icmp any any 135", "permit icmpv6 any any nd-ns"),
        ("deny ipv6 host 2001:db8::1 any fragments", "deny ipv6 host 2001:db8::1 any fragments"),
        ("deny tcp any 2001:db8::1/128 established", "deny tcp any host 2001:db8::1 established"),
    ],
)
def test_ipv6_entries_are_shown_as_the_device_writes_them(box, written, shown):
    assert add(box, written, family=6) == [f"10 {shown}"]


@pytest.mark.parametrize(
    "wrong",
    [
        "permit tcp any",
        "permit tcp any any eq",
        "permit tcp any any eq submission",
        "permit tcp any any eq 65536",
        "permit udp any any established",
        "permit ipv4 any any eq 25",
        "permit tcp any any eq 25 fragments",
        "permit tcp 198.51.100.0 any",
        "permit tcp 198.51.100.0/33 any",
        "permit tcp 198.51.100.256 0.0.0.255 any",
        "permit tcp 2001:db8::/32 any",
        "permit ipv6 any any",
        "permit ip any any",
        "permit tcp any any dscp ef",
        "0 permit ipv4 any any",
        "deny ipv4 any any undetermined-transport",
        "no permit ipv4 any any",
        f"permit tcp net-group {'x' * 65} any",
    ],
)
def test_what_is_no_entry_is_refused(box, wrong):
    assert "% " in config(box.user, "ipv4 access-list NEW", wrong)
    assert run(box.user, "show configuration").splitlines()[2:] == ["ipv4 access-list NEW", "!", "end", ""]


def test_numbers(box):
    lines = add(box, "permit tcp any any", "25 remark x", "permit udp any any", "5 deny tcp any any", "25 remark y")
    assert lines == ["5 deny tcp any any", "10 permit tcp any any", "25 remark y", "35 permit udp any any"]
    commit(box.user, "ipv4 access-list NEW", "no 5", "10 permit udp any any", "no 99")
    assert [line[1:] for line in listed(box, "NEW")] == ["10 permit udp any any", "25 remark y", "35 permit udp any any"]
    assert box.user.line("resequence access-list ipv4 NEW 100 5") == ""
    assert [line.split()[0] for line in listed(box, "NEW")] == ["100", "105", "110"]


def test_ports_of_a_group_are_shown_by_fewer_names(box):
    assert caret(config(box.user, "object-group port P", "eq https"))
    run(box.user, "eq 443", "range 8443 8445", "eq 25", "exit", "object-group network ipv4 G", "198.51.100.0/24")
    run(box.user, "host 192.0.2.9", "range 192.0.2.10 192.0.2.20", "192.0.0.0/9", "description the group")
    assert caret(run(box.user, "198.51.100.0 255.255.255.0"))
    assert run(box.user, "commit") == ""
    assert box.user.line("do show running-config object-group port P").splitlines() == [
        "object-group port P", " eq smtp", " eq 443", " range 8443 8445", "!", ""
    ]  # fmt: skip
    assert box.user.line("do show object-group network ipv4 G").splitlines() == [
        "object-group network ipv4 G", " description the group", " 192.0.0.0/9", " 198.51.100.0/24", " host 192.0.2.9",
        " range 192.0.2.10 192.0.2.20", "!",
    ]  # fmt: skip


# -- filters -----------------------------------------------------------------------------------------------------------


def tcp(source, destination, dport, flags=0x02, **more):
    ends = [int(ipaddress.ip_address(text)) for text in (source, destination)]
    return Packet(*ends, 6 if ":" in source else 4, 6, 40000, dport, flags, **more)


def verdict(box, packet):
    (one,) = box.device.filters()
    found = decide(one.entries, packet)
    return found and (found.key, found.permit)


def test_what_is_bound_is_compiled(box):
    (up,) = box.device.filters()
    assert (up.interface, up.direction, up.name, up.family) == ("HundredGigE0/0/0/0", "out", "ipv4 UP", 4)
    assert verdict(box, tcp("198.51.100.200", "203.0.113.1", 25)) == ("20", False)
    assert verdict(box, tcp("198.51.100.200", "203.0.113.1", 25, 0x10)) == ("10", True)
    assert verdict(box, tcp("192.0.2.129", "203.0.113.1", 25)) == ("30", True)
    commit(box.user, "ipv4 access-list UP", "no 30")
    assert verdict(box, tcp("192.0.2.129", "203.0.113.1", 25)) == ("implicit deny", False)


def test_a_group_is_what_it_holds_nested_groups_included(box):
    commit(
        box.user,
        *("object-group network ipv4 INNER", "range 203.0.113.5 203.0.113.9", "exit"),
        *("object-group network ipv4 POOL", "object-group INNER", "no 198.51.100.128/25", "exit"),
        *("object-group port MAIL", "eq 25", "range 465 467", "exit"),
        *("ipv4 access-list UP", "20 deny tcp net-group POOL any port-group MAIL", "exit"),
    )
    for source, port, permit in (
        ("203.0.113.5", 25, False),
        ("203.0.113.9", 466, False),
        ("203.0.113.10", 25, True),
        ("203.0.113.4", 25, True),
        ("198.51.100.1", 465, False),
        ("198.51.100.200", 25, True),
        ("198.51.100.1", 468, True),
    ):
        assert verdict(box, tcp(source, "192.0.2.1", port))[1] is permit, (source, port)


@pytest.mark.parametrize(
    ("operator", "ports"),
    [
        ("eq 25", {25}),
        ("neq 25", {0, 24, 26, 65535}),
        ("lt 25", {0, 24}),
        ("gt 25", {26, 65535}),
        ("range 24 25", {24, 25}),
        ("lt 0", set()),
        ("range 25 24", set()),
    ],
)
def test_ports(box, operator, ports):
    commit(box.user, "ipv4 access-list UP", f"20 deny tcp any any {operator}")
    tried = (0, 24, 25, 26, 65535)
    assert {port for port in tried if verdict(box, tcp("192.0.2.1", "192.0.2.2", port)) == ("20", False)} == ports


def test_ipv6_permits_its_neighbours_before_it_denies(box):
    commit(
        box.user,
        *("ipv6 access-list SIX", "deny tcp any any eq 25", "exit"),
        *("interface hu0/0/0/1", "ipv6 access-group SIX ingress", "ipv6 unreachables disable", "exit"),
        *("interface hu0/0/0/0", "no ipv4 access-group UP egress", "exit"),
    )
    (six,) = box.device.filters()
    assert [(entry.key, entry.permit, entry.reply) for entry in six.entries] == [
        ("10", False, False),
        ("implicit nd-na", True, False),
        ("implicit nd-ns", True, False),
        ("implicit deny", False, False),
    ]
    neighbour = Packet(1, 2, 6, 58, None, None, icmp=(135, 0))
    assert verdict(box, neighbour) == ("implicit nd-ns", True)
    assert verdict(box, tcp("2001:db8::1", "2001:db8::2", 26)) == ("implicit deny", False)


def test_icmp_off_answers_not(box):
    commit(box.user, "ipv4 access-list UP", "20 deny tcp any any eq 25 icmp-off")
    (up,) = box.device.filters()
    assert [entry.reply for entry in up.entries] == [True, False, True, True]


def test_matches_are_shown_and_cleared(box):
    cleared = []
    box.device.clear_counters = cleared.append
    box.device.counters = lambda: {
        ("HundredGigE0/0/0/0", "out", "ipv4 UP", "20"): (7, 420),
        ("HundredGigE0/0/0/1", "in", "ipv4 UP", "20"): (2, 120),
        ("HundredGigE0/0/0/0", "out", "ipv6 UP", "10"): (9, 9),
        ("HundredGigE0/0/0/0", "out", "ipv4 UP", "implicit deny"): (3, 9),
    }
    assert listed(box)[:2] == [" 10 permit tcp any any established", " 20 deny tcp net-group POOL any eq smtp (9 matches)"]
    egress = box.user.line("show access-lists ipv4 UP hardware egress location 0/0/CPU0").splitlines()
    assert egress[2] == " 20 deny tcp net-group POOL any eq smtp (7 hw matches)"
    one = box.user.line("show access-lists ipv4 UP hardware ingress interface hu0/0/0/1 location 0/0/CPU0").splitlines()
    assert one[2].endswith("(2 hw matches)")
    assert box.user.line("clear access-list ipv4 UP") == ""
    assert cleared == ["ipv4 UP"]


def test_where_a_list_is_bound_is_shown(box):
    text = box.user.line("show ipv4 interface hu0/0/0/0")
    assert "Outgoing access list is UP\n" in text
    assert "access list is not set" in text
    assert "ICMP unreachables are always sent" in text
    assert box.user.line("show access-lists ipv4 usage pfilter location all").splitlines() == [
        "Interface : HundredGigE0/0/0/0 ", "    Input  ACL : Common-ACL : N/A  ACL : N/A", "    Output ACL : UP"
    ]  # fmt: skip
    brief = box.user.line("show ipv4 interface brief").splitlines()
    assert brief[2].split() == ["Loopback0", "192.0.2.200", "Up", "Up", "default"]
    assert brief[4].split() == ["HundredGigE0/0/0/1", "unassigned", "Shutdown", "Down", "default"]


# -- commit ------------------------------------------------------------------------------------------------------------


def test_nothing_happens_before_the_commit_and_all_of_it_then(box):
    config(box.user, "ipv4 access-list UP", "no 20", "5 deny tcp any any eq 25", "exit", "hostname edge-x9")
    assert box.device.running() == STARTUP
    assert box.changes == []
    assert run(box.user, "show configuration").splitlines()[2:-1] == [
        "hostname edge-x9", "ipv4 access-list UP", " 5 deny tcp any any eq smtp", " no 20", "!", "end"
    ]  # fmt: skip
    assert "+   5 deny tcp any any eq smtp" in run(box.user, "show commit changes diff").splitlines()
    assert run(box.user, "commit label first comment why not") == ""
    assert len(box.changes) == 1
    assert box.saved == [box.device.running()] == [box.device.startup()]
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x9(config)#"
    assert run(box.user, "commit") == NO_CHANGES
    detail = box.user.line("do show configuration commit list detail")
    assert "Label: first" in detail
    assert "Comment:  why not" in detail


def test_a_change_that_is_none_is_none(box):
    assert config(box.user, "hostname edge-x1", "interface Loopback0", "no shutdown", "commit") == NO_CHANGES
    assert run(box.user, "end") == ""


def test_leaving_with_changes_asks(box):
    config(box.user, "hostname a")
    assert run(box.user, "end") == ""
    assert box.user.prompt == "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:"
    run(box.user, "")
    assert box.user.prompt.endswith("(config)#")
    run(box.user, "exit", "no")
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x1#"
    config(box.user, "hostname b", "end", "yes")
    assert box.user.prompt == "RP/0/RP0/CPU0:b#"
    config(box.user, "hostname c", "abort")
    assert box.user.prompt == "RP/0/RP0/CPU0:b#"
    config(box.user, "hostname c", "clear", "end")
    assert box.user.prompt == "RP/0/RP0/CPU0:b#"


def test_a_session_that_goes_away_leaves_nothing(box):
    config(box.user, "hostname a")
    box.user.close()
    assert box.device.running() == STARTUP
    assert box.device.sessions == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["interface Loopback0", "ipv4 access-group NONE ingress"], "NONE does not exist"),
        (["interface Loopback0", "ipv6 access-group UP ingress"], "ipv6 access-list UP does not exist"),
        (["ipv4 access-list E", "remark x", "interface Loopback0", "ipv4 access-group E ingress"], "empty access list"),
        (["no ipv4 access-list UP"], "ipv4 access-list UP is in use"),
        (["no ipv4 access-list VTY"], "ipv4 access-list VTY is in use"),
        (["no object-group network ipv4 POOL"], "object-group ipv4 POOL is in use"),
        (["ipv4 access-list A", "permit tcp net-group NONE any"], "object-group ipv4 NONE does not exist"),
        (["ipv4 access-list A", "permit tcp any port-group NONE any"], "object-group port NONE does not exist"),
        (["object-group network ipv4 POOL", "object-group POOL"], "contains itself"),
        (["object-group network ipv4 POOL", "object-group NONE"], "NONE does not exist"),
        (["class-map C", "match access-group ipv4 NONE"], "ipv4 access-list NONE does not exist"),
        (["interface Loopback0", "service-policy input NONE"], "policy-map NONE does not exist"),
        (["ipv4 access-list UP", "no 10", "no 20", "no 30"], "empty access list"),
    ],
)
def test_a_commit_of_what_cannot_be_is_refused_whole(box, lines, reason):
    config(box.user, "hostname other", *lines, "root")
    assert run(box.user, "commit") == FAILED
    assert box.device.running() == STARTUP
    assert box.changes == []
    text = run(box.user, "show configuration failed")
    assert text.startswith("!! SEMANTIC ERRORS: This configuration was rejected by")
    assert reason in text
    assert "hostname other" in run(box.user, "show configuration")
    assert run(box.user, "commit show-error") == FAILED + text


def test_a_list_and_its_binding_go_in_one_commit(box):
    commit(
        box.user, "no ipv4 access-list UP", "interface hu0/0/0/0", "no ipv4 access-group UP egress", "exit",
        "no object-group network ipv4 POOL",
    )  # fmt: skip
    assert box.device.filters() == []
    assert len(box.changes) == 1


def test_a_list_that_is_deleted_and_written_anew_is_the_new_one(box):
    commit(box.user, "no ipv4 access-list UP", "ipv4 access-list UP", "100 permit ipv4 any any")
    assert listed(box) == [" 100 permit ipv4 any any"]


def test_two_sessions(box):
    other = box.enter("other")
    config(box.user, "hostname mine")
    commit(other, "interface Loopback0", "description other")
    assert "commits have occurred from other" in run(box.user, "commit")
    assert box.user.prompt == "Do you wish to proceed with this commit anyway? [no]:"
    run(box.user, "")
    assert "hostname edge-x1" in box.device.running()
    run(box.user, "commit", "yes")
    assert "hostname mine" in box.device.running()
    assert "description other" in box.device.running()
    assert run(box.user, "interface Loopback0", "shutdown", "commit") == ""


def test_the_exclusive_lock(box):
    other = box.enter("other")
    assert run(box.user, "configure exclusive") == ""
    assert "locked by another agent" in run(other, "configure exclusive")
    assert other.prompt.endswith("edge-x1#")
    assert "*" in run(other, "show configuration sessions")
    assert "Lock: Reserved" in run(other, "show configuration sessions detail")
    other.line("configure")
    assert "locked by another" in run(other, "hostname x", "commit")
    run(box.user, "end")
    assert run(other, "commit") == ""
    assert caret(other.line("do foo")) == len(other.prompt) + 3


def test_replace(box):
    config(box.user, "hostname alone")
    assert "-  ssh server v2" in run(box.user, "show configuration changes diff")
    assert run(box.user, "commit replace").startswith("This commit will replace or remove the entire running configuration.")
    assert box.user.prompt == "Do you wish to proceed? [no]:"
    run(box.user, "no")
    assert box.device.running() == STARTUP
    run(box.user, "commit replace", "yes")
    assert box.device.running() == "hostname alone\nend\n"


def test_a_whole_configuration_is_replaced_by_its_text(box):
    config(box.user, *FULL.splitlines()[:-1])
    run(box.user, "commit replace", "yes")
    assert box.device.running() == FULL


def test_rollback_is_to_the_byte(box):
    commit(box.user, "hostname one")
    commit(box.user, "no ssh server v2", "ipv4 access-list UP", "no 10")
    commit(box.user, "hostname three")
    preview = box.user.line("show configuration rollback changes last 2").splitlines()
    assert preview[2:-2] == ["hostname one", "ipv4 access-list UP", " 10 permit tcp any any established", "!", "ssh server v2"]
    assert "successfully rolled back 2 commits" in box.user.line("rollback configuration last 2")
    assert box.device.running() == STARTUP.replace("edge-x1", "one")
    assert "successfully rolled back" in box.user.line("rollback configuration to 1000000001")
    assert box.device.running() == STARTUP
    assert "no such entry" in box.user.line("rollback configuration last 90")
    changes = box.user.line("show configuration commit changes 1000000002").splitlines()
    assert changes[2:-2] == ["ipv4 access-list UP", " no 10", "!", "no ssh server v2"]
    assert "-  ssh server v2" in box.user.line("show configuration commit changes 1000000002 diff").splitlines()
    since = box.user.line("show configuration commit changes since 1000000002").splitlines()
    assert since[2:-2] == ["hostname edge-x1"]


# -- commit confirmed --------------------------------------------------------------------------------------------------


def trial(box, option="confirmed 60"):
    config(box.user, "ipv4 access-list UP", "no 20", "root")
    assert run(box.user, f"commit {option}") == ""
    assert "20 deny" not in box.device.running()


@pytest.mark.parametrize(("option", "seconds"), [("confirmed 60", 60), ("confirmed minutes 3", 180), ("confirmed", 30)])
def test_a_trial_goes_back_by_itself(box, option, seconds):
    trial(box, option)
    box.clock.now += seconds - 0.1
    box.device.tick()
    assert "20 deny" not in box.device.running()
    box.clock.now += 0.1
    box.device.tick()
    assert box.device.running() == STARTUP
    assert len(box.changes) == 2
    assert box.user.line("do show configuration commit list").splitlines()[2].split()[4] == "Rollback"
    assert run(box.user, "commit") == NO_CHANGES
    assert run(box.user, "end") == ""


@pytest.mark.parametrize("option", ["confirmed 29", "confirmed 65536", "confirmed minutes 0", "confirmed minutes 1025"])
def test_a_time_out_of_range_is_refused(box, option):
    assert caret(config(box.user, "hostname x", f"commit {option}"))


def test_the_session_that_began_it_confirms_it(box):
    trial(box)
    assert run(box.user, "commit") == "% Confirming commit for trial session.\n"
    box.clock.now += 1000
    box.device.tick()
    assert "20 deny" not in box.device.running()
    assert run(box.user, "end") == ""


def test_another_session_confirms_nothing(box):
    trial(box)
    other = box.enter("other")
    assert "Client: commit-confirm" in run(other, "show configuration sessions detail")
    assert config(other, "commit") == NO_CHANGES
    assert run(other, "hostname other", "commit").startswith(
        "% Cannot commit because there is an unexpired trial/rollback session"
    )
    assert "concurrent trial configuration session" in run(other, "end")
    assert "A trial commit is underway" in run(other, "configure exclusive")
    assert "unexpired trial" in run(other, "rollback configuration last 1")
    box.clock.now += 61
    run(other, "show clock")
    assert box.device.running() == STARTUP


def test_a_cut_session_takes_nothing_with_it(box):
    trial(box)
    box.user.close()
    assert "20 deny" not in box.device.running()
    box.clock.now += 61
    box.device.tick()
    assert box.device.running() == STARTUP


def test_aborting_a_trial_goes_back_without_a_question(box):
    trial(box)
    assert run(box.user, "abort") == ""
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x1#"
    assert box.device.running() == STARTUP


@pytest.mark.parametrize("word", ["end", "exit"])
def test_leaving_a_trial_asks_and_goes_back_at_once(box, word):
    trial(box)
    assert run(box.user, word) == LEAVING
    assert box.user.prompt == "Do you wish to exit? [no]:"
    run(box.user, "")
    assert box.user.prompt.endswith("(config)#")
    run(box.user, word, "yes")
    assert box.user.prompt == "RP/0/RP0/CPU0:edge-x1#"
    assert box.device.running() == STARTUP


def test_a_reload_ends_a_trial_and_keeps_what_was_confirmed(box):
    trial(box)
    assert box.saved == [STARTUP]
    assert box.device.startup() == STARTUP
    run(box.user, "commit")
    assert box.saved[-1] == box.device.running() == box.device.startup()


def test_a_trial_of_nothing_is_none(box):
    assert config(box.user, "hostname edge-x1", "commit confirmed 60") == NO_CHANGES
    assert box.device.trial is None


def test_more_changes_confirm_the_trial_too(box):
    trial(box)
    assert run(box.user, "hostname more", "commit confirmed 60").startswith("% Cannot commit because")
    assert run(box.user, "commit") == ""
    box.clock.now += 1000
    box.device.tick()
    assert "hostname more" in box.device.running()
    assert "20 deny" not in box.device.running()


def test_questions_at_a_terminal(box):
    screen = []
    terminal = Terminal(box.user, screen.append)
    terminal.start()
    for _chunk in terminal.feed("configure\rhostname x\rend\rno\rshow privilege\r"):
        pass
    assert "".join(screen) == (
        "\r\nRP/0/RP0/CPU0:edge-x1#configure\r\nRP/0/RP0/CPU0:edge-x1(config)#hostname x\r\n"
        "RP/0/RP0/CPU0:edge-x1(config)#end\r\n"
        "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:no\r\n"
        "RP/0/RP0/CPU0:edge-x1#show privilege\r\nCurrent privilege level is 15\r\nRP/0/RP0/CPU0:edge-x1#"
    )


# -- switches, speed, and Ansible --------------------------------------------------------------------------------------


def test_switches():
    broken = Box(ignore_changes=True)
    assert config(broken.user, "hostname x", "commit") == ""
    assert broken.device.running() == STARTUP
    failing = Box(fail_on="eq 587")
    assert "% Error" in config(failing.user, "ipv4 access-list N", "permit tcp any any eq 587")
    assert run(failing.user, "permit tcp any any eq 588") == ""


def test_thousands_of_lines(box):
    config(box.user, "ipv4 access-list BIG")
    for number in range(5000):
        address = ipaddress.ip_address("198.51.100.0") + number % 256
        assert box.user.line(f" {10 * number + 10} permit tcp host {address} any range {number} {number + 9}") == ""
    assert run(box.user, "commit") == ""
    assert len(listed_do(box, "BIG")) == 5000


def listed_do(box, name):
    return box.user.line(f"do show access-lists ipv4 {name}").splitlines()[1:]


PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - cisco.iosxr.iosxr_command:
        commands: [show version, show access-lists ipv4 UP]
      register: shown
    - cisco.iosxr.iosxr_config:
        parents: ipv4 access-list UP
        lines: [15 deny tcp any any eq 2525]
      register: changed
    - cisco.iosxr.iosxr_config:
        parents: ipv4 access-list UP
        lines: [15 deny tcp any any eq 2525]
      register: again
    - cisco.iosxr.iosxr_config:
        parents: interface Loopback0
        lines: [ipv4 access-group NONE ingress]
      register: refused
      ignore_errors: true
    - cisco.iosxr.iosxr_acls:
        state: gathered
      register: acls
    - cisco.iosxr.iosxr_facts:
        gather_subset: [min]
    - ansible.builtin.assert:
        that:
          - shown.stdout[1] is search('20 deny tcp net-group POOL any eq smtp')
          - changed is changed
          - again is not changed
          - refused is failed
          - ansible_net_version == '7.11.2'
          - ansible_net_hostname == 'edge-x1'
          - (acls.gathered[0].acls | selectattr('name', 'eq', 'UP') | first).aces[1].sequence == 15
- hosts: all
  gather_facts: false
  vars: {ansible_iosxr_commit_confirmed: true, ansible_iosxr_commit_confirmed_timeout: 60}
  tasks:
    - cisco.iosxr.iosxr_config:
        parents: ipv4 access-list UP
        lines: [16 deny tcp any any eq 2526]
    - cisco.iosxr.iosxr_command:
        commands: [do show configuration sessions detail, commit]
      register: confirmed
    - ansible.builtin.assert:
        that:
          - confirmed.stdout[0] is search('commit-confirm')
          - confirmed.stdout[1] is search('Confirming commit for trial session')
"""


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "startup-config").write_text(STARTUP)
    users = {"ansible": {"password": "secret", "privilege": 15}}
    settings = {"platform": "iosxr", "hostname": "edge-x1", "listen": ["127.0.0.1"], "port": 0, "users": users}
    (tmp_path / "lab-cli.json").write_text(json.dumps({**settings, "startup": str(tmp_path / "startup-config")}))
    command = [sys.executable, "-m", "lab.cli", "--config", str(tmp_path / "lab-cli.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())["ports"][0]
        process.terminate()


def test_ansible_is_content(daemon, tmp_path):
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts").write_text(
        f"edge-x1 ansible_host=127.0.0.1 ansible_port={daemon} ansible_user=ansible ansible_password=secret "
        "ansible_connection=ansible.netcommon.network_cli ansible_network_os=cisco.iosxr.iosxr\n"
    )
    environment = {
        **os.environ, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(tmp_path / "pc"), "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_PARAMIKO_LOOK_FOR_KEYS": "False",
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts"), str(tmp_path / "play.yml")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 deny tcp any any eq 2526" in (tmp_path / "startup-config").read_text()
