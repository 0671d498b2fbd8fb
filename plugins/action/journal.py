# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file, on the controller or on the host to which the task is delegated: append records, or read them."""

from __future__ import annotations

import base64
import datetime
import os
import socket
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.ccsnet.op25b.plugins.module_utils import journal_file
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal, run
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import controller, runs
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.policy import like

ARGUMENTS = {
    "path": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "gathered"], "default": "present"},
    "records": {"type": "list", "elements": "dict"},
}
DEFAULT = "~/.local/state/ccsnet.op25b/journal.jsonl"
_LOCAL = ("local", "ansible.builtin.local")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Translate between the task and the core; the connection is used only where the task is delegated."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Append or read."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        _valid, given = self.validate_argument_spec(ARGUMENTS, required_if=[("state", "present", ("records",))])
        path = (given["path"] or "").strip() or DEFAULT
        try:
            lines = "".join(journal.line({**each, **self._added(each)}) for each in given["records"] or [])
            host = self._host()
            if not host or self._connection.transport in _LOCAL:
                path = os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
                way = "name a host of the inventory that keeps it in op25b_journal_host, or "
                controller.must_last(self._templar, self._vars, "journal", path, way)
            found = self._there(host, path, given["state"], lines) if host else self._here(path, given["state"], lines)
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        result.update(found)
        if given["state"] == "gathered":
            result.update(_read(result.pop("data")))
            if result["missing"]:
                place = f"{result['path']} on {host}" if host else result["path"]
                result["warnings"].append(
                    f"journal: there is nothing in {place}; if a run has written into it before, look where op25b_journal and "
                    "op25b_journal_host point."
                )
        return result

    def _added(self, record: Mapping[str, Any]) -> dict[str, str]:
        play = self._task._parent._play
        return {
            "at": datetime.datetime.now(datetime.UTC).strftime(journal.FORMAT),
            "run": runs.this(self._vars).text,
            "operator": runs.operator(self._vars),
            "playbook": Path(play.get_path().rpartition(":")[0]).stem or "ad hoc",
            # Its file is there alone.
            **({"controller": socket.gethostname()} if record.get("kind") == "sources" else {}),
        }

    def _host(self) -> str:
        """The host to which the task is delegated; empty for the controller."""
        name = self._task.delegate_to
        if not name or name in C.LOCALHOST:
            return ""
        known = self._vars.get("groups", {}).get("all", ())
        if name not in known:
            raise Op25bError(f"op25b_journal_host: '{name}' is no host of the inventory. {like(name, known)}.")
        there = self._vars["ansible_delegated_vars"][name]
        leads = self._connection.transport
        if leads in _LOCAL and there.get("ansible_connection") is not None:
            # ansible-core puts the connection of a network device aside for an action that needs none.
            leads = self._templar.copy_with_new_env(available_variables=there).template(there["ansible_connection"])
        if self._connection.transport in _LOCAL and leads not in _LOCAL:
            raise Op25bError(
                f"op25b_journal_host: '{name}' is reached by {leads}, which runs no program; name a host with a shell and Python."
            )
        return str(name)

    def _here(self, path: str, state: str, lines: str) -> dict[str, Any]:
        try:
            if state == "gathered":
                data = journal_file.read(path)
                return {"path": path, "missing": not data, "changed": False, "data": data}
            before = journal_file.writable(path) if self._task.check_mode else journal_file.append(path, lines.encode())
        except OSError as err:
            raise _cannot(state, err.filename or path, str(err.strerror)) from None
        return {"path": path, "missing": not before, "changed": bool(lines) or before is None}

    def _there(self, host: str, path: str, state: str, lines: str) -> dict[str, Any]:
        arguments = {"path": path, "state": state, "lines": lines}
        try:
            found = self._execute_module(module_name="ccsnet.op25b.journal_file", module_args=arguments, task_vars=self._vars)
        except AnsibleError as err:
            raise _cannot(state, f"{path} on {host}", f"the host does not answer ({' '.join(str(err).split())})") from None
        if found.get("failed") or found.get("unreachable"):
            why = found.get("reason") or found.get("module_stderr") or found.get("msg") or "the host does not answer"
            raise _cannot(state, f"{found.get('path', path)} on {host}", " ".join(str(why).split()))
        kept = {key: found[key] for key in ("path", "missing", "changed")}
        return {**kept, "data": zlib.decompress(base64.b64decode(found["data"]))} if state == "gathered" else kept


def _cannot(state: str, path: str, why: str) -> Op25bError:
    verb = "read" if state == "gathered" else "written"
    return Op25bError(
        f"journal: {path} cannot be {verb}: {why}; mend that, or name another file in op25b_journal, or another host in "
        "op25b_journal_host."
    )


def _read(data: bytes) -> dict[str, Any]:
    records, broken = journal.read(data.decode(errors="replace"))
    armed = [
        {**each, "run": name, "alive": runs.alive(run.token_in(name))}
        for name, changes in journal.open_changes(records).items()
        for each in changes
    ]
    return {"records": records, "broken": broken, "warnings": list(broken), "open": armed}
