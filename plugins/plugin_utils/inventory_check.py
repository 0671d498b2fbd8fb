# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong before a device is asked: inputs, policy, edges, probe hosts and relays, held against each other.

All mistakes are found in one pass, and each is one sentence, however many hosts have it.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import ModuleType
from typing import Any

from . import dialects, inputs, phase, policy, rollout
from .acl import bound
from .errors import Op25bError, PolicyError
from .policy import ROOT, Policy, like
from .prefixes import FAMILIES, parse_address

EDGES, PROBES, RELAYS = inputs.EDGE, inputs.PROBE, inputs.RELAY
POLICY = "policy"
PARTS = (POLICY, EDGES, PROBES, RELAYS)
"""What a playbook may need of an inventory, beside single inputs."""
PHASE = "op25b_phase"
"""What the inventory of a phase says of itself: wave, edges, pairs, probes, relays."""
PLAIN = (
    *("ansible_network_os", "ansible_connection", "ansible_network_cli_ssh_type"),
    *("ansible_host", "ansible_port", "ansible_user", PHASE),
)
"""The variables of hosts that are looked at and are no inputs."""
_NEAR = 0.8
_LIBRARIES = {"network_cli": {"libssh": "ansible-pylibssh", "paramiko": "paramiko"}, "netconf": {"": "ncclient"}}
"""For each connection that keeps a session, the Python libraries that it takes, by its own name for the choice."""
_MODULES = {"ansible-pylibssh": "pylibsshext"}
_OURS = "ccsnet.op25b"


@dataclass(frozen=True)
class Unreadable:
    """In place of a variable whose template or vault gives no value: why, as the end of a sentence."""

    why: str


@dataclass(frozen=True)
class Controller:
    """What the controller has: a connection where a host names none, and whether it lacks a thing of some kind.

    `lacks` takes `collection`, `library` (a Python module) or `connection` (a plugin), and a name. `unreadable` says why a file
    cannot be read as text, or nothing.
    """

    connection: str
    lacks: Callable[[str, str], bool]
    unreadable: Callable[[str], str | None]


@dataclass(frozen=True)
class Inventory:
    """What there is to check. Variables have no templates any more; what has no value is Unreadable.

    `variables` has every host of the groups that a playbook needs; `extra` are the variables of the command line or a survey.
    """

    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Mapping[str, Any]]
    extra: Mapping[str, Any]
    controller: Controller


@dataclass
class Report:
    """What was found: sentences, and how much there is of what was looked at."""

    mistakes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def check(inventory: Inventory, needs: Collection[str], today: datetime.date | None = None) -> Report:
    """Look at what a playbook needs: parts, and inputs that must be given; raises Op25bError for a need that is neither.

    `today` is the day for which the policy is read, where op25b_today does not say so.
    """
    for need in needs:
        if need not in PARTS and need not in inputs.TABLE:
            raise Op25bError(f"needs: '{need}' is neither a part nor an input. {like(need, [*PARTS, *inputs.TABLE])}.")
    return _Check(inventory, needs, today).report()


def summary(counts: Mapping[str, int]) -> str:
    """How much is right, on one line."""
    parts = [f"{number} {name if number != 1 else name[:-1]}" for name, number in counts.items()]
    return f"valid: {', '.join(parts) or 'the inputs'}"


def _names(names: Iterable[str]) -> str:
    """A few of many names."""
    found = list(dict.fromkeys(names))
    if len(found) > 3:
        return f"{', '.join(found[:2])} and {len(found) - 2} more"
    return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else "".join(found)


class _Told:
    """Sentences, each with the hosts for which it is so."""

    def __init__(self) -> None:
        self.hosts: dict[tuple[str, str], list[str]] = {}

    def add(self, key: str, sentence: str, *hosts: str) -> None:
        self.hosts.setdefault((key, sentence), []).extend(hosts)

    def lines(self) -> Iterator[str]:
        for (key, sentence), hosts in self.hosts.items():
            where = f"{key} on {_names(hosts)}" if hosts else key
            yield f"{where}: {sentence}" if where else sentence


@dataclass(frozen=True)
class _Edge:
    """An edge: the pools behind it, the group with which it changes, and whether a reason says that no probe need judge it."""

    name: str
    pools: tuple[str, ...]
    group: str | None
    excused: bool


@dataclass(frozen=True)
class _Probe:
    """What a probe host can prove: for each pool the families of its addresses, and the edges that it crosses."""

    families: Mapping[str, set[int]]
    edges: Collection[str]


class _Check:
    def __init__(self, inventory: Inventory, needs: Collection[str], today: datetime.date | None) -> None:
        self.inventory, self.needs, self.controller = inventory, needs, inventory.controller
        self.mistakes, self.warnings = _Told(), _Told()
        self.counts: dict[str, int] = {}
        self.read: dict[tuple[str, int], tuple[Any, list[inputs.Mistake]]] = {}
        self.refused: set[tuple[str, str]] = set()
        self.extra = self.extra_variables()
        day = self.extra.get("op25b_today") or self.first_given("op25b_today")
        self.today = datetime.date.fromisoformat(day) if day else today or datetime.date.today()
        self.pools: Collection[str] = ()

    def hosts(self, part: str) -> Sequence[str]:
        """The hosts of a group, where a playbook needs it."""
        return self.inventory.groups.get(part, ()) if part in self.needs else ()

    def report(self) -> Report:
        whole: Mapping[str, Any] = next(
            (each[PHASE] for each in self.inventory.variables.values() if isinstance(each.get(PHASE), Mapping)), {}
        )
        if EDGES in self.needs and (sliced := phase.slice_of(whole, self.inventory.groups.get("all", ()))):
            # Whatever else looks wrong here looks so because hosts are missing.
            return Report([sliced], [], {})
        self.groups()
        checked = self.policy() if POLICY in self.needs else None
        self.inputs()
        for part in (EDGES, PROBES, RELAYS):
            for host in self.hosts(part):
                self.connection(host, part)
        self.needed()
        edges = [self.edge(host) for host in self.hosts(EDGES)]
        self.pairs(edges)
        self.waves(checked)
        if checked:
            probes = [self.probe(host, edges, checked) for host in self.hosts(PROBES)]
            if edges:
                self.unattached(edges, checked)
            if edges and PROBES in self.needs:
                self.unproved(edges, [each for each in probes if each], checked)
        for part in (EDGES, PROBES, RELAYS):
            if part in self.needs:
                self.counts[part] = len(self.hosts(part))
        return Report(list(self.mistakes.lines()), list(self.warnings.lines()), self.counts)

    # Inputs

    def extra_variables(self) -> dict[str, Any]:
        """The inputs among the extra variables; they are every host's, and told once."""
        extra = self.inventory.extra
        for name, sentence in inputs.misspelt(extra):
            self.mistakes.add(name, sentence)
        found = {name: self.value(name, extra[name]) for name in inputs.TABLE if name in extra and name != ROOT}
        return {**found, **({ROOT: extra[ROOT]} if not inputs.is_blank(extra.get(ROOT)) else {})}

    def value(self, name: str, value: Any, *hosts: str) -> Any:
        """A variable as far as it can be read; what is wrong with it is told."""
        if isinstance(value, Unreadable):
            found, wrong = None, [(name, value.why)]
        else:
            # Of group variables, every host has the same object.
            if (name, id(value)) not in self.read:
                self.read[name, id(value)] = inputs.examine(name, value)
            found, wrong = self.read[name, id(value)]
        closed = isinstance(value, Unreadable) and inputs.TABLE[name].on_demand and name not in self.needs
        for key, sentence in wrong:
            (self.warnings if closed else self.mistakes).add(key, sentence, *hosts)
        if wrong:
            self.refused.update((host, name) for host in hosts or ("",))
        elif found and inputs.TABLE[name].must_exist and (why := self.controller.unreadable(found)):
            self.mistakes.add(name, why, *hosts)
        return found

    def given(self, host: str, name: str) -> Any:
        """An input of a host as far as it can be read, without a word of what is wrong."""
        if name in self.extra and not (name == "op25b_wave" and self.extra[name] is None):
            return self.extra[name]
        value = self.inventory.variables.get(host, {}).get(name)
        if name == "op25b_wave" and (name in self.extra or inputs.is_blank(value)):
            value = self.phase(host)
        if isinstance(value, Unreadable):
            return None
        return (self.read.get((name, id(value))) or inputs.examine(name, value))[0]

    def first_given(self, name: str) -> Any:
        """An input of the run that the inventory has."""
        for variables in self.inventory.variables.values():
            if name in variables and not isinstance(variables[name], Unreadable):
                found, wrong = inputs.read(name, variables[name])
                return None if wrong else found
        return None

    def phase(self, host: str) -> Any:
        """The wave of the phase's inventory."""
        known = self.inventory.variables.get(host, {}).get(PHASE)
        return known.get("wave") if isinstance(known, Mapping) else None

    def is_phase(self) -> bool:
        """Whether the inventory has the edges of one wave alone."""
        first = next(iter(self.inventory.variables.values()), {})
        return PHASE in first or any(name.startswith("wave_") for name in self.inventory.groups)

    def inputs(self) -> None:
        """Every input that the inventory gives a host."""
        for part in (EDGES, PROBES, RELAYS):
            names = [each.name for each in inputs.TABLE.values() if each.whose in (part, inputs.RUN)]
            for host in self.hosts(part):
                variables = self.inventory.variables.get(host, {})
                for name in names:
                    if name in variables and name not in self.extra and name != ROOT:
                        self.value(name, variables[name], host)
                self.named_hosts(host, variables)

    def named_hosts(self, host: str, variables: Mapping[str, Any]) -> None:
        for name in ("op25b_second_path_from", "op25b_journal_host"):
            found = self.given(host, name) if name in variables or name in self.extra else None
            if found and found not in self.all_hosts():
                self.mistakes.add(name, f"no host of the inventory is named '{found}'. {like(found, self.all_hosts())}.", host)

    def all_hosts(self) -> Collection[str]:
        return {
            **dict.fromkeys(self.inventory.groups.get("all", ())),
            **dict.fromkeys(self.inventory.variables),
            "localhost": None,
        }

    def needed(self) -> None:
        """What has no default, and is not given."""
        wanted: dict[str, Sequence[str]] = {}
        if POLICY in self.needs and (self.hosts(EDGES) or self.hosts(PROBES)):
            wanted["op25b_wave"] = [*self.hosts(EDGES), *self.hosts(PROBES)]
        for name in ("op25b_attachments", "op25b_uplinks"):
            wanted[name] = self.hosts(EDGES)
        run = [host for part in (EDGES, PROBES, RELAYS) for host in self.hosts(part)]
        for name in self.needs:
            if name in inputs.TABLE:
                whose = inputs.TABLE[name].whose
                wanted[name] = run if whose == inputs.RUN else self.inventory.groups.get(whose, ())
                if not wanted[name] and self.extra.get(name) is None:
                    self.mistakes.add(name, f"it is missing; write {inputs.TABLE[name].kind.right}.")
        for name, hosts in wanted.items():
            lacking = [host for host in hosts if self.given(host, name) is None and (host, name) not in self.refused]
            if lacking and ("", name) not in self.refused:
                where = () if inputs.TABLE[name].whose == inputs.RELAY else lacking
                self.mistakes.add(name, f"it is missing; write {inputs.TABLE[name].kind.right}.", *where)

    # Groups

    def groups(self) -> None:
        """Groups whose names are nearly right have hosts of which no play would ever know."""
        groups = self.inventory.groups
        for part in (EDGES, PROBES, RELAYS):
            if groups.get(part) or not (part in self.needs or not self.needs):
                continue
            others = [name for name in groups if name not in PARTS and groups[name]]
            lowered = {name.lower(): name for name in others}
            near = difflib.get_close_matches(part, lowered, 1, _NEAR)
            if near:
                name = lowered[near[0]]
                self.mistakes.add(f"group {name}", f"no playbook looks for this group, and {part} has no host; name it {part}.")
            elif part != PROBES and part in self.needs:
                what = "edge" if part == EDGES else "relay"
                self.mistakes.add(f"group {part}", f"the inventory has no host in it; put every {what} into it.")

    # Policy

    def policy(self) -> Policy | None:
        """The one policy, read once."""
        hosts = [host for part in (EDGES, PROBES, RELAYS) for host in self.hosts(part)] or list(self.inventory.variables)
        document, source = self.extra.get(ROOT), ""
        for host in [] if ROOT in self.extra else hosts:
            found = self.inventory.variables.get(host, {}).get(ROOT)
            if inputs.is_blank(found):
                self.mistakes.add(ROOT, "it is missing; write the policy document into group_vars/all.", host)
            elif document is None:
                document, source = found, host
            elif found is not document and found != document:
                self.mistakes.add(ROOT, f"it is another one than on {source}; there is one policy, in group_vars/all.", host)
        if document is None:
            return None
        if isinstance(document, Unreadable):
            self.mistakes.add(ROOT, document.why)
            return None
        if isinstance(document, Mapping) and isinstance(document.get("pools"), Mapping):
            self.pools = [str(name) for name in document["pools"]]
        try:
            checked = policy.load(document, self.today)
        except PolicyError as err:
            for sentence in err.mistakes:
                self.mistakes.add("", sentence)
            return None
        except Op25bError as err:
            self.mistakes.add("", str(err))
            return None
        for sentence in checked.warnings:
            self.warnings.add("", sentence)
        self.counts.update(pools=len(checked.pools), waves=len(checked.waves))
        return checked

    # Hosts

    def connection(self, host: str, part: str) -> None:
        """How the controller comes to a host, and whether it has what that takes."""
        known = self.inventory.variables.get(host, {})
        closed = [name for name in PLAIN if isinstance(known.get(name), Unreadable)]
        for name in closed:
            self.mistakes.add(name, known[name].why, host)
        for name in PLAIN[:2]:
            if name not in closed and not inputs.is_blank(known.get(name)) and inputs.text_of(known[name]) is None:
                self.mistakes.add(name, f"{inputs.shown(known[name])} is not right here; write a name.", host)
                closed.append(name)
        if closed:
            return
        network_os, given = (inputs.text_of(known.get(name)) for name in PLAIN[:2])
        way = given or self.controller.connection
        if part == EDGES:
            try:
                dialect = dialects.by_network_os(network_os)
            except Op25bError as err:
                key, _colon, sentence = str(err).partition(": ")
                self.mistakes.add(key, sentence, host)
                return
            if not self.leads_to(host, dialect, given):
                return
            self.takes(host, dialect, network_os or "", known)
        if self.controller.lacks("connection", way):
            self.mistakes.add(
                PLAIN[1], f"no connection plugin of this controller is named '{way}'; mend the name, or install it.", host
            )

    def leads_to(self, host: str, dialect: ModuleType, given: str | None) -> bool:
        """Whether a connection is one for this kind of edge."""
        wanted = getattr(dialect, "CONNECTION", None)
        lasting = {name for each in dialects.ALL if (name := getattr(each, "CONNECTION", None))}
        way = given or self.controller.connection
        if wanted and way not in (wanted, _short(wanted)):
            what = f"'{given}' does not lead to this kind of edge" if given else "it is missing"
            self.mistakes.add(PLAIN[1], f"{what}; write {wanted}.", host)
            return False
        if not wanted and _short(way) in set(map(_short, lasting)):
            self.mistakes.add(
                PLAIN[1],
                f"'{way}' leads to a router, and without ansible_network_os this is a Linux edge; take it out, or write "
                "ansible_network_os for a router.",
                host,
            )
            return False
        return True

    def takes(self, host: str, dialect: ModuleType, network_os: str, known: Mapping[str, Any]) -> None:
        """The collections and Python libraries of a connection to an edge."""
        wanted = getattr(dialect, "CONNECTION", None)
        if not wanted:
            return
        collections = [wanted.rpartition(".")[0]]
        if _short(wanted) == "network_cli":
            # It finds the prompts of a device in the collection of its operating system.
            collections.append((network_os if network_os.count(".") == 2 else str(dialect.NETWORK_OS[0])).rpartition(".")[0])
        for name in collections:
            if name != _OURS and self.controller.lacks("collection", name):
                self.mistakes.add(
                    PLAIN[1],
                    f"the collection {name} is not on this controller; `ansible-galaxy collection install {name}` brings it.",
                    host,
                )
        choices = _LIBRARIES[_short(wanted)]
        chosen = choices.get(str(known.get(PLAIN[2], "")))
        libraries = [chosen] if chosen else list(choices.values())
        if all(self.controller.lacks("library", _MODULES.get(name, name)) for name in libraries):
            self.mistakes.add(
                PLAIN[1],
                f"the Python library {libraries[0]} is not on this controller; `pip install {libraries[0]}` brings it.",
                host,
            )

    def edge(self, host: str) -> _Edge:
        """An edge's interfaces and pools."""
        attachments = [each for each in self.given(host, "op25b_attachments") or () if each]
        uplinks = [each for each in self.given(host, "op25b_uplinks") or () if each]
        seen: set[str] = set()
        pools: list[str] = []
        for at, each in enumerate(attachments):
            key, interface = f"op25b_attachments[{at}]", each.get("interface")
            if interface in seen:
                self.mistakes.add(f"{key}.interface", f"'{interface}' is attached twice; join the two lists of pools.", host)
            if interface:
                seen.add(interface)
            for pool in [name for name in each.get("pools") or () if name]:
                if self.pools and pool not in self.pools:
                    sentence = f"no pool of the policy is named '{pool}'. {like(pool, self.pools)}."
                    self.mistakes.add(f"{key}.pools", sentence, host)
                pools.append(pool)
        for uplink in uplinks:
            for name in seen:
                if bound(uplink, (name,)) or bound(name, (uplink,)):
                    self.mistakes.add(
                        "op25b_uplinks",
                        f"'{uplink}' and '{name}' of op25b_attachments mean the same interface; an interface leads either to "
                        "customers or out.",
                        host,
                    )
        group, reason = self.given(host, "op25b_ha_group"), self.given(host, "op25b_unproved")
        return _Edge(host, tuple(dict.fromkeys(pools)), group, reason is not None)

    def pairs(self, edges: Sequence[_Edge]) -> None:
        """HA pairs, which change together."""
        groups: dict[str, list[_Edge]] = {}
        for each in edges:
            if each.group:
                groups.setdefault(each.group, []).append(each)
        for name, members in groups.items():
            if len(members) == 1:
                near = difflib.get_close_matches(name, [other for other in groups if other != name], 1, _NEAR)
                self.warnings.add(
                    "op25b_ha_group",
                    f"no other edge has '{name}', so that this one changes alone{f'; did you mean {near[0]}' if near else ''}.",
                    members[0].name,
                )
            everything = {pool for each in members for pool in each.pools}
            for each in members:
                if lacking := sorted(everything - set(each.pools)):
                    self.warnings.add(
                        "op25b_ha_group",
                        f"of the edges of '{name}', this one does not carry {_names(lacking)}; what fails over to it is not "
                        "filtered.",
                        each.name,
                    )

    def waves(self, checked: Policy | None) -> None:
        """What a wave or a pool of the policy is named by."""
        at: dict[str, list[str]] = {}
        for host in [*self.hosts(EDGES), *self.hosts(PROBES)] if POLICY in self.needs else ():
            if wave := self.given(host, "op25b_wave"):
                at.setdefault(wave, []).append(host)
        if len(at) > 1:
            where = "; ".join(f"'{wave}' on {_names(hosts)}" for wave, hosts in at.items())
            self.mistakes.add(
                "op25b_wave",
                f"a run is about one wave, and there is {where}. Write one for all; holds in the policy make a pool wait.",
            )
        if checked is None:
            return
        names = [policy.NO_WAVE, *(wave.name for wave in checked.waves)]
        for wave, hosts in at.items():
            if wave not in names:
                told = [] if "op25b_wave" in self.extra else hosts
                self.mistakes.add("op25b_wave", f"no wave of the policy is named '{wave}'. {like(wave, names)}.", *told)
        to, pool = self.extra.get("op25b_to"), self.extra.get("op25b_pool")
        if to and to not in (*names, "before"):
            self.mistakes.add("op25b_to", f"no wave of the policy is named '{to}'. {like(to, [*names, 'before'])}.")
        if pool and pool not in checked.pools:
            self.mistakes.add("op25b_pool", f"no pool of the policy is named '{pool}'. {like(pool, checked.pools)}.")

    def unattached(self, edges: Sequence[_Edge], checked: Policy) -> None:
        """Pools of which no edge knows. A phase leaves edges out, and says nothing of them."""
        lacking = [] if self.is_phase() else [name for name in checked.pools if not any(name in each.pools for each in edges)]
        if lacking:
            self.warnings.add(
                f"{ROOT}.pools", f"no edge has {_names(lacking)} in its op25b_attachments, so that nothing is ever blocked there."
            )

    def probe(self, host: str, edges: Sequence[_Edge], checked: Policy) -> _Probe | None:
        """A probe host's pools and edges; None where its addresses are not known before it is asked."""
        addresses = [parse_address(text) for text in self.given(host, "op25b_probe_addresses") or () if text]
        crossed = self.given(host, "op25b_probe_edges")
        families: dict[str, set[int]] = {}
        exempted = checked.exempted()
        for each in addresses:
            if (pool := checked.pool_of(each)) and each not in exempted:
                families.setdefault(pool, set()).add(each.family)
        inside = {pool for each in addresses if (pool := checked.pool_of(each))}
        carrying = {edge.name: edge.pools for edge in edges}
        if crossed is not None and edges and not self.is_phase():
            for name in [each for each in crossed if each]:
                if name not in carrying:
                    self.mistakes.add("op25b_probe_edges", f"no edge is named '{name}'. {like(name, carrying)}.", host)
                elif inside and not inside & set(carrying[name]):
                    self.mistakes.add(
                        "op25b_probe_edges",
                        f"'{name}' does not carry {_names(sorted(inside))}, where the addresses of this probe host are; write "
                        "the edge that its packets cross.",
                        host,
                    )
        if not addresses:
            return None
        ways = crossed if crossed is not None else [edge.name for edge in edges if inside & set(edge.pools)]
        return _Probe(families, frozenset(ways))

    def unproved(self, edges: Sequence[_Edge], probes: Sequence[_Probe], checked: Policy) -> None:
        """Where no probe host can prove a change, so that it will not stay."""
        if len(probes) < len(self.hosts(PROBES)):
            # Some tell their addresses only when they are asked.
            return
        moved = dict.fromkeys(step.pool for here in self.moves(checked) for step in rollout.steps(checked, *here))
        for pool in moved:
            wanted = {family for family in FAMILIES if checked.pools[pool].prefixes.spans(family)}
            for edge in edges:
                if pool not in edge.pools or edge.excused:
                    continue
                proved = {family for each in probes if edge.name in each.edges for family in each.families.get(pool, ())}
                if lacking := sorted(wanted - proved):
                    self.warnings.add(
                        f"pool {pool}",
                        f"no probe host proves {' and '.join(f'IPv{family}' for family in lacking)} there, so that site and "
                        "rollout will roll back what they change; put a host of the pool into the group probes, or write "
                        "op25b_unproved, the reason, for the edge.",
                        edge.name,
                    )

    def moves(self, checked: Policy) -> list[tuple[str, str]]:
        """The steps from wave to wave that this inventory is about."""
        names = [policy.NO_WAVE, *(wave.name for wave in checked.waves)]
        steps = list(pairwise(names))
        here = self.given(next(iter(self.hosts(EDGES)), ""), "op25b_wave")
        return [step for step in steps if step[1] == here] if self.is_phase() else steps


def _short(name: str) -> str:
    return name.rpartition(".")[2]
