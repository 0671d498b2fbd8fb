# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts as they are seen inside of containers, with what does not matter here left out."""

from __future__ import annotations

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import lasting
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

UID = "aac48cfc-f4a4-48c6-8671-fb4b1487f717"
HEX = "e14ef96e3db8bdc3dcdbd340208995e6770cd7873f78788e737c8b7b5d17fdaa"

DOCKER = f"""\
473 387 0:143 / / rw,relatime master:181 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B
474 473 0:146 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
475 473 0:147 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
480 473 254:1 /docker/containers/{HEX}/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
481 473 254:1 /var/lib/docker/volumes/op25b/_data /var/lib/op25b rw,relatime master:1 - ext4 /dev/vda1 rw
482 473 254:1 /var/lib/docker/volumes/{HEX}/_data /data rw,relatime master:1 - ext4 /dev/vda1 rw
483 473 254:1 /srv/op25b /srv/with\\040space rw,relatime - ext4 /dev/vda1 rw
484 473 0:152 / /srv/nfs rw,relatime - nfs4 192.0.2.9:/op25b rw,vers=4.2
485 481 0:153 / /var/lib/op25b/cache rw,relatime - tmpfs tmpfs rw
486 473 254:1 /tmp/build /work rw,relatime - ext4 /dev/vda1 rw
"""
PODMAN = """\
960 975 252:0 /home/taro/.local/share/containers/storage/volumes/op25b_state/_data /home/op25b rw - ext4 /dev/mapper/root rw
961 975 0:47 /containers/overlay-containers/b945/userdata/hosts /etc/hosts rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=6257324k
964 975 0:47 /containers/overlay-containers/b945/userdata/.containerenv /run/.containerenv rw,relatime - tmpfs tmpfs rw
975 108 0:130 / / rw,relatime - overlay overlay rw,lowerdir=/home/taro/.local/share/containers/storage/overlay/l/E4,userxattr
"""
# Without overlayfs a container's root is a directory of its host's disk, or a disk of its own.
VFS = "735 700 259:2 /var/lib/containers/storage/vfs/dir/f1c6 / rw,relatime - ext4 /dev/nvme0n1p2 rw\n"
DISK = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
# An execution node of AWX: podman run -v /tmp/awx_533_qtb8rtfd/:/runner/:Z -v /etc/pki/ca-trust/:/etc/pki/ca-trust/:O.
AWX_NODE = """\
735 700 0:82 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containers/storage/overlay/l/E4,volatile
736 735 253:0 /tmp/awx_533_qtb8rtfd /runner rw,relatime - xfs /dev/mapper/rhel-root rw
737 735 0:83 / /etc/pki/ca-trust rw,relatime - overlay overlay rw,lowerdir=/etc/pki/ca-trust
738 735 253:0 /var/lib/op25b /var/lib/op25b rw,relatime - xfs /dev/mapper/rhel-root rw
"""
# The same with « Job execution path » elsewhere, and with a file system of its own.
AWX_ELSEWHERE = """\
735 700 0:82 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containers/storage/overlay/l/E4,volatile
736 735 253:3 /job_execution/awx_4387_qv4aqn_8 /runner rw,relatime - xfs /dev/mapper/data rw
737 735 253:3 /job_execution/awx_4387_qv4aqn_8/artifacts /elsewhere rw,relatime - xfs /dev/mapper/data rw
"""
# A pod of a container group, whose kubelet is on a disk of its own.
POD = f"""\
1320 1357 0:377 / / rw,relatime master:247 - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1
1321 1320 0:379 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1330 1320 259:1 /lib/kubelet/pods/{UID}/etc-hosts /etc/hosts rw,noatime - xfs /dev/nvme0n1p1 rw
1331 1322 259:1 /lib/kubelet/pods/{UID}/containers/worker/2ba3a7b9 /dev/termination-log rw,noatime - xfs /dev/nvme0n1p1 rw
1332 1320 259:1 /lib/kubelet/pods/{UID}/volumes/kubernetes.io~empty-dir/scratch /scratch rw,noatime - xfs /dev/nvme0n1p1 rw
1333 1320 259:1 /lib/kubelet/pods/{UID}/volumes/kubernetes.io~configmap/c /etc/c ro,noatime - xfs /dev/nvme0n1p1 rw
1334 1320 0:340 / /var/run/secrets/kubernetes.io/serviceaccount ro,relatime - tmpfs tmpfs rw,size=655360k
1335 1320 0:345 / /memory rw,relatime - tmpfs tmpfs rw,size=655360k
1336 1320 259:4 / /var/lib/op25b rw,relatime - ext4 /dev/nvme2n1 rw
1337 1320 259:1 /opt/local-path-provisioner/pvc-{UID}_awx_journal /local rw,noatime - xfs /dev/nvme0n1p1 rw
1338 1320 259:1 /srv/op25b /host rw,noatime - xfs /dev/nvme0n1p1 rw
1339 1320 259:1 /lib/kubelet/pods/{UID}/volumes/kubernetes.io~empty-dir/runner /runner/project rw - xfs /dev/nvme0n1p1 rw
"""
OWN = "the container's own file system"
MEMORY = "a file system in memory"
JOB = "the private directory of this job"


@pytest.mark.parametrize(
    ("mounts", "path", "on"),
    [
        (DOCKER, "/root/.local/state/ccsnet.op25b/journal.jsonl", OWN),
        (DOCKER, "/var/lib/op25b/journal.jsonl", ""),
        (DOCKER, "/var/lib/op25b", ""),
        (DOCKER, "/var/lib/op25bis/journal.jsonl", OWN),
        (DOCKER, "/var/lib/op25b/cache/journal.jsonl", MEMORY),
        (DOCKER, "/data/journal.jsonl", "a volume without a name, which goes with its container"),
        (DOCKER, "/srv/with space/journal.jsonl", ""),
        (DOCKER, "/srv/nfs/journal.jsonl", ""),
        (DOCKER, "/dev/shm/journal.jsonl", MEMORY),
        (DOCKER, "/work/journal.jsonl", "a temporary directory of the container's host"),
        (PODMAN, "/home/op25b/journal.jsonl", ""),
        (PODMAN, "/home/taro/journal.jsonl", OWN),
        (VFS, "/var/lib/op25b/journal.jsonl", OWN),
        (DISK, "/var/lib/op25b/journal.jsonl", OWN),
        (AWX_NODE, "/home/runner/.local/state/ccsnet.op25b/journal.jsonl", OWN),
        (AWX_NODE, "/runner/project/journal.jsonl", JOB),
        (AWX_NODE, "/etc/pki/ca-trust/journal.jsonl", OWN),
        (AWX_NODE, "/var/lib/op25b/journal.jsonl", ""),
        (AWX_ELSEWHERE, "/runner/journal.jsonl", JOB),
        (AWX_ELSEWHERE, "/elsewhere/journal.jsonl", JOB),
        (POD, "/runner/journal.jsonl", OWN),
        (POD, "/runner/project/journal.jsonl", "an emptyDir volume, which goes with its pod"),
        (POD, "/scratch/a/journal.jsonl", "an emptyDir volume, which goes with its pod"),
        (POD, "/etc/c/journal.jsonl", "a volume that goes with its pod"),
        (POD, "/memory/journal.jsonl", MEMORY),
        (POD, "/var/lib/op25b/journal.jsonl", ""),
        (POD, "/local/journal.jsonl", ""),
        (POD, "/host/journal.jsonl", ""),
        # Of two mounts at one place, the last one is seen.
        (POD + "1400 1320 0:9 / /host rw - tmpfs tmpfs rw\n", "/host/journal.jsonl", MEMORY),
        ("", "/host/journal.jsonl", OWN),
    ],
)
def test_what_a_path_is_on(mounts, path, on):
    assert lasting.temporary(path, mounts) == on


@pytest.mark.parametrize(
    ("environment", "marks", "job", "words"),
    [
        ({}, (), "", ""),
        ({"container": "lxc"}, (), "", ""),
        ({}, ("/.dockerenv",), "", "this container"),
        ({"container": "oci"}, (), "", "this container"),
        ({"KUBERNETES_SERVICE_HOST": "192.0.2.1"}, (), "", "this container"),
        ({}, (), "4711", "the container of AWX job 4711"),
        ({"container": "podman"}, ("/run/.containerenv",), "4711", "the container of AWX job 4711"),
    ],
)
def test_signs_of_a_container(environment, marks, job, words):
    assert lasting.container(environment, marks, job) == words


def test_the_refusal_says_the_two_ways_out():
    with pytest.raises(Op25bError) as raised:
        lasting.refuse("journal", "/j", "this container", OWN, "name a host in op25b_journal_host, or ")
    assert str(raised.value) == (
        "journal: /j goes with this container, as it is on the container's own file system; name a host in op25b_journal_host, "
        "or name a path on a volume that stays (AWX: Settings, Jobs, « Paths to expose to isolated jobs », or a volume in the "
        "pod specification of the container group), or set op25b_volatile: true where it may go."
    )
