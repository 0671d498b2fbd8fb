# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of all playbooks, in one table, and what each of them may be.

An input comes from a command line, a survey or the inventory, so that the same number may arrive as text and the same text as a
number or a date. AWX hands a blank answer on as `!unsafe ''`, which ansible-core 2.19 to 2.22 read as None, `4711` as an integer
and `2019-03-04` as a date. Whatever is blank is not given; whatever means the same is the same here; everything else is one
sentence.
"""

from __future__ import annotations

import datetime
import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .acl import is_interface
from .errors import Op25bError
from .policy import NO_WAVE, like
from .prefixes import parse_address

Mistake = tuple[str, str]
"""The key, as op25b_attachments[0].pools, and a sentence that completes « key: »."""

_TRUE, _FALSE = frozenset({"true", "yes", "on", "y", "t", "1"}), frozenset({"false", "no", "off", "n", "f", "0"})
_SHARE = re.compile(r"[1-9][0-9]*%?")
_NEAR = 0.8
"""How much two names have in common, of 1, before one of them is taken for the other, misspelt."""


def is_blank(value: Any) -> bool:
    """Whether a value means that nothing was given."""
    return value is None or (isinstance(value, str) and not value.strip())


def shown(value: Any) -> str:
    """A wrong value as a sentence may show it: never a whole list or mapping, which may hold anything."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str):
        text = f"'{' '.join(value.split())}'"
        return text if len(text) <= 60 else f"{text[:56]}...'"
    if isinstance(value, Sequence | set | frozenset):
        return "a list"
    return f"'{value}'"


def text_of(value: Any) -> str | None:
    """What was typed, where YAML or a survey made something else of it; None for what is no text at all."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | int | float):
        return str(value)
    return str(value) if isinstance(value, str) else None


class Kind(ABC):
    """What an input may be. `right` says so to a person."""

    right: str
    keeps_empty = False
    """Whether an empty list is an answer, and not a blank."""

    @abstractmethod
    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The value as the playbooks have it; what is wrong with it is appended to `wrong`."""

    def refuse(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Say that the value is not of this kind; there is None in its place."""
        wrong.append((key, f"{shown(value)} is not right here; write {self.right}."))


def _one(value: Any) -> Any:
    """The only entry of a list: a survey with several choices gives one, too."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        return value[0]
    return value


@dataclass(frozen=True)
class Text(Kind):
    """Text on one line."""

    right: str = "text"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Text, without blanks around it or line breaks in it."""
        text = text_of(_one(value))
        if text is None:
            return self.refuse(value, key, wrong)
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            wrong.append((key, "this text is not UTF-8; write it again in a terminal or an editor that is set to UTF-8."))
            return None
        return " ".join(text.split())


@dataclass(frozen=True)
class Secret(Text):
    """Text of which every character counts, and which no sentence shows."""

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The text as it is."""
        if text_of(value) is None:
            wrong.append((key, f"this is not right here; write {self.right}."))
        return text_of(value)


@dataclass(frozen=True)
class Pattern(Text):
    """Text of a form."""

    form: re.Pattern[str] = re.compile("")

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Text, where it has the form."""
        text = super().read(value, key, wrong)
        return text if text is None or self.form.fullmatch(text) else self.refuse(text, key, wrong)


@dataclass(frozen=True)
class Interface(Text):
    """The name of an interface."""

    right: str = "the name of an interface, as eth1, or ppp* for all that begin so"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Text, where it can be an interface."""
        text = super().read(value, key, wrong)
        return text if text is None or is_interface(text) else self.refuse(text, key, wrong)


@dataclass(frozen=True)
class HostAddress(Text):
    """An IP address."""

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Text, where it is an address."""
        text = super().read(value, key, wrong)
        try:
            return text if text is None else str(parse_address(text))
        except (ValueError, Op25bError) as err:
            wrong.append((key, f"{str(err).removesuffix('.')}."))
            return None


@dataclass(frozen=True)
class Day(Text):
    """A day of the calendar, as text."""

    right: str = "a day of the calendar, as 2019-03-25"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The day as ISO 8601 writes it."""
        text = super().read(value, key, wrong)
        try:
            return text if text is None else datetime.date.fromisoformat(text).isoformat()
        except ValueError:
            return self.refuse(text, key, wrong)


@dataclass(frozen=True)
class File(Text):
    """The path of a file or a directory."""

    right: str = "the path of a file"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """Text; blanks within a path count."""
        text = text_of(_one(value))
        if text is None or super().read(text, key, wrong) is None:
            return None if text is not None else self.refuse(value, key, wrong)
        return text.strip() if text.strip().isprintable() else self.refuse(text, key, wrong)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number in a range; `also` are values outside of it."""

    least: int
    most: int
    right: str
    also: tuple[int, ...] = ()

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The number, also where it came as text or as 10.0."""
        number = whole_of(_one(value))
        if number is None:
            return self.refuse(value, key, wrong)
        if not self.least <= number <= self.most and number not in self.also:
            wrong.append((key, f"{number} is out of range; write {self.right}."))
            return None
        return number


def whole_of(value: Any) -> int | None:
    """A whole number, however it is written; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    text = value.strip() if isinstance(value, str) else ""
    return int(text.removesuffix(".0")) if re.fullmatch(r"[+-]?[0-9]+(\.0)?", text, re.ASCII) else None


@dataclass(frozen=True)
class Flag(Kind):
    """Yes or no."""

    right: str = "true or false"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """A boolean, also where it came as a word or as 0 or 1."""
        value = _one(value)
        word = value.strip().lower() if isinstance(value, str) else str(value).lower() if isinstance(value, int) else ""
        if word in _TRUE | _FALSE:
            return word in _TRUE
        return self.refuse(value, key, wrong)


@dataclass(frozen=True)
class Share(Kind):
    """The size of a batch."""

    right: str = "a number of edges and pairs, or a part of all, as 25%"

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """A number, or text as 25%."""
        number = whole_of(value)
        text = re.sub(r"\s", "", str(value)) if number is None and isinstance(value, str) else str(number)
        if not _SHARE.fullmatch(text) or int(text.removesuffix("%")) > (100 if text.endswith("%") else 10**6):
            return self.refuse(value, key, wrong)
        return text if text.endswith("%") else int(text)


@dataclass(frozen=True)
class Items(Kind):
    """A list; as text, its entries are separated by commas or line breaks."""

    of: Kind
    right: str
    keeps_empty: bool = False

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The list without blank entries; one entry alone is a list of one."""
        alone = isinstance(value, str) or not isinstance(value, Sequence)
        if isinstance(value, Mapping) or (alone and isinstance(self.of, Fields | Table)):
            return self.refuse(value, key, wrong)
        found = re.split(r"[,\n]", value) if isinstance(value, str) else [value] if alone else value
        return [self.of.read(item, f"{key}[{at}]", wrong) for at, item in enumerate(found) if not is_blank(item)]


@dataclass(frozen=True)
class Table(Kind):
    """A mapping whose keys are not looked at here."""

    right: str

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The mapping as it is."""
        return value if isinstance(value, Mapping) else self.refuse(value, key, wrong)


@dataclass(frozen=True)
class Field:
    """One key of a mapping."""

    name: str
    kind: Kind
    required: bool = True


@dataclass(frozen=True)
class Fields(Kind):
    """A mapping with these keys."""

    fields: tuple[Field, ...]
    right: str

    def read(self, value: Any, key: str, wrong: list[Mistake]) -> Any:
        """The mapping, each of its values as its own kind has it."""
        if not isinstance(value, Mapping):
            return self.refuse(value, key, wrong)
        known = {each.name: each for each in self.fields}
        for name in value:
            if name not in known:
                wrong.append((f"{key}.{name}", f"this key is unknown. {like(str(name), known)}."))
        found = {}
        for name, each in known.items():
            if not _missing(value.get(name), each.kind):
                found[name] = each.kind.read(value[name], f"{key}.{name}", wrong)
            elif each.required:
                wrong.append((f"{key}.{name}", f"this key is missing; write {each.kind.right}."))
        return found


RUN, EDGE, PROBE, RELAY = "run", "edges", "probes", "relays"
"""Who has an input: the run as a whole, or each host of a group."""


@dataclass(frozen=True)
class Input:
    """One input: its name, what it may be, who has it, what it is when it is not given, and its meaning in one line."""

    name: str
    kind: Kind
    meaning: str
    whose: str = RUN
    default: Any = None
    must_exist: bool = False
    """Whether it names a file of the controller that a run reads."""
    on_demand: bool = False
    """Whether only few playbooks read it, so that others go on where its vault is closed."""


_WAVE = "the name of a wave of the policy, or none for the state before the first one"
_REASON = "the reason, as a text"
_HOST = "the name of a host of the inventory"
_SECONDS = "0, or 5 to 86400 seconds"
_ENTRIES = "a number of entries, at least 1"
_PORT = "the number of a TCP port, 1 to 65535"
_ATTACHMENT = "[{interface: eth1, pools: [...]}]"

TABLE: Mapping[str, Input] = {
    each.name: each
    for each in (
        Input("op25b_policy", Table("the policy document, a mapping with pools and waves"), "The policy document."),
        Input("op25b_wave", Text(_WAVE), "How far the rollout is; a phase's inventory has its own."),
        Input("op25b_to", Text(f"{_WAVE}, or before"), "Where rollback goes: a wave, or before; none is all out.", RUN, NO_WAVE),
        Input("op25b_pool", Text("the name of a pool of the policy"), "The one pool that rollback moves; all without it."),
        Input("op25b_override", Text(_REASON), "Why a wave may begin before its date, or without the customers' page."),
        Input("op25b_unproved", Text(_REASON), "Why a change may stay although no probe has judged it.", EDGE),
        Input("op25b_today", Day(), "The day for which dates are read, for rehearsals; the controller's where it is not given."),
        Input("op25b_journal", File(), "The journal's file; that of the module journal where it is not given."),
        Input("op25b_volatile", Flag(), "Whether what a run writes may go with its container, as in a lab.", default=False),
        Input("op25b_journal_host", Text(_HOST), "The host of the inventory that has the journal; the controller without it."),
        Input("op25b_sources", File(), "The file with the addresses that edges saw while observing."),
        Input("op25b_customers", File(), "The CSV file that says which customer has which prefix.", must_exist=True),
        Input("op25b_contacts", File(), "The file for the list of whom to tell."),
        Input("op25b_report", File(), "The file for the report.", RUN, "~/.local/state/ccsnet.op25b/report.html"),
        Input(
            "op25b_mail_clients",
            File("the path of a directory"),
            "The directory for what mail programs find.",
            RUN,
            "~/.local/state/ccsnet.op25b/mail_clients",
        ),
        Input(
            "op25b_attachments",
            Items(
                Fields(
                    (
                        Field("interface", Interface()),
                        Field("pools", Items(Text("the name of a pool"), "a list of pools of the policy")),
                        Field("source_check", Flag(), required=False),
                    ),
                    "{interface: eth1, pools: [...]}",
                ),
                f"the interfaces towards customers with their pools, as {_ATTACHMENT}",
            ),
            "The edge's interfaces towards customers, and the pools behind each.",
            EDGE,
        ),
        Input(
            "op25b_uplinks",
            Items(Interface(), "the interfaces that lead out, as [eth0]"),
            "The edge's interfaces that lead out.",
            EDGE,
        ),
        Input("op25b_ha_group", Text("a name"), "What edges share that change together.", EDGE),
        Input("op25b_acl_budget", Whole(1, 10**9, _ENTRIES), "How many entries of ours the edge may hold.", EDGE),
        Input(
            "op25b_second_path",
            Fields(
                (Field("host", Text("an address")), Field("port", Whole(1, 65535, _PORT))),
                "where the edge answers beside the path by which it is managed, as {host: 2001:db8:fe::1, port: 22}",
            ),
            "Where the edge answers with SSH, or NETCONF over SSH, beside the path by which it is managed.",
            EDGE,
            on_demand=True,
        ),
        Input(
            "op25b_second_path_from",
            Text(_HOST),
            "Who tries the second path; the controller where it is not given.",
            EDGE,
            on_demand=True,
        ),
        Input(
            "op25b_relay_check",
            Fields(
                (
                    Field("host", Text("the relay as customers reach it")),
                    Field("server_name", Text("the name in the relay's certificate"), required=False),
                    Field("ca", Secret("the certificates that vouch for the relay, as PEM"), required=False),
                    Field("login", Text("the login")),
                    Field("password", Secret("the login's password")),
                    Field("sender", Text("the sender of the mail"), required=False),
                    Field("recipient", Text("a mailbox outside of the relay")),
                ),
                "{host: ..., login: ..., password: ..., recipient: ...}",
            ),
            "The login that sends mail through the relay from inside of the pools, and where that mail goes.",
            EDGE,
            on_demand=True,
        ),
        Input("edge_confirm_seconds", Whole(5, 86400, _SECONDS, (0,)), "Seconds until an armed change rolls back.", EDGE, 300),
        Input("edge_over_management", Flag(), "Allow our entries on the management uplink.", EDGE, False),
        Input("edge_save", Flag(), "Also write the startup configuration, where a device leaves that open.", EDGE, False),
        Input("edge_sources", Flag(), "Also tell which customer addresses were seen while observing.", EDGE, False),
        Input(
            "op25b_probe_addresses",
            Items(HostAddress("an address"), "the addresses that this probe host connects from, as [198.51.100.10]"),
            "The addresses that a probe host connects from; those of its default routes where it is not given.",
            PROBE,
        ),
        Input(
            "op25b_probe_edges",
            Items(Text("the name of an edge"), "a list of edges", keeps_empty=True),
            "The edges that a probe host's packets cross; every edge that carries its pool where it is not given.",
            PROBE,
        ),
        Input(
            "rollout_serial",
            Items(Share(), "the sizes of the batches, as [1, 25%, 100%]"),
            "The sizes of the batches, the last one again and again; an HA pair counts as one.",
            RUN,
            (1, "100%"),
        ),
        Input(
            "rollout_notice_days",
            Whole(0, 3650, "a number of days, 0 to 3650"),
            "Days between the customers' page that names the wave and its first block.",
            RUN,
            0,
        ),
        Input("rollout_counters_exact", Flag(), "Whether an edge must have counted no SYN but those of the probes.", RUN, False),
        Input("notice_directory", File("the path of a directory"), "Where the customers' page is written.", on_demand=True),
        Input(
            "notice_mail",
            Items(Table("{domain: ..., submission: ...}"), "a list with one entry for each of the operator's domains"),
            "How a mail program is set up, for each of the operator's domains.",
            on_demand=True,
        ),
        Input("relay_backup_file", File(), "The file for the encrypted DKIM keys.", RELAY),
        Input("relay_backup_password_file", File(), "The file with the password of the vault.", RELAY, must_exist=True),
        Input("login", Text("NAME@DOMAIN"), "The login to suspend or to resume.", RELAY),
        Input("why", Text("half a sentence"), "Why a login may send no more; its mail program shows it.", RELAY),
    )
}
"""Every input, by its name. Of dialects, Ansible and the relay's roles, each has its own."""


def _missing(value: Any, kind: Kind) -> bool:
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return not kind.keeps_empty and all(is_blank(item) for item in value)
    return is_blank(value)


def examine(name: str, value: Any) -> tuple[Any, list[Mistake]]:
    """An input as far as it can be read, with None in place of what is wrong, and all that is wrong with it."""
    this = TABLE[name]
    wrong: list[Mistake] = []
    if _missing(value, this.kind):
        return (list(this.default) if isinstance(this.default, tuple) else this.default), wrong
    return this.kind.read(value, name, wrong), wrong


def read(name: str, value: Any) -> tuple[Any, list[Mistake]]:
    """An input as the playbooks have it, and what is wrong with it.

    What is blank is not given and has the input's default, which may be None.
    """
    found, wrong = examine(name, value)
    return (None if wrong else found), wrong


def known(name: str) -> Input:
    """The input of this name; raises Op25bError."""
    if name not in TABLE:
        raise Op25bError(f"{name}: no input has this name. {_likely(name) or 'Take it out.'}")
    return TABLE[name]


def misspelt(names: Iterable[str]) -> list[Mistake]:
    """Names that look like those of inputs, and are none: a misspelt input would be left out without a word."""
    found = []
    for name in names:
        hint = _likely(name)
        if name not in TABLE and (hint or name.lower().startswith(("op25b_", "rollout_"))):
            found.append((name, f"no playbook reads a variable of this name. {hint or 'Take it out.'}"))
    return found


def _likely(name: str) -> str:
    # What is shorter is too much like other words.
    near = difflib.get_close_matches(name.lower(), [each for each in TABLE if len(each) > 8], 1, _NEAR)
    return f"Did you mean {near[0]}?" if near else ""
