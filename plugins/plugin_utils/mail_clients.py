# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a mail program finds the submission relay: DNS records (RFC 6186, RFC 8314) and Mozilla's autoconfig file.

`mail` is an entry of the role notice's `notice_mail`: `domain`, `submission` (a host), `incoming` (`protocol`, `host`, `port`).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import Op25bError

TTL = 3600
PROTOCOLS = {"imap": ("imap", "_imaps", 993), "pop": ("pop3", "_pop3s", 995), "pop3": ("pop3", "_pop3s", 995)}
"""What customers read in notice_mail, as the type of autoconfig, the service of RFC 8314, and its port."""
SUBMISSION = (("_submissions", 465, "SSL", 0), ("_submission", 587, "STARTTLS", 10))
"""Both ways in; the priority says which one is wanted: RFC 8314 wants TLS from the first byte."""


def txt(name: str, value: str) -> str:
    """A TXT record as a line of a zone; a string of it has 255 bytes at most (RFC 1035)."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    words = [quoted[start : start + 250] for start in range(0, len(quoted), 250)]
    text = " ".join(f'"{word}"' for word in words)
    return f"{name}. {TTL} IN TXT {f'( {text} )' if len(words) > 1 else text}"


def _incoming(mail: Mapping[str, Any]) -> Iterator[tuple[str, str, str, int]]:
    for server in mail.get("incoming") or ():
        try:
            kind, service, _port = PROTOCOLS[str(server["protocol"]).lower()]
        except KeyError:
            raise Op25bError(
                f"notice_mail: {mail['domain']}: the protocol {server['protocol']!r} of {server['host']} is none that autoconfig has;"
                " write IMAP or POP; nothing was written."
            ) from None
        yield kind, service, str(server["host"]), int(server["port"])


def zone(mail: Mapping[str, Any], keys: Sequence[Mapping[str, Any]] = (), addresses: Sequence[str] = ()) -> str:
    """The DNS records of one domain as text of a zone file.

    `keys` are those of the filter relay_status (`dkim`), `addresses` those from which the relays send.
    """
    domain = str(mail["domain"])
    lines = [
        f"; {domain}: how mail programs find {mail['submission']}. RFC 6186 and RFC 8314; the lower number is the better way."
    ]
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
            "; DMARC (RFC 7489): both of the above are of the domain in From. Begin with reports alone, if there is no record yet:",
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
