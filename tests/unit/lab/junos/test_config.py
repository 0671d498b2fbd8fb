# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cli.filter import Packet, Policer, decide
from lab.junos import config
from lab.junos.config import Binding, CommitError, flags
from lab.junos.filters import compile_filters, show
from lab.machine import FILES

INTERFACES = {"xe-0/0/0": "up0", "ge-0/0/1": "central0"}
ACCEPT = "<then><accept/></then>"
TERM = f"<term><name>t</name>{ACCEPT}</term>"
PPS = "<if-exceeding-pps><pps-limit>10</pps-limit><packet-burst>5</packet-burst></if-exceeding-pps><then><discard/></then>"
POLICER = f"<policer><name>slow</name>{PPS}</policer>"


def names(tag, *items):
    """List entries by their keys; one that begins with ! has `except`."""
    return "".join(f"<{tag}><name>{i.removeprefix('!')}</name>{'<except/>' * i.startswith('!')}</{tag}>" for i in items)


def filter_of(*terms, name="f", family="inet", more=""):
    return (
        f"<firewall><family><{family}><filter><name>{name}</name>{''.join(terms)}</filter></{family}></family>{more}</firewall>"
    )


def term(matches="", action="<discard/>", name="t"):
    return f"<term><name>{name}</name><from>{matches}</from><then>{action}</then></term>"


def bound(inside, interface="xe-0/0/0", family="inet"):
    return (
        f"<interfaces><interface><name>{interface}</name><unit><name>0</name><family><{family}><filter>{inside}</filter>"
        f"</{family}></family></unit></interface></interfaces>"
    )


def prefix_list(name, *items):
    return f"<policy-options><prefix-list><name>{name}</name>{names('prefix-list-item', *items)}</prefix-list></policy-options>"


def read(*parts):
    return config.read(
        ET.fromstring(f'<configuration xmlns="http://yang.juniper.net/junos/conf/root">{"".join(parts)}</configuration>')
    )


def refused(*parts):
    """The only error."""
    (found,) = read(*parts).errors
    return found.path, found.element, found.message


def kernel(*parts):
    """The entries of the only filter that is bound."""
    found = read(*parts)
    assert found.errors == []
    (one,) = compile_filters(found, INTERFACES)
    return one


def entries(*terms, family="inet", more="", other=""):
    wanted = "<input><filter-name>f</filter-name></input>"
    return kernel(other, filter_of(*terms, family=family, more=more), bound(wanted, family=family)).entries


def packet(source="198.51.100.9", destination="203.0.113.9", protocol=6, sport=40000, dport=25, **more):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        more.setdefault("headers", (protocol,))
    return Packet(int(source), int(destination), source.version, protocol, sport, dport, **more)


def judged(found, *packets):
    """For each packet the key that decides."""
    return [decide(found, one).key for one in packets]


def test_the_first_configuration_is_valid_and_bound():
    found = config.read(ET.parse(FILES / "edge-j1.xml").getroot()[0])
    assert found.errors == []
    assert found.bindings == [
        Binding("xe-0/0/0.0", "in", 4, ("edge-in",), False),
        Binding("xe-0/0/0.0", "out", 4, ("edge-out",), False),
        Binding("xe-0/0/0.0", "in", 6, ("edge-in-v6",), True),
    ]


def test_a_router_without_configuration_filters_nothing():
    assert compile_filters(config.read(None), INTERFACES) == []


# -- terms -------------------------------------------------------------------------------------------------------------


def test_terms_in_their_order_and_a_discard_at_the_end():
    found = entries(
        term("<protocol>tcp</protocol><destination-port>25</destination-port>", name="mail"),
        f"<term><name>quiet</name><from>{names('source-address', '198.51.100.0/24')}</from></term>",
    )
    assert judged(found, packet(), packet(dport=26), packet("192.0.2.1", dport=26)) == ["f/mail", "f/quiet", "(end)"]
    assert [(entry.permit, entry.reply) for entry in found] == [(False, False), (True, False), (False, False)]


def test_a_term_without_from_matches_all_and_one_without_end_accepts():
    found = entries("<term><name>a</name><then><count>c</count><log/><syslog/></then></term>")
    assert judged(found, packet(protocol=47)) == ["f/a"]
    assert found[0].permit is True


def test_next_term_leaves_the_decision_to_those_below():
    found = entries(term("<protocol>tcp</protocol>", "<count>c</count><next>term</next>", "a"), term(name="b"))
    assert found[0].permit is None
    assert judged(found, packet()) == ["f/b"]


@pytest.mark.parametrize(
    ("family", "kind", "reply"),
    [
        ("inet", "", True),
        ("inet6", "", True),
        ("inet", "<administratively-prohibited/>", True),
        ("inet6", "<administratively-prohibited/>", True),
        ("inet", "<tcp-reset/>", "reset"),
        ("inet6", "<tcp-reset/>", "reset"),
        ("inet", "<port-unreachable/>", 3),
        ("inet6", "<port-unreachable/>", 4),
        ("inet", "<network-prohibited/>", 9),
        ("inet6", "<no-route/>", 0),
    ],
)
def test_what_a_reject_answers(family, kind, reply):
    found = entries(term(action=f"<reject>{kind}</reject>"), family=family)
    assert (found[0].permit, found[0].reply) == (False, reply)


def test_filters_of_a_list_are_one_with_one_discard_at_its_end():
    first = filter_of(term("<protocol>tcp</protocol>", name="a"), name="one")
    second = filter_of(term("<protocol>udp</protocol>", name="a"), name="two")
    both = first.replace("</inet></family></firewall>", second.removeprefix("<firewall><family><inet>"))
    found = kernel(both, bound("<output-list>two</output-list><output-list>one</output-list>", "ge-0/0/1"))
    assert (found.interface, found.direction) == ("central0", "out")
    assert [entry.key for entry in found.entries] == ["two/a", "one/a", "(end)"]


def test_what_is_bound_to_an_interface_that_is_not_there_is_nobodys():
    found = read(filter_of(TERM), bound("<input><filter-name>f</filter-name></input>", "et-0/0/9"))
    assert (found.errors, compile_filters(found, INTERFACES)) == ([], [])


# -- conditions --------------------------------------------------------------------------------------------------------


def test_the_longest_match_decides_whatever_the_order():
    found = entries(term(names("source-address", "198.51.100.0/25", "!198.51.0.0/16", "!198.51.100.8/30", "198.51.100.9/32")))
    wanted = {"198.51.100.1": "f/t", "198.51.100.8": "(end)", "198.51.100.9": "f/t", "198.51.100.10": "(end)"}
    wanted |= {"198.51.100.130": "(end)", "203.0.113.1": "(end)"}
    assert {source: decide(found, packet(source)).key for source in wanted} == wanted


@given(
    st.dictionaries(st.tuples(st.integers(0, 0xFF), st.integers(24, 32)), st.booleans(), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_longest_match_is_what_it_is_by_the_book(drawn, everything):
    networks = {
        ipaddress.ip_network((0xC6336400 + host, length), strict=False): wanted for (host, length), wanted in drawn.items()
    }
    networks |= {ipaddress.ip_network("0.0.0.0/0"): True} if everything else {}
    found = entries(term(names("source-address", *(f"{'' if wanted else '!'}{net}" for net, wanted in networks.items()))))
    for number in range(0xC63363FE, 0xC6336502):
        address = ipaddress.ip_address(number)
        around = [net for net in networks if address in net]
        wanted = bool(around) and networks[max(around, key=lambda net: net.prefixlen)]
        assert judged(found, packet(str(address))) == ["f/t" if wanted else "(end)"]


def test_only_exceptions_match_nothing():
    assert judged(entries(term(names("source-address", "!198.51.100.0/24"))), packet(), packet("192.0.2.1")) == ["(end)"] * 2


def test_addresses_and_prefix_lists_of_a_condition_are_one_set():
    lists = prefix_list("pool", "198.51.100.0/24", "2001:db8:1::/48")
    conditions = names("source-prefix-list", "pool") + names("source-address", "!198.51.100.9/32", "192.0.2.1")
    found = entries(term(conditions), other=lists)
    assert judged(found, packet(), packet("198.51.100.10"), packet("192.0.2.1")) == ["(end)", "f/t", "f/t"]


def test_a_prefix_list_with_except_is_taken_out():
    lists = prefix_list("ours", "203.0.113.8/29")
    found = entries(term(names("destination-address", "0.0.0.0/0") + names("destination-prefix-list", "!ours")), other=lists)
    assert judged(found, packet(), packet(destination="203.0.113.25")) == ["(end)", "f/t"]


@pytest.mark.parametrize("condition", [names("address", "203.0.113.0/24"), names("prefix-list", "x")])
def test_address_is_either_end(condition):
    found = entries(term(condition), other=prefix_list("x", "203.0.113.0/24"))
    assert judged(found, packet(), packet("203.0.113.1", "192.0.2.1"), packet(destination="192.0.2.1")) == ["f/t", "f/t", "(end)"]


def test_port_is_either_end():
    found = entries(term("<protocol>tcp</protocol><port>smtp</port>"))
    assert judged(found, packet(), packet(sport=25, dport=1), packet(dport=1)) == ["f/t", "f/t", "(end)"]


def test_ports_do_not_ask_for_a_protocol():
    found = entries(term("<destination-port>25</destination-port><destination-port>587-588</destination-port>"))
    assert judged(found, packet(protocol=17), packet(protocol=47), packet(dport=588), packet(dport=26)) == [*["f/t"] * 3, "(end)"]


@pytest.mark.parametrize("matches", ["<destination-port>25</destination-port>", "<tcp-initial/>", "<tcp-flags>syn</tcp-flags>"])
def test_a_later_fragment_has_no_layer_4(matches):
    later = packet(sport=None, dport=None, fragment="later")
    assert judged(entries(term(matches, "<accept/>")), packet(flags=2), later) == ["f/t", "(end)"]


def test_fragments():
    pieces = [packet(fragment=kind) for kind in ("none", "first", "later")]
    assert judged(entries(term("<first-fragment/>")), *pieces) == ["(end)", "f/t", "(end)"]
    assert judged(entries(term("<is-fragment/>")), *pieces) == ["(end)", "(end)", "f/t"]


def test_next_header_sees_the_first_one_and_payload_protocol_the_last():
    behind = packet("2001:db8::1", "2001:db8::2", headers=(60, 6))
    plain = packet("2001:db8::1", "2001:db8::2")
    assert judged(entries(term("<next-header>tcp</next-header>"), family="inet6"), plain, behind) == ["f/t", "(end)"]
    assert judged(entries(term("<payload-protocol>tcp</payload-protocol>"), family="inet6"), plain, behind) == ["f/t"] * 2
    assert judged(entries(term("<extension-header>destination</extension-header>"), family="inet6"), plain, behind) == [
        "(end)",
        "f/t",
    ]


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("syn", {0x02, 0x12}),
        ("syn & !ack", {0x02}),
        ("(ack | rst)", {0x10, 0x12, 0x04}),
        ("ack , rst", {0x10, 0x12, 0x04}),
        ("syn+ack", {0x12}),
        ("!syn", {0x10, 0x04}),
        ("0x12", {0x12}),
        ("!(syn | ack)", {0x04}),
    ],
)
def test_tcp_flags(text, matching):
    seen = {one for one in (0x02, 0x12, 0x10, 0x04) if any((one ^ value) & mask == 0 for value, mask in flags(text))}
    assert seen == matching


@given(st.sets(st.integers(0, 63), min_size=1, max_size=63))
def test_alternatives_of_flags_are_those_and_no_others(numbers):
    pairs = flags(
        " | ".join(" & ".join(f"{'' if n & 1 << bit else '!'}{1 << bit:#x}" for bit in range(6)) for n in sorted(numbers))
    )
    assert {one for one in range(64) if any((one ^ value) & mask == 0 for value, mask in pairs)} == numbers


@pytest.mark.parametrize(("tag", "text"), [("tcp-initial", "syn & !ack"), ("tcp-established", "ack | rst")])
def test_the_aliases_of_tcp_flags(tag, text):
    assert entries(term(f"<{tag}/>"))[0].match.tcp_flags == flags(text)


# -- policers and counters ---------------------------------------------------------------------------------------------


def test_a_policer_is_one_for_each_term_that_uses_it():
    use = "<policer>slow</policer><accept/>"
    found = entries(term(action=use, name="a"), term(action=use, name="b"), more=POLICER)
    buckets = [policer for entry in found for policer in entry.policers]
    assert [policer.name for policer in buckets] == ["v4 f/slow-a ", "v4 f/slow-b "]
    assert {(policer.rate, policer.burst, policer.unit) for policer in buckets} == {(10, 5, "packets")}


def test_a_bandwidth_is_in_bits_and_a_burst_in_bytes():
    limit = "<if-exceeding><bandwidth-limit>1m</bandwidth-limit><burst-size-limit>15k</burst-size-limit></if-exceeding>"
    more = f"<policer><name>slow</name>{limit}<then><discard/></then></policer>"
    (policer,) = entries(term(action="<policer>slow</policer>"), more=more)[0].policers
    assert policer == Policer("v4 f/slow-t ", 125_000, 15_000, "bytes")


@pytest.mark.parametrize(("subnet", "length", "mask"), [(24, 32, 0xFF), (16, 24, 0xFF00), (0, 32, 0xFFFFFFFF), (24, 24, 0)])
def test_a_prefix_action_is_a_policer_for_each_prefix_below_one_of_the_subnets_length(subnet, length, mask):
    action = (
        f"<prefix-action><name>each</name><policer>slow</policer><subnet-prefix-length>{subnet}</subnet-prefix-length>"
        f"<source-prefix-length>{length}</source-prefix-length></prefix-action>"
    )
    text = filter_of(term(action="<prefix-action>each</prefix-action><accept/>"), more=POLICER).replace(
        "<inet>", f"<inet>{action}"
    )
    (policer,) = kernel(text, bound("<input><filter-name>f</filter-name></input>")).entries[0].policers
    assert (policer.side, policer.mask, policer.rate) == ("saddr", mask, 10)


def shown(*parts, counters=(), policed=()):
    found = show(read(*parts), INTERFACES, dict(counters), dict(policed))
    return {
        (one.name, kind): values for one in found for kind, values in (("counters", one.counters), ("policers", one.policers))
    }


COUNTING = term(action="<count>c</count><policer>slow</policer><accept/>")


def test_a_filter_is_one_wherever_it_is_bound():
    places = bound("<input><filter-name>f</filter-name></input>") + bound(
        "<input><filter-name>f</filter-name></input>", "ge-0/0/1"
    )
    counters = {("up0", "in", "v4 f", "f/t"): (3, 120), ("central0", "in", "v4 f", "f/t"): (1, 40)}
    found = shown(
        filter_of(COUNTING, more=POLICER),
        places.replace("</interfaces><interfaces>", ""),
        counters=counters,
        policed={"v4 f/slow-t ": 7},
    )
    assert found == {("f", "counters"): {"c": (4, 160)}, ("f", "policers"): {"slow-t": 7}}


def test_a_list_is_named_after_its_place_and_so_is_all_that_counts_in_it():
    counters = {("up0", "out", "v4 xe-0/0/0.0-o", "f/t"): (3, 120)}
    found = shown(
        filter_of(COUNTING, more=POLICER),
        bound("<output-list>f</output-list>"),
        counters=counters,
        policed={"v4 f/slow-t xe-0/0/0.0-o": 2},
    )
    assert found == {
        ("xe-0/0/0.0-o", "counters"): {"c-xe-0/0/0.0-o": (3, 120)},
        ("xe-0/0/0.0-o", "policers"): {"slow-t-xe-0/0/0.0-o": 2},
    }


def test_an_interface_specific_filter_is_named_after_its_place_too():
    text = filter_of(COUNTING, more=POLICER).replace("<name>f</name>", "<name>f</name><interface-specific/>")
    counters = {("up0", "in", "v4 f", "f/t"): (3, 120)}
    found = shown(text, bound("<input><filter-name>f</filter-name></input>"), counters=counters)
    assert found["f-xe-0/0/0.0-i", "counters"] == {"c-xe-0/0/0.0-i": (3, 120)}


def test_a_filter_that_is_not_bound_has_counted_nothing():
    assert shown(filter_of(COUNTING, more=POLICER)) == {("f", "counters"): {"c": (0, 0)}, ("f", "policers"): {}}


# -- commit check ------------------------------------------------------------------------------------------------------

LONG = "x" * 65
IN = "<input><filter-name>f</filter-name></input>"
UNIT = "[edit interfaces xe-0/0/0 unit 0 family inet]"
BINDING = "[edit interfaces xe-0/0/0 unit 0 family inet filter]"
PATH = "[edit firewall family inet filter f term t]"
PATH6 = "[edit firewall family inet6 filter f term t]"
TOO_LONG = "Must be a string of 64 characters or less"
ABSENT = "prefix-list 'x' has no prefix of this family"


@pytest.mark.parametrize(
    ("parts", "path", "element", "message"),
    [
        ([bound("<output-list>f</output-list>")], UNIT, "filter", "Referenced filter 'f' is not defined"),
        ([filter_of(TERM, family="inet6"), bound(IN)], UNIT, "filter", "Referenced filter 'f' is not defined"),
        (
            [filter_of(TERM), bound(f"{IN}<input-list>f</input-list>")],
            BINDING,
            "input",
            "'input' and 'input-list' cannot be configured together",
        ),
        (
            [filter_of(TERM), bound(f"{IN}<input-list>f</input-list>".replace("input", "output"))],
            BINDING,
            "output",
            "'output' and 'output-list' cannot be configured together",
        ),
        ([filter_of(TERM), bound("<input-list>f</input-list>" * 2)], BINDING, "input-list", "a filter is twice in the list"),
        ([filter_of()], "[edit firewall family inet filter]", "f", "filter 'f' has no terms"),
        (
            [filter_of(term(names("source-prefix-list", "x")))],
            PATH,
            "source-prefix-list",
            "Referenced prefix-list 'x' is not defined",
        ),
        ([prefix_list("x"), filter_of(term(names("prefix-list", "x")))], PATH, "prefix-list", ABSENT),
        ([prefix_list("x", "2001:db8::/32"), filter_of(term(names("prefix-list", "x")))], PATH, "prefix-list", ABSENT),
        (
            [filter_of(term(names("source-address", "192.0.2.0/24", "!192.0.2.0/24")))],
            PATH,
            "source-address",
            "'192.0.2.0/24' is both with and without 'except'",
        ),
        (
            [
                prefix_list("x", "192.0.2.0/24"),
                filter_of(term(names("source-address", "!192.0.2.0/24") + names("source-prefix-list", "x"))),
            ],
            PATH,
            "source-prefix-list",
            "'192.0.2.0/24' is both with and without 'except'",
        ),
        ([filter_of(term(names("source-address", "2001:db8::/32")))], PATH, "source-address", "invalid address: '2001:db8::/32'"),
        ([filter_of(term(names("source-address", "192.0.2.0/33")))], PATH, "source-address", "invalid address: '192.0.2.0/33'"),
        (
            [filter_of(term(names("address", "192.0.2.0/24") + names("source-address", "192.0.2.0/24")))],
            PATH,
            "address",
            "'address' and 'source-address' cannot be in the same term",
        ),
        (
            [filter_of(term("<port>25</port><destination-port>25</destination-port>"))],
            PATH,
            "port",
            "'port' and 'destination-port' cannot be in the same term",
        ),
        (
            [filter_of(term("<tcp-initial/><tcp-established/>"))],
            PATH,
            "tcp-flags",
            "'tcp-flags', 'tcp-initial' and 'tcp-established' cannot be in the same term",
        ),
        ([filter_of(term("<tcp-flags>syn &amp;</tcp-flags>"))], PATH, "tcp-flags", "invalid value: 'syn &'"),
        (
            [filter_of(term("<first-fragment/><is-fragment/>"))],
            PATH,
            "is-fragment",
            "'is-fragment' and 'first-fragment' cannot be in the same term",
        ),
        (
            [filter_of(term("<destination-port>65536</destination-port>"))],
            PATH,
            "destination-port",
            "Value 65536 is not within range (0..65535)",
        ),
        (
            [filter_of(term("<destination-port>26-25</destination-port>"))],
            PATH,
            "destination-port",
            "Value 26-25 is not within range (0..65535)",
        ),
        ([filter_of(term("<destination-port>mail</destination-port>"))], PATH, "destination-port", "invalid value: 'mail'"),
        ([filter_of(term("<protocol>256</protocol>"))], PATH, "protocol", "Value 256 is not within range (0..255)"),
        (
            [filter_of(term("<protocol>tcp</protocol>", "<next>term</next>"))],
            PATH,
            "next",
            "'next term' cannot be the action of the last term of a filter",
        ),
        (
            [filter_of(term("", "<next>term</next>"), TERM.replace(">t<", ">u<"))],
            PATH,
            "next",
            "'next term' is not supported in a term without match conditions",
        ),
        ([filter_of(term("", "<accept/><discard/>"))], PATH, "discard", "'discard' cannot stand with 'accept'"),
        ([filter_of(term("", "<policer>slow</policer>"))], PATH, "policer", "Referenced policer 'slow' is not defined"),
        (
            [filter_of(term("", "<prefix-action>x</prefix-action>"))],
            PATH,
            "prefix-action",
            "Referenced prefix-action 'x' is not defined",
        ),
        (
            [filter_of(term("", "<reject><no-route/></reject>"))],
            PATH,
            "reject",
            "'no-route' is not a message of ICMP for this family",
        ),
        ([filter_of(term("", f"<count>{LONG}</count>"))], PATH, "count", TOO_LONG),
        ([filter_of(TERM, name=LONG)], "[edit firewall family inet filter]", LONG, TOO_LONG),
        ([filter_of(TERM.replace(">t<", f">{LONG}<"))], "[edit firewall family inet filter f]", LONG, TOO_LONG),
        ([prefix_list(LONG)], "[edit policy-options prefix-list]", LONG, TOO_LONG),
        (
            [prefix_list("x", "192.0.2.0/33")],
            "[edit policy-options prefix-list x]",
            "192.0.2.0/33",
            "invalid prefix: '192.0.2.0/33'",
        ),
        (
            [prefix_list("x", "2001:db8::/129")],
            "[edit policy-options prefix-list x]",
            "2001:db8::/129",
            "invalid prefix: '2001:db8::/129'",
        ),
        ([filter_of(TERM, more=f"<policer><name>{LONG}</name>{PPS}</policer>")], "[edit firewall policer]", LONG, TOO_LONG),
        (
            [filter_of(TERM, more="<policer><name>p</name><then><discard/></then></policer>")],
            "[edit firewall policer p]",
            "p",
            "policer must have a limit: if-exceeding or if-exceeding-pps",
        ),
        (
            [filter_of(TERM, more=f"<policer><name>p</name>{PPS.replace('<discard/>', '')}</policer>")],
            "[edit firewall policer p]",
            "then",
            "policer action must be specified",
        ),
        ([filter_of(term("<icmp-type>8</icmp-type>"))], PATH, "icmp-type", config.UNSUPPORTED),
        ([filter_of(term("<protocol>tcp</protocol>"), family="inet6")], PATH6, "protocol", config.UNSUPPORTED),
        ([filter_of(term("", "<forwarding-class>x</forwarding-class>"))], PATH, "forwarding-class", config.UNSUPPORTED),
        ([filter_of("<enhanced-mode/>", TERM)], "[edit firewall family inet filter f]", "enhanced-mode", config.UNSUPPORTED),
        (
            [filter_of(term("<extension-header>esp</extension-header>"), family="inet6")],
            PATH6,
            "extension-header",
            "invalid value: 'esp'",
        ),
        (
            [filter_of(term("<payload-protocol>routing</payload-protocol>"), family="inet6")],
            PATH6,
            "payload-protocol",
            "an extension header is not a payload protocol",
        ),
    ],
)
def test_commit_check(parts, path, element, message):
    assert refused(*parts) == (path, element, message)


@pytest.mark.parametrize(
    ("limit", "element", "message"),
    [
        (("7999", "1500"), "bandwidth-limit", "Value 7999 is not within range (8000..18446744073709551615)"),
        (("8k", "1499"), "burst-size-limit", "Value 1499 is not within range (1500..100000000000)"),
        (("fast", "1500"), "bandwidth-limit", "Value fast is not within range (8000..18446744073709551615)"),
        (("", "1500"), "bandwidth-limit", "Missing mandatory statement: 'bandwidth-limit'"),
    ],
)
def test_the_range_of_a_policer(limit, element, message):
    text = f"<bandwidth-limit>{limit[0]}</bandwidth-limit><burst-size-limit>{limit[1]}</burst-size-limit>"
    more = f"<policer><name>p</name><if-exceeding>{text}</if-exceeding><then><discard/></then></policer>"
    assert refused(filter_of(TERM, more=more)) == ("[edit firewall policer p]", element, message)


def test_sixteen_filters_are_a_list_and_seventeen_are_not():
    text = "".join(f"<filter><name>f{n}</name>{TERM}</filter>" for n in range(17))
    text = f"<firewall><family><inet>{text}</inet></family></firewall>"
    lists = ["".join(f"<input-list>f{n}</input-list>" for n in range(length)) for length in (16, 17)]
    assert read(text, bound(lists[0])).errors == []
    assert read(text, bound(lists[1])).errors == [CommitError(BINDING, "input-list", "number of filters exceeds maximum of 16")]


def test_next_term_may_stand_1024_times():
    def many(number):
        return read(
            filter_of(*(term("<protocol>tcp</protocol>", "<next>term</next>", f"t{n}") for n in range(number)), TERM)
        ).errors

    assert many(1024) == []
    assert many(1025) == [
        CommitError("[edit firewall family inet filter f]", "next", "filter 'f' has more than 1024 next term actions")
    ]


def test_all_that_is_wrong_is_said_at_once():
    assert len(read(filter_of(), bound("<output-list>g</output-list>")).errors) == 2
