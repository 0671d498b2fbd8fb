# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists and object groups as IOS-XR has them: what may be written, how it is shown, what it matches.

Sources: "IP Addresses and Services Command Reference for Cisco ASR 9000 Series Routers", chapter "Access List Commands",
and for the way it is shown a `show running-config` of an 24.2.2 router: `A.B.C.D/LENGTH` for a prefix, `host` for one
address, port names in an entry, fewer of them in an object group.

What the data plane does not look at (DSCP, TTL, packet length, next hops, IPv6 extension headers) is not in the grammar: an
entry that is accepted is an entry that is enforced.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab.cli import icmp
from lab.cli.filter import ANY, BITS, ICMP, Entry, Match, Pairs
from lab.cli.grammar import Argument, IncompleteError, Token, Type
from lab.cli.grammar import Match as Words

SEQUENCES = "1-2147483644"
PORT_NAMES = {
    "tcp": {
        "bgp": 179, "chargen": 19, "cmd": 514, "daytime": 13, "discard": 9, "domain": 53, "echo": 7, "exec": 512, "finger": 79,
        "ftp": 21, "ftp-data": 20, "gopher": 70, "hostname": 101, "https": 443, "ident": 113, "irc": 194, "klogin": 543,
        "kshell": 544, "ldp": 646, "login": 513, "lpd": 515, "nntp": 119, "pim-auto-rp": 496, "pop2": 109, "pop3": 110,
        "smtp": 25, "ssh": 22, "sunrpc": 111, "tacacs": 49, "talk": 517, "telnet": 23, "time": 37, "uucp": 540, "whois": 43,
        "www": 80,
    },
    "udp": {
        "bfd": 3784, "biff": 512, "bootpc": 68, "bootps": 67, "discard": 9, "dnsix": 195, "domain": 53, "echo": 7,
        "isakmp": 500, "ldp": 646, "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138, "netbios-ns": 137,
        "netbios-ss": 139, "ntp": 123, "pim-auto-rp": 496, "rip": 520, "snmp": 161, "snmptrap": 162, "sunrpc": 111,
        "syslog": 514, "tacacs": 49, "talk": 517, "tftp": 69, "time": 37, "who": 513, "xdmcp": 177,
    },
}  # fmt: skip
# An object group serves TCP and UDP, and shows 123, 137 and 443 as numbers.
PORT_NAMES["group"] = {name: port for name, port in PORT_NAMES["tcp"].items() if name not in ("https", "ssh", "ldp")}
PORT_NAMES["sctp"] = {}
PROTOCOLS = {
    4: {
        "ahp": 51, "eigrp": 88, "esp": 50, "gre": 47, "icmp": 1, "igmp": 2, "igrp": 9, "ipinip": 94, "nos": 4, "ospf": 89,
        "pcp": 108, "pim": 103, "sctp": 132, "tcp": 6, "udp": 17,
    },
    6: {"eigrp": 88, "esp": 50, "gre": 47, "icmpv6": 58, "ospf": 89, "pcp": 108, "pim": 103, "sctp": 132, "tcp": 6, "udp": 17},
}  # fmt: skip
"""By name. IPv6 `ahp` is an extension header, which the data plane looks behind, not at."""
ICMP_NAMES: dict[int, dict[str, tuple[int, int | None]]] = {
    4: icmp.V4,
    6: {
        "address-unreachable": (1, 3), "administratively-prohibited": (1, 1), "beyond-scope-of-source-address": (1, 2),
        "destination-unreachable": (1, None), "echo": (128, None), "echo-reply": (129, None),
        "erroneous-header-field": (4, 0), "group-membership-query": (130, None), "group-membership-report": (131, None),
        "group-membership-termination": (132, None), "nd-na": (136, None), "nd-ns": (135, None),
        "neighbor-redirect": (137, None), "no-route-to-destination": (1, 0), "packet-too-big": (2, None),
        "parameter-problem": (4, None), "port-unreachable": (1, 4), "reassembly-timeout": (3, 1),
        "router-advertisement": (134, None), "router-renumbering": (138, None), "router-solicitation": (133, None),
        "time-exceeded": (3, None), "ttl-exceeded": (3, 0), "unrecognized-next-header": (4, 1),
        "unrecognized-option": (4, 2),
    },
}  # fmt: skip
FLAGS = {"ack": 0x10, "fin": 0x01, "psh": 0x08, "rst": 0x04, "syn": 0x02, "urg": 0x20}
ESTABLISHED = ((FLAGS["ack"], FLAGS["ack"]), (FLAGS["rst"], FLAGS["rst"]))
PORTS = 65535


class UnknownGroupError(Exception):
    """An entry names an object group that is not there; the argument is what it says of it."""


# -- arguments ---------------------------------------------------------------------------------------------------------


def address_text(family: int, value: int) -> str:
    """As the device writes an address."""
    kind, size = (socket.AF_INET, 4) if family == 4 else (socket.AF_INET6, 16)
    return socket.inet_ntop(kind, value.to_bytes(size, "big"))


def _address(family: int, text: str) -> int | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return int(address) if address.version == family else None


def address(family: int) -> Type:
    """The type of one address; its value is a number."""

    def accept(tokens: Sequence[Token]) -> Argument | None:
        value = _address(family, tokens[0].text)
        return None if value is None else Argument(value, address_text(family, value))

    return accept


def mask(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv4 netmask; its value is the length."""
    value = _address(4, tokens[0].text)
    if value is None or (inverse := value ^ 0xFFFFFFFF) & (inverse + 1):
        return None
    return Argument(value.bit_count(), address_text(4, value))


def prefix(family: int, strip: bool = True) -> Type:
    """The type of ADDRESS/LENGTH; its value is (address, length), without the host bits if they are to be stripped."""

    def accept(tokens: Sequence[Token]) -> Argument | None:
        text, slash, length = tokens[0].text.partition("/")
        value = _address(family, text)
        if value is None or not (slash and length.isascii() and length.isdecimal() and int(length) <= BITS[family]):
            return None
        if strip:
            value &= _netmask(family, int(length))
        return Argument((value, int(length)), f"{address_text(family, value)}/{int(length)}")

    return accept


def wildcard(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv4 address and the mask of the bits that do not matter; its value is (value, mask that matters)."""
    value = _address(4, tokens[0].text)
    if value is None:
        return None
    if len(tokens) == 1:
        raise IncompleteError
    wild = _address(4, tokens[1].text)
    if wild is None:
        return None
    care = wild ^ 0xFFFFFFFF
    return Argument((value & care, care), f"{address_text(4, value & care)} {address_text(4, wild)}", 2)


def port(names: dict[str, int]) -> Type:
    """The type of a port by name or number; the device shows the name."""
    shown = {number: name for name, number in names.items()}

    def accept(tokens: Sequence[Token]) -> Argument | None:
        text = tokens[0].text
        if text.isascii() and text.isdecimal() and int(text) <= PORTS:
            return Argument(int(text), shown.get(int(text), str(int(text))))
        number = names.get(text.lower())
        return None if number is None else Argument(number, text.lower())

    return accept


def icmp(family: int) -> Type:
    """The type of an ICMP message by name, or by type and code; its value is (type, code or None for any)."""
    names = ICMP_NAMES[family]
    shown = {numbers: name for name, numbers in names.items()}

    def accept(tokens: Sequence[Token]) -> Argument | None:
        if (numbers := names.get(tokens[0].text.lower())) is not None:
            return Argument(numbers, tokens[0].text.lower())
        found = []
        for token in tokens[:2]:
            if not (token.text.isascii() and token.text.isdecimal() and int(token.text) <= 255):
                break
            found.append(int(token.text))
        if not found:
            return None
        value = (found[0], found[1] if len(found) > 1 else None)
        return Argument(value, shown.get(value, " ".join(map(str, found))), len(found))

    return accept


def signed_flag(tokens: Sequence[Token]) -> Argument | None:
    """The type of +FLAG or -FLAG; its value is (value, mask)."""
    sign, flag = tokens[0].text[:1], FLAGS.get(tokens[0].text[1:].lower())
    if sign not in ("+", "-") or flag is None:
        return None
    return Argument((flag if sign == "+" else 0, flag), tokens[0].text.lower())


def name(tokens: Sequence[Token]) -> Argument | None:
    """The type of the name of a list or group: at most 64 characters, without quotation marks."""
    text = tokens[0].text
    return None if len(text) > 64 or '"' in text else Argument(text, text)


TYPES: dict[str, Type] = {
    "name": name,
    "ipv4": address(4),
    "ipv6": address(6),
    "mask": mask,
    "prefix4": prefix(4),
    "prefix6": prefix(6),
    "interface6": prefix(6, strip=False),
    "interface4": prefix(4, strip=False),
    "wild4": wildcard,
    "icmp4": icmp(4),
    "icmp6": icmp(6),
    "signed": signed_flag,
    **{f"port-{name}": port(names) for name, names in PORT_NAMES.items()},
}


def _netmask(family: int, length: int) -> int:
    full = (1 << BITS[family]) - 1
    return full ^ (full >> length)


# -- patterns ----------------------------------------------------------------------------------------------------------


def _end(side: str, family: int) -> str:
    wild = f"|<{side}:wild4>" if family == 4 else ""
    return f"(any|host <{side}-host:ipv{family}>|<{side}-prefix:prefix{family}>{wild}|net-group <{side}-group:name>)"


def _ports(side: str, protocol: str) -> str:
    kind = f"port-{protocol}"
    return (
        f"[(<{side}-op:(eq|neq|lt|gt)> <{side}-port:{kind}>|<{side}-op:(range)> <{side}-first:{kind}> <{side}-last:{kind}>"
        f"|port-group <{side}-ports:name>)]"
    )


def patterns(family: int) -> Iterator[str]:
    """The syntax of a permit or deny entry of this family, in several patterns."""
    head = f"[<sequence:{SEQUENCES}>] <action:(permit|deny)>"
    options = "{<log:(log|log-input)>|icmp-off|capture|counter <counter:word>}"
    bare = "{<log:(log|log-input)>|icmp-off|capture|counter <counter:word>|fragments}"
    source, destination = _end("source", family), _end("destination", family)
    other = "|".join(name for name in PROTOCOLS[family] if name not in ("tcp", "udp", "sctp", "icmp", "icmpv6"))
    yield f"{head} (<protocol:(ipv{family}|{other})>|<number:0-255>) {source} {destination} {bare}"
    for protocol in ("tcp", "udp", "sctp"):
        flags = ""
        if protocol == "tcp":
            words = "|".join(("established", *FLAGS))
            flags = f"[<flag:({words})>|<flag:(match-any|match-all)> (<signs:signed>)...]"
        body = f"{source} {_ports('source', protocol)} {destination} {_ports('destination', protocol)}"
        yield f"{head} <protocol:({protocol})> {body} {flags} {options}"
        # `fragments` and layer 4 do not go together: command reference of `permit`.
        yield f"{head} <protocol:({protocol})> {source} {destination} {bare}"
    name = "icmp" if family == 4 else "icmpv6"
    yield f"{head} <protocol:({name})> {source} {destination} [<icmp:icmp{family}>] {options}"
    yield f"{head} <protocol:({name})> {source} {destination} {bare}"
    if family == 4:
        # A standard entry is the extended one about all protocols to everywhere, and shown as such.
        yield f"{head} (any|host <source-host:ipv4>|<source-prefix:prefix4>|<source:wild4>) {options}"


GROUP_TYPES = ("ipv4", "ipv6", "port")


# -- entries -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """Source or destination of an entry: alternatives of addresses or a group, and ports or a group."""

    addresses: Pairs | None
    """None: those of the group."""
    group: str | None
    ports: Pairs | None
    """None: any, or those of the group."""
    port_group: str | None
    text: str


@dataclass(frozen=True)
class Ace:
    """A permit or deny entry."""

    family: int
    permit: bool
    protocol: int | None
    source: End
    destination: End
    text: str
    """As it is shown, without its number."""
    flags: Pairs | None = None
    icmp: tuple[int, int | None] | None = None
    fragments: bool = False
    reply: bool = True

    def groups(self) -> Iterator[tuple[str, str]]:
        """Kind and name of the object groups that it names."""
        for end in (self.source, self.destination):
            if end.group:
                yield f"ipv{self.family}", end.group
            if end.port_group:
                yield "port", end.port_group

    def compiled(self, group: Callable[[str, str], Pairs]) -> Match:
        """What it matches; `group` gives the content of an object group by kind and name."""

        def addresses(end: End) -> Pairs:
            return group(f"ipv{self.family}", end.group) if end.group else end.addresses or ANY

        def ports(end: End) -> Pairs | None:
            return group("port", end.port_group) if end.port_group else end.ports

        return Match(
            self.family,
            self.protocol,
            addresses(self.source),
            addresses(self.destination),
            ports(self.source),
            ports(self.destination),
            self.icmp,
            self.flags,
            self.fragments,
        )


def entry(words: Words, family: int) -> Ace:
    """The entry that a line is."""
    protocol, name = _protocol(words, family)
    source, destination = _make_end(words, "source", family, name), _make_end(words, "destination", family, name)
    parts = [words["action"], name, source.text, destination.text]
    flags: Pairs | None = None
    if (flag := words.get("flag")) is not None:
        signs = words.get("signs", [])
        parts += [flag, *(_sign_text(*sign) for sign in signs)]
        if flag == "established":
            flags = ESTABLISHED
        elif flag == "match-any":
            flags = tuple(signs)
        elif flag == "match-all":
            flags = ((sum({value for value, _ in signs}), sum({bit for _, bit in signs})),)
        else:
            flags = ((FLAGS[flag], FLAGS[flag]),)
    message = words.get("icmp")
    if message is not None:
        shown = {numbers: text for text, numbers in ICMP_NAMES[family].items()}
        parts.append(shown.get(message, " ".join(str(number) for number in message if number is not None)))
    parts += [word for word in ("fragments",) if word in words.keywords]
    parts += [words["log"]] if "log" in words else []
    parts += [f"counter {words['counter']}"] if "counter" in words else []
    parts += [word for word in ("capture", "icmp-off") if word in words.keywords]
    return Ace(
        family,
        words["action"] == "permit",
        protocol,
        source,
        destination,
        " ".join(parts),
        flags,
        message,
        "fragments" in words.keywords,
        "icmp-off" not in words.keywords,
    )


def _sign_text(value: int, bit: int) -> str:
    name = next(name for name, flag in FLAGS.items() if flag == bit)
    return f"{'+' if value else '-'}{name}"


def _protocol(words: Words, family: int) -> tuple[int | None, str]:
    names = PROTOCOLS[family]
    if "number" in words:
        number = words["number"]
        return number, next((name for name, value in names.items() if value == number), str(number))
    name = words.get("protocol", f"ipv{family}")
    return names.get(name), name


def _make_end(words: Words, side: str, family: int, protocol: str) -> End:
    addresses: Pairs | None = ANY
    group = words.get(f"{side}-group")
    full = (1 << BITS[family]) - 1
    if group:
        addresses, text = None, f"net-group {group}"
    elif f"{side}-host" in words:
        pair = (words[f"{side}-host"], full)
        addresses, text = (pair,), _net_text(family, *pair)
    elif f"{side}-prefix" in words:
        value, length = words[f"{side}-prefix"]
        pair = (value, _netmask(family, length))
        addresses, text = (pair,), _net_text(family, *pair)
    elif side in words:
        addresses, text = (words[side],), _net_text(family, *words[side])
    else:
        text = "any"
    ports, port_group = None, words.get(f"{side}-ports")
    if port_group:
        text += f" port-group {port_group}"
    elif (operator := words.get(f"{side}-op")) is not None:
        numbers = [words[f"{side}-first"], words[f"{side}-last"]] if operator == "range" else [words[f"{side}-port"]]
        ports = port_ranges(operator, *numbers)
        shown = {number: name for name, number in PORT_NAMES[protocol].items()}
        text += f" {operator} " + " ".join(shown.get(number, str(number)) for number in numbers)
    return End(addresses, group, ports, port_group, text)


def _net_text(family: int, value: int, care: int) -> str:
    full = (1 << BITS[family]) - 1
    if care == 0:
        return "any"
    if care == full:
        return f"host {address_text(family, value)}"
    wild = care ^ full
    if wild & (wild + 1) == 0:
        return f"{address_text(family, value)}/{care.bit_count()}"
    return f"{address_text(family, value)} {address_text(family, wild)}"


def port_ranges(operator: str, first: int, last: int | None = None) -> Pairs:
    """The ports that an operator means; what cannot be is empty."""
    ranges = {
        "eq": [(first, first)],
        "neq": [(0, first - 1), (first + 1, PORTS)],
        "lt": [(0, first - 1)],
        "gt": [(first + 1, PORTS)],
        "range": [(first, last if last is not None else first)],
    }[operator]
    return tuple((low, high) for low, high in ranges if low <= high)


@lru_cache(maxsize=4096)
def range_masks(family: int, first: int, last: int) -> Pairs:
    """The addresses from one to another, as (value, mask)."""
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    networks = ipaddress.summarize_address_range(kind(first), kind(last))
    return tuple((int(network.network_address), int(network.netmask)) for network in networks)


def member(words: Words, kind: str) -> tuple[str, Any, tuple[Any, ...]]:
    """A member of an object group: how it is shown, its (value, mask) or port alternatives or group, and its order.

    The order is that of the 24.2 router: prefixes shorter than /16 come before the others, then by address.
    """
    if "nested" in words:
        return f"object-group {words['nested']}", words["nested"], (9, words["nested"])
    if kind == "port":
        operator = words["op"]
        numbers = [words["first"], words["last"]] if operator == "range" else [words["port"]]
        shown = {number: name for name, number in PORT_NAMES["group"].items()}
        text = f"{operator} " + " ".join(shown.get(number, str(number)) for number in numbers)
        order = ("eq", "neq", "lt", "gt", "range").index(operator)
        return text, port_ranges(operator, *numbers), (order, *numbers)
    family = int(kind[-1])
    if "host" in words:
        value = words["host"]
        return f"host {address_text(family, value)}", ((value, (1 << BITS[family]) - 1),), (2, value)
    if "first" in words:
        first, last = words["first"], words["last"]
        text = f"range {address_text(family, first)} {address_text(family, last)}"
        return text, range_masks(family, first, last) if first <= last else (), (3, first, last)
    value, length = words["prefix"]
    text = f"{address_text(family, value)}/{length}"
    return text, ((value, _netmask(family, length)),), (length >= 16, value, length)


def implicit(family: int) -> tuple[Entry, ...]:
    """What stands at the end of each list that has an entry: command references of `ipv4` and `ipv6 access-list`."""
    neighbours = [
        Entry(f"implicit {name}", True, Match(6, ICMP[6], icmp=ICMP_NAMES[6][name])) for name in ("nd-na", "nd-ns") if family == 6
    ]
    return (*neighbours, Entry("implicit deny", False, Match(family)))
