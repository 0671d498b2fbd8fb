# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many mail programs on one host of the lab: sends what it reads as JSON, and prints what it knows of each message.

Threads of blocking sockets: TLS is C without the interpreter's lock, and costs a fifth of what asyncio's takes.
"""

from __future__ import annotations

import base64
import itertools
import json
import queue
import smtplib
import ssl
import sys
import threading
import time
from typing import Any

# For each attempt: what the client knows of it.
TAKEN, REFUSED, LATER = "taken", "refused", "later"
BROKEN = "broken"
"""The connection ended before the client had sent the last dot: the server cannot have taken it."""
UNKNOWN = "unknown"
"""It ended between the last dot and the reply to it: RFC 1047's gap. The client must send again, and it may be twice."""
PATIENCE = 60
ATTEMPTS = 20


class Client:
    """One worker with its sessions."""

    def __init__(self, wanted: dict[str, Any], work: queue.SimpleQueue[dict[str, Any]]) -> None:
        self._server = tuple(wanted["server"])
        lines = itertools.islice(itertools.cycle(TEXT.splitlines()), wanted["size"] // 72)
        self._body = "".join(f"\r\n{line}" for line in lines).encode() + b"\r\n"
        self._work = work
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self.known: dict[str, list[str]] = {}
        self.troubles: dict[str, int] = {}
        self.slowest = 0.0

    def run(self) -> None:
        """Until no session is left."""
        while True:
            try:
                session = self._work.get_nowait()
            except queue.Empty:
                return
            left = list(session["messages"])
            for _attempt in range(ATTEMPTS):
                try:
                    self._send(session, left)
                except (OSError, smtplib.SMTPException) as error:
                    words = f"{type(error).__name__}: {error}"
                    self.troubles[words] = self.troubles.get(words, 0) + 1
                if not left:
                    break
                time.sleep(0.5)

    def _send(self, session: dict[str, Any], left: list[list[str]]) -> None:
        """One connection; what was taken or refused for ever is gone from `left`."""
        client = smtplib.SMTP(*self._server, timeout=PATIENCE)
        try:
            client.ehlo("client.example")
            client.starttls(context=self._context)
            client.ehlo("client.example")
            secret = base64.b64encode(f"\0{session['login']}\0{session['password']}".encode()).decode()
            self._expect(client.docmd("AUTH", f"PLAIN {secret}"), 235)
            for mark, recipient in list(left):
                begun = time.monotonic()
                said = self._message(client, session["login"], mark, recipient)
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if said != LATER:
                    left.remove([mark, recipient])
            client.docmd("QUIT")
        finally:
            client.close()

    def _message(self, client: smtplib.SMTP, login: str, mark: str, recipient: str) -> str:
        attempts = self.known.setdefault(mark, [])
        attempts.append(BROKEN)
        for command in (f"MAIL FROM:<{login}>", f"RCPT TO:<{recipient}>", "DATA"):
            code, text = client.docmd(command)
            if code >= 400:
                return self._refused(client, attempts, code, text)
        head = f"From: <{login}>\r\nTo: <{recipient}>\r\nSubject: soak\r\nMessage-ID: <{mark}>\r\nDate: {DATE}\r\n"
        # All but the end of the last line: without it no server has a message.
        client.send(head.encode() + self._body + b".")
        attempts[-1] = UNKNOWN
        client.send(b"\r\n")
        code, text = client.getreply()
        if code >= 400:
            return self._refused(client, attempts, code, text)
        attempts[-1] = TAKEN
        return TAKEN

    def _refused(self, client: smtplib.SMTP, attempts: list[str], code: int, text: bytes) -> str:
        attempts[-1] = REFUSED if code >= 500 else LATER
        words = f"{code} {text.decode(errors='replace')}"
        self.troubles[words] = self.troubles.get(words, 0) + 1
        client.docmd("RSET")
        return attempts[-1]

    @staticmethod
    def _expect(reply: tuple[int, bytes], code: int) -> None:
        if reply[0] != code:
            raise smtplib.SMTPResponseException(*reply)


# What people write, as a filter reads what stands in a mail: a line of x is to rspamd a wallet's address that it has to check.
TEXT = """\
Dear Hanako, thank you for your letter and for the photographs of the
garden, which reached us last week. The children have asked every day
since when they may come to see the pond, and I have promised that it
will be before the rainy season. My train leaves Osaka at ten past
nine and should be with you a little after noon, so please do not wait
with lunch. If the weather stays as it is, we could walk along the
river in the afternoon and look for the house in which your aunt lived
until the spring of that year; Taro says that he would find it even in
the dark. He has a new telescope and talks of nothing else, so I fear
that you will have to look at Saturn whether you like it or not. Shall
we bring anything? The neighbours gave us more persimmons than we can
eat, and there is still some of the tea that you liked so much.
"""
DATE = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())


def main() -> None:
    """Send what stands on standard input; a line for every second, and the last one with all that is known."""
    wanted = json.load(sys.stdin)
    work: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for session in wanted["sessions"]:
        work.put(session)
    clients = [Client(wanted, work) for _ in range(wanted["at_once"])]
    threads = [threading.Thread(target=client.run) for client in clients]
    begun = time.time()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for thread in threads:
            thread.join(0.5 / len(threads))
        print(json.dumps({"taken": sum(client.known[mark][-1] == TAKEN for client in clients for mark in list(client.known))}))
        sys.stdout.flush()
    known = {mark: attempts for client in clients for mark, attempts in client.known.items()}
    troubles: dict[str, int] = {}
    for client in clients:
        for words, times in client.troubles.items():
            troubles[words] = troubles.get(words, 0) + times
    said = {"known": known, "troubles": troubles, "begun": begun, "ended": time.time(), "cpu": time.process_time()}
    print(json.dumps({**said, "slowest": max(client.slowest for client in clients)}))


if __name__ == "__main__":
    main()
