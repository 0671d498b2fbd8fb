# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The customers' page as a customer sees it: what the status says is flipped, and the page is read in a browser."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.browser import DESKTOP, PHONE, PROGRAM, Browser

from .ansible_task import BIN, ROOT, environment

pytestmark = [
    # All of it reads the same pages, which are made once.
    pytest.mark.xdist_group("notice"),
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: install chromium-headless-shell"),
]
VARIABLES = ROOT / "inventories" / "staged_2019" / "group_vars" / "all"
SHOTS = ROOT / ".cache" / "screenshots"
# The plan on paper: from when which pools are closed to whom. The page has to say this, and nothing more.
AREAS = {
    "東エリア・光回線": ("east_ftth", [("2019-03-04", "mobile"), ("2019-03-18", "any")]),
    "東エリア・ケーブル回線": ("east_cable", [("2019-03-11", "mobile"), ("2019-03-18", "any")]),
    "西エリア・光回線": ("west_ftth", [("2019-03-11", "mobile"), ("2019-03-25", "any")]),
    "西エリア・ケーブル回線": ("west_cable", [("2019-03-11", "mobile"), ("2019-03-25", "any")]),
    "中央エリア・光回線": ("central_ftth", [("2019-03-11", "mobile"), ("2019-04-01", "any")]),
}
ENGLISH = dict(zip(["East, Fibre", "East, Cable", "West, Fibre", "West, Cable", "Central, Fibre"], AREAS, strict=True))
WORDS = {"実施済み": "Done", "切替作業中": "Under way", "実施予定": "Planned", "延期": "Postponed"}
DAYS = {"2019-03-04": "月", "2019-03-11": "月", "2019-03-18": "月", "2019-03-25": "月", "2019-04-01": "月"}
PAGES = ("index.html", "en/index.html")
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">&\'{{ 7 * 7 }}'
READ = """[...document.querySelectorAll('table.when tbody')].map(body => [
    body.querySelector('th').innerText.trim(),
    [...body.querySelectorAll('tr:not(:first-child)')].map(row => [
        row.querySelector('time').getAttribute('datetime'), row.querySelector('time').innerText,
        row.cells[1].innerText.trim(), row.querySelector('.mark').innerText, row.cells[2].innerText.trim(),
    ]),
])"""


def variables():
    return {
        **yaml.safe_load((VARIABLES / "op25b.yml").read_text(encoding="utf-8")),
        **yaml.safe_load((VARIABLES / "notice.yml").read_text(encoding="utf-8")),
    }


def status(open_to=(), **flipped):
    """Every edge has all closed and confirmed, but what is still open as (pool, class), and the rows that are flipped."""
    return [
        {"edge": edge, "pool": pool, "destination": name, "wanted": action, "device": action, "state": "confirmed", **change}
        for edge in ("edge-1", "edge-2")
        for pool, _steps in AREAS.values()
        for name in ("mobile", "any")
        for action in ["observe" if (pool, name) in open_to else "block"]
        for change in [flipped.get(f"{pool}_{name}", {}) if edge == "edge-2" else {}]
    ]


REST = [(pool, "any") for pool, _steps in AREAS.values()]
CASES = {
    "nothing": {"op25b_wave": "none", "notice_status": []},
    "mobile": {"op25b_wave": "mobile", "notice_status": status(REST)},
    "all": {"op25b_wave": "all", "notice_status": status()},
    "flipped": {
        "op25b_wave": "all",
        "notice_status": status(
            east_ftth_mobile={"state": "unknown", "device": "?"},
            east_cable_any={"state": "differs", "device": "observe"},
            west_ftth_any={"state": "armed"},
            west_cable_mobile={"state": "unrecorded"},
        ),
    },
    "held": {"op25b_wave": "all", "notice_status": status([("west_cable", "any")]), "hold": {"west_cable": "mobile"}},
    "hostile": {"op25b_wave": "all", "notice_status": status(), "hostile": True},
}


def case_variables(case, place):
    """The variables of the example's inventory, with what the case changes."""
    given = variables()
    policy = given["op25b_policy"]
    if hold := case.get("hold"):
        policy["holds"] = {pool: {"wave": wave, "why": "a hospital asked"} for pool, wave in hold.items()}
    if case.get("hostile"):
        policy["operator"].update(name=HOSTILE, contact="javascript:alert(1)", domains=[HOSTILE])
        server = {"protocol": HOSTILE, "host": HOSTILE, "port": 993}
        given["notice_mail"] = [{"domain": HOSTILE, "submission": HOSTILE, "login": HOSTILE, "incoming": [server]}]
        given["notice_areas"] = {area: {"ja": HOSTILE, "en": HOSTILE} for area in ("east", "west", "central")}
    mine = {key: case[key] for key in ("op25b_wave", "notice_status")}
    files = {"notice_directory": str(place), "op25b_journal": f"{place}.jsonl", "op25b_volatile": True}
    return {**given, **mine, **files, "op25b_today": "2019-03-12"}


def publish(place, names=tuple(CASES)):
    """Run the role for every case; how many tasks changed something."""
    book = place / "play.json"
    plays = []
    for name in names:
        # `!unsafe` in JSON: what stands in a value is no template.
        given = json.loads(json.dumps(case_variables(CASES[name], place / name), default=str))
        plays.append({"hosts": "localhost", "gather_facts": False, "vars": given, "roles": ["ccsnet.op25b.notice"]})
    book.write_text(
        yaml.dump(plays, allow_unicode=True, sort_keys=False).replace("{{ 7 * 7 }}", "{% raw %}{{ 7 * 7 }}{% endraw %}"),
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "/dev/null", str(book)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.rpartition("changed=")[2].split()[0])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    place = tmp_path_factory.mktemp("notice")
    assert publish(place)
    return place


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


def records(place, name):
    return [json.loads(line) for line in Path(f"{place / name}.jsonl").read_text(encoding="utf-8").splitlines()]


def state(case, pool, day, name):
    """What the page has to say of a pool's step, by the rows alone."""
    reached = {"none": "", "mobile": "2019-03-11", "all": "2019-04-01"}[case["op25b_wave"]]
    if name == "any" and pool in case.get("hold", {}):
        return "延期"
    if day > reached:
        return "実施予定"
    # « All » is what the first step closed, too.
    rows = [row for row in case["notice_status"] if row["pool"] == pool and (name == "any" or row["destination"] == name)]
    done = rows and all((row["device"], row["state"]) == ("block", "confirmed") for row in rows)
    return "実施済み" if done else "切替作業中"


@pytest.mark.parametrize("name", [name for name in CASES if name != "hostile"])
def test_the_page_says_what_the_rows_say(published, browser, name):
    case = CASES[name]
    expected = {area: [(day, state(case, pool, day, each)) for day, each in steps] for area, (pool, steps) in AREAS.items()}
    browser.open(published / name / "index.html")
    found = browser.value(READ)
    assert {area: [(day, mark) for day, _shown, _to, mark, _all in rows] for area, rows in found} == expected
    for _area, rows in found:
        for day, shown, to, _mark, words in rows:
            year, month, of = map(int, day.split("-"))
            assert shown == f"{year}年{month}月{of}日（{DAYS[day]}）"  # noqa: RUF001
            assert to == ("携帯電話会社のメールサーバー" if day in ("2019-03-04", "2019-03-11") else "すべての宛先")
            assert ("予定日を過ぎて" in words) == (name == "nothing" and day < "2019-03-12")
    browser.open(published / name / "en" / "index.html")
    assert {ENGLISH[area]: [(row[0], row[3]) for row in rows] for area, rows in browser.value(READ)} == {
        area: [(day, WORDS[mark]) for day, mark in steps] for area, steps in expected.items()
    }


def test_the_cases_have_every_state(published, browser):
    seen = set()
    for name in CASES:
        browser.open(published / name / "index.html")
        seen |= {row[3] for _area, rows in browser.value(READ) for row in rows}
    assert seen == set(WORDS)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["flipped", "held", "hostile"])
def test_the_page_is_for_a_phone_and_a_desktop_light_and_dark_and_loads_nothing(published, browser, name, page):
    for width in (320, PHONE, DESKTOP):
        for scheme in ("light", "dark"):
            browser.open(published / name / page, width, scheme)
            where = f"{page} at {width} pixels, {scheme}"
            assert not browser.overflows(), where
            assert browser.loads_nothing() == [], where
            if width != 320:
                browser.screenshot(SHOTS / f"notice-{name}-{page.split('/')[0].removesuffix('.html')}-{width}-{scheme}.png")
                assert browser.mistakes() == [], where
    browser.open(published / name / page, 794, media="print")
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"


@pytest.mark.parametrize("page", PAGES)
def test_names_are_text_and_never_markup(published, browser, page):
    browser.open(published / "hostile" / page)
    name = browser.value("document.querySelector('header p').firstChild.textContent")
    assert name == HOSTILE
    assert browser.value("document.title").endswith(f" | {HOSTILE}")
    assert browser.value("[...document.querySelectorAll('table.mail code')].map(node => node.innerText)").count(HOSTILE) >= 2
    assert browser.value("document.querySelectorAll('img, script').length") == 0
    assert browser.value("[...document.links].filter(link => link.protocol == 'javascript:').length") == 0


def test_both_languages_lead_to_each_other_and_every_link_has_its_place(published, browser):
    for page, other, language in (("index.html", "en/index.html", "ja"), ("en/index.html", "index.html", "en")):
        browser.open(published / "all" / page)
        assert browser.value("document.documentElement.lang") == language
        assert browser.value("document.querySelector('header a').href") == (published / "all" / other).as_uri()
        assert (
            browser.value("document.querySelector('link[hreflang]:not([href=\"\"])').href")
            == (published / "all" / other).as_uri()
        )
        assert (
            browser.value("[...document.querySelectorAll('a[href^=\"#\"]')].filter(of => !document.querySelector(of.hash))") == []
        )
        assert browser.value("document.querySelector('#contact ~ div a').href") == "https://example.net/support"


def test_the_journal_has_each_page_once(published):
    before = {name: records(published, name) for name in CASES}
    for name, found in before.items():
        pages = b"".join((published / name / page).read_bytes() for page in PAGES)
        assert [(each["kind"], each["sha256"]) for each in found] == [("notice", hashlib.sha256(pages).hexdigest())]
        assert found[0]["waves"] == {
            "pilot": "2019-03-04",
            "mobile": "2019-03-11",
            "area_east": "2019-03-18",
            "area_west": "2019-03-25",
            "all": "2019-04-01",
        }


def test_a_second_run_changes_nothing_but_writes_the_record_that_a_killed_run_did_not(published):
    before = {name: records(published, name) for name in ("mobile", "all")}
    Path(f"{published / 'all'}.jsonl").unlink()
    assert publish(published, ("mobile", "all")) == 1
    assert records(published, "mobile") == before["mobile"]
    assert [each["sha256"] for each in records(published, "all")] == [each["sha256"] for each in before["all"]]


@pytest.mark.lab
def test_the_playbook_asks_every_edge_and_an_empty_one_is_not_done(ansible, browser, tmp_path):
    given = ("-e", "op25b_wave=pilot", "-e", f"notice_directory={tmp_path}", "-e", f"op25b_journal={tmp_path}/journal.jsonl")
    done = ansible("ansible-playbook", "playbooks/notice.yml", *given, "-e", "op25b_today=2019-03-05")
    browser.open(tmp_path / "index.html")
    marks = {row[3] for area, rows in browser.value(READ) for row in rows if (area, row[0]) == ("東エリア・光回線", "2019-03-04")}
    assert marks == {"切替作業中"}
    assert "differs" in done.stdout

    refused = ansible("ansible-playbook", "-i", "inventories/lab/1_pilot.op25b.yml", "playbooks/notice.yml", *given, check=False)
    assert refused.returncode == 2
    assert "the page speaks of every edge, and this inventory has those of one wave" in " ".join(refused.stdout.split())
    one = ansible("ansible-playbook", "playbooks/notice.yml", *given, "--limit", "edge-l1,localhost", check=False)
    assert one.returncode == 2
    assert "was left out; run it with the inventory of all edges" in " ".join(one.stdout.split())
