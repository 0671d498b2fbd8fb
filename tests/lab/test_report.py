# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as it is read: March 2019 as a journal, and the page of it in a browser."""

from __future__ import annotations

import datetime
import json
import subprocess

import pytest
import yaml

from tests.browser import DESKTOP, PHONE, PROGRAM, Browser

from .ansible_task import BIN, ROOT, environment

pytestmark = [
    # All of it reads the same pages, which are made once.
    pytest.mark.xdist_group("report"),
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: install chromium-headless-shell"),
]
SHOTS = ROOT / ".cache" / "screenshots"
POLICY = ROOT / "inventories" / "staged_2019" / "group_vars" / "all" / "op25b.yml"
HOSTILE = "<script>alert(1)</script><img src=x onerror='alert(1)'>"
CONFIRMED = {"observe": 1, "pilot": 4, "mobile": 11, "area_east": 18, "area_west": 25}
"""The day of March on which each wave was confirmed, at nine in the morning."""
BLOCKED = {
    ("east_ftth", "mobile"): 4, ("east_cable", "mobile"): 11, ("west_ftth", "mobile"): 11, ("west_cable", "mobile"): 11,
    ("central_ftth", "mobile"): 11, ("east_ftth", "any"): 18, ("east_cable", "any"): 18, ("west_ftth", "any"): 25,
    ("west_cable", "any"): 25,
}  # fmt: skip
RATES = {"mobile": (9000, 300), "any": (24000, 800)}
"""SYNs a day of each pool and class, before its block and after it."""
POOLS = ("east_ftth", "east_cable", "west_ftth", "west_cable", "central_ftth")


def journal():
    """Readings every six hours from 1 March, the waves, and one override."""
    said = {"run": "noc:1:1", "operator": "hanako", "reason": ""}
    records = []
    for wave, day in CONFIRMED.items():
        at = f"2019-03-{day:02}T09:00:00Z"
        reason = HOSTILE if wave == "area_east" else ""
        records.append(
            {**said, "at": at, "playbook": "rollout", "kind": "wave", "wave": wave, "outcome": "confirmed", "reason": reason}
        )
    step = {**said, "kind": "step", "edge": "edge-1", "change": "", "probes": {}, "counters": {}}
    for (pool, name), day in BLOCKED.items():
        place = {"at": f"2019-03-{day:02}T09:00:00Z", "playbook": "rollout", "wave": "w", "pool": pool, "class": name}
        records.append({**step, **place, "before": "observe", "after": "block", "outcome": "confirmed"})
    counted = dict.fromkeys(((pool, name) for pool in POOLS for name in RATES), 0.0)
    for hour in range(9, 27 * 24, 6):
        time = datetime.datetime(2019, 3, 1) + datetime.timedelta(hours=hour)
        for (pool, name), out in counted.items():
            closed = time > datetime.datetime(2019, 3, BLOCKED.get((pool, name), 31), 9)
            counted[pool, name] = out + RATES[name][closed] / 4
            place = {"at": f"{time:%Y-%m-%dT%H:%M:%SZ}", "playbook": "observe", "wave": "w", "pool": pool, "class": name}
            action = {"before": "observe", "after": "observe", "outcome": "observed"}
            records.append({**step, **place, **action, "counters": {"out": int(counted[pool, name]), "in": 0}})
    return sorted(records, key=lambda record: record["at"])


def status():
    rows = [
        {
            "edge": "edge-1",
            "pool": pool,
            "destination": name,
            "wanted": action,
            "device": action,
            "state": "confirmed",
            "out": None,
        }
        for pool in POOLS
        for name in RATES
        for action in ["block" if (pool, name) in BLOCKED else "observe"]
    ]
    rows[3].update(state="unknown", device="?", problem=HOSTILE)
    return rows


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))["op25b_policy"]
    soon = {"prefixes": ["198.51.100.19/32"], "who": HOSTILE, "why": HOSTILE, "until": "2019-04-10", "ticket": HOSTILE}
    policy["exemptions"].append(soon)
    policy["operator"]["name"] = HOSTILE
    policy["holds"] = {"central_ftth": {"wave": "mobile", "why": HOSTILE}}
    given = {"policy": policy, "status": status(), "records": journal()}
    values = json.loads(json.dumps(given, default=str))
    arguments = "policy | ccsnet.op25b.report('area_west', status, records, '2019-03-28T00:00:00Z', probes, '2019-03-28')"
    task = {
        "ansible.builtin.template": {
            "src": str(ROOT / "playbooks" / "templates" / "report.html.j2"),
            "dest": str(place / "report.html"),
            "mode": "0644",
        },
        "vars": {
            "report": "{{ " + arguments + " }}",
            "probes": ["198.51.100.10", "198.51.100.74", "198.51.100.138", "192.0.2.74"],
        },
    }
    book = place / "play.yml"
    play = {"hosts": "localhost", "gather_facts": False, "vars": values, "tasks": [task]}
    book.write_text(yaml.dump([play], sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "/dev/null", str(book)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "report.html"


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


def table(browser, caption):
    script = f"""[...[...document.querySelectorAll('table')].find(one => one.caption.innerText == {json.dumps(caption)}).rows]
        .map(row => [...row.cells].map(cell => cell.innerText.trim()))"""
    return browser.value(script)


def test_the_numbers_are_those_of_the_journal(page, browser):
    browser.open(page)
    heads, *rows = table(browser, "Mean SYN per day between the waves")
    assert heads == [
        "Pool",
        "Class",
        "before",
        "after observe",
        "after pilot",
        "after mobile",
        "after area_east",
        "after area_west",
    ]
    found = {(row[0], row[1]): row[2:] for row in rows}
    assert set(found) == {(pool, name) for pool in POOLS for name in RATES}
    for (pool, name), rates in found.items():
        for day, rate in zip(CONFIRMED.values(), rates[1:], strict=True):
            assert rate == f"{RATES[name][day >= BLOCKED.get((pool, name), 99)]:,}", (pool, name)
    for row in table(browser, "Mean SYN per day before and after the first limit or block")[1:]:
        before, after = RATES[row[1]]
        assert row[2:] == [f"{before:,}", f"{after:,}", "-97%"]


def test_each_plot_has_its_lines_its_waves_and_its_words(page, browser):
    browser.open(page)
    plots = browser.value(
        """[...document.querySelectorAll('svg[role=img]')].map(svg => ({
            title: svg.querySelector('title').textContent,
            named: svg.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id).textContent.length > 9),
            waves: [...svg.querySelectorAll('line.wave')].map(line => line.nextElementSibling.textContent),
            lines: [...svg.querySelectorAll('path')].map(path => path.getBBox().height),
            inside: [...svg.querySelectorAll('path, line, text')].every(node => {
                const box = node.getBBox();
                return box.x >= 0 && box.y >= 0 && box.x + box.width <= 720 && box.y + box.height <= 200;
            }),
        }))"""
    )
    assert [plot["title"] for plot in plots] == [f"SYN to port 25 per day from {pool}" for pool in POOLS]
    for plot in plots:
        assert plot["named"]
        assert plot["inside"]
        assert plot["waves"] == ["1", "2", "3", "4", "5"]
        assert len(plot["lines"]) == 2
    # What was not blocked stays level.
    assert [min(plot["lines"]) > 10 for plot in plots] == [True, True, True, True, False]


def test_what_is_open_is_said_and_every_name_is_text(page, browser):
    browser.open(page)
    risks = browser.value(
        "[...document.querySelectorAll('h2')].find(one => one.innerText == 'Open risks').nextElementSibling.innerText"
    )
    assert f"edge-1 did not say what it enforces: {HOSTILE}." in risks
    assert "west_cable: no probe host stands in this pool" in risks
    states = {row[0]: row[1] for row in table(browser, "Customer addresses that are left alone")[1:]}
    assert states == {"2019-04-10": "ends soon", "2019-09-30": "in force"}
    assert table(browser, "Pools that stay at an earlier wave")[1:] == [["central_ftth", "mobile", HOSTILE]]
    assert table(browser, "What went past a gate, or back")[1][5] == HOSTILE
    assert browser.value("document.querySelectorAll('img, script').length") == 0


def test_the_report_is_for_a_phone_and_a_desktop_light_and_dark_and_loads_nothing(page, browser):
    for width in (PHONE, DESKTOP):
        for scheme in ("light", "dark"):
            browser.open(page, width, scheme)
            assert not browser.overflows()
            assert browser.loads_nothing() == []
            browser.screenshot(SHOTS / f"report-{width}-{scheme}.png")
            assert browser.mistakes() == []


@pytest.mark.lab
def test_the_playbook_makes_the_report_of_what_the_edges_answer(ansible, browser, tmp_path):
    given = (
        "-e",
        f"op25b_report={tmp_path}/report.html",
        "-e",
        f"op25b_journal={tmp_path}/journal.jsonl",
        "-e",
        "op25b_wave=none",
    )
    ansible("ansible-playbook", "playbooks/report.yml", *given)
    browser.open(tmp_path / "report.html")
    assert browser.value("document.querySelector('h1 + p').innerText").startswith("CCSNET, as of 20")
    assert len(table(browser, "Each wave, and who confirmed it")) == 7
    risks = browser.value(
        "[...document.querySelectorAll('h2')].find(one => one.innerText == 'Open risks').nextElementSibling.innerText"
    )
    assert "The wave observe was due on 2019-03-01 and is not reached." in risks
    assert "no probe host stands in this pool" not in risks
