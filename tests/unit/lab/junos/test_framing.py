# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio

import pytest

from lab.junos.framing import LIMIT, Peer


class Written(list):
    def write(self, data):
        self.append(data)

    async def drain(self):
        pass


def received(data, chunked, size=None):
    """All messages of a stream that comes in pieces of that size."""

    async def run():
        reader = asyncio.StreamReader(limit=LIMIT)
        peer = Peer(reader, Written())
        peer.chunked = chunked

        async def feed():
            for start in range(0, len(data), size or len(data)):
                reader.feed_data(data[start : start + (size or len(data))])
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.ensure_future(feed())
        found = []
        while message := await peer.receive():
            found.append(message)
        await feeding
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("size", [None, 1, 3])
def test_messages_until_their_end(size):
    assert received(b"<a/>]]>]]>\n<b/>]]>]]><c/>", False, size) == [b"<a/>", b"<b/>"]


@pytest.mark.parametrize("size", [None, 1, 3])
def test_messages_in_chunks(size):
    assert received(b"\n#3\n<a>\n#4\n</a>\n##\n\n#4\n<b/>\n##\n\n#4\n<c/>", True, size) == [b"<a></a>", b"<b/>"]


@pytest.mark.parametrize("data", [b"<a/>]]>]]>", b"\n#0\n\n##\n", b"\n#04\n<a/>\n##\n", b"\n#x\n", b"\n#99999999999\n"])
def test_what_is_no_chunk_ends_the_stream(data):
    assert received(data, True) == []


@pytest.mark.parametrize("chunked", [True, False])
def test_what_is_sent_is_received(chunked):
    async def run():
        written = Written()
        peer = Peer(asyncio.StreamReader(), written)
        peer.chunked = chunked
        for message in (b"<a/>", "<ä/>".encode()):
            await peer.send(message)
        return b"".join(written)

    assert received(asyncio.run(run()), chunked) == [b"<a/>", "<ä/>".encode()]
