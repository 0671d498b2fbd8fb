# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory of the edges that one wave touches."""

from __future__ import annotations

DOCUMENTATION = r"""
name: waves
short_description: The edges that one wave of the rollout touches
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Reads a host file, and the policy in C(op25b_policy) from its group variables, and leaves of the group C(edges) just those
    on which the wave changes anything. All other hosts, as relays and probe hosts, stay.
  - C(op25b_wave) is set for every host, so that the playbooks of this collection need nothing else.
  - C(op25b_phase) has C(wave), C(edges), C(pairs) (the edges of each C(op25b_ha_group)), C(probes), C(relays), and C(hosts), all
    of them. The gates of a rollout judge by these lists, whichever hosts a run has in its inventory.
  - The edges are grouped as the plan on paper has them. C(wave_NAME) has C(area_NAME) for each area, and in it C(pair_NAME)
    for edges with the same C(op25b_ha_group), which move together. C(vendor_NAME) has them by their kind.
  - An edge without a changing pool is there all the same when its C(op25b_ha_group) has one that is touched.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [ccsnet.op25b.waves]
  hosts:
    description:
      - The inventory that has all edges, all relays and all probe hosts. A relative path begins where this file is.
      - It should be in the same directory, so that both find the same C(group_vars).
    type: str
    required: true
  wave:
    description: The wave, by its name in the policy.
    type: str
    required: true
"""

EXAMPLES = r"""
# inventories/staged_2019/1_pilot.op25b.yml: a phase. The names of these files end with .op25b.yml.
plugin: ccsnet.op25b.waves
hosts: edges.yml
wave: pilot
"""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import Templar
from ansible.vars.manager import VariableManager
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import phase, policy, rollout
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

EDGES = "edges"


def _known(templar: Templar, *names: str) -> dict[str, Any]:
    """Those of these variables of a host that it has."""
    known = templar.available_variables
    return {name: templar.template(known[name]) for name in names if name in known}


class InventoryModule(BaseInventoryPlugin):
    """Translate between Ansible's inventory and the core."""

    NAME = "ccsnet.op25b.waves"

    def verify_file(self, path: str) -> bool:
        """Whether this file is one of ours, by its name."""
        return bool(super().verify_file(path)) and path.endswith((".op25b.yml", ".op25b.yaml"))

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Add what of the host file belongs to the wave."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        hosts, wave = Path(path).parent / Path(self.get_option("hosts")).expanduser(), self.get_option("wave")
        if not hosts.exists():
            raise AnsibleParserError(f"hosts: there is no {hosts}; write the path of the inventory that has all edges.")
        whole = InventoryManager(loader=loader, sources=[str(hosts)])
        try:
            checked, edges = self._edges(whole, loader)
            touched = rollout.touched(checked, wave, edges)
        except Op25bError as err:
            raise AnsibleParserError(str(err)) from err
        self._group(touched, wave)
        self._copy(whole, {edge.name for edge in edges} - {edge.name for edge in touched})
        inventory.set_variable("all", "op25b_wave", wave)
        inventory.set_variable("all", "op25b_phase", self._phase(wave, touched))
        # group_vars may say how far the rollout is, and are stronger than that: a phase is about its own wave.
        for name in inventory.hosts:
            inventory.set_variable(name, "op25b_wave", wave)

    @staticmethod
    def _edges(whole: InventoryManager, loader: DataLoader) -> tuple[policy.Policy, list[rollout.Edge]]:
        """The policy, and every edge of the host file."""
        variables = VariableManager(loader=loader, inventory=whole)
        group = whole.groups.get(EDGES)
        found: dict[str, Templar] = {}
        for host in group.get_hosts() if group else []:
            known = variables.get_vars(host=host, include_hostvars=False)
            found[host.name] = Templar(loader=loader, variables=known)
        if not found:
            raise Op25bError(f"hosts: the group {EDGES} has no host; put every edge in it.")
        document = _known(next(iter(found.values())), "op25b_policy")
        if not document:
            raise Op25bError("op25b_policy: the edges have no such variable; put it into group_vars/all beside the host file.")
        checked = policy.load(document["op25b_policy"], datetime.date.today())
        names = ("op25b_attachments", "op25b_ha_group", "ansible_network_os")
        return checked, [rollout.edge_from(name, _known(templar, *names), checked) for name, templar in found.items()]

    def _phase(self, wave: str, touched: Sequence[rollout.Edge]) -> dict[str, Any]:
        """Every host of the phase: only by this list is it seen what a run lacks, by a disabled host or a slice of a job."""
        pairs: dict[str, list[str]] = {}
        for edge in touched:
            if edge.pair:
                pairs.setdefault(edge.pair, []).append(edge.name)
        found = self.inventory.groups
        hosts = {name: sorted({host.name for host in found[name].get_hosts()}) if name in found else [] for name in phase.GROUPS}
        edges = [edge.name for edge in touched]
        return {"wave": wave, "pairs": pairs, "hosts": sorted(self.inventory.hosts), **hosts, "edges": edges}

    def _group(self, touched: Sequence[rollout.Edge], wave: str) -> None:
        """Have the edges of the wave by area and pair, and beside it by their dialect."""

        def group(name: str, above: str | None = None) -> str:
            made = self.inventory.add_group(self._sanitize_group_name(name))
            if above:
                self.inventory.add_child(above, made)
            return str(made)

        top = group(f"wave_{wave}")
        for edge in touched:
            self.inventory.add_host(edge.name, group=group(f"vendor_{edge.dialect}"))
            for area in edge.areas:
                place = group(f"area_{area}", top)
                self.inventory.add_host(edge.name, group=group(f"pair_{edge.pair}", place) if edge.pair else place)

    def _copy(self, whole: InventoryManager, left_out: set[str]) -> None:
        for host in whole.hosts.values():
            if host.name not in left_out:
                self.inventory.add_host(host.name)
                for key, value in host.vars.items():
                    self.inventory.set_variable(host.name, key, value)
        for group in whole.groups.values():
            self.inventory.add_group(group.name)
            for key, value in group.vars.items():
                self.inventory.set_variable(group.name, key, value)
        for group in whole.groups.values():
            for child in group.child_groups:
                if child.name != "ungrouped":
                    self.inventory.add_child(group.name, child.name)
            for host in group.hosts:
                if host.name not in left_out:
                    self.inventory.add_child(group.name, host.name)
