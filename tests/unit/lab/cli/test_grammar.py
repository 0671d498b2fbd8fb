# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from lab.cli.grammar import AmbiguousError, Argument, Grammar, IncompleteError, InvalidError

COLOURS = {
    "colour": lambda tokens: Argument(tokens[0].text.lower(), tokens[0].text.lower()) if tokens[0].text in "rgbRGB" else None
}


@pytest.fixture
def grammar():
    grammar = Grammar(COLOURS, {"end": "(any|host <host:word>)"})
    grammar.add("show access-lists [<name:word>]", "lists")
    grammar.add("show ip (interface|route)", "ip")
    grammar.add("permit <way:(in|out)> $end {log|ack|dscp <dscp:0-63>}", "permit")
    grammar.add("set (<number:1-99>)... [additive]", "set")
    grammar.add("paint <colour:colour> <colours:line>", "paint")
    grammar.add("log", "log")
    grammar.add("login", "login")
    return grammar


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("sh acc", "show access-lists"),
        ("SHOW Access-Lists CaSe", "show access-lists CaSe"),
        ("  show   ip  int ", "show ip interface"),
        ("perm o any", "permit out any"),
        ("permit in host x ack log", "permit in host x ack log"),
        ("permit in host x log dscp 07 ack", "permit in host x log dscp 7 ack"),
        ("set 1 2 3 add", "set 1 2 3 additive"),
        ("log", "log"),
    ],
)
def test_abbreviations_are_written_in_full(grammar, line, text):
    assert grammar.parse(line).text == text


def test_a_line_keeps_its_spaces(grammar):
    words = grammar.parse("paint R  two  words ")
    assert words["colours"] == "two  words"
    assert words["colour"] == "r"


def test_values(grammar):
    words = grammar.parse("permit o host h log")
    assert (words.command, words["way"], words["host"], words.get("dscp")) == ("permit", "out", "h", None)
    assert "log" in words.keywords
    assert "dscp" not in words
    assert grammar.parse("set 1 2 3")["number"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("line", "position"),
    [
        ("show ipp interface", 7),
        ("show xyz", 5),
        ("hello", 0),
        ("permit in any log log", 18),
        ("permit in any dscp 64", 19),
        ("permit in any dscp -1", 19),
        ("set 100", 4),
        ("paint x y", 6),
        ("show ip route more", 14),
        ("login now", 6),
    ],
)
def test_the_error_is_where_nothing_continues(grammar, line, position):
    with pytest.raises(InvalidError) as error:
        grammar.parse(line)
    assert error.value.position == position


@pytest.mark.parametrize("line", ["show", "show ip", "permit", "permit in host", "permit in any dscp", "set", "paint r", ""])
def test_incomplete(grammar, line):
    with pytest.raises(IncompleteError):
        grammar.parse(line)


@pytest.mark.parametrize("line", ["p", "lo", "s"])
def test_ambiguous(grammar, line):
    with pytest.raises(AmbiguousError):
        grammar.parse(line)


def test_help(grammar):
    assert grammar.help("show ") == ["access-lists", "ip"]
    assert grammar.help("show access-lists ") == ["<name>", "<cr>"]
    assert grammar.help("sho") == ["show"]


def test_a_command_added_later_is_known(grammar):
    with pytest.raises(InvalidError):
        grammar.parse("new")
    grammar.add("new", "new")
    assert grammar.parse("new").command == "new"


@pytest.mark.parametrize("pattern", ["a (b", "a [b", "a {b|c", "a ) b", "<x:nonsense>", "$nowhere"])
def test_a_bad_pattern_is_an_error_at_once(pattern):
    with pytest.raises((ValueError, KeyError)):
        Grammar().add(pattern, None)
