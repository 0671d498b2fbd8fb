#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.acl_confirm."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acl_confirm
short_description: Keep an armed change, or take it back at once
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Keeps the change that M(ccsnet.op25b.acl) armed with O(ccsnet.op25b.acl#module:confirm), and makes it survive a reboot,
    on IOS-XE with O(save) only.
    It may run in another process, or on another controller, than the one that armed it, but for IOS-XR, where only the
    session that armed a change may end it; there, arm and confirm in one run of C(ansible-playbook), and set
    C(ansible_connect_timeout) longer than what is between them takes.
  - Fails when the change was already taken back, or when the device is no longer what was armed.
  - Reports no change where nothing is armed.
  - On Junos any commit keeps an armed change, also one of somebody else, unless the device has confirmed-commit 1.1.
    Taking back waits there until the device has gone back, up to 90 seconds.
options:
  state:
    description: V(confirmed) keeps the armed change, V(taken_back) ends it at once.
    type: str
    choices: [confirmed, taken_back]
    default: confirmed
  change:
    description:
      - The name of the change that M(ccsnet.op25b.acl) returned, to keep no other.
        Any armed change where it is left out.
    type: str
  save:
    description:
      - Also write the startup configuration where the device leaves that to its operator (IOS-XE). Without it the change
        stays until the next reboot there.
    type: bool
    default: false
attributes:
  check_mode:
    description: Nothing is changed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: ccsnet.op25b.acl
"""

EXAMPLES = r"""
- name: The armed change stays
  ccsnet.op25b.acl_confirm:

- name: It does not
  ccsnet.op25b.acl_confirm:
    state: taken_back
"""

RETURN = r"""
changed:
  description: Whether there was an armed change.
  returned: always
  type: bool
"""
