# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import mail_clients
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

IMAP = {"protocol": "IMAP", "host": "imap.ccsnet.ne.jp", "port": 993}
POP = {"protocol": "POP", "host": "pop.ccsnet.ne.jp", "port": 995}
MAIL = {"domain": "ccsnet.ne.jp", "submission": "msa.ccsnet.ne.jp", "incoming": [IMAP, POP]}
KEY = {
    "domain": "ccsnet.ne.jp",
    "name": "op25b1._domainkey.ccsnet.ne.jp",
    "record": "v=DKIM1; k=rsa; p=" + "A" * 392,
    "state": "missing",
    "detail": "NXDOMAIN",
}
STATUS = {
    "relays": [
        {"relay": "msa1", "state": "look", "addresses": ["192.0.2.25", "2001:db8:25::25"]},
        {"relay": "msa2", "state": "ok", "addresses": ["192.0.2.27"]},
    ],
    "dkim": [KEY, {**KEY, "domain": "m2.ccsnet.ne.jp", "name": "op25b1._domainkey.m2.ccsnet.ne.jp"}],
}


def test_the_zone_alone_has_where_to_send_and_to_read():
    assert mail_clients.zone(MAIL).splitlines()[1:] == [
        "_submissions._tcp.ccsnet.ne.jp. 3600 IN SRV 0 1 465 msa.ccsnet.ne.jp.",
        "_submission._tcp.ccsnet.ne.jp. 3600 IN SRV 10 1 587 msa.ccsnet.ne.jp.",
        "_imaps._tcp.ccsnet.ne.jp. 3600 IN SRV 0 1 993 imap.ccsnet.ne.jp.",
        "_pop3s._tcp.ccsnet.ne.jp. 3600 IN SRV 0 1 995 pop.ccsnet.ne.jp.",
    ]


def test_a_zone_has_the_keys_of_its_own_domain_and_the_addresses_of_all_relays():
    zone = mail_clients.files([MAIL], "CCSNET", ["msa1", "msa2"], STATUS)["ccsnet.ne.jp.zone"]
    lines = [line for line in zone.splitlines() if line and not line.startswith(";")]
    assert [line.split(".")[0] for line in lines] == ["_submissions", "_submission", "_imaps", "_pop3s", "op25b1"]
    assert "".join(re.findall(r'"([^"]*)"', lines[-1])) == KEY["record"]
    assert "\n; ip4:192.0.2.25 ip4:192.0.2.27 ip6:2001:db8:25::25\n" in zone
    assert "m2.ccsnet" not in zone


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("v=DKIM1; p=x", 'a.example. 3600 IN TXT "v=DKIM1; p=x"'),
        ('say "\\"', 'a.example. 3600 IN TXT "say \\"\\\\\\""'),
        ("x" * 251, f'a.example. 3600 IN TXT ( "{"x" * 250}" "x" )'),
    ],
)
def test_a_txt_record_has_strings_that_a_zone_takes(value, line):
    assert mail_clients.txt("a.example", value) == line


def test_mozillas_file_has_both_ways_in_the_better_one_first():
    found = mail_clients.files([MAIL], "CCS & <NET>")["ccsnet.ne.jp/mail/config-v1.1.xml"]
    assert found.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n')
    provider = ET.fromstring(found).find("emailProvider")
    assert provider.get("id") == provider.findtext("domain") == "ccsnet.ne.jp"
    assert provider.findtext("displayName") == "CCS & <NET> (ccsnet.ne.jp)"
    words = ("hostname", "port", "socketType", "authentication", "username")
    servers = [(server.tag, server.get("type"), *map(server.findtext, words)) for server in provider if server.get("type")]
    login = ("password-cleartext", "%EMAILADDRESS%")
    assert servers == [
        ("incomingServer", "imap", "imap.ccsnet.ne.jp", "993", "SSL", *login),
        ("incomingServer", "pop3", "pop.ccsnet.ne.jp", "995", "SSL", *login),
        ("outgoingServer", "smtp", "msa.ccsnet.ne.jp", "465", "SSL", *login),
        ("outgoingServer", "smtp", "msa.ccsnet.ne.jp", "587", "STARTTLS", *login),
    ]


@pytest.mark.parametrize("incoming", [{}, {"incoming": []}, {"incoming": None}])
def test_without_a_server_to_read_from_mozilla_gets_nothing(incoming):
    mail = {"domain": "ccsnet.ne.jp", "submission": "msa.ccsnet.ne.jp", **incoming}
    files = mail_clients.files([mail], "CCSNET")
    assert files["ccsnet.ne.jp/mail/config-v1.1.xml"] == ""
    assert len(files["ccsnet.ne.jp.zone"].splitlines()) == 3


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        (
            {**MAIL, "incoming": [{**IMAP, "protocol": "JMAP"}]},
            "ccsnet.ne.jp: the protocol 'JMAP' of imap.ccsnet.ne.jp is none that",
        ),
        ({**MAIL, "incoming": [{**IMAP, "host": "a b"}]}, "ccsnet.ne.jp: 'a b' is no name of a host or domain"),
        ({**MAIL, "submission": "msa.example\nx. IN A 192.0.2.1"}, "is no name of a host or domain"),
        *(({**MAIL, "domain": name}, "is no name of a host or domain") for name in ("../etc", "", "a..b", "/etc", "-a.example")),
    ],
)
def test_what_is_no_name_gets_into_no_file(mail, words):
    with pytest.raises(Op25bError, match=re.escape(words)) as caught:
        mail_clients.files([mail], "CCSNET")
    assert str(caught.value).startswith("notice_mail: ")
    assert str(caught.value).endswith("; nothing was written.")


@pytest.mark.parametrize(
    ("status", "silent"),
    [
        (None, "msa1, msa2"),
        ({"relays": [], "dkim": []}, "msa1, msa2"),
        ({**STATUS, "relays": STATUS["relays"][:1]}, "msa2"),
        ({**STATUS, "relays": [STATUS["relays"][0], {"relay": "msa2", "state": "unknown", "problems": ["no route"]}]}, "msa2"),
    ],
)
def test_no_zone_lacks_the_keys_of_a_relay_that_is_silent(status, silent):
    with pytest.raises(Op25bError, match=f"all relays, and {silent} did not answer; nothing was written"):
        mail_clients.files([MAIL], "CCSNET", ["msa1", "msa2"], status)


def test_no_zone_has_one_of_two_keys():
    status = {**STATUS, "dkim": [{**KEY, "state": "two keys", "detail": "msa2 has another key than msa1"}]}
    with pytest.raises(Op25bError, match="msa2 has another key than msa1; nothing was written"):
        mail_clients.files([MAIL], "CCSNET", ["msa1", "msa2"], status)
