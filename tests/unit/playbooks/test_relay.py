# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook of the relays says before it opens a connection, from a folder that has an inventory and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
POLICY = {"op25b_policy": {"version": 1, "pools": {}, "waves": []}}
MISSING = "msa1 is not configured as a submission relay: it has neither submission_relay_users nor submission_relay_directory"


@pytest.fixture
def play(tmp_path):
    def run(groups, *arguments):
        inventory = {"all": {"vars": POLICY, "children": {name: {"hosts": hosts} for name, hosts in groups.items()}}}
        (tmp_path / "hosts.yml").write_text(json.dumps(inventory), encoding="utf-8")
        own = {
            "HOME": str(tmp_path),
            "COLUMNS": "200",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "FORCE_COLOR"))}
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "ccsnet.op25b.relay", *arguments],
            cwd=tmp_path,
            env={**kept, **own},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        printed = done.stdout + done.stderr
        assert "Could not match" not in printed
        assert "undefined" not in printed
        return done.returncode, printed

    return run


def test_a_relay_that_is_not_configured_stops_it_in_one_sentence(play):
    code, printed = play({"edges": {"e1": {}}, "relays": {"msa1": {}}})
    assert code == 2
    assert f"{MISSING}; nothing was changed. Write them as in docs/relay.md, or take the host out of its group" in printed
    assert "Relay after relay" not in printed


def test_site_leaves_it_alone_and_says_so(play):
    groups = {"relays": {"msa1": {}}, "relay_balancers": {"lb1": {}}}
    code, printed = play(groups, "-e", "relay_configured_only=true")
    assert code == 0
    assert f"{MISSING}; it is left alone." in printed
    assert "lb1 is not configured as a balancer of the relays: it has no relay_balancer_relays; it is left alone" in printed
    assert "changed=0" in printed


def test_an_inventory_without_relays_is_none_to_be_warned_of(play):
    code, printed = play({"edges": {"e1": {}}})
    assert (code, printed.count("skipping: no hosts matched")) == (0, 4)
    assert "WARNING" not in printed


def test_a_relay_without_a_name_asks_the_host_for_it(play):
    """Its own variables have no hostname, and no fact is known yet: it dies on neither."""
    relay = {"submission_relay_users": [], "ansible_connection": "local", "ansible_python_interpreter": "/no/such"}
    code, printed = play({"relays": {"msa1": relay}})
    assert code != 0
    assert "no attribute 'fqdn'" not in printed
    assert "TASK [ccsnet.op25b.submission_relay : Know the host]" in printed
