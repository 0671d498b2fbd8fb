# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Join standard input and output to a TCP port: what an SSH client's ProxyCommand runs inside of a lab host's network."""

from __future__ import annotations

import os
import select
import socket
import sys


def main() -> int:
    """Copy both ways until one side is done."""
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as peer:
        peer.settimeout(None)
        while True:
            for ready in select.select([0, peer], [], [])[0]:
                data = os.read(0, 65536) if ready == 0 else peer.recv(65536)
                if not data:
                    return 0
                if ready == 0:
                    peer.sendall(data)
                else:
                    while data:
                        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main())
