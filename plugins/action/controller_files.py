# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse files on the controller that would go with the container of the run."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import controller

ARGUMENTS = {"paths": {"type": "dict", "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Translate between the task and the core; no connection is used."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look at each path that is given."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(ARGUMENTS)
        try:
            for name, path in given["paths"].items():
                if path is not None and str(path).strip():
                    controller.must_last(self._templar, task_vars or {}, name, os.path.expanduser(str(path).strip()))
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        result["changed"] = False
        return result
