# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To a Linux edge: the module ccsnet.op25b.nft_table, run over whatever connection the host has."""

from __future__ import annotations

import base64
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..dialects import nftables
from ..errors import Op25bError
from ..plan import Plan
from . import Device, Way


class Transport:
    """Runs the worker module."""

    def __init__(self, way: Way) -> None:
        self._run, self._who = way.run, way.who

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        result = self._run({"operation": operation, "who": self._who, **arguments})
        if result.get("failed") or result.get("unreachable"):
            raise Op25bError(str(result.get("msg") or result.get("module_stderr") or "the router did not answer"))
        return result

    def read(self, acknowledge: bool = False, counters: bool = False) -> Device:
        """Read the table with its counters, and the state of the dead man's switch."""
        del counters
        found = self._call("read", acknowledge=acknowledge)
        listing = zlib.decompress(base64.b64decode(found["listing"])).decode() if found["listing"] else ""
        have = replace(nftables.from_json(listing) if listing else nftables.EMPTY, interfaces=found["interfaces"])
        warnings = []
        outcome = found["outcome"]
        if outcome and outcome["outcome"] != "confirmed":
            words = f" ({outcome['words']})" if "words" in outcome else ""
            warnings.append(
                f"The change that {outcome['who']} armed at {outcome['armed_at']}: {outcome['outcome']} at {outcome['at']}, "
                f"because {outcome['why']}{words}."
            )
        return Device(have, found["digest"], found["armed"], found["persisted"], tuple(warnings))

    def management(self) -> set[str]:
        """Our table blocks nothing by which a router is managed, whatever interface that takes."""
        return set()

    def apply(self, plan: Plan, device: Device, seconds: int) -> str:
        """Apply the plan in one nft transaction."""
        change = uuid.uuid4().hex[:12]
        self._call("apply", commands=list(plan.commands), expect=device.token, change=change, seconds=seconds)
        return change if seconds else ""

    def confirm(self, change: str | None) -> bool:
        """Keep the armed change."""
        return bool(self._call("confirm", change=change)["changed"])

    def cancel(self, change: str | None) -> bool:
        """Take the armed change back."""
        return bool(self._call("cancel", change=change)["changed"])
