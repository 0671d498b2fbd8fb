# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What customers of each kind reach through the edge; the sinks' own logs are the witness."""

from __future__ import annotations

import json
import sys

import pytest

from lab import Lab
from lab.topology import HOSTS
from tests.lab.ansible_task import wait_for

testinfra_hosts = ["ansible://edge-l1"]
OUTSIDE = ("mobile-mx", "other-isp")
CONNECT = """
import json, socket, sys
def state(address, port):
    try:
        socket.create_connection((address, port), 3).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError as err:
        return type(err).__name__
    return "open"
print(json.dumps([state(*target) for target in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def lab():
    return Lab()


def states(lab, host, targets):
    done = lab.run(host, [sys.executable, "-c", CONNECT, json.dumps(targets)], check=True)
    return json.loads(done.stdout)


def addresses(host):
    return [HOSTS[host].v4, HOSTS[host].v6]


def ports(lab, sink, seen):
    return {line["local_port"] for line in lab.sink_log(sink)[seen:] if "local_port" in line}


@pytest.mark.parametrize("customer", ["cust-east", "cust-west"])
def test_a_pool_is_refused_on_port_25_and_nowhere_else(lab, customer):
    before = {sink: len(lab.sink_log(sink)) for sink in OUTSIDE}
    assert states(lab, customer, [(a, 25) for sink in OUTSIDE for a in addresses(sink)]) == ["refused"] * 4
    others = [(a, port) for sink in OUTSIDE for a in addresses(sink) for port in (587, 465, 443)]
    assert states(lab, customer, others) == ["open"] * len(others)
    for sink, seen in before.items():
        # What came last is written down: then so is what came before.
        assert wait_for(lambda sink=sink, seen=seen: {587, 443} <= ports(lab, sink, seen), 10)
        assert 25 not in ports(lab, sink, seen)


@pytest.mark.parametrize("customer", ["cust-exempt", "fixed", "other-line"])
def test_who_is_in_no_pool_or_exempted_is_left_alone(lab, customer):
    assert states(lab, customer, [(a, 25) for sink in OUTSIDE for a in addresses(sink)]) == ["open"] * 4


def test_our_own_mx_stays_reachable_and_mail_to_a_home_server_comes_in(lab):
    assert states(lab, "cust-east", [(a, 25) for a in addresses("mx1")]) == ["open"] * 2
    assert states(lab, "other-line", [(a, 25) for a in addresses("home-mail")]) == ["open"] * 2


def test_the_operator_s_tables_are_theirs(host, lab):
    tables = host.check_output("nft list tables").splitlines()
    assert "table inet op25b" in tables
    expected = lab.run("edge-l1", ["unshare", "-n", "sh", "-c", "nft -f /etc/nftables.conf && nft -s list ruleset"], check=True)
    theirs = [t for t in tables if t != "table inet op25b"]
    found = "".join(host.check_output(f"nft -s list {table}") + "\n" for table in theirs)
    assert sorted(found.split()) == sorted(expected.stdout.split())


def test_the_confirmed_table_stands_again_after_a_reboot(host, lab):
    before = host.check_output("nft -s list table inet op25b")
    lab.restart("edge-l1")
    after = lab.run("edge-l1", ["nft", "-s", "list", "table", "inet", "op25b"], check=True).stdout
    assert after.strip() == before.strip()
    assert states(lab, "cust-east", [(a, 25) for a in addresses("other-isp")]) == ["refused"] * 2
