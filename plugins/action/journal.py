# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file on the controller: append records, or read them."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

ARGUMENTS = {
    "path": {"type": "path", "default": "~/.local/state/ccsnet.op25b/journal.jsonl"},
    "state": {"type": "str", "choices": ["present", "gathered"], "default": "present"},
    "records": {"type": "list", "elements": "dict"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Translate between the task and the core; the connection of the host is not used."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Append or read."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(ARGUMENTS, required_if=[("state", "present", ("records",))])
        path = Path(given["path"])
        try:
            if given["state"] == "gathered":
                result.update(changed=False, **_gathered(path))
                return result
            lines = [journal.line({**each, **self._added(task_vars or {})}) for each in given["records"]]
            result["changed"] = bool(lines) or not path.exists()
            if not self._task.check_mode:
                _append(path, "".join(lines).encode())
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        except OSError as err:
            verb = "read" if given["state"] == "gathered" else "written"
            raise AnsibleActionFail(
                f"journal: {err.filename or path} cannot be {verb}: {err.strerror}; mend that, or name another file in "
                "op25b_journal."
            ) from None
        return result

    def _added(self, task_vars: Mapping[str, Any]) -> dict[str, str]:
        play = self._task._parent._play
        return {
            "at": datetime.datetime.now(datetime.UTC).strftime(journal.FORMAT),
            # The worker of a task ends with it; its parent lasts as long as the run.
            "run": _run(os.getppid()),
            "operator": str(task_vars.get("awx_user_name") or getpass.getuser()),
            "playbook": Path(play.get_path().rpartition(":")[0]).stem or "ad hoc",
        }


def _run(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    """When a process began, in clock ticks since the boot: proc_pid_stat(5), field 22. Empty where there is none."""
    try:
        # The second field is the program's name, which may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _alive(run: str) -> bool | None:
    """Whether a run is still there; None where it was on another controller."""
    host, pid, _started_at = run.rsplit(":", 2)
    return _run(int(pid)) == run if host == socket.gethostname() else None


def _append(path: Path, data: bytes) -> None:
    """All of it in one piece, behind what others wrote; the file is there afterwards even when there is nothing to write."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not data:
            return
        end = os.fstat(file).st_size
        if end and os.pread(file, 1, end - 1) != b"\n":
            data = b"\n" + data
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError:
            # A full disk: half of a record is none.
            with contextlib.suppress(OSError):
                os.ftruncate(file, end)
            raise
    finally:
        os.close(file)


def _gathered(path: Path) -> dict[str, Any]:
    text = ""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        text = file.read().decode(errors="replace")
    records, warnings = journal.read(text)
    armed = [
        {**each, "run": run, "alive": _alive(run)} for run, changes in journal.open_changes(records).items() for each in changes
    ]
    return {"records": records, "warnings": warnings, "open": armed}
