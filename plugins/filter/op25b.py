# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for reviews, templates and the probe matrix; each is documented in a file of its name."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import (
    acl,
    dialects,
    gates,
    inputs,
    matrix,
    proof,
    relay,
    relay_status,
    rollout,
)
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import impact as impacts
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import mail_clients as clients
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import notice as notices
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import outcome as outcomes
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy as policies
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import report as reports
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import status as states
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


def batches(
    document: Any,
    wave: str,
    edges: Mapping[str, Mapping[str, Any]],
    probes: Mapping[str, Mapping[str, Any]],
    serial: Sequence[Any],
    today: str | None = None,
    bystanders: bool = False,
) -> dict[str, Any]:
    """The edges of a wave in the order in which they change, and the probe hosts that judge them."""
    checked = _load(document, today)
    known = [rollout.edge_from(str(name), variables, checked) for name, variables in edges.items()]
    hosts = [
        gates.probe_from(str(name), variables, checked, known)
        for name, variables in probes.items()
        if variables.get("op25b_probe_addresses")
    ]
    changes = {
        str(name): proof.claims(checked, variables["edge_acl"]["before"], variables["edge_acl"]["after"])
        for name, variables in edges.items()
    }
    found = gates.batches(checked, wave, known, hosts, changes, serial, bystanders)
    asked = [] if bystanders else [edge for edge in known if not _reason(edges[edge.name])]
    return {
        "batches": [batch.as_data() for batch in found],
        "mailers": {edge.name: [] for edge in known} | gates.relay_probes(checked, wave, asked, hosts),
    }


def _reason(variables: Mapping[str, Any]) -> str:
    """Why changes of an edge may stay that no probe proves."""
    return str(inputs.read("op25b_unproved", variables.get("op25b_unproved"))[0] or "")


def gate_proof(batches: Sequence[Mapping[str, Any]], edges: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of the batches no probe host can prove."""
    return gates.without_probe(batches, {str(name): _reason(variables) for name, variables in edges.items()})


def outcome(
    edges: Mapping[str, Mapping[str, Any]],
    wave: str,
    problems: Sequence[str],
    playbook: str,
    sources: Sequence[str],
    missing: Sequence[str] = (),
    back: bool = False,
    gate: bool = False,
) -> dict[str, Any] | None:
    """What became of each edge, as the last table of a run; at a gate only where this stops the run."""
    if gate and not problems:
        return None
    asked = {str(name): variables for name, variables in edges.items() if "edge_acl" in variables}
    return outcomes.table(asked, str(wave), problems, str(playbook), list(map(str, sources)), missing, back=back).as_data()


def gate_date(
    document: Any,
    wave: str,
    records: Sequence[Mapping[str, Any]],
    notice_days: int = 0,
    today: str | None = None,
    page: bool = True,
) -> list[str]:
    """What speaks against a wave today: its date, and the customers' page."""
    checked = _load(document, today)
    found = gates.date_and_notice(checked, wave, records, int(notice_days)) if page else gates.too_early(checked, wave)
    return [*found, gates.OVERRIDE] if found else []


def gate_earlier(
    document: Any,
    wave: str,
    edges: Mapping[str, Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
    today: str | None = None,
) -> list[str]:
    """What of the waves before does not stand."""
    answers = {str(name): variables["edge_acl"] for name, variables in edges.items()}
    return gates.earlier_waves(_load(document, today), wave, answers, records)


def wave_back(document: Any, to: str, wave: str, today: str | None = None) -> str:
    """The wave to go back to: a name, or the one before."""
    checked = _load(document, today)
    name = rollout.wave_before(checked, wave) if to == "before" else str(to)
    policies.wave_index(checked, name)
    return name


def journal_rollback(
    document: Any, to: str, pools: Sequence[str], records: Sequence[Mapping[str, Any]], today: str | None = None
) -> list[dict[str, Any]]:
    """The journal's lines for the waves that no longer stand."""
    if to == policies.NO_WAVE and not pools:
        # All of it goes out whatever the policy says, and even where it has a mistake.
        return gates.rolled_back_all(records)
    return gates.rolled_back(_load(document, today), to, [str(pool) for pool in pools], records)


def journal_caught_up(
    edges: Mapping[str, Mapping[str, Any]], wave: str, records: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The journal's lines for what edges enforce and the journal does not know."""
    return gates.caught_up(wave, edges, records)


def journal_steps(
    edges: Mapping[str, Mapping[str, Any]],
    wave: str,
    outcome: str,
    verdict: Mapping[str, Any],
    reason: str,
    records: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The journal's lines for what a task changed on edges."""
    return gates.recorded(wave, outcome, edges, verdict, reason, records)


def judge_batch(
    document: Any,
    wave: str,
    batch: Mapping[str, Any],
    edges: Mapping[str, Mapping[str, Any]],
    exact: bool = False,
    today: str | None = None,
) -> dict[str, Any]:
    """Whether what a batch changed may stay."""
    reasons = {str(name): _reason(variables) for name, variables in edges.items()}
    return gates.judge(_load(document, today), wave, batch, edges, exact, reasons)


def notice(document: Any, wave: str, status: Sequence[Mapping[str, Any]], today: str | None = None) -> dict[str, Any]:
    """What the customers' page may say."""
    return notices.facts(_load(document, today), wave, status)


def status(
    document: Any,
    wave: str,
    edges: Mapping[str, Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
    today: str | None = None,
) -> list[dict[str, Any]]:
    """What is where, held against the policy and the journal."""
    return states.rows(_load(document, today), wave, edges, records)


def journal_observed(edges: Mapping[str, Mapping[str, Any]], wave: str) -> list[dict[str, Any]]:
    """The journal's lines for what edges counted."""
    return states.observed(wave, edges)


def sources_csv(document: Any, edges: Mapping[str, Mapping[str, Any]], today: str | None = None) -> str:
    """The addresses that edges saw while observing, as CSV."""
    return impacts.sources_csv(_load(document, today), edges)


def sources_expired(document: Any, records: Sequence[Mapping[str, Any]], today: str | None = None) -> list[dict[str, Any]]:
    """The files with addresses that may no longer be kept."""
    return impacts.expired(_load(document, today), records, socket.gethostname())


def impact(document: Any, sources: str, customers: str | None = None, today: str | None = None) -> dict[str, Any]:
    """Whom the waves will touch."""
    table, contacts = impacts.impact(_load(document, today), sources, customers)
    return {"table": table.as_data(), "contacts": contacts}


def plan(planned: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What would change where, as a table."""
    return rollout.plan_table(planned).as_data()


def matrix_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the probe hosts saw, as a table."""
    return matrix.table(rows).as_data()


def status_table(rows: Sequence[Mapping[str, Any]], edges: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is where, as a table."""
    return states.table(rows, edges).as_data()


def observed_table(
    edges: Mapping[str, Mapping[str, Any]], steps: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What pools send to port 25 outside, as a table."""
    return states.observed_table(edges, steps, records).as_data()


def relay_status_table(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """How the submission relays are, as tables."""
    return [each.as_data() for each in relay_status.tables(found)]


def report(
    document: Any,
    wave: str,
    status: Sequence[Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
    now: str,
    probes: Sequence[str] = (),
    today: str | None = None,
) -> dict[str, Any]:
    """How the rollout went, and what is open."""
    return reports.facts(_load(document, today), wave, status, records, now, probes)


def relay_states(relays: Mapping[str, Mapping[str, Any]], today: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """How the submission relays are, and what needs a person."""
    return relay_status.rows(relays, datetime.date.fromisoformat(str(today)) if today else datetime.date.today())


def mail_clients(
    mails: Sequence[Mapping[str, Any]],
    name: str,
    relays: Sequence[str] = (),
    status: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> dict[str, str]:
    """How mail programs find the relay, as files."""
    return clients.files(mails, name, [str(relay) for relay in relays], status)


def _sentence(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (Op25bError, ValueError) as err:
            raise AnsibleFilterError(f"ccsnet.op25b.{name}: {err}") from err

    return call


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Every filter of the collection."""
        found: dict[str, Callable[..., Any]] = {
            "render": render,
            "verdict": verdict,
            "prefixes": prefixes,
            "probe_plan": probe_plan,
            "judge": matrix.judge,
            "matrix": matrix_table,
            "plan": plan,
            "notice": notice,
            "report": report,
            "batches": batches,
            "gate_phase": gates.phase,
            "gate_edges": gates.edges,
            "gate_proof": gate_proof,
            "gate_second_path": gates.second_path,
            "broken_batch": gates.broken,
            "batch_problems": gates.written,
            "completeness": gates.completeness,
            "probes_wrong": gates.probes_wrong,
            "rolled_back_to": gates.rolled_back_to,
            "outcome": outcome,
            "gate_date": gate_date,
            "gate_earlier": gate_earlier,
            "gate_relay": gates.relay,
            "judge_batch": judge_batch,
            "abandoned": gates.abandoned,
            "journal_steps": journal_steps,
            "journal_caught_up": journal_caught_up,
            "journal_rollback": journal_rollback,
            "wave_back": wave_back,
            "status": status,
            "status_table": status_table,
            "journal_observed": journal_observed,
            "observed_table": observed_table,
            "sources_csv": sources_csv,
            "sources_expired": sources_expired,
            "impact": impact,
            "relay_unconfigured": relay.unconfigured,
            "relay_status": relay_states,
            "relay_status_table": relay_status_table,
            "mail_clients": mail_clients,
        }
        return {name: _sentence(name, function) for name, function in found.items()}
