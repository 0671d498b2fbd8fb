# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: an ISP, its customers and "the internet" as namespaces on this machine."""

from lab.machine import Lab, LabError

__all__ = ["Lab", "LabError"]
