#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.journal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: journal
short_description: Write down what a run did, and read it
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Appends records to the journal, a file of JSON lines on the controller, whatever the connection of the host is. Several runs
    may do so at once; what is there is never changed.
  - Every record is completed with C(at) (UTC), C(run) (the host, process id and start time of the run), C(operator)
    (C(awx_user_name), or the login) and C(playbook).
  - A line that a killed run left torn is told as a warning, and the next record begins on a line of its own.
options:
  path:
    description: The journal's file, usually C(op25b_journal). It and its directory are made where they are missing.
    type: path
    default: ~/.local/state/ccsnet.op25b/journal.jsonl
  state:
    description: V(present) appends O(records), V(gathered) reads all of them.
    type: str
    choices: [present, gathered]
    default: present
  records:
    description:
      - The records to append, all or none. With an empty list only the file is made, to see that it can be written.
      - Each has a C(kind). A V(step) is one pool and destination class on one edge, with C(wave), C(edge), C(pool), C(class),
        C(before), C(after), C(outcome) (V(armed), V(confirmed), V(taken_back), V(failed) or V(observed)), and where there is
        one, C(change), C(reason), C(probes) and C(counters).
      - A V(wave) has C(wave), C(outcome) (V(confirmed) or V(rolled_back)) and C(reason); a V(notice) has C(waves) and C(sha256);
        V(sources) has C(file), C(last_day), C(purpose) and C(outcome) (V(written) or V(deleted)).
    type: list
    elements: dict
attributes:
  check_mode:
    description: The records are checked, and nothing is written.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: ccsnet.op25b.acl
"""

EXAMPLES = r"""
- name: The journal can be written
  ccsnet.op25b.journal:
    records: []
  run_once: true

- name: Write down that the wave is complete
  ccsnet.op25b.journal:
    records:
      - kind: wave
        wave: pilot
        outcome: confirmed
        reason: ""
  run_once: true

- name: Read the journal
  ccsnet.op25b.journal:
    state: gathered
  register: journal
  run_once: true
"""

RETURN = r"""
records:
  description: All records in their order.
  returned: when state is gathered
  type: list
  elements: dict
warnings:
  description: A sentence for each line that is no record.
  returned: when state is gathered
  type: list
  elements: str
open:
  description:
    - Changes that a run armed, and of which no later line says what became.
    - C(alive) tells whether that run is still there; it is null where that run was on another controller.
  returned: when state is gathered
  type: list
  elements: dict
  sample: [{"edge": "edge-e1", "change": "3f1c9a02b7d4", "run": "noc:4711:1234567", "alive": false}]
"""
