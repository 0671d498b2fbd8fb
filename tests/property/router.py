# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router of its own in a network namespace, with a wire on each interface that the test holds in its hand.

Run as a program it is the router: TUN interfaces, real forwarding, real nftables, spoken to in lines of JSON.
`Router` starts it. Nothing leaves the namespace, and no root is needed where user namespaces are allowed.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import importlib.util
import json
import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTERFACES = ("c0", "c1", "c2", "up0", "up1", "lan0")
# Longest match first; the documentation ranges of RFC 5737 and RFC 3849.
ROUTES = (
    ("198.51.100.0/26", "c0"),
    ("198.51.100.64/26", "c1"),
    ("198.51.100.128/25", "c2"),
    ("203.0.113.128/25", "up1"),
    ("192.0.2.128/25", "lan0"),
    ("0.0.0.0/0", "up0"),
    ("2001:db8:e000::/48", "c0"),
    ("2001:db8:e001::/48", "c1"),
    ("2001:db8:e002::/47", "c2"),
    ("2001:db8:c000::/36", "up1"),
    ("2001:db8:5::/48", "lan0"),
    ("::/0", "up0"),
)


class Router:
    """The router process and what one may ask of it."""

    def __init__(self) -> None:
        namespace = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-Urnm"]
        self._process = subprocess.Popen(
            [*namespace, sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def nft(self, script: str) -> None:
        self._ask(op="nft", script=script)

    def listing(self) -> str:
        return self._ask(op="json")

    def text(self) -> str:
        return self._ask(op="text")

    def snapshot(self) -> str:
        return self._ask(op="snapshot")

    def restore(self, snapshot: str) -> None:
        self._ask(op="restore", snapshot=snapshot)

    def send(self, packets: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Put packets on wires; returns every packet that the router then put on one."""
        wires = [(iif, base64.b64encode(data).decode()) for iif, data in packets]
        return [(oif, base64.b64decode(data)) for oif, data in self._ask(op="send", packets=wires)]


# --- the other side: inside the namespace ----------------------------------------------------------------------


def _wire(name: str) -> int:
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    iff_tun, iff_no_pi, tunsetiff = 0x0001, 0x1000, 0x400454CA
    fcntl.ioctl(handle, tunsetiff, struct.pack("16sH", name.encode(), iff_tun | iff_no_pi))
    return handle


def _sysctl(name: str, value: str) -> None:
    Path("/proc/sys/net", name).write_text(value, encoding="ascii")


def _build() -> dict[str, int]:
    # Before the interfaces are there, so that they inherit it: no addresses of their own that talk on the wires.
    _sysctl("ipv6/conf/default/addr_gen_mode", "1")
    _sysctl("ipv6/conf/default/accept_ra", "0")
    _sysctl("ipv4/conf/default/rp_filter", "0")
    _sysctl("ipv4/conf/all/rp_filter", "0")
    wires = {name: _wire(name) for name in INTERFACES}
    batch = [f"link set {name} up txqueuelen 20000" for name in INTERFACES]
    batch += [f"route add {prefix} dev {name}" for prefix, name in ROUTES]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch), text=True, check=True)
    _sysctl("ipv4/ip_forward", "1")
    _sysctl("ipv6/conf/all/forwarding", "1")
    return wires


def _drain(wires: dict[str, int], quiet: float) -> list[tuple[str, str]]:
    names = {handle: name for name, handle in wires.items()}
    found = []
    end = time.monotonic() + quiet
    while time.monotonic() < end:
        ready = select.select(list(names), [], [], quiet)[0]
        for handle in ready:
            try:
                data = os.read(handle, 65535)
            except OSError as err:
                if err.errno != errno.EAGAIN:
                    raise
                continue
            found.append((names[handle], base64.b64encode(data).decode()))
            end = time.monotonic() + quiet
    return found


def _run(*command: str, script: str | None = None) -> str:
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def main() -> None:
    spec = importlib.util.spec_from_file_location("router", ROOT / "plugins" / "module_utils" / "router.py")
    router = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(router)
    wires = _build()
    answers = {
        "nft": lambda r: _run("nft", "-f", "-", script=r["script"]),
        "json": lambda _r: _run("nft", "-j", "list", "table", "inet", "op25b") if router.table_exists() else "",
        "text": lambda _r: _run("nft", "-s", "list", "ruleset"),
        "snapshot": lambda _r: router.snapshot(),
        "restore": lambda r: router.restore(r["snapshot"]),
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "send":
                for iif, data in request["packets"]:
                    os.write(wires[iif], base64.b64decode(data))
                value = _drain(wires, 0.05)
            else:
                value = answers[request["op"]](request)
            print(json.dumps({"value": value}), flush=True)
        except Exception as err:
            print(json.dumps({"error": f"{type(err).__name__}: {err}"}), flush=True)


if __name__ == "__main__":
    main()
