# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a Junos router: a real NETCONF server, and a kernel that does what the running configuration says.

It judges text that others write from Juniper's documentation, and shares no code with them.
"""
