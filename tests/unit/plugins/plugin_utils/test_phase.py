# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import gates, phase

EDGES, PROBES = ["e1", "p1", "p2", "x1"], ["north", "south"]
OF = {"wave": "pilot", "edges": EDGES, "probes": PROBES, "relays": ["msa1"], "pairs": {"p": ["p1", "p2"]}}
EVERY = sorted([*EDGES, *PROBES, "msa1"])


def groups(*gone):
    left = {name: [host for host in OF[name] if host not in gone] for name in phase.GROUPS}
    return {**left, "all": [host for each in left.values() for host in each]}


@pytest.mark.parametrize(("count", "first"), [(n, at) for n in (2, 3, 4) for at in range(n)])
def test_a_slice_of_a_job_is_refused_in_one_sentence(count, first):
    gone = set(EVERY) - set(itertools.islice(EVERY, first, None, count))
    (said,) = gates.phase(OF, groups(*gone))
    assert said.startswith(
        f"this run has {len(EVERY) - len(gone)} of the 7 hosts of its phase, dealt out like the slices of a job;"
    )


def test_a_disabled_host_is_missed_only_where_its_pair_is_torn_apart():
    assert gates.phase(OF, groups()) == []
    assert gates.phase({}, groups()) == []
    assert gates.phase(OF, groups("x1")) == []
    assert gates.phase(OF, groups("p2")) == [
        "p2 is not in the inventory of this run (disabled?), and p1 changes together with it; enable it"
    ]
    # Without both of them nothing is torn apart, and the wave is not complete.
    assert gates.phase(OF, groups("p1", "p2")) == []


def test_a_wave_is_complete_when_every_edge_of_the_phase_was_in_the_run_and_every_probe_host_saw_it():
    seen = {"op25b_matrix": [{"ok": True}]}
    variables = {**{edge: {"rollout_verdict": {}} for edge in EDGES}, **dict.fromkeys(PROBES, seen)}

    def found(*gone, **more):
        return gates.completeness(OF, groups(*gone), {**variables, **more}, "pilot")

    assert found() == {"complete": True, "problems": [], "missing": []}
    # A disabled edge is in no group of the run, and in none of its variables.
    assert found("x1", x1={}) == {"complete": False, "problems": [], "missing": ["x1"]}
    assert not found(south={})["complete"]
    wrong = found(south={"op25b_matrix": [{"ok": False}]})
    assert wrong["problems"] == ["1 of 2 probes are not what the policy says at wave 'pilot'; the matrix above names them"]
