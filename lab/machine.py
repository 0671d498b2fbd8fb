# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build, mend, restart and remove a lab, and run things in its hosts."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import debs, topology
from lab.init import ENVIRONMENT
from lab.topology import HOSTS, SWITCH, Host

REPOSITORY = Path(__file__).resolve().parents[1]
STATE = Path("/run/op25b-lab")
INIT = REPOSITORY / "lab" / "init.py"
FILES = REPOSITORY / "lab" / "files"
ARCHIVE = "/var/cache/lab-debs"
BOOT_SECONDS = 60
SCRIPT = ("env", "-C", str(REPOSITORY), sys.executable, "-B", "-m")
NAMESPACES = ("--ipc", "--mount", "--net", "--pid", "--uts")

# Mounts of the machine that a host needs a copy-on-write view of, as it has of `/`.
SYSTEM = ("/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var")


class LabError(Exception):
    """What a person can mend, in one sentence."""


class Lab:
    """One lab by its name: `Lab("mine").up()`."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or os.environ.get("OP25B_LAB") or "demo"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}", self.name):
            raise LabError(f"lab name {self.name!r} is not possible: use letters, digits, '.', '_' and '-', at most 41 of them")
        self.state = STATE / self.name

    # -- build and remove ------------------------------------------------------------------------------------------

    def up(self) -> list[str]:
        """Make every host run; returns the names of those that were booted now."""
        running = self._booted()
        if running.keys() >= {SWITCH, *HOSTS}:
            return []
        self._need_root()
        python = daemon_python()
        with self._lock():
            archive = debs.fetch()
            running = self._booted()
            missing = [name for name in (SWITCH, *HOSTS) if name not in running]
            if SWITCH in missing:
                # Every wire ends in the switch: without it no host has any.
                missing = [SWITCH, *HOSTS]
            self._kill(missing)
            if not os.path.ismount(self.state):
                self.state.mkdir(parents=True, exist_ok=True)
                mount = ["mount", "-t", "tmpfs", "-o", "mode=755", "op25b-lab", str(self.state)]
                subprocess.run(mount, check=True)
            (self.state / "mnt").mkdir(exist_ok=True)
            for name in missing:
                self._prepare(name, archive, python)
            self._boot(missing)
            return [name for name in missing if name != SWITCH]

    def down(self) -> None:
        """Remove the lab in whatever state it is."""
        if not self.state.exists() and not self._inits():
            return
        self._need_root()
        with self._lock():
            self._kill([SWITCH, *HOSTS])
            while os.path.ismount(self.state):
                self._unmount()
            with contextlib.suppress(FileNotFoundError):
                self.state.rmdir()

    def restart(self, host: str) -> None:
        """Cut the power of a host and boot it again: what it has on disk stays, all else is gone."""
        if SWITCH not in self._booted():
            raise LabError(f"lab {self.name} is not up, so {host} cannot be restarted: run python3 -m lab up")
        self._need_root()
        with self._lock():
            self._kill([host])
            self._boot([host])

    # -- work in it ------------------------------------------------------------------------------------------------

    def running(self) -> dict[str, int]:
        """Hosts that are booted, with their PID 1 as this machine sees it."""
        return {name: pid for name, pid in self._booted().items() if name != SWITCH}

    def pid(self, host: str) -> int:
        """PID 1 of the host."""
        try:
            return self._booted()[host]
        except KeyError:
            raise LabError(f"{host} does not run in lab {self.name}: python3 -m lab up --name {self.name}") from None

    def path(self, host: str, path: str = "/") -> Path:
        """A file of the host as this machine sees it, /run and /tmp included."""
        return self.state / host / "root" / path.lstrip("/")

    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """The words that run `argv` in the host."""
        return ["nsenter", f"--target={self.pid(host)}", *NAMESPACES, "--", *argv]

    @staticmethod
    def environment() -> dict[str, str]:
        """What a command in a host finds: nothing of the caller's but the terminal."""
        return {**ENVIRONMENT, "TERM": os.environ.get("TERM", "dumb")}

    def run(self, host: str, argv: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the host to its end; its output is kept as text. `more` goes to subprocess.run."""
        options = {"capture_output": True, "text": True, "timeout": 120, "env": self.environment(), **more}
        return subprocess.run(self.command(host, argv), **options)

    def popen(self, host: str, argv: Sequence[str], **more: Any) -> subprocess.Popen[str]:
        """Start a command in the host. `more` goes to subprocess.Popen."""
        return subprocess.Popen(self.command(host, argv), **{"text": True, "env": self.environment(), **more})

    def script(self, host: str, module: str, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a module of the checkout in the host, as `lab.script("cust-east", "lab.packets", "send", input=...)`."""
        return self.run(host, [*SCRIPT, module, *arguments], **more)

    def script_popen(self, host: str, module: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start a module of the checkout in the host."""
        return self.popen(host, [*SCRIPT, module, *arguments], **more)

    def sink_log(self, host: str) -> list[dict[str, Any]]:
        """What the sink of the host has seen, oldest first."""
        log = self.path(host, "/var/log/op25b-sink.jsonl")
        text = log.read_text(encoding="utf-8") if log.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    # -- inside ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _need_root() -> None:
        if os.geteuid() != 0:
            raise LabError("the lab makes namespaces and mounts and needs root: run it as root or with sudo")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One at a time on this machine: `up` and `down` of one lab must not meet."""
        while True:
            STATE.mkdir(mode=0o755, exist_ok=True)
            try:
                held = os.open(STATE, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue
            fcntl.flock(held, fcntl.LOCK_EX)
            # `down` of the last lab removes the directory: then this lock is one on nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), os.stat(STATE)):
                    break
            os.close(held)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                STATE.rmdir()
            os.close(held)

    def _inits(self) -> dict[str, list[int]]:
        """Every PID 1 of this lab by host, asked of the kernel: a killed `up` may have written nothing down."""
        found: dict[str, list[int]] = {}
        ours = re.compile(rf"/lab/init\.py\0{re.escape(str(self.state))}/([^/\0]+)/spec\.json\0")
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                match = ours.search((directory / "cmdline").read_text(errors="replace"))
                if match:
                    found.setdefault(match[1], []).append(int(directory.name))
        return found

    def _booted(self) -> dict[str, int]:
        booted = {}
        for name in (SWITCH, *HOSTS):
            with contextlib.suppress(OSError, ValueError):
                pid = int((self.state / name / "pid").read_text())
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if str(self.state / name / "spec.json").encode() in words and (self.state / name / "booted").exists():
                    booted[name] = pid
        return booted

    def _kill(self, names: Iterable[str]) -> None:
        """End hosts with everything that runs in them, and wait until the kernel has let go."""
        inits = self._inits()
        doomed = [pid for name in names for pid in inits.get(name, [])]
        for name in names:
            for mark in ("booted", "pid", "root"):
                (self.state / name / mark).unlink(missing_ok=True)
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(alive(pid) for pid in doomed):
            if time.monotonic() > deadline:
                raise LabError(
                    f"processes {doomed} do not end though they were killed: see what they wait for with ps -o pid,stat,wchan"
                )
            time.sleep(0.005)

    def _unmount(self) -> None:
        deadline = time.monotonic() + 5
        while True:
            done = subprocess.run(["umount", str(self.state)], capture_output=True, text=True, check=False)
            if done.returncode == 0 or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if done.returncode:
            raise LabError(f"{self.state} is in use: end what has a file of it open (fuser -vm {self.state})")

    def _prepare(self, name: str, archive: debs.Archive, python: str) -> None:
        """Write what the host has on its disk before its first boot. A host that was there before keeps its disk."""
        directory = self.state / name
        upper = directory / "upper"
        (directory / "work").mkdir(parents=True, exist_ok=True)
        host = HOSTS.get(name)
        spec = {
            "name": name,
            "state": str(directory),
            "root": str(self.state / "mnt"),
            "overlays": overlays(),
            "binds": [*binds(python), (str(archive.directory), ARCHIVE)],
            "forwards": bool(host and host.forwards),
            "network": network(name),
        }
        (directory / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        if upper.exists():
            return
        draft = directory / "upper.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o755)
        furnish(draft, name, host, archive, python)
        draft.rename(upper)

    def _boot(self, names: Sequence[str]) -> None:
        """Start hosts, wire them, let them run their boot scripts; returns when all of them are through."""
        starts: dict[str, Start] = {}
        try:
            for name in names:
                starts[name] = Start(self.state / name)
            for start in starts.values():
                start.expect("pid")
                start.expect("rooted")
            pids = {name: start.pid for name, start in starts.items()}
            switch = pids.get(SWITCH) or self._booted()[SWITCH]
            for name, pid in pids.items():
                (self.state / name / "root").symlink_to(f"/proc/{pid}/root")
                (self.state / name / "pid").write_text(f"{pid}\n")
            self._wire(switch, pids)
            for start in starts.values():
                start.go()
            for name, start in starts.items():
                start.expect("booted")
                (self.state / name / "booted").touch()
        finally:
            for start in starts.values():
                start.close()

    @staticmethod
    def _wire(switch: int, pids: dict[str, int]) -> None:
        lines = []
        if SWITCH in pids:
            for segment in topology.segments():
                lines.append(f"link add {segment} type bridge forward_delay 0 mcast_snooping 0")
                lines.append(f"link set {segment} addrgenmode none")
                lines.append(f"link set {segment} up")
        for name, pid in pids.items():
            host = HOSTS.get(name)
            for index, wire in enumerate(host.interfaces if host else ()):
                port = f"{name}.{index}"
                if SWITCH not in pids:
                    # A killed host's wires go with its namespace, but not in the same instant.
                    lines.append(f"link delete {port}")
                lines.append(
                    f"link add {port} type veth peer name {wire.name} address {host.mac(wire)} netns {pid}"  # type: ignore[union-attr]
                )
                lines.append(f"link set {port} master {wire.segment} addrgenmode none up")
        # -force: the port to delete is nearly always gone already; what matters is looked at below.
        command = ["nsenter", f"--target={switch}", "--net", "ip", "-force", "-batch", "-"]
        done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
        expected = ("Cannot find device", "Command failed")
        complaints = [line for line in done.stderr.splitlines() if not line.startswith(expected)]
        if complaints:
            raise LabError(f"the wires of {', '.join(pids)} could not be laid: {'; '.join(complaints)}")


class Start:
    """A host on its way up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pid = 0
        self._buffer = b""
        ready, ready_there = os.pipe()
        go_there, self._go = os.pipe()
        self._ready = ready
        command = [sys.executable, "-I", "-S", str(INIT), str(directory / "spec.json"), str(ready_there), str(go_there)]
        with open(directory / "boot.log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(ready_there, go_there),
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        os.close(ready_there)
        os.close(go_there)

    def expect(self, word: str) -> None:
        """Wait until the host is that far."""
        deadline = time.monotonic() + BOOT_SECONDS
        while b"\n" not in self._buffer:
            waiting = max(0.0, deadline - time.monotonic())
            if not select.select([self._ready], [], [], waiting)[0]:
                raise LabError(f"{self.directory.name} did not boot within {BOOT_SECONDS} s: see {self.directory}/boot.log")
            more = os.read(self._ready, 4096)
            if not more:
                tail = (self.directory / "boot.log").read_text(errors="replace").strip().splitlines()[-1:]
                raise LabError(f"{self.directory.name} died while it booted: {' '.join(tail)} (see {self.directory}/boot.log)")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        said, _, detail = line.decode().partition(" ")
        if said != word:
            raise LabError(f"{self.directory.name} did not boot: {detail or said} (see {self.directory}/boot.log)")
        if word == "pid":
            self.pid = int(detail)
            self._process.wait(10)

    def go(self) -> None:
        """The wires are there: bring up the network and the services."""
        os.write(self._go, b"g")

    def close(self) -> None:
        """A host that never got its go ends by this."""
        os.close(self._ready)
        os.close(self._go)


def alive(pid: int) -> bool:
    """Whether a process still is, other than as an entry that its parent has not read yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def network(name: str) -> str:
    """The lines for `ip -batch` that a host runs at boot."""
    lines = ["link set lo up"]
    host = HOSTS.get(name)
    for wire in host.interfaces if host else ():
        lines += [f"address add {address} dev {wire.name}{' nodad' if ':' in address else ''}" for address in wire.addresses]
        lines.append(f"link set {wire.name} up")
    lines += [f"route add {route}" for route in (host.routes if host else ())]
    return "\n".join(lines) + "\n"


def mounts() -> list[str]:
    """Where something is mounted on this machine, outermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point != "/" and os.path.isdir(point):
            found.append(point)
    return sorted(set(found))


def overlays() -> list[str]:
    """Mounts that belong to the system, where `/` alone would show an empty directory."""
    return [point for point in mounts() if any(point == top or point.startswith(f"{top}/") for top in SYSTEM)]


def binds(python: str) -> list[tuple[str, str]]:
    """The checkout and the Pythons, wherever they are: a host's own /tmp and /run must not hide them."""
    wanted = {str(REPOSITORY), sys.prefix, sys.base_prefix, str(Path(python).parents[1])}
    if yang := os.environ.get("OP25B_YANG"):
        wanted.add(os.path.abspath(yang))
    hidden = [*mounts(), "/tmp", "/run"]
    return [
        (place, place)
        for place in sorted(wanted)
        if place == str(REPOSITORY)
        or (not place.startswith(f"{REPOSITORY}/") and any(place == point or place.startswith(f"{point}/") for point in hidden))
    ]


def daemon_python() -> str:
    """A Python that has what the sinks and the stand-ins need."""
    if all(importlib.util.find_spec(name) for name in ("aiosmtpd", "asyncssh")):
        return sys.executable
    python = str(REPOSITORY / ".venv" / "bin" / "python")
    with contextlib.suppress(OSError):
        if subprocess.run([python, "-c", "import aiosmtpd, asyncssh"], capture_output=True, check=False).returncode == 0:
            return python
    raise LabError(
        "the lab needs the Python packages aiosmtpd and asyncssh: run `make setup`, or start it with a Python that has them"
    )


def furnish(root: Path, name: str, host: Host | None, archive: debs.Archive, python: str) -> None:
    """Fill the upper layer of a new host."""

    def place(path: str) -> Path:
        """The path in the layer; a directory on the way hides the machine's one, so it takes over whose it is and who may."""
        target = root / path.lstrip("/")
        for parent in [*reversed(target.relative_to(root).parents)][1:]:
            if not (root / parent).exists():
                directory(parent)
        return target

    def directory(path: Path) -> None:
        (root / path).mkdir(mode=0o755)
        with contextlib.suppress(FileNotFoundError):
            seen = os.stat("/" / path)
            os.chown(root / path, seen.st_uid, seen.st_gid)
            os.chmod(root / path, stat.S_IMODE(seen.st_mode))

    def put(path: str, text: str, mode: int = 0o644) -> None:
        target = place(path)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def link(path: str, to: str) -> None:
        place(path).symlink_to(to)

    def emptied(path: str) -> None:
        directory(place(path).relative_to(root))
        os.setxattr(root / path.lstrip("/"), "trusted.overlay.opaque", b"y")

    def gone(path: str) -> None:
        os.mknod(place(path), 0o600, os.makedev(0, 0))

    put("/etc/hostname", f"{name}\n")
    put("/etc/hosts", topology.hosts_file())
    put("/etc/resolv.conf", "# There is no name server in the lab: names are in /etc/hosts.\n")
    # Services of the machine are not services of this host, and what is enabled from now on is enabled here.
    for level in "S0123456":
        emptied(f"/etc/rc{level}.d")
    emptied("/etc/systemd/system")
    # Without these, tools take the host for one that systemd manages.
    put("/usr/sbin/init", "#!/bin/sh\necho 'PID 1 of a lab host is lab/init.py' >&2\nexit 1\n", 0o755)
    put("/usr/sbin/runlevel", "#!/bin/sh\necho N 2\n", 0o755)
    # A container's image forbids that packages start their services; a Debian host does not.
    gone("/usr/sbin/policy-rc.d")
    emptied("/var/log")
    emptied("/var/spool/cron")
    emptied("/root/.ansible")

    put("/etc/apt/sources.list", f"deb [trusted=yes] file:{ARCHIVE} ./\n")
    emptied("/etc/apt/sources.list.d")
    emptied("/var/lib/apt/lists")
    place("/var/lib/apt/lists/partial").mkdir()
    shutil.copy(archive.packages, root / "var/lib/apt/lists" / (urllib.parse.quote(ARCHIVE).replace("/", "_") + "_._Packages"))
    put("/etc/dpkg/dpkg.cfg.d/lab", "force-unsafe-io\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/doc/*\n")
    put("/usr/bin/mandb", "#!/bin/sh\n", 0o755)

    if host is None:
        return
    # Debian's ssl-cert makes this at installation, and packages rely on it; images of machines often lack it.
    certificate, key = place("/etc/ssl/certs/ssl-cert-snakeoil.pem"), place("/etc/ssl/private/ssl-cert-snakeoil.key")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
    subject = ("-subj", f"/CN={name}.{topology.DOMAIN}", "-addext", f"subjectAltName=DNS:{name}.{topology.DOMAIN},DNS:{name}")
    subprocess.run(
        ["openssl", "req", "-x509", "-batch", "-days", "3650", *new_key, "-out", str(certificate), *subject],
        check=True,
        capture_output=True,
    )
    # For who installs rsyslog: its package has a unit of systemd alone.
    put("/etc/init.d/rsyslog", (FILES / "lab-rsyslog").read_text(), 0o755)
    for path, text in host.files.items():
        put(path, text)
    if "/etc/nftables.conf" in host.files:
        put("/etc/init.d/lab-nftables", (FILES / "lab-nftables").read_text(), 0o755)
        link("/etc/rcS.d/S01lab-nftables", "../init.d/lab-nftables")
    management = host.management
    if management and not host.cli:
        put("/etc/default/lab-sshd", f"V4={management.v4}\nV6={management.v6}\n")
        put("/etc/init.d/lab-sshd", (FILES / "lab-sshd").read_text(), 0o755)
        link("/etc/rc2.d/S01lab-sshd", "../init.d/lab-sshd")
    if host.cli and management and host.cli.platform == "junos":
        first = host.cli
        config = {
            "hostname": name,
            "interfaces": first.interfaces,
            "netconfd": "/run/lab-junos/netconfd.sock",
            "agent": "/run/lab-junos/agent.sock",
            "history": "/etc/lab-junos/commits.json",
            "model": "mx480",
            "confirmed_commit": "1.0",
            "options": {},
        }
        put("/etc/lab-junos.json", json.dumps(config, indent=1) + "\n", 0o600)
        put("/etc/lab-junos/startup.xml", (FILES / f"{name}.xml").read_text())
        # A login of its own name with root's rights: Junos's superuser, who can read the checkout wherever that is.
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=first.password, capture_output=True, text=True, check=True
        ).stdout.strip()
        for path, line, mode in (
            ("/etc/passwd", f"{first.user}:x:0:0::/root:/bin/sh\n", 0o644),
            ("/etc/shadow", f"{first.user}:{hashed}:::::::\n", 0o600),
        ):
            others = [each for each in Path(path).read_text().splitlines(keepends=True) if not each.startswith(f"{first.user}:")]
            put(path, "".join([*others, line]), mode)
        words = {
            "PYTHON": python,
            "CHECKOUT": str(REPOSITORY),
            "LISTEN": f"{management.v4}:{first.port} [{management.v6}]:{first.port}",
            "YANG": os.path.abspath(os.environ.get("OP25B_YANG") or REPOSITORY / "lab" / "junos" / "yang"),
        }
        put("/etc/default/lab-junos", "".join(f"{key}='{value}'\n" for key, value in words.items()))
        put("/etc/init.d/lab-junos", (FILES / "lab-junos").read_text(), 0o755)
        link("/etc/rc2.d/S01lab-junos", "../init.d/lab-junos")
    elif host.cli and management:
        first = host.cli
        config = {
            "platform": first.platform,
            "hostname": name,
            "listen": [management.v4, management.v6],
            "port": first.port,
            "users": {first.user: {"password": first.password, "privilege": 15}},
            **({"enable": first.enable} if first.enable else {}),
            "interfaces": first.interfaces,
            "startup": "/etc/lab-cli/startup-config",
        }
        put("/etc/lab-cli.json", json.dumps(config, indent=1) + "\n", 0o600)
        put("/etc/lab-cli/startup-config", (FILES / f"{name}.cfg").read_text())
        put("/etc/default/lab-cli", f"PYTHON='{python}'\nCHECKOUT='{REPOSITORY}'\n")
        put("/etc/init.d/lab-cli", (FILES / "lab-cli").read_text(), 0o755)
        link("/etc/rc2.d/S01lab-cli", "../init.d/lab-cli")
    if host.listens:
        words = {"PYTHON": python, "CHECKOUT": str(REPOSITORY), "PORTS": " ".join(map(str, host.listens))}
        put("/etc/default/lab-sink", "".join(f"{key}='{value}'\n" for key, value in words.items()))
        put("/etc/init.d/lab-sink", (FILES / "lab-sink").read_text(), 0o755)
        link("/etc/rc2.d/S01lab-sink", "../init.d/lab-sink")
