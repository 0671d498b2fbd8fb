# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and text on the screen, through Ansible's display."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import tables
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

ARGUMENTS = {
    "table": {"type": "raw"},
    "text": {"type": "raw"},
    "title": {"type": "str"},
    "fail": {"type": "str"},
}
AT_ONCE = 900
"""What goes to the display in one piece: of an event with more than 1024 characters, AWX shows only the beginning."""
RESULT_WIDTH = 80
RESULT_BYTES = 40_000
JSON_CALLBACKS = ("json", "jsonl")
"""Callbacks that print JSON for programs: there, people read what is on stderr."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """Print what the core rendered; the connection of the host is not used."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print, and fail where that is wanted."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(ARGUMENTS)
        try:
            shown, text = _tables(given["table"], given["title"]), _text(given["text"])
        except Op25bError as err:
            raise AnsibleActionFail(str(err)) from err
        if not self._task.no_log:
            _display(list(_lines(shown, text, _width(), _paint)))
        if given["fail"] and (shown or text):
            # Without the text, since the callback prints the whole result of a task that fails.
            raise AnsibleActionFail(given["fail"])
        # With -v, the callback would print the text once more, as JSON.
        result.update(changed=False, _ansible_verbose_override=True)
        result.update(_bounded(list(_lines(shown, text, RESULT_WIDTH, tables.plain))))
        return result


def _tables(given: Any, title: str | None) -> list[tables.Table]:
    found = [tables.Table.from_data(each) for each in ([given] if isinstance(given, Mapping) else given or ())]
    if title and found:
        found[0] = found[0].titled(title)
    return found


def _text(given: Any) -> list[tables.Cell]:
    if isinstance(given, str):
        return [tables.Cell(line) for line in given.splitlines()]
    return [tables.line_from(each) for each in ([given] if isinstance(given, Mapping) else given or ())]


def _lines(shown: Sequence[tables.Table], text: Sequence[tables.Cell], width: int, paint: tables.Paint) -> Iterator[str]:
    """Tables, then text, with an empty line below each."""
    for table in shown:
        yield from (*tables.render(table, width, paint), "")
    if text:
        yield from (*tables.lines(text, width, paint), "")


def _width() -> int:
    """COLUMNS, else what Ansible's display measured when the run began: a worker itself has no terminal."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else int(Display().columns) + 1


def _paint(text: str, mark: str) -> str:
    """The text in Ansible's own colours, where Ansible uses colours."""
    colours = {tables.GOOD: constants.COLOR_OK, tables.WARN: constants.COLOR_WARN, tables.BAD: constants.COLOR_ERROR}
    return str(stringc(text, colours[mark])) if mark else text


def _display(lines: Sequence[str]) -> None:
    """Print the lines, many at once, so that what others print does not come between them."""
    to_stderr = str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] in JSON_CALLBACKS
    for piece in _pieces(lines):
        Display().display(piece, stderr=to_stderr)


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    """The lines in pieces, none of which ends with an empty line, since an event loses these."""
    piece = ""
    for line in lines:
        # A terminal's line ends with two characters.
        if piece.strip("\n") and len(piece) + piece.count("\n") + len(line) + 2 > AT_ONCE:
            whole = piece.rstrip("\n") + "\n"
            yield whole
            piece = piece[len(whole) :]
        piece += line + "\n"
    if piece:
        yield piece


def _bounded(lines: Sequence[str]) -> dict[str, Any]:
    """The lines from the begin and from the end for which a result has room, and how many are left out between them."""
    half = RESULT_BYTES // 2
    head = list(_as_many(lines, half))
    tail = list(_as_many(lines[: len(head) - 1 : -1] if head else lines[::-1], half))[::-1]
    return {"text": [*head, *tail], "left_out": len(lines) - len(head) - len(tail)}


def _as_many(lines: Sequence[str], room: int) -> Iterator[str]:
    for line in lines:
        room -= len(json.dumps(line)) + 2
        if room < 0:
            return
        yield line
