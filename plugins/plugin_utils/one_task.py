# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with a device that live in the process of one task, and end with it.

ansible-core runs a connection of ansible.netcommon in a process of its own, which outlives the task and costs 0.7 s of CPU to
start, and again to find. What only reads needs neither.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils import connection
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.loader import connection_loader
from ansible.utils.display import Display
from ansible.utils.jsonrpc import JsonRpcServer


class OneTask:
    """In front of a connection of ansible.netcommon: the same, without the process of its own."""

    transport: str
    force_persistence = False
    _load_name: str

    def __init__(self, *arguments: Any, **more: Any) -> None:
        # The options are those of the one in whose place it stands.
        lasting = connection_loader.get(self.transport, class_only=True)
        if lasting is None:
            raise AnsibleConnectionFailure(
                f"ansible_connection: {self.transport} is not on this controller; "
                f"`ansible-galaxy collection install {self.transport.rpartition('.')[0]}` brings it."
            )
        options = C.config.get_configuration_definitions("connection", lasting._load_name)
        C.config.initialize_plugin_configuration_definitions("connection", self._load_name, options)
        super().__init__(*arguments, **more)

    def _connect(self) -> Any:
        # libssh says to stderr what it has not found; what is wrong comes as an error.
        logging.getLogger("ansible-pylibssh").addHandler(logging.NullHandler())
        # Nobody is asked whether a host key that is not known is right.
        self.force_persistence = True
        return super()._connect()  # type: ignore[misc]


class Session(connection.Connection):  # type: ignore[misc]
    """What speaks to such a connection as to one behind a socket: the same requests, answers and errors."""

    def __init__(self, plugin: Any) -> None:
        super().__init__("/")
        self._plugin, self._server = plugin, JsonRpcServer()
        self._server.register(plugin)

    def send(self, data: str) -> str:
        """Have one request answered, in the time that the operator gives a command."""
        seconds = self._plugin.get_option("persistent_command_timeout")

        def late(_number: int, _frame: Any) -> None:
            raise AnsibleConnectionFailure(f"command timeout triggered, timeout value is {seconds} secs")

        # A task with a time of its own has set the alarm already.
        mine = not signal.getitimer(signal.ITIMER_REAL)[0]
        if mine:
            before = signal.signal(signal.SIGALRM, late)
            signal.alarm(seconds)
        try:
            return str(to_text(self._server.handle_request(data)))
        finally:
            if mine:
                signal.alarm(0)
                signal.signal(signal.SIGALRM, before)
            for level, text in self._plugin.pop_messages():
                if level == "warning":
                    Display().warning(text)
