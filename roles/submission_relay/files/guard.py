# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of a submission relay: wrong passwords wait, stolen logins are suspended.

It answers Dovecot (may this attempt go on?) and rspamd (is this address the login's?), follows the mail log, and is the command
`submission-relay-login`. What it knows is in Redis, which all relays share, and goes by itself with time.
"""

from __future__ import annotations

import argparse
import contextlib
import email.message
import hashlib
import http
import http.server
import ipaddress
import json
import os
import re
import subprocess
import sys
import syslog
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

import redis
from guard_rules import DAY, HISTORY, HOUR, Event, judge_attempt, judge_login, maps_of, network, parse, place, rules_of

CONFIG = "/etc/submission_relay/guard.json"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SUSPENDED, SINCE, TELL = "op25b:suspended", "op25b:suspended:since", "op25b:tell"
KNOWN, KNOWN_NETWORKS = 30 * DAY, 50
T = TypeVar("T")


class MistakeError(Exception):
    """What a person did wrong, as one sentence."""


# --- Redis


def say(text: str, priority: int = syslog.LOG_NOTICE) -> None:
    """Write into the mail log, on one line whatever is in it."""
    syslog.syslog(priority, "".join(sign if sign.isprintable() else "?" for sign in text))


class Store:
    """What is known of logins and addresses, in Redis."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.redis = redis.Redis(**config["redis"], socket_timeout=1, socket_connect_timeout=1, decode_responses=True)
        self.down_until = 0.0
        self.answers = True

    def ask(self, question: Callable[[], T], otherwise: T) -> T:
        """Ask Redis; while it is down, what is said otherwise, without waiting for it each time. The log has it once."""
        if time.monotonic() < self.down_until:
            return otherwise
        try:
            answer = question()
        except redis.RedisError as err:
            self.down_until = time.monotonic() + 2
            if self.answers:
                self.answers = False
                say(f"Redis does not answer ({err}); until it does, no login waits and none is suspended", syslog.LOG_ERR)
            return otherwise
        if not self.answers:
            self.answers = True
            say("Redis answers again")
        return answer

    @staticmethod
    def _keys(login: str, address: str) -> dict[str, str]:
        where = place(address)
        return {
            "pair": f"op25b:wrong:pair:{login}|{where}",
            "login": f"op25b:wrong:login:{login}",
            "address": f"op25b:wrong:address:{where}",
        }

    def attempt(self, login: str, address: str) -> int:
        """What to tell Dovecot before it looks at the password."""
        pipe, keys = self.redis.pipeline(transaction=False), self._keys(login, address)
        for key in keys.values():
            pipe.zcount(key, time.time() - HOUR, "+inf")
        pipe.zscore(f"op25b:known:{login}", network(address))
        *wrong, seen = pipe.execute()
        known = seen is not None and seen > time.time() - KNOWN
        return judge_attempt(dict(zip(keys, wrong)), known, self.config["wrong_passwords"])

    def report(self, login: str, address: str, digest: str, success: bool) -> None:
        """Take how an attempt went. The same wrong password counts once, for an old mail program repeats its own for ever."""
        pipe, keys, now = self.redis.pipeline(), self._keys(login, address), time.time()
        if success:
            pipe.zadd(f"op25b:known:{login}", {network(address): now})
            pipe.zremrangebyrank(f"op25b:known:{login}", 0, -KNOWN_NETWORKS - 1)
            pipe.expire(f"op25b:known:{login}", KNOWN)
            pipe.delete(keys["pair"])
        else:
            for key in keys.values():
                pipe.zadd(key, {f"{login} {digest}" if key == keys["address"] else digest: now})
                pipe.zremrangebyscore(key, "-inf", now - HOUR)
                pipe.expire(key, HOUR)
        pipe.execute()

    def suspend(self, login: str, why: str) -> bool:
        """Suspend a login, and have it told; false where it is suspended already, maybe by the other relay at this moment."""
        news = {"login": login, "why": why, "time": datetime.now(timezone.utc).isoformat(timespec="seconds")}
        news["relay"] = self.config["relay"]
        told = [json.dumps({**news, "by": way}) for way in ("mail", "webhook") if self.config["tell"].get(way)]
        script = (
            "if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end "
            "redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) "
            "for i = 4, #ARGV do redis.call('LPUSH', KEYS[3], ARGV[i]) end return 1"
        )
        since = json.dumps({"time": news["time"], "relay": news["relay"]})
        done = bool(self.redis.eval(script, 3, SUSPENDED, SINCE, TELL, login, why, since, *told))
        if done:
            say(f"{login} is suspended: {why}", syslog.LOG_WARNING)
        return done

    def resume(self, login: str) -> bool:
        """Let a login send again, with fresh counts; false where it was not suspended."""
        since = json.loads(self.redis.hget(SINCE, login) or "{}").get("time", datetime.now(timezone.utc).isoformat())
        first = int(datetime.fromisoformat(since).timestamp()) // HOUR - 1
        hours, key = self.redis.hgetall(f"op25b:hours:{login}"), f"op25b:hours:{login}"
        recent = [name for name in hours if int(name.rstrip("b")) >= first]
        pipe = self.redis.pipeline()
        pipe.hdel(SUSPENDED, login)
        pipe.hdel(SINCE, login)
        # A thief's networks are not the owner's.
        pipe.delete(f"op25b:networks:{login}", f"op25b:known:{login}", f"op25b:wrong:login:{login}")
        if recent:
            # What was let pass once is from now on usual for it, or the next mail of the same newsletter would suspend it again.
            usual = max(int(hours[name]) for name in (*recent, str(first - 1)) if name.isdigit() and name in hours)
            pipe.hdel(key, *recent)
            pipe.hset(key, str(first - 1), usual)
        done = bool(pipe.execute()[0])
        if done:
            say(f"{login} is resumed")
        return done

    def suspended(self) -> list[dict[str, str]]:
        """The suspended logins, the latest first."""
        pipe = self.redis.pipeline()
        pipe.hgetall(SUSPENDED)
        pipe.hgetall(SINCE)
        reasons, since = pipe.execute()
        rows = []
        for login, why in reasons.items():
            seen = json.loads(since.get(login, "{}"))
            rows.append({"login": login, "since": seen.get("time", ""), "relay": seen.get("relay", ""), "why": why})
        return sorted(rows, key=lambda row: row["since"], reverse=True)


# --- the mail log


class Log:
    """The mail log from a position on, over rotations."""

    def __init__(self, path: str, position: Mapping[str, Any] | None) -> None:
        self.path = path
        self.file, self.offset = self._open(path), 0
        if position:
            for name in (path, f"{path}.1"):
                file = self._open(name)
                if file and self._head(file) == position["head"]:
                    self.file, self.offset = file, position["offset"]
                    break
        elif self.file:
            # Nothing is known of what came before.
            self.offset = self.file.seek(0, os.SEEK_END)

    @staticmethod
    def _open(path: str) -> Any:
        with contextlib.suppress(FileNotFoundError):
            return open(path, "rb")
        return None

    @staticmethod
    def _head(file: Any) -> str:
        # What names a file, for its inode may be another file's tomorrow.
        file.seek(0)
        return hashlib.sha256(file.readline(1024)).hexdigest()

    def position(self) -> dict[str, Any]:
        """Where to go on after a restart."""
        return {"head": self._head(self.file), "offset": self.offset}

    def read(self) -> list[str]:
        """The next whole lines, none where there are none yet."""
        data = self._chunk()
        if not data and self._rotated():
            # Rsyslog has begun the new file, and so has ended this one: nothing more comes after one more look.
            data = self._chunk()
            if not data:
                self.file, self.offset = self._open(self.path), 0
                data = self._chunk()
        self.offset += len(data)
        # Not splitlines, which takes signs for line ends that may stand in an address.
        return data.decode(errors="replace").split("\n")[:-1]

    def _chunk(self) -> bytes:
        if not self.file:
            self.file, self.offset = self._open(self.path), 0
            if not self.file:
                return b""
        if os.fstat(self.file.fileno()).st_size < self.offset:
            self.offset = 0
        self.file.seek(self.offset)
        data: bytes = self.file.read(1 << 20)
        return data[: data.rfind(b"\n") + 1]

    def _rotated(self) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        return there.st_size > 0 and (self.file is None or there.st_ino != os.fstat(self.file.fileno()).st_ino)


class Counter:
    """Counts what each login sends, and suspends those that look stolen."""

    REMEMBERED = 50_000

    def __init__(self, store: Store) -> None:
        self.store, self.redis, self.config = store, store.redis, store.config
        self.key = f"op25b:log:{self.config['relay']}"
        self.log: Log | None = None
        self.mails: OrderedDict[str, tuple[int, str] | None] = OrderedDict()
        """By queue id: in which hour its recipients were counted (0: not yet), and the login; None for mail of no login."""
        self.touched: dict[str, set[float]] = {}

    def step(self) -> bool:
        """Take what is new in the log; whether there was anything."""
        try:
            if self.log is None:
                kept = self.redis.get(self.key)
                self.log = Log(self.config["log"], json.loads(kept) if kept else None)
            lines = self.log.read()
            if lines:
                self._count([event for event in (parse(line, time.time()) for line in lines) if event], self.log.position())
            for login in list(self.touched):
                self._judge(login, self.touched[login])
                del self.touched[login]
        except BaseException:
            # Whether Redis has this step, it alone knows: where it says to go on, nothing is counted twice.
            self.log = None
            self.mails.clear()
            raise
        return bool(lines)

    def _mail_key(self, queue_id: str) -> str:
        return f"op25b:mail:{self.config['relay']}:{queue_id}"

    def _count(self, events: list[Event], position: Mapping[str, Any]) -> None:
        self._fetch(events)
        changed: dict[str, tuple[int, str] | None] = {}
        networks: defaultdict[str, dict[str, float]] = defaultdict(dict)
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        touched: defaultdict[str, set[float]] = defaultdict(set)
        for event in events:
            mail = self.mails.get(event.queue_id)
            if event.kind == "client":
                # Postfix uses short queue ids again: what was known of one is over.
                mail = (0, event.login) if event.login else None
                self.mails[event.queue_id] = changed[event.queue_id] = mail
                if mail:
                    networks[event.login][event.network] = event.time
            elif not mail:
                continue
            elif event.kind == "queued" and not mail[0]:
                # A deferred mail comes here again with each try.
                mail = self.mails[event.queue_id] = changed[event.queue_id] = (int(event.time) // HOUR, mail[1])
                counts[mail[1], str(mail[0])] += event.recipients
            elif event.kind == "bounced" and mail[0]:
                counts[mail[1], f"{mail[0]}b"] += 1
            elif event.kind == "removed":
                del self.mails[event.queue_id]
                changed[event.queue_id] = None
            if mail:
                touched[mail[1]].update((event.time, float(mail[0] * HOUR) or event.time))
        # Most mails begin and end in one step: Redis hears of a login once, and of its mails only what is still to come.
        pipe = self.redis.pipeline()
        pipe.setnx("op25b:since", int(time.time()))
        for queue_id, mail in changed.items():
            if mail:
                pipe.set(self._mail_key(queue_id), json.dumps(mail), ex=6 * HOUR)
        gone = [self._mail_key(queue_id) for queue_id, mail in changed.items() if not mail]
        if gone:
            pipe.delete(*gone)
        for login, seen in networks.items():
            pipe.zadd(f"op25b:networks:{login}", seen)
            pipe.expire(f"op25b:networks:{login}", HOUR)
        for (login, name), count in counts.items():
            pipe.hincrby(f"op25b:hours:{login}", name, count)
            pipe.expire(f"op25b:hours:{login}", HISTORY + DAY)
        pipe.set(self.key, json.dumps(position))
        pipe.execute()
        for login, times in touched.items():
            self.touched.setdefault(login, set()).update(times)
        while len(self.mails) > self.REMEMBERED:
            self.mails.popitem(last=False)

    def _fetch(self, events: list[Event]) -> None:
        """Learn from Redis whose the mails are that began before a restart."""
        unknown = list({event.queue_id: None for event in events if event.queue_id not in self.mails})
        for queue_id, kept in zip(unknown, self.redis.mget([self._mail_key(one) for one in unknown]) if unknown else ()):
            hour, login = json.loads(kept) if kept else (0, "")
            self.mails[queue_id] = (hour, login) if login else None

    def _judge(self, login: str, times: set[float]) -> None:
        key, config, last = f"op25b:hours:{login}", self.config, max(times)
        pipe = self.redis.pipeline(transaction=False)
        pipe.zremrangebyscore(f"op25b:networks:{login}", "-inf", last - HOUR)
        pipe.zcard(f"op25b:networks:{login}")
        pipe.hgetall(key)
        pipe.get("op25b:since")
        _gone, networks, kept, since = pipe.execute()
        hours = {name: int(count) for name, count in kept.items()}
        old = [name for name in hours if int(name.rstrip("b")) * HOUR < last - HISTORY - HOUR]
        if old:
            self.redis.hdel(key, *old)
        learned = int(since or last) <= last - HISTORY
        most = config["hour"]["home_server" if login in config["home_servers"] else "customer"]
        rules = rules_of(login, config["check"], config["stolen"])
        for hour in sorted({int(at) // HOUR for at in times}):
            why = judge_login(networks, hours, hour, rules, most, learned)
            if why:
                self.store.suspend(login, why)
                return


# --- telling


class Teller:
    """Tells people of suspended logins, each way once; what does not go through is tried again for a day."""

    def __init__(self, store: Store) -> None:
        self.redis, self.tell, self.mine = store.redis, store.config["tell"], f"{TELL}:{store.config['relay']}"
        self.contact = store.config["contact"]
        self.again: dict[str, float] = {}

    def step(self) -> bool:
        """Tell what is new; false, for there is no hurry."""
        while self.redis.rpoplpush(TELL, self.mine):
            pass
        for item in reversed(self.redis.lrange(self.mine, 0, -1)):
            if self.again.get(item, 0) > time.monotonic():
                continue
            news = json.loads(item)
            way = news.pop("by")
            try:
                (self._mail if way == "mail" else self._webhook)(news)
            except (OSError, ValueError, subprocess.SubprocessError) as err:
                # The reason, without the URL, in which is often a token.
                reason = f"it answers {err.code}" if isinstance(err, urllib.error.HTTPError) else type(err).__name__
                say(f"the {way} that {news['login']} is suspended did not go through ({reason})", syslog.LOG_ERR)
                if time.time() - datetime.fromisoformat(news["time"]).timestamp() < DAY:
                    self.again[item] = time.monotonic() + 60
                    continue
            self.redis.lrem(self.mine, 1, item)
            self.again.pop(item, None)
        return False

    def _mail(self, news: Mapping[str, str]) -> None:
        mail = email.message.EmailMessage()
        mail["From"] = self.tell["from"]
        mail["To"] = ", ".join(self.tell["mail"])
        mail["Subject"] = f"The login {news['login']} is suspended"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(
            f"{news['login']} cannot send mail since {news['time']}: {news['why']}.\n\n"
            "Its password is probably known to others. When the customer has a new one, on any relay:\n\n"
            f"    submission-relay-login resume {news['login']}\n\n"
            f"The customer's mail program says why, and names {self.contact}. This was seen on {news['relay']}.\n"
        )
        # From nobody: a bounce of it would help no one.
        argv = ["/usr/sbin/sendmail", "-i", "-f", "", "--", *self.tell["mail"]]
        subprocess.run(argv, input=bytes(mail), check=True, timeout=30, capture_output=True)

    def _webhook(self, news: Mapping[str, str]) -> None:
        body, headers = json.dumps(news).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.tell["webhook"], body, headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass


# --- rspamd's question


class Owners:
    """Whether an address is a login's, by the tables of Postfix."""

    FRESH, MOST = 10, 10_000

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], tuple[float, bool]] = {}
        self.maps: list[str] = []
        self.maps_until = 0.0
        self.few = threading.BoundedSemaphore(8)

    def owns(self, login: str, address: str) -> bool:
        """Ask for the address, then for its domain, as Postfix does. An address that no table could have is nobody's."""
        login, address = login.lower(), address.lower()
        if len(address) > 320 or not re.fullmatch(r"[^\s\x00-\x1f\x7f]+@[^\s\x00-\x1f\x7f@]+", address):
            return False
        now = time.monotonic()
        until, answer = self.known.get((login, address), (0.0, False))
        if until < now:
            answer = login in self._logins(address)
            if len(self.known) >= self.MOST:
                self.known.clear()
            self.known[login, address] = (now + self.FRESH, answer)
        return answer

    def _logins(self, address: str) -> list[str]:
        with self.few:
            if self.maps_until < time.monotonic():
                self.maps = maps_of(self._run(["postconf", "-hx", "smtpd_sender_login_maps"], ""))
                self.maps_until = time.monotonic() + self.FRESH
            keys = (address, "@" + address.rpartition("@")[2])
            found = self._run(["postmap", "-q", "-", *self.maps], "".join(f"{key}\n" for key in keys))
        answers = dict(line.partition("\t")[::2] for line in found.splitlines())
        return next((re.split(r"[,\s]+", answers[key].lower()) for key in keys if key in answers), [])

    @staticmethod
    def _run(argv: list[str], text: str) -> str:
        # Without HOME, where database clients would look for files of whoever has started this.
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=5, check=False, env={"PATH": PATH, "LC_ALL": "C.UTF-8"}
        )
        # Not found is 1, and so is a table that cannot be read: that one says so.
        if done.stderr.strip():
            raise OSError(done.stderr.strip().splitlines()[-1])
        return done.stdout


# --- the service


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of Dovecot or rspamd."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Server

    def do_POST(self) -> None:
        """Dovecot's questions."""
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= 1 << 16:
            self.close_connection = True
            return self._answer(400, "the body is empty, too long or without a length")
        try:
            asked = json.loads(self.rfile.read(length))
            login, address = str(asked["login"]).lower(), str(ipaddress.ip_address(str(asked["remote"])))
        except (ValueError, KeyError, TypeError):
            # Nothing to count: a mail program gave up, or asked from nowhere.
            return self._answer(200, '{"status": 0, "msg": ""}')
        if len(login) > 128:
            login = hashlib.sha256(login.encode(errors="replace")).hexdigest()
        store, status = self.server.store, 0
        # Dovecot 2.4 says, too, when its own trouble was the reason.
        refused = asked.get("policy_reject") is True or asked.get("fail_type") in ("internal", "policy")
        if login and self.path.endswith("command=allow"):
            status = store.ask(lambda: store.attempt(login, address), 0)
        elif login and self.path.endswith("command=report") and not refused:
            digest, success = str(asked.get("pwhash"))[:64], asked.get("success") is True
            store.ask(lambda: store.report(login, address, digest, success), None)
        return self._answer(200, json.dumps({"status": status, "msg": "too many wrong passwords" if status < 0 else ""}))

    def do_GET(self) -> None:
        """The questions of rspamd, and of whoever wants to know whether all is well."""
        path, _mark, query = self.path.partition("?")
        if path == "/health":
            sick = self.server.sick()
            return self._answer(503 if sick else 200, sick or "ok")
        asked = dict(urllib.parse.parse_qsl(query))
        if path != "/owns" or not asked.get("login") or not asked.get("address"):
            return self._answer(404, "ask for /health or /owns?login=LOGIN&address=ADDRESS")
        try:
            return self._answer(200, "yes" if self.server.owners.owns(asked["login"], asked["address"]) else "no")
        except (OSError, subprocess.SubprocessError) as err:
            say(f"Postfix's tables of senders do not answer ({err})", syslog.LOG_ERR)
            return self._answer(503, "Postfix's tables of senders do not answer")

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        kind = "application/json" if text.startswith("{") else "text/plain"
        head = f"HTTP/1.1 {code} {http.HTTPStatus(code).phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        # In one piece: two would wait for each other, 40 ms each time.
        self.wfile.write(head.encode() + body)


class Server(http.server.ThreadingHTTPServer):
    """The guard itself."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(("127.0.0.1", config["port"]), Handler)
        self.store, self.owners = Store(config), Owners()
        self.alive: dict[str, float] = {}

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that goes away is no news, and anything else one line."""
        err = sys.exc_info()[1]
        if not isinstance(err, OSError):
            say(f"a question could not be answered ({type(err).__name__}: {err})", syslog.LOG_ERR)

    def sick(self) -> str:
        """What is wrong, or nothing."""
        if not self.store.ask(self.store.redis.ping, False):
            return "Redis does not answer"
        late = [name for name, at in self.alive.items() if at < time.monotonic() - 120]
        return f"{', '.join(late)} does not go on" if late else ""

    def repeat(self, name: str, step: Callable[[], bool], pause: float) -> None:
        """Do this for ever."""
        while True:
            try:
                more = self.store.ask(step, False)
                self.alive[name] = time.monotonic()
            except Exception as err:  # whatever it is, the next step may go well
                more = False
                say(f"{name}: {type(err).__name__}: {err}", syslog.LOG_ERR)
            if not more:
                time.sleep(pause)

    def run(self) -> None:
        """Serve until the end."""
        for name, step, pause in (
            ("following the log", Counter(self.store).step, 0.5),
            ("telling", Teller(self.store).step, 2),
        ):
            threading.Thread(target=self.repeat, args=(name, step, pause), daemon=True).start()
        self.serve_forever()


# --- the command


def load(path: str) -> dict[str, Any]:
    """The configuration, which the role writes."""
    try:
        with open(path, encoding="utf-8") as file:
            config: dict[str, Any] = json.load(file)
        for name, keys in {
            "wrong_passwords": ("pair", "login", "address"),
            "stolen": ("networks", "volume", "bounces"),
            "hour": ("customer", "home_server"),
        }.items():
            for key in keys:
                if isinstance(config[name][key], bool) or not isinstance(config[name][key], int) or config[name][key] < 0:
                    raise MistakeError(f"{path}: {name}.{key} is {config[name][key]!r}; write a whole number, or 0 for never")
        url = config["tell"].get("webhook") or "https://"
        if not url.startswith(("http://", "https://")):
            raise MistakeError(f"{path}: tell.webhook is no URL of http or https")
        Store(config)
        for key in ("relay", "log", "port", "contact", "home_servers", "check"):
            config[key]
    except OSError as err:
        raise MistakeError(f"{path}: {err.strerror}; run this as root on a relay") from None
    except ValueError as err:
        raise MistakeError(f"{path} is no JSON ({err})") from None
    except (KeyError, TypeError, AttributeError) as err:
        raise MistakeError(f"{path} is not as the role writes it ({type(err).__name__}: {err})") from None
    return config


def table(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """The suspended logins for a person."""
    lines = [("login", "since", "relay", "why"), *((row["login"], row["since"], row["relay"], row["why"]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for line in lines:
        yield "  ".join([*(text.ljust(width) for text, width in zip(line, widths)), line[3]])


def command(argv: list[str]) -> str:
    """What the command prints."""
    parser = argparse.ArgumentParser(prog="submission-relay-login", description="Logins of the submission relay.")
    parser.add_argument("--config", default=CONFIG, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | suspend | resume")
    commands.add_parser("list", help="the suspended logins").add_argument("--json", action="store_true")
    suspend = commands.add_parser("suspend", help="a login may send no more, on all relays")
    suspend.add_argument("login")
    suspend.add_argument("--why", required=True, help="half a sentence, which the customer's mail program shows")
    commands.add_parser("resume", help="it may again, with fresh counts").add_argument("login")
    commands.add_parser("check").add_argument("config")
    commands.add_parser("serve")
    wanted = parser.parse_args(argv)
    config = load(wanted.config)
    if wanted.command == "check":
        return ""
    if wanted.command == "serve":
        syslog.openlog("submission-relay-guard", syslog.LOG_PID, syslog.LOG_MAIL)
        Server(config).run()
    syslog.openlog("submission-relay-login", syslog.LOG_PID, syslog.LOG_MAIL)
    store = Store(config)
    try:
        return execute(store, wanted)
    except redis.RedisError as err:
        raise MistakeError(f"Redis does not answer ({err}); nothing was changed") from None


def execute(store: Store, wanted: argparse.Namespace) -> str:
    """What a command does with Redis."""
    if wanted.command == "list":
        rows = store.suspended()
        return json.dumps(rows) if wanted.json else "\n".join(table(rows)) if rows else "No login is suspended."
    login = wanted.login.lower()
    if len(login) > 128 or not re.fullmatch(r"[!-~]+@[!-~]+", login):
        raise MistakeError(f"'{login}' is no login, which is an address; nothing was changed")
    if wanted.command == "resume":
        return f"{login} may send again." if store.resume(login) else f"{login} was not suspended; nothing was changed."
    if not re.fullmatch(r"[ -~]{1,200}", wanted.why):
        raise MistakeError("--why goes into an answer of SMTP: write at most 200 signs of ASCII on one line; nothing was changed")
    if store.suspend(login, wanted.why):
        return f"{login} is suspended."
    return f"{login} was suspended before; nothing was changed."


def main() -> int:
    """Run the command."""
    try:
        text = command(sys.argv[1:])
    except MistakeError as err:
        sys.stderr.write(f"{err}.\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(text + "\n" if text else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
