# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for tests: `lab` is one of this session's own, `new_lab` makes more, `ansible` runs a program on the session's."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import Lab, LabError
from lab.machine import REPOSITORY, STATE

from .ansible_task import end_all, environment, sockets
from .site import Site

_numbers = itertools.count()


def _unique() -> Lab:
    return Lab(f"pytest-{os.getpid()}-{next(_numbers)}")


def _remove_orphans() -> None:
    """Remove the labs of test runs that were killed and could not do it themselves."""
    for state in STATE.glob("pytest-*"):
        owner = re.fullmatch(r"pytest-(\d+)-\d+", state.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            with contextlib.suppress(LabError):
                Lab(state.name).down()


@pytest.fixture(scope="session")
def new_lab() -> Iterator[Callable[[], Lab]]:
    """Make a lab that is not up yet; it is taken away at the end whatever became of it."""
    if os.geteuid() != 0:
        pytest.skip("the lab makes namespaces and mounts, which needs root: run the tests with sudo or make test")
    _remove_orphans()
    made: list[Lab] = []

    def make() -> Lab:
        made.append(_unique())
        return made[-1]

    yield make
    for each in made:
        end_all(each.name)
        each.down()


@pytest.fixture(scope="session")
def lab(new_lab: Callable[[], Lab]) -> Lab:
    """A lab that is up, shared by the tests of this session: leave it as you found it."""
    made = new_lab()
    made.up()
    return made


@pytest.fixture(scope="session")
def ansible(lab: Lab) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an ansible program of the checkout on the session's lab: `ansible("ansible-playbook", "playbooks/site.yml")`."""

    def run(*argv: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        given = environment(OP25B_LAB=lab.name, ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(lab.name)))
        done = subprocess.run(argv, cwd=REPOSITORY, env=given, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0 or not check, f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def site(new_lab: Callable[[], Lab]) -> Site:
    """A lab whose relay the public playbook has set up. It takes its time: the tests that use it are one group of xdist."""
    made = Site(new_lab())
    made.demo.begin()
    return made
