# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, policy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory):
    """Make a key and a certificate for these names (as openssl writes them); the directory of both."""

    def make(names):
        place = tmp_path_factory.mktemp("certificate")
        request = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-noenc",
            "-days",
            "30",
        ]
        words = [
            "-subj",
            "/CN=msa1",
            "-addext",
            f"subjectAltName={names}",
            "-keyout",
            place / "key",
            "-out",
            place / "certificate",
        ]
        subprocess.run([*request, *words], check=True, capture_output=True)
        return place

    return make


@pytest.fixture
def document():
    """The policy of the lab, which is also the example of the documentation, with two of its pools and no waves by area."""
    text = (ROOT / "inventories" / "lab" / "group_vars" / "all" / "op25b.yml").read_text(encoding="utf-8")
    read = yaml.safe_load(text)["op25b_policy"]
    return {
        **read,
        "pools": {name: read["pools"][name] for name in ("east_ftth", "west_cable")},
        "waves": [wave for wave in read["waves"] if "areas" not in wave],
    }


@pytest.fixture
def build(document):
    """Build the Acl of an edge at a wave, with keys of the policy exchanged."""

    def make(wave, attachments=None, uplinks=("up0",), today=datetime.date(2019, 3, 20), **keys):
        checked = policy.load({**document, **keys}, today)
        places = acl.attachments_from(
            attachments or [{"interface": "east0", "pools": ["east_ftth"]}, {"interface": "west0", "pools": ["west_cable"]}],
            checked,
        )
        return acl.build(checked, wave, places, acl.uplinks_from(list(uplinks), places))

    return make
