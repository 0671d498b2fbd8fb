# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a run: tables as data, and as text of a given width.

Filters return Table.as_data(), and the action ccsnet.op25b.show renders it. Widths are in columns of a terminal, of which
a Japanese character takes two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .errors import Op25bError

GOOD, WARN, BAD = "good", "warn", "bad"
MARKS = ("", GOOD, WARN, BAD)
GAP = "  "
INDENT = "    "
NARROWEST = 20
ALARM = re.compile(r"\b(WRONG|NO-GO|NOT KNOWN)\b")
"""A line with one of these is bad, even where nobody marked it."""

Paint = Callable[[str, str], str]
"""Puts a text into the colour of its mark."""


@dataclass(frozen=True)
class Cell:
    """A text, `good`, `warn`, `bad` or without a mark; `short` replaces the text where the width is too small for it."""

    text: str
    mark: str = ""
    short: str = ""


@dataclass(frozen=True)
class Column:
    """A head and an alignment, and a rank: where the width is too small, the column with the highest one is left out first.

    A column without a rank, or in which any cell is marked `warn` or `bad`, is never left out.
    """

    head: str
    right: bool = False
    rank: int = 0


@dataclass(frozen=True)
class Row:
    """A cell for each column, and free text that continues the last cell: behind it where it fits, else wrapped below the row."""

    cells: tuple[Cell | str, ...]
    more: str = ""


@dataclass(frozen=True)
class Table:
    """Rows below a title and the heads, then lines that sum them up (`end`), then details (`notes`).

    A line of `end` or `notes` that begins with a blank is printed as it is: something to copy.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    end: tuple[Cell | str, ...] = ()
    notes: tuple[Cell | str, ...] = ()
    title: str = ""

    def titled(self, title: str) -> Table:
        """The same table with another title."""
        return replace(self, title=title)

    def as_data(self) -> dict[str, Any]:
        """The table in JSON's types."""
        return {
            "title": self.title,
            "columns": [{"head": each.head, "right": each.right, "rank": each.rank} for each in self.columns],
            "rows": [{"cells": [_cell_data(cell) for cell in row.cells], "more": row.more} for row in self.rows],
            "end": [_cell_data(line) for line in self.end],
            "notes": [_cell_data(line) for line in self.notes],
        }

    @classmethod
    def from_data(cls, data: Any) -> Table:
        """The table of such data; raises Op25bError with one sentence."""
        try:
            columns = tuple(Column(str(each["head"]), bool(each["right"]), int(each["rank"])) for each in data["columns"])
            rows = tuple(Row(tuple(map(line_from, each["cells"])), str(each["more"])) for each in data["rows"])
            end, notes = (tuple(map(line_from, data[key])) for key in ("end", "notes"))
            title = str(data["title"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Op25bError("table: this is no table; write what a filter such as ccsnet.op25b.plan returns.") from None
        for at, row in enumerate(rows):
            if len(row.cells) != len(columns):
                raise Op25bError(
                    f"table: rows[{at}]: there are {len(row.cells)} cells; write one for each of {len(columns)} columns."
                )
        return cls(columns, rows, end, notes, title)


def _cell_data(cell: Cell | str) -> Any:
    if isinstance(cell, str) or not (cell.mark or cell.short):
        return cell if isinstance(cell, str) else cell.text
    return {"text": cell.text, "mark": cell.mark, "short": cell.short}


def line_from(data: Any) -> Cell:
    """A cell, or a line, from a text or from a mapping with `text`, `mark` and `short`; raises Op25bError with one sentence."""
    if not isinstance(data, Mapping):
        return Cell(str(data))
    mark = str(data.get("mark") or "")
    if "text" not in data or mark not in MARKS:
        raise Op25bError(f"text: a line with a mark has a text, and is {GOOD}, {WARN} or {BAD}.")
    return Cell(str(data["text"]), mark, str(data.get("short") or ""))


def plain(text: str, _mark: str) -> str:
    """No colour."""
    return text


def render(table: Table, width: int, paint: Paint = plain) -> list[str]:
    """The table as lines, none of which is wider than `width` columns, but for lines to copy.

    Where the width is too small, cells become short, then columns are left out, then the first column becomes a line above its
    rows, and then each row a list. Columns that were left out are named below.
    """
    width = max(width, NARROWEST)
    found = [paint(line, "") for line in _wrap(table.title, width)] if table.title else []
    body = _Body(table.columns, table.rows)
    form = body.form(width) if table.rows else None
    if table.rows:
        found += body.lined_up(form, width, paint) if form else body.listed(width, paint)
    below = [*lines(table.end, width, paint), *lines(table.notes, width, paint)]
    if form and (left_out := body.left_out(form)):
        below += _wrap(f"(no room at {width} columns for: {', '.join(left_out)})", width, GAP)
    return [*found, *([""] if found else []), *below] if below else found


def lines(texts: Sequence[Cell | str], width: int, paint: Paint = plain) -> list[str]:
    """Lines of text in their colours, wrapped at the width, but for those that begin with a blank."""
    found: list[str] = []
    for each in map(_cell, texts):
        mark = each.mark or (BAD if ALARM.search(each.text) else "")
        parts = [_printable(each.text).rstrip()] if each.text[:1].isspace() else _wrap(each.text, max(width, NARROWEST), GAP)
        found += [paint(part, mark) if part else part for part in parts]
    return found


def cells_width(text: str) -> int:
    """How many columns of a terminal a text takes (Unicode Standard Annex 11; ambiguous characters are narrow)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(each) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _cell(given: Cell | str) -> Cell:
    return Cell(given) if isinstance(given, str) else given


def _printable(text: str) -> str:
    """The text without what would move a terminal's cursor or change its colours: devices wrote some of it."""
    return "".join(each if unicodedata.category(each) != "Cc" else " " for each in text)


def _one_line(text: str) -> str:
    return " ".join(_printable(text).split())


def _single(cell: Cell) -> Cell:
    return Cell(_one_line(cell.text), cell.mark, _one_line(cell.short))


class _Form(NamedTuple):
    """A layout: the columns that are shown with their widths, whether cells are short, and whether the first column is lifted."""

    widths: Mapping[int, int]
    short: bool = False
    lifted: bool = False

    @property
    def lined_up(self) -> list[int]:
        """The columns that stand below their heads."""
        return list(self.widths)[1:] if self.lifted else list(self.widths)

    @property
    def margin(self) -> str:
        return GAP if self.lifted else ""

    def width(self, columns: Sequence[int]) -> int:
        """What these columns take together."""
        return len(self.margin) + sum(self.widths[at] for at in columns) + len(GAP) * (len(columns) - 1)


class _Body:
    """The heads and rows of a table, with every cell on one line."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        self.columns = [replace(column, head=_one_line(column.head)) for column in columns]
        self.rows = [[_single(each) for each in map(_cell, row.cells)] for row in rows]
        self.more = [_one_line(row.more) for row in rows]

    def form(self, width: int) -> _Form | None:
        """The first form that fits; None where none does."""
        every = range(len(self.columns))
        full = {at: self._widest(at, [row[at].text for row in self.rows]) for at in every}
        short = {at: self._widest(at, [row[at].short or row[at].text for row in self.rows]) for at in every}
        needed = {at for at in every if any(row[at].mark in (WARN, BAD) for row in self.rows)}
        ranks = {at: self.columns[at].rank for at in every if self.columns[at].rank and at not in needed}
        forms = [_Form(full), _Form(short, short=True)]
        for gone in sorted(ranks, key=lambda at: (-ranks[at], -at)):
            forms.append(_Form({at: each for at, each in forms[-1].widths.items() if at != gone}, short=True))
        forms += [each._replace(lifted=True) for each in forms if len(each.widths) > 1]
        return next((each for each in forms if each.widths and self._fits(each, width)), None)

    def _widest(self, at: int, texts: Sequence[str]) -> int:
        return max(map(cells_width, (self.columns[at].head, *texts)))

    @staticmethod
    def _fits(form: _Form, width: int) -> bool:
        return form.width(form.lined_up) <= width and all(each <= width for each in form.widths.values())

    def left_out(self, form: _Form) -> list[str]:
        """The heads of the columns that a form does not show."""
        return [column.head for at, column in enumerate(self.columns) if at not in form.widths]

    def lined_up(self, form: _Form, width: int, paint: Paint) -> Iterator[str]:
        """Columns below their heads; where the first one is lifted, it is a line above the rows that have it in common."""
        shown = form.lined_up
        last = len(self.columns) - 1
        first = min(form.widths)
        if form.lifted:
            yield self.columns[first].head
        yield self._line(form, [Cell(self.columns[at].head) for at in shown], plain)
        yield "-" * form.width(shown)
        room = width - form.width(shown[:-1]) - len(GAP) if shown[-1] == last and not self.columns[last].right else 0
        margin = form.margin + INDENT
        above = None
        for number, (row, more) in enumerate(zip(self.rows, self.more, strict=True)):
            if form.lifted and row[first] != above:
                above = row[first]
                yield paint(_text(above, form), above.mark)
            cells = [Cell(_text(row[at], form), row[at].mark) for at in shown]
            behind = Cell(_joined(cells[-1].text, more), cells[-1].mark)
            if not more or cells_width(behind.text) <= room:
                yield self._line(form, [*cells[:-1], behind], paint)
                continue
            yield self._line(form, cells, paint)
            if not self._says_the_same(number):
                yield from (margin + paint(part, row[last].mark) for part in _wrap(more, width - len(margin)))

    def _says_the_same(self, at: int) -> bool:
        """Whether the next row, of the same thing, ends with the same cell and text: they stand below the last one, once."""
        rows, more = self.rows[at : at + 2], self.more[at : at + 2]
        return len(rows) > 1 and more[0] == more[1] and rows[0][0] == rows[1][0] and rows[0][-1] == rows[1][-1]

    def _line(self, form: _Form, cells: Sequence[Cell], paint: Paint) -> str:
        found = []
        for at, cell in zip(form.lined_up, cells, strict=True):
            pad = " " * (form.widths[at] - cells_width(cell.text))
            text = paint(cell.text, cell.mark) if cell.text else ""
            found.append(pad + text if self.columns[at].right else text + pad)
        return (form.margin + GAP.join(found)).rstrip()

    def listed(self, width: int, paint: Paint) -> Iterator[str]:
        """A paragraph for each row, a line for each cell: the form that fits everywhere."""
        for at, (row, more) in enumerate(zip(self.rows, self.more, strict=True)):
            if at:
                yield ""
            for number, (column, cell) in enumerate(zip(self.columns, row, strict=True)):
                text = _joined(cell.text, more if number == len(row) - 1 else "")
                margin = GAP if number else ""
                yield from (margin + paint(part, cell.mark) for part in _wrap(f"{column.head}: {text}", width - len(margin)))


def _text(cell: Cell, form: _Form) -> str:
    return cell.short if form.short and cell.short else cell.text


def _joined(text: str, more: str) -> str:
    return f"{text}: {more}" if text and more else text or more


def _wrap(text: str, width: int, hang: str = "") -> list[str]:
    """The text in lines of at most that width, at least one, and `hang` before all but the first.

    It is broken at blanks, and inside of words that are too wide for a line, as Japanese sentences are.
    """
    found: list[str] = []
    line, room = "", width

    def full() -> None:
        nonlocal line, room
        found.append((hang if found else "") + line.rstrip())
        line, room = "", width - len(hang)

    for word in _printable(text).split():
        if (
            line
            and cells_width(f"{line} {word}") > room
            and (cells_width(word) <= width - len(hang) or cells_width(line) + 3 > room)
        ):
            full()
        line += " " if line else ""
        for each in word:
            if cells_width(line) + cells_width(each) > room:
                full()
            line += each
    full()
    return found
