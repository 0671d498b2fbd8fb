# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialect of a Linux edge: one nftables table of our own, `inet op25b`.

The operator's tables are never read and never written. Rules are kept as the words in which `nft list` prints
them; a device is compared by the structure of `nft -j`, which is translated to the same words. Sources: nft(8),
libnftables-json(5).

    forward     own base chain, before the operator's: an accept of theirs cannot skip it, its accept skips none of theirs
    outbound    what goes to port 25: uplink, exempted, permitted, then the pool
    out.P       the pool's destination classes; out.P.C counts new connections (SYN) and acts
    inbound     what comes from port 25, likewise, with in.P and in.P.C (SYN-ACK)
    fragments   IPv6 first fragments that end before the TCP ports, so that a header in the second fragment
                cannot pass unseen. Defragmenting would need connection tracking, which an edge that carries
                thousands of homes must not get from us.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..acl import DEFAULT_REJECT, Acl, PoolAcl, Seen
from ..errors import Op25bError
from ..plan import Plan
from ..policy import ANY, Limit
from ..prefixes import BITS, PrefixSet, Range, parse_address, parse_prefix, range_text

NAME = "nftables"
NETWORK_OS = frozenset({""})
TABLE = "inet op25b"
BASE = "type filter hook forward priority filter - 10; policy accept;"
RATE_TIMEOUT = 300
"""Seconds after which a quiet source's rate is forgotten: longer than any burst takes to refill at one a minute."""
RATE_SIZE = 65536
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_IP = {4: "ip", 6: "ip6"}
_REJECT = {"tcp-reset": "reject with tcp reset", "admin-prohibited": "reject with icmpx admin-prohibited", "drop": "drop"}
_SYN = "tcp flags syn / syn,ack"
_SYNACK = "tcp flags syn,ack / syn,ack"
_CHUNK = 500
_SHOWN = 100
_FEW = 8
"""Deleting more elements than this takes longer than filling the set anew (500 of 65,536: 47 s against 1 s)."""

Element = Range | str
"""An element of a set: a range of addresses, or the name of an interface."""


@dataclass(frozen=True)
class NftSet:
    """A named set; `elements` is empty for a dynamic one, whose contents are the kernel's own."""

    type: str
    dynamic: bool = False
    timeout: int | None = None
    size: int | None = None
    elements: frozenset[Element] = frozenset()

    def same_kind(self, other: NftSet) -> bool:
        """Whether both differ in nothing but elements, which can be changed in place."""
        return (self.type, self.dynamic, self.timeout, self.size) == (other.type, other.dynamic, other.timeout, other.size)

    def definition(self) -> list[str]:
        """The lines of its declaration, without elements."""
        lines = [f"type {self.type}"]
        if self.size is not None:
            lines.append(f"size {self.size}")
        lines.append("flags dynamic,timeout" if self.dynamic else "flags interval")
        if self.timeout is not None:
            lines.append(f"timeout {_duration(self.timeout)}")
        return lines

    def texts(self) -> list[str]:
        """Its elements as text, addresses in order."""
        return _element_texts(self.elements)


@dataclass(frozen=True)
class Chain:
    """A chain: its rules as text, and for a base chain its hook."""

    rules: tuple[str, ...] = ()
    base: str | None = None


@dataclass(frozen=True)
class Ruleset:
    """The table's contents; `packets` holds the counters' numbers where they were read from a device.

    `interfaces` are the names of that device's interfaces, each with the one that the kernel compares with a rule.
    """

    counters: frozenset[str] = frozenset()
    sets: Mapping[str, NftSet] = field(default_factory=dict)
    chains: Mapping[str, Chain] = field(default_factory=dict)
    packets: Mapping[str, int] = field(default_factory=dict, compare=False)
    seen: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict, compare=False)
    interfaces: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __bool__(self) -> bool:
        return bool(self.chains or self.sets or self.counters)


EMPTY = Ruleset()


def _element_texts(elements: Iterable[Element]) -> list[str]:
    names = sorted(f'"{e}"' for e in elements if isinstance(e, str))
    return names + [range_text(e) for e in sorted(e for e in elements if isinstance(e, Range))]


def _duration(seconds: int) -> str:
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text


# --- Acl → Ruleset ---------------------------------------------------------------------------------------------


def build(acl: Acl) -> Ruleset:
    """The table for an Acl; empty where nothing is to be enforced."""
    if not acl.pools:
        return EMPTY
    counters: list[str] = []
    sets: dict[str, NftSet] = {"uplinks": NftSet("ifname", elements=frozenset(acl.uplinks))}
    if acl.checked_interfaces:
        sets["checked"] = NftSet("ifname", elements=frozenset(acl.checked_interfaces))
    for pool in acl.pools:
        sets[f"iif.{pool.name}"] = NftSet("ifname", elements=frozenset(pool.interfaces))
        _address_sets(sets, f"pool.{pool.name}", pool.prefixes)
    for name, prefixes in acl.classes:
        _address_sets(sets, f"class.{name}", prefixes)
    _address_sets(sets, "exempted", acl.exempted)
    _address_sets(sets, "permitted", acl.permitted)

    forward = ["tcp dport 25 jump outbound", *(["tcp sport 25 jump inbound"] if acl.return_rule else [])]
    chains: dict[str, Chain] = {"forward": Chain(), "outbound": Chain(tuple(_outbound(acl)))}
    if acl.return_rule:
        chains["inbound"] = Chain(tuple(_inbound(acl)))
    if "block" in acl.actions():
        forward.append("exthdr frag exists jump fragments")
        chains["fragments"] = Chain(
            ("frag frag-off != 0 return", "meta l4proto != tcp return", "th sport >= 0 return", "jump outbound")
        )
        counters.append("fragments")
    chains["forward"] = Chain(tuple(forward), BASE)
    for direction in ("out", "in") if acl.return_rule else ("out",):
        for pool in acl.pools:
            chains[f"{direction}.{pool.name}"] = Chain(tuple(_classes(direction, pool)))
            for name, action in pool.terms:
                if action == "pass":
                    continue
                label = f"{direction}.{pool.name}.{name}"
                counters.append(label)
                chains[label] = Chain(tuple(_act(acl, direction, label, name, action)))
                if action == "limit":
                    for family in _IP:
                        sets[f"rate.{label}.v{family}"] = NftSet(_TYPES[family], True, RATE_TIMEOUT, RATE_SIZE)
                if action == "observe" and acl.seen and direction == "out":
                    for family in _IP:
                        sets[f"seen.{name}.v{family}"] = NftSet(_TYPES[family], True, acl.seen.hours * 3600, acl.seen.max_entries)
    return Ruleset(frozenset(counters), sets, chains)


def _address_sets(sets: dict[str, NftSet], name: str, prefixes: PrefixSet) -> None:
    for family in _IP:
        sets[f"{name}.v{family}"] = NftSet(_TYPES[family], elements=frozenset(prefixes.ranges(family)))


def _outbound(acl: Acl) -> Iterator[str]:
    yield "oifname != @uplinks return"
    if acl.checked_interfaces:
        yield "iifname @checked fib saddr . iif oif missing drop"
    for family, ip in _IP.items():
        yield f"{ip} saddr @exempted.v{family} return"
        yield f"{ip} daddr @permitted.v{family} return"
    for pool in acl.pools:
        for family, ip in _IP.items():
            yield f"iifname @iif.{pool.name} {ip} saddr @pool.{pool.name}.v{family} goto out.{pool.name}"


def _inbound(acl: Acl) -> Iterator[str]:
    yield "iifname != @uplinks return"
    for family, ip in _IP.items():
        yield f"{ip} daddr @exempted.v{family} return"
        yield f"{ip} saddr @permitted.v{family} return"
    for pool in acl.pools:
        for family, ip in _IP.items():
            yield f"{ip} daddr @pool.{pool.name}.v{family} goto in.{pool.name}"


def _classes(direction: str, pool: PoolAcl) -> Iterator[str]:
    side = "daddr" if direction == "out" else "saddr"
    for name, action in pool.terms:
        target = "return" if action == "pass" else f"goto {direction}.{pool.name}.{name}"
        if name != ANY:
            for family, ip in _IP.items():
                yield f"{ip} {side} @class.{name}.v{family} {target}"
        elif action != "pass":
            yield target


def _act(acl: Acl, direction: str, label: str, name: str, action: str) -> Iterator[str]:
    out = direction == "out"
    new, side, turn_away = (_SYN, "saddr", _REJECT[acl.reject]) if out else (_SYNACK, "daddr", "drop")
    yield f'{new} counter name "{label}"'
    if action == "observe" and acl.seen and out:
        for family, ip in _IP.items():
            yield f"{new} add @seen.{name}.v{family} {{ {ip} {side} counter }}"
    elif action == "limit" and acl.limit:
        rate = _rate(acl.limit.per_minute, "minute", acl.limit.burst)
        for family, ip in _IP.items():
            yield f"{new} update @rate.{label}.v{family} {{ {ip} {side} {rate} }} {turn_away}"
    elif action == "block" and out:
        yield f"tcp dport 25 {turn_away}"
        yield 'counter name "fragments" drop'
    elif action == "block":
        yield "drop"


def _rate(rate: int, per: str, burst: int) -> str:
    # nft leaves its default burst of 5 unsaid.
    return f"limit rate over {rate}/{per}" + (f" burst {burst} packets" if burst != 5 else "")


# --- Ruleset → text --------------------------------------------------------------------------------------------


def text(ruleset: Ruleset) -> str:
    """The table as `nft list table` shows it, ready for `nft -f`; empty where nothing is to be enforced."""
    if not ruleset:
        return ""
    blocks = [["counter " + name + " {", "}"] for name in sorted(ruleset.counters)]
    for name, item in ruleset.sets.items():
        lines = item.definition()
        if elements := item.texts():
            head = "elements = { "
            wide = 2 if item.type == _TYPES[4] else 1
            pairs = [", ".join(elements[i : i + wide]) for i in range(0, len(elements), wide)]
            indent = "\t" * (len(head) // 8) + " " * (len(head) % 8)
            lines.append(head + f",\n\t\t{indent}".join(pairs) + " }")
        blocks.append([f"set {name} {{", *(f"\t{line}" for line in lines), "}"])
    for name, chain in ruleset.chains.items():
        lines = [*([chain.base] if chain.base else []), *chain.rules]
        blocks.append([f"chain {name} {{", *(f"\t{line}" for line in lines), "}"])
    body = "\n\n".join("\n".join(f"\t{line}" for line in block) for block in blocks)
    return f"table {TABLE} {{\n{body}\n}}\n"


def render(acl: Acl) -> str:
    """An Acl as nftables text."""
    return text(build(acl))


# --- device or text → Ruleset ----------------------------------------------------------------------------------


def from_json(listing: str) -> Ruleset:
    """Read `nft -j list table inet op25b`; what we would never write is kept as a word that compares unequal."""
    counters: list[str] = []
    packets: dict[str, int] = {}
    sets: dict[str, NftSet] = {}
    seen: dict[str, tuple[tuple[str, int], ...]] = {}
    bases: dict[str, str | None] = {}
    rules: dict[str, list[str]] = {}
    for item in json.loads(listing)["nftables"]:
        ((kind, value),) = item.items()
        if kind == "counter":
            counters.append(value["name"])
            packets[value["name"]] = value["packets"]
        elif kind == "set":
            sets[value["name"]] = _set_from_json(value)
            if value["name"].startswith("seen."):
                seen[value["name"]] = tuple(_seen_element(e) for e in value.get("elem", ()))
        elif kind == "chain":
            bases[value["name"]] = _base_from_json(value)
            rules[value["name"]] = []
        elif kind == "rule":
            rules[value["chain"]].append(_rule_from_json(value))
        elif kind not in ("metainfo", "table"):
            sets[f"{value.get('name', '?')}"] = NftSet(f"{kind} {json.dumps(value, sort_keys=True)}")
    return Ruleset(frozenset(counters), sets, {n: Chain(tuple(rules[n]), bases[n]) for n in bases}, packets, seen)


def _base_from_json(value: Mapping[str, Any]) -> str | None:
    if "hook" not in value:
        return None
    if (value["type"], value["hook"], value["prio"], value["policy"]) == ("filter", "forward", -10, "accept"):
        return BASE
    return f"type {value['type']} hook {value['hook']} priority {value['prio']}; policy {value['policy']};"


def _set_from_json(value: Mapping[str, Any]) -> NftSet:
    kind = value["type"] if isinstance(value["type"], str) else json.dumps(value["type"])
    flags = set(value.get("flags", ()))
    if flags - {"dynamic"} == {"timeout"}:
        return NftSet(kind, True, value.get("timeout"), value.get("size"))
    extra = "" if flags == {"interval"} and not value.get("auto-merge") else f" flags {','.join(sorted(flags)) or 'none'}"
    return NftSet(
        kind + extra,
        False,
        value.get("timeout"),
        value.get("size"),
        frozenset(_element_from_json(e) for e in value.get("elem", ())),
    )


def _element_from_json(value: Any) -> Element:
    if isinstance(value, str):
        return _element(value)
    if "prefix" in value:
        return parse_prefix(f"{value['prefix']['addr']}/{value['prefix']['len']}")
    if "range" in value:
        first, last = (parse_address(text) for text in value["range"])
        return Range(first.family, first.value, last.value)
    return json.dumps(value, sort_keys=True)


def _element(text_: str) -> Element:
    try:
        return parse_prefix(text_)
    except ValueError:
        return text_


def _seen_element(value: Any) -> tuple[str, int]:
    element = value["elem"] if isinstance(value, dict) else {"val": value}
    return str(element["val"]), int((element.get("counter") or {}).get("packets", 0))


def _rule_from_json(rule: Mapping[str, Any]) -> str:
    try:
        words = [_expression(*next(iter(e.items()))) for e in rule["expr"]]
    except (KeyError, TypeError, ValueError, StopIteration):
        words = [f"unknown {json.dumps(rule['expr'], sort_keys=True)}"]
    if "comment" in rule:
        words.append(f'comment "{rule["comment"]}"')
    return " ".join(words)


def _expression(kind: str, value: Any) -> str:
    if kind == "match":
        return _match(value)
    if kind in ("jump", "goto"):
        return f"{kind} {value['target']}"
    if kind in ("drop", "accept", "return"):
        return kind
    if kind == "counter":
        return f'counter name "{value}"' if isinstance(value, str) else "counter"
    if kind == "reject":
        return "reject with tcp reset" if value == {"type": "tcp reset"} else f"reject with {value['type']} {value['expr']}"
    if kind == "set":
        (statement,) = value["stmt"]
        ((name, body),) = statement.items()
        if name == "limit" and body.get("inv"):
            inner = _rate(body["rate"], body["per"], body["burst"])
        elif name == "counter":
            inner = "counter"
        else:
            raise ValueError(name)
        return f"{value['op']} {value['set']} {{ {_left(value['elem'])} {inner} }}"
    raise ValueError(kind)


def _match(value: Mapping[str, Any]) -> str:
    left, right, op = _left(value["left"]), value["right"], value["op"]
    if left.startswith("fib "):
        return f"{left} {'exists' if right else 'missing'}"
    if right is True:
        return f"exthdr {left} exists"
    if left.startswith("tcp flags / "):
        return f"tcp flags {_flags(right)} / {left[len('tcp flags / ') :]}"
    return f"{left} {right}" if op == "==" else f"{left} {op} {right}"


def _left(value: Mapping[str, Any]) -> str:
    ((kind, item),) = value.items()
    if kind == "payload":
        return f"{item['protocol']} {item['field']}"
    if kind == "meta":
        return str(item["key"]) if item["key"] in ("iifname", "oifname") else f"meta {item['key']}"
    if kind == "exthdr":
        return f"{item['name']} {item['field']}" if "field" in item else str(item["name"])
    if kind == "fib":
        return f"fib {' . '.join(item['flags'])} {item['result']}"
    if kind == "&" and _left(item[0]) == "tcp flags":
        return f"tcp flags / {_flags(item[1])}"
    raise ValueError(kind)


def _flags(value: Any) -> str:
    # A list of flags came as [a, b] until nftables 1.0.6 and comes as {"|": [a, b]} since.
    names = value["|"] if isinstance(value, dict) else [value] if isinstance(value, str) else value
    return ",".join(sorted(names, key=("fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr").index))


_BLOCK = re.compile(r"^\t?(counter|set|chain) (\S+) \{\n(.*?)^\t?\}$", re.MULTILINE | re.DOTALL)


def interfaces(have: Ruleset) -> Mapping[str, str]:
    """The names of the device's interfaces; an alternative name (altname) is never what `iifname` meets."""
    return have.interfaces


def from_text(listing: str) -> Ruleset:
    """Read the table as `nft list table inet op25b` prints it, or as `text` wrote it."""
    counters: list[str] = []
    packets: dict[str, int] = {}
    sets: dict[str, NftSet] = {}
    chains: dict[str, Chain] = {}
    if not listing.strip():
        return EMPTY
    head = re.match(rf"\s*table {TABLE} \{{\n(.*)\n\}}\s*$", listing, re.DOTALL)
    if not head:
        raise Op25bError(
            f"running_config: this is not one table {TABLE}; give what `nft list table {TABLE}` prints, whole and as it is."
        )
    body = head.group(1)
    for kind, name, inner in _BLOCK.findall(body):
        lines = [line.strip() for line in inner.splitlines()]
        if kind == "counter":
            counters.append(name)
            found = re.search(r"packets (\d+)", inner)
            packets[name] = int(found.group(1)) if found else 0
        elif kind == "set":
            sets[name] = _set_from_text(inner)
        else:
            base = BASE if lines[:1] == [BASE] else next((x for x in lines[:1] if x.startswith("type ")), None)
            chains[name] = Chain(tuple(line for line in lines[1 if base else 0 :] if line), base)
    rest = _BLOCK.sub("", body).strip()
    if rest:
        raise Op25bError(
            f"running_config: '{rest.splitlines()[0].strip()}' is nothing that this table holds; give it as printed."
        )
    return Ruleset(frozenset(counters), sets, chains, packets)


def _set_from_text(inner: str) -> NftSet:
    def word(key: str) -> str | None:
        found = re.search(rf"^\s*{key} (.+)$", inner, re.MULTILINE)
        return found.group(1) if found else None

    size, timeout, flags = word("size"), word("timeout"), word("flags") or ""
    dynamic = "dynamic" in flags
    elements: frozenset[Element] = frozenset()
    if not dynamic and (found := re.search(r"elements = \{(.*?)\}", inner, re.DOTALL)):
        elements = frozenset(_element_from_text(e.strip()) for e in found.group(1).split(","))
    seconds = sum(int(n) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[u] for n, u in re.findall(r"(\d+)([dhms])", timeout or ""))
    return NftSet(word("type") or "", dynamic, seconds or None, int(size) if size else None, elements)


def _element_from_text(item: str) -> Element:
    if item.startswith('"'):
        return item.strip('"')
    first, dash, last = item.partition("-")
    if dash:
        return Range(parse_address(first).family, parse_address(first).value, parse_address(last).value)
    return _element(item)


# --- Ruleset → Acl ---------------------------------------------------------------------------------------------


def read(ruleset: Ruleset) -> tuple[Acl, list[str]]:
    """The Acl that a table enforces, and every line in which the table is not just what that Acl asks for."""
    acl = _recognise(ruleset)
    return acl, differences(ruleset, build(acl))


def parse(listing: str) -> tuple[Acl, list[str]]:
    """As `read`, from text or JSON of `nft list table`."""
    return read(from_json(listing) if listing.lstrip().startswith("{") else from_text(listing))


def _recognise(ruleset: Ruleset) -> Acl:
    names = sorted({n.split(".")[1] for n in ruleset.sets if n.startswith("pool.") and n.count(".") == 2})
    if not names:
        return Acl()
    limit: Limit | None = None
    reject = DEFAULT_REJECT
    pools = []
    classes: list[str] = []
    for name in names:
        terms: list[tuple[str, str]] = []
        rules = ruleset.chains.get(f"out.{name}", Chain()).rules
        for rule in rules:
            found = re.fullmatch(r"(?:ip daddr @class\.(\S+)\.v4 )?(?:return|goto \S+)", rule)
            destination = (found.group(1) or ANY) if found else ""
            if not found or destination in dict(terms):
                continue
            if rule.endswith("return"):
                terms.append((destination, "pass"))
                continue
            body = ruleset.chains.get(f"out.{name}.{destination}", Chain()).rules
            terms.append((destination, _action(body)))
            for line in body:
                if turned := re.search(r"^(?:tcp dport 25|.*limit rate .* \}) (reject .*|drop)$", line):
                    reject = next((k for k, v in _REJECT.items() if v == turned.group(1)), reject)
                if rate := re.search(r"limit rate over (\d+)/minute(?: burst (\d+) packets)?", line):
                    limit = limit or Limit(int(rate.group(1)), int(rate.group(2) or 5))
        if ANY not in dict(terms):
            terms.append((ANY, "pass"))
        if len(terms) > len(classes):
            classes = [n for n, _action_ in terms if n != ANY]
        pools.append(PoolAcl(name, _addresses(ruleset, f"pool.{name}"), _interfaces(ruleset, f"iif.{name}"), tuple(terms)))
    seen = next((s for n, s in ruleset.sets.items() if n.startswith("seen.")), None)
    return Acl(
        pools=tuple(pools),
        classes=tuple((name, _addresses(ruleset, f"class.{name}")) for name in classes),
        permitted=_addresses(ruleset, "permitted"),
        exempted=_addresses(ruleset, "exempted"),
        uplinks=_interfaces(ruleset, "uplinks"),
        checked_interfaces=_interfaces(ruleset, "checked"),
        reject=reject,
        limit=limit,
        return_rule="inbound" in ruleset.chains,
        seen=Seen((seen.timeout or 0) // 3600, seen.size or 0) if seen else None,
    )


def _action(body: Sequence[str]) -> str:
    if any("limit rate" in rule for rule in body):
        return "limit"
    return "block" if any(rule.startswith("tcp dport 25 ") for rule in body) else "observe"


def _addresses(ruleset: Ruleset, name: str) -> PrefixSet:
    found = (ruleset.sets.get(f"{name}.v{family}") for family in BITS)
    return PrefixSet.of(e for one in found if one for e in one.elements if isinstance(e, Range))


def _interfaces(ruleset: Ruleset, name: str) -> tuple[str, ...]:
    return tuple(sorted(e for e in ruleset.sets.get(name, NftSet("")).elements if isinstance(e, str)))


def counts(ruleset: Ruleset) -> dict[str, Any]:
    """The counters of a device: new connections (SYN out, SYN-ACK in) for each pool and destination class."""
    pools: dict[str, Any] = {}
    for name, number in ruleset.packets.items():
        if name.count(".") == 2:
            direction, pool, destination = name.split(".")
            pools.setdefault(pool, {}).setdefault(destination, {})[direction] = number
    return {"pools": pools, "fragments": ruleset.packets.get("fragments", 0)}


def sources(ruleset: Ruleset) -> dict[str, dict[str, int]]:
    """Who was seen while observing: for each destination class, source address → packets."""
    result: dict[str, dict[str, int]] = {}
    for name, elements in ruleset.seen.items():
        if elements:
            result.setdefault(name.split(".")[1], {}).update(elements)
    return result


# --- have, want → Plan -----------------------------------------------------------------------------------------


def differences(have: Ruleset, want: Ruleset) -> list[str]:
    """Every difference in one line: where it is, then - what the device has or + what it should have."""
    return [f"{where}: {sign} {what}" for where, changes in _changes(have, want) for sign, what in changes]


def _changes(have: Ruleset, want: Ruleset) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name in sorted(have.counters ^ want.counters):
        yield f"counter {name}", [("-" if name in have.counters else "+", "counter")]
    for name in dict.fromkeys([*have.sets, *want.sets]):
        old, new = have.sets.get(name), want.sets.get(name)
        if old == new:
            continue
        lines = []
        if old is None or new is None or not old.same_kind(new):
            lines += [("-", "; ".join(old.definition()))] if old else []
            lines += [("+", "; ".join(new.definition()))] if new else []
        gone = (old.elements if old else frozenset()) - (new.elements if new else frozenset())
        come = (new.elements if new else frozenset()) - (old.elements if old else frozenset())
        for sign, elements in (("-", gone), ("+", come)):
            texts = _element_texts(elements)
            lines += [(sign, e) for e in texts[:_SHOWN]]
            if len(texts) > _SHOWN:
                lines.append((sign, f"… and {len(texts) - _SHOWN} more"))
        yield f"set {name}", lines
    for name in dict.fromkeys([*have.chains, *want.chains]):
        before, after = have.chains.get(name), want.chains.get(name)
        if before == after:
            continue
        lines = []
        old_lines = [*([before.base] if before.base else []), *before.rules] if before else []
        new_lines = [*([after.base] if after.base else []), *after.rules] if after else []
        if before is None or after is None:
            lines.append(("-" if before else "+", "chain"))
        lines += [(line[0], line[2:]) for line in difflib.ndiff(old_lines, new_lines) if line[0] in "-+"]
        yield f"chain {name}", lines


def diff(have: Ruleset, want: Ruleset) -> Plan:
    """The smallest change from one table to the other, as one nft transaction.

    The chain that holds the hook keeps standing while rules and elements are exchanged: deleting and adding a table
    in one transaction lets connections through while its hook is registered anew.
    """
    changes = list(_changes(have, want))
    shown = [f"--- {TABLE} on the device", f"+++ {TABLE} by the policy"] if changes else []
    for where, lines in changes:
        shown += [f"@@ {where}", *(f"{sign} {what}" for sign, what in lines)]
    added, removed = _moved(have, want), _moved(want, have)
    return Plan(
        commands=tuple(_commands(have, want)),
        rollback=tuple(_commands(want, have)),
        diff="\n".join(shown) + "\n" if shown else "",
        added=added,
        removed=removed,
    )


def _moved(old: Ruleset, new: Ruleset) -> int:
    elements = sum(
        len(item.elements - (old.sets[name].elements if name in old.sets else frozenset())) for name, item in new.sets.items()
    )
    rules = 0
    for name, chain in new.chains.items():
        stay = list(old.chains[name].rules) if name in old.chains else []
        for rule in chain.rules:
            if rule in stay:
                stay.remove(rule)
            else:
                rules += 1
    return elements + rules


def _commands(old: Ruleset, new: Ruleset) -> Iterator[str]:
    if old == new:
        return
    if not new:
        yield f"delete table {TABLE}"
        return
    if not old:
        yield f"add table {TABLE}"
    recast = [n for n, s in old.sets.items() if n in new.sets and not s.same_kind(new.sets[n])]
    rehooked = [n for n, c in old.chains.items() if n in new.chains and c.base != new.chains[n].base]
    # A set can only be replaced, and a chain only be removed, when no rule names it any more.
    refill = [n for n, c in old.chains.items() if recast or rehooked or c != new.chains.get(n)]
    yield from (f"flush chain {TABLE} {n}" for n in refill)
    yield from (f"delete chain {TABLE} {n}" for n in old.chains if n not in new.chains or n in rehooked)
    yield from (f"delete set {TABLE} {n}" for n in old.sets if n not in new.sets or n in recast)
    yield from (f"delete counter {TABLE} {n}" for n in sorted(old.counters - new.counters))
    yield from (f"add counter {TABLE} {n}" for n in sorted(new.counters - old.counters))
    for name, item in new.sets.items():
        yield from _fill(name, None if name in recast else old.sets.get(name), item)
    for name, chain in new.chains.items():
        if name not in old.chains or name in rehooked:
            yield f"add chain {TABLE} {name}" + (f" {{ {chain.base} }}" if chain.base else "")
    for name, chain in new.chains.items():
        if name not in old.chains or name in refill:
            yield from (f"add rule {TABLE} {name} {rule}" for rule in chain.rules)


def _fill(name: str, before: NftSet | None, after: NftSet) -> Iterator[str]:
    if before is None:
        yield f"add set {TABLE} {name} {{ {'; '.join(after.definition())}; }}"
        before = NftSet(after.type)
    gone = before.elements - after.elements
    if (gone and after.type == "ifname") or len(gone) > _FEW:
        # nft 1.0.6 cannot delete a name that ends in *, and walks the whole set for every element that it deletes.
        yield f"flush set {TABLE} {name}"
        before = NftSet(after.type)
    for verb, elements in (("delete", before.elements - after.elements), ("add", after.elements - before.elements)):
        texts = _element_texts(elements)
        for at in range(0, len(texts), _CHUNK):
            yield f"{verb} element {TABLE} {name} {{ {', '.join(texts[at : at + _CHUNK])} }}"
