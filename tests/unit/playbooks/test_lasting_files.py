# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook writes on the controller must not go with the container of its run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GONE = "/dev/shm/op25b/file"
"""Memory, in a container as everywhere."""


@pytest.mark.parametrize(
    ("playbook", "name", "more"),
    [
        ("notice", "notice_directory", ()),
        ("report", "op25b_report", ()),
        ("observe", "op25b_sources", ("--limit", "edge-l1")),
        ("impact", "op25b_contacts", ()),
        ("mail_clients", "op25b_mail_clients", ()),
    ],
)
def test_a_file_that_goes_with_the_container_is_refused_before_any_device_is_asked(playbook, name, more):
    # No host of this lab has a process: what asks one of them says something else.
    environment = {**os.environ, "OP25B_LAB": "none", "KUBERNETES_SERVICE_HOST": "192.0.2.1", "COLUMNS": "200"}
    environment["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    words = [f"ccsnet.op25b.{playbook}", "-i", "inventories/lab", "-e", "op25b_volatile=false", "-e", f"{name}={GONE}", *more]
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run([program, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{name}: {GONE} " in done.stdout + done.stderr
    assert "Look at all of it" not in done.stdout
