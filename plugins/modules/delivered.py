#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what became of mails, by the log of the relay that took them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: delivered
short_description: Tell what became of mails, by the log of the relay that took them
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Follows the log of Postfix on this host until each mail has left the queue, or until the time is over.
  - The log is the file of C(maillog_file) where Postfix has one, else that of the role P(ccsnet.op25b.submission_relay#role),
    else the journal of systemd, else C(/var/log/mail.log).
  - Needs the right to read that log, usually that of root.
options:
  queue_ids:
    description: The names under which Postfix has queued the mails, for example from M(ccsnet.op25b.submission).
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds for which to wait. A mail that this relay does not know is waited for 3 seconds at most.
    type: float
    default: 30
attributes:
  check_mode:
    description: Nothing is ever changed. The log is read in check mode, too.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - Of a log file, the last 32 MiB are read; of the journal, the last hour.
seealso:
  - module: ccsnet.op25b.submission
"""

EXAMPLES = r"""
- name: What became of the mails that the customers have sent
  ccsnet.op25b.delivered:
    queue_ids: "{{ sent.mails | map(attribute='queue_id') | select | list }}"
  register: arrived
  failed_when: arrived.mails | map(attribute='status') | unique != ['sent']
"""

RETURN = r"""
mails:
  description: One entry for each mail and recipient, in the order of O(queue_ids).
  returned: always
  type: list
  elements: dict
  contains:
    queue_id:
      description: The mail.
      type: str
    status:
      description:
        - V(sent) when the next hop took it.
        - V(deferred) when it did not yet, and Postfix tries again.
        - V(bounced) when it will not, V(expired) when Postfix has tried for too long.
        - V(queued) when the relay has the mail, but has not tried yet.
        - V(not_seen) when the log does not have the mail.
      type: str
    recipient:
      description: The recipient. Empty for V(queued) and V(not_seen).
      type: str
    relay:
      description: The next hop, with its address and port. V(none) when Postfix did not come so far.
      type: str
    detail:
      description: The answer of the next hop, or what Postfix says.
      type: str
  sample:
    - {queue_id: 4F2A1C09D3, status: sent, recipient: friend@mobile.example, relay: "203.0.113.10[203.0.113.10]:25",
       detail: 250 OK}
log:
  description: What was read.
  returned: always
  type: str
  sample: /var/log/submission_relay/mail.log
"""

import os
import re
import time

from ansible.module_utils.basic import AnsibleModule

JOURNAL = "/run/systemd/journal/socket"
FILE = "/var/log/mail.log"
OURS = "/var/log/submission_relay/mail.log"
TAIL = 32 << 20
LOGGED = 3
"""Seconds in which a relay's log has a mail that it took: it writes the line before it answers, and a syslog may be behind."""
# A line of a file begins with time, host and program, one of the journal with the queue id.
LINE = re.compile(r"(?:\S.*? [\w./-]+\[\d+\]: )?(?P<queue_id>[0-9A-Za-z]{5,}): (?P<text>.*)")
DELIVERY = re.compile(
    r"to=<(?P<recipient>[^>]*)>, (?:orig_to=<[^>]*>, )?relay=(?P<relay>.*?), .*?status=(?P<status>\w+) \((?P<detail>.*)\)$"
)
EXPIRED = re.compile(r"from=<[^>]*>, status=(?:force-)?expired")


class Mail:
    """One mail, as the log has it."""

    def __init__(self, queue_id):
        self.queue_id = queue_id
        self.recipients = {}
        self.seen = self.left = False

    def read(self, text):
        """Take one line of the log about this mail."""
        if text.startswith(("client=", "uid=")):
            # Postfix uses its queue ids again.
            self.recipients, self.left = {}, False
        self.seen = True
        found = DELIVERY.match(text)
        if found:
            self.recipients[found["recipient"]] = {key: found[key] for key in ("status", "relay", "detail")}
        elif EXPIRED.match(text):
            # It was deferred for days, for which the log need not have a line any more.
            self.recipients = self.recipients or {"": {"relay": "none", "detail": "tried for too long"}}
            for news in self.recipients.values():
                if news.get("status", "deferred") == "deferred":
                    news["status"] = "expired"
        elif text.startswith("removed"):
            self.left = True

    def entries(self):
        """What became of it, a dictionary for each recipient."""
        if not self.recipients:
            nothing = {"status": "queued" if self.seen else "not_seen", "recipient": "", "relay": "none"}
            detail = "the relay has not tried yet" if self.seen else "the relay's log does not have this mail"
            return [{"queue_id": self.queue_id, **nothing, "detail": detail}]
        return [{"queue_id": self.queue_id, "recipient": to, **news} for to, news in self.recipients.items()]


class File:
    """A log in a file."""

    def __init__(self, path):
        self.name = path
        self.file = None

    def read(self):
        """What is new in it; at first, its end."""
        found = self.file.read() if self.file else b""
        try:
            there = os.stat(self.name)
        except FileNotFoundError:
            return found.decode(errors="replace")
        first = self.file is None
        if first or there.st_ino != os.fstat(self.file.fileno()).st_ino:
            # In its place is another one when it was rotated.
            found += self.close()
            self.file = open(self.name, "rb")  # noqa: SIM115
            self.file.seek(max(there.st_size - TAIL, 0) if first else 0)
            found += self.file.read()
        return found.decode(errors="replace")

    def close(self):
        """What was still in it."""
        if not self.file:
            return b""
        with self.file as ended:
            return ended.read()


class Journal:
    """What mail programs tell the journal of systemd."""

    name = "journal"

    def __init__(self, run):
        """Programs are run by the module's run_command."""
        self.run = run
        self.since = "--since=-1h"

    def read(self):
        """What is new in it; at first, the last hour."""
        asked = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--show-cursor", self.since, "SYSLOG_FACILITY=2"]
        found, _head, cursor = self.run(asked, check_rc=True)[1].rpartition("-- cursor: ")
        if not cursor.strip():
            return ""
        self.since = f"--after-cursor={cursor.strip()}"
        return found


def follow(log, mails, timeout):
    """Read until each mail has left the queue or is another relay's, or the time is over."""
    by_id = {mail.queue_id: mail for mail in mails}
    start = time.monotonic()
    rest = ""
    while True:
        *lines, rest = (rest + log.read()).split("\n")
        for line in lines:
            found = LINE.match(line)
            if found and found["queue_id"] in by_id:
                by_id[found["queue_id"]].read(found["text"])
        elapsed = time.monotonic() - start
        if elapsed >= timeout or all(mail.left or (elapsed > LOGGED and not mail.seen) for mail in mails):
            return
        time.sleep(0.3)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "queue_ids": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 30},
        },
        supports_check_mode=True,
    )
    for queue_id in module.params["queue_ids"]:
        if not re.fullmatch(r"[0-9A-Za-z]{5,}", queue_id):
            module.fail_json(msg=f"queue_ids: {queue_id!r} is not a queue id of Postfix; give one as 4F2A1C09D3")
    mails = [Mail(queue_id) for queue_id in dict.fromkeys(module.params["queue_ids"])]
    postconf = module.get_bin_path("postconf")
    if not postconf:
        module.fail_json(msg="there is no Postfix on this host; run this on the relay")
    path = module.run_command([postconf, "-h", "maillog_file"])[1].strip() or (OURS if os.path.exists(OURS) else "")
    log = Journal(module.run_command) if not path and os.path.exists(JOURNAL) else File(path or FILE)
    follow(log, mails, module.params["timeout"])
    module.exit_json(changed=False, mails=[entry for mail in mails for entry in mail.entries()], log=log.name)


if __name__ == "__main__":
    main()
