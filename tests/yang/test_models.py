# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.junos_device import JUNOS, Device, written

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


def test_what_a_device_is_told_and_what_it_then_is_are_kept_for_the_models(monkeypatch):
    """tests/conftest.py holds them against the models when the process has run its tests."""
    monkeypatch.setattr(models, "rendered", {})
    device = Device(FIXTURE.read_text())
    edit = f'<configuration xmlns="{JUNOS}root"><version>1</version></configuration>'
    now = device.send([f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{edit}</config>'])
    assert set(models.rendered) == {written(fromstring(each)) for each in (FIXTURE.read_text(), edit, now)}
    assert len(models.rendered) == 3
