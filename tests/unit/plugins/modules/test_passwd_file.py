# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as the process that a managed host runs, with the real crypt(3)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.ccsnet.op25b.plugins.module_utils import passwd

ROOT = Path(__file__).parents[4]
ARGON2 = "$argon2id$v=19$m=65536,t=3,p=1$PDIWLtK5nckL8Mf/Fzfg2A$hD0p2YqE8eAnrBY/g6cF9/DStA2wT411pcZUey/3L60"
# Of the password « pw ».
SHA512 = (
    "{SHA512-CRYPT}"
    + subprocess.run(
        ["openssl", "passwd", "-6", "-salt", "saltsaltsalt", "pw"], capture_output=True, text=True, check=True
    ).stdout.strip()
)
SECRET = "correct horse battery staple"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "submission_users"


@pytest.fixture
def run(file):
    def call(*users, **arguments):
        done = subprocess.run(
            [sys.executable, "-m", "ansible_collections.ccsnet.op25b.plugins.modules.passwd_file"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(file), "users": users, "mode": "0640", **arguments}}),
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert SECRET not in done.stdout + done.stderr
        return json.loads(done.stdout)

    return call


def hashes(file):
    return dict(line.split(":") for line in file.read_text().splitlines() if not line.startswith("#"))


TARO = {"login": "taro@ccsnet.ne.jp", "password": SECRET}


def test_a_password_becomes_a_hash_that_stays(run, file):
    assert run(TARO)["changed"] is True
    first = file.read_bytes()
    assert passwd.matches(SECRET, hashes(file)["taro@ccsnet.ne.jp"])
    assert hashes(file)["taro@ccsnet.ne.jp"].startswith("{BLF-CRYPT}$2b$10$")
    assert file.stat().st_mode & 0o777 == 0o640
    assert run(TARO)["changed"] is False
    assert file.read_bytes() == first


def test_another_password_is_another_hash_and_the_neighbours_stay(run, file):
    hanako = {"login": "hanako@ccsnet.ne.jp", "password": SECRET}
    run(TARO, hanako)
    before = hashes(file)
    assert before["taro@ccsnet.ne.jp"] != before["hanako@ccsnet.ne.jp"]
    assert run({**TARO, "password": "another"}, hanako)["changed"] is True
    after = hashes(file)
    assert passwd.matches("another", after["taro@ccsnet.ne.jp"])
    assert not passwd.matches(SECRET, after["taro@ccsnet.ne.jp"])
    assert after["hanako@ccsnet.ne.jp"] == before["hanako@ccsnet.ne.jp"]


def test_given_hashes_are_kept_as_they_are_and_logins_that_are_not_named_go(run, file):
    run(TARO)
    users = [{"login": "a@ccsnet.ne.jp", "password_hash": ARGON2}, {"login": "b@ccsnet.ne.jp", "password_hash": SHA512}]
    assert run(*users)["changed"] is True
    assert hashes(file) == {"a@ccsnet.ne.jp": "{ARGON2ID}" + ARGON2, "b@ccsnet.ne.jp": SHA512}
    assert run(*users)["changed"] is False


def test_a_given_hash_of_the_same_password_serves_the_password_too(run, file):
    run({"login": "b@ccsnet.ne.jp", "password_hash": SHA512})
    assert run({"login": "b@ccsnet.ne.jp", "password": "pw"})["changed"] is False
    run({"login": "b@ccsnet.ne.jp", "password_hash": ARGON2})
    assert run({"login": "b@ccsnet.ne.jp", "password": "pw"})["changed"] is True
    assert passwd.matches("pw", hashes(file)["b@ccsnet.ne.jp"])


def test_check_mode_tells_and_touches_nothing(run, file):
    assert run(TARO, _ansible_check_mode=True)["changed"] is True
    assert not file.exists()
    run(TARO)
    before = file.read_bytes()
    assert run(_ansible_check_mode=True)["changed"] is True
    assert run(TARO, _ansible_check_mode=True)["changed"] is False
    assert file.read_bytes() == before


def test_a_wrong_mode_is_mended(run, file):
    run(TARO)
    file.chmod(0o644)
    assert run(TARO)["changed"] is True
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_was_written_by_hand_goes(run, file):
    run(TARO)
    with file.open("a") as lines:
        lines.write("intruder:{PLAIN}x\n")
    assert run(TARO)["changed"] is True
    assert list(hashes(file)) == ["taro@ccsnet.ne.jp"]


@pytest.mark.parametrize(
    ("users", "words"),
    [
        ([{**TARO, "login": "a:b"}], "cannot be a login"),
        ([{**TARO, "login": ""}], "cannot be a login"),
        ([{"login": "x", "password_hash": "{PLAIN}" + SECRET}], "no accepted scheme"),
        ([{"login": "x", "password_hash": f"{ARGON2}:root"}], "no accepted scheme"),
        ([{**TARO, "password": SECRET * 3}], "has 84 bytes; bcrypt takes 1 to 72"),
        ([TARO, TARO], "name taro@ccsnet.ne.jp more than once"),
        ([{**TARO, "password_hash": ARGON2}], "mutually exclusive"),
        ([{"login": "x"}], "one of the following is required"),
    ],
)
def test_wrong_logins_are_refused_and_the_file_stays(run, file, users, words):
    run(TARO)
    before = file.read_bytes()
    result = run(*users)
    assert result["failed"] is True
    assert words in result["msg"]
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_failure_leaves_nothing_beside_the_file(run, file):
    run(TARO)
    before = file.read_bytes()
    result = run({**TARO, "password": "another"}, owner="no-such-user")
    assert result["failed"] is True
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
