# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that speaks IOS-XR: sessions with a target configuration of their own, commits, trials and rollbacks.

Sources: "System Management Command Reference for Cisco ASR 9000 Series Routers", chapter "Configuration Management
Commands", and "Getting Started Guide", "Managing Configuration Sessions". What the guides leave open about `commit
confirmed` is as it was seen on an XRv 9000 with 24.3.1:

- The trial is confirmed by a `commit` of the session that began it, and by no other. To others, a `commit` without changes
  says that there are none, and one with changes is refused.
- A session that is cut takes nothing with it: the trial runs to its end. One that leaves configuration mode is asked, and
  with "yes" the router goes back at once.
- The exclusive lock ends with the commit that begins the trial.

Not documented: what a reload makes of a trial. Here it ends it, with the configuration from before, as RFC 6241 (8.4.1) has
it for the confirmed commit of NETCONF; who relies on a trial to survive is caught.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from lab.cli.filter import Filter
from lab.cli.grammar import AmbiguousError, CommandError, Grammar, IncompleteError, InvalidError, tokens_of
from lab.cli.grammar import Match as Words
from lab.cli.iosxr_config import (
    ENDS,
    INTERFACE,
    IPV4_LIST,
    IPV6_LIST,
    MODES,
    RAW,
    TYPES,
    Item,
    Node,
    Path,
    Statement,
    delta,
    failures,
    filters,
    marked,
    named,
    problems,
)
from lab.cli.shell import Options

VERSION = "7.11.2"
NODE = "RP/0/RP0/CPU0"
PAGE = 24
FIRST_COMMIT = 1000000001
COMMITS = 100
FAILED = (
    "% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes made have been "
    "reverted. Please issue 'show configuration failed [inheritance]' from this session to view the errors\n"
)
SEMANTIC = (
    "!! SEMANTIC ERRORS: This configuration was rejected by \n!! the system due to semantic errors. The individual \n"
    "!! errors with each failed configuration command can be \n!! found below.\n\n\n"
)
BEHIND = (
    "One or more commits have occurred from other configuration sessions since this session started or since the last commit "
    "was made from this session. You can use the 'show configuration commit changes' command to browse the changes.\n"
)
REPLACE = "This commit will replace or remove the entire running configuration. This\noperation can be service affecting.\n"
LEAVING = (
    "\nYou are exiting after a 'commit confirm' with an active rollback session.  If you exit the configuration awaiting "
    "confirmation will not be confirmed and the router will immediately rollback to the previous configuration.\n"
)
UNCOMMITTED = "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:"
NO_ENTRY = "% The commit database has no such entry.\n"
NO_CHANGES = "% No configuration changes to commit.\n"
Counters = Callable[[], Mapping[tuple[str, str, str, str], tuple[int, int]]]
Answer = Callable[[str], str]


@dataclass(frozen=True)
class Commit:
    """One entry of the commit database."""

    number: int
    label: str
    comment: str
    user: str
    line: str
    client: str
    when: datetime
    before: Node
    after: Node


@dataclass(frozen=True)
class Trial:
    """A commit that waits for its confirmation."""

    session: Session
    due: float
    before: Node
    identity: str
    since: datetime


class Device:
    """A router.

    `on_change` is called after each commit or rollback, `on_save` with the text that it would boot with; `counters` and
    `clear_counters` are the data plane's.
    """

    def __init__(
        self,
        startup: str,
        *,
        hostname: str,
        clock: Callable[[], float] = time.monotonic,
        options: Options = Options(),  # noqa: B008
    ) -> None:
        self.options = options
        self.clock = clock
        self.on_change: list[Callable[[], None]] = []
        self.on_save: list[Callable[[str], None]] = []
        self.counters: Counters = dict
        self.clear_counters: Callable[[str | None], None] = lambda _name: None
        self.sessions: list[Session] = []
        self.commits: list[Commit] = []
        self.trial: Trial | None = None
        self.lock: Session | None = None
        self.version = 0
        self._hostname = hostname
        self._epoch = time.time() - clock()
        self._next_session = 0
        self.tree = Node()
        self._filters: list[Filter] | None = None
        self.tree = self._boot(startup)

    def _boot(self, startup: str) -> Node:
        session = Session(self, "startup", 15, None)
        session.begin()
        for number, line in enumerate(startup.splitlines(), 1):
            if line.strip() == "end":
                break
            output = session.line(line)
            if output.lstrip().startswith("%") or "% Invalid input" in output:
                raise ValueError(f"startup configuration, line {number}: {line!r}: {output.strip()}")
        tree = session.candidate
        wrong = problems(tree, tree)
        if wrong:
            raise ValueError("startup configuration: " + "\n".join(failures(wrong)))
        return tree

    @property
    def hostname(self) -> str:
        """What the configuration says, or what the router was called without one."""
        node = self.tree.kids.get((10,))
        return node.item.text.split()[1] if node else self._hostname

    def session(self, user: str, privilege: int = 15, local: str | None = None, peer: tuple[str, int] | None = None) -> Session:
        """A user has logged in from `peer`; `local` is the address of the device that they came to."""
        session = Session(self, user, privilege, local, peer)
        self.sessions.append(session)
        return session

    def running(self) -> str:
        """What `show running-config` prints below its header lines."""
        return "".join(f"{line}\n" for line in self.tree.lines()) + "end\n"

    def startup(self) -> str:
        """The configuration that the router would boot with, in the same form: that of the last confirmed commit."""
        tree = self.trial.before if self.trial else self.tree
        return "".join(f"{line}\n" for line in tree.lines()) + "end\n"

    def filters(self) -> list[Filter]:
        """What is bound, by interface."""
        if self._filters is None:
            self._filters = filters(self.tree)
        return self._filters

    def now(self) -> datetime:
        """The time that the router has."""
        return datetime.fromtimestamp(self._epoch + self.clock(), UTC)

    def new_identity(self) -> str:
        """The name of one more configuration session."""
        self._next_session += 1
        return f"00001000-{0x1000 + self._next_session:08x}-00000000"

    def tick(self) -> None:
        """Do what is due by the clock: the end of a trial."""
        if self.trial and self.clock() >= self.trial.due:
            self.end_trial()

    def end_trial(self) -> None:
        """Go back to the configuration from before the trial."""
        trial, self.trial = self.trial, None
        if trial:
            self.commit(trial.before, trial.session, "Rollback")

    def commit(self, tree: Node, session: Session, client: str, label: str = "", comment: str = "") -> Commit:
        """Have this configuration, and an entry of it in the database."""
        number = self.commits[-1].number + 1 if self.commits else FIRST_COMMIT
        entry = Commit(number, label, comment, session.user, session.tty, client, self.now(), self.tree, tree)
        self.commits = [*self.commits, entry][-COMMITS:]
        self.version += 1
        self.tree = tree
        self._filters = None
        self.changed()
        return entry

    def changed(self) -> None:
        """Tell the data plane and the disk."""
        for call in self.on_change:
            call()
        for save in self.on_save:
            save(self.startup())


@dataclass
class Frame:
    """A mode of a session, and what it is about."""

    mode: str
    path: Path
    raw: list[str] = field(default_factory=list)
    """The lines of a set or policy that is being entered."""


def _grammar(commands: Mapping[str, str]) -> Grammar:
    grammar = Grammar(TYPES)
    for pattern, method in commands.items():
        grammar.add(pattern, method)
    return grammar


SHOW = {
    "show running-config [<what:line>]": "show_running",
    "show configuration running-config [<what:line>]": "show_running",
    "show configuration running": "show_running",
    "show access-lists [(afi-all|<family:(ipv4|ipv6)> [<name:word>])]": "show_lists",
    "show access-lists <family:(ipv4|ipv6)> <name:word> hardware <way:(ingress|egress)> "
    "[interface <interface:interface>] location <node:word>": "show_lists",
    "show access-lists <family:(ipv4|ipv6)> usage pfilter location <node:word>": "show_usage",
    "show object-group [(network <kind:(ipv4|ipv6)>|<kind:(port)>) [<name:word>]]": "show_groups",
    "show version": "show_version",
    "show inventory": "show_inventory",
    "show privilege": "show_privilege",
    "show clock": "show_clock",
    "show users": "show_users",
    "show ssh": "show_ssh",
    "show tcp brief": "show_tcp",
    "show ipv4 interface brief": "show_interfaces4",
    "show ipv6 interface brief": "show_interfaces6",
    "show ipv4 interface [<interface:interface>]": "show_interface",
    "show ipv6 interface [<interface:interface>]": "show_interface",
    "show ipv4 vrf all interface brief": "show_interfaces4",
    "show configuration commit list [<count:1-1000>] [<detail:(detail)>]": "show_commits",
    "show configuration commit changes (last <last:1-1000>|since <since:word>|<id:word>) [<diff:(diff)>]": "show_changes",
    "show configuration rollback changes (last <last:1-1000>|to <to:word>) [<diff:(diff)>]": "show_rollback",
    "show configuration failed startup": "show_failed_startup",
}
EXEC = {
    **SHOW,
    "show configuration sessions [<detail:(detail)>]": "show_sessions",
    "show configuration lock": "show_lock",
    "terminal length <lines:0-512>": "terminal_length",
    "terminal width <columns:0-512>": "nothing",
    "terminal exec prompt <how:(timestamp|no-timestamp)>": "terminal_timestamp",
    "terminal monitor [disable]": "nothing",
    "configure [terminal]": "configure",
    "configure exclusive": "configure_exclusive",
    "rollback configuration (last <last:1-1000>|to <to:word>)": "rollback",
    "resequence access-list <family:(ipv4|ipv6)> <name:word> [<start:1-2147483644> [<step:1-2147483644>]]": "resequence",
    "clear access-list <family:(ipv4|ipv6)> <name:word> [hardware <way:(ingress|egress)> location <node:word>]": "clear_list",
    "exit": "logout",
    "logout": "logout",
    "quit": "logout",
}
_OPTIONS = "{replace|confirmed [(<seconds:30-65535>|minutes <minutes:1-1024>)]|label <label:word>|force}"
CONFIG = {
    f"commit {_OPTIONS} [comment <comment:line>]": "commit",
    f"commit show-error {_OPTIONS} [comment <comment:line>]": "commit_show_error",
    "show configuration": "show_target",
    "show configuration merge": "show_merge",
    "show configuration failed [(if-committed|inheritance)]": "show_failed",
    "show configuration changes diff": "show_replace",
    "show commit changes diff": "show_commit_changes",
    "abort": "abort",
    "clear": "clear",
    "root": "root",
    "exit": "leave",
    "end": "end_config",
    "do <command:line>": "do",
    **SHOW,
}
EXEC_GRAMMAR, CONFIG_GRAMMAR = _grammar(EXEC), _grammar(CONFIG)
PIPE = re.compile(r"\s\|\s*(include|i|inc|exclude|e|exc|begin|b|beg|utility)\s+(.*)$")


class Session:
    """One user's command line."""

    def __init__(self, device: Device, user: str, privilege: int, local: str | None, peer: tuple[str, int] | None = None) -> None:
        self.device = device
        self.user = user
        self.privilege = privilege
        self.local = local
        self.peer = peer
        taken = {one.tty for one in device.sessions}
        self.tty: str = next(tty for number in count() if (tty := f"vty{number}:node0_RP0_CPU0") not in taken)
        self.notify: Callable[[str], None] | None = None
        self.length = PAGE
        self.closed = False
        self.echo = True
        self.banner = ""
        self.timestamps = True
        self.candidate = Node()
        self.failed: list[str] = []
        self.identity = ""
        self.since = device.now()
        self._base = 0  # the version of the running configuration that the candidate is made of
        self._seen = 0  # the version that this session knows of
        self._changes: list[tuple[bool, Path]] = []
        self._frames: list[Frame] = []
        self._question = ""
        self._answer: Answer | None = None

    # -- the line ------------------------------------------------------------------------------------------------------

    @property
    def prompt(self) -> str:
        """What the device shows when it waits for a line."""
        if self._answer is not None:
            return self._question
        mode = f"({self._frames[-1].mode.partition('/')[0]})" if self._frames else ""
        return f"{NODE}:{self.device.hostname}{mode}#"

    def line(self, text: str) -> str:
        """Run one line; returns what the device prints."""
        self.device.tick()
        if self._answer is not None:
            answer, self._answer = self._answer, None
            return answer(text.strip())
        if self._frames and self._frames[-1].mode in RAW:
            return self._raw(text)
        if not text.strip() or text.lstrip().startswith("!"):
            return ""
        return self._configure_line(text) if self._frames else self._exec(text, EXEC_GRAMMAR)

    def interrupt(self) -> str:
        """The key ctrl-C: what was being asked is void, and nothing of it is done."""
        self._answer = None
        return ""

    def end(self) -> str:
        """The key ctrl-Z: back to EXEC mode."""
        return self.end_config(None) if self._frames else ""

    def help(self, text: str) -> list[str]:
        """The words that may follow or complete a line."""
        grammars = [CONFIG_GRAMMAR, MODES[self._frames[-1].mode]] if self._frames else [EXEC_GRAMMAR]
        found = []
        for grammar in grammars:
            try:
                found += grammar.help(text)
            except CommandError:
                continue
        return sorted(set(found))

    def close(self) -> None:
        """The user is gone: the target configuration and the lock with them, a trial not."""
        self._frames = []
        self._release()
        self.closed = True
        if self in self.device.sessions:
            self.device.sessions.remove(self)

    def _ask(self, question: str, answer: Answer) -> str:
        self._question, self._answer = question, answer
        return ""

    def _error(self, error: CommandError, text: str) -> str:
        if isinstance(error, IncompleteError):
            return "% Incomplete command.\n"
        if isinstance(error, AmbiguousError):
            return f'% Ambiguous command:  "{text.strip()}"\n'
        position = error.position if isinstance(error, InvalidError) else 0
        return " " * (len(self.prompt) + position) + "^\n% Invalid input detected at '^' marker.\n"

    def _exec(self, text: str, grammar: Grammar) -> str:
        command, pipe = text, PIPE.search(text)
        if pipe:
            command = text[: pipe.start()]
        try:
            words = grammar.parse(command)
        except CommandError as error:
            return self._error(error, text)
        output: str = getattr(self, str(words.command))(words)
        if pipe:
            output = _piped(output, pipe[1], pipe[2])
        stamped = self.timestamps and words.words[0] in ("show", "commit", "clear", "rollback", "resequence")
        return (self._stamp() if stamped else "") + output

    def _stamp(self) -> str:
        now = self.device.now()
        return f"{now:%a %b} {now.day:2} {now:%H:%M:%S}.{now.microsecond // 1000:03} UTC\n"

    # -- configuration -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be in configuration mode, with nothing changed."""
        self.identity, self.since = self.device.new_identity(), self.device.now()
        self._frames = [Frame("config", ())]
        self._forget()
        self._seen = self.device.version

    def _forget(self) -> None:
        self._changes = []
        self.candidate, self._base = self.device.tree.copy(), self.device.version
        self._frames = self._frames[:1] or self._frames

    def _renew(self) -> None:
        """Lay the changes over what the running configuration is by now."""
        if self._base == self.device.version:
            return
        self.candidate, self._base = self.device.tree.copy(), self.device.version
        for negated, path in self._changes:
            self._apply(negated, path)

    def _apply(self, negated: bool, path: Path) -> None:
        if negated:
            self.candidate.delete(path)
        else:
            self.candidate.set(path)

    def _change(self, negated: bool, path: Path) -> None:
        self._changes.append((negated, path))
        self._apply(negated, path)

    def _dirty(self) -> bool:
        self._renew()
        return bool(self._changes) and self.candidate != self.device.tree

    def _configure_line(self, text: str) -> str:
        word = tokens_of(text)[0].text.lower()
        for depth, frame in enumerate(self._frames):
            if word == ENDS.get(frame.mode):
                self._frames = self._frames[:depth]
                return ""
        possible = set(CONFIG_GRAMMAR.help(word)) | set(MODES[self._frames[-1].mode].help(word))
        if word not in possible and len(possible) > 1:
            return self._error(AmbiguousError(0), text)
        try:
            CONFIG_GRAMMAR.parse(PIPE.sub("", text))
            return self._exec(text, CONFIG_GRAMMAR)
        except InvalidError:
            pass
        except CommandError as error:
            return self._error(error, text)
        fail_on = self.device.options.fail_on
        if fail_on and re.search(fail_on, text):
            return "% Error: the configuration line was not accepted by the system\n"
        self._renew()
        # A line that the mode does not have may be one of a mode above, which is left for it.
        errors: list[CommandError] = []
        for depth in range(len(self._frames), 0, -1):
            try:
                steps = self._parse(self._frames[depth - 1], text)
            except CommandError as error:
                errors.append(error)
                continue
            self._frames = self._frames[:depth]
            return self._enter(steps)
        return self._error(errors[0], text)

    def _parse(self, frame: Frame, text: str) -> list[tuple[Statement, Path]]:
        """The statement of a line; or several, when one that has others below it is followed by one of those."""
        try:
            words = MODES[frame.mode].parse(text)
        except InvalidError as error:
            tokens = tokens_of(text)
            negation = tokens[0].text == "no"
            for at in range(len(tokens) - 1, 1 + negation, -1):
                try:
                    outer = MODES[frame.mode].parse(text[tokens[negation].start : tokens[at].start])
                except CommandError:
                    continue
                path = self._path(frame.path, outer)
                mode = path[-1][1].mode
                if mode and mode not in RAW:
                    rest = " " * tokens[at].start + text[tokens[at].start :]
                    inner = Frame(mode, path)
                    try:
                        below = self._parse(inner, "no " * negation + rest[3 * negation :])
                    except CommandError:
                        raise error from None
                    return below if negation else [(outer.command, path), *below]
            raise
        return [(words.command, self._path(frame.path, words))]

    def _path(self, above: Path, words: Words) -> Path:
        statement: Statement = words.command
        return (*above, statement.step(words, self.candidate.find(above) or Node()))

    def _enter(self, steps: list[tuple[Statement, Path]]) -> str:
        for at, (statement, path) in enumerate(steps):
            mode = path[-1][1].mode
            if mode in RAW and not statement.negated:
                self._frames.append(Frame(mode, path))
                name = path[-1][1].text
                if self.device.tree.find(path):
                    return (
                        f"% WARNING: Policy object {name} exists! Reconfiguring it via CLI will replace current definition. "
                        "Use abort to cancel.\n"
                    )
                return ""
            self._change(statement.negated, path)
            if mode and not statement.negated and at == len(steps) - 1:
                self._frames.append(Frame(mode, path))
        return ""

    def _raw(self, text: str) -> str:
        """A line of a set or a policy: kept as it is, indented by its conditions."""
        frame, word = self._frames[-1], text.strip()
        end = RAW[frame.mode]
        if word == "abort":
            self._frames.pop()
        elif word in (end, "exit"):
            self._frames.pop()
            depth, lines = 1, []
            for line in frame.raw:
                depth -= line.startswith(("endif", "else"))
                lines.append("  " * depth + line)
                depth += line.startswith(("if ", "else"))
            place, item = frame.path[-1]
            whole = Item("\n".join([item.text, *lines, end]))
            self._change(False, (*frame.path[:-1], (place, whole)))
        elif word and not word.startswith("!"):
            frame.raw.append(word)
        return ""

    def configure(self, _words: Words) -> str:
        """`configure`: a target configuration of this session."""
        output = ""
        if self.device.lock:
            # Not documented for whom does not want the lock; the session begins, and its commits are refused.
            output = "% WARNING: The configuration is locked by another session. Commits from this session will be refused.\n"
        self.begin()
        return output

    def configure_exclusive(self, _words: Words) -> str:
        """`configure exclusive`: the lock of the running configuration."""
        if self.device.trial:
            return "Cannot enter exclusive mode. A trial commit is underway in another configuration session.\n"
        if self.device.lock:
            table = self._session_table(detail=False)
            return f"{table}Cannot enter exclusive mode. The Configuration Namespace is locked by another agent.\n"
        self.begin()
        self.device.lock = self
        return ""

    def _release(self) -> None:
        if self.device.lock is self:
            self.device.lock = None

    def _quit_config(self) -> str:
        self._frames, self._changes = [], []
        self._release()
        return ""

    def abort(self, _words: Words) -> str:
        """`abort`: out of configuration mode, without the changes, "without system confirmations" (command reference).

        Not documented with a trial of this session: it leaves configuration mode, so the router goes back at once.
        """
        if self._holds_trial():
            self.device.end_trial()
        return self._quit_config()

    def _holds_trial(self) -> bool:
        return self.device.trial is not None and self.device.trial.session is self

    def clear(self, _words: Words) -> str:
        """`clear`: forget the changes."""
        self._forget()
        return ""

    def root(self, _words: Words) -> str:
        """`root`: to global configuration mode."""
        self._frames = self._frames[:1]
        return ""

    def leave(self, _words: Words) -> str:
        """`exit`: one mode up."""
        if len(self._frames) > 1:
            self._frames.pop()
            return ""
        return self._leave_config()

    def end_config(self, _words: Words | None) -> str:
        """`end`: to EXEC mode."""
        return self._leave_config()

    def _leave_config(self) -> str:
        if self._holds_trial():

            def go_back(answer: str) -> str:
                if not "yes".startswith(answer.lower() or "-"):
                    return ""
                self.device.end_trial()
                return self._quit_config()

            self._ask("Do you wish to exit? [no]:", go_back)
            return LEAVING
        if not self._dirty():
            return self._quit_config()
        if self.device.trial:
            self._quit_config()
            return "No changes will be saved because there is a concurrent trial configuration session.\n"

        def settle(answer: str) -> str:
            answer = answer.lower() or "cancel"
            if "yes".startswith(answer):
                output = self._commit({})
                return output if output or self._answer else self._quit_config()
            if "no".startswith(answer):
                return self._quit_config()
            return "" if "cancel".startswith(answer) else self._ask(UNCOMMITTED, settle)

        return self._ask(UNCOMMITTED, settle)

    def do(self, words: Words) -> str:
        """`do`: a command of EXEC mode."""
        return self._exec(" " * len("do ") + words["command"], EXEC_GRAMMAR)

    # -- commit --------------------------------------------------------------------------------------------------------

    def commit(self, words: Words) -> str:
        """`commit`: make the target configuration the running one."""
        options: dict[str, Any] = {label: words[label] for label in ("label", "comment") if label in words}
        if "confirmed" in words.keywords:
            # Not documented: how long a trial without a time is. The shortest time that may be given.
            options["seconds"] = words.get("seconds") or 60 * words.get("minutes", 0) or 30
        options["replace"] = "replace" in words.keywords
        return self._commit(options)

    def commit_show_error(self, words: Words) -> str:
        """`commit show-error`: and say at once what it was refused for."""
        output = self.commit(words)
        return output + self.show_failed(words) if output == FAILED else output

    def _commit(self, options: Mapping[str, Any], agreed: frozenset[str] = frozenset()) -> str:
        device = self.device
        trial, dirty = device.trial, self._dirty()
        if self._holds_trial() and not dirty and not options.get("replace"):
            device.trial = None
            device.changed()
            return "% Confirming commit for trial session.\n"
        if options.get("replace"):
            tree = Node()
            for negated, path in self._changes:
                if negated:
                    tree.delete(path)
                else:
                    tree.set(path)
        elif dirty:
            tree = self.candidate
        else:
            return NO_CHANGES
        if trial and not self._holds_trial():
            return f"% Cannot commit because there is an unexpired trial/rollback session '{trial.identity}'.\n"
        if trial and options.get("seconds"):
            # Not documented: a trial of new changes within a trial.
            return f"% Cannot commit because there is an unexpired trial/rollback session '{trial.identity}'.\n"
        if device.lock and device.lock is not self:
            return "% Cannot commit: the Configuration Namespace is locked by another agent.\n"
        if device.version != self._seen and "behind" not in agreed:
            return BEHIND + self._proceed("Do you wish to proceed with this commit anyway? [no]:", options, agreed | {"behind"})
        if options.get("replace") and "replace" not in agreed:
            return REPLACE + self._proceed("Do you wish to proceed? [no]:", options, agreed | {"replace"})
        wrong = problems(tree, device.tree)
        self.failed = failures(wrong)
        if wrong:
            return FAILED
        return self._committed(tree, options)

    def _committed(self, tree: Node, options: Mapping[str, Any]) -> str:
        device, before = self.device, self.device.tree
        if device.options.ignore_changes:
            tree = before
        if options.get("seconds") and tree != before:
            due = device.clock() + options["seconds"]
            device.trial = Trial(self, due, before, device.new_identity(), device.now())
            self._release()
        elif device.trial:
            device.trial = None
        device.commit(tree.copy(), self, "CLI", options.get("label", ""), options.get("comment", ""))
        frames = self._frames
        self._forget()
        self._frames, self._seen = frames, device.version
        return ""

    def _proceed(self, question: str, options: Mapping[str, Any], agreed: frozenset[str]) -> str:
        def answer(text: str) -> str:
            return self._commit(options, agreed) if text and "yes".startswith(text.lower()) else ""

        return self._ask(question, answer)

    def rollback(self, words: Words) -> str:
        """`rollback configuration`: undo the last commits, or go to the state before one of them."""
        device = self.device
        if device.trial:
            return f"% Cannot commit because there is an unexpired trial/rollback session '{device.trial.identity}'.\n"
        if device.lock and device.lock is not self:
            return "% Cannot commit: the Configuration Namespace is locked by another agent.\n"
        number = self._commits_back(words)
        if not number:
            return NO_ENTRY
        tree = device.commits[-number].before
        wrong = problems(tree, device.tree)
        self.failed = failures(wrong)
        if wrong:
            return FAILED
        device.commit(tree.copy(), self, "Rollback")
        return (
            "\nLoading Rollback Changes.\nLoaded Rollback Changes in 1 sec \nCommitting.\n1 items committed in 1 sec "
            "(1)items/sec\nUpdating.\nUpdated Commit database in 1 sec \n"
            f"Configuration successfully rolled back {number} commits.\n"
        )

    def _commits_back(self, words: Words) -> int:
        """How many commits `last N` or `to ID` goes back; 0 when there are not so many."""
        commits = self.device.commits
        if "last" in words:
            number: int = words["last"]
        else:
            wanted = [at for at, one in enumerate(commits) if words["to"] in (str(one.number), one.label)]
            number = len(commits) - wanted[-1] if wanted else 0
        return number if number <= len(commits) else 0

    def resequence(self, words: Words) -> str:
        """`resequence access-list`: new numbers, in a commit of its own."""
        device = self.device
        rank = IPV4_LIST if words["family"] == "ipv4" else IPV6_LIST
        if device.trial or (device.lock and device.lock is not self):
            return "% Cannot commit: the configuration is in a trial or locked.\n"
        tree = device.tree.copy()
        node = named(tree, rank, words["name"])
        if node is None:
            return f"% Access list {words['name']} does not exist\n"
        start, step = words.get("start", 10), words.get("step", 10)
        kids = [node.kids[place] for place in sorted(node.kids)]
        node.kids = {}
        for number, kid in enumerate(kids):
            sequence = start + step * number
            text = f"{sequence} {kid.item.text.partition(' ')[2]}"
            kid.item = Item(text, None, kid.item.value, f"no {sequence}")
            node.kids[sequence,] = kid
        device.commit(tree, self, "CLI")
        return ""

    # -- show ----------------------------------------------------------------------------------------------------------

    def nothing(self, _words: Words) -> str:
        """A command without an effect here."""
        return ""

    def terminal_length(self, words: Words) -> str:
        """`terminal length`."""
        self.length = words["lines"]
        return ""

    def terminal_timestamp(self, words: Words) -> str:
        """`terminal exec prompt`."""
        self.timestamps = words["how"] == "timestamp"
        return ""

    def logout(self, _words: Words) -> str:
        """`exit` in EXEC mode."""
        self.close()
        return ""

    def show_running(self, words: Words) -> str:
        """`show running-config`, whole or of some statements."""
        if "what" not in words:
            changed = ""
            if self.device.commits:
                last = self.device.commits[-1]
                changed = f"!! Last configuration change at {_date(last.when)} by {last.user}\n"
            return f"Building configuration...\n!! IOS XR Configuration {VERSION}\n{changed}!\n{self.device.running()}\n"
        wanted = _canonical(words["what"])
        tops = [self.device.tree.kids[place] for place in sorted(self.device.tree.kids)]
        blocks = [node for node in tops if f"{node.item.text} ".startswith(f"{wanted} ")]
        if not blocks:
            return "% No such configuration item(s)\n\n"
        return _text(line for node in blocks for line in node.own_lines(0)) + "\n"

    def _built(self, lines: Iterable[str]) -> str:
        return f"Building configuration...\n!! IOS XR Configuration {VERSION}\n{_text(lines)}end\n\n"

    def show_target(self, _words: Words) -> str:
        """`show configuration`: the changes of this session."""
        self._renew()
        return self._built(delta(self.device.tree, self.candidate))

    def show_merge(self, _words: Words) -> str:
        """`show configuration merge`: what the running configuration would be."""
        self._renew()
        return self._built(self.candidate.lines())

    def show_commit_changes(self, _words: Words) -> str:
        """`show commit changes diff`."""
        self._renew()
        return self._built(marked(self.device.tree, self.candidate))

    def show_replace(self, _words: Words) -> str:
        """`show configuration changes diff`: what `commit replace` would do."""
        tree = Node()
        for negated, path in self._changes:
            if negated:
                tree.delete(path)
            else:
                tree.set(path)
        return self._built(marked(self.device.tree, tree))

    def show_failed(self, _words: Words) -> str:
        """`show configuration failed`: why the last commit was refused."""
        return SEMANTIC + _text(self.failed) + "end\n\n" if self.failed else "% No such configuration item(s)\n\n"

    def show_failed_startup(self, _words: Words) -> str:
        """`show configuration failed startup`: a startup configuration with an error does not come up here."""
        return "% No such configuration item(s)\n\n"

    def show_commits(self, words: Words) -> str:
        """`show configuration commit list`."""
        lines = []
        entries = list(reversed(self.device.commits))[: words.get("count", COMMITS)]
        if "detail" in words:
            for at, one in enumerate(entries, 1):
                lines += [
                    f"   {at}) CommitId: {one.number:<20} Label: {one.label or 'NONE'}",
                    f"      UserId:   {one.user:<20} Line:  {one.line}",
                    f"      Client:   {one.client:<20} Time:  {_date(one.when)}",
                    f"      Comment:  {one.comment or 'NONE'}",
                ]
            return _text(lines)
        lines = ["SNo. Label/ID              User      Line                Client      Time Stamp"]
        lines += ["~~~~ ~~~~~~~~              ~~~~      ~~~~                ~~~~~~      ~~~~~~~~~~"]
        for at, one in enumerate(entries, 1):
            label = one.label or str(one.number)
            lines.append(f"{at:<4} {label:<21} {one.user:<9} {one.line:<19} {one.client:<11} {_date(one.when)}")
        return _text(lines)

    def show_changes(self, words: Words) -> str:
        """`show configuration commit changes`: of one commit, of the last ones, or of all since one."""
        commits = self.device.commits
        if "last" in words:
            chosen = commits[-words["last"] :]
        else:
            name = words.get("since") or words["id"]
            at = next((at for at, one in enumerate(commits) if name in (str(one.number), one.label)), None)
            chosen = [] if at is None else commits[at:] if "since" in words else [commits[at]]
        if not chosen:
            return NO_ENTRY
        show = marked if "diff" in words else delta
        return self._built(show(chosen[0].before, chosen[-1].after))

    def show_rollback(self, words: Words) -> str:
        """`show configuration rollback changes`: what a rollback would do."""
        number = self._commits_back(words)
        if not number:
            return NO_ENTRY
        show = marked if "diff" in words else delta
        return self._built(show(self.device.tree, self.device.commits[-number].before))

    def _session_table(self, detail: bool) -> str:
        device, trial = self.device, self.device.trial
        rows = [(one.identity, one, one.since, "CLI") for one in device.sessions if one._frames]
        if trial:
            rows.append((trial.identity, trial.session, trial.since, "commit-confirm"))
        if not rows:
            return ""
        lines = []
        if not detail:
            lines = ["Current Configuration Session  Line       User     Date                     Lock"]
            for identity, one, since, client in rows:
                star = " *" if device.lock is one and client == "CLI" else ""
                lines.append(f"{identity}     {one.tty.partition(':')[0]:<10} {one.user:<8} {_date(since)}{star}")
            return _text(lines)
        for at, (identity, one, since, client) in enumerate(rows, 1):
            lock = "Reserved" if device.lock is one and client == "CLI" else "None"
            process = "config" if client == "CLI" else "cfgmgr_trial_co"
            lines += [
                "",
                f"  {at}) Session: {identity}  {_date(since)}",
                f"     Line: {one.tty.partition(':')[0]:<30} Lock: {lock}",
                f"     User: {one.user:<30} Client: {client}",
                f"     Process: {process:<27} PID: {0x1000 + at}",
                "     Node:                                Elapsed Time: unknown",
            ]
        return _text(lines)

    def show_sessions(self, words: Words) -> str:
        """`show configuration sessions`."""
        return self._session_table("detail" in words)

    def show_lock(self, _words: Words) -> str:
        """`show configuration lock`."""
        return self._session_table(detail=False) if self.device.lock else ""

    def show_lists(self, words: Words) -> str:
        """`show access-lists`, with what the data plane has counted."""
        counted: dict[tuple[str, str], int] = {}
        for (interface, direction, name, key), (packets, _size) in self.device.counters().items():
            way = {"in": "ingress", "out": "egress"}[direction]
            if words.get("way", way) == way and ("interface" not in words or interface == words.words[-3]):
                counted[name, key] = counted.get((name, key), 0) + packets
        lines = []
        family = words.get("family")
        for place in sorted(self.device.tree.kids):
            node = self.device.tree.kids[place]
            kind = {IPV4_LIST: "ipv4", IPV6_LIST: "ipv6"}.get(place[0])
            if kind is None or family not in (None, kind) or words.get("name", place[1][1]) != place[1][1]:
                continue
            lines.append(f"{kind} access-list {place[1][1]}")
            for number in sorted(node.kids):
                text = node.kids[number].item.text
                packets = counted.get((f"{kind} {place[1][1]}", str(number[0])), 0)
                matches = f" ({packets} {'hw ' if 'way' in words else ''}matches)" if packets else ""
                lines.append(f" {text}{matches}")
        return _text(lines)

    def _bound(self, texts: list[str], family: str, way: str) -> str | None:
        words = [text.split() for text in texts if text.startswith(f"{family} access-group ")]
        return next((text[2] for text in words if text[3] == way), None)

    def show_usage(self, words: Words) -> str:
        """`show access-lists ... usage pfilter`: which list is bound where."""
        lines = []
        for name, texts in self._interfaces():
            first, second = (self._bound(texts, words["family"], way) for way in ("ingress", "egress"))
            if first or second:
                lines += [f"Interface : {name} ", f"    Input  ACL : Common-ACL : N/A  ACL : {first or 'N/A'}"]
                lines.append(f"    Output ACL : {second or 'N/A'}")
        return _text(lines)

    def clear_list(self, words: Words) -> str:
        """`clear access-list`: count from zero."""
        self.device.clear_counters(f"{words['family']} {words['name']}")
        return ""

    def show_groups(self, words: Words) -> str:
        """`show object-group`."""
        lines: list[str] = []
        for place in sorted(self.device.tree.kids):
            node = self.device.tree.kids[place]
            kind = node.item.text.split()[-2]
            if not node.item.text.startswith("object-group") or words.get("kind", kind) != kind:
                continue
            if words.get("name", place[1][1]) == place[1][1]:
                lines += node.own_lines(0)
        return _text(lines)

    def show_version(self, _words: Words) -> str:
        """`show version`."""
        return (
            f"Cisco IOS XR Software, Version {VERSION}\nCopyright (c) 2013-2024 by Cisco Systems, Inc.\n\n"
            "Build Information:\n Built By     : lab\n Version      : " + VERSION + "\n\n"
            f"cisco NCS-5500 () processor\nSystem uptime is {int(self.device.clock()) // 60} minutes\n"
        )

    def show_inventory(self, _words: Words) -> str:
        """`show inventory`."""
        return (
            'NAME: "0/RP0", DESCR: "Cisco NCS-5501 stand-in of a lab"\nPID: NCS-5501          , VID: V01, SN: LAB00000001\n\n'
            'NAME: "Rack 0", DESCR: "Cisco NCS-5501 stand-in of a lab"\nPID: NCS-5501          , VID: V01, SN: LAB00000002\n\n'
        )

    def show_privilege(self, _words: Words) -> str:
        """`show privilege`."""
        return f"Current privilege level is {self.privilege}\n"

    def show_clock(self, _words: Words) -> str:
        """`show clock`."""
        now = self.device.now()
        return f"{now:%H:%M:%S}.{now.microsecond // 1000:03} UTC {now:%a %b} {now.day} {now:%Y}\n"

    def show_users(self, _words: Words) -> str:
        """`show users`."""
        lines = ["   Line            User                 Service  Conns   Idle        Location"]
        for one in self.device.sessions:
            mark = "*" if one is self else " "
            place = one.peer[0] if one.peer else ""
            lines.append(f"{mark}  {one.tty.partition(':')[0]:<15} {one.user:<20} ssh          0  00:00:00    {place}")
        return _text(lines)

    def show_ssh(self, _words: Words) -> str:
        """`show ssh`."""
        lines = ["SSH version : Cisco-2.0", "", "id  chan pty     location        state           userid    host"]
        lines += ["-" * 76, "Incoming sessions"]
        for at, one in enumerate(self.device.sessions):
            lines.append(f"{at:<3} 1    {one.tty.partition(':')[0]:<7} 0/RP0/CPU0      SESSION_OPEN    {one.user:<9} ")
        return _text([*lines, "", "Outgoing sessions"])

    def show_tcp(self, _words: Words) -> str:
        """`show tcp brief`: the addresses that this router's sessions came to."""
        lines = ["   PCB     VRF-ID     Recv-Q Send-Q Local Address                Foreign Address              State"]
        for at, one in enumerate(self.device.sessions):
            local = f"{one.local or '0.0.0.0'}:22"
            far = "{}:{}".format(*one.peer) if one.peer else "0.0.0.0:0"
            lines.append(f"0x{0x7F000000 + at:08x} 0x60000000      0      0  {local:<28} {far:<28} ESTAB")
        return _text(lines)

    def show_interfaces4(self, _words: Words) -> str:
        """`show ipv4 interface brief`."""
        lines = ["", f"{'Interface':<30} {'IP-Address':<15} {'Status':<15} {'Protocol':<8} Vrf-Name"]
        for name, texts in self._interfaces():
            address = next((text.split()[2] for text in texts if text.startswith("ipv4 address")), "unassigned")
            status, protocol = ("Shutdown", "Down") if "shutdown" in texts else ("Up", "Up")
            vrf = next((text.split()[1] for text in texts if text.startswith("vrf ")), "default")
            lines.append(f"{name:<30} {address:<15} {status:<15} {protocol:<8} {vrf}")
        return _text(lines)

    def show_interfaces6(self, _words: Words) -> str:
        """`show ipv6 interface brief`."""
        lines = []
        for name, texts in self._interfaces():
            state = "[Shutdown/Down]" if "shutdown" in texts else "[Up/Up]"
            lines.append(f"{name:<22} {state}")
            addresses = [text.split()[2].partition("/")[0] for text in texts if text.startswith("ipv6 address")]
            lines += [f"    {address}" for address in addresses or ["Unassigned"]]
        return _text(lines)

    def show_interface(self, words: Words) -> str:
        """`show ipv4 interface` and `show ipv6 interface`."""
        lines, family = [], words.words[1]
        for name, texts in self._interfaces():
            if "interface" in words and name != words.words[-1]:
                continue
            status, protocol = ("Shutdown", "Down") if "shutdown" in texts else ("Up", "Up")
            lines.append(f"{name} is {status}, {family} protocol is {protocol}")
            addresses = [text.split()[2:] for text in texts if text.startswith(f"{family} address")]
            if not addresses:
                lines.append("  Internet protocol processing disabled" if family == "ipv4" else "  IPv6 is disabled")
                continue
            for one in addresses:
                lines.append(f"  Internet address is {ipaddress.ip_interface('/'.join(one))}")
            first, second = (self._bound(texts, family, way) for way in ("ingress", "egress"))
            lines.append(f"  Outgoing access list is {second or 'not set'}")
            lines.append(f"  Inbound  common access list is not set, access list is {first or 'not set'}")
            never = f"{family} unreachables disable" in texts
            lines.append(f"  ICMP unreachables are {'never' if never else 'always'} sent")
        return _text(lines)

    def _interfaces(self) -> Iterable[tuple[str, list[str]]]:
        for place in sorted(self.device.tree.kids):
            if place[0] == INTERFACE:
                node = self.device.tree.kids[place]
                yield node.item.text.removeprefix("interface "), [node.kids[kid].item.text for kid in sorted(node.kids)]


def _canonical(text: str) -> str:
    """The beginning of a statement as the configuration has it."""
    try:
        words = MODES["config"].parse(text)
        statement: Statement = words.command
        return statement.step(words, Node())[1].text
    except CommandError:
        return text.strip()


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _date(when: datetime) -> str:
    return f"{when:%a %b} {when.day:2} {when:%H:%M:%S %Y}"


def _piped(output: str, kind: str, argument: str) -> str:
    lines = output.splitlines()
    if kind == "utility":
        count = re.fullmatch(r"head -n (\d+)", argument.strip())
        return _text(lines[: int(count[1])]) if count else "% Incomplete command.\n"
    pattern = re.compile(argument.strip().strip('"'))
    if kind.startswith("b"):
        at = next((at for at, line in enumerate(lines) if pattern.search(line)), len(lines))
        return _text(lines[at:])
    return _text(line for line in lines if bool(pattern.search(line)) is kind.startswith("i"))
