# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a run: a table as text."""

from __future__ import annotations

from collections.abc import Sequence


def text(body: Sequence[Sequence[str]], end: str) -> str:
    """Columns of one width, the first line as their heads, and `end` below all."""
    widths = [max(len(line[column]) for line in body) for column in range(len(body[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in body]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "", end]) + "\n"
