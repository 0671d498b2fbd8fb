# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux edge, judged by real packets: what is blocked, what is left alone, and how it goes back by itself."""

from __future__ import annotations

import copy
import datetime
import json
import re
import subprocess

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import matrix, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import parse_address

from lab.packets import SHAPES, SYNACK, Packet, Witness, send
from lab.topology import HOSTS
from tests import screens

from .ansible_task import ROOT, Ansible, Playbook, environment, kill_controller, wait_for

pytestmark = pytest.mark.lab
VARS = ROOT / "inventories" / "lab"
DOCUMENT = yaml.safe_load((VARS / "group_vars" / "all" / "op25b.yml").read_text(encoding="utf-8"))["op25b_policy"]
EDGE = yaml.safe_load((VARS / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]["edges"]["hosts"]["edge-l1"]
POOLS = {"cust-east": "east_ftth", "cust-west": "west_cable"}


class Edge(Ansible):
    """The lab's Linux edge."""

    def __init__(self, lab) -> None:
        super().__init__("edge-l1", lambda: lab.pid("edge-l1"))
        self.lab = lab

    def arguments(self, wave, **more):
        keys = {name: more.pop(name) for name in list(more) if name in ("return_rule", "limit", "observe_sources", "exemptions")}
        return {
            "policy": {**copy.deepcopy(DOCUMENT), **keys},
            "wave": wave,
            "attachments": EDGE["op25b_attachments"],
            "uplinks": EDGE["op25b_uplinks"],
            "today": "2019-03-25",
            **more,
        }

    def apply(self, wave, *options, **more):
        return self.ok("acl", *options, **self.arguments(wave, **more))

    def run(self, *argv, check=True):
        done = self.lab.run("edge-l1", list(argv))
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def table(self):
        return self.run("nft", "-s", "list", "table", "inet", "op25b", check=False)

    def theirs(self):
        """Every other table of the router."""
        names = [line.split()[1:] for line in self.run("nft", "list", "tables").splitlines()]
        assert ["inet", "operator"] in names
        return {tuple(name): self.run("nft", "-s", "list", "table", *name) for name in names if name != ["inet", "op25b"]}


@pytest.fixture
def edge(lab, tmp_path):
    found = Edge(lab)
    before = found.theirs()
    yield found
    back = {"ccsnet.op25b.acl_confirm": {"state": "taken_back"}, "ignore_errors": True}
    out = {"ccsnet.op25b.acl": {"state": "deleted"}}
    *_, deleted = Playbook(lab.name, tmp_path / "out.json").run([{"hosts": "edge-l1", "tasks": [back, out]}])["edge-l1"]
    assert not deleted["failed"], deleted
    assert found.table() == ""
    assert found.theirs() == before
    assert not lab.path("edge-l1", "/etc/op25b").exists()


def probe(lab, host, wave):
    """The rows of the matrix for one probe host."""
    read = policy.load(DOCUMENT, datetime.date(2019, 3, 25))
    sources = [parse_address(text) for text in (HOSTS[host].v4, HOSTS[host].v6)]
    plan = matrix.plan(read, wave, sources)
    # The relay's ports are the business of its own role.
    targets = [t for t in plan["targets"] if t["name"] != "own_msa"]
    controls = [c for c in plan["controls"] if c["name"] != "own_msa"]
    names = ("name", "address", "port")
    result = Ansible(host, lambda: lab.pid(host)).ok(
        "probe", targets=[{n: t[n] for n in names} for t in targets], controls=controls, timeout=2
    )
    assert result["controls_ok"], result
    return matrix.judge(targets, result["probes"], host)


@pytest.mark.parametrize("wave", ["none", "pilot", "all"])
def test_the_matrix_is_what_the_policy_says(lab, edge, wave):
    edge.apply(wave)
    rows = [row for host in ("cust-east", "cust-west", "cust-exempt", "fixed", "other-line") for row in probe(lab, host, wave)]
    assert all(row["ok"] for row in rows), "\n" + screens.text(matrix.table(rows))
    refused = {(r["probe"], r["target"], r["family"]) for r in rows if r["seen"] == "refused"}
    blocked = {"none": [], "pilot": [("cust-east", "mobile_carrier")]}.get(
        wave, [(h, t) for h in POOLS for t in ("mobile_carrier", "other_isp")]
    )
    assert refused == {(*pair, family) for pair in blocked for family in ("v4", "v6")}


def ports(lab, sink, seen):
    return {line["local_port"] for line in lab.sink_log(sink)[seen:] if "local_port" in line}


def test_no_sink_sees_what_was_refused(lab, edge):
    edge.apply("all")
    seen = {host: len(lab.sink_log(host)) for host in ("mobile-mx", "other-isp")}
    for host in POOLS:
        probe(lab, host, "all")
    for sink, before in seen.items():
        # The sink on 465 logs a session once its TLS stands, which a probe does not begin.
        assert wait_for(lambda sink=sink, before=before: {587, 443} <= ports(lab, sink, before), 10)
        assert 25 not in ports(lab, sink, before)


def test_mail_to_a_home_server_comes_in(lab, edge):
    edge.apply("all")
    before = len(lab.sink_log("home-mail"))
    result = Ansible("other-line", lambda: lab.pid("other-line")).ok(
        "probe",
        targets=[
            {"name": "home", "address": HOSTS["home-mail"].v4, "port": 25},
            {"name": "home", "address": HOSTS["home-mail"].v6, "port": 25},
        ],
    )
    assert [p["state"] for p in result["probes"]] == ["open", "open"]
    assert wait_for(lambda: len(lab.sink_log("home-mail")) >= before + 2, 10)


@pytest.mark.parametrize("wave", ["none", "observe", "all"])
def test_every_shape_of_an_ipv6_packet(lab, edge, wave):
    edge.apply(wave)
    packets = [Packet(HOSTS[host].v6, HOSTS["other-isp"].v6, shape=shape) for host in POOLS for shape in SHAPES]
    with Witness(lab, "other-isp") as witness:
        for host, source in ((h, HOSTS[h].v6) for h in POOLS):
            send(lab, host, [p for p in packets if p.source == source])
        came = {p.shape for p in packets if witness.saw(p)}
    assert came == (set() if wave == "all" else set(SHAPES))


@pytest.mark.parametrize("rule", [True, False])
@pytest.mark.parametrize("family", ["v4", "v6"])
def test_the_answer_to_a_syn_that_left_by_another_line(lab, edge, rule, family):
    """Triangular spam: the SYN leaves by the customer's second line, the SYN-ACK comes back through the pool's edge."""
    edge.apply("all", return_rule=rule)
    source, target = getattr(HOSTS["cust-east"], family), getattr(HOSTS["other-isp"], family)
    forged = Packet(source, target, interface="line2")
    with Witness(lab, "other-isp") as outside, Witness(lab, "cust-east") as inside:
        send(lab, "cust-east", [forged])
        assert outside.saw(forged)
        answers = [a for a in inside.seen() if (a.source, a.sport, a.dport, a.flags) == (target, 25, forged.sport, SYNACK)]
    assert bool(answers) is not rule


def test_the_operator_s_rules_are_theirs(lab, edge):
    before = edge.theirs()
    for wave in ("observe", "all", "pilot", "none"):
        edge.apply(wave)
        assert edge.theirs() == before
    edge.apply("all", confirm=60)
    edge.ok("acl_confirm", state="taken_back")
    assert edge.theirs() == before


def test_a_second_run_changes_nothing_and_drift_is_told_and_mended(edge):
    assert edge.apply("all")["changed"]
    assert not edge.apply("all")["changed"]
    good = edge.table()

    edge.run("nft", "add", "rule", "inet", "op25b", "outbound", "tcp", "dport", "25", "accept")
    edge.run("nft", "add", "element", "inet", "op25b", "exempted.v4", "{ 198.51.100.99 }")
    shown = edge.apply("all", "--check", "--diff")
    assert shown["changed"]
    assert re.findall(r"^(?:@@|[-+] ).*$", shown["printed"], re.MULTILINE) == [
        "@@ set exempted.v4",
        "- 198.51.100.99",
        "@@ chain outbound",
        "- tcp dport 25 accept",
    ]
    assert "198.51.100.99" in edge.table()
    assert edge.apply("all")["changed"]
    assert edge.table() == good

    handle = re.search(
        r"tcp sport 25 jump inbound # handle (\d+)", edge.run("nft", "-a", "list", "chain", "inet", "op25b", "forward")
    )
    edge.run("nft", "delete", "rule", "inet", "op25b", "forward", "handle", handle.group(1))
    gathered = edge.ok("acl", state="gathered")
    assert "chain forward: + tcp sport 25 jump inbound" in gathered["drift"]
    assert edge.apply("all")["changed"]
    assert edge.table() == good


def test_an_unconfirmed_change_goes_back_when_the_controller_dies(edge):
    edge.apply("pilot")
    before = edge.table()
    play = [
        {
            "hosts": "edge-l1",
            "gather_facts": False,
            "tasks": [{"ccsnet.op25b.acl": edge.arguments("all", confirm=6)}, {"ansible.builtin.pause": {"minutes": 10}}],
        }
    ]
    path = edge.lab.path("edge-l1", "/tmp/armed.yml")
    path.write_text(json.dumps(play, default=str), encoding="utf-8")
    options = edge.command("acl")[2:6]
    controller = subprocess.Popen(
        ["ansible-playbook", *options, str(path)],
        cwd=ROOT,
        env=environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    assert wait_for(lambda: edge.table() != before, 30)
    kill_controller(controller)
    assert edge.table() != before
    assert wait_for(lambda: edge.table() == before, 30)
    told = edge.apply("pilot")
    assert not told["changed"]
    assert "rolled back" in told["printed"]
    assert "was not confirmed within 6 s" in told["printed"]
    assert "rolled back" not in edge.apply("pilot")["printed"]


def test_a_confirmed_change_stays_and_survives_a_reboot(lab, edge):
    armed = edge.apply("all", confirm=20)
    assert edge.ok("acl_confirm", change=armed["change"])["changed"]
    assert not edge.ok("acl_confirm", state="confirmed")["changed"]
    confirmed = edge.table()
    assert not wait_for(lambda: edge.table() != confirmed, 22)
    lab.restart("edge-l1")
    assert edge.table() == confirmed
    assert not edge.apply("all")["changed"]

    edge.apply("pilot", confirm=600)
    assert edge.table() != confirmed
    lab.restart("edge-l1")
    assert edge.table() == confirmed
    assert edge.ok("acl", state="gathered").get("armed") is None


def test_a_router_that_would_forget_the_rules_is_mended(edge):
    edge.apply("all")
    edge.run("rm", "/etc/op25b/confirmed.nft")
    shown = edge.apply("all", "--check", "--diff")
    assert shown["changed"]
    assert "@@ at boot" in shown["printed"]
    assert edge.apply("all")["changed"]
    assert not edge.apply("all")["changed"]


def test_one_change_at_a_time(edge):
    edge.apply("pilot")
    first = edge.apply("all", confirm=120)
    armed = edge.table()
    said = edge.refused("acl", **edge.arguments("observe"))
    assert re.match(r"this router has an unconfirmed change: .+ armed it at .+, and it goes back in \d+ s\.", said)
    again = edge.apply("all", confirm=120)
    assert not again["changed"]
    assert again["change"] == first["change"]
    said = edge.refused("acl_confirm", change="another")
    assert "the unconfirmed change here is not the one to confirm" in said
    edge.run("nft", "add", "element", "inet", "op25b", "exempted.v4", "{ 198.51.100.99 }")
    assert "the table is no longer what was armed" in edge.refused("acl_confirm", state="confirmed")
    edge.run("nft", "delete", "element", "inet", "op25b", "exempted.v4", "{ 198.51.100.99 }")
    assert edge.table() == armed
    assert edge.ok("acl_confirm", state="confirmed")["changed"]


def test_a_second_run_waits_and_then_says_who_holds_the_router(edge):
    hold = (
        "import fcntl, os, sys, time; os.makedirs('/run/op25b', exist_ok=True); f = open('/run/op25b/lock', 'w');"
        "fcntl.flock(f, fcntl.LOCK_EX); f.write('night shift since 03:00'); f.flush();"
        "print('held', flush=True); time.sleep(float(sys.argv[1]))"
    )
    holder = edge.lab.popen("edge-l1", ["/usr/bin/python3", "-c", hold, "4"], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    edge.apply("pilot")
    holder.wait(10)
    holder = edge.lab.popen("edge-l1", ["/usr/bin/python3", "-c", hold, "60"], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    said = edge.refused("acl", **edge.arguments("all"))
    holder.kill()
    holder.wait(10)
    edge.run("pkill", "-f", "night shift", check=False)
    assert said.startswith("another run is changing this router: night shift since 03:00; it did not finish within 15 s")


def test_a_change_that_nft_refuses_leaves_nothing_behind(edge):
    edge.apply("pilot")
    before = edge.table()
    read = edge.ok("nft_table", operation="read", who="test")
    wrong = {"operation": "apply", "who": "test", "change": "x", "seconds": 30}
    said = edge.refused(
        "nft_table",
        **wrong,
        expect=read["digest"],
        commands=["flush chain inet op25b forward", "add rule inet op25b nowhere drop"],
    )
    assert said.startswith("nft refused the change, and nothing of it was applied:")
    assert "nowhere" in said
    assert edge.table() == before
    assert edge.ok("nft_table", operation="read", who="test")["armed"] is None
    said = edge.refused("nft_table", **wrong, expect="stale", commands=["flush chain inet op25b forward"])
    assert said.startswith("the table was changed by someone else between reading and changing it")
    assert edge.table() == before


def test_an_overdue_change_whose_timer_is_gone_is_taken_back_by_the_next_run(edge):
    edge.apply("pilot")
    before = edge.table()
    edge.apply("all", confirm=5)
    edge.run("pkill", "-KILL", "-f", "/run/op25b/watch.py")
    assert not wait_for(lambda: edge.table() == before, 11)
    found = edge.ok("acl", state="gathered")
    assert edge.table() == before
    assert "the timer that should have taken it back was gone" in found["printed"]


def test_observing_counts_who_and_how_often_and_changes_no_verdict(lab, edge):
    wish = {"purpose": "tell customers before the block", "until": "2019-04-01", "hours": 1, "max_entries": 100}
    edge.apply("observe", observe_sources=wish)
    rows = [row for host in POOLS for row in probe(lab, host, "observe")]
    assert all(row["seen"] == "open" for row in rows)
    found = edge.ok("acl", state="gathered")
    # One SYN for each family and target: two targets outside, the MX is ours.
    assert found["counters"]["pools"]["east_ftth"] == {"mobile": {"out": 2, "in": 2}, "any": {"out": 2, "in": 2}}
    assert found["seen"] == {"mobile": 4, "any": 4}
    assert "198.51.100.10" not in found["printed"]
    named = edge.ok("acl", state="gathered", sources=True)
    assert named["seen"]["mobile"][HOSTS["cust-west"].v4] == 1
    assert HOSTS["cust-east"].v6 in named["seen"]["any"]
    assert HOSTS["cust-east"].v4 not in lab.path("edge-l1", "/etc/op25b/confirmed.nft").read_text(encoding="utf-8")

    edge.apply("observe", observe_sources=wish, confirm=60)
    edge.apply("all")
    assert edge.ok("acl", state="gathered", sources=True)["seen"] == {}


def test_counters_go_on_counting_through_a_change_and_its_way_back(lab, edge):
    edge.apply("observe")
    probe(lab, "cust-east", "observe")
    edge.apply("pilot", confirm=60)
    probe(lab, "cust-east", "pilot")
    edge.ok("acl_confirm", state="taken_back")
    counted = edge.ok("acl", state="gathered")["counters"]["pools"]["east_ftth"]
    assert counted["any"]["out"] == 4
    assert counted["mobile"]["out"] == 4


def test_a_limited_customer_gets_a_few_connections_through(lab, edge):
    document = [{"name": "slow", "date": "2019-03-01", "pools": "all", "action": "limit"}]
    arguments = edge.arguments("slow", limit={"per_minute": 1, "burst": 3})
    arguments["policy"]["waves"] = document
    edge.ok("acl", **arguments)
    target = {"name": "other", "address": HOSTS["other-isp"].v4, "port": 25}
    states = [
        Ansible(host, lambda host=host: lab.pid(host)).ok("probe", targets=[dict(target, name=f"{n}") for n in range(6)])[
            "probes"
        ]
        for host in POOLS
    ]
    for probes in states:
        assert sorted(p["state"] for p in probes) == ["open"] * 3 + ["refused"] * 3


def test_a_policy_with_mistakes_touches_no_device(edge):
    edge.apply("pilot")
    before = edge.run("nft", "-a", "list", "ruleset")
    arguments = edge.arguments("all")
    arguments["policy"]["pools"]["east_ftth"]["prefixes"] = ["198.51.100.1/25"]
    arguments["policy"]["waves"][0]["action"] = "stop"
    said = edge.refused("acl", **arguments)
    assert said.splitlines() == [
        "The policy has 2 mistakes; nothing was changed on any device:",
        "- op25b_policy.pools.east_ftth.prefixes[0]: '198.51.100.1/25' has host bits set; write 198.51.100.0/25.",
        "- op25b_policy.waves[0].action: 'stop' is not right here; write pass, observe, limit or block.",
    ]
    assert edge.run("nft", "-a", "list", "ruleset") == before


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_name_that_no_interface_has_is_refused_before_anything_is_sent(edge, check):
    before = edge.run("nft", "-a", "list", "ruleset")
    places = [dict(EDGE["op25b_attachments"][0], interface="East0"), EDGE["op25b_attachments"][1]]
    uplink = "uplinks[1]: this device has no interface 'up7'. Did you mean up0? Known here: east0, "
    attachment = "attachments[0].interface: this device has no interface 'East0'. Did you mean east0? Known here: east0, "
    said = edge.refused("acl", *check, **edge.arguments("all", uplinks=["up0", "up7"]))
    assert said.startswith(uplink)
    assert said.endswith(" Nothing was sent.")
    assert edge.refused("acl", *check, **edge.arguments("all", attachments=places)).startswith(attachment)
    head, *both = edge.refused("acl", *check, **edge.arguments("all", uplinks=["up0", "up7"], attachments=places)).splitlines()
    assert head == "The edge has 2 mistakes; nothing was sent:"
    assert [each.startswith(f"- {one}") for each, one in zip(both, (uplink, attachment), strict=True)] == [True, True]
    assert edge.run("nft", "-a", "list", "ruleset") == before


def test_other_names_of_interfaces_and_those_of_sessions(edge):
    # Named as a VLAN is, which this kernel may not have.
    edge.run("ip", "link", "add", "east0.100", "type", "veth", "peer", "name", "peer0")
    edge.run("ip", "link", "property", "add", "dev", "east0", "altname", "enp9s0")
    try:
        places = [{"interface": name, "pools": ["east_ftth"]} for name in ("east0.100", "ppp*", "enp9s0")]
        said = edge.refused("acl", **edge.arguments("all", attachments=places))
        assert said == (
            "attachments[2].interface: 'enp9s0' is another name of east0, which no rule matches; write east0. Nothing was sent."
        )
        found = edge.apply("all", attachments=places[:2])
        assert found["changed"]
        assert (
            "attachments[1].interface: no interface of this device begins with 'ppp' now; 'ppp*' means those that may come."
            in " ".join(found["printed"].split())
        )
    finally:
        edge.run("ip", "link", "property", "del", "dev", "east0", "altname", "enp9s0")
        edge.run("ip", "link", "del", "east0.100")


def test_an_interface_that_has_gone_does_not_hold_up_the_way_back(edge):
    edge.run("ip", "link", "add", "up9", "type", "veth", "peer", "name", "peer0")
    try:
        edge.apply("pilot", uplinks=["up0", "up9"])
    finally:
        edge.run("ip", "link", "del", "up9")
    assert "no interface 'up9'" in edge.refused("acl", **edge.arguments("all", uplinks=["up0", "up9"]))
    for wave in ("pilot", "observe"):
        found = edge.apply(wave, uplinks=["up0", "up9"])
        assert "no interface 'up9'; nothing becomes stricter" in " ".join(found["printed"].split())
        assert '"up9"' in edge.table()
    # A name that the device has not is no place for what stays.
    assert "no interface 'up8'" in edge.refused("acl", **edge.arguments("observe", uplinks=["up8"]))
    assert edge.apply("none", uplinks=["up8"])["changed"]
    assert edge.table() == ""


def test_a_comment_that_is_not_utf8_stands_in_nobodys_way(edge):
    edge.apply("pilot")
    edge.run("sh", "-c", r"""printf 'add rule inet op25b forward counter comment "Z\374rich"\n' | nft -f -""")
    drifted = edge.ok("acl", state="gathered")
    assert drifted["drift"]
    assert edge.apply("pilot", confirm=60)["changed"]
    edge.ok("acl_confirm", state="taken_back")
    assert edge.ok("acl", state="gathered")["drift"] == drifted["drift"]
    edge.apply("pilot")
    assert edge.ok("acl", state="gathered")["drift"] == []


def test_rendered_and_parsed_need_no_device_and_agree(edge):
    rendered = edge.ok("acl", **edge.arguments("pilot"), state="rendered")["rendered"]
    assert edge.table() == ""
    parsed = edge.ok("acl", state="parsed", running_config=rendered)
    assert parsed["drift"] == []
    after = edge.apply("pilot")["after"]
    assert parsed["parsed"] == after
    listed = edge.ok("acl", state="parsed", running_config=edge.run("nft", "-j", "list", "table", "inet", "op25b"))
    assert (listed["parsed"], listed["drift"]) == (after, [])
    assert edge.ok("acl", state="gathered")["gathered"] == after
