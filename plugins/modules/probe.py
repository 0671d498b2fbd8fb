#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try TCP connections from this host and tell what became of each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Try TCP connections from this host and tell what became of each
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Opens a TCP connection to each target, all at once, and tells for each one whether it was open, refused,
    filtered or unreachable.
  - Runs on any Linux host with Python 3.9 or later and needs neither root nor a package. It sends no mail.
  - Without O(nonce), nothing is sent after the handshake.
options:
  targets:
    description: What to try.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What to call it in the result, for example V(mobile_mx).
        type: str
        required: true
      address:
        description: An IPv4 or IPv6 address. Names are not taken, so that the name service has no say in what is seen.
        type: str
        required: true
      port:
        description: The TCP port.
        type: int
        required: true
      expected:
        description: The state that should be seen. It is returned as it is given and changes nothing.
        type: str
        choices: [open, refused, filtered, unreachable]
      pool:
        description: The address pool of this host. It is returned as it is given and changes nothing.
        type: str
  controls:
    description:
      - Positive controls, tried in the same moment as the targets. Each of them must be open.
      - A target that is down looks like one that is blocked. Its other ports, given here, tell the two apart.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: As for a target.
        type: str
        required: true
      address:
        description: As for a target.
        type: str
        required: true
      port:
        description: As for a target.
        type: int
        required: true
  sources:
    description:
      - Addresses of this host to connect from, at most one for IPv4 and one for IPv6.
      - A family that has none here connects from the address that the routing table picks.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds after which a connection without any answer counts as filtered.
    type: float
    default: 3
  nonce:
    description:
      - A text that is sent as one line over each connection that opens, so that it can be found in the log of the server.
      - Only for servers of your own.
    type: str
attributes:
  check_mode:
    description: Nothing is ever changed. The connections are tried in check mode, too.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - The state is what this host's kernel was told. Only the log of the server proves that a connection arrived there.
seealso:
  - module: ccsnet.op25b.acl
  - plugin: ccsnet.op25b.probe_plan
    plugin_type: filter
  - plugin: ccsnet.op25b.matrix
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Is port 25 closed from here, while the rest stays open?
  ccsnet.op25b.probe:
    targets:
      - {name: mobile_mx, address: 203.0.113.10, port: 25}
      - {name: mobile_mx, address: "2001:db8:b000::10", port: 25}
    controls:
      - {name: mobile_mx, address: 203.0.113.10, port: 587}
      - {name: mobile_mx, address: "2001:db8:b000::10", port: 587}
  register: seen
  failed_when: not seen.controls_ok or seen.probes | map(attribute='state') | unique != ['refused']

- name: The same from one of several addresses, with a mark that the server's log will show
  ccsnet.op25b.probe:
    sources: [198.51.100.10]
    nonce: op25b-4711
    targets:
      - {name: sink, address: 203.0.113.100, port: 587}
"""

RETURN = r"""
probes:
  description: One entry for each target, in the order of O(targets).
  returned: always
  type: list
  elements: dict
  contains: &probe
    name:
      description: The target's name.
      type: str
    address:
      description: The target's address.
      type: str
    port:
      description: The target's port.
      type: int
    family:
      description: V(v4) or V(v6).
      type: str
    state:
      description:
        - V(open) when the handshake was completed.
        - V(refused) when the answer was a TCP reset, or the ICMP message for a closed port.
        - V(filtered) when there was no answer in time.
        - V(unreachable) when another ICMP message came, when there was no route, or when this host's own rules forbid it.
      type: str
    ms:
      description: Milliseconds from the start of the connection to its state.
      type: float
    detail:
      description: Why, in words. For an ICMP message, its type, its code and the router that sent it. Empty when open.
      type: str
    source:
      description: The address from which it was tried. Empty when there was no route.
      type: str
    source_port:
      description: The port from which it was tried. V(0) when there was no route.
      type: int
    syns:
      description:
        - How many SYNs this host's kernel sent for it. A connection that waits for an answer sends its SYN again after about a
          second, so that a filtered one has several. V(0) when there was no route.
        - Counters of an edge that grow by the sum of these have seen each of them, and nothing else.
      type: int
    expected:
      description: What O(targets[].expected) said.
      type: str
    pool:
      description: What O(targets[].pool) said.
      type: str
  sample:
    - {name: mobile_mx, address: 203.0.113.10, port: 25, family: v4, state: refused, ms: 0.31,
       detail: Connection refused, source: 198.51.100.10, source_port: 40112, syns: 1}
controls:
  description: The same for each of O(controls).
  returned: always
  type: list
  elements: dict
  contains: *probe
controls_ok:
  description: Whether every control was open. True when there are none.
  returned: always
  type: bool
"""

import errno
import ipaddress
import os
import resource
import selectors
import socket
import struct
import time

from ansible.module_utils.basic import AnsibleModule

REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}
FILTERED = {errno.ETIMEDOUT}

# Python's socket module does not name these two of linux/in.h and linux/in6.h before 3.14.
RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
FROM_ICMP = {2: "ICMP", 3: "ICMPv6"}

# tcpi_total_retrans and tcpi_segs_out of struct tcp_info in linux/tcp.h.
TCP_INFO = struct.Struct("=100xI32xI")


class Probe:
    """One connection and what became of it."""

    def __init__(self, target, source, timeout, nonce):
        """The connection from source (None: the kernel picks) to target is not started yet."""
        self.target = target
        self.family = socket.AF_INET6 if ipaddress.ip_address(target["address"]).version == 6 else socket.AF_INET
        self.source = source
        self.timeout = timeout
        self.nonce = nonce
        self.local = ("", 0)
        self.socket = None
        self.waits_for = 0
        self.started = self.deadline = 0.0
        self.state = ""
        self.ms = 0.0
        self.detail = ""
        self.syns = 0

    def start(self):
        """Send the SYN."""
        self.socket = socket.socket(self.family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        # With it the kernel also keeps the ICMP message itself, which says which router turned the packet away.
        self.socket.setsockopt(*RECVERR[self.family], 1)
        if self.source:
            self.socket.bind((self.source, 0))
        # getaddrinfo for the scope of a link-local address alone.
        place = socket.getaddrinfo(
            self.target["address"], self.target["port"], type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0][4]
        self.started = time.monotonic()
        self.deadline = self.started + self.timeout
        self.waits_for = selectors.EVENT_WRITE
        error = self.socket.connect_ex(place)
        # At once: the kernel forgets the port of a connection that was refused.
        self.local = self.socket.getsockname()[:2] if error in (0, errno.EINPROGRESS) else ("", 0)
        if error != errno.EINPROGRESS:
            self._settle(error)

    def go_on(self):
        """The kernel has news of the socket."""
        if self.waits_for == selectors.EVENT_READ:
            self._read_until_closed()
            return
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error or self._connected():
            self._settle(error)
        else:
            # An ICMP message that only warns: unread, it would be news for ever.
            self._icmp()

    def give_up(self):
        """The time is over."""
        if not self.state:
            self._settle(errno.ETIMEDOUT)
            self.detail = "no answer"
        self.close()

    def close(self):
        """The socket is of no more use."""
        self.waits_for = 0
        if self.socket:
            self.socket.close()
            self.socket = None

    def _settle(self, error):
        self.ms = round((time.monotonic() - self.started) * 1000, 2)
        # Now: what is sent again after the handshake is no SYN, and a closed socket tells nothing.
        again, sent = TCP_INFO.unpack(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size))
        self.syns = 1 + again if sent else 0
        if error == 0:
            self.state = "open"
        elif error in REFUSED:
            self.state = "refused"
        elif error in FILTERED:
            self.state = "filtered"
        else:
            self.state = "unreachable"
        if error:
            self.detail = self._icmp() or os.strerror(error)
        if error or not self.nonce:
            self.close()
        else:
            self._leave_mark()

    def _connected(self):
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True

    def _leave_mark(self):
        try:
            self.socket.sendall(self.nonce.encode() + b"\r\n")
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as err:
            self.detail = f"the nonce was not sent: {err.strerror}"
            self.close()
            return
        # To close with the server's greeting unread would be a reset, which may overtake the line.
        self.waits_for = selectors.EVENT_READ
        self.deadline = time.monotonic() + self.timeout

    def _read_until_closed(self):
        try:
            more = self.socket.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.close()

    def _icmp(self):
        try:
            messages = self.socket.recvmsg(512, 512, socket.MSG_ERRQUEUE)[1]
        except OSError:
            return ""
        for level, kind, data in messages:
            if (level, kind) != RECVERR[self.family]:
                continue
            # struct sock_extended_err, then the sockaddr of the router that sent it.
            origin, icmp_type, icmp_code = struct.unpack_from("=4xBBB", data)
            if origin in FROM_ICMP:
                first, size = (24, 16) if self.family == socket.AF_INET6 else (20, 4)
                router = socket.inet_ntop(self.family, data[first : first + size])
                return f"{FROM_ICMP[origin]} type {icmp_type} code {icmp_code} from {router}"
        return ""

    def result(self):
        """The entry for the task's result."""
        return {
            **self.target,
            "family": "v6" if self.family == socket.AF_INET6 else "v4",
            "state": self.state,
            "ms": self.ms,
            "detail": self.detail,
            "source": self.local[0],
            "source_port": self.local[1],
            "syns": self.syns,
        }


def run(probes):
    """Try all at once; the sockets are closed when it returns."""
    selector = selectors.DefaultSelector()
    try:
        for probe in probes:
            probe.start()
            _watch(selector, probe)
            # News is read between the starts, too, or the first of many would look slow.
            _news(selector, 0)
        while selector.get_map():
            watched = [key.data for key in selector.get_map().values()]
            _news(selector, min(probe.deadline for probe in watched) - time.monotonic())
            for probe in watched:
                if probe.waits_for and probe.deadline <= time.monotonic():
                    selector.unregister(probe.socket)
                    probe.give_up()
    finally:
        selector.close()
        for probe in probes:
            probe.close()


def _news(selector, wait):
    for key, _events in selector.select(max(wait, 0)):
        selector.unregister(key.fileobj)
        key.data.go_on()
        _watch(selector, key.data)


def _watch(selector, probe):
    if probe.waits_for:
        selector.register(probe.socket, probe.waits_for, probe)


def mistakes(params):
    """Say everything that is wrong with the parameters."""
    for key in ("targets", "controls"):
        for target in params[key]:
            if _version(target["address"]) is None:
                yield (
                    f"{key}: the address {target['address']!r} of {target['name']!r} is not an IPv4 or IPv6 address;"
                    " names are not taken, give the address"
                )
            if not 1 <= target["port"] <= 65535:
                yield f"{key}: the port {target['port']} of {target['name']!r} must be between 1 and 65535"
    versions = [_version(source) for source in params["sources"]]
    for source, version in zip(params["sources"], versions):
        if version is None:
            yield f"sources: {source!r} is not an IPv4 or IPv6 address"
        elif versions.count(version) > 1:
            yield f"sources: {source} is one of several IPv{version} addresses; give at most one of each family"
    if not params["timeout"] > 0:
        yield f"timeout: {params['timeout']} must be more than 0 seconds"
    if params["nonce"] and not params["nonce"].isprintable():
        yield "nonce: it must be one line of printable characters"


def _version(text):
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None


def _room(count):
    """Make sure that so many sockets can be open at once; return what is missing as a sentence."""
    needed = count + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            return f"targets: {count} connections at once are more than this host's limit of {hard} open files; give fewer"
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return ""


def main():
    """Run the module."""
    place = {
        "name": {"type": "str", "required": True},
        "address": {"type": "str", "required": True},
        "port": {"type": "int", "required": True},
    }
    expectation = {
        "expected": {"type": "str", "choices": ["open", "refused", "filtered", "unreachable"]},
        "pool": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "dict", "required": True, "options": {**place, **expectation}},
            "controls": {"type": "list", "elements": "dict", "default": [], "options": place},
            "sources": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 3},
            "nonce": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = list(mistakes(params)) or list(filter(None, [_room(len(params["targets"]) + len(params["controls"]))]))
    if wrong:
        module.fail_json(msg="\n".join(wrong))

    source_of = {_version(source): source for source in params["sources"]}

    def probes(key):
        return [
            Probe(target, source_of.get(_version(target["address"])), params["timeout"], params["nonce"])
            for target in params[key]
        ]

    controls, targets = probes("controls"), probes("targets")
    try:
        run(controls + targets)
    except OSError as err:
        if err.errno != errno.EADDRNOTAVAIL:
            raise
        module.fail_json(msg=f"sources: {', '.join(params['sources'])}: not every one is an address of this host")
    module.exit_json(
        changed=False,
        probes=[probe.result() for probe in targets],
        controls=[probe.result() for probe in controls],
        controls_ok=all(probe.state == "open" for probe in controls),
    )


if __name__ == "__main__":
    main()
