# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Juniper's own YANG models as a judge of what we render, where the directory `OP25B_YANG` has them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = os.environ.get("OP25B_YANG")
MODULES = ("root", "policy-options", "firewall", "interfaces")
rendered: dict[str, None] = {}
"""Every configuration of this run, once."""


def keep(configuration: str) -> None:
    """Remember a configuration for the judge."""
    if DIRECTORY:
        rendered[configuration] = None


def refused(configurations: Iterable[str]) -> str:
    """What yanglint says of the first configuration that is not valid, and that configuration; nothing if all are.

    One process has all of them: reading the models takes 0.2 s, and a configuration no time.
    """
    modules = [path for name in MODULES for path in sorted(Path(str(DIRECTORY)).glob(f"junos-conf-{name}@*.yang"))]
    assert len(modules) == len(MODULES), (
        f"OP25B_YANG: {DIRECTORY} is no directory with one junos-conf-*.yang for each of {MODULES}"
    )
    with tempfile.TemporaryDirectory() as directory:
        files = {Path(directory, f"{number}.xml"): text for number, text in enumerate(configurations)}
        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["yanglint", "-t", "config", "-p", str(DIRECTORY), *modules, *files], capture_output=True, text=True, check=False
        )
        if not done.returncode:
            return ""
        named = [text for file, text in files.items() if f'"{file}"' in done.stderr]
        return "\n".join([done.stderr, *named])
