#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.validate."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Look at policy, inventory and inputs before a device is asked
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Finds all that is wrong with the policy, with the variables of edges, probe hosts and relays, with the extra variables, and
    with what the controller has to have. Each mistake is one line on the screen, however many hosts have it; then the task fails.
  - It opens no connection. It looks at every host of the groups that are needed, also at those that C(--limit) leaves out, so
    that it runs once.
  - An extra variable whose name is nearly that of an input, or that begins like those of this collection and is none, is a
    mistake.
  - What need not be mended, but should be known, is a warning, such as a pool in which no probe host is.
options:
  needs:
    description:
      - What is looked at beside the extra variables. V(policy) is the policy document and the wave; V(edges), V(probes) and
        V(relays) are the hosts of these groups.
      - Names of inputs are those that must be given, such as V(op25b_second_path).
      - With an empty list, only the extra variables are looked at, and whether a group is misspelt.
    type: list
    elements: str
    default: [policy, edges, probes]
  already:
    description: What this task returned earlier in the same run. Where that covers O(needs), nothing is done again.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Nothing is ever changed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - plugin: ccsnet.op25b.input
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Everything that can be wrong before a device is asked
  hosts: all
  gather_facts: false
  tasks:
    - name: Look at it
      ccsnet.op25b.validate:
        needs: [policy, edges, probes, op25b_second_path, op25b_relay_check]
      run_once: true
"""

RETURN = r"""
counts:
  description: How many pools, waves, edges, probes and relays there are, of what was looked at.
  type: dict
  returned: when nothing is wrong
needs:
  description: What was looked at.
  type: list
  elements: str
  returned: when nothing is wrong
msg:
  description: The counts on one line, or how many mistakes there are.
  type: str
  returned: always
warnings:
  description: One sentence for each thing that should be known.
  type: list
  elements: str
  returned: when there are any
"""
