# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What attackers try, with and without a login: each is refused, and the relay serves the next customer as before."""

import base64
import json
import uuid

import pytest

from tests.lab.relay import HANAKO, KAEDE, MSA1, ROOT, TARO, mail, promptly, secret

RAW = ROOT / "tests" / "lab" / "raw_smtp.py"
PLAIN = base64.b64encode("\0".join(["", *secret(TARO)]).encode()).decode()


@pytest.fixture
def raw(lab):
    """Replies to bytes; each element of the result is what came back for one text."""

    def talk(*steps, port=587, source="cust-east", **more):
        wanted = {"host": MSA1.v4, "port": port, "steps": steps, **more}
        return json.loads(lab.run(source, ["python3", str(RAW)], input=json.dumps(wanted), check=True).stdout)

    return talk


@pytest.fixture
def inside(raw):
    """The same after STARTTLS and AUTH."""

    def talk(*steps, **more):
        begin = ["EHLO client.example\r\n", "STARTTLS\r\n", "starttls", "EHLO client.example\r\n", f"AUTH PLAIN {PLAIN}\r\n"]
        return raw(*begin, *steps, **more)[5:]

    return talk


@pytest.fixture(autouse=True)
def serves_afterwards(fresh, send, arrived):  # noqa: ARG001
    yield
    subject, said = send(TARO)
    assert said.startswith("250"), said
    assert arrived("mobile-mx", subject)


ENVELOPE = f"MAIL FROM:<{TARO}>\r\nRCPT TO:<friend@mobile.example>\r\n"


def codes(replies):
    return [reply.rpartition("\n")[2][:3] for reply in replies]


@pytest.mark.parametrize(
    "address",
    [
        "a%mobile.example@msa1.example.net",
        "a%mobile.example@isp.example",
        "mobile.example!a@msa1.example.net",
        "mobile.example!a@isp.example",
        '"a@mobile.example"@isp.example',
        "@isp.example:a@mobile.example",
        "@isp.example,@msa1.example.net:a@mobile.example",
        "a@mobile.example@isp.example",
    ],
)
def test_no_address_with_a_detour_is_taken_from_a_login(inside, address):
    said = inside(f"MAIL FROM:<{TARO}>\r\n", f"RCPT TO:<{address}>\r\n")
    assert codes(said[0]) == ["250"]
    assert said[1][0].startswith(("550 5.1.3", "501 5.1.3", "501 5.5.4")), said


def test_a_source_route_of_the_sender_is_refused(inside):
    assert inside(f"MAIL FROM:<@isp.example:{TARO}>\r\n")[0][0].startswith("501 5.1.7")


def test_vrfy_and_expn_say_nothing(raw, inside):
    for talk, port in ((inside, 587), (raw, 25), (raw, 587)):
        for command in (f"VRFY {TARO}", f"EXPN {TARO}", "VRFY postmaster"):
            said = talk(f"{command}\r\n", port=port)[-1]
            assert codes(said)[0] in {"502", "500", "530"}, said


def test_auth_before_tls(raw):
    said = raw("EHLO client.example\r\n", f"AUTH PLAIN {PLAIN}\r\n", "AUTH LOGIN\r\n", ENVELOPE)
    assert "AUTH" not in said[1][0]
    assert [codes(replies) for replies in said[2:]] == [["530"], ["530"], ["530", "530"]]


def test_what_comes_before_tls_in_one_packet_is_not_taken_into_it(raw):
    """CVE-2011-0411: a command that an attacker puts behind STARTTLS."""
    said = raw("EHLO client.example\r\n", f"STARTTLS\r\nMAIL FROM:<{TARO}>\r\n", "starttls", "NOOP\r\n")
    assert codes(said[2]) == ["220"]
    assert codes(said[3]) == ["250"]


@pytest.mark.parametrize("end", ["\n.\r\n", "\n.\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\n\x00.\r\n", "\r\n\x00.\r\n"])
def test_no_second_mail_is_smuggled_in_a_first(inside, arrived, end):
    first, second = f"op25b {uuid.uuid4()}", f"op25b {uuid.uuid4()}"
    hidden = f"{ENVELOPE}DATA\r\n{mail(second, HANAKO)}\r\n.\r\n"
    said = inside(ENVELOPE, "DATA\r\n", mail(first, TARO) + end + hidden)
    assert [codes(replies) for replies in said[:2]] == [["250", "250"], ["354"]]
    # One answer, to the one message; or the connection ends.
    assert len([code for code in codes(said[2]) if code != "clo"]) == 1, said[2]
    assert arrived("mobile-mx", second, seconds=2) is None
    if "\n" in end.replace("\r\n", ""):
        assert said[2][0].startswith(("521 5.5.2", "550 5.5.2")), said[2]


def test_bare_newlines_are_refused(inside):
    said = inside(ENVELOPE, "DATA\r\n", mail("x", TARO).replace("\r\n", "\n") + "\r\n.\r\n")
    assert said[2][0].startswith(("521 5.5.2", "550 5.5.2")), said


@pytest.mark.parametrize(
    "line",
    [
        f"MAIL FROM:<{TARO}>\rRCPT TO:<friend@mobile.example>\r\n",
        f"MAIL FROM:<{TARO}\n> SIZE=1\r\n",
        f"MAIL FROM:<{TARO}> AUTH=<>\rDATA\r\n",
    ],
)
def test_no_command_is_injected_by_a_bare_line_end(inside, line):
    said = inside(line, "NOOP\r\n")
    assert codes(said[0])[0] in {"501", "555", "521", "500", "550"}, said


def test_no_header_is_injected(send, arrived):
    """A second From, a From of somebody else, none at all, and one that hides behind a name or a folded line."""
    head = "To: <friend@mobile.example>\r\nSubject: SUBJECT\r\n"
    for lines in (
        f"From: <{TARO}>\r\nFrom: <{HANAKO}>\r\n",
        f"From: <{HANAKO}>\r\n",
        f"From: <{TARO}>, <{HANAKO}>\r\n",
        f"From:\r\n <{HANAKO}>\r\n",
        f'From: "{TARO}" <{HANAKO}>\r\n',
        f"From: {TARO} <{HANAKO}>\r\n",
        f"from: <{TARO}>\r\nFROM: <{HANAKO}>\r\n",
        "From: nobody\r\n",
    ):
        subject, said = send(TARO, message=f"{lines}{head}\r\nhello\r\n")
        assert said.startswith(("550", "554")), (lines, said)
        assert arrived("mobile-mx", subject, seconds=0) is None
    # Without one, and with a line that is no header, the relay puts the login's own there.
    for lines in (f"From : <{HANAKO}>\r\n", ""):
        subject, said = send(TARO, message=f"{lines}{head}\r\nhello\r\n")
        assert said.startswith("250"), said
        assert [value for name, value in arrived("mobile-mx", subject)["headers"] if name.strip() == "From"] == [TARO]


def test_the_null_sender_is_for_home_servers_alone(ask):
    for login, code in ((TARO, "553"), (KAEDE, "250")):
        replies = ask("cust-east", 587, login=secret(login), mail_from="", to=["friend@mobile.example"])
        assert replies["rcpt friend@mobile.example"].startswith(code), replies


def test_too_large_is_refused_before_and_after_it_is_sent(ask, inside):
    limit = int(next(line for line in inside("EHLO client.example\r\n")[0][0].splitlines() if "SIZE" in line).split()[1])
    said = inside(f"MAIL FROM:<{TARO}> SIZE={limit + 1}\r\n")
    assert said[0][0].startswith("552 5.3.4")
    body = ("x" * 70 + "\r\n") * (limit // 72 + 100)
    replies = ask(
        "cust-east", 587, login=secret(TARO), mail_from=TARO, to=["friend@mobile.example"], message=mail("big", TARO, body=body)
    )
    assert replies["data"].startswith("552 5.3.4")


def test_lines_and_commands_without_end(inside):
    said = inside("NOOP " + "x" * 3_000_000 + "\r\n", quiet=2)
    assert codes(said[0])[0] in {"500", "501", "502", "250", "clo", "521", "421"}, said


def test_who_says_much_and_means_nothing_is_shown_out(inside):
    said = inside("FOO\r\n" * 25, quiet=15)
    assert said[0][-2].startswith("421 4.7.0"), said
    assert said[0][-1] == "closed"


def test_slow_connections_do_not_fill_the_relay(lab, ask):
    """One address holds all the connections that it may, and says nothing: it gets no more, and its neighbours none the less."""
    holder = (
        "import socket,sys\n"
        "socket.setdefaulttimeout(60)\n"
        f"held=[socket.create_connection(('{MSA1.v4}',587)) for _ in range(130)]\n"
        "said=[s.recv(99)[:3].decode() for s in held]\n"
        "print(said.count('220'), said.count('421'), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with lab.popen("cust-west", ["python3", "-c", holder], stdin=-1, stdout=-1) as attacker:
        assert attacker.stdout.readline().split() == ["100", "30"]
        customer = {"login": secret(TARO), "mail_from": TARO, "to": ["friend@mobile.example"]}
        assert ask("cust-east", 587, **customer)["rcpt friend@mobile.example"].startswith("250")
        assert promptly(lambda: ask("cust-east", 587, **customer), 5)
        attacker.stdin.close()
