# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files with variables of the inventory, all of which are text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory_files
short_description: The files with variables of the inventory, all of which are text
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Lists the files in C(group_vars) and C(host_vars) beside the inventory's sources. One that is not UTF-8 is an error with its
    name and line.
  - Ansible itself reads these files when the first host of a play needs them, and then says neither. The playbook
    C(ccsnet.op25b.validate) therefore asks for them before it has a host.
options:
  _terms:
    description: There are none.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: The inventory is text
  hosts: "{{ 'all' if lookup('ccsnet.op25b.inventory_files', wantlist=true) is sequence }}"
"""

RETURN = r"""
_raw:
  description: The paths.
  type: list
  elements: path
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue.inventory import not_utf8

SUFFIXES = {"", ".yml", ".yaml", ".json"}
"""The files of these directories that Ansible reads."""


class LookupModule(LookupBase):  # type: ignore[misc]
    """Look at each file's bytes."""

    def run(self, _terms: Sequence[str], variables: Mapping[str, Any] | None = None, **_more: Any) -> list[str]:
        """The files; raises AnsibleLookupError with a sentence for each that is no text."""
        found, wrong = [], []
        for source in (variables or {}).get("ansible_inventory_sources") or ():
            for path in _files(Path(str(source))):
                try:
                    path.read_text(encoding="utf-8")
                except UnicodeDecodeError as err:
                    wrong.append(f"inventory: {not_utf8(str(path), err)}")
                except OSError:
                    # Ansible says so itself, and says which.
                    continue
                found.append(str(path))
        if wrong:
            raise AnsibleLookupError(" ".join(wrong))
        return found


def _files(source: Path) -> Iterator[Path]:
    """The files with variables beside an inventory."""
    place = source if source.is_dir() else source.parent
    if source.is_file():
        yield source
    for name in ("group_vars", "host_vars"):
        for path in sorted((place / name).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith("."):
                yield path
