# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a person reads: each message is one sentence that says what is wrong and what would be right."""

from __future__ import annotations

import json
from collections.abc import Sequence


class Op25bError(Exception):
    """Something the operator can mend; its text is shown as it is."""


def missing_library(name: str) -> Op25bError:
    """The error for a controller that lacks a library."""
    return Op25bError(
        f"the Python library {name} is not on this controller; `pip install jsonschema netaddr` brings both that are needed."
    )


def one_line(text: str) -> str:
    """A text whose line breaks, invisible and unprintable characters are written out; Japanese has a space of its own."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\u3000" else each.encode("unicode_escape").decode() for each in text)


def shortened(text: str) -> str:
    """At most 60 characters of a text."""
    return text if len(text) <= 60 else text[:57] + "..."


def shown(value: object) -> str:
    """A value of JSON's types within a sentence: one line, and not longer than helps to find it."""
    return shortened(one_line(f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


class PolicyError(Op25bError):
    """All mistakes of one policy document, in document order."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        head = "The policy has 1 mistake" if count == 1 else f"The policy has {count} mistakes"
        super().__init__("\n".join([f"{head}; nothing was changed on any device:", *(f"- {m}" for m in self.mistakes)]))


class EdgeError(Op25bError):
    """All mistakes in what an inventory says of one edge, in its order."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        head = f"The edge has {len(self.mistakes)} mistakes; nothing was sent:"
        single = len(self.mistakes) == 1
        super().__init__(f"{mistakes[0]} Nothing was sent." if single else "\n".join([head, *(f"- {m}" for m in mistakes)]))
