# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of every edge: policy and wave in, the device's smallest change out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, interfaces, policy, strictness
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.action_base import EdgeAction
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import EdgeError, Op25bError

ARGUMENTS = {
    "policy": {"type": "dict"},
    "wave": {"type": "str", "default": policy.NO_WAVE},
    "attachments": {"type": "list", "elements": "dict"},
    "uplinks": {"type": "list", "elements": "str"},
    "pools": {"type": "list", "elements": "str"},
    "state": {
        "type": "str",
        "choices": ["replaced", "deleted", "restored", "gathered", "rendered", "parsed"],
        "default": "replaced",
    },
    "loosen_only": {"type": "bool", "default": False},
    "enforced": {"type": "dict"},
    "running_config": {"type": "str"},
    "confirm": {"type": "int", "default": 0},
    "sources": {"type": "bool", "default": False},
    "today": {"type": "str"},
    "budget": {"type": "int"},
    "over_management": {"type": "bool", "default": False},
    "save": {"type": "bool", "default": False},
}
NEEDED = [
    *(("state", state, ("policy", "attachments", "uplinks")) for state in ("replaced", "rendered")),
    ("state", "restored", ("enforced",)),
    ("state", "parsed", ("running_config",)),
]


def _nothing(_have: acl.Acl) -> acl.Acl:
    return acl.Acl()


def _back(have: acl.Acl, wanted: acl.Acl, wave: str) -> acl.Acl:
    """What a way back leaves on the device; raises Op25bError where any of it would become stricter."""
    worse = strictness.stricter(have, wanted)
    if worse:
        raise Op25bError(
            f"the way back to wave '{wave}' would make this edge stricter ({', '.join(worse)}); nothing was sent. Name a "
            "wave that it has reached, or go forward with the playbook ccsnet.op25b.rollout."
        )
    return strictness.loosened(have, wanted)


def _restored(enforced: Mapping[str, Any]) -> Callable[[acl.Acl], acl.Acl]:
    try:
        wanted = acl.from_data(enforced)
    except (KeyError, TypeError, ValueError) as err:
        raise Op25bError(
            f"enforced: this is not what an edge enforced ({type(err).__name__}: {err}); write `before` of an earlier task."
        ) from None
    return lambda _have: wanted


class ActionModule(EdgeAction):
    """Translate between the task and the core."""

    def edge(self, result: dict[str, Any], _task_vars: Mapping[str, Any]) -> None:
        """Read the policy, then the device; change it where they differ."""
        _valid, given = self.validate_argument_spec(ARGUMENTS, required_if=NEEDED)
        state = given["state"]
        if given["confirm"] != 0 and not 5 <= given["confirm"] <= 86400:
            raise AnsibleActionFail(f"confirm: {given['confirm']} is out of range; write 0, or 5 to 86400 seconds.")
        dialect = self.dialect()
        want: Callable[[acl.Acl], acl.Acl] = _nothing
        attachments: tuple[acl.Attachment, ...] = ()
        uplinks: tuple[str, ...] = ()
        if state in ("replaced", "rendered"):
            checked = policy.load(given["policy"], self._today(given["today"]))
            attachments = acl.attachments_from(given["attachments"], checked)
            uplinks, changing = acl.uplinks_from(given["uplinks"], attachments), given["pools"]

            def want(have: acl.Acl) -> acl.Acl:
                stays = acl.kept(checked, have, changing) if changing else None
                wanted = acl.build(checked, given["wave"], attachments, uplinks, stays)
                return _back(have, wanted, given["wave"]) if given["loosen_only"] else wanted

            result.setdefault("warnings", []).extend(checked.warnings)
        elif state == "restored":
            want = _restored(given["enforced"])
        if state == "rendered":
            result["rendered"] = dialect.render(want(acl.Acl()))
        elif state == "parsed":
            found, drift = dialect.parse(given["running_config"])
            result.update(parsed=found.as_data(), drift=drift)
        elif state == "gathered":
            self._gather(result, dialect, given["sources"])
        else:
            self._change(result, dialect, want, attachments, uplinks, given)

    def _today(self, text: str | None) -> datetime.date:
        try:
            return datetime.date.fromisoformat(text) if text else datetime.date.today()
        except ValueError:
            raise AnsibleActionFail(f"today: '{text}' is no day of the calendar; write a date as 2019-03-25.") from None

    def _gather(self, result: dict[str, Any], dialect: Any, show_sources: bool) -> None:
        device = self.transport(reads=True).read(counters=True)
        found, drift = dialect.read(device.have)
        seen = dialect.sources(device.have)
        result.update(
            gathered=found.as_data(),
            drift=drift,
            counters=dialect.counts(device.have),
            seen=seen if show_sources else {name: len(addresses) for name, addresses in seen.items()},
        )
        self.report(result, device)

    def _change(
        self,
        result: dict[str, Any],
        dialect: Any,
        wanted_from: Callable[[acl.Acl], acl.Acl],
        attachments: tuple[acl.Attachment, ...],
        uplinks: tuple[str, ...],
        given: Mapping[str, Any],
    ) -> None:
        transport = self.transport(given["save"])
        device = transport.read(acknowledge=True)
        self.report(result, device)
        before, _drift = dialect.read(device.have)
        want = wanted_from(before)
        mistakes, warnings = interfaces.check(attachments, uplinks, dialect.interfaces(device.have), before, want)
        if mistakes:
            raise EdgeError(mistakes)
        wanted = dialect.build(want)
        result.setdefault("warnings", []).extend((*warnings, *getattr(wanted, "warnings", ())))
        plan = dialect.diff(device.have, wanted)
        budget = getattr(dialect, "BUDGET", None) if given["budget"] is None else given["budget"]
        if plan.changed and budget is not None and plan.entries > budget:
            raise AnsibleActionFail(
                f"budget: the edge would hold {plan.entries} entries of this policy, and {budget} are allowed; nothing was sent. "
                "Attach fewer pools, aggregate their prefixes, or raise op25b_acl_budget if the hardware has the room."
            )
        # A table that is right but would not survive a reboot is only half there. While a change is armed, what
        # a reboot brings up is the old table, and must be.
        unkept = not device.persisted and not device.armed
        result.update(
            changed=plan.changed or unkept,
            before=before.as_data(),
            # What of the policy the device can say: the rest is in the warnings. A ruleset can say all but the tickets.
            after=getattr(wanted, "acl", replace(want, tickets=())).as_data(),
            commands=list(plan.commands),
            rollback=list(plan.rollback),
            summary={"added": plan.added, "removed": plan.removed},
        )
        text = plan.diff or ("@@ at boot\n+ load the table as it is\n" if unkept else "")
        if text:
            result["diff"] = {"prepared": text}
        if not result["changed"]:
            if device.armed:
                result["change"] = device.armed["id"]
            return
        if plan.changed and want.pools and not given["over_management"]:
            self._spare_management(dialect, device, transport, given["uplinks"])
        change = transport.apply(plan, device, given["confirm"])
        if change and plan.changed and not self._task.check_mode:
            result["change"] = change

    @staticmethod
    def _spare_management(dialect: Any, device: Any, transport: Any, uplinks: list[str]) -> None:
        addresses = transport.management()
        carrying = [name for name in uplinks if addresses and addresses & set(dialect.addresses(device.have, name))]
        if carrying:
            raise AnsibleActionFail(
                f"uplinks: {carrying[0]} carries the session by which this device is managed; reach it by another interface, or "
                "write over_management: true. Nothing was sent."
            )
