# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins in PostgreSQL, in MariaDB and in an LDAP server, on msa2; msa1 goes on with its file alone."""

from urllib.parse import quote

import pytest
import yaml

from tests.lab.relay import HANAKO, LOG, MSA1, MSA2, ROOT, TARO, mail, secret, start, taken, until

HERE = ROOT / "molecule" / "submission_relay"
YUKI, REN, MEI = "yuki@ccsnet.ne.jp", "ren@m2.ccsnet.ne.jp", "mei@ccsnet.ne.jp"
PASSWORD = yaml.safe_load((HERE / "store.yml").read_text())[0]["vars"]["store_password"]
COMMON = {"host": "store1.op25b.example", "password": PASSWORD, "tls_ca": "/etc/ssl/certs/store.pem"}
SQL = {**COMMON, "driver": "pgsql", "database": "store", "user": "relay"}
MARIADB = {**SQL, "driver": "mysql", "password": PASSWORD.replace(" ", "")}
LDAP = {**COMMON, "driver": "ldap", "user": "cn=relay,dc=store,dc=example", "base": "dc=store,dc=example"}
SERVER = {"pgsql": "postgresql", "mysql": "mariadb", "ldap": "slapd"}


@pytest.fixture(scope="module")
def store(play):
    play("molecule/submission_relay/store.yml")


@pytest.fixture(scope="module", params=[SQL, MARIADB, LDAP], ids=["pgsql", "mysql", "ldap"])
def directory(request, store, play):  # noqa: ARG001
    """msa2 asks this directory; what the run printed at its most talkative is in `said`."""
    variables = {"submission_relay_directory": request.param}
    said = play("molecule/submission_relay/relays.yml", "--limit", "msa2", "--diff", "-vvv", variables=variables)
    yield {**request.param, "said": said, "variables": variables}
    if request.param is LDAP:
        play("molecule/submission_relay/relays.yml", "--limit", "msa2")


@pytest.fixture
def login(ask):
    def attempt(login, password=None, host=MSA2.v4, **more):
        return ask("cust-east", 587, host, login=[login, password or secret(login)[1]], **more)

    return attempt


def test_logins_of_the_directory_and_of_the_file(directory, login, fresh):  # noqa: ARG001
    for name in (YUKI, REN, MEI, YUKI.upper(), TARO, HANAKO):
        assert login(name, secret(name.lower())[1])["auth"].startswith("235"), name
    for name, password in ((YUKI, "wrong"), (YUKI, secret(REN)[1]), ("nobody@ccsnet.ne.jp", "x"), ("yuki", secret(YUKI)[1])):
        assert login(name, password)["auth"].startswith("535"), name
    # A login of the file is the file's alone, whatever the directory has for it.
    assert login(TARO, "not taro's, only in the lab")["auth"].startswith("535")
    assert login(TARO, "taro, only in the lab")["auth"].startswith("235")
    assert login(YUKI, host=MSA1.v4)["auth"].startswith("535")


@pytest.mark.parametrize(
    ("name", "sender", "good"),
    [
        (YUKI, YUKI, True),
        (YUKI, "shop@ccsnet.ne.jp", True),
        (YUKI, "o'brien@ccsnet.ne.jp", True),
        (REN, "shop@ccsnet.ne.jp", True),
        (MEI, MEI, True),
        (MEI, "shop@ccsnet.ne.jp", False),
        (MEI, YUKI, False),
        (YUKI, TARO, False),
        (YUKI, "nobody@ccsnet.ne.jp", False),
        (YUKI, "x' OR '1'='1@ccsnet.ne.jp", False),
        (YUKI, "*@ccsnet.ne.jp", False),
        (TARO, "info@ccsnet.ne.jp", True),
    ],
)
def test_senders_of_the_directory_and_of_the_file(directory, fresh, send, name, sender, good):  # noqa: ARG001
    said = send(name, sender=sender, host=MSA2.v4)[1]
    assert said.startswith("250" if good else ("553", "501")), said
    if good:
        assert send(name, from_=sender, host=MSA2.v4)[1].startswith("250")


@pytest.mark.parametrize("name", ["*", "*@ccsnet.ne.jp", "yuki@ccsnet.ne.jp)(uid=*", "' OR ''='", "%u@ccsnet.ne.jp", YUKI + "\\"])
def test_a_login_is_a_value_and_never_a_part_of_the_question(directory, login, name, fresh):  # noqa: ARG001
    assert login(name, secret(YUKI)[1])["auth"].startswith("5")


def test_no_secret_of_the_directory_is_shown_and_a_second_run_changes_nothing(directory, lab, play):
    for word in (directory["password"], directory["password"].replace("\\", "\\\\"), 'own\\"', "only in the lab"):
        assert word not in directory["said"]
    again = play("molecule/submission_relay/relays.yml", "--limit", "msa2", variables=directory["variables"])
    assert "changed=0" in again
    for path in ("/etc/dovecot/directory.conf", "/etc/postfix/senders_directory.cf"):
        assert lab.path("msa2", path).stat().st_mode & 0o007 == 0


def test_when_the_directory_is_down_its_logins_are_told_to_come_again(directory, lab, login, send, fresh):  # noqa: ARG001
    lab.run("store1", ["service", SERVER[directory["driver"]], "stop"], check=True)
    try:
        said = login(YUKI)["auth"]
        assert said.startswith("454 4.7.0"), said
        assert send(TARO, host=MSA2.v4)[1].startswith("250")
        assert send(TARO, sender=YUKI, host=MSA2.v4)[1].startswith(("451 4.3.0", "553"))
        log = lab.path("msa2", LOG).read_text()
        password = directory["password"]
        assert [word for word in (password, quote(password, safe=""), secret(YUKI)[1]) if word in log] == []
    finally:
        start(lab, "store1", SERVER[directory["driver"]])
    # Postfix asks a database server that was down again after a minute.
    whole = {"mail_from": YUKI, "to": ["friend@mobile.example"], "message": mail("x", YUKI)}
    until(lambda: login(YUKI, **whole).get("data", ""), taken, seconds=120)
