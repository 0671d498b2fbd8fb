# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's customers who send all the time: they see it when a mail fails, and when one is lost."""

from lab.clients import clients
from tests.lab.relay import until


def test_customers_send_by_all_four_ways_and_nothing_is_lost(lab):
    ways = {(host, port, v6) for host in ("cust-east", "cust-coast-b") for port in (587, 465) for v6 in (False, True)}
    with clients(lab, ["cust-east", "cust-coast-b"], every=0.5) as sending:
        until(lambda: len(sending.mails) >= 16)
        until(lambda: {(mail["host"], mail["port"], ":" in mail["address"]) for mail in sending.mails}, ways.__eq__)
    assert sending.failed == []
    assert sending.sent == len(sending.mails) >= 16
    assert sending.slowest > 0
    assert sending.lost() == []


def test_a_mail_that_fails_and_one_that_does_not_arrive_are_seen(lab):
    with clients(lab, ["cust-west"], every=0.2) as sending:
        until(lambda: sending.sent)
        lab.run("msa1", ["service", "postfix", "stop"], check=True)
        refused = "Connection refused"
        try:
            until(lambda: any(line.endswith(refused) for line in sending.failed))
        finally:
            lab.run("msa1", ["service", "postfix", "start"], check=True)
    # Before the next one, or Postfix takes the server for dead and keeps them.
    assert sending.lost() == []
    lab.run("mobile-mx", ["service", "lab-sink", "stop"], check=True)
    try:
        with clients(lab, ["cust-west"]) as unlucky:
            until(lambda: unlucky.sent >= 2)
        assert unlucky.failed == []
        assert sorted(unlucky.lost(1)) == sorted(mail["mark"] for mail in unlucky.mails)
    finally:
        lab.run("mobile-mx", ["service", "lab-sink", "start"], check=True)
        lab.run("msa1", ["postqueue", "-f"], check=True)
    assert unlucky.lost() == []
