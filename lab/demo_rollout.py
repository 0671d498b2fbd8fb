# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo-rollout`: March 2019 in the lab. Six waves, each from its own inventory, unattended, while customers send mail.

After each wave the matrix is held against what is written here, not against what the playbooks think; every number of the last
lines was measured in this run. It ends with 1 when anything was not so.
"""

from __future__ import annotations

import sys

from lab.clients import Sending, clients
from lab.demo import OUTSIDE, Cell, Demo, main, must

EAST, WEST, CENTRAL = ("east_ftth", "north_ftth"), ("west_cable", "south_ftth"), ("central_ftth", "coast_ftth")
ALL = (*EAST, *WEST, *CENTRAL)
MOBILE = {(pool, "mobile_carrier") for pool in ALL}
"""A mobile carrier is the first class of destinations, every other ISP belongs to the last."""


def closed(*pools: str) -> set[tuple[str, str]]:
    """Everything outside is closed to these pools."""
    return {(pool, target) for pool in pools for target in OUTSIDE}


WAVES = {
    "0_observe": set(),
    "1_pilot": {("east_ftth", "mobile_carrier")},
    "2_mobile": MOBILE,
    "3_area_east": MOBILE | closed(*EAST),
    "4_area_west": MOBILE | closed(*EAST, *WEST),
    "5_all": closed(*ALL),
}
"""From which pool to which target port 25 is closed after each wave; everything else is open."""
SENDERS = ("cust-east", "cust-west", "cust-north", "cust-south", "cust-central", "cust-coast-a", "cust-coast-b", "other-line")
"""Customers of every pool, and one at home on another ISP's line."""
EXEMPT = "cust-exempt"


def expected(cell: Cell, shut: set[tuple[str, str]]) -> bool:
    """Whether a connection is what the wave makes of it."""
    closes = cell.port == 25 and cell.probe != EXEMPT and (cell.pool, cell.target) in shut
    return cell.state in ({"refused", "unreachable"} if closes else {"open"})


class Rollout(Demo):
    """The six waves, and back."""

    before: dict[str, str]
    """The rules of every edge, as they were before the first wave."""

    def phase(self, name: str, playbook: str, *more: str) -> list[Cell]:
        """A playbook with the inventory of a phase."""
        return self.play(f"ccsnet.op25b.{playbook}", "-i", f"inventories/lab/{name}.op25b.yml", *more)

    def begin(self) -> None:
        """A new lab, with a relay that works."""
        self.say("the lab: an edge of each kind and a pair, and the relay")
        self.lab.down()
        self.lab.up()
        self.before = self.edge_rules()
        self.show("ccsnet.op25b.relay")

    def walk(self, *names: str) -> None:
        """Tell the customers, then one wave after the other, each by what is written here."""
        self.say("the customers' page")
        self.show("ccsnet.op25b.notice", "-e", "op25b_wave=none")
        tried = 0
        for name in names:
            self.say(f"wave {name}")
            cells = self.phase(name, "rollout")
            wrong = [str(cell) for cell in cells if not expected(cell, WAVES[name])]
            must(not wrong, f"after {name}, {len(wrong)} of {len(cells)} connections are not as written: {'; '.join(wrong[:5])}")
            must({cell.pool for cell in cells} >= set(ALL), "not every pool was tried")
            tried += len(cells)
        self.proved.append(f"{len(names)} waves, {tried} connections: each wave's own ways out are closed, all others open")

    def back(self) -> None:
        """All of it out of every edge."""
        cells = self.play("ccsnet.op25b.rollback")
        must(all(cell.state == "open" for cell in cells), "not everything is open again")
        must(self.edge_rules() == self.before, "an edge's rules are not what they were before")
        self.proved.append("all of it back: every connection open, every edge byte for byte what it was")

    def mail_went_through(self, sending: Sending) -> None:
        """Nobody's mail failed or was lost meanwhile, and no login is suspended, that of the relay's check included."""
        suspended = self.lab.run("msa1", ["/usr/local/sbin/submission-relay-login", "list"]).stdout.strip()
        must(suspended == "No login is suspended.", f"the relay suspended a login: {' '.join(suspended.splitlines()[1:])}")
        failed = sending.failed
        must(not failed, f"{len(failed)} of {len(sending.mails)} mails could not be sent: {'; '.join(failed[:1])}")
        must({mail["host"] for mail in sending.mails} == set(SENDERS), "not every customer sent mail")
        must(not sending.lost(), f"mails that did not arrive: {sending.lost()}")
        self.proved.append(
            f"meanwhile {len(SENDERS)} customers sent {sending.sent} mails through 587 and 465, on IPv4 and IPv6: none failed,"
            f" all arrived, the slowest was taken in {sending.slowest:.1f} s; no login is suspended"
        )

    def run(self) -> None:
        """All of it, in order."""
        self.begin()
        # Slower than the 300 mails an hour that the relay lets a customer send, however long this takes.
        with clients(self.lab, SENDERS, every=15) as sending:
            self.walk(*WAVES)

            self.say("what stands, and the page that says it")
            self.show("ccsnet.op25b.status")
            self.show("ccsnet.op25b.notice")

            self.say("one pool back, one wave back, everything back")
            cells = self.phase("5_all", "rollback", "-e", "op25b_pool=coast_ftth", "-e", "op25b_to=before")
            must(all(expected(cell, WAVES["4_area_west"]) for cell in cells), "coast_ftth is not back")
            cells = self.phase("5_all", "rollback", "-e", "op25b_to=before")
            must(all(expected(cell, WAVES["4_area_west"]) for cell in cells), "the wave all is not back")
            self.back()
        self.mail_went_through(sending)


if __name__ == "__main__":
    sys.exit(main(Rollout))
