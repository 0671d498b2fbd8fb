# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A demo that fails says why, in one sentence."""

import json
import subprocess
import sys
import threading
import time

import pytest

from lab import clients, demo

REFUSED = "NO-GO, port 587: refused: 554 5.7.1 probe@ccsnet.ne.jp is suspended: mail came from 10 networks (from cust-west)"
PRINTED = f"""\
TASK [ccsnet.op25b.rollout : Gate 4: the relay works from inside of these very pools] ***
[ERROR]: Task failed: Action failed: {REFUSED}
Origin: roles/rollout/tasks/relay.yml:38:3
fatal: [edge-l1]: FAILED! =>
    assertion: rollout_problems == []
"""


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (PRINTED, REFUSED),
        (f'fatal: [edge-l1]: FAILED! => {{"msg": "x"}}\n    msg: "{REFUSED}"\n', REFUSED),
        ("[ERROR]: Task failed: Module failed: no space\n[ERROR]: Task failed: later\n", "Module failed: no space"),
        ("Killed\n", "it did not say why"),
    ],
    ids=["a gate's task", "a gate's result", "the first error", "nothing"],
)
def test_why_a_playbook_stopped(printed, why):
    assert demo.why(printed.splitlines()) == why


class Failing(demo.Demo):
    error: Exception

    def run(self):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [demo.NotSoError("not everything is open again"), OSError("no such device"), subprocess.TimeoutExpired("nft", 120)],
)
def test_whatever_fails_is_one_sentence(monkeypatch, capsys, error):
    monkeypatch.setenv("OP25B_LAB", "unit-no-lab")
    monkeypatch.setattr(Failing, "error", error, raising=False)
    assert demo.main(Failing) == 1
    assert capsys.readouterr().err == f"\ndemo: {error}\n"


class Lab:
    """One whose mail programs have sent two mails, and are about to say so of the second."""

    def __init__(self, certificate):
        self.certificate = certificate

    def path(self, *_words):
        return self.certificate

    def script_popen(self, _host, _module, **options):
        mail = {"address": "192.0.2.25", "port": 587, "mark": "x", "seconds": 0.1, "error": "554 5.7.1 suspended: 10 networks"}
        said = json.dumps(mail)
        program = f"print({said!r}, {said[:20]!r}, sep=chr(10), end='', flush=True); input(); input()"
        return subprocess.Popen([sys.executable, "-c", program], text=True, **options)


def test_readers_of_mail_programs_that_are_killed_end_without_a_word(monkeypatch, tmp_path):
    certificate, complaints = tmp_path / "certificate", []
    certificate.write_text("")
    monkeypatch.setattr(threading, "excepthook", complaints.append)

    def interrupted():
        with clients.clients(Lab(certificate), ["cust-east", "other-line"]) as sending:
            while len(sending.mails) < 2:
                time.sleep(0.01)
            raised.append(sending)
            raise demo.NotSoError("a wave is red")

    raised = []
    with pytest.raises(demo.NotSoError, match="a wave is red"):
        interrupted()
    assert complaints == []
    assert sorted(raised[0].failed) == [
        f"{host}@ccsnet.ne.jp could not send through 192.0.2.25 port 587: 554 5.7.1 suspended: 10 networks"
        for host in ("cust-east", "other-line")
    ]


def test_every_host_has_a_login_of_its_own():
    logins = [clients.customer(host)["login"] for host in ("cust-east", "cust-coast-b", "other-line")]
    assert len(set(logins)) == 3
    with pytest.raises(clients.LabError, match="has no login noc@"):
        clients.customer("noc")
