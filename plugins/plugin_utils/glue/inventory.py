# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole inventory, as a task sees it, for the check of everything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.plugins.loader import connection_loader
from ansible.utils.vars import load_extra_vars

from .. import inputs, inventory_check
from ..errors import Op25bError
from ..inventory_check import Controller, Inventory, Unreadable
from ..policy import ROOT
from .inputs import as_typed, evaluate

_WANTED = (*inputs.TABLE, *inventory_check.PLAIN)


def of_task(action: Any, task_vars: Mapping[str, Any], needs: Collection[str]) -> Inventory:
    """What the hosts of all groups that are needed have as variables, also those that --limit leaves out."""
    groups, hostvars = task_vars["groups"], task_vars["hostvars"]
    parts = [each for each in (inputs.EDGE, inputs.PROBE, inputs.RELAY) if each in needs]
    # An input of a group may be needed without all else of it.
    parts += [each.whose for name, each in inputs.TABLE.items() if name in needs and each.whose != inputs.RUN]
    hosts = dict.fromkeys(host for part in parts for host in groups.get(part, ()))
    extra = load_extra_vars(action._loader)
    reader = _Reader(action._templar)
    return Inventory(
        groups=groups,
        variables={host: reader.variables(hostvars.raw_get(host), hostvars) for host in hosts},
        # Names alone are looked at of what is not ours.
        extra={name: reader.value(name, value, task_vars) if name in inputs.TABLE else None for name, value in extra.items()},
        controller=Controller(str(C.DEFAULT_TRANSPORT), _lacks, _unreadable),
    )


class _Reader:
    """Variables without their templates."""

    def __init__(self, templar: Any) -> None:
        self.templar = templar
        self.policies: dict[int, Any] = {}

    def variables(self, raw: Mapping[str, Any], hostvars: Any) -> dict[str, Any]:
        """Those variables of a host that are looked at."""
        known = {**raw, "hostvars": hostvars}
        return {name: self.value(name, raw[name], known) for name in _WANTED if name in raw}

    def value(self, name: str, value: Any, known: Mapping[str, Any]) -> Any:
        """A variable's value, or why it has none."""
        # The policy is the same object for all hosts, and large.
        if name == ROOT and id(value) in self.policies:
            return self.policies[id(value)]
        try:
            found = evaluate(value, lambda: self.templar.copy_with_new_env(available_variables=known))
        except Op25bError as err:
            return Unreadable(str(err))
        if name == ROOT:
            self.policies[id(value)] = found
            return found
        return as_typed(found, inputs.TABLE[name].kind) if name in inputs.TABLE else found


@cache
def _lacks(kind: str, name: str) -> bool:
    """Whether this controller, in the Python that runs this, has no such thing."""
    if kind == "connection":
        return not connection_loader.has_plugin(name)
    try:
        return find_spec(f"ansible_collections.{name}" if kind == "collection" else name) is None
    except (ImportError, ValueError):
        return True


def _unreadable(path: str) -> str | None:
    try:
        Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as err:
        return f"'{path}' cannot be read ({err.strerror}); write the path of a file of this controller."
    except UnicodeDecodeError as err:
        return not_utf8(path, err)
    return None


def not_utf8(path: str, err: UnicodeDecodeError) -> str:
    """Where a file is not UTF-8, as the end of a sentence."""
    line = bytes(err.object[: err.start]).count(b"\n") + 1
    return f"'{path}' is not UTF-8 in line {line}; convert it, as with `iconv -f LATIN1 -t UTF-8`."
