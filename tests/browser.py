# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in Chromium: Debian's chromium-headless-shell, by the DevTools protocol on a pipe, which needs no driver and no port.

https://chromedevtools.github.io/devtools-protocol/; a message is JSON that ends with a zero byte.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
PHONE, DESKTOP = 390, 1280


def _pipe() -> list[int]:
    """Both ends of a pipe, away from 3 and 4, where the program reads and writes."""
    ends = os.pipe()
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in ends]
    for fd in ends:
        os.close(fd)
    return moved


class Browser:
    """One tab of a browser that reaches no network; `requests` are the addresses that the page asked for."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="op25b-chromium-")
        child_reads, self._to = _pipe()
        self._from, child_writes = _pipe()

        def places() -> None:
            os.dup2(child_reads, 3)
            os.dup2(child_writes, 4)

        self._process = subprocess.Popen(
            [
                str(PROGRAM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={self._profile}", "--remote-debugging-pipe",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=places,
            # Debian's program is a script that starts the browser: both are ended together.
            start_new_session=True,
        )  # fmt: skip
        os.close(child_reads)
        os.close(child_writes)
        self._number = 0
        self._read = b""
        self._session: str | None = None
        self._width = 0
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            more = os.read(self._from, 1 << 16)
            if not more:
                raise RuntimeError(f"{PROGRAM} ended with {self._process.wait()}")
            self._read += more
        text, _zero, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message

    def _until(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not found(message := self._message()):
            pass
        return message

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        session = {"sessionId": self._session} if self._session else {}
        request = json.dumps({"id": number, "method": method, "params": params, **session}).encode() + b"\0"
        while request:
            request = request[os.write(self._to, request) :]
        answer = self._until(lambda message: message.get("id") == number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path, width: int = DESKTOP, scheme: str = "light", media: str = "") -> None:
        """Load a file at a window's width, in a colour scheme, for the screen or for `print`."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._width = width
        self.requests.clear()
        if error := self.call("Page.navigate", url=page.as_uri()).get("errorText"):
            raise RuntimeError(f"{page}: {error}")
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def value(self, script: str) -> Any:
        """What an expression gives in the page."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"]))
        return done["result"].get("value")

    def screenshot(self, to: Path) -> None:
        """The page in its whole length."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1})
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(base64.b64decode(shot["data"]))

    def mistakes(self) -> list[str]:
        """What axe-core, the judge of web accessibility, finds wrong, colours and contrast among it."""
        self.value(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "\n;0")
        found = self.value("axe.run().then(done => done.violations)")
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    def loads_nothing(self) -> list[str]:
        """What of the page is active or comes from elsewhere: scripts, handlers, frames, further requests."""
        inside: list[str] = self.value(
            """[...document.querySelectorAll('*')].flatMap(node => [
                ...(/^(script|iframe|object|embed|form|base)$/i.test(node.localName) ? [node.localName] : []),
                ...[...node.attributes].filter(of => /^on/i.test(of.name) || /^javascript:/i.test(of.value.trim()))
                    .map(of => of.name),
            ])"""
        )
        return inside + [url for url in self.requests[1:] if not url.startswith("data:")]

    def overflows(self) -> bool:
        """Whether one would have to scroll sideways."""
        # A phone's innerWidth grows with what does not fit.
        return bool(self.value("document.documentElement.scrollWidth") > self._width)
