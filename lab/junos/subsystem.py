# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd starts as its subsystem `netconf`: says to the agent who came, and copies both ways until one side is done."""

from __future__ import annotations

import json
import os
import select
import socket
import sys


def main() -> int:
    """Join standard input and output to the agent's socket."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(sys.argv[1])
        who = {"user": os.environ["USER"], "host": os.environ["SSH_CONNECTION"].split()[0]}
        agent.sendall(json.dumps(who).encode() + b"\n")
        while True:
            sources: list[int | socket.socket] = [0, agent]
            for ready in select.select(sources, [], [])[0]:
                data = os.read(0, 65536) if ready == 0 else agent.recv(65536)
                if not data:
                    return 0
                if ready == 0:
                    agent.sendall(data)
                else:
                    while data:
                        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main())
