# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a block will touch: addresses that were seen while observing, and the customers who have them.

Addresses of customers are kept for a purpose and until a day that the policy names (observe_sources); without that, nothing here
reads or writes any. Files are CSV (RFC 4180) in UTF-8; lines that begin with # are comments.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import intent, journal, status
from .errors import Op25bError
from .policy import ObserveSources, Policy, Wave, lasts, like
from .prefixes import BITS, Address, PrefixSet, Range, longest_match, parse_address, parse_prefix, range_text
from .tables import Column, Row, Table

CASES = ("other_provider", "hosting", "company", "own_server")
"""The cases of the customers' page: whose server a customer sends through, or that it is the customer's own."""
SOURCES = ("edge", "address", "pool", "class", "syns", "hours")
CUSTOMERS = ("prefix", "customer", "case", "contact")
CONTACTS = ("customer", "contact", "case", "addresses", "wave", "date")


@dataclass(frozen=True)
class Customer:
    """Who has a prefix, by which case of the customers' page, and how to reach them."""

    name: str
    case: str
    contact: str


@dataclass
class _Met:
    """What one line of the table counts."""

    customers: set[str] = field(default_factory=set)
    addresses: set[Address] = field(default_factory=set)
    syns: int = 0


class _Owners:
    """Who has an address; the sets of the owners are disjoint."""

    def __init__(self, sets: Mapping[str, PrefixSet]) -> None:
        self._spans = {
            family: sorted((first, last, name) for name, each in sets.items() for first, last in each.spans(family))
            for family in BITS
        }

    def of(self, address: Address) -> str | None:
        spans = self._spans[address.family]
        at = bisect_right(spans, address.value, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and address.value <= spans[at][1] else None


def in_force(policy: Policy) -> ObserveSources:
    """What addresses of customers may be kept for; raises Op25bError where they may not."""
    if policy.observe_sources is None:
        raise Op25bError(
            "op25b_policy.observe_sources: no addresses of customers may be kept today; write a purpose and a day until when, "
            "as {purpose: tell customers before the block, until: 2019-03-20}, and run the wave that observes."
        )
    return policy.observe_sources


def sources_csv(policy: Policy, edges: status.Edges) -> str:
    """The addresses that edges gave in `edge_found`, as a file whose first line says what for and until when."""
    kept = in_force(policy)
    owners = _Owners({pool.name: pool.prefixes for pool in policy.pools.values()})
    found = [
        (edge, address, owners.of(parse_address(address)) or "", name, syns, kept.hours)
        for edge, variables in edges.items()
        for name, addresses in (variables.get("edge_found") or {}).get("seen", {}).items()
        for address, syns in addresses.items()
    ]
    purpose = " ".join(kept.purpose.split())
    return f"# for: {purpose}; to be deleted after {kept.until}\n" + _written(SOURCES, found)


def _written(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def expired(policy: Policy, records: Sequence[Mapping[str, Any]], host: str) -> list[dict[str, Any]]:
    """The files with addresses that may no longer be kept, by the journal.

    Each has the `record` to write when it is deleted, and `here`: whether a run on this host wrote it.
    """
    today = policy.today.isoformat()
    return [
        {
            "record": {"kind": "sources", **{key: each[key] for key in ("file", "last_day", "purpose")}, "outcome": "deleted"},
            "here": journal.controller(each) == host,
        }
        for each in journal.source_files(records).values()
        if policy.observe_sources is None or each["last_day"] < today
    ]


def _lines(text: str, columns: Sequence[str], what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a file with their numbers, by column."""
    reader = csv.reader(
        ("" if line.startswith("#") else line for line in text.removeprefix("\ufeff").splitlines(keepends=True)), strict=True
    )
    head: list[str] | None = None
    try:
        for line in reader:
            words = [word.strip() for word in line]
            if not any(words):
                continue
            if head is None:
                head = words
                if head != list(columns):
                    raise Op25bError(
                        f"{what}: line {reader.line_num}: '{','.join(head)}' is not its head; write {','.join(columns)}."
                    )
            elif len(words) != len(columns):
                raise Op25bError(f"{what}: line {reader.line_num} has {len(words)} columns; write {','.join(columns)}.")
            else:
                yield reader.line_num, dict(zip(columns, words, strict=True))
    except csv.Error as err:
        raise Op25bError(f"{what}: line {reader.line_num} is no CSV: {err}.") from None
    if head is None:
        raise Op25bError(f"{what}: the file is empty; write {','.join(columns)} and a line for each.")


def customers(text: str) -> tuple[list[Customer], dict[Range, int]]:
    """The customers of a file, and which of them has a prefix; raises Op25bError with the number of a wrong line."""
    found: list[Customer] = []
    owner: dict[Range, int] = {}
    lines: dict[Range, int] = {}
    for number, line in _lines(text, CUSTOMERS, "customers"):
        where = f"customers: line {number}"
        try:
            prefix = parse_prefix(line["prefix"])
        except ValueError as err:
            raise Op25bError(f"{where}: {err}.") from None
        if line["case"] not in CASES:
            raise Op25bError(f"{where}: '{line['case']}' is no case. {like(line['case'], CASES)}.")
        if not line["customer"]:
            raise Op25bError(f"{where}: the customer is missing; write a name or a number.")
        if prefix in lines:
            raise Op25bError(f"{where}: '{range_text(prefix)}' is also in line {lines[prefix]}; leave one of them.")
        lines[prefix] = number
        owner[prefix] = len(found)
        found.append(Customer(line["customer"], line["case"], line["contact"]))
    return found, owner


def _sources(policy: Policy, text: str) -> Iterator[tuple[Address, str, int]]:
    classes = policy.classes()
    for number, line in _lines(text, SOURCES, "sources"):
        try:
            address = parse_address(line["address"])
        except ValueError as err:
            raise Op25bError(f"sources: line {number}: {err}.") from None
        if line["class"] not in classes:
            raise Op25bError(
                f"sources: line {number}: '{line['class']}' is no destination class. {like(line['class'], classes)}."
            )
        if not line["syns"].isdecimal():
            raise Op25bError(f"sources: line {number}: syns: '{line['syns']}' is no number; write how many were counted.")
        yield address, line["class"], int(line["syns"])


def first_blocks(policy: Policy) -> dict[tuple[str, str], Wave]:
    """For each pool and class the first wave that blocks it; none where no wave does."""
    found: dict[tuple[str, str], Wave] = {}
    for wave in policy.waves:
        for pool, terms in intent.at(policy, wave.name).pools.items():
            for name, action in terms:
                if action == "block":
                    found.setdefault((pool, name), wave)
    return found


def impact(policy: Policy, seen: str, known: str | None = None) -> tuple[Table, str]:
    """What a block does to those who were seen, by the file of the sources, and that of the customers where there is one.

    The table has a line for each case, pool and class, with the first wave that blocks it; the text is a CSV with a line for each
    customer whom a block touches, with the first wave that does.
    """
    in_force(policy)
    people, owner = customers(known) if known is not None else ([], {})
    owners = _Owners(longest_match({prefix: str(at) for prefix, at in owner.items()}))
    pools = _Owners({pool.name: pool.prefixes for pool in policy.pools.values()})
    blocks = first_blocks(policy)
    order = {wave.name: at for at, wave in enumerate(policy.waves)}
    met: dict[tuple[str, str, str], _Met] = {}
    touched: dict[Customer, tuple[set[Address], Wave]] = {}
    for address, name, syns in _sources(policy, seen):
        pool = pools.of(address)
        if pool is None:
            # The policy no longer has it in a pool, so that no wave touches it.
            continue
        wave = blocks.get((pool, name))
        at = owners.of(address)
        customer = None if at is None else people[int(at)]
        if _exempted(policy, address, wave):
            case = "exempted"
        elif known is None:
            case = "all"
        else:
            case = customer.case if customer else "no customer known"
            if customer and wave:
                addresses, before = touched.get(customer, (set(), wave))
                touched[customer] = (addresses | {address}, min(before, wave, key=lambda each: order[each.name]))
        line = met.setdefault((case, pool, name), _Met())
        line.addresses.add(address)
        line.syns += syns
        if customer:
            line.customers.add(customer.name)
    return _table(policy, met, blocks, known is not None), _contacts(touched)


def _exempted(policy: Policy, address: Address, wave: Wave | None) -> bool:
    """Whether an exemption still holds on the day on which the wave begins, or today, when it has begun."""
    day = max(policy.today, wave.date) if wave else policy.today
    return any(lasts(each.until, day) and address in each.prefixes for each in policy.exemptions)


def _table(
    policy: Policy, met: Mapping[tuple[str, str, str], _Met], blocks: Mapping[tuple[str, str], Wave], mapped: bool
) -> Table:
    body = []
    cases = [*CASES, "all", "no customer known", "exempted"]
    classes = policy.classes()
    pools = list(policy.pools)
    for (case, pool, name), line in sorted(
        met.items(), key=lambda item: (cases.index(item[0][0]), pools.index(item[0][1]), classes.index(item[0][2]))
    ):
        wave = blocks.get((pool, name))
        by = [wave.name, str(wave.date)] if wave else ["-", "-"]
        who = str(len(line.customers)) if mapped else "-"
        body.append(Row((case, pool, name, *by, who, str(len(line.addresses)), str(line.syns))))
    touched = {key: line for key, line in met.items() if key[0] != "exempted" and key[1:] in blocks}
    end = f"addresses that a wave blocks: {len(_addresses(touched.values()))}"
    if mapped:
        people = set().union(*(line.customers for line in touched.values()))
        strangers = _addresses(line for key, line in touched.items() if key[0] == "no customer known")
        end += f", of customers: {len(people)}, without a known one: {len(strangers)}"
    spared = _addresses(line for key, line in met.items() if key[0] == "exempted")
    silent = [pool for pool in pools if pool not in {key[1] for key in met}]
    end += f"; exempted: {len(spared)}"
    notes = (f"no address is known of {', '.join(silent)}",) if silent else ()
    columns = (
        *(Column(head) for head in ("case", "pool", "class", "first blocked by")),
        *(
            Column("on", rank=1),
            Column("customers", right=True),
            Column("addresses", right=True),
            Column("SYN", right=True, rank=2),
        ),
    )
    return Table(columns, tuple(body), (end,), notes)


def _addresses(lines: Iterable[_Met]) -> Collection[Address]:
    return set().union(*(line.addresses for line in lines))


def _contacts(touched: Mapping[Customer, tuple[set[Address], Wave]]) -> str:
    found = sorted(touched.items(), key=lambda item: (item[1][1].date, item[0].name))
    return _written(
        CONTACTS,
        [
            (each.name, each.contact, each.case, " ".join(map(str, sorted(addresses))), wave.name, wave.date)
            for each, (addresses, wave) in found
        ],
    )
