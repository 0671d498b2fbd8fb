# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
import datetime
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import impact, policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

from tests.screens import text as shown

ROOT = Path(__file__).resolve().parents[4]
WISH = {"purpose": "tell customers\nbefore the block", "until": "2019-03-20", "hours": 24}
KNOWN = """\
# made up
prefix,customer,case,contact
198.51.100.0/26,"Ito, Taro",company,taro@example.net
198.51.100.10,4712,own_server,hanako@example.net
2001:db8:e000::/48,4712,own_server,hanako@example.net
198.51.100.128/25,4800,hosting,
"""


@pytest.fixture
def load(document):
    area = {"name": "area_east", "date": "2019-03-18", "areas": ["east"], "action": "block"}
    waves = sorted([*document["waves"], area], key=lambda wave: str(wave["date"]))

    def make(today="2019-03-01", **keys):
        return policy.load({**document, "waves": waves, "observe_sources": WISH, **keys}, datetime.date.fromisoformat(today))

    return make


def seen(*lines):
    return "# for: a test\nedge,address,pool,class,syns,hours\n" + "".join(
        f"e1,{address},east_ftth,{name},{syns},24\n" for address, name, syns in lines
    )


def counted(table):
    """The lines of the table as words, and what is below it."""
    head, _line, *body = shown(table).splitlines()
    assert head.split() == ["case", "pool", "class", "first", "blocked", "by", "on", "customers", "addresses", "SYN"]
    end = body.index("")
    return [line.split() for line in body[:end]], body[end + 1 :]


def test_sources_are_a_file_that_says_what_for_and_until_when(load):
    edges = {
        "e1": {"edge_found": {"seen": {"mobile": {"198.51.100.10": 3, "2001:db8:e000::10": 1}, "any": {"192.0.2.1": 2}}}},
        "e2": {"edge_found": {"msg": "no route"}},
        "e3": {},
    }
    assert impact.sources_csv(load(), edges) == (
        "# for: tell customers before the block; to be deleted after 2019-03-20\n"
        "edge,address,pool,class,syns,hours\n"
        "e1,198.51.100.10,east_ftth,mobile,3,24\n"
        "e1,2001:db8:e000::10,east_ftth,mobile,1,24\n"
        "e1,192.0.2.1,,any,2,24\n"
    )


def test_without_a_purpose_and_an_end_no_address_is_written_or_read(load, document):
    for checked in (load("2019-03-21"), policy.load(document, datetime.date(2019, 3, 1))):
        for use in (lambda each=checked: impact.sources_csv(each, {}), lambda each=checked: impact.impact(each, seen())):
            with pytest.raises(Op25bError, match=r"^op25b_policy\.observe_sources: no addresses of customers may be kept today;"):
                use()
    assert impact.sources_csv(load("2019-03-20"), {})


def record(file, outcome="written", last_day="2019-03-20", run="noc:1:1"):
    return {"at": "2019-03-01T00:00:00Z", "run": run, "operator": "taro", "playbook": "observe", "kind": "sources",
            "file": file, "last_day": last_day, "purpose": "a test", "outcome": outcome}  # fmt: skip


def test_files_are_due_after_their_end_or_when_the_policy_has_none(load, document):
    records = [
        record("/a"),
        record("/b", last_day="2019-03-10"),
        record("/c"),
        record("/c", "deleted"),
        record("/d", last_day="2019-03-10", run="[::1]:2:2"),
    ]
    due = {"kind": "sources", "last_day": "2019-03-10", "purpose": "a test", "outcome": "deleted"}
    assert impact.expired(load("2019-03-10"), records, "noc") == []
    assert impact.expired(load("2019-03-11"), records, "noc") == [
        {"record": {**due, "file": "/b"}, "here": True},
        {"record": {**due, "file": "/d"}, "here": False},
    ]
    for checked in (load("2019-03-21"), policy.load(document, datetime.date(2019, 3, 1))):
        assert [each["record"]["file"] for each in impact.expired(checked, records, "noc")] == ["/a", "/b", "/d"]


def test_customers_are_counted_by_case_pool_and_class_with_the_first_wave_that_blocks_them(load):
    text = seen(
        ("198.51.100.5", "mobile", 2),
        ("198.51.100.5", "any", 1),
        ("198.51.100.6", "any", 1),
        ("198.51.100.10", "mobile", 4),
        ("2001:db8:e000::10", "any", 1),
        ("198.51.100.17", "any", 9),
        ("198.51.100.100", "any", 1),
        ("198.51.100.130", "mobile", 1),
        ("203.0.113.7", "any", 1),
    )
    table, contacts = impact.impact(load(), text, KNOWN)
    lines, end = counted(table)
    assert lines == [
        ["hosting", "west_cable", "mobile", "mobile", "2019-03-11", "1", "1", "1"],
        ["company", "east_ftth", "mobile", "pilot", "2019-03-04", "1", "1", "2"],
        ["company", "east_ftth", "any", "area_east", "2019-03-18", "1", "2", "2"],
        ["own_server", "east_ftth", "mobile", "pilot", "2019-03-04", "1", "1", "4"],
        ["own_server", "east_ftth", "any", "area_east", "2019-03-18", "1", "1", "1"],
        ["no", "customer", "known", "east_ftth", "any", "area_east", "2019-03-18", "0", "1", "1"],
        ["exempted", "east_ftth", "any", "area_east", "2019-03-18", "1", "1", "9"],
    ]
    assert end == ["addresses that a wave blocks: 6, of customers: 3, without a known one: 1; exempted: 1"]
    assert list(csv.reader(contacts.splitlines())) == [
        ["customer", "contact", "case", "addresses", "wave", "date"],
        ["4712", "hanako@example.net", "own_server", "198.51.100.10 2001:db8:e000::10", "pilot", "2019-03-04"],
        ["Ito, Taro", "taro@example.net", "company", "198.51.100.5 198.51.100.6", "pilot", "2019-03-04"],
        ["4800", "", "hosting", "198.51.100.130", "mobile", "2019-03-11"],
    ]


def test_without_customers_addresses_are_counted_once_however_many_edges_saw_them(load):
    table, contacts = impact.impact(load(), seen(("198.51.100.5", "mobile", 2), ("198.51.100.5", "mobile", 3)))
    assert counted(table) == (
        [["all", "east_ftth", "mobile", "pilot", "2019-03-04", "-", "1", "5"]],
        ["addresses that a wave blocks: 1; exempted: 0", "no address is known of west_cable"],
    )
    assert contacts == "customer,contact,case,addresses,wave,date\n"


def test_an_exemption_that_ends_before_the_wave_spares_nobody(load):
    for until, case in (("2019-03-17", "own_server"), ("2019-03-18", "exempted")):
        exemption = {"prefixes": ["198.51.100.10/32"], "who": "4712", "why": "a test", "until": until}
        table, contacts = impact.impact(load(exemptions=[exemption]), seen(("198.51.100.10", "any", 1)), KNOWN)
        assert counted(table)[0][0][0] == case
        assert ("4712" in contacts) == (case == "own_server")


def test_a_pool_that_no_wave_blocks_is_counted_and_nobody_is_told(load):
    waves = [{"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"}]
    table, contacts = impact.impact(load(waves=waves), seen(("198.51.100.5", "any", 1)), KNOWN)
    lines, end = counted(table)
    assert lines == [["company", "east_ftth", "any", "-", "-", "1", "1", "1"]]
    assert end[0] == "addresses that a wave blocks: 0, of customers: 0, without a known one: 0; exempted: 0"
    assert contacts.count("\n") == 1


def test_a_held_pool_is_blocked_by_no_wave_after_its_hold(load):
    holds = {"east_ftth": {"wave": "mobile", "why": "a test"}}
    first = impact.first_blocks(load(holds=holds))
    assert {key: wave.name for key, wave in first.items() if key[0] == "east_ftth"} == {("east_ftth", "mobile"): "pilot"}


HEAD = "prefix,customer,case,contact\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "customers: the file is empty; write prefix,customer,case,contact and a line for each."),
        ("# x\nprefix;customer\n", "customers: line 2: 'prefix;customer' is not its head; write prefix,customer,case,contact."),
        (HEAD + "\n198.51.100.0/26,a,company\n", "customers: line 3 has 3 columns; write prefix,customer,case,contact."),
        (HEAD + "198.51.100.1/26,a,company,\n", "customers: line 2: '198.51.100.1/26' has host bits set; write 198.51.100.0/26."),
        (
            HEAD + "# y\n198.51.100.1,a,compny,\n",
            "customers: line 3: 'compny' is no case. Did you mean company? Known here: other_",
        ),
        (HEAD + "198.51.100.1,,company,\n", "customers: line 2: the customer is missing; write a name or a number."),
        (
            HEAD + "198.51.100.1,a,company,\n198.51.100.1/32,b,company,\n",
            "customers: line 3: '198.51.100.1' is also in line 2; leave one of them.",
        ),
        (HEAD + '198.51.100.1,"a"b,company,\n', "customers: line 2 is no CSV: "),
    ],
)
def test_a_wrong_line_of_the_customers_is_one_sentence_with_its_number(text, sentence):
    with pytest.raises(Op25bError) as refused:
        impact.customers(text)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (("198.51.100", "any", 1), "sources: line 3: '198.51.100' is not an IP address;"),
        (
            ("198.51.100.1", "mobil", 1),
            "sources: line 3: 'mobil' is no destination class. Did you mean mobile? Known here: mobile, any.",
        ),
        (("198.51.100.1", "any", -1), "sources: line 3: syns: '-1' is no number; write how many were counted."),
    ],
)
def test_a_wrong_line_of_the_sources_is_one_sentence_with_its_number(load, line, sentence):
    with pytest.raises(Op25bError) as refused:
        impact.impact(load(), seen(line))
    assert str(refused.value).startswith(sentence)


def test_the_example_of_the_inventory_is_right():
    people, owner = impact.customers((ROOT / "inventories/staged_2019/customers.csv").read_text(encoding="utf-8"))
    assert {each.case for each in people} == set(impact.CASES)
    assert len(owner) == len(people) == 8
