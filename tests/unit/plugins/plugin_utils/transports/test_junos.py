# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of an answer over NETCONF that is none."""

from __future__ import annotations

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.transports import junos

TRACEBACK = """Traceback (most recent call last):
  File "<frozen>", line 122, in parse
    if MSG_DELIM in buf.read().decode('UTF-8'):
UnicodeDecodeError: 'utf-8' codec can't decode byte 0xfc in position 107: invalid start byte
"""


class UnreachableError(Exception):
    """What a connection raises."""


class Wire:
    """A connection whose every operation ends so."""

    def rpc(self, name):
        raise UnreachableError(TRACEBACK)


def test_text_that_is_not_utf8_is_one_sentence():
    with pytest.raises(Op25bError) as err:
        junos.Session(Wire(), UnreachableError).call("get-config")
    assert str(err.value) == (
        "the device answers <get-config> with text that is not UTF-8, as NETCONF must be (RFC 6241, 3.); look for a description "
        "or comment with other letters, and write it anew."
    )
