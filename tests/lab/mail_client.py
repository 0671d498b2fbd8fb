# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail program on a host of the lab: prints what the server replied to what it reads as JSON on standard input.

It goes on after a refusal, as an attacker would, so that each reply is the server's own judgement.
"""

from __future__ import annotations

import base64
import json
import smtplib
import ssl
import sys
import warnings
from typing import Any


def context(tls: str | None) -> ssl.SSLContext:
    """TLS that trusts everyone; with a version, this one alone, as weak as the library can be made."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if tls:
        warnings.simplefilter("ignore")
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = made.maximum_version = ssl.TLSVersion[tls]
    return made


def session(wanted: dict[str, Any]) -> dict[str, Any]:
    """One connection: replies by command, in order, and what the server offered before and after TLS."""
    host, port, tls = wanted["host"], wanted["port"], wanted.get("tls", True)
    version = tls if isinstance(tls, str) else None
    replies: dict[str, Any] = {}
    try:
        if port == 465:
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=60, context=context(version))
        else:
            client = smtplib.SMTP(host, port, timeout=60)
        client.ehlo("client.example")
        replies["offered"] = sorted(client.esmtp_features)
        if tls and port != 465:
            client.starttls(context=context(version))
            client.ehlo("client.example")
        if tls:
            replies["tls"] = client.sock.version()
            replies["offered_in_tls"] = sorted(client.esmtp_features)
        commands = []
        if "login" in wanted:
            login, password = wanted["login"]
            first = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
            commands.append(("auth", f"AUTH PLAIN {first}"))
        if "mail_from" in wanted:
            commands.append(("mail", f"MAIL FROM:<{wanted['mail_from']}>"))
        commands += [(f"rcpt {to}", f"RCPT TO:<{to}>") for to in wanted.get("to", [])]
        commands += [(line, line) for line in wanted.get("lines", [])]
        for name, command in commands:
            replies[name] = _text(client.docmd(command))
        if "message" in wanted:
            replies["data"] = _text(client.data(wanted["message"].encode("utf-8", "surrogateescape")))
        if "messages" in wanted:
            replies["burst"] = []
            for mail in wanted["messages"]:
                replies["burst"].append(_mail(client, mail))
        client.quit()
    except (OSError, smtplib.SMTPException) as error:
        replies["error"] = f"{type(error).__name__}: {error}"
    return replies


def _mail(client: smtplib.SMTP, mail: dict[str, Any]) -> str:
    """One of many on this connection: the first refusal, or the reply to its end."""
    client.rset()
    replies = [_text(client.docmd(f"MAIL FROM:<{mail['mail_from']}>"))]
    replies += [_text(client.docmd(f"RCPT TO:<{to}>")) for to in mail["to"]]
    refused = [reply for reply in replies if not reply.startswith("2")]
    return refused[0] if refused else _text(client.data(mail["message"]))


def _text(reply: tuple[int, bytes]) -> str:
    return f"{reply[0]} {reply[1].decode()}"


if __name__ == "__main__":
    json.dump(session(json.load(sys.stdin)), sys.stdout)
