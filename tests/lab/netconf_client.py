# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF with the Junos edge, by another client than ours."""

from __future__ import annotations

import shlex
import sys

import paramiko
from ncclient import manager

from lab import Lab
from lab.machine import REPOSITORY
from lab.topology import HOSTS

JUNOS = HOSTS["edge-j1"]


def netconf(lab: Lab, password: str = "ansible-lab") -> manager.Manager:
    """A session with edge-j1, as somebody at the noc has it."""
    address = JUNOS.management.v4
    proxy = [sys.executable, "-m", "lab", "connect", "--name", lab.name, "noc", address, str(JUNOS.cli.port)]
    return manager.connect(
        host=address,
        port=JUNOS.cli.port,
        username=JUNOS.cli.user,
        password=password,
        sock=paramiko.ProxyCommand(f"env -C {REPOSITORY} {shlex.join(proxy)}"),
        hostkey_verify=False,
        allow_agent=False,
        look_for_keys=False,
        timeout=30,
    )
