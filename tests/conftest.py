# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.yang import models

# No example has a time limit: a busy machine would break it, and not the code.
settings.register_profile("op25b", settings(), deadline=None)
settings.load_profile("op25b")


@pytest.fixture(scope="session", autouse=True)
def _juniper_s_models_take_everything_that_this_run_rendered():
    """At the end of each process, so that the laws need not run again for the models."""
    yield
    if wrong := models.rendered and models.refused(models.rendered):
        pytest.fail(wrong, pytrace=False)


@dataclass(frozen=True)
class Installed:
    """The collection as a user gets it: installed from its tarball, with an empty home and no ansible.cfg."""

    collections: Path
    home: Path

    def run(self, *argv: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of Ansible's programs in a folder; `more` is its environment's."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and name != "COLUMNS"}
        given |= {"HOME": str(self.home), "ANSIBLE_COLLECTIONS_PATH": str(self.collections), **more}
        program = str(Path(sys.executable).with_name(argv[0]))
        words = [program, *argv[1:]]
        return subprocess.run(
            words, cwd=cwd, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Installed:
    """Build the collection's tarball, and install it outside of the checkout."""
    place = tmp_path_factory.mktemp("installed")
    made = Installed(place / "collections", place / "home")
    made.home.mkdir()
    root = Path(__file__).resolve().parents[1]
    built = made.run("ansible-galaxy", "collection", "build", str(root), "--output-path", str(place), cwd=place)
    assert built.returncode == 0, built.stdout + built.stderr
    (tarball,) = place.glob("*.tar.gz")
    words = ("collection", "install", str(tarball), "--no-deps", "--offline", "-p", str(made.collections))
    done = made.run("ansible-galaxy", *words, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return made
