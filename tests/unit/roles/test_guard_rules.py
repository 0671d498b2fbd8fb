# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[3] / "roles" / "submission_relay" / "files" / "guard_rules.py"
SPEC = importlib.util.spec_from_file_location("guard_rules", PATH)
rules = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(rules)

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC).timestamp()
STAMP = "2026-11-26T18:00:00.500000+00:00 msa1 "


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "postfix/submission/smtpd[172]: 4F2A1C: client=cust.example[198.51.100.10]:57788, sasl_method=PLAIN, "
            "sasl_username=Taro@ccsnet.ne.jp",
            ("client", "4F2A1C", "taro@ccsnet.ne.jp", "198.51.100.0/24", 0),
        ),
        (
            "postfix/submissions/smtpd[1]: 4F2A1C: client=unknown[2001:db8:e000::10]:1, sasl_method=LOGIN, sasl_username=a@b.jp",
            ("client", "4F2A1C", "a@b.jp", "2001:db8:e000::/48", 0),
        ),
        ("postfix/smtpd[1]: 4F2A1C: client=mx1[192.0.2.26]:2", ("client", "4F2A1C", "", "192.0.2.0/24", 0)),
        ("postfix/pickup[1]: 4F2A1C: uid=0 from=<root>", ("client", "4F2A1C", "", "", 0)),
        ("postfix/qmgr[1]: 4F2A1C: from=<a@b.example>, size=500, nrcpt=7 (queue active)", ("queued", "4F2A1C", "", "", 7)),
        ("postfix/qmgr[1]: 4F2A1C: removed", ("removed", "4F2A1C", "", "", 0)),
        (
            "postfix/smtp[1]: 4F2A1C: to=<n@isp.example>, relay=x[203.0.113.1]:25, dsn=5.1.1, status=bounced (x)",
            ("bounced", "4F2A1C", "", "", 0),
        ),
        (
            "postfix/smtp[1]: 4F2A1C: to=<n@isp.example>, relay=x, dsn=5.0.0, status=bounced (host x said: 550 no "
            "(in reply to RCPT TO command))",
            ("bounced", "4F2A1C", "", "", 0),
        ),
        # What a carrier has against the relay is not the customer's doing.
        ("postfix/smtp[1]: 4F2A1C: to=<n@isp.example>, relay=x, dsn=5.7.1, status=bounced (host x said: 550 blocked)", None),
        (
            "postfix/smtp[1]: 4F2A1C: to=<n@isp.example>, relay=x, dsn=5.0.0, status=bounced (x (in reply to DATA command))",
            None,
        ),
        ("postfix/smtp[1]: 4F2A1C: to=<n@isp.example>, relay=x, dsn=4.1.1, status=deferred (x)", None),
        ("postfix/submission/smtpd[1]: NOQUEUE: reject: RCPT from x[198.51.100.1]: 553 x", None),
        # Only the beginning of a line is Postfix's own word.
        ("postfix/cleanup[1]: 4F2A1C: message-id=<postfix/qmgr[1]: 4F2A1C: removed>", None),
        ("dovecot: submission-auth: 4F2A1C: removed", None),
    ],
)
def test_what_counts_in_a_line_of_the_log(line, found):
    event = rules.parse(STAMP + line, NOW)
    assert (event and (event.kind, event.queue_id, event.login, event.network, event.recipients)) == found
    assert event is None or event.time == NOW + 0.5


def test_a_line_without_a_year_is_of_the_last_year_in_january():
    january = datetime(2027, 1, 1, 0, 5, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(rules.moment("Dec 31 23:59:59", january)).year == 2026
    assert datetime.fromtimestamp(rules.moment("Jan  1 00:01:00", january)).year == 2027
    assert rules.moment("no time at all", NOW) == NOW


@pytest.mark.parametrize(
    ("address", "network", "place"),
    [
        ("198.51.100.10", "198.51.100.0/24", "198.51.100.10/32"),
        ("::ffff:198.51.100.10", "198.51.100.0/24", "198.51.100.10/32"),
        ("2001:db8:e000:1:2::10", "2001:db8:e000::/48", "2001:db8:e000:1::/64"),
    ],
)
def test_whom_an_address_stands_for(address, network, place):
    assert (rules.network(address), rules.place(address)) == (network, place)


def test_waiting_grows_from_the_limit_on_and_ends_in_a_refusal():
    waits = [rules.wait_for(wrong, 10) for wrong in range(22)]
    assert waits[:10] == [0] * 10
    assert waits[10:20] == sorted(waits[10:20])
    assert 1 <= waits[10] <= waits[19] <= rules.LONGEST
    assert waits[20:] == [rules.REFUSE] * 2
    assert rules.wait_for(1000, 0) == 0


@pytest.mark.parametrize(
    ("wrong", "known", "refused"),
    [
        ((20, 0, 0), True, True),
        ((0, 60, 0), False, True),
        ((0, 60, 0), True, False),
        ((0, 0, 120), False, True),
        ((0, 0, 120), True, False),
        ((9, 29, 59), False, False),
    ],
)
def test_who_has_sent_from_there_before_is_judged_by_himself_alone(wrong, known, refused):
    limits = {"pair": 10, "login": 30, "address": 60}
    assert (rules.judge_attempt(dict(zip(limits, wrong, strict=True)), known, limits) == rules.REFUSE) == refused


HOUR = 500_000
RULES = {"networks": 10, "volume": 10, "bounces": 30}


@pytest.mark.parametrize(
    ("networks", "hours", "more", "words"),
    [
        (10, {}, {}, "10 networks"),
        (9, {}, {}, ""),
        (10, {}, {"rules": {**RULES, "networks": 0}}, ""),
        (1, {HOUR: 20, f"{HOUR}b": 6}, {}, "6 of 20 recipients"),
        (1, {HOUR: 20, f"{HOUR}b": 5}, {}, ""),
        (1, {HOUR: 19, f"{HOUR}b": 19}, {}, ""),
        (1, {HOUR: 80, HOUR - 30: 8}, {}, "80 recipients within an hour, and 8 at most"),
        (1, {HOUR: 80, HOUR - 30: 9}, {}, ""),
        (1, {HOUR: 74, HOUR - 30: 1}, {}, ""),
        (1, {HOUR: 80, HOUR - 30: 8}, {"learned": False}, ""),
        # Fifteen days ago does not count any more.
        (1, {HOUR: 80, HOUR - 24 * 15: 80}, {}, "80 recipients"),
    ],
)
def test_what_makes_a_login_look_stolen(networks, hours, more, words):
    given = {"rules": RULES, "most": 300, "learned": True, **more}
    why = rules.judge_login(networks, {str(hour): count for hour, count in hours.items()}, HOUR, **given)
    assert why.startswith(words) if not words else words in why
    assert bool(why) == bool(words)


def test_no_rule_of_stolen_logins_is_for_the_check_of_the_rollout():
    hours = {str(HOUR): 80, f"{HOUR}b": 80}
    whose = {"probe@ccsnet.ne.jp": "", "taro@ccsnet.ne.jp": "mail came from 300 networks within an hour"}
    for login, why in whose.items():
        mine = rules.rules_of(login, "probe@ccsnet.ne.jp", RULES)
        assert rules.judge_login(300, hours, HOUR, mine, 300, True) == why
    # Where the inventory has no check, every login has all rules.
    assert rules.rules_of("taro@ccsnet.ne.jp", "", RULES) == RULES


def test_the_tables_of_a_parameter():
    text = "texthash:/etc/a, unionmap:{proxy:pgsql:/etc/b,regexp:/etc/c} proxy:ldap:/etc/proxy:d inline:{ {a b = c} }"
    assert rules.maps_of(text) == [
        "texthash:/etc/a",
        "unionmap:{pgsql:/etc/b,regexp:/etc/c}",
        "ldap:/etc/proxy:d",
        "inline:{ {a b = c} }",
    ]
