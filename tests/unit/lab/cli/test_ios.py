# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest

from lab.cli.__main__ import enforce, save_to
from lab.cli.filter import Packet, decide
from lab.cli.ios import Device
from lab.cli.shell import Options

ROOT = Path(__file__).resolve().parents[4]
STARTUP = """\
version 17.9
!
service timestamps log datetime msec
!
hostname edge-c1
!
vrf definition Mgmt-intf
 address-family ipv4
 exit-address-family
!
enable secret 9 $9$words
!
aaa new-model
aaa authentication login default local
!
no ip domain lookup
!
archive
 log config
  logging enable
 path bootflash:/archive/edge
 maximum 3
!
username ansible privilege 15 secret 9 $9$words
!
class-map match-all COPP
 match access-group name MANAGEMENT
!
policy-map COPP
 class COPP
  police 64000 conform-action transmit exceed-action drop
!
object-group network SERVERS
 host 203.0.113.10
 198.51.100.128 255.255.255.128
!
interface Loopback0
 ip address 192.0.2.226 255.255.255.255
!
interface GigabitEthernet0/0/0
 description customers, east
 ip address 198.51.100.1 255.255.255.128
 ip access-group CUSTOMERS in
 negotiation auto
 ipv6 address 2001:DB8:E000::1/64
 ipv6 traffic-filter CUSTOMERS6 in
!
interface GigabitEthernet0/0/1
 ip address 192.0.2.194 255.255.255.252
 no ip unreachables
 negotiation auto
!
interface GigabitEthernet0/0/2
 no ip address
 shutdown
!
no ip http server
ip nat inside source list NAT interface GigabitEthernet0/0/1 overload
ip route 0.0.0.0 0.0.0.0 192.0.2.193
ip ssh version 2
!
ip access-list standard NAT
 10 permit 198.51.100.0 0.0.0.127
!
ip access-list extended CUSTOMERS
 10 remark of the operator
 10 permit ip 198.51.100.0 0.0.0.127 any
 20 deny ip any any log
!
ip access-list extended MANAGEMENT
 10 permit tcp object-group SERVERS any eq 22
!
ip prefix-list OURS seq 5 permit 198.51.100.0/24 le 32
!
ipv6 route ::/0 2001:DB8:1::1
!
route-map RM permit 10
 match ip address NAT
!
snmp-server community words RO NAT
!
ipv6 access-list CUSTOMERS6
 sequence 10 permit ipv6 2001:DB8:E000::/64 any
!
control-plane
 service-policy input COPP
!
banner motd ^C
Authorised only
^C
!
line con 0
 stopbits 1
!
line vty 0 4
 access-class NAT in
 transport input ssh
!
ntp server 192.0.2.25
!
end
"""
ARCHIVE = "archive\n path bootflash:/archive/edge\n"
OURS = int(ipaddress.ip_address("198.51.100.77"))
THEIRS = int(ipaddress.ip_address("203.0.113.25"))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def device(clock):
    return Device(STARTUP, hostname="edge-c1", clock=clock, enable="right")


@pytest.fixture
def session(device):
    session = device.session("ansible")
    session.length = 0
    return session


def run(session, *lines):
    """Run lines that must be accepted without a word; returns what the last one printed."""
    output = ""
    for line in lines:
        assert output == "", output
        output = session.line(line)
    return output


def configure(session, *lines):
    """Run configuration lines from EXEC mode and back."""
    session.line("configure terminal")
    output = run(session, *lines)
    session.line("end")
    return output


def acl(device, name):
    lines = device.config.acls[name].lines()
    return [line.strip() for line in lines[1:]]


# -- the configuration as a whole


def test_what_it_boots_with_is_what_it_shows(device):
    assert device.running() == STARTUP
    assert device.startup() == STARTUP


def test_a_bad_line_in_the_startup_configuration_is_an_error():
    with pytest.raises(ValueError, match=r"line 2:  ip adress 192.0.2.1 255.255.255.0"):
        Device("interface Loopback0\n ip adress 192.0.2.1 255.255.255.0\n", hostname="r")


def test_without_a_startup_configuration():
    device = Device("", hostname="fresh")
    assert device.running() == "hostname fresh\n!\nend\n"
    assert device.session("ansible").line("show startup-config") == "startup-config is not present\n"


def test_show_running_config(session, device):
    text = session.line("show running-config")
    assert text.startswith("Building configuration...\n\nCurrent configuration : ")
    body = text.split("bytes\n", 1)[1]
    assert f": {len(body) - 1} bytes" in text
    assert body == f"!\n{STARTUP}\n"
    configure(session, "hostname other")
    assert "! Last configuration change at " in session.line("show running-config")
    assert " by ansible\n" in session.line("show running-config")


def test_who_is_there_and_from_where(device):
    device.session("ansible")
    here = device.session("ansible", local="192.0.2.226", peer=("192.0.2.225", 50222))
    assert here.line("show users").splitlines()[1:3] == [
        "   1 vty 0    ansible    idle                 00:00:00 ",
        "*  2 vty 1    ansible    idle                 00:00:00 192.0.2.225",
    ]
    assert here.line("show tcp brief").splitlines()[2].split() == ["7F000001", "192.0.2.226.22", "192.0.2.225.50222", "ESTAB"]


def test_show_running_config_through_a_pipe(session):
    assert session.line("show run | include ^hostname|^ntp") == "hostname edge-c1\nntp server 192.0.2.25\n"
    assert session.line("show run | exclude .") == "\n\n"
    assert session.line("show run | begin ^ntp") == "ntp server 192.0.2.25\n!\nend\n\n"
    assert session.line("show run | section ipv6 access-list") == (
        "ipv6 access-list CUSTOMERS6\n sequence 10 permit ipv6 2001:DB8:E000::/64 any\n"
    )
    assert session.line("show run | section access-group") == (
        " match access-group name MANAGEMENT\n ip access-group CUSTOMERS in\n"
    )
    assert session.line("show run | count access-list").endswith("= 4\n")
    assert session.line("show run | wrong x") == " " * 19 + "^\n% Invalid input detected at '^' marker.\n\n"


def test_show_running_config_of_an_interface(session):
    output = session.line("show running-config interface gi 0/0/1")
    assert output.splitlines()[3:] == [
        "!",
        "interface GigabitEthernet0/0/1",
        " ip address 192.0.2.194 255.255.255.252",
        " no ip unreachables",
        " negotiation auto",
        "end",
        "",
    ]
    assert "Invalid" in session.line("show running-config interface gi9/9/9")


# -- modes and errors


def test_prompts(session):
    for line, prompt in (
        ("configure terminal", "edge-c1(config)#"),
        ("interface gi0/0/0", "edge-c1(config-if)#"),
        ("interface GigabitEthernet0/0/0.100", "edge-c1(config-subif)#"),
        ("ip access-list extended X", "edge-c1(config-ext-nacl)#"),
        ("ip access-list standard Y", "edge-c1(config-std-nacl)#"),
        ("ipv6 access-list Z", "edge-c1(config-ipv6-acl)#"),
        ("object-group network G", "edge-c1(config-network-group)#"),
        ("object-group service S", "edge-c1(config-service-group)#"),
        ("line vty 0 4", "edge-c1(config-line)#"),
        ("archive", "edge-c1(config-archive)#"),
        ("log config", "edge-c1(config-archive-log-cfg)#"),
        ("exit", "edge-c1(config-archive)#"),
        ("exit", "edge-c1(config)#"),
        ("policy-map COPP", "edge-c1(config-pmap)#"),
        ("class COPP", "edge-c1(config-pmap-c)#"),
        ("class class-default", "edge-c1(config-pmap-c)#"),
        ("control-plane", "edge-c1(config-cp)#"),
        ("route-map RM permit 20", "edge-c1(config-route-map)#"),
        ("hostname other", "other(config)#"),
        ("end", "other#"),
        ("disable", "other>"),
    ):
        session.line(line)
        assert session.prompt == prompt
    session.line("exit")
    assert session.closed


def test_errors_are_where_ios_puts_them(session):
    assert session.line("show ip rout3") == " " * len("edge-c1#show ip ") + "^\n% Invalid input detected at '^' marker.\n\n"
    session.line("configure terminal")
    # From a session on an ISR 4331: the caret is under the `t` of `http`, where no keyword goes on.
    assert (
        session.line("ip hxtp server") == " " * (len("edge-c1(config)#ip h")) + "^\n% Invalid input detected at '^' marker.\n\n"
    )
    assert session.line("ip access-list") == "% Incomplete command.\n\n"
    assert session.line("i") == '% Ambiguous command:  "i"\n'
    session.line("interface gi0/0/0")
    assert session.line("ip access-group X inn") == " " * len("edge-c1(config-if)#ip access-group X in") + (
        "^\n% Invalid input detected at '^' marker.\n\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "ip access-group X",
        "ip access-group X sideways",
        "ipv6 access-group X in",
        "ip traffic-filter X in",
        "ip address 192.0.2.1 255.0.255.0",
        "ip address 192.0.2.256 255.255.255.0",
        "no shutdown please",
        "interface GigabitEthernet0/0/9",
        "interface Wormhole0",
        "frobnicate",
    ],
)
def test_nonsense_is_refused(session, device, line):
    before = device.running()
    session.line("configure terminal")
    session.line("interface gi0/0/0")
    assert session.line(line).startswith(("% ", " "))
    assert device.running() == before


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("do show ip rout3", 11),
        ("do show running-config interface gi 0/0/9", 33),
        ("interface GigabitEthernet0/0/9", 10),
        ("do show clock | wrong", 16),
    ],
)
def test_the_caret_counts_what_stands_before(session, line, column):
    session.line("configure terminal")
    assert session.line(line) == " " * (len("edge-c1(config)#") + column) + "^\n% Invalid input detected at '^' marker.\n\n"


def test_a_line_without_indentation_is_of_the_global_mode():
    Device("interface Loopback0\n shutdown\n", hostname="r")
    with pytest.raises(ValueError, match="line 2: shutdown"):
        Device("interface Loopback0\nshutdown\n", hostname="r")


def test_a_long_line_is_refused_whole(session, device):
    session.line("configure terminal")
    assert "254" in session.line("hostname " + "x" * 250)
    assert device.config.hostname == "edge-c1"


def test_user_exec_and_enable(device):
    session = device.session("low", 1)
    assert session.prompt == "edge-c1>"
    assert session.line("show privilege") == "Current privilege level is 1\n"
    for line in ("configure terminal", "show running-config", "write memory"):
        assert "Invalid" in session.line(line)
    session.line("enable")
    assert (session.prompt, session.echo) == ("Password: ", False)
    session.line("wrong")
    assert (session.prompt, session.echo) == ("Password: ", False)
    assert session.line("right") == ""
    assert (session.prompt, session.echo) == ("edge-c1#", True)
    session.line("disable")
    for attempt in ("enable", "a", "b"):
        assert session.line(attempt) == ""
    assert session.line("c") == "% Bad secrets\n\n"
    assert session.prompt == "edge-c1>"


def test_do_and_comments(session):
    session.line("configure terminal")
    assert session.line("do show privilege") == "Current privilege level is 15\n"
    assert "Invalid" in session.line("show privilege")
    assert session.line("! nothing") == session.line("") == ""


# -- access lists


def test_numbers(session, device):
    configure(session, "ip access-list extended X", "permit ip any any", "deny ip any any", "15 permit tcp any any")
    assert acl(device, "X") == ["10 permit ip any any", "15 permit tcp any any", "20 deny ip any any"]


def test_an_entry_that_is_there_changes_nothing(session, device):
    configure(session, "ip access-list extended X", "permit tcp any any eq 25", "50 permit tcp any any eq smtp")
    assert acl(device, "X") == ["10 permit tcp any any eq smtp"]


def test_a_number_that_is_taken(session, device):
    output = configure(session, "ip access-list extended X", "10 permit ip any any", "10 deny ip any any")
    assert output == "% Duplicate sequence number.\n\n"
    assert acl(device, "X") == ["10 permit ip any any"]
    assert configure(session, "ipv6 access-list X6", "sequence 10 permit ipv6 any any", "sequence 10 deny ipv6 any any") == output


def test_taking_out(session, device):
    configure(session, "ip access-list extended X", "permit ip any any", "permit tcp any any", "permit udp any any", "no 10")
    configure(session, "ip access-list extended X", "no permit tcp any any")
    assert acl(device, "X") == ["30 permit udp any any"]
    assert configure(session, "ip access-list extended X", "no 10").startswith("%")
    assert configure(session, "ip access-list extended X", "no permit gre any any").startswith("%")
    assert configure(session, "ip access-list extended X", "no 10 permit udp any any").startswith("%")
    configure(session, "ipv6 access-list X6", "permit ipv6 any any", "no sequence 10")
    assert acl(device, "X6") == []


def test_remarks_have_the_number_of_what_follows(session, device):
    configure(
        session,
        "ip access-list extended X",
        "remark first",
        "remark second",
        "permit ip any any",
        "remark third",
        "deny ip any any",
    )
    assert acl(device, "X") == [
        "10 remark first",
        "10 remark second",
        "10 permit ip any any",
        "20 remark third",
        "20 deny ip any any",
    ]
    configure(session, "ip access-list extended X", "10 remark fourth", "no 20 remark", "no remark first")
    assert acl(device, "X") == ["10 remark second", "10 remark fourth", "10 permit ip any any", "20 deny ip any any"]
    configure(session, "ip access-list extended X", "no 10")
    assert acl(device, "X") == ["20 deny ip any any"]
    configure(session, "ipv6 access-list X6", "remark six", "sequence 5 remark five", "permit ipv6 any any")
    assert acl(device, "X6") == ["sequence 5 remark five", "sequence 10 remark six", "sequence 10 permit ipv6 any any"]


def test_a_remark_is_cut_at_a_hundred(session, device):
    configure(session, "ip access-list extended X", "remark " + "x" * 120)
    assert acl(device, "X") == ["10 remark " + "x" * 100]


def test_resequence(session, device):
    configure(session, "ip access-list extended X", "7 remark r", "7 permit tcp any any", "9 permit udp any any", "exit")
    configure(session, "ip access-list resequence X 100 5")
    assert acl(device, "X") == ["100 remark r", "100 permit tcp any any", "105 permit udp any any"]
    configure(session, "ip access-list extended X", "no permit tcp any any")
    assert acl(device, "X") == ["105 permit udp any any"]


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ("permit tcp 192.0.2.77 0.0.0.255 any eq 25", "permit tcp 192.0.2.0 0.0.0.255 any eq smtp"),
        ("permit tcp 192.0.2.77 0.0.0.0 0.0.0.0 255.255.255.255", "permit tcp host 192.0.2.77 any"),
        (
            "deny tcp any 192.0.2.0 0.255.0.255 eq 25 465 587",
            "deny tcp any 192.0.2.0 0.255.0.255 eq smtp 465 587",
        ),
        ("permit 6 any any", "permit tcp any any"),
        ("permit 47 any any", "permit gre any any"),
        ("permit 200 any any", "permit 200 any any"),
        ("permit udp any eq 53 any range 1024 65535", "permit udp any eq domain any range 1024 65535"),
        ("permit tcp any any neq 80", "permit tcp any any neq www"),
        ("permit tcp any gt 1023 any lt 1024 established log", "permit tcp any gt 1023 any lt 1024 established log"),
        ("permit tcp any any syn ack", "permit tcp any any ack syn"),
        ("permit tcp any any match-all +syn -ack", "permit tcp any any match-all +syn -ack"),
        ("permit icmp any any 8", "permit icmp any any echo"),
        ("permit icmp any any 3 4 log-input", "permit icmp any any packet-too-big log-input"),
        ("permit icmp any any 8 1", "permit icmp any any 8 1"),
        ("deny ip any any log fragments", "deny ip any any fragments log"),
        ("deny tcp any any fragments", "deny tcp any any fragments"),
        ("PERMIT TCP object-group SERVERS ANY", "permit tcp object-group SERVERS any"),
    ],
)
def test_how_an_entry_is_shown(session, device, entry, shown):
    assert configure(session, "ip access-list extended X", entry) == ""
    assert acl(device, "X") == [f"10 {shown}"]
    assert Device(device.running(), hostname="r").running() == device.running()


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ("permit tcp 2001:db8:0::5/64 any eq 25", "permit tcp 2001:DB8::/64 any eq smtp"),
        ("deny tcp host 2001:db8::a ::/0 established", "deny tcp host 2001:DB8::A any established"),
        ("permit ipv6 2001:db8::1/128 any log", "permit ipv6 host 2001:DB8::1 any log"),
        ("permit icmp any any 135", "permit icmp any any nd-ns"),
        ("deny ipv6 any any undetermined-transport log", "deny ipv6 any any undetermined-transport log"),
        ("deny ipv6 any any fragments", "deny ipv6 any any fragments"),
        ("permit udp any any range 1 5", "permit udp any any range 1 5"),
    ],
)
def test_how_an_ipv6_entry_is_shown(session, device, entry, shown):
    assert configure(session, "ipv6 access-list X", f"{entry} sequence 30") == ""
    assert acl(device, "X") == [f"sequence 30 {shown}"]
    assert Device(device.running(), hostname="r").running() == device.running()


@pytest.mark.parametrize(
    ("list_", "entry"),
    [
        ("ip access-list extended X", "permit tcp any any eq submission"),
        ("ip access-list extended X", "permit tcp any any eq smtps"),
        ("ip access-list extended X", "permit tcp any any eq 65536"),
        ("ip access-list extended X", "permit tcp any any eq 25 fragments"),
        ("ip access-list extended X", "permit tcp any any fragments established"),
        ("ip access-list extended X", "permit ip any any eq 25"),
        ("ip access-list extended X", "permit udp any any established"),
        ("ip access-list extended X", "permit tcp 192.0.2.0/24 any"),
        ("ip access-list extended X", "permit tcp 192.0.2.1 any"),
        ("ip access-list extended X", "permit tcp any"),
        ("ip access-list extended X", "permit tcp 2001:db8::/32 any"),
        ("ip access-list extended X", "permit tcp any any range 10 5"),
        ("ip access-list extended X", "permit tcp any any gt 65535"),
        ("ip access-list extended X", "permit tcp any any eq 1 2 3 4 5 6 7 8 9 10 11"),
        ("ip access-list extended X", "permit ip object-group NOBODY any"),
        ("ip access-list extended X", "permit ip any any dscp ef"),
        ("ip access-list extended X", "permit ip any any time-range T"),
        ("ip access-list extended X", "permit tcp any any ack match-any +syn"),
        ("ip access-list extended X", "sequence 10 permit ip any any"),
        ("ip access-list extended X", "0 permit ip any any"),
        ("ip access-list extended X", "2147483648 permit ip any any"),
        ("ip access-list extended X", "permit ipv6 any any"),
        ("ip access-list standard X", "permit tcp any any"),
        ("ip access-list standard X", "permit 192.0.2.0/24"),
        ("ipv6 access-list X", "10 permit ipv6 any any"),
        ("ipv6 access-list X", "permit igmp any any"),
        ("ipv6 access-list X", "permit tcp 192.0.2.0 0.0.0.255 any"),
        ("ipv6 access-list X", "permit tcp 2001:db8:: any"),
        ("ipv6 access-list X", "permit tcp any any eq 25 undetermined-transport"),
        ("ipv6 access-list X", "permit ipv6 any any undetermined-transport"),
        ("ipv6 access-list X", "deny tcp any any undetermined-transport"),
        ("ipv6 access-list X", "permit ipv6 object-group SERVERS any"),
        ("ipv6 access-list X", "permit ipv6 any any routing"),
        ("ipv6 access-list X", "permit hbh any any"),
        ("ipv6 access-list X", "permit 44 any any"),
    ],
)
def test_entries_that_are_none(session, device, list_, entry):
    assert configure(session, list_, entry).lstrip().startswith(("^", "%"))
    assert device.config.acls["X"].entries == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ip access-list standard X", "ip access-list extended X"),
        ("ip access-list extended X", "ipv6 access-list X"),
        ("ipv6 access-list X", "ip access-list standard X"),
    ],
)
def test_a_name_is_of_one_list(session, device, first, second):
    assert "already exists" in configure(session, first, second)
    assert "already exists" in configure(session, f"no {second}")
    assert device.config.acls["X"].lines() == [first]


@pytest.mark.parametrize(
    "line", ["ip access-list extended 5", "ip access-list standard 100", "ip access-list extended 9x", "ipv6 access-list 6"]
)
def test_names_that_are_none(session, line):
    assert configure(session, line) == "% Invalid access list name.\n"


def test_standard_lists(session, device):
    configure(session, "ip access-list standard 10", "permit host 192.0.2.1", "permit 192.0.2.128 0.0.0.127 log", "deny any")
    assert acl(device, "10") == ["10 permit 192.0.2.1", "20 permit 192.0.2.128 0.0.0.127 log", "30 deny any"]
    assert session.line("show ip access-lists 10") == (
        "Standard IP access list 10\n"
        "    10 permit 192.0.2.1\n"
        "    20 permit 192.0.2.128, wildcard bits 0.0.0.127 log\n"
        "    30 deny any\n"
    )


def test_matches_are_shown(session, device):
    device.counters = lambda: {
        ("up0", "in", "CUSTOMERS", "10"): (3, 180),
        ("up1", "in", "CUSTOMERS", "10"): (4, 240),
        ("up0", "in", "CUSTOMERS", "20"): (1, 60),
        ("up0", "in", "CUSTOMERS6", "10"): (2, 120),
        ("up0", "in", "CUSTOMERS6", "implicit-deny"): (9, 540),
    }
    assert session.line("show ip access-lists CUSTOMERS") == (
        "Extended IP access list CUSTOMERS\n"
        "    10 permit ip 198.51.100.0 0.0.0.127 any (7 matches)\n"
        "    20 deny ip any any log (1 match)\n"
    )
    assert session.line("show ipv6 access-list") == (
        "IPv6 access list CUSTOMERS6\n    permit ipv6 2001:DB8:E000::/64 any (2 matches) sequence 10\n"
    )
    assert session.line("show access-lists").count("access list") == 4
    assert session.line("show ip access-lists").count("access list") == 3
    cleared = []
    device.clear_counters = cleared.append
    run(session, "clear access-list counters", "clear ip access-list counters CUSTOMERS")
    assert cleared == [None, "CUSTOMERS"]


# -- what is enforced


def filter_of(device, interface="GigabitEthernet0/0/0", family=4, direction="in"):
    key = (interface, family, direction)
    return next((item for item in device.filters() if (item.interface, item.family, item.direction) == key), None)


def mail(source=OURS, destination=THEIRS, dport=25, **more):
    return Packet(source, destination, more.pop("family", 4), 6, 40000, dport, **more)


def test_what_is_bound(device):
    assert {(item.interface, item.direction, item.name) for item in device.filters()} == {
        ("GigabitEthernet0/0/0", "in", "CUSTOMERS"),
        ("GigabitEthernet0/0/0", "in", "CUSTOMERS6"),
    }
    keys = [entry.key for entry in filter_of(device, family=6).entries]
    assert keys == ["10", "implicit-nd-na", "implicit-nd-ns", "implicit-deny"]
    assert decide(filter_of(device).entries, mail()).key == "10"
    assert decide(filter_of(device).entries, mail(source=THEIRS)).key == "20"


@pytest.mark.parametrize(
    "line", ["no ip access-list extended CUSTOMERS", "interface gi0/0/0", "ip access-list extended CUSTOMERS"]
)
def test_a_list_without_entries_or_none_permits_everything(session, device, line):
    more = {"interface gi0/0/0": ["no ip access-group CUSTOMERS in"], "ip access-list extended CUSTOMERS": ["no 10", "no 20"]}
    configure(session, line, *more.get(line, []))
    assert filter_of(device) is None
    assert filter_of(device, family=6) is not None


def test_a_list_may_be_bound_before_it_is_there(session, device):
    configure(session, "interface gi0/0/1", "ip access-group LATER out")
    assert filter_of(device, "GigabitEthernet0/0/1", direction="out") is None
    configure(session, "ip access-list extended LATER", "deny tcp any any eq 25")
    found = filter_of(device, "GigabitEthernet0/0/1", direction="out")
    assert [entry.permit for entry in found.entries] == [False, False]
    # `no ip unreachables` is on this interface.
    assert [entry.reply for entry in found.entries] == [False, False]
    assert all(entry.reply for entry in filter_of(device).entries)


def test_one_list_for_each_direction(session, device):
    configure(session, "interface gi0/0/0", "ip access-group MANAGEMENT in", "ip access-group CUSTOMERS out")
    assert [item.name for item in device.filters() if item.family == 4] == ["MANAGEMENT", "CUSTOMERS"]
    configure(session, "interface gi0/0/0", "no ip access-group OTHER in")
    assert filter_of(device).name == "MANAGEMENT"


def test_ports_and_flags_decide(session, device):
    configure(
        session,
        "no ip access-list extended CUSTOMERS",
        "ip access-list extended CUSTOMERS",
        "deny tcp any any eq smtp 465",
        "permit tcp any any neq 80",
        "deny tcp any any established",
        "permit tcp any any match-all +syn -ack",
    )
    entries = filter_of(device).entries
    decided = [
        decide(entries, mail(dport=port, flags=flags)) for port, flags in ((25, 2), (465, 2), (443, 2), (80, 0x10), (80, 2))
    ]
    assert [entry.key for entry in decided] == ["10", "10", "20", "30", "40"]
    assert decide(entries, mail(dport=80, flags=1)).key == "implicit-deny"


@pytest.mark.parametrize(
    ("operator", "ranges"),
    [
        ("eq 25", ((25, 25),)),
        ("eq 587 25", ((25, 25), (587, 587))),
        ("neq 25", ((0, 24), (26, 65535))),
        ("neq 0 2 65535", ((1, 1), (3, 65534))),
        ("gt 1023", ((1024, 65535),)),
        ("lt 1024", ((0, 1023),)),
        ("range 25 30", ((25, 30),)),
    ],
)
def test_ports_that_match(session, device, operator, ranges):
    configure(session, "ip access-list extended CUSTOMERS", f"5 deny udp any {operator} any")
    assert filter_of(device).entries[0].match.sports == ranges


def test_established_is_an_answer_or_a_reset(session, device):
    configure(session, "ip access-list extended CUSTOMERS", "5 permit tcp any any established")
    decided = [decide(filter_of(device).entries, mail(flags=flags)).key for flags in (0x10, 0x04, 0x02, 0x12)]
    assert decided == ["5", "5", "10", "5"]


def test_groups_decide(session, device):
    configure(
        session,
        "object-group service MAIL",
        "tcp eq 25",
        "tcp-udp range 465 466",
        "icmp echo",
        "object-group network MORE",
        "group-object SERVERS",
        "range 192.0.2.5 192.0.2.9",
        "no ip access-list extended CUSTOMERS",
        "ip access-list extended CUSTOMERS",
        "permit object-group MAIL any object-group MORE",
    )
    entries = filter_of(device).entries
    assert [entry.key for entry in entries] == ["10", "10.1", "10.2", "10.3", "implicit-deny"]

    def allowed(destination, dport):
        return decide(entries, mail(destination=int(ipaddress.ip_address(destination)), dport=dport)).permit

    assert allowed("203.0.113.10", 25)
    assert allowed("198.51.100.200", 466)
    assert allowed("192.0.2.5", 25)
    assert allowed("192.0.2.9", 25)
    assert not allowed("192.0.2.10", 25)
    assert not allowed("192.0.2.4", 25)
    assert not allowed("203.0.113.10", 467)
    configure(session, "object-group network SERVERS", "host 203.0.113.99")
    entries = filter_of(device).entries
    assert allowed("203.0.113.99", 25)


def test_every_line_that_changed_something_is_told_and_no_other(session, device):
    changes = []
    device.on_change.append(lambda: changes.append(device.running()))
    configure(
        session,
        "ip access-list extended X",
        "permit ip any any",
        "permit ip any any",
        "interface gi0/0/0",
        "mtu 1500",
        "mtu 1500",
    )
    assert len(changes) == 3
    session.line("show running-config")
    session.line("configure terminal")
    session.line("nonsense")
    assert len(changes) == 3


# -- object groups


def test_how_groups_are_shown(session, device):
    configure(
        session,
        "object-group network G",
        "description words of it",
        "host 192.0.2.1",
        "192.0.2.64 /26",
        "192.0.2.128/25",
        "range 192.0.2.5 192.0.2.9",
        "group-object SERVERS",
        "object-group service S",
        "tcp eq 25",
        "tcp 465",
        "tcp source gt 1023 range 100 200",
        "udp lt 1024",
        "icmp 8",
        "esp",
        "object-group v6-network G6",
        "2001:db8::1/64",
        "host 2001:db8::1",
        "object-group v6-service S6",
        "tcp-udp eq 5000",
    )
    output = session.line("show object-group")
    assert output == (
        "Network object group G\n description words of it\n host 192.0.2.1\n 192.0.2.64 255.255.255.192\n"
        " 192.0.2.128 255.255.255.128\n range 192.0.2.5 192.0.2.9\n group-object SERVERS\n\n"
        "V6-Network object group G6\n 2001:DB8::/64\n host 2001:DB8::1\n\n"
        "Service object group S\n tcp eq smtp\n tcp eq 465\n tcp source gt 1023 range 100 200\n udp lt 1024\n icmp echo\n esp\n\n"
        "V6-Service object group S6\n tcp-udp eq 5000\n\n"
        "Network object group SERVERS\n host 203.0.113.10\n 198.51.100.128 255.255.255.128\n\n"
    )
    assert Device(device.running(), hostname="r").running() == device.running()
    configure(session, "ipv6 access-list X", "permit object-group S6 object-group G6 any")
    assert acl(device, "X") == ["sequence 10 permit object-group S6 object-group G6 any"]


def test_a_group_in_use_stays(session, device):
    assert "in use" in configure(session, "no object-group network SERVERS")
    assert "in use" in configure(
        session, "object-group network SERVERS", "no host 203.0.113.10", "no 198.51.100.128 255.255.255.128"
    )
    assert list(device.config.groups["SERVERS"].members) == ["198.51.100.128 255.255.255.128"]
    configure(session, "object-group network OUTER", "group-object SERVERS", "no ip access-list extended MANAGEMENT")
    assert "in use" in configure(session, "no object-group network SERVERS")
    configure(session, "no object-group network OUTER", "no object-group network SERVERS")
    assert device.config.groups == {}


def test_an_empty_group_goes_away(session, device):
    configure(session, "object-group network EMPTY")
    assert "EMPTY" not in device.config.groups
    configure(session, "object-group network SOME", "host 192.0.2.1", "no host 192.0.2.1")
    assert "SOME" not in device.config.groups


@pytest.mark.parametrize(
    "lines",
    [
        ["object-group service SERVERS"],
        ["object-group network G", "10.0.0.0 0.0.0.255"],
        ["object-group network G", "192.0.2.0 255.0.255.0"],
        ["object-group network G", "group-object NOBODY"],
        ["object-group network SERVERS", "group-object SERVERS"],
        ["object-group network G", "range 192.0.2.9 192.0.2.5"],
        ["object-group network G", "no host 192.0.2.1"],
        ["object-group service S", "tcp neq 25"],
        ["object-group service S", "tcp eq submission"],
        ["object-group v6-network G", "192.0.2.0 255.255.255.0"],
        ["ip access-list extended X", "permit tcp object-group NOBODY any"],
    ],
)
def test_groups_that_are_none(session, device, lines):
    before = device.running()
    assert configure(session, *lines).lstrip().startswith(("^", "%"))
    assert device.running().replace("ip access-list extended X\n!\n", "") == before


def test_groups_do_not_go_in_circles(session):
    configure(session, "object-group network A", "host 192.0.2.1", "object-group network B", "group-object A")
    assert "itself" in configure(session, "object-group network A", "group-object B")


# -- archive and rollback


def test_the_rollback_timer(session, device, clock):
    before = device.running()
    said = []
    session.notify = said.append
    output = session.line("configure terminal revert timer 2")
    assert output.startswith("Rollback Confirmed Change: Backing up current running config to bootflash:/archive/edge-")
    assert output.endswith("\n\nEnter configuration commands, one per line.  End with CNTL/Z.\n")
    run(session, "hostname changed", "no ip access-list extended CUSTOMERS", "end")
    session.close()
    assert filter_of(device) is None
    clock.now = 119
    device.tick()
    assert device.config.hostname == "changed"
    clock.now = 120
    device.tick()
    assert device.running() == before
    assert filter_of(device) is not None
    assert any("ROLLBK_CNFMD_CHG_ROLLBACK_START" in line for line in device.log)


def test_the_warning_before_a_rollback(session, device, clock):
    said = []
    session.notify = said.append
    session.line("configure terminal revert timer 2")
    clock.now = 59
    device.tick()
    assert said == []
    for clock.now in (60, 61, 62):
        device.tick()
    assert said == [
        "Rollback Confirmed Change: Rollback will begin in one minute.\n"
        'Enter "configure confirm" if you wish to keep what you\'ve configured\n'
    ]


def test_confirm(session, device, clock):
    session.line("configure terminal revert timer 1")
    run(session, "hostname changed", "end", "configure confirm")
    clock.now = 1000
    device.tick()
    assert device.config.hostname == "changed"
    assert session.line("configure confirm") == "%No Rollback Confirmed Change pending\n"
    assert session.line("configure revert now") == "%No Rollback Confirmed Change pending\n"


def test_confirm_from_another_session_of_the_user_and_not_of_another(session, device):
    session.line("configure terminal revert timer 1")
    session.close()
    for line in ("configure confirm", "configure revert now", "configure revert timer 5"):
        assert device.session("other").line(line).startswith("%")
    assert device.revert is not None
    assert device.session("ansible").line("configure confirm") == ""
    assert device.revert is None


def test_revert_now(session, device):
    before = device.running()
    session.line("configure terminal revert timer 5")
    run(session, "interface gi0/0/0", "shutdown", "end")
    output = session.line("configure revert now")
    assert output.startswith("Rollback Confirmed Change: rolling to:bootflash:/archive/edge-")
    assert output.endswith("Total number of passes: 1\nRollback Done\n\n")
    assert device.running() == before


def test_a_timer_that_is_set_anew(session, device, clock):
    session.line("configure terminal revert timer 1")
    run(session, "hostname changed", "end")
    clock.now = 50
    session.line("configure revert timer 2")
    clock.now = 169
    device.tick()
    assert device.config.hostname == "changed"
    clock.now = 170
    device.tick()
    assert device.config.hostname == "edge-c1"


def test_an_idle_timer_waits_for_silence(session, device, clock):
    session.line("configure terminal revert idle 1")
    for clock.now in (40, 80, 120):
        session.line("hostname changed")
    clock.now = 179
    device.tick()
    assert device.config.hostname == "changed"
    clock.now = 180
    device.tick()
    assert device.config.hostname == "edge-c1"
    assert session.prompt == "edge-c1(config)#"


def test_one_timer_at_a_time(session, device):
    session.line("configure terminal revert timer 5")
    first = device.revert
    session.line("end")
    assert session.line("configure terminal revert timer 1").startswith("%")
    assert session.prompt == "edge-c1#"
    assert device.revert is first


def test_show_the_timer(session, device):
    assert session.line("show archive config rollback timer") == "%No Rollback Confirmed Change pending\n"
    session.line("configure terminal revert timer 7")
    lines = session.line("do show archive config rollback timer").splitlines()
    assert lines[0].startswith("Time configured(or reconfigured): ")
    assert lines[1:] == ["Timer type: absolute timer", "Timer value: 7 min", "User: ansible"]


@pytest.mark.parametrize("minutes", ["0", "121", "x"])
def test_minutes_that_are_none(session, minutes):
    assert "Invalid" in session.line(f"configure terminal revert timer {minutes}")
    assert session.prompt == "edge-c1#"


@pytest.mark.parametrize(("startup", "options"), [("hostname edge-c1\n", Options()), (STARTUP, Options(no_archive=True))])
def test_without_an_archive_there_is_no_timer(clock, startup, options):
    device = Device(startup, hostname="edge-c1", clock=clock, options=options)
    session = device.session("ansible")
    assert session.line("configure terminal revert timer 5") == "%Turn config archive on before using Rollback Confirmed Change\n"
    assert session.prompt == "edge-c1#"
    assert session.line("show archive") == " Archive feature not enabled\n"
    assert session.line("archive config").startswith(" Archive feature not enabled\n")


def test_a_reboot_before_the_confirmation(session, device):
    session.line("configure terminal revert timer 5")
    run(session, "no ip access-list extended CUSTOMERS", "end")
    assert Device(device.startup(), hostname="edge-c1").running() == STARTUP


def test_the_archive(session, device, clock):
    for _round in range(5):
        session.line("archive config")
        clock.now += 1
    lines = session.line("show archive").splitlines()
    assert lines[0] == "The maximum archive configurations allowed is 3."
    assert lines[2] == "The next archive file will be named bootflash:/archive/edge-<timestamp>-5"
    assert len(lines) == 7
    assert lines[-1].endswith("-4 <- Most Recent")
    configure(session, "hostname changed", "interface gi0/0/0", "mtu 1400", "ip access-list extended NEW", "permit ip any any")
    name = lines[-1].split()[1]
    assert session.line(f"show archive config differences {name}").splitlines() == [
        "!Contextual Config Diffs:",
        "+hostname changed",
        "interface GigabitEthernet0/0/0",
        " +mtu 1400",
        "+ip access-list extended NEW",
        " +10 permit ip any any",
        "-hostname edge-c1",
    ]
    assert session.line(f"configure replace {name} force") == "Total number of passes: 1\nRollback Done\n\n"
    assert device.running() == STARTUP
    assert session.line("show archive config differences").splitlines()[1] == "!No changes were found"
    assert "No such file" in session.line("configure replace bootflash:nothing force")


def test_replace_asks_and_can_be_timed(session, device, clock):
    configure(session, "hostname changed")
    assert session.line("configure replace nvram:startup-config").startswith("This will apply all necessary additions")
    assert session.prompt.endswith("? [no]: ")
    session.line("")
    assert device.config.hostname == "changed"
    session.line("configure replace nvram:startup-config time 1")
    assert session.line("y").endswith("Rollback Done\n\n")
    assert device.config.hostname == "edge-c1"
    clock.now = 60
    device.tick()
    assert device.config.hostname == "changed"


def test_replace_keeps_what_is_there_physically(session, device):
    device.files["bootflash:small"] = f"hostname small\n{ARCHIVE}"
    session.line("configure replace bootflash:small force")
    assert sorted(device.config.interfaces) == [f"GigabitEthernet0/0/{number}" for number in range(3)]
    device.files["bootflash:bad"] = "hostname bad\nnonsense\n"
    assert session.line("configure replace bootflash:bad force").startswith("%Rollback failed")
    assert device.config.hostname == "small"


def test_saving(session, device):
    saved = []
    device.on_save.append(saved.append)
    configure(session, "hostname changed")
    assert "hostname edge-c1" in session.line("show startup-config")
    assert session.line("write memory") == "Building configuration...\n[OK]\n"
    assert saved == [device.running()]
    assert "hostname changed" in session.line("show startup-config")
    session.line("copy running-config startup-config")
    assert session.prompt == "Destination filename [startup-config]? "
    assert session.line("") == "Building configuration...\n[OK]\n"
    assert len(saved) == 2


def test_saving_archives_when_told_to(session, device):
    configure(session, "archive", "write-memory")
    session.line("write")
    assert len(device.archived) == 1


# -- the lock


@pytest.mark.parametrize(("mode", "command"), [("auto", "configure terminal"), ("manual", "configure terminal lock")])
def test_exclusive_configuration(session, device, mode, command):
    configure(session, f"configuration mode exclusive {mode}")
    other = device.session("other")
    session.line(command)
    output = other.line("configure terminal")
    assert output.startswith("Configuration mode is locked by process")
    assert "user 'ansible'" in output
    assert other.prompt == "edge-c1#"
    assert "TTY username    : ansible" in other.line("show configuration lock")
    session.close()
    other.line("configure terminal")
    assert other.prompt == "edge-c1(config)#"


def test_without_exclusive_mode_the_lock_does_nothing(session, device):
    session.line("configure terminal lock")
    other = device.session("other")
    other.line("configure terminal")
    assert other.prompt == "edge-c1(config)#"


# -- the rest


def test_interfaces(session, device):
    configure(
        session, "interface gi0/0/1.100", "encapsulation dot1Q 100", "ip address 192.0.2.65 255.255.255.192", "interface lo7"
    )
    assert "interface GigabitEthernet0/0/1.100\n encapsulation dot1Q 100\n ip address" in device.running()
    output = session.line("show ip interface brief")
    assert [line.split()[0] for line in output.splitlines()[1:]] == [
        "Loopback0",
        "Loopback7",
        "GigabitEthernet0/0/0",
        "GigabitEthernet0/0/1",
        "GigabitEthernet0/0/1.100",
        "GigabitEthernet0/0/2",
    ]
    assert "Inbound  access list is CUSTOMERS\n" in session.line("show ip interface gi0/0/0")
    assert "Outgoing access list is not set\n" in session.line("show ip interface gi0/0/0")
    assert "Inbound access list CUSTOMERS6" in session.line("show ipv6 interface gi0/0/0")
    configure(session, "no interface lo7", "no interface gi0/0/1.100")
    assert len(device.config.interfaces) == 4
    assert configure(session, "no interface gi0/0/1") == "% Removal of physical interfaces is not permitted\n"


def test_addresses(session, device):
    assert configure(session, "interface gi0/0/2", "ip address 198.51.100.5 255.255.255.0") == (
        "% 198.51.100.0 overlaps with GigabitEthernet0/0/0\n"
    )
    assert (
        configure(session, "interface gi0/0/2", "ip address 192.0.2.64 255.255.255.192")
        == "Bad mask /26 for address 192.0.2.64\n"
    )
    configure(
        session,
        "interface gi0/0/0",
        "ip address 192.0.2.65 255.255.255.192 secondary",
        "no ip address 192.0.2.66 255.255.255.192",
    )
    assert "ip address 192.0.2.65 255.255.255.192 secondary" in device.running()
    configure(session, "interface gi0/0/0", "no ip address")
    assert "interface GigabitEthernet0/0/0\n description customers, east\n no ip address\n" in device.running()


def test_banners(session, device):
    configure(session, "banner login #one line#")
    session.line("configure terminal")
    assert session.line("banner motd %").startswith("Enter TEXT message.  End with the character '%'.")
    run(session, "no ip access-list extended CUSTOMERS", "  spaces stay", "%", "end")
    assert "banner motd ^C\nno ip access-list extended CUSTOMERS\n  spaces stay\n^C\n" in device.running()
    assert device.session("x").banner == "no ip access-list extended CUSTOMERS\n  spaces stay\n"
    assert "CUSTOMERS" in device.config.acls
    assert Device(device.running(), hostname="r").running() == device.running()
    configure(session, "no banner motd", "no banner login")
    assert "banner" not in device.running()


def test_defaults_are_not_shown(session, device):
    configure(session, "interface gi0/0/0", "no ip unreachables", "exit", "ip http server")
    assert " no ip unreachables\n ip access-group" in device.running()
    assert "http server" not in device.running()
    configure(session, "interface gi0/0/0", "ip unreachables")
    assert device.running().count("no ip unreachables") == 1


def test_a_device_that_only_says_yes():
    device = Device(STARTUP, hostname="edge-c1", options=Options(ignore_changes=True))
    session = device.session("ansible")
    changes = []
    device.on_change.append(lambda: changes.append(1))
    assert configure(session, "ip access-list extended CUSTOMERS", "5 deny tcp any any eq 25", "no 20") == ""
    assert "Invalid" in configure(session, "nonsense")
    assert device.running() == STARTUP
    assert changes == []


def test_a_device_that_fails_in_the_middle():
    device = Device(STARTUP, hostname="edge-c1", options=Options(fail_on="^20 deny tcp"))
    session = device.session("ansible")
    assert configure(session, "ip access-list extended X", "10 permit ip any any", "20 deny tcp any any").startswith("% Error")
    assert acl(device, "X") == ["10 permit ip any any"]


def test_what_was_entered_before_a_cut_stays(session, device):
    session.line("configure terminal")
    run(session, "ip access-list extended X", "permit ip any any", "object-group network EMPTY")
    session.close()
    assert acl(device, "X") == ["10 permit ip any any"]
    assert "EMPTY" not in device.config.groups
    assert device.sessions == []


def test_control_keys(session):
    session.line("configure terminal")
    session.line("interface gi0/0/0")
    session.end()
    assert session.prompt == "edge-c1#"
    session.line("copy running-config startup-config")
    session.interrupt()
    assert session.prompt == "edge-c1#"
    assert session.help("show archive config d") == ["differences"]


def test_a_thousand_lines(session):
    session.line("configure terminal")
    session.line("ip access-list extended BIG")
    for number in range(1000):
        assert session.line(f"permit tcp host 192.0.2.{number % 256} host 203.0.113.{number // 256} eq 25") == ""


def test_whatever_is_entered_what_it_shows_it_would_boot_with(device, clock):
    """Lines that the grammar itself proposes, with arguments from everywhere."""
    random = Random(25)
    words = sorted(set(STARTUP.split()) | {"10", "0", "::/0", "255.255.255.0", "2001:db8::1", "gi0/0/1", "eq", "|", "^"})
    for number in range(8000):
        if number % 50 == 0:
            session = device.session("ansible")
            session.line("configure terminal")
        line = ""
        for _word in range(random.randrange(1, 12)):
            following = session.help(f"{line} " if line else "")
            word = random.choice(following) if following else "<cr>"
            if word == "<cr>":
                break
            line = f"{line} {random.choice(words) if word.startswith('<') else word}".strip()
        session.line(line)
        clock.now += random.random()
        if number % 50 == 49:
            session.interrupt()
            session.close()
    assert len(device.running()) > 2 * len(STARTUP)
    assert Device(device.running(), hostname="r").running() == device.running()


# -- as a daemon


class Plane:
    """A kernel that writes down what it is told."""

    def __init__(self):
        self.told = []

    def apply(self, filters):
        self.told.append([(item.interface, item.name, len(item.entries)) for item in filters])


def test_the_kernel_is_told_what_changed_and_by_its_own_names(session, device):
    plane = Plane()
    settle = enforce(device, {"GigabitEthernet0/0/0": "up0"}, plane)
    assert plane.told == [[("up0", "CUSTOMERS", 3), ("up0", "CUSTOMERS6", 4)]]
    configure(session, "interface gi0/0/1", "ip access-group CUSTOMERS in", "ip access-list extended X", "permit ip any any")
    settle()
    assert len(plane.told) == 1
    configure(session, "ip access-list extended CUSTOMERS", "15 deny tcp any any eq 25")
    settle()
    settle()
    assert plane.told[1:] == [[("up0", "CUSTOMERS", 4), ("up0", "CUSTOMERS6", 4)]]


def test_the_startup_configuration_is_a_file(session, device, tmp_path):
    device.on_save.append(save_to(tmp_path / "startup-config"))
    configure(session, "hostname changed")
    session.line("write memory")
    text = (tmp_path / "startup-config").read_text()
    assert Device(text, hostname="r").running() == device.running()
    assert [path.name for path in tmp_path.iterdir()] == ["startup-config"]


# -- through Ansible

PLAY = """
- hosts: edge
  gather_facts: false
  vars:
    ansible_connection: ansible.netcommon.network_cli
    ansible_network_os: cisco.ios.ios
    ansible_become: true
    ansible_become_method: enable
    ansible_become_password: right
    ansible_network_cli_ssh_type: libssh
    ansible_ios_commit_confirm_immediate: true
    ansible_ios_commit_confirm_timeout: 1
    ansible_command_timeout: 20
  tasks:
    - cisco.ios.ios_command:
        commands: [show version, "show running-config | section access-list", {command: copy running-config startup-config,
          prompt: '\\[startup-config\\]', answer: ''}]
    - cisco.ios.ios_facts: {gather_subset: [min, interfaces]}
    - cisco.ios.ios_config:
        parents: ip access-list extended NEW
        lines: [10 permit tcp any any eq 587, 20 deny tcp any any eq smtp]
    - cisco.ios.ios_config:
        parents: ip access-list extended NEW
        lines: [10 permit tcp any any eq 587, 20 deny tcp any any eq smtp]
      register: again
    - cisco.ios.ios_config:
        parents: ip access-list extended NEW
        lines: [30 permit tcp any any eq submission]
      register: wrong
      ignore_errors: true
    - cisco.ios.ios_acls: {state: gathered}
      register: acls
    - copy:
        dest: "{{ out }}"
        content: "{{ {'net': ansible_facts, 'again': again.changed, 'wrong': wrong.msg, 'acls': acls.gathered} | to_json }}"
      delegate_to: localhost
      become: false
      vars: {ansible_connection: local}
"""


@pytest.fixture
def sockets():
    """A directory with a short name: those of sockets have 107 characters at most."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield directory


def test_ansible_gets_along_with_it(tmp_path, sockets):
    (tmp_path / "startup-config").write_text(STARTUP)
    config = {
        "platform": "ios",
        "hostname": "edge-c1",
        "listen": ["127.0.0.1"],
        "port": 0,
        "users": {"ansible": {"password": "words", "privilege": 1}},
        "enable": "right",
        "startup": str(tmp_path / "startup-config"),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nhost_key_checking = false\n[persistent_connection]\nconnect_timeout = 30\n"
    )
    command = [sys.executable, "-m", "lab.cli", "--config", str(tmp_path / "config.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            (port,) = json.loads(daemon.stdout.readline())["ports"]
            variables = {
                "ansible_host": "127.0.0.1",
                "ansible_port": port,
                "ansible_user": "ansible",
                "ansible_password": "words",
            }
            variables["out"] = str(tmp_path / "out.json")
            variables["ansible_python_interpreter"] = sys.executable
            program = str(Path(sys.executable).with_name("ansible-playbook"))
            done = subprocess.run(
                [program, "-i", "edge,", "-e", json.dumps(variables), str(tmp_path / "play.yml")],
                env={
                    **os.environ,
                    "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
                    "HOME": str(tmp_path),
                    "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": sockets,
                },
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        finally:
            daemon.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["net"]["net_hostname"] == "edge-c1"
    assert found["net"]["net_version"].startswith("17.09")
    assert found["net"]["net_interfaces"]["GigabitEthernet0/0/0"]["ipv4"] == [{"address": "198.51.100.1", "subnet": "25"}]
    assert found["again"] is False
    assert "% Invalid input detected at '^' marker." in found["wrong"]
    lists = {entry["name"]: entry for family in found["acls"] for entry in family["acls"]}
    assert [ace["sequence"] for ace in lists["NEW"]["aces"]] == [10, 20]
    assert lists["CUSTOMERS"]["aces"][0]["remarks"] == ["of the operator"]
    assert (tmp_path / "startup-config").read_text() == STARTUP
