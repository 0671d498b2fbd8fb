# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that a phase has by its inventory source, whatever hosts a run happens to have.

A host that is disabled in AWX, or that belongs to another slice of a job, is not in the inventory of a run at all: only the list
that the inventory plugin wrote down (the variable op25b_phase) tells that it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

GROUPS = ("edges", "probes", "relays")
"""The groups of which a phase has the hosts, each under the name of its group."""


def missing(phase: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each group the hosts that the phase has and the inventory of this run does not."""
    found = {name: [host for host in phase.get(name, ()) if host not in groups.get(name, ())] for name in GROUPS}
    return {name: hosts for name, hosts in found.items() if hosts}


def slice_of(phase: Mapping[str, Any], present: Collection[str]) -> str:
    """A sentence where this run has one slice of the phase: AWX deals the hosts, in the order of their names, to the slices."""
    every = sorted({host for name in ("hosts", *GROUPS) for host in phase.get(name, ())})
    here = [host for host in every if host in present]
    if len(here) == len(every) or not here:
        return ""
    if not any(here == every[first::count] for count in range(2, len(every) + 1) for first in range(count)):
        return ""
    return (
        f"this run has {len(here)} of the {len(every)} hosts of its phase, dealt out like the slices of a job; a wave needs all "
        "of them in one job: set the job template's job slices to 1"
    )


def pair_mates(
    phase: Mapping[str, Any], groups: Mapping[str, Sequence[str]], variables: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """For each edge the other members of its HA pair, by the phase or else by this run's inventory."""
    pairs: dict[str, list[str]] = {name: list(hosts) for name, hosts in phase.get("pairs", {}).items()}
    if not pairs:
        for edge in groups.get("edges", ()):
            if (pair := variables.get(edge, {}).get("op25b_ha_group")) is not None:
                pairs.setdefault(str(pair), []).append(edge)
    return {edge: [other for other in hosts if other != edge] for hosts in pairs.values() for edge in hosts}
