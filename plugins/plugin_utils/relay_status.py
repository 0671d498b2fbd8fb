# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the submission relays are, all of them together, and what needs a person.

`relays` has the variables of each relay by its name, with what the module relay_state returned in `submission_relay_found`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import mail_clients, rollout
from .tables import BAD, GOOD, WARN, Cell, Column, Row, Table

FOUND = "submission_relay_found"
CERTIFICATE_DAYS = 14
"""A certificate that ends so soon should have been renewed: certbot does it 30 days before."""
FREE_PERCENT = 10
"""With less of its disk free, a queue is about to be refused."""
Relays = Mapping[str, Mapping[str, Any]]


def problem(variables: Mapping[str, Any]) -> str | None:
    """Why a relay did not say how it is; None where it did."""
    found = variables.get(FOUND) or {}
    return None if "queue" in found else rollout.said(found)


def rows(relays: Relays, today: datetime.date) -> dict[str, list[dict[str, Any]]]:
    """What is to be known, in four lists.

    `relays`: `relay`, `state` (`ok`, `look` or `unknown`), `problems` (sentences), and what the module returned of it.
    `senders`: the logins with the most recipients, of all relays together.
    `suspended`: `login`, `why`, and the `relays` that know it.
    `dkim`: each key, with the `relays` that have it; the `state` is the worst that one of them saw.
    """
    found: list[dict[str, Any]] = []
    for relay, variables in relays.items():
        if why := problem(variables):
            found.append({"relay": relay, "state": "unknown", "problems": [why]})
            continue
        answer = variables[FOUND]
        exception = variables.get("submission_relay_old_tls") or {}
        problems = [*_problems(answer, exception, today)]
        found.append({**answer, "relay": relay, "state": "look" if problems else "ok", "problems": problems})
    answers = {relay: variables[FOUND] for relay, variables in relays.items() if not problem(variables)}
    keys = _dkim(answers)
    for key in keys:
        if key["state"] == "two keys":
            for row in found:
                if row["relay"] in key["relays"]:
                    row["state"] = "look"
                    row["problems"].append(f"{key['name']}: {key['detail']}")
    return {"relays": found, "senders": _senders(answers), "suspended": _suspended(answers), "dkim": keys}


def _problems(answer: Mapping[str, Any], exception: Mapping[str, Any], today: datetime.date) -> Iterator[str]:
    for service in answer["services"]:
        if not service["up"]:
            yield f"{service['name']} does not answer: {service['detail']}"
    yield from _of_queue(answer["queue"])
    yield from _of_certificate(answer["certificate"], answer["hostname"])
    yield from _of_old_tls(answer["old_tls"], exception, today)
    for key in answer["dkim"]:
        said = f" ({key['detail']})" if key["detail"] else ""
        if key["state"] == "no key":
            yield f"{key['name']}: {key['detail']}; a run of the role makes it"
        elif key["state"] == "unknown" or (key["signs"] and key["state"] != "ok"):
            what = {"missing": "its DNS record is missing", "unknown": "its DNS record is not known"}
            then = ", and mail is signed with it" if key["signs"] and key["state"] != "unknown" else ""
            yield f"{key['name']}: {what.get(key['state'], 'its DNS record ' + _dkim_words(key['state']))}{said}{then}"


def _dkim_words(state: str) -> str:
    return {"differs": "differs from the key", "revoked": "revokes the key"}.get(state, state)


def _of_queue(queue: Mapping[str, Any]) -> Iterator[str]:
    if "problem" in queue:
        yield f"the queue cannot be read: {queue['problem']}"
        return
    if queue["active_limit"] and queue["active"] >= queue["active_limit"]:
        yield f"the active queue is full ({queue['active']}); {queue['incoming']} more wait for a place in it"
    if queue["hold"]:
        then = "stay there until a person lets them go (postsuper -H) or deletes them (postsuper -d)"
        yield f"{queue['hold']} mails are on hold, and {then}"
    if queue["free_percent"] < FREE_PERCENT:
        yield f"of the disk with the queue {queue['free_percent']} % is free"


def _of_certificate(found: Mapping[str, Any], hostname: str) -> Iterator[str]:
    if "problem" in found:
        yield f"the certificate: {found['problem']}"
        return
    days = found["days_left"]
    if days < 0:
        yield f"the certificate ended on {found['not_after']}"
    elif days <= CERTIFICATE_DAYS:
        yield f"the certificate ends in {days} days, on {found['not_after']}"
    if not found["hostname_matches"]:
        yield f"the certificate is for {', '.join(found['names']) or 'no name'}, and clients look for {hostname}"
    if not found["key_fits"]:
        yield "the key is not the certificate's"
    if not found["trusted"]:
        yield "no authority that this host knows vouches for the certificate, so that clients warn of it"
    if found["served"] is False:
        yield "port 465 shows another certificate than the file has; `postfix reload` lets it read the new one"


def _of_old_tls(accepted: bool | None, exception: Mapping[str, Any], today: datetime.date) -> Iterator[str]:
    until = datetime.date.fromisoformat(str(exception["until"])) if exception.get("until") else None
    if accepted and until is None:
        yield "port 465 takes TLS 1.1, and submission_relay_old_tls names no exception; run the role"
    elif accepted and until and until < today:
        yield f"port 465 takes TLS 1.1, and the exception ended on {until}; run the role"
    elif accepted and until:
        name = exception.get("name", "no name")
        yield f"TLS 1.0 and 1.1 are taken for {(until - today).days} days more, until {until} ({name})"


def _dkim(answers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each key once."""
    order = ("ok", "missing", "revoked", "differs", "unknown", "no key")
    found: dict[str, dict[str, Any]] = {}
    for relay, answer in answers.items():
        for key in answer["dkim"]:
            known = found.setdefault(key["name"], {**key, "relays": []})
            known["relays"].append(relay)
            if known["record"] and key["record"] and known["record"] != key["record"]:
                known.update(
                    state="two keys",
                    detail=f"{relay} has another key than {known['relays'][0]}; run the role for all relays at once",
                )
            elif known["state"] in order and order.index(key["state"]) > order.index(known["state"]):
                known.update(state=key["state"], detail=key["detail"], record=known["record"] or key["record"])
    return list(found.values())


def _senders(answers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    most = max((len(answer["senders"]) for answer in answers.values()), default=0)
    for answer in answers.values():
        for sender in answer["senders"]:
            of = sums.setdefault(
                sender["login"], {"login": sender["login"], "mails": 0, "recipients": 0, "bounced": 0, "addresses": 0}
            )
            for key in ("mails", "recipients", "bounced"):
                of[key] += sender[key]
            # The same address may be behind several relays.
            of["addresses"] = max(of["addresses"], sender["addresses"])
    return sorted(sums.values(), key=lambda of: (-of["recipients"], of["login"]))[:most]


def _suspended(answers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for relay, answer in answers.items():
        for each in answer["suspended"] or ():
            found.setdefault(each["login"], {**each, "relays": []})["relays"].append(relay)
    return [found[login] for login in sorted(found)]


def tables(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Table]:
    """The relays, who sends most, who is suspended, and the DNS records; below each what needs a person."""
    made = [_relays(found["relays"])]
    if found["senders"]:
        heads = ("mails", "recipients", "bounced", "from addresses")
        keys = ("login", "mails", "recipients", "bounced", "addresses")
        body = [Row(tuple(str(sender[key]) for key in keys)) for sender in found["senders"]]
        columns = (Column("top sender"), *(Column(head, right=True) for head in heads))
        made.append(Table(columns, tuple(body), tuple(_counted(found["relays"]))))
    if found["suspended"]:
        body = [Row((Cell(each["login"], WARN), ""), each["why"]) for each in found["suspended"]]
        back = ("back with:", "  ansible-playbook ccsnet.op25b.relay_resume -e login=LOGIN")
        made.append(Table((Column("suspended"), Column("why")), tuple(body), back))
    if found["dkim"]:
        body = [
            Row((key["name"], ", ".join(key["relays"]), "yes" if key["signs"] else "no", _dkim_cell(key)))
            for key in found["dkim"]
        ]
        columns = (Column("DKIM key"), Column("relays", rank=1), Column("signs"), Column("DNS"))
        made.append(Table(columns, tuple(body), tuple(_to_publish(found["dkim"]))))
    return made


def _dkim_cell(key: Mapping[str, Any]) -> Cell:
    return Cell(key["state"], "" if key["state"] == "ok" else BAD if key["signs"] else WARN)


def _to_publish(keys: Sequence[Mapping[str, Any]]) -> Iterator[Cell | str]:
    said = False
    for head, states in (
        ("to be published:", ("missing", "revoked", "differs")),
        ("the DNS did not say whether it has these:", ("unknown",)),
    ):
        wanted = [key for key in keys if key["record"] and key["state"] in states]
        if wanted:
            said = True
            yield head
            yield from (f"  {line}" for key in wanted for line in mail_clients.folded_txt(key["name"], key["record"]))
    if not said and all(key["state"] == "ok" for key in keys):
        yield Cell("all that the relays have is published", GOOD)
    elif not said:
        yield Cell("nothing is to be published before each relay has the same keys", WARN)


def _relays(found: Sequence[Mapping[str, Any]]) -> Table:
    heads = ("relay", "active", "deferred", "hold", "oldest", "mails", "recipients", "certificate", "DKIM", "servers", "state")
    ranks = {"recipients": 5, "mails": 4, "active": 3, "oldest": 2, "DKIM": 1}
    numbers = ("active", "deferred", "hold", "mails", "recipients")
    body = []
    for row in found:
        if row["state"] == "unknown":
            body.append(Row((row["relay"], *"---------", Cell("NOT KNOWN", BAD))))
            continue
        queue, certificate = row["queue"], row["certificate"]
        counts = [str(queue.get(key, "?")) for key in ("active", "deferred", "hold")]
        published = sum(key["state"] == "ok" for key in row["dkim"])
        cells = (
            row["relay"],
            *counts,
            _age(queue.get("oldest")),
            str(row["sent"]["mails"]),
            str(row["sent"]["recipients"]),
            f"{certificate['days_left']} days" if "days_left" in certificate else "?",
            f"{published} of {len(row['dkim'])}",
            f"{sum(service['up'] for service in row['services'])} of {len(row['services'])}",
            Cell("ok") if row["state"] == "ok" else Cell("LOOK", WARN),
        )
        body.append(Row(cells))
    columns = tuple(Column(head, right=head in numbers, rank=ranks.get(head, 0)) for head in heads)
    return Table(columns, tuple(body), (_end(found),), tuple(_notes(found)))


def _age(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def _end(found: Sequence[Mapping[str, Any]]) -> Cell:
    silent = sum(row["state"] == "unknown" for row in found)
    look = sum(row["state"] == "look" for row in found)
    end = [f"{len(found) - silent - look} of {len(found)} relays ok"]
    end += [f"{look} need a look"] if look else []
    end += [f"{silent} NOT known"] if silent else []
    return Cell(", ".join(end), BAD if silent else WARN if look else GOOD)


def _notes(found: Sequence[Mapping[str, Any]]) -> Iterator[Cell | str]:
    for row in found:
        yield from (
            Cell(f"{row['relay']}: {sentence}", BAD if row["state"] == "unknown" else WARN) for sentence in row["problems"]
        )
        for each in row.get("queue", {}).get("reasons", ()):
            yield f"{row['relay']}: {each['recipients']} recipients wait: {each['reason']}"


def _counted(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = [row for row in found if row["state"] != "unknown"]
    recipients, mails = (sum(row["sent"][key] for row in known) for key in ("recipients", "mails"))
    yield f"{recipients} recipients in {mails} mails"
    yield from (f"{row['relay']}: counted since {row['log']['since'] or 'never'}" for row in known if not row["log"]["complete"])
