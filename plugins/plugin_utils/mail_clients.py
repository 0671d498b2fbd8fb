# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a mail program finds the submission relay: DNS records (RFC 6186, RFC 8314) and Mozilla's autoconfig file.

`mail` is an entry of the role notice's `notice_mail`: `domain`, `submission` (a host), `incoming` (`protocol`, `host`, `port`).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import Op25bError

TTL = 3600
PROTOCOLS = {"imap": ("imap", "_imaps"), "pop": ("pop3", "_pop3s"), "pop3": ("pop3", "_pop3s")}
"""What customers read in notice_mail, as the type of autoconfig, and the service of RFC 6186."""
SUBMISSION = (("_submissions", 465, "SSL", 0), ("_submission", 587, "STARTTLS", 10))
"""Both ways in; the priority says which one is wanted: RFC 8314 wants TLS from the first byte."""


NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*")
"""A name of a host or domain: what else stands there could be another line of a zone, or another directory."""


def _name(text: Any, where: str) -> str:
    if not NAME.fullmatch(str(text)):
        raise Op25bError(f"notice_mail: {where}: {str(text)!r} is no name of a host or domain; nothing was written.")
    return str(text)


def files(
    mails: Sequence[Mapping[str, Any]],
    name: str,
    relays: Sequence[str] = (),
    status: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> dict[str, str]:
    """What is to be published, by the path of its file; one that is empty is not to be there.

    `name` is the operator's, `relays` are all that there are, and `status` is what the filter relay_status found of them.
    """
    rows = {str(row["relay"]): row for row in (status or {}).get("relays", ())}
    silent = [relay for relay in relays if rows.get(relay, {"state": "unknown"})["state"] == "unknown"]
    if silent:
        raise Op25bError(
            f"a zone has the DKIM keys and the addresses of all relays, and {', '.join(silent)} did not answer;"
            " nothing was written."
        )
    keys = (status or {}).get("dkim", ())
    for key in keys:
        if key["state"] == "two keys":
            raise Op25bError(f"{key['name']}: {key['detail']}; nothing was written.")
    addresses = [address for relay in relays for address in rows[relay]["addresses"]]
    found = {}
    for mail in mails:
        domain = _name(mail["domain"], "domain")
        _name(mail["submission"], domain)
        found[f"{domain}.zone"] = zone(mail, keys, addresses)
        found[f"{domain}/mail/config-v1.1.xml"] = autoconfig(mail, name)
    return found


def txt(name: str, value: str) -> str:
    """A TXT record as a line of a zone; a string of it has 255 bytes at most (RFC 1035)."""
    strings = _strings(value, 250)
    text = " ".join(strings)
    return f"{name}. {TTL} IN TXT {f'( {text} )' if len(strings) > 1 else text}"


def folded_txt(name: str, value: str) -> list[str]:
    """The same record in short lines, as a person reads and copies it; resolvers join its strings (RFC 6376, 3.6.2.2)."""
    return [f"{name}. {TTL} IN TXT (", *(f"  {string}" for string in _strings(value, 64)), "  )"]


def _strings(value: str, most: int) -> list[str]:
    parts = (value[start : start + most] for start in range(0, len(value), most))
    return ['"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts]


def _incoming(mail: Mapping[str, Any]) -> Iterator[tuple[str, str, str, int]]:
    for server in mail.get("incoming") or ():
        try:
            kind, service = PROTOCOLS[str(server["protocol"]).lower()]
        except KeyError:
            raise Op25bError(
                f"notice_mail: {mail['domain']}: the protocol {server['protocol']!r} of {server['host']} is none that"
                " autoconfig has; write IMAP or POP; nothing was written."
            ) from None
        yield kind, service, _name(server["host"], str(mail["domain"])), int(server["port"])


def zone(mail: Mapping[str, Any], keys: Sequence[Mapping[str, Any]] = (), addresses: Sequence[str] = ()) -> str:
    """The DNS records of one domain as text of a zone file.

    `keys` are those of the filter relay_status (`dkim`), `addresses` those from which the relays send.
    """
    domain = str(mail["domain"])
    better = "RFC 6186 and RFC 8314; the lower number is the better way"
    lines = [f"; {domain}: how mail programs find {mail['submission']}. {better}."]
    for service, port, _tls, priority in SUBMISSION:
        lines.append(f"{service}._tcp.{domain}. {TTL} IN SRV {priority} 1 {port} {mail['submission']}.")
    for _kind, service, host, port in _incoming(mail):
        lines.append(f"{service}._tcp.{domain}. {TTL} IN SRV 0 1 {port} {host}.")
    own = [key for key in keys if key["domain"] == domain and key["record"]]
    if own:
        lines += ["", "; The keys that sign mail of this domain (RFC 6376). Those that do not sign yet, or no more, stay, too."]
        lines += [txt(key["name"], key["record"]) for key in own]
    if addresses:
        lines += ["", f"; SPF (RFC 7208): a domain has one record. The one of {domain} needs these words, before its « all »:"]
        lines.append("; " + " ".join(f"{'ip6' if ':' in address else 'ip4'}:{address}" for address in sorted(set(addresses))))
    if own or addresses:
        lines += [
            "",
            "; DMARC (RFC 7489): both of the above are of the domain in From. Begin with reports alone, where there is none yet:",
        ]
        lines.append(f'; _dmarc.{domain}. {TTL} IN TXT "v=DMARC1; p=none; rua=mailto:ADDRESS"')
    return "\n".join(lines) + "\n"


def autoconfig(mail: Mapping[str, Any], name: str) -> str:
    """Mozilla's config-v1.1.xml for one domain; empty where no server for incoming mail is known.

    Thunderbird refuses a file without one (« Need proper <incomingServer> », readFromXML).
    """
    incoming = list(_incoming(mail))
    if not incoming:
        return ""
    domain = str(mail["domain"])
    root = ET.Element("clientConfig", version="1.1")
    provider = ET.SubElement(root, "emailProvider", id=domain)
    for tag, text in (("domain", domain), ("displayName", f"{name} ({domain})"), ("displayShortName", name)):
        ET.SubElement(provider, tag).text = text
    for kind, _service, host, port in incoming:
        _server(provider, "incomingServer", kind, host, port, "SSL")
    for _service, port, tls, _priority in SUBMISSION:
        _server(provider, "outgoingServer", "smtp", str(mail["submission"]), port, tls)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _server(provider: ET.Element, tag: str, kind: str, host: str, port: int, tls: str) -> None:
    server = ET.SubElement(provider, tag, type=kind)
    # In the clear inside of TLS: PLAIN and LOGIN are what the relay offers.
    words = {"hostname": host, "port": str(port), "socketType": tls, "authentication": "password-cleartext"}
    for name, text in {**words, "username": "%EMAILADDRESS%"}.items():
        ET.SubElement(server, name).text = text
