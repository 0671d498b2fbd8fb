# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on an edge share: the transport, and errors as sentences."""

from __future__ import annotations

import re
import sys
from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils import connection
from ansible.plugins.action import ActionBase

from . import dialects, transports
from .errors import EdgeError, Op25bError
from .glue import runs
from .one_task import OneTask, Session
from .run import token_in
from .transports import Device, Transport

for _each in dialects.ALL:
    # Now, while the action itself is loaded, and not in each of the processes that ansible-core makes for the hosts.
    import_module(f"{transports.__name__}.{_each.NAME}")


_LIBRARIES = {
    "libssh": {"pylibsshext": "ansible-pylibssh"},
    "paramiko": {"paramiko": "paramiko"},
    "auto": {"pylibsshext": "ansible-pylibssh", "paramiko": "paramiko"},
}
"""What network_cli needs one of, by its option ssh_type: the module, and the package that brings it."""
_COMMAND_LINE, _NETCONF = "ansible.netcommon.network_cli", "ansible.netcommon.netconf"
_LONGEST = 200


def wrong_connection(dialect: ModuleType, name: str) -> str:
    """Why this ansible_connection does not lead to an edge of this dialect, in one sentence; empty where it does.

    `name` may be the short one. Nothing is connected.
    """
    needed = getattr(dialect, "CONNECTION", None)
    short = name.rpartition(".")[2]
    if needed:
        leads = short == str(needed).rpartition(".")[2]
        return "" if leads else f"ansible_connection: '{name}' does not lead to this kind of edge; write {needed}."
    # Over these a module would run on the controller.
    if short not in {str(each.CONNECTION).rpartition(".")[2] for each in dialects.ALL if hasattr(each, "CONNECTION")} | {
        "httpapi"
    }:
        return ""
    known = ", ".join(sorted(each.NETWORK_OS[0] for each in dialects.ALL if each.NETWORK_OS and hasattr(each, "CONNECTION")))
    return (
        f"ansible_connection: '{name}' leads to a router, and without ansible_network_os this is a Linux edge; write "
        f"ansible_network_os: {known}, or ansible_connection: ssh."
    )


def missing_requirements(dialect: ModuleType, ssh_type: str = "auto") -> list[str]:
    """What this controller lacks to reach an edge of this dialect, each in one sentence. Nothing is connected.

    `ssh_type` is the host's ansible_network_cli_ssh_type.
    """
    needed = str(getattr(dialect, "CONNECTION", ""))
    plugins = {"ansible_connection": needed} if needed else {}
    libraries = {"ansible_connection": {"ncclient": "ncclient"}} if needed == _NETCONF else {}
    if needed == _COMMAND_LINE:
        plugins["ansible_network_os"] = dialect.NETWORK_OS[0]
        if ssh_type not in _LIBRARIES:
            return [f"ansible_network_cli_ssh_type: '{ssh_type}' is not right here; write libssh, paramiko or auto."]
        libraries["ansible_network_cli_ssh_type"] = _LIBRARIES[ssh_type]
    missing = []
    for key, plugin in plugins.items():
        collection = plugin.rpartition(".")[0]
        if not _importable(f"ansible_collections.{collection}"):
            missing.append(
                f"{key}: the collection {collection} is not on this controller; "
                f"`ansible-galaxy collection install {collection}` brings it."
            )
    for key, choice in libraries.items():
        if not any(map(_importable, choice)):
            first, *others = choice.values()
            named = f"neither {first} nor {others[0]} is" if others else f"the Python library {first} is not"
            missing.append(f"{key}: {named} on this controller; `{sys.executable} -m pip install {first}` brings it.")
    return missing


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def worker_failure(said: str, method: str = "sudo", interpreter: str = "") -> str:
    """What is wrong where a Linux edge did not run our module, in one sentence.

    `said` is what it printed instead of a result, `method` how the task becomes root, `interpreter` the Python that it looks for.
    """
    absent = r": (?:command )?not found|: No such file|: not installed"
    tool = re.escape(method)
    if re.search(rf"(?<!\w){tool}(?:{absent})|failed to execute {tool}\b|exec: \"?{tool}\"?: ", said):
        return (
            f"ansible_become_method: {method} is not on this edge; install it there, name another method, or log in as root and "
            "write ansible_become: false."
        )
    if re.search(
        r"(?i)(?:missing|incorrect) \w+ password|password is required|terminal is required|try again|authentication failure"
        r"|waiting for privilege escalation",
        said,
    ):
        return (
            f"ansible_become_password: {method} wants a password on this edge, and none was given or it is not the right one; "
            "write it, or let this login become root without."
        )
    if re.search(r"not in the sudoers file|is not allowed to|may not run", said):
        return f"ansible_user: {method} does not let this login become root on this edge; allow it, or log in as another."
    where = interpreter or "python3"
    if re.search(rf"module interpreter '.*' was not found|python[\d.]*(?:{absent})|No python interpreters found", said):
        return (
            f"ansible_python_interpreter: {where} is not on this edge; install Python 3.9 or later there, or write where it is."
        )
    if re.search(r"minimum of Python version|future feature annotations|SyntaxError", said):
        return (
            f"ansible_python_interpreter: {where} of this edge is too old; install Python 3.9 or later there, or write its place."
        )
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "nothing")
    return f"the edge does not run what the controller sends; the last that it said is: {last[:_LONGEST]}"


class EdgeAction(ActionBase):  # type: ignore[misc]
    """An action on one edge. Subclasses fill the result in `edge`."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    @abstractmethod
    def edge(self, result: dict[str, Any], task_vars: Mapping[str, Any]) -> None:
        """Do the work; an Op25bError becomes the task's message."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action, with what the operator can mend as a sentence and not as a traceback."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        result["changed"] = False
        try:
            self.edge(result, self._vars)
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        return result

    def dialect(self) -> ModuleType:
        """The dialect of this task's device."""
        return dialects.by_network_os(self._vars.get("ansible_network_os"))

    def transport(self, save: bool = False, *, reads: bool = False) -> Transport:
        """The way to this task's device; whether the task only reads."""
        wrong = wrong_connection(self.dialect(), self._connection.transport)
        if wrong:
            raise Op25bError(wrong)
        if isinstance(self._connection, OneTask) and not (reads or self._task.check_mode):
            raise Op25bError(
                "ansible_connection: the session ends with this task, and a change may need it longer; write "
                f"{self.dialect().CONNECTION}. Nothing was sent."
            )
        way = transports.Way(
            run=self._worker,
            connection=self._device,
            errors=connection.ConnectionError,
            who=runs.who(self._vars),
            address=str(self._vars.get("ansible_host") or self._vars.get("inventory_hostname") or ""),
            check=self._task.check_mode,
            save=save,
        )
        return transports.to(self.dialect().NAME, way)

    def _device(self) -> connection.Connection:
        ssh_type = self._connection.get_option("ssh_type") if self._connection.has_option("ssh_type") else "auto"
        missing = missing_requirements(self.dialect(), ssh_type)
        if missing:
            raise EdgeError(missing)
        if isinstance(self._connection, OneTask):
            return Session(self._connection)
        return connection.Connection(self._connection.socket_path)

    def _worker(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        become = self._connection.become
        method = str(become.name).rpartition(".")[2] if become else "sudo"
        try:
            found: Mapping[str, Any] = self._execute_module(
                module_name="ccsnet.op25b.nft_table", module_args=dict(arguments), task_vars=self._vars
            )
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as err:
            raise Op25bError(worker_failure(str(err), method)) from None
        if "module_stderr" in found:
            said = "\n".join(str(found.get(key) or "") for key in ("msg", "module_stdout", "module_stderr"))
            interpreter = str(getattr(self, "_used_interpreter", "") or "").lstrip("#!")
            raise Op25bError(worker_failure(said, method, interpreter))
        return found

    def report(self, result: dict[str, Any], device: Device) -> None:
        """What the operator must know of the device, whatever the task was."""
        result.setdefault("warnings", []).extend(device.warnings)
        if device.armed:
            result["armed"] = {key: device.armed[key] for key in ("id", "who", "at", "seconds_left")}
            token = token_in(str(device.armed["who"]))
            alive = runs.alive(token)
            result["armed"].update(alive=alive, abandoned=alive is False)
            if token and token == token_in(runs.who(self._vars)):
                # This run knows what it armed.
                return
            left = device.armed["seconds_left"]
            result["warnings"].append(
                f"This edge has an unconfirmed change, armed by {device.armed['who']} at {device.armed['at']}; "
                f"it goes back {'by itself' if left is None else f'in {left} s'}."
            )
