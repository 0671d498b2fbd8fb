# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy document: read, checked, and turned into a Policy.

The form is the published JSON Schema beside this file; what a schema cannot say (prefixes, overlaps,
names that refer to each other, dates in order) is checked here. Every mistake of a document is found in
one pass and told in one sentence: key, value, what would be right.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .errors import Op25bError, PolicyError, missing_library, one_line, shortened, shown
from .prefixes import (
    BITS,
    FAMILIES,
    NOTHING,
    Address,
    PrefixSet,
    Range,
    longest_match,
    nested,
    parse_host,
    parse_prefix,
    range_text,
    reserved,
    union,
)
from .values import QUOTED, Reader, Wrong, reader

try:
    import jsonschema
except ImportError:
    jsonschema = None  # type: ignore[assignment]

NO_WAVE = "none"
"""The state before the first wave: nothing is enforced."""
ANY = "any"
"""The last destination class: every address that no other class names."""
ROOT = "op25b_policy"
_SHOWN = 20
"""How many names a sentence lists."""


@dataclass(frozen=True)
class Pool:
    """A dynamic address pool."""

    name: str
    prefixes: PrefixSet
    area: str | None
    line: str | None


@dataclass(frozen=True)
class MailServer:
    """One of our own mail servers; `open_until` is the last day on which pools reach its port 25."""

    name: str
    addresses: PrefixSet
    role: str
    port25_from_pools: bool
    open_until: datetime.date | None


@dataclass(frozen=True)
class Partner:
    """Another ISP's server that stays reachable on port 25."""

    name: str
    addresses: PrefixSet
    until: datetime.date | None


@dataclass(frozen=True)
class Exemption:
    """Customer addresses inside a pool that the block leaves alone, until a day (included)."""

    prefixes: PrefixSet
    who: str
    why: str
    until: datetime.date | None
    ticket: str | None


@dataclass(frozen=True)
class DestinationClass:
    """A class of outside addresses; where classes overlap, the one named first counts."""

    name: str
    prefixes: PrefixSet


@dataclass(frozen=True)
class Wave:
    """One step of the rollout: these pools, these destination classes (none named: all), this action."""

    name: str
    date: datetime.date
    pools: tuple[str, ...]
    destinations: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Hold:
    """A pool that stays at a wave although later ones are reached, and why."""

    pool: str
    wave: str
    why: str


@dataclass(frozen=True)
class Limit:
    """New connections for each customer address: a rate a minute, and how many at once."""

    per_minute: int
    burst: int


@dataclass(frozen=True)
class ObserveSources:
    """Remember who is seen while observing: why, until when, how long each address, how many of them."""

    purpose: str
    until: datetime.date
    hours: int
    max_entries: int


@dataclass(frozen=True)
class ProbeTarget:
    """A host that the probes try to reach."""

    name: str
    addresses: tuple[Address, ...]
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Policy:
    """A checked policy document, read for one day; `warnings` are sentences for the operator."""

    today: datetime.date
    operator: Mapping[str, Any]
    pools: Mapping[str, Pool]
    mail_servers: Mapping[str, MailServer]
    partners: Mapping[str, Partner]
    exemptions: tuple[Exemption, ...]
    destinations: tuple[DestinationClass, ...]
    waves: tuple[Wave, ...]
    holds: Mapping[str, Hold]
    reject: str
    limit: Limit
    return_rule: bool
    observe_sources: ObserveSources | None
    probe_targets: tuple[ProbeTarget, ...]
    warnings: tuple[str, ...]

    def classes(self) -> tuple[str, ...]:
        """The names of the destination classes, `any` last."""
        return (*(each.name for each in self.destinations), ANY)

    def pool_of(self, address: Address) -> str | None:
        """The pool that holds this address."""
        return next((pool.name for pool in self.pools.values() if address in pool.prefixes), None)

    def permitted(self) -> PrefixSet:
        """The servers whose port 25 pools may reach today."""
        ours = [s.addresses for s in self.mail_servers.values() if s.port25_from_pools and lasts(s.open_until, self.today)]
        theirs = [p.addresses for p in self.partners.values() if lasts(p.until, self.today)]
        return union([*ours, *theirs])

    def in_force(self) -> tuple[Exemption, ...]:
        """The exemptions that have not expired today."""
        return tuple(e for e in self.exemptions if lasts(e.until, self.today))

    def exempted(self) -> PrefixSet:
        """The customer addresses that the block leaves alone today."""
        return union(e.prefixes for e in self.in_force())


def lasts(until: datetime.date | None, today: datetime.date) -> bool:
    """Whether what ends after a day still holds today."""
    return until is None or today <= until


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The published JSON Schema of the document."""
    text = Path(__file__).with_name("policy_schema_v1.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@lru_cache(maxsize=1)
def _validator() -> Any:
    if jsonschema is None:
        raise missing_library("jsonschema")
    own = {"items": _items, "pattern": _pattern}
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, own)(schema())  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1)
def _reader() -> Reader:
    return reader(schema())


def _items(validator: Any, items: Mapping[str, Any], instance: Any, node: Mapping[str, Any]) -> Iterator[Any]:
    """The keyword `items`, without a look at each of 100,000 prefixes for which being text is all that the schema asks."""
    if items.keys() == {"type", "description"} and items["type"] == "string" and isinstance(instance, list):
        wrong = [index for index, each in enumerate(instance) if not isinstance(each, str)]
        for index in wrong:
            yield from validator.descend(instance[index], items, path=index)
    else:
        yield from jsonschema.Draft202012Validator.VALIDATORS["items"](validator, items, instance, node)


def _pattern(_validator: Any, pattern: str, instance: Any, _node: Mapping[str, Any]) -> Iterator[Any]:
    """The keyword `pattern`, whose $ is the end: Python's also stands before a last line break."""
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield jsonschema.ValidationError("does not match")


def load(document: Any, today: datetime.date) -> Policy:
    """Check a policy document, as read from YAML, and return it; raises PolicyError with all mistakes."""
    return _Loader(_reader()(document), today).load()


Path_ = tuple[Any, ...]


def _key(path: Path_) -> str:
    text = ROOT
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shortened(part)}"
    return text


# How each kind of text of a prefix or address is read. Each raises ValueError with the rest of a sentence.


def _prefix(text: str) -> Range:
    item = parse_prefix(text)
    if item.last - item.first + 1 == 1 << BITS[item.family]:
        raise ValueError(f"{shown(text)} is the whole Internet; write the prefixes that are meant")
    return item


def _customers(text: str) -> Range:
    """Addresses of customers: a wide prefix that also holds others would block, or exempt, what is not meant."""
    item = _prefix(text)
    if found := reserved(item):
        lies = "lies in" if _inside(item, found) else "holds"
        raise ValueError(f"{shown(text)} {lies} {_and(found)}, which no customer has; write the customers' prefixes alone")
    return item


def _outside(text: str) -> Range:
    """Addresses on the Internet: a wide prefix may hold others, to which no packet goes."""
    item = _prefix(text)
    found = reserved(item)
    if found and _inside(item, found):
        raise ValueError(f"{shown(text)} lies in {_and(found)}, where no mail server is; write the prefixes that are meant")
    return item


def _server(text: str) -> Range:
    family, value = parse_host(text)
    item = Range(family, value, value)
    if found := reserved(item):
        raise ValueError(f"{shown(text)} lies in {_and(found)}, which no server has; write the server's own address")
    return item


def _inside(item: Range, blocks: list[tuple[Range, str]]) -> bool:
    return any(block.first <= item.first and item.last <= block.last for block, _name in blocks)


def _and(blocks: list[tuple[Range, str]]) -> str:
    return " and ".join(name for _block, name in blocks)


def _few(names: Iterable[str]) -> str:
    """The first names of a list, and how many more there are."""
    words = list(names)
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def like(word: str, known: Iterable[str], likely: str = "") -> str:
    """« known names are a, b », led by the likely one, where that is not known for sure by the one that looks most like it."""
    names = [shortened(name) for name in known]
    near = [likely] if likely else difflib.get_close_matches(shortened(word), names, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}Known here: {_few(names) or 'none'}"


class _Loader:
    def __init__(self, document: Any, today: datetime.date) -> None:
        self.document = document
        self.today = today
        self.mistakes: list[tuple[Path_, str]] = []
        self.warnings: list[str] = []
        self.bad: set[Path_] = set()

    def mistake(self, path: Path_, sentence: str) -> None:
        self.bad.add(path)
        self.mistakes.append((path, one_line(f"{_key(path)}: {sentence}")))

    def warn(self, path: Path_, sentence: str) -> None:
        self.warnings.append(one_line(f"{_key(path)}: {sentence}"))

    def load(self) -> Policy:
        for error in _validator().iter_errors(self.document):
            self.form_mistake(error)
        policy = self.policy()
        if policy is None:
            raise PolicyError([sentence for _path, sentence in sorted(self.mistakes, key=self.place)])
        return policy

    def place(self, mistake: tuple[Path_, str]) -> tuple[tuple[int, str], ...]:
        """Where in the document a mistake stands, so that they are told in the order in which one reads."""
        at, places = self.document, []
        for part in mistake[0]:
            if isinstance(at, dict):
                places.append((list(at).index(part) if part in at else len(at), str(part)))
            else:
                places.append((part if isinstance(part, int) else 0, str(part)))
            at = at.get(part) if isinstance(at, dict) else at[part] if isinstance(at, list) and part < len(at) else None
        return tuple(places)

    def form_mistake(self, error: jsonschema.ValidationError) -> None:
        """One sentence for one schema error: the schema's descriptions say what would be right."""
        path = tuple(error.absolute_path)
        part: Any = error.schema
        given: Any = error.instance
        right = part.get("description", "")
        if isinstance(given, Wrong):
            self.mistake(path, f"{given.says}; write {right}{given.remedy}.")
        elif error.validator == "additionalProperties":
            known = part["properties"]
            for key in given:
                if key not in known:
                    self.mistake((*path, key), f"this key is unknown. {like(key, known)}.")
        elif error.validator == "required":
            missing = [key for key in part["required"] if key not in given]
            if any((*path, key) not in self.bad for key in missing):
                for key in missing:
                    self.mistake((*path, key), f"this key is missing; write {right}.")
                self.bad.add(path)
        elif error.validator in ("minItems", "minProperties", "minLength"):
            self.mistake(path, f"this is empty; write {right}.")
        elif error.validator in ("minimum", "maximum"):
            self.mistake(path, f"{shown(given)} is out of range; write {right}.")
        elif "propertyNames" in error.absolute_schema_path:
            # YAML 1.1 reads these keys, too, as no text.
            quoted = QUOTED if given in ("True", "False", "None") else ""
            self.mistake((*path, given), f"{shown(given)} cannot be a name; write {right}{quoted}.")
        elif error.validator == "const" and path and path[-1] == "pools":
            self.mistake(path, f"{shown(given)} is not right here; write all, or a list of pool names.")
        else:
            self.mistake(path, f"{shown(given)} is not right here; write {right}.")

    # What follows reads the document wherever its form is right, so that one wrong part hides no other mistake.

    def usable(self, path: Path_) -> bool:
        return path not in self.bad

    def at(self, path: Path_, kind: type, default: Any) -> Any:
        value: Any = self.document
        for part in path:
            if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
                value = value[part]
            else:
                return default
        return value if isinstance(value, kind) and self.usable(path) else default

    def section(self, name: str) -> Iterator[tuple[str, Path_]]:
        for key, value in self.at((name,), dict, {}).items():
            if isinstance(value, dict):
                yield key, (name, key)

    def ranges(self, path: Path_, read: Callable[[str], Range]) -> list[Range]:
        found: list[Range] = []
        for index, text in enumerate(self.at(path, list, [])):
            place = (*path, index)
            if not isinstance(text, str) or not self.usable(place):
                continue
            try:
                item = read(text)
            except ValueError as err:
                self.mistake(place, f"{err}.")
                continue
            found.append(item)
        if len(set(found)) < len(found):
            for item, count in Counter(found).items():
                if count > 1:
                    self.mistake(path, f"'{range_text(item)}' stands here twice; take one out.")
        return found

    def addresses(self, path: Path_) -> PrefixSet:
        return PrefixSet.of(self.ranges(path, _server))

    def date(self, path: Path_) -> datetime.date | None:
        text = self.at(path, str, None)
        if text is None:
            return None
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            self.mistake(path, f"{shown(text)} is no day of the calendar; write a date as 2019-03-01.")
            return None

    def policy(self) -> Policy | None:
        pools, pool_ranges = self.pools()
        servers = self.mail_servers()
        partners = self.partners()
        self.closed_servers(servers, partners)
        # What lies inside a pool is only known when every pool could be read; one mistake is not told twice.
        pools_read = not any(path[:1] == ("pools",) for path in self.bad)
        exemptions = self.exemptions(union(p.prefixes for p in pools.values()) if pools_read else NOTHING)
        if pools_read:
            self.servers_outside_of_pools(pool_ranges, servers, partners, exemptions)
        destinations = self.destinations()
        waves = self.waves(pools, {c.name for c in destinations})
        holds = self.holds(pools, [wave.name for wave in waves])
        observe = self.observe_sources()
        targets = self.probe_targets(pools)
        if self.mistakes:
            return None
        limit = self.at(("limit",), dict, {"per_minute": 10})
        return Policy(
            today=self.today,
            operator=self.at(("operator",), dict, {}),
            pools=pools,
            mail_servers=servers,
            partners=partners,
            exemptions=exemptions,
            destinations=destinations,
            waves=waves,
            holds=holds,
            reject=self.at(("reject",), str, "tcp-reset"),
            limit=Limit(limit["per_minute"], limit.get("burst", 5)),
            return_rule=self.at(("return_rule",), bool, True),
            observe_sources=observe,
            probe_targets=targets,
            warnings=tuple(self.warnings),
        )

    def pools(self) -> tuple[dict[str, Pool], dict[Range, str]]:
        owner: dict[Range, str] = {}
        for name, path in self.section("pools"):
            if name == "all":
                self.mistake(path, "'all' means every pool in a wave; give this pool another name.")
            for item in dict.fromkeys(self.ranges((*path, "prefixes"), _customers)):
                if item in owner:
                    self.mistake(
                        (*path, "prefixes"),
                        f"'{range_text(item)}' is also in pool {owner[item]}; leave it in one of them.",
                    )
                owner.setdefault(item, name)
            self.bare_addresses(path)
        sets = longest_match(owner)
        pools = {
            name: Pool(name, sets.get(name, NOTHING), self.at((*path, "area"), str, None), self.at((*path, "line"), str, None))
            for name, path in self.section("pools")
        }
        self.pools_in_pools(pools, owner)
        return pools, owner

    def bare_addresses(self, path: Path_) -> None:
        bare = [text for text in self.at((*path, "prefixes"), list, []) if isinstance(text, str) and "/" not in text]
        if bare:
            first = f"{bare[0]}/{128 if ':' in bare[0] else 32}"
            more = f" and {len(bare) - 1} more have" if len(bare) > 1 else " has"
            self.warn(
                (*path, "prefixes"),
                f"{shown(bare[0])}{more} no prefix length, and is read as one address; write {first} if that is meant.",
            )

    def pools_in_pools(self, pools: Mapping[str, Pool], owner: Mapping[Range, str]) -> None:
        inner: dict[str, list[Range]] = {}
        for item, outer in nested(owner):
            inner.setdefault(owner[outer], []).append(item)
        for name in pools:
            if name not in inner:
                continue
            first, *more = inner[name]
            names = list(dict.fromkeys(owner[item] for item in inner[name]))
            others = _few(names)
            self.warn(
                ("pools", name),
                f"{range_text(first)}{f' and {len(more)} more' if more else ''} of {'the pools' if len(names) > 1 else 'pool'} "
                f"{others} {'lie' if more else 'lies'} inside it, and the longest match counts: these addresses belong to "
                f"{others}, and {'no longer' if pools[name].prefixes else 'none is left'} to {name}.",
            )

    def mail_servers(self) -> dict[str, MailServer]:
        servers = {}
        for name, path in self.section("mail_servers"):
            until = self.date((*path, "port25_from_pools_until"))
            is_open = self.at((*path, "port25_from_pools"), bool, True)
            if until and not is_open:
                self.mistake(
                    (*path, "port25_from_pools_until"),
                    f"{until} says until when port 25 is open, but port25_from_pools is false; take one of them out.",
                )
            role = self.at((*path, "role"), str, "mx")
            servers[name] = MailServer(name, self.addresses((*path, "addresses")), role, is_open, until)
        return servers

    def partners(self) -> dict[str, Partner]:
        return {
            name: Partner(name, self.addresses((*path, "addresses")), self.date((*path, "until")))
            for name, path in self.section("partners")
        }

    def closed_servers(self, servers: Mapping[str, MailServer], partners: Mapping[str, Partner]) -> None:
        """What is said of a server whose port 25 pools no longer reach, or still do by another's name."""
        known = [
            (("mail_servers", s.name, "port25_from_pools_until"), s.addresses, s.port25_from_pools, s.open_until)
            for s in servers.values()
        ]
        known += [(("partners", p.name, "until"), p.addresses, True, p.until) for p in partners.values()]
        opened = [(path, addresses) for path, addresses, is_open, until in known if is_open and lasts(until, self.today)]
        for path, addresses, is_open, until in known:
            if is_open and lasts(until, self.today):
                continue
            shared = [(_key(other[:2]), both) for other, theirs in opened if (both := addresses & theirs)]
            if is_open and addresses - union(both for _other, both in shared):
                self.warn(path, f"since {until} has passed, pools no longer reach port 25 of {path[1]}.")
            for other, both in shared:
                self.warn(
                    (*path[:2], "addresses"),
                    f"pools still reach port 25 of {_few(both.texts())}, which stands in {other}, too; take it out there "
                    "if port 25 is to be closed.",
                )

    def exemptions(self, pools: PrefixSet) -> tuple[Exemption, ...]:
        result = []
        taken: dict[Range, int] = {}
        for index, item in enumerate(self.at(("exemptions",), list, [])):
            path: Path_ = ("exemptions", index)
            if not isinstance(item, dict):
                continue
            where = (*path, "prefixes")
            ranges = self.ranges(where, _customers)
            for one in ranges:
                if pools and PrefixSet.of([one]) - pools:
                    self.mistake(
                        where,
                        f"'{range_text(one)}' is outside of every pool, where nothing is blocked; "
                        "write a prefix inside one pool, or take the exemption out.",
                    )
                if one in taken and taken[one] != index:
                    self.mistake(
                        where,
                        f"'{range_text(one)}' is already exempted by {_key(('exemptions', taken[one]))}; leave one of them.",
                    )
                taken.setdefault(one, index)
            until = self.date((*path, "until"))
            get = item.get
            exemption = Exemption(
                PrefixSet.of(ranges), str(get("who")), str(get("why")), until, str(get("ticket")) if "ticket" in item else None
            )
            if until and until < self.today:
                self.warn(
                    (*path, "until"),
                    f"the exemption of {exemption.who} "
                    f"({', '.join(exemption.prefixes.texts())}) ended on {until} and is blocked again; "
                    "extend its date or take it out.",
                )
            result.append(exemption)
        return tuple(result)

    def servers_outside_of_pools(
        self,
        pool_ranges: Mapping[Range, str],
        servers: Mapping[str, MailServer],
        partners: Mapping[str, Partner],
        exemptions: Sequence[Exemption],
    ) -> None:
        """A server inside a pool would lose its own outgoing mail, unless an exemption says that it is meant."""
        inside = PrefixSet.of(pool_ranges) - union(e.prefixes for e in exemptions)
        for section, named in (("mail_servers", servers), ("partners", partners)):
            for name, server in named.items():
                for family in (4, 6):
                    for hit in (server.addresses & inside).ranges(family):
                        pool = min(
                            (r.last - r.first, n)
                            for r, n in pool_ranges.items()
                            if r.family == family and r.first <= hit.last and hit.first <= r.last
                        )[1]
                        self.mistake(
                            (section, name, "addresses"),
                            f"'{range_text(hit)}' lies in pool {pool}, whose customers are blocked; "
                            "take it out of the pool, or exempt it if the server really stands there.",
                        )

    def destinations(self) -> tuple[DestinationClass, ...]:
        classes = []
        owner: dict[Range, str] = {}
        before = NOTHING
        for name, path in self.section("destinations"):
            if name == ANY:
                self.mistake(path, "'any' is every address that no other class names; give this class another name.")
            ranges = self.ranges((*path, "prefixes"), _outside)
            for item in dict.fromkeys(ranges):
                if item in owner:
                    self.mistake(
                        (*path, "prefixes"),
                        f"'{range_text(item)}' is also in class {owner[item]}; leave it in one of them.",
                    )
                owner.setdefault(item, name)
            whole = PrefixSet.of(ranges)
            if whole and whole <= before:
                self.warn(
                    path,
                    "the classes before this one hold all of its addresses, and the first that holds an address counts, "
                    "so that nothing is left to it; put it before them, or take it out.",
                )
            before |= whole
            classes.append(DestinationClass(name, whole))
        return tuple(classes)

    def waves(self, pools: Mapping[str, Pool], classes: set[str]) -> tuple[Wave, ...]:
        areas = {pool.area for pool in pools.values() if pool.area}
        known_pools = list(self.at(("pools",), dict, {}))
        waves: list[Wave] = []
        names: set[str] = set()
        for index, item in enumerate(self.at(("waves",), list, [])):
            path: Path_ = ("waves", index)
            if not isinstance(item, dict):
                continue
            name = self.at((*path, "name"), str, "")
            if name in names:
                self.mistake((*path, "name"), f"a wave before this one is already named '{name}'; rename one of them.")
            if name == NO_WAVE:
                self.mistake((*path, "name"), "'none' means the state before the first wave; rename this wave.")
            names.add(name)
            date = self.date((*path, "date"))
            if date and waves and date < waves[-1].date:
                self.mistake(
                    (*path, "date"),
                    f"{date} is before {waves[-1].date}, the date of the wave '{waves[-1].name}' that comes first; "
                    "put the waves in the order of their dates.",
                )
            chosen = self.chosen_pools(item, path, pools, areas, known_pools)
            destinations = self.at((*path, "destinations"), list, [])
            for place, one in enumerate(destinations):
                if isinstance(one, str) and one != ANY and one not in classes and self.usable((*path, "destinations", place)):
                    self.mistake(
                        (*path, "destinations", place),
                        f"no destination class is named '{one}'. {like(one, [*sorted(classes), ANY])}.",
                    )
            action = self.at((*path, "action"), str, "observe")
            waves.append(
                Wave(
                    name,
                    date or (waves[-1].date if waves else datetime.date.min),
                    chosen,
                    () if ANY in destinations else tuple(map(str, destinations)),
                    action,
                )
            )
        return tuple(waves)

    def chosen_pools(
        self, item: Mapping[str, Any], path: Path_, pools: Mapping[str, Pool], areas: set[str], known: list[str]
    ) -> tuple[str, ...]:
        if ("pools" in item) == ("areas" in item):
            self.mistake(path, "a wave names either its pools or its areas; write pools: all, pools: [...] or areas: [...].")
            return ()
        if item.get("pools") == "all":
            return tuple(pools)
        names = self.at((*path, "pools"), list, [])
        for place, one in enumerate(names):
            # Without any pool, that is the one mistake.
            if known and isinstance(one, str) and one not in known and self.usable((*path, "pools", place)):
                self.mistake((*path, "pools", place), f"no pool is named '{one}'. {like(one, known)}.")
        wanted = self.at((*path, "areas"), list, [])
        for place, one in enumerate(wanted):
            if isinstance(one, str) and one not in areas and self.usable((*path, "areas", place)):
                self.mistake((*path, "areas", place), f"no pool has the area '{one}'. {like(one, sorted(areas))}.")
        return tuple(name for name, pool in pools.items() if name in names or (pool.area and pool.area in wanted))

    def holds(self, pools: Mapping[str, Pool], waves: list[str]) -> dict[str, Hold]:
        found = {}
        for pool, path in self.section("holds"):
            wave = self.at((*path, "wave"), str, NO_WAVE)
            if pools and pool not in pools and self.usable(path):
                self.mistake(path, f"no pool is named '{pool}'. {like(pool, pools)}.")
            if wave not in (NO_WAVE, *waves):
                self.mistake((*path, "wave"), f"no wave is named '{wave}'. {like(wave, [NO_WAVE, *waves])}.")
            found[pool] = Hold(pool, wave, self.at((*path, "why"), str, ""))
        return found

    def observe_sources(self) -> ObserveSources | None:
        path: Path_ = ("observe_sources",)
        if not self.at(path, dict, None):
            return None
        until = self.date((*path, "until"))
        if until is None:
            return None
        if until < self.today:
            self.warn((*path, "until"), f"{until} has passed, so sources are no longer kept and what was kept is deleted.")
            return None
        get = self.at(path, dict, {}).get
        return ObserveSources(str(get("purpose")), until, get("hours", 24), get("max_entries", 65536))

    def probe_targets(self, pools: Mapping[str, Pool]) -> tuple[ProbeTarget, ...]:
        targets = []
        families = {family for family in FAMILIES for pool in pools.values() if pool.prefixes.spans(family)}
        for name, path in self.section("probe_targets"):
            ranges = self.ranges((*path, "addresses"), _server)
            ports = tuple(p for p in self.at((*path, "ports"), list, []) if isinstance(p, int))
            if ranges and not any(item.family in families for item in ranges):
                self.warn(
                    (*path, "addresses"),
                    f"no pool has IPv{ranges[0].family} addresses, so no probe host in a pool tries this target; "
                    f"write an IPv{10 - ranges[0].family} address of it, too.",
                )
            targets.append(ProbeTarget(name, tuple(Address(r.family, r.first) for r in ranges), ports))
        return tuple(targets)


def wave_index(policy: Policy, wave: str) -> int:
    """How many waves are reached at this wave: 0 for `none`; raises Op25bError for an unknown name."""
    if wave == NO_WAVE:
        return 0
    names = [w.name for w in policy.waves]
    if wave not in names:
        raise Op25bError(f"op25b_wave: no wave of the policy is named '{wave}'. {like(wave, [NO_WAVE, *names])}.")
    return names.index(wave) + 1
