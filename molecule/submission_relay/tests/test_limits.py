# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one login may send, counted in recipients, by both relays together."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.relay import HANAKO, JIRO, KAEDE, MSA1, MSA2, SAKURA, TARO, mail, secret, taken

FRIEND = "friend@mobile.example"

pytestmark = pytest.mark.usefixtures("fresh")


def friends(number):
    return [f"friend{index}@mobile.example" for index in range(number)]


@pytest.fixture
def burst(ask):
    """So many mails to one recipient each, on one connection; the replies until the relay ends it."""

    def many(login, number, host=MSA1.v4, sender=None, source="cust-east", **more):
        one = {"mail_from": login if sender is None else sender, "to": [FRIEND], "message": mail("burst", login)}
        return ask(source, 587, host, login=secret(login), messages=[one] * number, **more)["burst"]

    return many


def full(redis, bucket, login, level):
    """A bucket leaks from when it was written on: this one not before a slow machine has sent."""
    redis("SET", f"op25b:limit:{bucket}:{login}", f"{level} {time.time() + 60:.3f}")


def test_1000_recipients_of_one_mail_stop_and_100_do_not(send, redis):
    assert send(TARO, to=friends(1000))[1] == "554 5.7.1 1000 recipients are too many for one message, at most 100"
    assert send(TARO, to=friends(100))[1].startswith("250")
    assert redis("GET", f"op25b:limit:minute:{TARO}").split()[0] == "100.0000"
    full(redis, "minute", TARO, 100)
    said = send(TARO)[1]
    assert said.startswith("451 4.7.1 taro@ccsnet.ne.jp has reached its limit of 100 recipients in a minute; send again in "), (
        said
    )


def test_1000_mails_to_one_stop_and_the_neighbour_behind_the_same_address_does_not_notice(burst, send):
    start = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        flood = [pool.submit(burst, TARO, 20) for _ in range(50)]
        neighbour = [send(JIRO) for _ in range(3)]
        replies = [reply for one in flood for reply in one.result()]
        neighbour += [send(JIRO), send(SAKURA, port=465)]
    assert [said for _subject, said in neighbour if not taken(said)] == []
    assert len(replies) == 1000
    # The bucket of the minute leaks 5 in 3 seconds.
    assert 100 <= sum(map(taken, replies)) <= 101 + (time.monotonic() - start) * 100 / 60
    refused = [reply for reply in replies if not taken(reply)]
    assert [reply for reply in refused if "has reached its limit of 100 recipients in a minute" not in reply] == []


def test_both_relays_count_together_and_mails_that_come_at_once_are_all_counted(burst):
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        flood = [pool.submit(burst, HANAKO, 20, host) for host in (MSA1.v4, MSA2.v6) * 4]
        passed = sum(taken(reply) for one in flood for reply in one.result())
    assert 100 <= passed <= 101 + (time.monotonic() - start) * 100 / 60


@pytest.mark.parametrize(
    ("bucket", "level", "words"),
    [("hour", 300, "300 recipients in an hour"), ("day", 1000, "1000 recipients in a day")],
)
def test_an_hour_and_a_day_have_their_own_buckets(send, redis, bucket, level, words):
    full(redis, bucket, TARO, level)
    assert f"has reached its limit of {words}; send again in " in send(TARO)[1]
    assert send(JIRO)[1].startswith("250")
    redis("SET", f"op25b:limit:{bucket}:{TARO}", f"{level} {time.time() - 3600:.3f}")
    assert send(TARO)[1].startswith("250")


def test_a_home_server_may_send_more_and_its_bounces_have_an_end(send, redis):
    assert send(KAEDE, sender="shop@kaede.example", to=friends(200))[1].startswith("250")
    assert "500" in send(KAEDE, to=friends(501))[1]
    assert send(KAEDE, sender="", from_=KAEDE)[1].startswith("250")
    full(redis, "bounces", KAEDE, 100)
    assert "has reached its limit of 100 bounces in an hour" in send(KAEDE, sender="", from_=KAEDE)[1]
    assert send(KAEDE)[1].startswith("250")


def test_who_is_refused_is_not_counted(send, redis):
    assert send(TARO, from_=HANAKO)[1].startswith("554")
    assert send(TARO, to=friends(101))[1].startswith("554")
    assert redis("EXISTS", f"op25b:limit:minute:{TARO}") == "0"
