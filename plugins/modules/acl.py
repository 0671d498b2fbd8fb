#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ccsnet.op25b.acl."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acl
short_description: Make port 25 on an edge what the policy says
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Compares what an edge enforces with what the policy document says at a wave, and applies the smallest change,
    as one transaction. The host's C(ansible_network_os) picks the dialect; a host without one is a Linux edge.
  - With O(confirm), the change is armed. Unless M(ccsnet.op25b.acl_confirm) keeps it in time, the device goes back
    by itself to what it had, even when the controller is gone. A reboot in between goes back, too.
  - On a Linux edge it owns the table C(inet op25b) and touches no other. It needs root there (C(become)).
  - On a Cisco edge it owns object groups and access lists whose names begin with C(OP25B-), and in access lists of the
    operator that are bound at an uplink, the entries between two remarks. It needs C(ansible.netcommon.network_cli), and
    on IOS-XE a configuration archive with a path. C(docs/cisco.md) has the details and the limits.
  - On a Junos edge it owns filters, prefix lists, policers and prefix-actions whose names begin with C(OP25B-), and puts its
    filters in front of the operator's at the uplinks. It needs C(ansible.netcommon.netconf) and C(ncclient), and
    C(ansible_network_os=ccsnet.op25b.junos). C(docs/junos.md) has the details and the limits.
options:
  policy:
    description:
      - The policy document, usually C(op25b_policy). Its form is the JSON Schema in
        C(plugins/plugin_utils/policy_schema_v1.json).
      - All its mistakes are told at once, before any device is touched.
    type: dict
  wave:
    description:
      - The wave that is reached. The word V(none) is the state before the first wave. Naming an earlier wave goes back to it.
    type: str
    default: none
  attachments:
    description:
      - The edge's interfaces towards customers, and the pools behind each. The name of an interface may end in V(*).
      - Every name here and in O(uplinks) must be an interface of the device, written as the device writes it, or nothing is
        sent, in check mode, too. V(*) without a match now is a warning, as interfaces of sessions come and go.
      - A change that makes nothing stricter is not held up by an interface that has gone since it was bound; that is a
        warning. O(state=deleted) asks for no name at all.
    type: list
    elements: dict
    suboptions:
      interface:
        description: The name of the interface.
        type: str
        required: true
      pools:
        description: Names of pools of the policy.
        type: list
        elements: str
        required: true
      source_check:
        description:
          - Drop port 25 from a source whose route does not lead back through this interface (RFC 3704, strict).
            Leave it off where customers have lines of several providers.
        type: bool
        default: false
  uplinks:
    description: The edge's interfaces that lead out. Traffic between customers of one edge is left alone.
    type: list
    elements: str
  pools:
    description:
      - With O(state=replaced), only these pools change; each other one keeps the actions that the device has for it.
        All pools where it is left out.
    type: list
    elements: str
  state:
    description:
      - V(replaced) makes the device what the policy says; V(deleted) takes all of it out; V(restored) makes it what it
        enforced before, by O(enforced).
      - V(gathered) reads the device, V(rendered) prints what V(replaced) would make of an empty one,
        V(parsed) reads O(running_config). The last two need no device.
    type: str
    choices: [replaced, deleted, restored, gathered, rendered, parsed]
    default: replaced
  loosen_only:
    description:
      - With O(state=replaced), the way back. A change that would make any pool stricter for any destination class than the device
        has it is refused, and nothing is sent (V(pass) is less strict than V(observe), then V(limit), then V(block)).
      - What else has changed in the policy meanwhile waits for the next way forward, so that whoever passes today goes on to
        pass. Ended exemptions stay, and new prefixes, interfaces and uplinks are left out.
    type: bool
    default: false
  enforced:
    description: With O(state=restored), what RV(before) of an earlier task says.
    type: dict
  running_config:
    description:
      - What V(parsed) reads. For a Linux edge, what C(nft list table inet op25b) prints, with or without C(-j); for a Cisco
        router, C(show running-config); for Junos, C(show configuration | display set), or the XML of C(<get-config>).
    type: str
  confirm:
    description:
      - Seconds after which the device takes the change back, unless it is confirmed. V(0) keeps the change at once.
      - IOS-XE counts in minutes, at most 120 of them; IOS-XR takes 30 seconds at least. Both are rounded up.
        Junos takes seconds as they are.
    type: int
    default: 0
  sources:
    description:
      - With O(state=gathered), also return which customer addresses were seen. They are personal data under the secrecy
        of communications; without this option only their number is told.
    type: bool
    default: false
  budget:
    description:
      - How many entries of this collection the edge may hold, with every object group written out, as its hardware
        counts them; usually C(op25b_acl_budget). A change that would pass it is refused before anything is sent.
      - Where it is left out, 4000 on IOS-XE and 8000 on IOS-XR. A Linux or Junos edge has no limit.
    type: int
  over_management:
    description:
      - Also change the filters of an uplink that carries the session by which a router is managed. Our entries match
        port 25 alone, but who binds one there should know it.
    type: bool
    default: false
  save:
    description:
      - With O(confirm=0), also write the startup configuration where the device leaves that to its operator (IOS-XE).
        The others keep what is confirmed across a reboot by themselves.
    type: bool
    default: false
  today:
    description: The day for which the policy's dates are read, as V(2019-03-25). The controller's date where it is left out.
    type: str
attributes:
  check_mode:
    description: Nothing is changed. The device itself judges the commands where it can.
    support: full
  diff_mode:
    description: Shows what differs on the device, line by line.
    support: full
seealso:
  - module: ccsnet.op25b.acl_confirm
  - module: ccsnet.op25b.probe
"""

EXAMPLES = r"""
- name: Port 25 on this edge is what the policy says, and goes back by itself in five minutes
  ccsnet.op25b.acl:
    policy: "{{ op25b_policy }}"
    wave: "{{ op25b_wave }}"
    attachments: "{{ op25b_attachments }}"
    uplinks: "{{ op25b_uplinks }}"
    confirm: 300

- name: It stays
  ccsnet.op25b.acl_confirm:

- name: What does this edge enforce, and what has it counted?
  ccsnet.op25b.acl:
    state: gathered
  register: edge

- name: Take all of it out
  ccsnet.op25b.acl:
    state: deleted
"""

RETURN = r"""
before:
  description: What the device enforced before.
  returned: when state is replaced, deleted or restored
  type: dict
after:
  description: What it enforces now. In check mode, what it would.
  returned: when state is replaced, deleted or restored
  type: dict
commands:
  description: What was sent to the device, in its own words.
  returned: when state is replaced, deleted or restored
  type: list
  elements: str
rollback:
  description: What leads back, in the device's own words.
  returned: when state is replaced, deleted or restored
  type: list
  elements: str
summary:
  description: How many entries the change adds and removes.
  returned: when state is replaced, deleted or restored
  type: dict
  sample: {"added": 1, "removed": 0}
change:
  description: The name of the armed change, for O(ccsnet.op25b.acl_confirm#module:change).
  returned: when a change is armed
  type: str
gathered:
  description: What the device enforces.
  returned: when state is gathered
  type: dict
counters:
  description:
    - New connections (SYN out, SYN-ACK in) for each pool and destination class, and the number of IPv6 first
      fragments without TCP ports. Of what an access list denies, every packet counts.
  returned: when state is gathered
  type: dict
seen:
  description:
    - For each destination class, the number of sources seen while observing, or with O(sources) their addresses
      and packets.
  returned: when state is gathered
  type: dict
drift:
  description: Every line in which the device is not just what such rules ask for.
  returned: when state is gathered or parsed
  type: list
  elements: str
armed:
  description:
    - The unconfirmed change on the device. C(who) has the user, the host or the job in AWX, and the run, where the device keeps
      that; IOS-XE and IOS-XR know the login alone.
    - C(alive) says whether that run is still there, null where nothing here proves it; C(abandoned) that it is proved to be gone.
      See P(ccsnet.op25b.abandoned#filter) for what the journal knows.
  returned: when there is one
  type: dict
  sample:
    id: 3f1c9a02b7d4
    who: taro@noc (run k7qmz2xw4a)
    at: "2019-03-04T01:02:03Z"
    seconds_left: 9
    alive: null
    abandoned: false
rendered:
  description: The configuration as text.
  returned: when state is rendered
  type: str
parsed:
  description: What the given configuration enforces.
  returned: when state is parsed
  type: dict
"""
