# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed by ansible-playbook: the same in the checkout, outside of it, and on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.action import show
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.tables import Column, Row, Table

from tests.screens import FILES, SCREENS, WIDTHS, matrix_wrong

ROOT = Path(__file__).resolve().parents[4]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
MANY = 3000


def task(name, **options):
    keywords = {key: options.pop(key) for key in ("run_once", "loop", "ignore_errors", "no_log", "register") if key in options}
    return {"name": name, "ccsnet.op25b.show": options, **keywords}


@pytest.fixture
def write(tmp_path):
    """Write a playbook into an empty folder; its name."""

    def make(*tasks, before=(), **play):
        whole = {"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **play}
        (tmp_path / "show.yml").write_text(json.dumps([*before, whole]), encoding="utf-8")
        return str(tmp_path / "show.yml")

    return make


def checkout(*argv, **more):
    given = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    given |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **more}
    return subprocess.run(
        [str(PLAYBOOK), *argv],
        cwd=ROOT,
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def printed(output):
    """What each task printed above its result, by the task's name."""
    found = re.findall(r"^TASK \[(.*?)\] \**\n(.*?)^(?:ok|fatal|\[ERROR\])", output, re.MULTILINE | re.DOTALL)
    return dict(found)


def test_outside_of_the_checkout_and_without_a_configuration_every_screen_is_the_same(installed, write, tmp_path):
    book = write(*(task(name, table=[each.as_data() for each in make()]) for name, make in SCREENS.items()))
    for width in WIDTHS:
        outside = installed.run("ansible-playbook", book, cwd=tmp_path, COLUMNS=str(width))
        inside = checkout(book, COLUMNS=str(width))
        assert (outside.returncode, inside.returncode) == (0, 0), outside.stdout + outside.stderr + inside.stdout
        wanted = {name: (FILES / f"{name}.{width}.txt").read_text(encoding="utf-8") + "\n" for name in SCREENS}
        assert printed(outside.stdout) == wanted
        assert outside.stdout == inside.stdout
        assert outside.stdout.count("ok: [localhost]\n") == len(SCREENS)


def on_a_terminal(book, columns, **more):
    """What a terminal of so many columns gets to see."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    given |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "TERM": "xterm", **more}
    with subprocess.Popen([str(PLAYBOOK), book], cwd=ROOT, env=given, stdin=subprocess.DEVNULL, stdout=follower) as process:
        os.close(follower)
        found = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            found += part
    os.close(leader)
    assert process.returncode == 0
    return found.decode().replace("\r\n", "\n")


def test_a_terminal_s_width_and_colours_are_used_unless_somebody_wants_none(write):
    book = write(task("matrix_wrong", table=matrix_wrong().as_data()))
    wide = (FILES / "matrix_wrong.120.txt").read_text(encoding="utf-8")
    shown = on_a_terminal(book, 120)
    assert "\x1b[0;31mWRONG\x1b[0m" in shown
    assert wide in re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert (FILES / "matrix_wrong.80.txt").read_text(encoding="utf-8") in on_a_terminal(book, 120, COLUMNS="80", NO_COLOR="1")


def test_without_a_terminal_there_are_eighty_columns_and_colours_only_where_they_are_forced(write):
    book = write(task("matrix_wrong", table=matrix_wrong().as_data(), text="3 NO-GO"))
    narrow = (FILES / "matrix_wrong.80.txt").read_text(encoding="utf-8") + "\n3 NO-GO\n\n"
    assert printed(checkout(book, COLUMNS="wide").stdout) == {"matrix_wrong": narrow}
    coloured = checkout(book, ANSIBLE_FORCE_COLOR="1").stdout
    assert {"\x1b[0;31mWRONG\x1b[0m", "\x1b[0;31m3 NO-GO\x1b[0m"} <= set(re.findall(r"\x1b\[0;31m[^\x1b]*\x1b\[0m", coloured))


def test_each_way_of_running_a_task_prints_once_what_it_has_to_say(write):
    given = {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "cisco.ios.ios"}
    tasks = [
        task("once", text="once", run_once=True),
        task("in a loop", text="- {{ item }}", loop=["a", "b"], run_once=True),
        task("hidden", text="a secret", no_log=True, run_once=True),
        task("nothing", table=[], text="", fail="", run_once=True),
        task("fails", text="the verdict", fail="NO-GO, it is not as expected", run_once=True),
    ]
    everywhere = {"hosts": "all", "gather_facts": False, "vars": given, "strategy": "free"}
    free = {**everywhere, "tasks": [task("each", text="of {{ inventory_hostname }}")]}
    book = write(*tasks, before=[free], hosts="all", vars=given)
    once = ("of e1.invalid", "of e2.invalid", "once", "- a", "- b", "the verdict")
    # What Ansible hides is told with -v alone.
    for option, ends in (("--check", 4), ("-v", 3)):
        done = checkout("-i", "e1.invalid,e2.invalid,", book, option, ANSIBLE_CALLBACK_RESULT_FORMAT="json")
        assert done.returncode == 2, done.stdout
        lines = done.stdout.splitlines()
        assert {each: lines.count(each) for each in once} == dict.fromkeys(once, 1)
        assert lines.count("ok: [e1.invalid]") == ends
        assert "a secret" not in done.stdout
        assert 'fatal: [e1.invalid]: FAILED! => {"changed": false, "msg": "NO-GO, it is not as expected"}' in lines


def test_where_nothing_is_shown_there_is_nothing_to_fail_for(write):
    gate = "{{ {} | ccsnet.op25b.outcome('pilot', problems, 'site', [], gate=true) }}"
    open_, shut = (task(name, table=gate, fail="NO-GO, wave pilot") for name in ("open", "shut"))
    done = checkout(write({**open_, "vars": {"problems": []}}, {**shut, "vars": {"problems": ["it is too early"]}}))
    assert done.returncode == 2, done.stdout
    assert printed(done.stdout)["open"] == ""
    assert "- it is too early" in printed(done.stdout)["shut"]


def test_a_callback_for_programs_gets_json_alone_with_a_small_result_and_people_all_of_it(write):
    many = Table((Column("edge"),), tuple(Row((f"edge-{at:05} " + "x" * 60,)) for at in range(MANY)), ("all of them",))
    text = ["more", {"text": "said", "mark": "bad"}]
    book = write(task("small", table=matrix_wrong().as_data(), text=text), task("large", table=many.as_data()))
    done = checkout(book, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
    small, large = (each["hosts"]["localhost"] for each in json.loads(done.stdout)["plays"][0]["tasks"])
    assert "\n".join([*small["text"], ""]) == (FILES / "matrix_wrong.80.txt").read_text(encoding="utf-8") + "\nmore\nsaid\n\n"
    assert small["left_out"] == 0
    assert len(json.dumps(large)) < 50_000
    assert large["left_out"] == MANY + 5 - len(large["text"]) > 0
    assert (large["text"][0], large["text"][-2:]) == ("edge", ["all of them", ""])
    assert done.stderr.count(" xxx") == MANY


def test_what_awx_would_cut_off_is_printed_in_pieces(monkeypatch):
    pieces = []
    monkeypatch.setattr(show.Display, "display", lambda _self, text, **_more: pieces.append(text))
    lines = [f"line {at}" if at % 3 else "" for at in range(1000)]
    show._display(lines)
    assert max(len(piece.replace("\n", "\r\n")) for piece in pieces) < 1024
    assert not any(piece.endswith("\n\n") for piece in pieces[:-1])
    # As the display does: one newline from the end goes, and one comes.
    assert "".join(piece.removesuffix("\n") + "\n" for piece in pieces) == "".join(f"{line}\n" for line in lines)


def test_a_result_has_the_beginning_and_the_end_of_what_is_too_long():
    lines = [f"{at:05} " + "漢" * 10 for at in range(5000)]
    found = show._bounded(lines)
    assert len(json.dumps(found)) < 50_000
    assert (found["text"][0], found["text"][-1]) == (lines[0], lines[-1])
    assert len(found["text"]) + found["left_out"] == len(lines)
    assert show._bounded(lines[:9]) == {"text": lines[:9], "left_out": 0}
    assert show._bounded([]) == {"text": [], "left_out": 0}
    assert show._bounded(["x" * 90_000]) == {"text": [], "left_out": 1}


def test_what_is_no_table_is_refused_in_a_sentence(write):
    done = checkout(write(task("wrong", table="edge pool\n---")))
    assert done.returncode == 2
    assert "table: this is no table; write what a filter such as ccsnet.op25b.plan returns." in done.stdout
