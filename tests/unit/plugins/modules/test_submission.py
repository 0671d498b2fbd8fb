# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail to servers that are no relay as one should be; molecule/submission_relay has one that is."""

import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from ansible_collections.ccsnet.op25b.plugins.modules import submission

ROOT = Path(__file__).parents[4]
GIVEN = {
    "host": "127.0.0.1",
    "login": "taro@example.net",
    "password": "secret",
    "sender": "a@example.net",
    "recipient": "b@example.net",
}


@pytest.fixture(scope="module")
def certificate(self_signed):
    return self_signed("DNS:msa1.example.net")


@pytest.fixture
def server(certificate):
    """A server on a port of its own; returns the port."""
    started = []

    def start(tls=True, auth=True, handler=None):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate / "certificate", certificate / "key")
        more = {"tls_context": context} if tls else {}
        more["authenticator"] = lambda _server, _session, _envelope, _how, given: AuthResult(
            success=given.password == b"secret", handled=False
        )
        more["auth_exclude_mechanism"] = [] if auth else ["PLAIN"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        made = Controller(handler or Sink(), hostname="127.0.0.1", port=port, **more)
        made.start()
        started.append(made)
        return port

    yield start
    for each in started:
        each.stop()


def send(certificate, port, **more):
    params = {**GIVEN, "source": None, "timeout": 2, **more}
    context = ssl.create_default_context(cafile=certificate / "certificate")
    return submission.send(params, port, submission.Named(context, params.get("server_name", "msa1.example.net")))


class Queue:
    def __init__(self):
        self.messages = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.messages.append(envelope)
        return "250 2.0.0 Ok: queued as 4F2A1C09D3"


def test_a_mail_that_is_taken(certificate, server):
    queue = Queue()
    sent = send(certificate, server(handler=queue))
    assert (sent["ok"], sent["queue_id"], sent["tls"]) == (True, "4F2A1C09D3", "TLSv1.3"), sent
    assert sent["detail"] == "the relay took it: 250 2.0.0 Ok: queued as 4F2A1C09D3"
    (envelope,) = queue.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("a@example.net", ["b@example.net"])
    assert f"Message-ID: {sent['message_id']}\r\n".encode() in envelope.content
    assert b"Auto-Submitted: auto-generated\r\n" in envelope.content
    assert b"\n" not in envelope.content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("kind", "more", "detail"),
    [
        ({"tls": False}, {}, "the relay does not offer STARTTLS"),
        ({"auth": False}, {}, "the relay does not offer AUTH PLAIN inside of TLS"),
        ({}, {"password": "wrong"}, "AUTH was refused: 535 5.7.8 Authentication credentials invalid"),
        ({}, {"password": "wröng"}, "AUTH was refused: 535 5.7.8 Authentication credentials invalid"),
        (
            {},
            {"server_name": "msa2.example.net"},
            "STARTTLS failed: the relay's certificate is not to be trusted: Hostname mismatch, certificate is not valid for"
            " 'msa2.example.net'.",
        ),
    ],
)
def test_a_mail_that_is_not_taken_has_the_reason(certificate, server, kind, more, detail):
    sent = send(certificate, server(**kind), **more)
    assert (sent["ok"], sent["queue_id"], sent["detail"]) == (False, "", detail)


def test_a_relay_that_does_not_answer(certificate):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert send(certificate, port, timeout=0.3)["detail"] == "connecting failed: no answer in time"
    assert send(certificate, port)["detail"] == "connecting failed: Connection refused"


def test_every_mistake_is_told_at_once():
    given = {**GIVEN, "sender": "taro", "recipient": "b@example.net>\r\nRSET", "source": "here", "timeout": 0, "ca": "none"}
    module = [sys.executable, "-m", "ansible_collections.ccsnet.op25b.plugins.modules.submission"]
    done = subprocess.run(
        module,
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found["failed"] is True
    *lines, last = found["msg"].splitlines()
    assert lines == [
        "sender: 'taro' is not a mail address; write one as taro@example.net",
        "recipient: 'b@example.net>\\r\\nRSET' is not a mail address; write one as taro@example.net",
        "source: 'here' is not an IPv4 or IPv6 address",
        "timeout: 0.0 must be more than 0 seconds",
    ]
    assert last.startswith("ca: this is not a certificate in PEM")
    assert "secret" not in done.stdout
