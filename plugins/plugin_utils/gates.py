# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a wave: what must be so before it begins, and before what a batch of edges changed may stay.

Every gate returns sentences for what is not so; without one it is a go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import intent, journal, matrix, run
from . import phase as phases
from .acl import REJECTING
from .errors import Op25bError
from .policy import NO_WAVE, Policy, wave_index
from .prefixes import Address, parse_address
from .proof import REMEDY, Claim, by_addresses, claims, sentences
from .rollout import Edge, Step, action_of, actions_between, actions_of, counted, said, steps, wave_before
from .verdict import SMTP, of_policy


@dataclass(frozen=True)
class Probe:
    """A host that tries connections: its addresses, and the edges that its packets cross on their way out."""

    name: str
    addresses: tuple[Address, ...]
    edges: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """What a probe host has to show in a batch: that its edges are at this wave; `judges` is the edge that asks it."""

    probe: Probe
    wave: str
    judges: str


@dataclass(frozen=True)
class Batch:
    """Edges that change together, what the probes have to show before the change may stay, and the wave before.

    `claims` has for each edge what its change touches, `unproved` the part of it that no probe host can show.
    """

    edges: tuple[str, ...]
    tasks: tuple[Task, ...]
    before: str
    claims: Mapping[str, Sequence[Claim]]
    unproved: Mapping[str, Sequence[Claim]]

    def as_data(self) -> dict[str, Any]:
        """In JSON's types; `probes` has for each edge those that it asks."""
        asked: dict[str, list[dict[str, Any]]] = {edge: [] for edge in self.edges}
        for task in self.tasks:
            name, edges, addresses = task.probe.name, list(task.probe.edges), [str(each) for each in task.probe.addresses]
            asked[task.judges].append({"probe": name, "wave": task.wave, "edges": edges, "addresses": addresses})
        claims, unproved = (
            {edge: [list(claim) for claim in each[edge]] for edge in self.edges} for each in (self.claims, self.unproved)
        )
        return {"edges": list(self.edges), "before": self.before, "probes": asked, "claims": claims, "unproved": unproved}


def probe_from(name: str, variables: Mapping[str, Any], policy: Policy, edges: Sequence[Edge]) -> Probe:
    """A probe host by its variables; without op25b_probe_edges it crosses every edge that carries its pool."""
    texts = variables.get("op25b_probe_addresses")
    if not texts:
        raise Op25bError(f"{name}: op25b_probe_addresses: it is missing; write the addresses that this probe host connects from.")
    try:
        addresses = tuple(parse_address(str(text)) for text in texts)
    except ValueError as err:
        raise Op25bError(f"{name}: op25b_probe_addresses: {err}.") from None
    crossed = variables.get("op25b_probe_edges")
    if crossed is None:
        crossed = [edge.name for edge in edges if _pools(policy, addresses) & set(edge.pools)]
    return Probe(name, addresses, tuple(str(edge) for edge in crossed))


def batches(
    policy: Policy,
    wave: str,
    edges: Sequence[Edge],
    probes: Sequence[Probe],
    changes: Mapping[str, Sequence[Claim]],
    sizes: Sequence[Any],
    bystanders: bool = False,
) -> tuple[Batch, ...]:
    """The edges of a wave in the order in which they change.

    What shares a pair is one unit. `sizes` counts units as Ansible's `serial` counts hosts, the last one again and again: a
    number, or a percentage of all. `changes` has for each edge what its change touches; one without any is at the wave already,
    so that what is behind it is expected to be there, too. One probe host is asked that must not notice anything; with
    `bystanders`, every one in no pool.
    """
    before = wave_before(policy, wave)
    reached = {edge.name for edge in edges if not changes.get(edge.name)}
    found = []
    units = _units(edges)
    # The canary is the first that a probe host can judge by itself.
    canary = next((unit for unit in units if _inside(policy, probes, reached | set(unit), unit)), None)
    units.sort(key=lambda unit: unit != canary)
    for names in _sized(units, sizes):
        reached |= set(names)
        inside = _inside(policy, probes, reached, names)
        outside = [probe for probe in probes if not set(probe.edges) & reached]
        if bystanders:
            outside = [probe for probe in outside if not _pools(policy, probe.addresses)]
        else:
            # A pool that is not changed yet shows more than a line that never will be.
            outside = sorted(outside, key=lambda probe: not _pools(policy, probe.addresses))[:1]
        tasks = [Task(probe, wave, next(edge for edge in probe.edges if edge in names)) for probe in inside]
        tasks += [Task(probe, before, names[0]) for probe in outside]
        unproved = {
            name: [claim for claim in changes.get(name, ()) if claim not in shown]
            for name in names
            for shown in [{each for probe in inside if name in probe.edges for each in by_addresses(policy, probe.addresses)}]
        }
        found.append(Batch(names, tuple(tasks), before, {name: changes.get(name, ()) for name in names}, unproved))
    return tuple(found)


def _inside(policy: Policy, probes: Sequence[Probe], reached: set[str], names: Sequence[str]) -> list[Probe]:
    """The probe hosts in a pool behind some of these edges, and behind none that is not reached."""
    behind = [probe for probe in probes if set(probe.edges) & set(names) and set(probe.edges) <= reached]
    return [probe for probe in behind if _pools(policy, probe.addresses)]


def _pools(policy: Policy, addresses: Sequence[Address]) -> set[str]:
    return {pool for address in addresses if (pool := policy.pool_of(address))}


def _units(edges: Sequence[Edge]) -> list[tuple[str, ...]]:
    units: dict[tuple[bool, str], list[str]] = {}
    for edge in edges:
        units.setdefault((edge.pair is not None, edge.pair or edge.name), []).append(edge.name)
    return [tuple(names) for names in units.values()]


def _sized(units: Sequence[tuple[str, ...]], sizes: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    at, step = 0, 0
    counts = [_size(size, len(units)) for size in sizes]
    if not counts:
        raise Op25bError("rollout_serial: it is empty; write the sizes of the batches, as [1, 25%, 100%].")
    while at < len(units):
        count = counts[min(step, len(counts) - 1)]
        yield tuple(name for unit in units[at : at + count] for name in unit)
        at, step = at + count, step + 1


def _size(size: Any, total: int) -> int:
    text = str(size)
    number = text.removesuffix("%")
    if not number.isdigit() or int(number) < 1:
        raise Op25bError(f"rollout_serial: '{size}' is no size of a batch; write a number of edges and pairs, or a part, as 25%.")
    return max(1, total * int(number) // 100) if text.endswith("%") else int(number)


def phase(of: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Whether the inventory of this run can carry its phase: no slice of it, and both edges of each HA pair."""
    absent = phases.missing(of, groups)
    if not absent:
        return []
    if sliced := phases.slice_of(of, groups.get("all", ())):
        return [sliced]
    mates = phases.pair_mates(of, groups, {})
    return [
        f"{edge} is not in the inventory of this run (disabled?), and {', '.join(others)} changes together with it; enable it"
        for edge in absent.get("edges", ())
        if (others := [other for other in mates.get(edge, ()) if other in groups.get("edges", ())])
    ]


def edges(
    answers: Mapping[str, Mapping[str, Any]],
    of: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    variables: Mapping[str, Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Whether every edge of this run answers, is left alone by others, and has the other members of its HA pair beside it.

    `answers` has the variables of the edges of this run, `variables` those of every host, and `changes` the journal's open ones.
    """
    problems, bad = [], set()
    mates = phases.pair_mates(of, groups, variables)
    for edge, answer in answers.items():
        result = answer["edge_acl"]
        if "before" not in result:
            problems.append(f"{edge}: {said(result)}")
            bad |= {edge, *mates.get(edge, ())}
        elif "armed" in result:
            problems.append(armed_by(result["armed"], edge, changes))
            bad |= {edge, *mates.get(edge, ())}
        if absent := [other for other in mates.get(edge, ()) if other not in answers]:
            problems.append(f"{edge} changes together with {', '.join(absent)}; run it with both")
    if bad and (others := [edge for edge in answers if edge not in bad]):
        problems.append(
            f"{', '.join(others)} can go on without waiting for {', '.join(sorted(bad & set(answers)))}: "
            f"add --limit '{':'.join(['edges', *(f'!{edge}' for edge in sorted(bad & set(answers)))])}'"
        )
    return problems


def second_path(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whether every edge answered on its second path, without which nobody can mend a mistake by hand."""
    problems = []
    for edge, answer in answers.items():
        result = answer.get("rollout_second_path") or {}
        if result.get("failed") or result.get("unreachable"):
            path = answer.get("op25b_second_path") or {}
            problems.append(
                f"{edge} does not answer on its second path, {path.get('host')} port {path.get('port')}; without one, nobody can "
                "mend a mistake there by hand"
            )
    return problems


def broken(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict on a batch in which a task failed that nobody expected to."""
    found = [str(answer["ansible_failed_result"].get("msg")) for answer in answers if answer.get("ansible_failed_result")]
    problems = list(dict.fromkeys(found)) or ["a task of this batch failed"]
    return {"go": False, "problems": problems, "rows": [], "probes": {}, "counters": {}, "proofs": {}}


def written(verdict: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """What speaks against going on after a batch: its problems, and a journal that does not know what became of it."""
    problems = list(verdict["problems"])
    if (recorded.get("failed") or recorded.get("unreachable")) and said(recorded) not in problems:
        problems.append(f"what became of this batch is not in the journal: {said(recorded)}")
    return problems


def completeness(
    of: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    variables: Mapping[str, Mapping[str, Any]],
    wave: str,
) -> dict[str, Any]:
    """Whether a wave stands everywhere: `complete`, `problems` of the probe hosts, and the edges that are `missing`.

    Every edge of the phase must have been in this run, and every probe host must have seen what the policy says.
    """
    every = of.get("edges") or groups.get("edges", ())
    lacking = [edge for edge in every if "rollout_verdict" not in variables.get(edge, {})]
    problems = [] if lacking else probes_wrong(variables, groups.get("probes", ()), wave)
    return {"complete": not lacking and not problems, "problems": problems, "missing": lacking}


def probes_wrong(variables: Mapping[str, Mapping[str, Any]], probes: Sequence[str], wave: str) -> list[str]:
    """What probe hosts did not see as the policy says at a wave, and which of them saw nothing."""
    silent = [host for host in probes if "op25b_matrix" not in variables.get(host, {})]
    rows = [row for host in probes for row in variables.get(host, {}).get("op25b_matrix", ())]
    wrong = [row for row in rows if not row["ok"]]
    problems = [f"{host}: this probe host did not answer, so that nothing is proved from there" for host in silent]
    if wrong:
        where = "with everything out" if wave == NO_WAVE else f"at wave '{wave}'"
        problems.append(f"{len(wrong)} of {len(rows)} probes are not what the policy says {where}; the matrix above names them")
    return problems


def rolled_back_to(variables: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], wave: str) -> list[str]:
    """What a rollback did not bring back, or nobody could see."""
    answers = {edge: variables.get(edge, {}).get("edge_acl") or {} for edge in groups.get("edges", ())}
    problems = [f"{edge} did not go back" for edge, answer in answers.items() if answer and "after" not in answer]
    return problems + probes_wrong(
        variables, [host for host in groups.get("probes", ()) if "op25b_seen" in variables[host]], wave
    )


OVERRIDE = "if it must be now: -e op25b_override='the reason', which is written down"


def too_early(policy: Policy, wave: str) -> list[str]:
    """Whether the wave's day has come."""
    this = next((each for each in policy.waves if each.name == wave), None)
    if this is None or this.date <= policy.today:
        return []
    return [f"the wave '{wave}' begins on {this.date}, and today is {policy.today}; wait for the day"]


def date_and_notice(policy: Policy, wave: str, records: Sequence[Mapping[str, Any]], notice_days: int = 0) -> list[str]:
    """Whether the wave's day has come, and the customers' page said so in time where they will notice."""
    this = next((each for each in policy.waves if each.name == wave), None)
    if this is None:
        return []
    problems = too_early(policy, wave)
    if {step.after for step in steps(policy, wave_before(policy, wave), wave)} & REJECTING:
        told = journal.told_since(records, wave, this.date.isoformat())
        if told is None:
            problems.append(
                f"no customers' page says that the wave '{wave}' begins on {this.date}; run the playbook ccsnet.op25b.notice"
            )
        elif (age := (policy.today - told).days) < notice_days:
            problems.append(
                f"the customers' page says since {told} that the wave '{wave}' comes, which is {age} days and not the "
                f"{notice_days} of rollout_notice_days; wait"
            )
    return problems


def earlier_waves(
    policy: Policy, wave: str, answers: Mapping[str, Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Whether all that comes before the wave stands: on the edges as they answered, and by the journal on all others."""
    problems = []
    complete = journal.complete_waves(records)
    last = "none"
    for each in policy.waves:
        if each.name == wave:
            break
        if steps(policy, last, each.name) and each.name not in complete:
            problems.append(
                f"the wave '{each.name}' before this one is not confirmed on all its edges; run rollout with its inventory first"
            )
        last = each.name
    before, after = intent.at(policy, wave_before(policy, wave)), intent.at(policy, wave)
    for edge, answer in answers.items():
        now, wanted = actions_of(answer["before"]), actions_of(answer["after"])
        differ = []
        for pool in wanted | now:
            for (name, was), (_name, becomes) in zip(before.pools.get(pool, ()), after.pools.get(pool, ()), strict=True):
                found = action_of(now, pool, name)
                if found not in (was, becomes):
                    differ.append(f"{pool} x {name} is {found} and not {was}")
        if differ:
            problems.append(
                f"{edge} is not where the wave before '{wave}' leaves it ({', '.join(differ)}); run rollout with the inventory "
                "of that wave, or rollback to it"
            )
    return problems


def relay_probes(policy: Policy, wave: str, edges: Sequence[Edge], probes: Sequence[Probe]) -> dict[str, list[dict[str, Any]]]:
    """For each edge, the probe hosts behind it that have to send mail through the relay: those in the pools that the wave moves.

    Each of them is asked by one edge. Raises Op25bError for a pool without a probe host.
    """
    moved = {step.pool for step in steps(policy, wave_before(policy, wave), wave)} & {
        pool for edge in edges for pool in edge.pools
    }
    inside = [(probe, _pools(policy, probe.addresses) & moved) for probe in probes]
    missing = sorted(moved.difference(*(pools for _probe, pools in inside)))
    if missing:
        raise Op25bError(
            f"probes: no probe host is in {', '.join(missing)}, so that nobody knows whether the relay works from there; put one "
            "into each pool."
        )
    asked: dict[str, list[dict[str, Any]]] = {edge.name: [] for edge in edges}
    for probe, pools in inside:
        asker = next((edge.name for edge in edges if pools & set(edge.pools)), None)
        if asker:
            asked[asker].append(
                {"probe": probe.name, "pools": sorted(pools), "addresses": [str(each) for each in probe.addresses]}
            )
    return asked


def relay(mails: Sequence[Mapping[str, Any]], arrivals: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whether every mail that probe hosts sent through the relay arrived.

    `mails` has a result of the module submission for each probe host, with its `item`; `arrivals` one of the module delivered
    for each relay. What went wrong in the same way from several places is one sentence.
    """
    became = {each["queue_id"]: each for arrival in arrivals for each in arrival.get("mails", ()) if each["status"] != "not_seen"}
    wrong: dict[str, list[str]] = {}
    for mail in mails:
        causes = []
        if "mails" not in mail:
            causes.append(f"the probe host did not answer: {said(mail)}")
        for each in mail.get("mails", ()):
            found = became.get(each["queue_id"], {})
            if not each["ok"]:
                causes.append(f"port {each['port']}: {each['detail']}")
            elif found.get("status") != "sent":
                what = f"it is {found['status']}: {found['detail']}" if found else "no relay knows what became of it"
                causes.append(f"port {each['port']}: the relay took the mail, and it did not arrive; {what}")
        for cause in causes:
            wrong.setdefault(cause, []).append(f"{mail['item']['probe']} in {', '.join(mail['item']['pools'])}")
    return [f"{cause} (from {'; '.join(places)})" for cause, places in wrong.items()]


def sent(policy: Policy, wave: str, probes: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """The SYNs to port 25 that edges should have counted, for each pool and class, by what a probe host reports."""
    syns: dict[tuple[str, str], int] = {}
    for probe in probes:
        if probe["port"] != SMTP or not probe["source"]:
            continue
        found = of_policy(policy, wave, parse_address(probe["source"]), parse_address(probe["address"]), SMTP)
        if found.pool and found.destination and found.action != intent.PASS:
            key = (found.pool, found.destination)
            syns[key] = syns.get(key, 0) + probe["syns"]
    return syns


def without_probe(batches: Iterable[Mapping[str, Any]], reasons: Mapping[str, str]) -> list[str]:
    """What no probe host can prove of these batches (Batch.as_data), on edges for which nobody gave a reason."""
    found = [
        sentence
        for batch in batches
        for edge, unproved in batch["unproved"].items()
        if not reasons.get(edge)
        for sentence in sentences(edge, [Claim(*claim) for claim in unproved])
    ]
    return [*found[:-1], f"{found[-1]}; {REMEDY}"] if found else []


def judge(
    policy: Policy,
    wave: str,
    batch: Mapping[str, Any],
    answers: Mapping[str, Mapping[str, Any]],
    exact: bool,
    reasons: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Whether what a batch changed may stay, by what its edges and its probe hosts answered.

    `batch` is Batch.as_data; `answers` has for each edge what the tasks of a batch registered: `edge_acl`, `rollout_tried` (a
    result for each probe host), `rollout_kept` (its confirmation), `rollout_written` (the journal's line that it is armed), and
    the counters before and after the probes, `rollout_base` and `edge_found`. With `exact`, an edge must have counted no other
    SYN than those of the probes; without it, customers may have sent some meanwhile. `reasons` has for edges why a change may
    stay there that no probe proves.

    Returns `go`, `problems` (sentences), `rows` of the matrix, and for each edge `probes` {tried, wrong}, `counters`
    {pool: {class: {sent, out}}} and `proofs` {pool: {class: why it stays without proof, or nothing where it is proved}}.
    """
    problems: list[str] = []
    rows: list[dict[str, Any]] = []
    probes: dict[str, dict[str, Any]] = {edge: {"tried": 0, "wrong": []} for edge in batch["edges"]}
    tried: list[Mapping[str, Any]] = []
    amiss: list[tuple[Mapping[str, Any], str, bool]] = []
    for edge in batch["edges"]:
        answer = answers[edge]
        if "after" not in answer.get("edge_acl", {}):
            problems.append(f"{edge}: the change is not on it: {said(answer.get('edge_acl', {}))}")
        elif answer.get("rollout_kept", {}).get("failed") or answer.get("rollout_kept", {}).get("unreachable"):
            problems.append(f"{edge}: the change could not be confirmed: {said(answer['rollout_kept'])}")
        for task, result in zip(batch["probes"][edge], answer.get("rollout_tried", {}).get("results", []), strict=False):
            if result.get("skipped"):
                continue
            if "probes" not in result:
                problems.append(f"{task['probe']}: this probe host did not answer, so that nothing is proved: {said(result)}")
                continue
            tried.append({**task, "probes": result["probes"]})
            targets = matrix.plan(policy, task["wave"], [parse_address(text) for text in task["addresses"]])["targets"]
            found = matrix.judge(targets, result["probes"], task["probe"])
            amiss += [(row, edge, task["wave"] == wave) for row in found if not row["ok"]]
            probes[edge]["tried"] += len(found)
            rows += found
    for edge in probes:
        probes[edge]["wrong"] = list(_wrong([each for each in amiss if each[1] == edge]))
    problems += _wrong(amiss)
    written: Mapping[str, Any] = next((each["rollout_written"] for each in answers.values() if "rollout_written" in each), {})
    if written.get("failed") or written.get("unreachable"):
        problems.append(said(written))
    counters, differ = _counters(policy, wave, batch, answers, tried, exact) if tried and not problems else ({}, [])
    problems += differ
    proofs: dict[str, dict[str, dict[str, str]]] = {edge: {} for edge in batch["edges"]}
    if not problems:
        for edge in batch["edges"]:
            shown = _shown(policy, wave, edge, tried, counters[edge])
            left = [Claim(*claim) for claim in batch["claims"][edge] if Claim(*claim) not in shown]
            reason = (reasons or {}).get(edge, "")
            if left and not reason:
                problems += sentences(edge, left)
            places: dict[tuple[str, str], list[bool]] = {}
            for claim in claims(policy, {}, answers[edge]["edge_acl"]["after"]):
                places.setdefault((claim.pool, claim.destination), []).append(claim in shown)
            whys = {place: "" for place, each in places.items() if all(each)} | {(c.pool, c.destination): reason for c in left}
            for (pool, name), why in whys.items():
                proofs[edge].setdefault(pool, {})[name] = why
        if problems:
            problems[-1] += f"; {REMEDY}"
    return {
        "go": not problems,
        "problems": problems,
        "rows": rows,
        "probes": probes,
        "counters": counters,
        "proofs": proofs,
    }


def _shown(
    policy: Policy, wave: str, edge: str, tried: Sequence[Mapping[str, Any]], counters: Mapping[str, Mapping[str, Any]]
) -> set[Claim]:
    """What probe hosts showed of an edge: those that cross it, unless what they sent was counted by another edge alone."""
    silent = {(pool, name) for pool, each in counters.items() for name, seen in each.items() if not seen["out"]}
    return {
        claim
        for each in tried
        if each["wave"] == wave and edge in each["edges"]
        for claim in by_addresses(policy, [parse_address(text) for text in each["addresses"]])
        if (claim.pool, claim.destination) not in silent
    }


def _wrong(rows: Sequence[tuple[Mapping[str, Any], str, bool]]) -> Iterator[str]:
    """A sentence for each target that was seen amiss in the same way.

    `rows` are of the matrix, each with the edge that its probe host judges, and whether anything was changed for that one.
    """
    groups: dict[tuple[Any, ...], list[tuple[Mapping[str, Any], str]]] = {}
    for row, edge, changed in rows:
        blocked = row["port"] == SMTP and row["expected"] != "open"
        groups.setdefault((row["target"], row["expected"], row["seen"], changed, blocked), []).append((row, edge))
    for (target, expected, seen, changed, blocked), each in groups.items():
        ports = ", ".join(map(str, dict.fromkeys(row["port"] for row, _edge in each)))
        families = " and ".join(sorted({f"IP{row['family']}" for row, _edge in each}))
        hosts = ", ".join(dict.fromkeys(row["probe"] for row, _edge in each))
        edges = ", ".join(dict.fromkeys(edge for _row, edge in each))
        if not changed:
            look = f"nothing was changed for these; look what {edges} does to others than its own pools"
        elif blocked:
            look = f"look whether these packets cross {edges}, and with the playbook ccsnet.op25b.status what it enforces"
        else:
            look = f"look whether the target is up, and whether {edges} turns away more than the policy says"
        yield f"{target} port {ports} on {families} should be {expected} and is {seen} from {hosts}; {look}"


def _counters(
    policy: Policy,
    wave: str,
    batch: Mapping[str, Any],
    answers: Mapping[str, Mapping[str, Any]],
    tried: Sequence[Mapping[str, Any]],
    exact: bool,
) -> tuple[dict[str, Any], list[str]]:
    """What the edges counted, held against what the probe hosts behind them sent."""
    counters: dict[str, Any] = {edge: {} for edge in batch["edges"]}
    problems = []
    for edge in batch["edges"]:
        for key in ("rollout_base", "edge_found"):
            if "counters" not in answers[edge].get(key, {}):
                problems.append(f"{edge}: its counters cannot be read: {said(answers[edge].get(key, {}))}")
    if problems:
        return counters, problems
    # A line in no pool, or behind no edge of this inventory, has no counter.
    inside = [each for each in tried if each["wave"] == wave and each["edges"] and set(each["edges"]) <= set(batch["edges"])]
    for together, group in _groups(inside):
        expected: dict[tuple[str, str], int] = {}
        for each in group:
            for place, number in sent(policy, each["wave"], each["probes"]).items():
                expected[place] = expected.get(place, 0) + number
        for (pool, name), number in sorted(expected.items()):
            total = 0
            for edge in together:
                first, last = (counted(answers[edge][key], pool, name).get("out", 0) for key in ("rollout_base", "edge_found"))
                out = last - first
                counters[edge].setdefault(pool, {})[name] = {"sent": number, "out": out}
                total += out
            if total < number or (exact and total > number):
                problems.append(
                    f"{' + '.join(together)}: {pool} x {name}: the probes sent {number} SYN and {total} were counted; look "
                    "whether their packets take another way, and whether this hardware counts"
                )
    return counters, problems


def _groups(tried: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    """Edges that the same probe hosts cross, with these probe hosts: whose counters can only be added up."""
    left = list(tried)
    while left:
        group, left = left[:1], left[1:]
        edges = set(group[0]["edges"])
        while more := [each for each in left if edges & set(each["edges"])]:
            group += more
            left = [each for each in left if each not in more]
            edges = edges.union(*(each["edges"] for each in more))
        yield tuple(sorted(edges)), group


def recorded(
    wave: str,
    outcome: str,
    answers: Mapping[str, Mapping[str, Any]],
    verdict: Mapping[str, Any],
    reason: str,
    records: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The journal's lines for edges on which a change is armed, confirmed or taken back: one for each pool and class.

    Of what an edge has already, only what the journal does not know yet is written down: a run may end before its last line, and
    what stayed unproved may be proved now.
    """
    known = journal.newest_confirmed(records)
    found = []
    for edge, answer in answers.items():
        result = answer.get("edge_acl", {})
        if "after" not in result:
            continue
        for each in actions_between(result["before"], result["after"]):
            last = known.get((edge, each.pool, each.destination))
            why = verdict.get("proofs", {}).get(edge, {}).get(each.pool, {}).get(each.destination)
            known_already = last is not None and last["after"] == each.after and why in (None, last.get("unproved", ""))
            if each.before == each.after and (outcome != "confirmed" or known_already):
                continue
            more = {
                # What was not judged now is as proved as it was.
                "unproved": why if why is not None else last.get("unproved", "") if known_already and last else "",
                "change": str(result.get("change", "")),
                "reason": reason,
                "probes": verdict.get("probes", {}).get(edge, {}),
                "counters": verdict.get("counters", {}).get(edge, {}).get(each.pool, {}).get(each.destination, {}),
            }
            found.append(_line(wave, edge, each, outcome, **more))
    return found


def abandoned(armed: Mapping[str, Any], edge: str, changes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run that armed the change on an edge is proved to be gone.

    By what the device says of it or, where that knows a login alone, by the open changes of the journal.
    """
    return bool(armed.get("abandoned")) or any(each["alive"] is False for each in _of(armed, edge, changes))


def armed_by(armed: Mapping[str, Any], edge: str, changes: Sequence[Mapping[str, Any]]) -> str:
    """Who has an unconfirmed change on an edge, since when, and how it ends, as a sentence without its end."""
    found = _of(armed, edge, changes)
    token = next((run.token_in(str(each["run"])) for each in found), "")
    who = str(armed["who"]) if not token or token in str(armed["who"]) else f"{armed['who']} (run {token})"
    left = armed["seconds_left"]
    back = "goes back by itself" if left is None else f"goes back in {left} s"
    states = [armed.get("alive"), *(each["alive"] for each in found)]
    if True in states:
        end = f"that run is at work; wait for it (without confirmation the change {back})"
    elif False in states:
        end = f"that run is gone; take the change back (it {back})"
    else:
        end = f"nothing here proves that this run is gone, so that the edge's own clock decides: the change {back}"
    return f"{edge} has an unconfirmed change that {who} armed at {armed['at']}; {end}"


def _of(armed: Mapping[str, Any], edge: str, changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The open changes of the journal that are the armed one."""
    return [each for each in changes if (each["edge"], each["change"]) == (edge, armed["id"])]


def _line(wave: str, edge: str, step: Step, outcome: str, **more: Any) -> dict[str, Any]:
    place = {"kind": "step", "wave": wave, "edge": edge, "pool": step.pool, "class": step.destination}
    return {**place, "before": step.before, "after": step.after, "outcome": outcome, **more}


def caught_up(wave: str, answers: Mapping[str, Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The journal's lines for what edges enforce, by the `edge_found` of each, where the journal does not know it yet."""
    known = {key: str(each["after"]) for key, each in journal.newest_confirmed(records).items()}
    found = []
    for edge, answer in answers.items():
        now = actions_of(answer["edge_found"]["gathered"])
        places = [(pool, name) for pool, terms in now.items() for name in terms]
        places += [key[1:] for key in known if key[0] == edge and key[1] not in now]
        for pool, name in places:
            was, becomes = known.get((edge, pool, name), intent.PASS), action_of(now, pool, name)
            if was != becomes:
                found.append(_line(wave, edge, Step(pool, name, was, becomes), "confirmed"))
    return found


def rolled_back(policy: Policy, to: str, pools: Collection[str], records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The journal's lines for the waves that no longer stand when these pools (none named: all) go back to a wave."""
    complete = journal.complete_waves(records)
    names = [each.name for each in policy.waves]
    return [
        {"kind": "wave", "wave": name, "outcome": "rolled_back", "reason": ""}
        for at, name in enumerate(names)
        if at >= wave_index(policy, to)
        and name in complete
        and any(not pools or step.pool in pools for step in steps(policy, wave_before(policy, name), name))
    ]


def rolled_back_all(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The journal's lines for the waves that no longer stand when all of it goes out."""
    return [{"kind": "wave", "wave": name, "outcome": "rolled_back", "reason": ""} for name in journal.complete_waves(records)]
