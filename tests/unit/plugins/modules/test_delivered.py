# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of a relay says of a mail; the lines are those of Postfix 3.7. molecule/submission_relay has a real one."""

import threading
import time

import pytest
from ansible_collections.ccsnet.op25b.plugins.modules import delivered

PROGRAM = "2019-03-04T13:33:01 msa1 postfix/"
TAKEN = "submission/smtpd[9]: 4F2A1C: client=unknown[198.51.100.10], sasl_method=PLAIN, sasl_username=taro@ccsnet.ne.jp"
ACTIVE = "qmgr[7]: 4F2A1C: from=<taro@ccsnet.ne.jp>, size=831, nrcpt=1 (queue active)"
REMOVED = "qmgr[7]: 4F2A1C: removed"
EXPIRED = "qmgr[7]: 4F2A1C: from=<taro@ccsnet.ne.jp>, status=expired, returned to sender"
HOP = "203.0.113.10[203.0.113.10]:25"


def to(status, detail, relay=HOP, recipient="friend@mobile.example"):
    return f"smtp[8]: 4F2A1C: to=<{recipient}>, relay={relay}, delay=0.1, delays=0/0/0/0, dsn=2.0.0, status={status} ({detail})"


REFUSED = to("deferred", f"connect to {HOP}: Connection refused", "none")


def read(path, timeout=0):
    mail = delivered.Mail("4F2A1C")
    delivered.follow(delivered.File(str(path)), [mail], timeout)
    return [tuple(entry[key] for key in ("status", "recipient", "relay", "detail")) for entry in mail.entries()]


SENT = ("sent", "friend@mobile.example", HOP, "250 OK (1 mail)")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], [("not_seen", "", "none", "the relay's log does not have this mail")]),
        ([TAKEN, ACTIVE], [("queued", "", "none", "the relay has not tried yet")]),
        ([TAKEN, ACTIVE, to("sent", "250 OK (1 mail)"), REMOVED], [SENT]),
        ([TAKEN, REFUSED], [("deferred", SENT[1], "none", f"connect to {HOP}: Connection refused")]),
        ([TAKEN, REFUSED, to("sent", "250 OK (1 mail)"), REMOVED], [SENT]),
        ([TAKEN, to("bounced", "said: 550 5.1.1 no"), REMOVED], [("bounced", SENT[1], HOP, "said: 550 5.1.1 no")]),
        ([TAKEN, REFUSED, EXPIRED, REMOVED], [("expired", SENT[1], "none", f"connect to {HOP}: Connection refused")]),
        ([EXPIRED, REMOVED], [("expired", "", "none", "tried for too long")]),
        # The queue id of a mail from before.
        ([TAKEN, to("bounced", "x"), REMOVED, TAKEN, to("sent", "250 OK (1 mail)"), REMOVED], [SENT]),
        ([TAKEN, to("sent", "250 OK (1 mail)"), REMOVED, TAKEN], [("queued", "", "none", "the relay has not tried yet")]),
        (
            [TAKEN, to("sent", "250 OK (1 mail)"), to("bounced", "x", recipient="other@mobile.example"), REMOVED],
            [SENT, ("bounced", "other@mobile.example", HOP, "x")],
        ),
        ([to("sent", "x").replace("4F2A1C", "14F2A1C")], [("not_seen", "", "none", "the relay's log does not have this mail")]),
    ],
)
@pytest.mark.parametrize("program", [PROGRAM, PROGRAM.replace("2019-03-04T13:33:01", "Mar  4 13:33:01"), ""])
def test_the_last_news_of_a_mail(tmp_path, lines, found, program):
    log = tmp_path / "mail.log"
    # The journal has the text alone.
    log.write_text("".join(f"{program}{line if program else line.partition(': ')[2]}\n" for line in lines))
    assert read(log) == found


def test_what_comes_later_and_by_another_file_is_read(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(f"{PROGRAM}{TAKEN}\n")

    def more():
        time.sleep(1)
        log.rename(tmp_path / "mail.log.1")
        log.write_text(f"{PROGRAM}{to('sent', '250 OK (1 mail)')}\n{PROGRAM}{REMOVED}\n")

    writer = threading.Thread(target=more)
    started = time.monotonic()
    writer.start()
    assert read(log, 20) == [SENT]
    assert time.monotonic() - started < 20
    writer.join()


def test_a_log_that_is_not_there_has_nothing(tmp_path):
    assert read(tmp_path / "none")[0][0] == "not_seen"
