# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stolen logins: what gives them away, who is told, and the way back; wrong passwords: who waits for them, and who never does."""

import json
import textwrap
import time
import uuid

import pytest

from tests.lab.relay import BALANCER, HANAKO, JIRO, KAEDE, MSA1, MSA2, SAKURA, TARO, promptly, secret, taken, until

pytestmark = pytest.mark.usefixtures("fresh")
FRIEND = "friend@mobile.example"
HOOK = textwrap.dedent(
    """
    import http.server, sys, threading
    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            print(self.path, body, flush=True)
            self.send_response(204)
            self.end_headers()
        def log_message(self, *_): pass
    server = http.server.ThreadingHTTPServer(("192.0.2.28", 8025), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    """
)


@pytest.fixture
def hook(lab):
    """What the webhook was told."""
    with lab.popen("store1", ["python3", "-c", HOOK], stdin=-1, stdout=-1) as server:
        assert server.stdout.readline() == "ready\n"
        yield server.stdout
        server.stdin.close()


@pytest.fixture
def suspended(redis):
    """Wait until a login is suspended; why."""

    def wait(login, seconds=60):
        end = time.monotonic() + seconds
        while not (why := redis("HGET", "op25b:suspended", login)) and time.monotonic() < end:
            time.sleep(0.2)
        return why

    return wait


@pytest.fixture
def command(lab):
    """The operator's command."""

    def run(*words, relay="msa1"):
        return lab.run(relay, ["/usr/local/sbin/submission-relay-login", *words])

    return run


def mails_to_the_desk(lab):
    return [event for event in lab.sink_log("mx1") if event.get("rcpt_tos") == ["abuse-desk@ccsnet.ne.jp"]]


def hour(number=0):
    return int(time.time()) // 3600 + number


def test_a_login_from_many_networks_is_suspended_told_once_and_resumed(lab, send, redis, suspended, hook, command, arrived):
    # The thief comes from eight networks that the lab has no hosts for, and from two that it has, through both relays.
    told_before = len(mails_to_the_desk(lab))
    now = time.time()
    redis("ZADD", f"op25b:networks:{TARO}", *(word for number in range(8) for word in (now, f"203.0.{number}.0/24")))
    assert send(TARO, source="cust-east")[1].startswith("250")
    assert suspended(TARO, seconds=2) == ""
    # The tenth network's first mail is on its way, or refused already.
    assert send(TARO, source="other-line", host=MSA2.v4)[1].startswith(("250", "554"))
    assert suspended(TARO) == "mail came from 10 networks within an hour"
    refused = f"554 5.7.1 {TARO} is suspended: mail came from 10 networks within an hour; ask https://example.net/"
    for host in (MSA1.v4, MSA2.v4, BALANCER.v4):
        said = send(TARO, host=host)[1]
        assert said.startswith(refused), said
    assert send(JIRO)[1].startswith("250")

    path, told = hook.readline().split(" ", 1)
    news = json.loads(told)
    assert path == "/suspended?token=hook-only-in-the-lab"
    assert (news["login"], news["why"]) == (TARO, "mail came from 10 networks within an hour")
    assert news["relay"] in ("msa1.example.net", "msa2.example.net")
    assert arrived("mx1", f"The login {TARO} is suspended")
    came = mails_to_the_desk(lab)[-1]
    assert (came["mail_from"], came["rcpt_tos"]) == ("<>", ["abuse-desk@ccsnet.ne.jp"])
    assert f"submission-relay-login resume {TARO}" in came["body"]

    listed = command("list", relay="msa2").stdout
    assert TARO in listed
    assert "10 networks" in listed
    assert command("resume", TARO, relay="msa2").stdout == f"{TARO} may send again.\n"
    assert send(TARO)[1].startswith("250")
    assert suspended(TARO, seconds=2) == ""
    assert command("list").stdout == "No login is suspended.\n"
    # The token is in no log.
    for relay in ("msa1", "msa2"):
        done = lab.run(relay, ["grep", "-rls", "hook-only-in-the-lab", "/var/log"])
        assert done.stdout == ""
    # By one of the relays, not by both.
    assert told_before + 1 == len(mails_to_the_desk(lab))


def test_a_sudden_volume_suspends_once_the_guard_knows_what_is_usual(send, redis, suspended):
    def many(login, number):
        return send(login, to=[f"friend{index}@mobile.example" for index in range(number)])[1]

    # Two days old: it has not seen enough.
    redis("SET", "op25b:since", int(time.time()) - 2 * 86400)
    assert many(JIRO, 80).startswith("250")
    assert suspended(JIRO, seconds=2) == ""
    redis("SET", "op25b:since", int(time.time()) - 15 * 86400)
    # A customer who is used to it.
    redis("HSET", f"op25b:hours:{HANAKO}", hour(-30), 60)
    assert many(HANAKO, 80).startswith("250")
    # One who never sends more than four.
    redis("HSET", f"op25b:hours:{SAKURA}", hour(-30), 4)
    assert many(SAKURA, 80).startswith("250")
    assert suspended(SAKURA) == "80 recipients within an hour, and 4 at most in any hour of the 14 days before"
    assert suspended(HANAKO, seconds=1) == ""


def test_many_recipients_that_do_not_exist(send, suspended):
    for number in range(7):
        to = [f"friend{number}a@isp.example", f"friend{number}b@isp.example", "nobody@isp.example"]
        assert send(TARO, to=to)[1].startswith("250")
    assert suspended(TARO) == "7 of 21 recipients within an hour do not exist"


def test_bounces_below_the_share_do_not_suspend(send, suspended):
    for number in range(4):
        to = [f"friend{number}{index}@isp.example" for index in range(7)]
        assert send(TARO, to=[*to, "nobody@isp.example"])[1].startswith("250")
    assert suspended(TARO, seconds=4) == ""


def test_the_operator_suspends_and_resumes_by_hand(command, send):
    assert command("suspend", "not a login", "--why", "x").returncode == 1
    assert "is no login" in command("suspend", "taro", "--why", "x").stderr
    assert "--why" in command("suspend", TARO).stderr
    assert command("suspend", TARO, "--why", "the customer called (OP-17)").stdout == f"{TARO} is suspended.\n"
    assert send(TARO, host=MSA2.v4)[1].startswith(f"554 5.7.1 {TARO} is suspended: the customer called (OP-17); ask ")
    assert command("suspend", TARO.upper(), "--why", "again").stdout == f"{TARO} was suspended before; nothing was changed.\n"
    (row,) = json.loads(command("list", "--json").stdout)
    assert (row["login"], row["why"]) == (TARO, "the customer called (OP-17)")
    assert command("resume", TARO).stdout == f"{TARO} may send again.\n"
    assert command("resume", TARO).stdout == f"{TARO} was not suspended; nothing was changed.\n"
    assert send(TARO)[1].startswith("250")


def attempts(ask, login, passwords, source="cust-west", host=MSA1.v4):
    """Each on a connection of its own, as a thief tries; replies and seconds."""
    found = []
    for password in passwords:
        start = time.monotonic()
        replies = ask(source, 587, host, login=[login, password])
        found.append((replies["auth"][:3], time.monotonic() - start))
    return found


def wrong(redis, kind, who, number):
    """So many different wrong passwords in the past hour, that the test need not try one by one."""
    now = time.time()
    redis("ZADD", f"op25b:wrong:{kind}:{who}", *(word for _ in range(number) for word in (now, uuid.uuid4().hex)))


def test_wrong_passwords_make_this_login_wait_there_and_nobody_else(ask, redis, send):
    place = "198.51.100.130/32"
    assert [code for code, _ in attempts(ask, TARO, ["wrong 1", "wrong 2", "wrong 2"])] == ["535"] * 3
    # The same wrong one counts once: an old mail program has nothing else to say.
    assert redis("ZCARD", f"op25b:wrong:pair:{TARO}|{place}") == "2"
    wrong(redis, "pair", f"{TARO}|{place}", 13)
    ((code, seconds),) = attempts(ask, TARO, [secret(TARO)[1]])
    assert code == "235"
    assert seconds > 3
    # Whoever knows it is let in, and has a fresh count.
    assert redis("EXISTS", f"op25b:wrong:pair:{TARO}|{place}") == "0"
    wrong(redis, "pair", f"{TARO}|{place}", 20)
    assert attempts(ask, TARO, [secret(TARO)[1]])[0][0] == "535"

    # Its neighbours behind the same address, and the same login elsewhere, do not notice.
    def customer(login, source):
        assert send(login, source=source)[1].startswith("250")

    for who in ((JIRO, "cust-west"), (TARO, "cust-east")):
        assert promptly(lambda who=who: customer(*who), 3, before=lambda: wrong(redis, "pair", f"{TARO}|{place}", 20))


def test_a_login_that_is_tried_from_everywhere_keeps_its_own_places(ask, send, redis):
    assert send(TARO, source="cust-east")[1].startswith("250")
    wrong(redis, "login", TARO, 60)
    assert attempts(ask, TARO, [secret(TARO)[1]], source="other-line")[0][0] == "535"
    assert send(TARO, source="cust-east")[1].startswith("250")
    # By the other relay, too; and by the balancer it is the customer's address that counts.
    assert send(TARO, source="cust-east", host=MSA2.v4)[1].startswith("250")
    assert send(TARO, source="cust-east", host=BALANCER.v4)[1].startswith("250")
    assert attempts(ask, TARO, [secret(TARO)[1]], source="other-line", host=BALANCER.v4)[0][0] == "535"


def test_an_address_that_tries_all_logins_is_shut_out_but_not_the_customers_behind_it(ask, send, redis):
    for login in (JIRO, KAEDE):
        assert send(login, source="cust-west")[1].startswith("250")
    wrong(redis, "address", "198.51.100.130/32", 120)
    # New ones there have to wait for the end of the hour.
    assert attempts(ask, HANAKO, [secret(HANAKO)[1]])[0][0] == "535"
    # Those who have sent from there before do not: a NAT is never shut out as a whole.
    for login in (JIRO, KAEDE):
        assert send(login, source="cust-west")[1].startswith("250")
    assert send(HANAKO, source="cust-east")[1].startswith("250")


def test_when_the_guard_is_gone_passwords_alone_decide_and_no_foreign_from_gets_out(lab, ask, send):
    lab.run("msa1", ["service", "submission-relay-guard", "stop"], check=True)
    try:
        assert send(TARO)[1].startswith("250")
        assert attempts(ask, TARO, ["wrong"])[0][0] == "535"
        assert send(TARO, from_="info@ccsnet.ne.jp")[1].startswith("451 4.7.1 the relay cannot check this mail at the moment")
    finally:
        lab.run("msa1", ["service", "submission-relay-guard", "start"], check=True)
    until(lambda: send(TARO, from_="info@ccsnet.ne.jp")[1], taken)
