# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy, relay

ARGON2 = "$argon2id$v=19$m=65536,t=3,p=1$PDIWLtK5nckL8Mf/Fzfg2A$hD0p2YqE8eAnrBY/g6cF9/DStA2wT411pcZUey/3L60"
SECRET = "correct horse battery staple"
LIMITS = {"message": 100, "minute": 100, "hour": 300, "day": 1000}
SQL = {"driver": "pgsql", "host": "store.example.net", "database": "mail", "user": "relay", "password": SECRET}
LDAP = {"driver": "ldap", "host": "store.example.net", "base": "dc=example"}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIE+/=\n-----END PRIVATE KEY-----\n"
TARO = {"login": "taro@ccsnet.ne.jp", "password": SECRET}
CHECK = {"login": "probe@ccsnet.ne.jp", "password": SECRET, "sender": "probe@ccsnet.ne.jp", "recipient": "probe@mobile.example"}


@pytest.fixture
def mistakes(document):
    checked = policy.load(document, datetime.date(2019, 3, 20))

    def of(**changed):
        settings = {
            "hostname": "msa1.example.net",
            "domains": ["ccsnet.ne.jp", "m2.ccsnet.ne.jp"],
            "users": [TARO, {"login": "hanako@m2.ccsnet.ne.jp", "password_hash": ARGON2, "senders": ["info@ccsnet.ne.jp"]}],
            "check": CHECK,
            "mynetworks": ["127.0.0.0/8", "::1/128", "192.0.2.0/24"],
            "transport": {
                "*": "smtp:[192.0.2.26]",
                ".example.net": "smtp:[ipv6:2001:db8:25::26]:25",
                "a@b.example": "error:no such one",
            },
            "postfix_parameters": {"message_size_limit": 20000000},
            "own_parameters": ["mynetworks", "myhostname"],
            "home_servers": [{"login": "taro@ccsnet.ne.jp", "domains": ["taro.example"]}],
            "directory": SQL,
            "old_tls": {"name": "printers, OP-17", "until": "2019-12-31"},
            "limits": LIMITS,
            "home_server_limits": {**LIMITS, "bounces": 100},
            "check_limits": {**LIMITS, "message": 1, "size": 10000},
            "reject_score": 15,
            "dkim_selectors": ["op25b1", "op25b2"],
            "dkim_keys": {"op25b1._domainkey.m2.ccsnet.ne.jp": PEM},
            "redis": {"address": "192.0.2.25", "password": SECRET},
            "stolen": {"networks": 10, "volume": 10, "bounces": 30},
            "wrong_passwords": {"pair": 10, "login": 30, "address": 60},
            "tell": {"mail": ["abuse@ccsnet.ne.jp"], "webhook": f"https://example.net/?token={SECRET.split()[0]}"},
            "balancers": ["192.0.2.24", "2001:db8:25::24"],
            "metrics_address": "127.0.0.1",
            "log_days": 90,
            "addresses": ["192.0.2.25", "2001:db8:25::25", "fe80::1"],
        }
        return relay.mistakes({**settings, **changed}, checked)

    return of


def user(**keys):
    return {"users": [{**TARO, **keys}]}


TAROS = {"login": "taro@ccsnet.ne.jp", "domains": ["taro.example"]}


def home(login="taro@ccsnet.ne.jp", domains=("taro.example",), **more):
    return {"home_servers": [{"login": login, "domains": list(domains)}], **more}


def check(**keys):
    return {"check": {**CHECK, **keys}}


def test_what_the_variables_of_a_relay_and_of_a_balancer_must_have():
    groups = {"all": ["e1"], "relays": ["msa1", "msa2", "msa3"], "relay_balancers": ["lb1"]}
    variables = {
        "e1": {},
        "msa1": {"op25b_policy": {}},
        "msa2": {"op25b_policy": {}, "submission_relay_users": []},
        "msa3": {"submission_relay_directory": SQL},
        "lb1": {},
    }
    assert list(relay.unconfigured(groups, variables).values()) == [
        "msa1 is not configured as a submission relay: it has neither submission_relay_users nor submission_relay_directory",
        "msa3 is not configured as a submission relay: it has no op25b_policy",
        "lb1 is not configured as a balancer of the relays: it has no relay_balancer_relays",
    ]
    assert relay.unconfigured({"all": []}, {}) == {}


def test_right_settings_have_none(mistakes):
    assert mistakes() == []


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"hostname": "msa1"}, "hostname", "'msa1' is not a full host name"),
        ({"domains": [], "users": []}, "domains", "this is empty"),
        ({"domains": ["ccsnet.ne.jp", "m2.ccsnet.ne.jp", "EXAMPLE.net"]}, "domains[2]", "'EXAMPLE.net' is not a domain"),
        ({"mynetworks": ["198.51.100.0/26"]}, "mynetworks[0]", "198.51.100.0/26 of pool east_ftth"),
        ({"mynetworks": ["0.0.0.0/0"], "users": []}, "mynetworks[0]", "pool east_ftth"),
        ({"mynetworks": ["198.51.100.200"]}, "mynetworks[0]", "198.51.100.200 of pool west_cable"),
        ({"mynetworks": ["2001:db8:e000:1::/64"]}, "mynetworks[0]", "2001:db8:e000:1::/64 of pool east_ftth"),
        # The exempted customer is a customer of the pool nevertheless.
        ({"mynetworks": ["198.51.100.17"]}, "mynetworks[0]", "198.51.100.17 of pool east_ftth"),
        ({"mynetworks": ["192.0.2.1/24"]}, "mynetworks[0]", "write 192.0.2.0/24"),
        ({"mynetworks": ["localhost"]}, "mynetworks[0]", "'localhost' is not a prefix"),
        (user(login="taro"), "users[0].login", "'taro' is not an address in lower case in one of ccsnet.ne.jp, m2.ccsnet.ne.jp"),
        (user(login="taro@example.net"), "users[0].login", "is not an address in lower case in one of"),
        (user(login="Taro@ccsnet.ne.jp"), "users[0].login", "in lower case"),
        (user(login="a:b@ccsnet.ne.jp"), "users[0].login", "is not an address"),
        (user(login="#a@ccsnet.ne.jp"), "users[0].login", "is not an address"),
        (user(login="a b@ccsnet.ne.jp"), "users[0].login", "is not an address"),
        ({"users": [TARO, TARO]}, "users[1].login", "stands here twice"),
        (user(password=None), "users[0] (taro@ccsnet.ne.jp)", "either password or password_hash"),
        (user(password_hash=ARGON2), "users[0] (taro@ccsnet.ne.jp)", "either password or password_hash"),
        (user(password=None, password_hash="{PLAIN}" + SECRET), "users[0] (taro@ccsnet.ne.jp)", "no accepted scheme"),
        (user(password=None, password_hash="$1$abc$" + "x" * 22), "users[0] (taro@ccsnet.ne.jp)", "no accepted scheme"),
        (user(password=""), "users[0] (taro@ccsnet.ne.jp)", "1 to 72 bytes"),
        (user(password="x" * 73), "users[0] (taro@ccsnet.ne.jp)", "1 to 72 bytes"),
        (user(password="あ" * 25), "users[0] (taro@ccsnet.ne.jp)", "1 to 72 bytes"),
        (user(password="a\nb"), "users[0] (taro@ccsnet.ne.jp)", "on one line"),
        (user(senders=["info"]), "users[0].senders", "'info' is not an address"),
        (check(login=""), "check.login", "'' is no address of small letters, digits and . _ + -, in one of ccsnet.ne.jp"),
        (check(login="probe@example.net"), "check.login", "is no address of small letters"),
        (check(login="pro}be@ccsnet.ne.jp"), "check.login", "is no address of small letters"),
        (check(login="taro@ccsnet.ne.jp"), "check.login", "'taro@ccsnet.ne.jp' is a login of users, too"),
        (home("probe@ccsnet.ne.jp"), "check.login", "'probe@ccsnet.ne.jp' is a login of home_servers, too"),
        (check(password=""), "check (probe@ccsnet.ne.jp)", "1 to 72 bytes"),
        (check(password=None), "check (probe@ccsnet.ne.jp)", "either password or password_hash"),
        (check(recipient=""), "check.recipient", "'' is no address of small letters"),
        (check(recipient="a = b@mobile.example"), "check.recipient", "is no address of small letters"),
        (check(recipient="Probe@mobile.example"), "check.recipient", "is no address of small letters"),
        (check(sender="probe"), "check.sender", "'probe' is not an address"),
        ({"check_limits": {**LIMITS, "size": 0}}, "check_limits.size", "0 lets nothing through"),
        ({"transport": {"Example.net": "smtp:[192.0.2.1]"}}, "transport", "'Example.net' is not a domain"),
        ({"transport": {"example.net": "192.0.2.1"}}, "transport.example.net", "'192.0.2.1' is no route"),
        ({"transport": {"example.net": "local:x"}}, "transport.example.net", "(transports: smtp,"),
        ({"transport": {"example.net": "smtp:a\nb:c"}}, "transport.example.net", "is no route"),
        ({"postfix_parameters": {"mynetworks": "0.0.0.0/0"}}, "postfix_parameters.mynetworks", "the role sets mynetworks itself"),
        ({"postfix_parameters": {"x": "1\nmynetworks = 0.0.0.0/0"}}, "postfix_parameters.x", "on one line"),
        ({"postfix_parameters": {"x = 1\nmynetworks": "0.0.0.0/0"}}, "postfix_parameters.x", "not a parameter of main.cf"),
        (home("nobody@ccsnet.ne.jp", directory={}), "home_servers[0].login", "'nobody@ccsnet.ne.jp' is no login of users"),
        (home("nobody@isp.example"), "home_servers[0].login", "is no login of users"),
        (home(domains=[]), "home_servers[0] (taro@ccsnet.ne.jp).domains", "this is empty"),
        (home(domains=["ccsnet.ne.jp"]), "home_servers[0] (taro@ccsnet.ne.jp).domains", "'ccsnet.ne.jp' is yours"),
        (home(domains=["Taro.example"]), "home_servers[0] (taro@ccsnet.ne.jp).domains", "not a domain in lower case"),
        ({"home_servers": [TAROS, TAROS]}, "home_servers[1].login", "stands here twice"),
        (
            {"home_servers": [TAROS, {**TAROS, "login": "hanako@m2.ccsnet.ne.jp"}]},
            "home_servers[1] (hanako@m2.ccsnet.ne.jp).domains",
            "belongs to taro@ccsnet.ne.jp already",
        ),
        ({"directory": {"host": "x"}}, "directory.driver", "there is none; write pgsql, mysql or ldap"),
        ({"directory": {**SQL, "user": ""}}, "directory.user", "pgsql needs it"),
        ({"directory": {**LDAP, "base": ""}}, "directory.base", "ldap needs it"),
        ({"directory": {**LDAP, "database": "mail"}}, "directory.database", "ldap has no use for it"),
        ({"directory": {**SQL, "base": "dc=x"}}, "directory.base", "pgsql has no use for it"),
        ({"directory": {**SQL, "port": 70000}}, "directory.port", "70000 is no port"),
        ({"directory": {**SQL, "password_query": "SELECT 1"}}, "directory.password_query", "asks without %u"),
        ({"directory": {**LDAP, "senders_filter": "(mail=x)"}}, "directory.senders_filter", "asks without %s"),
        ({"directory": {**SQL, "password": f"{SECRET}\nquery = x"}}, "directory.password", "a line end in it"),
        ({"directory": {**SQL, "driver": "mysql", "password": f"{SECRET} 1"}}, "directory.password", "choose one without"),
        ({"old_tls": {"until": "2019-12-31"}}, "old_tls.name", "there is none"),
        ({"old_tls": {"name": "x", "until": "soon"}}, "old_tls.until", "'soon' is no day"),
        ({"old_tls": {"name": "x", "until": "2020-03-22"}}, "old_tls.until", "more than a year away"),
        ({"limits": {**LIMITS, "minute": 0}}, "limits.minute", "0 lets nothing through"),
        ({"limits": {**LIMITS, "message": 101}}, "limits.message", "101 is more than the 100 of minute"),
        ({"home_server_limits": {**LIMITS, "hour": 1001}}, "home_server_limits.hour", "1001 is more than the 1000 of day"),
        ({"limits": {**LIMITS, "day": "1000"}}, "limits.day", "'1000' is no whole number"),
        ({"stolen": {"networks": 1, "volume": 0, "bounces": 0}}, "stolen.networks", "with 1, everyone"),
        ({"stolen": {"networks": 9, "volume": 0, "bounces": 101}}, "stolen.bounces", "101 is more than 100 percent"),
        ({"wrong_passwords": {"pair": -1, "login": 30, "address": 60}}, "wrong_passwords.pair", "-1 is below 0"),
        ({"reject_score": 0}, "reject_score", "rejects every mail"),
        ({"log_days": 0}, "log_days", "0 is not between 1 and 3650"),
        ({"dkim_selectors": []}, "dkim_selectors", "this is empty"),
        ({"dkim_selectors": ["a", "A_b"]}, "dkim_selectors[1]", "'A_b' is no label"),
        ({"dkim_selectors": ["a", "a"]}, "dkim_selectors[1]", "'a' stands here twice"),
        ({"dkim_keys": {"op25b1.ccsnet.ne.jp": PEM}}, "dkim_keys", "is no SELECTOR._domainkey.DOMAIN"),
        ({"dkim_keys": {"x._domainkey.ccsnet.ne.jp": SECRET}}, "dkim_keys.x._domainkey.ccsnet.ne.jp", "no private key in PEM"),
        ({"redis": {"address": "192.0.2.25"}}, "redis.password", "needs one"),
        ({"redis": {"address": "redis.example", "password": SECRET}}, "redis.address", "'redis.example' is no address"),
        ({"tell": {"mail": ["abuse"]}}, "tell.mail", "'abuse' is not an address"),
        ({"tell": {"webhook": f"ftp://{SECRET}"}}, "tell.webhook", "this is no URL"),
        ({"balancers": ["lb1"]}, "balancers[0]", "'lb1' is no address"),
        ({"balancers": ["198.51.100.10"]}, "balancers[0]", "198.51.100.10 is of pool east_ftth"),
        ({"metrics_address": "localhost"}, "metrics_address", "'localhost' is no address"),
        ({"addresses": ["192.0.2.26"]}, "hostname", "this host has 192.0.2.26, an address of mx1"),
    ],
)
def test_each_mistake_is_one_sentence_that_names_its_key(mistakes, changed, key, words):
    sentence = mistakes(**changed)[0]
    assert sentence.startswith(f"submission_relay_{key}")
    assert words in sentence
    assert SECRET not in sentence


@pytest.mark.parametrize(
    "changed", [{"directory": LDAP}, {"check": {}}, {"directory": {}, "redis": {}, "tell": {}, "old_tls": {}, "balancers": []}]
)
def test_what_is_left_out_is_no_mistake(mistakes, changed):
    assert mistakes(**changed) == []


def test_an_exception_for_old_tls_that_is_over_is_no_mistake(mistakes):
    assert mistakes(old_tls={"name": "x", "until": "2019-03-01"}) == []


def test_all_are_told_at_once_and_none_shows_a_secret(mistakes):
    users = [{"login": "Taro@ccsnet.ne.jp", "password": SECRET * 9}, {"login": "x", "password_hash": "{PLAIN}" + SECRET}]
    found = mistakes(users=users, hostname="x", mynetworks=["0.0.0.0/0"], postfix_parameters={"mynetworks": "x"})
    assert len(found) == 8
    assert SECRET not in "".join(found)
