# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where a controller or an edge lacks something: what the tools print is as it was printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import action_base, dialects

ROOT = Path(__file__).resolve().parents[4]
NO_SUDO = "ansible_become_method: sudo is not on this edge; "
PASSWORD = "ansible_become_password: sudo wants a password on this edge, "
NO_PYTHON = "ansible_python_interpreter: /usr/bin/python3 is not on this edge; "
OLD = "ansible_python_interpreter: /usr/bin/python3 of this edge is too old; "


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("No start of json char found\n\n/bin/sh: 1: sudo: not found\n", NO_SUDO),
        ("bash: line 1: sudo: command not found", NO_SUDO),
        ("Premature end of stream waiting for become success.\n>>> Standard Error\n/bin/sh: 1: sudo: not found", NO_SUDO),
        ("nsenter: failed to execute sudo: No such file or directory", NO_SUDO),
        ("Missing sudo password", PASSWORD),
        ("Incorrect sudo password", PASSWORD),
        ("sudo: a password is required\n", PASSWORD),
        ("sudo: a terminal is required to read the password; either use the -S option", PASSWORD),
        ("Timeout (12s) waiting for privilege escalation prompt: ", PASSWORD),
        ("ansible is not in the sudoers file.", "ansible_user: sudo does not let this login become root on this edge; "),
        ("Sorry, user ansible is not allowed to execute '/bin/sh' as root on edge.", "ansible_user: sudo does not let "),
        ("The module interpreter '/usr/bin/python3' was not found.", NO_PYTHON),
        ("/bin/sh: 1: /usr/bin/python3: not found\r\n", NO_PYTHON),
        ("bash: /usr/bin/python3: No such file or directory", NO_PYTHON),
        ("ansible-core requires a minimum of Python version 3.8. Current version: 3.6.8 (default)", OLD),
        ("SyntaxError: future feature annotations is not defined", OLD),
        ("first\n\n Killed \n\n", "the edge does not run what the controller sends; the last that it said is: Killed"),
        ("", "the edge does not run what the controller sends; the last that it said is: nothing"),
    ],
)
def test_what_an_edge_says_in_place_of_a_result_is_one_sentence(said, sentence):
    found = action_base.worker_failure(said, "sudo", "/usr/bin/python3")
    assert found.startswith(sentence)
    assert "\n" not in found


def test_the_method_is_the_one_that_was_used():
    assert action_base.worker_failure("sh: doas: not found", "doas").startswith("ansible_become_method: doas is not")
    assert "ansible_become_method" not in action_base.worker_failure("sh: sudo: not found", "doas")


@pytest.mark.parametrize(
    ("dialect", "name", "sentence"),
    [
        ("nftables", "ssh", ""),
        ("nftables", "community.docker.nsenter", ""),
        ("nftables", "local", ""),
        ("nftables", "network_cli", "ansible_connection: 'network_cli' leads to a router, and without ansible_network_os "),
        ("nftables", "ansible.netcommon.netconf", "ansible_connection: 'ansible.netcommon.netconf' leads to a router, "),
        ("ios", "ssh", "ansible_connection: 'ssh' does not lead to this kind of edge; write ansible.netcommon.network_cli."),
        ("ios", "network_cli", ""),
        ("iosxr", "ccsnet.op25b.network_cli", ""),
        ("iosxr", "netconf", "ansible_connection: 'netconf' does not lead to this kind of edge; write ansible.netcommon.netw"),
        ("junos", "ansible.netcommon.netconf", ""),
        ("junos", "network_cli", "ansible_connection: 'network_cli' does not lead to this kind of edge; write ansible.netcom"),
    ],
)
def test_a_connection_that_leads_elsewhere(dialect, name, sentence):
    found = action_base.wrong_connection(dialects.by_name(dialect), name)
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("dialect", "hidden", "ssh_type", "keys"),
    [
        ("nftables", {"ansible_collections.ansible.netcommon", "ncclient"}, "auto", []),
        ("ios", set(), "auto", []),
        ("ios", {"pylibsshext"}, "auto", []),
        ("ios", {"pylibsshext", "paramiko"}, "auto", ["ansible_network_cli_ssh_type: neither ansible-pylibssh nor paramiko is"]),
        ("ios", {"pylibsshext"}, "libssh", ["ansible_network_cli_ssh_type: the Python library ansible-pylibssh is not"]),
        ("ios", set(), "openssh", ["ansible_network_cli_ssh_type: 'openssh' is not right here; write libssh, paramiko or auto"]),
        ("ios", {"ansible_collections.cisco.ios"}, "auto", ["ansible_network_os: the collection cisco.ios is not"]),
        (
            "iosxr",
            {"ansible_collections.ansible.netcommon", "ansible_collections.cisco.iosxr"},
            "auto",
            [
                "ansible_connection: the collection ansible.netcommon is not",
                "ansible_network_os: the collection cisco.iosxr is not",
            ],
        ),
        ("junos", {"ncclient", "paramiko"}, "auto", ["ansible_connection: the Python library ncclient is not"]),
        ("junos", {"ansible_collections.cisco.ios"}, "auto", []),
    ],
)
def test_what_a_controller_lacks(monkeypatch, dialect, hidden, ssh_type, keys):
    monkeypatch.setattr(action_base, "find_spec", lambda module: None if module in hidden else module)
    found = action_base.missing_requirements(dialects.by_name(dialect), ssh_type)
    assert [text[: len(key)] for text, key in zip(found, keys, strict=True)] == keys


HIDE = """
import os, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in os.environ["HIDDEN"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.parametrize(
    ("variables", "hidden", "sentence"),
    [
        ({"connection": "local", "become": True, "become_exe": "/nowhere/sudo"}, "", NO_SUDO),
        ({"connection": "local", "python_interpreter": "/nowhere/python3"}, "", NO_PYTHON.replace("usr/bin", "nowhere")),
        ({"connection": "ansible.netcommon.netconf"}, "", "ansible_connection: 'ansible.netcommon.netconf' leads to a router"),
        ({"connection": "ssh", "network_os": "cisco.ios.ios"}, "", "ansible_connection: 'ssh' does not lead to this kind of"),
        (
            {"connection": "ansible.netcommon.netconf", "network_os": "ccsnet.op25b.junos"},
            "ncclient",
            "ansible_connection: the Python library ncclient is not on this controller; ",
        ),
        (
            {"connection": "ansible.netcommon.network_cli", "network_os": "cisco.iosxr.iosxr"},
            "pylibsshext,paramiko",
            "ansible_network_cli_ssh_type: neither ansible-pylibssh nor paramiko is on this controller; ",
        ),
        (
            {"connection": "ccsnet.op25b.netconf", "network_os": "ccsnet.op25b.junos"},
            "site-packages",
            "Task failed: ansible_connection: ansible.netcommon.netconf is not on this controller; ",
        ),
    ],
)
def test_a_task_says_so_before_it_connects(tmp_path, variables, hidden, sentence):
    """Nothing listens at the port: what would connect says that."""
    (tmp_path / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    given = {"host": "127.0.0.1", "port": 1, "user": "nobody", "password": "x", "become_password": "x"} | variables
    words = ["edge", "-i", "edge,", "-m", "ccsnet.op25b.acl", "-a", "state=gathered"]
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible", *words, "-e", json.dumps({f"ansible_{k}": v for k, v in given.items()})],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_BECOME_ALLOW_SAME_USER": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(tmp_path),
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": str(hidden != "site-packages"),
            "HIDDEN": hidden,
            "PYTHONPATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    found = re.search(r"(?:FAILED|UNREACHABLE)! => (.*)", done.stdout, re.DOTALL)
    assert found, done.stdout + done.stderr
    said = json.JSONDecoder().raw_decode(found[1])[0]["msg"]
    assert said.startswith(sentence), said
    assert "\n" not in said
