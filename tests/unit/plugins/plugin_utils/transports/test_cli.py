# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transports over a command line, against the stand-ins without SSH: what is sent, when, and how it ends."""

from __future__ import annotations

import datetime
import re

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, dialects, policy, transports
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.transports import cli

from lab.cli import ios, iosxr
from lab.cli.shell import Options

STAND_INS = {"ios": (ios, "GigabitEthernet0/0/0"), "iosxr": (iosxr, "HundredGigE0/0/1/0")}
STARTUP = {
    "ios": "hostname edge\narchive\n path flash:archive\ninterface {uplink}\n ip address 192.0.2.198 255.255.255.252\nend\n",
    "iosxr": "hostname edge\ninterface {uplink}\n ipv4 address 192.0.2.202 255.255.255.252\nend\n",
}
ERRORS = re.compile(r"invalid input|% ?Error|Failed to commit|(?:incomplete|ambiguous) command", re.IGNORECASE)


class RefusedError(Exception):
    """What network_cli raises."""


class Wire:
    """A connection as network_cli is one; `torn` gives a first part of a paste's output, and the rest at the next call."""

    def __init__(self, device, torn=False):
        self.device, self.torn, self.rest, self.sent = device, torn, "", []
        self.session = device.session("ansible")

    def get(self, command, prompt=None, answer=None):
        output = self.rest
        self.rest = ""
        for line in command.split("\n"):
            self.sent.append(line)
            # network_cli takes the echo of a single command away.
            output += f"{self.session.prompt}{line}\n" if "\n" in command else ""
            output += self.session.line(line)
            if prompt and re.search(prompt, self.session.prompt):
                output += self.session.prompt + self.session.line(answer)
        if self.torn and "\n" in command:
            output, self.rest = output[: len(output) // 2], output[len(output) // 2 :]
        if ERRORS.search(output):
            raise RefusedError(output)
        return output

    def get_prompt(self):
        return self.session.prompt

    def set_check_prompt(self, task):
        assert task is None


class Edge:
    """A device, and the transport to it."""

    def __init__(self, name, clock, startup=None, **options):
        self.name = name
        self.stand_in, self.uplink = STAND_INS[name]
        self.dialect = dialects.by_name(name)
        text = (startup or STARTUP[name]).format(uplink=self.uplink)
        self.device = self.stand_in.Device(text, hostname="edge", clock=clock, options=Options(**options))
        self.before = self.device.running()
        self.wire = Wire(self.device)
        self.to = self.transport()

    def transport(self, wire=None, check=False, save=False):
        return transports.to(
            self.name,
            transports.Way(
                run=None,
                connection=lambda: wire or self.wire,
                errors=RefusedError,
                who="me",
                address="",
                check=check,
                save=save,
            ),
        )

    def plan(self, document, device):
        checked = policy.load(document, datetime.date(2019, 3, 20))
        places = acl.attachments_from([{"interface": "Customers1", "pools": ["east_ftth"]}], checked)
        want = acl.build(checked, "all", places, acl.uplinks_from([self.uplink], places))
        return self.dialect.diff(device.have, self.dialect.build(want))

    def apply(self, document, seconds=300, to=None):
        to = to or self.to
        device = to.read()
        plan = self.plan(document, device)
        assert plan.changed
        return to.apply(plan, device, seconds)


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture(params=["ios", "iosxr"])
def make(request, now):
    def made(**more):
        return Edge(request.param, lambda: now[0], **more)

    return made


@pytest.fixture
def edge(make):
    return make()


def test_an_armed_change_is_confirmed(edge, now, document):
    change = edge.apply(document)
    armed = edge.to.read().armed
    assert armed["id"] == change
    assert armed["who"] == "ansible"
    assert edge.to.confirm(change) is True
    now[0] += 1000
    edge.device.tick()
    assert not edge.plan(document, edge.to.read()).changed
    assert edge.to.read().armed is None


def test_nobody_confirms_and_it_is_as_it_was(edge, now, document):
    edge.apply(document, 60)
    assert edge.device.running() != edge.before
    now[0] += 61
    edge.device.tick()
    assert edge.device.running() == edge.before


def test_taken_back_at_once(edge, document):
    change = edge.apply(document)
    assert edge.to.cancel(change) is True
    assert edge.device.running() == edge.before
    assert edge.to.cancel(None) is False


def test_kept_at_once_leaves_nothing_armed(edge, document):
    assert edge.apply(document, 0) == ""
    assert edge.to.read().armed is None
    assert not edge.plan(document, edge.to.read()).changed


def test_another_change_is_not_confirmed_by_mistake(edge, document):
    edge.apply(document)
    for end in (edge.to.confirm, edge.to.cancel):
        with pytest.raises(Op25bError, match="is not this one: ansible armed it at"):
            end("somebody-s")
    assert edge.to.read().armed


def test_what_is_armed_no_more_cannot_be_confirmed(edge, document):
    edge.to.read()
    assert edge.to.confirm(None) is False
    with pytest.raises(Op25bError, match="no longer armed"):
        edge.to.confirm("0123")


def test_who_is_second_waits(edge, document):
    edge.apply(document)
    device = edge.to.read()
    with pytest.raises(Op25bError, match=r"unconfirmed change: ansible armed it at .*; was changed\.|nothing was changed\."):
        edge.to.apply(edge.plan({**document, "exemptions": []}, device), device, 60)


def test_what_changed_since_it_was_read_is_not_overwritten(edge, document):
    device = edge.to.read()
    other = edge.device.session("other")
    for line in ("configure terminal", "hostname other", *(["commit"] if edge.name == "iosxr" else []), "end"):
        other.line(line)
    running = edge.device.running()
    with pytest.raises(Op25bError, match=r"by someone else between reading and changing it; nothing was changed\. Run again\."):
        edge.to.apply(edge.plan(document, device), device, 60)
    assert edge.device.running() == running


def test_a_line_that_the_device_refuses_brings_everything_back(make, document):
    edge = make(fail_on="eq smtp")
    with pytest.raises(Op25bError, match=r"the device refused the change: % .*; it (is back|is) as it was$"):
        edge.apply(document)
    assert edge.device.running() == edge.before
    assert edge.to.read().armed is None


def test_a_device_that_does_not_do_it_is_found_out(make, document):
    edge = make(ignore_changes=True)
    with pytest.raises(Op25bError, match="took the change without a word, and differs all the same"):
        edge.apply(document)
    assert edge.device.running() == edge.before
    assert edge.to.read().armed is None


def test_a_change_that_is_too_long_for_the_timer_is_refused(edge, document):
    with pytest.raises(Op25bError, match="confirm: 86400 is out of range"):
        edge.apply(document, 86400)
    assert edge.device.running() == edge.before


def test_check_mode_configures_nothing(edge, document):
    assert edge.apply(document, to=edge.transport(check=True)) == ""
    assert edge.device.running() == edge.before
    assert not [line for line in edge.wire.sent if line.startswith("conf")]


def test_a_device_that_stops_in_the_middle_of_a_paste_is_waited_for(edge, document):
    torn = Wire(edge.device, torn=True)
    edge.apply(document, to=edge.transport(torn))
    assert not edge.plan(document, edge.to.read()).changed


def test_a_long_paste_goes_in_pieces(edge, document):
    document["pools"]["east_ftth"]["prefixes"] = [f"2001:db8:e000:{n:x}::/64" for n in range(1, 900, 2)]
    document["exemptions"] = []
    edge.apply(document)
    assert not edge.plan(document, edge.to.read()).changed


def test_without_an_archive_nothing_is_sent(now, document):
    edge = Edge("ios", lambda: now[0], startup="hostname edge\ninterface {uplink}\n!\nend\n")
    with pytest.raises(Op25bError, match=r"no configuration archive.* Nothing was sent\.$"):
        edge.apply(document)
    assert not [line for line in edge.wire.sent if line.startswith("conf")]


def lock(edge):
    other = edge.device.session("other")
    for line in ("configure terminal", "configuration mode exclusive auto", "end", "configure terminal"):
        assert "%" not in other.line(line)


def arm(edge):
    # Between the look at what is armed and the command that arms, another run did so.
    original = edge.wire.get

    def get(command, **more):
        if command.startswith("configure terminal revert"):
            edge.device.session("ansible").line("configure terminal revert timer 9")
        return original(command, **more)

    edge.wire.get = get


@pytest.mark.parametrize(
    ("options", "prepare", "said"),
    [
        ({"no_archive": True}, None, "the device refuses `configure terminal revert timer 5`: %Turn config archive on"),
        ({}, lock, "the device does not let us change it now: Configuration mode is locked by process"),
        ({}, arm, "the device refuses `configure terminal revert timer 5`: %Rollback Confirmed Change is already pending"),
    ],
)
def test_where_the_timer_does_not_begin_nothing_is_sent(now, document, options, prepare, said):
    edge = Edge("ios", lambda: now[0], **options)
    if prepare:
        prepare(edge)
    running = edge.device.running()
    with pytest.raises(Op25bError, match=said):
        edge.apply(document)
    assert edge.wire.sent[-1] == "configure terminal revert timer 5"
    assert edge.device.running() == running
    assert (edge.device.revert is not None) is (prepare is arm)


def test_a_confirmation_that_the_device_refuses_is_none(now, document):
    edge = Edge("ios", lambda: now[0])
    edge.device.session("night").line("configure terminal revert timer 9")
    with pytest.raises(Op25bError, match="refuses `configure confirm`: %Rollback Confirmed Change is pending for user night"):
        edge.to.confirm(None)
    assert edge.device.revert is not None


def test_it_survives_a_reboot_only_when_asked(now, document):
    edge = Edge("ios", lambda: now[0])
    edge.apply(document, 0)
    assert edge.device.startup() == edge.before
    edge = Edge("ios", lambda: now[0])
    change = edge.apply(document, 60)
    edge.transport(save=True).confirm(change)
    assert edge.device.startup() == edge.device.running()


def test_only_the_session_that_armed_it_ends_a_trial(now, document):
    edge = Edge("iosxr", lambda: now[0])
    edge.apply(document, 60)
    other = edge.transport(Wire(edge.device))
    assert other.read().armed
    for end in (other.confirm, other.cancel):
        with pytest.raises(Op25bError, match="belongs to another session, and this device lets no other end it"):
            end(None)


def test_a_commit_that_is_refused_says_why(now, document):
    edge = Edge("iosxr", lambda: now[0])
    device = edge.to.read()
    plan = edge.plan(document, device)
    broken = type(plan)(**{**plan.__dict__, "commands": (*plan.commands, " ipv6 access-group NOT-THERE ingress")})
    with pytest.raises(Op25bError, match=r"the device refused the commit: .*NOT-THERE"):
        edge.to.apply(broken, device, 60)
    assert edge.device.running() == edge.before


def test_who_holds_the_lock_is_said(now, document):
    edge = Edge("iosxr", lambda: now[0])
    edge.device.session("other").line("configure exclusive")
    with pytest.raises(Op25bError, match=r"(?s)does not let us change it now: .*locked by another agent.*; nothing was changed"):
        edge.apply(document)


@pytest.mark.parametrize(
    ("printed", "wrong"),
    [
        (
            "edge(config)#10 permit x\n            ^\n% Invalid input detected at '^' marker.",
            "% Invalid input detected at '^' marker. (10 permit x)",
        ),
        ("edge(config)#hostname x\nx(config)#", ""),
        ("%SYS-5-CONFIG_I: Configured from console by ansible", ""),
        (
            "edge(config-ext-nacl)#10 permit ip any any\n% Duplicate sequence number.",
            "% Duplicate sequence number. (10 permit ip any any)",
        ),
    ],
)
def test_the_device_s_words(printed, wrong):
    assert cli.words(printed) == wrong


def test_what_changes_by_itself_is_no_change():
    text = "Building configuration...\n\nCurrent configuration : 10 bytes\n!\n! Last configuration change at 1\nhostname edge\n"
    assert cli.CliTransport.digest(text) == cli.CliTransport.digest(text.replace("10 bytes", "11 bytes").replace("at 1", "at 2"))
    assert cli.CliTransport.digest(text) != cli.CliTransport.digest(text.replace("edge", "other"))


def test_letters_that_are_not_utf8_are_nobodys_business(edge, document):
    """As network_cli hands them over: halves of characters."""
    plain = edge.wire.get

    def other(**arguments):
        return plain(**arguments).replace("hostname edge\n", "hostname edge\n! Z\udcfcrich\nalias exec z\udcfc show\n")

    edge.wire.get = other
    change = edge.apply(document)
    assert edge.to.confirm(change) is True
