# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS-XR: object groups for both families; a change is one commit of a candidate.

Source: "IP Addresses and Services Configuration Guide for Cisco ASR 9000 Series Routers, IOS XR 7" (access lists,
object group ACLs, icmp-off).
"""

from __future__ import annotations

import re

from . import cisco
from .cisco import Config
from .cisco_grammar import address_words

NAME = "iosxr"
NETWORK_OS = ("cisco.iosxr.iosxr", "iosxr")
CONNECTION = cisco.CONNECTION
BUDGET = 8000
"""Entries with every group written out: what an edge is given when its host says nothing (op25b_acl_budget)."""

EMPTY = cisco.EMPTY
LISTS = cisco.Lists(
    cisco.Syntax(
        name=NAME,
        lists={4: "ipv4 access-list ", 6: "ipv6 access-list "},
        groups={4: "object-group network ipv4 ", 6: "object-group network ipv6 "},
        group_word="net-group",
        bindings={4: "ipv4 access-group ", 6: "ipv6 access-group "},
        directions={"out": "egress", "in": "ingress"},
        numbers={4: "", 6: ""},
        everything={4: "permit ipv4 any any", 6: "permit ipv6 any any"},
        addresses=("ipv4 address ", "ipv6 address "),
        resequence={f: f"make room with `resequence access-list ipv{f} {{name}} 100000 1000`" for f in (4, 6)},
        rejects={"admin-prohibited": "", "drop": "icmp-off"},
        member=address_words,
        address=address_words,
        remark_by_number=True,
        headless=False,
        limits=(
            "iosxr: IPv6 first fragments that end before the TCP header pass, as an access list has no word for them; IPv6 "
            "extension headers are looked through as far as the line card does."
        ),
    )
)
build, render, parse, read, diff = LISTS.build, LISTS.render, LISTS.parse, LISTS.read, LISTS.diff
from_text, target, counts = LISTS.from_text, LISTS.target, LISTS.counts
addresses, differences, sources = LISTS.addresses, LISTS.differences, LISTS.sources
interfaces = LISTS.interfaces


def counter_commands(config: Config) -> list[str]:
    """What shows the counters of our lists: those of the line cards that the uplinks are on.

    An interface of many members has no line card of its own; there, what the route processor counted has to do.
    """
    found = []
    for (family, name), places in LISTS.used(config).items():
        for interface, direction in places:
            card = re.search(r"\D(\d+/\w+)/\w+/\w+", interface)
            show = f"show access-lists ipv{family} {name}"
            way = LISTS.syntax.directions[direction]
            found.append(f"{show} hardware {way} location {card[1]}/CPU0" if card else show)
    return list(dict.fromkeys(found))


def with_counters(config: Config, listing: str) -> Config:
    """The configuration with its counters, from what `counter_commands` showed."""
    return cisco.with_packets(config, listing, _list_begun)


def _list_begun(line: str) -> cisco.ListKey | None:
    head = re.match(r"ipv([46]) access-list (\S+)", line)
    return (int(head[1]), head[2]) if head else None
