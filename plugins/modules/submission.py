#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a mail through the submission ports of a relay, as a customer's mail program does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: submission
short_description: Send a mail through the submission ports of a relay
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Sends one mail through each port from this host, as a customer's mail program does, and tells whether the relay took it.
    What became of it then is told by M(ccsnet.op25b.delivered).
  - Port 587 must offer STARTTLS (RFC 6409), port 465 begins with TLS (RFC 8314). The relay's certificate is verified on both, and
    the mail is sent with a login on both.
  - A mail that is refused is no failure of the task. It fails for parameters that are wrong.
  - Runs on any Linux host with Python 3.9 or later and needs neither root nor a package.
options:
  host:
    description: The relay, as an address or a name.
    type: str
    required: true
  ports:
    description: The ports that are tried, one after the other.
    type: list
    elements: int
    choices: [587, 465]
    default: [587, 465]
  login:
    description: The login of a mailbox that is there for this.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  sender:
    description: The address from which the mail comes. It must be one that the login may use.
    type: str
    required: true
  recipient:
    description: The address to which it goes.
    type: str
    required: true
  server_name:
    description: The name that the relay's certificate must have. Left out, it is O(host).
    type: str
  ca:
    description: Certificates that are trusted, as PEM. Left out, they are those that this host trusts.
    type: str
  source:
    description: The address of this host from which to connect. Left out, the routing table picks it.
    type: str
  timeout:
    description: Seconds for which one answer of the relay is waited for.
    type: float
    default: 20
attributes:
  check_mode:
    description: A mail is a mail, so that none is sent in check mode.
    support: none
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: ccsnet.op25b.delivered
  - module: ccsnet.op25b.probe
"""

EXAMPLES = r"""
- name: A customer of this pool sends through the relay
  ccsnet.op25b.submission:
    host: 192.0.2.25
    server_name: msa1.example.net
    login: taro@ccsnet.ne.jp
    password: "{{ vault_taro }}"
    sender: taro@ccsnet.ne.jp
    recipient: friend@mobile.example
  register: sent
  failed_when: sent.mails | rejectattr('ok') | length > 0
"""

RETURN = r"""
mails:
  description: One entry for each of O(ports).
  returned: always
  type: list
  elements: dict
  contains:
    port:
      description: The port.
      type: int
    ok:
      description: Whether the relay took the mail.
      type: bool
    tls:
      description: The version of TLS. Empty when it did not come to that.
      type: str
    queue_id:
      description: The name under which Postfix has queued the mail. Empty when it was not taken, or by another program.
      type: str
    message_id:
      description: The mail's Message-ID.
      type: str
    detail:
      description: How it ended, as one sentence with the relay's own words.
      type: str
    ms:
      description: Milliseconds from the connection to the relay's last answer.
      type: float
  sample:
    - {port: 587, ok: true, tls: TLSv1.3, queue_id: 4F2A1C09D3, message_id: <op25b.5d0c@ccsnet.ne.jp>,
       detail: "the relay took it: 250 2.0.0 Ok: queued as 4F2A1C09D3", ms: 61.2}
"""

import base64
import ipaddress
import re
import smtplib
import socket
import ssl
import time
import uuid
from email import policy
from email.message import EmailMessage
from email.utils import formatdate

from ansible.module_utils.basic import AnsibleModule

TLS_FROM_THE_START = 465


class RefusedError(Exception):
    """The relay did not do what it was asked for; the text is a sentence."""


class Named:
    """A context of TLS that holds the certificate against a given name: smtplib takes the host to which it connects."""

    def __init__(self, context, name):
        self.context, self.name = context, name

    def wrap_socket(self, sock, **_others):
        """Begin TLS."""
        return self.context.wrap_socket(sock, server_hostname=self.name)


class Session:
    """One connection to the relay, and how far it came."""

    def __init__(self, params, port, context):
        self.params, self.port, self.context = params, port, context
        self.client = None
        self.step = "connecting"
        self.tls = ""

    def connect(self):
        """Connect, and be in TLS."""
        kind = {"context": self.context} if self.port == TLS_FROM_THE_START else {}
        made = smtplib.SMTP_SSL if kind else smtplib.SMTP
        source = (self.params["source"], 0) if self.params["source"] else None
        # A name of this host would be looked up; it is not sent.
        client = made(timeout=self.params["timeout"], local_hostname="localhost", source_address=source, **kind)
        self.client = client
        self._expect(client.connect(self.params["host"], self.port), 220)
        own = ipaddress.ip_address(client.sock.getsockname()[0].partition("%")[0])
        client.local_hostname = f"[{own}]" if own.version == 4 else f"[IPv6:{own}]"
        self._say("EHLO", client.ehlo)
        if not kind:
            self.step = "STARTTLS"
            if not client.has_extn("starttls"):
                raise RefusedError("the relay does not offer STARTTLS")
            self._expect(client.starttls(context=self.context), 220)
            self._say("EHLO", client.ehlo)
        self.tls = client.sock.version()

    def send(self, message):
        """Log in and send; returns the relay's words for a mail that it took."""
        client, params = self.client, self.params
        self.step = "AUTH"
        if "PLAIN" not in client.esmtp_features.get("auth", "").upper().split():
            raise RefusedError("the relay does not offer AUTH PLAIN inside of TLS")
        # Not by smtplib's login, which cannot send a password outside of ASCII (RFC 4616 has UTF-8).
        secret = base64.b64encode(f"\0{params['login']}\0{params['password']}".encode()).decode()
        self._expect(client.docmd("AUTH", f"PLAIN {secret}"), 235)
        self._say("MAIL FROM", client.mail, params["sender"])
        self._say("RCPT TO", client.rcpt, params["recipient"])
        self.step = "DATA"
        return self._expect(client.data(message), 250)

    def _say(self, step, call, *words):
        self.step = step
        return self._expect(call(*words), 250)

    def _expect(self, reply, wanted):
        said = words(*reply)
        if reply[0] != wanted:
            raise RefusedError(f"{self.step} was refused: {said}")
        return said

    def close(self):
        """Say good-bye, if anybody listens."""
        if self.client:
            try:
                self.client.quit()
            except (OSError, smtplib.SMTPException):
                self.client.close()


def words(code, text):
    """The relay's reply as one line."""
    return " ".join(f"{code} {text.decode(errors='replace')}".split())


def reason(err):
    """An error as a person says it."""
    if isinstance(err, ssl.SSLCertVerificationError):
        return f"the relay's certificate is not to be trusted: {err.verify_message}"
    if isinstance(err, smtplib.SMTPResponseException):
        return words(err.smtp_code, err.smtp_error if isinstance(err.smtp_error, bytes) else str(err.smtp_error).encode())
    # smtplib has a time-out in the middle of a line as a lost connection.
    if isinstance(err, socket.timeout) or isinstance(err.__context__, socket.timeout):
        return "no answer in time"
    return getattr(err, "strerror", None) or str(err) or type(err).__name__


def mail(params, message_id):
    """The message; marked as automatic (RFC 3834), so that nothing answers it."""
    made = EmailMessage()
    made["From"] = params["sender"]
    made["To"] = params["recipient"]
    made["Date"] = formatdate()
    made["Message-ID"] = message_id
    made["Subject"] = "A test of the submission relay"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("This mail shows that the relay takes mail here. Nobody needs to read it.\n")
    # With the line ends of SMTP, which smtplib makes of text alone.
    return made.as_bytes(policy=policy.SMTP)


def send(params, port, context):
    """Send one mail through one port, and tell how it ended."""
    message_id = f"<op25b.{uuid.uuid4()}@{params['sender'].rpartition('@')[2]}>"
    session = Session(params, port, context)
    queue_id, ok = "", False
    started = time.monotonic()
    try:
        session.connect()
        said = session.send(mail(params, message_id))
        queued = re.search(r"queued as ([0-9A-Za-z]+)", said)
        queue_id, ok, detail = queued[1] if queued else "", True, f"the relay took it: {said}"
    except RefusedError as err:
        detail = str(err)
    except (OSError, smtplib.SMTPException) as err:
        detail = f"{session.step} failed: {reason(err)}"
    ms = round((time.monotonic() - started) * 1000, 2)
    session.close()
    return {
        "port": port,
        "ok": ok,
        "tls": session.tls,
        "queue_id": queue_id,
        "message_id": message_id,
        "detail": detail,
        "ms": ms,
    }


def mistakes(params):
    """Say everything that is wrong with the parameters."""
    for key in ("sender", "recipient"):
        if not re.fullmatch(r"[!-;=?-~]+@[A-Za-z0-9.-]+", params[key]):
            yield f"{key}: {params[key]!r} is not a mail address; write one as taro@example.net"
    for key in ("login", "password"):
        if not params[key] or "\0" in params[key]:
            yield f"{key}: it is empty, or has a NUL"
    if params["source"]:
        try:
            ipaddress.ip_address(params["source"])
        except ValueError:
            yield f"source: {params['source']!r} is not an IPv4 or IPv6 address"
    if not params["timeout"] > 0:
        yield f"timeout: {params['timeout']} must be more than 0 seconds"


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "choices": [587, 465], "default": [587, 465]},
            "login": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "sender": {"type": "str", "required": True},
            "recipient": {"type": "str", "required": True},
            "server_name": {"type": "str"},
            "ca": {"type": "str"},
            "source": {"type": "str"},
            "timeout": {"type": "float", "default": 20},
        },
    )
    params = module.params
    wrong = list(mistakes(params))
    context = None
    try:
        context = ssl.create_default_context(cadata=params["ca"] or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    except (ssl.SSLError, ValueError) as err:
        wrong.append(f"ca: this is not a certificate in PEM ({err})")
    if wrong:
        module.fail_json(msg="\n".join(wrong))
    named = Named(context, params["server_name"] or params["host"])
    module.exit_json(changed=False, mails=[send(params, port, named) for port in params["ports"]])


if __name__ == "__main__":
    main()
