# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/fixtures/DIALECT/CASE: running.cfg (of Junos .xml) and policy.yml are what there is, and wanted.cfg, plan.txt and
rollback.txt what we make of it. `REWRITE=1 pytest` on this file writes the three anew: read the difference before you keep it.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import cisco, ios, iosxr, junos

from lab.cli import ios as ios_device
from lab.cli import iosxr as iosxr_device
from tests import junos_device

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures"
DIALECTS = {"ios": ios, "iosxr": iosxr, "junos": junos}
CASES = sorted(path.parent for dialect in DIALECTS for path in FIXTURES.glob(f"{dialect}/*/running.*"))
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")


class Router:
    """The stand-in with a configuration, and a session in its configuration mode."""

    def __init__(self, dialect: str, running: str) -> None:
        module, first = {
            "ios": (ios_device, ["configure terminal"]),
            "iosxr": (iosxr_device, ["terminal exec prompt no-timestamp", "configure terminal"]),
        }[dialect]
        self.device = module.Device(running, hostname="edge")
        self._session = self.device.session("ansible")
        self._commit = ["commit"] if dialect == "iosxr" else []
        for line in first:
            self._session.line(line)

    def send(self, commands) -> str:
        """Send a plan; returns the running configuration after it."""
        for line in [*commands, *self._commit]:
            printed = self._session.line(line)
            assert not printed.strip(), f"{line}: {printed}"
        return self.device.running()


class JunosRouter:
    """The same, of a device that takes no lines but edits."""

    def __init__(self, _dialect: str, running: str) -> None:
        self.device = junos_device.Device(running)

    def send(self, commands) -> str:
        return self.device.send(junos.edits(commands))


def router_of(case: Path, running: str) -> Router | JunosRouter:
    return (JunosRouter if case.parent.name == "junos" else Router)(case.parent.name, running)


def configuration(case: Path, name: str) -> Path:
    return (case / name).with_suffix(".xml" if case.parent.name == "junos" else ".cfg")


def wanted(case: Path):
    """What the policy of a case asks of its edge."""
    given = yaml.safe_load((case / "policy.yml").read_text())
    checked = policy.load(given["policy"], datetime.date(2019, 3, 25))
    places = acl.attachments_from(given["attachments"], checked)
    dialect = DIALECTS[case.parent.name]
    return dialect.build(acl.build(checked, given["wave"], places, acl.uplinks_from(given["uplinks"], places)))


def plan_of(case: Path):
    dialect = DIALECTS[case.parent.name]
    return dialect.diff(dialect.from_text(configuration(case, "running").read_text()), wanted(case))


def lines(commands) -> str:
    return "".join(f"{line}\n" for line in commands)


def operators(text: str) -> list[str]:
    """What of a configuration is not ours, in its order."""
    if text.startswith("<"):
        return junos_device.operators(text)
    mine = False
    found = []
    for line in text.splitlines():
        if not line.startswith(" "):
            mine = cisco.OWN in line
        within = " remark op25b: begin" in line or (mine and line.startswith(" "))
        mine = (mine or within) and " remark op25b: end" not in line
        if cisco.OWN not in line and not within and not mine and " remark op25b: end" not in line:
            found.append(line)
    return [line for line in found if line != "!"]


def test_every_dialect_has_its_cases():
    names = {dialect: {case.name for case in CASES if case.parent.name == dialect} for dialect in DIALECTS}
    assert names["ios"] == names["iosxr"] < names["junos"]
    assert len(names["ios"]) >= 10


@cases
def test_a_plan_makes_what_is_wanted_and_goes_back_to_the_byte(case):
    running = configuration(case, "running").read_text()
    router = router_of(case, running)
    assert router.device.running() == running, "no device shows this configuration"
    plan = plan_of(case)
    after = router.send(plan.commands)
    made = {"plan.txt": lines(plan.commands), "rollback.txt": lines(plan.rollback), configuration(case, "wanted").name: after}
    if os.environ.get("REWRITE"):
        for name, text in made.items():
            (case / name).write_text(text)
    assert made == {name: (case / name).read_text() for name in made}
    assert operators(after) == operators(running)
    back = router.send(plan.rollback)
    if (case.parent.name, case.name) == ("ios", "one-exemption-less-in-the-middle"):
        # A group shows its members in the order in which they came: the one that comes back is the last. No packet sees that
        # order, and putting it right would take others out for a moment, which a packet would see.
        assert back != running
        back, running = (sorted(text.splitlines()) for text in (back, running))
    if case.parent.name == "junos":
        # Nor does any packet see the order of prefixes, lists and filters.
        back, running = map(junos_device.without_order, (back, running))
    assert back == running


@cases
def test_what_is_wanted_is_read_back_without_drift_and_needs_no_change(case):
    dialect = DIALECTS[case.parent.name]
    have = dialect.from_text(configuration(case, "wanted").read_text())
    assert dialect.read(have) == (wanted(case).acl, [])
    assert not dialect.diff(have, wanted(case)).changed


@pytest.mark.parametrize("case", [case for case in CASES if case.parent.name == "ios"], ids=lambda case: case.name)
def test_wherever_a_plan_is_cut_the_next_run_makes_of_it_what_is_wanted_or_nothing(case):
    want = wanted(case)
    target = operators((case / "wanted.cfg").read_text())
    cut = Router("ios", (case / "running.cfg").read_text())
    for command in plan_of(case).commands:
        left = cut.send([command])
        after = Router("ios", left).send(ios.diff(ios.from_text(left), want).commands)
        assert ios.read(ios.from_text(after)) == (want.acl, [])
        assert operators(after) == target
        without = Router("ios", left).send(ios.diff(ios.from_text(left), ios.build(acl.Acl())).commands)
        assert "op25b" not in without.lower()
        assert operators(without) == target
