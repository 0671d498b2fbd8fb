# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe as the process that a managed host runs, against the real kernel of a network namespace of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
OUR4, OUR6 = "198.51.100.10", "2001:db8:e000::10"

NAMESPACE = f"""
ip link set lo up
ip addr add {OUR4}/32 dev lo
ip addr add {OUR6}/128 dev lo nodad
ip route add unreachable 203.0.113.2
ip route add prohibit 203.0.113.3
ip -6 route add unreachable 2001:db8::2
ip -6 route add prohibit 2001:db8::3
nft -f - <<RULES
table inet others {{
  counter syns {{ }}
  chain input {{
    type filter hook input priority 0
    tcp flags & (syn | ack) == syn counter name syns
    tcp dport 1001 drop
    tcp dport 1002 reject with icmpx admin-prohibited
    tcp dport 1003 reject with icmpx port-unreachable
    tcp dport 1004 reject with icmpx host-unreachable
    tcp dport 1005 reject with tcp reset
  }}
  chain output {{
    type filter hook output priority 0
    tcp dport 1006 reject with icmpx admin-prohibited
  }}
}}
RULES
exec "$0" -c "$1" "$2"
"""

SERVER = r"""
import json, selectors, socket, sys, time
listeners = selectors.DefaultSelector()
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    for port in (25, 587):
        listener = socket.create_server((address, port), family=family, backlog=512)
        listeners.register(listener, selectors.EVENT_READ)
print("ready", flush=True)
with open(sys.argv[1], "w") as log:
    while True:
        for key, _ in listeners.select():
            came, peer = key.fileobj.accept()
            entry = {"time": time.monotonic(), "peer": peer[:2], "port": came.getsockname()[1], "line": ""}
            came.settimeout(1)
            try:
                came.sendall(b"220 sink.example ESMTP\r\n" * 100)
                entry["line"] = came.makefile("rb").readline().decode().strip()
            except OSError:
                pass
            came.close()
            print(json.dumps(entry), file=log, flush=True)
"""


class Host:
    """A host that no packet leaves, with a server that speaks first on 25 and 587 and keeps a log."""

    def __init__(self, folder):
        self.log = folder / "log"
        self.process = subprocess.Popen(
            ["unshare", "-Urn", "sh", "-ec", NAMESPACE, sys.executable, SERVER, str(self.log)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def run(self, prefix=(), **arguments):
        module = [sys.executable, "-m", "ansible_collections.ccsnet.op25b.plugins.modules.probe"]
        done = subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-U", "-n", "--preserve-credentials", *prefix, *module],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr
        return json.loads(done.stdout)

    def counted(self):
        """The SYNs that the kernel has seen come in, SYN-ACKs not among them."""
        listing = ["nft", "-j", "list", "counter", "inet", "others", "syns"]
        enter = ["nsenter", "-t", str(self.process.pid), "-U", "-n", "--preserve-credentials"]
        found = json.loads(subprocess.run([*enter, *listing], capture_output=True, text=True, check=True).stdout)
        return found["nftables"][-1]["counter"]["packets"]

    def entries(self, count):
        end = time.monotonic() + 10
        while True:
            lines = self.log.read_text().splitlines()
            if len(lines) >= count or time.monotonic() > end:
                return [json.loads(line) for line in lines]
            time.sleep(0.02)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("host"))
    yield made
    made.process.kill()
    made.process.wait()


def to(port, address="127.0.0.1", name="t"):
    return {"name": name, "address": address, "port": port}


@pytest.mark.parametrize(
    ("target", "state", "detail"),
    [
        (to(25), "open", ""),
        (to(25, "::1"), "open", ""),
        (to(9), "refused", "Connection refused"),
        (to(9, "::1"), "refused", "Connection refused"),
        (to(1001), "filtered", "no answer"),
        (to(1001, "::1"), "filtered", "no answer"),
        (to(1002), "unreachable", "ICMP type 3 code 13 from 127.0.0.1"),
        (to(1002, "::1"), "unreachable", "ICMPv6 type 1 code 1 from ::1"),
        (to(1003), "refused", "ICMP type 3 code 3 from 127.0.0.1"),
        (to(1003, "::1"), "refused", "ICMPv6 type 1 code 4 from ::1"),
        (to(1004), "unreachable", "ICMP type 3 code 1 from 127.0.0.1"),
        (to(1004, "::1"), "unreachable", "ICMPv6 type 1 code 3 from ::1"),
        (to(1005), "refused", "Connection refused"),
        (to(1005, "::1"), "refused", "Connection refused"),
        (to(1006), "unreachable", "ICMP type 3 code 13 from 127.0.0.1"),
        (to(25, "203.0.113.1"), "unreachable", "Network is unreachable"),
        (to(25, "2001:db8::1"), "unreachable", "Network is unreachable"),
        (to(25, "203.0.113.2"), "unreachable", "No route to host"),
        (to(25, "2001:db8::2"), "unreachable", "No route to host"),
        (to(25, "203.0.113.3"), "unreachable", "Permission denied"),
        (to(25, "2001:db8::3"), "unreachable", "Permission denied"),
    ],
    ids=lambda value: f"{value['address']}-{value['port']}" if isinstance(value, dict) else "",
)
def test_the_state_is_what_the_kernel_said(host, target, state, detail):
    found = host.run(targets=[target], timeout=0.5)
    assert found["changed"] is False
    probe = found["probes"][0]
    assert (probe["state"], probe["detail"]) == (state, detail)
    assert {key: probe[key] for key in target} == target
    assert probe["family"] == ("v6" if ":" in target["address"] else "v4")
    if state == "filtered":
        assert 500 <= probe["ms"] < 1500
    else:
        assert probe["ms"] < 250


@pytest.mark.parametrize(
    ("target", "least"),
    [
        (to(25), 1),
        (to(25, "::1"), 1),
        (to(9), 1),
        (to(9, "::1"), 1),
        (to(1001), 2),
        (to(1001, "::1"), 2),
        (to(1002), 1),
        (to(1005, "::1"), 1),
        (to(25, "203.0.113.1"), 0),
        (to(25, "2001:db8::2"), 0),
    ],
    ids=lambda value: f"{value['address']}-{value['port']}" if isinstance(value, dict) else "",
)
def test_the_syns_are_those_that_the_kernel_sent(host, target, least):
    before = host.counted()
    (probe,) = host.run(targets=[target], nonce="op25b-4711")["probes"]
    assert probe["syns"] == host.counted() - before
    # The kernel sends it again after a second, and then by the second or after twice as long (tcp_syn_linear_timeouts).
    assert least <= probe["syns"] <= (4 if probe["state"] == "filtered" else least)


def test_the_servers_log_knows_each_connection_by_ports_and_nonce(host):
    before = len(host.entries(0))
    wanted = [to(25), to(587), to(25, "::1"), to(587, "::1")]
    probes = host.run(targets=wanted, nonce="op25b-4711", timeout=5)["probes"]
    logged = host.entries(before + len(wanted))[before:]
    seen = sorted((entry["peer"][0], entry["peer"][1], entry["port"], entry["line"]) for entry in logged)
    assert seen == sorted((probe["source"], probe["source_port"], probe["port"], "op25b-4711") for probe in probes)


def test_nothing_is_sent_without_a_nonce(host):
    before = len(host.entries(0))
    host.run(targets=[to(25)])
    assert [entry["line"] for entry in host.entries(before + 1)[before:]] == [""]


def test_all_are_tried_at_once(host):
    start = time.monotonic()
    probes = host.run(targets=[to(1001), to(1001, "::1")] * 200, timeout=1)["probes"]
    assert {probe["state"] for probe in probes} == {"filtered"}
    # One after the other they take 400 s.
    assert time.monotonic() - start < 60


def test_a_quick_answer_among_many_slow_ones_has_its_own_time(host):
    probes = host.run(targets=[to(9)] + [to(1001)] * 300, timeout=1)["probes"]
    assert probes[0]["state"] == "refused"
    assert probes[0]["ms"] < 250


def test_the_order_is_that_of_the_targets(host):
    targets = [to(1001, name="slow"), to(9, name="quick"), to(25, name="open"), to(1002, name="icmp")]
    probes = host.run(targets=targets, controls=[to(587, name="control")], timeout=0.5)["probes"]
    assert [probe["name"] for probe in probes] == ["slow", "quick", "open", "icmp"]


def test_controls_are_tried_in_the_same_second_and_told_apart(host):
    before = len(host.entries(0))
    found = host.run(targets=[to(1001)] * 100 + [to(25)], controls=[to(587), to(587, "::1")], timeout=1)
    assert found["controls_ok"] is True
    assert [(control["family"], control["state"]) for control in found["controls"]] == [("v4", "open"), ("v6", "open")]
    times = [entry["time"] for entry in host.entries(before + 3)[before:]]
    assert len(times) == 3
    assert max(times) - min(times) < 1


@pytest.mark.parametrize("control", [to(9), to(1001), to(25, "203.0.113.1")])
def test_a_control_that_is_not_open_is_not_ok(host, control):
    found = host.run(targets=[to(25)], controls=[to(587), control], timeout=0.5)
    assert found["controls_ok"] is False
    assert found["probes"][0]["state"] == "open"


def test_without_controls_none_has_failed(host):
    assert host.run(targets=[to(25)])["controls_ok"] is True


def test_the_source_of_each_family_is_used(host):
    probes = host.run(targets=[to(25), to(25, "::1")], sources=[OUR6, OUR4])["probes"]
    assert [(probe["state"], probe["source"]) for probe in probes] == [("open", OUR4), ("open", OUR6)]


def test_a_source_that_is_not_ours_is_told(host):
    found = host.run(targets=[to(25)], sources=["198.51.100.99"])
    assert found["failed"] is True
    assert found["msg"] == "sources: 198.51.100.99: not every one is an address of this host"


def test_every_mistake_is_told_at_once(host):
    found = host.run(
        targets=[to(25, "mx.example.net", "mx"), to(0), to(65536, "::1")],
        controls=[to(25, "203.0.113.0/24", "net")],
        sources=["198.51.100.10", "198.51.100.11", "here"],
        timeout=0,
        nonce="two\nlines",
    )
    assert found["failed"] is True
    assert found["msg"].splitlines() == [
        "targets: the address 'mx.example.net' of 'mx' is not an IPv4 or IPv6 address; names are not taken, give the address",
        "targets: the port 0 of 't' must be between 1 and 65535",
        "targets: the port 65536 of 't' must be between 1 and 65535",
        "controls: the address '203.0.113.0/24' of 'net' is not an IPv4 or IPv6 address; names are not taken, give the address",
        "sources: 198.51.100.10 is one of several IPv4 addresses; give at most one of each family",
        "sources: 198.51.100.11 is one of several IPv4 addresses; give at most one of each family",
        "sources: 'here' is not an IPv4 or IPv6 address",
        "timeout: 0.0 must be more than 0 seconds",
        "nonce: it must be one line of printable characters",
    ]


def test_check_mode_tries_them_too(host):
    found = host.run(targets=[to(25), to(9)], _ansible_check_mode=True)
    assert [probe["state"] for probe in found["probes"]] == ["open", "refused"]


def test_a_low_soft_limit_of_open_files_is_no_limit(host):
    found = host.run(["prlimit", "--nofile=32:4096"], targets=[to(9)] * 300)
    assert {probe["state"] for probe in found["probes"]} == {"refused"}


def test_a_low_hard_limit_of_open_files_is_told(host):
    found = host.run(["prlimit", "--nofile=128:128"], targets=[to(9)] * 300)
    assert found["msg"] == "targets: 300 connections at once are more than this host's limit of 128 open files; give fewer"
