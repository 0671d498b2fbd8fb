# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Junos's filters as the kernel has them, and what `show firewall` tells of them.

Filters of a list are one filter, named after the interface and the direction, and its counters and policers are named
after both, too ("Multiple Firewall Filters Applied as a List": a counter `bad-packets` in an output list of so-2/2/0
unit 0 becomes `bad-packets-so-2/2/0.0-o`); so are those of an `interface-specific` filter. Any other filter is one,
wherever it is bound: its counters are sums, its policers are shared.

An input filter sees all that comes in by its interface, also for the router itself. An output filter sees what is
forwarded; Junos's also sees what the router itself sends, which no test of ours needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from lab.cli.filter import Entry, Filter, Match, Policer
from lab.junos.config import Binding, Configuration

# Packets that no term of the last filter matches are discarded.
END = "(end)"


@dataclasses.dataclass
class Shown:
    """One `filter-information`."""

    name: str
    counters: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    policers: dict[str, int] = dataclasses.field(default_factory=dict)


def compile_filters(configuration: Configuration, interfaces: Mapping[str, str]) -> list[Filter]:
    """All that is bound to unit 0 of an interface that the kernel has; any other is nobody's, as on a router without it."""
    found = []
    for binding in configuration.bindings:
        name, _, unit = binding.interface.rpartition(".")
        if unit != "0" or name not in interfaces:
            continue
        entries: list[Entry] = []
        for each in binding.filters:
            for term in configuration.filters[binding.family, each].terms:
                policers = tuple(
                    dataclasses.replace(policer, name=_bucket(configuration, binding, each, policer)) for policer in term.policers
                )
                entries.append(dataclasses.replace(term.entry, key=f"{each}/{term.name}", policers=policers))
        entries.append(Entry(END, False, Match(binding.family), reply=False))
        label = binding.suffix if binding.listed else binding.filters[0]
        found.append(Filter(interfaces[name], binding.direction, f"v{binding.family} {label}", binding.family, tuple(entries)))
    return found


def _bucket(configuration: Configuration, binding: Binding, name: str, policer: Policer) -> str:
    place = binding.suffix if _own(configuration, binding, name) else ""
    return f"v{binding.family} {name}/{policer.name} {place}"


def _own(configuration: Configuration, binding: Binding, name: str) -> bool:
    """Whether what the filter counts there is apart from what it counts elsewhere."""
    return binding.listed or configuration.filters[binding.family, name].interface_specific


def show(
    configuration: Configuration,
    interfaces: Mapping[str, str],
    counters: Mapping[tuple[str, str, str, str], tuple[int, int]],
    policed: Mapping[str, int],
) -> list[Shown]:
    """All filters with their counters, those of the composite ones last. A filter that is in lists alone is in them."""
    single: dict[tuple[int, str], Shown] = {}
    composite: dict[tuple[int, str, str], Shown] = {}
    listed = {(binding.family, name) for binding in configuration.bindings if binding.listed for name in binding.filters}
    for family, name in configuration.filters:
        if (family, name) not in listed:
            _add(single.setdefault((family, name), Shown(name)), configuration, family, name)
    for binding in configuration.bindings:
        for name in binding.filters:
            own = _own(configuration, binding, name)
            if own:
                title = binding.suffix if binding.listed else f"{name}-{binding.suffix}"
                shown = composite.setdefault((binding.family, title, binding.suffix), Shown(title))
                single.pop((binding.family, name), None)
            else:
                shown = single.setdefault((binding.family, name), Shown(name))
            kernel = interfaces.get(binding.interface.rpartition(".")[0], "")
            label = binding.suffix if binding.listed else name
            values = {
                key[3]: value
                for key, value in counters.items()
                if key[:3] == (kernel, binding.direction, f"v{binding.family} {label}")
            }
            _add(shown, configuration, binding.family, name, f"-{binding.suffix}" if own else "", values)
            for term in configuration.filters[binding.family, name].terms:
                for policer in term.policers:
                    if policer.side is None:
                        title = policer.name + (f"-{binding.suffix}" if own else "")
                        shown.policers[title] = policed.get(_bucket(configuration, binding, name, policer), 0)
    return [*single.values(), *composite.values()]


def _add(
    shown: Shown,
    configuration: Configuration,
    family: int,
    name: str,
    suffix: str = "",
    values: Mapping[str, tuple[int, int]] | None = None,
) -> None:
    """Add what the terms of a filter counted to its counters."""
    for term in configuration.filters[family, name].terms:
        if term.count is not None:
            before = shown.counters.get(term.count + suffix, (0, 0))
            more = (values or {}).get(f"{name}/{term.name}", (0, 0))
            shown.counters[term.count + suffix] = (before[0] + more[0], before[1] + more[1])
