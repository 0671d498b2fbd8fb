#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.controller_files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: controller_files
short_description: Refuse files on the controller that would go with its container
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - A run in a container, as each job of AWX is, loses what it wrote when the container ends, except on a volume that was mounted
    into it. This looks, before anything is done, on what each path is, and refuses in one sentence what would be lost.
  - Signs of a container are the files of Docker and Podman, the environment of Kubernetes, the variable C(container) in the
    environment, and C(awx_job_id) or C(tower_job_id) among the variables. A volume is what C(/proc/self/mountinfo) has beside the
    container's own root, if it is no memory, no C(emptyDir), no volume without a name and no private directory of
    C(ansible-runner).
  - The variable C(op25b_volatile) says that files may go with the container, as in a lab or where a later step fetches them.
  - M(ccsnet.op25b.journal) does the same for the journal.
options:
  paths:
    description: The paths, by the name of the variable or option that has them. What is blank or null is not given.
    type: dict
    required: true
attributes:
  check_mode:
    description: It looks just the same.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: ccsnet.op25b.journal
"""

EXAMPLES = r"""
- name: What this run writes stays
  ccsnet.op25b.controller_files:
    paths:
      op25b_report: "{{ op25b_report }}"
      notice_directory: "{{ notice_directory }}"
  run_once: true
"""

RETURN = r""" # """
