# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies, edges and packets, drawn close to each other's borders."""

from __future__ import annotations

import datetime
import ipaddress

from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import Packet
from hypothesis import strategies as st

from lab import wire

from .router import INTERFACES, ROUTES

TODAY = datetime.date(2019, 3, 25)
CUSTOMERS = ("198.51.100.0/24", "2001:db8:e000::/46")
OUTSIDE = ("203.0.113.0/24", "2001:db8:b000::/44", "2001:db8:c000::/44")
BURST = st.integers(1, 1000)
SERVERS = ("192.0.2.0/28", "2001:db8:25::/124")


@st.composite
def prefixes(draw, spaces: tuple[str, ...], longest: int = 6):
    """Prefixes inside these spaces, of any length down to a host."""
    space = ipaddress.ip_network(draw(st.sampled_from(spaces)))
    # Hosts at the far end of a /46 would never meet a packet, so lengths cluster at both ends.
    extra = draw(st.one_of(st.integers(0, longest), st.just(space.max_prefixlen - space.prefixlen)))
    length = min(space.prefixlen + extra, space.max_prefixlen)
    size = 1 << (space.max_prefixlen - length)
    blocks = (1 << (space.max_prefixlen - space.prefixlen)) // size
    at = draw(st.one_of(st.integers(0, min(blocks, 8) - 1), st.integers(0, blocks - 1)))
    return str(ipaddress.ip_network((int(space.network_address) + at * size, length)))


def unique(spaces, least=1, most=4):
    return st.lists(prefixes(spaces), min_size=least, max_size=most, unique=True)


def hosts(spaces, least=1, most=4):
    """Addresses of servers, which may not be prefixes."""
    return st.lists(prefixes(spaces).map(lambda text: text.partition("/")[0]), min_size=least, max_size=most, unique=True)


@st.composite
def documents(draw, burst=BURST):
    """A valid policy document."""
    names = ["east", "west", "north-1"][: draw(st.integers(1, 3))]
    owned = draw(st.lists(prefixes(CUSTOMERS), min_size=len(names), max_size=8, unique=True))
    pools = {name: {"prefixes": owned[i :: len(names)]} for i, name in enumerate(names)}
    outside = draw(unique(OUTSIDE, 1, 6))
    classes = ["mobile", "abroad"][: draw(st.integers(0, min(2, len(outside))))]
    document = {
        "version": 1,
        "pools": pools,
        "mail_servers": {
            "msa1": {
                "addresses": draw(hosts(SERVERS)),
                "role": "submission",
                "port25_from_pools": draw(st.booleans()),
            }
        },
        "partners": {"friend": {"addresses": draw(hosts(OUTSIDE, 1, 2))}},
        "exemptions": [
            {"prefixes": [p], "who": "customer 4711", "why": "contract"}
            for p in draw(st.lists(st.sampled_from(owned), max_size=2, unique=True))
        ],
        "destinations": {name: {"prefixes": outside[i :: len(classes)]} for i, name in enumerate(classes)},
        "waves": [
            {
                "name": f"w{i}",
                "date": "2019-03-01",
                "pools": draw(st.lists(st.sampled_from(names), min_size=1, unique=True)),
                "destinations": draw(st.lists(st.sampled_from([*classes, "any"]), min_size=1, unique=True)),
                "action": draw(st.sampled_from(["pass", "observe", "limit", "block", "block"])),
            }
            for i in range(draw(st.integers(1, 4)))
        ],
        "reject": draw(st.sampled_from(["tcp-reset", "admin-prohibited", "drop"])),
        "return_rule": draw(st.booleans()),
        "limit": {"per_minute": draw(st.integers(1, 100000)), "burst": draw(burst)},
    }
    if draw(st.booleans()):
        document["observe_sources"] = {"purpose": "notice", "until": "2019-04-01", "hours": draw(st.integers(1, 720))}
    return document


@st.composite
def edges(draw, burst=BURST):
    """An Acl as some edge gets it."""
    document = draw(documents(burst))
    names = list(document["pools"])
    customers = draw(st.sampled_from([("c0", "c1", "c2"), ("c0", "c2"), ("c*",)]))
    attachments = [
        {
            "interface": interface,
            "pools": draw(st.lists(st.sampled_from(names), min_size=1, unique=True)),
            "source_check": draw(st.booleans()),
        }
        for interface in customers
    ]
    uplinks = draw(st.sampled_from([["up0"], ["up0", "up1"], ["up*"]]))
    checked = policy.load(document, TODAY)
    places = acl.attachments_from(attachments, checked)
    return acl.build(checked, checked.waves[-1].name, places, acl.uplinks_from(uplinks, places))


@st.composite
def addresses(draw, spaces):
    """An address in one of these spaces: anywhere, or next to the border of a prefix."""
    network = ipaddress.ip_network(draw(prefixes(spaces)))
    first, last = int(network.network_address), int(network.broadcast_address)
    value = draw(st.sampled_from([first, last, max(first - 1, 1), last + 1, (first + last) // 2]))
    return str(ipaddress.IPv4Address(value) if network.version == 4 else ipaddress.IPv6Address(value))


@st.composite
def packets(draw):
    """What a packet is (for the model) and how it looks (for the wire): keyword arguments of packets.packet."""
    version = draw(st.sampled_from([4, 6]))
    inside, far = (
        draw(addresses(tuple(s for s in spaces if ipaddress.ip_network(s).version == version)))
        for spaces in (CUSTOMERS, OUTSIDE + SERVERS)
    )
    ports = [draw(st.sampled_from([25, 25, 587, 40000])), draw(st.sampled_from([25, 40000, 40000]))]
    out = draw(st.sampled_from([True, True, False]))
    source, destination = (inside, far) if out else (far, inside)
    dport, sport = ports if out else reversed(ports)
    likely = route(source) if draw(st.sampled_from([True, True, True, False])) else draw(st.sampled_from(INTERFACES))
    return {
        "iif": likely,
        "source": source,
        "destination": destination,
        "sport": sport,
        "dport": dport,
        "flags": draw(st.sampled_from([wire.SYN, wire.SYN if out else wire.SYNACK, wire.SYNACK, wire.ACK])),
        "protocol": draw(st.sampled_from([wire.TCP, wire.TCP, wire.TCP, 17])),
        "shape": draw(st.sampled_from(wire.SHAPES)) if ":" in source else "plain",
    }


def route(address: str) -> str:
    """The interface by which the router sends to an address."""
    read = ipaddress.ip_address(address)
    return next(
        name
        for prefix, name in ROUTES
        if read.version == ipaddress.ip_network(prefix).version and read in ipaddress.ip_network(prefix)
    )


def model(drawn) -> Packet:
    """The packet as the verdict sees it."""
    return Packet(
        source=parse_address(drawn["source"]),
        destination=parse_address(drawn["destination"]),
        sport=drawn["sport"],
        dport=drawn["dport"],
        iif=drawn["iif"],
        oif=route(drawn["destination"]),
        protocol="tcp" if drawn["protocol"] == wire.TCP else "udp",
        headless=drawn["shape"] == "headless",
        routed=route(drawn["source"]) == drawn["iif"],
    )
