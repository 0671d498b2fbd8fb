# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real mail programs on customers' hosts against the real relay; what arrived, the sinks' own logs say."""

import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab import relay
from tests.lab.relay import LOG, MSA1, ROOT, mail, secret, until

V4, V6 = MSA1.v4, MSA1.v6
TARO, HANAKO = secret(relay.TARO), secret(relay.HANAKO)
RELAYS = pytest.mark.parametrize("name", ["msa1", "msa2"])
SUBMISSION = pytest.mark.parametrize("port", [587, 465])


@SUBMISSION
@pytest.mark.parametrize(
    ("source", "host", "login", "sender", "sink", "to"),
    [
        ("cust-east", V4, TARO, "taro@ccsnet.ne.jp", "mobile-mx", "friend@mobile.example"),
        ("cust-east", V6, TARO, "info@ccsnet.ne.jp", "other-isp", "friend@isp.example"),
        ("cust-west", V4, HANAKO, "hanako@m2.ccsnet.ne.jp", "other-isp", "friend@v6.isp.example"),
        ("cust-west", V6, HANAKO, "hanako@m2.ccsnet.ne.jp", "mx1", "taro@ccsnet.ne.jp"),
        ("other-line", V4, TARO, "taro@ccsnet.ne.jp", "mobile-mx", "friend@mobile.example"),
        ("other-line", V6, HANAKO, "Hanako@M2.ccsnet.ne.jp", "mx1", "hanako@m2.ccsnet.ne.jp"),
    ],
)
def test_mail_from_a_customer_arrives_from_any_network(ask, arrived, port, source, host, login, sender, sink, to):
    subject = f"op25b {uuid.uuid4()}"
    replies = ask(source, port, host, login=login, mail_from=sender, to=[to], message=mail(subject, sender))
    assert replies["auth"].startswith("235 2.7.0")
    assert replies["data"].startswith("250 2.0.0")
    came = arrived(sink, subject)
    assert (came["mail_from"], came["rcpt_tos"], came["body"]) == (sender, [to], "hello\n")
    assert came["peer_address"] in (V4, V6)
    assert came["helo"] == "msa1.example.net"


@SUBMISSION
def test_a_login_is_the_same_in_capitals(ask, port):
    replies = ask("cust-east", port, login=["Taro@CCSNET.ne.jp", TARO[1]], mail_from=TARO[0], to=["a@mobile.example"])
    assert replies["auth"].startswith("235")
    assert replies["rcpt a@mobile.example"].startswith("250")


def test_a_wrong_password_is_535_and_makes_no_neighbour_wait(ask):
    wrong = [[TARO[0], "wrong"], [TARO[0], ""], ["nobody@ccsnet.ne.jp", TARO[1]], [TARO[0], HANAKO[1]], ["taro", TARO[1]]]

    def attempt(port, login):
        return ask("cust-east", port, login=login, mail_from=TARO[0], to=["a@mobile.example"])

    with ThreadPoolExecutor(10) as pool:
        attempts = [pool.submit(attempt, port, login) for port in (587, 465) for login in wrong]
    for replies in [attempt.result() for attempt in attempts]:
        assert replies["auth"].startswith("535 5.7.8")
        assert replies["rcpt a@mobile.example"].startswith("530 5.7.0")
    # Once alone: Dovecot forgives an address at its first right password.
    start = time.monotonic()
    assert attempt(587, TARO)["rcpt a@mobile.example"].startswith("250")
    assert time.monotonic() - start < 2


def test_587_without_tls_is_530_and_offers_no_auth(ask):
    replies = ask("cust-east", 587, tls=False, login=TARO, mail_from=TARO[0], to=["a@mobile.example"])
    assert "starttls" in replies["offered"]
    assert "auth" not in replies["offered"]
    for command in ("auth", "mail", "rcpt a@mobile.example"):
        assert replies[command].startswith("530 5.7.0 Must issue a STARTTLS command first")


@SUBMISSION
@pytest.mark.parametrize("source", ["cust-east", "other-line", "msa1"])
@pytest.mark.parametrize("sender", [TARO[0], "spam@evil.example", ""])
def test_without_auth_nobody_sends(ask, port, source, sender):
    replies = ask(source, port, mail_from=sender, to=["a@mobile.example", "taro@ccsnet.ne.jp"], message=mail("x", TARO[0]))
    assert replies["rcpt a@mobile.example"].startswith("530 5.7.0")
    assert replies["rcpt taro@ccsnet.ne.jp"].startswith("530 5.7.0")
    assert "SMTPDataError" in replies["error"]


@SUBMISSION
@pytest.mark.parametrize(
    ("login", "sender"),
    [
        (TARO, HANAKO[0]),
        (TARO, "taro@m2.ccsnet.ne.jp"),
        (TARO, "nobody@ccsnet.ne.jp"),
        (TARO, "someone@isp.example"),
        (TARO, "root@msa1.example.net"),
        (TARO, ""),
        (HANAKO, TARO[0]),
        (HANAKO, "hanako"),
        (HANAKO, "info@ccsnet.ne.jp"),
        (HANAKO, "hanako@ccsnet.ne.jp"),
    ],
)
def test_a_sender_that_is_not_the_logins_own_is_553(ask, port, login, sender):
    replies = ask("cust-east", port, login=login, mail_from=sender, to=["a@mobile.example"])
    assert replies["auth"].startswith("235")
    assert replies["rcpt a@mobile.example"].startswith("553 5.7.1")


@pytest.mark.parametrize(("source", "host"), [("cust-east", V4), ("other-line", V6)])
@pytest.mark.parametrize(
    "to",
    [
        ["a@mobile.example", "taro@ccsnet.ne.jp", "root", "root@msa1.example.net", f"root@[{V4}]", f"root@[IPv6:{V6}]"],
        [
            "a%mobile.example@msa1.example.net",
            f"a%mobile.example@[{V4}]",
            "@msa1.example.net:a@mobile.example",
            "mobile.example!a",
            '"a@mobile.example"',
            f'"a@mobile.example"@[{V4}]',
        ],
    ],
    ids=["plain", "routed"],
)
def test_port_25_relays_nothing(ask, source, host, to):
    replies = ask(source, 25, host, tls=False, mail_from=TARO[0], to=to)
    assert [reply for reply in (replies[f"rcpt {address}"] for address in to) if not reply.startswith("5")] == []


@pytest.mark.parametrize("tls", [False, True])
def test_port_25_takes_no_auth_and_says_where_to_go(ask, tls):
    replies = ask("cust-east", 25, tls=tls, login=TARO, mail_from=TARO[0], to=["a@mobile.example"])
    assert "auth" not in replies["offered"] + replies.get("offered_in_tls", [])
    assert replies["auth"].startswith("503 5.5.1")
    assert replies["rcpt a@mobile.example"] == (
        "554 5.7.1 <a@mobile.example>: Relay access denied; send your mail through port 587 or 465, with your login"
    )


@SUBMISSION
@pytest.mark.parametrize("host", [V4, relay.MSA2.v4])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(ask, port, host, version):
    replies = ask("cust-east", port, host, tls=version, login=TARO)
    assert "auth" not in replies
    assert "PROTOCOL_VERSION" in replies["error"]


@SUBMISSION
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_taken(ask, port, version):
    replies = ask("cust-east", port, tls=version, login=TARO)
    assert replies["tls"] == version.replace("_", ".")
    assert replies["auth"].startswith("235")


@SUBMISSION
def test_addresses_are_not_told(ask, port):
    replies = ask("cust-east", port, login=TARO, lines=[f"VRFY {TARO[0]}", "EXPN postmaster"])
    assert replies[f"VRFY {TARO[0]}"].startswith("502")
    assert replies["EXPN postmaster"].startswith("50")


@SUBMISSION
def test_what_mail_programs_ask_for_is_there_and_works(lab, ask, arrived, port):
    """SIZE (RFC 1870), PIPELINING (2920), 8BITMIME (6152), SMTPUTF8 (6531), DSN (3461)."""
    subject = f"op25b {uuid.uuid4()}"
    lines = [
        f"MAIL FROM:<{TARO[0]}> SIZE=500 BODY=8BITMIME RET=HDRS ENVID={subject[6:]} SMTPUTF8",
        "RCPT TO:<friend@mobile.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;friend@mobile.example",
    ]
    text = mail(
        subject,
        TARO[0],
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        body="メール",
    )
    replies = ask("cust-east", port, login=TARO, lines=lines, message=text)
    assert {"size", "pipelining", "8bitmime", "smtputf8", "dsn", "enhancedstatuscodes"} <= set(replies["offered_in_tls"])
    assert [replies[line][:3] for line in lines] == ["250", "250"]
    assert replies["data"].startswith("250")
    assert "メール" in arrived("mobile-mx", subject)["content"].encode("latin-1").decode()
    # The next hop knows no DSN, so that the relay tells the sender itself that it has handed the mail on.
    mark = f"Original-Envelope-Id: {subject[6:]}"
    told = until(lambda: [event for event in lab.sink_log("mx1") if mark in event.get("content", "")])
    assert told[0]["rcpt_tos"] == [TARO[0]]


@RELAYS
def test_secrets_are_hashes_that_dovecot_alone_reads(lab, name):
    def attributes(path):
        return lab.run(name, ["stat", "-c", "%U %G %a", path], check=True).stdout.strip()

    assert attributes("/etc/dovecot/submission_users") == "root dovecot 640"
    lines = lab.path(name, "/etc/dovecot/submission_users").read_text().splitlines()
    entries = [line.split(":") for line in lines if not line.startswith("#")]
    hashes = {login: hashed for login, hashed, *_rest in entries}
    customers = {f"{host}@ccsnet.ne.jp" for host in ("cust-east", "cust-west", "cust-coast-b")}
    assert set(hashes) == {relay.TARO, relay.JIRO, relay.KAEDE, relay.HANAKO, relay.SAKURA, relay.PROBE, *customers}
    assert hashes.pop(relay.HANAKO).startswith("{ARGON2ID}$argon2id$")
    assert [hashed for hashed in hashes.values() if not hashed.startswith("{BLF-CRYPT}$2b$")] == []
    for path in ("/etc/ssl/private/submission_relay.key", "/etc/postfix/submission_relay.pem"):
        assert attributes(path) == "root root 600"


def test_no_secret_stands_in_anything_that_the_relay_has_written(lab):
    written = [lab.state / "msa1" / "upper", lab.path("msa1", "/run"), lab.path("msa1", "/tmp")]
    found = subprocess.run(
        ["grep", "-rlFs", "-e", TARO[1], "-e", HANAKO[1], "-e", secret(relay.PROBE)[1], *written],
        capture_output=True,
        text=True,
        check=False,
    )
    # The checkout is in sight of every lab host, and its inventory holds the lab's passwords.
    checkout = str(lab.path("msa1", str(ROOT)))
    assert [name for name in found.stdout.splitlines() if not name.startswith(checkout)] == []
    # Where it would have been told: the log is there, and knows the login.
    assert TARO[0] in lab.path("msa1", LOG).read_text()


@RELAYS
def test_only_what_is_meant_to_listens_to_the_network(lab, name):
    listening = lab.run(name, ["ss", "-Hltn"], check=True).stdout.splitlines()
    ports = {line.split()[3].rsplit(":", 1)[1] for line in listening if not line.split()[3].startswith(("127.", "[::1]"))}
    # Those of the balancer are closed to all others; the Redis of both relays is on the first.
    redis = {"6379"} if name == "msa1" else set()
    assert ports - redis == {"25", "465", "587", "10465", "10587"}


def test_after_a_reboot_it_serves_again(lab, ask):
    lab.restart("msa1")
    until(lambda: ask("cust-east", 587, login=TARO), lambda said: "235" in said.get("auth", ""))
