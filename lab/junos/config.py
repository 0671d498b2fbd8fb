# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Junos configuration says about filters, and what `commit check` refuses of it.

Sources are pages of Juniper's "Routing Policies, Firewall Filters, and Traffic Policers User Guide", by their titles:

- "Firewall Filter Match Conditions for IPv4 Traffic" and "... for IPv6 Traffic": the conditions and their names; that
  `port` and `destination-port`, or `address` and `source-address`, cannot stand in one term; that ports and TCP flags do
  not ask for a protocol.
- "Firewall Filter Match Conditions Based on Address Fields": one condition's prefixes are one set in which the longest
  match decides, whatever their order, and what none of them matches fails the term (the implied `0/0 except`).
- "Firewall Filter Match Conditions Based on Bit-Field Values": the operators of `tcp-flags`, and its aliases.
- "Firewall Filter Nonterminating Actions": where `next term` may not stand.
- "Guidelines for Applying Multiple Firewall Filters as a List": 16 filters, and the names of what comes out of it.
- "Policer Bandwidth and Burst-Size Limits": the ranges for M, MX and T Series.

Where no page has the words of an error, those here are made after the pattern of "Referenced filter 'x' is not defined",
which routers are seen to say.
"""

from __future__ import annotations

import ipaddress
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from lab.cli.filter import BITS, EXTENSION_HEADERS, EXTENSIONS, Entry, Match, Pairs, Policer

FAMILIES = {"inet": 4, "inet6": 6}
NAME_LENGTH = 64
LIST_LENGTH = 16
NEXT_TERMS = 1024

PROTOCOLS = {
    "ah": 51, "dstopts": 60, "egp": 8, "esp": 50, "fragment": 44, "gre": 47, "hop-by-hop": 0, "icmp": 1, "icmp6": 58,
    "icmpv6": 58, "igmp": 2, "ipip": 4, "ipv6": 41, "no-next-header": 59, "ospf": 89, "pim": 103, "routing": 43,
    "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "vrrp": 112,
}  # fmt: skip
PORTS = {
    "afs": 1483, "bgp": 179, "biff": 512, "bootpc": 68, "bootps": 67, "cmd": 514, "cvspserver": 2401, "dhcp": 67,
    "domain": 53, "eklogin": 2105, "ekshell": 2106, "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20, "http": 80,
    "https": 443, "ident": 113, "imap": 143, "kerberos-sec": 88, "klogin": 543, "kpasswd": 761, "krb-prop": 754,
    "krbupdate": 760, "kshell": 544, "ldap": 389, "ldp": 646, "login": 513, "mobileip-agent": 434, "mobilip-mn": 435,
    "msdp": 639, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ssn": 139, "nfsd": 2049, "nntp": 119, "ntalk": 518,
    "ntp": 123, "pop3": 110, "pptp": 1723, "printer": 515, "radacct": 1813, "radius": 1812, "rip": 520, "rkinit": 2108,
    "smtp": 25, "snmp": 161, "snmptrap": 162, "snpp": 444, "socks": 1080, "ssh": 22, "sunrpc": 111, "syslog": 514,
    "tacacs": 49, "tacacs-ds": 65, "talk": 517, "telnet": 23, "tftp": 69, "timed": 525, "who": 513, "xdmcp": 177,
}  # fmt: skip
HEADERS = {"ah": 51, "destination": 60, "esp": 50, "fragment": 44, "hop-by-hop": 0, "mobility": 135, "routing": 43}
UNSUPPORTED = "statement not supported by this router of the lab"
# Juniper's model has far more; what is not understood must not be committed, or the kernel would do something else.
CONDITIONS = {
    "source-address", "destination-address", "address", "source-prefix-list", "destination-prefix-list", "prefix-list",
    "source-port", "destination-port", "port", "is-fragment", "first-fragment", "tcp-initial", "tcp-established",
    "tcp-flags",
}  # fmt: skip
OWN_CONDITIONS = {4: {"protocol"}, 6: {"next-header", "payload-protocol", "extension-header"}}
ACTIONS = {"accept", "discard", "reject", "next", "count", "policer", "prefix-action", "log", "syslog"}
ELSEWHERE = {
    "firewall/family/*/filter": {"name", "interface-specific", "term", "apply-macro"},
    "firewall/family/*/filter/term": {"name", "from", "then", "apply-macro"},
    "firewall/policer": {"name", "if-exceeding", "if-exceeding-pps", "then", "apply-macro"},
    "firewall/policer/if-exceeding": {"bandwidth-limit", "burst-size-limit", "apply-macro"},
    "firewall/policer/then": {"discard", "apply-macro"},
    "firewall/family/inet/prefix-action": {
        "name", "policer", "subnet-prefix-length", "source-prefix-length", "destination-prefix-length", "count",
        "apply-macro",
    },
    "policy-options/prefix-list": {"name", "prefix-list-item", "apply-macro"},
    "interfaces/interface/unit/family/*/filter": {"input", "output", "input-list", "output-list", "apply-macro"},
    "interfaces/interface/unit/family/*/filter/*": {"filter-name"},
}  # fmt: skip
FLAGS = {"fin": 0x01, "syn": 0x02, "rst": 0x04, "push": 0x08, "ack": 0x10, "urgent": 0x20}

# RFC 792 and 1812, RFC 4443. What the names of IPv4 are in IPv6 is not documented, though the model has them there: they
# are refused.
REJECT = {
    4: {
        "network-unreachable": 0, "host-unreachable": 1, "protocol-unreachable": 2, "port-unreachable": 3,
        "fragmentation-needed": 4, "source-route-failed": 5, "network-unknown": 6, "host-unknown": 7,
        "source-host-isolated": 8, "network-prohibited": 9, "host-prohibited": 10, "bad-network-tos": 11,
        "bad-host-tos": 12, "administratively-prohibited": 13, "precedence-violation": 14, "precedence-cutoff": 15,
    },
    6: {
        "no-route": 0, "administratively-prohibited": 1, "beyond-scope": 2, "address-unreachable": 3,
        "port-unreachable": 4, "policy-failed": 5, "reject-route": 6,
    },
}  # fmt: skip


@dataclass(frozen=True)
class CommitError:
    """One reason why a configuration cannot be committed, with what Junos says about where."""

    path: str
    """`[edit ...]`."""
    element: str | None
    message: str


@dataclass(frozen=True)
class Term:
    """A term as the kernel gets it, and what it shows."""

    name: str
    entry: Entry
    """Without policers, whose names depend on where the filter is bound."""
    count: str | None
    policers: tuple[Policer, ...]
    """Named after policer and term; those with sides are a prefix action's."""


@dataclass(frozen=True)
class FilterText:
    """A filter of the configuration."""

    name: str
    family: int
    terms: tuple[Term, ...]
    interface_specific: bool = False


@dataclass(frozen=True)
class Binding:
    """Filters at one logical interface."""

    interface: str
    """With its unit, `xe-0/0/0.0`."""
    direction: str
    """`in` or `out`."""
    family: int
    filters: tuple[str, ...]
    listed: bool
    """Bound by a list, which makes one filter of them."""

    @property
    def suffix(self) -> str:
        """What a list, or a filter that is specific to its interface, adds to names."""
        return f"{self.interface}-{self.direction[0]}"


@dataclass
class Configuration:
    """All that matters of it. Of what has errors, parts are missing."""

    filters: dict[tuple[int, str], FilterText] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)
    errors: list[CommitError] = field(default_factory=list)


def read(configuration: ET.Element | None) -> Configuration:
    """Understand the element `configuration`, of whatever name space its elements are."""
    reader = _Reader()
    if configuration is not None:
        reader.read(_plain(configuration))
    return reader.found


def _plain(element: ET.Element) -> ET.Element:
    """The element and all in it without name spaces: in Junos's hierarchy no two statements differ by them alone."""
    for each in element.iter():
        if isinstance(each.tag, str):
            each.tag = each.tag.rpartition("}")[2]
    return element


class _RefusedError(Exception):
    """A statement, and what is wrong with it."""

    def __init__(self, element: str | None, message: str) -> None:
        super().__init__(message)
        self.error = element, message


Network = tuple[int, int]
"""First and last address."""


class _Reader:
    def __init__(self) -> None:
        self.found = Configuration()
        self.lists: dict[str, list[str]] = {}
        self.policers: dict[str, Policer] = {}
        self.actions: dict[str, tuple[Policer, ...]] = {}

    def refuse(self, path: Sequence[str], element: str | None, message: str) -> None:
        self.found.errors.append(CommitError(f"[edit {' '.join(path)}]", element, message))

    def name(self, element: ET.Element, path: Sequence[str]) -> str:
        """The key of a list, which must not be too long ("can be up to 64 characters long")."""
        name = _text(element, "name")
        if not 0 < len(name) <= NAME_LENGTH:
            self.refuse(path, name, f"Must be a string of {NAME_LENGTH} characters or less")
        return name

    def read(self, top: ET.Element) -> None:
        for each in top.iterfind("policy-options/prefix-list"):
            name = self.name(each, ("policy-options", "prefix-list"))
            items = [_text(item, "name") for item in each.iterfind("prefix-list-item")]
            for item in items:
                try:
                    _prefix(item)
                except ValueError:
                    self.refuse(("policy-options", "prefix-list", name), item, f"invalid prefix: '{item}'")
            self.lists[name] = [item for item in items if _family(item)]
        for pattern, known in ELSEWHERE.items():
            for path in {pattern.replace("family/*", f"family/{family}") for family in FAMILIES}:
                for each in top.iterfind(path):
                    self.unsupported(path.split("/"), each, known)
        if top.find("groups") is not None:
            self.refuse((), "groups", UNSUPPORTED)
        for each in top.iterfind("firewall/policer"):
            self.policer(each)
        for each in top.iterfind("firewall/family/inet/prefix-action"):
            self.prefix_action(each)
        for family in FAMILIES:
            for each in top.iterfind(f"firewall/family/{family}/filter"):
                self.filter(each, family)
        for each in top.iterfind("interfaces/interface"):
            for unit in each.iterfind("unit"):
                for family in FAMILIES:
                    self.binding(unit.find(f"family/{family}/filter"), _text(each, "name"), _text(unit, "name"), family)

    def unsupported(self, path: Sequence[str], element: ET.Element, known: set[str]) -> None:
        for each in element:
            if each.tag not in known:
                where = (*path, _text(element, "name")) if element.find("name") is not None else path
                self.refuse(where, each.tag, UNSUPPORTED)

    # -- policers --------------------------------------------------------------------------------------------------

    def policer(self, element: ET.Element) -> None:
        name = self.name(element, ("firewall", "policer"))
        path = ("firewall", "policer", name)
        try:
            if element.find("then/discard") is None:
                # The router also takes other actions; the lab's kernel has none of them.
                raise _RefusedError("then", "policer action must be specified")
            if element.find("if-exceeding") is not None:
                bits = _amount(element, "if-exceeding/bandwidth-limit", 8000, 18446744073709551615)
                burst = _amount(element, "if-exceeding/burst-size-limit", 1500, 100_000_000_000)
                self.policers[name] = Policer(name, bits // 8, burst, "bytes")
            elif element.find("if-exceeding-pps") is not None:
                # No page that was found has ranges for these.
                rate = _amount(element, "if-exceeding-pps/pps-limit", 1, 1 << 32)
                self.policers[name] = Policer(name, rate, _amount(element, "if-exceeding-pps/packet-burst", 1, 1 << 32))
            else:
                raise _RefusedError(name, "policer must have a limit: if-exceeding or if-exceeding-pps")
        except _RefusedError as refused:
            self.refuse(path, *refused.error)

    def prefix_action(self, element: ET.Element) -> None:
        """A policer for each prefix of the given length below one of `subnet-prefix-length`: the bits between index them."""
        name = self.name(element, ("firewall", "family", "inet", "prefix-action"))
        try:
            policer = self.defined(self.policers, "policer", _text(element, "policer"))
            sides = {"source": "saddr", "destination": "daddr"}
            kind = next((kind for kind in sides if element.find(f"{kind}-prefix-length") is not None), "")
            if not kind:
                raise _RefusedError(name, "source-prefix-length or destination-prefix-length must be specified")
            lengths = [_text(element, f"{each}-prefix-length") for each in ("subnet", kind)]
            short, long = (int(length) if length.isdecimal() else -1 for length in lengths)
            if not 0 <= short <= long <= 32:
                raise _RefusedError("subnet-prefix-length", f"must be given and not longer than {kind}-prefix-length")
            mask = (0xFFFFFFFF >> short) ^ ((1 << (32 - long)) - 1)
            self.actions[name] = (Policer(name, policer.rate, policer.burst, policer.unit, sides[kind], mask),)
        except _RefusedError as refused:
            self.refuse(("firewall", "family", "inet", "prefix-action", name), *refused.error)

    @staticmethod
    def defined(there: dict[str, Policer], kind: str, name: str) -> Policer:
        if name not in there:
            raise _RefusedError(kind, f"Referenced {kind} '{name}' is not defined")
        return there[name]

    # -- filters ---------------------------------------------------------------------------------------------------

    def filter(self, element: ET.Element, family: str) -> None:
        parent = ("firewall", "family", family, "filter")
        name = self.name(element, parent)
        path = (*parent, name)
        terms = element.findall("term")
        if not terms:
            self.refuse(parent, name, f"filter '{name}' has no terms")
        nexts = [term for term in terms if term.find("then/next") is not None]
        if len(nexts) > NEXT_TERMS:
            self.refuse(path, "next", f"filter '{name}' has more than {NEXT_TERMS} next term actions")
        found = []
        for term in terms:
            own = self.name(term, path)
            try:
                if term in nexts and term is terms[-1]:
                    raise _RefusedError("next", "'next term' cannot be the action of the last term of a filter")
                if term in nexts and not _conditions(term):
                    raise _RefusedError("next", "'next term' is not supported in a term without match conditions")
                found.append(self.term(term, own, family))
            except _RefusedError as refused:
                self.refuse((*path, "term", own), *refused.error)
        self.found.filters[FAMILIES[family], name] = FilterText(
            name, FAMILIES[family], tuple(found), element.find("interface-specific") is not None
        )

    def term(self, element: ET.Element, name: str, family: str) -> Term:
        number = FAMILIES[family]
        actions = {each.tag: each for each in element.iterfind("then/*") if each.tag != "apply-macro"}
        asked = {each.tag for each in _conditions(element)}
        for unknown in sorted(asked - CONDITIONS - OWN_CONDITIONS[number] | actions.keys() - ACTIONS):
            raise _RefusedError(unknown, UNSUPPORTED)
        ending = [tag for tag in ("accept", "discard", "reject", "next") if tag in actions]
        if len(ending) > 1:
            raise _RefusedError(ending[1], f"'{ending[1]}' cannot stand with '{ending[0]}'")
        end = ending[0] if ending else "accept"
        reply: bool | int | str = False
        if end == "reject":
            reply = self.reject(number, actions["reject"])
        policers: tuple[Policer, ...] = ()
        if "policer" in actions:
            policers = (self.defined(self.policers, "policer", actions["policer"].text or ""),)
        if "prefix-action" in actions:
            action = actions["prefix-action"].text or ""
            if action not in self.actions:
                raise _RefusedError("prefix-action", f"Referenced prefix-action '{action}' is not defined")
            policers += self.actions[action]
        policers = tuple(Policer(f"{p.name}-{name}", p.rate, p.burst, p.unit, p.side, p.mask) for p in policers)
        count = actions["count"].text or "" if "count" in actions else None
        if count is not None and not 0 < len(count) <= NAME_LENGTH:
            raise _RefusedError("count", f"Must be a string of {NAME_LENGTH} characters or less")
        matches = list(self.matches(element, number))
        entry = Entry(name, {"accept": True, "next": None}.get(end, False), matches[0], reply, tuple(matches[1:]))
        return Term(name, entry, count, policers)

    @staticmethod
    def reject(family: int, element: ET.Element) -> bool | int | str:
        """What answers: "if no message-type is specified, a destination unreachable message is returned", the CLI's default.

        "If tcp-reset is specified as the message type, tcp-reset is returned only if the packet is a TCP packet. Otherwise,
        the administratively-prohibited message is returned" ("Firewall Filter Terminating Actions").
        """
        kinds = [each.tag for each in element if each.tag != "apply-macro"]
        if not kinds or kinds == ["administratively-prohibited"]:
            return True
        if kinds == ["tcp-reset"]:
            return "reset"
        if kinds[0] not in REJECT[family]:
            raise _RefusedError("reject", f"'{kinds[0]}' is not a message of ICMP for this family")
        return REJECT[family][kinds[0]]

    # -- conditions ------------------------------------------------------------------------------------------------

    def matches(self, term: ET.Element, family: int) -> Iterator[Match]:
        """The alternatives that a term matches; never none: what can match nothing is an error here."""
        asked = {each.tag for each in _conditions(term)}
        for one, others in (
            ("port", ("source-port", "destination-port")),
            ("address", ("source-address", "destination-address", "source-prefix-list", "destination-prefix-list")),
            ("prefix-list", ("source-address", "destination-address", "source-prefix-list", "destination-prefix-list")),
        ):
            both = [other for other in others if one in asked and other in asked]
            if both:
                raise _RefusedError(one, f"'{one}' and '{both[0]}' cannot be in the same term")

        def numbers(tag: str, names: dict[str, int], most: int) -> Pairs | None:
            values = [each.text or "" for each in term.iterfind(f"from/{tag}")]
            return tuple(_range(value, names, most, tag) for value in values) or None

        common: dict[str, object] = {"literal": True, "tcp_flags": _flags(term)}
        if "is-fragment" in asked:
            common["fragments"] = True
        if "first-fragment" in asked:
            # "Match if the packet is the first fragment of a fragmented packet": a packet in one piece is none.
            common["first_fragment"] = True
        if asked >= {"is-fragment", "first-fragment"}:
            raise _RefusedError("is-fragment", "'is-fragment' and 'first-fragment' cannot be in the same term")
        protocols: list[int | None] = [None]
        if family == 4:
            protocol = numbers("protocol", PROTOCOLS, 255)
        else:
            protocol = numbers("payload-protocol", PROTOCOLS, 255)
            first = numbers("next-header", PROTOCOLS, 255)
            if first:
                common["next_headers"] = tuple(each for low, high in first for each in range(low, high + 1))
            common["extension_headers"] = _headers(term)
        if protocol:
            protocols = [each for low, high in protocol for each in range(low, high + 1)]
            if family == 6 and set(EXTENSION_HEADERS) & set(protocols):
                # The router may have such a payload; here it is behind all extension headers, where none of them is.
                raise _RefusedError("payload-protocol", "an extension header is not a payload protocol")
        ports: list[dict[str, Pairs]] = [{}]
        if either := numbers("port", PORTS, 65535):
            ports = [{"sports": either}, {"dports": either}]
        else:
            for tag, side in (("source-port", "sports"), ("destination-port", "dports")):
                if pairs := numbers(tag, PORTS, 65535):
                    ports[0][side] = pairs
        places: list[dict[str, Pairs]] = [{}]
        if (pairs := self.addresses(term, family, "")) is not None:
            places = [{"sources": pairs}, {"destinations": pairs}]
        else:
            for start, side in (("source-", "sources"), ("destination-", "destinations")):
                if (pairs := self.addresses(term, family, start)) is not None:
                    places[0][side] = pairs
        for number, port, place in product(protocols, ports, places):
            yield Match(family, number, **common, **port, **place)  # type: ignore[arg-type]

    def addresses(self, term: ET.Element, family: int, start: str) -> Pairs | None:
        """All addresses and prefix lists of one condition are one set; `except` takes out what it matches longest."""
        chosen: dict[Network, bool] = {}

        def add(text: str, tag: str, wanted: bool) -> None:
            # What a prefix does that is in the set both with and without `except` is not documented.
            network = _prefix(text)[1]
            if chosen.setdefault(network, wanted) != wanted:
                raise _RefusedError(tag, f"'{text}' is both with and without 'except'")

        asked = False
        for each in term.iterfind(f"from/{start}address"):
            asked, text = True, _text(each, "name")
            if _family(text) != family:
                raise _RefusedError(f"{start}address", f"invalid address: '{text}'")
            add(text, f"{start}address", each.find("except") is None)
        for each in term.iterfind(f"from/{start}prefix-list"):
            asked, name = True, _text(each, "name")
            if name not in self.lists:
                raise _RefusedError(f"{start}prefix-list", f"Referenced prefix-list '{name}' is not defined")
            # Prefixes of the other family cannot match. Of a list that has none of this family, or none at all, the
            # documentation says nothing but the implied `0/0 except`, by which the term would never match, as Batfish has
            # it, too. Nobody should count on that: refused.
            own = [text for text in self.lists[name] if _family(text) == family]
            if not own:
                raise _RefusedError(f"{start}prefix-list", f"prefix-list '{name}' has no prefix of this family")
            for text in own:
                add(text, f"{start}prefix-list", each.find("except") is None)
        return _longest(chosen, family) if asked else None

    # -- interfaces ------------------------------------------------------------------------------------------------

    def binding(self, element: ET.Element | None, interface: str, unit: str, family: str) -> None:
        for side in ("input", "output") if element is not None else ():
            assert element is not None
            path = ("interfaces", interface, "unit", unit, "family", family, "filter")
            single = _text(element, f"{side}/filter-name")
            listed = [each.text or "" for each in element.iterfind(f"{side}-list")]
            if single and listed:
                self.refuse(path, side, f"'{side}' and '{side}-list' cannot be configured together")
            if len(listed) > LIST_LENGTH:
                self.refuse(path, f"{side}-list", f"number of filters exceeds maximum of {LIST_LENGTH}")
            names = listed or [single] * bool(single)
            missing = [name for name in names if (FAMILIES[family], name) not in self.found.filters]
            for name in missing:
                self.refuse(path[:-1], "filter", f"Referenced filter '{name}' is not defined")
            if len(set(names)) < len(names):
                # Not documented; counters of the same name could not be told from each other.
                self.refuse(path, f"{side}-list", "a filter is twice in the list")
            elif names and not missing:
                direction = {"input": "in", "output": "out"}[side]
                self.found.bindings.append(
                    Binding(f"{interface}.{unit}", direction, FAMILIES[family], tuple(names), bool(listed))
                )


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _conditions(term: ET.Element) -> list[ET.Element]:
    return [each for each in term.iterfind("from/*") if each.tag != "apply-macro"]


def _amount(element: ET.Element, path: str, least: int, most: int) -> int:
    """A number that may end in k, m or g, which are powers of 1000."""
    text, tag = _text(element, path), path.rpartition("/")[2]
    if not text:
        raise _RefusedError(tag, f"Missing mandatory statement: '{tag}'")
    number = re.fullmatch(r"(\d+)([kmg]?)", text)
    value = int(number[1]) * {"": 1, "k": 1000, "m": 10**6, "g": 10**9}[number[2]] if number else -1
    if not least <= value <= most:
        raise _RefusedError(tag, f"Value {text} is not within range ({least}..{most})")
    return value


def _range(text: str, names: dict[str, int], most: int, tag: str) -> tuple[int, int]:
    """A number, a name, or a range of numbers."""
    bounds = re.fullmatch(r"(\d+)-(\d+)", text)
    low, high = (bounds[1], bounds[2]) if bounds else (text, text)
    values = [names.get(each, int(each) if each.isdecimal() else -1) for each in (low, high)]
    if -1 in values:
        raise _RefusedError(tag, f"invalid value: '{text}'")
    if not 0 <= values[0] <= values[1] <= most:
        raise _RefusedError(tag, f"Value {text} is not within range (0..{most})")
    return values[0], values[1]


def _headers(term: ET.Element) -> tuple[int, ...] | None:
    found = []
    for each in term.iterfind("from/extension-header"):
        number = HEADERS.get(each.text or "")
        if number not in EXTENSIONS:
            # `ah`, `esp`, `any` and numbers are Junos's, too, but beyond what the lab's kernel can look for.
            raise _RefusedError("extension-header", f"invalid value: '{each.text}'")
        found.append(number)
    return tuple(found) or None


# -- TCP flags ---------------------------------------------------------------------------------------------------------


def _flags(term: ET.Element) -> Pairs | None:
    """The alternatives (value, mask) of what a term asks for; all of it is about six bits, and none about the protocol."""
    aliases = {"tcp-initial": "syn & !ack", "tcp-established": "ack | rst"}
    asked = [alias for tag, alias in aliases.items() if term.find(f"from/{tag}") is not None]
    asked += [each.text or "" for each in term.iterfind("from/tcp-flags")]
    if not asked:
        return None
    if len(asked) > 1:
        raise _RefusedError("tcp-flags", "'tcp-flags', 'tcp-initial' and 'tcp-established' cannot be in the same term")
    return flags(asked[0])


def flags(text: str) -> Pairs:
    """The alternatives of an expression: `!`, then `&` or `+`, then `|` or `,`, and parentheses."""
    tokens = re.findall(r"[()!&+|,]|0x[0-9a-fA-F]+|\w+|\S", text)
    position = 0

    def refused() -> _RefusedError:
        return _RefusedError("tcp-flags", f"invalid value: '{text}'")

    def peek() -> str:
        return tokens[position] if position < len(tokens) else ""

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1] if position <= len(tokens) else ""

    def alternatives() -> set[int]:
        found = both()
        while peek() in ("|", ","):
            take()
            found |= both()
        return found

    def both() -> set[int]:
        found = one()
        while peek() in ("&", "+"):
            take()
            found &= one()
        return found

    def one() -> set[int]:
        token = take()
        if token == "!":
            return set(range(64)) - one()
        if token == "(":
            found = alternatives()
            if take() != ")":
                raise refused()
            return found
        number = FLAGS.get(token, int(token, 16) if token.startswith("0x") else 0)
        if not 0 < number < 64:
            raise refused()
        return {flags for flags in range(64) if flags & number == number}

    found = alternatives()
    if position < len(tokens) or not tokens:
        raise refused()
    return _cubes(found)


def _cubes(numbers: set[int]) -> Pairs:
    """Few (value, mask) that together are these of 64 numbers, those that ask for the fewest bits first."""
    cubes = [(value, mask) for mask in range(64) for value in range(64) if value & ~mask == 0]
    found, left = [], set(numbers)
    for value, mask in sorted(cubes, key=lambda cube: (cube[1].bit_count(), cube)):
        inside = {number for number in range(64) if number & mask == value}
        if inside <= numbers and inside & left:
            found.append((value, mask))
            left -= inside
    return tuple(found)


# -- addresses ---------------------------------------------------------------------------------------------------------


def _prefix(text: str) -> tuple[int, Network]:
    """Family, and first and last address. The bits behind the length do not count: Junos's own example is 192.168.10.0/8.

    A netmask with holes is Junos's, too, in IPv4; it is not here.
    """
    network = ipaddress.ip_network(text, strict=False)
    first = int(network.network_address)
    return network.version, (first, first + network.num_addresses - 1)


def _family(text: str) -> int | None:
    try:
        return _prefix(text)[0]
    except ValueError:
        return None


def _longest(chosen: dict[Network, bool], family: int) -> Pairs:
    """What the longest match takes, as prefixes that have nothing in common with each other."""
    ranges: list[Network] = []

    def emit(first: int, last: int, wanted: bool) -> None:
        if wanted and first <= last:
            if ranges and ranges[-1][1] + 1 == first:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))

    # Prefixes are nested or apart: a stack has those that are around the place, the shortest at its bottom.
    around: list[tuple[int, bool]] = [((1 << BITS[family]) - 1, False)]
    place = 0
    for (first, last), wanted in sorted(chosen.items(), key=lambda item: (item[0][0], -item[0][1])):
        while around[-1][0] < first:
            emit(place, around[-1][0], around[-1][1])
            place = around.pop()[0] + 1
        emit(place, first - 1, around[-1][1])
        place = first
        around.append((last, wanted))
    while around:
        emit(place, around[-1][0], around[-1][1])
        place = max(place, around.pop()[0] + 1)
    return tuple(pair for each in ranges for pair in _pairs(*each, BITS[family]))


def _pairs(first: int, last: int, bits: int) -> Iterator[tuple[int, int]]:
    full = (1 << bits) - 1
    while first <= last:
        size = min((first & -first) or (1 << bits), 1 << ((last - first + 1).bit_length() - 1))
        yield first, full ^ (size - 1)
        first += size


def problems(found: Iterable[CommitError]) -> str:
    """What a person reads in a log."""
    return "; ".join(f"{each.path} {each.element or ''}: {each.message}" for each in found)
