# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Junos device without NETCONF, so that tests change thousands of configurations a second.

Its candidate takes what is within <edit-config> as RFC 6241, 7.2, has it, and is strict: what is deleted must be there, an
element stands once, a list's key comes first (RFC 7950, 7.8.5), each hierarchy has its own name space. What its commit
refuses, and what its filters do, is what the lab's own reader makes of the configuration. With Juniper's models at hand
(tests/yang), each edit and each configuration is kept for them.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator

from lab.cli.filter import Filter
from lab.junos import config
from lab.junos.filters import compile_filters

from .yang import models

NETCONF = "{urn:ietf:params:xml:ns:netconf:base:1.0}"
JUNOS = "http://yang.juniper.net/junos/conf/"
ROOT = f"{{{JUNOS}root}}configuration"
NAME = "name"
OF_ROOT = {"apply-groups", "groups", "version"}
# Whose values stand beside each other; another value of any other leaf takes the place of the one before.
LEAF_LISTS = {
    "apply-groups", "destination-port", "input-list", "next-header", "output-list", "payload-protocol", "port", "protocol",
    "source-port",
}  # fmt: skip
# Containers that mean something while they are empty (`presence`, in Juniper's models): all others go with their content.
PRESENCE = {"firewall": {"if-exceeding", "if-exceeding-pps", "reject"}, "interfaces": {"inet", "inet6"}}
# What of theirs is empty without ours.
EMPTIED = {"filter", "firewall", "family", "inet", "inet6"}
# In whose entries no router sees an order, though the models say `ordered-by user` of every list.
UNORDERED = {"apply-macro", "data", "filter", "policer", "prefix-action", "prefix-list", "prefix-list-item"}


class Device:
    """A running configuration, as `written` writes it."""

    def __init__(self, running: str) -> None:
        self._running = ET.fromstring(running)
        assert self._running.tag == ROOT
        for each in self._running.iter():
            each.text = (each.text or "").strip() or None
            each.tail = None
        self._commit(self._running)

    def running(self) -> str:
        """The configuration as text."""
        return written(self._running)

    def send(self, edits: Iterable[str]) -> str:
        """Make edits, commit, and return the running configuration; if one is refused, nothing is changed."""
        candidate = copy.deepcopy(self._running)
        for text in edits:
            edit = ET.fromstring(text)
            assert edit.tag == f"{NETCONF}config", edit.tag
            (top,) = edit
            assert top.tag == ROOT, top.tag
            models.keep(written(top))
            _merge(candidate, top)
        self._commit(candidate)
        return self.running()

    def filters(self, interfaces: dict[str, str]) -> list[Filter]:
        """What is bound to unit 0 of these interfaces, with other names for them."""
        return compile_filters(self._read, interfaces)

    def _commit(self, candidate: ET.Element) -> None:
        found = config.read(copy.deepcopy(candidate))
        assert not found.errors, config.problems(found.errors)
        self._running, self._read = candidate, found
        models.keep(self.running())


def written(configuration: ET.Element) -> str:
    """A configuration as text: each hierarchy names its name space, and an element whose content is a few
    values stands on one line."""
    shown = ET.Element("configuration", xmlns=f"{JUNOS}root")
    for hierarchy in sorted(configuration, key=_tag):
        space = _space(hierarchy)
        assert space == ("root" if _tag(hierarchy) in OF_ROOT else _tag(hierarchy)), hierarchy.tag
        shown.append(_plain(hierarchy, {} if space == "root" else {"xmlns": JUNOS + space}))
    ET.indent(shown)
    for element in shown.iter():
        tags = {_tag(each) for each in element if not len(each)}
        if len(tags) == len(element) > 0:
            element.text = None
            for each in element:
                each.tail = None
    return ET.tostring(shown, encoding="unicode") + "\n"


def _space(element: ET.Element) -> str:
    return element.tag.partition("}")[0].rpartition("/")[2]


def _plain(element: ET.Element, attributes: dict[str, str]) -> ET.Element:
    found = ET.Element(element.tag.partition("}")[2], attributes)
    found.text = element.text
    # The key first; and brothers of different names, which have no order, by their names.
    found.extend(_plain(each, {}) for each in sorted(element, key=lambda each: (_tag(each) != NAME, _tag(each))))
    return found


def without_order(text: str) -> str:
    """A configuration in which what has no order for the router has the order of its names."""
    root = ET.fromstring(text)
    for element in root.iter():
        element[:] = sorted(
            element, key=lambda each: (_tag(each), each.findtext("{*}name")) if _tag(each) in UNORDERED else ("",)
        )
    return written(root)


def operators(text: str) -> list[str]:
    """What of a configuration is not ours: its values by their paths, in its order. A filter bound alone is a list of one."""
    return list(_operators(ET.fromstring(text), ""))


def _operators(element: ET.Element, path: str) -> Iterator[str]:
    key, text = element.findtext("{*}name", ""), element.text or ""
    if (key or text.strip()).startswith("OP25B"):
        return
    path = f"{path}/{_tag(element)} {key}".replace("put /filter-name", "put-list")
    if text.strip() or (not len(element) and _tag(element) not in EMPTIED):
        yield f"{path}{text.strip()}"
    for each in element:
        yield from _operators(each, path)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _key(element: ET.Element) -> tuple[str, str | None]:
    """What tells an element from its brothers: its name, and the key of an entry or the value of a leaf-list."""
    if len(element) and _tag(element[0]) == NAME:
        return element.tag, element[0].text
    return element.tag, element.text if _tag(element) in LEAF_LISTS else None


def _merge(into: ET.Element, edit: ET.Element) -> None:
    """Do to an element of the candidate what the element of an edit says."""
    assert len(edit) or not into.findall("*"), f"{edit.tag} has content, and the edit does not name it"
    twice = [key for key, number in Counter(map(_key, edit)).items() if number > 1]
    assert not twice, f"the edit has {twice[0]} twice"
    for part in edit:
        operation = part.attrib.get(f"{NETCONF}operation", "merge")
        assert set(part.attrib) <= {f"{NETCONF}operation"}, part.attrib
        assert into.tag == ROOT or _space(part) == _space(into), f"{part.tag} is not of the name space of {into.tag}"
        assert NAME not in [_tag(each) for each in part[1:]], f"the key of {part.tag} is not its first element"
        there = next((each for each in into if _key(each) == _key(part)), None)
        if operation == "delete":
            assert there is not None, f"data-missing: {_key(part)}"
            assert [_tag(each) for each in part] in ([], [NAME]), f"more than the key of {part.tag}"
            into.remove(there)
        else:
            assert operation == "merge", operation
            if there is None:
                there = ET.SubElement(into, part.tag)
            if len(part):
                _merge(there, part)
            else:
                there.text = (part.text or "").strip() or None
            if len(part) and not len(there) and _tag(there) not in PRESENCE.get(_space(there), ()):
                into.remove(there)
