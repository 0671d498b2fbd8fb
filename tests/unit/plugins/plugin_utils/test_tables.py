# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tables look like. After a wanted change, OP25B_WRITE_SCREENS=1 writes the files anew; read their diff."""

from __future__ import annotations

import itertools
import json
import os
import re
import unicodedata

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.tables import Cell, Column, Row, Table, cells_width, lines, render
from hypothesis import given
from hypothesis import strategies as st

from tests.screens import FILES, SCREENS, WIDTHS, text


def marked(words, mark):
    return f"<{mark}:{words}>" if mark else words


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_what_its_file_says(name, width):
    file = FILES / f"{name}.{width}.txt"
    shown = text(SCREENS[name](), width)
    if os.environ.get("OP25B_WRITE_SCREENS"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
    # A command to copy is one line at any width.
    assert max(cells_width(line) for line in shown.splitlines() if not line.startswith("  ansible")) <= width
    assert not re.search(r"[ \t]$", shown, re.MULTILINE)


def test_there_is_no_file_without_a_screen():
    assert {file.name for file in FILES.iterdir()} == {f"{name}.{width}.txt" for name in SCREENS for width in WIDTHS}


def test_data_are_in_the_types_of_json_and_the_table_comes_back():
    for make in SCREENS.values():
        for table in make():
            data = json.loads(json.dumps(table.as_data()))
            assert Table.from_data(data).as_data() == table.as_data()
            assert render(Table.from_data(data), 80) == render(table, 80)


def small(*rows, **more):
    columns = (Column("edge"), Column("pool"), Column("SYN", right=True, rank=2), Column("since", rank=1), Column("state"))
    return Table(columns, rows, **more)


WHOLE = "2019-03-04T01:02:03Z"
ROW = Row(("edge-l1", "east_ftth", "17", Cell(WHOLE, short="2019-03-04"), Cell("confirmed")))


@pytest.mark.parametrize(
    ("width", "head", "row", "below"),
    [
        (58, "edge     pool       SYN  since                 state", f"edge-l1  east_ftth   17  {WHOLE}  confirmed", []),
        (50, "edge     pool       SYN  since       state", "edge-l1  east_ftth   17  2019-03-04  confirmed", []),
        (42, "edge     pool       since       state", "edge-l1  east_ftth  2019-03-04  confirmed", ["SYN"]),
        (33, "edge     pool       state", "edge-l1  east_ftth  confirmed", ["SYN, since"]),
        (25, "  pool       state", "  east_ftth  confirmed", ["SYN, since"]),
        (20, "edge: edge-l1", "  pool: east_ftth", []),
    ],
)
def test_where_the_width_is_small_cells_are_short_then_columns_go_by_their_rank(width, head, row, below):
    shown = render(small(ROW), width)
    assert head in shown
    assert row in shown
    joined = " ".join(" ".join(shown).split())
    assert [joined.partition(f"(no room at {width} columns for: ")[2].rstrip(")")] == (below or [""])
    assert all(len(line) <= width for line in shown)


@pytest.mark.parametrize(("mark", "stays"), [("", False), ("good", False), ("warn", True), ("bad", True)])
def test_a_column_in_which_something_is_wrong_stays(mark, stays):
    wrong = Row(("edge-l1", "east_ftth", Cell("17", mark), "2019-03-04", "confirmed"))
    assert ("SYN" in render(small(wrong), 42)[0]) == stays


def test_a_sentence_is_behind_its_cell_where_it_fits_and_below_its_row_where_it_does_not():
    rows = [Row(("e1", "a", "1", "-", Cell("NOT KNOWN", "bad")), words) for words in ("no route", "no route " * 12)]
    assert render(small(*rows), 60, marked)[2:] == [
        "e1    a       1  -      <bad:NOT KNOWN: no route>",
        "e1    a       1  -      <bad:NOT KNOWN>",
        "    <bad:no route no route no route no route no route no route no>",
        "    <bad:route no route no route no route no route no route>",
    ]
    no_cell = Table((Column("login"), Column("why")), (Row(("taro", ""), "spam"), Row(("jiro", ""), "spam " * 9)))
    assert render(no_cell, 30)[2:] == ["taro   spam", "jiro", *["    " + "spam " * 4 + "spam", "    " + "spam " * 3 + "spam"]]


def test_the_same_sentence_in_rows_of_one_edge_is_below_the_last_of_them_once():
    silent = [Row((edge, pool, "-", "-", "NOT KNOWN"), "silent " * 12) for edge in ("e1", "e2") for pool in ("a", "b")]
    shown = render(small(*silent), 60)[2:]
    assert [line.split()[0] for line in shown] == ["e1", "e1", "silent", "silent", "e2", "e2", "silent", "silent"]


def test_rows_below_a_lifted_cell_have_it_in_common():
    rows = [Row((edge * 14, pool, "17", "2019-03-04", "confirmed")) for edge in ("e1", "e2") for pool in ("a", "b")]
    assert render(small(*rows), 34) == [
        "edge",
        "  pool  SYN  since       state",
        "-" * 34,
        "e1" * 14,
        "  a      17  2019-03-04  confirmed",
        "  b      17  2019-03-04  confirmed",
        "e2" * 14,
        "  a      17  2019-03-04  confirmed",
        "  b      17  2019-03-04  confirmed",
    ]


def test_japanese_characters_are_two_columns_wide_and_sentences_without_blanks_are_broken():
    assert [cells_width(each) for each in ("東京", "ﾄｳｷｮｳ", "か\u3099", "Tōkyō", "e\u0301", "abc")] == [4, 5, 2, 5, 1, 3]
    rows = [Row((name, "a", "1", "-", "ok")) for name in ("東京大手町", "e1")]
    shown = render(small(*rows, end=("装置が応答しません" * 4,)), 40)
    starts = [cells_width(line[: line.rindex("ok")]) for line in shown if line.endswith("ok")]
    assert len(set(starts)) == 1
    assert shown[-2:] == ["装置が応答しません装置が応答しません装置", "  が応答しません装置が応答しません"]


def test_what_a_device_wrote_neither_moves_the_cursor_nor_breaks_a_row():
    row = Row(("e\n1", "\x1b[2Ja", "1\t", "-", "ok"), "a\r\nb\x07")
    shown = render(small(row, end=("\x1b[31mred",), notes=("  \x1b[1m kept",)), 80)
    assert not any(unicodedata.category(each) == "Cc" for each in "".join(shown))
    assert shown[2] == "e 1   [2Ja    1  -      ok: a b"


def test_what_is_wrong_is_marked_and_what_is_to_be_copied_is_whole():
    command = "  ansible-playbook ccsnet.op25b.rollback " + "-e op25b_to=before " * 5
    given = ["all is well", "2 WRONG", "NO-GO: no", "KNOWN, or NOT KNOWN", Cell("armed", "warn"), command.rstrip(), ""]
    assert lines(given, 40, marked) == [
        "all is well",
        "<bad:2 WRONG>",
        "<bad:NO-GO: no>",
        "<bad:KNOWN, or NOT KNOWN>",
        "<warn:armed>",
        command.rstrip(),
        "",
    ]
    wrapped = lines(["NO-GO, " + "it is so " * 5], 30, marked)
    assert wrapped == ["<bad:NO-GO, it is so it is so it is>", "<bad:  so it is so it is so>"]


def test_every_kind_of_table_marks_what_a_person_must_see():
    def words(name):
        shown = (line for table in SCREENS[name]() for line in render(table, 120, marked))
        return set(re.findall(r"<(?:bad|warn):([A-Za-z ]+)", "\n".join(shown)))

    assert "NOT KNOWN" in words("plan")
    assert {"WRONG", "filtered", "open "} <= words("matrix_wrong")
    assert {"differs", "armed", "NOT KNOWN"} <= words("status")
    assert "NOT KNOWN" in words("observed")
    assert {"LOOK", "NOT KNOWN", "missing"} <= words("relays")
    assert words("matrix") == set()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("a table as text", "table: this is no table; write what a filter such as ccsnet.op25b.plan returns."),
        ({"columns": []}, "table: this is no table; write what a filter such as ccsnet.op25b.plan returns."),
        ({**small().as_data(), "rows": [{"cells": ["e1"], "more": ""}]}, "table: rows[0]: there are 1 cells; write one for each"),
        ({**small().as_data(), "end": [{"text": "x", "mark": "red"}]}, "text: a line with a mark has a text, and is good, warn"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(data, sentence):
    with pytest.raises(Op25bError) as refused:
        Table.from_data(data)
    assert str(refused.value).startswith(sentence)


WORDS = st.text(st.sampled_from("ab -東か\u3099\n"), max_size=30)
CELLS = st.builds(Cell, WORDS, st.sampled_from(["", "good", "warn", "bad"]), WORDS)
COLUMNS = st.lists(st.builds(Column, WORDS, st.booleans(), st.integers(0, 3)), min_size=1, max_size=5)
TABLES = COLUMNS.flatmap(
    lambda columns: st.builds(
        Table,
        st.just(tuple(columns)),
        st.lists(st.builds(Row, st.tuples(*(CELLS for _column in columns)), WORDS), max_size=4).map(tuple),
        st.lists(WORDS.map(str.strip), max_size=2).map(tuple),
        title=WORDS,
    )
)


@given(TABLES, st.integers(20, 130))
def test_no_line_is_wider_than_the_width_or_ends_with_a_blank_and_colours_move_nothing(table, width):
    shown = render(table, width)
    assert all(cells_width(line) <= width for line in shown)
    assert all(line == line.rstrip() for line in shown)
    assert [re.sub(r"\x1b[BE]", "", line) for line in render(table, width, lambda words, mark: f"\x1bB{words}\x1bE")] == shown


@given(TABLES)
def test_nothing_that_is_marked_is_lost_at_any_width(table):
    for width in (20, 40, 80):
        shown = "".join("".join(render(table, width)).split())
        for cell in itertools.chain.from_iterable(row.cells for row in table.rows):
            if cell.mark in ("warn", "bad"):
                assert any("".join(words.split()) in shown for words in (cell.text, cell.short or cell.text))
