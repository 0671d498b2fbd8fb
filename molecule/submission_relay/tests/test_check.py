# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of the rollout's check: it comes from everywhere, and whoever steals its password can do nothing else with it."""

import time

import pytest

from tests.lab.relay import JIRO, MSA1, MSA2, PROBE, TARO, mail, until

pytestmark = pytest.mark.usefixtures("fresh")
FRIEND = "friend@mobile.example"


def test_it_comes_from_more_networks_than_any_customer_and_is_not_suspended(send, redis, arrived):
    now = time.time()
    for login in (PROBE, TARO):
        redis("ZADD", f"op25b:networks:{login}", *(word for number in range(300) for word in (now, f"2001:db8:{number:x}::/48")))
    sent = [send(PROBE, source=source, host=host) for source in ("cust-east", "other-line") for host in (MSA1.v4, MSA2.v4)]
    assert [said for _subject, said in sent if not said.startswith("250")] == []
    # Whoever else comes from there is: the guard has read of both, in this order.
    send(TARO)
    until(lambda: redis("HKEYS", "op25b:suspended"))
    assert redis("HKEYS", "op25b:suspended") == TARO
    assert send(PROBE)[1].startswith("250")
    assert all(arrived("mobile-mx", subject) for subject, _said in sent)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": ["friend@isp.example"]}, "554 5.7.1 <friend@isp.example>: Recipient address rejected: this login sends to"),
        ({"to": [FRIEND, "friend@isp.example"]}, "554 5.7.1 <friend@isp.example>: Recipient address rejected: this login sends"),
        ({"to": ["friend+x@mobile.example"]}, "554 5.7.1 <friend+x@mobile.example>: Recipient address rejected: this login"),
        ({"to": [FRIEND, FRIEND]}, "554 5.7.1 2 recipients are too many for one message, at most 1"),
        ({"sender": JIRO}, "553 5.7.1"),
        ({"sender": ""}, "553 5.7.1 <>: Sender address rejected: the null sender belongs to no login"),
        ({"from_": JIRO}, f"554 5.7.1 {PROBE} may not send as {JIRO} (header From)"),
        ({"message": mail("SUBJECT", PROBE, body="spam\r\n" * 2000)}, f"554 5.7.1 {PROBE} sends messages of at most 10000 bytes"),
    ],
)
def test_with_its_password_nothing_else_can_be_sent(send, changed, said):
    assert send(PROBE, **changed)[1].startswith(said)


@pytest.mark.parametrize(("bucket", "size"), [("minute", 40), ("hour", 200), ("day", 800)])
def test_it_sends_as_often_as_the_gates_of_this_inventory_may_be_held(send, redis, bucket, size):
    # Ten probe hosts, two mails of each.
    words = {"minute": "a minute", "hour": "an hour", "day": "a day"}
    redis("SET", f"op25b:limit:{bucket}:{PROBE}", f"{size - 1} {time.time() + 60:.3f}")
    assert send(PROBE)[1].startswith("250")
    assert f"has reached its limit of {size} recipients in {words[bucket]}; send again in" in send(PROBE)[1]
    assert send(JIRO)[1].startswith("250")
