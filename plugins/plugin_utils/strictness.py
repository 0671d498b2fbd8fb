# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: nothing on it may become stricter than it is on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .acl import DEFAULT_REJECT, REJECTING, Acl, PoolAcl, bound
from .intent import PASS
from .policy import ANY, Limit
from .prefixes import union

ORDER = (PASS, "observe", "limit", "block")
"""The actions, the least strict first."""


def stricter(have: Acl, want: Acl) -> list[str]:
    """Each pool and class whose action would become stricter, as `POOL x CLASS from ACTION to ACTION`."""
    now = {pool.name: dict(pool.terms) for pool in have.pools}
    found = []
    for pool in want.pools:
        there, then = now.get(pool.name, {}), dict(pool.terms)
        for name in dict.fromkeys([*then, *there]):
            was, becomes = there.get(name, there.get(ANY, PASS)), then.get(name, then[ANY])
            if ORDER.index(becomes) > ORDER.index(was):
                found.append(f"{pool.name} x {name} from {was} to {becomes}")
    return found


def loosened(have: Acl, want: Acl) -> Acl:
    """What is wanted, narrowed to what the device enforces already, for actions that are not stricter.

    A customer or server that passes today goes on to pass: exemptions that have ended since, permitted servers that are no longer
    in the policy, and addresses, interfaces and uplinks that are new there all wait for the next way forward.
    """
    pools = tuple(_narrowed(have, want))
    uplinks = _common(have.uplinks, want.uplinks)
    if not pools or not uplinks:
        return Acl()
    customers = union(pool.prefixes for pool in pools)
    actions = {action for pool in pools for _class, action in pool.terms}
    blocking = tuple(name for pool in pools if "block" in dict(pool.terms).values() for name in pool.interfaces)
    return replace(
        want,
        pools=pools,
        # Where the classes of the policy have changed, those of the device are the ones that its actions are about.
        classes=have.classes,
        permitted=want.permitted | have.permitted,
        exempted=(want.exempted | have.exempted) & customers,
        uplinks=uplinks,
        checked_interfaces=_common(_common(have.checked_interfaces, want.checked_interfaces), blocking),
        reject=want.reject if actions & REJECTING else DEFAULT_REJECT,
        limit=_looser(have.limit, want.limit) if "limit" in actions else None,
        return_rule=want.return_rule and have.return_rule,
        seen=want.seen if "observe" in actions else None,
    )


def _narrowed(have: Acl, want: Acl) -> Iterator[PoolAcl]:
    there = {pool.name: pool for pool in have.pools}
    names = [*(name for name, _prefixes in have.classes), ANY]
    for pool in want.pools:
        if pool.name in there:
            prefixes = pool.prefixes & there[pool.name].prefixes
            interfaces = _common(there[pool.name].interfaces, pool.interfaces)
            actions = dict(pool.terms)
            terms = tuple((name, actions.get(name, actions[ANY])) for name in names)
            if prefixes and interfaces and any(action != PASS for _class, action in terms):
                yield replace(pool, prefixes=prefixes, interfaces=interfaces, terms=terms)


def _common(have: tuple[str, ...], want: tuple[str, ...]) -> tuple[str, ...]:
    """The interfaces that both lists mean, where ppp* stands for all that begin so."""
    both = {name for name in want if bound(name, have)} | {name for name in have if bound(name, want)}
    return tuple(sorted(both))


def _looser(have: Limit | None, want: Limit | None) -> Limit | None:
    if have is None or want is None:
        return want
    return Limit(max(have.per_minute, want.per_minute), max(have.burst, want.burst))
