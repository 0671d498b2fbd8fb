# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of a router, over SSH: echo, line editing, pager and prompts around a platform's `Session`.

A platform brings a `Device` whose sessions take whole lines; everything between a key and a line is here. Lines are run
in the order in which they came, one prompt after each, however many arrive at once; what a peer sent without an end of
line is forgotten when it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncssh

MORE = " --More-- "
BATCH = 50  # lines of one session that may run before the others get their turn


@dataclass(frozen=True)
class Options:
    """What a test may break in a device.

    `ignore_changes`: accept every configuration line, apply none. `fail_on`: a configuration line in which this regular
    expression is found is answered with an error of the device. `slow`: seconds that each line takes, over SSH alone.
    `no_archive`: no file system to archive a configuration in. `count`: false for hardware whose entries filter and do not count.
    """

    ignore_changes: bool = False
    fail_on: str | None = None
    slow: float = 0.0
    no_archive: bool = False
    count: bool = True


class Session(Protocol):
    """One user's command line."""

    prompt: str  # what is shown when the device waits for a line
    echo: bool  # False while the device waits for a password
    length: int  # lines of a page, 0 for no pages
    closed: bool  # True once the user has left
    banner: str  # what is shown once, before the first prompt; "" for nothing
    notify: Callable[[str], None] | None  # where to put lines that the device says by itself

    def line(self, text: str) -> str:
        """Run one line; returns what the device prints, lines ended by a line feed, without echo and prompt."""

    def interrupt(self) -> str:
        """The key ctrl-C: what was being asked or entered is void."""

    def end(self) -> str:
        """The key ctrl-Z: back to EXEC mode."""

    def help(self, text: str) -> list[str]:
        """The words that may complete the last one of the line, or follow it when the line ends with a space."""

    def close(self) -> None:
        """The user is gone, whatever the state."""


class Device(Protocol):
    """A router without its terminal."""

    def session(self, user: str, privilege: int = 15, local: str | None = None, peer: tuple[str, int] | None = None) -> Session:
        """A user has logged in from `peer`, to this device's address `local`."""


# Runs of characters that need no thought are taken at once.
_TEXT = re.compile(r"[^\x00-\x1f\x7f?]+")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z]|[A-Za-z])")


class Terminal:
    """Keys in, screen out, around one session."""

    def __init__(self, session: Session, write: Callable[[str], None]) -> None:
        self._session = session
        self._write = write
        self._line = ""
        self._after_return = False
        self._literal = False
        self._pending: list[str] = []
        self._busy = False

    def start(self) -> None:
        """Show what a user sees first."""
        self._session.notify = self._notify
        self._write(_crlf(self._session.banner) + "\r\n" + self._session.prompt)

    def feed(self, data: str) -> Iterator[None]:
        """Take what came from the user; yields after each line that was run."""
        at = 0
        while at < len(data) and not self._session.closed:
            second, self._after_return = self._after_return and data[at] == "\n", data[at] == "\r"
            if second:
                at += 1
            elif self._pending:
                self._page(data[at])
                at += 1
            elif (text := _TEXT.match(data, at)) is not None:
                self._type(text.group())
                at = text.end()
            elif (escape := _ESCAPE.match(data, at)) is not None:
                at = escape.end()
            else:
                key, at = data[at], at + 1
                if self._key(key):
                    yield

    def _type(self, text: str) -> None:
        self._literal = False
        self._line += text
        if self._session.echo:
            self._write(text)

    def _key(self, key: str) -> bool:
        """One key that is no plain character; returns whether it ran a line."""
        if self._literal or (key == "?" and not self._session.echo):
            self._type(key)
        elif key in "\r\n":
            self._run(self._take(), self._session.line)
            return True
        elif key == "\x1a":
            # The line that ctrl-Z ends is run first, as the guide for the command line says.
            line = self._take()
            self._run(line, lambda text: (self._session.line(text) if text.strip() else "") + self._session.end(), "^Z")
            return True
        elif key == "\x03":
            self._take()
            self._run("", lambda _: self._session.interrupt())
            return True
        elif key in "\x08\x7f":
            self._erase(1)
        elif key in "\x15\x18":
            self._erase(len(self._line))
        elif key == "\x17":
            self._erase(len(self._line) - self._line.rstrip().rfind(" ") - 1)
        elif key == "\x16":
            self._literal = True
        elif key == "\t":
            self._complete()
        elif key == "?":
            words = "\n".join(f"  {word}" for word in self._session.help(self._line))
            self._write("?\r\n" + _crlf(f"{words}\n\n") + self._session.prompt + self._line)
        return False

    def _take(self) -> str:
        line, self._line = self._line, ""
        return line

    def _erase(self, count: int) -> None:
        count = min(count, len(self._line))
        self._line = self._line[: len(self._line) - count]
        if self._session.echo:
            self._write("\b \b" * count)

    def _complete(self) -> None:
        words = self._session.help(self._line) if self._line.strip() else []
        last = self._line.rpartition(" ")[2]
        if len(words) == 1 and last:
            self._type(words[0][len(last) :] + " ")

    def _run(self, line: str, run: Callable[[str], str], mark: str = "") -> None:
        self._write(mark + "\r\n")
        self._busy = True
        output = run(line)
        self._busy = False
        lines = output.splitlines(keepends=True)
        if self._session.length and len(lines) > self._session.length:
            self._pending = lines
            self._show(self._session.length - 1)
        else:
            self._write(_crlf(output))
            self._prompt()

    def _prompt(self) -> None:
        if not self._session.closed:
            self._write(self._session.prompt)

    def _show(self, count: int) -> None:
        shown, self._pending = self._pending[:count], self._pending[count:]
        self._write(_crlf("".join(shown)))
        if self._pending:
            self._write(MORE)
        else:
            self._prompt()

    def _page(self, key: str) -> None:
        self._write("\b" * len(MORE) + " " * len(MORE) + "\b" * len(MORE))
        if key == " ":
            self._show(self._session.length - 1)
        elif key in "\r\n":
            self._show(1)
        else:
            self._pending = []
            self._prompt()

    def _notify(self, text: str) -> None:
        # In the middle of a line that runs, the prompt is still to come.
        again = "" if self._busy else self._session.prompt + (self._line if self._session.echo else "")
        self._write("\r\n" + _crlf(text) + again)


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


class _Channel(asyncssh.SSHServerSession[str]):
    """The terminal of one SSH session, or one command without a terminal."""

    def __init__(self, session: Session, settle: Callable[[], None], slow: float) -> None:
        self._session = session
        self._settle = settle
        self._slow = slow
        self._output: list[str] = []
        self._command: str | None = None
        self._input: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        """The channel is open."""
        self._chan = chan

    def pty_requested(self, *_: Any) -> bool:
        """Any terminal does."""
        return True

    def shell_requested(self) -> bool:
        """Interactive use."""
        return True

    def exec_requested(self, command: str) -> bool:
        """One command and out."""
        self._command = command
        return True

    def session_started(self) -> None:
        """The client is ready."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: str, _: Any) -> None:
        """The user typed."""
        self._input.put_nowait(data)

    def connection_lost(self, _: Exception | None) -> None:
        """The user is gone: what was not run yet never will be."""
        if self._task is not None:
            self._task.cancel()
        self._session.close()

    async def _serve(self) -> None:
        # A peer that goes while it is written to is reported by connection_lost.
        with contextlib.suppress(BrokenPipeError):
            if self._command is not None:
                self._write(_crlf(self._session.line(self._command)))
            else:
                await self._talk()
            self._flush()
            self._chan.exit(0)

    async def _talk(self) -> None:
        terminal = Terminal(self._session, self._write)
        terminal.start()
        lines = 0
        while not self._session.closed:
            for _ in terminal.feed(await self._input.get()):
                lines += 1
                if self._slow or lines % BATCH == 0:
                    self._flush()
                    await asyncio.sleep(self._slow)

    def _write(self, text: str) -> None:
        if not self._output:
            asyncio.get_running_loop().call_soon(self._flush)
        self._output.append(text)

    def _flush(self) -> None:
        """Show what there is to be shown, once the device is as it says."""
        self._settle()
        text = "".join(self._output)
        self._output.clear()
        if text and not self._chan.is_closing():
            self._chan.write(text)


class _Server(asyncssh.SSHServer):
    """Who may log in, and to what."""

    def __init__(self, device: Device, users: Mapping[str, Mapping[str, Any]], settle: Callable[[], None], slow: float) -> None:
        self._device, self._users, self._settle, self._slow = device, users, settle, slow

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client is there."""
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        """Nobody comes in without."""
        self._user = username
        return True

    def password_auth_supported(self) -> bool:
        """Passwords, and keyboard-interactive for clients that prefer it."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Is this the user's password."""
        return username in self._users and self._users[username]["password"] == password

    def session_requested(self) -> _Channel:
        """One more session on this connection."""
        local, peer = (self._conn.get_extra_info(name)[:2] for name in ("sockname", "peername"))
        privilege = int(self._users[self._user].get("privilege", 1))
        return _Channel(self._device.session(self._user, privilege, local[0], peer), self._settle, self._slow)


async def serve(
    device: Device,
    *,
    listen: Sequence[str],
    port: int,
    users: Mapping[str, Mapping[str, Any]],
    key: asyncssh.SSHKey,
    settle: Callable[[], None] = lambda: None,
    slow: float = 0.0,
) -> list[asyncssh.SSHAcceptor]:
    """Listen on each address; port 0 is any free one.

    `users` are `{name: {"password": ..., "privilege": 0-15}}`. `settle` is called before a user sees what a line did:
    after it, or after some lines that came together, at most `BATCH`.
    """
    return [
        await asyncssh.create_server(
            lambda: _Server(device, users, settle, slow),
            address,
            port,
            server_host_keys=[key],
            line_editor=False,
            encoding="utf-8",
        )
        for address in listen
    ]
