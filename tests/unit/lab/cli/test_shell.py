# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import asyncio
import itertools

import asyncssh
import pytest

from lab.cli.shell import BATCH, MORE, Terminal, serve

ERASE = "\b" * len(MORE) + " " * len(MORE) + "\b" * len(MORE)


class Session:
    """A device that says what it was told."""

    def __init__(self, length=0):
        self.prompt, self.echo, self.length, self.closed, self.banner, self.notify = "r#", True, length, False, "", None
        self.lines = []

    def line(self, text):
        self.lines.append(text)
        if text == "exit":
            self.closed = True
        if text == "secret":
            self.echo, self.prompt = False, "Password: "
        elif not self.echo:
            self.echo, self.prompt = True, "r#"
        if text.startswith("print "):
            return "".join(f"{number}\n" for number in range(int(text.split()[1])))
        return ""

    def interrupt(self):
        self.lines.append("^C")
        return ""

    def end(self):
        self.lines.append("^Z")
        return ""

    def help(self, text):
        return [word for word in ("show", "shutdown") if word.startswith(text)]

    def close(self):
        self.closed = True
        self.lines.append("closed")


def talk(*chunks, length=0):
    session, screen = Session(length), []
    terminal = Terminal(session, screen.append)
    for chunk in chunks:
        for _part in terminal.feed(chunk):
            pass
    return session.lines, "".join(screen)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_end_of_line_is_one(end):
    lines, screen = talk(f"one{end}two{end}")
    assert lines == ["one", "two"]
    assert screen == "one\r\nr#two\r\nr#"


def test_an_end_of_line_in_two_pieces_is_one():
    assert talk("one\r", "\ntwo\r", "\n")[0] == ["one", "two"]


def test_keys_that_edit():
    assert talk("onx\x7fe\r")[0] == ["one"]
    assert talk("one\x08\x08\x08\x08two\r") == (["two"], "one" + "\b \b" * 3 + "two\r\nr#")
    assert talk("one two\x15three\r")[0] == ["three"]
    assert talk("one two\x17six\r")[0] == ["one six"]
    assert talk("\x1b[Aone\x1b[D\r")[0] == ["one"]


def test_control_c_forgets_the_line_and_control_z_runs_it():
    assert talk("half\x03whole\r")[0] == ["^C", "whole"]
    assert talk("shutdown\x1a")[0] == ["shutdown", "^Z"]
    assert talk("\x1a")[0] == ["^Z"]


def test_a_password_is_not_shown():
    lines, screen = talk("secret\rhush?\rshow\r")
    assert lines == ["secret", "hush?", "show"]
    assert screen == "secret\r\nPassword: \r\nr#show\r\nr#"


def test_help_and_completion():
    lines, screen = talk("sho\t\r")
    assert lines == ["show "]
    lines, screen = talk("sh?ow\r")
    assert lines == ["show"]
    assert "sh?\r\n  show\r\n  shutdown\r\n\r\nr#show" in screen
    assert talk("what\x16?\r")[0] == ["what?"]


def test_the_pager():
    _terminal, screen = talk("print 5\r", length=3)
    assert screen == f"print 5\r\n0\r\n1\r\n{MORE}"
    assert talk("print 5\r", " ", length=3)[1] == f"print 5\r\n0\r\n1\r\n{MORE}{ERASE}2\r\n3\r\n{MORE}"
    assert talk("print 5\r", "\r\n", length=3)[1] == f"print 5\r\n0\r\n1\r\n{MORE}{ERASE}2\r\n{MORE}"
    assert talk("print 5\r", "qnext\r", length=3)[1] == f"print 5\r\n0\r\n1\r\n{MORE}{ERASE}r#next\r\nr#"
    assert talk("print 3\r", length=3)[1] == "print 3\r\n0\r\n1\r\n2\r\nr#"
    assert talk("print 500\r")[1].count("\r\n") == 501


def test_what_the_device_says_by_itself():
    session, screen = Session(), []
    terminal = Terminal(session, screen.append)
    terminal.start()
    list(terminal.feed("half"))
    screen.clear()
    session.notify("news\n")
    assert "".join(screen) == "\r\nnews\r\nr#half"
    screen.clear()
    session.line = lambda text: session.notify("more\n") or "output\n"
    list(terminal.feed("\r"))
    assert "".join(screen) == "\r\n\r\nmore\r\noutput\r\nr#"


def test_nothing_after_the_exit_is_run():
    assert talk("exit\rhello\r")[0] == ["exit"]


class Device:
    def __init__(self):
        self.sessions = []

    def session(self, user, privilege=15, local=None, peer=None):
        session = Session()
        session.who = (user, privilege, local, peer[0])
        self.sessions.append(session)
        return session


USERS = {"ansible": {"password": "right", "privilege": 15}}


def over_ssh(work, slow=0.0, settle=lambda device: None, **login):
    """Run a client's coroutine against a device that listens."""
    device = Device()

    async def run():
        key = asyncssh.generate_private_key("ssh-ed25519")
        (acceptor,) = await serve(
            device, listen=["127.0.0.1"], port=0, users=USERS, key=key, settle=lambda: settle(device), slow=slow
        )
        options = {"username": "ansible", "password": "right", "known_hosts": None, "client_keys": None, "config": None, **login}
        try:
            async with asyncssh.connect("127.0.0.1", acceptor.get_port(), **options) as connection:
                await asyncio.wait_for(work(connection), 20)
        finally:
            acceptor.close()
            await acceptor.wait_closed()

    asyncio.run(run())
    return device.sessions


def test_a_paste_of_thousands_of_lines_loses_none():
    lines = [f"line {number}" for number in range(5000)]

    async def work(connection):
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("\r".join([*lines, "exit", ""]))
        screen = await process.stdout.read()
        assert screen.count("r#") == len(lines) + 1
        await process.wait()

    (session,) = over_ssh(work)
    assert session.lines == [*lines, "exit", "closed"]


def test_nobody_sees_a_prompt_before_the_device_is_as_it_says():
    settled = []

    def settle(device):
        settled.append(len(device.sessions[0].lines) if device.sessions else 0)

    async def work(connection):
        process = await connection.create_process(term_type="vt100")
        for count in range(1, 20):
            process.stdin.write("line\r")
            screen = ""
            while screen.count("r#") < 1 + (count == 1):
                screen += await process.stdout.read(1000)
            assert settled[-1] == count
        process.stdin.write("line\r" * 120 + "exit\r")
        await process.wait()

    over_ssh(work, settle=settle)
    steps = [later - earlier for earlier, later in itertools.pairwise(settled)]
    assert max(steps) == BATCH


def test_a_wrong_password_is_refused():
    async def work(connection):
        raise AssertionError

    for login in ({"password": "wrong"}, {"username": "root"}):
        with pytest.raises(asyncssh.PermissionDenied):
            over_ssh(work, **login)


def test_who_came_and_to_which_address():
    async def work(connection):
        assert (await connection.run("hello")).exit_status == 0

    (session,) = over_ssh(work)
    assert session.who == ("ansible", 15, "127.0.0.1", "127.0.0.1")
    assert session.lines == ["hello", "closed"]


def test_a_session_that_is_cut_leaves_what_was_entered():
    async def work(connection):
        process = await connection.create_process(term_type="vt100")
        process.stdin.write("one\rtwo\rhalf of a li")
        while True:
            if "half of a li" in await process.stdout.read(100):
                break
        connection.abort()
        await asyncio.sleep(0.1)

    (session,) = over_ssh(work)
    assert session.lines == ["one", "two", "closed"]


def test_two_sessions_at_once():
    async def work(connection):
        slow = await connection.create_process(term_type="vt100")
        slow.stdin.write("line\r" * 40)
        quick = await connection.create_process(term_type="vt100")
        quick.stdin.write("exit\r")
        await quick.wait()
        slow.close()

    first, second = over_ssh(work, slow=0.05)
    assert second.lines == ["exit", "closed"]
    assert len(first.lines) < 40
