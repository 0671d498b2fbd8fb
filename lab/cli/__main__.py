# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a router as a daemon: its command line over SSH, its access lists in the kernel.

The configuration is JSON:

    {"platform": "ios", "hostname": "edge-c1", "listen": ["192.0.2.226"], "port": 22,
     "users": {"ansible": {"password": "...", "privilege": 15}}, "enable": "...",
     "interfaces": {"GigabitEthernet0/0/1": "up0"}, "startup": "/etc/lab-cli/startup-config", "options": {}}

`interfaces` are those of the router with the names that the kernel has for them; without any, nothing is filtered. The
file `startup` is read at boot and written when the device saves its configuration; the SSH host key is beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from lab.cli.filter import DataPlane, Filter
from lab.cli.shell import Options, serve
from lab.sink import daemonize

TICK = 0.2  # seconds between looks at the device's timers


def device_of(config: dict[str, Any]) -> Any:
    """The device that a configuration describes, without data plane and terminal."""
    startup = Path(config["startup"])
    more = {"enable": config["enable"]} if "enable" in config else {}
    return importlib.import_module(f"lab.cli.{config['platform']}").Device(
        startup.read_text() if startup.exists() else "",
        hostname=config["hostname"],
        options=Options(**config.get("options", {})),
        **more,
    )


def save_to(path: Path) -> Callable[[str], None]:
    """What writes the startup configuration, whole or not at all."""

    def save(text: str) -> None:
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        fresh.rename(path)

    return save


def enforce(device: Any, interfaces: dict[str, str], plane: DataPlane) -> Callable[[], None]:
    """What makes the kernel do what the device says now. Filters at an interface without a kernel's name are nobody's."""
    applied: list[Filter] | None = None
    changed = True

    def change() -> None:
        nonlocal changed
        changed = True

    def apply() -> None:
        nonlocal applied, changed
        if not changed:
            return
        changed = False
        found = [item for item in device.filters() if item.interface in interfaces]
        filters = [dataclasses.replace(item, interface=interfaces[item.interface]) for item in found]
        if filters == applied:
            return
        try:
            plane.apply(filters)
        except (RuntimeError, ValueError) as error:
            # A router that does not filter as it says it does must not go on.
            print(f"lab-cli: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        applied = filters

    device.on_change.append(change)
    apply()
    return apply


def host_key(path: Path) -> asyncssh.SSHKey:
    """The device's SSH key, made when it boots for the first time."""
    if not path.exists():
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(path))
        path.chmod(0o600)
    return asyncssh.read_private_key(str(path))


def nothing() -> None:
    """What there is to do when nobody waits."""


async def run(config: dict[str, Any], ready: Callable[[], None]) -> None:
    """Be the device."""
    device = device_of(config)
    startup = Path(config["startup"])
    device.on_save.append(save_to(startup))
    settle: Callable[[], None] = nothing
    if config.get("interfaces"):
        plane = DataPlane(counts=device.options.count)
        device.counters, device.clear_counters = plane.counters, plane.clear
        settle = enforce(device, config["interfaces"], plane)
    acceptors = await serve(
        device,
        listen=config["listen"],
        port=config.get("port", 22),
        users=config["users"],
        key=host_key(startup.with_name("ssh_host_key")),
        settle=settle,
        slow=device.options.slow,
    )
    print(json.dumps({"ports": [acceptor.get_port() for acceptor in acceptors]}), flush=True)
    ready()
    while True:
        await asyncio.sleep(TICK)
        device.tick()
        settle()


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="/etc/lab-cli.json", type=Path, help="JSON (default: %(default)s)")
    parser.add_argument("--pid-file", type=Path, help="go to the background once SSH answers, and write the process id here")
    arguments = parser.parse_args()

    ready = daemonize() if arguments.pid_file else nothing
    if arguments.pid_file:
        arguments.pid_file.write_text(f"{os.getpid()}\n")
    asyncio.run(run(json.loads(arguments.config.read_text()), ready))
    return 0


if __name__ == "__main__":
    sys.exit(main())
