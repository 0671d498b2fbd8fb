# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees of both relays, and how he stops a login; what mail programs and the DNS need is in files."""

import json
import re
import time
import xml.etree.ElementTree as ET

import pytest

from tests.lab.relay import MSA1, MSA2, ROOT, TARO, until

STATUS, SUSPEND, RESUME, CLIENTS = (
    f"playbooks/{name}.yml" for name in ("relay_status", "relay_suspend", "relay_resume", "mail_clients")
)
KEYS = [f"op25b1._domainkey.{domain}" for domain in ("ccsnet.ne.jp", "m2.ccsnet.ne.jp")]


def table(printed, first):
    """The rows of the table whose first column has this head, by the words in that column."""
    lines = iter(line.strip() for line in printed.splitlines())
    heads = next((cells for cells in (re.split(r" {2,}", line) for line in lines) if cells[0] == first and len(cells) > 1), [])
    rows = {}
    next(lines, None)
    while line := next(lines, ""):
        cells = re.split(r" {2,}", line)
        rows[cells[0]] = dict(zip(heads, cells, strict=True))
    return rows


def changed(printed):
    return sum(int(count) for count in re.findall(r" changed=(\d+) ", printed))


@pytest.fixture
def dns(lab):
    """A name server that has these TXT records of ccsnet.ne.jp and no others; the answer is its address."""
    pid = "/run/op25b-test-dns.pid"
    lab.run("msa1", ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "dnsmasq-base"], check=True)

    def end():
        lab.run("msa1", ["sh", "-c", f'[ ! -e {pid} ] || {{ kill "$(cat {pid})"; rm {pid}; sleep 0.5; }}'], check=True)

    def serve(**records):
        end()
        words = ["dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", f"--pid-file={pid}"]
        words += ["--bind-interfaces", f"--listen-address={MSA1.v4}", "--local=/ccsnet.ne.jp/"]
        lab.run("msa1", [*words, *(f"--txt-record={name},{text}" for name, text in records.items())], check=True)
        return [MSA1.v4]

    yield serve
    end()


def test_the_dns_lacks_a_key_until_its_record_is_published(play, lab, dns):
    def states(**records):
        printed = play(STATUS, variables={"submission_relay_dkim_nameservers": dns(**records)})
        assert changed(printed) == 0
        return [table(printed, "DKIM key")[name]["DNS"] for name in KEYS], printed

    found, printed = states()
    assert found == ["missing", "missing"]
    for relay in ("msa1", "msa2"):
        assert f"{relay}: {KEYS[0]}: its DNS record is missing (NXDOMAIN), and mail is signed with it" in printed
    _before, _head, records = printed.partition("to be published:\n")
    found = re.findall(r"^  (\S+)[.] 3600 IN TXT [(]\n((?: +\"[^\"]*\"\n)+) +[)]$", records, re.MULTILINE)
    published = {name: "".join(re.findall(r'"([^"]*)"', strings)) for name, strings in found}
    assert set(published) == set(KEYS)
    public = lab.run("msa2", ["openssl", "pkey", "-in", f"/var/lib/rspamd/dkim/{KEYS[0]}.key", "-pubout"], check=True).stdout
    assert published[KEYS[0]] == "v=DKIM1; k=rsa; p=" + "".join(public.split("\n")[1:-2])

    found, printed = states(**{KEYS[0]: published[KEYS[0]]})
    assert found == ["ok", "missing"]
    assert [row["DKIM"] for row in table(printed, "relay").values()] == ["1 of 2"] * 2
    assert f"{KEYS[0]}. 3600 IN TXT" not in printed
    assert f"{KEYS[1]}. 3600 IN TXT" in printed

    found, printed = states(**{KEYS[0]: published[KEYS[0]], KEYS[1]: published[KEYS[0]]})
    assert found == ["ok", "differs"]
    assert f"{KEYS[1]}: its DNS record differs from the key (published is: v=DKIM1; k=rsa; p=" in printed

    found, printed = states(**published)
    assert found == ["ok", "ok"]
    assert "all that the relays have is published" in printed


def test_the_status_says_that_the_dns_did_not_answer(play):
    printed = play(STATUS, "--check", variables={"submission_relay_dkim_nameservers": ["127.0.0.99"]})
    assert {table(printed, "DKIM key")[name]["DNS"] for name in KEYS} == {"unknown"}
    assert "the DNS did not say whether it has these:" in printed


@pytest.mark.usefixtures("fresh")
def test_a_mail_that_waits_who_sent_most_and_the_certificate(play, lab, send, arrived, logged):
    def deferred():
        queued = lab.run("msa1", ["postqueue", "-j"], check=True).stdout.splitlines()
        return [mail for mail in map(json.loads, queued) if mail["queue_name"] == "deferred"]

    before = table(play(STATUS), "top sender").get(TARO, {"mails": "0", "recipients": "0"})
    position = logged.since()
    subject, said = send(TARO, to=[f"friend{at}@mobile.example" for at in range(3)])
    assert said.startswith("250"), said
    assert arrived("mobile-mx", subject)
    _subject, said = send(TARO, to=["friend@nowhere.example"])
    queue_id = re.search(r"queued as (\w+)", said)[1]
    try:
        assert logged.line(position, f"{queue_id}: to=<friend@nowhere.example>", "status=deferred")
        waiting = until(deferred, lambda mails: any(mail["queue_id"] == queue_id for mail in mails))
        printed = play(STATUS)
    finally:
        lab.run("msa1", ["postsuper", "-d", queue_id], check=True)
    assert changed(printed) == 0
    relays = table(printed, "relay")
    assert relays["msa1"]["deferred"] == str(len(waiting))
    assert "recipients wait: Host or domain name not found. Name service error for name=…" in printed
    assert relays["msa1"]["servers"] == "5 of 5"

    senders = table(printed, "top sender")
    after = senders[TARO]
    assert int(after["mails"]) - int(before["mails"]) == 2
    assert int(after["recipients"]) - int(before["recipients"]) == 4
    counts = [int(row["recipients"]) for row in senders.values()]
    assert counts == sorted(counts, reverse=True)

    end = lab.run(
        "msa1", ["openssl", "x509", "-in", "/etc/ssl/certs/submission_relay.pem", "-noout", "-enddate"], check=True
    ).stdout
    days = (time.mktime(time.strptime(end.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")) - time.mktime(time.gmtime())) // 86400
    assert relays["msa1"]["certificate"] == f"{days:.0f} days"


@pytest.mark.usefixtures("fresh")
def test_a_login_is_suspended_and_resumed_on_all_relays(play, send):
    login = {"login": TARO.upper()}
    assert changed(play(RESUME, variables=login)) == 0
    assert changed(play(SUSPEND, "--check", variables={**login, "why": "spam was seen"})) == 1
    assert send(TARO)[1].startswith("250")
    assert changed(play(SUSPEND, variables={**login, "why": "spam was seen"})) == 1
    assert changed(play(SUSPEND, variables={**login, "why": "spam was seen"})) == 0
    assert changed(play(SUSPEND, "--check", variables={**login, "why": "spam was seen"})) == 0
    for relay in (MSA1, MSA2):
        said = send(TARO, host=relay.v4)[1]
        assert said.startswith("554"), said
        assert "suspended" in said
        assert "spam was seen" in said
    assert table(play(STATUS), "suspended")[TARO]["why"] == "spam was seen"
    assert changed(play(RESUME, "--check", variables=login)) == 1
    assert send(TARO)[1].startswith("554")
    assert changed(play(RESUME, variables=login)) == 1
    assert send(TARO)[1].startswith("250")
    assert table(play(STATUS), "suspended") == {}


@pytest.mark.usefixtures("fresh")
def test_what_is_missing_is_said_in_a_sentence(play, redis):
    for playbook, variables, missing in (
        (SUSPEND, {}, "say which login, with -e login=NAME@DOMAIN, and why, with -e why='half a sentence'; nothing was changed"),
        (SUSPEND, {"login": TARO}, "say why, with -e why='half a sentence'; nothing was changed"),
        (RESUME, {"login": ""}, "say which login, with -e login=NAME@DOMAIN; nothing was changed"),
        (RESUME, {"login": "taro"}, "'taro' is no login, which is an address; nothing was changed"),
    ):
        assert missing in " ".join(play(playbook, variables=variables, fails=True).replace("''", "'").split())
    assert redis("--scan", "--pattern", "op25b:suspended*") == ""


@pytest.fixture
def with_a_dead_one(tmp_path):
    """Arguments for the inventory of this scenario, where the first of three relays cannot be reached."""
    dead = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0}
    inventory = tmp_path / "dead.yml"
    inventory.write_text(json.dumps({"all": {"children": {"relays": {"hosts": {"msa0": dead}}}}}))
    return [
        f"--inventory={path}"
        for path in (inventory, ROOT / "inventories/lab/hosts.yml", ROOT / "molecule/submission_relay/hosts.yml")
    ]


@pytest.mark.usefixtures("fresh")
def test_a_relay_that_cannot_be_reached_is_a_line_and_hinders_nobody(play, send, with_a_dead_one):
    printed = play(STATUS, *with_a_dead_one, fails=True)
    relays = table(printed, "relay")
    assert list(relays) == ["msa0", "msa1", "msa2"]
    assert relays["msa0"]["state"] == "NOT KNOWN"
    assert relays["msa1"]["servers"] == "5 of 5"
    assert "1 NOT known" in printed
    assert re.search(r"msa0: .*Connection refused", printed)

    play(SUSPEND, *with_a_dead_one, variables={"login": TARO, "why": "spam was seen"})
    assert send(TARO)[1].startswith("554")

    said = play(CLIENTS, *with_a_dead_one, fails=True)
    assert "and msa0 did not answer; nothing was written" in " ".join(said.split())


def test_what_mail_programs_need_is_written_once(play, tmp_path):
    incoming = [{"protocol": "IMAP", "host": "imap.ccsnet.ne.jp", "port": 993}]
    mails = [
        {"domain": "ccsnet.ne.jp", "submission": "msa1.example.net", "incoming": incoming},
        {"domain": "m2.ccsnet.ne.jp", "submission": "msa1.example.net"},
    ]
    place = tmp_path / "clients"
    variables = {"op25b_mail_clients": str(place), "notice_mail": mails}
    assert "+_submissions._tcp.ccsnet.ne.jp." in play(CLIENTS, "--check", "--diff", variables=variables)
    assert not place.exists()
    assert changed(play(CLIENTS, variables=variables)) > 0
    assert changed(play(CLIENTS, variables=variables)) == 0
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert files == ["ccsnet.ne.jp.zone", "ccsnet.ne.jp/mail/config-v1.1.xml", "m2.ccsnet.ne.jp.zone"]
    zone = (place / "m2.ccsnet.ne.jp.zone").read_text()
    assert "_submissions._tcp.m2.ccsnet.ne.jp. 3600 IN SRV 0 1 465 msa1.example.net.\n" in zone
    assert f"{KEYS[1]}. 3600 IN TXT ( " in zone
    assert f"; ip4:{MSA1.v4} ip4:{MSA2.v4} ip6:{MSA1.v6} ip6:{MSA2.v6}\n" in zone
    provider = ET.parse(place / files[1]).getroot().find("emailProvider")
    assert [server.findtext("port") for server in provider.findall("outgoingServer")] == ["465", "587"]

    del mails[0]["incoming"]
    assert changed(play(CLIENTS, variables=variables)) == 2
    assert not (place / files[1]).exists()
