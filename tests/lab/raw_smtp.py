# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes to an SMTP server, as no mail program would send them; run on a host of the lab.

Reads `{"host", "port", "steps"}` as JSON on standard input. A step is a text, whose signs are bytes, or `starttls`, or a number
of seconds to wait. Prints for each text what came back: whole replies one after the other, and `closed` where it ended.
After the last one, which may make the server think, it has said all when it has said nothing for `quiet` seconds.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import time
from typing import Any


class Connection:
    """One connection, in TLS from the beginning or later."""

    def __init__(self, host: str, port: int, tls: bool) -> None:
        self._socket = socket.create_connection((host, port), timeout=60)
        if tls:
            self.starttls()

    def starttls(self) -> None:
        """Go on in TLS, whoever it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket)

    def read(self, quiet: float) -> list[str]:
        """Replies, of which there is at least one, until it says nothing more for a while."""
        text, limit = "", 60.0
        while True:
            self._socket.settimeout(limit)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                break
            except OSError:
                data = b""
            if not data:
                text += "closed\r\n"
                break
            text += data.decode("latin-1")
            limit = quiet
        return re.findall(r"(?m)^(?:\d{3}-.*\r\n)*(?:\d{3} .*|closed)(?=\r\n)", text)

    def send(self, data: bytes) -> None:
        """What the server does not read any more is its answer, too."""
        try:
            self._socket.sendall(data)
        except OSError:
            return


def main(wanted: dict[str, Any]) -> list[list[str]]:
    """Every step."""
    connection = Connection(wanted["host"], wanted["port"], wanted["port"] == 465)
    said = [connection.read(0.2)]
    for number, step in enumerate(wanted["steps"], 1):
        if isinstance(step, int | float):
            time.sleep(step)
        elif step == "starttls":
            connection.starttls()
        else:
            connection.send(step.encode("latin-1"))
            last = number == len(wanted["steps"])
            said.append(connection.read(wanted.get("quiet", 0.3) if last else 0.3))
    return said


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
