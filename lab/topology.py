# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stands where in the lab: hosts, wires, addresses, routes, and what listens.

Only documentation addresses (RFC 5737, RFC 3849); they exist inside of the lab's namespaces alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field

SWITCH = "switch"
MANAGEMENT = "oob"
DOMAIN = "op25b.example"


@dataclass(frozen=True)
class Interface:
    """One wire of a host to a segment of the switch."""

    name: str
    segment: str
    addresses: tuple[str, ...]

    @property
    def v4(self) -> str:
        """Its IPv4 address."""
        return self.addresses[0].partition("/")[0]

    @property
    def v6(self) -> str:
        """Its IPv6 address."""
        return self.addresses[1].partition("/")[0]


@dataclass(frozen=True)
class StandIn:
    """What stands in for a router: its platform, and its own names of the interfaces, with the kernel's."""

    platform: str
    """`junos` speaks NETCONF, anything else a command line."""
    interfaces: dict[str, str]
    user: str = "ansible"
    password: str = "ansible-lab"
    enable: str | None = None

    @property
    def port(self) -> int:
        """Where it listens, at its address in the management network: SSH's port, or that of NETCONF over SSH."""
        return 830 if self.platform == "junos" else 22


@dataclass(frozen=True)
class Host:
    """One machine of the lab. The first configuration of a stand-in is the file of its name in `files`."""

    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[str, ...] = ()
    forwards: bool = False
    listens: tuple[int, ...] = ()
    cli: StandIn | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def v4(self) -> str:
        """The IPv4 address that it is known by."""
        return self.interfaces[0].v4

    @property
    def v6(self) -> str:
        """The IPv6 address that it is known by."""
        return self.interfaces[0].v6

    @property
    def management(self) -> Interface | None:
        """Where an edge is managed, beside the ways of the packets."""
        return next((wire for wire in self.interfaces if self.forwards and wire.segment == MANAGEMENT), None)

    def mac(self, interface: Interface) -> str:
        """The same at every boot, or the neighbours would send to the old address until their cache expires."""
        digest = hashlib.sha256(f"{self.name}/{interface.name}".encode()).digest()
        return "02:" + ":".join(f"{byte:02x}" for byte in digest[:5])


def _leaf(name: str, segment: str, addresses: tuple[str, str], gateways: tuple[str, str], **more: object) -> Host:
    more.setdefault("interfaces", (Interface("eth0", segment, addresses),))
    extra = more.pop("routes", ())
    routes = (*(f"default via {gateway} dev eth0" for gateway in gateways), *extra)  # type: ignore[misc]
    return Host(name=name, routes=routes, **more)  # type: ignore[arg-type]


def _east(name: str, v4: int, v6: int, **more: object) -> Host:
    addresses = (f"198.51.100.{v4}/25", f"2001:db8:e000::{v6}/64")
    return _leaf(name, "east", addresses, ("198.51.100.1", "2001:db8:e000::1"), **more)


def _router(name: str, core: tuple[str, str, str], customers: tuple[str, str, str], management: str, cli: StandIn) -> Host:
    """An edge behind a stand-in: its kernel forwards, its stand-in says what."""
    number = int(management.partition("/")[0].rpartition(".")[2])
    gateways = [str(ipaddress.ip_interface(address).network[1]) for address in core[1:]]
    pool = ipaddress.ip_interface(customers[2]).network.supernet(new_prefix=36)
    return Host(
        name,
        (
            Interface("up0", core[0], core[1:]),
            Interface(f"{customers[0]}0", customers[0], customers[1:]),
            Interface("oob0", MANAGEMENT, (management, f"2001:db8:fe::{number:x}/64")),
        ),
        routes=(*(f"default via {gateway}" for gateway in gateways), f"unreachable {pool}"),
        forwards=True,
        cli=cli,
    )


# What an operator has on its edge before this collection comes, and must find untouched afterwards. Nothing in it asks
# for connection tracking of IPv6: that would put fragments together, and hide whether our own rules do.
OPERATOR_NFT = """\
#!/usr/sbin/nft -f
# The operator's own rules: nothing of ccsnet.op25b is in here.
define customers = CUSTOMERS
table inet operator {
	counter customers { }
	set bogons {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname $customers counter name "customers"
		oifname "oob0" counter drop
		iifname "oob0" counter drop
		ip saddr @bogons counter drop
		tcp dport 23 counter drop comment "telnet to and from customers"
	}
	chain input {
		type filter hook input priority filter; policy accept;
		meta l4proto { icmp, ipv6-icmp } counter accept
		iifname "up0" tcp dport 22 counter drop
	}
}
table ip operator_nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 100.64.0.0/10 oifname "up0" counter masquerade
	}
}
"""


def _linux_edge(name: str, *interfaces: Interface, routes: tuple[str, ...]) -> Host:
    """An edge whose kernel is the router. Its first interface leads out, its last one to the management network."""
    customers = ", ".join(f'"{wire.name}"' for wire in interfaces[1:-1])
    rules = OPERATOR_NFT.replace("CUSTOMERS", f"{{ {customers} }}")
    return Host(name, interfaces, routes=routes, forwards=True, files={"/etc/nftables.conf": rules})


HOSTS: dict[str, Host] = {
    host.name: host
    for host in (
        Host(
            "internet",
            (
                Interface("core", "core", ("192.0.2.193/30", "2001:db8:1::1/64")),
                Interface("ours", "ours", ("192.0.2.1/26", "2001:db8:25::1/64")),
                Interface("mobile", "mobile", ("203.0.113.1/26", "2001:db8:b000::1/64")),
                Interface("other", "other", ("203.0.113.65/26", "2001:db8:c000::1/64")),
                Interface("lines", "lines", ("203.0.113.193/26", "2001:db8:d000::1/64")),
                Interface("core-c1", "core-c1", ("192.0.2.197/30", "2001:db8:1:1::1/64")),
                Interface("core-x1", "core-x1", ("192.0.2.201/30", "2001:db8:1:2::1/64")),
                Interface("core-j1", "core-j1", ("192.0.2.205/30", "2001:db8:1:3::1/64")),
                Interface("core-p1", "core-p1", ("192.0.2.209/30", "2001:db8:1:4::1/64")),
                Interface("core-p2", "core-p2", ("192.0.2.213/30", "2001:db8:1:5::1/64")),
            ),
            routes=(
                "198.51.100.0/24 via 192.0.2.194",
                "192.0.2.128/26 via 192.0.2.194",
                "2001:db8:e000::/36 via 2001:db8:1::2",
                "2001:db8:f000::/36 via 2001:db8:1::2",
                "2001:db8:5::/64 via 2001:db8:1::2",
                "203.0.113.128/27 via 192.0.2.198",
                "2001:db8:9000::/36 via 2001:db8:1:1::2",
                "203.0.113.160/27 via 192.0.2.202",
                "2001:db8:a000::/36 via 2001:db8:1:2::2",
                "192.0.2.64/26 via 192.0.2.206",
                "2001:db8:8000::/36 via 2001:db8:1:3::2",
                "192.0.2.216/29 via 192.0.2.210",
                "2001:db8:7000::/36 via 2001:db8:1:5::2",
            ),
            forwards=True,
        ),
        _linux_edge(
            "edge-l1",
            Interface("up0", "core", ("192.0.2.194/30", "2001:db8:1::2/64")),
            Interface("east0", "east", ("198.51.100.1/25", "2001:db8:e000::1/64")),
            Interface("west0", "west", ("198.51.100.129/25", "2001:db8:f000::1/64")),
            Interface("fixed0", "fixed", ("192.0.2.129/26", "2001:db8:5::1/64")),
            Interface("oob0", MANAGEMENT, ("192.0.2.231/27", "2001:db8:fe::e7/64")),
            routes=(
                "default via 192.0.2.193",
                "default via 2001:db8:1::1",
                # What no line has today must not circle between the edge and its default route.
                "unreachable 2001:db8:e000::/36",
                "unreachable 2001:db8:f000::/36",
            ),
        ),
        # A pair on one pool: a customer's packets leave by its gateway, and come back by p1 in IPv4, by p2 in IPv6.
        _linux_edge(
            "edge-p1",
            Interface("up0", "core-p1", ("192.0.2.210/30", "2001:db8:1:4::2/64")),
            Interface("coast0", "coast", ("192.0.2.217/29", "2001:db8:7000::1/64")),
            Interface("oob0", MANAGEMENT, ("192.0.2.229/27", "2001:db8:fe::e5/64")),
            routes=("default via 192.0.2.209", "default via 2001:db8:1:4::1", "unreachable 2001:db8:7000::/36"),
        ),
        _linux_edge(
            "edge-p2",
            Interface("up0", "core-p2", ("192.0.2.214/30", "2001:db8:1:5::2/64")),
            Interface("coast0", "coast", ("192.0.2.218/29", "2001:db8:7000::2/64")),
            Interface("oob0", MANAGEMENT, ("192.0.2.230/27", "2001:db8:fe::e6/64")),
            routes=("default via 192.0.2.213", "default via 2001:db8:1:5::1", "unreachable 2001:db8:7000::/36"),
        ),
        _router(
            "edge-c1",
            ("core-c1", "192.0.2.198/30", "2001:db8:1:1::2/64"),
            ("north", "203.0.113.129/27", "2001:db8:9000::1/64"),
            "192.0.2.226/27",
            StandIn(
                "ios",
                {"GigabitEthernet0": "oob0", "GigabitEthernet0/0/0": "up0", "GigabitEthernet0/0/1": "north0"},
                enable="enable-lab",
            ),
        ),
        _router(
            "edge-x1",
            ("core-x1", "192.0.2.202/30", "2001:db8:1:2::2/64"),
            ("south", "203.0.113.161/27", "2001:db8:a000::1/64"),
            "192.0.2.227/27",
            StandIn("iosxr", {"MgmtEth0/RP0/CPU0/0": "oob0", "HundredGigE0/0/1/0": "up0", "GigabitEthernet0/0/0/1": "south0"}),
        ),
        _router(
            "edge-j1",
            ("core-j1", "192.0.2.206/30", "2001:db8:1:3::2/64"),
            ("central", "192.0.2.65/26", "2001:db8:8000::1/64"),
            "192.0.2.228/27",
            StandIn("junos", {"fxp0": "oob0", "xe-0/0/0": "up0", "ge-0/0/1": "central0"}),
        ),
        Host("noc", (Interface("eth0", MANAGEMENT, ("192.0.2.225/27", "2001:db8:fe::1/64")),)),
        _leaf("cust-north", "north", ("203.0.113.130/27", "2001:db8:9000::10/64"), ("203.0.113.129", "2001:db8:9000::1")),
        _leaf("cust-south", "south", ("203.0.113.162/27", "2001:db8:a000::10/64"), ("203.0.113.161", "2001:db8:a000::1")),
        _leaf("cust-central", "central", ("192.0.2.66/26", "2001:db8:8000::10/64"), ("192.0.2.65", "2001:db8:8000::1")),
        _leaf("cust-coast-a", "coast", ("192.0.2.219/29", "2001:db8:7000::a/64"), ("192.0.2.217", "2001:db8:7000::1")),
        _leaf("cust-coast-b", "coast", ("192.0.2.220/29", "2001:db8:7000::b/64"), ("192.0.2.218", "2001:db8:7000::2")),
        _east(
            "cust-east",
            10,
            10,
            interfaces=(
                Interface("eth0", "east", ("198.51.100.10/25", "2001:db8:e000::10/64")),
                Interface("line2", "lines", ("203.0.113.210/26", "2001:db8:d000::210/64")),
            ),
            # Never chosen by itself; there for what is sent over this line on purpose.
            routes=(
                "default via 203.0.113.193 dev line2 metric 4096",
                "default via 2001:db8:d000::1 dev line2 metric 4096",
            ),
        ),
        _east("cust-exempt", 17, 17),
        _east("home-mail", 25, 25, listens=(25,)),
        _leaf("cust-west", "west", ("198.51.100.130/25", "2001:db8:f000::10/64"), ("198.51.100.129", "2001:db8:f000::1")),
        _leaf("fixed", "fixed", ("192.0.2.130/26", "2001:db8:5::10/64"), ("192.0.2.129", "2001:db8:5::1")),
        _leaf("lb1", "ours", ("192.0.2.24/26", "2001:db8:25::24/64"), ("192.0.2.1", "2001:db8:25::1")),
        _leaf("msa1", "ours", ("192.0.2.25/26", "2001:db8:25::25/64"), ("192.0.2.1", "2001:db8:25::1")),
        _leaf("msa2", "ours", ("192.0.2.27/26", "2001:db8:25::27/64"), ("192.0.2.1", "2001:db8:25::1")),
        _leaf("store1", "ours", ("192.0.2.28/26", "2001:db8:25::28/64"), ("192.0.2.1", "2001:db8:25::1")),
        _leaf("mx1", "ours", ("192.0.2.26/26", "2001:db8:25::26/64"), ("192.0.2.1", "2001:db8:25::1"), listens=(25,)),
        _leaf(
            "mobile-mx",
            "mobile",
            ("203.0.113.10/26", "2001:db8:b000::10/64"),
            ("203.0.113.1", "2001:db8:b000::1"),
            listens=(25, 587, 465, 443),
        ),
        _leaf(
            "other-isp",
            "other",
            ("203.0.113.100/26", "2001:db8:c000::100/64"),
            ("203.0.113.65", "2001:db8:c000::1"),
            listens=(25, 587, 465, 443),
        ),
        _leaf("other-line", "lines", ("203.0.113.200/26", "2001:db8:d000::200/64"), ("203.0.113.193", "2001:db8:d000::1")),
    )
}


def segments() -> list[str]:
    """The bridges of the switch."""
    return sorted({interface.segment for host in HOSTS.values() for interface in host.interfaces})


def hosts_file() -> str:
    """`/etc/hosts` of every host: the lab has no name server."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for host in HOSTS.values():
        lines += [f"{address} {host.name}.{DOMAIN} {host.name}" for address in (host.v4, host.v6)]
    return "\n".join(lines) + "\n"
