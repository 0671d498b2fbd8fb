# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run this is, and whether another one is gone.

The module is loaded with the actions, in the process of ansible-playbook itself: each strategy asks an action's class for
BYPASS_HOST_LOOP before it makes a worker. So all workers of a run inherit its token.

The proof that a run is gone is a lock: ansible-playbook takes it before it makes its first worker, the workers inherit it, and
the kernel lets go of it when the last of them is gone, however they end. It proves something only to a run on the same kernel
that sees the same file system; elsewhere a lock may seem free although it is held.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import journal, run

DIRECTORY = Path("~/.local/state/ccsnet.op25b/runs")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_KEPT = 2 * 86400
"""Seconds for which the file of a run that is gone is kept: longer than any change is armed."""

_TOKEN = run.new_token()
_STARTED = datetime.datetime.now(datetime.UTC).strftime(journal.FORMAT)
_held: list[int] = []
"""The lock's file, where it could be made; it is open as long as the run lasts."""


def this(task_vars: Mapping[str, Any]) -> run.Run:
    """The run of this process."""
    return run.Run(_TOKEN, _STARTED, str(task_vars.get("awx_job_id") or task_vars.get("tower_job_id") or ""))


def operator(task_vars: Mapping[str, Any]) -> str:
    """Who runs it: the user in AWX, or the login."""
    name = task_vars.get("awx_user_name") or task_vars.get("tower_user_name")
    if name:
        return str(name)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"uid {os.getuid()}"


def who(task_vars: Mapping[str, Any]) -> str:
    """Who changes a device, in words, with the run's token."""
    return this(task_vars).who(operator(task_vars), socket.gethostname())


def alive(token: str) -> bool | None:
    """Whether a run is still there; None where nothing proves it: another controller, another container, an older version."""
    if token == _TOKEN:
        return True
    if not token:
        return None
    try:
        # To lock over NFS, a file must be open for writing.
        file = os.open(DIRECTORY.expanduser() / token, os.O_RDWR)
    except (OSError, RuntimeError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False if json.loads(os.read(file, 4096) or b"{}") == _domain(file) else None
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return None
    finally:
        os.close(file)


def _domain(file: int) -> dict[str, Any]:
    """Where a lock on this file counts: on this boot of this kernel, in this file system."""
    return {"boot": _BOOT.read_text(encoding="ascii").strip(), "device": os.fstat(file).st_dev}


def _hold() -> None:
    """Take this run's lock, once; a run that cannot is one of which nothing can be proved."""
    if _held:
        return
    _held.append(-1)
    with contextlib.suppress(OSError, RuntimeError):
        directory = DIRECTORY.expanduser()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(directory / _TOKEN, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _held.append(file)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(file, json.dumps(_domain(file)).encode())
        _sweep(directory)


def _sweep(directory: Path) -> None:
    """Remove what runs left that are long gone."""
    for path in directory.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _KEPT:
                continue
            file = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


os.register_at_fork(before=_hold)
