# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task as `ansible` runs it, over the connection of lab hosts."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def sockets(lab: str) -> Path:
    """Where persistent connections to a lab listen: Ansible names them by its process id, which comes again, and takes what is
    left there by one that was killed for one that lives."""
    return Path(tempfile.gettempdir(), f"op25b-{lab}")


def environment(**more: str) -> dict[str, str]:
    """Tables are wide enough for all of their columns."""
    given = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "200"}
    return {**os.environ, **given, **more}


class Ansible:
    """Runs the collection's tasks on one host whose PID 1 is known."""

    def __init__(self, host: str, pid: Callable[[], int | str]) -> None:
        self.host, self.pid = host, pid

    def command(self, module: str, *options: str, **arguments: Any) -> list[str]:
        connection = {
            "ansible_connection": "community.docker.nsenter",
            "ansible_nsenter_pid": str(self.pid()),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        words = [str(BIN / "ansible"), self.host, "-i", f"{self.host},", "-e", json.dumps(connection), *options]
        return [*words, "-m", f"ccsnet.op25b.{module}", "-a", json.dumps(arguments, default=str)]

    def task(self, module: str, *options: str, **arguments: Any) -> dict[str, Any]:
        """The task's result; `failed` and `msg` where it failed, `printed` is what a person saw."""
        done = subprocess.run(
            self.command(module, *options, **arguments),
            cwd=ROOT,
            env=environment(ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_LOAD_CALLBACK_PLUGINS="1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        begin = done.stdout.find("=> {")
        assert begin >= 0, done.stdout + done.stderr
        result, _end = json.JSONDecoder().raw_decode(done.stdout[begin + 3 :])
        return {"failed": done.returncode != 0, **result, "printed": done.stdout + done.stderr}

    def ok(self, module: str, *options: str, **arguments: Any) -> dict[str, Any]:
        result = self.task(module, *options, **arguments)
        assert not result["failed"], result["printed"]
        return result

    def refused(self, module: str, *options: str, **arguments: Any) -> str:
        result = self.task(module, *options, **arguments)
        assert result["failed"], result["printed"]
        return str(result["msg"])


class Playbook:
    """Runs tasks on hosts of a lab as its inventory reaches them, in one process of ansible-playbook."""

    def __init__(self, lab: str, place: Path) -> None:
        self.lab, self.place = lab, place

    def start(self, plays: list[dict[str, Any]]) -> subprocess.Popen[str]:
        """Start it; kill_controller ends it, but for its persistent connections."""
        self.place.write_text(json.dumps([{"gather_facts": False, **play} for play in plays], default=str), encoding="utf-8")
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), str(self.place)],
            cwd=ROOT,
            env=environment(
                OP25B_LAB=self.lab,
                ANSIBLE_PERSISTENT_CONTROL_PATH_DIR=str(sockets(self.lab)),
                ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
            ),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @staticmethod
    def results(process: subprocess.Popen[str]) -> dict[str, list[dict[str, Any]]]:
        """For each host the results of its tasks, in order; `failed` is in each."""
        printed, complaints = process.communicate(timeout=180)
        begin = printed.find("{\n")
        assert begin >= 0, printed + complaints
        found: dict[str, list[dict[str, Any]]] = {}
        for task in (task for play in json.loads(printed[begin:])["plays"] for task in play["tasks"]):
            for host, result in task["hosts"].items():
                found.setdefault(host, []).append({"failed": False, **result})
        return found

    def run(self, plays: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        return self.results(self.start(plays))


def end_all(lab: str) -> None:
    """End every process that works on this lab from outside: controllers, and the connections that they leave behind."""
    mark = f"OP25B_LAB={lab}".encode()
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (directory / "environ").read_bytes().split(b"\0"):
                os.kill(int(directory.name), signal.SIGKILL)
    shutil.rmtree(sockets(lab), ignore_errors=True)


def kill_controller(process: subprocess.Popen[str]) -> None:
    """End a controller as the power cut does: it, and its workers, each of which is in a session of its own."""
    # It forks none while they are counted.
    process.send_signal(signal.SIGSTOP)
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()
    for pid in (process.pid, *map(int, workers)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(10)


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return what()
