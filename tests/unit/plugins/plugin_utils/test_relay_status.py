# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import relay_status

from tests.screens import text as shown

DAY = datetime.date(2019, 3, 20)
NAME = "op25b1._domainkey.ccsnet.ne.jp"
RECORD = "v=DKIM1; k=rsa; p=" + "A" * 392


def key(**more):
    words = {"domain": "ccsnet.ne.jp", "selector": "op25b1", "signs": True, "name": NAME, "record": RECORD}
    return {**words, "state": "ok", "detail": "", **more}


@pytest.fixture
def answer():
    """What the module returns of a relay with which all is well."""

    def make(**more):
        return {
            "hostname": "msa1.example.net",
            "addresses": ["192.0.2.25"],
            "queue": {
                "incoming": 0,
                "active": 1,
                "active_limit": 20000,
                "deferred": 2,
                "hold": 0,
                "recipients": 3,
                "oldest": 7300,
                "reasons": [],
                "free_percent": 60,
            },
            "log": {"files": ["/var/log/submission_relay/mail.log"], "since": "2019-03-19T00:00:00Z", "complete": True},
            "sent": {"logins": 1, "mails": 5, "recipients": 9},
            "senders": [{"login": "taro@ccsnet.ne.jp", "mails": 5, "recipients": 9, "bounced": 1, "addresses": 2}],
            "suspended": [],
            "certificate": {
                "not_after": "2019-05-01T00:00:00Z",
                "days_left": 42,
                "names": ["msa1.example.net"],
                "hostname_matches": True,
                "key_fits": True,
                "trusted": True,
                "served": True,
            },
            "old_tls": False,
            "dkim": [key()],
            "services": [{"name": "postfix", "up": True, "version": "3.7.11", "detail": ""}],
            **more,
        }

    return make


def found(*answers, **variables):
    relays = {f"msa{at}": {"submission_relay_found": one, **variables} for at, one in enumerate(answers, 1)}
    return relay_status.rows(relays, DAY)


def problems(*answers, **variables):
    return [row["problems"] for row in found(*answers, **variables)["relays"]]


def test_a_relay_with_which_all_is_well(answer):
    rows = found(answer())
    assert [(row["relay"], row["state"], row["problems"]) for row in rows["relays"]] == [("msa1", "ok", [])]
    text = shown(relay_status.tables(rows))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "msa1 1 2 0 2 h 5 9 42 days 1 of 1 1 of 1 ok" in lines
    assert "1 of 1 relays ok" in lines
    assert "taro@ccsnet.ne.jp 5 9 1 2" in lines
    assert "9 recipients in 5 mails" in lines
    assert text.endswith("\nall that the relays have is published\n")
    assert "suspended" not in text


@pytest.mark.parametrize(
    ("silent", "why"),
    [
        ({"unreachable": True, "msg": "no route"}, "no route"),
        ({"failed": True, "msg": "there is no Postfix on this host"}, "there is no Postfix on this host"),
        ({}, "it did not answer"),
        (None, "it did not answer"),
    ],
)
def test_a_relay_that_did_not_answer_is_a_line(answer, silent, why):
    rows = found(silent, answer())
    assert [(row["state"], row["problems"]) for row in rows["relays"]] == [("unknown", [why]), ("ok", [])]
    lines = [" ".join(line.split()) for line in shown(relay_status.tables(rows)).splitlines()]
    assert "msa1 - - - - - - - - - NOT KNOWN" in lines
    assert "1 of 2 relays ok, 1 NOT known" in lines
    assert f"msa1: {why}" in lines


def test_no_relay_answered():
    assert shown(relay_status.tables(found({"unreachable": True, "msg": "no route"}))).endswith(
        "0 of 1 relays ok, 1 NOT known\nmsa1: no route\n"
    )


def changed(part, **more):
    return lambda answer: answer(**{part: {**answer()[part], **more}})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (changed("queue", active=20000, incoming=31), "the active queue is full (20000); 31 more wait for a place in it"),
        (
            changed("queue", hold=3),
            "3 mails are on hold, and stay there until a person lets them go (postsuper -H) or deletes them (postsuper -d)",
        ),
        (changed("queue", free_percent=9), "of the disk with the queue 9 % is free"),
        (lambda answer: answer(queue={"problem": "postqueue: no"}), "the queue cannot be read: postqueue: no"),
        (changed("certificate", days_left=-1), "the certificate ended on 2019-05-01T00:00:00Z"),
        (changed("certificate", days_left=14), "the certificate ends in 14 days, on 2019-05-01T00:00:00Z"),
        (
            changed("certificate", hostname_matches=False, names=["a.example", "b.example"]),
            "the certificate is for a.example, b.example, and clients look for msa1.example.net",
        ),
        (changed("certificate", key_fits=False), "the key is not the certificate's"),
        (
            changed("certificate", trusted=False),
            "no authority that this host knows vouches for the certificate, so that clients warn of it",
        ),
        (
            changed("certificate", served=False),
            "port 465 shows another certificate than the file has; `postfix reload` lets it read the new one",
        ),
        (lambda answer: answer(certificate={"problem": "there is none"}), "the certificate: there is none"),
        (
            lambda answer: answer(services=[{"name": "redis", "up": False, "version": "", "detail": "it said no"}]),
            "redis does not answer: it said no",
        ),
        (
            lambda answer: answer(old_tls=True),
            "port 465 takes TLS 1.1, and submission_relay_old_tls names no exception; run the role",
        ),
        (
            lambda answer: answer(dkim=[key(state="missing", detail="NXDOMAIN")]),
            f"{NAME}: its DNS record is missing (NXDOMAIN), and mail is signed with it",
        ),
        (
            lambda answer: answer(dkim=[key(state="revoked", detail="its p= is empty")]),
            f"{NAME}: its DNS record revokes the key (its p= is empty), and mail is signed with it",
        ),
        (
            lambda answer: answer(dkim=[key(state="no key", record="", detail="there is no /k")]),
            f"{NAME}: there is no /k; a run of the role makes it",
        ),
        (lambda answer: answer(dkim=[key(state="unknown", detail="timeout")]), f"{NAME}: its DNS record is not known (timeout)"),
    ],
)
def test_what_needs_a_person_is_a_sentence(answer, make, sentence):
    rows = found(make(answer))
    assert [(row["state"], row["problems"]) for row in rows["relays"]] == [("look", [sentence])]
    text = shown(relay_status.tables(rows))
    assert f"\nmsa1: {sentence}\n" in text
    assert "0 of 1 relays ok, 1 need a look" in text


@pytest.mark.parametrize("quiet", [{"served": None}, {"days_left": 15}])
def test_what_is_not_known_or_far_needs_nobody(answer, quiet):
    assert problems(changed("certificate", **quiet)(answer)) == [[]]


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("2019-03-31", "TLS 1.0 and 1.1 are taken for 11 days more, until 2019-03-31 (old phones)"),
        (DAY, "TLS 1.0 and 1.1 are taken for 0 days more, until 2019-03-20 (old phones)"),
        ("2019-03-19", "port 465 takes TLS 1.1, and the exception ended on 2019-03-19; run the role"),
    ],
)
def test_the_exception_for_old_programs_is_counted_down(answer, until, sentence):
    assert problems(answer(old_tls=True), submission_relay_old_tls={"until": until, "name": "old phones"}) == [[sentence]]


def test_a_key_that_does_not_sign_may_be_missing_but_its_record_is_told(answer):
    rows = found(answer(dkim=[key(), key(name="next._domainkey.ccsnet.ne.jp", signs=False, state="missing", detail="NXDOMAIN")]))
    assert rows["relays"][0]["state"] == "ok"
    end = shown(relay_status.tables(rows)).split("to be published:\n")[1]
    first, *quoted, last = end.splitlines()
    assert (first, last) == ("  next._domainkey.ccsnet.ne.jp. 3600 IN TXT (", "    )")
    assert "".join(line.strip().strip('"') for line in quoted) == RECORD
    assert max(map(len, quoted)) <= 72


def test_the_worst_that_a_relay_saw_counts(answer):
    rows = found(answer(), answer(dkim=[key(state="missing", detail="NXDOMAIN")]), answer())
    assert [(row["state"], row["detail"], row["relays"]) for row in rows["dkim"]] == [
        ("missing", "NXDOMAIN", ["msa1", "msa2", "msa3"])
    ]
    assert [row["state"] for row in rows["relays"]] == ["ok", "look", "ok"]


def test_what_the_dns_did_not_say_is_not_called_published(answer):
    text = shown(relay_status.tables(found(answer(dkim=[key(state="unknown", detail="timeout")]))))
    assert "the DNS did not say whether it has these:\n  " + NAME in text
    assert "published" not in text


def test_two_relays_with_two_keys_are_both_to_be_looked_at(answer):
    rows = found(answer(), answer(dkim=[key(record=RECORD + "B", state="differs", detail="published is: x")]), answer())
    assert [row["state"] for row in rows["relays"]] == ["look", "look", "look"]
    assert rows["relays"][0]["problems"] == [f"{NAME}: msa2 has another key than msa1; run the role for all relays at once"]
    assert "nothing is to be published before each relay has the same keys" in shown(relay_status.tables(rows))


def test_senders_and_suspended_logins_of_all_relays_are_one(answer):
    taro = {"login": "taro@ccsnet.ne.jp", "mails": 1, "recipients": 2, "bounced": 0, "addresses": 3}
    jiro = {"login": "jiro@ccsnet.ne.jp", "mails": 4, "recipients": 12, "bounced": 2, "addresses": 1}
    spam = {"login": "hanako@ccsnet.ne.jp", "why": "spam"}
    rows = found(answer(suspended=[spam]), answer(senders=[jiro, taro], suspended=[spam]), answer(senders=[], suspended=None))
    assert rows["senders"] == [jiro, {"login": "taro@ccsnet.ne.jp", "mails": 6, "recipients": 11, "bounced": 1, "addresses": 3}]
    assert rows["suspended"] == [{**spam, "relays": ["msa1", "msa2"]}]
    text = shown(relay_status.tables(rows))
    assert "hanako@ccsnet.ne.jp  spam\n" in text
    assert "relay_resume -e login=LOGIN" in text
    assert "27 recipients in 15 mails" in text


def test_a_log_that_is_younger_says_since_when_it_counts(answer):
    lines = shown(relay_status.tables(found(changed("log", complete=False)(answer)))).splitlines()
    assert "msa1: counted since 2019-03-19T00:00:00Z" in lines
