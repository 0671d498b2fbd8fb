# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages that roles install inside of lab hosts, which have no way to a mirror.

They are fetched once by this machine's apt into the checkout's `.cache/debs`, where a small index makes a repository
of them. A host has that repository alone, so `ansible.builtin.apt` really installs there, `update_cache` included.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

PACKAGES = (
    *("postfix", "postfix-pcre", "postfix-pgsql", "postfix-mysql", "postfix-ldap", "ssl-cert"),
    *("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-pgsql", "dovecot-mysql", "dovecot-ldap"),
    *("rspamd", "redis-server", "python3-redis", "python3-dnspython"),
    *("rsyslog", "logrotate", "nftables", "cron", "prometheus-postfix-exporter", "daemon"),
    "haproxy",
    *("postgresql", "mariadb-server", "slapd", "ldap-utils", "dnsmasq", "python3-psycopg2", "python3-pymysql", "python3-ldap"),
    # What swaks only recommends is its TLS and its IPv6.
    *("swaks", "libnet-ssleay-perl", "libio-socket-inet6-perl", "libsocket6-perl"),
)
DIRECTORY = Path(__file__).resolve().parents[1] / ".cache" / "debs"


class Archive(NamedTuple):
    """A directory of packages and its index."""

    directory: Path
    packages: Path


def fetch(again: bool = False) -> Archive:
    """Make sure that the packages are there; asks a mirror only when they are not."""
    # Here, not above: machine imports this module.
    from lab.machine import LabError

    archive = Archive(DIRECTORY, DIRECTORY / "Packages")
    stamp = DIRECTORY / "fetched"
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    wanted = " ".join(PACKAGES) + "\n" + release
    if not again and stamp.exists() and archive.packages.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return archive
    (DIRECTORY / "partial").mkdir(parents=True, exist_ok=True)
    install = [
        *("apt-get", "--yes", "--quiet", "--download-only", "--no-install-recommends", "--no-upgrade", "install"),
        *("-o", f"Dir::Cache::archives={DIRECTORY}", "-o", "APT::Keep-Downloaded-Packages=true"),
        # Waits for whoever else installs something: a machine that updates itself does so unasked.
        *("-o", "DPkg::Lock::Timeout=300", *PACKAGES),
    ]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    for command in (install, ["apt-get", "--quiet", "update"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if command is install and done.returncode == 0:
            break
    else:
        reason = (done.stderr.strip().splitlines() or ["apt-get gave no reason"])[-1]
        raise LabError(f"the packages that lab hosts install could not be fetched: {reason} (tried: {' '.join(install)})")
    index = "\n".join(stanza(deb) for deb in sorted(DIRECTORY.glob("*.deb")))
    archive.packages.write_text(index, encoding="utf-8")
    # What `apt-get update` asks for first.
    archive.packages.with_suffix(".xz").write_bytes(lzma.compress(index.encode()))
    stamp.write_text(wanted, encoding="utf-8")
    return archive


def stanza(deb: Path) -> str:
    """The entry of a package in the index."""
    control = subprocess.run(["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return f"{control.strip()}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
