# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single TCP packets from a lab host, of any source and any IPv6 shape, and a witness of what came to an interface.

    with Witness(lab, "other-isp") as witness:
        send(lab, "cust-east", [Packet("2001:db8:e000::10", "2001:db8:c000::100", shape="headless")])
        arrived = witness.seen()

A packet is known by its 4-tuple and its nonce, which is the TCP sequence number: what the kernel sends by itself, such
as a SYN-ACK once more, can never be taken for it. The witness reads the wire before the host's own filter and stack,
and puts fragments together itself: a stack may throw away what has crossed the network all the same (RFC 8200 lets it
drop a first fragment without the TCP header).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from lab.wire import ACK, SHAPES, SYN, SYNACK, packet

if TYPE_CHECKING:
    from lab.machine import Lab

__all__ = ["ACK", "SHAPES", "SYN", "SYNACK", "Arrival", "Packet", "Witness", "send"]

ETH_P_ALL, PACKET_OUTGOING = 3, 4
FRAGMENT, TCP = 44, 6
OPTION_HEADERS = (0, 43, 60)


@dataclasses.dataclass(frozen=True)
class Packet:
    """One TCP packet. `interface` makes it leave there, whatever the routes say."""

    source: str
    destination: str
    sport: int = dataclasses.field(default_factory=lambda: random.randint(20000, 60000))
    dport: int = 25
    nonce: int = dataclasses.field(default_factory=lambda: random.getrandbits(32))
    flags: int = SYN
    shape: str = "plain"
    interface: str | None = None


class Arrival(NamedTuple):
    """A TCP packet that the witness saw."""

    source: str
    sport: int
    destination: str
    dport: int
    nonce: int
    flags: int

    @classmethod
    def of(cls, sent: Packet) -> Arrival:
        """What the witness must see when this packet comes through."""
        return cls(sent.source, sent.sport, sent.destination, sent.dport, sent.nonce, sent.flags)


def send(lab: Lab, host: str, packets: Iterable[Packet]) -> None:
    """Send from the host, in order; returns when all have left."""
    lines = json.dumps([dataclasses.asdict(each) for each in packets])
    lab.script(host, "lab.packets", "send", input=lines, check=True)


class Witness:
    """Reads an interface of a host while the `with` block runs."""

    def __init__(self, lab: Lab, host: str, interface: str = "eth0") -> None:
        self.lab, self.host, self.interface = lab, host, interface
        self._seen: list[Arrival] = []

    def __enter__(self) -> Witness:
        self._process = self.lab.script_popen(
            self.host, "lab.packets", "witness", self.interface, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._to, self._from = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        if self._from.readline() != "listening\n":
            raise RuntimeError(f"the witness on {self.host} {self.interface} did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._to.close()
        self._process.wait(10)
        self._from.close()

    def seen(self, settle: float = 0.2) -> list[Arrival]:
        """All that has come in so far, once nothing more has for `settle` seconds."""
        while True:
            time.sleep(settle)
            # The answer to a question follows all that was seen before it.
            self._to.write("?\n")
            self._to.flush()
            before = len(self._seen)
            while (line := self._from.readline()) != "!\n":
                if not line:
                    raise RuntimeError(f"the witness on {self.host} {self.interface} died")
                self._seen.append(Arrival(*json.loads(line)))
            if len(self._seen) == before:
                return list(self._seen)

    def saw(self, sent: Packet) -> bool:
        """Whether that very packet came."""
        return Arrival.of(sent) in self.seen()


# -- what runs inside of the host --------------------------------------------------------------------------------------


def send_here(packets: list[Packet]) -> None:
    """Hand packets to this host's routing, headers and all."""
    for each in packets:
        family = socket.AF_INET6 if ":" in each.source else socket.AF_INET
        with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as wire:
            if each.interface:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, each.interface.encode())
            for piece in packet(each.source, each.destination, each.sport, each.dport, each.nonce, each.flags, each.shape):
                wire.sendto(piece, (each.destination, 0))


class Reader:
    """Finds the TCP header of each packet, in whatever it is wrapped."""

    def __init__(self) -> None:
        self._fragments: dict[tuple[bytes, bytes, int], dict[int, tuple[int, bool, bytes]]] = {}

    def read(self, data: bytes) -> Arrival | None:
        """The TCP packet that is complete with this one, if it is one."""
        try:
            if data[0] >> 4 == 4:
                begin = (data[0] & 15) * 4
                fragmented = int.from_bytes(data[6:8], "big") & 0x1FFF
                return self._tcp(data[12:16], data[16:20], data[begin:]) if data[9] == TCP and not fragmented else None
            if data[0] >> 4 == 6:
                return self._v6(data[8:24], data[24:40], data[6], data[40 : 40 + int.from_bytes(data[4:6], "big")])
        except IndexError:
            pass
        return None

    def _v6(self, source: bytes, destination: bytes, kind: int, payload: bytes) -> Arrival | None:
        while kind in OPTION_HEADERS:
            kind, payload = payload[0], payload[(payload[1] + 1) * 8 :]
        if kind == FRAGMENT:
            following, place, name = payload[0], int.from_bytes(payload[2:4], "big"), int.from_bytes(payload[4:8], "big")
            parts = self._fragments.setdefault((source, destination, name), {})
            parts[place & ~7] = (following, bool(place & 1), payload[8:])
            whole = b""
            while (part := parts.get(len(whole))) is not None:
                whole += part[2]
                if not part[1]:
                    del self._fragments[source, destination, name]
                    return self._v6(source, destination, parts[0][0], whole)
            return None
        return self._tcp(source, destination, payload) if kind == TCP else None

    @staticmethod
    def _tcp(source: bytes, destination: bytes, segment: bytes) -> Arrival | None:
        if len(segment) < 20:
            return None
        family = socket.AF_INET if len(source) == 4 else socket.AF_INET6
        number = int.from_bytes
        return Arrival(
            socket.inet_ntop(family, source),
            number(segment[0:2], "big"),
            socket.inet_ntop(family, destination),
            number(segment[2:4], "big"),
            number(segment[4:8], "big"),
            segment[13],
        )


def watch_here(interface: str) -> None:
    """Print what comes in on an interface until stdin ends."""
    reader = Reader()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        wire.bind((interface, ETH_P_ALL))
        wire.setblocking(False)
        print("listening", flush=True)
        while True:
            ready = select.select([wire, sys.stdin], [], [])[0]
            while True:
                try:
                    data, (_, _, kind, *_) = wire.recvfrom(65536)
                except BlockingIOError:
                    break
                found = None if kind == PACKET_OUTGOING else reader.read(data)
                if found:
                    print(json.dumps(found))
            sys.stdout.flush()
            if sys.stdin in ready:
                if not sys.stdin.readline():
                    return
                print("!", flush=True)


def main() -> None:
    """Be one of the two, in the host where this runs."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.packets", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("send", help="send the packets that stdin lists as JSON")
    commands.add_parser("witness", help="print the TCP packets that come in").add_argument("interface")
    arguments = parser.parse_args()
    if arguments.command == "send":
        send_here([Packet(**fields) for fields in json.load(sys.stdin)])
    else:
        watch_here(arguments.interface)


if __name__ == "__main__":
    main()
