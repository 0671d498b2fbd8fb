# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a relay's own programs print, and what is made of it; the texts are those of Postfix 3.7 and of real openssl."""

import gzip
import json
import os
import subprocess
import time

import pytest
from ansible_collections.ccsnet.op25b.plugins.modules import relay_state

NOW = 1551706381  # 2019-03-04T13:33:01Z
SINCE = NOW - 86400


def handed_in(ident="4F2A1C", login="taro@ccsnet.ne.jp", address="198.51.100.10", count=1, at="2019-03-04T13:33:01.065474+00:00"):
    """What the log says of a mail from a login that waits for its delivery."""
    postfix = f"{at} msa1 postfix"
    return (
        f"{postfix}/submission/smtpd[9]: connect from unknown[{address}]:40961\n"
        f"{postfix}/submission/smtpd[9]: {ident}: client=unknown[{address}]:40961, sasl_method=PLAIN, sasl_username={login}\n"
        f"{postfix}/cleanup[8]: {ident}: message-id=<1@client.example>\n"
        f"{postfix}/qmgr[7]: {ident}: from=<{login}>, size=831, nrcpt={count} (queue active)\n"
    )


def to(status, ident="4F2A1C", at="2019-03-04T13:33:02+00:00"):
    return (
        f"{at} msa1 postfix/smtp[8]: {ident}: to=<friend@mobile.example>, relay=203.0.113.10[203.0.113.10]:25, delay=0.1,"
        f" delays=0/0/0/0, dsn=2.0.0, status={status} (it said so)\n"
    )


def removed(ident="4F2A1C"):
    return f"2019-03-04T13:33:03+00:00 msa1 postfix/qmgr[7]: {ident}: removed\n"


def count(text):
    senders = relay_state.Senders()
    for line in text.encode().splitlines(keepends=True):
        senders.read(line)
    return senders


def row(login="taro@ccsnet.ne.jp", mails=1, recipients=1, bounced=0, addresses=1):
    return {"login": login, "mails": mails, "recipients": recipients, "bounced": bounced, "addresses": addresses}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        (handed_in(count=3) + to("sent") + removed(), [row(recipients=3)]),
        # A second attempt says the recipients again.
        (handed_in(count=3) + handed_in().splitlines(keepends=True)[-1] * 4, [row(recipients=3)]),
        (handed_in() + to("bounced") + to("deferred") + removed() + to("bounced"), [row(bounced=1)]),
        # What rspamd refused, nobody sent.
        (
            "".join(handed_in().splitlines(keepends=True)[:-1])
            + "2019-03-04T13:33:01 msa1 postfix/cleanup[8]: 4F2A1C: milter-reject: END-OF-MESSAGE from unknown[198.51.100.10]:"
            " 5.7.1 too many; from=<taro@ccsnet.ne.jp> to=<friend@mobile.example> proto=ESMTP helo=<x>\n"
            + handed_in().splitlines(keepends=True)[-1],
            [],
        ),
        # A bounce has no login, and a queue id comes again.
        (
            handed_in()
            + removed()
            + "2019-03-04T13:34:01 msa1 postfix/qmgr[7]: 4F2A1C: from=<>, size=9, nrcpt=1 (queue active)\n",
            [row()],
        ),
        (
            handed_in() + handed_in("5A", address="2001:db8:e000::10") + handed_in("6A", login="Jiro@ccsnet.ne.jp", count=9),
            [row("jiro@ccsnet.ne.jp", recipients=9), row(mails=2, recipients=2, addresses=2)],
        ),
    ],
)
def test_who_handed_in_how_much(text, rows):
    senders = count(text)
    assert senders.most(10) == rows
    assert senders.most(1) == rows[:1]
    sums = {key: sum(each[key] for each in rows) for key in ("mails", "recipients")}
    assert senders.sums() == {"logins": len(rows), **sums}


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2019-03-04T13:33:01+00:00 msa1 x", NOW),
        ("2019-03-04T22:33:01.500000+09:00 msa1 x", NOW + 0.5),
        ("2019-03-04T13:33:01Z msa1 x", NOW),
        ("Mar  4 13:33:01 msa1 x", NOW),
        # The traditional form has no year: this was in the last one.
        ("Dec 31 23:59:59 msa1 x", 1546300799),
        ("2019-13-04 no", None),
        ("Mar 99 13:33:01 no", None),
        ("", None),
        ("\tindented", None),
    ],
)
def test_the_time_of_a_line(monkeypatch, line, at):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert relay_state.stamp(line.encode(), NOW) == at


@pytest.fixture
def log(tmp_path):
    """Logs with their times: the name, how long ago the last line was, the text."""

    def write(*files):
        for name, ago, text in files:
            path = tmp_path / name
            path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
            os.utime(path, (NOW - ago, NOW - ago))
        return str(tmp_path / "mail.log")

    return write


def read(path, limit=1 << 20):
    senders = relay_state.Senders()
    found = relay_state.read_logs(path, SINCE, NOW, limit, senders)
    return [os.path.basename(name) for name in found["files"]], found["since"], found["complete"], senders.sums()["recipients"]


def test_the_logs_of_a_day_are_read_over_their_rotation(log):
    old = handed_in("1A", count=100, at="2019-03-03T13:00:00+00:00")
    path = log(
        ("mail.log.3.gz", 90000, old),
        ("mail.log.2.gz", 60000, old + handed_in("2A", count=20, at="2019-03-03T20:00:00+00:00")),
        ("mail.log.1", 5000, handed_in("3A", count=4, at="2019-03-04T12:00:00+00:00")),
        ("mail.log", 0, handed_in(count=1)),
    )
    assert read(path) == (["mail.log.2.gz", "mail.log.1", "mail.log"], "2019-03-03T20:00:00Z", True, 25)


def test_a_log_that_begins_later_or_is_too_long_is_not_complete(log):
    long = handed_in("3A", count=4, at="2019-03-04T12:00:00+00:00")
    assert read(log(("mail.log", 0, long + handed_in()))) == (["mail.log"], "2019-03-04T12:00:00Z", False, 5)
    assert read(log(), limit=len(handed_in()) + 5) == (["mail.log"], "2019-03-04T13:33:01Z", False, 1)


def test_no_log_and_an_empty_one_have_nothing(log):
    assert read(log()) == ([], None, False, 0)
    assert read(log(("mail.log", 0, ""))) == (["mail.log"], None, False, 0)


def mail(name, *reasons, arrival=NOW - 100):
    recipients = [{"address": f"a{at}@b.example", **({"delay_reason": why} if why else {})} for at, why in enumerate(reasons)]
    more = {"message_size": 312, "forced_expire": False, "sender": "taro@ccsnet.ne.jp", "recipients": recipients}
    return json.dumps({"queue_name": name, "queue_id": "4F2A1C", "arrival_time": arrival, **more}) + "\n"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    monkeypatch.setattr(relay_state, "SPOOL", str(tmp_path))
    return lambda *answer: relay_state.queue(lambda words: answer if words == ["postqueue", "-j"] else None, NOW, 20000)


def test_an_empty_queue(asked):
    found = asked(0, "", "")
    assert 0 <= found.pop("free_percent") <= 100
    assert found == {
        "incoming": 0,
        "active": 0,
        "deferred": 0,
        "hold": 0,
        "active_limit": 20000,
        "recipients": 0,
        "oldest": None,
        "reasons": [],
    }


def test_a_queue_and_why_its_mails_wait(asked):
    refused = "connect to {0}[203.0.113.{1}]:25: Connection refused"
    unknown = "Host or domain name not found. Name service error for name={0} type=MX: Host not found, try again"
    full = "host mx.b.example[203.0.113.9] said: 452 4.2.2 <{0}>: mailbox of {0} full (in reply to RCPT TO command)"
    found = asked(
        0,
        mail("maildrop")
        + mail("active", "", "")
        + mail("hold", "", arrival=NOW - 7000)
        + mail("deferred", refused.format("mx.b.example", 1), refused.format("mx.c.example", 2), refused.format("d", 3))
        + mail("deferred", unknown.format("b.example"), unknown.format("c.example"), full.format("a@b.example")),
        "",
    )
    assert [found[key] for key in (*relay_state.QUEUES, "recipients", "oldest")] == [1, 1, 2, 1, 9, 7000]
    assert found["reasons"] == [
        {"reason": "connect to …: Connection refused", "recipients": 3},
        {"reason": unknown.format("…"), "recipients": 2},
        {"reason": "host … said: 452 4.2.2 …: mailbox of … full (in reply to RCPT TO command)", "recipients": 1},
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((69, "", "postqueue: fatal: Queue report unavailable\n"), "postqueue: fatal: Queue report unavailable"),
        ((1, "", ""), "postqueue ended with 1"),
        ((0, "no JSON", ""), "postqueue: Expecting value: line 1 column 1 (char 0)"),
        ((0, '{"queue_name": "active"}', ""), "postqueue: 'arrival_time'"),
    ],
)
def test_a_queue_that_cannot_be_read_is_a_part_of_the_answer(asked, answer, problem):
    assert asked(*answer) == {"problem": problem}


RECORD = "v=DKIM1; k=rsa; p=MIIB/+AQAB="


@pytest.mark.parametrize(
    ("published", "state", "detail"),
    [
        ([RECORD], "ok", ""),
        (["p=MIIB/+AQ  AB="], "ok", ""),
        (["k = rsa ; v=DKIM1 ; t=s; n=notes; p= MIIB/+AQAB= ;"], "ok", ""),
        (["v=spf1 -all", RECORD], "ok", ""),
        (["v=DKIM1; p="], "revoked", "its p= is empty"),
        (["v=DKIM1; p=MIIC"], "differs", "published is: v=DKIM1; p=MIIC"),
        ([RECORD.replace("rsa", "ed25519")], "differs", f"published is: {RECORD.replace('rsa', 'ed25519')}"),
        ([RECORD.replace("DKIM1", "DKIM2")], "differs", f"published is: {RECORD.replace('DKIM1', 'DKIM2')}"),
        ([RECORD, RECORD], "differs", "there are 2 records where one may be"),
        (["v=spf1 -all"], "differs", "the TXT record there is none of DKIM: v=spf1 -all"),
    ],
)
def test_what_the_dns_has_beside_the_key(published, state, detail):
    assert relay_state.compare(RECORD, published) == (state, detail)


def run(words, **_more):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_record_of_a_key(tmp_path):
    rsa, edwards, none = (str(tmp_path / name) for name in ("rsa", "ed25519", "none"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", rsa], check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", edwards], check=True)
    record, why = relay_state.record_of(run, rsa)
    assert why == ""
    assert record.startswith("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
    assert record.endswith("IDAQAB")
    # RFC 8463 publishes the 32 bytes alone.
    assert len(relay_state.tags(relay_state.record_of(run, edwards)[0])["p"]) == 44
    assert relay_state.record_of(run, none) == (None, f"there is no {none}")
    (tmp_path / "none").write_text("no key")
    assert relay_state.record_of(run, none) == (None, f"{none} is no private key in PEM")


@pytest.fixture(scope="module")
def pair(self_signed):
    place = self_signed("DNS:msa1.example.net,DNS:msa2.example.net,IP:192.0.2.25")
    return str(place / "certificate"), str(place / "key")


@pytest.mark.parametrize(("hostname", "matches"), [("msa2.example.net", True), ("msa9.example.net", False)])
def test_a_certificate(monkeypatch, pair, hostname, matches):
    monkeypatch.setattr(relay_state, "shown", lambda: None)
    found = relay_state.certificate(run, *pair, hostname)
    assert found.pop("not_after").endswith("Z")
    assert found == {
        "days_left": 29,
        "names": ["msa1.example.net", "msa2.example.net", "192.0.2.25"],
        "hostname_matches": matches,
        "key_fits": True,
        "trusted": False,
        "served": None,
    }


def test_a_certificate_with_another_key_and_none(monkeypatch, pair, tmp_path):
    monkeypatch.setattr(relay_state, "shown", lambda: b"another one")
    other = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other], check=True)
    found = relay_state.certificate(run, pair[0], str(other), "msa1.example.net")
    assert (found["key_fits"], found["served"]) == (False, False)
    problem = relay_state.certificate(run, str(other), str(other), "msa1.example.net")["problem"]
    assert problem.startswith(f"{other} has no certificate in PEM: ")
