# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on an edge share: the transport, and errors as sentences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils import connection
from ansible.plugins.action import ActionBase

from . import dialects, transports
from .errors import Op25bError
from .glue import runs
from .one_task import OneTask, Session
from .run import token_in
from .transports import Device, Transport

for _each in dialects.ALL:
    # Now, while the action itself is loaded, and not in each of the processes that ansible-core makes for the hosts.
    import_module(f"{transports.__name__}.{_each.NAME}")


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
        path = getattr(self._connection, "socket_path", None)
        leads = self.dialect().CONNECTION
        here = isinstance(self._connection, OneTask)
        if (path is None and not here) or self._connection.transport != leads:
            raise Op25bError(
                f"ansible_connection: '{self._connection.transport}' does not lead to this kind of edge; write {leads}."
            )
        return Session(self._connection) if here else connection.Connection(path)

    def _worker(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._execute_module(
            module_name="ccsnet.op25b.nft_table", module_args=dict(arguments), task_vars=self._vars
        )
        return found

    def report(self, result: dict[str, Any], device: Device) -> None:
        """What the operator must know of the device, whatever the task was."""
        result.setdefault("warnings", []).extend(device.warnings)
        if device.armed:
            result["armed"] = {key: device.armed[key] for key in ("id", "who", "at", "seconds_left")}
            alive = runs.alive(token_in(str(device.armed["who"])))
            result["armed"].update(alive=alive, abandoned=alive is False)
            left = device.armed["seconds_left"]
            result["warnings"].append(
                f"This edge has an unconfirmed change, armed by {device.armed['who']} at {device.armed['at']}; "
                f"it goes back {'by itself' if left is None else f'in {left} s'}."
            )
