# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file: what several runs do with it at once, and what a killed one leaves."""

from __future__ import annotations

import getpass
import json
import multiprocessing
import os
import re
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.action import journal as action
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal

ROOT = Path(__file__).resolve().parents[4]
FORK = multiprocessing.get_context("fork")
MANY, TIMES = 8, 60


def record(name, number=0):
    run = {"at": "2019-03-04T01:02:03Z", "run": f"noc:{number}:1", "operator": "taro", "playbook": "rollout"}
    return {**run, "kind": "wave", "wave": name, "outcome": "confirmed", "reason": "x" * 3000}


def append_many(path, number):
    for at in range(TIMES):
        action._append(path, "".join(journal.line(record(f"{at}.{part}", number)) for part in range(3)).encode())


def tear_many(path):
    for _at in range(TIMES):
        # As a killed run leaves it: the middle of a record, and the lock is gone.
        with path.open("ab") as file:
            action.fcntl.flock(file, action.fcntl.LOCK_EX)
            file.write(journal.line(record("torn")).encode()[:1000])
        time.sleep(0.001)


def test_many_processes_append_and_no_line_is_lost_or_torn_by_another(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.touch()
    working = [FORK.Process(target=append_many, args=(path, number)) for number in range(MANY)]
    working.append(FORK.Process(target=tear_many, args=(path,)))
    for each in working:
        each.start()
    for each in working:
        each.join(60)
        assert each.exitcode == 0
    records, warnings = journal.read(path.read_text(encoding="utf-8"))
    for number in range(MANY):
        mine = [each["wave"] for each in records if each["run"] == f"noc:{number}:1"]
        assert mine == [f"{at}.{part}" for at in range(TIMES) for part in range(3)]
    assert len(records) == MANY * TIMES * 3
    # Torn ones in a row are one broken line.
    assert 1 <= len(warnings) <= TIMES


def test_the_file_is_for_its_operator_alone_and_so_are_directories_made_for_it(tmp_path):
    path = tmp_path / "state" / "op25b" / "journal.jsonl"
    action._append(path, b"")
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_full_disk_leaves_no_half_of_a_record(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    action._append(path, b"1\n")
    write = os.write

    def half(file, data):
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return write(file, data[:4])

    with monkeypatch.context() as patch:
        patch.setattr(action.os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            action._append(path, b"234567\n")
    assert path.read_bytes() == b"1\n"


def test_a_run_is_alive_while_this_very_process_is_there():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run = action._run(process.pid)
        assert re.fullmatch(rf"{re.escape(socket.gethostname())}:{process.pid}:\d+", run)
        assert action._alive(run) is True
        # Another process with the same number.
        assert action._alive(run[:-1] + str((int(run[-1]) + 1) % 10)) is False
        assert action._alive(f"elsewhere:{process.pid}:1") is None
        process.communicate(b"\n")
    assert action._alive(run) is False


@pytest.fixture
def task(tmp_path):
    """Run tasks of the module in one play on a host that does not answer; its results."""

    def run(*tasks, **more):
        play = {"hosts": "all", "gather_facts": False, "tasks": [{"ccsnet.op25b.journal": each} for each in tasks]}
        (tmp_path / "rehearsal.yml").write_text(json.dumps([play]), encoding="utf-8")
        variables = {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "cisco.ios.ios", **more}
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("-i", "nobody.invalid,", "-e", json.dumps(variables), str(tmp_path / "rehearsal.yml")),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        found = json.loads(done.stdout[done.stdout.index("{\n") :])
        return [each["hosts"]["nobody.invalid"] for each in found["plays"][0]["tasks"]]

    return run


def test_a_task_writes_on_the_controller_who_ran_what(task, tmp_path):
    path = tmp_path / "journal.jsonl"
    line = {key: record("pilot")[key] for key in ("kind", "wave", "outcome", "reason")}
    wrote, same, found = task({"path": path.as_posix(), "records": [line]}, {"path": path.as_posix(), "records": []}, {
        "path": path.as_posix(),
        "state": "gathered",
    }, awx_user_name="hanako")  # fmt: skip
    assert wrote["changed"] is True
    assert same["changed"] is found["changed"] is False
    (written,) = found["records"]
    assert written == {**line, **{key: written[key] for key in ("at", "run")}, "operator": "hanako", "playbook": "rehearsal"}
    assert action._alive(written["run"]) is False
    assert json.loads(path.read_text(encoding="utf-8"))["run"] == written["run"]
    (_wrote,) = task({"path": path.as_posix(), "records": [line]})
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["operator"] == getpass.getuser()


def test_a_run_knows_what_it_left_armed_itself(task, tmp_path):
    place = {"wave": "pilot", "edge": "e1", "pool": "east_ftth", "class": "any", "before": "pass", "after": "block"}
    armed = {"kind": "step", **place, "outcome": "armed", "change": "c1"}
    path = (tmp_path / "journal.jsonl").as_posix()
    _wrote, found = task({"path": path, "records": [armed]}, {"path": path, "state": "gathered"})
    (mine,) = found["open"]
    assert mine == {"edge": "e1", "change": "c1", "run": found["records"][0]["run"], "alive": True}
    (later,) = task({"path": path, "state": "gathered"})
    assert later["open"] == [{**mine, "alive": False}]


def test_what_cannot_be_written_is_one_sentence_and_a_wrong_record_writes_none(task, tmp_path):
    (tmp_path / "file").touch()
    line = {key: record("pilot")[key] for key in ("kind", "wave", "outcome", "reason")}
    (refused,) = task({"path": f"{tmp_path}/file/journal.jsonl", "records": []})
    assert refused["msg"].startswith(f"journal: {tmp_path}/file/journal.jsonl cannot be written: Not a directory; mend that, or")
    (wrong,) = task({"path": f"{tmp_path}/j", "records": [line, {**line, "outcome": "done"}]})
    assert wrong["msg"].startswith("journal: outcome: 'done' is unknown")
    assert not (tmp_path / "j").exists()
