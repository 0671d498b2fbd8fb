# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report shows: how port 25 went down from wave to wave, what stands, and what is still open.

Numbers come from the counters of the edges as `observe` wrote them into the journal, and as the edges answer now; who did what
comes from the journal. Between two readings of a counter nothing is known but its growth, so that rates are constant there: no
curve is drawn through what nobody measured. A counter that went down began anew.
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import intent, journal
from .acl import REJECTING
from .notice import Rows
from .policy import ANY, Policy, wave_index
from .prefixes import parse_address

Spans = Mapping[tuple[str, str], list["Span"]]
"""By pool and destination class."""
DAY = datetime.timedelta(days=1)
SOON = 30
"""Days before its end in which an exemption ends soon."""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 200, 64, 22, 24
"""A plot, and the room around it for the numbers of the axes and of the waves."""


class Span(NamedTuple):
    """What one edge counted for a pool and class between two readings."""

    place: journal.Place
    begin: datetime.datetime
    end: datetime.datetime
    syns: int

    @property
    def rate(self) -> float:
        """SYNs a day."""
        return self.syns / ((self.end - self.begin) / DAY)


def facts(policy: Policy, wave: str, status: Rows, records: Rows, now: str, probes: Sequence[str] = ()) -> dict[str, Any]:
    """The facts of the report at a time (as the journal writes it), by the rows of the status and the journal's records.

    `probes` are the addresses of all probe hosts. `waves` are numbered, and so are the marks in the `plots`: these have for each
    pool its `lines` (class, SVG path), `marks`, and the `ticks` of both axes. `periods` has the mean SYNs a day between waves,
    `changes` the same before and after the block of each pool and class. `risks` are sentences.
    """
    time = journal.time(now)
    spans = _spans(status, records, time)
    waves = _waves(policy, wave, records)
    return {
        "at": now,
        "operator": str(policy.operator.get("name", "")),
        "wave": wave,
        "confirmed": sum(row["state"] == "confirmed" for row in status),
        "rows": len(status),
        "waves": waves,
        "plots": _plots(policy, spans, waves),
        "periods": _periods(policy, spans, waves, time),
        "changes": _changes(policy, spans, records),
        "exemptions": _exemptions(policy),
        "holds": [{"pool": hold.pool, "wave": hold.wave, "why": hold.why} for hold in policy.holds.values()],
        "risks": _risks(policy, wave, status, records, probes),
        "reasons": _reasons(records),
    }


def _spans(status: Rows, records: Rows, now: datetime.datetime) -> Spans:
    readings: dict[journal.Place, list[tuple[datetime.datetime, int]]] = {}
    for each in journal.steps(records, "observed"):
        if each["counters"].get("out") is not None:
            readings.setdefault(journal.place(each), []).append((journal.time(each["at"]), int(each["counters"]["out"])))
    for row in status:
        if row["out"] is not None:
            readings.setdefault((row["edge"], row["pool"], row["destination"]), []).append((now, int(row["out"])))
    spans: dict[tuple[str, str], list[Span]] = {}
    for place, found in readings.items():
        for (begin, was), (end, out) in itertools.pairwise(found):
            if end > begin:
                spans.setdefault(place[1:], []).append(Span(place, begin, end, out - was if out >= was else out))
    return spans


def _ends(spans: Spans) -> tuple[datetime.datetime, datetime.datetime]:
    flat = [span for each in spans.values() for span in each]
    return min(span.begin for span in flat), max(span.end for span in flat)


def _mean(spans: Iterable[Span], begin: datetime.datetime, end: datetime.datetime) -> float | None:
    """SYNs a day between two times, over all edges together; None where no edge was read."""
    by_place: dict[journal.Place, tuple[float, float]] = {}
    for span in spans:
        shared = (min(span.end, end) - max(span.begin, begin)) / DAY
        if shared > 0:
            count, days = by_place.get(span.place, (0.0, 0.0))
            by_place[span.place] = (count + span.rate * shared, days + shared)
    return sum(count / days for count, days in by_place.values()) if by_place else None


def _waves(policy: Policy, reached: str, records: Rows) -> list[dict[str, Any]]:
    complete = journal.complete_waves(records)
    back = {each["wave"]: each for each in records if each["kind"] == "wave" and each["outcome"] == "rolled_back"}
    found = []
    for number, each in enumerate(policy.waves, 1):
        record = complete.get(each.name) or back.get(each.name)
        state = "confirmed" if each.name in complete else "rolled back" if record else "not confirmed"
        found.append(
            {
                "number": number,
                "name": each.name,
                "date": each.date.isoformat(),
                "action": each.action,
                "pools": list(each.pools),
                "destinations": list(each.destinations) or [ANY],
                "reached": number <= wave_index(policy, reached),
                "state": state,
                **{key: record[key] if record else None for key in ("at", "operator", "reason")},
            }
        )
    return found


def _plots(policy: Policy, spans: Spans, waves: Rows) -> list[dict[str, Any]]:
    """A plot for each pool that was ever read, all with the same time below them."""
    if not spans:
        return []
    begin, end = _ends(spans)

    def x(time: datetime.datetime) -> float:
        return round(LEFT + (time - begin) / (end - begin) * (WIDTH - LEFT - 12), 1)

    marks = [{"x": x(journal.time(each["at"])), "number": each["number"], "state": each["state"]} for each in waves if each["at"]]
    marks = [mark for mark in marks if LEFT <= mark["x"] <= WIDTH]
    plots = []
    for pool in policy.pools:
        lines = {name: steps for name in policy.classes() if (steps := _stairs(spans.get((pool, name), ())))}
        if not lines:
            continue
        top = _round_up(max(rate for steps in lines.values() for _begin, _end, rate in steps))

        def y(rate: float, top: float = top) -> float:
            return round(HEIGHT - BOTTOM - rate / top * (HEIGHT - TOP - BOTTOM), 1)

        plots.append(
            {
                "pool": pool,
                "lines": [
                    {"destination": name, "path": _path([(x(a), x(b), y(rate)) for a, b, rate in steps])}
                    for name, steps in lines.items()
                ],
                "marks": marks,
                "ticks_y": [{"y": y(top * part / 2), "text": f"{top * part / 2:,.10g}"} for part in range(3)],
                "ticks_x": [{"x": x(time), "text": _short(time, end - begin)} for time in _times(begin, end)],
            }
        )
    return plots


def _stairs(spans: Sequence[Span]) -> list[tuple[datetime.datetime, datetime.datetime, float]]:
    """The rate of all edges together, from each reading of any of them to the next."""
    moves: dict[datetime.datetime, tuple[float, int]] = {}
    for span in spans:
        for time, sign in ((span.begin, 1), (span.end, -1)):
            rate, edges = moves.get(time, (0.0, 0))
            moves[time] = (rate + sign * span.rate, edges + sign)
    found = []
    total, reading = 0.0, 0
    for begin, end in itertools.pairwise(sorted(moves)):
        total, reading = total + moves[begin][0], reading + moves[begin][1]
        if reading:
            found.append((begin, end, max(total, 0.0)))
        else:
            total = 0.0
    return found


def _path(stairs: Sequence[tuple[float, float, float]]) -> str:
    """An SVG path that leaves a gap where nothing was read."""
    words, last = [], None
    for begin, end, y in stairs:
        words.append(f"{f'V{y}' if begin == last else f'M{begin} {y}'}H{end}")
        last = end
    return "".join(words)


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10, …, so that the axis has numbers that people read."""
    if value <= 1:
        return 1
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * step for step in (1, 2, 2.5, 5, 10) if size * step >= value)


def _times(begin: datetime.datetime, end: datetime.datetime) -> list[datetime.datetime]:
    return [begin + (end - begin) * part / 4 for part in range(5)]


def _short(time: datetime.datetime, whole: datetime.timedelta) -> str:
    return time.strftime("%Y-%m-%d" if whole > 4 * DAY else "%m-%d %H:%M")


def _periods(policy: Policy, spans: Spans, waves: Rows, now: datetime.datetime) -> dict[str, Any]:
    """The mean SYNs a day of each pool and class before the first wave that was confirmed, and after each one."""
    if not spans:
        return {"heads": [], "rows": []}
    marks = sorted((journal.time(each["at"]), each["name"]) for each in waves if each["at"] and each["state"] == "confirmed")
    cuts = [(_ends(spans)[0], "before"), *((time, f"after {name}") for time, name in marks)]
    ends = [*(time for time, _name in cuts[1:]), now]
    rows = []
    for pool in policy.pools:
        for name in policy.classes():
            if mine := spans.get((pool, name)):
                rates = [_mean(mine, begin, end) for (begin, _head), end in zip(cuts, ends, strict=True)]
                rows.append({"pool": pool, "destination": name, "rates": rates})
    return {"heads": [head for _begin, head in cuts], "rows": rows}


def _changes(policy: Policy, spans: Spans, records: Rows) -> list[dict[str, Any]]:
    """Before and after the first limit or block of each pool and class; a span in which it came belongs to neither."""
    since: dict[journal.Place, datetime.datetime] = {}
    for each in journal.steps(records, "confirmed"):
        if each["after"] in REJECTING:
            since.setdefault(journal.place(each), journal.time(each["at"]))
    found = []
    for pool in policy.pools:
        for name in policy.classes():
            mine = [span for span in spans.get((pool, name), ()) if span.place in since]
            if not mine:
                continue
            first, last = min(span.begin for span in mine), max(span.end for span in mine)
            before = _mean([span for span in mine if span.end <= since[span.place]], first, last)
            after = _mean([span for span in mine if span.begin >= since[span.place]], first, last)
            change = round((after / before - 1) * 100) if before and after is not None else None
            found.append({"pool": pool, "destination": name, "before": before, "after": after, "percent": change})
    return found


def _exemptions(policy: Policy) -> list[dict[str, Any]]:
    """Those that end first stand first, and those without an end last."""
    found = []
    for each in sorted(policy.exemptions, key=lambda exemption: exemption.until or datetime.date.max):
        if each.until is None:
            state = "no end"
        elif each.until < policy.today:
            state = "ended"
        else:
            state = "ends soon" if (each.until - policy.today).days <= SOON else "in force"
        until = each.until.isoformat() if each.until else None
        prefixes = each.prefixes.texts()
        found.append(
            {"prefixes": prefixes, "who": each.who, "why": each.why, "ticket": each.ticket, "until": until, "state": state}
        )
    return found


def _risks(policy: Policy, wave: str, status: Rows, records: Rows, probes: Sequence[str]) -> list[str]:
    silent = {row["edge"]: row["problem"] for row in status if row["state"] == "unknown"}
    found = [f"{edge} did not say what it enforces: {why}." for edge, why in silent.items()]
    says = {
        "armed": "carries a change that nobody has confirmed",
        "unrecorded": "is as wanted, but no run wrote down that it was confirmed",
    }
    for row in status:
        if row["state"] in says:
            found.append(f"{row['edge']}: {row['pool']} x {row['destination']} {says[row['state']]}.")
        elif row["state"] == "unproved":
            found.append(f"{row['edge']}: {row['pool']} x {row['destination']} was kept without proof: {row['problem']}.")
        elif row["state"] == "differs":
            what = row.get("problem") or f"it has {row['device']}, and {row['wanted']} is wanted"
            found.append(f"{row['edge']}: {row['pool']} x {row['destination']} is not as wanted: {what}.")
    for run, changes in journal.open_changes(records).items():
        found += [
            f"{each['edge']}: the run {run} armed the change {each['change']} and never wrote what became of it."
            for each in changes
        ]
    found += policy.warnings
    found += [
        f"The exemption of {each.who} ({', '.join(each.prefixes.texts())}) has no end."
        for each in policy.exemptions
        if not each.until
    ]
    found += [
        f"The wave {each.name} was due on {each.date} and is not reached."
        for each in policy.waves[wave_index(policy, wave) :]
        if each.date < policy.today
    ]
    addresses = [parse_address(text) for text in probes]
    closed = [
        pool for pool, terms in intent.at(policy, policy.waves[-1].name).pools.items() if {a for _name, a in terms} & REJECTING
    ]
    found += [
        f"{pool}: no probe host stands in this pool, so that nobody tries its way out."
        for pool in closed
        if not any(address in policy.pools[pool].prefixes for address in addresses)
    ]
    return found


def _reasons(records: Rows) -> list[dict[str, Any]]:
    """Who went past a gate, or had to go back, and why; each reason of a run once."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in records:
        if each["kind"] in ("step", "wave") and (each["reason"] or each["outcome"] == "rolled_back"):
            keys = ("at", "operator", "playbook", "wave", "outcome", "reason")
            found.setdefault((each["run"], each["wave"], each["outcome"], each["reason"]), {key: each[key] for key in keys})
    return list(found.values())
