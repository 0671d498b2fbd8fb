# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that send a mail and tell what became of it, against the real relay and its real log."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = yaml.safe_load((ROOT / "inventories" / "lab" / "group_vars" / "relays.yml").read_text())
HOP = "203.0.113.100[203.0.113.100]:25"


def task(place, module, **arguments):
    plain = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_FORCE_COLOR": "0"}
    environment = {**{name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}, **plain}
    done = subprocess.run(
        ["ansible", place, "-i", "inventories/lab/hosts.yml", "-m", f"ccsnet.op25b.{module}", "-a", json.dumps(arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("=> {") + 3 :])[0]


@pytest.fixture
def send(lab):
    def sent(customer="cust-east", **more):
        given = {
            "host": "192.0.2.25",
            "server_name": "msa1.example.net",
            "login": "taro@ccsnet.ne.jp",
            "password": VARIABLES["submission_relay_users"][0]["password"],
            "sender": "taro@ccsnet.ne.jp",
            "recipient": "friend@isp.example",
            "ca": lab.path("msa1", "/etc/ssl/certs/submission_relay.pem").read_text(),
        }
        return task(customer, "submission", **{**given, **more})["mails"]

    return sent


def became(mails, timeout=60):
    found = task("msa1", "delivered", queue_ids=[mail["queue_id"] for mail in mails], timeout=timeout)
    return found["log"], [(mail["status"], mail["relay"]) for mail in found["mails"]], [mail["detail"] for mail in found["mails"]]


@pytest.mark.parametrize(("host", "source"), [("192.0.2.25", "198.51.100.10"), ("2001:db8:25::25", "2001:db8:e000::10")])
def test_a_mail_through_each_port_arrives(lab, send, host, source):
    mails = send(host=host, source=source)
    assert [(mail["port"], mail["ok"], mail["tls"]) for mail in mails] == [(587, True, "TLSv1.3"), (465, True, "TLSv1.3")]
    assert became(mails)[:2] == ("/var/log/submission_relay/mail.log", [("sent", HOP)] * 2)
    arrived = [dict(event["headers"]).get("Message-ID") for event in lab.sink_log("other-isp") if event["event"] == "mail"]
    assert [arrived.count(mail["message_id"]) for mail in mails] == [1, 1]


def test_a_mail_that_is_refused_is_told_in_the_relays_words(send):
    hanako = "hanako@m2.ccsnet.ne.jp"
    for wrong, words in (
        ({"password": "wrong"}, "AUTH was refused: 535 5.7.8 Error: authentication failed:"),
        (
            {"sender": hanako},
            f"RCPT TO was refused: 553 5.7.1 <{hanako}>: Sender address rejected:",
        ),
        ({"ca": None}, "failed: the relay's certificate is not to be trusted: self-signed certificate"),
        ({"server_name": "msa9.example.net"}, "failed: the relay's certificate is not to be trusted: Hostname mismatch"),
    ):
        for mail in send(**wrong):
            assert (mail["ok"], mail["queue_id"]) == (False, "")
            assert words in mail["detail"]


def test_a_relay_that_is_stopped(lab, send):
    lab.run("msa1", ["service", "postfix", "stop"], check=True)
    try:
        assert [mail["detail"] for mail in send()] == ["connecting failed: Connection refused"] * 2
    finally:
        lab.run("msa1", ["service", "postfix", "start"], check=True)


def test_a_mail_is_deferred_until_its_server_is_back(lab, send, logged):
    position = logged.since()
    lab.run("other-isp", ["service", "lab-sink", "stop"], check=True)
    try:
        mails = send(ports=[587])
        assert logged.line(position, mails[0]["queue_id"], "status=deferred")
        _log, status, (detail,) = became(mails, timeout=3)
    finally:
        lab.run("other-isp", ["service", "lab-sink", "start"], check=True)
    assert status == [("deferred", "none")]
    assert detail == "connect to 203.0.113.100[203.0.113.100]:25: Connection refused"
    lab.run("msa1", ["postqueue", "-f"], check=True)
    assert became(mails)[1] == [("sent", HOP)]


JOURNAL = """
mv /var/log/submission_relay /var/log/away
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/systemd
setsid /lib/systemd/systemd-journald </dev/null >/dev/null 2>&1 &
while ! [ -S /run/systemd/journal/dev-log ]; do sleep 0.1; done
mount --bind /run/systemd/journal/dev-log /dev/log
exec postfix reload
"""
NO_JOURNAL = """
umount /dev/log
pkill systemd-journal
umount /sys/fs/cgroup
rm -r /run/systemd/journal
mv /var/log/away /var/log/submission_relay
exec postfix reload
"""


@pytest.mark.skipif(not Path("/lib/systemd/systemd-journald").exists(), reason="this machine has no systemd-journald")
def test_the_journal_is_read_where_there_is_one(lab, send):
    lab.run("msa1", ["sh", "-ec", JOURNAL], check=True)
    try:
        assert became(send("cust-west"))[:2] == ("journal", [("sent", HOP)] * 2)
    finally:
        lab.run("msa1", ["sh", "-c", NO_JOURNAL], check=True)
