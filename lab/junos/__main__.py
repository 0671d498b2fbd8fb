# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a Junos stand-in as a daemon, between sshd's subsystem and netconfd.

The configuration is JSON:

    {"hostname": "edge-j1", "interfaces": {"xe-0/0/0": "up0"}, "netconfd": "/run/lab-junos/netconfd.sock",
     "agent": "/run/lab-junos/agent.sock", "history": "/etc/lab-junos/commits.json", "model": "mx480",
     "version": "24.4R1.11", "confirmed_commit": "1.0", "options": {}}

`interfaces` are those of the router with the names that the kernel has for them. `confirmed_commit` is 1.0, as Junos has
it, or 1.1 for all that netconfd has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.cli.filter import DataPlane
from lab.junos.framing import LIMIT
from lab.junos.server import Agent
from lab.sink import daemonize


async def run(settings: dict[str, Any], ready: Callable[[], None]) -> None:
    """Be the router."""
    agent = Agent(settings, DataPlane(counts=settings["options"].get("count", True)))
    Path(settings["agent"]).unlink(missing_ok=True)
    await asyncio.start_unix_server(agent.serve, settings["agent"], limit=LIMIT)
    following = asyncio.ensure_future(agent.run())
    waiting = asyncio.ensure_future(agent.ready.wait())
    await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED)
    ready()
    await following


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="/etc/lab-junos.json", type=Path, help="JSON (default: %(default)s)")
    parser.add_argument("--pid-file", type=Path, help="go to the background once all is loaded, and write the process id here")
    arguments = parser.parse_args()

    ready: Callable[[], None] = daemonize(str(arguments.pid_file.with_suffix(".log"))) if arguments.pid_file else lambda: None
    if arguments.pid_file:
        arguments.pid_file.write_text(f"{os.getpid()}\n")
    asyncio.run(run(json.loads(arguments.config.read_text()), ready))
    return 0


if __name__ == "__main__":
    sys.exit(main())
