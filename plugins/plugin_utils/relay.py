# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a submission relay's settings must keep to, beyond their types: every mistake as one sentence.

No sentence shows a password or a hash: they are read in logs.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils import passwd
from .policy import Policy
from .prefixes import PrefixSet, parse_prefix

ROLE = "submission_relay"
TRANSPORTS = ("smtp", "relay", "error", "retry", "discard")
"""The transports of the role's master.cf that a route may name."""

GROUPS = {
    "relays": ("submission relay", (("submission_relay_users", "submission_relay_directory"), ("op25b_policy",))),
    "relay_balancers": ("balancer of the relays", (("relay_balancer_relays",),)),
}
"""For each group of the inventory what its hosts are, and the variables that configure them: one of each set."""

_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
# RFC 5321's dot-string without the signs that lookup tables and Dovecot's % variables read as their own.
_LOCAL = r"[a-z0-9!&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!&'*+/=?^_`{|}~-]+)*"
_ADDRESS = re.compile(f"(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN})")
# One that may stand in a table inside of main.cf.
_PLAIN = re.compile(f"[a-z0-9_+-]+(?:\\.[a-z0-9_+-]+)*@(?P<domain>{_DOMAIN})")
_PLAIN_WORDS = "small letters, digits and . _ + -"
_ROUTED = re.compile(rf"\*|\.?{_DOMAIN}|{_LOCAL}@{_DOMAIN}")
_NEXTHOP = re.compile(r"(?P<transport>[a-z]+):(?P<nexthop>.*)")


def unconfigured(groups: Mapping[str, Sequence[str]], variables: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A sentence for each relay and balancer of the inventory whose variables do not configure it, by its name."""
    found = {}
    for group, (what, needed) in GROUPS.items():
        for host in groups.get(group, ()):
            missing = [names for names in needed if not any(name in variables[host] for name in names)]
            if missing:
                words = [f"neither {' nor '.join(names)}" if len(names) > 1 else f"no {names[0]}" for names in missing]
                found[str(host)] = f"{host} is not configured as a {what}: it has {', and '.join(words)}"
    return found


def mistakes(settings: Mapping[str, Any], policy: Policy) -> list[str]:
    """All mistakes of the settings, which are the role's variables without its name in front."""
    found = (
        *_hostname(settings["hostname"]),
        *_domains(settings["domains"]),
        *_mynetworks(settings["mynetworks"], policy),
        *_users(settings["users"], settings["domains"]),
        *_check(settings["check"], settings),
        *_transport(settings["transport"]),
        *_parameters(settings["postfix_parameters"], settings["own_parameters"]),
        *_home_servers(settings["home_servers"], settings),
        *_directory(settings["directory"]),
        *_old_tls(settings["old_tls"], policy.today),
        *_limits("limits", settings["limits"]),
        *_limits("home_server_limits", settings["home_server_limits"]),
        *_limits("check_limits", settings["check_limits"]),
        *_numbers(settings),
        *_dkim(settings["dkim_selectors"], settings["dkim_keys"], settings["domains"]),
        *_redis(settings["redis"]),
        *_tell(settings["tell"]),
        *_addresses(settings, policy),
    )
    return [f"{ROLE}_{sentence}" for sentence in found]


def _hostname(name: str) -> Iterator[str]:
    if not re.fullmatch(_DOMAIN, name):
        yield f"hostname: '{name}' is not a full host name in lower case; write one as msa1.example.net."


def _domains(domains: Sequence[str]) -> Iterator[str]:
    if not domains:
        yield "domains: this is empty; name the domains whose addresses may send (op25b_policy.operator.domains)."
    for index, domain in enumerate(domains):
        if not re.fullmatch(_DOMAIN, domain):
            yield f"domains[{index}]: '{domain}' is not a domain in lower case; write one as example.net."


def _mynetworks(networks: Sequence[str], policy: Policy) -> Iterator[str]:
    for index, text in enumerate(networks):
        try:
            network = PrefixSet.of([parse_prefix(text)])
        except ValueError as err:
            yield f"mynetworks[{index}]: {err}."
            continue
        for name, shared in _in_pools(network, policy):
            yield (
                f"mynetworks[{index}]: '{text}' holds {', '.join(shared.texts())} of pool {name}, whose customers could "
                "then relay without AUTH; leave every pool out of mynetworks."
            )


def _in_pools(prefixes: PrefixSet, policy: Policy) -> Iterator[tuple[str, PrefixSet]]:
    """The pools that hold some of these, and what."""
    for name, pool in policy.pools.items():
        shared = prefixes & pool.prefixes
        if shared:
            yield name, shared


def _users(users: Sequence[Mapping[str, Any]], domains: Sequence[str]) -> Iterator[str]:
    logins: set[str] = set()
    for index, user in enumerate(users):
        login, place = str(user["login"]), f"users[{index}]"
        address = _ADDRESS.fullmatch(login)
        if not address or address["domain"] not in domains:
            yield f"{place}.login: '{login}' is not an address in lower case in one of {', '.join(domains)}."
        if login in logins:
            yield f"{place}.login: '{login}' stands here twice; take one out."
        logins.add(login)
        yield from (f"{place} ({login}): {sentence}" for sentence in _secret(user))
        for sender in user.get("senders") or []:
            if not _ADDRESS.fullmatch(str(sender)):
                yield f"{place}.senders: '{sender}' is not an address in lower case; write one as info@example.net."


def _secret(user: Mapping[str, Any]) -> Iterator[str]:
    password, given = user.get("password"), user.get("password_hash")
    if (password is None) == (given is None):
        yield "give either password or password_hash."
    elif given is not None:
        if passwd.with_scheme(str(given)) is None:
            yield f"password_hash is of no accepted scheme; give {passwd.SCHEMES}."
    elif not 0 < len(str(password).encode()) <= passwd.LONGEST or set(str(password)) & set("\0\r\n"):
        yield f"password must have 1 to {passwd.LONGEST} bytes on one line, since bcrypt reads no more."


def _check(check: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """The login of the rollout's check, which is nobody else's, so that all it may do can be refused to whoever steals it."""
    if not check:
        return
    login = str(check.get("login") or "")
    address = _PLAIN.fullmatch(login)
    if not address or address["domain"] not in settings["domains"]:
        yield f"check.login: '{login}' is no address of {_PLAIN_WORDS}, in one of {', '.join(settings['domains'])}."
    elif login in (str(user["login"]) for user in settings["users"]):
        yield f"check.login: '{login}' is a login of users, too, which then could send to nobody else; give the check its own."
    elif login in (str(server["login"]) for server in settings["home_servers"]):
        yield f"check.login: '{login}' is a login of home_servers, too; give the check its own."
    yield from (f"check ({login}): {sentence}" for sentence in _secret(check))
    recipient = str(check.get("recipient") or "")
    if not _PLAIN.fullmatch(recipient):
        yield f"check.recipient: '{recipient}' is no address of {_PLAIN_WORDS}; write one as probe@example.org."
    if check.get("sender") is not None and not _ADDRESS.fullmatch(str(check["sender"])):
        yield f"check.sender: '{check['sender']}' is not an address in lower case; write one as probe@example.net."


def _transport(routes: Mapping[str, str]) -> Iterator[str]:
    for pattern, value in routes.items():
        if not _ROUTED.fullmatch(str(pattern)):
            yield f"transport: '{pattern}' is not a domain, .domain, address or * in lower case."
        route = _NEXTHOP.fullmatch(str(value))
        if not route or route["transport"] not in TRANSPORTS or (route["transport"] == "smtp" and " " in route["nexthop"]):
            yield (
                f"transport.{pattern}: '{value}' is no route; write smtp:[192.0.2.26] or smtp:[mx1.example.net]:25 "
                f"(transports: {', '.join(TRANSPORTS)})."
            )


def _parameters(parameters: Mapping[str, Any], own: Sequence[str]) -> Iterator[str]:
    for name, value in parameters.items():
        if name in own:
            yield f"postfix_parameters.{name}: the role sets {name} itself; take it out."
        elif not re.fullmatch(r"[a-z0-9_]+", str(name)) or "\n" in str(value):
            yield f"postfix_parameters.{name}: this is not a parameter of main.cf with its value on one line."


def _home_servers(servers: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> Iterator[str]:
    logins = {str(user["login"]) for user in settings["users"]}
    owners: dict[str, str] = {}
    seen: set[str] = set()
    for index, server in enumerate(servers):
        login, place = str(server["login"]), f"home_servers[{index}]"
        if login in seen:
            yield f"{place}.login: '{login}' stands here twice; put its domains together."
        seen.add(login)
        address = _ADDRESS.fullmatch(login)
        if login not in logins and not (settings["directory"] and address and address["domain"] in settings["domains"]):
            yield f"{place}.login: '{login}' is no login of users; give it a password there."
        if not server["domains"]:
            yield f"{place} ({login}).domains: this is empty; name the customer's own domains."
        for domain in map(str, server["domains"]):
            if not re.fullmatch(_DOMAIN, domain):
                yield f"{place} ({login}).domains: '{domain}' is not a domain in lower case; write one as example.net."
            elif domain in settings["domains"]:
                yield f"{place} ({login}).domains: '{domain}' is yours, and so every customer's; take it out."
            elif owners.setdefault(domain, login) != login:
                yield f"{place} ({login}).domains: '{domain}' belongs to {owners[domain]} already; a domain has one login."


_COMMON = {"driver", "host", "port", "user", "password", "tls", "tls_ca"}
_SQL = (("database", "host", "user"), {"database", "password_query", "senders_query"})
_LDAP = (("base", "host"), {"base", "login_filter", "senders_filter", "login_attribute"})
_DRIVERS = {"pgsql": _SQL, "mysql": _SQL, "ldap": _LDAP}
"""For each driver, the keys that it needs, and those that it has beside the common ones."""


def _directory(directory: Mapping[str, Any]) -> Iterator[str]:
    if not directory:
        return
    driver = directory.get("driver")
    if driver not in _DRIVERS:
        yield "directory.driver: there is none; write pgsql, mysql or ldap."
        return
    needed, further = _DRIVERS[driver]
    for key in needed:
        if not directory.get(key):
            yield f"directory.{key}: there is none; {driver} needs it."
    for key in sorted(set(directory) - _COMMON - further):
        yield f"directory.{key}: {driver} has no use for it; take it out."
    if not 0 < int(directory.get("port") or 1) < 65536:
        yield f"directory.port: {directory['port']} is no port; write a number from 1 to 65535."
    for key, sign in (("password_query", "%u"), ("login_filter", "%u"), ("senders_query", "%s"), ("senders_filter", "%s")):
        if key in directory and sign not in str(directory[key]):
            yield f"directory.{key}: it asks without {sign}, and so finds the same for everyone; put {sign} where the value goes."
    for key, value in directory.items():
        text = str(value)
        if text != text.strip() or set(text) & set("\0\r\n"):
            yield f"directory.{key}: it has a line end in it, or a space at an end, which cannot be read; write one line."
        elif driver == "mysql" and key in ("database", "user", "password") and " " in text:
            yield f"directory.{key}: it has a space in it, where Dovecot would end it for MySQL and MariaDB; choose one without."


def _old_tls(exception: Mapping[str, Any], today: datetime.date) -> Iterator[str]:
    if not exception:
        return
    if not exception.get("name"):
        yield "old_tls.name: there is none; say who needs it, and which ticket says so."
    try:
        until = datetime.date.fromisoformat(str(exception.get("until")))
    except ValueError:
        yield f"old_tls.until: '{exception.get('until') or ''}' is no day; write one as 2027-03-31."
        return
    if until > today + datetime.timedelta(days=366):
        yield f"old_tls.until: {until} is more than a year away; such an exception is looked at once a year."


def _whole(name: str, numbers: Mapping[str, Any]) -> list[str]:
    """What only looks like a number to a person; the programs would read a text."""
    return [
        f"{name}.{key}: '{value}' is no whole number; write it without quotation marks."
        for key, value in numbers.items()
        if isinstance(value, bool) or not isinstance(value, int)
    ]


def _limits(name: str, limits: Mapping[str, int]) -> Iterator[str]:
    texts = _whole(name, limits)
    yield from texts
    if texts:
        return
    for key, value in limits.items():
        if value < 1:
            yield f"{name}.{key}: {value} lets nothing through; it must be 1 or more."
    for smaller, larger in (("message", "minute"), ("minute", "hour"), ("hour", "day")):
        if limits[smaller] > limits[larger]:
            yield f"{name}.{smaller}: {limits[smaller]} is more than the {limits[larger]} of {larger}, and so never reached."


def _numbers(settings: Mapping[str, Any]) -> Iterator[str]:
    texts = [*_whole("stolen", settings["stolen"]), *_whole("wrong_passwords", settings["wrong_passwords"])]
    yield from texts
    if texts:
        return
    for name in ("stolen", "wrong_passwords"):
        for key, value in settings[name].items():
            if value < 0:
                yield f"{name}.{key}: {value} is below 0; write 0 to switch it off."
    if settings["stolen"]["bounces"] > 100:
        yield f"stolen.bounces: {settings['stolen']['bounces']} is more than 100 percent."
    if settings["stolen"]["networks"] == 1:
        yield "stolen.networks: with 1, everyone who sends a mail is suspended; write 2 or more."
    if float(settings["reject_score"]) <= 0:
        yield f"reject_score: {settings['reject_score']} rejects every mail; it must be above 0 (rspamd's own is 15)."
    if not 1 <= int(settings["log_days"]) <= 3650:
        yield f"log_days: {settings['log_days']} is not between 1 and 3650."


_PEM = re.compile(r"-----BEGIN (RSA )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END (RSA )?PRIVATE KEY-----")


def _dkim(selectors: Sequence[str], keys: Mapping[str, str], domains: Sequence[str]) -> Iterator[str]:
    if not selectors:
        yield "dkim_selectors: this is empty; the first selector signs."
    for index, selector in enumerate(map(str, selectors)):
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", selector):
            yield f"dkim_selectors[{index}]: '{selector}' is no label of the DNS; write small letters, digits and hyphens."
        if selector in map(str, selectors[:index]):
            yield f"dkim_selectors[{index}]: '{selector}' stands here twice; take one out."
    for name, key in keys.items():
        selector, _mark, domain = str(name).partition("._domainkey.")
        if domain not in domains or not selector:
            yield f"dkim_keys: '{name}' is no SELECTOR._domainkey.DOMAIN of {', '.join(domains)}."
        if not _PEM.fullmatch(str(key).strip()):
            yield f"dkim_keys.{name}: this is no private key in PEM without a passphrase."


def _redis(redis: Mapping[str, Any]) -> Iterator[str]:
    if not redis:
        return
    yield from _address("redis.address", redis.get("address"))
    password = str(redis.get("password") or "")
    if not password or set(password) & set("\0\r\n"):
        yield "redis.password: a Redis that others reach needs one, on one line."


def _tell(tell: Mapping[str, Any]) -> Iterator[str]:
    for address in tell.get("mail") or []:
        if not _ADDRESS.fullmatch(str(address)):
            yield f"tell.mail: '{address}' is not an address in lower case; write one as info@example.net."
    # Without the URL, in which is often a token.
    if tell.get("webhook") and not re.fullmatch(r"https?://[!-~]+", str(tell["webhook"])):
        yield "tell.webhook: this is no URL of http or https."


def _addresses(settings: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    yield from _address("metrics_address", settings["metrics_address"])
    for index, text in enumerate(settings["balancers"]):
        found = list(_address(f"balancers[{index}]", text))
        if found:
            yield from found
            continue
        for pool, _shared in _in_pools(PrefixSet.of([parse_prefix(text)]), policy):
            yield f"balancers[{index}]: {text} is of pool {pool}, whose customers could then name any address as theirs."
    here = PrefixSet.of([parse_prefix(address) for address in settings["addresses"]])
    for server in policy.mail_servers.values():
        if server.role == "mx" and here & server.addresses:
            yield (
                f"hostname: this host has {', '.join((here & server.addresses).texts())}, an address of {server.name} (role mx); "
                "a relay has addresses of its own, so that its ports stay apart from those of the mx."
            )


def _address(key: str, text: Any) -> Iterator[str]:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        yield f"{key}: '{text or ''}' is no address; write one as 192.0.2.25 or 2001:db8:25::25."
