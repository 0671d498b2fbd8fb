# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of a lab host: makes the namespaces and the root, boots, reaps, and takes the system's log.

Started by `lab.machine`, never by hand, and needs nothing but the standard library: it must run before any of the
checkout is visible inside of the host. It says how far it is on the pipe `--ready` and starts the services once it
has read a byte from the pipe `--go`; when that closes instead, `up` is dead and so is this host.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH, PR_SET_NAME = 4096, 16384, 1 << 18, 2, 15
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call the C library and raise what it reports."""
    words = [word.encode() if isinstance(word, str) else word for word in arguments]
    if getattr(libc, name)(*words) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}{arguments}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str = "") -> None:
    """Lay a file system over a directory."""
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def bind(source: str, target: str, read_only: bool = False) -> None:
    """Show a directory of the machine, with what is mounted below it, at another place."""
    os.makedirs(target, exist_ok=True)
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def build_root(spec: dict[str, Any], root: str) -> None:
    """The host's own view of the file system, and make it `/`."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    state = str(spec["state"])
    mount("overlay", root, "overlay", 0, f"lowerdir=/,upperdir={state}/upper,workdir={state}/work,index=off")
    for index, place in enumerate(spec["overlays"]):
        upper, work = f"{state}/mounts/{index}/upper", f"{state}/mounts/{index}/work"
        os.makedirs(upper, exist_ok=True)
        os.makedirs(work, exist_ok=True)
        os.makedirs(root + place, exist_ok=True)
        mount("overlay", root + place, "overlay", 0, f"lowerdir={place},upperdir={upper},workdir={work},index=off")

    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    mount("tmpfs", f"{root}/dev", "tmpfs", MS_NOSUID, "mode=755")
    os.mkdir(f"{root}/run/lock", 0o1777)

    # The kernel's settings are the machine's, but those of the network are this host's own.
    spare = f"{root}/run/proc"
    os.mkdir(spare)
    mount("proc", spare, "proc")
    bind(f"{root}/proc/sys", f"{root}/proc/sys", read_only=True)
    mount(f"{spare}/sys/net", f"{root}/proc/sys/net", None, MS_BIND)
    call("umount2", spare, 0)
    os.rmdir(spare)

    os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"{root}/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
    os.umask(0o022)
    for name, target in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(target, f"{root}/dev/{name}")
    os.mkdir(f"{root}/dev/pts")
    mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    os.mkdir(f"{root}/dev/shm")
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")

    for source, target in spec["binds"]:
        bind(source, root + target, read_only=True)

    os.chdir(root)
    call("pivot_root", ".", ".")
    call("umount2", ".", MNT_DETACH)
    os.chdir("/")


def prepare_network(forwards: bool) -> None:
    """Settings that must stand before the first interface appears."""
    for family in ("ipv4", "ipv6"):
        for which in ("all", "default"):
            conf = Path(f"/proc/sys/net/{family}/conf/{which}")
            # Asymmetric ways are part of what the lab shows, and a test must not wait for duplicate address detection.
            for key in ("rp_filter",) if family == "ipv4" else ("accept_ra", "accept_dad"):
                (conf / key).write_text("0")
            (conf / "forwarding").write_text("1" if forwards else "0")


class SystemLog:
    """`/dev/log` into /var/log/syslog, mail also into mail.log: no syslog daemon runs unless a role installs one."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)

    def receive(self) -> None:
        """Write one message down."""
        message = self.socket.recv(65536).decode(errors="replace").rstrip("\n\0")
        found = re.match(r"<(\d+)>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?(.*)", message, re.DOTALL)
        facility, text = (int(found[1]) >> 3, found[2]) if found else (1, message)
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {socket.gethostname()} {text}\n"
        for name in ("syslog", "mail.log") if facility == 2 else ("syslog",):
            with open(f"/var/log/{name}", "a", encoding="utf-8") as log:
                log.write(line)


def boot_scripts() -> list[str]:
    """What is enabled in this host, in the order of a Debian without systemd: rcS.d, then rc2.d."""
    return [str(link) for level in ("S", "2") for link in sorted(Path(f"/etc/rc{level}.d").glob("S[0-9][0-9]*")) if link.exists()]


def spawn(command: list[str]) -> int:
    """Start a program. Not by subprocess, whose objects reap behind the back of a PID 1 that waits for every child."""
    null = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    return os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=null, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])


def serve(scripts: list[str], ready: int) -> None:
    """Run the boot scripts one after the other, reap whatever dies, write the log; for ever."""
    log = SystemLog()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    running: int | None = None
    queue = list(scripts)
    while True:
        if running is None and ready >= 0:
            if queue:
                command = [queue.pop(0), "start"]
                print("boot:", *command, flush=True)
                try:
                    running = spawn(command)
                except OSError as error:
                    # A script that cannot run is that script's trouble: the host comes up.
                    print(f"boot: {error}", flush=True)
            else:
                os.write(ready, b"booted\n")
                os.close(ready)
                ready = -1
        if running is None and ready >= 0:
            continue
        sources: list[Any] = [log.socket, wake_read]
        for source in select.select(sources, [], [])[0]:
            if source is log.socket:
                log.receive()
                continue
            os.read(wake_read, 4096)
            while True:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    break
                if pid == 0:
                    break
                if pid == running:
                    running = None
                    if status:
                        print(f"boot: ended with {os.waitstatus_to_exitcode(status)}", flush=True)


def main() -> None:
    """Become a host."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    ready, go = int(sys.argv[2]), int(sys.argv[3])
    call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
    told, teller = os.pipe()
    child = os.fork()
    if child:
        os.write(ready, f"pid {child}\n".encode())
        os._exit(0)
    os.close(teller)
    os.read(told, 1)
    os.close(told)
    try:
        os.setsid()
        call("prctl", PR_SET_NAME, "init", 0, 0, 0)
        name = spec["name"]
        call("sethostname", name, ctypes.c_size_t(len(name)))
        build_root(spec, spec["root"])
        prepare_network(spec["forwards"])
        os.write(ready, b"rooted\n")
        if not os.read(go, 1):
            os._exit(1)
        os.close(go)
        subprocess.run(["ip", "-batch", "-"], input=spec["network"], text=True, env=ENVIRONMENT, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"boot: {error}", flush=True)
        os.write(ready, f"failed {error}\n".encode())
        os._exit(1)
    serve(boot_scripts(), ready)


if __name__ == "__main__":
    main()
