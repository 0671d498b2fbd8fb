# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two relays behind a balancer, day by day: work on one of them, certificates, mistakes, parts that are down, metrics."""

import datetime
import hashlib
import json
import threading
import time

import pytest

from tests.lab.relay import BALANCER, MSA1, MSA2, TARO, mail, secret, start, taken, until

RELAYS = "molecule/submission_relay/relays.yml"
FRIEND = "friend@mobile.example"
CERTIFICATE, KEY, PAIR = (
    "/etc/ssl/certs/submission_relay.pem",
    "/etc/ssl/private/submission_relay.key",
    "/etc/postfix/submission_relay.pem",
)

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture(scope="module")
def lenient(play):
    """msa2 accepts mail that nobody checks, and old TLS until tomorrow; msa1 is as ever."""
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    old_tls = {"name": "printers of customer 4711, OP-17", "until": str(tomorrow)}
    variables = {"submission_relay_fail": "accept", "submission_relay_old_tls": old_tls}
    play(RELAYS, "--limit", "msa2", variables=variables)
    yield
    # The day is over: test_submission sees that it is.
    old_tls["until"] = str(tomorrow - datetime.timedelta(days=2))
    play(RELAYS, "--limit", "msa2", variables={"submission_relay_old_tls": old_tls})


def test_when_nobody_counts_mail_waits_or_goes_as_the_operator_chose(lenient, lab, ask, send, arrived):  # noqa: ARG001
    lab.run("msa1", ["service", "redis-server", "stop"], check=True)
    try:
        assert send(TARO)[1].startswith("451 4.7.1 the relay cannot check this mail at the moment")
        subject, said = send(TARO, host=MSA2.v4)
        assert said.startswith("250")
        assert arrived("mobile-mx", subject)
    finally:
        start(lab, "msa1", "redis-server")
    for relay in ("msa1", "msa2"):
        lab.run(relay, ["service", "rspamd", "stop"], check=True)
    try:
        replies = ask("cust-east", 465, MSA1.v4, login=secret(TARO), mail_from=TARO, to=[FRIEND], message=mail("x", TARO))
        assert replies["auth"].startswith("454 4.3.0")
        assert "data" not in replies
        subject, said = send(TARO, host=MSA2.v4)
        assert said.startswith("250")
        assert arrived("mobile-mx", subject)
    finally:
        for relay in ("msa1", "msa2"):
            start(lab, relay, "rspamd")
    for relay in (MSA1, MSA2):
        until(lambda host=relay.v4: send(TARO, host=host)[1], taken)


@pytest.mark.parametrize("port", [587, 465])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_old_tls_is_taken_where_an_exception_says_so(lenient, ask, port, version):  # noqa: ARG001
    assert ask("cust-east", port, MSA2.v4, tls=version, login=secret(TARO))["auth"].startswith("235")


def sums(lab, relay):
    """Of everything that the role writes for the servers."""
    found = {}
    for place in ("/etc/postfix", "/etc/dovecot", "/etc/rspamd", "/etc/redis", "/etc/rsyslog.d", "/etc/submission_relay"):
        for path in lab.path(relay, place).rglob("*"):
            if path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_wrong_settings_are_told_all_at_once_before_anything_changes(lab, play):
    before = sums(lab, "msa1")
    wrong = {
        "submission_relay_limits": {"message": 200},
        "submission_relay_home_servers": [{"login": TARO, "domains": ["ccsnet.ne.jp"]}],
        "submission_relay_balancers": ["198.51.100.10"],
        "submission_relay_redis": {"address": MSA1.v4, "password": ""},
        "submission_relay_log_days": 0,
    }
    said = play(RELAYS, "--limit", "msa1", "--check", variables=wrong, fails=True)
    assert "settings have mistakes; nothing was changed" in said
    for key in ("limits.message", "home_servers[0]", "balancers[0]", "redis.password", "log_days"):
        assert f"- submission_relay_{key}" in said
    assert sums(lab, "msa1") == before


def test_a_refused_configuration_changes_nothing(lab, play, send):
    before = sums(lab, "msa1")
    said = play(
        RELAYS, "--limit", "msa1", variables={"submission_relay_postfix_parameters": {"message_size_limit": "lots"}}, fails=True
    )
    assert "Postfix refuses this configuration, look at submission_relay_postfix_parameters" in said
    assert "nothing was changed" in said
    assert sums(lab, "msa1") == before
    assert send(TARO)[1].startswith("250")


def test_the_old_configuration_comes_back_when_the_servers_do_not_come_up(lab, play, send):
    """An address that the host does not have: no check of a file can know."""
    before = sums(lab, "msa2")
    variables = {"submission_relay_metrics_address": "192.0.2.60", "submission_relay_log_days": 30}
    said = play(RELAYS, "--limit", "msa2", variables=variables, fails=True)
    assert "the servers did not come up with the new configuration" in said
    assert "so the old one is back" in said
    assert sums(lab, "msa2") == before
    assert not lab.path("msa2", "/var/lib/submission_relay/previous").exists()
    until(lambda: send(TARO, host=MSA2.v4)[1], taken)
    for port in ("9154", "11334"):
        assert lab.run("msa2", ["curl", "-sf", f"http://127.0.0.1:{port}/metrics"]).returncode == 0


class Customers:
    """Who sends through the balancer, a mail after the other."""

    def __init__(self, send):
        self.send, self.end, self.mails = send, threading.Event(), []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.end.is_set():
            try:
                self.mails.append(self.send(TARO, host=BALANCER.v4, port=(587, 465)[len(self.mails) % 2]))
            except AssertionError as error:
                self.mails.append(("", str(error)))
            time.sleep(0.7)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


def test_work_on_the_relays_is_not_noticed_by_customers(lab, play, send, arrived):
    with Customers(send) as customers:
        play("playbooks/relay.yml", variables={"submission_relay_log_days": 91})
        time.sleep(1)
    assert [reply for _subject, reply in customers.mails if not reply.startswith("250")] == []
    assert len(customers.mails) > 10
    assert [subject for subject, _reply in customers.mails if not arrived("mobile-mx", subject)] == []
    # Both have served: one while the other was out.
    logs = [lab.path(relay, "/var/log/submission_relay/mail.log").read_text() for relay in ("msa1", "msa2")]
    queue_ids = [reply.rpartition(" ")[2] for _subject, reply in customers.mails]
    assert all(any(f"{queue_id}: client=" in log for queue_id in queue_ids) for log in logs)


def test_a_relay_that_dies_is_taken_out_by_the_balancer(lab, send):
    lab.run("msa2", ["service", "postfix", "stop"], check=True)
    try:
        assert [said for _subject, said in (send(TARO, host=BALANCER.v4) for _ in range(8)) if not said.startswith("250")] == []
    finally:
        start(lab, "msa2", "postfix")
    states = "echo show stat | socat - /run/haproxy/admin.sock | grep -c 'msa.*,UP,'"
    until(lambda: lab.run("lb1", ["sh", "-c", states]).stdout.strip(), "4".__eq__)


def test_the_log_has_customers_and_not_what_the_balancer_asks(send, logged):
    position = logged.since()
    assert send(TARO)[1].startswith("250")
    for word in ("connect", "disconnect"):
        assert logged.line(position, f"]: {word} from cust-east.")
    # It asks every 3 s.
    assert logged.line(position, "from lb1.", seconds=7) == ""


PROBE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
    print("open")
except OSError as error:
    print(error)
"""


def test_only_the_balancer_may_name_another_address(lab):
    for host in (MSA1.v4, MSA2.v6):
        for port in ("10587", "10465"):
            assert lab.run("cust-east", ["python3", "-c", PROBE, host, port]).stdout == "[Errno 111] Connection refused\n"
            assert lab.run("mx1", ["python3", "-c", PROBE, host, port]).stdout == "[Errno 111] Connection refused\n"
            assert lab.run("lb1", ["python3", "-c", PROBE, host, port]).stdout == "open\n"


IDLE = """
import json, smtplib, ssl, sys
wanted = json.loads(sys.stdin.readline())
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
client = smtplib.SMTP(wanted["host"], 587, timeout=60)
client.starttls(context=context)
client.login(*wanted["login"])
print("in", flush=True)
sys.stdin.readline()
client.sendmail(wanted["sender"], [wanted["to"]], wanted["message"])
print("sent", flush=True)
"""


def served(lab, relay):
    """The serial number of the certificate that a new customer gets."""
    done = lab.run(
        "cust-east",
        ["sh", "-c", f"openssl s_client -connect {relay.v4}:465 </dev/null 2>/dev/null | openssl x509 -noout -serial"],
    )
    return done.stdout.strip()


def test_a_new_certificate_reaches_new_customers_and_ends_no_session(lab, arrived):
    renew = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 60 -subj /CN=msa1.example.net"
        f" -addext subjectAltName=DNS:msa1.example.net,DNS:msa2.example.net -keyout {KEY} -out {CERTIFICATE} 2>/dev/null"
        " && exec /usr/local/sbin/submission-relay-certificate"
    )
    kept = {path: lab.path("msa1", path).read_text() for path in (CERTIFICATE, KEY)}
    before = served(lab, MSA1)
    with lab.popen("cust-west", ["python3", "-c", IDLE], stdin=-1, stdout=-1) as customer:
        wanted = {"host": MSA1.v4, "login": secret(TARO), "sender": TARO, "to": FRIEND, "message": mail("over a renewal", TARO)}
        customer.stdin.write(json.dumps(wanted) + "\n")
        customer.stdin.flush()
        assert customer.stdout.readline() == "in\n"
        assert lab.run("msa1", ["sh", "-c", renew], check=True).stdout.startswith("changed")
        now = until(lambda: served(lab, MSA1), lambda serial: serial not in ("", before))
        customer.stdin.write("\n")
        customer.stdin.flush()
        assert customer.stdout.readline() == "sent\n"
    assert arrived("mobile-mx", "over a renewal")
    assert lab.run("msa1", ["/usr/local/sbin/submission-relay-certificate"], check=True).stdout == ""
    # A key that is another certificate's, as in the middle of a renewal, gets no further.
    lab.run(
        "msa1",
        ["sh", "-c", f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out {KEY} 2>/dev/null"],
        check=True,
    )
    done = lab.run("msa1", ["/usr/local/sbin/submission-relay-certificate"])
    assert (done.returncode, done.stderr) == (
        1,
        f"{KEY} is not the key of {CERTIFICATE}; Postfix keeps the certificate that it has.\n",
    )
    assert served(lab, MSA1) == now
    # As it was, for the relay's twin has this one.
    lab.run("msa1", ["sh", "-c", f"cat >{KEY}"], input=kept[KEY], check=True)
    lab.run("msa1", ["sh", "-c", f"cat >{CERTIFICATE}"], input=kept[CERTIFICATE], check=True)
    assert lab.run("msa1", ["/usr/local/sbin/submission-relay-certificate"], check=True).stdout.startswith("changed")


def test_prometheus_finds_queue_deferrals_and_rates(lab, send):
    def metrics():
        text = lab.run("msa1", ["curl", "-sf", "http://127.0.0.1:9154/metrics"], check=True).stdout
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _space, value in lines}

    lab.run("other-isp", ["service", "lab-sink", "stop"], check=True)
    try:
        assert send(TARO, to=["friend@isp.example"])[1].startswith("250")
        waiting = ('postfix_showq_message_size_bytes_count{queue="deferred"}', "postfix_smtp_status_deferred")
        values = until(metrics, lambda values: all(values.get(name, 0) >= 1 for name in waiting))
    finally:
        start(lab, "other-isp", "lab-sink")
        lab.run("msa1", ["postqueue", "-f"], check=True)
    assert values['postfix_up{path="/var/spool/postfix/public/showq"}'] == 1
    assert values["postfix_qmgr_messages_inserted_receipients_count"] >= 1
    assert "haproxy_server_status{" in lab.run("lb1", ["curl", "-sf", "http://127.0.0.1:8404/metrics"], check=True).stdout
    assert "rspamd_actions_total{" in lab.run("msa1", ["curl", "-sf", "http://127.0.0.1:11334/metrics"], check=True).stdout
    # Nobody changes anything by it.
    for command in (["-d", "x", "http://127.0.0.1:11334/saveactions"], ["-X", "POST", "http://127.0.0.1:11334/learnspam"]):
        done = lab.run("msa1", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *command])
        assert done.stdout.startswith("4"), done.stdout
