# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup, with extra variables as AWX hands them on, in one run of ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
AWX = r"""
!unsafe 'op25b_override': !unsafe '0123'
!unsafe 'op25b_pool': !unsafe ''
!unsafe 'op25b_to': !unsafe ''
!unsafe 'op25b_wave': !unsafe ''
!unsafe 'op25b_today': !unsafe '2019-03-04'
!unsafe 'op25b_unproved': !unsafe '1:30'
!unsafe 'op25b_journal': !unsafe '4711'
!unsafe 'op25b_ha_group': !unsafe '{{ lookup("pipe", "echo no") }}'
!unsafe 'rollout_serial': !unsafe '1, 25%'
!unsafe 'rollout_notice_days': !unsafe '7'
!unsafe 'edge_save': !unsafe 'yes'
!unsafe 'edge_sources': [!unsafe 'no']
!unsafe 'op25b_uplinks': !unsafe "eth0\neth1\n"
!unsafe 'op25b_probe_edges': [!unsafe 'edge-1', !unsafe 'edge-2']
"""
RIGHT = {
    "op25b_override": "0123",
    "op25b_pool": None,
    "op25b_to": "none",
    "op25b_wave": "pilot",
    "op25b_today": "2019-03-04",
    "op25b_unproved": "1:30",
    "op25b_journal": "4711",
    "op25b_ha_group": '{{ lookup("pipe", "echo no") }}',
    "rollout_serial": [1, "25%"],
    "rollout_notice_days": 7,
    "edge_save": True,
    "edge_sources": False,
    "op25b_uplinks": ["eth0", "eth1"],
    "op25b_probe_edges": ["edge-1", "edge-2"],
    "edge_confirm_seconds": 300,
    "op25b_second_path": {"host": "192.0.2.1", "port": 22},
    "op25b_report": "~/.local/state/ccsnet.op25b/report.html",
    "op25b_journal_host": None,
    "op25b_acl_budget": None,
}
NOT_GIVEN = "{{ lookup('ccsnet.op25b.input', 'op25b_pool') | default(omit, true) }}"
HOSTS = r"""
all:
  vars:
    op25b_phase: {wave: pilot}
  hosts:
    edge-1:
      op25b_second_path: {host: "{{ base }}.1", port: "{{ '22' }}"}
      op25b_acl_budget: "{{ omit }}"
      base: 192.0.2
    edge-2:
      op25b_second_path: {host: "{{ ansible_facts.fqdn }}", port: 22}
      op25b_acl_budget: "{{ 1 + }}"
      op25b_customers: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        30303030
"""


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """What the lookup gives each host for each input, as JSON; what it refuses, as its message."""
    place = tmp_path_factory.mktemp("lookup")
    (place / "hosts.yml").write_text(HOSTS)
    (place / "awx.yml").write_text(AWX)
    tasks = [
        {
            "name": "Look it up",
            "ansible.builtin.set_fact": {"found": "{{ {'value': lookup('ccsnet.op25b.input', item)} }}"},
            "loop": [*RIGHT, "op25b_customers", "op25b_uplink"],
            "register": "all",
            "ignore_errors": True,
        },
        {
            "name": "Keep it",
            "ansible.builtin.copy": {"content": "{{ all.results }}", "dest": f"{place}/{{{{ inventory_hostname }}}}.json"},
        },
        {
            "name": "Leave out what has no value",
            "ansible.builtin.assert": {"that": "true", "quiet": NOT_GIVEN},
        },
        {
            "name": "Where a play says whom and how many",
            "ansible.builtin.copy": {"content": "{{ ansible_play_batch }}", "dest": f"{place}/batch.json"},
        },
    ]
    play = {
        "hosts": "{{ 'all' if lookup('ccsnet.op25b.input', 'rollout_serial') == [1, '25%'] else 'none' }}",
        "serial": "{{ lookup('ccsnet.op25b.input', 'rollout_serial') }}",
        "gather_facts": False,
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "tasks": tasks,
    }
    (place / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), *("-i", "hosts.yml", "-e", "@awx.yml", "play.yml")],
        cwd=place,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((place / "batch.json").read_text()) == ["edge-2"]
    read = {}
    for host in ("edge-1", "edge-2"):
        for each in json.loads((place / f"{host}.json").read_text()):
            read[host, each["item"]] = each["msg"] if each.get("failed") else each["ansible_facts"]["found"]["value"]
    return read


@pytest.mark.parametrize("name", RIGHT)
def test_a_survey_s_answers_are_what_the_playbooks_need(values, name):
    assert values["edge-1", name] == RIGHT[name]
    assert repr(values["edge-1", name]) == repr(RIGHT[name])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("op25b_second_path", "its template refers to 'fqdn', which is not defined here; define it, or write the value itself."),
        ("op25b_acl_budget", "its template cannot be read (unexpected 'end of print statement'); mend it."),
        ("op25b_customers", "its vaulted value cannot be decrypted; give the right password, as with --ask-vault-pass."),
        ("op25b_uplink", "no input has this name. Did you mean op25b_uplinks?"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(values, name, sentence):
    assert values["edge-2", name].endswith(f"{name}: {sentence}")
