# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of an access list, held against its compilation in the kernel that runs the tests."""

from __future__ import annotations

import dataclasses
import ipaddress
import shutil
import socket
import struct
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lab.cli.filter import BITS, EXTENSIONS, Entry, Filter, Match, Packet, Policer, met
from lab.cli.iosxr import Device
from lab.wire import SHAPES, SYN, packet

from .router import INTERFACES, ROUTES

pytestmark = pytest.mark.skipif(not shutil.which("nft", path="/usr/sbin:/usr/bin"), reason="nft is not installed")
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
SPACES = {4: ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.128/25"), 6: ("2001:db8:e000::/45", "2001:db8:c000::/36")}
ICMP = {4: 1, 6: 58}
PORTS = (24, 25, 26, 40000)
HEADERS = {"hop-by-hop": (0,), "destination-options": (60,), "routing": (43,), "atomic-fragment": (44,)}
nonces = count(0x0D250000, 2)


def number(text):
    return int(ipaddress.ip_address(text))


def out_of(text):
    address = ipaddress.ip_address(text)
    return next(oif for prefix, oif in ROUTES if address in ipaddress.ip_network(prefix))


@st.composite
def addresses(draw, family):
    network = ipaddress.ip_network(draw(st.sampled_from(SPACES[family])))
    size = network.num_addresses
    # A documentation address of the router itself is the one place that nothing is forwarded to.
    offset = draw(st.one_of(st.integers(1, 6), st.integers(size - 8, size - 3), st.integers(1, size - 3)))
    return str(network[offset])


@st.composite
def alternatives(draw, family):
    found = []
    for _number in range(draw(st.integers(0, 4))):
        value, bits = number(draw(addresses(family))), BITS[family]
        prefix = ((1 << bits) - 1) ^ ((1 << (bits - draw(st.integers(8, bits)))) - 1)
        holes = draw(st.sampled_from([0, 0, 2, 5, 1 << (bits - 8)]))
        found.append((value, prefix & ~holes))
    return tuple(found) or ((0, 0),)


@st.composite
def ranges(draw):
    found = draw(st.lists(st.tuples(st.sampled_from(PORTS), st.integers(0, 3)), max_size=3))
    return tuple((first, first + length) for first, length in found)


@st.composite
def matches(draw, family):
    protocol = draw(st.sampled_from([None, 6, 6, 6, 17, ICMP[family]]))
    more = {}
    kind = draw(st.sampled_from(["plain", "layer4", "layer4", "fragments", "undetermined"]))
    if kind == "fragments":
        more["fragments"] = True
    elif kind == "undetermined" and family == 6:
        more["undetermined"] = True
    elif kind == "layer4" and protocol == ICMP[family]:
        more["icmp"] = (draw(st.sampled_from([8, 128, 3])), draw(st.sampled_from([None, 0, 1])))
    elif kind == "layer4" and protocol in (6, 17):
        more["dports"] = draw(st.one_of(st.none(), ranges()))
        more["sports"] = draw(st.one_of(st.none(), st.none(), ranges()))
        if protocol == 6:
            more["tcp_flags"] = draw(st.sampled_from([None, ((0x10, 0x10), (0x04, 0x04)), ((0x02, 0x12),)]))
    return Match(family, protocol, draw(alternatives(family)), draw(alternatives(family)), **more)


@st.composite
def literal_matches(draw, family):
    """What Junos can ask for: anything of any protocol, and of pieces."""
    more = {"literal": True, "protocol": draw(st.sampled_from([None, None, 6, 17, ICMP[family]]))}
    more["dports"] = draw(st.one_of(st.none(), st.none(), ranges()))
    more["sports"] = draw(st.one_of(st.none(), st.none(), ranges()))
    more["tcp_flags"] = draw(st.sampled_from([None, None, None, ((0x10, 0x10), (0x04, 0x04)), ((0x02, 0x12),)]))
    more[draw(st.sampled_from(["first_fragment", "fragments", "literal", "literal"]))] = True
    if family == 6:
        numbers = st.lists(st.sampled_from([6, 17, *EXTENSIONS]), min_size=1, max_size=3).map(tuple)
        more["next_headers"] = draw(st.one_of(st.none(), st.none(), numbers))
        headers = st.lists(st.sampled_from(sorted(EXTENSIONS)), min_size=1, max_size=3).map(tuple)
        more["extension_headers"] = draw(st.one_of(st.none(), st.none(), headers))
    return Match(family, sources=draw(alternatives(family)), destinations=draw(alternatives(family)), **more)


@st.composite
def entries_of(draw, family, key):
    if draw(st.booleans()):
        return Entry(key, draw(st.booleans()), draw(matches(family)), draw(st.booleans()))
    many = draw(st.lists(literal_matches(family), min_size=1, max_size=3))
    return Entry(
        key, draw(st.sampled_from([True, False, None])), many[0], draw(st.sampled_from([True, False, 0, 3])), tuple(many[1:])
    )


@st.composite
def filters(draw):
    places = [(i, d, f) for i in ("c0", "c2", "up0", "up1") for d in ("in", "out") for f in (4, 6)]
    found = []
    for interface, direction, family in draw(st.lists(st.sampled_from(places), min_size=1, max_size=8, unique=True)):
        listed = [draw(entries_of(family, str(10 * i))) for i in range(draw(st.integers(0, 6)))]
        listed += [Entry("rest", draw(st.booleans()), Match(family), True)] if draw(st.booleans()) else []
        found.append(Filter(interface, direction, f"v{family}-{len(found) % 3}", family, tuple(listed)))
    return found


@st.composite
def sent(draw):
    family = draw(st.sampled_from([4, 6]))
    return {
        "iif": draw(st.sampled_from(INTERFACES)),
        "source": draw(addresses(family)),
        "destination": draw(addresses(family)),
        "protocol": draw(st.sampled_from([6, 6, 6, 17, ICMP[family]])),
        "sport": draw(st.sampled_from(PORTS)),
        "dport": draw(st.sampled_from(PORTS)),
        "flags": draw(st.sampled_from([SYN, 0x12, 0x10, 0x04])),
        "shape": draw(st.sampled_from(SHAPES if family == 6 else ["plain", "first", "later"])),
    }


def on_the_wire(item, nonce):
    """The pieces of it, each with what an access list sees of it."""
    words = {key: value for key, value in item.items() if key != "iif"}
    family, shape, protocol = 6 if ":" in item["source"] else 4, item["shape"], item["protocol"]
    pieces = packet(**(words | {"shape": shape if family == 6 else "plain"}), nonce=nonce)
    # Whatever the protocol, the bytes are those of TCP.
    whole = Packet(number(item["source"]), number(item["destination"]), family, protocol, item["sport"], item["dport"])
    whole = dataclasses.replace(whole, flags=item["flags"], headers=(*HEADERS.get(shape, ()), protocol) if family == 6 else ())
    if protocol == ICMP[family]:
        whole = dataclasses.replace(whole, icmp=(item["sport"] >> 8, item["sport"] & 0xFF))
    bare = dataclasses.replace(whole, sport=None, dport=None, flags=0, icmp=None)
    if shape == "headless":
        bare = dataclasses.replace(bare, headers=(44, 60, protocol))
        seen = [dataclasses.replace(bare, fragment="headless"), dataclasses.replace(bare, fragment="later", protocol=60)]
    elif shape in ("first", "later"):
        pieces = [fragment_v4(pieces[0], shape)]
        seen = [dataclasses.replace(whole if shape == "first" else bare, fragment=shape)]
    else:
        seen = [whole]
    return list(zip(pieces, seen, strict=True))


def fragment_v4(data, shape):
    header = data[:6] + struct.pack("!H", {"first": 0x2000, "later": 0x0003}[shape]) + data[8:10] + b"\0\0" + data[12:20]
    total = sum(struct.unpack("!10H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:] + data[20:]


def route_of(filters, item, seen):
    """Decide at both places: the entries that count the packet, and whether it arrives."""
    counted = []
    for interface, direction in ((item["iif"], "in"), (out_of(item["destination"]), "out")):
        here = [f for f in filters if (f.interface, f.direction, f.family) == (interface, direction, seen.family)]
        for one in here:
            entries = met(one.entries, seen)
            counted += [(one.interface, one.direction, one.name, entry.key) for entry in entries]
            if entries and entries[-1].permit is False:
                return counted, False
    return counted, True


@given(filters(), st.lists(sent(), min_size=10, max_size=60))
@settings(max_examples=100, phases=QUICK, suppress_health_check=SLOW)
def test_the_kernel_decides_and_counts_as_the_model(place, drawn, items):
    place.plane.apply([])
    place.plane.apply(drawn)
    wires, expected, counts, sizes = [], [], Counter(), Counter()
    for item in items:
        for data, seen in on_the_wire(item, next(nonces)):
            counted, arrives = route_of(drawn, item, seen)
            counts.update(counted)
            for key in counted:
                sizes[key] += len(data)
            wires.append((item["iif"], data))
            expected.append((item, seen, data, arrives))
    found = Counter((oif, forwarded(data)) for oif, data in place.send(wires) if not is_error(data))
    wanted = Counter((out_of(item["destination"]), forwarded(data)) for item, _seen, data, arrives in expected if arrives)
    assert found == wanted, (found - wanted, wanted - found)
    numbers = place.plane.counters()
    assert {key: value for key, value in numbers.items() if value[0]} == {key: (counts[key], sizes[key]) for key in counts}
    assert set(numbers) == {(f.interface, f.direction, f.name, e.key) for f in drawn for e in f.entries}


def forwarded(data):
    """The packet without what a router changes: time to live and header checksum."""
    return data[:8] + data[9:10] + data[12:] if data[0] >> 4 == 4 else data[:7] + data[8:]


def is_error(data):
    """Whether it is an ICMP error from the router itself."""
    source = data[12:16] if data[0] >> 4 == 4 else data[8:24]
    return source in (socket.inet_aton("192.0.2.254"), socket.inet_pton(socket.AF_INET6, "2001:db8:5::fe"))


TO_THE_ROUTER = {"4": ("198.51.100.9", "192.0.2.254"), "6": ("2001:db8:e000::9", "2001:db8:5::fe")}


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("reply", [True, False])
def test_in_is_about_the_router_itself_too_and_it_answers(place, family, reply):
    source, router = TO_THE_ROUTER[family]
    deny = Entry("10", False, Match(int(family), 6, dports=((25, 25),)), reply)
    place.plane.apply([Filter("c0", "in", "x", int(family), (deny,))])
    (data,) = packet(source, router, 40000, 25, next(nonces))
    answers = place.send([("c0", data)])
    if reply:
        ((oif, answer),) = answers
        kind, start = ((3, 13), 20) if family == "4" else ((1, 1), 40)
        assert (oif, tuple(answer[start : start + 2])) == ("c0", kind)
        assert data[-20:-4] in answer
    else:
        assert answers == []
    (data,) = packet(source, router, 40000, 26, next(nonces))
    ((_oif, answer),) = place.send([("c0", data)])
    assert not is_error(answer) or answer[9 if family == "4" else 6] == 6, "only the port is closed there"
    assert place.plane.counters() == {("c0", "in", "x", "10"): (1, len(data))}


def test_out_is_not_about_what_the_router_itself_sends(place):
    everything = [Filter("c0", "out", f"v{family}", family, (Entry("10", False, Match(family)),)) for family in (4, 6)]
    place.plane.apply(everything)
    for source, router in TO_THE_ROUTER.values():
        (data,) = packet(source, router, 40000, 26, next(nonces))
        assert [oif for oif, _answer in place.send([("c0", data)])] == ["c0"]
    assert set(place.plane.counters().values()) == {(0, 0)}


def mail(place):
    (data,) = packet("203.0.113.9", "198.51.100.9", 40000, 25, next(nonces))
    return len([oif for oif, _data in place.send([("up0", data)]) if oif == "c0"])


def test_an_entry_that_stays_goes_on_counting(place):
    smtp, rest = Entry("10", True, Match(4, 6, dports=((25, 25),))), Entry("20", False, Match(4))
    key = ("c0", "out", "x", "10")
    place.plane.apply([Filter("c0", "out", "x", 4, (smtp, rest))])
    assert mail(place) == 1
    size = place.plane.counters()[key][1]
    new = Entry("5", False, Match(4, 17))
    place.plane.apply([Filter("c0", "out", "x", 4, (new, smtp, rest)), Filter("c0", "in", "y", 4, (rest,))])
    assert mail(place) == 1
    assert place.plane.counters()[key] == (2, 2 * size)
    place.plane.clear("y")
    assert place.plane.counters()[key] == (2, 2 * size)
    place.plane.clear("x")
    assert place.plane.counters()[key] == (0, 0)
    assert mail(place) == 1
    assert place.plane.counters()[key] == (1, size)
    place.plane.apply([Filter("c0", "out", "x", 4, (dataclasses.replace(smtp, permit=False), rest))])
    assert place.plane.counters()[key] == (0, 0)
    assert mail(place) == 0


def test_an_entry_has_one_counter(place):
    twice = Filter("c0", "out", "x", 4, (Entry("10", False, Match(4)), Entry("10", True, Match(4))))
    six = Filter("c0", "out", "x", 6, (Entry("10", False, Match(6)),))
    for filters in ([twice], [dataclasses.replace(twice, entries=twice.entries[:1]), six]):
        with pytest.raises(ValueError, match="counter"):
            place.plane.apply(filters)


def send_mail(place, number):
    """So many at once, to two addresses by turns; how many arrive."""
    sent = [("up0", packet("203.0.113.9", f"198.51.100.{8 + n % 2}", 40000, 25, next(nonces))[0]) for n in range(number)]
    return len([oif for oif, _data in place.send(sent) if oif == "c0"])


@pytest.mark.parametrize(("unit", "size"), [("packets", 1), ("bytes", 40)])
def test_a_policer_drops_what_is_too_much_wherever_it_is_used(place, unit, size):
    policer = Policer("slow", size, 5 * size, unit)
    entries = (Entry("10", None, Match(4, 6, dports=((25, 25),)), policers=(policer,)), Entry("20", True, Match(4)))
    place.plane.apply([Filter("c0", "out", "x", 4, entries), Filter("up0", "in", "y", 4, entries[1:])])
    assert 5 <= send_mail(place, 40) <= 7
    dropped = place.plane.policed()["slow"]
    counted = place.plane.counters()
    assert counted["c0", "out", "x", "10"] == (40, 1600), "it is counted before"
    assert counted["c0", "out", "x", "20"][0] == 40 - dropped
    # The bucket is the same one, and as empty, for another filter that takes the old one's place.
    place.plane.apply([Filter("up0", "in", "z", 4, entries)])
    assert send_mail(place, 40) <= 2
    assert place.plane.policed()["slow"] == dropped + 40 - place.plane.counters()["up0", "in", "z", "20"][0]
    place.plane.apply([])
    assert place.plane.policed() == {}


@pytest.mark.parametrize(("mask", "buckets"), [(0xFF, 2), (0x01, 2), (0xF0, 1)])
def test_a_policer_for_each_address_has_as_many_buckets_as_the_mask_tells_apart(place, mask, buckets):
    entry = Entry("10", True, Match(4, 6, dports=((25, 25),)), policers=(Policer("each", 1, 5, side="daddr", mask=mask),))
    place.plane.apply([Filter("c0", "out", "x", 4, (entry,))])
    assert 5 * buckets <= send_mail(place, 40) <= 7 * buckets


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("reply", [0, 1, 3, 4, 5, 10, 13, "reset"])
def test_a_denied_packet_is_answered_as_the_entry_wants(place, family, reply):
    if family == "6" and reply in (10, 13):
        pytest.skip("RFC 4443 has no such code")
    source, router = TO_THE_ROUTER[family]
    place.plane.apply([Filter("c0", "in", "x", int(family), (Entry("10", False, Match(int(family)), reply),))])
    start = 20 if family == "4" else 40
    kind, prohibited = (3, 13) if family == "4" else (1, 1)
    for protocol in (6, 47):
        (data,) = packet(source, router, 40000, 25, next(nonces), protocol=protocol)
        ((oif, answer),) = place.send([("c0", data)])
        assert oif == "c0"
        if reply == "reset" and protocol == 6:
            assert answer[start : start + 4] == struct.pack("!HH", 25, 40000)
            assert answer[start + 13] & 0x04
        else:
            assert tuple(answer[start : start + 2]) == (kind, prohibited if reply == "reset" else reply)


def test_a_list_without_entries_lets_everything_pass(place):
    place.plane.apply([Filter("c0", "out", "x", 4, ())])
    assert mail(place) == 1


def test_a_bad_filter_changes_nothing(place):
    deny = Filter("c0", "out", "x", 4, (Entry("10", False, Match(4)),))
    place.plane.apply([deny])
    with pytest.raises(RuntimeError):
        place.plane.apply([dataclasses.replace(deny, interface="a name that is too long for the kernel")])
    assert mail(place) == 0
    place.plane.apply([dataclasses.replace(deny, entries=())])
    assert mail(place) == 1


def test_a_reload_lets_nothing_slip_through(place):
    """A flood that both lists deny, each by another entry, while one takes the other's place."""
    denies = [Entry(key, False, Match(4, 6, dports=((25, 25),)), False) for key in ("10", "20")]
    flood = [packet("203.0.113.9", "198.51.100.9", 40000, 25, next(nonces))[0] for _number in range(2000)]
    place.plane.apply([Filter("c0", "out", "x", 4, (denies[0],))])
    with ThreadPoolExecutor(1) as pool:
        arrivals = pool.submit(lambda: [place.send([("up0", data) for data in flood]) for _round in range(10)])
        reloads = 0
        while not arrivals.done():
            reloads += 1
            place.plane.apply([Filter("c0", "out", "x", 4, (denies[reloads % 2], Entry("30", True, Match(4))))])
    assert arrivals.result() == [[]] * 10
    assert reloads > 5


def test_the_kernel_does_what_ios_xr_committed_and_goes_back_with_it(place):
    clock = [0.0]
    device = Device("interface HundredGigE0/0/0/0\n", hostname="edge-x1", clock=lambda: clock[0])
    device.on_change.append(lambda: place.plane.apply([dataclasses.replace(one, interface="c0") for one in device.filters()]))
    place.plane.apply([])
    user = device.session("ansible")

    def enter(*lines):
        return "".join(user.line(line) for line in lines)

    groups = "object-group network ipv4 FROM", "203.0.113.0/28", "object-group port MAIL", "eq 25"
    acl = "ipv4 access-list OUT", "10 deny tcp net-group FROM any port-group MAIL", "20 permit ipv4 any any"
    bind = "interface hu0/0/0/0", "ipv4 access-group OUT egress"
    assert enter("terminal exec prompt no-timestamp", "configure", *groups, *acl, *bind) == ""
    assert mail(place) == 1
    assert enter("commit confirmed 30") == ""
    assert mail(place) == 0
    (counted,) = [key for key, (packets, _size) in place.plane.counters().items() if packets]
    assert counted == ("c0", "out", "ipv4 OUT", "10")
    clock[0] += 30
    device.tick()
    assert mail(place) == 1


def test_large_lists_are_enforced(place):
    lines = tuple(Entry(str(i), i % 2 == 0, Match(4, 6, ((i << 8, 0xFFFFFFFF),), dports=((25, 25),))) for i in range(5000))
    pool = tuple((number("2001:db8::") + (i << 65), ((1 << 64) - 1) << 64) for i in range(100_000))
    group = (Entry("10", False, Match(6, 6, pool, dports=((25, 25),))), Entry("20", True, Match(6)))
    place.plane.apply([Filter("c0", "in", "x", 4, lines), Filter("c0", "in", "y", 6, group)])
    source = str(ipaddress.IPv6Address(pool[54321][0] + 1))
    (data,) = packet(source, "2001:db8:c000::1", 40000, 25, next(nonces))
    place.send([("c0", data)])
    assert place.plane.counters()["c0", "in", "y", "10"][0] == 1
    place.plane.apply([])
