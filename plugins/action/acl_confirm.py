# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep an armed change, or take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ccsnet.op25b.plugins.plugin_utils.action_base import EdgeAction

ARGUMENTS = {
    "state": {"type": "str", "choices": ["confirmed", "taken_back"], "default": "confirmed"},
    "change": {"type": "str"},
    "save": {"type": "bool", "default": False},
}


class ActionModule(EdgeAction):
    """Translate between the task and the transport."""

    def edge(self, result: dict[str, Any], _task_vars: Mapping[str, Any]) -> None:
        """End the dead man's switch, one way or the other."""
        _valid, given = self.validate_argument_spec(ARGUMENTS)
        transport = self.transport(given["save"])
        act = transport.confirm if given["state"] == "confirmed" else transport.cancel
        result["changed"] = act(given["change"])
