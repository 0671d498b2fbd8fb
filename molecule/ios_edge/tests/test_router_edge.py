# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router's customer reaches through it, and what its operator finds; whichever system the scenario is about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab import Lab
from lab.machine import FILES, REPOSITORY
from lab.topology import HOSTS
from tests.lab.ansible_task import wait_for

EDGE, CUSTOMER = os.environ["OP25B_EDGE"], os.environ["OP25B_CUSTOMER"]
testinfra_hosts = [f"ansible://{CUSTOMER}"]
OUTSIDE = ("mobile-mx", "other-isp")
CONNECT = """
import errno, json, socket, sys
def state(address, port):
    try:
        socket.create_connection((address, port), 3).close()
    except OSError as err:
        return errno.errorcode.get(err.errno, type(err).__name__)
    return "open"
print(json.dumps([state(*target) for target in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def lab():
    return Lab()


def states(host, names, port):
    targets = [(address, port) for name in names for address in (HOSTS[name].v4, HOSTS[name].v6)]
    done = host.run("%s -c %s %s", sys.executable, CONNECT, json.dumps(targets))
    assert done.rc == 0, done.stderr
    return json.loads(done.stdout)


def task(module, **arguments):
    program = str(Path(sys.executable).with_name("ansible"))
    words = [program, EDGE, "-i", str(REPOSITORY / "inventories" / "lab"), "-m", module, "-a", json.dumps(arguments)]
    plain = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_FORCE_COLOR": "0"}
    environment = {**{name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}, **plain}
    done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("=> {") + 3 :])[0]


def ports(lab, sink, seen):
    return {line["local_port"] for line in lab.sink_log(sink)[seen:] if "local_port" in line}


def test_port_25_is_closed_to_the_pool_and_nothing_else_is(host, lab):
    before = {sink: len(lab.sink_log(sink)) for sink in OUTSIDE}
    assert states(host, OUTSIDE, 25) == os.environ["OP25B_ANSWERS"].split() * 2
    for port in (587, 465, 443):
        assert states(host, OUTSIDE, port) == ["open"] * 4
    assert states(host, ["mx1"], 25) == ["open"] * 2
    for sink, seen in before.items():
        # What came last is written down: then so is what came before.
        assert wait_for(lambda sink=sink, seen=seen: {587, 443} <= ports(lab, sink, seen), 10)
        assert 25 not in ports(lab, sink, seen)


def stands_in_lines(written, shown):
    """Every block that filters or is filtered has its lines in their order, whatever stands between them."""
    text = "\n".join(line.rstrip() for line in shown.splitlines())
    blocks = [b.splitlines() for b in written.split("\n!\n")]
    checked = [block for block in blocks if "access-list " in block[0] or block[0].startswith("interface ")]
    assert len(checked) >= 4
    for block in checked:
        found = iter(text[text.index(f"\n{block[0]}\n") + 1 :].partition("\n!\n")[0].splitlines())
        assert all(line in found for line in block), block


def parts(text):
    """Lists and filters as written, but for the order of conditions; and which of them each interface has beside ours."""
    root = ElementTree.fromstring(text)
    for each in root.iterfind(".//{*}from"):
        each[:] = sorted(each, key=lambda condition: condition.tag)
    named = [*root.iterfind(".//{*}prefix-list[{*}name]"), *root.iterfind(".//{*}filter[{*}name]")]
    found = {
        (each.tag, each.findtext("{*}name")): ElementTree.canonicalize(ElementTree.tostring(each), strip_text=True)
        for each in named
        if each.find("{*}term") is not None or each.find("{*}prefix-list-item") is not None
    }
    for interface in root.iterfind(".//{*}interface"):
        for family in interface.iterfind("{*}unit/{*}family/*"):
            for way in ("input", "output"):
                alone, listed = (f"{{*}}filter/{{*}}{path}" for path in (f"{way}/{{*}}filter-name", f"{way}-list"))
                names = [each.text for each in (*family.iterfind(alone), *family.iterfind(listed))]
                key = (interface.findtext("{*}name"), family.tag, way)
                found[key] = [name for name in names if not name.startswith("OP25B-")]
    return found


def stands_in_xml(written, shown):
    """Every list and filter is there as it was, in the places where it was."""
    before, after = parts(written), parts(shown)
    assert len(before) >= 4
    assert {key: after.get(key) for key in before} == before


def test_what_the_operator_wrote_stands_as_it_was_written():
    shown = task(**json.loads(os.environ["OP25B_SHOW"]))["stdout"]
    (file,) = FILES.glob(f"{EDGE}.*")
    compare = stands_in_xml if file.suffix == ".xml" else stands_in_lines
    compare(file.read_text(encoding="utf-8"), shown)


def test_the_edge_enforces_what_was_converged_and_nothing_is_armed():
    gathered = task("ccsnet.op25b.acl", state="gathered")
    assert gathered["drift"] == []
    assert "armed" not in gathered
    actions = [pool["actions"] for pool in gathered["gathered"]["pools"].values()]
    assert actions == [{"mobile": "block", "any": "block"}]
