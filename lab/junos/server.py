# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between sshd and netconfd: what Junos does that a NETCONF server by the book does not, and the kernel that follows it.

netconfd (Yuma123) has the data stores, their locks, and the confirmed commit. What is added here:

- `commit` and `validate` of the candidate are refused for what `commit check` refuses (`config.py`), and `commit` is
  answered once the kernel does what was committed.
- Junos's operational RPCs that an edge needs, from the kernel's counters and from the commits that went by.
- Junos's confirmed commit ("Commit the Candidate Configuration Only After Confirmation Using NETCONF", "Terminate a
  NETCONF Session"): capability 1.0, any session confirms, the session that armed it may close, but if it is killed the
  change is taken back at once. For netconfd that is a persistent one, which Junos's clients do not have.
- The time of a confirmed commit: netconfd looks at its clock only while no client asks for anything.
- Locks: netconfd refuses one while a commit waits for its confirmation. Junos does not; then the lock is held here.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import math
import os
import re
import sys
import termios
import time
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

from lab.cli.filter import Filter
from lab.junos import config, filters
from lab.junos.framing import LIMIT, Peer

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
ROOT = "http://yang.juniper.net/junos/conf/root"
JUNOS = "http://xml.juniper.net/junos/{version}/junos"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
# What routers are seen to say in their hello, and the modules; netconfd has more, which no client may count on.
JUNOS_CAPABILITIES = re.compile(
    r"urn:ietf:params:netconf:(base|capability:(candidate|confirmed-commit|validate|url)):1\.0\b"
    r"|urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\b|http://yang\.juniper\.net/"
)
OWN_CAPABILITIES = ("http://xml.juniper.net/netconf/junos/1.0", "http://xml.juniper.net/dmi/system/1.0")
# What netconf-subsystem of Yuma123 says first: netconfd takes it for the proof that it was started by its side.
MAGIC = "x56o8937ab17eg922z34rwhobskdbyswfehkpsqq3i55a0an960ccw24a4ek864aOpal1t2p"
PERSIST = "lab-junos"
POLL = 2.0  # seconds between looks that no notification asked for
TIMEOUT = 600  # of a confirmed commit, RFC 6241 8.4.5.1 and Junos
OK = "<ok/>"
DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>\s*")


class Plane(Protocol):
    """The kernel."""

    def apply(self, filters: list[Filter]) -> None:
        """Have these filters and no other."""

    def counters(self) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """What the entries counted."""

    def policed(self) -> dict[str, int]:
        """What the policers dropped."""


@dataclass(frozen=True)
class Options:
    """What a test may break.

    `ignore_changes`: answer ok and change nothing. `fail_on`: a candidate that has this text is not committed. `slow`:
    seconds that a commit takes. `count`: false for hardware whose terms filter and do not count.
    """

    ignore_changes: bool = False
    fail_on: str | None = None
    slow: float = 0.0
    count: bool = True


@dataclass
class Commit:
    """A line of the commit history."""

    user: str
    client: str
    time: float
    comment: str | None = None
    pending: bool = False
    """It waits for its confirmation."""
    log: str | None = None


@dataclass
class Pending:
    """A confirmed commit that nobody has confirmed yet: who made it, its name if it has one, and what waits for its end."""

    session: Session
    name: str | None
    timer: asyncio.TimerHandle


def local(element: ET.Element) -> str:
    """The name of an element without its name space."""
    return element.tag.rpartition("}")[2]


def child(element: ET.Element, *names: str) -> ET.Element | None:
    """The first element below by local names, whose name space Junos's clients often leave out."""
    for name in names:
        found = next((each for each in element if local(each) == name), None)
        if found is None:
            return None
        element = found
    return element


def error(
    message: str,
    tag: str = "operation-failed",
    path: str = "",
    element: str | None = None,
    info: str = "",
) -> str:
    """An `rpc-error` as Junos has it."""
    info += f"<bad-element>{escape(element)}</bad-element>" if element else ""
    return (
        f"<rpc-error><error-type>protocol</error-type><error-tag>{tag}</error-tag><error-severity>error</error-severity>"
        + (f"<error-path>{escape(path)}</error-path>" if path else "")
        + f"<error-message>{escape(message)}</error-message>"
        + (f"<error-info>{info}</error-info>" if info else "")
        + "</rpc-error>"
    )


class Link(Peer):
    """A session with netconfd, in chunks once both have said hello."""

    hello: ET.Element
    session: str

    @classmethod
    async def open(cls, path: str, user: str, host: str) -> Link:
        """Begin one in the name of a user."""
        link = cls(*await asyncio.open_unix_connection(path, limit=LIMIT))
        who = f"user={quoteattr(user)} address={quoteattr(host)} magic={quoteattr(MAGIC)} transport='ssh' port='830'"
        await link.send(f"<ncx-connect xmlns='http://netconfcentral.org/ns/yuma-ncx' version='1' {who}/>".encode())
        text = await link.receive()
        if not text:
            raise ConnectionError("netconfd hung up")
        link.hello = ET.fromstring(text)
        link.session = link.hello.findtext(f"{{{BASE}}}session-id") or ""
        await link.send(hello([BASE_1_1]))
        # A message that comes in the same read as the hello is lost, and netconfd says at no time that it has read one.
        while fcntl.ioctl(link.writer.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4)) != bytes(4):
            await asyncio.sleep(0.002)
        link.chunked = True
        return link


def hello(capabilities: list[str], session: str = "") -> bytes:
    """A hello message."""
    found = "".join(f"<capability>{escape(each)}</capability>" for each in capabilities)
    number = f"<session-id>{session}</session-id>" if session else ""
    return f'<hello xmlns="{BASE}"><capabilities>{found}</capabilities>{number}</hello>'.encode()


class Agent:
    """The router: follows the running configuration, and serves the sessions."""

    def __init__(self, settings: Mapping[str, Any], plane: Plane) -> None:
        self.settings, self.plane = settings, plane
        self.options = Options(**settings.get("options", {}))
        self.revised = settings.get("confirmed_commit", "1.0") == "1.1"
        self.version = settings.get("version", "24.4R1.11")
        self.configuration = config.Configuration()
        self.pending: Pending | None = None
        self.holder: Session | None = None
        """Who has the lock of the candidate that netconfd would not give."""
        self.editor: Session | None = None
        """Who was the last to change the candidate since it was like running."""
        self.sessions: dict[str, Session] = {}
        self.committing = asyncio.Lock()
        self.ready = asyncio.Event()
        self._link: Link | None = None
        self._asking, self._loading = asyncio.Lock(), asyncio.Lock()
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._text: bytes | None = None
        self._applied: list[Filter] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._history_file = Path(settings["history"])
        self.history: list[Commit] = []
        if self._history_file.exists():
            self.history = [Commit(**each) for each in json.loads(self._history_file.read_text())]
        if not self.history or self.history[0].pending:
            # Whatever waited for its confirmation when the power or the agent went is not the configuration any more.
            self.record("root", "other")

    # -- its own session -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow netconfd for ever, however often it is started anew."""
        while True:
            try:
                await self._follow(await Link.open(self.settings["netconfd"], "root", "127.0.0.1"))
            except (ConnectionError, FileNotFoundError):
                pass
            finally:
                self._link = None
                self.ready.clear()
            if self.pending:
                self.taken_back()
            self.holder = self.editor = None
            await asyncio.sleep(0.05)

    async def _follow(self, link: Link) -> None:
        self._link, self._text, self._answers = link, None, asyncio.Queue()
        self._begin(self._start())
        try:
            while message := await link.receive():
                tree = ET.fromstring(message)
                if local(tree) == "notification":
                    self._noticed(tree)
                else:
                    self._answers.put_nowait(message)
        finally:
            self._answers.put_nowait(b"")
            link.close()

    async def _start(self) -> None:
        await self.ask(f'<create-subscription xmlns="{NOTIFICATION}"/>')
        # Of an agent before this one: there is nobody who keeps its time.
        await self.cancel(PERSIST)
        self.ready.set()
        while self.ready.is_set():
            await asyncio.sleep(POLL)
            await self.load()

    def _begin(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            # Without netconfd there is nothing to follow; its next start begins anew.
            with contextlib.suppress(ConnectionError):
                await work

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ask(self, operation: str) -> bytes:
        """Have netconfd do something for the agent itself."""
        async with self._asking:
            if self._link is None:
                raise ConnectionError("netconfd does not run")
            await self._link.send(f'<rpc xmlns="{BASE}" message-id="1">{operation}</rpc>'.encode())
            answer = await self._answers.get()
            if not answer:
                raise ConnectionError("netconfd hung up")
            return answer

    def _noticed(self, tree: ET.Element) -> None:
        """RFC 6470."""
        for event in tree:
            kind = local(event)
            if kind == "netconf-config-change":
                self._begin(self.load())
            elif kind == "netconf-confirmed-commit":
                what = child(event, "confirm-event")
                if what is not None and what.text in ("timeout", "cancel"):
                    self.taken_back()
                    self._begin(self.load())

    async def configured(self, store: str) -> tuple[bytes, ET.Element | None]:
        """The configuration in a data store."""
        answer = await self.ask(
            f'<get-config><source><{store}/></source><filter type="subtree"><configuration xmlns="{ROOT}"/></filter></get-config>'
        )
        return answer, ET.fromstring(answer).find(f"{{{BASE}}}data/{{{ROOT}}}configuration")

    async def load(self) -> None:
        """Have the kernel do what is running."""
        async with self._loading:
            text, tree = await self.configured("running")
            if text == self._text:
                return
            found = config.read(tree)
            if found.errors:
                # Only a first configuration can have any: each other one was checked.
                print(f"lab-junos: {config.problems(found.errors)}", file=sys.stderr, flush=True)
            wanted = filters.compile_filters(found, self.settings["interfaces"])
            if wanted != self._applied:
                try:
                    self.plane.apply(wanted)
                except (RuntimeError, ValueError) as problem:
                    # A router that does not filter as it says it does must not go on.
                    print(f"lab-junos: {problem}", file=sys.stderr, flush=True)
                    os._exit(1)
                self._applied = wanted
            self.configuration, self._text = found, text

    # -- commits ---------------------------------------------------------------------------------------------------

    def record(self, user: str, client: str, comment: str | None = None, pending: bool = False, log: str | None = None) -> None:
        """A commit happened; Junos keeps 50 of them."""
        for each in self.history:
            each.pending = False
        self.history = [Commit(user, client, time.time(), comment, pending, log), *self.history][:50]
        fresh = self._history_file.with_name(self._history_file.name + ".new")
        fresh.write_text(json.dumps([asdict(each) for each in self.history]))
        fresh.rename(self._history_file)

    def arm(self, session: Session, name: str | None, seconds: int) -> None:
        """A confirmed commit waits for its confirmation, for so long."""
        self.settled()
        timer = asyncio.get_running_loop().call_later(seconds, lambda: self._begin(self._time_is_up()))
        self.pending = Pending(session, name, timer)

    def settled(self) -> None:
        """Nothing waits for a confirmation any more."""
        if self.pending:
            self.pending.timer.cancel()
        self.pending = None

    async def _time_is_up(self) -> None:
        async with self.committing:
            if not self.pending:
                return
            if self.pending.name is None:
                await self.pending.session.forward(f'<rpc xmlns="{BASE}" message-id="1"><cancel-commit/></rpc>'.encode())
            else:
                await self.cancel(self.pending.name)

    async def cancel(self, name: str) -> None:
        """Take back what was committed under this name."""
        await self.ask(f"<cancel-commit><persist-id>{escape(name)}</persist-id></cancel-commit>")
        await self.load()

    def taken_back(self) -> None:
        """What was not confirmed is not the configuration any more, and the candidate is as running is."""
        self.settled()
        self.editor = None
        self.record("root", "other")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, of whom the subsystem has said first who it is."""
        session = Session(self, Peer(reader, writer), json.loads(await reader.readline()))
        try:
            await session.run()
        except (ConnectionError, FileNotFoundError, ET.ParseError) as problem:
            print(f"lab-junos: session of {session.user}: {problem}", file=sys.stderr, flush=True)
        finally:
            writer.close()


@dataclass
class Message:
    """An RPC of a client."""

    text: bytes
    tree: ET.Element
    operation: ET.Element
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = local(self.operation)

    @property
    def attributes(self) -> str:
        """What the reply has to repeat."""
        return "".join(f" {key}={quoteattr(value)}" for key, value in self.tree.attrib.items() if not key.startswith("{"))

    def target(self, place: str = "target") -> str:
        """The data store that it is about."""
        found = child(self.operation, place)
        return local(found[0]) if found is not None and len(found) else ""


class Session:
    """A client's session, and that with netconfd which belongs to it."""

    link: Link

    def __init__(self, agent: Agent, client: Peer, who: Mapping[str, str]) -> None:
        self.agent, self.client = agent, client
        self.user, self.host = who["user"], who["host"]
        self.since = time.time()
        self.locked = False
        self._asking = asyncio.Lock()
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        """All of it."""
        for attempt in range(100):
            try:
                await asyncio.wait_for(self.agent.ready.wait(), 10)
                self.link = await Link.open(self.agent.settings["netconfd"], self.user, self.host)
                break
            except (ConnectionError, FileNotFoundError):
                if attempt == 99:
                    raise
                await asyncio.sleep(0.05)
        self.agent.sessions[self.link.session] = self
        capabilities = [each.text or "" for each in self.link.hello.iter(f"{{{BASE}}}capability")]
        if not self.agent.revised:
            capabilities = [*filter(JUNOS_CAPABILITIES.match, capabilities), *OWN_CAPABILITIES]
        await self.client.send(hello(capabilities, self.link.session))
        theirs = await self.client.receive()
        reader = asyncio.ensure_future(self._listen())
        try:
            said = [(each.text or "").strip() for each in ET.fromstring(theirs).iter(f"{{{BASE}}}capability")]
            self.client.chunked = BASE_1_1 in capabilities and BASE_1_1 in said
            while (text := await self.client.receive()) and await self._message(text):
                pass
        finally:
            reader.cancel()
            self.link.close()
            await self._end()

    async def _listen(self) -> None:
        """Pass notifications on as they come; the rest are answers."""
        while message := await self.link.receive():
            # Junos has none, and clients who know it as Junos trip over it.
            message = DECLARATION.sub(b"", message)
            if b"<notification" in message[:200]:
                await self.client.send(message)
            else:
                self._answers.put_nowait(message)
        self._answers.put_nowait(b"")
        # Netconfd ends a session that was killed, and all of them with itself.
        self.client.close()

    async def _end(self) -> None:
        """What was changed under a lock goes with it; netconfd does that for its own locks."""
        agent = self.agent
        agent.sessions.pop(self.link.session, None)
        if agent.editor is self and self.locked:
            agent.editor = None
        if agent.holder is self:
            agent.holder = None
            if agent.editor is self:
                agent.editor = None
                with contextlib.suppress(ConnectionError):
                    await agent.ask("<discard-changes/>")

    async def _message(self, text: bytes) -> bool:
        """Answer one message; False for the last one."""
        try:
            tree = ET.fromstring(text)
        except ET.ParseError:
            tree = ET.Element("")
        if local(tree) != "rpc" or not len(tree):
            unknown = await self.forward(text)
            await self.client.send(unknown)
            return bool(unknown)
        message = Message(text, tree, tree[0])
        handler: Callable[[Message], Awaitable[str | bytes]] | None = getattr(self, "on_" + message.name.replace("-", "_"), None)
        answer = await (handler(message) if handler else self.forward(text))
        if isinstance(answer, str):
            names = f'xmlns="{BASE}" xmlns:junos="{JUNOS.format(version=self.agent.version)}"'
            answer = f"<rpc-reply {names}{message.attributes}>{answer}</rpc-reply>".encode()
        if answer:
            await self.client.send(answer)
        return bool(answer) and message.name != "close-session"

    async def forward(self, text: bytes) -> bytes:
        """Have netconfd answer."""
        async with self._asking:
            await self.link.send(text)
            return await self._answers.get()

    # -- the candidate and its lock --------------------------------------------------------------------------------

    def _denied(self) -> str | None:
        """The error for all but the holder of the lock that is held here."""
        holder = self.agent.holder
        return None if holder in (None, self) else self._locked_by(holder.link.session)

    def _locked_by(self, session: str) -> str:
        """Junos's words for a lock that somebody has ("Terminate a NETCONF Session")."""
        holder = self.agent.sessions.get(session)
        user = holder.user if holder else "root"
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.since if holder else 0))
        return error(
            f"configuration database locked by: {user} terminal (pid {session}) on since {since}, exclusive",
            "lock-denied",
            info=f"<session-id>{session}</session-id>",
        )

    async def on_lock(self, message: Message) -> str | bytes:
        """Where RFC 6241 7.5 wants a lock to be refused, Junos says "configuration database modified"."""
        agent = self.agent
        if message.target() != "candidate":
            return await self.forward(message.text)
        if denied := self._denied():
            return denied
        answer = await self.forward(message.text)
        modified = error("configuration database modified", "lock-denied", info="<session-id>0</session-id>")
        if b"discard-changes needed" in answer:
            return modified
        if b"confirmed-commit pending" in answer:
            if agent.editor:
                return modified
            agent.holder = self
            return OK
        if b"<error-tag>lock-denied" in answer and (number := re.search(rb"<session-id>(\d+)<", answer)):
            return self._locked_by(number[1].decode())
        self.locked = self.locked or is_ok(answer)
        return answer

    async def on_unlock(self, message: Message) -> str | bytes:
        """A lock that is held here; RFC 6241 8.3.4.2 wants that its changes go with it only when the session ends."""
        if message.target() == "candidate" and self.agent.holder is self:
            self.agent.holder = None
            return OK
        answer = await self.forward(message.text)
        if message.target() == "candidate" and is_ok(answer):
            self.locked = False
        return answer

    async def _edit(self, message: Message) -> str | bytes:
        if message.target() == "candidate" and (denied := self._denied()):
            return denied
        if self.agent.options.ignore_changes:
            return OK
        answer = await self.forward(message.text)
        if message.target() == "candidate" and is_ok(answer):
            self.agent.editor = self
        return answer

    on_edit_config = on_copy_config = _edit

    async def on_discard_changes(self, message: Message) -> str | bytes:
        """The candidate is as running is."""
        if denied := self._denied():
            return denied
        answer = await self.forward(message.text)
        if is_ok(answer):
            self.agent.editor = None
        return answer

    async def on_kill_session(self, message: Message) -> str | bytes:
        """Junos takes back what the killed session had not committed, and what it had not confirmed."""
        agent, number = self.agent, child(message.operation, "session-id")
        victim = (number.text or "").strip() if number is not None else ""
        answer = await self.forward(message.text)
        if is_ok(answer):
            if agent.editor and agent.editor.link.session == victim:
                await agent.ask("<discard-changes/>")
                agent.editor = None
            if agent.pending and agent.pending.session.link.session == victim and agent.pending.name == PERSIST:
                await agent.cancel(PERSIST)
        return answer

    # -- commit ----------------------------------------------------------------------------------------------------

    async def _check(self) -> tuple[bytes, str]:
        """`commit check` of the candidate: its text, and all that is wrong with it."""
        text, tree = await self.agent.configured("candidate")
        found = config.read(tree).errors
        wrong = "".join(error(each.message, path=each.path, element=each.element) for each in found)
        return text, wrong and wrong + error("configuration check-out failed")

    async def on_validate(self, message: Message) -> str | bytes:
        """`commit check`. Of the candidate's text: netconfd 2.13 takes a validated candidate for one that is not changed.

        The next commit would then answer ok, commit nothing, and forget the changes.
        """
        if message.target("source") != "candidate" and message.name == "validate":
            return await self.forward(message.text)
        text, wrong = await self._check()
        if wrong:
            return wrong
        found = re.search(rb"<configuration\b.*</configuration>", text, re.DOTALL)
        source = b"<validate><source><config>%s</config></source></validate>" % (found[0] if found else b"")
        return await self.forward(f'<rpc xmlns="{BASE}"{message.attributes}>'.encode() + source + b"</rpc>")

    async def on_commit(self, message: Message) -> str | bytes:
        """Answered once the kernel does it."""
        agent = self.agent
        if denied := self._denied():
            return denied
        for each in message.operation:
            if local(each) in ("persist", "persist-id") and not agent.revised:
                return error("syntax error", "unknown-element", element=local(each))
        async with agent.committing:
            await asyncio.sleep(agent.options.slow)
            text, wrong = await self._check()
            if agent.options.fail_on and agent.options.fail_on.encode() in text:
                wrong = error("configuration check-out failed")
            if wrong:
                return wrong
            if agent.options.ignore_changes:
                return OK
            confirmed = child(message.operation, "confirmed") is not None
            timeout = str(TIMEOUT)
            if (number := child(message.operation, "confirm-timeout")) is not None:
                timeout = (number.text or "").strip()
                if message.name == "commit-configuration" and timeout.isdecimal():
                    timeout = str(60 * int(timeout))
            direct = agent.revised and message.name == "commit"
            names = (child(message.operation, each) for each in ("persist", "persist-id"))
            named = next((each.text for each in names if each is not None), None)
            if direct:
                answer = await self.forward(message.text)
            else:
                answer = await self._commit(message, timeout if confirmed else None)
            if is_ok(answer):
                comment = f"commit confirmed, rollback in {math.ceil(int(timeout) / 60)}mins" if confirmed else None
                log = child(message.operation, "log")
                agent.settled()
                if confirmed:
                    agent.arm(self, named if direct else PERSIST, int(timeout))
                agent.editor = None
                agent.record(self.user, "netconf", comment, confirmed, log.text if log is not None else None)
                await agent.load()
            return answer

    async def on_commit_configuration(self, message: Message) -> str | bytes:
        """The commit of the Junos XML protocol, which clients that know Junos send: its timeout is in minutes."""
        if child(message.operation, "check") is not None:
            return await self.on_validate(message)
        return await self.on_commit(message)

    async def _commit(self, message: Message, timeout: str | None) -> bytes:
        """Junos's commit with netconfd's words. Whether one is pending, netconfd knows better: its timer may just be up."""

        def request(pending: bool) -> bytes:
            words = f"<persist-id>{PERSIST}</persist-id>" if pending else ""
            if timeout is not None:
                words += f"<confirmed/><persist>{PERSIST}</persist><confirm-timeout>{escape(timeout)}</confirm-timeout>"
            return f'<rpc xmlns="{BASE}"{message.attributes}><commit>{words}</commit></rpc>'.encode()

        pending = self.agent.pending is not None
        answer = await self.forward(request(pending))
        if (b"confirmed commit not active" if pending else b"confirmed-commit pending") in answer:
            answer = await self.forward(request(not pending))
        return answer

    async def on_cancel_commit(self, message: Message) -> str | bytes:
        """Of confirmed-commit 1.1 alone."""
        if not self.agent.revised:
            return error("syntax error", "operation-not-supported", element=message.name)
        async with self.agent.committing:
            answer = await self.forward(message.text)
            if is_ok(answer):
                await self.agent.load()
            return answer

    # -- what Junos tells ------------------------------------------------------------------------------------------

    async def on_get_firewall_information(self, message: Message) -> str:
        """`show firewall`, or of one filter: Junos's RPC is get-firewall-filter-information then, with `filtername`."""
        agent = self.agent
        wanted = next(
            (each.text for name in ("filtername", "filter") if (each := child(message.operation, name)) is not None), None
        )
        shown = filters.show(agent.configuration, agent.settings["interfaces"], agent.plane.counters(), agent.plane.policed())
        found = [one for one in shown if wanted in (None, one.name)]
        if wanted and not found:
            return error(f"filter {wanted} not found")
        text = ""
        for one in found:
            text += f"<filter-information><filter-name>{escape(one.name)}</filter-name>"
            for name, (packets, size) in one.counters.items():
                text += f"<counter><counter-name>{escape(name)}</counter-name><packet-count>{packets}</packet-count>"
                text += f"<byte-count>{size}</byte-count></counter>"
            for name, packets in one.policers.items():
                text += f"<policer><policer-name>{escape(name)}</policer-name><packet-count>{packets}</packet-count></policer>"
            text += "</filter-information>"
        names = JUNOS.format(version=agent.version)
        return f'<firewall-information xmlns="{names}-firewall">{text}</firewall-information>'

    on_get_firewall_filter_information = on_get_firewall_information

    async def on_get_commit_information(self, _message: Message) -> str:
        """`show system commit`."""
        text = ""
        for number, each in enumerate(self.agent.history):
            shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(each.time))
            text += f"<commit-history><sequence-number>{number}</sequence-number><user>{escape(each.user)}</user>"
            text += f"<client>{each.client}</client>"
            text += f'<date-time junos:seconds="{int(each.time)}">{shown}</date-time>'
            text += f"<comment>{each.comment}</comment>" if each.comment else ""
            text += f"<log>{escape(each.log)}</log>" if each.log else ""
            text += "<commit-confirmed>rollback pending</commit-confirmed>" if each.pending and self.agent.pending else ""
            text += "</commit-history>"
        return f"<commit-information>{text}</commit-information>"

    async def on_get_system_information(self, _message: Message) -> str:
        """`show system information`."""
        settings = self.agent.settings
        return (
            f"<system-information><hardware-model>{settings.get('model', 'mx480')}</hardware-model><os-name>junos</os-name>"
            f"<os-version>{self.agent.version}</os-version><host-name>{settings['hostname']}</host-name></system-information>"
        )


def is_ok(answer: bytes) -> bool:
    """Whether an answer of netconfd is `ok`."""
    return b"<ok/>" in answer
