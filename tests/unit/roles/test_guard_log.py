# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guard follows the mail log. It speaks with Redis in the scenario of the relay, whose hosts have its library."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "submission_relay" / "files"


@pytest.fixture(scope="module")
def guard():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILES))
        patch.setitem(sys.modules, "redis", types.ModuleType("redis"))
        spec = importlib.util.spec_from_file_location("guard", FILES / "guard.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.log"


class Redis:
    """One that knows a login that sent from 300 networks within an hour, as often as anybody may."""

    def pipeline(self, **_options):
        return self

    def zremrangebyscore(self, *_words):
        """What the guard asks for, in the order of the answers."""

    zcard = hgetall = get = hdel = zremrangebyscore

    def execute(self):
        return [0, 300, {}, None]


def test_a_login_from_every_pool_is_suspended_unless_it_is_the_check_of_the_rollout(guard):
    suspended = []
    store = types.SimpleNamespace(
        redis=Redis(),
        suspend=lambda login, why: suspended.append((login, why)),
        config={
            "relay": "msa1.example.net",
            "check": "probe@ccsnet.ne.jp",
            "home_servers": [],
            "hour": {"customer": 300, "home_server": 2000},
            "stolen": {"networks": 10, "volume": 10, "bounces": 30},
        },
    )
    counter = guard.Counter(store)
    for login in ("probe@ccsnet.ne.jp", "taro@ccsnet.ne.jp"):
        counter._judge(login, {1_800_000_000.0})
    assert suspended == [("taro@ccsnet.ne.jp", "mail came from 300 networks within an hour")]


def test_where_nothing_is_new_there_is_nothing_to_do(guard, path):
    log = guard.Log(str(path), None)
    assert log.read() == []
    path.write_text("one\ntwo\n")
    assert log.read() == ["one", "two"]
    assert log.read() == []


def test_it_begins_at_the_end_and_waits_for_the_end_of_a_line(guard, path):
    path.write_text("old\n")
    log = guard.Log(str(path), None)
    with path.open("a") as file:
        file.write("a line\nhalf")
        file.flush()
        assert log.read() == ["a line"]
        assert log.read() == []
        file.write(" and whole\n")
    assert log.read() == ["half and whole"]


def test_only_a_newline_ends_a_line(guard, path):
    """What else Python takes for one may stand in an address, and could be followed by what looks like a line of Postfix."""
    path.write_text("old\n")
    log = guard.Log(str(path), None)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write("one\u2028two\x0bthree\rfour\n")
    assert log.read() == ["one\u2028two\x0bthree\rfour"]


def test_a_rotation_and_a_restart_lose_and_repeat_nothing(guard, path):
    path.write_text("first\n")
    log = guard.Log(str(path), None)
    with path.open("a") as file:
        file.write("second\n")
    assert log.read() == ["second"]
    kept = log.position()
    with path.open("a") as file:
        file.write("third\n")
    path.rename(f"{path}.1")
    path.write_text("fourth\n")
    again = guard.Log(str(path), kept)
    for one in (log, again):
        assert [line for turn in range(3) for line in one.read()] == ["third", "fourth"]
