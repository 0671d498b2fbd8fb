# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To a Junos edge over NETCONF: one candidate, committed on trial, confirmed by whoever knows the change.

Operations are those of RFC 6241 as Juniper documents them ("NETCONF XML Management Protocol Developer Guide": lock,
edit-config, validate, confirmed commit, discard-changes). Two ways to confirm are known: with `:confirmed-commit:1.1` the
change is named when it is armed, and only that name ends it; else any commit keeps it, whoever makes it. An armed change
carries a mark in the configuration itself, so that each session sees whose it is, and so that it goes back with the change.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ..dialects import junos
from ..errors import Op25bError
from ..plan import Plan
from . import Connected, Device, Way

_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_ALL = '<configuration xmlns="http://yang.juniper.net/junos/conf/root"/>'
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_GUARD = 120
"""Seconds that guard a change which nobody asked to arm."""
_SHOWN = 5
_MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
_BACK = 90
"""Seconds in which a change that is taken back, or that nobody confirmed, must be gone: a device may count in minutes."""
_NEXT_HEADER_ONLY = ("ex2", "ex3", "ex4", "qfx")
"""Models whose IPv6 filters have next-header and no payload-protocol ("Firewall Filter Match Conditions and Actions (QFX and
EX Series Switches)")."""


class Connection(Protocol):
    """What is used of ansible.module_utils.connection.Connection."""

    def rpc(self, name: str) -> str:
        """Send one operation as XML; returns the reply as XML."""

    def get_capabilities(self) -> Any:
        """What both sides can do, as JSON or as what was JSON."""


class Session:
    """Operations on a device, with its own words in every error."""

    def __init__(self, connection: Connection, errors: type[Exception]) -> None:
        self._connection, self._errors = connection, errors

    def call(self, name: str, inner: str = "") -> str:
        """Send one operation; raises Op25bError with error-path and error-message."""
        try:
            return str(self._connection.rpc(f'<{name} xmlns="{_BASE}">{inner}</{name}>'))
        except self._errors as err:
            if "codec can't decode" in str(err):
                raise Op25bError(
                    f"the device answers <{name}> with text that is not UTF-8, as NETCONF must be (RFC 6241, 3.); look for a "
                    "description or comment with other letters, and write it anew."
                ) from None
            # What the device itself refuses is said in XML.
            verb = "refuses" if "rpc-error" in str(err) else "does not answer"
            raise Op25bError(f"the device {verb} <{name}>: {words(str(err))}") from None

    def persists(self) -> bool:
        """Whether a change can be named, and so be ended by that name alone."""
        found = self._connection.get_capabilities()
        capabilities = (json.loads(found) if isinstance(found, str) else found)["server_capabilities"]
        return any(":confirmed-commit:1.1" in capability for capability in capabilities)


def words(error: str) -> str:
    """The device's own words of an <rpc-error>: where, and what; what is none is returned as it is."""
    start = error.find("<")
    try:
        # From the operator's own router, by an expat that limits what entities expand to.
        root = ElementTree.fromstring(error[start:]) if start >= 0 else None  # noqa: S314
    except ElementTree.ParseError:
        root = None
    if root is None:
        return " ".join(error.split())
    said = []
    for item in _all(root, "rpc-error"):
        path = _word(item, "error-path")
        found = [path] if path else []
        found += [_word(item, "error-message") or _word(item, "error-tag")]
        element = _word(item, "bad-element")
        found += [f"({element})"] if element else []
        said.append(" ".join(found))
    return "; ".join(dict.fromkeys(said)) or " ".join(error.split())


def _all(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (element for element in root.iter() if element.tag.rpartition("}")[2] == name)


def _word(root: ElementTree.Element, name: str) -> str:
    """The text of the first element of this name, on one line."""
    return next((" ".join((element.text or "").split()) for element in _all(root, name)), "")


class Transport(Connected):
    """The way to one device."""

    @staticmethod
    def digest(text: str) -> str:
        """A name for a configuration as it is, whatever the message around it."""
        _head, _configuration, rest = text.partition("<configuration")
        return hashlib.sha256(rest.rpartition("</configuration>")[0].encode()).hexdigest()

    def __init__(self, way: Way) -> None:
        self.session = Session(way.connection(), way.errors)
        self.check, self.who, self._address = way.check, way.who, way.address

    # -- reading -------------------------------------------------------------------------------------------------------

    def _config(self, source: str = "running") -> str:
        return self.session.call("get-config", f'<source><{source}/></source><filter type="subtree">{_ALL}</filter>')

    def _information(self, name: str) -> ElementTree.Element | None:
        """What an operational command of Junos shows; None where the device does not know it."""
        try:
            return ElementTree.fromstring(self.session.call(f"get-{name}-information"))  # noqa: S314
        except Op25bError:
            return None

    def read(self, acknowledge: bool = False, counters: bool = False) -> Device:
        """Read the running configuration with the mark of an armed change, and say what became of the last one."""
        del acknowledge
        text = self._config()
        have = junos.from_xml(text)
        warnings = []
        system = self._information("system")
        model = "" if system is None else _word(system, "hardware-model")
        if model.lower().startswith(_NEXT_HEADER_ONLY):
            have = replace(have, payload=False)
            warnings.append(
                f"IPv6: a filter of this model, {model}, looks at the first next header alone; what has an extension header "
                "before TCP passes."
            )
        if counters:
            have = junos.with_counters(have, self.session.call("get-firewall-information"))
        armed = _armed(have.trial)
        if have.trial and not armed:
            warnings.append(
                f"The change that {have.trial.get('who')} armed at {have.trial.get('at')} is past its time and still there: a "
                "commit of somebody else has kept it. Its mark goes with the next change."
            )
        if not have.trial:
            warnings += _gone_back(self._information("commit"))
        return Device(have, self.digest(text), armed, True, tuple(warnings))

    def management(self) -> set[str]:
        """The device's own addresses by which this controller comes to it."""
        try:
            return {str(found[4][0]).lower() for found in socket.getaddrinfo(self._address, None)}
        except OSError:
            return set()

    # -- changing ------------------------------------------------------------------------------------------------------

    def apply(self, plan: Plan, device: Device, seconds: int) -> str:
        """Commit the plan on trial, look whether the device shows it, and keep it or leave it armed."""
        self.refuse_armed(device)
        if self.check:
            return ""
        change = uuid.uuid4().hex[:12]
        limit = seconds or _GUARD
        at = datetime.datetime.now(datetime.UTC).strftime(_TIME)
        trial = {"change": change, "who": self.who.replace('"', "'"), "at": at, "seconds": str(limit)}
        with self._locked():
            self.before_change(device, self._config())
            try:
                self._edit([*plan.commands, *junos.marked(trial)])
                self.session.call("validate", "<source><candidate/></source>")
                name = f"<persist>{change}</persist>" if self.session.persists() else ""
                self.session.call("commit", f"<confirmed/><confirm-timeout>{limit}</confirm-timeout>{name}")
                missing = junos.differences(replace(junos.from_xml(self._config()), trial={}), plan.wanted)
                if missing:
                    raise Op25bError(f"the device took the change without a word, and differs all the same: {missing[0]}")
                if not seconds:
                    self._keep_locked(change)
            except Op25bError as err:
                raise Op25bError(f"{err}; {self._restored(device, change)}") from None
        return change if seconds else ""

    def _edit(self, commands: Iterable[str]) -> None:
        for config in junos.edits(commands):
            self.session.call("edit-config", f"<target><candidate/></target>{config}")

    def _restored(self, device: Device, change: str) -> str:
        """Put all back after a failure; returns how that went."""
        try:
            self.session.call("discard-changes")
            if self._trial().get("change") == change:
                self._back(change)
            same = self.digest(self._config()) == device.token
        except Op25bError as err:
            return f"and it does not answer as it should ({err}); what was not confirmed goes back by itself"
        return "it is as it was" if same else "it is not as it was: look at it"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the candidate, so that nobody else's changes are committed with ours."""
        try:
            self.session.call("lock", "<target><candidate/></target>")
        except Op25bError as err:
            raise Op25bError(f"{err}{self._whose()}; nothing was changed.") from None
        try:
            yield
        finally:
            # Where the session that held it is gone, so is the lock.
            with contextlib.suppress(Op25bError):
                self.session.call("unlock", "<target><candidate/></target>")

    def _whose(self) -> str:
        """Who may be in the way, and what is uncommitted in the candidate."""
        found = junos.changes(self._config(), self._config("candidate"))
        monitoring = f'<filter type="subtree"><netconf-state xmlns="{_MONITORING}"><sessions/></netconf-state></filter>'
        try:
            reply = ElementTree.fromstring(self.session.call("get", monitoring))  # noqa: S314
            sessions = [f"{_word(item, 'username')} from {_word(item, 'source-host')}" for item in _all(reply, "session")]
        except Op25bError:
            sessions = []
        told = f". Sessions: {', '.join(sessions)}" if sessions else ""
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            told += f". Uncommitted in the candidate: {'; '.join(found[:_SHOWN])}{more}"
        return told

    # -- ending a trial ------------------------------------------------------------------------------------------------

    def _trial(self) -> Mapping[str, str]:
        """The mark of the armed change."""
        return junos.from_xml(self._config()).trial

    def _armed(self) -> Mapping[str, Any] | None:
        return _armed(self._trial())

    def _keep(self, change: str) -> None:
        with self._locked():
            # Its time may have been up before the lock.
            if self._trial().get("change") != change:
                raise Op25bError("there is nothing to confirm: the change went back this moment.")
            self._keep_locked(change)

    def _keep_locked(self, change: str) -> None:
        """Take the mark out, and confirm by the same commit."""
        name = f"<persist-id>{escape(change)}</persist-id>" if self.session.persists() else ""
        try:
            self._edit([f"delete firewall apply-macro {junos.TRIAL}"])
            self.session.call("commit", name)
        except Op25bError:
            self.session.call("discard-changes")
            raise

    def _take_back(self, change: str) -> None:
        # Without its name, going back is a commit as well, which takes along whatever is in the candidate.
        with contextlib.nullcontext() if self.session.persists() else self._locked():
            self._back(change)

    def _back(self, change: str) -> None:
        """Let the device go back: at once, or where it cannot be told so, in the shortest time that it takes."""
        if self.session.persists():
            self.session.call("cancel-commit", f"<persist-id>{escape(change)}</persist-id>")
        else:
            self.session.call("commit", "<confirmed/><confirm-timeout>1</confirm-timeout>")
        end = time.monotonic() + _BACK
        while self._trial().get("change") == change:
            if time.monotonic() > end:
                raise Op25bError(f"the device does not go back within {_BACK} s: look at it")
            time.sleep(0.5)


def _armed(trial: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The change that its mark says is armed; None once its time is over, as then the mark says nothing any more."""
    try:
        since = datetime.datetime.strptime(trial["at"], _TIME).replace(tzinfo=datetime.UTC)
        left = int(trial["seconds"]) - int((datetime.datetime.now(datetime.UTC) - since).total_seconds())
        found = {"id": trial["change"], "who": trial["who"], "at": trial["at"], "seconds_left": max(left, 0)}
    except (KeyError, ValueError):
        return None
    return found if left > -_BACK else None


def _gone_back(commits: ElementTree.Element | None) -> list[str]:
    """What to say where the last thing that happened to the device is that a change on trial was not confirmed.

    Junos lists its commits newest first; what goes back by itself was done by root, by no client ("show system commit").
    """
    history = [] if commits is None else list(_all(commits, "commit-history"))[:2]
    if len(history) < 2 or "commit confirmed" not in " ".join(history[1].itertext()):
        return []
    if (_word(history[0], "user"), _word(history[0], "client")) != ("root", "other"):
        return []
    return [
        f"The change that {_word(history[1], 'user')} committed on trial at {_word(history[1], 'date-time')} was not confirmed: "
        f"the device went back at {_word(history[0], 'date-time')}."
    ]
