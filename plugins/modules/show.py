#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.show."""

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print tables and text for a person
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Prints tables and lines of text on the screen, the same whatever callback and configuration a run has. The connection of the
    host is not used.
  - A table is as wide as E(COLUMNS) says, otherwise as the terminal, otherwise 80 columns, as in AWX. Where that is too narrow,
    cells become shorter, then columns are left out, which a line below the table says. Sentences are wrapped.
  - What is wrong is printed in the colours of Ansible, where Ansible uses colours.
  - With the callbacks C(ansible.posix.json) and C(ansible.posix.jsonl) it goes to stderr, as stdout is theirs.
options:
  table:
    description:
      - A table, or a list of tables, as filters return them, for example P(ccsnet.op25b.plan#filter).
    type: raw
  text:
    description:
      - Text below the tables, or a list of its lines.
      - A line that begins with a blank is printed as it is, for a person to copy.
      - A line may be a mapping with C(text) and C(mark), which is V(good), V(warn) or V(bad).
    type: raw
  title:
    description: A line above the first table.
    type: str
  fail:
    description:
      - When it is not empty, the task fails with this sentence after it has printed everything.
      - Where there is nothing to print, there is nothing to fail for.
    type: str
attributes:
  check_mode:
    description: It prints in check mode as well, and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Show what would change where
  ccsnet.op25b.show:
    table: "{{ {'edge-e1': planned} | ccsnet.op25b.plan }}"
    title: Plan for the wave pilot
  run_once: true

- name: Show what the probe hosts saw, and stop where that is wrong
  ccsnet.op25b.show:
    table: "{{ rows | ccsnet.op25b.matrix }}"
    text:
      - "to go back:"
      - "  ansible-playbook ccsnet.op25b.rollback"
    fail: "{{ 'NO-GO: some probes are not as expected' if rows | rejectattr('ok') | length > 0 else '' }}"
  run_once: true
"""

RETURN = r"""
text:
  description:
    - The printed lines, for a width of 80 columns and without colours.
    - Of more than 40 kB the beginning and the end.
  returned: when the task does not fail
  type: list
  elements: str
  sample: ["edge-e1  east_ftth  any  pass  block  +12 -0", "", "1 of 1 edges would change"]
left_out:
  description: How many lines are missing in the middle of RV(text). None is missing on the screen.
  returned: when the task does not fail
  type: int
  sample: 0
"""
