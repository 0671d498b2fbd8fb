# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong before a device is asked, told at once; no connection is opened."""

from __future__ import annotations

from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import inventory_check
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import inventory

ARGUMENTS = {
    "needs": {"type": "list", "elements": "str", "default": ["policy", "edges", "probes"]},
    "already": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Translate between the task and the core; the connection of the host is not used."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look at everything; what is wrong is on the screen, and the task fails with how much it is."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(ARGUMENTS)
        needs, before = given["needs"], given["already"]
        if "needs" in before and set(needs) <= set(before["needs"]) and not before.get("failed"):
            result.update({key: before[key] for key in ("needs", "counts", "msg")}, changed=False)
            return result
        try:
            found = inventory_check.check(inventory.of_task(self, task_vars or {}, needs), needs)
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        # Every callback shows these as they are; a message it may show as JSON.
        if found.mistakes:
            lines = [f"- {mistake}" for mistake in found.mistakes]
            count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
            Display().display("\n".join([f"{count}:", *lines]), color=C.COLOR_ERROR)
            result.update(failed=True, msg=f"{count}, as listed above; no device was asked for anything")
        else:
            result.update(msg=inventory_check.summary(found.counts), needs=needs, counts=found.counts)
            Display().display(result["msg"], color=C.COLOR_OK)
        result.update(changed=False, warnings=found.warnings)
        return result
