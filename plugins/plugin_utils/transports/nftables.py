# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To a Linux edge: the module ccsnet.op25b.nft_table, run over whatever connection the host has."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from ..dialects import nftables
from ..errors import Op25bError
from ..plan import Plan
from . import Device

RunModule = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class NftablesTransport:
    """Runs the worker module; `run` calls it with arguments and returns its result."""

    def __init__(self, run: RunModule, who: str) -> None:
        self._run = run
        self._who = who

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        result = self._run({"operation": operation, "who": self._who, **arguments})
        if result.get("failed") or result.get("unreachable"):
            raise Op25bError(str(result.get("msg") or result.get("module_stderr") or "the router did not answer"))
        return result

    def read(self, acknowledge: bool = False) -> Device:
        """Read the table and the state of the dead man's switch."""
        found = self._call("read", acknowledge=acknowledge)
        listing = zlib.decompress(base64.b64decode(found["listing"])).decode() if found["listing"] else ""
        have = nftables.from_json(listing) if listing else nftables.EMPTY
        warnings = []
        outcome = found["outcome"]
        if outcome and outcome["outcome"] != "confirmed":
            words = f" ({outcome['words']})" if "words" in outcome else ""
            warnings.append(
                f"The change that {outcome['who']} armed at {outcome['armed_at']}: {outcome['outcome']} at {outcome['at']}, "
                f"because {outcome['why']}{words}."
            )
        return Device(have, found["digest"], found["armed"], found["persisted"], tuple(warnings))

    def apply(self, plan: Plan, device: Device, change: str, seconds: int) -> Mapping[str, Any]:
        """Apply the plan in one nft transaction."""
        return self._call("apply", commands=list(plan.commands), expect=device.token, change=change, seconds=seconds)

    def confirm(self, change: str | None) -> bool:
        """Keep the armed change."""
        return bool(self._call("confirm", change=change)["changed"])

    def cancel(self, change: str | None) -> bool:
        """Take the armed change back."""
        return bool(self._call("cancel", change=change)["changed"])
