# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of ordered access lists, with the stand-ins' own parsers as the judge of every line that we send."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, replace
from itertools import count
from types import ModuleType

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy, verdict
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import ios, iosxr
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError, PolicyError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from lab import wire
from lab.cli import ios as ios_device
from lab.cli import iosxr as iosxr_device
from lab.cli.filter import Packet, decide

from .strategies import CUSTOMERS, OUTSIDE, SERVERS, TODAY, addresses, documents, model, packets, prefixes, route
from .test_filter import QUICK, SLOW, is_error
from .test_filter import pytestmark as needs_kernel


@dataclass(frozen=True)
class Kind:
    """One kind of device: our dialect, the stand-in, and how an operator writes there."""

    dialect: ModuleType
    device: type
    uplinks: tuple[str, ...]
    lists: dict[int, str]
    bindings: dict[int, str]
    ways: dict[str, str]
    number: dict[int, str]
    everything: dict[int, str]
    preamble: str
    commit: str | None = None
    first: tuple[str, ...] = ("configure terminal",)

    def start(self, config: str):
        device = self.device(self.preamble + config + "end\n", hostname="edge")
        session = device.session("ansible")
        for line in self.first:
            session.line(line)
        return device, session


KINDS = [
    Kind(
        ios,
        ios_device.Device,
        ("GigabitEthernet0/0/0", "GigabitEthernet0/0/1"),
        {4: "ip access-list extended", 6: "ipv6 access-list"},
        {4: "ip access-group", 6: "ipv6 traffic-filter"},
        {"out": "out", "in": "in"},
        {4: "", 6: "sequence "},
        {4: "permit ip any any", 6: "permit ipv6 any any"},
        "hostname edge\n!\n",
    ),
    Kind(
        iosxr,
        iosxr_device.Device,
        ("GigabitEthernet0/0/0/0", "HundredGigE0/0/1/0"),
        {4: "ipv4 access-list", 6: "ipv6 access-list"},
        {4: "ipv4 access-group", 6: "ipv6 access-group"},
        {"out": "egress", "in": "ingress"},
        {4: "", 6: ""},
        {4: "permit ipv4 any any", 6: "permit ipv6 any any"},
        "hostname edge\n!\n",
        "commit",
        ("terminal exec prompt no-timestamp", "configure terminal"),
    ),
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.dialect.NAME for kind in KINDS])


def place(family: int):
    """A source or destination that an operator writes."""
    spaces = tuple(s for s in CUSTOMERS + OUTSIDE + SERVERS if ipaddress.ip_network(s).version == family)

    def words(prefix: str) -> str:
        network = ipaddress.ip_network(prefix)
        if network.prefixlen == network.max_prefixlen:
            return f"host {str(network.network_address).upper()}"
        return f"{network.network_address} {network.hostmask}" if family == 4 else str(network).upper()

    known = prefixes(spaces).map(words)
    if family == 4:
        known = st.one_of(known, st.sampled_from(["198.51.0.0 0.0.255.0", "203.0.113.1 0.0.0.254", "0.0.0.25 255.255.255.0"]))
    return st.one_of(st.just("any"), known)


@st.composite
def entries(draw, kind: Kind, family: int):
    """An entry of an operator: what it has in common with ours is drawn often."""
    verb = draw(st.sampled_from(["permit", "deny"]))
    any_ = kind.everything[family].split()[1]
    protocol = draw(st.sampled_from([any_, "tcp", "tcp", "tcp", "udp"]))
    ports = ["", ""]
    ending = ""
    if protocol in ("tcp", "udp"):
        port = st.sampled_from(["", "", " eq 25", " eq 23", " gt 1023", " lt 26", " range 20 30", " neq 25"])
        ports = [draw(port), draw(port)]
    if protocol == "tcp" and draw(st.integers(0, 4)) == 0:
        ending = " established"
    if not any(ports) and not ending and draw(st.integers(0, 4)) == 0:
        ending = " fragments"
    return f"{verb} {protocol} {draw(place(family))}{ports[0]} {draw(place(family))}{ports[1]}{ending}"


@st.composite
def operators(draw, kind: Kind):
    """A configuration of an operator: some uplinks have access lists."""
    text, bound = "", {}
    for family in (4, 6):
        for way, word in kind.ways.items():
            shape = draw(st.sampled_from(["none", "one", "each"]))
            names = {"none": [], "one": [f"OPS-{way}-{family}"], "each": [f"OPS-{way}-{family}-{at}" for at in (0, 1)]}[shape]
            for name in names:
                lines = list(dict.fromkeys(draw(st.lists(entries(kind, family), max_size=5))))
                if draw(st.integers(0, 3)) or not lines:
                    lines = [*(line for line in lines if line != kind.everything[family]), kind.everything[family]]
                text += f"{kind.lists[family]} {name}\n"
                step = draw(st.sampled_from([100, 1000]))
                text += "".join(f" {kind.number[family]}{step * (at + 1)} {line}\n" for at, line in enumerate(lines)) + "!\n"
            for at, uplink in enumerate(kind.uplinks):
                if names:
                    bound.setdefault(uplink, []).append(f" {kind.bindings[family]} {names[at % len(names)]} {word}")
    for uplink in kind.uplinks:
        text = f"interface {uplink}\n" + "".join(f"{line}\n" for line in bound.get(uplink, [])) + "!\n" + text
    return text


@st.composite
def policies(draw, like: dict | None = None, *, limits: bool = False):
    """A policy document that an ordered list can say; `like` another one, of which it keeps some parts."""
    document = draw(documents())
    if like:
        document = {key: like.get(key, document[key]) if draw(st.booleans()) else document[key] for key in document}
    for wave in document["waves"]:
        if wave["action"] == "limit" and not limits:
            wave["action"] = "block"
    for number, exemption in enumerate(document["exemptions"]):
        exemption["ticket"] = f"OP-{number}"
    return document


def wanted(document: dict, uplinks: tuple[str, ...]) -> acl.Acl:
    """What a policy makes of an edge."""
    try:
        checked = policy.load(document, TODAY)
    except PolicyError:
        # Parts of two documents do not always fit each other.
        assume(False)
    places = acl.attachments_from([{"interface": "Customers1", "pools": list(document["pools"])}], checked)
    return acl.build(checked, checked.waves[-1].name, places, acl.uplinks_from(list(uplinks), places))


def known(documents_: list[dict]) -> tuple[list[str], list[str]]:
    """The prefixes of the customers, and those of all others, that policies name."""
    inside = [p for d in documents_ for pool in d["pools"].values() for p in pool["prefixes"]]
    inside += [p for d in documents_ for exemption in d["exemptions"] for p in exemption["prefixes"]]
    others = [p for d in documents_ for part in d["destinations"].values() for p in part["prefixes"]]
    servers = [x for d in documents_ for part in (d["mail_servers"], d["partners"]) for x in part.values()]
    others += [p for x in servers for p in x["addresses"]]
    return inside, [*others, "203.0.113.0/24", "2001:db8:c000::/44"]


@st.composite
def flights(draw, documents_):
    """A packet at an uplink, and its direction; most of them from and to what the policies name."""
    family = draw(st.sampled_from([4, 6]))

    def end(prefixes_: list[str]) -> str:
        networks = [n for n in map(ipaddress.ip_network, prefixes_) if n.version == family]
        spaces = [s for s in CUSTOMERS + OUTSIDE + SERVERS if ipaddress.ip_network(s).version == family]
        if not networks or draw(st.integers(0, 9)) == 0:
            return draw(addresses(tuple(spaces)))
        network = draw(st.sampled_from(networks))
        return str(draw(st.sampled_from([network[0], network[-1]])))

    inside, far = (end(prefixes_) for prefixes_ in known(documents_))
    ports = [draw(st.sampled_from([25, 25, 25, 23, 587, 40000])), draw(st.sampled_from([25, 23, 40000, 40000]))]
    way = draw(st.sampled_from(["out", "in"]))
    source, destination = (inside, far) if draw(st.integers(0, 9)) else (far, inside)
    sport, dport = reversed(ports)
    if way == "in":
        source, destination, sport, dport = destination, source, dport, sport
    fragment = draw(st.sampled_from(["none", "none", "none", "later"]))
    return way, Packet(
        source=int(ipaddress.ip_address(source)),
        destination=int(ipaddress.ip_address(destination)),
        family=family,
        protocol=draw(st.sampled_from([6, 6, 6, 17])),
        sport=None if fragment == "later" else sport,
        dport=None if fragment == "later" else dport,
        flags=draw(st.sampled_from([2, 0x12, 0x10])),
        fragment=fragment,
    )


def permits(filters, uplink: str, way: str, packet: Packet) -> bool:
    """What the stand-in's own parser makes of a packet."""
    for item in filters:
        if (item.interface, item.direction, item.family) == (uplink, way, packet.family):
            found = decide(item.entries, packet)
            return found is not None and found.permit
    return True


def blocks(want: acl.Acl, uplink: str, way: str, packet: Packet) -> bool:
    """What the policy says of a packet."""
    if packet.fragment == "later":
        return False
    family = 4 if packet.family == 4 else 6
    source, destination = (
        parse_address(str((ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address)(value)))
        for value in (packet.source, packet.destination)
    )
    seen = verdict.Packet(
        source=source,
        destination=destination,
        sport=packet.sport or 0,
        dport=packet.dport or 0,
        iif="Customers1" if way == "out" else uplink,
        oif=uplink if way == "out" else "Customers1",
        protocol="tcp" if packet.protocol == 6 else "udp",
    )
    return verdict.verdict(want, seen).action == "block"


def seen(device, places) -> list[bool]:
    filters = device.filters()
    return [permits(filters, *place) for place in places]


def send(kind: Kind, session, commands) -> None:
    for line in [*commands, *([kind.commit] if kind.commit and commands else [])]:
        printed = session.line(line)
        assert not printed.strip(), f"{line}: {printed}"


def read(kind: Kind, device):
    return kind.dialect.from_text(device.running())


@kinds
@settings(max_examples=120)
@given(data=st.data())
def test_the_device_does_what_the_policy_says_and_nothing_else(kind, data):
    operator = data.draw(operators(kind))
    document = data.draw(policies())
    want = wanted(document, data.draw(st.sampled_from([kind.uplinks, kind.uplinks[:1]])))
    device, session = kind.start(operator)
    before = device.running()
    packets = data.draw(st.lists(flights([document]), min_size=10, max_size=30))
    filters = device.filters()
    theirs = {(uplink, at): permits(filters, uplink, *flight) for uplink in kind.uplinks for at, flight in enumerate(packets)}
    have = read(kind, device)
    try:
        plan = kind.dialect.diff(have, kind.dialect.build(want))
    except Op25bError as err:
        event(str(err).partition(":")[2][:30])
        assume(False)
    send(kind, session, plan.commands)
    found = read(kind, device)
    assert kind.dialect.differences(found, plan.wanted) == []
    filters = device.filters()
    for (uplink, at), passed in theirs.items():
        way, packet = packets[at]
        right = passed and not (uplink in want.uplinks and blocks(want, uplink, way, packet))
        assert permits(filters, uplink, way, packet) == right, (uplink, way, packet)
    assert kind.dialect.read(found)[1] == []
    assert kind.dialect.read(found)[0] == kind.dialect.build(want).acl
    assert not kind.dialect.diff(found, kind.dialect.build(want)).changed
    send(kind, session, plan.rollback)
    assert device.running() == before
    event("changed" if plan.changed else "unchanged")


@kinds
@settings(max_examples=120)
@given(data=st.data())
def test_no_state_on_the_way_gives_a_verdict_that_is_neither_old_nor_new(kind, data):
    bare = "".join(f"interface {uplink}\n!\n" for uplink in kind.uplinks)
    device, session = kind.start(data.draw(st.one_of(st.just(bare), operators(kind))))
    before = data.draw(policies())
    after = data.draw(policies(before))
    flown = data.draw(st.lists(flights([before, after]), min_size=20, max_size=40))
    for document in (before, after):
        want = wanted(document, data.draw(st.sampled_from([kind.uplinks, kind.uplinks, kind.uplinks[:1]])))
        try:
            plan = kind.dialect.diff(read(kind, device), kind.dialect.build(want))
        except Op25bError:
            assume(False)
        places = [(uplink, *flight) for uplink in kind.uplinks for flight in flown]
        states = [seen(device, places)]
        for line in [*plan.commands, *([kind.commit] if kind.commit and plan.commands else [])]:
            assert not session.line(line).strip(), line
            states.append(seen(device, places))
        for at, place in enumerate(places):
            allowed = {states[0][at], states[-1][at]}
            for number, state in enumerate(states):
                assert state[at] in allowed, (place, plan.commands[number - 1], plan.commands)


nonces = count(0x0C250000, 2)


def crossed(place, drawn) -> list[list[str]]:
    """Send packets through the router, and say for each by which interfaces it, or a piece of it, came out."""
    sent, numbers = [], []
    for item in drawn:
        nonce = next(nonces)
        sent += [(item["iif"], piece) for piece in wire.packet(**{k: v for k, v in item.items() if k != "iif"}, nonce=nonce)]
        numbers.append(struct.pack("!I", nonce))
    arrived = [(oif, piece) for oif, piece in place.send(sent) if not is_error(piece)]
    return [[oif for oif, piece in arrived if number in piece] for number in numbers]


@needs_kernel
@kinds
@settings(max_examples=40, phases=QUICK, suppress_health_check=SLOW)
@given(data=st.data())
def test_real_packets_meet_the_policy_s_verdict(place, kind, data):
    """From the policy to the wire: our text, the stand-in's parser, the kernel, and the model's verdict at the end."""
    device, session = kind.start("".join(f"interface {uplink}\n!\n" for uplink in kind.uplinks))
    plan = kind.dialect.diff(read(kind, device), kind.dialect.build(wanted(data.draw(policies()), kind.uplinks)))
    send(kind, session, plan.commands)
    enforced, _drift = kind.dialect.read(read(kind, device))
    names = dict(zip(kind.uplinks, ("up0", "up1"), strict=True))
    place.plane.apply([])
    place.plane.apply([replace(item, interface=names[item.interface]) for item in device.filters()])
    enforced = replace(enforced, uplinks=tuple(names[name] for name in enforced.uplinks))
    # What each platform makes of headless ones is in its limits; the unit tests hold them.
    drawn = [item for item in data.draw(st.lists(packets(), min_size=20, max_size=60)) if item["shape"] != "headless"]
    for item, through in zip(drawn, crossed(place, drawn), strict=True):
        passes = verdict.verdict(enforced, model(item)).passes
        assert through == ([route(item["destination"])] if passes else []), item
