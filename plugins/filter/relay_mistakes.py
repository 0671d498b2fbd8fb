# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter relay_mistakes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy, relay
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

DOCUMENTATION = r"""
name: relay_mistakes
short_description: Find the mistakes in the settings of a submission relay
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Holds the variables of the role P(ccsnet.op25b.submission_relay#role) against each other and against the policy.
    The role does so before it changes anything.
positional: settings
options:
  _input:
    description: The policy.
    type: dict
    required: true
  settings:
    description:
      - The role's variables without the role's name in front, with its defaults in them, C(own_parameters), the names of the
        Postfix parameters that the role sets, and C(addresses), those of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The settings are right
  ansible.builtin.assert:
    that: op25b_policy | ccsnet.op25b.relay_mistakes(settings) | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for each mistake. None shows a password or a hash.
  type: list
  elements: str
"""


def relay_mistakes(document: Any, settings: Mapping[str, Any]) -> list[str]:
    """The mistakes in the settings of a submission relay."""
    try:
        return relay.mistakes(settings, policy.load(document, datetime.date.today()))
    except Op25bError as err:
        raise AnsibleFilterError(f"ccsnet.op25b.relay_mistakes: {err}") from err


class FilterModule:
    """The filter by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter of this file."""
        return {"relay_mistakes": relay_mistakes}
