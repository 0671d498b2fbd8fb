# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one edge enforces, free of any vendor: pools with their terms, permitted servers, bindings.

    forward: TCP that enters by a pool's interface, leaves by an uplink, comes from the pool and goes to port 25
    return:  TCP that enters by an uplink, goes to the pool and comes from port 25

Exempted customers and permitted servers pass both; what is left meets the pool's term for the first
destination class that holds the outside address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import intent as intents
from .errors import Op25bError
from .policy import ANY, Limit, Policy, like
from .prefixes import NOTHING, Address, PrefixSet, union

DEFAULT_REJECT = "tcp-reset"
REJECTING = {"limit", "block"}
"""The actions that turn packets away."""
_INTERFACE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*\*?$")


@dataclass(frozen=True)
class Attachment:
    """An interface of the edge and the pools behind it; `source_check` drops port 25 from unrouted sources."""

    interface: str
    pools: tuple[str, ...]
    source_check: bool = False


@dataclass(frozen=True)
class PoolAcl:
    """One pool on this edge: its addresses, its interfaces, and its action for each class, `any` last."""

    name: str
    prefixes: PrefixSet
    interfaces: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """Remember observed sources: hours for each address, addresses for each class and family."""

    hours: int
    max_entries: int


@dataclass(frozen=True)
class Acl:
    """The whole of what an edge enforces; an Acl without pools means that nothing of ours is on the device.

    What no term needs has its default value, so that an Acl read back from a device equals the one sent. `tickets` are
    those of the exemptions, for devices that have room for remarks.
    """

    pools: tuple[PoolAcl, ...] = ()
    classes: tuple[tuple[str, PrefixSet], ...] = ()
    permitted: PrefixSet = NOTHING
    exempted: PrefixSet = NOTHING
    uplinks: tuple[str, ...] = ()
    checked_interfaces: tuple[str, ...] = ()
    reject: str = DEFAULT_REJECT
    limit: Limit | None = None
    return_rule: bool = True
    seen: Seen | None = None
    tickets: tuple[str, ...] = ()

    def actions(self) -> set[str]:
        """Every action that some term takes."""
        return {action for pool in self.pools for _name, action in pool.terms}

    def as_data(self) -> dict[str, Any]:
        """The Acl in JSON's types, as the task returns it."""
        if not self.pools:
            return {}
        data: dict[str, Any] = {
            "pools": {
                p.name: {"prefixes": p.prefixes.texts(), "interfaces": list(p.interfaces), "actions": dict(p.terms)}
                for p in self.pools
            },
            "destinations": {name: prefixes.texts() for name, prefixes in self.classes},
            "permitted": self.permitted.texts(),
            "exempted": self.exempted.texts(),
            "uplinks": list(self.uplinks),
            "source_check": list(self.checked_interfaces),
            "return_rule": self.return_rule,
        }
        if self.actions() & REJECTING:
            data["reject"] = self.reject
        if self.limit:
            data["limit"] = {"per_minute": self.limit.per_minute, "burst": self.limit.burst}
        if self.seen:
            data["observe_sources"] = {"hours": self.seen.hours, "max_entries": self.seen.max_entries}
        if self.tickets:
            data["tickets"] = list(self.tickets)
        return data


def from_data(data: Mapping[str, Any]) -> Acl:
    """The Acl whose `as_data` this is; raises KeyError, TypeError or ValueError where it is none."""
    if not data:
        return Acl()
    return Acl(
        pools=tuple(
            PoolAcl(name, PrefixSet.parse(each["prefixes"]), tuple(each["interfaces"]), tuple(each["actions"].items()))
            for name, each in data["pools"].items()
        ),
        classes=tuple((name, PrefixSet.parse(prefixes)) for name, prefixes in data["destinations"].items()),
        permitted=PrefixSet.parse(data["permitted"]),
        exempted=PrefixSet.parse(data["exempted"]),
        uplinks=tuple(data["uplinks"]),
        checked_interfaces=tuple(data["source_check"]),
        reject=data.get("reject", DEFAULT_REJECT),
        limit=Limit(**data["limit"]) if "limit" in data else None,
        return_rule=data["return_rule"],
        seen=Seen(**data["observe_sources"]) if "observe_sources" in data else None,
        tickets=tuple(data.get("tickets", ())),
    )


def attachments_from(value: Any, policy: Policy) -> tuple[Attachment, ...]:
    """Check the edge's op25b_attachments; raises Op25bError with one sentence."""
    key = "attachments"
    result = []
    taken: set[str] = set()
    for index, item in enumerate(_listed(value, key)):
        where = f"{key}[{index}]"
        if not isinstance(item, Mapping):
            raise Op25bError(f"{where}: '{item}' is not right here; write {{interface: eth1, pools: [...]}}.")
        known = ("interface", "pools", "source_check")
        for name in item:
            if name not in known:
                raise Op25bError(f"{where}.{name}: this key is unknown. {like(str(name), known)}.")
        interface = _interface(item.get("interface"), f"{where}.interface")
        if interface in taken:
            raise Op25bError(f"{where}.interface: '{interface}' is attached twice; join the two lists of pools.")
        taken.add(interface)
        pools = _listed(item.get("pools"), f"{where}.pools")
        for pool in pools:
            if pool not in policy.pools:
                raise Op25bError(f"{where}.pools: no pool of the policy is named '{pool}'. {like(str(pool), policy.pools)}.")
        check = item.get("source_check", False)
        if not isinstance(check, bool):
            raise Op25bError(f"{where}.source_check: '{check}' is not right here; write true or false.")
        result.append(Attachment(interface, tuple(str(p) for p in pools), check))
    return tuple(result)


def uplinks_from(value: Any, attachments: Sequence[Attachment]) -> tuple[str, ...]:
    """Check the edge's op25b_uplinks; raises Op25bError with one sentence."""
    uplinks = tuple(_interface(item, f"uplinks[{index}]") for index, item in enumerate(_listed(value, "uplinks")))
    for name in uplinks:
        for other in attachments:
            if bound(name, (other.interface,)) or bound(other.interface, (name,)):
                raise Op25bError(
                    f"uplinks: '{name}' and '{other.interface}' of attachments mean the same interface; "
                    "an interface leads either to customers or out."
                )
    return uplinks


def bound(interface: str, names: Sequence[str]) -> bool:
    """Whether an interface is one of these names, where ppp* stands for all that begin so."""
    return any(interface.startswith(n[:-1]) if n.endswith("*") else interface == n for n in names)


def _fewest(names: Sequence[str]) -> tuple[str, ...]:
    """Without the names that a wildcard among them covers: an interval set refuses overlaps."""
    return tuple(sorted(n for n in set(names) if not bound(n, [o for o in names if o != n])))


def _listed(value: Any, where: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise Op25bError(f"{where}: this is empty or no list; write at least one entry.")
    return value


def is_interface(name: str) -> bool:
    """Whether this can be the name of an interface, or the beginning of several, as ppp*."""
    return bool(_INTERFACE.match(name))


def _interface(value: Any, where: str) -> str:
    if not isinstance(value, str) or not is_interface(value):
        raise Op25bError(f"{where}: '{value}' is not the name of an interface; write one as eth1, or ppp* for all that begin so.")
    return str(value)


def kept(policy: Policy, have: Acl, changing: Sequence[str]) -> dict[str, dict[str, str]]:
    """What a device does with each pool but the changing ones; raises Op25bError for an unknown pool."""
    for name in changing:
        if name not in policy.pools:
            raise Op25bError(f"pools: no pool of the policy is named '{name}'. {like(name, policy.pools)}.")
    found = {pool.name: dict(pool.terms) for pool in have.pools}
    return {name: found.get(name, {}) for name in policy.pools if name not in changing}


def build(
    policy: Policy,
    wave: str,
    attachments: Sequence[Attachment],
    uplinks: Sequence[str],
    stays: Mapping[str, Mapping[str, str]] | None = None,
) -> Acl:
    """The Acl of one edge at one wave: the attached pools for which the wave says anything but pass.

    A pool in `stays` has the actions that stand there, whatever the wave says; a class that is missing there is part of `any`.
    """
    intent = intents.at(policy, wave)
    pools = []
    for name, terms in sorted(intent.pools.items()):
        if stays and name in stays:
            now = stays[name]
            terms = tuple((each, now.get(each, now.get(ANY, intents.PASS))) for each, _action in terms)
        interfaces = _fewest([a.interface for a in attachments if name in a.pools])
        if interfaces and any(action != intents.PASS for _class, action in terms):
            pools.append(PoolAcl(name, policy.pools[name].prefixes, interfaces, terms))
    if not pools:
        return Acl()
    actions = {action for pool in pools for _class, action in pool.terms}
    blocking = {pool.name for pool in pools if "block" in dict(pool.terms).values()}
    sources = policy.observe_sources
    customers = union(pool.prefixes for pool in pools)
    return Acl(
        pools=tuple(pools),
        classes=tuple((c.name, c.prefixes) for c in policy.destinations),
        permitted=policy.permitted(),
        exempted=policy.exempted() & customers,
        uplinks=_fewest(uplinks),
        checked_interfaces=_fewest([a.interface for a in attachments if a.source_check and blocking & set(a.pools)]),
        reject=policy.reject if actions & REJECTING else DEFAULT_REJECT,
        limit=policy.limit if "limit" in actions else None,
        return_rule=policy.return_rule,
        seen=Seen(sources.hours, sources.max_entries) if sources and "observe" in actions else None,
        tickets=tuple(sorted({e.ticket for e in policy.in_force() if e.ticket and e.prefixes & customers})),
    )


def class_of(acl: Acl, outside: Address) -> str:
    """The first destination class that holds this outside address."""
    return next((name for name, prefixes in acl.classes if outside in prefixes), ANY)
