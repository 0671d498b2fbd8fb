# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent between a client and a real netconfd; the kernel is a list of what it was given."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab.junos.framing import LIMIT, Peer
from lab.junos.server import Agent, hello
from lab.machine import FILES, REPOSITORY

pytestmark = pytest.mark.skipif(not shutil.which("netconfd", path="/usr/sbin:/usr/bin"), reason="netconfd is not installed")
YANG = Path(os.environ.get("OP25B_YANG") or REPOSITORY / "lab" / "junos" / "yang")
INTERFACES = {"xe-0/0/0": "up0", "ge-0/0/1": "central0"}
BASE = "urn:ietf:params:netconf:base:1."
ROOT = "http://yang.juniper.net/junos/conf/"
LOCK, UNLOCK = (f"<{word}><target><candidate/></target></{word}>" for word in ("lock", "unlock"))
VALIDATE = "<validate><source><candidate/></source></validate>"
CONFIRMED = "<commit><confirmed/><confirm-timeout>%d</confirm-timeout></commit>"


class Plane:
    """A kernel that remembers."""

    def __init__(self):
        self.filters = []
        self.times = []

    def apply(self, filters):
        self.filters = filters
        self.times.append(time.monotonic())

    def counters(self):
        return {(f.interface, f.direction, f.name, e.key): (2, 80) for f in self.filters for e in f.entries}

    def policed(self):
        return {}

    def names(self):
        """Of what is bound."""
        return sorted(one.name for one in self.filters)


class Router:
    """netconfd and agent; the agent in a loop of its own thread."""

    def __init__(self, directory, **settings):
        self.directory, self.plane = directory, Plane()
        shutil.copy(FILES / "edge-j1.xml", directory / "startup.xml")
        self.settings = {
            "hostname": "edge-j1",
            "interfaces": INTERFACES,
            "netconfd": str(directory / "netconfd.sock"),
            "agent": str(directory / "agent.sock"),
            "history": str(directory / "commits.json"),
            **settings,
        }
        self.clients = []
        self.start_netconfd()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.agent = self.call(self._start())

    async def _start(self):
        agent = Agent(self.settings, self.plane)
        self.server = await asyncio.start_unix_server(agent.serve, self.settings["agent"], limit=LIMIT)
        self.following = asyncio.ensure_future(agent.run())
        await asyncio.wait_for(agent.ready.wait(), 120)
        return agent

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(180)

    def start_netconfd(self):
        (self.directory / "netconfd.sock").unlink(missing_ok=True)
        modules = [f"--module={path}" for path in sorted(YANG.glob("junos-conf-*.yang"))]
        self.netconfd = subprocess.Popen(
            [
                *("/usr/sbin/netconfd", f"--ncxserver-sockname={self.settings['netconfd']}", "--target=candidate"),
                *(f"--startup={self.directory}/startup.xml", "--max-burst=0", "--access-control=off"),
                *(f"--modpath={YANG}:/usr/share/yuma/modules", f"--log={self.directory}/log", *modules),
            ],
            stdout=subprocess.DEVNULL,
        )

    def stop(self):
        async def end():
            self.following.cancel()
            self.server.close()
            for task in [*self.agent._tasks]:
                task.cancel()

        for client in self.clients:
            self.call(client._close())
        time.sleep(0.1)
        self.call(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.netconfd.kill()
        self.netconfd.wait()

    def client(self, user="alice", version="1.0"):
        self.clients.append(Client(self, user, version))
        return self.clients[-1]


class Client:
    """Somebody's session."""

    def __init__(self, router, user, version):
        self.router, self.number = router, 0
        self.router.call(self._open(user, version))

    async def _open(self, user, version):
        self.peer = Peer(*await asyncio.open_unix_connection(self.router.settings["agent"], limit=LIMIT))
        self.peer.writer.write(json.dumps({"user": user, "host": "192.0.2.225"}).encode() + b"\n")
        # All at once: nothing of it may get lost.
        self.peer.writer.write(hello([BASE + "0", BASE + version]) + b"]]>]]>")
        self.hello = (await self.peer.receive()).decode()
        self.session = re.search(r"<session-id>(\d+)<", self.hello)[1]
        self.peer.chunked = BASE + "1<" in self.hello and version == "1"

    def ask(self, operation):
        """The reply; "" if the session has ended."""
        self.number += 1
        text = f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{self.number}" x="y">{operation}</rpc>'

        async def exchange():
            with contextlib.suppress(ConnectionError):
                await self.peer.send(text.encode())
                return (await asyncio.wait_for(self.peer.receive(), 20)).decode()
            return ""

        reply = self.router.call(exchange())
        assert not reply or (f'message-id="{self.number}"' in reply and 'x="y"' in reply)
        return reply

    def ok(self, *operations):
        for each in operations:
            reply = self.ask(each)
            assert "<ok/>" in reply, reply

    def error(self, operation):
        """Its message."""
        return re.search(r"<error-message[^>]*>([^<]*)<", self.ask(operation))[1]

    def close(self):
        self.router.call(self._close())
        time.sleep(0.1)

    async def _close(self):
        self.peer.close()

    def history(self):
        """Of each commit what is shown but the time."""
        shown = re.findall(r"<commit-history>(.*?)</commit-history>", self.ask("<get-commit-information/>"))
        words = ("user", "client", "comment", "log", "commit-confirmed")
        return [tuple(text for word in words for text in re.findall(f"<{word}>([^<]*)<", each)) for each in shown]


@pytest.fixture
def new_router(tmp_path):
    made = []

    def make(**settings):
        made.append(Router(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def router(new_router):
    return new_router()


def edit(inside, module="interfaces"):
    return (
        f'<edit-config><target><candidate/></target><config><configuration xmlns="{ROOT}root"><{module} xmlns="{ROOT}{module}">'
        f"{inside}</{module}></configuration></config></edit-config>"
    )


def bind(name, side="output", interface="ge-0/0/1"):
    return edit(
        f"<interface><name>{interface}</name><unit><name>0</name><family><inet><filter><{side}-list>{name}</{side}-list>"
        "</filter></inet></family></unit></interface>"
    )


BIND = bind("edge-out")
FIRST = ["v4 edge-in", "v4 edge-out", "v6 xe-0/0/0.0-i"]
CHANGED = sorted(["v4 ge-0/0/1.0-o", *FIRST])
ROLLED_BACK = ("root", "other")


def soon(condition, seconds=60.0):
    """Seconds until it was so."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)
    return time.monotonic() - begun


def test_the_kernel_does_what_the_first_configuration_says(router):
    assert router.plane.names() == FIRST


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
@pytest.mark.parametrize("version", ["0", "1"])
def test_what_a_client_is_told(new_router, mode, version):
    client = new_router(confirmed_commit=mode).client(version=version)
    assert (BASE + "1<" in client.hello) == (mode == "1.1")
    assert ("confirmed-commit:1.1" in client.hello) == (mode == "1.1")
    assert "confirmed-commit:1.0" in client.hello
    assert ("rollback-on-error" in client.hello) == (mode == "1.1")
    assert ("http://xml.juniper.net/netconf/junos/1.0" in client.hello) == (mode == "1.0")
    assert f"{ROOT}firewall" in client.hello
    assert "<data" in client.ask("<get-config><source><running/></source></get-config>")
    assert "<?xml" not in client.ask("<get-config><source><running/></source></get-config>")
    assert client.error("<get-chassis-inventory/>") == "definition not found"
    client.ok("<close-session/>")
    assert client.ask(VALIDATE) == ""


@pytest.mark.parametrize("version", ["0", "1"])
def test_messages_that_come_at_once_are_answered_in_their_order(new_router, version):
    client = new_router(confirmed_commit="1.1").client(version=version)

    async def exchange():
        for number in range(5):
            operation = ("<get-system-information/>", VALIDATE)[number % 2]
            await client.peer.send(
                f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{number}">{operation}</rpc>'.encode()
            )
        return [re.search(rb'message-id="(\d)"', await client.peer.receive())[1] for _number in range(5)]

    assert client.router.call(exchange()) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_client_that_wants_notifications_has_them(new_router):
    router = new_router(confirmed_commit="1.1")
    client = router.client(version="1")
    client.ok('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
    router.client("bob")
    assert b"<username>bob</username>" in router.call(asyncio.wait_for(client.peer.receive(), 5))


def test_the_session_list_has_the_users(router):
    client = router.client("bob")
    wanted = '<netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><sessions/></netconf-state>'
    shown = client.ask(f"<get><filter>{wanted}</filter></get>")
    assert re.findall(r"<username>(\w+)<", shown) == ["root", "bob"]
    assert re.findall(r"<source-host>([^<]+)<", shown)[1] == "192.0.2.225"


def test_a_commit_is_answered_once_the_kernel_does_it(router):
    client = router.client()
    client.ok(LOCK, BIND, VALIDATE)
    assert router.plane.names() == FIRST
    client.ok("<commit/>")
    assert router.plane.names() == CHANGED
    client.ok(UNLOCK)
    assert client.history() == [("alice", "netconf"), ROLLED_BACK]


def test_what_commit_check_refuses_is_not_committed(router):
    client = router.client()
    client.ok(bind("nobody"))
    for operation in (
        VALIDATE,
        "<commit/>",
        CONFIRMED % 60,
        "<commit-configuration/>",
        "<commit-configuration><check/></commit-configuration>",
    ):
        reply = client.ask(operation)
        assert "<error-path>[edit interfaces ge-0/0/1 unit 0 family inet]</error-path>" in reply
        assert "<error-message>Referenced filter 'nobody' is not defined</error-message>" in reply
        assert "<bad-element>filter</bad-element>" in reply
        assert reply.count("<rpc-error>") == 2
        assert "<error-message>configuration check-out failed</error-message>" in reply
    assert router.plane.names() == FIRST
    assert client.history() == [ROLLED_BACK]
    client.ok("<discard-changes/>", VALIDATE)


# -- confirmed commit --------------------------------------------------------------------------------------------------


def test_nobody_confirms_and_the_kernel_goes_back_at_once(router):
    client = router.client()
    client.ok(BIND, CONFIRMED % 2)
    assert router.plane.names() == CHANGED
    assert client.history()[0] == ("alice", "netconf", "commit confirmed, rollback in 1mins", "rollback pending")
    client.close()
    other = router.client("bob")
    # netconfd's timer goes by whole seconds.
    soon(lambda: router.plane.names() == FIRST)
    assert other.history() == [ROLLED_BACK, ("alice", "netconf", "commit confirmed, rollback in 1mins"), ROLLED_BACK]
    other.ok(LOCK)


@pytest.mark.parametrize(("revised", "name"), [("1.0", ""), ("1.1", ""), ("1.1", "<persist>mine</persist>")])
def test_however_much_is_asked_meanwhile_the_time_is_kept(new_router, revised, name):
    router = new_router(confirmed_commit=revised)
    client, other = router.client(version="1"), router.client("bob", version="1")
    client.ok(BIND, f"<commit><confirmed/><confirm-timeout>2</confirm-timeout>{name}</commit>")
    begun = time.monotonic()
    while router.plane.names() == CHANGED:
        other.ask("<get-config><source><running/></source></get-config>")
        assert time.monotonic() - begun < 60
    assert time.monotonic() - begun > 1
    assert other.history()[0] == ROLLED_BACK


def test_any_session_confirms(router):
    client = router.client()
    client.ok(LOCK, BIND, CONFIRMED % 2, UNLOCK, "<close-session/>")
    other = router.client("bob")
    other.ok("<commit/>")
    assert other.history()[:2] == [("bob", "netconf"), ("alice", "netconf", "commit confirmed, rollback in 1mins")]
    time.sleep(2.5)
    assert router.plane.names() == CHANGED


def test_a_confirmed_commit_can_be_prolonged_and_confirmed_by_one(router):
    client = router.client()
    client.ok(BIND, CONFIRMED % 2)
    client.ok(CONFIRMED % 600)
    assert client.history()[0][2] == "commit confirmed, rollback in 10mins"
    time.sleep(2.5)
    assert router.plane.names() == CHANGED


def test_the_commit_of_the_junos_xml_protocol(router):
    client = router.client()
    client.ok(BIND, "<commit-configuration><confirmed/><confirm-timeout>2</confirm-timeout><log>why</log></commit-configuration>")
    assert client.history()[0] == ("alice", "netconf", "commit confirmed, rollback in 2mins", "why", "rollback pending")
    client.ok("<commit-configuration/>")
    assert router.plane.names() == CHANGED


def test_a_killed_session_takes_its_unconfirmed_commit_with_it(router):
    client, other = router.client(), router.client("bob")
    client.ok(BIND, CONFIRMED % 600)
    other.ok(f"<kill-session><session-id>{client.session}</session-id></kill-session>")
    assert router.plane.names() == FIRST
    assert client.ask(VALIDATE) == ""
    assert other.history()[0] == ROLLED_BACK


def test_a_killed_session_takes_its_changes_with_it(router):
    client, other = router.client(), router.client("bob")
    client.ok(BIND)
    assert other.error(LOCK) == "configuration database modified"
    other.ok(f"<kill-session><session-id>{client.session}</session-id></kill-session>", LOCK)


@pytest.mark.parametrize(
    "operation",
    ["<commit><confirmed/><persist>x</persist></commit>", "<commit><persist-id>x</persist-id></commit>", "<cancel-commit/>"],
)
def test_junos_knows_no_persist(router, operation):
    client = router.client()
    client.ok(BIND)
    assert client.error(operation) == "syntax error"
    assert router.plane.names() == FIRST


def test_revised_confirmed_commit_is_netconfds_own(new_router):
    router = new_router(confirmed_commit="1.1")
    client, other = router.client(version="1"), router.client("bob", version="1")
    client.ok(BIND, "<commit><confirmed/><persist>mine</persist></commit>")
    assert router.plane.names() == CHANGED
    assert "pending" in other.error("<commit/>")
    other.ok("<cancel-commit><persist-id>mine</persist-id></cancel-commit>")
    assert router.plane.names() == FIRST
    client.ok(BIND, CONFIRMED % 600)
    client.close()
    soon(lambda: router.plane.names() == FIRST)
    assert other.history()[0] == ROLLED_BACK


# -- locks -------------------------------------------------------------------------------------------------------------


def test_a_modified_candidate_cannot_be_locked(router):
    client, other = router.client(), router.client("bob")
    client.ok(BIND)
    for each in (client, other):
        assert each.error(LOCK) == "configuration database modified"
    client.ok("<discard-changes/>")
    other.ok(LOCK)
    for operation in (LOCK, BIND, "<commit/>", "<discard-changes/>"):
        assert "<rpc-error>" in client.ask(operation)


def test_a_lock_goes_with_its_session_and_takes_the_changes_along(router):
    client, other = router.client(), router.client("bob")
    client.ok(LOCK, BIND)
    client.close()
    other.ok(LOCK)
    assert "ge-0/0/1.0-o" not in other.ask("<get-config><source><candidate/></source></get-config>")


def test_a_lock_while_a_commit_waits_for_its_confirmation(router):
    client, other = router.client(), router.client("bob")
    client.ok(BIND, CONFIRMED % 600, LOCK)
    for operation in (LOCK, BIND, "<commit/>", "<discard-changes/>"):
        assert other.error(operation).startswith("configuration database locked by: alice terminal")
    client.ok(bind("edge-out", interface="xe-0/0/1"), "<commit/>", UNLOCK)
    other.ok(LOCK, BIND)
    assert client.error(LOCK).startswith("configuration database locked by: bob terminal")
    other.close()
    client.ok(LOCK)
    assert "ge-0/0/1.0-o" not in client.ask("<get-config><source><candidate/></source></get-config>")


# -- netconfd and agent start anew -------------------------------------------------------------------------------------


def test_what_was_not_confirmed_is_forgotten_when_netconfd_starts_anew(router):
    client = router.client()
    client.ok(BIND, CONFIRMED % 600)
    router.netconfd.kill()
    router.netconfd.wait()
    router.start_netconfd()
    soon(lambda: router.plane.names() == FIRST)
    assert client.ask(VALIDATE) == ""
    other = router.client("bob")
    assert other.history()[0] == ROLLED_BACK
    other.ok(BIND, "<commit/>")
    assert router.plane.names() == CHANGED


def test_what_was_committed_is_not_forgotten(router):
    router.client().ok(BIND, CONFIRMED % 600, "<commit/>")
    router.netconfd.kill()
    router.netconfd.wait()
    router.plane.filters = []
    router.start_netconfd()
    router.agent.ready.clear()
    router.client("bob").ok(VALIDATE)
    assert "ge-0/0/1" in (router.directory / "startup.xml").read_text().split("output-list")[0]


# -- what Junos tells, and what a test may break -----------------------------------------------------------------------


def test_counters(router):
    shown = router.client().ask("<get-firewall-information/>")
    assert 'xmlns="http://xml.juniper.net/junos/24.4R1.11/junos-firewall"' in shown
    found = re.findall(
        r"<filter-name>([^<]+)</filter-name><counter><counter-name>([^<]+)<.*?<packet-count>(\d+)<.*?<byte-count>(\d+)<", shown
    )
    assert found == [
        ("edge-in", "telnet", "2", "80"),
        ("edge-out", "bogons", "2", "80"),
        ("xe-0/0/0.0-i", "telnet-v6-xe-0/0/0.0-i", "2", "80"),
    ]


def test_counters_of_one_filter(router):
    client = router.client()
    shown = client.ask("<get-firewall-filter-information><filtername>edge-out</filtername></get-firewall-filter-information>")
    assert re.findall(r"<filter-name>([^<]+)<", shown) == ["edge-out"]
    asked = "<get-firewall-information><filter>no</filter></get-firewall-information>"
    assert client.error(asked) == "filter no not found"


def test_system_information(new_router):
    shown = new_router(model="mx204", version="23.4R2").client().ask("<get-system-information/>")
    for word, text in (("hardware-model", "mx204"), ("os-name", "junos"), ("os-version", "23.4R2"), ("host-name", "edge-j1")):
        assert f"<{word}>{text}</{word}>" in shown


def test_fail_on(new_router):
    router = new_router(options={"fail_on": "ge-0/0/9"})
    client = router.client()
    client.ok(bind("edge-out", interface="ge-0/0/9"))
    assert client.error("<commit/>") == "configuration check-out failed"
    client.ok("<discard-changes/>", BIND, "<commit/>")


def test_ignore_changes(new_router):
    router = new_router(options={"ignore_changes": True})
    client = router.client()
    client.ok(BIND, "<commit/>")
    assert router.plane.names() == FIRST


def test_slow(new_router):
    client = new_router(options={"slow": 0.5}).client()
    begun = time.monotonic()
    client.ok("<commit/>")
    assert time.monotonic() - begun > 0.5
