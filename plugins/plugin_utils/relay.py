# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a submission relay's settings must keep to, beyond their types: every mistake as one sentence.

No sentence shows a password or a hash: they are read in logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils import passwd
from .policy import Policy
from .prefixes import PrefixSet, parse_prefix

ROLE = "submission_relay"
TRANSPORTS = ("smtp", "relay", "error", "retry", "discard")
"""The transports of the role's master.cf that a route may name."""

_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
# RFC 5321's dot-string without the signs that lookup tables and Dovecot's % variables read as their own.
_LOCAL = r"[a-z0-9!&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!&'*+/=?^_`{|}~-]+)*"
_ADDRESS = re.compile(f"(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN})")
_ROUTED = re.compile(rf"\*|\.?{_DOMAIN}|{_LOCAL}@{_DOMAIN}")
_NEXTHOP = re.compile(r"(?P<transport>[a-z]+):(?P<nexthop>.*)")


def mistakes(settings: Mapping[str, Any], policy: Policy) -> list[str]:
    """All mistakes of the settings, which are the role's variables without its name in front."""
    found = (
        *_hostname(settings["hostname"]),
        *_domains(settings["domains"]),
        *_mynetworks(settings["mynetworks"], policy),
        *_users(settings["users"], settings["domains"]),
        *_transport(settings["transport"]),
        *_parameters(settings["postfix_parameters"], settings["own_parameters"]),
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
        for name, pool in policy.pools.items():
            shared = network & pool.prefixes
            if shared:
                yield (
                    f"mynetworks[{index}]: '{text}' holds {', '.join(shared.texts())} of pool {name}, whose customers could "
                    "then relay without AUTH; leave every pool out of mynetworks."
                )


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
