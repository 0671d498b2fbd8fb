# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess

import pytest

from lab.cli.filter import DataPlane

from .router import Router


class Place:
    """A router and the data plane in it."""

    def __init__(self):
        self.router = Router()
        self.router.text()
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.inside = ["nsenter", f"--target={self.router._process.pid}", *user, "--net"]
        for address, interface in (("192.0.2.254", "lan0"), ("2001:db8:5::fe", "lan0")):
            subprocess.run([*self.inside, "ip", "address", "add", address, "dev", interface], check=True)
        # Each refusal is answered, however many they are.
        limits = "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit"
        subprocess.run([*self.inside, "sh", "-c", limits], check=True)
        self.plane = DataPlane([*self.inside, "nft"])

    def send(self, packets):
        """All that comes out, but for what the router has to say to its multicast neighbours."""
        return [(oif, data) for oif, data in self.router.send(packets) if data[24:26] != b"\xff\x02"]


@pytest.fixture(scope="module")
def place():
    made = Place()
    yield made
    made.router.close()
