#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker of ccsnet.op25b.acl on a Linux edge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_table
short_description: Read and change the table inet op25b of a Linux edge
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - The part of M(ccsnet.op25b.acl) and M(ccsnet.op25b.acl_confirm) that runs on a Linux router.
    Playbooks use those; this module takes what they have computed.
  - It touches the table C(inet op25b) and no other, in one nft transaction.
options:
  operation:
    description:
      - V(read) returns the table and the state of the dead man's switch.
      - V(apply) applies O(commands) if the table still has the fingerprint O(expect).
      - V(confirm) keeps the armed change, V(cancel) takes it back at once.
    type: str
    required: true
    choices: [read, apply, confirm, cancel]
  who:
    description: Who is at work, for the lock and for the message that another run gets.
    type: str
    required: true
  commands:
    description: Lines of an nft script.
    type: list
    elements: str
    default: []
  expect:
    description: The fingerprint of the table that V(read) returned.
    type: str
  acknowledge:
    description: With V(read), forget how the last armed change ended, because the run that reads decides anew.
    type: bool
    default: false
  change:
    description: A name for the change that is armed, or that is to be confirmed or taken back.
    type: str
  seconds:
    description: Seconds after which the router takes the change back unless it is confirmed. V(0) keeps it at once.
    type: int
    default: 0
attributes:
  check_mode:
    description: In check mode the router's own nft judges the commands, and nothing is changed.
    support: full
requirements:
  - nftables 0.9.3 or later on the router
  - Python 3.9 or later on the router
"""

EXAMPLES = r"""
- name: Read the table of an edge
  ccsnet.op25b.nft_table:
    operation: read
    who: operator@controller
"""

RETURN = r"""
listing:
  description: The table as C(nft -j) prints it, compressed with zlib and encoded in base64. Empty where there is no table.
  returned: when operation is read
  type: str
digest:
  description: The fingerprint of the table, without counters and without the contents of dynamic sets.
  returned: when operation is read
  type: str
armed:
  description: The unconfirmed change, if there is one.
  returned: when operation is read
  type: dict
outcome:
  description: How the last armed change ended.
  returned: when operation is read
  type: dict
persisted:
  description: Whether a reboot brings up the table as it is.
  returned: when operation is read
  type: bool
interfaces:
  description: Each name of an interface of the router, with the one that rules see. An alternative name is not.
  returned: when operation is read
  type: dict
boot:
  description: The file that loads the confirmed table at boot.
  returned: when a change was kept
  type: str
"""

import base64
import zlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ccsnet.op25b.plugins.module_utils import router


def main():
    """Hand the operation to the router's code and translate its errors."""
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "required": True, "choices": ["read", "apply", "confirm", "cancel"]},
            "who": {"type": "str", "required": True},
            "commands": {"type": "list", "elements": "str", "default": []},
            "expect": {"type": "str"},
            "acknowledge": {"type": "bool", "default": False},
            "change": {"type": "str"},
            "seconds": {"type": "int", "default": 0},
        },
        required_if=[("operation", "apply", ("expect", "change"))],
        supports_check_mode=True,
        # Its arguments are a whole ruleset, which has no place in the router's syslog.
        no_log=True,
    )
    given = module.params
    result = {"changed": False}
    try:
        if given["operation"] == "read":
            result.update(router.read(given["who"], given["acknowledge"] and not module.check_mode))
            result["listing"] = (
                base64.b64encode(zlib.compress(result["listing"].encode(errors="replace"), 1)).decode()
                if result["listing"]
                else ""
            )
        elif given["operation"] == "apply":
            result.update(
                router.apply(
                    given["commands"], given["expect"], given["who"], given["change"], given["seconds"], check=module.check_mode
                )
            )
            result["changed"] = True
        elif given["operation"] == "confirm":
            result.update(router.confirm(given["who"], given["change"], check=module.check_mode))
        else:
            result.update(router.cancel(given["who"], given["change"], check=module.check_mode))
    except (router.RouterError, OSError) as err:
        module.fail_json(msg=str(err))
    if "warning" in result:
        module.warn(result.pop("warning"))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
