# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF messages on a stream: ended by `]]>]]>` until both sides have said base:1.1, in chunks from then on (RFC 6242)."""

from __future__ import annotations

import asyncio
import re

END = b"]]>]]>"
CHUNK = re.compile(rb"\n#([1-9][0-9]{0,9})\n")
LIMIT = 64 << 20


class Peer:
    """One side's messages, whatever comes in one read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.chunked = False
        """Whether from here on messages are in chunks, both ways."""

    async def receive(self) -> bytes:
        """The next message; an empty one is the end of the stream. What is no framing ends it, too, as RFC 6242 4.1 wants."""
        try:
            return await (self._chunks() if self.chunked else self._until_end())
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return b""

    async def _until_end(self) -> bytes:
        while True:
            message = (await self.reader.readuntil(END))[: -len(END)].strip()
            if message:
                return message

    async def _chunks(self) -> bytes:
        found = bytearray()
        while True:
            header = await self.reader.readuntil(b"\n") + await self.reader.readuntil(b"\n")
            if header == b"\n##\n":
                return bytes(found)
            size = CHUNK.fullmatch(header)
            if not size or len(found) + int(size[1]) > LIMIT:
                return b""
            found += await self.reader.readexactly(int(size[1]))

    async def send(self, message: bytes) -> None:
        """Send one message."""
        if self.chunked:
            self.writer.write(b"\n#%d\n%s\n##\n" % (len(message), message))
        else:
            self.writer.write(message + END)
        await self.writer.drain()

    def close(self) -> None:
        """No more of it."""
        self.writer.close()
