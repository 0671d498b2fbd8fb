# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both Cisco dialects take for theirs, and what they leave alone."""

from __future__ import annotations

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.acl import Acl
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import ios
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

RUNNING = """\
interface GigabitEthernet0/0/0
 ip access-group EDGE-OUT out
!
ip access-list extended EDGE-OUT
 10 remark op25b: begin, written by ccsnet.op25b
 20 remark op25b: pool east to any: block
 30 deny tcp object-group OP25B-pool-east any eq smtp
 40 remark op25b: end
 50 deny tcp any any eq smtp
 60 permit ip any any
!
"""


def taken_out(running):
    return ios.diff(ios.from_text(running), ios.build(Acl())).commands


def test_an_entry_of_the_operator_that_looks_like_ours_stays():
    assert taken_out(RUNNING) == (
        "ip access-list extended EDGE-OUT",
        " no 30",
        " no 20 remark op25b: pool east to any: block",
        " no 10 remark op25b: begin, written by ccsnet.op25b",
        " no 40 remark op25b: end",
    )


@pytest.mark.parametrize("gone", [" 40 remark op25b: end\n", " 10 remark op25b: begin, written by ccsnet.op25b\n"])
def test_without_both_remarks_nothing_can_be_told_apart(gone):
    with pytest.raises(Op25bError, match="cannot be told from yours"):
        taken_out(RUNNING.replace(gone, ""))


def test_an_end_that_an_interrupted_run_left_goes():
    left = "\n".join(line for line in RUNNING.splitlines() if not line.lstrip().startswith(("10 ", "20 ", "30 "))) + "\n"
    assert taken_out(left) == ("ip access-list extended EDGE-OUT", " no 40 remark op25b: end")


OWN = """\
interface GigabitEthernet0/0/0
 ip access-group OP25B-OUT out
!
object-group network OP25B-pool-east
 198.51.100.0 255.255.255.128
!
ip access-list extended OP25B-OUT
 1000 remark op25b: ticket OP-17
 1500 permit tcp any any eq smtp
 2000 remark op25b: pool east to any: block
 3000 deny tcp object-group OP25B-pool-east any eq smtp
 3500 permit udp any any
 2000000000 permit ip any any
!
"""


def test_what_is_no_rule_of_ours_is_drift_and_hides_nothing():
    found, drift = ios.parse(OWN)
    assert found.as_data()["pools"]["east"]["actions"] == {"any": "block"}
    assert [line.partition(": ")[2] for line in drift] == [
        "- 1000 remark op25b: ticket OP-17",
        "- 1500 permit tcp any any eq smtp",
        "- 3500 permit udp any any",
    ]
