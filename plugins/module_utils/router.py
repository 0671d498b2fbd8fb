# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a Linux edge: read the table, change it, and go back by itself when nobody confirms.

One file of the standard library, because an armed change copies it to the router, where it must outlive the
SSH session, the module and the controller.

    /run/op25b/armed.json      the unconfirmed change: who, since when, until when (CLOCK_BOOTTIME)
    /run/op25b/before.nft      the table as it was, which the dead man's switch brings back
    /run/op25b/outcome.json    how the last armed change ended
    /etc/op25b/confirmed.nft   the confirmed table, loaded at boot

/run is empty after a reboot, so a router that restarts in between comes up with what was confirmed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

FAMILY, NAME = "inet", "op25b"
RUN = "/run/op25b"
CONFIRMED = "/etc/op25b/confirmed.nft"
LOCK_WAIT = 15
GRACE = 5
"""Seconds past its end after which an armed change whose watcher is gone is taken back by whoever comes by."""

UNIT_FILE = "/etc/systemd/system/op25b.service"
UNIT = """\
[Unit]
Description=Confirmed port-25 rules (table inet op25b)
Documentation=man:nft(8)
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target
Wants=network-pre.target
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
After=local-fs.target

[Service]
Type=oneshot
RemainAfterExit=yes
# A table that stands already is left alone: loading it again would let connections through for a moment.
ExecStart=/bin/sh -c '{nft} -t list table inet op25b >/dev/null 2>&1 || exec {nft} -f /etc/op25b/confirmed.nft'
ExecReload=/bin/sh -c '{nft} -t list table inet op25b >/dev/null 2>&1 || exec {nft} -f /etc/op25b/confirmed.nft'

[Install]
WantedBy=sysinit.target nftables.service
"""
INIT_FILE = "/etc/init.d/op25b"
INIT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          op25b
# Required-Start:    mountkernfs $local_fs
# Required-Stop:
# X-Start-Before:    networking
# Default-Start:     S
# Default-Stop:
# Short-Description: Confirmed port-25 rules (table inet op25b)
### END INIT INFO
case "$1" in
    start|restart|reload|force-reload)
        {nft} -t list table inet op25b >/dev/null 2>&1 || exec {nft} -f /etc/op25b/confirmed.nft ;;
    stop) ;;
    status) exec {nft} -t list table inet op25b ;;
    *) echo "Usage: $0 start|stop|restart|reload|status" >&2; exit 2 ;;
esac
"""


class RouterError(Exception):
    """Something that a person can mend; the text is a sentence."""


def path(name):
    """A file of the running state."""
    return os.path.join(RUN, name)


def nft_binary():
    """The full path of nft: an SSH session's PATH often lacks /usr/sbin."""
    found = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise RouterError("nft is not on this router; install the package nftables.")
    return found


def nft(*arguments, script=None):
    """Run nft and return what it prints; its own words come with the error."""
    done = subprocess.run(
        [nft_binary(), *arguments],
        input=script,
        capture_output=True,
        # A comment that somebody wrote may be no UTF-8; it has to come back as it was.
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
        env=dict(os.environ, LC_ALL="C"),
    )
    if done.returncode:
        words = done.stderr.strip()
        if "Operation not permitted" in words:
            raise RouterError("nft may not change this router; run the task as root (become: true).")
        raise RouterError(f"nft refused the change, and nothing of it was applied: {words}")
    return done.stdout


def table_exists():
    """Whether our table stands in the kernel."""
    return any(line.split()[1:] == [FAMILY, NAME] for line in nft("list", "tables").splitlines())


_BLOCK = re.compile(r"^\t(counter|set|chain|map) (\S+) \{\n(.*?)^\t\}\n", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"^\t\telements = \{.*?\}\n", re.MULTILINE | re.DOTALL)


def snapshot():
    """The table without what the kernel itself writes into it: counters' numbers and contents of dynamic sets."""
    if not table_exists():
        return ""

    def still(block):
        return _ELEMENTS.sub("", block.group(0)) if "flags dynamic" in block.group(0) else block.group(0)

    return _BLOCK.sub(still, nft("-s", "list", "table", FAMILY, NAME))


def digest(text):
    """The fingerprint by which two runs see that the table changed in between."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _blocks(text):
    """{kind: {name: its definition without elements}} in the order of the listing."""
    found = {}
    for kind, name, inner in _BLOCK.findall(text):
        if kind == "chain":
            inner = inner.split("\n", 1)[0] if inner.lstrip().startswith("type ") else ""
        found.setdefault(kind, {})[name] = re.sub(r"elements = \{.*?\}", "", inner, flags=re.DOTALL).strip()
    return found


def restore(before):
    """Bring the table back to a snapshot in one transaction, without removing the chain that holds the hook.

    What stands as it should stays, so counters go on counting; what would come back in another order is
    removed first, so that the listing is the same to the byte.
    """
    if not before:
        nft("-f", "-", script=f"add table {FAMILY} {NAME}\ndelete table {FAMILY} {NAME}\n")
        return
    script = []
    now = _blocks(snapshot())
    then = _blocks(before)
    if now:
        script += [f"flush chain {FAMILY} {NAME} {name}" for name in now.get("chain", ())]
        for kind in ("chain", "set", "map", "counter"):
            expected = list(then.get(kind, ()))
            stay = 0
            for name, definition in now.get(kind, {}).items():
                hook = kind != "chain" or definition
                if stay < len(expected) and expected[stay] == name and then[kind][name] == definition and hook:
                    stay += 1
                    if kind == "set" and "dynamic" not in definition:
                        script.append(f"flush set {FAMILY} {NAME} {name}")
                else:
                    script.append(f"delete {kind} {FAMILY} {NAME} {name}")
    nft("-f", "-", script="\n".join(script) + "\n" + before)


# --- state -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def lock(who):
    """One run at a time on this router; the second waits a little, then is told who holds it."""
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    with open(path("lock"), "a+", encoding="utf-8") as handle:
        end = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    handle.seek(0)
                    raise RouterError(
                        f"another run is changing this router: {handle.read().strip() or 'unknown'}; "
                        f"it did not finish within {LOCK_WAIT} s, so nothing was changed. Run again when it has."
                    ) from None
                time.sleep(0.1)
        handle.seek(0)
        handle.truncate()
        handle.write(f"{who} since {clock()}")
        handle.flush()
        yield
        handle.truncate(0)


def clock():
    """Wall clock, for people."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def boottime():
    """Seconds since boot, suspended time included: no change of the wall clock moves the dead man's switch."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write(name, text, mode=0o600):
    """Write a file so that a reader sees all of it or the old one, and a power cut leaves one of both."""
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(f"{name}.new", "w", encoding="utf-8", errors="surrogateescape") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(f"{name}.new", name)


def remove(name):
    """Remove a file that may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


def load(name):
    """A JSON file of the running state, or nothing."""
    try:
        with open(path(name), encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return None


def store(name, value):
    """Write a JSON file of the running state."""
    write(path(name), json.dumps(value))


def read_text(name):
    """A file's text, or nothing where it is missing."""
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


# --- the dead man's switch -------------------------------------------------------------------------------------


def armed():
    """The unconfirmed change, with the seconds that it has left; an overdue one is taken back now."""
    state = load("armed.json")
    if state and boottime() > state["deadline"] + GRACE:
        take_back(state, "its time was over, and the timer that should have taken it back was gone")
        return None
    return dict(state, seconds_left=max(0, round(state["deadline"] - boottime()))) if state else None


def arm(change, who, seconds, before):
    """Start the timer. It runs before the change is applied, so that no moment is without it."""
    write(path("before.nft"), before)
    state = {"id": change, "who": who, "at": clock(), "seconds": seconds, "deadline": boottime() + seconds, "after": None}
    store("armed.json", state)
    source = sys.modules[__name__].__loader__.get_source(__name__)
    write(path("watch.py"), source)
    command = [sys.executable, path("watch.py"), change]
    if os.path.isdir("/run/systemd/system"):
        # A process of the SSH session would be ended with it where KillUserProcesses is set; a unit is not.
        command = ["systemd-run", "--quiet", "--collect", f"--unit=op25b-watch-{change}", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            disarm()
            raise RouterError(
                f"systemd did not start the timer that takes the change back, so nothing was changed: {done.stderr.strip()}"
            )
        return state
    with open(os.devnull, "r+b") as null:
        subprocess.Popen(command, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True)
    return state


def disarm():
    """Stop the timer: it looks for its own name in armed.json before it acts."""
    for name in ("armed.json", "before.nft", "watch.py"):
        remove(path(name))


def take_back(state, why):
    """Bring back the table that stood before, and leave word of it."""
    outcome = {"id": state["id"], "who": state["who"], "armed_at": state["at"], "at": clock(), "why": why}
    try:
        restore(read_text(path("before.nft")))
    except RouterError as err:
        store("outcome.json", dict(outcome, outcome="rollback failed", words=str(err)))
        raise
    store("outcome.json", dict(outcome, outcome="rolled back"))
    disarm()


def watch(change):
    """The timer's own process: sleep until the deadline, then take the change back unless it was confirmed."""
    while True:
        state = load("armed.json")
        if not state or state["id"] != change:
            return 0
        left = state["deadline"] - boottime()
        if left > 0:
            time.sleep(min(left, 1.0))
            continue
        try:
            with lock("the dead man's switch"):
                state = load("armed.json")
                if state and state["id"] == change:
                    take_back(state, f"it was not confirmed within {state['seconds']} s")
            return 0
        except RouterError:
            # The table must come back whatever holds it up: a lock that hangs, memory that is short.
            time.sleep(1)


# --- what the modules ask for ----------------------------------------------------------------------------------


def interfaces():
    """{each name of an interface: the one that the kernel compares with a rule}, which an alternative name is not."""
    # Of this network namespace, which /sys may not be of; a name can be any bytes.
    found = {name: name for name in (_plain(name) for _index, name in socket.if_nameindex())}
    ip = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    done = subprocess.run([ip, "-json", "link"], capture_output=True, check=False) if ip else None
    with contextlib.suppress(ValueError):
        for link in json.loads(done.stdout) if done and not done.returncode else ():
            found.update((_plain(other), link["ifname"]) for other in link.get("altnames", ()))
    return found


def _plain(name):
    return name.encode(errors="replace").decode()


def read(who, acknowledge=False):
    """The table as it is, and the state of the dead man's switch.

    A change that was taken back is told until a run that decides anew acknowledges it.
    """
    with lock(who):
        state = armed()
        before = snapshot()
        found = {
            "listing": nft("-j", "list", "table", FAMILY, NAME) if before else "",
            "digest": digest(before),
            "armed": state,
            "outcome": load("outcome.json"),
            "persisted": persisted(before),
            "interfaces": interfaces(),
        }
        if acknowledge:
            remove(path("outcome.json"))
        return found


def apply(commands, expect, who, change, seconds, check=False):
    """Apply commands as one transaction to the table that was read before; armed when seconds are given."""
    script = "".join(f"{line}\n" for line in commands)
    with lock(who):
        state = armed()
        if state:
            raise RouterError(
                f"this router has an unconfirmed change: {state['who']} armed it at {state['at']}, and it goes back in "
                f"{state['seconds_left']} s. Confirm it, take it back, or wait; nothing was changed."
            )
        before = snapshot()
        if digest(before) != expect:
            raise RouterError(
                "the table was changed by someone else between reading and changing it; nothing was changed. Run again."
            )
        if check:
            if script:
                nft("-c", "-f", "-", script=script)
            return {}
        if not script:
            return persist(before)
        if not seconds:
            nft("-f", "-", script=script)
            return persist(snapshot())
        state = arm(change, who, seconds, before)
        try:
            nft("-f", "-", script=script)
        except RouterError:
            disarm()
            raise
        store("armed.json", dict(state, after=digest(snapshot())))
        return {}


def confirm(who, change=None, check=False):
    """Keep the armed change; says what happened where there is none."""
    with lock(who):
        state = armed()
        outcome = load("outcome.json")
        if state is None:
            if outcome and outcome["outcome"] != "confirmed" and (change is None or change == outcome["id"]):
                raise RouterError(
                    f"there is nothing to confirm: the change that {outcome['who']} armed at {outcome['armed_at']} was taken "
                    f"back at {outcome['at']}, because {outcome['why']}. Apply it again."
                )
            return {"changed": False}
        if change and state["id"] != change:
            raise RouterError(
                f"the unconfirmed change here is not the one to confirm: {state['who']} armed it at {state['at']}. "
                "Nothing was confirmed."
            )
        now = snapshot()
        if digest(now) != state["after"]:
            raise RouterError(
                "the table is no longer what was armed: someone changed it since. Nothing was confirmed; the router goes back to "
                f"what it had in {state['seconds_left']} s."
            )
        if check:
            return {"changed": True}
        result = persist(now)
        store(
            "outcome.json",
            {"id": state["id"], "who": state["who"], "armed_at": state["at"], "at": clock(), "outcome": "confirmed"},
        )
        disarm()
        return dict(result, changed=True)


def cancel(who, change=None, check=False):
    """Take the armed change back now."""
    with lock(who):
        state = armed()
        if state is None or (change and state["id"] != change):
            return {"changed": False}
        if not check:
            take_back(state, f"{who} took it back")
        return {"changed": True}


# --- surviving a reboot ----------------------------------------------------------------------------------------


def _confirmed_text(table):
    # Loaded by hand over a table that stands already, it must not add every rule a second time.
    return (
        "#!/usr/sbin/nft -f\n"
        "# Written by ccsnet.op25b when the change was confirmed; edit the policy instead.\n"
        f"add table {FAMILY} {NAME}\ndelete table {FAMILY} {NAME}\n{table}"
    )


def _boot():
    """How this router loads the table at boot: the file, its text and mode, and how it is switched on and off."""
    if os.path.isdir("/run/systemd/system"):
        # Started, and not only enabled: systemd passes a reload of nftables.service on to active units alone.
        on = [["systemctl", "daemon-reload"], ["systemctl", "--quiet", "enable", "--now", "op25b.service"]]
        off = [["systemctl", "--quiet", "disable", "--now", "op25b.service"]]
        return UNIT_FILE, UNIT.format(nft=nft_binary()), 0o644, on, off
    if shutil.which("update-rc.d", path="/usr/sbin:/sbin"):
        on, off = [["/usr/sbin/update-rc.d", "op25b", "defaults"]], [["/usr/sbin/update-rc.d", "-f", "op25b", "remove"]]
        return INIT_FILE, INIT.format(nft=nft_binary()), 0o755, on, off
    return None, None, None, [], []


def _run(commands):
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RouterError(
                f"the table is in force, but `{' '.join(command)}` failed, and a reboot may not load it: {done.stderr.strip()}"
            )


def persisted(table):
    """Whether a reboot would bring up just this table."""
    boot_file, boot_text = _boot()[:2]
    if not table:
        return not os.path.exists(CONFIRMED)
    return read_text(CONFIRMED) == _confirmed_text(table) and (boot_file is None or read_text(boot_file) == boot_text)


def persist(table):
    """Make a reboot bring up this table; without a table, leave nothing behind."""
    boot_file, boot_text, mode, switch_on, switch_off = _boot()
    if not table:
        if boot_file and os.path.exists(boot_file):
            _run(switch_off)
            remove(boot_file)
        remove(CONFIRMED)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(CONFIRMED))
        return {"boot": "nothing to load"}
    write(CONFIRMED, _confirmed_text(table), 0o644)
    if boot_file is None:
        return {
            "boot": "by hand",
            "warning": f"neither systemd nor update-rc.d is on this router; make its start run `nft -f {CONFIRMED}`, "
            "or a reboot opens port 25.",
        }
    if read_text(boot_file) != boot_text:
        write(boot_file, boot_text, mode)
        _run(switch_on)
    return {"boot": boot_file}


if __name__ == "__main__":
    raise SystemExit(watch(sys.argv[1]))
