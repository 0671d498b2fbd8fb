# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs as Ansible has them: templated, or one sentence why that cannot be done, and as they were typed."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError, AnsibleTemplatePluginError, AnsibleUndefinedVariable, AnsibleValueOmittedError

try:
    # The only way to know where a value stands; without it, text is what ansible-core's YAML made of it.
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

from .. import inputs
from ..errors import Op25bError
from ..inventory_check import PHASE

_PLAIN = (int, float, datetime.date)
_MARKS = ("{{", "{%", "{#")


def evaluate(value: Any, templar: Callable[[], Any]) -> Any:
    """A variable without its templates; raises Op25bError with a sentence that completes « key: »."""
    if not _may_be_template(value):
        return value
    try:
        return templar().template(value)
    except AnsibleValueOmittedError:
        return None
    except AnsibleError as err:
        raise Op25bError(_why(err)) from err


def _may_be_template(value: Any) -> bool:
    # Most values are none, and asking Ansible costs ten times as much as looking.
    if value is None or isinstance(value, _PLAIN):
        return False
    if isinstance(value, str):
        return any(mark in value for mark in _MARKS)
    if isinstance(value, dict):
        return any(map(_may_be_template, value)) or any(map(_may_be_template, value.values()))
    # What is left, as a vaulted value, is Ansible's own.
    return not isinstance(value, list) or any(map(_may_be_template, value))


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    while err is not None:
        yield err
        err = err.__cause__


def _why(err: AnsibleError) -> str:
    """Why a template has no value. No text of a failing expression is shown: that may hold a secret."""
    text = str(err)
    if any("Vault" in type(each).__name__ for each in _causes(err)):
        return "its vaulted value cannot be decrypted; give the right password, as with --ask-vault-pass."
    if isinstance(err, AnsibleUndefinedVariable):
        name = re.search(r"'([^']*)' is undefined|has no (?:attribute|element) '?([^']*)'?", text)
        what = f"'{name[1] or name[2]}', which is" if name else f"what is not there ({text}), or"
        return f"its template refers to {what} not defined here; define it, or write the value itself."
    if isinstance(err, AnsibleTemplatePluginError):
        return f"its template fails: {text.partition(' Use -v')[0].rstrip('.')}."
    if text.startswith("Syntax error"):
        return f"its template cannot be read ({text.partition(': ')[2].rstrip('.')}); mend it."
    return "its template fails; `ansible HOST -m ansible.builtin.debug -a var=KEY` shows how."


def as_typed(value: Any, kind: inputs.Kind) -> Any:
    """Numbers and dates where text is wanted, as the text that stands in their file: 0123 is 83 in YAML, and a ticket is not.

    A truth value carries no place: its word is lost.
    """
    if isinstance(kind, inputs.Items) and isinstance(value, list):
        return [as_typed(item, kind.of) for item in value]
    if isinstance(kind, inputs.Fields) and isinstance(value, dict):
        kinds = {each.name: each.kind for each in kind.fields}
        return {key: as_typed(item, kinds[key]) if key in kinds else item for key, item in value.items()}
    if isinstance(kind, inputs.Text) and isinstance(value, _PLAIN) and not isinstance(value, bool) and Origin is not None:
        with contextlib.suppress(OSError, ValueError, LookupError, AttributeError, yaml.YAMLError):
            place = Origin.get_tag(value)
            return _scalars(place.path, Path(place.path).stat().st_mtime_ns)[place.line_num, place.col_num]
    return value


@lru_cache(maxsize=64)
def _scalars(path: str, _changed: int) -> Mapping[tuple[int, int], str]:
    """The text of every scalar of a YAML file, by its line and column, both counted from 1."""
    found: dict[tuple[int, int], str] = {}
    with Path(path).open(encoding="utf-8") as file:
        for event in yaml.parse(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.ScalarEvent) and event.start_mark:
                found[event.start_mark.line + 1, event.start_mark.column + 1] = event.value
    return found


def of_host(name: str, variables: Mapping[str, Any], templar: Any) -> tuple[Any, list[inputs.Mistake]]:
    """An input by the variables of a host, and what is wrong with it."""
    inputs.known(name)
    try:
        value = evaluate(variables.get(name), lambda: templar)
        if name == "op25b_wave" and inputs.is_blank(value):
            # A blank answer must not hide what the phase is about.
            phase = evaluate(variables.get(PHASE), lambda: templar)
            value = phase.get("wave") if isinstance(phase, Mapping) else value
    except Op25bError as err:
        return None, [(name, str(err))]
    return inputs.read(name, as_typed(value, inputs.TABLE[name].kind))
