#!/bin/sh
# Boots the systemd of this machine as PID 1 of namespaces of its own, on a copy-on-write view of this machine's /.
# Run by: unshare --ipc --mount --net --pid --uts --cgroup --fork sh systemd_host.sh DIRECTORY
# DIRECTORY/upper is the host's disk: it stays when the host is rebooted.
set -eu
root=$1/root
mkdir -p "$root" "$1/upper" "$1/work"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
ip link set lo up

# Units that act on the machine's hardware, or on its network, which a host in a namespace does not have.
mkdir -p "$root/etc/systemd/system"
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket \
    systemd-journal-flush.service systemd-modules-load.service systemd-remount-fs.service systemd-random-seed.service \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount networking.service apparmor.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
find -L "$root/etc/systemd/system" "$root/lib/systemd/system" -name '*.timer' -exec basename {} \; | while read -r timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$timer"
done
cat > "$root/etc/systemd/system/op25b-test.target" <<UNIT
[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
UNIT

cd "$root"
mkdir -p .oldroot
pivot_root . .oldroot
umount -l /.oldroot
rmdir /.oldroot
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=op25b \
    /lib/systemd/systemd --system --unit=op25b-test.target --show-status=0 --log-target=null
