#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell how a submission relay is: queue, senders, suspended logins, certificate, DKIM, servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: relay_state
short_description: Tell how a submission relay is
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Asks the servers of a relay that the role P(ccsnet.op25b.submission_relay#role) has made, and reads its mail log.
  - What it finds is judged and shown by the filters P(ccsnet.op25b.relay_status#filter) and
    P(ccsnet.op25b.relay_status_table#filter). The playbook C(ccsnet.op25b.relay_status) does all of it.
  - A part that does not answer is a part of the answer, and no failure.
  - Needs the right to read queue, log and keys, usually that of root.
options:
  hostname:
    description: The name for which the certificate should be. The host's own name with its domain where it is left out.
    type: str
  certificate:
    description: The certificate with its chain, in PEM.
    type: path
    required: true
  key:
    description: Its key, in PEM.
    type: path
    required: true
  domains:
    description: The domains whose mail is signed.
    type: list
    elements: str
    default: []
  selectors:
    description: The selectors of their DKIM keys. The first one signs.
    type: list
    elements: str
    default: []
  dkim_directory:
    description: Where the keys are, as C(SELECTOR._domainkey.DOMAIN.key).
    type: path
    default: /var/lib/rspamd/dkim
  nameservers:
    description:
      - Addresses of name servers that are asked for the DKIM records. Left out, those of the host.
      - Where these see another side of the DNS than the world does, give one that sees what the world sees.
    type: list
    elements: str
    default: []
  dns_timeout:
    description: Seconds for which to wait for each record.
    type: float
    default: 3
  log:
    description: The mail log. Rotated ones stand beside it, with more behind their name.
    type: path
    default: /var/log/submission_relay/mail.log
  hours:
    description: How many hours back the senders are counted.
    type: int
    default: 24
  log_mib:
    description: How many MiB of logs are read at most, the newest first.
    type: int
    default: 256
  top:
    description: How many senders are told, those with the most recipients first.
    type: int
    default: 10
attributes:
  check_mode:
    description: Nothing is ever changed. The relay is asked in check mode, too.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - Needs C(openssl) and Postfix on the host, and python3-dnspython for the DKIM records.
seealso:
  - plugin: ccsnet.op25b.relay_status
    plugin_type: filter
  - module: ccsnet.op25b.delivered
"""

EXAMPLES = r"""
- name: How this relay is
  ccsnet.op25b.relay_state:
    hostname: msa1.example.net
    certificate: /etc/ssl/certs/submission_relay.pem
    key: /etc/ssl/private/submission_relay.key
    domains: [ccsnet.ne.jp, m2.ccsnet.ne.jp]
    selectors: [op25b1]
  register: relay_found
"""

RETURN = r"""
hostname:
  description: The name for which the certificate should be.
  returned: always
  type: str
  sample: msa1.example.net
addresses:
  description: The addresses from which mail leaves, as far as Postfix's smtp_bind_address or the host's routes say.
  returned: always
  type: list
  elements: str
  sample: [192.0.2.25, "2001:db8:25::25"]
queue:
  description: What is in Postfix's queue.
  returned: always
  type: dict
  contains:
    problem:
      description: Why it could not be read; then the rest is missing.
      type: str
    incoming:
      description: Mails that the queue manager has not taken yet.
      type: int
    active:
      description: Mails that are being delivered.
      type: int
    active_limit:
      description: How many can be at most (C(qmgr_message_active_limit)).
      type: int
    deferred:
      description: Mails that wait for another attempt.
      type: int
    hold:
      description: Mails that a person has put aside.
      type: int
    recipients:
      description: The recipients of all of them.
      type: int
    oldest:
      description: The age of the oldest in seconds; null where there is none.
      type: int
    reasons:
      description: Why recipients wait, the most frequent five.
      type: list
      elements: dict
      contains:
        reason:
          description: What Postfix says, without addresses and names.
          type: str
        recipients:
          description: How many recipients.
          type: int
    free_percent:
      description: How much of the disk with the queue is free.
      type: int
log:
  description: What was read of the mail log.
  returned: always
  type: dict
  contains:
    files:
      description: The files, the oldest first.
      type: list
      elements: str
    since:
      description: The time of the first line that was counted; null where there was none.
      type: str
    complete:
      description: Whether all hours were read. They were not where O(log_mib) was too small, or the log is younger.
      type: bool
sent:
  description: Mails and recipients that logins have handed in, in O(hours).
  returned: always
  type: dict
  contains:
    logins:
      description: How many logins.
      type: int
    mails:
      description: How many mails.
      type: int
    recipients:
      description: How many recipients.
      type: int
senders:
  description: The logins with the most recipients.
  returned: always
  type: list
  elements: dict
  contains:
    login:
      description: The login.
      type: str
    mails:
      description: How many mails.
      type: int
    recipients:
      description: How many recipients.
      type: int
    bounced:
      description: How many of them bounced.
      type: int
    addresses:
      description: From how many addresses.
      type: int
suspended:
  description: The suspended logins; null where they could not be asked for, see RV(services).
  returned: always
  type: list
  elements: dict
  contains:
    login:
      description: The login.
      type: str
    why:
      description: Why.
      type: str
certificate:
  description: The certificate.
  returned: always
  type: dict
  contains:
    problem:
      description: Why it could not be read; then the rest is missing.
      type: str
    not_after:
      description: Its end, in UTC.
      type: str
    days_left:
      description: Whole days until then; negative after it.
      type: int
    names:
      description: The names in it.
      type: list
      elements: str
    hostname_matches:
      description: Whether it is for O(hostname).
      type: bool
    key_fits:
      description: Whether O(key) is its key.
      type: bool
    trusted:
      description: Whether the host's certificate authorities vouch for it.
      type: bool
    served:
      description: Whether port 465 shows this very certificate; null where it does not answer.
      type: bool
old_tls:
  description: Whether port 465 takes TLS 1.1 now; null where it does not answer.
  returned: always
  type: bool
dkim:
  description: Each key and its DNS record.
  returned: always
  type: list
  elements: dict
  contains:
    domain:
      description: The domain.
      type: str
    selector:
      description: The selector.
      type: str
    signs:
      description: Whether this is the one that signs.
      type: bool
    name:
      description: The name of the DNS record.
      type: str
    record:
      description: What the TXT record should be. Empty where there is no key.
      type: str
    state:
      description:
        - V(ok) when the record is published and has this key.
        - V(missing) when there is none, V(revoked) when it has no key.
        - V(differs) when it has another key, or is none of DKIM.
        - V(no key) when there is no key on this host, V(unknown) when the DNS did not answer.
      type: str
    detail:
      description: More about it, for a person.
      type: str
services:
  description: The servers of the relay.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: V(postfix), V(dovecot), V(rspamd), V(guard) or V(redis).
      type: str
    up:
      description: Whether it answers as it should.
      type: bool
    version:
      description: Its version. Empty where it is not known.
      type: str
    detail:
      description: What is wrong. Empty where nothing is.
      type: str
"""

import base64
import concurrent.futures
import glob
import gzip
import http.client
import json
import os
import re
import smtplib
import socket
import ssl
import time
import warnings
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

try:
    import dns.exception
    import dns.resolver
except ImportError:
    dns = None

LOOPBACK = "127.0.0.1"
WAIT = 5
"""Seconds for which a server on this host may think."""
QUEUES = ("incoming", "active", "deferred", "hold")
SPOOL = "/var/spool/postfix"
ED25519 = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key; DKIM takes these alone (RFC 8463)."""
GZIP_RATIO = 12
"""A mail log becomes about so much smaller."""

TAKEN = re.compile(
    rb"smtpd\[\d+\]: (?P<id>[0-9A-Za-z]+): client=[^\[]*\[(?P<address>[^\]]*)\].*?, sasl_username=(?P<login>[^,\s]+)"
)
QUEUED = re.compile(rb"qmgr\[\d+\]: (?P<id>[0-9A-Za-z]+): from=<.*>, size=\d+, nrcpt=(?P<count>\d+) ")
BOUNCED = re.compile(rb"\]: (?P<id>[0-9A-Za-z]+): to=<.*, status=bounced ")
GONE = re.compile(rb"\]: (?P<id>[0-9A-Za-z]+): (?:removed|milter-reject: END-OF-MESSAGE)")
CLOCK = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
# What differs from one recipient to the next: addresses of mail and of hosts, and words in brackets.
VARIABLE = re.compile(r"<[^>]*>|(?<=name=)\S+|\S+@\S+|\S*\[[^\]]*\](?::\d+)?|\b\d+(?:\.\d+){3}\b")


class Senders:
    """Who has handed in how much, by the lines of Postfix."""

    def __init__(self):
        self.by_login = {}
        self.open = {}
        self.waiting = {}

    def read(self, line):
        """Take one line of the log."""
        if b", sasl_username=" in line:
            found = TAKEN.search(line)
            if found:
                self.waiting[found["id"]] = (found["login"].decode(errors="replace").lower(), found["address"])
        elif b", nrcpt=" in line:
            found = QUEUED.search(line)
            taken = self.waiting.pop(found["id"], None) if found else None
            # The queue manager says it again for each attempt.
            if taken:
                login, address = taken
                of = self.by_login.setdefault(login, {"mails": 0, "recipients": 0, "bounced": 0, "addresses": set()})
                of["mails"] += 1
                of["recipients"] += int(found["count"])
                of["addresses"].add(address)
                self.open[found["id"]] = of
        elif b", status=bounced " in line:
            found = BOUNCED.search(line)
            if found and found["id"] in self.open:
                self.open[found["id"]]["bounced"] += 1
        elif b": removed" in line or b": milter-reject: END" in line:
            found = GONE.search(line)
            if found:
                self.waiting.pop(found["id"], None)
                self.open.pop(found["id"], None)

    def most(self, count):
        """The logins with the most recipients."""
        ordered = sorted(self.by_login.items(), key=lambda each: (-each[1]["recipients"], each[0]))
        return [{"login": login, **of, "addresses": len(of["addresses"])} for login, of in ordered[:count]]

    def sums(self):
        """All of them."""
        mails, recipients = (sum(of[key] for of in self.by_login.values()) for key in ("mails", "recipients"))
        return {"logins": len(self.by_login), "mails": mails, "recipients": recipients}


def stamp(line, now):
    """The time at the beginning of a line, in seconds; None where there is none."""
    try:
        if line[:1].isdigit():
            word = line.split(b" ", 1)[0].decode()
            return datetime.fromisoformat(word.replace("Z", "+00:00")).timestamp()
        if not CLOCK.match(line):
            return None
        # The traditional form has no year.
        year = time.localtime(now).tm_year
        for each in (year, year - 1):
            at = time.mktime(time.strptime(f"{each} {line[:15].decode()}", "%Y %b %d %H:%M:%S"))
            if at < now + 86400:
                return at
    except (ValueError, OverflowError):
        pass
    return None


def read_logs(path, since, now, limit, senders):
    """Give what the log and the rotated ones have since a time to `senders`; what was read."""
    files, complete = [], False
    there = {name: os.stat(name) for name in glob.glob(glob.escape(path) + "*") if os.path.isfile(name)}
    for name, found in sorted(there.items(), key=lambda each: each[1].st_mtime, reverse=True):
        if found.st_mtime < since:
            complete = True
            break
        size = found.st_size * (GZIP_RATIO if name.endswith(".gz") else 1)
        skip = max(size - limit, 0)
        if skip and name.endswith(".gz"):
            break
        files.insert(0, (name, skip))
        limit -= size - skip
        if limit <= 0:
            break
    first = None
    for name, skip in files:
        with gzip.open(name) if name.endswith(".gz") else open(name, "rb") as log:
            if skip:
                log.seek(skip)
                log.readline()
            begun = False
            for line in log:
                if not begun:
                    at = stamp(line, now)
                    if at is None:
                        continue
                    if at < since:
                        complete = True
                        continue
                    begun, first = True, at if first is None else first
                senders.read(line)
    said = None if first is None else datetime.fromtimestamp(first, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"files": [name for name, _skip in files], "since": said, "complete": complete}


def queue(run, now, active_limit):
    """What is in the queue, by `postqueue -j`."""
    counts, recipients, oldest, reasons = dict.fromkeys(QUEUES, 0), 0, None, {}
    code, found, said = run(["postqueue", "-j"])
    if code:
        return {"problem": said.strip() or f"postqueue ended with {code}"}
    try:
        for line in found.splitlines():
            mail = json.loads(line)
            name = mail["queue_name"]
            # What the host's own programs hand in comes by « maildrop ».
            counts[name if name in counts else "incoming"] += 1
            oldest = min(oldest or mail["arrival_time"], mail["arrival_time"])
            for recipient in mail["recipients"]:
                recipients += 1
                why = VARIABLE.sub("…", recipient.get("delay_reason", "")).strip()
                if why:
                    reasons[why] = reasons.get(why, 0) + 1
        disk = os.statvfs(SPOOL)
    except (OSError, ValueError, KeyError, TypeError) as err:
        return {"problem": f"postqueue: {reason(err)}"}
    most = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))[:5]
    return {
        **counts,
        "active_limit": active_limit,
        "recipients": recipients,
        "oldest": None if oldest is None else max(int(now) - oldest, 0),
        "reasons": [{"reason": why, "recipients": count} for why, count in most],
        "free_percent": 100 * disk.f_bavail // max(disk.f_blocks, 1),
    }


def tls(newest=None):
    """A client that looks, and trusts nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if newest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def shown():
    """The certificate at port 465, as DER; None where it does not answer."""
    try:
        with smtplib.SMTP_SSL(LOOPBACK, 465, timeout=WAIT, context=tls()) as client:
            return client.sock.getpeercert(True)
    except (OSError, smtplib.SMTPException):
        return None


def takes_old_tls():
    """Whether port 465 takes TLS 1.1; None where it does not answer."""
    try:
        with socket.create_connection((LOOPBACK, 465), timeout=WAIT) as plain:
            try:
                with tls(ssl.TLSVersion.TLSv1_1).wrap_socket(plain):
                    return True
            except (ssl.SSLError, ConnectionResetError):
                return False
    except OSError:
        return None


def certificate(run, path, key, hostname):
    """What is to be said of the certificate, by openssl."""
    # Where the name does not match, newer ones end with 1: what was found is asked, and not the code.
    _code, found, said = run(
        ["openssl", "x509", "-in", path, "-noout", "-enddate", "-ext", "subjectAltName", "-checkhost", hostname, "-pubkey"]
    )
    ends = re.search(r"notAfter=(.*)", found)
    pem = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", found, re.DOTALL)
    if not ends or not pem:
        return {"problem": f"{path} has no certificate in PEM: {said.strip().split(chr(10))[0]}"}
    end, public = ssl.cert_time_to_seconds(ends[1]), pem[0]
    of_key = run(["openssl", "pkey", "-in", key, "-pubout"])[1].strip()
    with open(path, encoding="ascii", errors="replace") as file:
        leaf = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", file.read(), re.DOTALL)[0]
    seen = shown()
    trusted = run(["openssl", "verify", "-purpose", "sslserver", "-untrusted", path, path])[0] == 0
    return {
        "not_after": datetime.fromtimestamp(end, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": int((end - time.time()) // 86400),
        "names": re.findall(r"(?:DNS|IP Address):([^,\s]+)", found),
        "hostname_matches": "does match certificate" in found,
        "key_fits": of_key == public,
        "trusted": trusted,
        "served": None if seen is None else seen == ssl.PEM_cert_to_DER_cert(leaf),
    }


def record_of(run, path):
    """What the DNS should say for a private key; None where there is none, and why."""
    if not os.path.exists(path):
        return None, f"there is no {path}"
    code, pem, _said = run(["openssl", "pkey", "-in", path, "-pubout"])
    if code:
        return None, f"{path} is no private key in PEM"
    found = base64.b64decode("".join(line for line in pem.split("\n") if not line.startswith("-----")))
    kind, public = ("ed25519", found[len(ED25519) :]) if found.startswith(ED25519) else ("rsa", found)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}", ""


def tags(record):
    """The tags of a DKIM record (RFC 6376, 3.2)."""
    found = {}
    for word in record.split(";"):
        name, equals, value = word.partition("=")
        if equals:
            found[name.strip()] = re.sub(r"\s", "", value)
    return found


def compare(record, published):
    """What is to be said of the records that the DNS has, and more for a person."""
    keys = [text for text in published if "p" in tags(text)]
    if not keys:
        return "differs", f"the TXT record there is none of DKIM: {' | '.join(published)}"
    if len(keys) > 1:
        return "differs", f"there are {len(keys)} records where one may be"
    wanted, there = tags(record), tags(keys[0])
    if not there["p"]:
        return "revoked", "its p= is empty"
    if there["p"] != wanted["p"] or there.get("k", "rsa") != wanted["k"] or there.get("v", "DKIM1") != "DKIM1":
        return "differs", f"published is: {keys[0]}"
    return "ok", ""


def ask_dns(name, record, nameservers, timeout):
    """Whether a record is published."""
    if dns is None:
        return "unknown", "python3-dnspython is not on the relay"
    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
        if nameservers:
            resolver.nameservers = nameservers
        answer = resolver.resolve(name, "TXT", lifetime=timeout)
    except dns.resolver.NXDOMAIN:
        return "missing", "NXDOMAIN"
    except dns.resolver.NoAnswer:
        return "missing", "the name has no TXT record"
    except (dns.exception.DNSException, OSError, ValueError) as err:
        return "unknown", f"the DNS did not answer: {' '.join(str(err).split()) or type(err).__name__}"
    return compare(record, [b"".join(text.strings).decode(errors="replace") for text in answer])


def dkim(run, params):
    """Each key and its DNS record."""
    found = []
    for domain in params["domains"]:
        for selector in params["selectors"]:
            name = f"{selector}._domainkey.{domain}"
            record, why = record_of(run, os.path.join(params["dkim_directory"], f"{name}.key"))
            row = {"domain": domain, "selector": selector, "signs": selector == params["selectors"][0], "name": name}
            found.append({**row, "record": record or "", "state": "no key", "detail": why})
    known = [row for row in found if row["record"]]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda row: ask_dns(row["name"], row["record"], params["nameservers"], params["dns_timeout"]), known)
        for row, (state, detail) in zip(known, answers):
            row["state"], row["detail"] = state, detail
    return found


def reason(err):
    """An error in words."""
    return getattr(err, "strerror", None) or str(err) or type(err).__name__


def postfix_answers():
    """What is wrong with ports 587 and 465."""
    try:
        with smtplib.SMTP(LOOPBACK, 587, timeout=WAIT) as client:
            client.ehlo()
            if not client.has_extn("starttls"):
                return "port 587 offers no STARTTLS"
    except (OSError, smtplib.SMTPException) as err:
        return f"port 587: {reason(err)}"
    try:
        with smtplib.SMTP_SSL(LOOPBACK, 465, timeout=WAIT, context=tls()):
            pass
    except (OSError, smtplib.SMTPException) as err:
        return f"port 465: {reason(err)}"
    return ""


def socket_answers(path, greeting=b""):
    """What is wrong with a socket where Postfix asks."""
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(WAIT)
            asked.connect(path)
            if greeting and not asked.recv(4096).startswith(greeting):
                return f"its socket for Postfix says something else than {greeting.decode()}"
    except OSError as err:
        return f"its socket for Postfix: {reason(err)}"
    return ""


def http_answers(port, path):
    """What is wrong with an HTTP server of this host."""
    asked = http.client.HTTPConnection(LOOPBACK, port, timeout=WAIT)
    try:
        asked.request("GET", path)
        answer = asked.getresponse()
        said = answer.read(200).decode(errors="replace").strip()
        return "" if answer.status == 200 else f"port {port}: {answer.status} {said}"
    except (OSError, http.client.HTTPException) as err:
        return f"port {port}: {reason(err)}"
    finally:
        asked.close()


def suspended(module):
    """The suspended logins, or None and why."""
    program = module.get_bin_path("submission-relay-login", opt_dirs=["/usr/local/sbin", "/usr/local/bin"])
    if not program:
        return None, "submission-relay-login is not on this host"
    code, found, said = module.run_command([program, "list", "--json"])
    if code:
        return None, (said or found).strip().split("\n")[-1] or f"{program} ended with {code}"
    try:
        return [{"login": str(each["login"]), "why": str(each["why"])} for each in json.loads(found)], ""
    except (ValueError, TypeError, KeyError) as err:
        return None, f"submission-relay-login list --json says something else: {err}"


def version(run, words, pattern):
    """The version that a program tells of itself; empty where there is none."""
    code, found, said = run(words)
    match = re.search(pattern, found or said) if code == 0 else None
    return match[1] if match else ""


def addresses(run):
    """The addresses from which mail leaves."""
    found = []
    for family, parameter, far in (
        (socket.AF_INET, "smtp_bind_address", "198.51.100.1"),
        (socket.AF_INET6, "smtp_bind_address6", "2001:db8::1"),
    ):
        bound = run(["postconf", "-h", parameter])[1].strip()
        if bound:
            found.append(bound)
            continue
        try:
            # For UDP, connecting sends nothing: the kernel chooses the route alone.
            with socket.socket(family, socket.SOCK_DGRAM) as chosen:
                chosen.connect((far, 9))
                found.append(chosen.getsockname()[0])
        except OSError:
            pass
    return [address for address in found if address not in ("127.0.0.1", "::1")]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "hostname": {"type": "str"},
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
            "domains": {"type": "list", "elements": "str", "default": []},
            "selectors": {"type": "list", "elements": "str", "default": []},
            "dkim_directory": {"type": "path", "default": "/var/lib/rspamd/dkim"},
            "nameservers": {"type": "list", "elements": "str", "default": []},
            "dns_timeout": {"type": "float", "default": 3},
            "log": {"type": "path", "default": "/var/log/submission_relay/mail.log"},
            "hours": {"type": "int", "default": 24},
            "log_mib": {"type": "int", "default": 256},
            "top": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    params, now = module.params, time.time()

    def run(words, **more):
        found = module.get_bin_path(words[0])
        return module.run_command([found, *words[1:]], **more) if found else (127, "", f"there is no {words[0]} on this host")

    if not module.get_bin_path("postqueue"):
        module.fail_json(msg="there is no Postfix on this host; run this on the relay")
    hostname = params["hostname"] or socket.getfqdn()
    limit = int(run(["postconf", "-h", "qmgr_message_active_limit"])[1].strip() or 0)
    senders = Senders()
    log = read_logs(params["log"], now - params["hours"] * 3600, now, params["log_mib"] << 20, senders)
    logins, redis = suspended(module)
    services = [
        ("postfix", postfix_answers(), (["postconf", "-h", "mail_version"], r"(\S+)")),
        ("dovecot", socket_answers(os.path.join(SPOOL, "private/auth"), b"VERSION"), (["dovecot", "--version"], r"(\S+)")),
        ("rspamd", socket_answers("/run/rspamd/milter.sock"), (["rspamd", "--version"], r"version (\S+)")),
        ("guard", http_answers(11335, "/health"), None),
        ("redis", redis, (["redis-server", "--version"], r"v=(\S+)")),
    ]
    module.exit_json(
        changed=False,
        hostname=hostname,
        addresses=addresses(run),
        queue=queue(run, now, limit),
        log=log,
        sent=senders.sums(),
        senders=senders.most(params["top"]),
        suspended=logins,
        certificate=certificate(run, params["certificate"], params["key"], hostname),
        old_tls=takes_old_tls(),
        dkim=dkim(run, params),
        services=[
            {"name": name, "up": not wrong, "version": version(run, *asked) if asked else "", "detail": wrong}
            for name, wrong, asked in services
        ],
    )


if __name__ == "__main__":
    main()
