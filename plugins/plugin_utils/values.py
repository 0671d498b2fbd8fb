# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a document as its JSON Schema wants them, whatever YAML, Jinja or a survey made of them.

Ansible tags its strings; YAML reads 4711 as a number, 2019-03-01 as a date and `no` as false; Jinja makes texts of
numbers, and 10.0 of 10. A reader is made of the schema once and reads a whole document: each value becomes what its
field takes where there is no doubt what was meant. Otherwise a Wrong stands in its place, at which the validation stops.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import shown

Reader = Callable[[Any], Any]
Schema = Mapping[str, Any]

_INTEGER = re.compile(r"(-?(?:0|[1-9][0-9]{0,14}))(?:\.0+)?")
_LARGEST = 10**15
"""No field takes more, and the text of a number with thousands of digits cannot even be made."""
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?Z|[+-][0-9]{2}:?[0-9]{2})?")
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_BREAKS = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]\s*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
QUOTED = ", in quotes"


@dataclass(frozen=True)
class Wrong:
    """A value that its field cannot take; the sentence is « SAYS; write what the schema describes REMEDY »."""

    says: str
    remedy: str = ""


def reader(node: Schema, root: Schema | None = None) -> Reader:
    """The reader of what this part of a schema describes; `root` is the whole schema, whose `$defs` it may name."""
    root = node if root is None else root
    while "$ref" in node:
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    if "if" in node:
        return _word_or(reader(node["else"], root))
    kind = node.get("type")
    if kind == "object":
        return _mapping(node, root)
    if kind == "array":
        return _list(reader(node["items"], root))
    if kind == "boolean":
        return _switch
    if kind == "integer" or isinstance(node.get("const"), int):
        return _integer
    if node.get("format") == "date":
        return _day
    return _text if "minLength" in node or "pattern" in node else _word


def _mapping(node: Schema, root: Schema) -> Reader:
    named = {key: reader(part, root) for key, part in node.get("properties", {}).items()}
    optional = named.keys() - set(node.get("required", ()))
    others = node.get("additionalProperties")
    other = reader(others, root) if isinstance(others, Mapping) else None

    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return _plain(value)
        found = {}
        for key, item in value.items():
            text = _key(key)
            if item is None and text in optional:
                continue
            read_item = named.get(text, other)
            # What stands under an unknown key is nobody's business.
            found[text] = read_item(item) if read_item else None
        return found

    return read


def _list(item: Reader) -> Reader:
    def read(value: Any) -> Any:
        return [item(each) for each in value] if _is_list(value) else _plain(value)

    return read


def _word_or(other: Reader) -> Reader:
    return lambda value: _word(value) if isinstance(value, str) else other(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _key(key: Any) -> str:
    """A key as text; what YAML did not read as text becomes what can be no name and is no known key."""
    if key is None or isinstance(key, (str, bool)):
        return str(key)
    plain = _plain(key)
    return str(plain) if isinstance(plain, (int, str)) else f"<{type(key).__name__}>"


def _plain(value: Any) -> Any:
    """A value in JSON's own types, unchanged otherwise: what is wrong with it, the validation says."""
    if value is None:
        return Wrong("this is empty")
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if abs(value) < _LARGEST else Wrong("so large a number is not right here")
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return Wrong("a mapping is not right here")
    if _is_list(value):
        return Wrong("a list is not right here")
    return Wrong(f"a value of the type {type(value).__name__} is not right here")


def _integer(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _LARGEST else Wrong(f"{float(value)} is not right here")
    if isinstance(value, str) and (found := _INTEGER.fullmatch(value.strip())):
        return int(found[1])
    return _plain(value)


def _switch(value: Any) -> Any:
    return _SWITCHES.get(value.strip().lower(), _plain(value)) if isinstance(value, str) else _plain(value)


def _day(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, str):
        text = value.strip()
        found = _MOMENT.fullmatch(text)
        return found[1] if found else text
    return _plain(value)


def _word(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else _plain(value)


def _text(value: Any) -> Any:
    """A name or a text on one line. What of a number or a truth value the operator wrote can no longer be known in part."""
    if isinstance(value, str):
        line = _BREAKS.sub(" ", value.strip())
        return Wrong(f"{shown(line)} holds a character that cannot be printed") if _UNPRINTABLE.search(line) else line
    if isinstance(value, bool):
        return Wrong(f"YAML reads this as {'true, like yes and on' if value else 'false, like no and off'}", QUOTED)
    if isinstance(value, float):
        return Wrong(f"{float(value)} is a number, of which YAML and Jinja drop zeros", QUOTED)
    plain = _plain(value)
    return str(plain) if isinstance(plain, int) else plain
