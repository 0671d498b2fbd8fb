# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file and the identity of a run: what several runs do at once, and what a killed one leaves."""

from __future__ import annotations

import contextlib
import getpass
import json
import multiprocessing
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.module_utils import journal_file
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import journal, run
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import runs

ROOT = Path(__file__).resolve().parents[4]
FORK = multiprocessing.get_context("fork")
MANY, TIMES = 8, 60
WAVE = {"kind": "wave", "wave": "pilot", "outcome": "confirmed", "reason": ""}
PLACE = {"wave": "pilot", "edge": "e1", "pool": "east_ftth", "class": "any", "before": "pass", "after": "block"}
ARMED = {"kind": "step", **PLACE, "outcome": "armed", "change": "c1"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Where runs keep their locks, and the journal its default."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def record(name, number=0):
    made_by = {"at": "2019-03-04T01:02:03Z", "run": f"noc:{number}:1", "operator": "taro", "playbook": "rollout"}
    return {**made_by, "kind": "wave", "wave": name, "outcome": "confirmed", "reason": "x" * 3000}


def append_many(path, number):
    for at in range(TIMES):
        journal_file.append(str(path), "".join(journal.line(record(f"{at}.{part}", number)) for part in range(3)).encode())


def tear_many(path):
    for _at in range(TIMES):
        # As a killed run leaves it: the middle of a record, and the lock is gone.
        with path.open("ab") as file:
            journal_file.fcntl.flock(file, journal_file.fcntl.LOCK_EX)
            file.write(journal.line(record("torn")).encode()[:1000])
        time.sleep(0.001)


# -- the file ---------------------------------------------------------------------------------------------------------------


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
    assert journal_file.append(str(path), b"") is None
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert journal_file.append(str(path), b"1\n") == 0
    assert journal_file.append(str(path), b"2\n") == 2
    assert journal_file.read(str(path)) == b"1\n2\n"


def test_a_full_disk_leaves_no_half_of_a_record(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    journal_file.append(str(path), b"1\n")
    write = os.write

    def half(file, data):
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return write(file, data[:4])

    with monkeypatch.context() as patch:
        patch.setattr(journal_file.os, "write", half)
        with pytest.raises(OSError, match="No space left") as raised:
            journal_file.append(str(path), b"234567\n")
    assert raised.value.filename == str(path)
    assert path.read_bytes() == b"1\n"


def test_a_disk_that_keeps_something_else_is_found_out(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(journal_file.os, "write", lambda file, data: write(file, b"?" * len(data)))
        with pytest.raises(OSError, match="what is there is not what was written"):
            journal_file.append(str(path), b"1\n")
    assert path.read_bytes() == b""


# -- the identity of a run ----------------------------------------------------------------------------------------------------


class Runs:
    """Processes that begin as ansible-playbook does: with the module loaded, they fork a worker."""

    PROGRAM = (
        "import os, sys, time\n"
        "from ansible_collections.ccsnet.op25b.plugins.plugin_utils.glue import runs\n"
        "worker = os.fork()\n"
        "if not worker:\n"
        "    time.sleep(float(sys.argv[1])); os._exit(0)\n"
        "print(runs.this({}).token, worker, flush=True)\n"
        "time.sleep(60)\n"
    )

    def start(self, seconds):
        """One whose worker lasts so many seconds: the process, its token and its worker."""
        process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, str(seconds)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
            stdout=subprocess.PIPE,
            text=True,
        )
        token, worker = process.stdout.readline().split()
        return process, token, int(worker)


@pytest.fixture
def begun():
    """Begin a run as Runs.start does; in the end none of them is there."""
    processes = []

    def begin(seconds):
        found = Runs().start(seconds)
        processes.append(found)
        return found

    yield begin
    for process, _token, worker in processes:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def gone(token, seconds=5):
    """Whether the run is proved to be gone in time."""
    end = time.monotonic() + seconds
    while runs.alive(token) and time.monotonic() < end:
        time.sleep(0.05)
    return runs.alive(token) is False


def test_a_run_is_alive_until_it_and_the_last_of_its_workers_are_gone_however_they_end(begun):
    process, token, worker = begun(60)
    assert runs.alive(token) is True
    process.kill()
    process.wait()
    # The worker may be sending lines to a router yet.
    assert runs.alive(token) is True
    os.kill(worker, signal.SIGKILL)
    assert gone(token)


def test_where_the_lock_proves_nothing_nothing_is_known(begun, home):
    process, token, _worker = begun(0)
    process.kill()
    process.wait()
    assert gone(token)
    file = home / ".local/state/ccsnet.op25b/runs" / token
    told = json.loads(file.read_text(encoding="ascii"))
    # Another kernel, or another mount of the same share: there, locks are their own.
    for key, value in (("boot", "another"), ("device", 1)):
        file.write_text(json.dumps({**told, key: value}), encoding="ascii")
        assert runs.alive(token) is None
    file.write_text("", encoding="ascii")
    assert runs.alive(token) is None
    # Another container.
    file.unlink()
    assert runs.alive(token) is None
    assert runs.alive("") is runs.alive(run.new_token()) is None


def test_a_run_that_cannot_keep_a_lock_runs_all_the_same_and_is_never_called_gone(begun, home):
    home.write_text("no directory", encoding="ascii")
    process, token, _worker = begun(0)
    process.kill()
    process.wait()
    assert runs.alive(token) is None


def test_what_runs_leave_is_removed_after_days_unless_they_are_there_yet(begun, home):
    (dead, old, _w), (living, lasting, _x), (other, young, _y) = begun(0), begun(0), begun(0)
    for each in (dead, other):
        each.kill()
        each.wait()
    directory = home / ".local/state/ccsnet.op25b/runs"
    for token in (old, lasting):
        os.utime(directory / token, (0, 0))
    assert gone(old)
    _process, new, _worker = begun(0)
    assert {each.name for each in directory.iterdir()} == {lasting, young, new}
    assert living.poll() is None


def test_who_runs_is_said_even_where_the_number_of_a_user_has_no_name(monkeypatch):
    assert runs.operator({"awx_user_name": "hanako"}) == runs.operator({"tower_user_name": "hanako"}) == "hanako"
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 123456)
    assert runs.operator({}) == "uid 123456"


# -- the task -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def playbook(tmp_path):
    """Run a playbook with a callback; what it printed."""

    def start(plays, *options, callback="ansible.posix.json", hosts="nobody.invalid,", **more):
        (tmp_path / "rehearsal.yml").write_text(json.dumps([{"gather_facts": False, **each} for each in plays]), encoding="utf-8")
        words = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", hosts, "-e", json.dumps(more)]
        done = subprocess.run(
            [*words, str(tmp_path / "rehearsal.yml"), *options],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": callback},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        return done.stdout + done.stderr

    return start


@pytest.fixture
def task(playbook):
    """Run tasks in one play, whatever becomes of each, on a host that does not answer; their results, or messages.

    The machine of the tests may be a container itself.
    """

    def start(*tasks, options=(), volatile=True, **more):
        whole = [each if "ccsnet.op25b.journal" in each else {"ccsnet.op25b.journal": each} for each in tasks]
        plays = [{"hosts": "all", "ignore_errors": True, "tasks": whole, "vars": {"op25b_volatile": volatile}}]
        printed = playbook(plays, *options, **more)
        assert "{\n" in printed, printed
        (play,) = json.loads(printed[printed.index("{\n") : printed.rindex("}") + 1])["plays"]
        return [each["hosts"]["nobody.invalid"] for each in play["tasks"]]

    return start


ROUTER = {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "cisco.ios.ios"}


def test_a_task_writes_on_the_controller_who_ran_what(task, tmp_path):
    path = str(tmp_path / "journal.jsonl")
    wrote, same, found = task(
        {"path": path, "records": [WAVE]},
        {"path": path, "records": []},
        {"path": path, "state": "gathered"},
        awx_user_name="hanako",
        awx_job_id=4711,
        **ROUTER,
    )
    assert wrote["changed"] is wrote["missing"] is True
    assert same["changed"] is found["changed"] is same["missing"] is found["missing"] is False
    (written,) = found["records"]
    assert written == {**WAVE, **{key: written[key] for key in ("at", "run")}, "operator": "hanako", "playbook": "rehearsal"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/[a-z2-9]{10}/job-4711", written["run"])
    assert runs.alive(run.token_in(written["run"])) is False


def test_every_worker_of_a_run_has_its_name_and_no_other_run_has(playbook, tmp_path):
    path = str(tmp_path / "journal.jsonl")
    writes = {"ccsnet.op25b.journal": {"path": path, "records": [WAVE]}}
    (tmp_path / "more.yml").write_text(json.dumps([writes]), encoding="utf-8")
    tasks = [
        {"ansible.builtin.include_tasks": "more.yml"},
        {**writes, "delegate_to": "localhost"},
        {**writes, "loop": [1, 2]},
        {**writes, "changed_when": True, "notify": "write"},
    ]
    plays = [
        {"hosts": "all", "strategy": strategy, "tasks": tasks, "handlers": [{"name": "write", **writes}]}
        for strategy in ("linear", "free", "host_pinned")
    ]
    for _at in range(2):
        playbook(plays, hosts="a,b,c,", op25b_volatile=True)
    records, warnings = journal.read(Path(path).read_text(encoding="utf-8"))
    each_run = 3 * 3 * 6
    assert (len(records), warnings) == (2 * each_run, [])
    first, second = {each["run"] for each in records[:each_run]}, {each["run"] for each in records[each_run:]}
    assert len(first) == len(second) == 1
    assert first != second
    assert {each["operator"] for each in records} == {getpass.getuser()}


def test_a_run_knows_what_it_left_armed_itself(task, tmp_path):
    path = str(tmp_path / "journal.jsonl")
    _wrote, found = task({"path": path, "records": [ARMED]}, {"path": path, "state": "gathered"})
    (mine,) = found["open"]
    assert mine == {"edge": "e1", "change": "c1", "run": found["records"][0]["run"], "alive": True}
    (later,) = task({"path": path, "state": "gathered"})
    assert later["open"] == [{**mine, "alive": False}]


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_what_cannot_be_written_is_one_sentence_and_a_wrong_record_writes_none(task, tmp_path, options):
    (tmp_path / "file").touch()
    refused, directory, wrong = task(
        {"path": f"{tmp_path}/file/journal.jsonl", "records": []},
        {"path": str(tmp_path), "records": []},
        {"path": f"{tmp_path}/j", "records": [WAVE, {**WAVE, "outcome": "done"}]},
        options=options,
    )
    assert refused["msg"].startswith(f"journal: {tmp_path}/file/journal.jsonl cannot be written: Not a directory; mend that, or")
    assert directory["msg"].startswith(f"journal: {tmp_path} cannot be written: Is a directory; mend that, or")
    assert wrong["msg"].startswith("journal: outcome: 'done' is unknown")
    assert not (tmp_path / "j").exists()


def test_in_check_mode_records_are_checked_and_nothing_is_written(task, tmp_path):
    wrote, found = task(
        {"path": f"{tmp_path}/new/j", "records": [WAVE]}, {"path": f"{tmp_path}/new/j", "state": "gathered"}, options=("--check",)
    )
    assert (wrote["changed"], wrote["missing"], found["missing"]) == (True, True, True)
    assert not (tmp_path / "new").exists()


def test_what_ansible_made_of_answers_stops_no_run_and_a_blank_path_is_the_default(task, home):
    records = [{**ARMED, "reason": None}, {**ARMED, "reason": 4711, "unproved": "OP-31"}]
    *wrote, found = task(*({"path": blank, "records": records} for blank in (None, "", "  ")), {"state": "gathered"})
    assert {each["path"] for each in (*wrote, found)} == {str(home / ".local/state/ccsnet.op25b/journal.jsonl")}
    assert [(each["reason"], each["unproved"]) for each in found["records"]] == [("", ""), ("4711", "OP-31")] * 3


def test_a_journal_that_is_lost_and_one_that_is_cut_off_reach_the_person(task, playbook, tmp_path):
    lost, cut = tmp_path / "lost.jsonl", tmp_path / "cut.jsonl"
    cut.write_text(journal.line(record("pilot")) + '{"at": "2019', encoding="utf-8")
    tasks = [{"path": str(path), "state": "gathered"} for path in (lost, cut)]
    first, second = task(*tasks)
    words = [
        f"journal: there is nothing in {lost}; if a run has written into it before, look where op25b_journal and",
        "journal: line 2, the last one, is left out: a run was killed while it wrote it.",
    ]
    assert (first["missing"], first["records"], first["broken"]) == (True, [], [])
    assert (second["missing"], len(second["records"]), second["broken"]) == (False, 1, words[1:])
    plays = [{"hosts": "all", "tasks": [{"ccsnet.op25b.journal": each} for each in tasks]}]
    shown = " ".join(playbook(plays, callback="ansible.builtin.default", op25b_volatile=True).split())
    for each in words:
        assert f"[WARNING]: {each}" in shown


# -- in a container -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_journal_that_goes_with_its_container_is_refused_before_anything(task, home, options):
    # AWX's number says that this is a container, whose is the root file system.
    *refused, wrote = task(
        {"records": []},
        {"state": "gathered"},
        {"records": [ARMED]},
        {"ccsnet.op25b.journal": {"records": []}, "vars": {"op25b_volatile": "{{ 'yes' }}"}},
        options=options,
        volatile=None,
        awx_job_id="4711",
    )
    for each in refused:
        assert re.match(
            rf"journal: {home}/.local/state/ccsnet.op25b/journal.jsonl goes with the container of AWX job 4711, as it is on .*; "
            "name a host of the inventory that keeps it in op25b_journal_host, or name a path on a volume that stays",
            each["msg"],
        )
    assert wrote["changed"] is True


def test_other_files_that_go_with_the_container_are_refused_by_name(playbook, tmp_path):
    paths = {"notice_directory": "", "op25b_report": str(tmp_path / "report.html"), "op25b_contacts": None}
    look = {"ccsnet.op25b.controller_files": {"paths": paths}}
    blank = {"ccsnet.op25b.controller_files": {"paths": {**paths, "op25b_report": " "}}}
    tasks = [blank, {**look, "vars": {"op25b_volatile": True}}, look]
    printed = playbook([{"hosts": "all", "tasks": tasks}], callback="ansible.builtin.default", awx_job_id=4711)
    assert "ok=2 " in printed, printed
    assert f"op25b_report: {tmp_path}/report.html goes with the container of AWX job 4711, as it is on " in " ".join(
        printed.split()
    )


# -- on a host of the inventory -----------------------------------------------------------------------------------------------


def test_a_host_that_cannot_keep_it_is_refused_by_name(playbook, tmp_path):
    keepers = {
        "keeper": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "router": ROUTER,
        "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    }
    made = [{"ansible.builtin.add_host": {"name": name, **variables}} for name, variables in keepers.items()]
    step = {"ccsnet.op25b.journal": {"path": str(tmp_path / "j"), "records": []}, "ignore_errors": True}
    tasks = [*made, *({**step, "delegate_to": name} for name in ("keper", "router", "keeper", "here"))]
    printed = playbook([{"hosts": "all", "tasks": tasks}], awx_job_id=4711)
    (play,) = json.loads(printed[printed.index("{\n") : printed.rindex("}") + 1])["plays"]
    unknown, router, dead, here = (each["hosts"]["nobody.invalid"]["msg"] for each in play["tasks"][-4:])
    assert unknown.startswith("op25b_journal_host: 'keper' is no host of the inventory. Did you mean keeper? Known here: ")
    assert router == (
        "op25b_journal_host: 'router' is reached by ansible.netcommon.network_cli, which runs no program; name a host with a "
        "shell and Python."
    )
    assert re.match(
        rf"journal: {tmp_path}/j on keeper cannot be written: the host does not answer \(.*\); mend that, or name another file "
        "in op25b_journal, or another host in op25b_journal_host.$",
        dead,
    )
    # A host of the inventory that is this very container.
    assert here.startswith(f"journal: {tmp_path}/j goes with the container of AWX job 4711")
    assert not (tmp_path / "j").exists()


def test_no_host_is_the_controller(playbook, tmp_path):
    path = str(tmp_path / "j")
    step = {
        "ccsnet.op25b.journal": {"path": path, "records": [WAVE]},
        "delegate_to": "{{ op25b_journal_host | default(omit, true) }}",
    }
    hosts = [{}, {"op25b_journal_host": ""}, {"op25b_journal_host": None}, {"op25b_journal_host": "localhost"}]
    playbook([{"hosts": "all", "tasks": [{**step, "vars": each} for each in hosts]}], op25b_volatile=True)
    assert len(Path(path).read_text(encoding="utf-8").splitlines()) == 4
