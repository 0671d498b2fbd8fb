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
  - Appends records to the journal, a file of JSON lines, whatever the connection of the host is. Several runs may do so at once;
    what is there is never changed. Records are appended all or none, under a lock, synced to the disk and read back.
  - The file is on the controller. A task that is delegated to another host of the inventory keeps it there instead, with the
    task's C(become); that host needs Python 3.9. The playbooks delegate to C(op25b_journal_host) where it is set.
  - Where the run is in a container, as each job of AWX is, a path on the controller that goes with the container is refused, see
    M(ccsnet.op25b.controller_files), unless the variable C(op25b_volatile) says that it may.
  - Every record is completed with C(at) (UTC), C(run) (its start time, a random token that all records of a run have, and the
    number of the job in AWX), C(operator) (C(awx_user_name), or the login) and C(playbook).
  - A line that a killed run left torn is told as a warning, and the next record begins on a line of its own.
options:
  path:
    description:
      - The journal's file, usually C(op25b_journal). It and its directory are made where they are missing, for their owner alone.
      - Where it is blank or left out, C(~/.local/state/ccsnet.op25b/journal.jsonl).
    type: str
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
        one, C(change), C(reason), C(unproved) (why it stays although no probe judged it), C(probes) and C(counters).
      - A V(wave) has C(wave), C(outcome) (V(confirmed) or V(rolled_back)) and C(reason); a V(notice) has C(waves) and C(sha256);
        V(sources) has C(file), C(last_day), C(purpose) and C(outcome) (V(written) or V(deleted)).
      - What is blank or null where text may be left out is empty; numbers, dates and booleans are their text.
    type: list
    elements: dict
attributes:
  check_mode:
    description:
      - The records are checked, and whether the file could be written, and nothing is. A task that is always in check
        mode tells what is wrong before anything is armed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: ccsnet.op25b.acl
  - module: ccsnet.op25b.controller_files
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

- name: Read the journal, wherever it is kept
  ccsnet.op25b.journal:
    path: "{{ op25b_journal | default(omit) }}"
    state: gathered
  register: journal
  run_once: true
  delegate_to: "{{ op25b_journal_host | default(omit, true) }}"
"""

RETURN = r"""
path:
  description: The journal's file, as its host has it.
  returned: always
  type: str
missing:
  description: Whether there was no file, or an empty one.
  returned: always
  type: bool
records:
  description: All records in their order.
  returned: when state is gathered
  type: list
  elements: dict
broken:
  description: A sentence for each line that is no record; they are shown as warnings, too.
  returned: when state is gathered
  type: list
  elements: str
open:
  description:
    - Changes that a run armed, and of which no later line says what became.
    - C(alive) tells whether that run is still there, as far as this controller can prove it; it is null where it cannot.
  returned: when state is gathered
  type: list
  elements: dict
  sample: [{"edge": "edge-e1", "change": "3f1c9a02b7d4", "run": "2019-03-04T01:02:03Z/k7qmz2xw4a", "alive": false}]
"""
