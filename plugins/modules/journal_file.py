#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker of ccsnet.op25b.journal on a host that keeps the journal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: journal_file
short_description: Append to the journal on the host that keeps it, or read it
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - The part of M(ccsnet.op25b.journal) that runs on the host to which such a task is delegated. Playbooks use that; this module
    takes lines which it has checked.
  - Lines are appended under a lock, all or none, synced to the disk and read back.
options:
  state:
    description: V(present) appends O(lines), V(gathered) reads all that is there.
    type: str
    choices: [present, gathered]
    default: present
  path:
    description: The file. It and its directory are made where they are missing, for their owner alone.
    type: path
    required: true
  lines:
    description: The text to append. With nothing in it only the file is made.
    type: str
    default: ""
attributes:
  check_mode:
    description: It looks whether the file could be written, and writes nothing.
    support: full
requirements:
  - Python 3.9 or later on the host
"""

EXAMPLES = r"""
- name: Read the journal's file
  ccsnet.op25b.journal_file:
    path: /var/lib/op25b/journal.jsonl
    state: gathered
"""

RETURN = r"""
path:
  description: The file, with the user's directory in it where O(path) began with C(~).
  returned: always
  type: str
missing:
  description: Whether there was no file, or an empty one.
  returned: always
  type: bool
data:
  description: The contents, compressed with zlib and encoded in base64.
  returned: when state is gathered
  type: str
"""

import base64
import os
import zlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ccsnet.op25b.plugins.module_utils import journal_file


def main():
    """Read or append, and translate errors."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "gathered"], "default": "present"},
            "path": {"type": "path", "required": True},
            "lines": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
        # Its lines have a place of their own, and none in the host's syslog.
        no_log=True,
    )
    path, lines = os.path.abspath(module.params["path"]), module.params["lines"]
    result = {"path": path, "changed": False}
    try:
        if module.params["state"] == "gathered":
            data = journal_file.read(path)
            result.update(missing=not data, data=base64.b64encode(zlib.compress(data, 1)).decode())
        else:
            before = journal_file.writable(path) if module.check_mode else journal_file.append(path, lines.encode())
            result.update(missing=not before, changed=bool(lines) or before is None)
    except OSError as err:
        module.fail_json(msg=f"{err.filename or path}: {err.strerror}", reason=err.strerror, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
