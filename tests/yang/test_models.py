# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from . import models

pytestmark = pytest.mark.skipif(not models.DIRECTORY, reason="OP25B_YANG names no models; make test-yang says where they are")
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "junos" / "limit" / "wanted.xml"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("prefix-list-item", "prefix"),
        ("payload-protocol", "payload"),
        ("<input-list>OP25B-IN</input-list>", "<input-list><name>OP25B-IN</name></input-list>"),
        ("<tcp-initial />", "<tcp-initial>yes</tcp-initial>"),
        ("<next>term</next>", "<next />"),
        ("<subnet-prefix-length>25<", "<subnet-prefix-length>33<"),
        ("junos/conf/policy-options", "junos/conf/policies"),
    ],
)
def test_a_broken_configuration_is_refused_wherever_it_stands(right, wrong):
    text = FIXTURE.read_text()
    assert right in text
    assert not models.refused([text])
    assert models.refused([text, text.replace(right, wrong), text]).startswith("libyang err")


def test_juniper_s_models_take_everything_that_this_run_rendered():
    """`make test-yang` runs the fixtures and the laws of the dialect before this."""
    print(f"\ntest-yang: {len(models.rendered)} configurations held against Juniper's models")
    assert models.rendered
    assert not models.refused(models.rendered)
