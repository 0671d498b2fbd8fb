# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the lab that takes everything and writes down who came: one line of JSON for each thing it sees.

`accept`: a connection was established. `line`: the first line that the peer sent, where a probe puts its nonce.
`mail`: envelope, headers and body of a message. Each with time, both ends and the address family.

25 and 587 speak SMTP (STARTTLS offered), 465 speaks it inside of TLS, any other port takes a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import functools
import json
import os
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

LOG = "/var/log/op25b-sink.jsonl"
CERTIFICATE, KEY = "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key"


class Log:
    """Appends whole lines, so that a reader at any time sees whole events."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, event: str, ends: dict[str, Any], **more: Any) -> None:
        """One event."""
        line = json.dumps({"time": time.time(), "event": event, **ends, **more}) + "\n"
        os.write(self._file, line.encode())


def ends_of(transport: asyncio.BaseTransport) -> dict[str, Any]:
    """Both ends of a connection."""
    family = transport.get_extra_info("socket").family
    local, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    return {
        "family": "ipv6" if family == socket.AF_INET6 else "ipv4",
        "local_address": local[0],
        "local_port": local[1],
        "peer_address": peer[0],
        "peer_port": peer[1],
    }


class Witness:
    """What every protocol here has in common: write down who came and the first line that was said."""

    log: Log

    def came(self, transport: asyncio.BaseTransport) -> None:
        """Write down that a connection was established."""
        self.ends = ends_of(transport)
        self._first: bytes | None = b""
        self.log.write("accept", self.ends)

    def said(self, data: bytes) -> None:
        """Wait for the end of the first line."""
        if self._first is None:
            return
        self._first += data
        if b"\n" in self._first or len(self._first) > 4096:
            self.over()

    def over(self) -> None:
        """Write down the first line, whole or not."""
        if self._first:
            line = self._first.split(b"\n", 1)[0].rstrip(b"\r")
            self.log.write("line", self.ends, line=line.decode(errors="backslashreplace"))
        self._first = None


class Taker(Witness, asyncio.Protocol):
    """Takes a connection and listens."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        self.came(transport)

    def data_received(self, data: bytes) -> None:
        """The peer spoke."""
        self.said(data)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """The peer is gone."""
        self.over()


class Mail:
    """What aiosmtpd asks when a message came."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def handle_RCPT(  # noqa: N802
        self, _server: Sink, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take everyone but nobody."""
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Sink, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write the message down."""
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = content.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
        self.log.write(
            "mail",
            server.ends,
            helo=session.host_name,
            tls=session.ssl is not None or server.inside_tls,
            mail_from=envelope.mail_from,
            rcpt_tos=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in message.items()],
            body=body.decode(errors="backslashreplace"),
            # As it came, for who looks at a signature.
            content=content.decode("latin-1"),
        )
        return "250 OK"


class Sink(Witness, SMTP):
    """SMTP with a witness."""

    def __init__(self, log: Log, inside_tls: bool, **more: Any) -> None:
        self.log = log
        self.inside_tls = inside_tls
        self._begun = False
        super().__init__(Mail(log), **more)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        # STARTTLS calls this again for the same peer.
        if not self._begun:
            self._begun = True
            self.came(transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """The peer spoke."""
        self.said(data)
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The peer is gone."""
        self.over()
        super().connection_lost(error)


def tls_context() -> ssl.SSLContext:
    """With the certificate that the host was born with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


async def serve(ports: list[int], log: Log, ready: Any) -> None:
    """Listen on all ports, v4 and v6, until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    context = tls_context() if {25, 587, 465} & set(ports) else None
    servers = []
    for port in ports:
        if port in (25, 587):
            smtp = {"tls_context": context, "hostname": socket.gethostname(), "loop": loop}
            factory: Any = functools.partial(Sink, log, False, **smtp)
        elif port == 465:
            factory = functools.partial(Sink, log, True, hostname=socket.gethostname(), loop=loop)
        else:
            factory = functools.partial(Taker, log)
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            servers.append(
                await loop.create_server(
                    factory, address, port, family=family, ssl=context if port == 465 else None, backlog=4096, reuse_address=True
                )
            )
    ready()
    await stop.wait()
    for server in servers:
        server.close()


def daemonize(log: str = os.devnull) -> Any:
    """Return in a process of its own; the caller's process ends with 0 once that one says it is ready.

    From then on it prints to `log`: whoever reads what the caller prints is not kept waiting for the daemon's end.
    """
    ready, ready_there = os.pipe()
    if os.fork():
        os.close(ready_there)
        os._exit(0 if os.read(ready, 1) else 1)
    os.close(ready)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)

    def ready_now() -> None:
        printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.write(ready_there, b"r")
        os.close(ready_there)

    return ready_now


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ports", nargs="+", type=int, metavar="PORT")
    parser.add_argument("--log", default=LOG, help="where to write (default: %(default)s)")
    parser.add_argument("--pid-file", help="go to the background once all ports are open, and write the process id here")
    arguments = parser.parse_args()

    def nothing() -> None:
        pass

    ready = daemonize() if arguments.pid_file else nothing
    if arguments.pid_file:
        Path(arguments.pid_file).write_text(f"{os.getpid()}\n")
    asyncio.run(serve(arguments.ports, Log(arguments.log), ready))
    return 0


if __name__ == "__main__":
    sys.exit(main())
