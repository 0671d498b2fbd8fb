# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a router's command line that ends with its task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: network_cli
short_description: A session with a router's command line that ends with its task
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - What C(ansible.netcommon.network_cli) is, with all of its options, but for the process that keeps the session for the next
    task. Starting that process is most of what a task costs that only reads.
  - The playbook C(ccsnet.op25b.plan) takes it for routers whose C(ansible_connection) is C(ansible.netcommon.network_cli). No
    inventory needs it. M(ccsnet.op25b.acl) changes nothing over it, as a change may need its session longer.
options: {}
"""

from ansible_collections.ccsnet.op25b.plugins.plugin_utils.one_task import OneTask

try:
    from ansible_collections.ansible.netcommon.plugins.connection.network_cli import Connection as Lasting
except ImportError:
    # Whatever can be made of a class: it says what is missing before it does anything.
    from ansible.plugins.connection.local import Connection as Lasting


class Connection(OneTask, Lasting):
    """See DOCUMENTATION."""

    transport = "ansible.netcommon.network_cli"
