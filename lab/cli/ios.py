# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router with the command line of Cisco IOS-XE 17.9, as far as an edge with access lists needs it; strict.

What is not in the grammar is refused as the device refuses it. Sources: the IOS-XE 17 configuration guides for access
lists, for managing configuration files ("Configuration Rollback Confirmed Change", "Configuration Replace and
Configuration Rollback", "Exclusive Configuration Change Access") and for the command line, and the command references.

The configuration is a tree of lines; access lists and object groups are objects (`ios_acl`). Everything that has to
come back, at boot and at a rollback, comes back from text through the same grammar. A real rollback applies the
difference line by line; this one is at once, with the same result.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lab.cli import ios_acl
from lab.cli.filter import Filter
from lab.cli.grammar import AmbiguousError, Argument, CommandError, Grammar, IncompleteError, InvalidError, Token, tokens_of
from lab.cli.grammar import Match as Words
from lab.cli.ios_acl import Acl, Group, RefusedError
from lab.cli.shell import Options

LINE_LIMIT = 254
PAGE = 24
FIRST_PROCESS = 500
MINUTE = 60.0
ARCHIVE_OFF = " Archive feature not enabled"
NONE_PENDING = "%No Rollback Confirmed Change pending"
CONFIRM = 'Enter "configure confirm" if you wish to keep what you\'ve configured'
SOUND = Options()
Counters = Callable[[], Mapping[tuple[str, str, str, str], tuple[int, int]]]

# -- types of arguments ------------------------------------------------------------------------------------------------

# In the order in which the running configuration lists them; those from `Port-channel` on up may be made by hand.
INTERFACES = ("Loopback", "Tunnel", "Port-channel", "GigabitEthernet", "TenGigabitEthernet", "TwentyFiveGigE",
              "FortyGigabitEthernet", "HundredGigE", "BDI", "Null")  # fmt: skip
VIRTUAL = ("Loopback", "Tunnel", "Port-channel", "BDI", "Null")


def interface(tokens: Sequence[Token]) -> Argument | None:
    """The type of an interface's name: `gi0/0/1`, `Gi 0/0/1`; shown in full."""
    found = re.fullmatch(r"([A-Za-z-]+)([\d/.]*)", tokens[0].text)
    if found is None:
        return None
    name, number, length = found[1], found[2], 1
    kinds = [kind for kind in INTERFACES if kind.lower().startswith(name.lower())]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise AmbiguousError(tokens[0].start)
    if not number:
        if len(tokens) == 1:
            raise IncompleteError
        number, length = tokens[1].text, 2
    if re.fullmatch(r"\d+(/\d+)*(\.\d+)?", number) is None:
        raise InvalidError(tokens[0].start + len(name) if length == 1 else tokens[1].start)
    return Argument(kinds[0] + number, kinds[0] + number, length)


def interface_order(name: str) -> tuple[int, list[int]]:
    """Where an interface stands in the running configuration."""
    kind = re.match(r"[A-Za-z-]+", name)
    return INTERFACES.index(kind[0]) if kind else 0, [int(number) for number in re.findall(r"\d+", name)]


def netmask(tokens: Sequence[Token]) -> Argument | None:
    """The type of a contiguous mask."""
    argument = ios_acl.ipv4(tokens)
    if argument is None or (argument.value | (argument.value - 1)) & 0xFFFFFFFF != 0xFFFFFFFF:
        return None
    return argument


def prefix4(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv4 prefix, `A.B.C.D/nn`."""
    address, slash, length = tokens[0].text.partition("/")
    value = ios_acl.ipv4([tokens[0]._replace(text=address)])
    if value is None or not slash or not length.isdecimal() or int(length) > 32:
        return None
    return Argument(tokens[0].text, tokens[0].text)


def address6(tokens: Sequence[Token]) -> Argument | None:
    """The type of an interface's IPv6 address with its prefix length, shown with the bits of the host."""
    if ios_acl.prefix6(tokens) is None:
        return None
    text = tokens[0].text.upper()
    return Argument(text, text)


def network6(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv6 prefix that is always shown as one, with the bits behind it zeroed."""
    argument = ios_acl.prefix6(tokens)
    if argument is None:
        return None
    net = argument.value
    return Argument(net, f"{ios_acl.address_text(6, net.value)}/{net.mask.bit_count()}")


TYPES = {
    **ios_acl.TYPES,
    "network6": network6,
    "interface": interface,
    "netmask": netmask,
    "prefix4": prefix4,
    "address6": address6,
}

# -- the configuration -------------------------------------------------------------------------------------------------


class Setting(NamedTuple):
    """A line of the configuration.

    `key`: what it replaces: the number of its first words, or a template of its arguments. `on`: the device's default,
    so that the `no` form is what the configuration shows.
    """

    rank: int
    key: int | str
    on: bool


class Section(NamedTuple):
    """A line of the configuration that has lines of its own, in a mode of its own."""

    rank: int
    mode: str


class Do(NamedTuple):
    """A line that runs a method of the session."""

    method: str
    negated: bool = False


@dataclass
class Block:
    """Lines below a header. An item is a text or another block, with its rank in the order of the configuration."""

    header: str = ""
    mode: str = "config"
    items: dict[str, tuple[int, str | Block]] = field(default_factory=dict)

    def texts(self) -> list[str]:
        """The plain lines in it, in order."""
        return [item for _, item in sorted(self.items.values(), key=lambda pair: pair[0]) if isinstance(item, str)]

    def lines(self, depth: int = 0) -> list[str]:
        """As the running configuration shows it."""
        pad = " " * (depth + 1)
        lines = [" " * depth + self.header]
        for _, item in sorted(self.items.values(), key=lambda pair: pair[0]):
            lines += item.lines(depth + 1) if isinstance(item, Block) else [pad + item]
        return [*lines, *(" " * depth + footer for footer in FOOTERS.get(self.mode, ()))]


FOOTERS = {"config-vrf-af": ("exit-address-family",)}
GROUPS_RANK, INTERFACES_RANK, LISTS_RANK, LISTS6_RANK = 13, 14, 17, 22


@dataclass
class Config(Block):
    """A whole configuration."""

    hostname: str = "Router"
    acls: dict[str, Acl] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    interfaces: dict[str, Block] = field(default_factory=dict)

    def text(self) -> str:
        """The lines that `show running-config` prints below its header, from `version` to `end`."""
        # How the lists of a kind are ordered is not documented: by name.
        acls = sorted(self.acls.values(), key=lambda acl: (acl.kind == "extended", acl.name))
        sections: list[tuple[int, list[str], bool]] = [(2, [f"hostname {self.hostname}"], False)]
        for rank, item in self.items.values():
            sections.append((rank, item.lines() if isinstance(item, Block) else [item], isinstance(item, Block)))
        # A group must be there before another one has it in it.
        groups = sorted(self.groups, key=lambda name: (ios_acl.depth(self.groups, name), name))
        sections += [(GROUPS_RANK, self.groups[name].lines(), True) for name in groups]
        sections += [
            (INTERFACES_RANK, interface_lines(self.interfaces[name]), True)
            for name in sorted(self.interfaces, key=interface_order)
        ]
        sections += [(LISTS6_RANK if acl.family == 6 else LISTS_RANK, acl.lines(), True) for acl in acls]
        sections.sort(key=lambda section: section[0])
        lines: list[str] = []
        last = 0
        for rank, texts, block in sections:
            if rank != last and lines and lines[-1] != "!":
                lines.append("!")
            lines += texts
            if block:
                lines.append("!")
            last = rank
        if lines[-1] != "!":
            lines.append("!")
        return "\n".join([*lines, "end", ""])

    def used(self, group: str) -> bool:
        """Whether an access list or another group names a group."""
        by_list = any(group in ace.groups() for acl in self.acls.values() for ace in acl.entries.values())
        return by_list or any(group == member.group for other in self.groups.values() for member in other.members.values())

    def archive(self) -> Block:
        """The section `archive`, or an empty one."""
        _, block = self.items.get("archive", (0, Block()))
        return block if isinstance(block, Block) else Block()

    def archive_path(self) -> str | None:
        """Where archived configurations go; None: nowhere."""
        return next((text.split(" ", 1)[1] for text in self.archive().texts() if text.startswith("path ")), None)


def interface_lines(block: Block) -> list[str]:
    """An interface as the running configuration shows it: that it has no address is said."""
    lines = block.lines()
    if any(line.startswith(" ip address") for line in lines) or block.header.startswith("interface Null"):
        return lines
    at = next((at for at, line in enumerate(lines) if at and not line.startswith((" description", " vrf"))), len(lines))
    return [*lines[:at], " no ip address", *lines[at:]]


# Rank, then the line: what is before `=` is what a line replaces, or else `=>` and a template of it. `~`: on by default.
# `> MODE`: the line begins a section.
TABLES = {
    "config": """
        0 version = <version:word>
        1 service timestamps (debug|log) = (datetime {msec|localtime|show-timezone|year}|uptime)
        1 service (password-encryption|tcp-keepalives-in|tcp-keepalives-out|sequence-numbers|call-home|config)
        1 ~ service pad
        1 platform qfp utilization monitor load = <load:1-100>
        1 platform punt-keepalive disable-kernel-core
        1 platform hardware throughput level = <level:line>
        3 boot-start-marker
        3 boot-end-marker
        3 > config-vrf vrf definition <name:word>
        4 ~ logging (console|monitor)
        4 logging buffered = [<size:4096-2147483647>] [<level:word>]
        4 enable secret = [0|5|8|9] <secret:word>
        5 aaa new-model
        5 aaa authentication (login|enable|ppp) (default|<list:word>) = <methods:line>
        5 aaa authorization (exec|console|network|config-commands) [default|<list:word>] = [<methods:line>]
        5 aaa authorization commands <level:0-15> (default|<list:word>) = <methods:line>
        5 aaa accounting (exec|connection|system|network) (default|<list:word>) = <methods:line>
        5 aaa session-id = (common|unique)
        6 clock timezone = <zone:word> <hours:line>
        6 ip domain name = <name:word>
        6 ~ ip domain lookup
        6 ip name-server <address:ipv4>
        6 login on-success log
        6 login on-failure log
        6 ipv6 unicast-routing
        6 ipv6 cef
        6 ~ ip source-route
        6 ~ ip bootp server
        6 license boot level = <level:line>
        6 subscriber templating
        6 multilink bundle-name authenticated
        6 memory free low-watermark processor = <kilobytes:1-4294967295>
        6 spanning-tree extend system-id
        7 > config-archive archive
        8 configuration mode exclusive = [auto|manual]
        9 username <name:word> = [privilege <level:0-15>] (secret|password) [0|5|7|8|9] <secret:word>
        10 > config-red redundancy
        11 > config-cmap class-map [match-any|match-all] <name:word>
        12 > config-pmap policy-map <name:word>
        15 ip forward-protocol nd
        15 ~ ip http server
        15 ~ ip http secure-server
        15 ip http access-class ipv4 = <name:word>
        15 ip nat inside source list <name:word> = (interface <by:interface>|pool <pool:word>) [vrf <v:word>] [overload]
        15 ip nat inside source static <inside:ipv4> <outside:ipv4>
        15 ip nat pool <name:word> = <first:ipv4> <last:ipv4> (netmask <mask:netmask>|prefix-length <length:1-32>)
        15 ip route [vrf <vrf:word>] <network:ipv4> <mask:netmask> $gateway4 $route
        15 ip tftp source-interface = <interface:interface>
        15 ip ssh version = <version:1-2>
        15 ip ssh (time-out|authentication-retries) = <number:0-120>
        15 ip ssh source-interface = <interface:interface>
        15 ip ssh server algorithm (encryption|mac|kex|hostkey) = <names:line>
        15 ip scp server enable
        16 ~ ip access-list persistent
        16 ip access-list logging interval = <milliseconds:0-2147483647>
        18 ip prefix-list <name:word> seq <number:1-4294967294> = $prefix4
        18 ip prefix-list <name:word> description = <text:line>
        18 ipv6 prefix-list <name:word> seq <number:1-4294967294> = (permit|deny) <p:network6> [ge <ge:0-128>] [le <le:0-128>]
        18 logging host <address:word> [vrf <vrf:word>] [transport (udp|tcp) port <port:1-65535>]
        18 logging (trap|facility|history) = <level:word>
        18 logging source-interface = <interface:interface>
        19 ipv6 route [vrf <vrf:word>] <prefix:network6> $gateway6 $route
        20 > config-route-map route-map <name:word> [permit|deny] [<number:0-65535>]
        21 snmp-server community <name:word> = [view <view:word>] [RO|RW] [ipv6 <list6:word>] [<list:word>]
        21 snmp-server (location|contact|chassis-id) = <text:line>
        21 snmp-server enable traps = [<traps:line>]
        21 snmp-server host <address:word> = [traps|informs] [version (1|2c|3 (noauth|auth|priv))] <community:word>
        21 snmp-server ifindex persist
        23 > config-cp control-plane
        25 > config-line line (con|aux) <number:0-0>
        25 > config-line line vty <first:0-97> <last:0-97>
        26 ntp server [vrf <vrf:word>] <address:word> [version <version:1-4>] [prefer] [iburst]
        26 ntp peer [vrf <vrf:word>] <address:word> [prefer]
        26 ntp source = <interface:interface>
        26 ntp access-group (ipv4|ipv6) <way:(peer|serve|serve-only|query-only)> = <name:word>
        26 ntp access-group <way:(peer|serve|serve-only|query-only)> = <name:word>
    """,
    "config-if": """
        0 description = <text:line>
        1 encapsulation dot1Q = <vlan:1-4094> [native]
        2 vrf forwarding = <name:word>
        4 ~ ip redirects
        4 ~ ip unreachables
        4 ~ ip proxy-arp
        5 ip nat (inside|outside)
        6 ip access-group <name:word> <way:(in|out)> => ip access-group {way}
        7 ip verify unicast source reachable-via = (rx|any) [allow-default] [allow-self-ping] [<list:word>]
        7 ip verify unicast reverse-path
        8 ip mtu = <bytes:68-9216>
        8 ip tcp adjust-mss = <bytes:500-1460>
        9 mtu = <bytes:64-9216>
        9 bandwidth = <kilobits:1-10000000>
        9 load-interval = <seconds:30-600>
        10 shutdown
        11 speed = <speed:word>
        11 duplex = (auto|full|half)
        11 negotiation auto
        11 carrier-delay = [msec] <time:0-1000>
        12 ipv6 address <address:address6> [eui-64|anycast]
        12 ipv6 address <address:ipv6> link-local
        12 ipv6 enable
        12 ipv6 mtu = <bytes:1280-9976>
        12 ~ ipv6 redirects
        12 ~ ipv6 unreachables
        12 ipv6 verify unicast source reachable-via = (rx|any) [allow-default] [<list:word>]
        12 ipv6 nd (managed-config-flag|other-config-flag)
        12 ipv6 nd ra suppress = [all]
        13 ipv6 traffic-filter <name:word> <way:(in|out)> => ipv6 traffic-filter {way}
        14 cdp enable
        14 channel-group = <number:1-64> mode (active|passive|on)
        14 lacp rate = (fast|normal)
        15 service-policy (input|output) = <name:word>
    """,
    "config-vrf": """
        0 description = <text:line>
        1 rd = <value:word>
        2 route-target (import|export|both) <value:word>
        3 > config-vrf-af address-family (ipv4|ipv6)
    """,
    "config-vrf-af": """
        1 route-target (import|export|both) <value:word>
    """,
    "config-red": """
        0 mode = (none|sso|rpr)
    """,
    "config-archive": """
        0 > config-archive-log-cfg log config
        1 path = <path:word>
        1 maximum = <number:1-14>
        1 time-period = <minutes:1-525600>
        1 write-memory
    """,
    "config-archive-log-cfg": """
        0 logging enable
        1 logging size = <entries:1-1000>
        2 logging persistent = [auto|reload]
        3 notify syslog = [contenttype (plaintext|xml)]
        4 hidekeys
    """,
    "config-cmap": """
        0 description = <text:line>
        1 match access-group name <name:word>
        1 match access-group <number:1-2799>
        1 match (ip|any)
        1 match protocol <name:word>
        1 match [ip] dscp <values:line>
    """,
    "config-pmap": """
        0 description = <text:line>
        1 > config-pmap-c class <name:word>
    """,
    "config-pmap-c": """
        0 police = [rate|cir] <rate:8000-100000000000> [bps|pps] [bc <burst:1000-512000000>] $police
        0 bandwidth = (<kilobits:1-100000000>|percent <percent:1-100>)
        0 priority = [percent <percent:1-100>]
        0 set [ip] dscp = <value:word>
        0 drop
    """,
    "config-route-map": """
        0 description = <text:line>
        1 match ip address [prefix-list] (<names:word>)...
        1 match ipv6 address [prefix-list] (<names:word>)...
        1 match (community|as-path|tag|interface) (<names:word>)...
        2 set ip next-hop = <address:ipv4>
        2 set ipv6 next-hop = <address:ipv6>
        2 set (metric|local-preference|tag|weight|origin) = <value:word>
        2 set community = <values:line>
        3 continue = [<number:1-65535>]
    """,
    "config-cp": """
        0 service-policy (input|output) = <name:word>
    """,
    "config-line": """
        0 session-timeout = <minutes:0-35791>
        1 access-class <name:word> <way:(in|out)> [vrf-also] => access-class {way}
        1 ipv6 access-class <name:word> <way:(in|out)> => ipv6 access-class {way}
        2 exec-timeout = <minutes:0-35791> [<seconds:0-2147483>]
        2 privilege level = <level:0-15>
        2 password = [0|7] <password:word>
        2 logging synchronous
        2 authorization exec = <list:word>
        3 login = (local|authentication <list:word>)
        3 length = <lines:0-512>
        3 width = <columns:0-512>
        4 transport (input|output) = (none|all|ssh [telnet]|telnet [ssh])
        4 transport preferred = (none|ssh|telnet)
        5 stopbits = (1|1.5|2)
    """,
}
MACROS = {
    "route": "[<distance:1-254>] [tag <tag:1-4294967295>] [name <name:word>]",
    "police": "[conform-action (transmit|drop)] [exceed-action (transmit|drop)] [violate-action (transmit|drop)]",
    "gateway4": "(<gateway:ipv4>|<interface:interface> [<gateway:ipv4>])",
    "gateway6": "(<gateway:ipv6>|<interface:interface> [<gateway:ipv6>])",
    "prefix4": "(permit|deny) <prefix:prefix4> [ge <ge:1-32>] [le <le:1-32>]",
    "timer": "timer (<minutes:1-120>|idle <idle:1-120>)",
    "file": "<file:word>",
}
COMMANDS: dict[str, list[tuple[str, Any]]] = {
    "config": [
        ("hostname <name:word>", Do("hostname")),
        ("no hostname [<name:word>]", Do("hostname", True)),
        ("interface <name:interface>", Do("interface")),
        ("no interface <name:interface>", Do("interface", True)),
        ("ip access-list <kind:(standard|extended)> <name:word>", Do("access_list")),
        ("no ip access-list <kind:(standard|extended)> <name:word>", Do("access_list", True)),
        ("ipv6 access-list <name:word>", Do("access_list")),
        ("no ipv6 access-list <name:word>", Do("access_list", True)),
        ("ip access-list resequence <name:word> <start:1-2147483647> <step:1-2147483647>", Do("resequence")),
        ("object-group <kind:(network|service|v6-network|v6-service)> <name:word>", Do("object_group")),
        ("no object-group <kind:(network|service|v6-network|v6-service)> <name:word>", Do("object_group", True)),
        ("banner <kind:(motd|login|exec|incoming)> <text:line>", Do("banner")),
        ("no banner <kind:(motd|login|exec|incoming)>", Do("banner", True)),
    ],
    "config-if": [
        ("ip address <address:ipv4> <mask:netmask> [<secondary:(secondary)>]", Do("ip_address")),
        ("no ip address [<address:ipv4> <mask:netmask> [<secondary:(secondary)>]]", Do("ip_address", True)),
    ],
    "config-vrf-af": [("exit-address-family", Do("exit"))],
}
ANYWHERE = [("exit", Do("exit")), ("end", Do("end_config")), ("do <command:line>", Do("do"))]
USER_EXEC = [
    ("enable [<level:0-15>]", Do("enable")),
    ("exit", Do("logout")),
    ("logout", Do("logout")),
    ("disable [<level:0-15>]", Do("disable")),
    ("terminal length <lines:0-512>", Do("terminal_length")),
    ("terminal width <columns:0-512>", Do("nothing")),
    ("terminal [no] monitor", Do("nothing")),
    ("show privilege", Do("show_privilege")),
    ("show version", Do("show_version")),
    ("show inventory", Do("show_inventory")),
    ("show clock", Do("show_clock")),
    ("show users", Do("show_users")),
    ("show ssh", Do("show_ssh")),
    ("show ip interface brief", Do("show_ip_interface_brief")),
]
EXEC = [
    ("configure terminal", Do("configure")),
    ("configure terminal <lock:(lock)>", Do("configure")),
    ("configure terminal revert ($timer|idle <idle:1-120>)", Do("configure")),
    ("configure confirm", Do("configure_confirm")),
    ("configure revert <now:(now)>", Do("configure_revert")),
    ("configure revert $timer", Do("configure_revert")),
    (
        # "The list keyword must be entered before the force and time keywords", force before time.
        "configure replace $file [nolock] [<list:(list)>] [<force:(force)>] [ignorecase]"
        " [revert trigger [error] [timer <minutes:1-120>]|time <minutes:1-120>]",
        Do("configure_replace"),
    ),
    ("archive config", Do("archive_config")),
    ("write [memory]", Do("write_memory")),
    ("copy <source:(running-config|startup-config)> <target:(running-config|startup-config)>", Do("copy")),
    ("copy <source:(running-config|startup-config)> $file", Do("copy")),
    ("more $file", Do("more")),
    ("clear access-list counters [<name:word>]", Do("clear_counters")),
    ("clear ip access-list counters [<name:word>]", Do("clear_counters")),
    ("clear ipv6 access-list [<name:word>]", Do("clear_counters")),
    ("show running-config", Do("show_running")),
    ("show running-config interface <name:interface>", Do("show_running_interface")),
    ("show startup-config", Do("show_startup")),
    ("show access-lists [<name:word>]", Do("show_lists")),
    ("show ip access-lists [<name:word>]", Do("show_lists")),
    ("show ipv6 access-list [<name:word>]", Do("show_lists")),
    ("show object-group [<name:word>]", Do("show_groups")),
    ("show ip interface [<name:interface>]", Do("show_ip_interface")),
    ("show ipv6 interface [<name:interface>]", Do("show_ipv6_interface")),
    ("show ipv6 interface brief", Do("show_ipv6_interface_brief")),
    ("show interfaces [<name:interface>]", Do("show_interfaces")),
    ("show tcp brief [all]", Do("show_tcp")),
    ("show logging", Do("show_logging")),
    ("show archive", Do("show_archive")),
    ("show archive config rollback timer", Do("show_rollback_timer")),
    ("show archive config differences [<first:word> [<second:word>]]", Do("show_differences")),
    ("show configuration lock", Do("show_lock")),
]
PROMPTS = {"config-v6-network-group": "config-v6network-group", "config-v6-service-group": "config-v6service-group"}


def _grammars() -> dict[str, Grammar]:
    grammars = {mode: Grammar(TYPES, MACROS) for mode in TABLES}
    for mode, table in TABLES.items():
        for line in filter(None, map(str.strip, table.splitlines())):
            _add(grammars[mode], line)
        for pattern, command in COMMANDS.get(mode, ()):
            grammars[mode].add(pattern, command)
    for kind, mode in (("standard", "config-std-nacl"), ("extended", "config-ext-nacl"), ("ipv6", "config-ipv6-acl")):
        grammars[mode] = Grammar(TYPES)
        grammars[mode].include(ios_acl.grammar(kind))
    for kind, pattern in ios_acl.MEMBERS.items():
        group = grammars[f"config-{kind}-group"] = Grammar(TYPES)
        for negated, prefix in ((False, ""), (True, "no ")):
            group.add(f"{prefix}description <text:line>", Do("group_description", negated))
            group.add(prefix + pattern, Do("member", negated))
        group.add("no description", Do("group_description", True))
    for grammar in grammars.values():
        for pattern, command in ANYWHERE:
            grammar.add(pattern, command)
    for mode, commands in (("user", USER_EXEC), ("exec", [*USER_EXEC, *EXEC])):
        grammars[mode] = Grammar(TYPES, MACROS)
        for pattern, command in commands:
            grammars[mode].add(pattern, command)
    pipe = grammars["pipe"] = Grammar()
    for name in ("include", "exclude", "begin", "count"):
        pipe.add(f"<filter:({name})> <pattern:line>", None)
    pipe.add("<filter:(section)> [<what:(include|exclude)>] <pattern:line>", None)
    return grammars


def _add(grammar: Grammar, line: str) -> None:
    """One line of a table: the command and its `no` form."""
    number, _, pattern = line.partition(" ")
    rank = int(number)
    if pattern.startswith("> "):
        mode, _, pattern = pattern[2:].partition(" ")
        grammar.add(pattern, Section(rank, mode))
        grammar.add(f"no {pattern}", (Section(rank, mode),))
        return
    on = pattern.startswith("~ ")
    pattern = pattern.removeprefix("~ ")
    pattern, template, key = pattern.partition(" => ")
    head, separator, value = pattern.partition(" = ")
    setting = Setting(rank, key if template else len(re.findall(r"\([^)]*\)|\[[^]]*\]|\S+", head)) if separator else 0, on)
    grammar.add(f"{head} {value}", setting)
    grammar.add(f"no {head} [{value}]" if separator else f"no {head}", (setting,))


# -- the device --------------------------------------------------------------------------------------------------------


@dataclass
class Revert:
    """A rollback that will be, if nobody confirms. Times are of the device's clock, in seconds."""

    path: str
    session: Session
    idle: bool
    minutes: int = 0
    since: float = 0.0
    warned: bool = False

    @property
    def due(self) -> float:
        """When."""
        return self.since + self.minutes * MINUTE


class Device:
    """A router.

    `on_change` is called after each line that changed the running configuration, `on_save` with the text that became
    the startup configuration; `counters` and `clear_counters` are the data plane's.
    """

    def __init__(
        self,
        startup: str,
        *,
        hostname: str,
        clock: Callable[[], float] = time.monotonic,
        options: Options = SOUND,
        enable: str | None = None,
    ) -> None:
        self.options = options
        self.clock = clock
        self.enable = enable
        self.on_change: list[Callable[[], None]] = []
        self.on_save: list[Callable[[str], None]] = []
        self.counters: Counters = dict
        self.clear_counters: Callable[[str | None], None] = lambda _name: None
        self.sessions: list[Session] = []
        self.log: deque[str] = deque(maxlen=1000)
        self.files: dict[str, str] = {}
        self.archived: deque[str] = deque()
        self.archive_number = 0
        self.revert: Revert | None = None
        self.lock: Session | None = None
        self.locked = 0.0
        self.changed: tuple[datetime, str] | None = None
        self._epoch = time.time() - clock()
        self._hardware: set[str] | None = None
        self._hostname = hostname
        self._text: str | None = None
        self.config = self.load(startup)
        self._hardware = {name for name in self.config.interfaces if not name.startswith(VIRTUAL) and "." not in name}
        self._startup = self.running() if startup.strip() else ""

    def session(self, user: str, privilege: int = 15, local: str | None = None, peer: tuple[str, int] | None = None) -> Session:
        """A user has logged in from `peer`; `local` is the address of the device that they came to."""
        session = Session(self, user, privilege, local, peer)
        self.sessions.append(session)
        return session

    def running(self) -> str:
        """What `show running-config` prints below its header lines."""
        if self._text is None:
            self._text = self.config.text()
        return self._text

    def startup(self) -> str:
        """The configuration that the device would boot with, in the same form; "" for none."""
        return self._startup

    def filters(self) -> list[Filter]:
        """What is bound, by interface. A list that does not exist or has no entries permits everything: it is no filter."""
        found = []
        for name, block in self.config.interfaces.items():
            texts = block.texts()
            for text in texts:
                bound = re.fullmatch(r"(ip access-group|ipv6 traffic-filter) (\S+) (in|out)", text)
                acl = self.config.acls.get(bound[2]) if bound else None
                if bound is None or acl is None or not acl.entries or (acl.family == 6) != text.startswith("ipv6"):
                    continue
                reply = ("no ipv6 unreachables" if acl.family == 6 else "no ip unreachables") not in texts
                entries = acl.compiled(self.config.groups, reply)
                found.append(Filter(name, bound[3], acl.name, acl.family, entries))
        return found

    def tick(self) -> None:
        """Do what is due by the clock."""
        revert = self.revert
        if revert is None:
            return
        left = revert.due - self.clock()
        if left <= 0:
            output = self.roll_back()
            if revert.session.notify is not None:
                revert.session.notify(output)
        elif left <= MINUTE and not revert.warned:
            revert.warned = True
            message = f"Rollback Confirmed Change: Rollback will begin in one minute.\n{CONFIRM}\n"
            self.say(
                "ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_WARNING_ABSTIMER",
                f"System will rollback to config {revert.path} in one minute. {CONFIRM}",
            )
            if revert.session.notify is not None:
                revert.session.notify(message)

    def now(self) -> datetime:
        """The time that the device has."""
        return datetime.fromtimestamp(self._epoch + self.clock(), UTC)

    def say(self, name: str, text: str) -> None:
        """A message for the console and the log buffer."""
        self.log.append(f"*{self.now():%b %e %H:%M:%S.%f}"[:-3] + f": %{name}: {text}")

    def touched(self, user: str) -> None:
        """The running configuration has changed."""
        self._text = None
        self.changed = (self.now(), user)
        for call in self.on_change:
            call()

    def load(self, text: str) -> Config:
        """A configuration from its text, by the grammar of the command line; ValueError for the first bad line."""
        session = Session(self, "startup", 15, None)
        config = Config(hostname=self._hostname)
        session.begin(config)
        for number, line in enumerate(text.splitlines(), 1):
            if not line.startswith(" ") and not session.asking:
                session.begin(config)
            if not session.asking and line.strip() in ("", "end"):
                continue
            error = session.enter(line)
            if error:
                raise ValueError(f"line {number}: {line}: {' '.join(error.split())}")
        # "A configure replace operation cannot remove the interface" that is there physically.
        for name in (self._hardware or set()) - set(config.interfaces):
            config.interfaces[name] = Block(f"interface {name}", "config-if", {"shutdown": (10, "shutdown")})
        return config

    def replace(self, text: str, user: str) -> None:
        """Make a text the running configuration; ValueError when it is none."""
        self.config = self.load(text)
        for session in self.sessions:
            # Where a device leaves a session that is in a submode is not documented: this one takes it to global mode.
            session.begin(self.config, fresh=False)
        self.touched(user)

    def physical(self, name: str) -> bool:
        """Whether an interface is, or is part of, something that is there."""
        parent = name.partition(".")[0]
        return self._hardware is None or parent in self._hardware or parent.startswith(VIRTUAL)

    def save(self) -> None:
        """Make the running configuration the startup configuration."""
        self._startup = self.running()
        if "write-memory" in self.config.archive().texts() and self.archiving():
            self.store()
        for call in self.on_save:
            call(self._startup)

    def archiving(self) -> bool:
        """Whether configurations can be archived."""
        return self.config.archive_path() is not None and not self.options.no_archive

    def store(self) -> str:
        """Archive the running configuration; returns the name of the file."""
        now = self.now()
        path = (self.config.archive_path() or "").replace("$h", self.config.hostname)
        stamp = f"{now:%b}-{now.day:->2}-{now:%H-%M-%S}.{now.microsecond // 1000:03d}"
        name = f"{path}-{stamp}-{self.archive_number}"
        self.archive_number += 1
        self.files[name] = self.running()
        self.archived.append(name)
        maximum = next((int(text.split()[1]) for text in self.config.archive().texts() if text.startswith("maximum")), 10)
        while len(self.archived) > maximum:
            del self.files[self.archived.popleft()]
        return name

    def arm(self, session: Session, minutes: int, *, idle: bool) -> str:
        """Begin a change that has to be confirmed; returns what is printed."""
        if not self.archiving():
            raise RefusedError("%Turn config archive on before using Rollback Confirmed Change")
        if self.revert is not None:
            # The guide has one timer; the words for a second one are not documented.
            raise RefusedError("%Rollback Confirmed Change is already pending")
        path = self.store()
        self.revert = Revert(path, session, idle, minutes, self.clock())
        self.say("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_BACKUP", f"Backing up current running config to {path}")
        kind = "IDLETIMER" if idle else "ABSTIMER"
        self.say(
            f"ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_{kind}",
            f"User: {session.identity}: Scheduled to rollback to config {path} in {minutes} minutes",
        )
        return f"Rollback Confirmed Change: Backing up current running config to {path}\n\n"

    def roll_back(self) -> str:
        """Undo the change that nobody confirmed; returns what is printed."""
        revert, self.revert = self.revert, None
        if revert is None:
            raise RefusedError(NONE_PENDING)
        self.say("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_ROLLBACK_START", f"Start rolling to: {revert.path}")
        text = self.files.get(revert.path)
        if text is None:
            return f"Rollback Confirmed Change: rolling to:{revert.path}\n\n%Error opening {revert.path} (No such file)\n"
        passes = int(text != self.running())
        self.replace(text, revert.session.user)
        return f"Rollback Confirmed Change: rolling to:{revert.path}\n\nTotal number of passes: {passes}\nRollback Done\n\n"


# -- a session ---------------------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """A configuration mode, and what its lines go to."""

    mode: str
    target: Any


class Session:
    """One user's command line."""

    def __init__(self, device: Device, user: str, privilege: int, local: str | None, peer: tuple[str, int] | None = None) -> None:
        self.device = device
        self.user = user
        self.privilege = privilege
        self.local = local
        self.peer = peer
        self.notify: Callable[[str], None] | None = None
        self.length = PAGE
        self.closed = False
        self.echo = True
        self._frames: list[Frame] = []
        self._question = ""
        self._answer: Callable[[str], str] | None = None
        self._config = Config()
        self._dirty = False
        self._raw = ""

    @property
    def banner(self) -> str:
        """What is shown at login."""
        item = self.device.config.items.get("banner motd", (0, ""))[1]
        return "" if isinstance(item, Block) or not item else "\n".join(item.split("\n")[1:-1]) + "\n"

    @property
    def identity(self) -> str:
        """Who it is, in messages."""
        return f"{self.user}(Priv: {self.privilege}, View: 0)"

    @property
    def asking(self) -> bool:
        """Whether the next line is an answer."""
        return self._answer is not None

    @property
    def prompt(self) -> str:
        """What the device shows when it waits for a line."""
        if self._answer is not None:
            return self._question
        if not self._frames:
            return f"{self.device.config.hostname}{'#' if self.privilege > 1 else '>'}"
        mode = self._frames[-1].mode
        return f"{self._config.hostname}({PROMPTS.get(mode, mode)})#"

    def line(self, text: str) -> str:
        """Run one line; returns what the device prints."""
        self.device.tick()
        revert = self.device.revert
        if revert is not None and revert.idle and revert.session is self:
            revert.since, revert.warned = self.device.clock(), False
        try:
            return self.enter(text)
        finally:
            if self._dirty:
                self._dirty = False
                if self._config is self.device.config:
                    self.device.touched(self.user)

    def enter(self, text: str) -> str:
        """Run one line, without telling the device that its configuration has changed."""
        if self._answer is not None:
            answer, self._answer, self.echo = self._answer, None, True
            return answer(text)
        if len(text) > LINE_LIMIT:
            # A terminal beeps at the 255th character and drops it. Half a line must not be taken for a whole one.
            return f"% Invalid input: the command line is limited to {LINE_LIMIT} characters\n"
        if not text.strip() or text.lstrip().startswith("!"):
            return ""
        self._raw = text
        try:
            return self._configure_line(text) if self._frames else self._exec(text)
        except RefusedError as error:
            return f"{error}\n"

    def interrupt(self) -> str:
        """The key ctrl-C: void the question, leave configuration mode."""
        self._answer, self.echo = None, True
        return self.end()

    def end(self) -> str:
        """The key ctrl-Z: back to EXEC mode."""
        if self._frames:
            self._leave(0)
            if self.device.lock is self:
                self.device.lock = None
            self.device.say("SYS-5-CONFIG_I", f"Configured from console by {self.user} on vty0")
        return ""

    def help(self, text: str) -> list[str]:
        """The words that may follow or complete a line."""
        mode = self._frames[-1].mode if self._frames else self._exec_mode
        try:
            return GRAMMARS[mode].help(text)
        except CommandError:
            return []

    def close(self) -> None:
        """The user is gone."""
        if self._frames:
            self.end()
        self.closed, self.notify = True, None
        if self in self.device.sessions:
            self.device.sessions.remove(self)

    def begin(self, config: Config, *, fresh: bool = True) -> None:
        """Be in global configuration mode; unless `fresh`, only when in some configuration mode."""
        if fresh or self._frames:
            self._leave(1)
            self._config = config
            self._frames = [Frame("config", config)]

    @property
    def _exec_mode(self) -> str:
        return "exec" if self.privilege > 1 else "user"

    def _ask(self, question: str, answer: Callable[[str], str], *, echo: bool = True) -> str:
        self._question, self._answer, self.echo = question, answer, echo
        return ""

    # -- EXEC mode

    def _exec(self, text: str, offset: int = 0) -> str:
        command, bar, pipe = text.partition("|")
        first = command.split()[0].lower() if command.split() else ""
        if not bar or not (len(first) > 1 and "show".startswith(first)):
            return self._run(text, offset)
        output = self._run(command.rstrip(), offset)
        try:
            words = GRAMMARS["pipe"].parse(pipe)
        except CommandError as error:
            return self._error(error, text, offset + len(command) + 1)
        try:
            return piped(words, output)
        except re.error:
            return "% Invalid regular expression\n"

    def _run(self, text: str, offset: int) -> str:
        try:
            words = GRAMMARS[self._exec_mode].parse(text)
        except CommandError as error:
            return self._error(error, text, offset)
        output: str = getattr(self, f"_{words.command.method}")(words)
        return output

    def _error(self, error: CommandError, text: str, offset: int = 0) -> str:
        if isinstance(error, InvalidError):
            column = len(self.prompt) + offset + error.position
            return f"{' ' * column}^\n% Invalid input detected at '^' marker.\n\n"
        if isinstance(error, AmbiguousError):
            return f'% Ambiguous command:  "{text}"\n'
        return "% Incomplete command.\n\n"

    def _nothing(self, _words: Words) -> str:
        return ""

    def _logout(self, _words: Words) -> str:
        self.close()
        return ""

    def _leave(self, depth: int) -> None:
        """Leave the configuration modes below a depth."""
        for frame in self._frames[depth:]:
            group = frame.target
            # "Empty object groups are automatically deleted."
            if isinstance(group, Group) and not group.members and self._config.groups.get(group.name) is group:
                del self._config.groups[group.name]
                self._dirty = True
        del self._frames[depth:]

    def _enable(self, _words: Words) -> str:
        if self.privilege == 15:
            return ""
        if self.device.enable is None:
            return "% Error in authentication.\n\n"
        tries = iter(range(2))

        def answer(password: str) -> str:
            if password == self.device.enable:
                self.privilege = 15
                return ""
            if next(tries, None) is None:
                return "% Bad secrets\n\n"
            return self._ask("Password: ", answer, echo=False)

        return self._ask("Password: ", answer, echo=False)

    def _disable(self, words: Words) -> str:
        self.privilege = min(self.privilege, words.get("level", 1))
        return ""

    def _terminal_length(self, words: Words) -> str:
        self.length = words["lines"]
        return ""

    def _configure(self, words: Words) -> str:
        device = self.device
        exclusive = str(device.config.items.get("configuration mode exclusive", (0, ""))[1])
        if device.lock is not None:
            at = device.sessions.index(device.lock)
            return (
                f"Configuration mode is locked by process '{FIRST_PROCESS + at}' user '{device.lock.user}' "
                f"from terminal '{at + 1}'. Please try later.\n"
            )
        output = ""
        if "minutes" in words or "idle" in words:
            output = device.arm(self, words.get("minutes") or words["idle"], idle="idle" in words)
        # "This keyword only functions if the configuration mode exclusive command was previously enabled."
        if exclusive and ("lock" in words or not exclusive.endswith("manual")):
            device.lock, device.locked = self, device.clock()
        self.begin(copy.deepcopy(device.config) if device.options.ignore_changes else device.config)
        return output + "Enter configuration commands, one per line.  End with CNTL/Z.\n"

    def _own_revert(self) -> Revert:
        """The rollback that is pending.

        "Only the user who enabled the timed rollback functionality will have the permission" to confirm it, to reset
        its timer and to trigger it; what another one is told is not documented.
        """
        revert = self.device.revert
        if revert is None:
            raise RefusedError(NONE_PENDING)
        if revert.session.user != self.user:
            raise RefusedError(f"%Rollback Confirmed Change is pending for user {revert.session.user}")
        return revert

    def _configure_confirm(self, _words: Words) -> str:
        self._own_revert()
        self.device.revert = None
        self.device.say("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM", f"User: {self.identity}: Confirm the configuration change")
        return ""

    def _configure_revert(self, words: Words) -> str:
        revert = self._own_revert()
        if "now" in words:
            return self.device.roll_back()
        revert.minutes, revert.idle = words.get("minutes") or words["idle"], "idle" in words
        revert.since, revert.warned, revert.session = self.device.clock(), False, self
        return ""

    def _configure_replace(self, words: Words) -> str:
        def replace(answer: str) -> str:
            if not answer.strip().lower().startswith("y"):
                return ""
            device = self.device
            text = (
                device.startup()
                if words["file"] in ("nvram:startup-config", "startup-config")
                else device.files.get(words["file"])
            )
            if text is None:
                return f"%Error opening {words['file']} (No such file or directory)\n"
            output = device.arm(self, words["minutes"], idle=False) if "minutes" in words else ""
            before = device.running()
            try:
                device.replace(text, self.user)
            except ValueError as error:
                # A device applies what it can; this one reverts on any error, as with `revert trigger error`.
                return f"{output}%Rollback failed: {error}\n"
            listed = difflib.ndiff(before.splitlines(), device.running().splitlines()) if "list" in words else ()
            changes = [line for line in listed if line[0] in "+-"]
            shown = "\n".join(["!Pass 1", "!List of Rollback Commands:", *changes, "end", "", ""]) if changes else ""
            return f"{output}{shown}Total number of passes: {int(before != device.running())}\nRollback Done\n\n"

        if "force" in words:
            return replace("yes")
        self._ask("configuration. Enter Y if you are sure you want to proceed. ? [no]: ", replace)
        return (
            "This will apply all necessary additions and deletions\n"
            "to replace the current running configuration with the\n"
            "contents of the specified configuration file, which is\n"
            "assumed to be a complete configuration, not a partial\n"
        )

    def _archive_config(self, _words: Words) -> str:
        if not self.device.archiving():
            return f"{ARCHIVE_OFF}\n% Error caught by command handler\n"
        self.device.store()
        return ""

    def _write_memory(self, _words: Words) -> str:
        self.device.save()
        return "Building configuration...\n[OK]\n"

    def _copy(self, words: Words) -> str:
        source = words["source"]
        target = words.get("target") or words["file"]

        def run(answer: str) -> str:
            if source == "running-config" and target == "startup-config":
                return self._write_memory(words)
            if target in ("running-config", "startup-config"):
                return "% Error: this copy is not modelled by this stand-in\n"
            if self.device.options.no_archive:
                return f"%Error opening {target} (No such device)\n"
            place = answer.strip() or target
            place = place if ":" in place else target[: target.find(":") + 1] + place
            text = self.device.running() if source == "running-config" else self.device.startup()
            self.device.files[place] = text
            return f"{len(text)} bytes copied in 0.020 secs ({len(text) * 50} bytes/sec)\n"

        shown = target[target.find(":") + 1 :]
        return self._ask(f"Destination filename [{shown}]? ", run)

    def _more(self, words: Words) -> str:
        if words["file"] not in self.device.files:
            return f"%Error opening {words['file']} (No such file or directory)\n"
        return self.device.files[words["file"]]

    def _clear_counters(self, words: Words) -> str:
        self.device.clear_counters(words.get("name"))
        return ""

    # -- show

    def _show_privilege(self, _words: Words) -> str:
        return f"Current privilege level is {self.privilege}\n"

    def _show_version(self, _words: Words) -> str:
        return (
            "Cisco IOS XE Software, Version 17.09.04a\n"
            "Cisco IOS Software [Cupertino], ASR1000 Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.9.4a, "
            "RELEASE SOFTWARE (fc3)\n"
            "Copyright (c) 1986-2023 by Cisco Systems, Inc.\n\n"
            "ROM: 17.3(1r)\n\n"
            f"{self.device.config.hostname} uptime is 1 day, 2 hours, 3 minutes\n"
            'System image file is "bootflash:asr1000-universalk9.17.09.04a.SPA.bin"\n\n'
            "cisco ASR1001-X (1NG) processor (revision 1NG) with 3750000K/6147K bytes of memory.\n"
            "Processor board ID LAB00000000\n"
            "32768K bytes of non-volatile configuration memory.\n\n"
            "Configuration register is 0x2102\n\n"
        )

    def _show_inventory(self, _words: Words) -> str:
        return 'NAME: "Chassis", DESCR: "Cisco ASR1001-X Chassis"\nPID: ASR1001-X         , VID: V01  , SN: LAB00000000\n\n'

    def _show_clock(self, _words: Words) -> str:
        now = self.device.now()
        return f"*{now:%H:%M:%S}.{now.microsecond // 1000:03d} UTC {now:%a %b} {now.day} {now:%Y}\n"

    def _show_users(self, _words: Words) -> str:
        lines = ["    Line       User       Host(s)              Idle       Location"]
        for at, session in enumerate(self.device.sessions):
            mark = "*" if session is self else " "
            place = session.peer[0] if session.peer else ""
            lines.append(f"{mark}{at + 1:3d} vty {at:<4d} {session.user:<10s} idle                 00:00:00 {place}")
        return _lines([*lines, "", "  Interface    User               Mode         Idle     Peer Address", ""])

    def _show_ssh(self, _words: Words) -> str:
        lines = ["Connection Version Mode Encryption  Hmac         State                 Username"]
        for at, session in enumerate(self.device.sessions):
            for way in ("IN", "OUT"):
                lines.append(f"{at:<10d} 2.0     {way:<4s} aes128-ctr  hmac-sha2-256 Session started      {session.user}")
        return _lines([*lines, "%No SSHv1 server connections running."])

    def _show_tcp(self, _words: Words) -> str:
        lines = ["TCB       Local Address               Foreign Address             (state)"]
        for at, session in enumerate(self.device.sessions):
            far = "{}.{}".format(*session.peer) if session.peer else "*.*"
            lines.append(f"7F{at:06X}  {(session.local or '0.0.0.0') + '.22':<27s} {far:<27s} ESTAB")
        return _lines(lines)

    def _show_logging(self, _words: Words) -> str:
        return _lines(["Syslog logging: enabled", "", "Log Buffer (4096 bytes):", "", *self.device.log])

    def _show_running(self, _words: Words) -> str:
        text = self.device.running()
        changed = ""
        if self.device.changed is not None:
            when, user = self.device.changed
            changed = f"! Last configuration change at {when:%H:%M:%S} UTC {when:%a %b} {when.day} {when:%Y} by {user}\n!\n"
        body = f"!\n{changed}{text}"
        return f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n{body}\n"

    def _show_running_interface(self, words: Words) -> str:
        body = "!\n" + _lines([*interface_lines(self._interface_of(words)), "end"])
        return f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n{body}\n"

    def _show_startup(self, _words: Words) -> str:
        text = self.device.startup()
        if not text:
            return "startup-config is not present\n"
        return f"Using {len(text)} out of 33554432 bytes\n!\n{text}\n"

    def _show_lists(self, words: Words) -> str:
        acls = sorted(self.device.config.acls.values(), key=lambda acl: (acl.family, acl.kind == "extended", acl.name))
        family = next((number for word, number in (("ip", 4), ("ipv6", 6)) if word in words.keywords), None)
        lines = []
        counters = self.device.counters()
        for acl in acls:
            if family not in (None, acl.family) or words.get("name", acl.name) != acl.name:
                continue
            count: dict[int, int] = {}
            for (_, _, name, key), (packets, _) in counters.items():
                if name == acl.name and not key.startswith("implicit"):
                    number = int(key.partition(".")[0])
                    count[number] = count.get(number, 0) + packets
            lines += acl.show(count)
        return _lines(lines)

    def _show_groups(self, words: Words) -> str:
        titles = {
            "network": "Network object group",
            "service": "Service object group",
            "v6-network": "V6-Network object group",
            "v6-service": "V6-Service object group",
        }
        lines = []
        for name, group in sorted(self.device.config.groups.items()):
            if words.get("name", name) == name:
                lines += [f"{titles[group.kind]} {name}", *group.lines()[1:], ""]
        return _lines(lines)

    def _interface_of(self, words: Words) -> Block:
        block = self.device.config.interfaces.get(words["name"])
        if block is None:
            raise self._no_interface(words["name"])
        return block

    def _interfaces_of(self, words: Words) -> Iterator[tuple[str, Block, bool, list[str]]]:
        blocks = {words["name"]: self._interface_of(words)} if "name" in words else self.device.config.interfaces
        for name in sorted(blocks, key=interface_order):
            texts = blocks[name].texts()
            yield name, blocks[name], "shutdown" not in texts, texts

    def _show_ip_interface_brief(self, words: Words) -> str:
        lines = ["Interface              IP-Address      OK? Method Status                Protocol"]
        for name, _, up, texts in self._interfaces_of(words):
            address = next((text.split()[2] for text in texts if _is_primary(text)), "unassigned")
            status, protocol = ("up", "up") if up else ("administratively down", "down")
            lines.append(f"{name:<22s} {address:<15s} YES NVRAM  {status:<21s} {protocol}")
        return _lines(lines)

    def _show_ip_interface(self, words: Words) -> str:
        lines = []
        for name, _, up, texts in self._interfaces_of(words):
            lines.append(_state(name, up))
            addresses = [text.split()[2:] for text in texts if text.startswith("ip address ")]
            if not addresses:
                lines.append("  Internet protocol processing disabled")
                continue
            for address, mask, *secondary in addresses:
                title = "Secondary address" if secondary else "Internet address is"
                lines.append(f"  {title} {address}/{_length(mask)}")
            lines.append("  Broadcast address is 255.255.255.255")
            for title, way in (("Outgoing access list is", "out"), ("Inbound  access list is", "in")):
                lines.append(f"  {title} {_bound(texts, 'ip access-group', way) or 'not set'}")
            lines.append(f"  ICMP unreachables are {'never' if 'no ip unreachables' in texts else 'always'} sent")
        return _lines(lines)

    def _show_ipv6_interface(self, words: Words) -> str:
        lines = []
        for name, _, up, texts in self._interfaces_of(words):
            addresses = [text.split()[2] for text in texts if text.startswith("ipv6 address ")]
            if not addresses and "ipv6 enable" not in texts:
                continue
            lines += [_state(name, up), "  IPv6 is enabled"]
            lines += ["  Global unicast address(es):", *(f"    {address}" for address in addresses)]
            for title, way in (("Input features", "in"), ("Output features", "out")):
                bound = _bound(texts, "ipv6 traffic-filter", way)
                if bound:
                    lines += [f"  {title}: ACL", f"  {'Inbound' if way == 'in' else 'Outbound'} access list {bound}"]
            lines.append(f"  ICMP unreachables are {'not sent' if 'no ipv6 unreachables' in texts else 'sent'}")
        return _lines(lines)

    def _show_ipv6_interface_brief(self, words: Words) -> str:
        lines = []
        for name, _, up, texts in self._interfaces_of(words):
            lines.append(f"{name:<22s} [{'up/up' if up else 'administratively down/down'}]")
            addresses = [text.split()[2].partition("/")[0] for text in texts if text.startswith("ipv6 address ")]
            lines += [f"    {address}" for address in addresses or ["unassigned"]]
        return _lines(lines)

    def _show_interfaces(self, words: Words) -> str:
        lines = []
        for name, _, up, texts in self._interfaces_of(words):
            lines.append(_state(name, up))
            lines += [f"  Description: {text.split(' ', 1)[1]}" for text in texts if text.startswith("description ")]
            for text in filter(_is_primary, texts):
                _, _, address, mask = text.split()
                lines.append(f"  Internet address is {address}/{_length(mask)}")
            mtu = next((text.split()[1] for text in texts if text.startswith("mtu ")), "1500")
            lines.append(f"  MTU {mtu} bytes, BW 1000000 Kbit/sec, DLY 10 usec,")
        return _lines(lines)

    def _show_archive(self, _words: Words) -> str:
        device = self.device
        if not device.archiving():
            return f"{ARCHIVE_OFF}\n"
        maximum = next((text.split()[1] for text in device.config.archive().texts() if text.startswith("maximum")), "10")
        lines = [
            f"The maximum archive configurations allowed is {maximum}.",
            f"There are currently {len(device.archived)} archive configurations saved.",
            f"The next archive file will be named {device.config.archive_path()}-<timestamp>-{device.archive_number}",
            " Archive #  Name",
        ]
        for at, name in enumerate(device.archived, 1):
            lines.append(f"   {at:<8d} {name}{' <- Most Recent' if at == len(device.archived) else ''}")
        return _lines(lines)

    def _show_rollback_timer(self, _words: Words) -> str:
        revert = self.device.revert
        if revert is None:
            return f"{NONE_PENDING}\n"
        since = datetime.fromtimestamp(self.device.now().timestamp() - (self.device.clock() - revert.since), UTC)
        return _lines(
            [
                f"Time configured(or reconfigured): {since:%H:%M:%S} UTC {since:%a %b} {since.day} {since:%Y}",
                f"Timer type: {'idle' if revert.idle else 'absolute'} timer",
                f"Timer value: {revert.minutes} min",
                f"User: {revert.session.user}",
            ]
        )

    def _show_differences(self, words: Words) -> str:
        device = self.device
        places = {"nvram:startup-config": device.startup(), "system:running-config": device.running(), **device.files}
        names = [words.get("first", "nvram:startup-config"), words.get("second", "system:running-config")]
        for name in names:
            if name not in places:
                return f"%Error opening {name} (No such file or directory)\n"
        changes = differences(*(places[name] for name in names))
        return _lines(["!Contextual Config Diffs:", *(changes or ["!No changes were found"])])

    def _show_lock(self, _words: Words) -> str:
        lock = self.device.lock
        if lock is None:
            return ""
        at = self.device.sessions.index(lock)
        return _lines(
            [
                "Config Session Lock",
                "---------------------",
                f"Owner PID   : {FIRST_PROCESS + at}",
                f"TTY number  : {at + 1}",
                f"TTY username    : {lock.user}",
                "User debug info : CLI Session Lock",
                f"Lock Active time (in Sec)   : {int(self.device.clock() - self.device.locked)}",
            ]
        )

    # -- configuration mode

    def _configure_line(self, text: str) -> str:
        options = self.device.options
        worst: CommandError | None = None
        for depth in range(len(self._frames) - 1, -1, -1):
            frame = self._frames[depth]
            try:
                words = GRAMMARS[frame.mode].parse(text)
            except InvalidError as error:
                # A line that is none of a submode's is tried in the mode above; the caret is where most was understood.
                worst = error if not isinstance(worst, InvalidError) or error.position > worst.position else worst
                continue
            except CommandError as error:
                return self._error(error, text)
            if self.device.sessions and options.fail_on is not None and re.search(options.fail_on, text):
                return "% Error: the command failed on this device\n"
            if not isinstance(words.command, Do) or words.command.method not in ("exit", "end_config", "do"):
                self._leave(depth + 1)
            return self._apply(words, self._frames[-1])
        return self._error(worst or InvalidError(0), text)

    def _apply(self, words: Words, frame: Frame) -> str:
        command = words.command
        negated = isinstance(command, tuple) and len(command) == 1
        command = command[0] if negated else command
        if isinstance(command, Setting):
            self._set(frame.target, words, command, negated=negated)
        elif isinstance(command, Section):
            self._section(frame.target, words, command, negated=negated)
        else:
            output: str = getattr(self, f"_{command[0]}")(words, command[1])
            return output
        return ""

    def _set(self, block: Block, words: Words, setting: Setting, *, negated: bool) -> None:
        parts = words.words[1:] if negated else words.words
        text = " ".join(parts)
        key = " ".join(parts[: setting.key or None]) if isinstance(setting.key, int) else setting.key.format(**words.values)
        present = block.items.get(key)
        if setting.on:
            self._put(block, key, setting.rank, f"no {text}" if negated else None)
        elif not negated:
            self._put(block, key, setting.rank, text)
        elif isinstance(setting.key, int) or (present is not None and present[1] == text):
            # What `no ip access-group OTHER in` does is not documented: another list stays where it is.
            self._put(block, key, setting.rank, None)

    def _put(self, block: Block, key: str, rank: int, item: str | Block | None) -> None:
        if item is None:
            self._dirty |= block.items.pop(key, None) is not None
        elif block.items.get(key) != (rank, item):
            block.items[key] = (rank, item)
            self._dirty = True

    def _section(self, block: Block, words: Words, section: Section, *, negated: bool) -> None:
        header = " ".join(words.words[1:] if negated else words.words)
        # A route map's entry is `permit 10` unless it says otherwise.
        if section.mode == "config-route-map":
            action = next((word for word in ("permit", "deny") if word in words.keywords), "permit")
            header = f"route-map {words['name']} {action} {words.get('number', 10)}"
        key = header
        if section.mode == "config-cmap":
            kind = "match-any" if "match-any" in words.keywords else "match-all"
            key, header = f"class-map {words['name']}", f"class-map {kind} {words['name']}"
        if negated:
            self._put(block, key, section.rank, None)
            return
        item = block.items.get(key, (0, None))[1]
        if not isinstance(item, Block):
            item = Block(header, section.mode)
            self._put(block, key, section.rank, item)
        self._frames.append(Frame(section.mode, item))

    def _exit(self, _words: Words, _negated: bool) -> str:
        if len(self._frames) == 1:
            return self.end()
        self._leave(len(self._frames) - 1)
        return ""

    def _end_config(self, _words: Words, _negated: bool) -> str:
        return self.end()

    def _do(self, words: Words, _negated: bool) -> str:
        return self._exec(words["command"], self._raw.index(words["command"]))

    def _no_interface(self, name: str) -> RefusedError:
        """What is said of an interface that is not there: it is no word of the grammar."""
        tokens = tokens_of(self._raw)
        start = 0
        for at, token in enumerate(tokens):
            with contextlib.suppress(CommandError):
                found = interface(tokens[at:])
                if found is not None and found.text == name:
                    start = token.start
        return RefusedError(self._error(InvalidError(start), self._raw).removesuffix("\n"))

    def _hostname(self, words: Words, negated: bool) -> str:
        name = "Router" if negated else words["name"]
        if re.fullmatch(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", name) is None:
            raise RefusedError("% Hostname contains one or more illegal characters.")
        self._dirty |= self._config.hostname != name
        self._config.hostname = name
        return ""

    def _interface(self, words: Words, negated: bool) -> str:
        name = words["name"]
        blocks = self._config.interfaces
        if negated:
            if not name.startswith(VIRTUAL) and "." not in name:
                raise RefusedError("% Removal of physical interfaces is not permitted")
            self._dirty |= blocks.pop(name, None) is not None
            return ""
        if not self.device.physical(name):
            raise self._no_interface(name)
        if name not in blocks:
            blocks[name] = Block(f"interface {name}", "config-if")
            self._dirty = True
        self._frames.append(Frame("config-if" if "." not in name else "config-subif", blocks[name]))
        return ""

    def _ip_address(self, words: Words, negated: bool) -> str:
        block = self._frames[-1].target
        if negated and "address" not in words:
            for key in [key for key in block.items if key.startswith("ip address")]:
                self._put(block, key, 3, None)
            return ""
        text = " ".join(words.words[1:] if negated else words.words)
        key = f"ip address {words['address']}" if "secondary" in words else "ip address"
        if negated:
            if block.items.get(key, (0, None))[1] == text:
                self._put(block, key, 3, None)
            return ""
        address, mask = words["address"], words["mask"]
        host = 0xFFFFFFFF ^ mask
        if host > 1 and address & host in (0, host):
            raise RefusedError(f"Bad mask /{mask.bit_count()} for address {ios_acl.address_text(4, address)}")
        for name, other in self._config.interfaces.items():
            for present in other.texts():
                if present.startswith("ip address ") and other is not block:
                    theirs, their_mask = (ios_acl.ipv4_number(word) or 0 for word in present.split()[2:4])
                    if (address ^ theirs) & mask & their_mask == 0:
                        network = ios_acl.address_text(4, address & mask)
                        raise RefusedError(f"% {network} overlaps with {name}")
        self._put(block, key, 3, text)
        return ""

    def _access_list(self, words: Words, negated: bool) -> str:
        name, kind = words["name"], words.get("kind", "ipv6")
        acls = self._config.acls
        if kind != "ipv6" and name.isdecimal():
            number = int(name)
            standard, extended = 1 <= number <= 99 or 1300 <= number <= 1999, 100 <= number <= 199 or 2000 <= number <= 2699
            if not (standard if kind == "standard" else extended):
                raise RefusedError("% Invalid access list name.")
        elif not name[0].isalpha():
            # "Access list names cannot contain a space or quotation mark and must begin with an alphabetic character".
            raise RefusedError("% Invalid access list name.")
        present = acls.get(name)
        if present is not None and present.kind != kind:
            label = "IPv6" if present.kind == "ipv6" else f"{present.kind.capitalize()} IP"
            raise RefusedError(f"% A named {label} access list with this name already exists")
        if negated:
            self._dirty |= acls.pop(name, None) is not None
            return ""
        if present is None:
            acls[name] = Acl(name, kind)
            self._dirty = True
        mode = {"standard": "config-std-nacl", "extended": "config-ext-nacl", "ipv6": "config-ipv6-acl"}[kind]
        self._frames.append(Frame(mode, acls[name]))
        return ""

    def _resequence(self, words: Words, _negated: bool) -> str:
        acl = self._config.acls.get(words["name"])
        if acl is None or acl.kind == "ipv6":
            raise RefusedError(f"% Access list {words['name']} does not exist")
        acl.resequence(words["start"], words["step"])
        self._dirty = True
        return ""

    def _entry(self, words: Words, negated: bool) -> str:
        acl: Acl = self._frames[-1].target
        number = words.get("number")
        ace = None
        if "action" in words:
            standard = acl.kind == "standard"
            ace = ios_acl.standard_entry(words) if standard else ios_acl.entry(words, acl.family, self._config.groups)
        if negated:
            acl.remove(number, ace)
            self._dirty = True
        elif ace is not None:
            self._dirty |= acl.add(ace, number)
        return ""

    def _remark(self, words: Words, negated: bool) -> str:
        acl: Acl = self._frames[-1].target
        if negated:
            acl.unremark(words.get("text"), words.get("number"))
        else:
            acl.remark(words["text"], words.get("number"))
        self._dirty = True
        return ""

    def _object_group(self, words: Words, negated: bool) -> str:
        name, kind = words["name"], words["kind"]
        groups = self._config.groups
        present = groups.get(name)
        if present is not None and present.kind != kind:
            raise RefusedError(f"% Error: object-group {name} is of type {present.kind}, not {kind}")
        if negated:
            self._unused(name)
            self._dirty |= groups.pop(name, None) is not None
            return ""
        if present is None:
            groups[name] = Group(name, kind)
            self._dirty = True
        self._frames.append(Frame(f"config-{kind}-group", groups[name]))
        return ""

    def _unused(self, name: str) -> None:
        # "You cannot remove an object group or make an object group empty if it is used in an ACL."
        if self._config.used(name):
            raise RefusedError(f"% Error: object-group {name} is in use")

    def _member(self, words: Words, negated: bool) -> str:
        group: Group = self._frames[-1].target
        if not negated:
            member = ios_acl.member(words, group, self._config.groups)
            self._dirty |= group.members.setdefault(member.text, member) is member
            return ""
        bare = Words(words.command, words.words[1:], words.keywords, words.values)
        text = ios_acl.member(bare, group, self._config.groups).text
        if text not in group.members:
            raise RefusedError("% Error: no such object")
        if len(group.members) == 1:
            self._unused(group.name)
        del group.members[text]
        self._dirty = True
        return ""

    def _group_description(self, words: Words, negated: bool) -> str:
        self._frames[-1].target.description = None if negated else words["text"]
        self._dirty = True
        return ""

    def _banner(self, words: Words, negated: bool) -> str:
        key = f"banner {words['kind']}"
        if negated:
            self._put(self._config, key, 24, None)
            return ""
        given: str = words["text"]
        delimiter = "^C" if given.startswith("^C") else given[0]
        lines: list[str] = []

        def more(line: str) -> str:
            text, found, _ = line.partition(delimiter)
            lines.append(text)
            if not found:
                return self._ask("", more)
            body = "\n".join(lines)
            self._put(self._config, key, 24, f"{key} ^C\n{body.strip(chr(10))}\n^C")
            return ""

        rest = given.removeprefix(delimiter)
        if delimiter in rest:
            return more(rest)
        lines.extend([rest] if rest else [])
        self._ask("", more)
        return f"Enter TEXT message.  End with the character '{delimiter}'.\n" if self in self.device.sessions else ""


def piped(words: Words, output: str) -> str:
    """The output of a command behind `| include`, `exclude`, `begin`, `section` or `count`."""
    pattern = re.compile(words["pattern"])
    lines = output.splitlines()
    kind = words["filter"]
    if kind == "begin":
        at = next((at for at, line in enumerate(lines) if pattern.search(line)), len(lines))
        return _lines(lines[at:])
    if kind == "count":
        return f"Number of lines which match regexp = {sum(bool(pattern.search(line)) for line in lines)}\n"
    if kind != "section":
        return _lines([line for line in lines if bool(pattern.search(line)) is (kind == "include")])
    kept: list[str] = []
    other: list[str] = []
    inside: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if inside is not None and depth <= inside:
            inside = None
        if inside is None and pattern.search(line):
            inside = depth
        (kept if inside is not None else other).append(line)
    return _lines(other if words.get("what") == "exclude" else kept)


def differences(first: str, second: str) -> list[str]:
    """What a configuration has that the other has not, under its headers, as the contextual diff utility shows it."""

    def paths(text: str) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        stack: list[str] = []
        for line in text.splitlines():
            if line.strip() in ("!", "end", "") or line.startswith("!"):
                continue
            del stack[len(line) - len(line.lstrip()) :]
            stack.append(line)
            found.append(tuple(stack))
        return found

    before, after = paths(first), paths(second)
    lines: list[str] = []
    shown: set[tuple[str, ...]] = set()
    for sign, here, there in (("+", after, set(before)), ("-", before, set(after))):
        for path in here:
            if path in there:
                continue
            for length in range(1, len(path)):
                if path[:length] in there and path[:length] not in shown:
                    shown.add(path[:length])
                    lines.append(path[length - 1])
            indent = len(path[-1]) - len(path[-1].lstrip())
            lines.append(" " * indent + sign + path[-1].lstrip())
    return lines


def _is_primary(text: str) -> bool:
    return text.startswith("ip address ") and not text.endswith("secondary")


def _length(mask: str) -> int:
    return (ios_acl.ipv4_number(mask) or 0).bit_count()


def _bound(texts: list[str], command: str, way: str) -> str | None:
    return next((text.split()[2] for text in texts if text.startswith(command) and text.endswith(f" {way}")), None)


def _state(name: str, up: bool) -> str:
    return f"{name} is {'up' if up else 'administratively down'}, line protocol is {'up' if up else 'down'}"


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


GRAMMARS = _grammars()
GRAMMARS["config-subif"] = GRAMMARS["config-if"]
