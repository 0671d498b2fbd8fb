# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 -m lab`: build the lab, look at it, work in it, take it away."""

from __future__ import annotations

import argparse
import os
import sys
import time

from lab import debs
from lab.machine import REPOSITORY, Lab, LabError
from lab.topology import HOSTS

SPLICE = REPOSITORY / "lab" / "splice.py"


def main() -> int:
    """Do what the command line says."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--name",
        default=argparse.SUPPRESS,
        help="which lab; several can run at once (default: $OP25B_LAB, or demo)",
    )
    parser = argparse.ArgumentParser(prog="python3 -m lab", description=__doc__, parents=[common])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", parents=[common], help="build it, or mend what is missing; at once when all of it stands")
    commands.add_parser("down", parents=[common], help="take it away, whatever state it is in")
    commands.add_parser("status", parents=[common], help="say which hosts run; exit code 1 unless all do")
    commands.add_parser("fetch", parents=[common], help="get the Debian packages again that roles install in lab hosts")
    for name, what in (
        ("restart", "cut the power of a host and boot it again; its disk stays"),
        ("pid", "print the process that nsenter -t takes"),
        ("exec", "run a command in a host: exec HOST -- COMMAND..."),
        ("connect", "join standard input and output to a port, as HOST reaches it: for an SSH client's ProxyCommand"),
    ):
        command = commands.add_parser(name, parents=[common], help=what)
        command.add_argument("host", choices=list(HOSTS), metavar="HOST", help=", ".join(HOSTS))
        if name == "connect":
            command.add_argument("address", metavar="ADDRESS")
            command.add_argument("port", metavar="PORT", type=int)
    words = sys.argv[1:]
    # Split here: what comes after is the other command's, options of the same name included.
    cut = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:cut])
    arguments.argv = words[cut + 1 :]
    try:
        return run(arguments, Lab(getattr(arguments, "name", None)))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace, lab: Lab) -> int:
    """One command on one lab."""
    started = time.monotonic()
    if arguments.command == "up":
        booted = lab.up()
        print(f"lab {lab.name}: {len(HOSTS)} hosts up, {len(booted)} booted now, {time.monotonic() - started:.2f} s")
    elif arguments.command == "down":
        lab.down()
    elif arguments.command == "restart":
        lab.restart(arguments.host)
    elif arguments.command == "fetch":
        debs.fetch(again=True)
    elif arguments.command == "connect":
        enter = ["nsenter", f"--target={lab.pid(arguments.host)}", "--net", "--"]
        words = [*enter, sys.executable, "-S", str(SPLICE), arguments.address, str(arguments.port)]
        os.execvp(words[0], words)
    elif arguments.command == "pid":
        print(lab.pid(arguments.host))
    elif arguments.command == "status":
        running = lab.running()
        for name, host in HOSTS.items():
            print(f"{name:12} {'pid ' + str(running[name]) if name in running else 'down':12} {host.v4:16} {host.v6}")
        return 0 if len(running) == len(HOSTS) else 1
    else:
        if not arguments.argv:
            raise LabError(f"exec {arguments.host} needs a command: python3 -m lab exec {arguments.host} -- COMMAND...")
        command = lab.command(arguments.host, arguments.argv)
        os.execvpe(command[0], command, lab.environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
