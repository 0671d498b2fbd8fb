# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An input of this collection, whatever a survey or YAML made of it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: input
short_description: An input of this collection, whatever a survey or YAML made of it
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Reads a variable of the current host as the playbooks and roles of this collection need it. A blank text and V(null) mean
    that nothing was given, as AWX hands on an answer that was left blank.
  - Where text is wanted, numbers and dates are the text that was typed. Where a list is wanted, V(1,25%), a text of several
    lines, and one value alone are lists. Flags may be words, and numbers may be text.
  - What is not given has its default, or is V(null) where it has none, so that C(| default(omit, true)) leaves it out. For
    C(op25b_wave), this is the wave of the phase's inventory.
  - The value of a variable must not be this lookup of the same variable, which would never end.
options:
  _terms:
    description: The names of variables, such as C(op25b_override).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Write down why the wave begins before its date
  ccsnet.op25b.journal:
    path: "{{ lookup('ccsnet.op25b.input', 'op25b_journal') | default(omit, true) }}"
    records:
      - kind: wave
        wave: "{{ lookup('ccsnet.op25b.input', 'op25b_wave') }}"
        outcome: confirmed
        reason: "{{ lookup('ccsnet.op25b.input', 'op25b_override') | default('', true) }}"
"""

RETURN = r"""
_raw:
  description: The value of each variable.
  type: list
  elements: raw
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import inputs


class LookupModule(LookupBase):  # type: ignore[misc]
    """Translate between Ansible and the table of inputs."""

    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **_more: Any) -> list[Any]:
        """The value of each input; raises AnsibleLookupError with a sentence for each mistake."""
        found, wrong = [], []
        for name in terms:
            try:
                value, mistakes = inputs.of_host(str(name), variables or {}, self._templar)
            except Op25bError as err:
                raise AnsibleLookupError(str(err)) from None
            found.append(value)
            wrong += [f"{key}: {sentence}" for key, sentence in mistakes]
        if wrong:
            raise AnsibleLookupError(" ".join(wrong))
        return found
