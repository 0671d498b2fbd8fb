# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves the relay: as whom, signed by whom, without the customer's address, and not if it is spam."""

import base64
import itertools
import re
import subprocess

import dkim
import pytest
import yaml

from tests.lab.relay import HANAKO, JIRO, KAEDE, LOG, MSA1, SAKURA, TARO, until

pytestmark = pytest.mark.usefixtures("fresh")
DOMAINS = ("ccsnet.ne.jp", "m2.ccsnet.ne.jp")
KEYS = "/var/lib/rspamd/dkim"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.mark.parametrize(
    ("login", "sender", "from_"),
    # Every From with each login, and every sender with each login.
    [
        (login, sender, from_)
        for login, sender, from_ in itertools.product((TARO, JIRO, HANAKO, SAKURA), repeat=3)
        if login in (sender, from_)
    ],
    ids="-".join,
)
def test_sender_and_from_belong_to_the_login(send, login, sender, from_):
    said = send(login, sender=sender, from_=from_)[1]
    if sender != login:
        assert said.startswith(f"553 5.7.1 <{sender}>: Sender address rejected: not owned by user {login}")
    elif from_ != login:
        assert said == f"554 5.7.1 {login} may not send as {from_} (header From)"
    else:
        assert said.startswith("250")


def test_an_alias_and_other_ways_to_write_an_address(send, arrived):
    for sender, from_ in (("info@ccsnet.ne.jp", TARO), (TARO, "info@ccsnet.ne.jp"), ("Info@CCSNET.ne.jp", "TARO@ccsnet.ne.jp")):
        subject, said = send(TARO, sender=sender, from_=from_)
        assert said.startswith("250"), (sender, from_, said)
        assert dict(arrived("mobile-mx", subject)["headers"])["From"] == from_
    assert send(JIRO, from_="info@ccsnet.ne.jp")[1].startswith("554")


def test_a_home_server_sends_for_its_own_domains_alone(send, arrived):
    for sender, from_, good in (
        ("anyone@kaede.example", "someone@kaede.example", True),
        ("", KAEDE, True),
        ("", "mailer-daemon@kaede.example", True),
        (KAEDE, KAEDE, True),
        ("anyone@kaede.example", TARO, False),
        ("anyone@sub.kaede.example", KAEDE, False),
        ("", "someone@isp.example", False),
        ("someone@ccsnet.ne.jp", KAEDE, False),
        ("someone@isp.example", KAEDE, False),
    ):
        subject, said = send(KAEDE, sender=sender, from_=from_, source="home-mail")
        assert said.startswith("250") == good, (sender, from_, said)
        assert bool(arrived("mobile-mx", subject, seconds=15 if good else 0)) == good
    assert send(TARO, sender="anyone@kaede.example")[1].startswith("553")


def test_a_loop_between_servers_ends(send):
    received = [
        f"Received: from a{number}.kaede.example by b.kaede.example; Thu, 26 Nov 2026 10:00:00 +0000" for number in range(26)
    ]
    said = send(KAEDE, *received, source="home-mail")[1]
    assert said.startswith("554 5.4.0 Error: too many hops"), said


def test_a_bounce_of_a_bounce_is_none(lab, send, logged):
    """A home server's bounce that nobody takes goes nowhere else."""
    position = logged.since()
    said = send(KAEDE, sender="", from_=KAEDE, to=["nobody@isp.example"])[1]
    assert said.startswith("250")
    queue_id = said.rpartition(" ")[2]
    assert logged.line(position, queue_id, "status=bounced")
    assert logged.line(position, queue_id, "removed")
    with lab.path("msa1", LOG).open() as file:
        assert f"{queue_id}: sender non-delivery" not in file.read()


def lookup(lab, relay="msa1"):
    """The DNS as it would be published: made from the private keys that are there."""

    def txt(name, timeout=5):  # noqa: ARG001
        names = name.decode().rstrip(".")
        key = lab.run(
            relay, ["openssl", "pkey", "-in", f"{KEYS}/{names}.key", "-pubout", "-outform", "DER"], text=False, check=True
        )
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.stdout)

    return txt


@pytest.mark.parametrize(("login", "host"), [(TARO, "msa1"), (HANAKO, "msa2"), (SAKURA, "msa1")])
def test_mail_is_signed_for_the_domain_of_its_from(lab, send, arrived, login, host):
    subject, said = send(login, host={"msa1": MSA1.v4, "msa2": "2001:db8:25::27"}[host])
    assert said.startswith("250")
    came = arrived("mobile-mx", subject)
    content = came["content"].encode("latin-1")
    signatures = [value for name, value in came["headers"] if name == "DKIM-Signature"]
    assert len(signatures) == 1
    domain = login.partition("@")[2]
    # DMARC (RFC 7489): d= is the domain of From.
    assert re.search(r"\bd=([^;\s]+)", signatures[0])[1] == domain
    # Both relays have the same keys.
    for relay in ("msa1", "msa2"):
        assert dkim.verify(content, dnsfunc=lookup(lab, relay))
    for changed in (content.replace(b"hello", b"hullo"), content.replace(b"From: <", b"From: <x")):
        assert changed != content
        assert not dkim.verify(changed, dnsfunc=lookup(lab))
    # A second From in front of the signed one is noticed: it is signed once more than it is there.
    assert not dkim.verify(b"From: <evil@isp.example>\r\n" + content, dnsfunc=lookup(lab))


def test_no_one_elses_domain_is_signed(send, arrived):
    subject, _said = send(KAEDE, sender="shop@kaede.example", source="home-mail")
    assert "DKIM-Signature" not in dict(arrived("mobile-mx", subject)["headers"])


def test_a_seal_of_another_server_stays(send, arrived):
    """A forwarded mail's ARC headers (RFC 8617) are not the relay's to touch."""
    seals = [
        "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=isp.example; s=x; b=AAAA",
        "ARC-Authentication-Results: i=1; isp.example; dkim=pass",
    ]
    subject, said = send(KAEDE, *seals, sender="shop@kaede.example", source="home-mail")
    assert said.startswith("250")
    headers = [f"{name}: {value}" for name, value in arrived("mobile-mx", subject)["headers"]]
    assert [header for header in headers if header.startswith("ARC-")] == seals


@pytest.mark.parametrize(
    ("source", "host", "address"),
    [
        ("cust-west", MSA1.v4, "198.51.100.130"),
        ("other-line", MSA1.v6, "2001:db8:d000::200"),
        ("cust-west", "192.0.2.24", "198.51.100.130"),
    ],
)
def test_the_customers_address_is_in_the_log_alone(logged, send, arrived, source, host, address):
    subject, said = send(TARO, f"X-Originating-IP: {address}", source=source, host=host)
    content = arrived("mobile-mx", subject)["content"]
    assert address not in content
    assert source not in content
    received = re.findall(r"(?m)^Received: by (msa\d)\.example\.net \(Postfix\) with ESMTPSA id [0-9A-Z]+", content)
    assert len(received) == 1
    queue_id = said.rpartition(" ")[2]
    client = logged.line((received[0], 0), f"{queue_id}: client=")
    # RFC 6302: address, source port, and a time with its zone.
    assert re.match(rf"20\d\d-\S+T\S+\+00:00 msa\d .*\[{re.escape(address)}\]:\d{{4,5}}, .*sasl_username={TARO}$", client), client


def test_spam_is_rejected_and_told_to_its_sender_at_once(send, arrived):
    subject, said = send(TARO, message=f"From: <{TARO}>\r\nTo: <friend@mobile.example>\r\nSubject: SUBJECT\r\n\r\n{GTUBE}\r\n")
    assert said.startswith("554 5.7.1"), said
    assert arrived("mobile-mx", subject, seconds=0) is None


def test_the_log_is_rotated_and_ends(lab):
    rules = "/etc/logrotate.d/submission_relay"
    text = lab.path("msa1", rules).read_text()
    assert re.search(r"rotate 90\n", text)
    done = lab.run("msa2", ["sh", "-c", f"logrotate -d {rules} 2>&1"], check=True)
    assert "error" not in done.stdout.lower()
    assert (lab.path("msa2", LOG).stat().st_mode & 0o777) == 0o640


def test_a_key_is_rotated_and_comes_back_from_the_vault(lab, play, send, arrived, tmp_path):
    """A new selector signs, and the backup brings the same keys to relays that lost them."""
    play("molecule/submission_relay/relays.yml", variables={"submission_relay_dkim_selectors": ["op25b2", "op25b1"]})
    try:
        subject, said = send(HANAKO)
        assert said.startswith("250")
        came = arrived("mobile-mx", subject)
        assert re.search(r"\bs=([^;\s]+)", dict(came["headers"])["DKIM-Signature"])[1] == "op25b2"
        assert dkim.verify(came["content"].encode("latin-1"), dnsfunc=lookup(lab, "msa2"))
        (tmp_path / "password").write_text("a vault, only in the lab\n")
        backup = {"relay_backup_file": str(tmp_path / "dkim.yml"), "relay_backup_password_file": str(tmp_path / "password")}
        said = play("playbooks/relay_backup.yml", "-vvv", "--diff", variables=backup)
        assert "PRIVATE KEY" not in said
        assert "changed=1" in said
        again = play("playbooks/relay_backup.yml", variables=backup).rpartition("RECAP")[2]
        assert "changed=0" in again
        assert "changed=1" not in again
        text = (tmp_path / "dkim.yml").read_text()
        assert text.startswith("$ANSIBLE_VAULT;")
        opened = subprocess.run(
            ["ansible-vault", "view", "--vault-password-file", tmp_path / "password", tmp_path / "dkim.yml"],
            capture_output=True,
            text=True,
            check=True,
        )
        keys = yaml.safe_load(opened.stdout)["submission_relay_dkim_keys"]
        names = [f"{selector}._domainkey.{domain}" for selector in ("op25b1", "op25b2") for domain in DOMAINS]
        assert sorted(keys) == sorted(names)
        before = {name: lab.path("msa1", f"{KEYS}/{name}.key").read_text() for name in names}
        assert before == keys
        for relay in ("msa1", "msa2"):
            lab.run(relay, ["sh", "-c", f"rm {KEYS}/*.key"], check=True)
        said = play(
            "molecule/submission_relay/relays.yml",
            "-e",
            f"@{tmp_path}/dkim.yml",
            "--vault-password-file",
            str(tmp_path / "password"),
            "-vvv",
            "--diff",
        )
        assert "PRIVATE KEY" not in said
        for relay in ("msa1", "msa2"):
            assert {name: lab.path(relay, f"{KEYS}/{name}.key").read_text() for name in names[:2]} == {
                name: before[name] for name in names[:2]
            }
    finally:
        play("molecule/submission_relay/relays.yml")

    def signature():
        subject, _said = send(HANAKO)
        return dict(arrived("mobile-mx", subject)["headers"])["DKIM-Signature"]

    until(signature, lambda said: "s=op25b1;" in said)
