# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists and object groups as IOS-XE 17 has them: what may be written, how it is shown, what it matches.

Sources: "Security Configuration Guide: Access Control Lists, Cisco IOS XE 17" (named lists, sequence numbering, object
groups, IPv6 object groups) and the command references of `permit`, `deny` and `object-group` for IPv4 and IPv6.

What the data plane does not look at (DSCP, precedence, TOS, TTL, IP options, time ranges, IPv6 extension headers) is
understood and refused with a sentence: an entry that is accepted is an entry that is enforced.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lab.cli import icmp
from lab.cli.filter import Entry, Match
from lab.cli.grammar import Argument, Grammar, IncompleteError, Token, Type
from lab.cli.grammar import Match as Words

MAXIMUM_SEQUENCE = 2147483647
REMARK_LIMIT = 100
PORTS = 65535
TCP_PORTS = {
    "bgp": 179, "chargen": 19, "cmd": 514, "daytime": 13, "discard": 9, "domain": 53, "drip": 3949, "echo": 7, "exec": 512,
    "finger": 79, "ftp": 21, "ftp-data": 20, "gopher": 70, "hostname": 101, "ident": 113, "irc": 194, "klogin": 543,
    "kshell": 544, "login": 513, "lpd": 515, "msrpc": 135, "nntp": 119, "onep-plain": 15001, "onep-tls": 15002,
    "pim-auto-rp": 496, "pop2": 109, "pop3": 110, "smtp": 25, "sunrpc": 111, "tacacs": 49, "talk": 517, "telnet": 23,
    "time": 37, "uucp": 540, "whois": 43, "www": 80,
}  # fmt: skip
UDP_PORTS = {
    "biff": 512, "bootpc": 68, "bootps": 67, "discard": 9, "dnsix": 195, "domain": 53, "echo": 7, "isakmp": 500,
    "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ss": 139, "non500-isakmp": 4500,
    "ntp": 123, "pim-auto-rp": 496, "rip": 520, "ripv6": 521, "snmp": 161, "snmptrap": 162, "sunrpc": 111, "syslog": 514,
    "tacacs": 49, "talk": 517, "tftp": 69, "time": 37, "who": 513, "xdmcp": 177,
}  # fmt: skip
ICMP_TYPES: dict[int, dict[str, tuple[int, int | None]]] = {
    4: icmp.V4,
    6: {
        "beyond-scope": (1, 2), "destination-unreachable": (1, 3), "dhaad-reply": (145, None), "dhaad-request": (144, None),
        "echo-reply": (129, None), "echo-request": (128, None), "header": (4, 0), "hop-limit": (3, 0),
        "mld-query": (130, None), "mld-reduction": (132, None), "mld-report": (131, None), "mpd-advertisement": (147, None),
        "mpd-solicitation": (146, None), "nd-na": (136, None), "nd-ns": (135, None), "next-header": (4, 1),
        "no-admin": (1, 1), "no-route": (1, 0), "packet-too-big": (2, None), "parameter-option": (4, 2),
        "parameter-problem": (4, None), "port-unreachable": (1, 4), "reassembly-timeout": (3, 1), "redirect": (137, None),
        "renum-command": (138, 0), "renum-result": (138, 1), "renum-seq-number": (138, 255),
        "router-advertisement": (134, None), "router-renumbering": (138, None), "router-solicitation": (133, None),
        "time-exceeded": (3, None), "unreachable": (1, None),
    },
}  # fmt: skip
PROTOCOLS = {
    4: {
        "ahp": 51, "eigrp": 88, "esp": 50, "gre": 47, "icmp": 1, "igmp": 2, "ipinip": 4, "nos": 94, "ospf": 89, "pcp": 108,
        "pim": 103, "sctp": 132, "tcp": 6, "udp": 17,
    },
    6: {"esp": 50, "icmp": 58, "pcp": 108, "sctp": 132, "tcp": 6, "udp": 17},
}  # fmt: skip
"""By name, for each family. IPv6 `ahp` and `hbh` are extension headers, which the data plane looks behind, not at."""
FLAGS = {"ack": 0x10, "fin": 0x01, "psh": 0x08, "rst": 0x04, "syn": 0x02, "urg": 0x20}
ESTABLISHED = ((FLAGS["ack"], FLAGS["ack"]), (FLAGS["rst"], FLAGS["rst"]))
IGNORED = {
    4: ("dscp", "precedence", "tos", "ttl", "option", "time-range", "reflect"),
    6: ("dscp", "flow-label", "dest-option", "dest-option-type", "mobility", "mobility-type", "routing", "routing-type", "hbh",
        "time-range", "reflect"),
}  # fmt: skip
ANY_NAME = {4: "ip", 6: "ipv6"}
BITS = {4: 32, 6: 128}
Ranges = tuple[tuple[int, int], ...]


class RefusedError(Exception):
    """What the device prints instead of doing it."""


@dataclass(frozen=True)
class Net:
    """Addresses: where `mask` has a 1, an address must be like `value`."""

    family: int
    value: int
    mask: int

    @property
    def text(self) -> str:
        """As an entry shows it: `any`, `host A`, address and wildcard mask, or prefix."""
        everything = (1 << BITS[self.family]) - 1
        if self.mask == 0:
            return "any"
        if self.mask == everything:
            return f"host {address_text(self.family, self.value)}"
        if self.family == 4:
            return f"{address_text(4, self.value)} {address_text(4, everything ^ self.mask)}"
        return f"{address_text(6, self.value)}/{self.mask.bit_count()}"


@dataclass(frozen=True)
class GroupName:
    """Addresses that an object group has."""

    name: str

    @property
    def text(self) -> str:
        """As an entry shows it."""
        return f"object-group {self.name}"


@dataclass(frozen=True)
class Ports:
    """A comparison with ports: `eq` and `neq` with up to ten of them, `gt`, `lt`, `range`."""

    operator: str
    values: tuple[int, ...]

    @property
    def ranges(self) -> Ranges:
        """What matches."""
        first, last = self.values[0], self.values[-1]
        if self.operator == "eq":
            return tuple((port, port) for port in sorted(set(self.values)))
        if self.operator == "neq":
            edges = [-1, *sorted(set(self.values)), PORTS + 1]
            return tuple((low + 1, high - 1) for low, high in pairwise(edges) if low + 1 < high)
        return {"gt": ((first + 1, PORTS),), "lt": ((0, first - 1),), "range": ((first, last),)}[self.operator]

    def text(self, protocol: str) -> str:
        """As an entry shows it."""
        return " ".join([self.operator, *(port_text(protocol, value) for value in self.values)])


def ranges(ports: Ports | None) -> Ranges | None:
    """What a comparison matches; None for no comparison."""
    return None if ports is None else ports.ranges


def address_text(family: int, value: int) -> str:
    """An address as IOS writes it: IPv6 in upper case."""
    return str(ipaddress.IPv4Address(value)) if family == 4 else str(ipaddress.IPv6Address(value)).upper()


def port_text(protocol: str, value: int) -> str:
    """A port as IOS writes it: by its name where the keyword list of the protocol has one."""
    names = {"tcp": TCP_PORTS, "udp": UDP_PORTS}.get(protocol, {})
    return next((name for name, number in names.items() if number == value), str(value))


def icmp_text(family: int, icmp: tuple[int, int | None] | None) -> str:
    """A type of ICMP, and its code, as IOS writes it: by name where there is one."""
    if icmp is None:
        return ""
    names = (name for name, meaning in ICMP_TYPES[family].items() if meaning == icmp)
    return next(names, " ".join(str(number) for number in icmp if number is not None))


# -- object groups -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """One member of a service group."""

    text: str
    protocol: str
    source: Ports | None = None
    destination: Ports | None = None
    icmp: tuple[int, int | None] | None = None


@dataclass(frozen=True)
class Member:
    """One line of an object group: addresses, a service, or another group."""

    text: str
    nets: tuple[Net, ...] = ()
    services: tuple[Service, ...] = ()
    group: str | None = None


@dataclass
class Group:
    """An object group. `kind` is `network`, `service`, `v6-network` or `v6-service`."""

    name: str
    kind: str
    description: str | None = None
    members: dict[str, Member] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """As the running configuration shows it."""
        described = [f" description {self.description}"] if self.description else []
        return [f"object-group {self.kind} {self.name}", *described, *(f" {text}" for text in self.members)]


Groups = Mapping[str, Group]


def members(groups: Groups, name: str) -> Iterator[Member]:
    """The members of a group and of the groups in it."""
    for member in groups[name].members.values():
        if member.group is not None:
            yield from members(groups, member.group)
        else:
            yield member


def depth(groups: Groups, name: str) -> int:
    """How many levels of other groups a group has in it."""
    inner = [member.group for member in groups[name].members.values() if member.group is not None]
    return 1 + max(depth(groups, group) for group in inner) if inner else 0


# -- entries -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ace:
    """One entry of an access list, without its number."""

    family: int
    permit: bool
    protocol: str
    source: Net | GroupName
    destination: Net | GroupName | None
    sports: Ports | None = None
    dports: Ports | None = None
    icmp: tuple[int, int | None] | None = None
    flags: str = ""
    tcp_flags: Ranges | None = None
    fragments: bool = False
    undetermined: bool = False
    log: str = ""

    @property
    def text(self) -> str:
        """As the running configuration shows it."""
        action = "permit" if self.permit else "deny"
        if self.destination is None:
            return _join(action, self.source.text.removeprefix("host "), self.log)
        parts: list[object] = [action, self.protocol, self.source.text, self.sports and self.sports.text(self.protocol)]
        parts += [self.destination.text, self.dports and self.dports.text(self.protocol)]
        parts += [icmp_text(self.family, self.icmp), self.flags, self.undetermined and "undetermined-transport"]
        return _join(*parts, self.fragments and "fragments", self.log)

    def groups(self) -> list[str]:
        """The object groups that it names."""
        named = [end.name for end in (self.source, self.destination) if isinstance(end, GroupName)]
        if not self.protocol.startswith("object-group "):
            return named
        return [self.protocol.removeprefix("object-group "), *named]

    def matches(self, groups: Groups) -> list[Match]:
        """What it matches: one for each service."""
        sources, destinations = self._nets(self.source, groups), self._nets(self.destination, groups)
        if not self.protocol.startswith("object-group "):
            return [
                Match(
                    self.family,
                    self._number(self.protocol),
                    sources,
                    destinations,
                    ranges(self.sports),
                    ranges(self.dports),
                    icmp=self.icmp,
                    tcp_flags=self.tcp_flags,
                    fragments=self.fragments,
                    undetermined=self.undetermined,
                )
            ]
        services = [service for member in members(groups, self.groups()[0]) for service in member.services]
        return [
            Match(
                self.family,
                self._number(service.protocol),
                sources,
                destinations,
                ranges(service.source),
                ranges(service.destination),
                icmp=service.icmp,
            )
            for service in services
        ]

    def _nets(self, end: Net | GroupName | None, groups: Groups) -> Ranges:
        if end is None:
            return ((0, 0),)
        if isinstance(end, Net):
            return ((end.value, end.mask),)
        return tuple((net.value, net.mask) for member in members(groups, end.name) for net in member.nets)

    def _number(self, protocol: str) -> int | None:
        if protocol == ANY_NAME[self.family]:
            return None
        return int(protocol) if protocol.isdecimal() else PROTOCOLS[self.family][protocol]


def _join(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


@dataclass
class Acl:
    """An access list. `kind` is `standard`, `extended` or `ipv6`."""

    name: str
    kind: str
    entries: dict[int, Ace] = field(default_factory=dict)
    remarks: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers: dict[Ace, int] = {entry: number for number, entry in self.entries.items()}
        self._named = Counter(name for ace in self.entries.values() for name in ace.groups())
        # An edge is compiled anew after each line: what did not change is not.
        self._compiled: dict[tuple[int, bool], tuple[Entry, ...]] = {}
        self._members: object = None

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if self.kind == "ipv6" else 4

    def next(self) -> int:
        """The number that an entry without one gets: ten more than the last."""
        number = max(self.entries, default=0) + 10
        if number > MAXIMUM_SEQUENCE:
            raise RefusedError("% Exceeded maximum sequence number.")
        return number

    def add(self, ace: Ace, number: int | None) -> bool:
        """One more entry; returns whether that changed the list.

        The guide on sequence numbering: an entry that is there already, under whatever number, changes nothing; a number
        that is taken is an error.
        """
        if ace in self._numbers:
            return False
        number = self.next() if number is None else number
        if number in self.entries:
            raise RefusedError("% Duplicate sequence number.\n")
        self.entries[number] = ace
        self._numbers[ace] = number
        self._named.update(ace.groups())
        return True

    def remove(self, number: int | None, ace: Ace | None = None) -> None:
        """Take out an entry by its number or by what it says, and the remarks that stand before it.

        What the device prints when there is none is not documented; that it prints something is the stricter choice.
        """
        if ace is not None:
            number = self._numbers.get(ace) if number in (None, self._numbers.get(ace)) else None
        if number is None or number not in self.entries:
            raise RefusedError("% Access list entry does not exist")
        gone = self.entries.pop(number)
        del self._numbers[gone]
        self._named.subtract(gone.groups())
        for reply in (True, False):
            self._compiled.pop((number, reply), None)
        self.remarks.pop(number, None)

    def remark(self, text: str, number: int | None) -> None:
        """A remark; it stands before the entry of its number, by default before the next one to be added.

        "The remark can be up to 100 characters long; anything longer is truncated."
        """
        self.remarks.setdefault(self.next() if number is None else number, []).append(text[:REMARK_LIMIT])

    def unremark(self, text: str | None, number: int | None) -> None:
        """Take out remarks: all of a number, or those with a text."""
        for place in [number] if number is not None else list(self.remarks):
            kept = [remark for remark in self.remarks.get(place, []) if text is not None and remark != text]
            self.remarks[place] = kept
            if not kept:
                del self.remarks[place]

    def resequence(self, start: int, step: int) -> None:
        """Number the entries anew; a remark goes with the entry that it stands before."""
        numbers = sorted({*self.entries, *self.remarks})
        if start + step * (len(numbers) - 1) > MAXIMUM_SEQUENCE:
            raise RefusedError("% Exceeded maximum sequence number.")
        fresh = {number: start + step * at for at, number in enumerate(numbers)}
        self.entries = {fresh[number]: ace for number, ace in self.entries.items()}
        self.remarks = {fresh[number]: texts for number, texts in self.remarks.items()}
        self.__post_init__()

    def lines(self) -> list[str]:
        """As the running configuration shows it; 17.x shows the sequence numbers, of remarks too."""
        label = "sequence " if self.kind == "ipv6" else ""
        header = f"ipv6 access-list {self.name}" if self.kind == "ipv6" else f"ip access-list {self.kind} {self.name}"
        lines = [header]
        for number in sorted({*self.entries, *self.remarks}):
            lines += [f" {label}{number} remark {text}" for text in self.remarks.get(number, [])]
            if number in self.entries:
                lines.append(f" {label}{number} {self.entries[number].text}")
        return lines

    def show(self, count: Mapping[int, int]) -> list[str]:
        """As `show access-lists` shows it; `count` is the matches by sequence number."""
        title = {"standard": "Standard IP", "extended": "Extended IP", "ipv6": "IPv6"}[self.kind]
        lines = [f"{title} access list {self.name}"]
        for number in sorted(self.entries):
            ace = self.entries[number]
            text = ace.text
            if self.kind == "standard" and isinstance(ace.source, Net) and ace.source.text.count(" ") and " " in text:
                text = re.sub(r"^(\w+ [\d.]+) (\d[\d.]+)", r"\1, wildcard bits \2", text)
            matches = count.get(number, 0)
            hits = f" ({matches} match{'es' if matches != 1 else ''})" if matches else ""
            shown = f"{text}{hits} sequence {number}" if self.kind == "ipv6" else f"{number} {text}{hits}"
            lines.append(f"    {shown}")
        return lines

    def compiled(self, groups: Groups, reply: bool) -> tuple[Entry, ...]:
        """The entries and the implicit ones; `reply`: a denied packet is answered.

        An entry with a service group is several: their keys are `10`, `10.1`, `10.2`.
        """
        named = sorted(+self._named)
        state = [[member.text for member in members(groups, name)] for name in named]
        if state != self._members:
            self._members = state
            self._compiled.clear()
        entries: list[Entry] = []
        for number, ace in sorted(self.entries.items()):
            if (number, reply) not in self._compiled:
                self._compiled[number, reply] = tuple(
                    Entry(f"{number}.{at}" if at else str(number), ace.permit, match, reply)
                    for at, match in enumerate(ace.matches(groups))
                )
            entries += self._compiled[number, reply]
        if self.family == 6:
            # "IPv6 access lists have implicit permits for neighbor discovery": after the entries, before the deny.
            for name in ("nd-na", "nd-ns"):
                entries.append(Entry(f"implicit-{name}", True, Match(6, 58, icmp=ICMP_TYPES[6][name]), reply))
        return (*entries, Entry("implicit-deny", False, Match(self.family), reply))


# -- grammar -----------------------------------------------------------------------------------------------------------


def ipv4_number(text: str) -> int | None:
    """An IPv4 address as a number; None when it is none."""
    if re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", text) is None or any(int(octet) > 255 for octet in text.split(".")):
        return None
    octets = [int(octet) for octet in text.split(".")]
    return int.from_bytes(bytes(octets), "big")


def ipv6_number(text: str) -> int | None:
    """An IPv6 address as a number; None when it is none."""
    try:
        return int(ipaddress.IPv6Address(text)) if "%" not in text else None
    except ValueError:
        return None


def ipv4(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv4 address."""
    value = ipv4_number(tokens[0].text)
    return None if value is None else Argument(value, address_text(4, value))


def ipv6(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv6 address."""
    value = ipv6_number(tokens[0].text)
    return None if value is None else Argument(value, address_text(6, value))


def host4(tokens: Sequence[Token]) -> Argument | None:
    """The type of one IPv4 address as a `Net`."""
    argument = ipv4(tokens)
    return argument and argument._replace(value=Net(4, argument.value, 2**32 - 1))


def host6(tokens: Sequence[Token]) -> Argument | None:
    """The type of one IPv6 address as a `Net`."""
    argument = ipv6(tokens)
    return argument and argument._replace(value=Net(6, argument.value, 2**128 - 1))


def wild4(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv4 address and a wildcard mask, as a `Net`: bits that the mask does not ask for are zeroed."""
    value = ipv4_number(tokens[0].text)
    if value is None:
        return None
    if len(tokens) < 2:
        raise IncompleteError
    wildcard = ipv4_number(tokens[1].text)
    if wildcard is None:
        return None
    mask = 0xFFFFFFFF ^ wildcard
    net = Net(4, value & mask, mask)
    return Argument(net, net.text, 2)


def source4(tokens: Sequence[Token]) -> Argument | None:
    """The type of a source in a standard list: a wildcard mask may follow the address, or it is a host."""
    masked = len(tokens) > 1 and ipv4_number(tokens[1].text) is not None
    return wild4(tokens) if masked else host4(tokens)


def prefix6(tokens: Sequence[Token]) -> Argument | None:
    """The type of an IPv6 prefix, as a `Net`: bits behind the prefix are zeroed."""
    address, slash, length = tokens[0].text.partition("/")
    value = ipv6_number(address)
    if value is None or not slash or not length.isdecimal() or int(length) > 128:
        return None
    mask = (1 << 128) - (1 << (128 - int(length)))
    net = Net(6, value & mask, mask)
    return Argument(net, net.text)


def subnet4(tokens: Sequence[Token]) -> Argument | None:
    """The type of a subnet in an object group: an address, and a mask (contiguous) or `/length`, as (`Net`, text).

    It is shown with the mask, and as it was written: the guide's own example has bits behind the mask.
    """
    address, slash, length = tokens[0].text.partition("/")
    count = 1
    if not slash:
        if ipv4_number(address) is None:
            return None
        if len(tokens) < 2:
            raise IncompleteError
        count, length = 2, tokens[1].text.removeprefix("/")
    value = ipv4_number(address)
    mask = ipv4_number(length)
    if mask is None and length.isdecimal() and int(length) <= 32 and (slash or tokens[1].text.startswith("/")):
        mask = (1 << 32) - (1 << (32 - int(length)))
    if value is None or mask is None or (mask | (mask - 1)) & 0xFFFFFFFF != 0xFFFFFFFF:
        return None
    return Argument(Net(4, value & mask, mask), f"{address_text(4, value)} {address_text(4, mask)}", count)


def _port(names: Mapping[str, int]) -> Type:
    def accept(tokens: Sequence[Token]) -> Argument | None:
        text = tokens[0].text
        # Abbreviated port names are not taken: which of them a device would is not documented.
        value = names.get(text.lower())
        if value is None:
            value = int(text) if text.isascii() and text.isdecimal() and int(text) <= PORTS else None
        return None if value is None else Argument(value, str(value))

    return accept


def _icmp(family: int) -> Type:
    def accept(tokens: Sequence[Token]) -> Argument | None:
        meaning = ICMP_TYPES[family].get(tokens[0].text.lower())
        return None if meaning is None else Argument(meaning, tokens[0].text.lower())

    return accept


def signed_flag(tokens: Sequence[Token]) -> Argument | None:
    """The type of `+ack` or `-ack`."""
    text = tokens[0].text.lower()
    return Argument(text, text) if text[:1] in ("+", "-") and text[1:] in FLAGS else None


TYPES = {
    "source4": source4, "host4": host4, "host6": host6, "wild4": wild4, "prefix6": prefix6, "subnet4": subnet4, "ipv4": ipv4,
    "ipv6": ipv6,
    "tcp-port": _port(TCP_PORTS), "udp-port": _port(UDP_PORTS), "tcp-udp-port": _port({}), "icmp4": _icmp(4), "icmp6": _icmp(6),
    "flag": signed_flag,
}  # fmt: skip


def _ports(label: str, protocol: str) -> str:
    kind = f"{protocol}-port"
    return (
        f"[<{label}op:(eq|neq)> (<{label}:{kind}>)...|<{label}op:(gt|lt)> <{label}low:{kind}>"
        f"|<{label}op:(range)> <{label}low:{kind}> <{label}high:{kind}>]"
    )


def _entry(family: int) -> str:
    """The pattern of an entry without its number, by protocol."""
    net = "<{0}:wild4>" if family == 4 else "<{0}:prefix6>"
    end = f"(any|host <{{0}}:host{family}>|object-group <{{0}}group:word>|{net})"
    source, destination = (end.format(label) for label in ("source", "destination"))
    flags = "<established:(established)>|" + "|".join(f"<{flag}:({flag})>" for flag in FLAGS)
    if family == 4:
        flags += "|<signed:(match-all|match-any)> (<flag:flag>)..."
    ignored = "|".join(f"<ignored:({name})> [<rest:line>]" for name in IGNORED[family])
    common = f"<log:(log|log-input)>|{ignored}" + ("|sequence <number:1-2147483647>" if family == 6 else "")
    fragments = f"{{<fragments:(fragments)>|{common}}}"
    ends = f"{source} {destination} {fragments}"
    names = "|".join(name for name in PROTOCOLS[family] if name not in ("tcp", "udp", "icmp"))
    forms = [
        *(f"<protocol:({name})> {ends}" for name in ("tcp", "udp", "icmp")),
        f"<protocol:(tcp)> {source} {_ports('s', 'tcp')} {destination} {_ports('d', 'tcp')} {{{flags}|{common}}}",
        f"<protocol:(udp)> {source} {_ports('s', 'udp')} {destination} {_ports('d', 'udp')} {{{common}}}",
        f"<protocol:(icmp)> {source} {destination} (<icmp:icmp{family}>|<type:0-255> [<code:0-255>]) {{{common}}}",
        f"(<protocol:({names})>|<protocol:({ANY_NAME[family]})>|<protocol:1-255>) {ends}",
        f"object-group <service:word> {source} {destination} {{{common}}}",
    ]
    return f"({'|'.join(forms)})"


def _deny6() -> str:
    # `undetermined-transport` is in the reference of `deny` for IPv6 alone, and needs the protocol `ipv6`.
    end = "(any|host <{0}:host6>|<{0}:prefix6>)"
    source, destination = (end.format(label) for label in ("source", "destination"))
    log = "<log:(log|log-input)>"
    return (
        f"<action:(deny)> <protocol:(ipv6)> {source} {destination}"
        f" <undetermined:(undetermined-transport)> {{{log}|sequence <number:1-2147483647>}}"
    )


MACROS = {
    "ace4": f"<action:(permit|deny)> {_entry(4)}",
    "ace6": f"(<action:(permit|deny)> {_entry(6)}|{_deny6()})",
    "standard": "<action:(permit|deny)> (any|host <source:host4>|<source:source4>) [<log:(log)>]",
}


def entry(words: Words, family: int, groups: Groups) -> Ace:
    """The entry that a line means."""
    if "ignored" in words:
        raise RefusedError(f"% Error: {words['ignored']} is not modelled by this stand-in: the entry would not be enforced")
    everything = Net(family, 0, 0)

    def end(label: str) -> Net | GroupName:
        if f"{label}group" in words:
            return GroupName(_existing(groups, words[f"{label}group"], "network", family))
        net: Net = words.get(label, everything)
        return net

    protocol = str(words.get("protocol", ""))
    if "service" in words:
        protocol = f"object-group {_existing(groups, words['service'], 'service', family)}"
    elif protocol.isdecimal():
        protocol = next((name for name, number in PROTOCOLS[family].items() if str(number) == protocol), protocol)
        if family == 6 and int(words["protocol"]) in (43, 44, 51, 60):
            raise RefusedError(f"% Error: protocol {protocol} is an extension header, which this stand-in does not match")
    flags, meaning = _flags(words)
    icmp = words.get("icmp")
    if "type" in words:
        icmp = (words["type"], words.get("code"))
    return Ace(
        family=family,
        permit=words["action"] == "permit",
        protocol=protocol,
        source=end("source"),
        destination=end("destination"),
        sports=comparison(words, "s"),
        dports=comparison(words, "d"),
        icmp=icmp,
        flags=flags,
        tcp_flags=meaning,
        fragments="fragments" in words,
        undetermined="undetermined" in words,
        log=words.get("log", ""),
    )


def standard_entry(words: Words) -> Ace:
    """The entry of a standard list that a line means: the source alone."""
    source = words.get("source", Net(4, 0, 0))
    return Ace(4, words["action"] == "permit", "ip", source, None, log=words.get("log", ""))


def comparison(words: Words, label: str) -> Ports | None:
    """The ports that a line compares with, if any."""
    if f"{label}op" not in words:
        return None
    operator = words[f"{label}op"]
    values = tuple(words[f"{label}"]) if f"{label}" in words else (words[f"{label}low"],)
    if operator == "range":
        values = (*values, words[f"{label}high"])
    # What a device does with these is not documented; a filter that never matches is nobody's intent.
    if len(values) > 10 or (operator, values[0]) in (("gt", PORTS), ("lt", 0)):
        raise RefusedError("% Error: port list matches nothing, or has more than ten ports")
    if operator == "range" and values[0] > values[1]:
        raise RefusedError("% Error: the first port of a range is above the last")
    return Ports(operator, values)


def _flags(words: Words) -> tuple[str, Ranges | None]:
    named = [flag for flag in FLAGS if flag in words]
    if [bool(named), "established" in words, "signed" in words].count(True) > 1:
        raise RefusedError("% Error: established, flags, and match-all or match-any exclude each other")
    if "established" in words:
        return "established", ESTABLISHED
    if "signed" in words:
        pairs = [(FLAGS[flag[1:]] if flag[0] == "+" else 0, FLAGS[flag[1:]]) for flag in words["flag"]]
        if words["signed"] == "match-all":
            pairs = [(sum({value for value, _ in pairs}), sum({mask for _, mask in pairs}))]
        return _join(words["signed"], *words["flag"]), tuple(pairs)
    if named:
        # "A match occurs if the TCP packet has any of these bits set."
        return " ".join(named), tuple((FLAGS[flag], FLAGS[flag]) for flag in named)
    return "", None


def _existing(groups: Groups, name: str, kind: str, family: int) -> str:
    wanted = f"v6-{kind}" if family == 6 else kind
    if name not in groups:
        # "The object-group needs to be created before referencing it in the accesslist"; the words are not documented.
        raise RefusedError(f"% Error: object-group {name} does not exist")
    if groups[name].kind != wanted:
        raise RefusedError(f"% Error: object-group {name} is of type {groups[name].kind}, not {wanted}")
    return name


def _service_pattern(family: int) -> str:
    names = "|".join(name for name in PROTOCOLS[family] if name not in ("tcp", "udp", "icmp"))

    def ports(label: str, kind: str) -> str:
        # The guide: `[eq] | lt | gt port1`, or `range port1 port2`; no `neq`.
        return (
            f"(<{label}op:(eq|lt|gt)> <{label}low:{kind}-port>|<{label}low:{kind}-port>"
            f"|<{label}op:(range)> <{label}low:{kind}-port> <{label}high:{kind}-port>)"
        )

    forms = [f"<protocol:({kind})> [source {ports('s', kind)}] [{ports('d', kind)}]" for kind in ("tcp", "udp", "tcp-udp")]
    forms += [f"<protocol:(icmp)> [<icmp:icmp{family}>|<type:0-255>]"]
    forms += [f"(<protocol:({names})>|<protocol:({ANY_NAME[family]})>|<protocol:1-255>)"]
    return f"({'|'.join(forms)})"


MEMBERS = {
    "network": "(any|host <net:host4>|<net:subnet4>|range <low:ipv4> <high:ipv4>|group-object <group:word>)",
    "v6-network": "(any|host <net:host6>|<net:prefix6>|group-object <group:word>)",
    "service": f"({_service_pattern(4)}|group-object <group:word>)",
    "v6-service": f"({_service_pattern(6)}|group-object <group:word>)",
}
"""The members of each kind of object group. Ranges of IPv6 addresses are not documented."""


def member(words: Words, group: Group, groups: Groups) -> Member:
    """The member of a group that a line means."""
    text = words.text
    family = 6 if group.kind.startswith("v6-") else 4
    if "group" in words:
        name = words["group"]
        _existing(groups, name, group.kind.removeprefix("v6-"), family)
        if name == group.name or group.name in _nested(groups, name):
            raise RefusedError(f"% Error: object-group {name} would contain itself")
        return Member(text, group=name)
    if group.kind.endswith("network"):
        if "low" in words:
            if words["low"] > words["high"]:
                raise RefusedError("% Error: the first address of a range is above the last")
            first, last = ipaddress.IPv4Address(words["low"]), ipaddress.IPv4Address(words["high"])
            networks = ipaddress.summarize_address_range(first, last)
            return Member(text, nets=tuple(Net(4, int(net.network_address), int(net.netmask)) for net in networks))
        net = words.get("net", Net(family, 0, 0))
        return Member(net.text if family == 6 else text, nets=(net,))
    return _service(words, family)


def _service(words: Words, family: int) -> Member:
    name = str(words["protocol"])
    icmp = words.get("icmp") or ((words["type"], None) if "type" in words else None)
    ends = []
    for label in ("s", "d"):
        operator = words.get(f"{label}op", "eq")
        values = [words[f"{label}{edge}"] for edge in ("low", "high") if f"{label}{edge}" in words]
        ends.append(Ports(operator, tuple(values)) if values else None)
        if values and (operator, values[0]) in (("gt", PORTS), ("lt", 0)):
            raise RefusedError("% Error: port list matches nothing")
    source, destination = ends
    shown = [name, source and f"source {source.text(name)}", destination and destination.text(name), icmp_text(family, icmp)]
    text = _join(*shown)
    protocols = ["tcp", "udp"] if name == "tcp-udp" else [name]
    return Member(text, services=tuple(Service(text, protocol, source, destination, icmp) for protocol in protocols))


def _nested(groups: Groups, name: str) -> set[str]:
    inner = {member.group for member in groups[name].members.values() if member.group is not None}
    return inner.union(*(_nested(groups, group) for group in inner)) if inner else set()


def grammar(kind: str) -> Grammar:
    """The lines of one kind of access list, with commands `("entry", negated)` and `("remark", negated)`."""
    made = Grammar(TYPES, MACROS)
    ace = {"standard": "$standard", "extended": "$ace4", "ipv6": "$ace6"}[kind]
    number = "sequence <number:1-2147483647>" if kind == "ipv6" else "<number:1-2147483647>"
    made.add(f"[{number}] {ace}", ("entry", False))
    made.add(f"[{number}] remark <text:line>", ("remark", False))
    made.add(f"no ({number}|[{number}] {ace})", ("entry", True))
    made.add(f"no [{number}] remark [<text:line>]", ("remark", True))
    return made
