# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for reviews, templates and the probe matrix; each is documented in a file of its name."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, dialects, matrix, rollout
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import notice as notices
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy as policies
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import verdict as verdicts
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import PrefixSet, parse_address


def _load(document: Any, today: str | None) -> policies.Policy:
    return policies.load(document, datetime.date.fromisoformat(str(today)) if today else datetime.date.today())


def render(
    document: Any,
    dialect: str,
    wave: str,
    attachments: Sequence[Mapping[str, Any]],
    uplinks: Sequence[str],
    today: str | None = None,
) -> str:
    """A policy as the configuration of one edge."""
    checked = _load(document, today)
    places = acl.attachments_from(attachments, checked)
    return str(dialects.by_name(dialect).render(acl.build(checked, wave, places, acl.uplinks_from(uplinks, places))))


def verdict(document: Any, src: str, dst: str, dport: int, wave: str, today: str | None = None) -> dict[str, Any]:
    """What happens to a connection from a customer."""
    found = verdicts.of_policy(_load(document, today), wave, parse_address(src), parse_address(dst), int(dport))
    return {
        "action": found.action,
        "seen": matrix.SEEN_OF_REPLY[found.reply],
        "pool": found.pool,
        "destination": found.destination,
    }


def prefixes(value: Sequence[str]) -> list[str]:
    """The fewest prefixes for a list of prefixes."""
    return PrefixSet.parse(value).texts()


def probe_plan(document: Any, wave: str, sources: Sequence[str], today: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """What a probe host tries and what it should see."""
    return matrix.plan(_load(document, today), wave, [parse_address(text) for text in sources])


def notice(document: Any, wave: str, status: Sequence[Mapping[str, Any]], today: str | None = None) -> dict[str, Any]:
    """What the customers' page may say."""
    return notices.facts(_load(document, today), wave, status)


def _sentence(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (Op25bError, ValueError) as err:
            raise AnsibleFilterError(f"ccsnet.op25b.{function.__name__}: {err}") from err

    return call


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Every filter of the collection."""
        return {
            "render": _sentence(render),
            "verdict": _sentence(verdict),
            "prefixes": _sentence(prefixes),
            "probe_plan": _sentence(probe_plan),
            "judge": _sentence(matrix.judge),
            "matrix": _sentence(matrix.table),
            "plan": _sentence(rollout.plan_table),
            "notice": _sentence(notice),
        }
