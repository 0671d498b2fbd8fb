# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import datetime

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy, relay

ARGON2 = "$argon2id$v=19$m=65536,t=3,p=1$PDIWLtK5nckL8Mf/Fzfg2A$hD0p2YqE8eAnrBY/g6cF9/DStA2wT411pcZUey/3L60"
SECRET = "correct horse battery staple"
TARO = {"login": "taro@ccsnet.ne.jp", "password": SECRET}


@pytest.fixture
def mistakes(document):
    checked = policy.load(document, datetime.date(2019, 3, 20))

    def of(**changed):
        settings = {
            "hostname": "msa1.example.net",
            "domains": ["ccsnet.ne.jp", "m2.ccsnet.ne.jp"],
            "users": [TARO, {"login": "hanako@m2.ccsnet.ne.jp", "password_hash": ARGON2, "senders": ["info@ccsnet.ne.jp"]}],
            "mynetworks": ["127.0.0.0/8", "::1/128", "192.0.2.0/24"],
            "transport": {
                "*": "smtp:[192.0.2.26]",
                ".example.net": "smtp:[ipv6:2001:db8:25::26]:25",
                "a@b.example": "error:no such one",
            },
            "postfix_parameters": {"message_size_limit": 20000000},
            "own_parameters": ["mynetworks", "myhostname"],
        }
        return relay.mistakes({**settings, **changed}, checked)

    return of


def user(**keys):
    return {"users": [{**TARO, **keys}]}


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
        ({"transport": {"Example.net": "smtp:[192.0.2.1]"}}, "transport", "'Example.net' is not a domain"),
        ({"transport": {"example.net": "192.0.2.1"}}, "transport.example.net", "'192.0.2.1' is no route"),
        ({"transport": {"example.net": "local:x"}}, "transport.example.net", "(transports: smtp,"),
        ({"transport": {"example.net": "smtp:a\nb:c"}}, "transport.example.net", "is no route"),
        ({"postfix_parameters": {"mynetworks": "0.0.0.0/0"}}, "postfix_parameters.mynetworks", "the role sets mynetworks itself"),
        ({"postfix_parameters": {"x": "1\nmynetworks = 0.0.0.0/0"}}, "postfix_parameters.x", "on one line"),
        ({"postfix_parameters": {"x = 1\nmynetworks": "0.0.0.0/0"}}, "postfix_parameters.x", "not a parameter of main.cf"),
    ],
)
def test_each_mistake_is_one_sentence_that_names_its_key(mistakes, changed, key, words):
    sentence = mistakes(**changed)[0]
    assert sentence.startswith(f"submission_relay_{key}")
    assert words in sentence


def test_all_are_told_at_once_and_none_shows_a_secret(mistakes):
    users = [{"login": "Taro@ccsnet.ne.jp", "password": SECRET * 9}, {"login": "x", "password_hash": "{PLAIN}" + SECRET}]
    found = mistakes(users=users, hostname="x", mynetworks=["0.0.0.0/0"], postfix_parameters={"mynetworks": "x"})
    assert len(found) == 8
    assert SECRET not in "".join(found)
