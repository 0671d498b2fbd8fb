# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No connection slips through while a set of 100,000 prefixes is exchanged under load."""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
import sys
import time

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import nftables

from lab.topology import HOSTS

from .ansible_task import ROOT
from .test_edge import DOCUMENT, EDGE, Edge

pytestmark = [pytest.mark.lab, pytest.mark.soak]
RELOADS = 50
CONNECT = """
import json, socket, sys, threading
ends = json.loads(sys.argv[1])
counts, stop = {}, threading.Event()
def load(end):
    while not stop.is_set():
        with socket.socket(socket.AF_INET6 if ":" in end else socket.AF_INET) as s:
            s.settimeout(2)
            try:
                s.connect((end, 25))
                said = "open"
            except ConnectionRefusedError:
                said = "refused"
            except OSError as err:
                said = type(err).__name__
        counts[end, said] = counts.get((end, said), 0) + 1
threads = [threading.Thread(target=load, args=(end,)) for end in ends]
[t.start() for t in threads]
print("running", flush=True)
sys.stdin.read()
stop.set()
[t.join() for t in threads]
total = {}
for (end, said), n in counts.items():
    total[said] = total.get(said, 0) + n
print(json.dumps(total))
"""
RESTORE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("router", sys.argv[1])
router = importlib.util.module_from_spec(spec)
spec.loader.exec_module(router)
router.restore(sys.stdin.read())
"""


def ruleset(shift: int) -> nftables.Ruleset:
    """100,000 prefixes of which none joins another; another shift has none of the same hosts."""
    # 198.18.0.0/15 is set aside for benchmarks (RFC 2544).
    v4 = [f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(shift, 1 << 17, 2)]
    v6 = [f"2001:db8:e{n >> 16 & 15:03x}:{n & 0xFFFF:x}::/64" for n in range(0x10000 + shift, 0x10000 + 2 * 34500, 2)]
    document = {
        **DOCUMENT,
        "pools": {**DOCUMENT["pools"], "east_ftth": {"prefixes": ["198.51.100.0/25", "2001:db8:e000::/52", *v4, *v6]}},
    }
    checked = policy.load(document, datetime.date(2019, 3, 25))
    places = acl.attachments_from(EDGE["op25b_attachments"], checked)
    return nftables.build(acl.build(checked, "all", places, acl.uplinks_from(EDGE["op25b_uplinks"], places)))


def test_reloads_let_nothing_through(lab):
    edge = Edge(lab)
    theirs = edge.theirs()
    both = [ruleset(0), ruleset(1)]
    prefixes = len(both[0].sets["pool.east_ftth.v4"].elements) + len(both[0].sets["pool.east_ftth.v6"].elements)
    assert prefixes >= 100_000

    def nft(commands):
        edge.lab.run("edge-l1", ["nft", "-f", "-"], input="".join(f"{line}\n" for line in commands), check=True)

    nft(nftables.diff(nftables.EMPTY, both[0]).commands)
    snapshots = [nftables.text(each) for each in both]
    logged = {sink: len(lab.sink_log(sink)) for sink in ("mobile-mx", "other-isp")}
    ends = [getattr(HOSTS[sink], family) for sink in logged for family in ("v4", "v6")]
    load = lab.popen(
        "cust-east", [sys.executable, "-c", CONNECT, json.dumps(ends)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert load.stdout.readline() == "running\n"
    seconds = []
    for number in range(RELOADS):
        old, new = both[number % 2], both[(number + 1) % 2]
        begin = time.monotonic()
        if number % 4 < 2:
            nft(nftables.diff(old, new).commands)
        else:
            # The way that the dead man's switch goes.
            restore = ["/usr/bin/python3", "-c", RESTORE, str(ROOT / "plugins" / "module_utils" / "router.py")]
            lab.run("edge-l1", restore, input=snapshots[(number + 1) % 2], check=True)
        seconds.append(time.monotonic() - begin)
    said, _nothing = load.communicate("")
    total = json.loads(said)
    slipped = [line for sink, seen in logged.items() for line in lab.sink_log(sink)[seen:] if line.get("local_port") == 25]
    assert nftables.from_json(edge.run("nft", "-j", "list", "table", "inet", "op25b")) == both[RELOADS % 2]
    assert edge.theirs() == theirs
    edge.run("nft", "delete", "table", "inet", "op25b")
    print(
        f"\n{RELOADS} reloads of {prefixes} prefixes, seconds min/median/max "
        f"{min(seconds):.2f}/{statistics.median(seconds):.2f}/{max(seconds):.2f}; connects: {total}; at the sinks: {len(slipped)}"
    )
    assert slipped == []
    assert set(total) == {"refused"}
    assert total["refused"] > 100 * RELOADS
