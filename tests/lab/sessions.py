# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with the routers, by other clients than ours."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys

import asyncssh
import paramiko
from ncclient import manager

from lab import Lab
from lab.machine import REPOSITORY
from lab.topology import HOSTS

JUNOS = HOSTS["edge-j1"]


def netconf(lab: Lab, password: str = "ansible-lab") -> manager.Manager:
    """A session with edge-j1, as somebody at the noc has it."""
    address = JUNOS.management.v4
    proxy = [sys.executable, "-m", "lab", "connect", "--name", lab.name, "noc", address, str(JUNOS.cli.port)]
    return manager.connect(
        host=address,
        port=JUNOS.cli.port,
        username=JUNOS.cli.user,
        password=password,
        sock=paramiko.ProxyCommand(f"env -C {REPOSITORY} {shlex.join(proxy)}"),
        hostkey_verify=False,
        allow_agent=False,
        look_for_keys=False,
        timeout=30,
    )


class Shell:
    """A session of the operator at an edge."""

    PROMPT = re.compile(r"\n[\w/:.-]+(\([\w-]+\))?#$")
    STAMP = re.compile(r"\w{3} \w{3} +\d+ [\d:.]+ UTC\n")
    _loop = asyncio.new_event_loop()

    def __init__(self, lab, host):
        self._loop.run_until_complete(self._login(lab, host))
        self.says("terminal length 0")

    async def _login(self, lab, host):
        address = next(wire.v4 for wire in HOSTS[host].interfaces if wire.segment == "oob")
        self._connection = await asyncssh.connect(
            address,
            username="ansible",
            password="ansible-lab",
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
            proxy_command=[sys.executable, "-m", "lab", "connect", "--name", lab.name, "noc", address, "22"],
        )
        self._process = await self._connection.create_process(term_type="vt100")
        await self._answer()

    async def _answer(self):
        answer = ""
        while not self.PROMPT.search(answer):
            more = await asyncio.wait_for(self._process.stdout.read(65536), 60)
            assert more, f"the session ended after {answer!r}"
            answer += more.replace("\r", "")
        return answer

    def says(self, line):
        """What the device prints when this line is entered, without the echo and the time."""
        self._process.stdin.write(line + "\n")
        return self.STAMP.sub("", self._loop.run_until_complete(self._answer()).partition("\n")[2].rpartition("\n")[0], count=1)

    def close(self):
        self._connection.abort()
        self._loop.run_until_complete(self._connection.wait_closed())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def running(lab: Lab, host: str) -> str:
    """What a router is configured to do, by its own words, from the first line that does not change by itself."""
    if host == JUNOS.name:
        with netconf(lab) as session:
            return re.sub(r"^.*?<configuration", "", str(session.get_config("running")), flags=re.DOTALL)
    with Shell(lab, host) as shell:
        text = shell.says("show running-config")
    return text[text.index("\nhostname ") :]
