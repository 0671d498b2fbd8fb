# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets to the byte: TCP over IPv4 and IPv6, with the shapes by which an IPv6 packet may carry its TCP header."""

from __future__ import annotations

import socket
import struct

SYN, SYNACK, ACK = 0x02, 0x12, 0x10
SHAPES = ("plain", "hop-by-hop", "destination-options", "routing", "atomic-fragment", "headless")
TCP, FRAGMENT = 6, 44
# Each option header is eight bytes long: next header, length 0, and a PadN of four. The routing header is of
# type 4 with no segments left, so that the packet is on its last leg, and no router may act on it.
_HEADERS = {
    "hop-by-hop": (0, b"\x00\x01\x04\x00\x00\x00\x00"),
    "destination-options": (60, b"\x00\x01\x04\x00\x00\x00\x00"),
    "routing": (43, b"\x00\x04\x00\x00\x00\x00\x00"),
}


def _sum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(source: str, destination: str, sport: int, dport: int, nonce: int, flags: int = SYN) -> bytes:
    """A TCP header whose sequence number is the nonce."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    header = struct.pack("!HHIIBBHHH", sport, dport, nonce, 0, 5 << 4, flags, 64240, 0, 0)
    pseudo = ends + (struct.pack("!I3xB", len(header), TCP) if ":" in source else struct.pack("!xBH", TCP, len(header)))
    return header[:16] + struct.pack("!H", _sum(pseudo + header)) + header[18:]


def packet(
    source: str, destination: str, sport: int, dport: int, nonce: int, flags: int = SYN, shape: str = "plain", protocol: int = TCP
) -> list[bytes]:
    """The packet, or for a headless one its two fragments. Another protocol gets the bytes of TCP under its number."""
    segment = tcp(source, destination, sport, dport, nonce, flags)
    if ":" not in source:
        header = struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            0,
            20 + len(segment),
            nonce & 0xFFFF,
            0,
            64,
            protocol,
            0,
            socket.inet_pton(socket.AF_INET, source),
            socket.inet_pton(socket.AF_INET, destination),
        )
        return [header[:10] + struct.pack("!H", _sum(header)) + header[12:] + segment]

    def v6(following: int, payload: bytes) -> bytes:
        ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
        return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + ends + payload

    if shape == "plain":
        return [v6(protocol, segment)]
    if shape in _HEADERS:
        number, body = _HEADERS[shape]
        return [v6(number, bytes([protocol]) + body + segment)]
    if shape == "atomic-fragment":
        return [v6(FRAGMENT, struct.pack("!BBHI", protocol, 0, 0, nonce) + segment)]
    options = bytes([protocol]) + _HEADERS["destination-options"][1]
    first = struct.pack("!BBHI", 60, 0, 0 << 3 | 1, nonce) + options
    second = struct.pack("!BBHI", 60, 0, (len(options) // 8) << 3, nonce) + segment
    return [v6(FRAGMENT, first), v6(FRAGMENT, second)]
