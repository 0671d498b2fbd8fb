# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what every run did, one JSON line for each record, never changed afterwards.

Every record has `at` (UTC, 2019-03-04T01:02:03Z), `run` (see run.Run; HOST:PID:STARTTIME in old ones), `operator`, `playbook`,
and a `kind`:

    step     one pool and class on one edge: its action before and after, and what became of the change. Confirmed means: from
             `at` on, the edge is at `after`. Observed has the counters alone. `unproved` is empty where probes judged the change,
             else the reason why it stays without.
    wave     a whole wave stands on every edge that it touches, or no longer does
    notice   the customers' page was published, with these waves on these days
    sources  a file with addresses that were seen while observing was written, to be deleted after a day, or was deleted, on a
             `controller`
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import Op25bError
from .policy import like

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
ACTIONS = ("pass", "observe", "limit", "block")
ENDS = ("confirmed", "taken_back", "failed")
"""What may become of an armed change."""
_OUTCOMES = {
    "step": ("armed", *ENDS, "observed"),
    "wave": ("confirmed", "rolled_back"),
    "sources": ("written", "deleted"),
}
_COMMON = {"at": str, "run": str, "operator": str, "playbook": str, "kind": str}
_KEYS: dict[str, dict[str, type]] = {
    "step": {
        **dict.fromkeys(("wave", "edge", "pool", "class", "before", "after", "outcome", "change", "reason", "unproved"), str),
        **dict.fromkeys(("probes", "counters"), Mapping),
    },
    "wave": dict.fromkeys(("wave", "outcome", "reason"), str),
    "notice": {"waves": Mapping, "sha256": str},
    "sources": dict.fromkeys(("file", "last_day", "purpose", "outcome", "controller"), str),
}
_UNSAID: dict[str, Any] = {"change": "", "reason": "", "unproved": "", "controller": "", "probes": {}, "counters": {}}
"""What a record may leave out, or have as None: Ansible makes that of an answer that is blank."""
_TOLD = 10
"""Sentences on lines that are no record: a file that is no journal has thousands of them."""
_SCALARS = (bool, int, float, datetime.date)

Place = tuple[str, str, str]
"""An edge, a pool, and a destination class."""


def line(record: Mapping[str, Any]) -> str:
    """A record as its line, the newline included; raises Op25bError with one sentence."""
    full = _checked(record)
    text = json.dumps(full, ensure_ascii=False, default=str) + "\n"
    # Ansible hands on bytes that are no UTF-8 as halves of characters.
    return text.encode(errors="replace").decode()


def _checked(record: Mapping[str, Any]) -> dict[str, Any]:
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise Op25bError(f"journal: '{kind}' is no kind of a record; write {_one_of(_KEYS)}.")
    keys = {**_COMMON, **_KEYS[kind]}
    for key in record:
        if key not in keys:
            raise Op25bError(f"journal: a record of the kind {kind} has no key '{key}'. {like(str(key), keys)}.")
    full: dict[str, Any] = {}
    for key in keys:
        value = _UNSAID.get(key) if record.get(key) is None else record[key]
        if keys[key] is str and isinstance(value, _SCALARS):
            # Ansible makes a number of the ticket « 4711 », and a date of « 2019-03-04 ».
            value = str(value)
        if value is None:
            raise Op25bError(f"journal: a record of the kind {kind} lacks the key '{key}'.")
        if not isinstance(value, keys[key]):
            what = "a text" if keys[key] is str else "keys and values"
            raise Op25bError(f"journal: {key}: '{value}' is not right in a record of the kind {kind}; write {what}.")
        known = _OUTCOMES[kind] if key == "outcome" else ACTIONS if key in ("before", "after") else None
        if known and value not in known:
            raise Op25bError(f"journal: {key}: '{value}' is unknown in a record of the kind {kind}; write {_one_of(known)}.")
        full[key] = value
    time(full["at"])
    return full


def _one_of(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


def time(text: str) -> datetime.datetime:
    """A time as the journal writes it (UTC); raises Op25bError."""
    try:
        return datetime.datetime.strptime(text, FORMAT)
    except ValueError:
        raise Op25bError(f"journal: at: '{text}' is no time; write one in UTC, as 2019-03-04T01:02:03Z.") from None


def read(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The records of a journal in their order, and a sentence for each line that is none."""
    records: list[dict[str, Any]] = []
    warnings: list[str] = []
    lines = text.split("\n")
    for number, each in enumerate(lines, 1):
        if not each:
            continue
        try:
            found = json.loads(each)
            records.append(_checked(found if isinstance(found, dict) else {}))
        except ValueError:
            if number == len(lines):
                warnings.append(f"journal: line {number}, the last one, is left out: a run was killed while it wrote it.")
            else:
                warnings.append(f"journal: line {number} is no JSON and left out.")
        except Op25bError as err:
            warnings.append(f"journal: line {number} is left out: {str(err).removeprefix('journal: ')}")
    if len(warnings) > _TOLD:
        warnings[_TOLD - 1 :] = [f"journal: {len(warnings) - _TOLD + 1} more lines are left out."]
    return records, warnings


def steps(records: Sequence[Mapping[str, Any]], *outcomes: str) -> Iterable[Mapping[str, Any]]:
    """The steps of which this became."""
    return (each for each in records if each["kind"] == "step" and each["outcome"] in outcomes)


def place(step: Mapping[str, Any]) -> Place:
    """Where a step was."""
    return step["edge"], step["pool"], step["class"]


def newest_confirmed(records: Sequence[Mapping[str, Any]]) -> dict[Place, Mapping[str, Any]]:
    """The newest confirmed step for each edge, pool and class."""
    return {place(each): each for each in steps(records, "confirmed")}


def newest_observed(records: Sequence[Mapping[str, Any]]) -> dict[Place, Mapping[str, Any]]:
    """The newest observation for each edge, pool and class."""
    return {place(each): each for each in steps(records, "observed")}


def open_changes(records: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """For each run the changes that it armed and of which no later line says what became: `edge`, `change`.

    An edge has one armed change at a time: whatever was done there later shows that it is no more.
    """
    armed: dict[str, tuple[str, str]] = {}
    for each in steps(records, "armed", *ENDS):
        if each["outcome"] == "armed":
            armed[each["edge"]] = each["run"], each["change"]
        else:
            armed.pop(each["edge"], None)
    found: dict[str, list[dict[str, str]]] = {}
    for edge, (run, change) in armed.items():
        found.setdefault(run, []).append({"edge": edge, "change": change})
    return found


def complete_waves(records: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The waves that stand on every edge that they touch, each with the record that says so."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in records:
        if each["kind"] == "wave":
            found.pop(each["wave"], None)
            if each["outcome"] == "confirmed":
                found[each["wave"]] = each
    return found


def told_since(records: Sequence[Mapping[str, Any]], wave: str, date: str) -> datetime.date | None:
    """Since when every customers' page has named this wave with this date; None where the newest one does not."""
    first = None
    for each in reversed(records):
        if each["kind"] == "notice":
            if each["waves"].get(wave) != date:
                break
            first = each
    return day(first) if first else None


def day(record: Mapping[str, Any]) -> datetime.date:
    """The day (UTC) of a record."""
    return time(record["at"]).date()


def controller(record: Mapping[str, Any]) -> str:
    """The host on which a file was written; older records have it in the name of their run."""
    return str(record.get("controller") or record["run"].rsplit(":", 2)[0])


def source_files(records: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The files with addresses of customers that were written and not deleted since."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in records:
        if each["kind"] == "sources":
            found.pop(each["file"], None)
            if each["outcome"] == "written":
                found[each["file"]] = each
    return found
