# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an empty folder: the collection from its tarball, no ansible.cfg, and the same tables as in the checkout.

What an operator reads is in tests/fixtures/installed/. After a wanted change, OP25B_WRITE_SCREENS=1 writes the files anew; read
their diff.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .ansible_task import BIN, ROOT, environment

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("rollout")]
FIXTURES = ROOT / "tests" / "fixtures"
NIGHT = (
    ("validate", "hosts.yml"),
    ("plan", "0_observe.op25b.yml"),
    ("rollout", "0_observe.op25b.yml"),
    ("site", "hosts.yml"),
    ("status", "hosts.yml"),
    ("rollback", "hosts.yml"),
)
"""The playbooks that a new user runs, each with its inventory."""
ANSIBLE_S_OWN = re.compile(r"(PLAY|TASK) \[|(ok|changed|skipping|included|fatal): |PLAY RECAP|skipping: no hosts matched")


def without_times(table: str) -> str:
    """A table in which milliseconds make no column wider than in another run."""
    if " ms " not in table:
        return table
    return re.sub(r"-{3,}", "---", re.sub(r" {2,}", "  ", re.sub(r"[0-9.]+ ms", "1 ms", table)))


def tables(printed: str, folder: Path) -> str:
    """What our tasks printed, without Ansible's own lines, and with one time and one folder."""
    lines = printed.partition("PLAY RECAP")[0].splitlines()
    ours = "\n".join(line for line in lines if not ANSIBLE_S_OWN.match(line))
    ours = re.sub(r"\n{3,}", "\n\n", ours).strip("\n")
    ours = "\n\n".join(map(without_times, ours.split("\n\n")))
    ours = re.sub(r"T\d\d:\d\d:\d\dZ", "T01:02:03Z", re.sub(r"\b20\d\d-\d\d-\d\d", "2019-03-25", ours))
    return ours.replace(str(folder), "/home/noc/op25b")


@pytest.mark.parametrize(("place", "width"), [("installed", 80), ("installed", 120), ("checkout", 80), ("checkout", 120)])
def test_a_night_looks_the_same_installed_and_in_the_checkout(site, installed, tmp_path, place, width):
    folder = shutil.copytree(FIXTURES / "empty_folder", tmp_path / "op25b")
    given = {"OP25B_LAB": site.lab.name, "COLUMNS": str(width)}
    screens = []
    for playbook, inventory in NIGHT:
        words = ["ansible-playbook", f"ccsnet.op25b.{playbook}", "-i", inventory]
        if place == "installed":
            done = installed.run(*words, cwd=folder, **given)
        else:
            done = subprocess.run(
                [BIN / words[0], *words[1:]], cwd=folder, env=environment(**given), capture_output=True, text=True
            )
        assert done.returncode == 0, done.stdout + done.stderr
        screens.append(f"$ {' '.join(words)}\n{tables(done.stdout, folder)}\n")
    file = FIXTURES / "installed" / f"{width}.txt"
    shown = "\n".join(screens)
    if os.environ.get("OP25B_WRITE_SCREENS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    wanted = file.read_text(encoding="utf-8")
    assert "\n".join(difflib.unified_diff(wanted.splitlines(), shown.splitlines(), str(file), place, lineterm="")) == ""
