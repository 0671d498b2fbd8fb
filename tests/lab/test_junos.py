# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge behind NETCONF: real packets through it, and every way in which a change of it can end."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import time

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import Packet as Described
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.verdict import verdict

from lab.packets import SYNACK, Packet, Witness, send
from lab.topology import HOSTS

from .ansible_task import ROOT, Playbook, end_all, kill_controller, wait_for
from .sessions import netconf, running

pytestmark = pytest.mark.lab
SETTINGS = "/etc/lab-junos.json"
TODAY = "2019-03-25"
CUSTOMER, EXEMPTED = ("192.0.2.66", "2001:db8:8000::10"), ("192.0.2.77", "2001:db8:8000::77")
SERVERS = ("msa1", "mobile-mx", "other-isp")
EDGE = {"attachments": [{"interface": "ge-0/0/1.0", "pools": ["central_ftth"]}], "uplinks": ["xe-0/0/0.0"]}
LAB = yaml.safe_load((ROOT / "inventories/lab/group_vars/all/op25b.yml").read_text(encoding="utf-8"))["op25b_policy"]
DOCUMENT = LAB | {
    "pools": {"central_ftth": LAB["pools"]["central_ftth"]},
    "exemptions": [{"prefixes": list(EXEMPTED), "who": "customer 7", "why": "own mail server"}],
    "limit": {"per_minute": 60, "burst": 4},
    "waves": [
        {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
        {"name": "limit", "date": "2019-03-02", "pools": "all", "action": "limit"},
        {"name": "mobile", "date": "2019-03-03", "pools": "all", "destinations": ["mobile"], "action": "block"},
        {"name": "all", "date": "2019-03-04", "pools": "all", "action": "block"},
    ],
}


class Edge:
    """The tasks of the collection on edge-j1."""

    def __init__(self, lab, place) -> None:
        self.lab, self.playbook = lab, Playbook(lab.name, place)

    def plays(self, *tasks):
        listed = [
            {f"ccsnet.op25b.{name}": arguments} if name.startswith("acl") else {name: arguments} for name, arguments in tasks
        ]
        return [{"hosts": "edge-j1", "tasks": listed}]

    def run(self, *tasks):
        return self.playbook.run(self.plays(*tasks))["edge-j1"]

    def ok(self, name, **arguments):
        (result,) = self.run((name, arguments))
        assert not result["failed"], result.get("msg", result)
        return result

    def refused(self, name, **arguments):
        (result,) = self.run((name, arguments))
        assert result["failed"], result
        return result["msg"]

    @contextlib.contextmanager
    def having(self, **settings):
        """The stand-in with other settings."""
        text = self.lab.run("edge-j1", ["cat", SETTINGS], check=True).stdout
        try:
            self._restart(json.dumps({**json.loads(text), **settings}))
            yield
        finally:
            self._restart(text)

    def _restart(self, settings):
        self.lab.run("edge-j1", ["sh", "-c", f"cat > {SETTINGS}"], input=settings, check=True)
        self.lab.run("edge-j1", ["/etc/init.d/lab-junos", "restart-agent"], check=True)

    def running(self) -> str:
        return running(self.lab, "edge-j1")


def wave(name, **more):
    return {"policy": DOCUMENT, "wave": name, "today": TODAY, **EDGE, **more}


@pytest.fixture
def edge(lab, tmp_path):
    made = Edge(lab, tmp_path / "play.json")
    before = made.running()
    yield made
    end_all(lab.name)
    if "OP25B-TRIAL" in made.running():
        lab.run("edge-j1", ["/etc/init.d/lab-junos", "restart-netconfd"], check=True)
        assert wait_for(lambda: made.running() == before, 10)
    if made.running() != before:
        made.ok("acl", state="deleted")


def crossing(lab, described):
    """Which of these packets cross the edge, each sent by the host that is on its side."""
    found = {}
    for host, receiver in [("cust-central", name) for name in SERVERS] + [(name, "cust-central") for name in SERVERS]:
        addresses = {HOSTS[host].v4, HOSTS[host].v6} | (set(EXEMPTED) if host == "cust-central" else set())
        targets = {HOSTS[receiver].v4, HOSTS[receiver].v6} | (set(EXEMPTED) if receiver == "cust-central" else set())
        mine = [each for each in described if each.source in addresses and each.destination in targets]
        with Witness(lab, receiver) as witness:
            send(lab, host, mine)
            found |= {each: witness.saw(each) for each in mine}
    return [found[each] for each in described]


@pytest.fixture(scope="module", autouse=True)
def _exempted_customer(lab):
    # One machine has both lines here.
    for address, family in zip(EXEMPTED, ("32", "128"), strict=True):
        lab.run("cust-central", ["ip", "address", "add", f"{address}/{family}", "dev", "eth0"], check=True)
    yield
    for address, family in zip(EXEMPTED, ("32", "128"), strict=True):
        lab.run("cust-central", ["ip", "address", "del", f"{address}/{family}", "dev", "eth0"], check=True)


def matrix():
    """Customers and servers, both families, both directions; ports 25, 587 and, from outside, the operator's 23."""
    found = []
    for server in SERVERS:
        for at in (0, 1):
            there = (HOSTS[server].v4, HOSTS[server].v6)[at]
            for customer in (CUSTOMER[at], EXEMPTED[at]):
                found += [Packet(customer, there, dport=port) for port in (25, 587)]
                found.append(Packet(there, customer, sport=25, dport=40000, flags=SYNACK))
                found += [Packet(there, customer, dport=port) for port in (25, 23)]
    return found


def expected(name, packet):
    """What the policy and the operator's own filter let through."""
    if packet.dport == 23:
        return False
    checked = policy.load(DOCUMENT, datetime.date.fromisoformat(TODAY))
    places = acl.attachments_from(EDGE["attachments"], checked)
    asked = acl.build(checked, name, places, acl.uplinks_from(EDGE["uplinks"], places))
    customer = packet.source in CUSTOMER + EXEMPTED
    way = ("ge-0/0/1.0", "xe-0/0/0.0") if customer else ("xe-0/0/0.0", "ge-0/0/1.0")
    ends = (parse_address(packet.source), parse_address(packet.destination))
    return verdict(asked, Described(*ends, packet.sport, packet.dport, *way)).passes


@pytest.mark.parametrize("name", ["observe", "limit", "mobile", "all"])
def test_the_matrix_holds_and_the_operators_filters_do_what_they_did(lab, edge, name):
    before = edge.running()
    result = edge.ok("acl", **wave(name))
    assert result["changed"]
    packets = matrix()
    assert crossing(lab, packets) == [expected(name, packet) for packet in packets]
    again, gathered, out = edge.run(("acl", wave(name)), ("acl", {"state": "gathered"}), ("acl", {"state": "deleted"}))
    assert (again["failed"], again["changed"], again["commands"]) == (False, False, [])
    assert gathered["drift"] == []
    assert gathered["gathered"] == result["after"]
    counts = gathered["counters"]["pools"]["central_ftth"]
    # One connection of the customer in each family to each destination that is not permitted; the permitted one is the MSA.
    assert counts["mobile"]["out"] == 2
    # What passes is answered, and that counts on its way in.
    assert counts["mobile"]["in"] == (2 if expected(name, Packet(CUSTOMER[0], HOSTS["mobile-mx"].v4)) is False else 4)
    if name != "mobile":
        assert counts["any"]["out"] == 2
    assert out["changed"]
    assert edge.running() == before


def test_a_limited_customer_gets_its_burst_and_no_more_in_ipv4(lab, edge):
    edge.ok("acl", **wave("limit"))
    there = HOSTS["other-isp"].v4
    passed = crossing(lab, [Packet(CUSTOMER[0], there) for _number in range(30)])
    assert 4 <= sum(passed) < 15


def test_check_mode_says_what_comes_and_changes_nothing(edge):
    before = edge.running()
    process = edge.playbook.start([{**edge.plays(("acl", wave("all")))[0], "check_mode": True}])
    (result,) = edge.playbook.results(process)["edge-j1"]
    assert result["changed"]
    assert edge.running() == before


@pytest.mark.parametrize("check", [True, False])
def test_a_name_that_no_interface_has_is_refused_before_anything_is_sent(edge, check):
    before = edge.running()
    uplinks = {"uplinks": ["xe-0/0/0"]}
    attachments = {"attachments": [{"interface": "ge-0/0/7.0", "pools": ["central_ftth"]}]}
    wrong = (uplinks, attachments, uplinks | attachments)
    tasks = [
        {"ccsnet.op25b.acl": wave("all", **each), "check_mode": check, "ignore_errors": True}
        for each in (*wrong, {"wave": "none"})
    ]
    process = edge.playbook.start([{"hosts": "edge-j1", "tasks": tasks}])
    *refused, right = edge.playbook.results(process)["edge-j1"]
    assert edge.running() == before
    known = "Known here: fxp0.0, ge-0/0/1.0, xe-0/0/0.0."
    sentences = [
        f"uplinks[0]: this device has no interface 'xe-0/0/0'. Did you mean xe-0/0/0.0? {known}",
        f"attachments[0].interface: this device has no interface 'ge-0/0/7.0'. Did you mean ge-0/0/1.0? {known}",
    ]
    assert [each["msg"] for each in refused] == [
        *(f"{sentence} Nothing was sent." for sentence in sentences),
        "\n".join(["The edge has 2 mistakes; nothing was sent:", *(f"- {sentence}" for sentence in sentences)]),
    ]
    assert not right["failed"]


@pytest.mark.parametrize("ends", ["no confirm", "controller killed", "session cut", "netconfd restarted"])
def test_what_nobody_confirms_goes_back_to_the_byte_and_the_next_run_says_so(lab, edge, ends):
    before = edge.running()
    probe = Packet(CUSTOMER[0], HOSTS["other-isp"].v4)
    seconds = 600 if ends == "netconfd restarted" else 12
    process = edge.playbook.start(edge.plays(("acl", wave("all", confirm=seconds)), ("ansible.builtin.pause", {"seconds": 60})))
    assert wait_for(lambda: "OP25B-TRIAL" in edge.running(), 30)
    assert crossing(lab, [probe]) == [False]
    if ends == "controller killed":
        kill_controller(process)
        end_all(lab.name)
    if ends == "session cut":
        lab.run("edge-j1", ["pkill", "-KILL", "-f", "^sshd: ansible"], check=True)
    if ends == "netconfd restarted":
        lab.run("edge-j1", ["/etc/init.d/lab-junos", "restart-netconfd"], check=True)
    assert wait_for(lambda: edge.running() == before, 20)
    assert crossing(lab, [probe]) == [True]
    if process.poll() is None:
        kill_controller(process)
    warnings = edge.ok("acl", state="gathered")["warnings"]
    assert any("was not confirmed: the device went back at" in text for text in warnings), warnings


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_another_process_confirms_or_takes_back(edge, version):
    with edge.having(confirmed_commit=version):
        before = edge.running()
        armed = edge.ok("acl", **wave("all", confirm=300))
        assert "is not this one" in edge.refused("acl_confirm", change="somebody's")
        assert "has an unconfirmed change" in edge.refused("acl", **wave("observe"))
        assert edge.ok("acl_confirm", state="taken_back", change=armed["change"])["changed"]
        assert edge.running() == before
        armed = edge.ok("acl", **wave("all", confirm=30))
        begun = time.monotonic()
        assert edge.ok("acl_confirm", change=armed["change"])["changed"]
        kept = edge.running()
        assert "OP25B-OUT" in kept
        assert "OP25B-TRIAL" not in kept
        time.sleep(max(0, begun + 32 - time.monotonic()))
        assert edge.running() == kept
        assert "nothing to confirm" in edge.refused("acl_confirm", change=armed["change"])
        edge.ok("acl", state="deleted")
        assert edge.running() == before


THEIRS = (
    '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><configuration xmlns="http://yang.juniper.net/junos/conf/root">'
    '<policy-options xmlns="http://yang.juniper.net/junos/conf/policy-options"><prefix-list><name>theirs</name>'
    "<prefix-list-item><name>198.51.100.0/24</name></prefix-list-item></prefix-list></policy-options></configuration></config>"
)


def test_somebody_elses_uncommitted_changes_are_named_and_left_alone(edge):
    with netconf(edge.lab) as session:
        session.edit_config(THEIRS, target="candidate")
        said = edge.refused("acl", **wave("all"))
        assert "+ policy-options prefix-list theirs 198.51.100.0/24" in said
        assert "ansible from 192.0.2.225" in said
        assert "nothing was changed" in said
        assert "theirs" in str(session.get_config("candidate"))
        session.discard_changes()


def test_what_somebody_else_prepares_meanwhile_is_not_taken_along(edge):
    before = edge.running()
    armed = edge.ok("acl", **wave("all", confirm=300))
    with netconf(edge.lab) as session:
        session.edit_config(THEIRS, target="candidate")
        for state in ("confirmed", "taken_back"):
            said = edge.refused("acl_confirm", change=armed["change"], state=state)
            assert "+ policy-options prefix-list theirs 198.51.100.0/24" in said
        assert "theirs" in str(session.get_config("candidate"))
        session.discard_changes()
    assert edge.ok("acl_confirm", state="taken_back")["changed"]
    assert edge.running() == before


def test_a_device_that_does_not_count_filters_all_the_same(lab, edge):
    with edge.having(options={"count": False}):
        edge.ok("acl", **wave("all"))
        packets = matrix()
        assert crossing(lab, packets) == [expected("all", packet) for packet in packets]
        counted = edge.ok("acl", state="gathered")["counters"]["pools"]["central_ftth"]
    assert counted == {each: {"out": 0, "in": 0} for each in ("mobile", "any")}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fail_on": "OP25B-OUT"}, "the device refuses <commit>: configuration check-out failed"),
        ({"ignore_changes": True}, "the device took the change without a word, and differs all the same"),
    ],
)
def test_what_the_device_does_not_take_is_told_and_nothing_has_changed(edge, options, words):
    before = edge.running()
    with edge.having(options=options):
        said = edge.refused("acl", **wave("all"))
    assert words in said
    assert said.endswith("it is as it was")
    assert edge.running() == before


def test_of_two_runs_at_once_each_is_done_or_says_why_not(edge, tmp_path):
    other = Edge(edge.lab, tmp_path / "other.json")
    started = [each.playbook.start(each.plays(("acl", wave(name)))) for each, name in ((edge, "all"), (other, "observe"))]
    found = [Playbook.results(process)["edge-j1"][0] for process in started]
    done = [result for result in found if not result["failed"]]
    assert done
    for result in found:
        if result["failed"]:
            assert re.search("locked by|unconfirmed change|changed by someone else", result["msg"]), result["msg"]
    assert edge.ok("acl", state="gathered")["gathered"] in [result["after"] for result in done]
