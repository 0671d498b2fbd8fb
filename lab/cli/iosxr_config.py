# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration of IOS-XR: its statements, its canonical text, what is wrong with it, and the filters that it binds.

A configuration is a tree. The place of a statement in it says both what it replaces (the same place) and where it is shown
(places are ordered). The order of the statements is that of a `show running-config` of a 24.2.2 router; there, names are
ordered by their length first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.cli import iosxr_acl as acl
from lab.cli.filter import Entry, Filter, Pairs
from lab.cli.grammar import Argument, Grammar, Token
from lab.cli.grammar import Match as Words

Place = tuple[Any, ...]
"""A rank among the statements of a mode, and what tells statements of that rank apart."""


@dataclass(frozen=True)
class Item:
    """A statement as it stands in a configuration."""

    text: str
    """What is shown; a policy or a set has several lines."""
    mode: str | None = None
    """The mode of the statements below it, for one that has such."""
    value: Any = field(default=None, compare=False)
    undo: str = field(default="", compare=False)
    """How its negation is shown, where that is not `no` and the text."""


Step = tuple[Place, Item]
Path = tuple[Step, ...]
ROOT = Item("", "config")


class Node:
    """A statement with those below it."""

    __slots__ = ("item", "kids")

    def __init__(self, item: Item = ROOT) -> None:
        self.item = item
        self.kids: dict[Place, Node] = {}

    def copy(self) -> Node:
        """Another tree of the same statements."""
        node = Node(self.item)
        node.kids = {place: kid.copy() for place, kid in self.kids.items()}
        return node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.item == other.item and self.kids == other.kids

    __hash__ = None  # type: ignore[assignment]

    def find(self, path: Path) -> Node | None:
        """The node at a path."""
        node: Node | None = self
        for place, _item in path:
            node = node.kids.get(place) if node else None
        return node

    def set(self, path: Path) -> None:
        """Have the statement at the end of the path, and those on the way to it."""
        node = self
        for place, item in path:
            if place not in node.kids:
                node.kids[place] = Node(item)
            node = node.kids[place]
        node.item = path[-1][1]

    def delete(self, path: Path) -> None:
        """Have it not, nor what is below it."""
        node = self.find(path[:-1])
        if node:
            node.kids.pop(path[-1][0], None)

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """All nodes below, in order, each with its path."""
        for place in sorted(self.kids):
            kid = self.kids[place]
            here = (*path, (place, kid.item))
            yield here, kid
            yield from kid.walk(here)

    def lines(self, depth: int = 0) -> Iterator[str]:
        """What `show running-config` shows of what is below."""
        for place in sorted(self.kids):
            yield from self.kids[place].own_lines(depth)

    def own_lines(self, depth: int) -> Iterator[str]:
        """What it shows of this node."""
        indent = " " * depth
        yield from (f"{indent}{line}" for line in self.item.text.split("\n"))
        if self.item.mode:
            yield from self.lines(depth + 1)
            if self.item.mode in ENDS:
                yield f"{indent} {ENDS[self.item.mode]}"
        if self.item.mode or "\n" in self.item.text:
            yield f"{indent}!"


def delta(old: Node, new: Node, depth: int = 0) -> Iterator[str]:
    """The lines that make the new configuration of the old one: what `show configuration` shows."""
    indent = " " * depth
    for place in sorted(old.kids.keys() | new.kids.keys()):
        before, after = old.kids.get(place), new.kids.get(place)
        if after is None and before is not None:
            yield f"{indent}{before.item.undo or 'no ' + before.item.text.split(chr(10))[0]}"
        elif after is not None and (before is None or (before.item != after.item and not after.item.mode)):
            yield from after.own_lines(depth)
        elif before is not None and after is not None and before != after:
            yield f"{indent}{after.item.text}"
            yield from delta(before, after, depth + 1)
            yield f"{indent}!"


def marked(old: Node, new: Node, depth: int = 0) -> Iterator[str]:
    """The same with `+`, `-` and `#` in front: what `show commit changes diff` shows."""
    for place in sorted(old.kids.keys() | new.kids.keys()):
        before, after = old.kids.get(place), new.kids.get(place)
        if before == after:
            continue
        if after is None and before is not None:
            yield from (f"-  {line}" for line in before.own_lines(depth))
        elif before is None and after is not None:
            yield from (f"+  {line}" for line in after.own_lines(depth))
        elif before is not None and after is not None:
            yield from (f"#  {' ' * depth}{line}" for line in after.item.text.split("\n"))
            if after.item.mode:
                yield from marked(before, after, depth + 1)
                yield f"#  {' ' * depth}!"


# -- the statements ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """A line of the grammar that is a statement."""

    rank: int
    key: tuple[str, ...]
    """The arguments that tell it from others of its rank; `*`: its whole text."""
    opens: str | None = None
    negated: bool = False
    make: Callable[[Words, Node], Step] | None = None
    """Makes place and item, where that is more than rank, key and text."""

    def step(self, words: Words, node: Node) -> Step:
        """Where a line belongs below a node, and what is to be there."""
        if self.make:
            return self.make(words, node)
        text = words.text.removeprefix("no ") if self.negated else words.text
        key = tuple(_order(text if label == "*" else words.get(label, "")) for label in self.key)
        return (self.rank, *key), Item(text, self.opens, words)


def _order(value: Any) -> Any:
    return (len(value), value) if isinstance(value, str) else value


INTERFACES = {
    "Bundle-Ether": r"\d+(\.\d+)?",
    "BVI": r"\d+",
    "Loopback": r"\d+",
    "MgmtEth": r"\d+/RP[01]/CPU0/\d+",
    "GigabitEthernet": r"\d+/\d+/\d+/\d+(\.\d+)?",
    "TenGigE": r"\d+/\d+/\d+/\d+(/\d+)?(\.\d+)?",
    "TwentyFiveGigE": r"\d+/\d+/\d+/\d+(/\d+)?(\.\d+)?",
    "FortyGigE": r"\d+/\d+/\d+/\d+(\.\d+)?",
    "HundredGigE": r"\d+/\d+/\d+/\d+(/\d+)?(\.\d+)?",
    "FourHundredGigE": r"\d+/\d+/\d+/\d+(\.\d+)?",
    "Null": "0",
}


def interface(tokens: Sequence[Token]) -> Argument | None:
    """The type of an interface, abbreviated or not; its value is its place among the interfaces."""
    found = re.match(r"([A-Za-z][A-Za-z-]*)(.*)", tokens[0].text)
    if not found:
        return None
    word, rest, length = found[1].lower(), found[2], 1
    if not rest and len(tokens) > 1:
        rest, length = tokens[1].text, 2
    kinds = [kind for kind in INTERFACES if kind.lower().startswith(word)] if word != "be" else ["Bundle-Ether"]
    if len(kinds) != 1 or len(word) < 2 or not re.fullmatch(INTERFACES[kinds[0]], rest, re.IGNORECASE):
        return None
    numbers = tuple(int(number) for number in re.findall(r"\d+", rest))
    return Argument((list(INTERFACES).index(kinds[0]), numbers), kinds[0] + rest.upper(), length)


TYPES = {**acl.TYPES, "interface": interface}
MODES: dict[str, Grammar] = {}
ENDS = {"config-cmap": "end-class-map", "config-pmap": "end-policy-map"}
RAW = {"config-pfx": "end-set", "config-rpl": "end-policy"}
"""Modes whose lines are kept as they come, until this one."""
OBJECT_GROUP, IPV6_LIST, IPV4_LIST, CLASS, POLICY, INTERFACE = 110, 130, 131, 140, 150, 160
REFERENCES = {
    "acl4": (IPV4_LIST, "ipv4 access-list"),
    "acl6": (IPV6_LIST, "ipv6 access-list"),
    "class": (CLASS, "class-map"),
    "policy": (POLICY, "policy-map"),
}
"""Arguments that name something that must be there: its rank, and what it is."""


def _mode(name: str) -> Grammar:
    return MODES.setdefault(name, Grammar(TYPES))


def _leaf(mode: str, rank: int, pattern: str, *key: str, no: str | None = None) -> None:
    _mode(mode).add(pattern, Statement(rank, key))
    _mode(mode).add(f"no {no or pattern}", Statement(rank, key, negated=True))


def _block(mode: str, rank: int, pattern: str, *key: str, opens: str) -> None:
    _mode(opens)
    _mode(mode).add(pattern, Statement(rank, key, opens))
    _mode(mode).add(f"no {pattern}", Statement(rank, key, opens, negated=True))


def _global_statements() -> None:
    _leaf("config", 10, "hostname <name:word>", no="hostname [<name:word>]")
    _leaf("config", 20, "clock timezone <zone:line>", no="clock timezone [<zone:line>]")
    _leaf("config", 32, "logging <host:ipv4> [vrf <vrf:word>] [severity <level:word>] [port <port:word>]", "host")
    what = "archive|buffered|console|events|facility|hostnameprefix|monitor|source-interface|suppress|trap"
    _leaf("config", 31, f"logging <what:({what})> <rest:line>", "what")
    telnet = "telnet vrf <vrf:word> ipv4 server max-servers <number:1-200>"
    _leaf("config", 33, f"{telnet} [access-list <acl4:name>]", "vrf")
    _leaf("config", 40, "service timestamps <kind:(debug|log)> <rest:line>", "kind")
    _leaf("config", 45, "domain <what:(list|lookup|name|name-server)> <rest:line>", "*")
    _block("config", 60, "username <name:word>", "name", opens="config-un")
    _leaf("config-un", 10, "group <name:word>", "name")
    _leaf("config-un", 20, "secret [<type:(0|5|8|9|10)>] <secret:word>", no="secret [<rest:line>]")
    _leaf("config-un", 21, "password [<type:(0|7)>] <secret:word>", no="password [<rest:line>]")
    _leaf("config", 65, "aaa <rest:line>", "*")
    _block("config", 70, "vrf <name:word>", "name", opens="config-vrf")
    _leaf("config-vrf", 10, "description <text:line>", no="description [<text:line>]")
    _block("config-vrf", 20, "address-family <family:(ipv4|ipv6)> unicast", "family", opens="config-vrf-af")
    _leaf("config-vrf-af", 10, "<way:(import|export)> (route-policy|route-target) <name:word>", "*")
    for rank, line in ((80, "line console"), (81, "line default"), (82, "line template <name:word>")):
        _block("config", rank, line, *(["name"] if "<" in line else []), opens="config-line")
    _leaf("config-line", 10, "login authentication <name:word>", no="login authentication [<name:word>]")
    _leaf("config-line", 20, "timestamp [disable]", no="timestamp [disable]")
    _leaf("config-line", 30, "exec-timeout <minutes:0-35791> <seconds:0-2147483>", no="exec-timeout [<rest:line>]")
    _leaf("config-line", 40, "access-class <way:(ingress|egress)> <acl4:name>", "way")
    _leaf("config-line", 41, "ipv6 access-class <way:(ingress|egress)> <acl6:name>", "way")
    _leaf("config-line", 50, "transport <way:(input|output|preferred)> <rest:line>", "way")
    _leaf("config-line", 60, "session-limit <number:1-20>", no="session-limit [<number:1-20>]")
    _leaf("config", 85, "vty-pool <name:word> <first:0-99> <last:0-99> [line-template <template:word>]", "name")
    access = "[<way:(RO|RW)>] [<owner:(SystemOwner|LROwner|SDROwner)>] [IPv4 <acl4:name>] [IPv6 <acl6:name>]"
    _leaf("config", 90, f"snmp-server community <name:word> [view <view:word>] {access}", "name")
    _leaf("config", 91, "snmp-server <what:(contact|host|ifindex|ifmib|location|trap|traps|view)> <rest:line>", "*")
    _leaf("config", 95, "icmp <family:(ipv4|ipv6)> rate-limit unreachable <number:1-4294967295>", "family")
    _block("config", 100, "ntp", opens="config-ntp")
    _leaf("config-ntp", 10, "server [vrf <vrf:word>] (<server:ipv4>|<server:ipv6>) [{prefer|iburst}]", "*")
    kinds = "peer|query-only|serve|serve-only"
    _leaf("config-ntp", 20, f"access-group ipv4 <kind:({kinds})> <acl4:name>", "kind")
    _leaf("config-ntp", 21, f"access-group ipv6 <kind:({kinds})> <acl6:name>", "kind")
    _leaf("config-ntp", 30, "source <interface:interface>", no="source [<interface:interface>]")
    _leaf("config-ntp", 40, "update-calendar")
    _leaf("config", 200, "ssh server v2")
    _leaf("config", 201, "ssh server vrf <vrf:word> {ipv4 access-list <acl4:name>|ipv6 access-list <acl6:name>}", "vrf")
    _leaf("config", 202, "ssh server netconf vrf <vrf:word>", "vrf")
    _leaf("config", 203, "ssh server <what:(dscp|rate-limit|session-limit)> <number:0-65535>", "what")
    _leaf("config", 204, "ssh server logging")


def _control_plane() -> None:
    _block("config", 120, "control-plane", opens="config-ctrl")
    _block("config-ctrl", 10, "management-plane", opens="config-mpp")
    _block("config-mpp", 10, "inband", opens="config-mpp-inband")
    _block("config-mpp", 20, "out-of-band", opens="config-mpp-outband")
    protocols = "<protocol:(all|HTTP|NETCONF|SNMP|SSH|Telnet|TFTP|XML)>"
    for mode in ("config-mpp-inband", "config-mpp-outband"):
        _block(mode, 10, "interface all", opens=f"{mode}-all")
        _block(mode, 20, "interface <interface:interface>", "interface", opens=f"{mode}-if")
        for below in (f"{mode}-all", f"{mode}-if"):
            _leaf(below, 10, f"allow {protocols}", "protocol")
            _block(below, 20, f"allow {protocols} peer", "protocol", opens="config-peer")
    _leaf("config-peer", 10, "address ipv4 (<peer:ipv4>|<peer:prefix4>)", "*")
    _leaf("config-peer", 20, "address ipv6 (<peer:ipv6>|<peer:prefix6>)", "*")


def _qos() -> None:
    _block("config", CLASS, "class-map [<how:(match-any|match-all)>] <name:word>", "name", opens="config-cmap")
    _leaf("config-cmap", 10, "match access-group ipv4 <acl4:name>", "acl4")
    _leaf("config-cmap", 11, "match access-group ipv6 <acl6:name>", "acl6")
    _leaf("config-cmap", 20, "match <what:(dscp|precedence|protocol|qos-group|traffic-class)> <rest:line>", "*")
    _leaf("config-cmap", 30, "description <text:line>", no="description [<text:line>]")
    _block("config", POLICY, "policy-map <name:word>", "name", opens="config-pmap")
    _block("config-pmap", 20, "class class-default", opens="config-pmap-c")
    _block("config-pmap", 10, "class <class:word>", "class", opens="config-pmap-c")
    police = "police rate <rate:1-4294967295> [<unit:(bps|gbps|kbps|mbps|pps)>]"
    _block("config-pmap-c", 10, police, opens="config-pmap-c-police")
    for rank, when in enumerate(("conform-action", "exceed-action", "violate-action")):
        _leaf("config-pmap-c-police", rank, f"{when} <what:(drop|transmit)>", no=f"{when} [<what:(drop|transmit)>]")
    _leaf("config-pmap-c", 20, "set <what:(dscp|precedence|qos-group|traffic-class)> <rest:line>", "what")
    _leaf("config-pmap-c", 30, "priority level <level:1-7>")
    _leaf("config-pmap-c", 40, "bandwidth <rest:line>")


def _interfaces() -> None:
    grammar = _mode("config")
    for negated in (False, True):
        statement = Statement(INTERFACE, (), None, negated, _make_interface)
        grammar.add(f"{'no ' * negated}interface <interface:interface>", statement)
    for mode in ("config-if", "config-subif"):
        _leaf(mode, 10, "description <text:line>", no="description [<text:line>]")
        _leaf(mode, 20, "mtu <bytes:64-65535>", no="mtu [<bytes:64-65535>]")
        _leaf(mode, 25, "encapsulation dot1q <vlan:1-4094>", no="encapsulation dot1q [<vlan:1-4094>]")
        _leaf(mode, 26, "bundle id <id:1-65535> [mode <how:(active|on|passive)>]", no="bundle id [<rest:line>]")
        for rank, way in ((30, "input"), (31, "output")):
            _leaf(mode, rank, f"service-policy {way} <policy:word>", no=f"service-policy {way} [<policy:word>]")
        _leaf(mode, 40, "vrf <vrf:word>", no="vrf [<vrf:word>]")
        _leaf(mode, 45, "ipv4 mtu <bytes:68-65535>", no="ipv4 mtu [<bytes:68-65535>]")
        for negated in (False, True):
            argument = "(<address:ipv4> <length:mask>|<prefix:interface4>)"
            pattern = f"no ipv4 address [{argument}]" if negated else f"ipv4 address {argument}"
            _mode(mode).add(pattern, Statement(50, (), None, negated, _make_address))
        _leaf(mode, 55, "ipv4 unreachables disable")
        for family in ("ipv4", "ipv6"):
            verify = f"{family} verify unicast source reachable-via <via:(any|rx)>"
            options = "{allow-default|allow-self-ping}"
            _leaf(mode, 56 if family == "ipv4" else 66, f"{verify} {options}", no=f"{verify} {options}")
        _leaf(mode, 60, "ipv6 address <prefix:interface6>", "prefix")
        _leaf(mode, 61, "ipv6 enable")
        _leaf(mode, 65, "ipv6 unreachables disable")
        _leaf(mode, 70, "load-interval <seconds:0-600>", no="load-interval [<seconds:0-600>]")
        _leaf(mode, 75, "shutdown")
        statistics = "{hardware-count|interface-statistics}"
        for rank, family in ((80, "4"), (81, "6")):
            bind = f"ipv{family} access-group"
            way = f"<acl{family}:name> <way:(ingress|egress)> {statistics}"
            _leaf(mode, rank, f"{bind} {way}", "way", no=f"{bind} ({way}|<way:(ingress|egress)>)")


def _make_interface(words: Words, _node: Node) -> Step:
    name = words.words[-1]
    return (INTERFACE, words["interface"]), Item(f"interface {name}", "config-subif" if "." in name else "config-if", words)


def _make_address(words: Words, _node: Node) -> Step:
    if "prefix" in words:
        address, length = words["prefix"]
    else:
        address, length = words.get("address", 0), words.get("length", 0)
    netmask = 0xFFFFFFFF ^ (0xFFFFFFFF >> length)
    text = f"ipv4 address {acl.address_text(4, address)} {acl.address_text(4, netmask)}"
    return (50,), Item(text, None, words)


def _lists() -> None:
    for family, rank in ((4, IPV4_LIST), (6, IPV6_LIST)):
        mode = f"config-ipv{family}-acl"
        _block("config", rank, f"ipv{family} access-list <name:name>", "name", opens=mode)
        for pattern in acl.patterns(family):
            _mode(mode).add(pattern, Statement(0, (), make=_maker(family)))
        _mode(mode).add(f"[<sequence:{acl.SEQUENCES}>] remark <text:line>", Statement(0, (), make=_make_remark))
        _mode(mode).add(f"no <sequence:{acl.SEQUENCES}>", Statement(0, (), negated=True, make=_make_remark))


def _next(node: Node) -> int:
    """The number of an entry that has none: 10 more than the last one's, or 10."""
    return max((int(place[0]) for place in node.kids), default=0) + 10


def _maker(family: int) -> Callable[[Words, Node], Step]:
    def make(words: Words, node: Node) -> Step:
        sequence = words.get("sequence") or _next(node)
        ace = acl.entry(words, family)
        return (sequence,), Item(f"{sequence} {ace.text}", None, ace, f"no {sequence}")

    return make


def _make_remark(words: Words, node: Node) -> Step:
    sequence = words.get("sequence") or _next(node)
    return (sequence,), Item(f"{sequence} remark {words.get('text', '')}", undo=f"no {sequence}")


def _groups() -> None:
    nested = "object-group <nested:name>"
    members = {
        "port": f"(<op:(eq|neq|lt|gt)> <port:port-group>|<op:(range)> <first:port-group> <last:port-group>|{nested})",
        **{
            f"ipv{family}": f"(<prefix:prefix{family}>|host <host:ipv{family}>"
            f"|range <first:ipv{family}> <last:ipv{family}>|{nested})"
            for family in (4, 6)
        },
    }
    for offset, (kind, pattern) in enumerate(members.items()):
        mode = f"config-object-group-{kind}"
        name = "port" if kind == "port" else f"network {kind}"
        _block("config", OBJECT_GROUP + offset, f"object-group {name} <name:name>", "name", opens=mode)
        _leaf(mode, -1, "description <text:line>", no="description [<text:line>]")
        for negated in (False, True):
            _mode(mode).add("no " * negated + pattern, Statement(0, (), None, negated, _member_maker(kind)))


def _member_maker(kind: str) -> Callable[[Words, Node], Step]:
    def make(words: Words, _node: Node) -> Step:
        text, value, order = acl.member(words, kind)
        return order, Item(text, None, value)

    return make


def _routing() -> None:
    _block("config", 180, "router static", opens="config-static")
    _block("config-static", 20, "vrf <vrf:word>", "vrf", opens="config-static-vrf")
    for mode in ("config-static", "config-static-vrf"):
        for rank, family in ((10, 4), (11, 6)):
            _block(mode, rank, f"address-family ipv{family} unicast", opens=f"{mode}-afi/{family}")
            hop = f"(<interface:interface> [<hop:ipv{family}>]|<hop:ipv{family}>)"
            _leaf(f"{mode}-afi/{family}", 10, f"<prefix:prefix{family}> {hop} [<distance:1-254>]", "prefix", "*")
    for rank, name, mode in ((170, "prefix-set", "config-pfx"), (171, "route-policy", "config-rpl")):
        _block("config", rank, f"{name} <name:word>", "name", opens=mode)


def _build() -> None:
    for add in (_global_statements, _control_plane, _qos, _interfaces, _lists, _groups, _routing):
        add()


# -- meaning -----------------------------------------------------------------------------------------------------------

Problem = tuple[Path, str]


def named(tree: Node, rank: int, name: str) -> Node | None:
    """The object of that rank and name."""
    return tree.kids.get((rank, (len(name), name)))


def group_rank(kind: str) -> int:
    """The rank of object groups of that kind."""
    return OBJECT_GROUP + ("port", "ipv4", "ipv6").index(kind)


def problems(tree: Node, before: Node) -> list[Problem]:
    """What a commit of this configuration would be refused for.

    Not documented for all of these: an empty list cannot be bound, a name without an object is refused, and so is the
    deletion of an object that is named; the stricter is taken. The sentences are not the vendor's.
    """
    found: list[Problem] = []
    for path, node in tree.walk():
        value = node.item.value
        if isinstance(value, acl.Ace):
            for kind, name in value.groups():
                if named(tree, group_rank(kind), name) is None:
                    found.append(_missing(path, before, group_rank(kind), f"object-group {kind}", name))
        elif isinstance(value, Words):
            for label, (rank, what) in REFERENCES.items():
                if label not in value:
                    continue
                target = named(tree, rank, value[label])
                if target is None:
                    found.append(_missing(path, before, rank, what, value[label]))
                elif "access-group" in value.keywords and path[0][0][0] == INTERFACE and not _entries(target):
                    message = f"an empty access list cannot be applied to an interface: {value[label]}"
                    found.append((path, f"'acl_mgr' detected the 'warning' condition '{message}'"))
        elif isinstance(value, str) and (inside := _group_kind(path)):
            if named(tree, group_rank(inside), value) is None:
                found.append(_missing(path, before, group_rank(inside), f"object-group {inside}", value))
            elif _in_circle(tree, inside, value):
                found.append((path, f"'objmgr' detected the 'warning' condition 'object-group {value} contains itself'"))
    return found


def _missing(path: Path, before: Node, rank: int, what: str, name: str) -> Problem:
    gone = named(before, rank, name)
    if gone is not None:
        where = (((rank, (len(name), name)), Item(f"no {gone.item.text.split(chr(10))[0]}")),)
        return where, f"'acl_mgr' detected the 'warning' condition '{what} {name} is in use'"
    return path, f"'acl_mgr' detected the 'warning' condition '{what} {name} does not exist'"


def _group_kind(path: Path) -> str | None:
    mode = path[0][1].mode or ""
    return mode.removeprefix("config-object-group-") if mode.startswith("config-object-group-") else None


def _in_circle(tree: Node, kind: str, name: str, seen: tuple[str, ...] = ()) -> bool:
    if name in seen:
        return True
    node = named(tree, group_rank(kind), name)
    nested = [kid.item.value for kid in node.kids.values() if isinstance(kid.item.value, str)] if node else []
    return any(_in_circle(tree, kind, inner, (*seen, name)) for inner in nested)


def failures(found: Iterable[Problem]) -> list[str]:
    """The statements that a commit was refused for, as `show configuration failed` shows them."""
    lines = []
    for path, message in found:
        for depth, (_place, item) in enumerate(path):
            lines.append(" " * depth + item.text.split("\n")[0])
        lines.append(f"!!% {message}")
        lines += [" " * depth + "!" for depth in reversed(range(max(1, len(path) - 1)))]
    return lines


def _entries(node: Node) -> list[tuple[int, acl.Ace]]:
    return [(place[0], kid.item.value) for place, kid in sorted(node.kids.items()) if isinstance(kid.item.value, acl.Ace)]


def filters(tree: Node) -> list[Filter]:
    """The lists that are bound to interfaces, compiled. Their names are `ipv4 NAME` and `ipv6 NAME`: XR keeps them apart."""
    contents: dict[tuple[str, str], Pairs] = {}

    def group(kind: str, name: str) -> Pairs:
        if (kind, name) not in contents:
            node = named(tree, group_rank(kind), name)
            values = [kid.item.value for kid in node.kids.values() if kid.item.value is not None] if node else []
            contents[kind, name] = tuple(
                pair
                for value in values
                if isinstance(value, (str, tuple))
                for pair in (group(kind, value) if isinstance(value, str) else value)
            )
        return contents[kind, name]

    found = []
    for place, node in sorted(tree.kids.items()):
        if place[0] != INTERFACE:
            continue
        texts = {kid.item.text for kid in node.kids.values()}
        for kid in node.kids.values():
            words = kid.item.value
            if not (isinstance(words, Words) and "access-group" in words.keywords):
                continue
            family = 4 if "acl4" in words else 6
            name = words[f"acl{family}"]
            target = named(tree, IPV4_LIST if family == 4 else IPV6_LIST, name)
            listed = _entries(target) if target else []
            if not listed:
                continue
            answers = f"ipv{family} unreachables disable" not in texts
            entries = [Entry(str(number), ace.permit, ace.compiled(group), ace.reply and answers) for number, ace in listed]
            entries += [Entry(one.key, one.permit, one.match, answers) for one in acl.implicit(family)]
            direction = "in" if words["way"] == "ingress" else "out"
            interface_name = node.item.text.removeprefix("interface ")
            found.append(Filter(interface_name, direction, f"ipv{family} {name}", family, tuple(entries)))
    return found


_build()
