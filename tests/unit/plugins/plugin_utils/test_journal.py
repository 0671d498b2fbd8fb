# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

RUN = {"at": "2019-03-04T01:02:03Z", "run": "2019-03-04T01:00:00Z/k7qmz2xw4a", "operator": "taro", "playbook": "rollout"}


def step(outcome, edge="e1", change="c1", **more):
    kind = {
        "kind": "step",
        "wave": "pilot",
        "edge": edge,
        "pool": "east_ftth",
        "class": "any",
        "before": "pass",
        "after": "block",
    }
    return {**RUN, **kind, "outcome": outcome, "change": change, **more}


def wave(name, outcome):
    return {**RUN, "kind": "wave", "wave": name, "outcome": outcome, "reason": ""}


def notice(**more):
    return {**RUN, "kind": "notice", "waves": {"pilot": "2019-03-04"}, "sha256": "00", **more}


def sources(outcome, file="/srv/s.csv"):
    said = {"file": file, "last_day": "2019-03-20", "purpose": "計画", "outcome": outcome, "controller": "noc"}
    return {**RUN, "kind": "sources", **said}


def test_what_is_written_is_read_as_it_was():
    full = step(
        "confirmed",
        reason="改行\nも",
        unproved="計測器なし",
        probes={"tried": 2, "wrong": []},
        counters={"sent": 1, "out": 2, "in": None},
    )
    records = [full, wave("pilot", "confirmed"), notice(), sources("written")]
    text = "".join(map(journal.line, records))
    assert text.count("\n") == len(records)
    assert journal.read(text) == (records, [])
    assert journal.read("") == ([], [])


def test_what_a_record_leaves_out_is_empty():
    short = step("armed")
    del short["change"]
    empty = step("armed", change="", reason="", unproved="", probes={}, counters={})
    assert journal.read(journal.line(short))[0] == [empty]
    # What Ansible makes of a blank answer.
    blank = {**short, **dict.fromkeys(("change", "reason", "unproved", "probes", "counters"))}
    assert journal.line(blank) == journal.line(short)


def test_what_older_versions_wrote_is_read():
    # A run was a host, a process and its start time; a file with sources was on that host.
    old = {**step("confirmed"), "run": "noc:4711:99", "reason": "", "probes": {}, "counters": {}}
    written = {**sources("written"), "run": "noc:2:4711:99"}
    del written["controller"]
    records, warnings = journal.read(json.dumps(old) + "\n" + json.dumps(written) + "\n")
    assert warnings == []
    assert records[0] == {**old, "unproved": ""}
    assert [journal.controller(each) for each in (records[1], sources("written"))] == ["noc:2", "noc"]


@pytest.mark.parametrize(
    ("value", "text"), [(4711, "4711"), (1.5, "1.5"), (True, "True"), (datetime.date(2019, 3, 4), "2019-03-04"), ("\udce4", "?")]
)
def test_what_ansible_made_of_a_text_is_text(value, text):
    assert json.loads(journal.line(step("armed", reason=value)))["reason"] == text
    assert json.loads(journal.line(notice(waves={"pilot": value})))["waves"]["pilot"] in (value, text)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({**RUN, "kind": "stpe"}, "journal: 'stpe' is no kind of a record; write step, wave, notice or sources."),
        ({**RUN, "kind": ["step"]}, r"journal: '\['step'\]' is no kind of a record;"),
        (RUN, "journal: 'None' is no kind of a record;"),
        (step("armed", reson=""), "journal: a record of the kind step has no key 'reson'. Did you mean reason?"),
        (
            step("done"),
            "journal: outcome: 'done' is unknown in a record of the kind step; write armed, confirmed, taken_back, fai",
        ),
        (wave("pilot", "armed"), "journal: outcome: 'armed' is unknown in a record of the kind wave; write confirmed or rolled_"),
        (
            step("armed", after="blocked"),
            "journal: after: 'blocked' is unknown in a record of the kind step; write pass, observe,",
        ),
        (step("armed", edge=None), "journal: a record of the kind step lacks the key 'edge'."),
        (step("armed", probes=[]), r"journal: probes: '\[\]' is not right in a record of the kind step; write keys and values."),
        (step("armed", wave=["a"]), r"journal: wave: '\['a'\]' is not right in a record of the kind step; write a text."),
        (notice(at="2019-03-04"), "journal: at: '2019-03-04' is no time; write one in UTC, as 2019-03-04T01:02:03Z."),
    ],
)
def test_a_wrong_record_is_refused_in_one_sentence(wrong, sentence):
    with pytest.raises(Op25bError, match=f"^{sentence}"):
        journal.line(wrong)


def test_a_torn_last_line_is_left_out_and_any_other_broken_line_is_named():
    good, last = journal.line(wave("pilot", "confirmed")), journal.line(notice())
    unknown = json.dumps({**RUN, "kind": "coffee"}) + "\n"
    records, warnings = journal.read(good + "[1]\n" + '{"torn\n' + unknown + good + last[:-9])
    assert records == [wave("pilot", "confirmed")] * 2
    assert warnings == [
        "journal: line 2 is left out: 'None' is no kind of a record; write step, wave, notice or sources.",
        "journal: line 3 is no JSON and left out.",
        "journal: line 4 is left out: 'coffee' is no kind of a record; write step, wave, notice or sources.",
        "journal: line 6, the last one, is left out: a run was killed while it wrote it.",
    ]
    # Torn between the record and its newline: nothing of it is missing.
    assert journal.read(good + last[:-1]) == ([wave("pilot", "confirmed"), notice()], [])


def test_a_file_that_is_no_journal_is_not_told_line_by_line():
    records, warnings = journal.read("what is this?\n" * 1000 + journal.line(notice()))
    assert records == [notice()]
    assert len(warnings) == 10
    assert warnings[-1] == "journal: 991 more lines are left out."


def test_the_newest_confirmed_and_observed_step_of_each_place():
    other = step("confirmed", edge="e2")
    records = [step("confirmed"), other, step("observed", counters={"out": 1}), step("confirmed", reason="b"), step("armed")]
    assert journal.newest_confirmed(records) == {
        ("e1", "east_ftth", "any"): step("confirmed", reason="b"),
        ("e2", "east_ftth", "any"): other,
    }
    assert journal.newest_observed(records) == {("e1", "east_ftth", "any"): records[2]}


@pytest.mark.parametrize("end", ["confirmed", "taken_back", "failed"])
def test_an_armed_change_is_open_until_a_later_line_of_that_edge(end):
    records = [step("armed"), step("armed", edge="e2"), step("armed", change="c2", run="noc:5:1")]
    assert journal.open_changes(records) == {
        "2019-03-04T01:00:00Z/k7qmz2xw4a": [{"edge": "e2", "change": "c1"}],
        "noc:5:1": [{"edge": "e1", "change": "c2"}],
    }
    # A run that was killed leaves a line that nobody ends; the next run's lines do.
    assert journal.open_changes([*records, step(end, edge="e2", change=""), step(end, change="c2")]) == {}


def test_a_wave_is_complete_until_it_is_rolled_back():
    records = [wave("observe", "confirmed"), wave("pilot", "confirmed"), notice(), wave("pilot", "rolled_back")]
    assert journal.complete_waves(records) == {"observe": records[0]}
    again = [*records, wave("pilot", "confirmed")]
    assert set(journal.complete_waves(again)) == {"observe", "pilot"}


def test_a_wave_is_told_since_the_first_page_after_which_all_name_it_with_its_date():
    def since(*records):
        return journal.told_since(records, "pilot", "2019-03-04")

    told = [notice(at=f"2019-02-{day:02}T23:59:59Z", waves={"pilot": "2019-03-04"}) for day in (1, 5, 9)]
    other = notice(at="2019-02-03T00:00:00Z", waves={"pilot": "2019-03-05"})
    assert since() is since(step("armed")) is since(*told, other) is None
    assert since(*told, step("armed")) == datetime.date(2019, 2, 1)
    assert since(told[0], other, *told[1:]) == datetime.date(2019, 2, 5)


def test_files_with_sources_are_known_until_they_are_deleted():
    records = [sources("written"), sources("written", "/srv/t.csv"), sources("deleted")]
    assert journal.source_files(records) == {"/srv/t.csv": records[1]}
