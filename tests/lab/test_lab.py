# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab is what it says: hosts that reach each other, witnesses that tell the truth, and nothing left behind."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ncclient import manager
from ncclient.transport.errors import AuthenticationError
from ncclient.xml_ import to_ele

from lab import Lab, LabError, debs
from lab.machine import REPOSITORY, STATE, alive
from lab.packets import SHAPES, Arrival, Packet, Witness, send
from lab.topology import HOSTS, SWITCH

from .sessions import netconf

pytestmark = pytest.mark.lab

# A closed port that answers at once: one refusal proves the way there and the way back.
REACH = """
import asyncio, json, sys
async def one(address):
    try:
        await asyncio.wait_for(asyncio.open_connection(address, 9), 3)
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, asyncio.TimeoutError) as error:
        return repr(error)
async def main(addresses):
    print(json.dumps(dict(zip(addresses, await asyncio.gather(*map(one, addresses))))))
asyncio.run(main(sys.argv[1:]))
"""

SAY = """
import socket, sys
address, port, line = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with socket.create_connection((address, port), 3) as peer:
    peer.sendall(line.encode() + b"\\r\\n")
    print(*peer.getsockname()[:2])
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(4096):
        pass
"""


def reach(lab: Lab, host: str, addresses: list[str]) -> dict[str, str]:
    done = lab.run(host, ["/usr/bin/python3", "-c", REACH, *addresses], check=True)
    return json.loads(done.stdout)


def say(lab: Lab, host: str, address: str, port: int, line: str) -> tuple[str, int]:
    """Connect, say a line, hang up; returns our end of the connection."""
    done = lab.run(host, ["/usr/bin/python3", "-c", SAY, address, str(port), line], check=True)
    own, number = done.stdout.split()
    return own, int(number)


def events(lab: Lab, host: str, kind: str, **fields) -> list[dict]:
    """What the sink wrote down of that kind, once it had the time to."""
    deadline = time.monotonic() + 3
    while True:
        found = [each for each in lab.sink_log(host) if each["event"] == kind and fields.items() <= each.items()]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def cli(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", "--name", lab.name, *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )


def traces(name: str) -> dict[str, list[str]]:
    """Everything of a lab that this machine can show."""
    processes = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_text(errors="replace")
            root = os.readlink(directory / "root")
        except OSError:
            continue
        if f"{STATE}/{name}/" in command or root.startswith(f"{STATE}/{name}"):
            processes.append(f"{directory.name} {command}")
    return {
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"{STATE}/{name}" in line],
        "processes": processes,
        "files": [str(path) for path in STATE.glob(f"{name}*")],
    }


NOTHING = {"mounts": [], "processes": [], "files": []}


def links() -> str:
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout


# -- the network -------------------------------------------------------------------------------------------------------


def test_only_documentation_addresses():
    documentation = [
        *map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")),
    ]
    addresses = [
        ipaddress.ip_interface(each).ip for host in HOSTS.values() for wire in host.interfaces for each in wire.addresses
    ]
    assert len(addresses) == len(set(addresses)) > 20
    assert not [each for each in addresses if not any(each in network for network in documentation)]


@pytest.mark.parametrize("source", [name for name in HOSTS if name not in ("internet", "noc")])
def test_every_host_reaches_every_other(lab, source):
    targets = [address for host in HOSTS.values() if host.name not in (source, "noc") for address in (host.v4, host.v6)]
    assert reach(lab, source, targets) == dict.fromkeys(targets, "refused")


def test_the_management_network_is_apart(lab):
    management = [host.management for host in HOSTS.values() if host.management]
    assert len(management) == 6
    ours = [address for wire in management for address in (wire.v4, wire.v6)]
    assert reach(lab, "noc", ours) == dict.fromkeys(ours, "refused")
    assert "refused" not in reach(lab, "noc", [HOSTS["other-isp"].v4, HOSTS["cust-east"].v6]).values()
    for host in ("cust-north", "cust-coast-b", "other-line"):
        assert "refused" not in reach(lab, host, [HOSTS["noc"].v4, HOSTS["noc"].v6]).values()
    packets = [Packet(HOSTS["cust-east"].v4, HOSTS["noc"].v4), Packet(HOSTS["cust-east"].v6, HOSTS["noc"].v6)]
    assert pass_through(lab, "cust-east", "noc", packets) == [False, False], "a Linux edge leads there"


def test_every_edge_answers_by_its_second_path(ansible, tmp_path):
    look = {
        "name": "Look from there",
        "ansible.builtin.wait_for": {
            "host": "{{ op25b_second_path.host }}",
            "port": "{{ op25b_second_path.port }}",
            "search_regex": "^SSH",
            "timeout": 5,
        },
        "delegate_to": "{{ op25b_second_path_from }}",
    }
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "edges", "gather_facts": False, "tasks": [look]}]))
    done = ansible("ansible-playbook", str(play))
    assert set(re.findall(r"^ok: \[(\S+) -> noc\]", done.stdout, re.MULTILINE)) == {
        host.name for host in HOSTS.values() if host.management
    }


@pytest.mark.parametrize(("customer", "gateway"), [("cust-coast-a", "edge-p1"), ("cust-coast-b", "edge-p2")])
@pytest.mark.parametrize(("family", "back"), [("v4", "edge-p1"), ("v6", "edge-p2")])
def test_a_pair_has_the_two_ways_of_a_connection_apart(lab, customer, gateway, family, back):
    packet = Packet(getattr(HOSTS[customer], family), getattr(HOSTS["other-isp"], family))
    with (
        Witness(lab, "edge-p1", "coast0") as one,
        Witness(lab, "edge-p2", "coast0") as two,
        Witness(lab, "edge-p1", "up0") as back_one,
        Witness(lab, "edge-p2", "up0") as back_two,
    ):
        send(lab, customer, [packet])
        assert [one.saw(packet), two.saw(packet)] == [gateway == "edge-p1", gateway == "edge-p2"]
        answers = [[each for each in way.seen() if each.dport == packet.sport] for way in (back_one, back_two)]
    assert [bool(each) for each in answers] == [back == "edge-p1", back == "edge-p2"]


def test_an_address_that_no_host_has_is_not_reached(lab):
    seen = reach(lab, "cust-east", ["198.51.100.99", "2001:db8:e0ff::1", "192.0.2.200"])
    assert "refused" not in seen.values()
    assert "open" not in seen.values()


def test_customers_go_through_the_edge(lab):
    packet = Packet("198.51.100.10", "203.0.113.100", dport=9)
    with Witness(lab, "edge-l1", "east0") as east, Witness(lab, "internet", "core") as core:
        send(lab, "cust-east", [packet])
        assert east.saw(packet)
        assert core.saw(packet)


def test_the_operators_rules_stand_and_work(lab):
    listing = lab.run("edge-l1", ["nft", "list", "tables"], check=True).stdout
    assert listing == "table inet operator\ntable ip operator_nat\n"
    packets = [Packet("198.51.100.10", "203.0.113.100", dport=port) for port in (23, 25)]
    with Witness(lab, "other-isp") as witness:
        send(lab, "cust-east", packets)
        assert [witness.saw(each) for each in packets] == [False, True]


# -- what is sent by hand ----------------------------------------------------------------------------------------------


def test_all_ipv6_shapes_arrive_where_nothing_filters(lab):
    packets = [Packet("2001:db8:e000::10", "2001:db8:c000::100", shape=shape) for shape in SHAPES]
    assert len(packets) == 6
    with Witness(lab, "other-isp") as witness:
        send(lab, "cust-east", packets)
        seen = witness.seen()
    assert [each.shape for each in packets if Arrival.of(each) not in seen] == []


def test_the_witness_tells_a_packet_from_the_kernels_own(lab):
    """No answer, no retransmission and no packet with another nonce is taken for the one that was sent."""
    packet = Packet("198.51.100.10", "203.0.113.100")
    unsent = Packet("198.51.100.10", "203.0.113.100", sport=packet.sport, nonce=packet.nonce ^ 1)
    with Witness(lab, "cust-east") as client, Witness(lab, "other-isp") as witness:
        send(lab, "cust-east", [packet])
        assert witness.saw(packet)
        assert not witness.saw(unsent)
        answers = [each for each in client.seen() if each.dport == packet.sport]
    assert answers, "the sink's SYN-ACK did not come back"
    assert all(each.nonce != packet.nonce for each in answers)


@pytest.mark.parametrize(
    ("source", "destination"), [("198.51.100.10", "203.0.113.100"), ("2001:db8:e000::10", "2001:db8:c000::100")]
)
def test_a_syn_by_the_other_line_and_its_answer_through_the_edge(lab, source, destination):
    packet = Packet(source, destination, interface="line2")
    with (
        Witness(lab, "edge-l1", "east0") as out,
        Witness(lab, "edge-l1", "up0") as back,
        Witness(lab, "other-isp") as there,
    ):
        send(lab, "cust-east", [packet])
        assert there.saw(packet)
        assert not out.saw(packet)
        assert [each for each in back.seen() if (each.sport, each.dport) == (25, packet.sport) and each.flags == 0x12]


@pytest.mark.parametrize(
    ("destination", "route"),
    [
        ("203.0.113.100", "203.0.113.100 via 203.0.113.193 dev line2 src 198.51.100.10"),
        ("2001:db8:c000::100", "2001:db8:c000::100 via 2001:db8:d000::1 dev line2 src 2001:db8:e000::10"),
    ],
)
def test_a_whole_asymmetric_connection(lab, destination, route):
    """What a spammer does: pool source, packets out by another line, answers in through the edge."""
    nonce = f"nonce {secrets.token_hex(8)}"
    lab.run("cust-east", ["ip", "route", "add", *route.split()], check=True)
    try:
        own, port = say(lab, "cust-east", destination, 443, nonce)
    finally:
        lab.run("cust-east", ["ip", "route", "delete", *route.split()], check=True)
    assert own in ("198.51.100.10", "2001:db8:e000::10")
    assert events(lab, "other-isp", "line", peer_address=own, peer_port=port, line=nonce)


# -- the sinks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [name for name in HOSTS if HOSTS[name].listens])
@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_sink_writes_down_the_four_tuple_and_the_nonce(lab, host, family):
    address = getattr(HOSTS[host], family)
    for port in (port for port in HOSTS[host].listens if port != 465):
        nonce = f"nonce {secrets.token_hex(8)}"
        own, number = say(lab, "cust-west", address, port, nonce)
        ends = {"local_address": address, "local_port": port, "peer_address": own, "peer_port": number}
        assert len(events(lab, host, "accept", **ends)) == 1
        lines = events(lab, host, "line", line=nonce)
        assert len(lines) == 1
        assert ends.items() <= lines[0].items()
        assert lines[0]["family"] == {"v4": "ipv4", "v6": "ipv6"}[family]


def test_a_sink_hears_no_nonce_that_nobody_said(lab):
    assert not [each for each in lab.sink_log("other-isp") if each.get("line") == f"nonce {secrets.token_hex(8)}"]


@pytest.mark.parametrize("host", [name for name in HOSTS if name != "internet"])
def test_only_what_the_map_says_listens(lab, host):
    listing = lab.run(host, ["ss", "-Hlnt"], check=True).stdout
    ports = {int(line.split()[3].rpartition(":")[2]) for line in listing.splitlines()}
    managed = {HOSTS[host].cli.port if HOSTS[host].cli else 22} if HOSTS[host].management else set()
    assert ports == set(HOSTS[host].listens) | managed


MAIL = """
import smtplib, ssl, sys
port, secure, nonce = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl._create_unverified_context()
kind = smtplib.SMTP_SSL if secure == "tls" else smtplib.SMTP
with kind("mobile-mx", port, timeout=5, **({"context": context} if secure == "tls" else {})) as server:
    if secure == "starttls":
        server.starttls(context=context)
    server.sendmail("a@ccsnet.ne.jp", ["b@mobile.example", "c@mobile.example"], f"Subject: {nonce}\\n\\nbody {nonce}\\n")
"""


@pytest.mark.parametrize(("port", "secure"), [(25, "plain"), (25, "starttls"), (587, "starttls"), (465, "tls")])
def test_a_sink_takes_mail(lab, port, secure):
    nonce = secrets.token_hex(8)
    lab.run("other-line", ["/usr/bin/python3", "-c", MAIL, str(port), secure, nonce], check=True)
    (mail,) = [each for each in events(lab, "mobile-mx", "mail", local_port=port) if ["Subject", nonce] in each["headers"]]
    assert mail["mail_from"] == "a@ccsnet.ne.jp"
    assert mail["rcpt_tos"] == ["b@mobile.example", "c@mobile.example"]
    assert mail["body"] == f"body {nonce}\n"
    assert mail["tls"] is (secure != "plain")
    assert mail["peer_address"] in (HOSTS["other-line"].v4, HOSTS["other-line"].v6)


# -- the Junos edge ----------------------------------------------------------------------------------------------------

CUSTOMER = HOSTS["cust-central"]
SERVER = HOSTS["other-isp"]
OUTPUT = """
<config><configuration xmlns="http://yang.juniper.net/junos/conf/root"><firewall xmlns="http://yang.juniper.net/junos/conf/firewall">
<family><inet><filter><name>test</name><term><name>mail</name><from><protocol>tcp</protocol>
<destination-port>25</destination-port></from><then><count>mail</count><discard/></then></term><term><name>rest</name><then><accept/></then>
</term></filter></inet></family></firewall><interfaces xmlns="http://yang.juniper.net/junos/conf/interfaces"><interface>
<name>ge-0/0/1</name><unit><name>0</name><family><inet><filter><input-list>test</input-list></filter></inet></family></unit>
</interface></interfaces></configuration></config>
"""
DELETED = '<filter xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">'


def tell(session: manager.Manager, what: str) -> ElementTree.Element:
    """What Junos tells, without name spaces."""
    reply = ElementTree.fromstring(str(session.dispatch(to_ele(f"<{what}/>"))))
    for each in reply.iter():
        each.tag = each.tag.rpartition("}")[2]
    return reply


def counted(lab: Lab) -> dict[str, int]:
    """The counters of edge-j1."""
    with netconf(lab) as session:
        counters = tell(session, "get-firewall-information").iter("counter")
        return {each.findtext("counter-name"): int(each.findtext("packet-count")) for each in counters}


def pass_through(lab: Lab, source: str, destination: str, packets: list[Packet]) -> list[bool]:
    """Which packets come from one host to the other."""
    with Witness(lab, destination) as witness:
        send(lab, source, packets)
        return [witness.saw(each) for each in packets]


def test_the_operators_filters_of_the_junos_edge_do_what_they_say(lab):
    before = counted(lab)
    for server, customer in ((SERVER.v4, CUSTOMER.v4), (SERVER.v6, CUSTOMER.v6)):
        packets = [Packet(server, customer, dport=port) for port in (23, 25)]
        assert pass_through(lab, "other-isp", "cust-central", packets) == [False, True]
    bogus = [Packet(source, SERVER.v4) for source in ("10.1.2.3", "172.31.255.255", CUSTOMER.v4)]
    assert pass_through(lab, "cust-central", "other-isp", bogus) == [False, False, True]
    after = counted(lab)
    assert {name: after[name] - before[name] for name in after} == {"telnet": 1, "telnet-v6-xe-0/0/0.0-i": 1, "bogons": 2}


def test_who_has_no_password_has_no_session(lab):
    with pytest.raises(AuthenticationError):
        netconf(lab, "wrong")


def test_a_junos_change_that_nobody_confirms_is_taken_back(lab):
    def mail() -> bool:
        return pass_through(lab, "cust-central", "other-isp", [Packet(CUSTOMER.v4, SERVER.v4)])[0]

    with netconf(lab) as session:
        with session.locked("candidate"):
            session.edit_config(OUTPUT, target="candidate")
            session.validate("candidate")
            assert mail()
            session.commit(confirmed=True, timeout="4")
            begun = time.monotonic()
        assert not mail()
    assert counted(lab)["mail-ge-0/0/1.0-i"] == 1
    while not mail():
        assert time.monotonic() - begun < 30
        time.sleep(0.1)
    assert time.monotonic() - begun > 2
    with netconf(lab) as session:
        histories = list(tell(session, "get-commit-information").iter("commit-history"))[:2]
        found = [[each.findtext(name) for name in ("user", "client", "comment")] for each in histories]
        assert found == [["root", "other", None], ["ansible", "netconf", "commit confirmed, rollback in 1mins"]]
        assert tell(session, "get-system-information").findtext(".//host-name") == "edge-j1"


def test_what_is_confirmed_on_the_junos_edge_survives_a_restart_and_what_is_not_does_not(lab):
    def mail() -> bool:
        return pass_through(lab, "cust-central", "other-isp", [Packet(CUSTOMER.v4, SERVER.v4)])[0]

    def change(text: str, **more: str | bool) -> None:
        with netconf(lab) as session, session.locked("candidate"):
            session.edit_config(text, target="candidate")
            session.commit(**more)

    key = lab.run("edge-j1", ["cat", "/etc/lab-junos/ssh_host_key.pub"], check=True).stdout
    change(OUTPUT, confirmed=True, timeout="600")
    assert not mail()
    lab.restart("edge-j1")
    assert mail()
    change(OUTPUT)
    lab.restart("edge-j1")
    assert not mail()
    assert lab.run("edge-j1", ["cat", "/etc/lab-junos/ssh_host_key.pub"], check=True).stdout == key
    lab.run("edge-j1", ["/etc/init.d/lab-junos", "restart-netconfd"], check=True)
    change(OUTPUT.replace("<filter>", DELETED))
    assert mail()


# -- the hosts ---------------------------------------------------------------------------------------------------------


def test_a_host_is_a_machine_of_its_own(lab):
    assert lab.run("msa1", ["hostname"], check=True).stdout == "msa1\n"
    probe = f"/etc/{secrets.token_hex(8)}"
    lab.run("msa1", ["touch", probe], check=True)
    assert lab.path("msa1", probe).exists()
    assert not Path(probe).exists()
    assert not lab.path("mx1", probe).exists()
    processes = lab.run("msa1", ["sh", "-c", "echo /proc/[0-9]*"], check=True).stdout.split()
    assert len(processes) == 2, "its PID 1 and the shell that looks"
    assert (
        lab.run("msa1", ["sh", "-c", "echo x >/dev/null && cat /dev/null && test -c /dev/urandom && test -w /dev/shm"]).returncode
        == 0
    )


def test_kernel_settings_of_the_machine_are_out_of_reach_and_those_of_the_network_are_not(lab):
    refused = lab.run("edge-l1", ["sh", "-c", "cat /proc/sys/kernel/panic >/proc/sys/kernel/panic"])
    assert refused.returncode != 0
    assert "Read-only" in refused.stderr
    here = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    assert lab.run("edge-l1", ["sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"]).returncode == 0
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == here
    assert lab.run("edge-l1", ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]).returncode == 0


def test_programs_of_a_host_find_a_system_log(lab):
    nonce = secrets.token_hex(8)
    lab.run("msa1", ["logger", "--socket-errors=on", "-p", "mail.info", nonce], check=True)
    deadline = time.monotonic() + 3
    log = lab.path("msa1", "/var/log/mail.log")
    while not (log.exists() and nonce in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert nonce in lab.path("msa1", "/var/log/mail.log").read_text()
    assert nonce in lab.path("msa1", "/var/log/syslog").read_text()


def test_no_zombie_stays(lab):
    lab.run("fixed", ["sh", "-c", "for n in 1 2 3 4 5; do setsid sh -c 'sleep 0.0$0' $n & done"], check=True)
    time.sleep(0.3)
    states = lab.run("fixed", ["ps", "-eo", "stat,comm", "--no-headers"], check=True).stdout
    assert "Z" not in [line[0] for line in states.splitlines()]
    assert "sleep" not in states


SERVICE = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: %(name)s
# Required-Start: $network
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: A service for a test
### END INIT INFO
case "$1" in
  start) start-stop-daemon --start --oknodo --background --make-pidfile --pidfile /run/%(name)s.pid --exec /bin/sleep -- 999 ;;
  stop) start-stop-daemon --stop --oknodo --retry 3 --remove-pidfile --pidfile /run/%(name)s.pid ;;
  restart) "$0" stop; "$0" start ;;
  status) start-stop-daemon --status --pidfile /run/%(name)s.pid ;;
esac
"""


def install_service(lab: Lab, host: str, name: str) -> None:
    script = lab.path(host, f"/etc/init.d/{name}")
    script.write_text(SERVICE % {"name": name})
    script.chmod(0o755)


def test_a_restart_is_a_reboot(lab):
    host = "edge-l1"
    install_service(lab, host, "test-enabled")
    install_service(lab, host, "test-disabled")
    lab.run(host, ["update-rc.d", "test-enabled", "defaults"], check=True)
    lab.path(host, "/etc/init.d/test-broken").write_text("no script\n")
    lab.path(host, "/etc/rc2.d/S01test-broken").symlink_to("../init.d/test-broken")
    lab.path(host, "/root/kept").write_text("disk")
    for place in ("/run/lost", "/tmp/lost"):
        lab.path(host, place).write_text("memory")
    lab.run(host, ["nft", "add", "table", "inet", "lost"], check=True)
    before = lab.pid(host)
    try:
        begun = time.monotonic()
        lab.restart(host)
        took = time.monotonic() - begun
        assert lab.pid(host) != before
        assert not alive(before)
        assert lab.path(host, "/root/kept").read_text() == "disk"
        assert not lab.path(host, "/run/lost").exists()
        assert not lab.path(host, "/tmp/lost").exists()
        assert lab.run(host, ["service", "test-enabled", "status"]).returncode == 0
        assert lab.run(host, ["service", "test-disabled", "status"]).returncode != 0
        assert lab.run(host, ["nft", "list", "tables"]).stdout == "table inet operator\ntable ip operator_nat\n"
        # At once: the neighbours have nothing to learn anew.
        targets = [HOSTS["other-isp"].v4, HOSTS["other-isp"].v6]
        assert reach(lab, "cust-east", targets) == dict.fromkeys(targets, "refused")
        assert took < 5
    finally:
        lab.run(
            host,
            ["sh", "-c", "update-rc.d -f test-enabled remove; rm -f /etc/init.d/test-* /etc/rc2.d/S01test-broken /root/kept"],
        )
        lab.restart(host)


def test_a_sink_listens_again_after_a_restart_and_keeps_its_log(lab):
    nonce = f"nonce {secrets.token_hex(8)}"
    say(lab, "cust-west", HOSTS["mx1"].v4, 25, nonce)
    assert events(lab, "mx1", "line", line=nonce)
    lab.restart("mx1")
    again = f"nonce {secrets.token_hex(8)}"
    say(lab, "cust-west", HOSTS["mx1"].v6, 25, again)
    assert events(lab, "mx1", "line", line=again)
    assert events(lab, "mx1", "line", line=nonce)


# -- as Ansible sees it ------------------------------------------------------------------------------------------------


def test_every_host_of_the_inventory_answers(lab, ansible):
    inventories = ("-i", "inventories/lab/hosts.yml", "-i", "molecule/submission_relay/hosts.yml")
    done = ansible("ansible", *inventories, "all", "-m", "ansible.builtin.ping", "--one-line")
    answered = set(re.findall(r"^(\S+) \| SUCCESS", done.stdout, re.MULTILINE))
    assert set(HOSTS) - answered == {"internet"}


def test_ansible_manages_services_of_a_host(lab, ansible):
    install_service(lab, "fixed", "test-ansible")

    def service(words: str) -> str:
        return ansible("ansible", "-i", "inventories/lab/hosts.yml", "fixed", "-m", "ansible.builtin.service", "-a", words).stdout

    try:
        assert "| CHANGED" in service("name=test-ansible state=started enabled=true")
        assert "| SUCCESS" in service("name=test-ansible state=started enabled=true")
        assert lab.run("fixed", ["service", "test-ansible", "status"]).returncode == 0
        lab.restart("fixed")
        assert lab.run("fixed", ["service", "test-ansible", "status"]).returncode == 0
        assert "| CHANGED" in service("name=test-ansible state=stopped enabled=false")
        lab.restart("fixed")
        assert lab.run("fixed", ["service", "test-ansible", "status"]).returncode != 0
    finally:
        lab.run("fixed", ["sh", "-c", "update-rc.d -f test-ansible remove; rm -f /etc/init.d/test-ansible"])


def test_ansible_installs_packages_where_there_is_no_network(lab, ansible):
    packages = [
        line.removeprefix("Package: ") for line in (debs.DIRECTORY / "Packages").read_text().splitlines() if "Package: " in line
    ]
    leaf = next((each for each in ("libestr0", "libwrap0", "cpio") if each in packages), None)
    if leaf is None:
        pytest.skip("this machine has every package that lab hosts install, so none can be seen to appear")
    words = f"name={leaf} state=present update_cache=true"
    done = ansible("ansible", "-i", "inventories/lab/hosts.yml", "other-line", "-m", "ansible.builtin.apt", "-a", words)
    assert "| CHANGED" in done.stdout
    status = ["dpkg-query", "-W", "-f", "${Status}", leaf]
    assert lab.run("other-line", status).stdout == "install ok installed"
    assert subprocess.run(status, capture_output=True, text=True).stdout != "install ok installed"


# -- building and removing ---------------------------------------------------------------------------------------------


def test_a_second_up_does_nothing_and_is_fast(lab):
    pids = lab.running()
    begun = os.times()
    done = cli(lab, "up")
    ended = os.times()
    assert done.returncode == 0, done.stderr
    assert "0 booted now" in done.stdout
    assert lab.running() == pids
    # Of the processor: what else the machine does is another matter.
    assert ended.children_user + ended.children_system - begun.children_user - begun.children_system < 1


def test_two_labs_at_once_and_nothing_left_behind(lab, new_lab):
    before = links()
    other = new_lab()
    assert traces(other.name) == NOTHING
    other.up()
    assert links() == before, "the lab put an interface into this machine's own network"
    assert set(other.running()) == set(HOSTS)
    assert not set(other.running().values()) & set(lab.running().values())

    nonce = f"nonce {secrets.token_hex(8)}"
    say(other, "cust-east", HOSTS["other-isp"].v4, 443, nonce)
    assert events(other, "other-isp", "line", line=nonce)
    assert not [each for each in lab.sink_log("other-isp") if each.get("line") == nonce]

    # As after real work: a service that was started, and a shell that someone forgot.
    shell = other.popen("msa1", ["sleep", "1000"])
    seen = traces(other.name)
    assert len(seen["processes"]) >= len(HOSTS)
    assert seen["mounts"]
    other.down()
    assert shell.wait(5) != 0
    assert traces(other.name) == NOTHING
    assert links() == before
    assert set(lab.running()) == set(HOSTS)
    other.down()


def test_up_mends_what_is_missing_and_keeps_its_disk(new_lab):
    lab = new_lab()
    lab.up()
    before = lab.running()
    lab.path("msa1", "/root/kept").write_text("disk")
    os.kill(before["msa1"], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while "msa1" in lab.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert cli(lab, "status").returncode == 1
    with pytest.raises(LabError, match="msa1 does not run in lab"):
        lab.run("msa1", ["true"])
    assert lab.up() == ["msa1"]
    assert cli(lab, "status").returncode == 0
    assert lab.path("msa1", "/root/kept").read_text() == "disk"
    assert {name: pid for name, pid in lab.running().items() if name != "msa1"} == {
        name: pid for name, pid in before.items() if name != "msa1"
    }
    assert reach(lab, "cust-east", [HOSTS["msa1"].v4]) == {HOSTS["msa1"].v4: "refused"}

    os.kill(lab._booted()[SWITCH], signal.SIGKILL)
    time.sleep(0.1)
    assert set(lab.up()) == set(HOSTS)
    assert reach(lab, "cust-east", [HOSTS["msa1"].v6]) == {HOSTS["msa1"].v6: "refused"}
    lab.down()
    assert traces(lab.name) == NOTHING


@pytest.mark.parametrize("after", [0.05, 0.15, 0.25, 0.35, 0.45, 0.6])
def test_an_up_that_was_killed_can_be_finished_or_taken_away(new_lab, after):
    lab = new_lab()
    for finish in (True, False):
        up = subprocess.Popen([sys.executable, "-m", "lab", "up", "--name", lab.name], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        time.sleep(after)
        up.kill()
        up.wait()
        if finish:
            lab.up()
            assert set(lab.running()) == set(HOSTS)
            targets = [HOSTS["cust-west"].v4, HOSTS["msa1"].v6]
            assert reach(lab, "cust-east", targets) == dict.fromkeys(targets, "refused")
        lab.down()
        deadline = time.monotonic() + 2
        while traces(lab.name) != NOTHING and time.monotonic() < deadline:
            time.sleep(0.02)
        assert traces(lab.name) == NOTHING


def test_a_checkout_on_another_mount(tmp_path, new_lab):
    """Hosts see the root file system; a checkout elsewhere must come along, below /tmp of all places."""
    lab = new_lab()
    script = f"""
        set -e
        mount -t tmpfs none {tmp_path}
        cp -r {REPOSITORY}/lab {tmp_path}/lab
        mkdir {tmp_path}/.cache
        cp -r {REPOSITORY}/.cache/debs {tmp_path}/.cache/debs
        cd {tmp_path}
        trap '{sys.executable} -m lab down --name {lab.name}' EXIT
        {sys.executable} -m lab up --name {lab.name}
        {sys.executable} -m lab exec mx1 --name {lab.name} -- sh -c 'test -f {tmp_path}/lab/sink.py && ss -Hlnt sport = 25'
    """
    # Where the runner is in a mount of its own, the lab's state is too: nothing to clean up outside.
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LISTEN") == 2
    assert traces(lab.name)["processes"] == []


@pytest.mark.parametrize("name", ["../up", "a b", "", "x" * 60, "-n"])
def test_a_name_that_cannot_be_a_directory_is_refused(name, monkeypatch):
    monkeypatch.setenv("OP25B_LAB", name or "/")
    with pytest.raises(LabError, match="is not possible: use letters"):
        Lab(name or None)


def test_a_host_that_is_not_there_is_named(lab):
    done = cli(lab, "restart", "no-such")
    assert done.returncode == 2
    assert "no-such" in done.stderr
    assert "edge-l1" in done.stderr


def test_without_root_one_is_told(tmp_path):
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv, which drops root for this test, is not installed")
    command = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "/usr/bin/python3",
        "-B",
        "-m",
        "lab",
        "up",
        "--name",
        "nobody",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if "Permission denied" in done.stderr or "No module named" in done.stderr:
        pytest.skip("nobody may not read this checkout")
    assert done.returncode == 1
    assert done.stderr == "lab: the lab makes namespaces and mounts and needs root: run it as root or with sudo\n"
