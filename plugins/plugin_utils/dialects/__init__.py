# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialects: one module for each kind of device, found by name or by ansible_network_os.

A dialect has NAME, NETWORK_OS (the values of ansible_network_os that mean it; the empty string is a Linux host,
which has none), CONNECTION (the value of ansible_connection, where one kind alone will do), and build, render, parse,
read, diff, counts and sources. Its interfaces(have) are the names by which the interfaces of a device as read can be called,
each with the one name that a policy's edge must write for it: the same, but for a second name that no filter matches.
"""

from __future__ import annotations

from types import ModuleType

from ..errors import Op25bError
from . import ios, iosxr, junos, nftables

ALL: tuple[ModuleType, ...] = (nftables, ios, iosxr, junos)


def by_name(name: str) -> ModuleType:
    """The dialect of this name; raises Op25bError."""
    for dialect in ALL:
        if name == dialect.NAME:
            return dialect
    raise Op25bError(f"dialect: '{name}' is not known; write one of {', '.join(d.NAME for d in ALL)}.")


def by_network_os(network_os: str | None) -> ModuleType:
    """The dialect of a host's ansible_network_os; raises Op25bError."""
    for dialect in ALL:
        if (network_os or "") in dialect.NETWORK_OS:
            return dialect
    known = ", ".join(sorted(name for d in ALL for name in d.NETWORK_OS if name))
    raise Op25bError(
        f"ansible_network_os: no dialect serves '{network_os}'; leave it out for a Linux edge"
        + (f", or write one of {known}." if known else ".")
    )
