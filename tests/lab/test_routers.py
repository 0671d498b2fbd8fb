# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges behind a command line, over SSH: real packets through them, and every way in which a change of them can fail."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import matrix, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address

from lab.machine import FILES
from lab.packets import ACK, SHAPES, SYNACK, Arrival, Packet, Witness, send
from lab.topology import HOSTS
from tests import screens

from .ansible_task import ROOT, Playbook, end_all, kill_controller, wait_for
from .sessions import Shell, running

pytestmark = pytest.mark.lab
TODAY = "2019-03-25"
VARS = ROOT / "inventories" / "lab" / "group_vars" / "all" / "op25b.yml"
DOCUMENT = yaml.safe_load(VARS.read_text(encoding="utf-8"))["op25b_policy"]
# A pilot behind each of the two edges, and a reply that both can give.
DOCUMENT["reject"] = "admin-prohibited"
DOCUMENT["partners"] = {"friend": {"addresses": [HOSTS["other-line"].v4, HOSTS["other-line"].v6]}}
DOCUMENT["waves"] = [
    {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
    {"name": "pilot", "date": "2019-03-02", "pools": ["north_ftth", "south_ftth"], "destinations": ["mobile"], "action": "block"},
    {"name": "all", "date": "2019-03-04", "pools": "all", "action": "block"},
]


@dataclass(frozen=True)
class Facts:
    """What differs between the edges: names, and what their operator writes."""

    customer: str
    pool: str
    exempted: tuple[str, str]
    uplink: str
    management: str
    timer: int
    """Seconds of the shortest dead man's switch."""
    closed: frozenset[tuple[str, str]]
    """Direction and family in which the operator's own lists stop telnet."""
    headless: bool
    """Whether a blocked pool's IPv6 first fragments without ports pass."""
    any_session_confirms: bool
    archive: bool
    """Whether the dead man's switch needs a place for its archive."""
    unwritten: bool
    """Whether a change is lost at a reboot until it is written."""
    history: str
    """Shows when the device was configured."""
    theirs: str
    """The operator's list in which our entries stand."""
    commit: tuple[str, ...]
    renumber: tuple[str, ...]
    """What the operator enters to give that list other numbers."""
    elsewhere: dict[str, tuple[str, ...]]
    """Other things that may use that list: what the operator enters, and what the refusal names."""
    nowhere: tuple[str, ...]
    """Entries for it among which no place is right for ours; the last one but one is in the way."""
    guarding: str
    """What is said where somebody else is at it."""
    busy: tuple[str, ...]
    """What keeps others from configuring."""


EDGES = {
    "edge-c1": Facts(
        customer="cust-north",
        pool="north_ftth",
        exempted=("203.0.113.140", "2001:db8:9000::140"),
        uplink="GigabitEthernet0/0/0",
        management="GigabitEthernet0",
        timer=60,
        closed=frozenset({("in", "v4"), ("out", "v6")}),
        headless=False,
        any_session_confirms=True,
        archive=True,
        unwritten=True,
        history="show logging",
        theirs="ip access-list extended EDGE-IN",
        commit=("end",),
        renumber=("configure terminal", "ip access-list resequence EDGE-IN {}", "end"),
        elsewhere={
            "GigabitEthernet0/0/1": ("interface GigabitEthernet0/0/1", "ip access-group EDGE-IN in"),
            "line vty 0 4: access-class EDGE-IN in": ("line vty 0 4", "access-class EDGE-IN in"),
            "class-map match-any BULK: match access-group name EDGE-IN": (
                "class-map match-any BULK",
                "match access-group name EDGE-IN",
            ),
        },
        nowhere=("permit tcp 203.0.113.0 0.0.0.63 any", "deny ip host 192.0.2.25 any", "permit ip any any"),
        guarding="this device has an unconfirmed change: ansible armed it at",
        busy=("configure terminal revert timer 5",),
    ),
    "edge-x1": Facts(
        customer="cust-south",
        pool="south_ftth",
        exempted=("203.0.113.170", "2001:db8:a000::170"),
        uplink="HundredGigE0/0/1/0",
        management="MgmtEth0/RP0/CPU0/0",
        timer=30,
        closed=frozenset({("in", "v6")}),
        headless=True,
        any_session_confirms=False,
        archive=False,
        unwritten=False,
        history="show configuration commit list",
        theirs="ipv6 access-list EDGE-IN-V6",
        commit=("commit", "end"),
        renumber=("resequence access-list ipv6 EDGE-IN-V6 {}",),
        elsewhere={
            "GigabitEthernet0/0/0/1": ("interface GigabitEthernet0/0/0/1", "ipv6 access-group EDGE-IN-V6 ingress"),
            "line default: ipv6 access-class ingress EDGE-IN-V6": ("line default", "ipv6 access-class ingress EDGE-IN-V6"),
            "class-map match-any BULK: match access-group ipv6 EDGE-IN-V6": (
                "class-map match-any BULK",
                "match access-group ipv6 EDGE-IN-V6",
            ),
        },
        nowhere=("permit tcp 2001:db8:b000::/48 any", "deny ipv6 host 2001:db8:25::25 any", "permit ipv6 any any"),
        guarding="the device does not let us change it now:",
        busy=("configure exclusive",),
    ),
}


DOCUMENT["exemptions"] = [
    {"prefixes": [address], "who": "customer 4712", "why": "own mail server by contract", "ticket": "OP-18"}
    for facts in EDGES.values()
    for address in facts.exempted
]


def acl(wave="none", *, changed=(), **more):
    """A task that makes an edge what the policy says, with what `changed` says instead."""
    document = {**copy.deepcopy(DOCUMENT), **dict(changed)}
    arguments = {"policy": document, "wave": wave, "today": TODAY, **more}
    arguments.setdefault("attachments", "{{ op25b_attachments }}")
    arguments.setdefault("uplinks", "{{ op25b_uplinks }}")
    return {"ccsnet.op25b.acl": arguments, "ignore_errors": True}


def confirm(**arguments):
    return {"ccsnet.op25b.acl_confirm": arguments, "ignore_errors": True}


DELETED = {"ccsnet.op25b.acl": {"state": "deleted"}, "ignore_errors": True}
GATHERED = {"ccsnet.op25b.acl": {"state": "gathered"}}


class Routers:
    """Some edges of a lab, and what is done to all of them at once."""

    def __init__(self, lab, place, names=tuple(EDGES)):
        self.lab, self.names = lab, names
        self.playbook = Playbook(lab.name, place / f"{lab.name}.yml")

    def fresh(self, **options):
        """As delivered, with whatever `options` break in them."""
        starts = []
        for name in self.names:
            startup = self.lab.path(name, "/etc/lab-cli/startup-config")
            startup.write_text((FILES / f"{name}.cfg").read_text(encoding="utf-8"), encoding="utf-8")
            config = self.lab.path(name, "/etc/lab-cli.json")
            config.write_text(json.dumps({**json.loads(config.read_text()), "options": options}), encoding="utf-8")
            starts.append(self.lab.popen(name, ["service", "lab-cli", "restart"]))
        assert [start.wait(30) for start in starts] == [0] * len(starts)
        return self

    def each(self):
        return [Router.one(self, name) for name in self.names]

    def start(self, *tasks):
        return self.playbook.start([{"hosts": ",".join(self.names), "tasks": list(tasks)}])

    def play(self, *tasks):
        """The results of these tasks for each edge."""
        return self.playbook.results(self.start(*tasks))

    def running(self):
        """What each is configured to do, by its own words, from the first line that does not change by itself."""
        return {router.name: router.running() for router in self.each()}

    def history(self):
        return {router.name: router.shows(router.facts.history) for router in self.each()}


class Router(Routers):
    """One edge."""

    @classmethod
    def one(cls, routers, name):
        found = cls.__new__(cls)
        found.lab, found.names, found.playbook = routers.lab, (name,), routers.playbook
        return found

    @property
    def name(self):
        return self.names[0]

    @property
    def facts(self):
        return EDGES[self.name]

    def play(self, *tasks):
        return super().play(*tasks)[self.name]

    def shell(self):
        return Shell(self.lab, self.name)

    def shows(self, command):
        with self.shell() as shell:
            return shell.says(command)

    def running(self):
        return running(self.lab, self.name)

    def enter(self, *lines, end=None):
        """What the operator configures; every line must be taken."""
        with self.shell() as shell:
            for line in ("configure terminal", *lines, *(self.facts.commit if end is None else end)):
                said = shell.says(line)
                assert "%" not in said, f"{line}: {said}"


@pytest.fixture(scope="module")
def routers(lab, tmp_path_factory):
    made = Routers(lab, tmp_path_factory.mktemp("plays"))
    yield made
    made.fresh()


@pytest.fixture
def edges(routers):
    return routers.fresh()


# -- packets ---------------------------------------------------------------------------------------------------------------

STATES = {wave: {"wave": wave} for wave in ("none", "observe", "pilot", "all")} | {
    "unanswered": {"wave": "all", "changed": {"return_rule": False}}
}
OUTSIDE = ("mx1", "mobile-mx", "other-isp", "other-line")


def blocked(state, target):
    """Whether the policy stops mail to a host outside."""
    states = {"mobile-mx": ("pilot", "all", "unanswered"), "other-isp": ("all", "unanswered")}
    return state in states.get(target, ())


def packets_of(facts):
    """What customers and others send, by a name that says what it is about."""
    found = {}
    for family in ("v4", "v6"):
        here = getattr(HOSTS[facts.customer], family)
        for host in OUTSIDE:
            there = getattr(HOSTS[host], family)
            found["out", family, host, "mail"] = Packet(here, there)
            found["in", family, host, "answer"] = Packet(there, here, sport=25, dport=4025, flags=SYNACK)
            for shape in (s for s in SHAPES if family == "v6" and s != "plain"):
                found["out", family, host, shape] = Packet(here, there, shape=shape)
        there = getattr(HOSTS["other-isp"], family)
        found["out", family, "other-isp", "exempted"] = Packet(facts.exempted[family == "v6"], there)
        for port, name in ((587, "submission"), (23, "telnet")):
            found["out", family, "other-isp", name] = Packet(here, there, dport=port)
            found["in", family, "other-isp", name] = Packet(there, here, dport=port)
        found["in", family, "other-isp", "mail"] = Packet(there, here)
    return found


def stopped(state, facts, way, family, host, what):
    """Whether this packet is to be stopped."""
    if what == "telnet":
        return (way, family) in facts.closed
    if what == "answer":
        return state != "unanswered" and blocked(state, host)
    if what == "headless":
        # Its port is not known yet, so that a server which stays reachable is no exception.
        return not facts.headless and blocked(state, "mobile-mx" if host == "mobile-mx" else "other-isp")
    return way == "out" and what not in ("exempted", "submission") and blocked(state, host)


@pytest.fixture(scope="class", params=list(STATES))
def state(request, routers):
    for results in routers.fresh().play(acl(**STATES[request.param])).values():
        assert not results[0]["failed"], results[0]["msg"]
    return request.param


@pytest.mark.xdist_group("standing")
class TestStanding:
    """Each state of the policy on both edges at once; every test of this class leaves it standing."""

    def test_the_matrix_is_what_the_policy_says(self, lab, routers, state):
        read = policy.load(DOCUMENT, datetime.date.fromisoformat(TODAY))
        hosts = ["cust-north", "cust-south", "cust-east", "other-line"]
        plans = {}
        for host in hosts:
            plan = matrix.plan(read, STATES[state]["wave"], [parse_address(a) for a in (HOSTS[host].v4, HOSTS[host].v6)])
            # The relay's ports are the business of its own role, and cust-east's edge has no policy in this test.
            expected = {"expected": "open"} if host == "cust-east" else {}
            plans[host] = {
                "targets": [{**target, **expected} for target in plan["targets"] if target["name"] != "own_msa"],
                "controls": [control for control in plan["controls"] if control["name"] != "own_msa"],
            }
        before = {sink: len(lab.sink_log(sink)) for sink in OUTSIDE[:3]}
        names = "map('dict2items') | map('selectattr', 'key', 'in', ['name', 'address', 'port']) | map('items2dict')"
        probe = {
            "targets": f"{{{{ plans[inventory_hostname].targets | {names} }}}}",
            "controls": "{{ plans[inventory_hostname].controls }}",
            "timeout": 2,
        }
        play = {"hosts": ",".join(hosts), "vars": {"plans": plans}, "tasks": [{"ccsnet.op25b.probe": probe}]}
        rows = []
        for host, (result,) in routers.playbook.run([play]).items():
            assert result["controls_ok"], result
            rows += matrix.judge(plans[host]["targets"], result["probes"], host)
        assert {row["probe"] for row in rows} == set(hosts)
        assert all(row["ok"] for row in rows), "\n" + screens.text(matrix.table(rows))
        sinks = {"own_mx": "mx1", "mobile_carrier": "mobile-mx", "other_isp": "other-isp"}
        opened = {
            (sinks[row["target"]], getattr(HOSTS[row["probe"]], row["family"]))
            for row in rows
            if row["port"] == 25 and row["seen"] == "open"
        }

        def logged():
            return {
                (sink, line["peer_address"])
                for sink, seen in before.items()
                for line in lab.sink_log(sink)[seen:]
                if line.get("local_port") == 25
            }

        assert wait_for(lambda: logged() >= opened, 10)
        assert logged() == opened

    def test_every_packet_is_stopped_or_passes_as_it_should(self, lab, state):
        sent = {(name, *key): packet for name, facts in EDGES.items() for key, packet in packets_of(facts).items()}
        by_host = {}
        for (name, way, _family, host, _what), packet in sent.items():
            by_host.setdefault(EDGES[name].customer if way == "out" else host, []).append(packet)
        witnesses = {host: Witness(lab, host) for host in (*OUTSIDE, *(facts.customer for facts in EDGES.values()))}
        with contextlib.ExitStack() as stack:
            for witness in witnesses.values():
                stack.enter_context(witness)
            for host, packets in by_host.items():
                send(lab, host, packets)
            seen = {host: set(witness.seen()) for host, witness in witnesses.items()}
        missing = set()
        for (name, way, family, host, what), packet in sent.items():
            if Arrival.of(packet) not in seen[host if way == "out" else EDGES[name].customer]:
                missing.add((name, way, family, host, what))
        assert missing == {(name, *key) for name, *key in sent if stopped(state, EDGES[name], *key)}


@pytest.mark.parametrize("wave", ["observe", "all"])
def test_counters_are_the_connections_that_were_begun(lab, edges, wave):
    edges.play(acl(wave))
    outside = {"any": ("203.0.113.101", "2001:db8:c000::101"), "mobile": ("203.0.113.11", "2001:db8:b000::11")}
    numbers = {("any", 0): 7, ("any", 1): 5, ("mobile", 0): 3, ("mobile", 1): 2}
    for facts in EDGES.values():
        here = (HOSTS[facts.customer].v4, HOSTS[facts.customer].v6)
        # Nobody is at these addresses, so that nothing is answered and counted besides.
        begun = [Packet(here[v], outside[c][v]) for (c, v), number in numbers.items() for _ in range(number)]
        # A SYN-ACK whose SYN left elsewhere is one more; what belongs to a connection that stands is none.
        answers = [
            Packet(outside[c][v], here[v], sport=25, dport=4025, flags=SYNACK)
            for (c, v), number in numbers.items()
            for _ in range(number + 1)
        ]
        going_on = [Packet(here[0], outside["any"][0], flags=ACK)] if wave == "observe" else []
        send(lab, facts.customer, [*begun, *going_on])
        send(lab, "other-isp", answers)
    for name, (result,) in edges.play(GATHERED).items():
        assert result["counters"]["pools"] == {EDGES[name].pool: {"any": {"out": 12, "in": 14}, "mobile": {"out": 5, "in": 7}}}, (
            name
        )


def test_a_device_that_does_not_count_filters_all_the_same(lab, edges):
    edges.fresh(count=False).play(acl("all"))
    for facts in EDGES.values():
        customer = HOSTS[facts.customer]
        packets = [Packet(customer.v4, "203.0.113.100"), Packet(customer.v6, "2001:db8:c000::100")]
        with Witness(lab, "other-isp") as witness:
            send(lab, facts.customer, packets)
            assert [witness.saw(each) for each in packets] == [False, False]
    for name, (result,) in edges.play(GATHERED).items():
        assert result["drift"] == []
        assert result["counters"]["pools"] == {EDGES[name].pool: {each: {"out": 0, "in": 0} for each in ("any", "mobile")}}, name


# -- one change after another ------------------------------------------------------------------------------------------------


def own(text):
    """The lines of a running configuration that stand indented, as a plan shows them."""
    return Counter(
        line.strip().removeprefix("sequence ") for line in text.splitlines() if line.startswith(" ") and line.strip() != "!"
    )


def in_order(lines, text):
    """Whether all of these lines are in the text, in this order."""
    rest = iter(text.splitlines())
    return all(line in rest for line in lines)


def test_check_mode_tells_the_truth_and_a_second_run_does_nothing(edges):
    before, history = edges.running(), edges.history()
    checked = edges.play({**acl("all"), "check_mode": True, "diff": True})
    assert (edges.running(), edges.history()) == (before, history)
    applied = edges.play({**acl("all"), "diff": True})
    after, history = edges.running(), edges.history()
    again = edges.play(acl("all"), {**acl("all"), "check_mode": True, "diff": True}, GATHERED)
    assert (edges.running(), edges.history()) == (after, history)
    for name in edges.names:
        (would,), (did,) = checked[name], applied[name]
        assert would["changed"]
        assert did["changed"]
        for key in ("before", "after", "commands", "rollback", "summary", "diff"):
            assert would[key] == did[key]
        shown = did["diff"]["prepared"].splitlines() if "prepared" in did["diff"] else did["diff"][0]["prepared"].splitlines()
        assert Counter(line[2:] for line in shown if line.startswith("+ ")) == own(after[name]) - own(before[name])
        assert not [line for line in shown if line.startswith("- ")]
        second, third, gathered = again[name]
        assert not second["changed"]
        assert not third["changed"]
        assert second["commands"] == third["commands"] == gathered["drift"] == []
        assert second["before"] == second["after"] == gathered["gathered"] == did["after"]


def test_from_wave_to_wave_and_out_again(edges):
    before = edges.running()
    for results in edges.play(acl("observe"), acl("all"), acl("pilot"), acl("none"), acl("pilot")).values():
        assert [(result["failed"], result["changed"]) for result in results] == [(False, True)] * 5
        assert (results[3]["after"], results[4]["before"]) == ({}, {})
    for name, text in edges.running().items():
        assert text != before[name]
        assert in_order(before[name].splitlines(), text)
    for (result,) in edges.play(DELETED).values():
        assert result["changed"]
    assert edges.running() == before


def last_denial(text, head):
    """Number and words of the last line of ours in a list that denies."""
    lines = text[text.index(f"\n{head}\n") + 1 :].partition("\n!")[0]
    return re.findall(r"^ (\d+) (deny tcp .*\bsmtp\b.*)$", lines, re.MULTILINE)[-1]


def test_drift_is_told_and_mended(edges):
    edges.play(acl("all"))
    good = edges.running()
    expected = {}
    for edge in edges.each():
        text = good[edge.name]
        plain = re.search(r"^\S+ access-list (?:extended )?OP25B-OUT$", text, re.MULTILINE)[0]
        lines = []
        for head in (edge.facts.theirs, plain):
            number, words = last_denial(text, head)
            lines += [head, f"no {number}"]
            expected.setdefault(edge.name, []).append(f"{head}: + {number} {words}")
        stray = f"{int(number) - 500} permit tcp any any eq smtp"
        edge.enter(*lines, stray)
        expected[edge.name].append(f"{plain}: - {stray}")
    for name, (gathered, mended) in edges.play(GATHERED, acl("all")).items():
        assert sorted(gathered["drift"]) == sorted(expected[name])
        assert mended["changed"]
    assert edges.running() == good


def test_a_line_between_ours_is_not_ours_to_take(edges):
    edges.play(acl("all"))
    for edge in edges.each():
        number, _words = last_denial(edge.running(), edge.facts.theirs)
        edge.enter(edge.facts.theirs, f"no {number}", f"{number} permit udp any any")
    for name, said in refused(edges, acl("observe")).items():
        why = "'permit udp any any' stands between the entries of this collection and is none of them;"
        assert said.startswith(f"{EDGES[name].theirs}: {why}")


# -- the dead man's switch ---------------------------------------------------------------------------------------------------


def test_an_armed_change_is_confirmed_or_taken_back_by_its_name(edges):
    before = edges.running()
    armed = acl("all", confirm=60)
    for results in edges.play(
        armed, confirm(change="another"), armed, acl("observe"), confirm(state="taken_back"), GATHERED, confirm()
    ).values():
        first, wrong, again, other, taken_back, gathered, nothing = results
        assert first["changed"]
        assert wrong["msg"].startswith("the unconfirmed change here is not this one: ansible armed it at ")
        assert not again["changed"]
        assert again["change"] == again["armed"]["id"] == first["change"]
        assert other["msg"].startswith("this device has an unconfirmed change: ansible armed it at ")
        assert taken_back["changed"]
        assert (gathered["gathered"], gathered["drift"]) == ({}, [])
        assert "armed" not in gathered
        assert not nothing["changed"]
    assert edges.running() == before
    named = confirm(change="{{ armed.change }}")
    for results in edges.play({**armed, "register": "armed"}, named, named, confirm(state="taken_back")).values():
        assert results[1]["changed"]
        assert results[2]["msg"].startswith("there is nothing to confirm: the change is no longer armed;")
        assert not results[3]["changed"]
    assert edges.running() != before


def test_a_reboot_before_the_confirmation_brings_the_old_configuration(lab, edges):
    before = edges.running()
    for (result,) in edges.play(acl("all", confirm=600)).values():
        assert result["change"]
    assert all(text != before[name] for name, text in edges.running().items())
    for name in edges.names:
        lab.restart(name)
    assert edges.running() == before


def test_what_is_saved_survives_a_reboot(lab, edges):
    before = edges.running()
    edges.play(acl("all"))
    for edge in edges.each():
        kept = edge.running()
        lab.restart(edge.name)
        assert edge.running() == (before[edge.name] if edge.facts.unwritten else kept)
    edges.play(acl("all", save=True, confirm=60), confirm(save=True))
    kept = edges.running()
    for edge in edges.each():
        lab.restart(edge.name)
    assert edges.running() == kept
    assert all(text != before[name] for name, text in kept.items())


@pytest.mark.parametrize("name", [name for name, facts in EDGES.items() if facts.any_session_confirms])
def test_another_process_confirms(routers, name):
    edge = Router.one(routers, name).fresh()
    (armed,) = edge.play(acl("all", confirm=60))
    kept, again = edge.play(confirm(change=armed["change"]), confirm())
    assert kept["changed"]
    assert not again["changed"]


@pytest.fixture(scope="module")
def left_alone(new_lab, tmp_path_factory):
    """Edges of labs of their own whose controllers died: with the change armed, and in the middle of sending it."""
    place = tmp_path_factory.mktemp("left")
    with ThreadPoolExecutor() as pool:
        labs = [new_lab(), new_lab()]
        list(pool.map(lambda lab: lab.up(), labs))
    armed, cut = (Routers(lab, place) for lab in labs)
    before = armed.running()
    # As long for the one as its shortest is for the other, so that there is time for another process.
    controller = armed.start(acl("all", confirm=60), {"ansible.builtin.pause": {"minutes": 10}})
    assert wait_for(lambda: all(text != before[name] for name, text in armed.running().items()), 60)
    kill_controller(controller)
    others = Routers(armed.lab, tmp_path_factory.mktemp("others"))
    said = others.play(acl("observe"), {**confirm(), "when": "inventory_hostname == 'edge-x1'"})

    cut.fresh(slow=0.1)
    controller = cut.start(acl("all", confirm=30))

    def half():
        """Whether the one is changed by half, and the other holds a candidate."""
        first, second = cut.each()
        return "OP25B-" in first.running() and "Reserved" in second.shows("show configuration sessions detail")

    assert wait_for(half, 60)
    end_all(cut.lab.name)
    controller.wait(10)
    return before, {"armed": armed, "cut": cut}, said


@pytest.mark.xdist_group("left alone")
def test_what_another_process_is_told_of_an_armed_change(left_alone):
    _before, _routers, said = left_alone
    for refused, *_more in said.values():
        assert refused["msg"].startswith("this device has an unconfirmed change: ansible armed it at ")
    assert said["edge-x1"][1]["msg"].startswith("the change that ansible armed at ")
    assert (
        "belongs to another session, and this device lets no other end it; it goes back by itself." in said["edge-x1"][1]["msg"]
    )


# -- changes that fail: the configuration stays what it was, to the byte -----------------------------------------------------


def refused(routers, task):
    """Each edge's sentence about a change that failed, after which its configuration is as it was, to the byte."""
    before = routers.running()
    found = routers.play(task)
    assert [name for name, (result,) in found.items() if not result["failed"]] == []
    assert routers.running() == before
    return {name: result["msg"] for name, (result,) in found.items()}


def test_a_line_that_the_device_refuses(edges):
    for said in refused(edges.fresh(fail_on="pool .* to any: block"), acl("all")).values():
        line = r"\d+ remark op25b: pool \S+ to any: block"
        assert re.match(rf"the device refused the change: % Error: .* \((sequence )?{line}\); it is (back )?as it was$", said)


def test_what_the_device_takes_and_does_not_do(edges):
    for said in refused(edges.fresh(ignore_changes=True), acl("all")).values():
        assert said.startswith("the device took the change without a word, and differs all the same: object-group ")
        assert said.endswith("as it was")


def test_a_group_of_ours_that_the_operator_uses_too(edges):
    edges.play(acl("all"))
    for edge in edges.each():
        text = edge.running()
        head = re.search(r"^\S+ access-list (?:extended )?OP25B-OUT$", text, re.MULTILINE)[0]
        edge.enter(head.replace("OP25B-OUT", "OTHER"), f"10 {last_denial(text, head)[1]}")
    for name, said in refused(edges, DELETED).items():
        assert said.startswith("the device refused the c")
        assert f"OP25B-pool-{EDGES[name].pool}" in said
        assert said.endswith("as it was")


@pytest.mark.parametrize("name", [name for name, facts in EDGES.items() if facts.archive])
def test_without_an_archive_nothing_is_sent(routers, name):
    edge = Router.one(routers, name).fresh(no_archive=True)
    before = edge.running()
    assert "Turn config archive on" in edge.play(acl("all"))[0]["msg"]
    assert edge.running() == before
    edge.enter("no archive")
    history, before = edge.history(), edge.running()
    assert edge.play(acl("all"))[0]["msg"] == (
        "this device has no configuration archive, and without it no change goes back by itself; configure `archive` with a "
        "`path` such as flash:archive first. Nothing was sent."
    )
    assert (edge.history(), edge.running()) == (history, before)


def test_somebody_else_is_at_it(edges):
    with contextlib.ExitStack() as stack:
        for edge in edges.each():
            other = stack.enter_context(edge.shell())
            for line in edge.facts.busy:
                other.says(line)
        for name, said in refused(edges, acl("all")).items():
            assert said.startswith(EDGES[name].guarding)


def test_of_two_runs_at_once_one_is_refused(edges, tmp_path):
    runs = []
    for wave in ("observe", "all"):
        task = acl(wave, confirm=60)
        runs.append(Playbook(edges.lab.name, tmp_path / wave).start([{"hosts": ",".join(edges.names), "tasks": [task]}]))
    first, second = map(Playbook.results, runs)
    gathered = edges.play(GATHERED)
    for name in edges.names:
        done, refused = sorted((first[name][0], second[name][0]), key=lambda result: result["failed"])
        assert not done["failed"]
        assert re.search("unconfirmed change|by someone else|does not let us change it now|already pending", refused["msg"])
        assert gathered[name][0]["gathered"] == done["after"]


def test_what_is_refused_before_anything_is_sent(edges):
    before, history = edges.running(), edges.history()
    limit = {"waves": [{"name": "slow", "date": "2019-03-01", "pools": "all", "action": "limit"}]}
    limit["limit"] = {"per_minute": 1, "burst": 3}
    managed = {
        "uplinks": [f"{{{{ {json.dumps({name: facts.management for name, facts in EDGES.items()})}[inventory_hostname] }}}}"]
    }
    results = edges.play(
        acl("slow", changed=limit),
        acl("all", budget=1),
        acl("all", confirm=86400),
        acl("all", **managed),
        {**acl("all", **managed, over_management=True), "check_mode": True},
    )
    assert (edges.running(), edges.history()) == (before, history)
    for edge in edges.each():
        tight, small, long, here, over = results[edge.name]
        assert tight["msg"] == (
            f"waves: the action limit of pool {edge.facts.pool} needs a counter for each customer, and an access list has none; "
            "write observe or block for the pools of this edge."
        )
        assert re.match(
            r"budget: the edge would hold \d+ entries of this policy, and 1 are allowed; nothing was sent\.", small["msg"]
        )
        assert re.match(r"confirm: 86400 is out of range; .* takes at most \d+ seconds\.$", long["msg"])
        assert here["msg"] == (
            f"uplinks: {edge.facts.management} carries the session by which this device is managed; reach it by another "
            "interface, or write over_management: true. Nothing was sent."
        )
        assert over["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_a_name_that_no_interface_has_is_refused_before_anything_is_sent(edges, check):
    before, history = edges.running(), edges.history()
    short, pools = {"edge-c1": "Gi0/0/0", "edge-x1": "hu0/0/1/0"}, {name: facts.pool for name, facts in EDGES.items()}
    uplinks = [f"{{{{ {json.dumps(short)}[inventory_hostname] }}}}"]
    attachments = [{"interface": "Gig0/7/7/7", "pools": [f"{{{{ {json.dumps(pools)}[inventory_hostname] }}}}"]}]
    wrong = ({"uplinks": uplinks}, {"attachments": attachments}, {"uplinks": uplinks, "attachments": attachments})
    out = acl("none", uplinks=uplinks, attachments=attachments)
    some = acl("all", attachments=[{"interface": "Virtual-Access*", "pools": attachments[0]["pools"]}])
    results = edges.play(
        *({**acl("all", **each), "check_mode": check} for each in wrong),
        {**out, "check_mode": check},
        {**some, "check_mode": True},
    )
    assert (edges.running(), edges.history()) == (before, history)
    for edge in edges.each():
        *refused, nothing, wild = results[edge.name]
        uplink = f"uplinks[0]: this device has no interface '{short[edge.name]}'. Did you mean {edge.facts.uplink}? Known here: "
        attachment = "attachments[0].interface: this device has no interface 'Gig0/7/7/7'. Did you mean GigabitEthernet0/"
        assert [each["failed"] for each in refused] == [True] * 3
        assert refused[0]["msg"].startswith(uplink)
        assert refused[1]["msg"].startswith(attachment)
        assert all(each["msg"].endswith(". Nothing was sent.") for each in refused[:2])
        head, *both = refused[2]["msg"].splitlines()
        assert head == "The edge has 2 mistakes; nothing was sent:"
        assert both[0].startswith(f"- {uplink}")
        assert both[1].startswith(f"- {attachment}")
        # Where nothing stands and nothing is to stand, no name is needed.
        assert (nothing["failed"], nothing["changed"]) == (False, False)
        assert sum("this device has no interface" in text for text in nothing["warnings"]) == 2
        assert not wild["failed"]
        assert wild["changed"]
        assert any("no interface of this device begins with 'Virtual-Access' now" in text for text in wild["warnings"])


def test_an_interface_that_has_gone_does_not_hold_up_the_way_back(edges):
    pools = json.dumps({name: facts.pool for name, facts in EDGES.items()})
    gone = [{"interface": "GigabitEthernet0/0/0/1.77", "pools": [f"{{{{ {pools}[inventory_hostname] }}}}"]}]
    forth, stricter, back, out = (
        acl("pilot"),
        acl("all", attachments=gone),
        acl("observe", attachments=gone),
        acl("none", attachments=gone),
    )
    before = edges.running()
    for name, results in edges.play(forth, stricter, back, out).items():
        assert [each["failed"] for each in results] == [False, True, False, False], results
        assert "this device has no interface 'GigabitEthernet0/0/0/1.77'" in results[1]["msg"]
        for each in results[2:]:
            assert each["changed"]
            assert any("nothing becomes stricter, so the change goes on" in text for text in each["warnings"]), name
    assert edges.running() == before


@pytest.mark.parametrize("number", range(3))
def test_a_list_that_serves_something_else_is_not_ours_to_use(edges, number):
    named = {}
    for edge in edges.each():
        named[edge.name], lines = list(edge.facts.elsewhere.items())[number]
        edge.enter(*lines)
    history = edges.history()
    for name, said in refused(edges, acl("all")).items():
        assert re.match(
            rf"{EDGES[name].theirs}: this access list (also serves|is also used by) .*; give the uplinks one of", said
        )
        assert named[name] in said
    assert edges.history() == history


def test_where_no_place_is_right_the_line_in_the_way_is_named(edges):
    for edge in edges.each():
        edge.enter(edge.facts.theirs, *(f"{number}00 {line}" for number, line in enumerate(edge.facts.nowhere, 1)))
    for name, said in refused(edges, acl("all")).items():
        why = f"no place in this access list is right for the policy; in the way of the head is '{EDGES[name].nowhere[1]}',"
        assert said.startswith(f"{EDGES[name].theirs}: {why}")


def test_where_no_number_is_free_the_command_that_makes_room_is_told(edges):
    def renumber(edge, command):
        with edge.shell() as operator:
            for line in edge.facts.renumber:
                assert "%" not in operator.says(command if "{}" in line else line)

    def entries(text):
        return [line.split(" ", 2)[2] for line in text.splitlines() if re.match(r" \d+ ", line)]

    own_way = {edge.name: next(line for line in edge.facts.renumber if "{}" in line) for edge in edges.each()}
    for edge in edges.each():
        renumber(edge, own_way[edge.name].format("1 1"))
    theirs = {name: entries(text) for name, text in edges.running().items()}
    for name, said in refused(edges, acl("all")).items():
        found = re.match(r"(.*): between \d+ and \d+ there are 0 numbers, and \d+ are needed; make room with `(.*)`\.$", said)
        assert found[1] == EDGES[name].theirs
        assert found[2].startswith(own_way[name].format(""))
        renumber(Router.one(edges, name), found[2])
    for observed, stopped in edges.play(acl("observe"), acl("all")).values():
        assert observed["changed"]
        assert stopped["changed"]
    for name, text in edges.running().items():
        assert in_order(theirs[name], "\n".join(entries(text)))


# -- nobody confirms -----------------------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("left alone")
@pytest.mark.parametrize("how", ["armed", "cut"])
def test_an_edge_whose_controller_died_goes_back_by_itself(left_alone, how):
    before, routers, _said = left_alone
    # A timer of the one counts minutes.
    assert wait_for(lambda: routers[how].running() == before, 120)
    for (result,) in routers[how].play(GATHERED).values():
        assert "armed" not in result
        assert (result["gathered"], result["drift"]) == ({}, [])
