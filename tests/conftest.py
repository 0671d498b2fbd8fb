# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import settings

from tests.yang import models

# No example has a time limit: a busy machine would break it, and not the code.
settings.register_profile("op25b", settings(), deadline=None)
settings.load_profile("op25b")


@pytest.fixture(scope="session", autouse=True)
def _juniper_s_models_take_everything_that_this_run_rendered():
    """At the end of each process, so that the laws need not run again for the models."""
    yield
    if wrong := models.rendered and models.refused(models.rendered):
        pytest.fail(wrong, pytrace=False)
