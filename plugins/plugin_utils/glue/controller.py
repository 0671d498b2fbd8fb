# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller: refuse those that go with a container."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from .. import lasting
from . import runs


def must_last(templar: Any, task_vars: Mapping[str, Any], what: str, path: str, way: str = "") -> None:
    """Refuse a path that goes with the container of this run, unless op25b_volatile says that it may; see lasting.refuse."""
    if boolean(templar.template(task_vars.get("op25b_volatile")) or False, strict=False):
        return
    inside = lasting.container(os.environ, filter(os.path.exists, lasting.MARKS), runs.this(task_vars).job)
    mounts = Path("/proc/self/mountinfo")
    if not inside or not mounts.exists():
        return
    on = lasting.temporary(os.path.realpath(path), mounts.read_text(encoding="utf-8", errors="surrogateescape"))
    if on:
        lasting.refuse(what, path, inside, on, way)
