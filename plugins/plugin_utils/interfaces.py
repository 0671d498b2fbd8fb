# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that an edge's attachments and uplinks name, held against those that the device has."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from .acl import Acl, Attachment, bound
from .policy import like
from .strictness import stricter


def check(
    attachments: Sequence[Attachment], uplinks: Sequence[str], names: Mapping[str, str], have: Acl, want: Acl
) -> tuple[list[str], list[str]]:
    """Mistakes and warnings about interfaces that the device does not have; `names` are those that it has, as a dialect says.

    A change that makes nothing stricter is not held up by an interface that has gone: what the device has of it already,
    and what no pool needs any more, is a warning then.
    """
    mistakes: list[str] = []
    warnings: list[str] = []
    back = not stricter(have, want)
    # A device that filters at its uplinks does not say by which interfaces a pool comes: any name may have been there.
    had = {pool.name: pool.interfaces for pool in have.pools}
    needed = {pool.name for pool in want.pools}
    asked = [(f"uplinks[{at}]", name, not needed or bound(name, have.uplinks)) for at, name in enumerate(uplinks)]
    for at, each in enumerate(attachments):
        known = all(bound(each.interface, had[pool]) for pool in each.pools if pool in needed and pool in had)
        asked.append((f"attachments[{at}].interface", each.interface, known))
    kernel = sorted({name for name in names.values() if names[name] == name}, key=_natural)
    for where, name, before in asked:
        if names.get(name) == name:
            continue
        if name.endswith("*"):
            if not any(bound(each, (name,)) for each in kernel):
                warnings.append(
                    f"{where}: no interface of this device begins with '{name[:-1]}' now; '{name}' means those that may come."
                )
        elif name in names:
            sentence = f"{where}: '{name}' is another name of {names[name]}, which no rule matches; write {names[name]}."
            (warnings if back and before else mistakes).append(sentence)
        elif back and before:
            warnings.append(f"{where}: this device has no interface '{name}'; nothing becomes stricter, so the change goes on.")
        else:
            hint = like(name, kernel, _likely(name, kernel))
            mistakes.append(f"{where}: this device has no interface '{name}'. {hint}.")
    return mistakes, warnings


def _likely(name: str, names: Sequence[str]) -> str:
    """The one of these names that somebody means by another case, an abbreviation, or without the unit; empty where none is."""
    word, number = _split(name)
    for unit in ("", ".0"):
        for each in names:
            other, its = _split(each)
            if its == number + unit and other.startswith(word):
                return each
    for each in names:
        if each.casefold().startswith(f"{name.casefold()}."):
            return each
    for each in names:
        other, its = _split(each)
        letters = iter(other)
        # Be100 is Bundle-Ether100.
        if its == number and word[:1] == other[:1] and all(letter in letters for letter in word):
            return each
    # Of that kind the nearest number, else what looks most like it.
    alike = [each for each in names if word and number and _split(each)[0].startswith(word)]
    folded = {f"{word}{_split(each)[1]}" if alike else each.casefold(): each for each in reversed(alike or names)}
    near = difflib.get_close_matches(name.casefold(), folded, 1)
    return folded[near[0]] if near else ""


def _split(name: str) -> tuple[str, str]:
    """The kind of an interface in small letters, and its number."""
    at = next((at for at, letter in enumerate(name) if letter.isdigit()), len(name))
    return name[:at].casefold(), name[at:].casefold()


def _natural(name: str) -> tuple[str, list[int], str]:
    return _split(name)[0], [int(number) for number in re.findall(r"\d+", name)], name
