# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""A command line's grammar, written as the vendors print their syntax, parsed the way their parsers do.

A platform makes one `Grammar` per mode, and gives it commands:

    exec_mode = Grammar(TYPES)
    exec_mode.add("show access-lists [<name:word>]", show_access_lists)
    exec_mode.add("terminal length <lines:0-512>", terminal_length)
    match = exec_mode.parse("term len 0")
    match.command is terminal_length; match["lines"] == 0; match.words == ("terminal", "length", "0")

The syntax of a pattern:

| written | means |
|---|---|
| `show` | a keyword; a prefix of it does when it is the prefix of no other keyword possible there |
| `<name:type>` | an argument of a type of the platform (below), or of `LOW-HIGH`, a whole number |
| `(in\|out)` | one of these |
| `<way:(in\|out)>` | the same, and the chosen keyword is the value of `way` |
| `[log]` | may be left out |
| `{a\|b\|c}` | each at most once, in any order |
| `(a)...` | one or more times; an argument in it has a list as its value |
| `$ace` | another pattern, from the macros that the grammar was made with |

A type is a function of the tokens from the argument on. It returns an `Argument`: what it means, how the device writes
it, and how many tokens it took; or None for "not one of mine". It may raise `IncompleteError` or `InvalidError` itself.

Keywords are case-insensitive, and win over arguments. The position of an error is that of the first character that no
command continues with, where both vendors put their caret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Token(NamedTuple):
    """A word, where it begins, and the line that it is of."""

    text: str
    start: int
    line: str


class Argument(NamedTuple):
    """What a type made of one or more tokens."""

    value: Any
    text: str
    length: int = 1


Type = Callable[[Sequence[Token]], Argument | None]


class CommandError(Exception):
    """A line that is no command."""


class InvalidError(CommandError):
    """A word that nothing continues with; `position` in the line is where it goes wrong."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class IncompleteError(CommandError):
    """A command goes on where the line ends."""


class AmbiguousError(CommandError):
    """A word is the beginning of several keywords, from `position` on."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


@dataclass(frozen=True)
class Match:
    """A line that was understood.

    `words` is the command as the device writes it: keywords in full, arguments in their canonical form. `keywords` are
    those of them that are no argument.
    """

    command: Any
    words: tuple[str, ...]
    keywords: frozenset[str]
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The command as one line."""
        return " ".join(self.words)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """The value of an argument, or the default when it was left out."""
        return self.values.get(name, default)


# -- patterns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Keyword:
    text: str
    label: str | None


@dataclass(frozen=True, eq=False)
class _Argument:
    label: str
    kind: str
    accept: Type
    many: bool


@dataclass(frozen=True, eq=False)
class _End:
    command: Any


@dataclass(frozen=True, eq=False)
class _Sequence:
    items: tuple[_Node, ...]


@dataclass(frozen=True, eq=False)
class _Choice:
    options: tuple[_Node, ...]


@dataclass(frozen=True, eq=False)
class _Once:
    """Each of the options at most once, in any order."""

    options: tuple[_Node, ...]


@dataclass(frozen=True, eq=False)
class _Again:
    item: _Node


_Node = _Keyword | _Argument | _End | _Sequence | _Choice | _Once | _Again
_Leaf = _Keyword | _Argument | _End
_NOTHING = _Sequence(())
_LEXEMES = re.compile(r"<[\w-]+:\([^)]*\)>|<[^>]*>|\.\.\.|[][(){}|]|[^\s\[\](){}|<>.]+(?:\.[^\s\[\](){}|<>.]+)*")


def number(low: int, high: int) -> Type:
    """The type of a whole number in a range, written without a sign."""

    def accept(tokens: Sequence[Token]) -> Argument | None:
        text = tokens[0].text
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            return None
        return Argument(int(text), str(int(text)))

    return accept


def word(tokens: Sequence[Token]) -> Argument:
    """The type of a name: anything without a space."""
    return Argument(tokens[0].text, tokens[0].text)


def line(tokens: Sequence[Token]) -> Argument:
    """The type of the rest of a line, with the spaces in it."""
    text = tokens[0].line[tokens[0].start :].rstrip()
    return Argument(text, text, len(tokens))


class _Compiler:
    """Reads one pattern."""

    def __init__(self, pattern: str, types: Mapping[str, Type], macros: Mapping[str, str]) -> None:
        while "$" in pattern:
            pattern = re.sub(r"\$(\w+)", lambda found: macros[found[1]], pattern)
        self._lexemes: list[str] = _LEXEMES.findall(pattern)
        self._types = types
        self._at = 0
        self._many = False

    def read(self) -> _Node:
        node = self._choice()
        if self._at != len(self._lexemes):
            raise ValueError(f"unbalanced pattern at {self._lexemes[self._at :]}")
        return node

    def _peek(self) -> str:
        return self._lexemes[self._at] if self._at < len(self._lexemes) else ""

    def _next(self) -> str:
        self._at += 1
        return self._lexemes[self._at - 1]

    def _options(self) -> tuple[_Node, ...]:
        options = [self._sequence()]
        while self._peek() == "|":
            self._next()
            options.append(self._sequence())
        return tuple(options)

    def _choice(self) -> _Node:
        options = self._options()
        return options[0] if len(options) == 1 else _Choice(options)

    def _sequence(self) -> _Node:
        items: list[_Node] = []
        while self._peek() not in ("", "|", ")", "]", "}"):
            items.append(self._item())
        return _Sequence(tuple(items))

    def _item(self) -> _Node:
        lexeme = self._next()
        if lexeme == "(":
            many, self._many = self._many, self._many or self._repeats()
            node = self._choice()
            self._close(")")
            self._many = many
            if self._peek() == "...":
                self._next()
                return _Again(node)
            return node
        if lexeme == "[":
            node = _Choice((self._choice(), _NOTHING))
            self._close("]")
            return node
        if lexeme == "{":
            options = self._options()
            self._close("}")
            return _Once(options)
        if lexeme.startswith("<"):
            label, _, kind = lexeme[1:-1].partition(":")
            if kind.startswith("("):
                return _Choice(tuple(_Keyword(text.strip(), label) for text in kind[1:-1].split("|")))
            return _Argument(label, kind, self._type(kind), self._many)
        return _Keyword(lexeme, None)

    def _repeats(self) -> bool:
        """Whether the group that was just opened ends with an ellipsis."""
        depth = 1
        for at in range(self._at, len(self._lexemes)):
            depth += (self._lexemes[at] == "(") - (self._lexemes[at] == ")")
            if depth == 0:
                return self._lexemes[at + 1 : at + 2] == ["..."]
        return False

    def _close(self, bracket: str) -> None:
        if self._peek() != bracket:
            raise ValueError(f"no {bracket} in {self._lexemes}")
        self._next()

    def _type(self, kind: str) -> Type:
        numbers = re.fullmatch(r"(\d+)-(\d+)", kind)
        return number(int(numbers[1]), int(numbers[2])) if numbers else self._types[kind]


# -- parsing -----------------------------------------------------------------------------------------------------------

_Path = tuple[_Node, ...]


def _leaves(path: _Path) -> Iterator[tuple[_Leaf, _Path]]:
    """What may come first on a path, each with what may come after it."""
    head, rest = path[0], path[1:]
    if isinstance(head, _Sequence):
        yield from _leaves(head.items + rest)
    elif isinstance(head, _Choice):
        for option in head.options:
            yield from _leaves((option, *rest))
    elif isinstance(head, _Once):
        for at, option in enumerate(head.options):
            others = head.options[:at] + head.options[at + 1 :]
            yield from _leaves((option, _Once(others), *rest) if others else (option, *rest))
        yield from _leaves(rest)
    elif isinstance(head, _Again):
        yield from _leaves((head.item, _Choice((head, _NOTHING)), *rest))
    else:
        yield head, rest


class _State:
    """What may come at one place; found out when a line gets there for the first time."""

    def __init__(self, paths: list[_Path]) -> None:
        self.commands: list[Any] = []
        self._keywords: dict[str, tuple[_Keyword, list[_Path]]] = {}
        self._arguments: dict[tuple[str, str], tuple[_Argument, list[_Path]]] = {}
        self._next: dict[_Leaf, _State] = {}
        self._found: dict[str, _Keyword] = {}
        for path in paths:
            for leaf, rest in _leaves(path):
                if isinstance(leaf, _End):
                    self.commands.append(leaf.command)
                elif isinstance(leaf, _Keyword):
                    self._keywords.setdefault(leaf.text.lower(), (leaf, []))[1].append(rest)
                else:
                    self._arguments.setdefault((leaf.label, leaf.kind), (leaf, []))[1].append(rest)

    def keyword(self, text: str) -> tuple[_Keyword, _State] | None:
        """The keyword that a word means, and what may come next; None when it means none or several."""
        if text not in self._found:
            names = [text.lower()] if text.lower() in self._keywords else self.candidates(text)
            if len(names) != 1:
                return None
            self._found[text] = self._keywords[names[0]][0]
        leaf = self._found[text]
        return leaf, self._after(leaf, self._keywords[leaf.text.lower()][1])

    def candidates(self, text: str) -> list[str]:
        """The keywords that a word is the beginning of."""
        return [name for name in self._keywords if name.startswith(text.lower())]

    def argument(self, tokens: Sequence[Token]) -> tuple[_Argument, Argument, _State] | None:
        """The first argument possible here that takes the tokens."""
        for leaf, paths in self._arguments.values():
            if (argument := leaf.accept(tokens)) is not None:
                return leaf, argument, self._after(leaf, paths)
        return None

    def _after(self, leaf: _Leaf, paths: list[_Path]) -> _State:
        if leaf not in self._next:
            self._next[leaf] = _State(paths)
        return self._next[leaf]

    def common(self, text: str) -> int:
        """How many characters of a word begin some keyword."""
        lengths = range(len(text), 0, -1)
        return next((length for length in lengths if self.candidates(text[:length])), 0)

    def names(self) -> list[str]:
        """The keywords and arguments that may come here, for help."""
        ends = ["<cr>"] if self.commands else []
        return sorted(self._keywords) + [f"<{leaf.label}>" for leaf, _ in self._arguments.values()] + ends


_WORDS = re.compile(r"\S+")


def tokens_of(text: str) -> list[Token]:
    """The words of a line."""
    return [Token(found.group(), found.start(), text) for found in _WORDS.finditer(text)]


@dataclass
class Grammar:
    """The commands of one mode."""

    types: Mapping[str, Type] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._types = {"word": word, "line": line, **self.types}
        self._paths: list[_Path] = []
        self._root: _State | None = None

    def add(self, pattern: str, command: Any) -> None:
        """One more command: its syntax, and what `Match.command` is when a line is it."""
        self._paths.append((_Compiler(pattern, self._types, self.macros).read(), _End(command)))
        self._root = None

    def include(self, other: Grammar) -> None:
        """All commands of another mode too, after the own ones."""
        self._paths.extend(other._paths)
        self._root = None

    def parse(self, text: str) -> Match:
        """What a line means; raises a `CommandError`."""
        state = self._root = self._root or _State(self._paths)
        tokens = tokens_of(text)
        words: list[str] = []
        keywords: list[str] = []
        values: dict[str, Any] = {}
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if (found := state.keyword(token.text)) is not None:
                keyword, state = found
                words.append(keyword.text)
                keywords.append(keyword.text)
                if keyword.label is not None:
                    values[keyword.label] = keyword.text
                at += 1
                continue
            taken = state.argument(tokens[at:])
            if taken is None:
                if len(state.candidates(token.text)) > 1:
                    raise AmbiguousError(token.start)
                raise InvalidError(token.start + state.common(token.text))
            leaf, argument, state = taken
            words.append(argument.text)
            if leaf.many:
                values.setdefault(leaf.label, []).append(argument.value)
            else:
                values[leaf.label] = argument.value
            at += argument.length
        if not state.commands:
            raise IncompleteError
        return Match(state.commands[0], tuple(words), frozenset(keywords), values)

    def help(self, text: str) -> list[str]:
        """What may come after a line, or complete its last word: the answer to `?`."""
        state = self._root = self._root or _State(self._paths)
        tokens = tokens_of(text)
        last = tokens.pop().text if tokens and not text[-1:].isspace() else ""
        at = 0
        while at < len(tokens):
            if (found := state.keyword(tokens[at].text)) is not None:
                state = found[1]
                at += 1
            elif (taken := state.argument(tokens[at:])) is not None:
                state = taken[2]
                at += taken[1].length
            else:
                raise InvalidError(tokens[at].start)
        return state.candidates(last) if last else state.names()
