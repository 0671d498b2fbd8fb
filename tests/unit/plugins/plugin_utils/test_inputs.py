# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of inputs: what each takes, whatever YAML or a survey made of it, and where else the same is said."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import inputs
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError

ROOT = Path(__file__).resolve().parents[4]
ROLES = ("edge", "rollout", "notice")
DAY = datetime.date(2019, 3, 4)
NOON = datetime.datetime(2019, 3, 4, 12)


def value(name, given):
    found, wrong = inputs.read(name, given)
    assert not wrong, wrong
    return found


def sentences(name, given):
    found, wrong = inputs.read(name, given)
    assert found is None
    return [f"{key}: {sentence}" for key, sentence in wrong]


@pytest.mark.parametrize("blank", [None, "", "  ", "\n", "\t \n"])
@pytest.mark.parametrize("name", inputs.TABLE)
def test_what_is_blank_is_not_given(name, blank):
    default = inputs.TABLE[name].default
    assert value(name, blank) == (list(default) if isinstance(default, tuple) else default)
    if not inputs.TABLE[name].kind.keeps_empty:
        assert value(name, []) == value(name, [blank]) == value(name, None)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("OP-17: because", "OP-17: because"),
        ("  two\n  lines ", "two lines"),
        (4711, "4711"),
        (1.5, "1.5"),
        (True, "yes"),
        (False, "no"),
        (DAY, "2019-03-04"),
        (datetime.datetime(2019, 3, 4), "2019-03-04"),
        (["OP-17"], "OP-17"),
    ],
)
def test_text_is_what_was_typed(given, text):
    assert value("op25b_override", given) == text


@pytest.mark.parametrize(
    ("name", "given", "right"),
    [
        ("edge_confirm_seconds", "300", 300),
        ("edge_confirm_seconds", 300.0, 300),
        ("edge_confirm_seconds", "300.0", 300),
        ("edge_confirm_seconds", 0, 0),
        ("edge_save", "yes", True),
        ("edge_save", "Off", False),
        ("edge_save", 1, True),
        ("edge_save", ["true"], True),
        ("op25b_today", DAY, "2019-03-04"),
        ("op25b_today", "2019-03-04 ", "2019-03-04"),
        ("op25b_today", datetime.datetime(2019, 3, 4), "2019-03-04"),
        ("op25b_journal", " /srv/two  words.jsonl\n", "/srv/two  words.jsonl"),
        ("op25b_journal", 4711, "4711"),
        ("rollout_serial", "1,25%", [1, "25%"]),
        ("rollout_serial", "1, 25 %,\n", [1, "25%"]),
        ("rollout_serial", "1\n25%\n", [1, "25%"]),
        ("rollout_serial", ["1", 2.0, "100%"], [1, 2, "100%"]),
        ("rollout_serial", 1, [1]),
        ("rollout_serial", "25%", ["25%"]),
        ("op25b_uplinks", "eth0, eth1", ["eth0", "eth1"]),
        ("op25b_uplinks", [100], ["100"]),
        ("op25b_probe_edges", [], []),
        ("op25b_probe_addresses", "198.51.100.10,2001:DB8::A", ["198.51.100.10", "2001:db8::a"]),
        ("op25b_second_path", {"host": "192.0.2.1", "port": "22"}, {"host": "192.0.2.1", "port": 22}),
        (
            "op25b_attachments",
            [{"interface": "eth1", "pools": "east", "source_check": "no"}],
            [{"interface": "eth1", "pools": ["east"], "source_check": False}],
        ),
        (
            "op25b_relay_check",
            {"host": "192.0.2.25", "server_name": "", "login": "a@b", "password": " two  blanks ", "recipient": "c@d"},
            {"host": "192.0.2.25", "login": "a@b", "password": " two  blanks ", "recipient": "c@d"},
        ),
    ],
)
def test_what_means_the_same_is_the_same(name, given, right):
    found = value(name, given)
    assert found == right
    assert repr(found) == repr(right)


REASON = "write the reason, as a text."
UTF8 = "this text is not UTF-8; write it again in a terminal or an editor that is set to UTF-8."
SECONDS = "write 0, or 5 to 86400 seconds."
DATE = "write a day of the calendar, as 2019-03-25."
SHARE = "write a number of edges and pairs, or a part of all, as 25%."
INTERFACE = "write the name of an interface, as eth1, or ppp* for all that begin so."
ATTACHMENT = "write {interface: eth1, pools: [...]}."
ATTACHMENTS = "write the interfaces towards customers with their pools, as [{interface: eth1, pools: [...]}]."


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("op25b_override", {"a": 1}, f"op25b_override: a mapping is not right here; {REASON}"),
        ("op25b_override", ["a", "b"], f"op25b_override: a list is not right here; {REASON}"),
        ("op25b_override", "caf\udce9", f"op25b_override: {UTF8}"),
        ("op25b_journal", "caf\udce9", f"op25b_journal: {UTF8}"),
        ("op25b_journal", "a\nb", "op25b_journal: 'a b' is not right here; write the path of a file."),
        ("edge_confirm_seconds", "10.5", f"edge_confirm_seconds: '10.5' is not right here; {SECONDS}"),
        ("edge_confirm_seconds", 10.5, f"edge_confirm_seconds: '10.5' is not right here; {SECONDS}"),
        ("edge_confirm_seconds", True, f"edge_confirm_seconds: true is not right here; {SECONDS}"),
        ("edge_confirm_seconds", "3", f"edge_confirm_seconds: 3 is out of range; {SECONDS}"),
        ("edge_save", "maybe", "edge_save: 'maybe' is not right here; write true or false."),
        ("edge_save", 2, "edge_save: '2' is not right here; write true or false."),
        ("op25b_today", "4.3.2019", f"op25b_today: '4.3.2019' is not right here; {DATE}"),
        ("op25b_today", NOON, f"op25b_today: '2019-03-04 12:00:00' is not right here; {DATE}"),
        ("rollout_serial", "1,120%", f"rollout_serial[1]: '120%' is not right here; {SHARE}"),
        ("rollout_serial", [0, True], f"rollout_serial[0]: '0' is not right here; {SHARE}\n[1]: true is not right here; {SHARE}"),
        ("op25b_uplinks", {"a": 1}, "op25b_uplinks: a mapping is not right here; write the interfaces that lead out, as [eth0]."),
        ("op25b_uplinks", "eth 0", f"op25b_uplinks[0]: 'eth 0' is not right here; {INTERFACE}"),
        ("op25b_attachments", "eth1", f"op25b_attachments: 'eth1' is not right here; {ATTACHMENTS}"),
        ("op25b_attachments", ["eth1"], f"op25b_attachments[0]: 'eth1' is not right here; {ATTACHMENT}"),
        (
            "op25b_attachments",
            [{"interfaces": "eth1", "pools": []}],
            "op25b_attachments[0].interfaces: this key is unknown. Did you mean interface? Known here: interface, pools, "
            f"source_check.\n[0].interface: this key is missing; {INTERFACE}\n[0].pools: this key is missing; write a list of "
            "pools of the policy.",
        ),
        (
            "op25b_second_path",
            {"host": "192.0.2.1", "port": 99999},
            "op25b_second_path.port: 99999 is out of range; write the number of a TCP port, 1 to 65535.",
        ),
        (
            "op25b_probe_addresses",
            ["198.51.100.300"],
            "op25b_probe_addresses[0]: '198.51.100.300' is not an IP address; write one as 192.0.2.25 or 2001:db8::25.",
        ),
        (
            "op25b_policy",
            ["pools"],
            "op25b_policy: a list is not right here; write the policy document, a mapping with pools and waves.",
        ),
    ],
)
def test_anything_else_is_one_sentence_for_each_mistake(name, given, told):
    assert sentences(name, given) == told.replace("\n[", f"\n{name}[").split("\n")


def test_no_sentence_shows_a_password():
    wrong = sentences(
        "op25b_relay_check", {"host": "a", "login": "b", "recipient": "c", "password": ["sesame"], "pass": "sesame"}
    )
    assert len(wrong) == 2
    assert "sesame" not in " ".join(wrong)
    assert "sesame" not in " ".join(sentences("op25b_relay_check", ["sesame"]))


@pytest.mark.parametrize("name", inputs.TABLE)
@pytest.mark.parametrize("given", [0, -1, 4711, 1.5, True, DAY, "{", "0x", "☃", [{}], {"a": {}}, [[1]], b"x", object()])
def test_nothing_that_is_given_raises_anything(name, given):
    found, wrong = inputs.read(name, given)
    assert found is None or not wrong
    for key, sentence in wrong:
        assert key.startswith(name)
        assert re.fullmatch(r"[^\n]+[.?]", sentence)


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("op25b_overide", "op25b_override"),
        ("rollout_seriel", "rollout_serial"),
        ("op25b_pol", "op25b_pool"),
        ("opb25_pool", "op25b_pool"),
        ("edge_confirm_second", "edge_confirm_seconds"),
        ("OP25B_WAVE", "op25b_wave"),
    ],
)
def test_a_misspelt_input_is_told_with_the_likely_one(name, likely):
    assert inputs.misspelt([name]) == [(name, f"no playbook reads a variable of this name. Did you mean {likely}?")]
    with pytest.raises(Op25bError, match=likely):
        inputs.known(name)


def test_what_has_our_names_and_is_none_is_told_as_well():
    assert inputs.misspelt(["op25b_zzz"]) == [("op25b_zzz", "no playbook reads a variable of this name. Take it out.")]


def test_names_of_others_are_nothing_of_ours():
    roles = [name for role in ("submission_relay", "relay_balancer") for name in specs(role)]
    assert len(roles) > 30
    assert not inputs.misspelt(
        [*inputs.TABLE, *roles, "awx_job_id", "ansible_user", "edge", "edge_port", "serial", "logins", "state"]
    )


def specs(role):
    read = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return {name: spec for part in read["argument_specs"].values() for name, spec in part["options"].items()}


def defaults(role):
    return yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}


KINDS = {
    inputs.Text: ("str",),
    inputs.File: ("path",),
    inputs.Day: ("str",),
    inputs.Whole: ("int",),
    inputs.Flag: ("bool",),
    inputs.Items: ("list",),
    inputs.Table: ("dict",),
    inputs.Fields: ("dict",),
}


@pytest.mark.parametrize("role", ROLES)
def test_roles_say_what_the_table_says(role):
    given = {
        name: each for name, each in {**{name: {} for name in defaults(role)}, **specs(role)}.items() if name in inputs.TABLE
    }
    assert len(given) >= 4
    for name, spec in given.items():
        this = inputs.TABLE[name]
        default = list(this.default) if isinstance(this.default, tuple) else this.default
        if name in defaults(role):
            assert defaults(role)[name] == default, name
        # Ansible itself need not know the kind: raw is for what a survey hands on.
        assert spec.get("type", "raw") in (*KINDS[type(this.kind)], "raw"), name
        if "default" in spec:
            assert spec["default"] == default, name
        for option, part in ({} if isinstance(this.kind, inputs.Items) else spec.get("options") or {}).items():
            field = next(each for each in this.kind.fields if each.name == option)
            assert field.required == part.get("required", False), (name, option)


def test_every_input_that_is_spoken_of_is_in_the_table():
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/**/*.yml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    typed = set(re.findall(r"-e ([a-z0-9_]+)=", text))
    assert {"op25b_pool", "op25b_sources", "login"} < typed
    looked_up = set(re.findall(r"ccsnet\.op25b\.input', *'([a-z0-9_]+)'", text))
    options = {name for role in ROLES for name in specs(role) if name.startswith(("op25b_", "rollout_", "edge_"))}
    assert (typed | looked_up | options) - set(inputs.TABLE) == set()
