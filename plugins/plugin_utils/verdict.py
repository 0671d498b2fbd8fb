# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would this packet pass? The meaning of an Acl, said once, against which every dialect is tested."""

from __future__ import annotations

from dataclasses import dataclass

from . import intent as intents
from .acl import Acl, PoolAcl, bound, class_of
from .policy import ANY, Policy
from .prefixes import Address

SMTP = 25


@dataclass(frozen=True)
class Packet:
    """A packet on its way through an edge: in by one interface, out by another.

    `headless` is an IPv6 first fragment that ends before the TCP ports (RFC 7112 forbids it); its ports are
    those that the reassembled packet would show. `routed` says whether the route back to the source leads through
    the interface by which the packet came in.
    """

    source: Address
    destination: Address
    sport: int
    dport: int
    iif: str
    oif: str
    protocol: str = "tcp"
    headless: bool = False
    routed: bool = True


@dataclass(frozen=True)
class Verdict:
    """What happens: the action, by which pool, class and direction; `reply` is what a blocked sender sees."""

    action: str
    reply: str | None = None
    pool: str | None = None
    destination: str | None = None
    direction: str | None = None

    @property
    def passes(self) -> bool:
        """Whether the packet goes on; a limited one does within its rate."""
        return self.action != "block"


PASSED = Verdict("pass")


def verdict(acl: Acl, packet: Packet) -> Verdict:
    """The verdict of an edge on one packet."""
    if packet.protocol != "tcp" or not acl.pools:
        return PASSED
    if packet.headless:
        # Whose port cannot be seen is judged as if it were 25, and blocked only where that would be blocked.
        found = _forward(acl, packet) if packet.source.family == 6 else PASSED
        return Verdict("block", "drop", found.pool, found.destination, "out") if found.action == "block" else PASSED
    if packet.dport == SMTP:
        found = _forward(acl, packet)
        if found is not PASSED:
            return found
    if packet.sport == SMTP:
        return _return(acl, packet)
    return PASSED


def _pool(acl: Acl, inside: Address) -> PoolAcl | None:
    return next((pool for pool in acl.pools if inside in pool.prefixes), None)


def _forward(acl: Acl, packet: Packet) -> Verdict:
    if not bound(packet.oif, acl.uplinks):
        return PASSED
    if not packet.routed and bound(packet.iif, acl.checked_interfaces):
        return Verdict("block", "drop", direction="out")
    if packet.source in acl.exempted or packet.destination in acl.permitted:
        return PASSED
    pool = _pool(acl, packet.source)
    if pool is None or not bound(packet.iif, pool.interfaces):
        return PASSED
    name = class_of(acl, packet.destination)
    action = dict(pool.terms)[name]
    return Verdict(action, acl.reject if action == "block" else None, pool.name, name, "out")


def _return(acl: Acl, packet: Packet) -> Verdict:
    if not acl.return_rule or not bound(packet.iif, acl.uplinks):
        return PASSED
    if packet.destination in acl.exempted or packet.source in acl.permitted:
        return PASSED
    pool = _pool(acl, packet.destination)
    if pool is None:
        return PASSED
    name = class_of(acl, packet.source)
    action = dict(pool.terms)[name]
    return Verdict(action, "drop" if action == "block" else None, pool.name, name, "in")


def of_policy(policy: Policy, wave: str, source: Address, destination: Address, dport: int) -> Verdict:
    """The verdict on a connection from a customer to the outside, whichever edge the customer hangs on."""
    if dport != SMTP or source in policy.exempted() or destination in policy.permitted():
        return PASSED
    pool = policy.pool_of(source)
    if pool is None:
        return PASSED
    name = next((c.name for c in policy.destinations if destination in c.prefixes), ANY)
    action = dict(intents.at(policy, wave).pools[pool])[name]
    return Verdict(action, policy.reject if action == "block" else None, pool, name, "out")
