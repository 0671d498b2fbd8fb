# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of the Junos dialect: a strict device takes our edits, and the lab's own reader says what its filters do."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from dataclasses import replace
from xml.sax.saxutils import escape

from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, verdict
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.dialects import junos
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.ordered import EVERY_INTERFACE
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.prefixes import FAMILIES, parse_prefix
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from tests.junos_device import JUNOS, Device, operators, without_order

from .strategies import CUSTOMERS, OUTSIDE, SERVERS, model, packets, prefixes, route
from .test_filter import QUICK, SLOW
from .test_filter import pytestmark as needs_kernel
from .test_ordered import blocks, crossed, flights, permits, policies, wanted

UPLINKS = ("xe-0/0/0.0", "xe-0/0/1.0")
NAMES = {name.removesuffix(".0"): name for name in UPLINKS}
TRIAL = {"change": "0c25b0c25b0c", "who": "the operator <noc> & others", "at": "2019-03-25 02:00:00 UTC", "seconds": "300"}
INET = {4: "inet", 6: "inet6"}
EACH = [(uplink, way, family) for uplink in UPLINKS for way in ("input", "output") for family in FAMILIES]


@st.composite
def sides(draw, family: int, side: str):
    """Addresses of one side of a term; longer prefixes may be excepted."""
    spaces = tuple(s for s in CUSTOMERS + OUTSIDE + SERVERS if ipaddress.ip_network(s).version == family)
    chosen = draw(st.lists(st.tuples(prefixes(spaces), st.booleans()), max_size=3, unique_by=lambda item: item[0]))
    return "".join(
        f"<{side}-address><name>{prefix}</name>{'<except/>' * excepted}</{side}-address>" for prefix, excepted in chosen
    )


@st.composite
def terms(draw, family: int, name: str):
    """A term of an operator: what it has in common with ours is drawn often."""
    found = draw(sides(family, "source")) + draw(sides(family, "destination")) if draw(st.booleans()) else ""
    protocol = draw(st.sampled_from(["", "tcp", "tcp", "udp"]))
    if protocol:
        tag = "protocol" if family == 4 else "payload-protocol"
        found += f"<{tag}>{protocol}</{tag}>"
    if draw(st.integers(0, 4)) == 0:
        found += "<is-fragment/>" if family == 4 else ""
    else:
        for side in ("source", "destination"):
            port = draw(st.sampled_from(["", "", "25", "23", "smtp", "1024-65535", "20-30"]))
            found += port and f"<{side}-port>{port}</{side}-port>"
        found += draw(st.sampled_from(["", "", "<tcp-established/>", "<tcp-initial/>", "<tcp-flags>syn</tcp-flags>"]))
    actions = ["<accept/>", "<discard/>", "<reject/>", f"<count>{name}</count>", "<reject><tcp-reset/></reject>"]
    action = draw(st.sampled_from([*actions, "<count>seen</count><next>term</next>"] if found else actions))
    return f"<term><name>{name}</name>{found and f'<from>{found}</from>'}<then>{action}</then></term>"


@st.composite
def filters(draw, family: int, name: str):
    """A filter of an operator; what it does not match is discarded where it is the last of its list."""
    found = [draw(terms(family, f"t{number}")) for number in range(draw(st.integers(0, 4)))]
    last = draw(st.sampled_from(["<accept/>", "<accept/>", "<discard/>", ""]))
    end = f"<term><name>end</name><then>{last}</then></term>" if last or not found or "<next>" in found[-1] else ""
    return f"<filter><name>{name}</name>{''.join(found)}{end}</filter>"


@st.composite
def configurations(draw, most: int = 2):
    """A configuration of an operator: some places have a filter, some a list of them, of `most` filters."""
    bound: dict[tuple[str, int], str] = {}
    made: dict[int, dict[str, str]] = {family: {} for family in FAMILIES}
    for uplink, way, family in EACH:
        names = draw(st.lists(st.sampled_from(["ops-a", "ops-b", "ops-c"]), max_size=most, unique=True))
        single = len(names) == 1 and draw(st.booleans())
        for name in names:
            if name not in made[family]:
                made[family][name] = draw(filters(family, name))
        inside = f"<{way}><filter-name>{names[0]}</filter-name></{way}>" if single else ""
        inside = inside or "".join(f"<{way}-list>{name}</{way}-list>" for name in names)
        bound[uplink, family] = bound.get((uplink, family), "") + inside
    interfaces = ""
    for device, uplink in NAMES.items():
        inner = {n: f"<filter>{bound[uplink, n]}</filter>" if bound[uplink, n] else "" for n in FAMILIES}
        units = "".join(f"<{INET[n]}>{inner[n]}</{INET[n]}>" for n in FAMILIES)
        interfaces += f"<interface><name>{device}</name><unit><name>0</name><family>{units}</family></unit></interface>"
    families = "".join(f"<{INET[n]}>{''.join(made[n].values())}</{INET[n]}>" for n in FAMILIES if made[n])
    firewall = f'<firewall xmlns="{JUNOS}firewall"><family>{families}</family></firewall>' if families else ""
    return (
        f'<configuration xmlns="{JUNOS}root"><interfaces xmlns="{JUNOS}interfaces">{interfaces}</interfaces>'
        f"{firewall}</configuration>"
    )


def change(device: Device, want: junos.Wanted):
    """Have a device do what is wanted, armed with its mark and then confirmed, as the transport does; returns the plan."""
    plan = junos.diff(junos.from_xml(device.running()), want)
    if plan.changed:
        device.send(junos.edits([*plan.commands, *junos.marked(TRIAL)]))
        assert junos.from_xml(device.running()).trial == TRIAL
        device.send(junos.edits([f"delete firewall apply-macro {junos.TRIAL}"]))
    return plan


def passed(device: Device, flown) -> list[bool]:
    found = device.filters(NAMES)
    return [permits(found, uplink, *flight) for uplink in UPLINKS for flight in flown]


@settings(max_examples=60, suppress_health_check=SLOW)
@given(data=st.data())
def test_the_device_does_what_the_policy_says_and_nothing_else(data):
    device = Device(data.draw(configurations()))
    documents = [data.draw(policies(limits=True))]
    documents.append(data.draw(policies(documents[0], limits=True)))
    flown = data.draw(st.lists(flights(documents), min_size=10, max_size=30))
    theirs = passed(device, flown)
    text = device.running()
    for document in documents:
        want = wanted(document, data.draw(st.sampled_from([UPLINKS, UPLINKS[:1]])))
        built = junos.build(want)
        before = device.running()
        plan = change(device, built)
        found = junos.from_xml(device.running())
        assert junos.differences(found, plan.wanted) == []
        assert junos.read(found) == (built.acl, [])
        assert not junos.diff(found, built).changed
        assert operators(device.running()) == operators(text)
        places = [(uplink, *flight) for uplink in UPLINKS for flight in flown]
        for place, let, now in zip(places, theirs, passed(device, flown), strict=True):
            assert now == (let and not (place[0] in want.uplinks and blocks(want, *place))), place
        undone = Device(device.running())
        undone.send(junos.edits(plan.rollback))
        assert without_order(undone.running()) == without_order(before)
        event("changed" if plan.changed else "unchanged")
    change(device, junos.build(acl.Acl()))
    assert without_order(device.running()) == without_order(text)


@settings(max_examples=120, suppress_health_check=SLOW)
@given(document=policies(limits=True))
def test_what_is_rendered_is_read_back_from_text_and_from_xml(document):
    want = wanted(document, UPLINKS)
    text = junos.render(want)
    edits = list(junos.edits(text.splitlines()))
    assert len(edits) == bool(text)
    Device(f'<configuration xmlns="{JUNOS}root"/>').send(edits)
    for form in (text, *edits):
        assert junos.parse(form) == (junos.build(want).acl, [])
        assert junos.from_text(form) == junos.from_text(text)


def ours(element: ET.Element, mine: bool = False):
    """The elements of ours that somebody can delete, with the way to each; the keys of lists stay."""
    for each in element:
        key = each.findtext("{*}name") or each.text or ""
        inside = mine or key.startswith(junos.OWN)
        if inside and not each.tag.endswith("}name"):
            yield [each]
        yield from ([each, *way] for way in ours(each, inside))


def deleting(way: list[ET.Element]) -> str:
    """The edit that deletes the last of these elements, each of which holds the next."""
    *outer, last = way
    name = {each: f"<name>{each.findtext('{*}name')}</name>" if each.find("{*}name") is not None else "" for each in way}
    tags = {each: each.tag.rpartition("}")[2] for each in way}
    opening = "".join(f"<{tags[each]}{space(each)}>{name[each]}" for each in outer)
    value = name[last] or ("" if len(last) else escape(last.text or ""))
    closing = "".join(f"</{tags[each]}>" for each in reversed(outer))
    netconf = "urn:ietf:params:xml:ns:netconf:base:1.0"
    return (
        f'<config xmlns="{netconf}" xmlns:nc="{netconf}"><configuration xmlns="{JUNOS}root">{opening}'
        f'<{tags[last]}{space(last)} nc:operation="delete">{value}</{tags[last]}>{closing}</configuration></config>'
    )


def space(element: ET.Element) -> str:
    """Each element in the name space that it had."""
    return f' xmlns="{element.tag[1:].partition("}")[0]}"'


@settings(max_examples=60, suppress_health_check=SLOW)
@given(data=st.data())
def test_whatever_of_ours_somebody_deletes_is_seen_and_put_back(data):
    device = Device(data.draw(configurations()))
    built = junos.build(wanted(data.draw(policies(limits=True)), UPLINKS))
    assume(built.acl.pools)
    change(device, built)
    right = device.running()
    way = data.draw(st.sampled_from(list(ours(ET.fromstring(right)))))
    try:
        device.send([deleting(way)])
    except AssertionError as err:
        # The device itself does not let everything go, as a filter that is bound.
        event(str(err).partition("edit")[2][:20])
        assume(False)
    enforced, drift = junos.read(junos.from_xml(device.running()))
    assert drift or enforced != built.acl
    plan = change(device, built)
    assert plan.changed
    assert without_order(device.running()) == without_order(right)
    assert junos.read(junos.from_xml(right)) == (built.acl, [])


@settings(max_examples=120, suppress_health_check=[*SLOW, HealthCheck.filter_too_much])
@given(data=st.data())
def test_one_more_exemption_is_one_element_of_a_list(data):
    document = data.draw(policies(limits=True))
    document["waves"][-1] |= {"pools": list(document["pools"]), "destinations": ["any"]}
    there = [ipaddress.ip_network(prefix) for pool in document["pools"].values() for prefix in pool["prefixes"]]
    inside = data.draw(st.sampled_from([network for network in there if network.num_addresses > 1] or there))
    places = st.integers(0, min(inside.num_addresses, 1 << 20) - 1)
    customers = [str(inside[place]) for place in data.draw(st.lists(places, min_size=2, max_size=2))]
    exempted = [{"prefixes": [customer], "who": "customer 4712", "why": "own mail server"} for customer in customers]
    before, after = (junos.build(wanted({**document, "exemptions": exempted[:number]}, UPLINKS)) for number in (1, 2))
    one, family = parse_prefix(customers[1]), inside.version
    # That the list is there, its prefixes do not become one, and what is exempted as a whole leaves its pool instead.
    old, new = (set(side.acl.exempted.ranges(family)) for side in (before, after))
    assume(old and new == old | {one} != old and before.acl.pools == after.acl.pools)
    plan = junos.diff(junos.diff(junos.EMPTY, before).wanted, after)
    path = f"policy-options prefix-list OP25B-EXEMPTED{'-V6' * (family == 6)} {customers[1]}/{inside.max_prefixlen}"
    assert plan.commands == (f"set {path}",)
    assert plan.rollback == (f"delete {path}",)
    (edit,) = junos.edits(plan.commands)
    assert edit.count("<prefix-list-item>") == 1


@needs_kernel
@settings(max_examples=40, phases=QUICK, suppress_health_check=SLOW)
@given(data=st.data())
def test_real_packets_meet_the_policy_s_verdict(place, data):
    """From the policy to the wire: our edits, the device's configuration, the lab's reader, the kernel, and the verdict."""
    # Where an operator's filters let little through, ours have little to do.
    device = Device(data.draw(st.sampled_from([0, 0, 2]).flatmap(configurations)))
    want = wanted(data.draw(policies()), UPLINKS)
    change(device, junos.build(want))
    kernel = dict(zip(NAMES, ("up0", "up1"), strict=True))
    without = Device(device.running())
    change(without, junos.build(acl.Acl()))
    # A filter at an uplink does not know by which interface a packet came.
    pools = tuple(replace(pool, interfaces=EVERY_INTERFACE) for pool in want.pools)
    want = replace(want, pools=pools, uplinks=tuple(kernel.values()) if pools else ())
    drawn = data.draw(st.lists(packets(), min_size=20, max_size=60))
    through = []
    for each in (without, device):
        place.plane.apply([])
        place.plane.apply(each.filters(kernel))
        through.append(crossed(place, drawn))
    for item, theirs, now in zip(drawn, *through, strict=True):
        if item["shape"] == "headless":
            # A filter has no word for these: they pass, as the warning says.
            continue
        passes = verdict.verdict(want, model(item)).passes
        assert theirs in ([], [route(item["destination"])])
        assert now == (theirs if passes else []), item
