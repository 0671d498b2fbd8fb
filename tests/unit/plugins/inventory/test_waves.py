# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventory of 2019, as Ansible reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
STAGED = ROOT / "inventories" / "staged_2019"
PHASES = ["0_observe", "1_pilot", "2_mobile", "3_area_east", "4_area_west", "5_all"]
EAST, WEST, CENTRAL = ["east-l1", "east-l2", "east-c1"], ["west-x1", "west-x2", "west-j1"], ["central-c1"]


def inventory(path, *options):
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "-i", path, *(options or ("--list",))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else done.stderr


def test_the_phases_are_the_waves_of_the_policy_and_three_lines_each():
    assert sorted(path.name.partition(".")[0] for path in STAGED.glob("*.op25b.yml")) == PHASES
    assert {len(path.read_text().splitlines()) for path in STAGED.glob("*.op25b.yml")} == {3}


@pytest.mark.parametrize(
    ("phase", "edges"),
    [*zip(PHASES, [[*EAST, *CENTRAL, *WEST], EAST[:2], [EAST[2], *CENTRAL, *WEST], EAST, WEST, CENTRAL], strict=True)],
)
def test_a_phase_has_the_edges_that_its_wave_touches_and_all_others(phase, edges):
    found = json.loads(inventory(STAGED / f"{phase}.op25b.yml"))
    variables = found["_meta"]["hostvars"]
    assert {name for name in variables if name.startswith(("east", "west", "central"))} == set(edges)
    assert {"msa1", "probe-east-ftth", "probe-west-cable"} < set(variables)
    assert {values["op25b_wave"] for values in variables.values()} == {phase.partition("_")[2]}
    for name in edges:
        # What the host file's own groups say of an edge is said here.
        assert ("ansible_network_os" in variables[name]) == ("-l" not in name)


def test_the_graph_reads_like_the_plan():
    graph = inventory(STAGED / "0_observe.op25b.yml", "--graph", "wave_observe")
    assert (
        graph
        == """@wave_observe:
  |--@area_east:
  |  |--@pair_east_1:
  |  |  |--east-l1
  |  |  |--east-l2
  |  |--east-c1
  |--@area_central:
  |  |--central-c1
  |--@area_west:
  |  |--@pair_west_1:
  |  |  |--west-x1
  |  |  |--west-x2
  |  |--west-j1
"""
    )


def test_how_far_the_rollout_is_does_not_change_what_a_phase_is_about(tmp_path):
    shutil.copytree(STAGED, tmp_path / "staged")
    for group in ("all", "edges", "routers"):
        place = tmp_path / "staged" / "group_vars" / group / "wave.yml"
        place.parent.mkdir(exist_ok=True)
        place.write_text("op25b_wave: all\n")
    found = json.loads(inventory(tmp_path / "staged" / "2_mobile.op25b.yml"))["_meta"]["hostvars"]
    assert {values["op25b_wave"] for values in found.values()} == {"mobile"}


def test_a_pair_across_areas_moves_together_and_stands_in_both(tmp_path):
    shutil.copytree(STAGED, tmp_path / "staged")
    edges = tmp_path / "staged" / "edges.yml"
    edges.write_text(edges.read_text().replace("op25b_ha_group: west_1", "op25b_ha_group: east_1"))
    phase = tmp_path / "staged" / "1_pilot.op25b.yml"
    pair = "".join(f"  |  |  |--{name}\n" for name in ("east-l1", "east-l2", "west-x1", "west-x2"))
    assert inventory(phase, "--graph", "wave_pilot") == "@wave_pilot:\n" + "".join(
        f"  |--@area_{area}:\n  |  |--@pair_east_1:\n{pair}" for area in ("east", "west")
    )
    for kind, names in {"nftables": EAST[:2], "iosxr": WEST[:2]}.items():
        listed = "".join(f"  |--{name}\n" for name in names)
        assert inventory(phase, "--graph", f"vendor_{kind}") == f"@vendor_{kind}:\n{listed}"


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("1_pilot.op25b.yml", "wave: pilot", "wave: pillot", "no wave of the policy is named 'pillot'."),
        ("1_pilot.op25b.yml", "edges.yml", "edge.yml", "hosts: there is no "),
        ("edges.yml", "    edges:", "    routers_all:", "hosts: the group edges has no host; put every edge in it."),
        (
            "edges.yml",
            "pools: [east_cable]",
            "pools: [east]",
            "east-c1: attachments[0].pools: no pool of the policy is named 'east'",
        ),
        ("group_vars/all/op25b.yml", "op25b_policy", "policy", "op25b_policy: the edges have no such variable"),
        ("group_vars/all/op25b.yml", "areas: [west]", "areas: [vest]", "no pool has the area 'vest'"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_inventory(tmp_path, file, old, new, words):
    shutil.copytree(STAGED, tmp_path / "staged")
    path = tmp_path / "staged" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    said = inventory(tmp_path / "staged" / "1_pilot.op25b.yml")
    assert words in " ".join(said.split())
    assert "_meta" not in said
