# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import run

AT = "2019-03-04T01:02:03Z"


def test_a_token_is_a_file_name_that_comes_once_and_is_found_wherever_a_run_is_named():
    tokens = {run.new_token() for _at in range(1000)}
    assert len(tokens) == 1000
    for token in tokens:
        assert re.fullmatch("[a-z2-9]{10}", token)
        for each in (run.Run(token, AT), run.Run(token, AT, "4711")):
            assert run.token_in(each.text) == run.token_in(each.who("taro", "noc")) == token


def test_who_is_at_work_is_said_in_words():
    assert run.Run("k7qmz2xw4a", AT).who("taro", "noc") == "taro@noc (run k7qmz2xw4a)"
    assert run.Run("k7qmz2xw4a", AT, "4711").who("hanako", "automation-job-4711-x") == "hanako in AWX job 4711 (run k7qmz2xw4a)"
    assert run.Run("k7qmz2xw4a", AT, "4711").text == "2019-03-04T01:02:03Z/k7qmz2xw4a/job-4711"


@pytest.mark.parametrize(
    "text",
    ["", "ansible", "taro@noc (pid 4711)", "noc:4711:99", "x (run ../../../etc)", "x (run k7qmz2xw4)", "x (run k7qmz2xw4a) ", AT],
)
def test_what_names_no_run_has_no_token(text):
    assert run.token_in(text) == ""
