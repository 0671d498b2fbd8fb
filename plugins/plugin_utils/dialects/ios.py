# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS-XE: object groups for IPv4, one entry for each prefix in IPv6, every command taking effect at once.

Source: "Security Configuration Guide: Access Control Lists, Cisco IOS XE 17" (object groups, sequence numbering).
"""

from __future__ import annotations

import re

from ..prefixes import Range
from . import cisco
from .cisco import Config
from .cisco_grammar import address_words, masked

NAME = "ios"
NETWORK_OS = ("cisco.ios.ios", "ios")
CONNECTION = cisco.CONNECTION
BUDGET = 4000
"""Entries with every group written out: what an edge is given when its host says nothing (op25b_acl_budget)."""


def _address(item: Range) -> str:
    return address_words(item).upper().replace("HOST", "host")


EMPTY = cisco.EMPTY
LISTS = cisco.Lists(
    cisco.Syntax(
        name=NAME,
        lists={4: "ip access-list extended ", 6: "ipv6 access-list "},
        groups={4: "object-group network "},
        group_word="object-group",
        bindings={4: "ip access-group ", 6: "ipv6 traffic-filter "},
        directions={"out": "out", "in": "in"},
        numbers={4: "", 6: "sequence "},
        everything={4: "permit ip any any", 6: "permit ipv6 any any"},
        addresses=("ip address ", "ipv6 address "),
        resequence={
            4: "make room with `ip access-list resequence {name} 100000 1000`",
            # There is no such command for IPv6.
            6: "enter the list anew under another name, with numbers from 100000 on and 1000 apart, and bind that",
        },
        rejects={"admin-prohibited": ""},
        member=masked,
        address=_address,
        remark_by_number=False,
        headless=True,
        limits=(
            "ios: a blocked sender gets ICMP administratively prohibited, or nothing where the uplink says 'no ip unreachables'; "
            "IPv6 first fragments that end before the TCP header are dropped wherever a blocked pool sends them; IPv6 extension "
            "headers are looked through as far as the platform does."
        ),
    )
)
build, render, parse, read, diff = LISTS.build, LISTS.render, LISTS.parse, LISTS.read, LISTS.diff
from_text, target, counts = LISTS.from_text, LISTS.target, LISTS.counts
addresses, differences, sources = LISTS.addresses, LISTS.differences, LISTS.sources
interfaces = LISTS.interfaces


def with_counters(config: Config, listing: str) -> Config:
    """The configuration with its counters, from `show ip access-lists` and `show ipv6 access-list`."""
    return cisco.with_packets(config, listing, _list_begun)


def _list_begun(line: str) -> cisco.ListKey | None:
    head = re.match(r"(?:Extended|Standard) IP access list (\S+)|IPv6 access list (\S+)", line)
    return ((4, head[1]) if head[1] else (6, head[2])) if head else None
