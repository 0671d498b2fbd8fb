# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in a policy document: it is read as what it means, or refused in sentences of one line each."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import trust_as_template
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import policy
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import PolicyError
from hypothesis import given, settings
from hypothesis import strategies as st

TODAY = datetime.date(2019, 3, 25)
FILE = Path(__file__).resolve().parents[2] / "inventories" / "lab" / "group_vars" / "all" / "op25b.yml"
MORE = """
partners: {isp: {addresses: [203.0.113.99], until: 2019-12-31}}
holds: {east_ftth: {wave: pilot, why: complaints}}
limit: {per_minute: 10, burst: 5}
return_rule: true
observe_sources: {purpose: notice, until: 2019-04-01, hours: 24, max_entries: 1000}
"""
DOCUMENT = {**yaml.safe_load(FILE.read_text(encoding="utf-8"))["op25b_policy"], **yaml.safe_load(MORE)}
TAGGED = {
    # As Ansible reads it: each value knows the line that it comes from.
    **DataLoader().load(FILE.read_text(encoding="utf-8"), file_name=str(FILE))["op25b_policy"],
    **DataLoader().load(MORE),
}
DOCUMENT["mail_servers"]["msa1"] |= {"port25_from_pools": True, "port25_from_pools_until": datetime.date(2019, 6, 30)}
DOCUMENT["exemptions"][0]["until"] = datetime.date(2019, 9, 30)


def places(at, path=()):
    """The path of each value of a document."""
    yield path
    for key, value in at.items() if isinstance(at, Mapping) else enumerate(at) if isinstance(at, list) else ():
        yield from places(value, (*path, key))


def value_at(at, path):
    for part in path:
        at = at[part]
    return at


def put(at, path, value):
    """The document with another value at a path, which may be a new key; as it is where the path leads nowhere."""
    if not path:
        return value
    if isinstance(at, Mapping):
        return {**at, path[0]: put(at.get(path[0]), path[1:], value)}
    if isinstance(at, list) and isinstance(path[0], int) and path[0] < len(at):
        return [put(each, path[1:], value) if place == path[0] else each for place, each in enumerate(at)]
    return at


PATHS = list(places(DOCUMENT))
# The first of each field, so of ports the first.
NUMBERS = {
    path[-2] if isinstance(path[-1], int) else path[-1]: path
    for path in reversed(PATHS)
    if isinstance(value_at(DOCUMENT, path), int) and not isinstance(value_at(DOCUMENT, path), bool)
}
CYCLE: list = []
CYCLE.append(CYCLE)
WORDS = [
    *(
        "224.0.0.0/3",
        "fe00::/7",
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/00",
        "198.51.100.7",
        "198.51.100.0/25/1",
        "::ffff:1.2.3.4",
        "/",
        "::",
    ),
    *(
        "198.51.100.0/255.255.255.0",
        "fe80::1%eth0",
        "10",
        "10.0",
        "1e3",
        "0x10",
        "-0",
        "1_000",
        "\uff11\uff10",
        "9" * 5000,
        "yes",
        "off",
    ),
    *("2019-03-04 00:00:00", "2019-02-30", "0000-00-00", "2019-W01-1", "all", "any", "none", "east_ftth", "mobile", "pilot", ""),
    *(" ", "a\nb", "{{ x }}", "\ud800", "\x1b[2J", "null", "~"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**40, -(10**40), 10**15, 25, 65536]),
    st.floats(),
    st.text(alphabet=st.characters()),
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(trust_as_template),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
)
KEYS = st.one_of(
    SCALARS, st.tuples(st.integers()), st.sampled_from(sorted({p for path in PATHS for p in path if isinstance(p, str)}))
)
STRANGE = st.sampled_from(
    [object(), CYCLE, {1}, (1, 2), range(3), bytearray(b"x"), decimal.Decimal("NaN"), datetime.time(1), 1j, int]
)
JUNK = st.recursive(
    SCALARS | STRANGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw):
    """A valid document in which up to four values are others, or new."""
    document = draw(st.sampled_from([DOCUMENT, TAGGED]))
    for _each in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(PATHS))
        if draw(st.booleans()):
            path = (*path, draw(KEYS))
        # A value from elsewhere in the document is right in itself, and only wrong here.
        document = put(document, path, draw(JUNK | st.sampled_from(PATHS).map(lambda other: value_at(DOCUMENT, other))))
    return document


def parts(value):
    """All that a Policy holds."""
    yield value
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            yield from parts(each)


def is_a_line(sentence):
    return (
        sentence.startswith("op25b_policy") and len(sentence.splitlines()) == 1 and sentence.encode() and sentence.endswith(".")
    )


def told(document):
    """All sentences about a document, and what was read of it."""
    try:
        read = policy.load(document, TODAY)
    except PolicyError as err:
        return err.mistakes, None
    return read.warnings, read


@settings(max_examples=300, deadline=None)
@given(spoiled())
def test_a_spoiled_document_is_read_or_refused_in_sentences(document):
    sentences, read = told(document)
    assert sentences or read
    assert [sentence for sentence in sentences if not is_a_line(sentence)] == []
    assert len(set(sentences)) == len(sentences)
    plain = (str, int, bool, type(None), datetime.date, list, tuple, dict)
    ours = f"{policy.__name__.rpartition('.')[0]}."
    assert [part for part in parts(read) if type(part) not in plain and not type(part).__module__.startswith(ours)] == []


def _other_forms(value):
    """The ways in which Jinja, YAML and a survey write the same value."""
    if isinstance(value, bool):
        return [value, str(value), "yes" if value else "no", "ON\n" if value else "off"]
    if isinstance(value, int):
        return [value, float(value), str(value), f" {value}\n", f"{value}.0"]
    if isinstance(value, datetime.date):
        moment = datetime.datetime.combine(value, datetime.time())
        return [value, moment, moment.replace(tzinfo=datetime.UTC), str(value), str(moment), moment.isoformat()]
    return [value, f"{value}\n", f"  {value}", trust_as_template(value)]


@st.composite
def rewritten(draw, at=DOCUMENT):
    """The same document, of which each value is written in one of its forms."""
    if isinstance(at, dict):
        return {key: draw(rewritten(value)) for key, value in at.items()}
    if isinstance(at, list):
        return [draw(rewritten(value)) for value in at]
    return draw(st.sampled_from(_other_forms(at)))


@settings(max_examples=50, deadline=None)
@given(rewritten())
def test_a_value_means_the_same_in_all_its_forms(document):
    assert policy.load(document, TODAY) == policy.load(DOCUMENT, TODAY)


@pytest.mark.parametrize("path", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize(
    "value", [10.5, "10.5", "ten", True, False, "true", float("nan"), float("inf"), "", [1], {}, b"1"], ids=str
)
def test_what_is_no_whole_number_is_refused_in_each_field_of_numbers(path, value):
    with pytest.raises(PolicyError) as err:
        policy.load(put(DOCUMENT, path, value), TODAY)
    (sentence,) = err.value.mistakes
    assert sentence.startswith(f"{policy._key(path)}: ")
    assert " is not right here; write " in sentence


def test_the_document_of_this_test_has_each_field_of_numbers():
    text = policy.Path(policy.__file__).with_name("policy_schema_v1.json").read_text(encoding="utf-8")
    assert len(NUMBERS) == text.count('"type": "integer"') + text.count('"const": 1')
