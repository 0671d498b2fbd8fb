# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file on the controller outlives the run: in a container, most do not.

Source of the fields: proc_pid_mountinfo(5). The fourth is the directory of the file system that is mounted: of a bind mount, the
path on the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from .errors import Op25bError

MARKS = ("/run/.containerenv", "/.dockerenv")
"""Files that Podman and Docker put into every container."""
_MACHINES = ("lxc", "lxc-libvirt", "systemd-nspawn", "wsl", "openvz")
"""Values of the variable `container` of whole systems, whose root file system lasts."""
_OWN = ("overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs")
_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
_ROOTS = (
    (re.compile(r"/kubernetes\.io~empty-dir/"), "an emptyDir volume, which goes with its pod"),
    (re.compile(r"/pods/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/"), "a volume that goes with its pod"),
    (re.compile(r"/volumes/[0-9a-f]{64}/_data(?:/|$)"), "a volume without a name, which goes with its container"),
    (re.compile(r"/(?:awx_\d+_|ansible-navigator_)\w+(?:/|$)"), "the private directory of this job"),
    (re.compile(r"^/(?:var/)?tmp/"), "a temporary directory of the container's host"),
)
_RUNNER = ("/runner", "/runner/artifacts")
"""Where ansible-runner mounts the private directory of a job."""


def container(environment: Mapping[str, str], marks: Iterable[str], job: str = "") -> str:
    """What contains this run, in words: by the environment, the MARKS that are there, and the job's number in AWX; or nothing."""
    if job:
        return f"the container of AWX job {job}"
    kind = environment.get("container", "")
    inside = "KUBERNETES_SERVICE_HOST" in environment or (kind and kind not in _MACHINES) or any(True for _mark in marks)
    return "this container" if inside else ""


def temporary(path: str, mountinfo: str) -> str:
    """On what a path is that does not outlive its container, in words; nothing where it does. The path has no links in it."""
    point, root, kind = _mount(path, mountinfo)
    if point == "/" or kind in _OWN:
        return "the container's own file system"
    if kind in _MEMORY:
        return "a file system in memory"
    if point in _RUNNER:
        return "the private directory of this job"
    return next((words for pattern, words in _ROOTS if pattern.search(root)), "")


def _mount(path: str, mountinfo: str) -> tuple[str, str, str]:
    """What a path is on: the mount point, the directory that is mounted there, and the kind of the file system."""
    above = {str(each) for each in (PurePosixPath(path), *PurePosixPath(path).parents)}
    # Of mounts at one place, the last one is seen.
    return max((each for each in _mounts(mountinfo) if each[0] in above), key=lambda each: len(each[0]), default=("/", "/", ""))


def _mounts(mountinfo: str) -> Iterator[tuple[str, str, str]]:
    for line in reversed(mountinfo.splitlines()):
        fields, _dash, rest = line.partition(" - ")
        words = fields.split(" ")
        if len(words) > 5 and rest:
            yield _plain(words[4]), _plain(words[3]), rest.split(" ", 1)[0]


def _plain(text: str) -> str:
    """A field without the escapes for space, tab, newline and backslash."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def refuse(what: str, path: str, inside: str, on: str, way: str = "") -> None:
    """Refuse to write a file that goes with the container; `way` is what else can be done than to choose a path that stays."""
    raise Op25bError(
        f"{what}: {path} goes with {inside}, as it is on {on}; {way}name a path on a volume that stays (AWX: Settings, Jobs, "
        "« Paths to expose to isolated jobs », or a volume in the pod specification of the container group), or set "
        "op25b_volatile: true where it may go."
    )
