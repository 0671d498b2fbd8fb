# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep: whatever is wrong with a policy, an inventory or an input is refused in one sentence, once, and nobody is asked.

Each case is an inventory that is right but for one change. Most are read by Ansible's own inventory and templates in this
process; some go through ansible-playbook, with a listener in place of every device that hears whether anybody connects.
"""

from __future__ import annotations

import copy
import datetime
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import inventory_check
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import inventory as glue

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.date(2019, 3, 20)
INTERNAL = re.compile(r"_Ansible|AnsibleTagged|Finalization|object of type|Traceback|\\n|NoneType|<class|dict object|<<<")
DEFAULT = ("policy", "edges", "probes")


class Tagged(str):
    """A YAML scalar with a tag of Ansible, as !vault or !unsafe."""

    tag: str

    def __new__(cls, tag, text):
        made = super().__new__(cls, text)
        made.tag = tag
        return made

    def __deepcopy__(self, _memo):
        return self


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


Dumper.add_representer(Tagged, lambda dumper, data: dumper.represent_scalar(data.tag, str(data), style="'"))
VAULT = Tagged("!vault", "$ANSIBLE_VAULT;1.1;AES256\n30303030\n")


def unsafe(text):
    return Tagged("!unsafe", text)


@pytest.fixture
def right(document):
    """An inventory in which nothing is wrong."""
    cisco = {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "cisco.ios.ios"}
    junos = {"ansible_connection": "ansible.netcommon.netconf", "ansible_network_os": "ccsnet.op25b.junos"}

    def edge(interface, pool, **more):
        attachments = [{"interface": interface, "pools": [pool]}]
        second = {"host": "2001:db8:fe::1", "port": 22}
        return {"op25b_attachments": attachments, "op25b_uplinks": ["up0"], "op25b_second_path": second, **more}

    check = {"host": "192.0.2.25", "login": "probe@ccsnet.ne.jp", "password": "a secret", "recipient": "friend@mobile.example"}
    return {
        "all": {
            "vars": {"op25b_policy": document, "op25b_wave": "all", "op25b_relay_check": check},
            "children": {
                "edges": {
                    "hosts": {
                        "edge-a": edge("east0", "east_ftth"),
                        "edge-b": edge("west0", "west_cable", **cisco),
                        "edge-c": edge("west0", "west_cable", **junos),
                    },
                },
                "probes": {
                    "hosts": {
                        "probe-east": {"op25b_probe_addresses": ["198.51.100.10", "2001:db8:e000::10"]},
                        "probe-west": {"op25b_probe_addresses": ["198.51.100.130", "2001:db8:f000::10"]},
                    },
                },
                "relays": {"hosts": {"msa1": {}}},
            },
        },
    }


GONE = object()
"""A value that takes its key out."""


def place(inventory, where):
    """Where a change goes: a host, the policy, or the variables of all hosts."""
    head, _dot, rest = where.partition(".")
    if head == "policy":
        return inventory["all"]["vars"]["op25b_policy"], rest
    if head == "all":
        return inventory["all"]["vars"], rest
    for group in inventory["all"]["children"].values():
        if head in group["hosts"]:
            return group["hosts"][head], rest
    raise KeyError(where)


def change(inventory, where, value):
    """The inventory with one thing exchanged: edge-a.op25b_uplinks, policy.waves.0.date, groups.edges, extra.op25b_to."""
    made = copy.deepcopy(inventory)
    if where.startswith("groups."):
        name = where.partition(".")[2]
        made["all"]["children"][value] = made["all"]["children"].pop(name)
        return made
    at, path = place(made, where)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        at = at[part]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return made


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What the check says of an inventory, as Ansible reads it, on a controller that has everything but `lacks`."""

    def look(inventory, needs=DEFAULT, extra=None, lacks=()):
        path = tmp_path / "hosts.yml"
        path.write_text(yaml.dump(inventory, Dumper=Dumper, allow_unicode=True), encoding="utf-8")
        loader = DataLoader()
        given = tmp_path / "extra.yml"
        given.write_text(yaml.dump(extra or {}, Dumper=Dumper), encoding="utf-8")
        variables = loader.load_from_file(str(given), trusted_as_template=True) or {}
        monkeypatch.setattr(glue, "load_extra_vars", lambda _loader: variables)
        monkeypatch.setattr(glue, "_lacks", lambda kind, name: name in lacks)
        manager = InventoryManager(loader=loader, sources=[str(path)])
        known = VariableManager(loader=loader, inventory=manager)
        known._extra_vars = variables

        class Action:
            _loader, _templar = loader, Templar(loader=loader, variables={})

        task_vars = {
            "groups": manager.get_groups_dict(),
            "hostvars": HostVars(inventory=manager, variable_manager=known, loader=loader),
        }
        return inventory_check.check(glue.of_task(Action, task_vars, needs), needs, TODAY)

    return look


def refused(found, sentence):
    """One sentence, once, without a word of Ansible's insides."""
    assert len(found.mistakes) == 1, found.mistakes
    (mistake,) = found.mistakes
    assert re.search(sentence, mistake), mistake
    assert re.fullmatch(r"[^\n]+[.?]", mistake), mistake
    assert not INTERNAL.search(mistake), mistake


def test_what_is_right_is_right(right, told):
    found = told(right)
    assert (found.mistakes, found.warnings) == ([], [])
    assert found.counts == {"pools": 2, "waves": 4, "edges": 3, "probes": 2}
    assert inventory_check.summary(found.counts) == "valid: 2 pools, 4 waves, 3 edges, 2 probes"


POLICY = [
    ("policy.version", GONE, "version: this key is missing"),
    ("policy.version", 2, "version: "),
    ("policy.version", "one", "version: "),
    ("policy.pool", {}, "pool: this key is unknown. Did you mean pools"),
    ("policy.pools", {}, "pools: this is empty"),
    ("policy.pools", GONE, "pools: this key is missing"),
    ("policy.pools.east_ftth.prefixes", GONE, "pools.east_ftth.prefixes: this key is missing"),
    ("policy.pools.east_ftth.prefixes", [], "pools.east_ftth.prefixes: "),
    ("policy.pools.east_ftth.prefixes", "198.51.100.0/25", "pools.east_ftth.prefixes: "),
    ("policy.pools.west_cable.prefixes.0", "198.51.100.129/25", r"prefixes\[0\]: '198.51.100.129/25' has host bits set"),
    ("policy.pools.west_cable.prefixes.0", "198.51.100.128/33", r"prefixes\[0\]: '198.51.100.128/33' has no valid prefix length"),
    ("policy.pools.west_cable.prefixes.0", "198.51.100.300/25", r"prefixes\[0\]: '198.51.100.300/25' is not a prefix"),
    ("policy.pools.west_cable.prefixes.0", "0.0.0.0/0", r"prefixes\[0\]: '0.0.0.0/0' is the whole Internet"),
    ("policy.pools.west_cable.prefixes.0", "::ffff:192.0.2.1/128", r"prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", 42, r"prefixes\[0\]: 42 is not right here"),
    ("policy.pools.west_cable.prefixes.0", None, r"prefixes\[0\]: this is empty; write a prefix"),
    (
        "policy.pools.west_cable.prefixes.0",
        "198.51.100.128/255.255.255.128",
        r"'198.51.100.128/255.255.255.128' has a netmask in place of a prefix length; write 198.51.100.128/25.",
    ),
    (
        "policy.pools.west_cable.prefixes.0",
        "198.51.100.130/0.0.0.127",
        r"'198.51.100.130/0.0.0.127' has a netmask in place of a prefix length; write 198.51.100.128/25.",
    ),
    ("policy.pools.west_cable.prefixes.0", "198.51.100.128/255.0.255.0", r"prefixes\[0\]: .* has no valid prefix length"),
    ("policy.pools.west_cable.prefix", [], "pools.west_cable.prefix: this key is unknown"),
    ("policy.pools.west_cable.prefixes", ["198.51.100.0/25"], "is also in pool east_ftth"),
    ("policy.pools.all", {"prefixes": ["192.0.2.64/26"]}, "pools.all: 'all' means every pool"),
    ("policy.pools.west_cable", [], "pools.west_cable: "),
    ("policy.pools", ["east_ftth"], "pools: "),
    ("policy.mail_servers.mx1.role", "mxx", "mail_servers.mx1.role: 'mxx' is not right here"),
    ("policy.mail_servers.mx1.addresses", GONE, "mail_servers.mx1.addresses: this key is missing"),
    ("policy.mail_servers.mx1.addresses.0", "mx1.example.net", r"mail_servers.mx1.addresses\[0\]: "),
    ("policy.mail_servers.mx1.addresses.0", "198.51.100.26", "lies in pool east_ftth"),
    ("policy.mail_servers.msa1.port25_from_pools_until", "30.6.2019", "port25_from_pools_until: "),
    ("policy.partners", {"other": {"addresses": []}}, "partners.other.addresses: "),
    ("policy.partners", {"other": {"addresses": ["192.0.2.200"], "until": "soon"}}, "partners.other.until: "),
    ("policy.exemptions.0.prefixes.0", "192.0.2.17/32", "'192.0.2.17' is outside of every pool"),
    ("policy.exemptions.0.who", GONE, r"exemptions\[0\].who: this key is missing"),
    ("policy.exemptions.0.why", "", r"exemptions\[0\].why: "),
    ("policy.exemptions.0.until", "2019-02-30", r"exemptions\[0\].until: '2019-02-30' is no day of the calendar"),
    ("policy.exemptions.0.until", 20190330, r"exemptions\[0\].until: "),
    ("policy.exemptions", {"a": 1}, "exemptions: "),
    ("policy.destinations.any", {"prefixes": ["203.0.113.192/26"]}, "destinations.any: 'any' is every address"),
    ("policy.destinations.mobile.prefixes.0", "203.0.113.1/26", "has host bits set; write 203.0.113.0/26"),
    ("policy.waves.1.name", "observe", r"waves\[1\].name: a wave before this one is already named 'observe'"),
    ("policy.waves.0.name", "none", r"waves\[0\].name: 'none' means the state before"),
    ("policy.waves.1.date", "2019-02-01", r"waves\[1\].date: 2019-02-01 is before 2019-03-01"),
    ("policy.waves.1.date", "tomorrow", r"waves\[1\].date: 'tomorrow' is not right here"),
    ("policy.waves.1.date", GONE, r"waves\[1\].date: this key is missing"),
    ("policy.waves.1.action", "blok", r"waves\[1\].action: 'blok' is not right here"),
    ("policy.waves.1.pools", ["east"], r"waves\[1\].pools\[0\]: no pool is named 'east'. Did you mean east_ftth"),
    ("policy.waves.1.pools", "every", r"waves\[1\].pools: 'every' is not right here; write all"),
    ("policy.waves.1.pools", GONE, r"waves\[1\]: a wave names either its pools or its areas"),
    ("policy.waves.1.destinations", ["mobil"], r"destinations\[0\]: no destination class is named 'mobil'. Did you mean mobile"),
    ("policy.waves.1.areas", ["north"], r"waves\[1\]"),
    ("policy.waves", {}, "waves: "),
    ("policy.holds", {"west": {"wave": "pilot", "why": "OP-31"}}, "holds.west: no pool is named 'west'"),
    ("policy.holds", {"west_cable": {"wave": "pilt", "why": "OP-31"}}, "holds.west_cable.wave: no wave is named 'pilt'"),
    ("policy.holds", {"west_cable": {"wave": "pilot"}}, "holds.west_cable.why: this key is missing"),
    ("policy.reject", "reset", "reject: 'reset' is not right here"),
    ("policy.limit", {"per_minute": 0}, "limit.per_minute: 0 is out of range"),
    ("policy.return_rule", "perhaps", "return_rule: "),
    ("policy.observe_sources", {"purpose": "spam", "until": "2019-13-01"}, "observe_sources.until: "),
    ("policy.probe_targets.own_mx.ports", [70000], r"probe_targets.own_mx.ports\[0\]: 70000 is out of range"),
    ("policy.probe_targets.own_mx.addresses", ["mx1"], r"probe_targets.own_mx.addresses\[0\]: "),
    ("policy.operator", "CCSNET", "operator: "),
    ("all.op25b_policy", "pools: {}", "op25b_policy: "),
    ("all.op25b_policy", [], "op25b_policy"),
    ("all.op25b_policy", "", "op25b_policy on edge-a, edge-b and 3 more: it is missing; write the policy document"),
    ("all.op25b_policy", GONE, "op25b_policy on edge-a, edge-b and 3 more: it is missing"),
    ("all.op25b_policy", "{{ policy_of_ours }}", "op25b_policy: its template refers to 'policy_of_ours', which is not defined"),
    ("all.op25b_policy", VAULT, "op25b_policy: its vaulted value cannot be decrypted"),
    ("edge-b.op25b_policy", {"version": 1}, "op25b_policy on edge-b: it is another one than on edge-a"),
]
"""Of the documents, one sentence of each. What a schema refuses is told by its key: the words are tested where it is."""

NUMBERS_AND_ADDRESSES = [
    ("policy.mail_servers.mx1.addresses.0", "203.0.113.0/26", r"mail_servers.mx1.addresses\[0\]: "),
    ("policy.mail_servers.mx1.addresses.0", "2001:db8:25::/64", r"mail_servers.mx1.addresses\[0\]: "),
    ("policy.partners", {"other": {"addresses": ["203.0.113.0/26"]}}, r"partners.other.addresses\[0\]: "),
    ("policy.probe_targets.own_mx.addresses.0", "203.0.113.0/26", r"probe_targets.own_mx.addresses\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "224.0.0.0/24", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "127.0.0.0/24", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "169.254.0.0/16", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "240.0.0.0/8", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "ff00::/8", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "fe80::/10", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.pools.west_cable.prefixes.0", "::1/128", r"pools.west_cable.prefixes\[0\]: "),
    ("policy.limit", {"per_minute": "{{ 10.5 }}"}, "limit.per_minute: "),
    ("policy.limit", {"per_minute": 10, "burst": 2.5}, "limit.burst: "),
    ("policy.probe_targets.own_mx.ports", [25.5], r"probe_targets.own_mx.ports\[0\]: "),
]
"""Prefixes where an address is wanted, pools that can be none, and 10.5 for a whole number: for the policy's own check."""

INTERFACE = "is not right here; write the name of an interface"
INVENTORY = [
    ("groups.edges", "edge", "^group edge: no playbook looks for this group, and edges has no host; name it edges"),
    ("groups.edges", "Edges", "^group Edges: no playbook looks for this group"),
    ("groups.edges", "routers", "^group edges: the inventory has no host in it; put every edge into it"),
    ("groups.probes", "probe", "^group probe: no playbook looks for this group"),
    ("edge-a.op25b_attachments", GONE, "op25b_attachments on edge-a: it is missing; write the interfaces towards customers"),
    ("edge-a.op25b_attachments", [], "op25b_attachments on edge-a: it is missing"),
    ("edge-a.op25b_attachments", "east0", "op25b_attachments on edge-a: 'east0' is not right here"),
    ("edge-a.op25b_attachments", {"east0": ["east_ftth"]}, "op25b_attachments on edge-a: a mapping is not right here"),
    ("edge-a.op25b_attachments.0", "east0", r"op25b_attachments\[0\] on edge-a: 'east0' is not right here"),
    ("edge-a.op25b_attachments.0.pools", ["east_fth"], r"op25b_attachments\[0\].pools on edge-a: .* Did you mean east_ftth"),
    ("edge-a.op25b_attachments.0.pools", GONE, r"op25b_attachments\[0\].pools on edge-a: this key is missing"),
    ("edge-a.op25b_attachments.0.pools", {"a": 1}, r"op25b_attachments\[0\].pools on edge-a: a mapping is not right here"),
    ("edge-a.op25b_attachments.0.interface", GONE, r"op25b_attachments\[0\].interface on edge-a: this key is missing"),
    ("edge-a.op25b_attachments.0.interface", "east 0", rf"op25b_attachments\[0\].interface on edge-a: 'east 0' {INTERFACE}"),
    ("edge-a.op25b_attachments.0.interface", ["a", "b"], rf"op25b_attachments\[0\].interface on edge-a: a list {INTERFACE}"),
    ("edge-a.op25b_attachments.0.pool", "x", r"op25b_attachments\[0\].pool on edge-a: this key is unknown. Did you mean pools"),
    ("edge-a.op25b_attachments.0.source_check", "perhaps", r"\[0\].source_check on edge-a: 'perhaps' is not right here"),
    (
        "edge-a.op25b_attachments",
        [{"interface": "east0", "pools": ["east_ftth"]}] * 2,
        r"op25b_attachments\[1\].interface on edge-a: 'east0' is attached twice",
    ),
    ("edge-a.op25b_uplinks", GONE, "op25b_uplinks on edge-a: it is missing; write the interfaces that lead out"),
    ("edge-a.op25b_uplinks", {"up0": {}}, "op25b_uplinks on edge-a: a mapping is not right here"),
    ("edge-a.op25b_uplinks", ["east0"], "op25b_uplinks on edge-a: 'east0' and 'east0' of op25b_attachments mean the same"),
    ("edge-a.op25b_uplinks", ["east*"], "op25b_uplinks on edge-a: 'east[*]' and 'east0' of op25b_attachments mean the same"),
    ("edge-a.op25b_uplinks", [["up0", "up1"]], rf"op25b_uplinks\[0\] on edge-a: a list {INTERFACE}"),
    ("edge-a.op25b_uplinks", "{{ [uplink_of_all] }}", "op25b_uplinks on edge-a: its template refers to 'uplink_of_all'"),
    (
        "edge-a.op25b_uplinks",
        ["{{ ansible_facts.fqdn }}"],
        "op25b_uplinks on edge-a: its template refers to 'fqdn', which is not",
    ),
    ("edge-a.op25b_uplinks", "{{ groups['edge'] }}", "op25b_uplinks on edge-a: its template refers to 'edge', which is not"),
    ("edge-a.op25b_uplinks", "{{ ['up0' }}", "op25b_uplinks on edge-a: its template cannot be read"),
    ("edge-a.op25b_uplinks", "{{ ['up0'] | nofilter }}", "op25b_uplinks on edge-a: its template cannot be read"),
    ("edge-a.op25b_uplinks", "{{ 'up' + 0 }}", "op25b_uplinks on edge-a: its template fails"),
    ("edge-a.op25b_uplinks", [VAULT], "op25b_uplinks on edge-a: its vaulted value cannot be decrypted"),
    ("edge-a.op25b_acl_budget", "many", "op25b_acl_budget on edge-a: 'many' is not right here"),
    ("edge-a.op25b_acl_budget", 0, "op25b_acl_budget on edge-a: 0 is out of range"),
    ("edge-a.op25b_ha_group", ["a", "b"], "op25b_ha_group on edge-a: a list is not right here"),
    ("edge-a.op25b_unproved", {"why": "x"}, "op25b_unproved on edge-a: a mapping is not right here"),
    ("edge-a.op25b_second_path", "2001:db8:fe::1", "op25b_second_path on edge-a: '2001:db8:fe::1' is not right here"),
    ("edge-a.op25b_second_path.port", "ssh", "op25b_second_path.port on edge-a: 'ssh' is not right here"),
    ("edge-a.op25b_second_path.port", GONE, "op25b_second_path.port on edge-a: this key is missing"),
    ("edge-a.op25b_second_path.user", "x", "op25b_second_path.user on edge-a: this key is unknown"),
    ("edge-a.op25b_second_path_from", "nocc", "op25b_second_path_from on edge-a: no host of the inventory is named 'nocc'"),
    ("all.op25b_journal_host", "msa2", "op25b_journal_host on edge-a, edge-b and 3 more: .* Did you mean msa1"),
    ("all.op25b_relay_check", "msa1", "op25b_relay_check on edge-a, edge-b and edge-c: .* is not right here"),
    (
        "all.op25b_relay_check",
        {"host": "192.0.2.25", "login": "a@b", "password": "x"},
        "op25b_relay_check.recipient on edge-a, edge-b and edge-c: this key is missing",
    ),
    ("all.op25b_wave", "pilots", "op25b_wave on edge-a, edge-b and 3 more: .* named 'pilots'. Did you mean pilot"),
    ("all.op25b_wave", GONE, "op25b_wave on edge-a, edge-b and 3 more: it is missing"),
    ("all.op25b_wave", ["a", "b"], "op25b_wave on edge-a, edge-b and 3 more: a list is not right here"),
    ("edge-b.op25b_wave", "pilot", "op25b_wave: a run is about one wave, and there is 'all' on .* 'pilot' on edge-b"),
    ("all.op25b_today", "20 March", "op25b_today on edge-a, edge-b and 3 more: '20 March' is not right here"),
    ("all.op25b_journal", ["a", "b"], "op25b_journal on edge-a, edge-b and 3 more: a list is not right here"),
    ("all.edge_confirm_seconds", 3, "edge_confirm_seconds on edge-a, edge-b and edge-c: 3 is out of range"),
    ("all.edge_confirm_seconds", "{{ 10.5 }}", "edge_confirm_seconds on edge-a, edge-b and edge-c: '10.5' is not right here"),
    ("all.edge_save", "sometimes", "edge_save on edge-a, edge-b and edge-c: 'sometimes' is not right here"),
    ("all.rollout_serial", "half", r"rollout_serial\[0\] on edge-a, edge-b and 3 more: 'half' is not right here"),
    ("all.rollout_notice_days", -1, "rollout_notice_days on edge-a, edge-b and 3 more: -1 is out of range"),
    ("edge-b.ansible_network_os", "cisco.ios", "ansible_network_os on edge-b: no dialect serves 'cisco.ios'"),
    ("edge-b.ansible_network_os", ["cisco.ios.ios"], "ansible_network_os on edge-b: a list is not right here; write a name"),
    ("edge-b.ansible_network_os", GONE, "ansible_connection on edge-b: .* leads to a router, and without ansible_network_os"),
    ("edge-b.ansible_user", "{{ who }}", "ansible_user on edge-b: its template refers to 'who'"),
    ("edge-b.ansible_network_os", "{{ nos }}", "ansible_network_os on edge-b: its template refers to 'nos'"),
    ("edge-b.ansible_connection", GONE, "ansible_connection on edge-b: it is missing; write ansible.netcommon.network_cli"),
    ("edge-b.ansible_connection", "ssh", "ansible_connection on edge-b: 'ssh' does not lead to this kind of edge"),
    (
        "edge-b.ansible_connection",
        "ansible.netcommon.netconf",
        "ansible_connection on edge-b: 'ansible.netcommon.netconf' does not",
    ),
    ("edge-b.ansible_connection", "ccsnet.op25b.network_cli", "ansible_connection on edge-b: .* does not lead"),
    ("edge-c.ansible_connection", "network_cli", "ansible_connection on edge-c: .* write ansible.netcommon.netconf"),
    ("edge-a.ansible_connection", "network_cli", "ansible_connection on edge-a: 'network_cli' leads to a router"),
    (
        "probe-east.op25b_probe_addresses",
        ["198.51.100.310"],
        r"op25b_probe_addresses\[0\] on probe-east: .* is not an IP address",
    ),
    (
        "probe-east.op25b_probe_addresses",
        ["198.51.100.10/25"],
        r"op25b_probe_addresses\[0\] on probe-east: .* is not an IP address",
    ),
    ("probe-east.op25b_probe_addresses", {"v4": "198.51.100.10"}, "op25b_probe_addresses on probe-east: a mapping is not right"),
    (
        "probe-east.op25b_probe_addresses",
        ["{{ address }}"],
        "op25b_probe_addresses on probe-east: its template refers to 'address'",
    ),
    (
        "probe-east.op25b_probe_edges",
        ["edge-d"],
        "op25b_probe_edges on probe-east: no edge is named 'edge-d'. Did you mean edge-",
    ),
    ("probe-east.op25b_probe_edges", ["edge-b"], "op25b_probe_edges on probe-east: 'edge-b' does not carry east_ftth"),
]


@pytest.mark.parametrize(("where", "value", "sentence"), [*POLICY, *INVENTORY, *NUMBERS_AND_ADDRESSES])
def test_each_wrong_document_is_refused_in_one_sentence(right, told, where, value, sentence):
    refused(told(change(right, where, value)), sentence)


def test_there_are_as_many_kinds_as_were_seen():
    assert len(POLICY) + len(INVENTORY) >= 89


EXTRA = [
    ({"op25b_overide": "x"}, "^op25b_overide: no playbook reads a variable of this name. Did you mean op25b_override[?]"),
    ({"rollout_seriel": "1"}, "^rollout_seriel: .* Did you mean rollout_serial[?]"),
    ({"op25b_pol": "east_ftth"}, "^op25b_pol: .* Did you mean op25b_pool[?]"),
    ({"op25b_pool": "east"}, "^op25b_pool: no pool of the policy is named 'east'. Did you mean east_ftth"),
    ({"op25b_to": "pilots"}, "^op25b_to: no wave of the policy is named 'pilots'. Did you mean pilot"),
    ({"op25b_wave": "pilots"}, "^op25b_wave: no wave of the policy is named 'pilots'"),
    ({"op25b_wave": unsafe("4711")}, "^op25b_wave: no wave of the policy is named '4711'"),
    ({"op25b_today": unsafe("yes")}, "^op25b_today: 'yes' is not right here"),
    ({"op25b_override": [unsafe("a"), unsafe("b")]}, "^op25b_override: a list is not right here"),
    ({"edge_confirm_seconds": unsafe("2019-03-04")}, "^edge_confirm_seconds: '2019-03-04' is not right here"),
    ({"rollout_serial": unsafe("1,25 edges")}, r"^rollout_serial\[1\]: '25 edges' is not right here"),
    ({"op25b_customers": "/nonexistent.csv"}, "^op25b_customers: '/nonexistent.csv' cannot be read [(]No such file"),
    ({"op25b_journal": "{{ nowhere }}/journal"}, "^op25b_journal: its template refers to 'nowhere'"),
    ({"op25b_policy": "the policy"}, "^op25b_policy: 'the policy' is not right here"),
]


@pytest.mark.parametrize(("extra", "sentence"), EXTRA)
def test_each_wrong_extra_variable_is_refused_in_one_sentence(right, told, extra, sentence):
    refused(told(right, extra=extra), sentence)


@pytest.mark.parametrize("extra", [each for each, _sentence in EXTRA[:3]])
def test_a_misspelt_extra_variable_is_refused_where_nothing_else_is_looked_at(right, told, extra):
    refused(told(right, needs=(), extra=extra), "Did you mean")


BLANKS = [unsafe(""), unsafe("  "), None]
SURVEY = ["op25b_override", "op25b_pool", "op25b_to", "op25b_today", "op25b_unproved", "op25b_journal", "op25b_journal_host",
          "op25b_sources", "op25b_customers", "op25b_contacts", "op25b_report", "edge_confirm_seconds", "edge_save",
          "rollout_serial", "rollout_notice_days", "rollout_counters_exact"]  # fmt: skip


@pytest.mark.parametrize("blank", BLANKS)
def test_a_survey_with_blank_answers_is_right(right, told, blank):
    assert told(right, extra=dict.fromkeys(SURVEY, blank)).mistakes == []


def test_a_blank_wave_of_a_survey_is_the_phase_s(right, told):
    phase = change(right, "all.op25b_phase", {"wave": "pilot"})
    assert told(phase, extra={"op25b_wave": unsafe("")}).mistakes == []
    refused(told(right, extra={"op25b_wave": unsafe("")}), "op25b_wave on edge-a, edge-b and 3 more: it is missing")


def test_answers_of_a_survey_are_read_as_they_are_meant(right, told):
    extra = {
        "op25b_override": unsafe("4711"),
        "op25b_today": unsafe("2019-03-04"),
        "edge_save": unsafe("yes"),
        "rollout_serial": unsafe("1,25%"),
        "rollout_notice_days": unsafe("7"),
        "op25b_wave": unsafe("pilot"),
        "op25b_journal": unsafe("4711"),
    }
    assert told(right, extra=extra).mistakes == []


LACKING = [
    ("ansible.netcommon", "ansible_connection on edge-b and edge-c: the collection ansible.netcommon is not on this controller"),
    ("cisco.ios", "ansible_connection on edge-b: the collection cisco.ios is not on this controller; `ansible-galaxy"),
    ("ncclient", "ansible_connection on edge-c: the Python library ncclient is not on this controller; `pip install ncclient`"),
    ("ssh", "ansible_connection on edge-a, probe-east and probe-west: no connection plugin of this controller is named 'ssh'"),
]


@pytest.mark.parametrize(("name", "sentence"), LACKING)
def test_what_the_controller_lacks_is_told_once(right, told, name, sentence):
    refused(told(right, lacks={name}), sentence)


def test_one_of_two_libraries_is_enough_unless_one_is_chosen(right, told):
    assert told(right, lacks={"pylibsshext"}).mistakes == []
    refused(
        told(right, lacks={"pylibsshext", "paramiko"}), "edge-b: the Python library ansible-pylibssh is not on this controller"
    )
    chosen = change(right, "edge-b.ansible_network_cli_ssh_type", "paramiko")
    refused(told(chosen, lacks={"paramiko"}), "edge-b: the Python library paramiko is not on this controller")


@pytest.mark.parametrize("library", ["netaddr", "jsonschema"])
def test_a_library_of_the_core_that_is_missing_is_told_once(right, told, monkeypatch, library):
    core = "ansible_collections.ccsnet.op25b.plugins.plugin_utils"
    monkeypatch.setattr(sys.modules[f"{core}.prefixes" if library == "netaddr" else f"{core}.policy"], library, None)
    sys.modules[f"{core}.policy"]._validator.cache_clear()
    found = told(right)
    assert all(f"the Python library {library} is not on this controller" in each for each in found.mistakes), found.mistakes
    assert len({each.partition(": ")[2] for each in found.mistakes}) <= 2


def test_all_mistakes_are_told_at_once_and_each_once(right, told):
    wrong = change(right, "edge-a.op25b_uplinks", {"a": 1})
    wrong = change(wrong, "policy.reject", "reset")
    wrong = change(wrong, "policy.limit", {"per_minute": 0})
    wrong = change(wrong, "edge-b.op25b_attachments.0.pools", ["west", "east"])
    wrong = change(wrong, "all.edge_save", "perhaps")
    wrong = change(wrong, "probe-west.op25b_probe_addresses", ["x"])
    mistakes = told(wrong, extra={"op25b_pol": "x"}).mistakes
    assert [each.partition(": ")[0] for each in mistakes] == [
        "op25b_pol",
        "op25b_policy.limit.per_minute",
        "op25b_policy.reject",
        "op25b_uplinks on edge-a",
        "edge_save on edge-a, edge-b and edge-c",
        "op25b_probe_addresses[0] on probe-west",
        "op25b_attachments[0].pools on edge-b",
        "op25b_attachments[0].pools on edge-b",
    ]


def test_three_hundred_mistakes_are_three_hundred_lines_however_many_edges_there_are(right, told):
    pools = {f"p{number}": {"prefixes": ["nonsense"]} for number in range(300)}
    found = told(change(right, "policy.pools", {**right["all"]["vars"]["op25b_policy"]["pools"], **pools}))
    assert len(found.mistakes) == 300


WARNED = [
    ("edge-a.op25b_ha_group", "east", "op25b_ha_group on edge-a: no other edge has 'east', so that this one changes alone."),
    ("policy.pools.coast", {"prefixes": ["192.0.2.64/26"]}, "op25b_policy.pools: no edge has coast in its op25b_attachments"),
    ("probe-east.op25b_probe_addresses", ["198.51.100.10"], "pool east_ftth on edge-a: no probe host proves IPv6 there"),
    ("probe-east.op25b_probe_addresses", ["198.51.100.17"], "pool east_ftth on edge-a: no probe host proves IPv4 and IPv6 there"),
    ("probe-west.op25b_probe_edges", ["edge-b"], "pool west_cable on edge-c: no probe host proves IPv4 and IPv6 there"),
    (
        "all.op25b_relay_check",
        {"password": "{{ vault_password }}"},
        "op25b_relay_check on .* its template refers to 'vault_password'",
    ),
    ("all.op25b_relay_check", VAULT, "op25b_relay_check on edge-a, edge-b and edge-c: its vaulted value cannot be decrypted"),
]


@pytest.mark.parametrize(("where", "value", "sentence"), WARNED)
def test_what_should_be_known_is_a_warning(right, told, where, value, sentence):
    found = told(change(right, where, value))
    assert found.mistakes == []
    assert len(found.warnings) == 1, found.warnings
    assert re.match(sentence, found.warnings[0]), found.warnings
    assert not INTERNAL.search(found.warnings[0])


def test_members_of_a_pair_with_different_pools_are_a_warning_with_the_pool_that_one_lacks(right, told):
    pair = change(change(right, "edge-a.op25b_ha_group", "one"), "edge-b.op25b_ha_group", "one")
    lacks = "of the edges of 'one', this one does not carry {}; what fails over to it is not filtered."
    assert sorted(told(pair).warnings) == [
        f"op25b_ha_group on edge-a: {lacks.format('west_cable')}",
        f"op25b_ha_group on edge-b: {lacks.format('east_ftth')}",
    ]


def test_a_written_reason_is_enough_where_no_probe_can_be(right, told):
    unproved = change(right, "probe-west.op25b_probe_edges", ["edge-b"])
    assert told(change(unproved, "edge-c.op25b_unproved", "no line there")).warnings == []


def test_a_phase_says_nothing_of_what_it_leaves_out(right, told):
    phase = change(right, "all.op25b_phase", {"wave": "pilot"})
    phase = change(change(phase, "all.op25b_wave", "pilot"), "probe-west.op25b_probe_edges", ["edge-z"])
    for name in ("edge-b", "edge-c"):
        del phase["all"]["children"]["edges"]["hosts"][name]
    found = told(phase)
    assert (found.mistakes, found.warnings) == ([], [])


def test_a_playbook_is_stopped_by_nothing_that_it_does_not_need(right, told):
    wrong = change(change(right, "policy.reject", "reset"), "edge-a.op25b_uplinks", {})
    assert len(told(wrong).mistakes) == 2
    assert told(wrong, needs=()).mistakes == []
    assert told(wrong, needs=["relays"]).mistakes == []
    relays = {"all": {"children": {"relays": {"hosts": {"msa1": {}}}}}}
    assert told(relays, needs=["relays"]).counts == {"relays": 1}
    assert told(relays, needs=["relays"]).mistakes == []
    refused(told(right, needs=["relays", "login"]), "login: it is missing; write NAME@DOMAIN.")
    assert told(right, needs=["relays", "login"], extra={"login": "a@b"}).mistakes == []
    refused(told(relays, needs=["edges"]), "^group edges: ")
    refused(told(change(right, "groups.relays", "relay"), needs=["relays"]), "^group relay: ")


def test_an_input_that_is_needed_must_be_there_and_readable(right, told):
    needs = [*DEFAULT, "op25b_second_path", "op25b_relay_check"]
    assert told(right, needs=needs).mistakes == []
    missing = change(right, "all.op25b_relay_check", GONE)
    refused(told(missing, needs=needs), "op25b_relay_check on edge-a, edge-b and edge-c: it is missing")
    refused(told(change(right, "all.op25b_relay_check", VAULT), needs=needs), "cannot be decrypted")
    one = change(right, "edge-b.op25b_second_path", GONE)
    refused(told(one, needs=needs), "op25b_second_path on edge-b: it is missing")


def test_no_sentence_holds_a_secret(right, told):
    check = {"host": "192.0.2.25", "login": "a@b", "password": ["sesame"], "recipient": "c@d"}
    found = told(change(right, "all.op25b_relay_check", check))
    assert len(found.mistakes) == 1
    assert "sesame" not in str(found)
    found = told(change(right, "all.op25b_relay_check", {**check, "password": "{{ 'sesame' + 1 }}"}))
    assert "sesame" not in str(found)
    assert len(found.warnings) == 1


# Through ansible-playbook, with a listener where every device would be.

WIRED = ("site", "plan", "status", "observe", "impact", "rollout")
"""The other playbooks that begin with the check, and need edges: one broken inventory each."""
BROKEN = [
    ("edge-a.op25b_uplinks", {"a": 1}, (), "op25b_uplinks on edge-a: a mapping is not right here"),
    ("policy.reject", "reset", (), "op25b_policy.reject: 'reset' is not right here"),
    ("edge-b.ansible_network_os", "cisco.ios", (), "ansible_network_os on edge-b: no dialect serves 'cisco.ios'"),
    ("edge-a.ansible_host", "127.0.0.1", ("-e", "op25b_overide=x", "--limit", "edge-b"), "op25b_overide: no playbook reads"),
    ("groups.edges", "edge", (), "group edge: no playbook looks for this group"),
]


@pytest.fixture
def play(tmp_path, right):
    """Run a playbook on an inventory whose devices are one listener; the answer, and whether anybody connected."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    def run(name, inventory, *more):
        inventory = copy.deepcopy(inventory)
        inventory["all"]["vars"].update(ansible_host="127.0.0.1", ansible_port=listener.getsockname()[1], ansible_user="nobody")
        (tmp_path / "hosts.yml").write_text(yaml.dump(inventory, Dumper=Dumper), encoding="utf-8")
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", f"ccsnet.op25b.{name}", *more],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
                "ANSIBLE_CONFIG": "",
                "HOME": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        try:
            listener.accept()[0].close()
            heard = True
        except BlockingIOError:
            heard = False
        return done, heard

    yield run
    listener.close()


@pytest.mark.parametrize(
    ("name", "where", "value", "more", "sentence"),
    [*(("validate", *each) for each in BROKEN), *((name, *BROKEN[0]) for name in WIRED)],
)
def test_a_playbook_says_it_once_and_asks_nobody(right, play, name, where, value, more, sentence):
    done, heard = play(name, change(right, where, value), "-e", "op25b_today=2019-03-20", *more)
    text = done.stdout + done.stderr
    assert done.returncode == 2, text
    assert text.count(sentence) == 1, text
    assert text.count("1 mistake:") == 1
    assert not INTERNAL.search(text), text
    assert not heard


def test_text_that_is_not_utf8_is_told_with_its_file_and_line(right, play, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "edges.yml").write_bytes("op25b_acl_budget: 500\n# für später\n".encode("latin-1"))
    done, heard = play("validate", right)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert text.count("group_vars/edges.yml' is not UTF-8 in line 2; convert it") == 1, text
    assert not INTERNAL.search(text), text
    assert not heard


def test_what_is_right_ends_with_one_line_and_asks_nobody(right, play):
    done, heard = play("validate", right, "--limit", "edge-b", "-e", "op25b_today=2019-03-20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("valid: 2 pools, 4 waves, 3 edges, 2 probes\n") == 1
    assert not INTERNAL.search(done.stdout + done.stderr)
    assert not heard


def test_a_check_that_was_made_in_this_run_is_not_made_again(right, play, tmp_path):
    again = [
        {"name": "First", "import_playbook": "ccsnet.op25b.validate"},
        {"name": "Again", "import_playbook": "ccsnet.op25b.validate", "vars": {"op25b_needs": ["policy"]}},
        {"name": "More", "import_playbook": "ccsnet.op25b.validate", "vars": {"op25b_needs": ["policy", "relays"]}},
    ]
    (tmp_path / "again.yml").write_text(yaml.safe_dump(again), encoding="utf-8")
    (tmp_path / "collections").symlink_to(ROOT / "collections")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", "again.yml", "-e", "op25b_today=2019-03-20"],
        cwd=(play("validate", right), tmp_path)[1],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_CONFIG": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("valid: ")] == [
        "valid: 2 pools, 4 waves, 3 edges, 2 probes",
        "valid: 2 pools, 4 waves, 1 relay",
    ]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("ansible_host", "{{ nowhere }}", "ansible_host on edge-a: its template refers to 'nowhere'"),
        (
            "ansible_connection",
            "no.such.connection",
            "ansible_connection on edge-a: no connection plugin of this controller is named",
        ),
    ],
)
def test_a_first_host_that_nobody_can_reach_does_not_stop_the_check(right, play, key, value, sentence):
    done, heard = play("validate", change(right, f"edge-a.{key}", value), "-e", "op25b_today=2019-03-20")
    assert done.stdout.count(f"- {sentence}") == 1, done.stdout
    assert not INTERNAL.search(done.stdout)
    assert not heard
