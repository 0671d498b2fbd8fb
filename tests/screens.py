# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of each kind from fixed data; tests/fixtures/screens/ has what they look like at 80 and at 120 columns."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.ccsnet.op25b.plugins.plugin_utils import impact, matrix, outcome, policy, relay_status, rollout, status
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.tables import Table, render

FILES = Path(__file__).resolve().parent / "fixtures" / "screens"
WIDTHS = (80, 120)
AT = "2019-03-04T01:02:03Z"
DAY = datetime.date(2019, 3, 5)
SILENT = "the device does not answer <get-config>: command timeout triggered, timeout value is 30 secs"

POLICY = {
    "version": 1,
    "operator": {"name": "CCSNET", "domains": ["ccsnet.ne.jp"], "contact": "https://example.net/support"},
    "pools": {
        "east_ftth": {"prefixes": ["198.51.100.0/25", "2001:db8:e000::/36"], "area": "east"},
        "west_cable": {"prefixes": ["198.51.100.128/25", "2001:db8:f000::/36"], "area": "west"},
    },
    "mail_servers": {"msa1": {"addresses": ["192.0.2.25", "2001:db8:25::25"], "role": "submission"}},
    "destinations": {"mobile": {"prefixes": ["203.0.113.0/26"]}},
    "waves": [
        {"name": "observe", "date": "2019-03-01", "pools": "all", "action": "observe"},
        {"name": "pilot", "date": "2019-03-04", "pools": ["east_ftth"], "destinations": ["mobile"], "action": "block"},
        {"name": "all", "date": "2019-03-25", "pools": "all", "action": "block"},
    ],
    "observe_sources": {"purpose": "tell customers before the block", "until": "2019-03-20", "hours": 24},
}


def _enforced(**pools: dict[str, str]) -> dict[str, object]:
    return {"pools": {pool: {"actions": actions} for pool, actions in pools.items()}}


def _planned(before: dict[str, object], after: dict[str, object], added: int, removed: int) -> dict[str, object]:
    return {"before": before, "after": after, "changed": True, "summary": {"added": added, "removed": removed}}


OBSERVED, PILOT = {"mobile": "observe", "any": "observe"}, {"mobile": "block", "any": "observe"}
BOTH = _enforced(east_ftth=OBSERVED, west_cable=OBSERVED)


def plan(first: str = "edge-l1") -> Table:
    """A plan with every kind of line; at 80 columns it is whole, unless the name of its first edge is a long one."""
    return rollout.plan_table(
        {
            first: _planned(BOTH, _enforced(east_ftth=PILOT, west_cable=PILOT), 2, 2),
            "edge-c1": _planned({}, _enforced(east_ftth=OBSERVED), 1240, 0),
            "edge-x1": _planned(_enforced(east_ftth=PILOT), _enforced(east_ftth=PILOT), 1, 0),
            "edge-j1": {"failed": True, "msg": SILENT},
            "edge-j2": {"unreachable": True},
        }
    )


def _seen(probe: str, pool: str, target: str, family: str, wrong: str | None = None) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for port, expected, ms in ((25, "refused", 0.31), (443, "open", 0.44), (465, "open", 0.52), (587, "open", 12.04)):
        row = {"probe": probe, "pool": pool, "target": target, "family": family, "port": port, "expected": expected}
        rows.append({**row, "seen": expected, "ms": ms, "ok": True})
    if wrong:
        rows[0].update(seen=wrong, ok=False)
        rows[2].update(seen="filtered", ms=None, ok=False)
    return rows


def matrix_all_right() -> Table:
    """What eight customers see of two targets, all of it as it should be."""
    return matrix.table(
        [
            row
            for probe, pool in (("cust-east", "east_ftth"), ("cust-coast-b", "coast_ftth"))
            for target in ("mobile_carrier", "other_isp")
            for family in ("v4", "v6")
            for row in _seen(probe, pool, target, family)
        ]
    )


def matrix_wrong() -> Table:
    """The same for one customer, who gets through on one way."""
    return matrix.table(
        [
            *_seen("cust-coast-b", "coast_ftth", "mobile_carrier", "v4"),
            *_seen("cust-coast-b", "coast_ftth", "mobile_carrier", "v6", "open"),
        ]
    )


def _edge(pool: str, **found: object) -> dict[str, object]:
    return {"op25b_attachments": [{"interface": "x0", "pools": [pool]}], "edge_found": found}


def _gathered(pool: str, prefixes: list[str], out: int, actions: dict[str, str], **more: object) -> dict[str, object]:
    counters = {name: {"out": out, "in": 0} for name in actions}
    found = {"pools": {pool: {"actions": actions, "prefixes": prefixes}}}
    return _edge(pool, gathered=found, counters={"pools": {pool: counters}}, drift=[], **more)


def _edges() -> dict[str, dict[str, object]]:
    pools = POLICY["pools"]
    east, west = pools["east_ftth"]["prefixes"], pools["west_cable"]["prefixes"]  # type: ignore[index]
    armed = {"id": "c1", "who": "taro@noc (AWX job 4711, started 2019-03-04T01:00:00Z)", "at": AT, "seconds_left": 9}
    drifted = _gathered("east_ftth", east, 40, PILOT)
    drifted["edge_found"]["drift"] = ["set exempted.v4: + 192.0.2.1"]  # type: ignore[index]
    return {
        "edge-l1": _gathered("east_ftth", east, 123456, PILOT),
        "edge-c1": _gathered("west_cable", west, 0, PILOT, armed=armed),
        "edge-x1": drifted,
        "edge-j1": _edge("west_cable", failed=True, msg=SILENT),
    }


def _records(outcome: str, out: int) -> list[dict[str, object]]:
    step = {"at": AT, "run": "r", "operator": "taro", "playbook": "rollout", "kind": "step", "wave": "pilot", "outcome": outcome}
    place = {"edge": "edge-l1", "pool": "east_ftth", "counters": {"out": out, "in": 0}}
    return [
        {**step, **place, "class": name, "before": "observe" if outcome == "confirmed" else action, "after": action}
        for name, action in PILOT.items()
    ]


def status_table() -> Table:
    """Every state that an edge can have."""
    edges = _edges()
    return status.table(status.rows(policy.load(POLICY, DAY), "pilot", edges, _records("confirmed", 0)), edges)


def observed() -> Table:
    """What pools send, with one edge that is silent."""
    edges = _edges()
    return status.observed_table(edges, status.observed("pilot", edges), _records("observed", 123400))


def impact_table() -> Table:
    """Whom the waves touch."""
    seen = "edge,address,pool,class,syns,hours\n" + "".join(
        f"edge-l1,{address},,{name},{syns},24\n"
        for address, name, syns in (
            ("198.51.100.5", "mobile", 2),
            ("198.51.100.5", "any", 31),
            ("198.51.100.77", "any", 9000),
            ("2001:db8:f000::10", "any", 1),
        )
    )
    known = "prefix,customer,case,contact\n198.51.100.0/28,4711,company,\n2001:db8:f000::/48,4712,own_server,\n"
    return impact.impact(policy.load(POLICY, DAY), seen, known)[0]


def relays() -> list[Table]:
    """Two relays, of which one is silent and one needs a person."""
    key = {"domain": "ccsnet.ne.jp", "selector": "op25b1", "signs": True, "name": "op25b1._domainkey.ccsnet.ne.jp"}
    reasons = [{"recipients": 120, "reason": "connect to mx.mobile.example[203.0.113.10]:25: Connection timed out"}]
    answer = {
        "hostname": "msa1.example.net",
        "queue": {
            "incoming": 0,
            "active": 1,
            "active_limit": 20000,
            "deferred": 120,
            "hold": 3,
            "oldest": 7300,
            "free_percent": 60,
            "reasons": reasons,
        },
        "log": {"since": "2019-03-04T00:00:00Z", "complete": False},
        "sent": {"mails": 1234567, "recipients": 2345678},
        "senders": [{"login": "taro@ccsnet.ne.jp", "mails": 5, "recipients": 9, "bounced": 1, "addresses": 2}],
        "suspended": [{"login": "hanako@ccsnet.ne.jp", "why": "mail came from 10 networks within an hour, since 01:02 of today"}],
        "certificate": {
            "not_after": "2019-05-01T00:00:00Z",
            "days_left": 42,
            "names": ["msa1.example.net"],
            "hostname_matches": True,
            "key_fits": True,
            "trusted": True,
            "served": True,
        },
        "old_tls": False,
        "dkim": [{**key, "record": "v=DKIM1; k=rsa; p=" + "A" * 196, "state": "missing", "detail": "NXDOMAIN"}],
        "services": [{"name": "postfix", "up": True, "version": "3.7.11", "detail": ""}],
    }
    silent = {"unreachable": True, "msg": "Failed to connect to the host: connect to host 192.0.2.26 port 22: No route to host"}
    return relay_status.tables(
        relay_status.rows({"msa1": {relay_status.FOUND: answer}, "msa2": {relay_status.FOUND: silent}}, DAY)
    )


def _asked(pool: str, **more: object) -> dict[str, object]:
    """An edge that was asked for the wave pilot, from the wave before."""
    return {"edge_acl": _planned(_enforced(**{pool: OBSERVED}), _enforced(**{pool: PILOT}), 2, 2), **more}


UNCHANGED = {"edge_acl": {**_planned(BOTH, BOTH, 0, 0), "changed": False}}
UNREACHABLE = {"edge_acl": {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host"}}
VERDICT = {
    "probes": {edge: {"tried": 48} for edge in ("edge-l1", "edge-c1", "edge-x1")},
    "proofs": {"edge-x1": {"east_ftth": {"mobile": "no line of ours behind it"}}},
}


def outcome_confirmed() -> Table:
    """A run that went well, with an edge that nobody could prove and one that this run did not have."""
    edges = {
        "edge-l1": _asked("east_ftth", rollout_begun=True, rollout_kept={"changed": True}, rollout_verdict=VERDICT),
        "edge-x1": _asked("east_ftth", rollout_begun=True, rollout_kept={"changed": True}, rollout_verdict=VERDICT),
        "edge-j1": UNCHANGED,
    }
    return outcome.table(edges, "pilot", (), "rollout", ["inventories/1_pilot.op25b.yml"], ["edge-p2"])


def outcome_no_go() -> Table:
    """Everything that may have become of an edge when a run was stopped."""
    begun: dict[str, object] = {"rollout_begun": True, "rollout_verdict": VERDICT}
    edges = {
        "edge-l1": _asked("east_ftth", **begun, rollout_taken_back={"changed": True}),
        "edge-c1": _asked("west_cable", **begun, rollout_taken_back={"unreachable": True}),
        "edge-x1": _asked("east_ftth", **begun, edge_found={"gathered": {}, "armed": {"seconds_left": 281}}),
        "edge-j1": {"edge_acl": {"failed": True, "msg": SILENT}},
        "edge-j2": UNREACHABLE,
        "edge-p1": _asked("west_cable"),
    }
    return outcome.table(edges, "pilot", ["edge-j1: " + SILENT, "edge-j2 does not answer"], "site", ["hosts.yml"])


def outcome_back() -> Table:
    """Everything out, where an edge does not answer."""
    edges = {
        "edge-l1": {"edge_acl": _planned(_enforced(east_ftth=PILOT), {}, 0, 63)},
        "edge-c1": UNCHANGED,
        "edge-j2": UNREACHABLE,
    }
    return outcome.table(edges, "none", ["edge-j2 did not go back"], "rollback", ["hosts.yml"], back=True)


def outcome_nothing() -> Table:
    """Nothing had to be changed."""
    return outcome.table({"edge-l1": UNCHANGED}, "none", (), "rollback", ["hosts.yml"], back=True)


SCREENS = {
    "plan": lambda: [plan()],
    "plan_of_long_names": lambda: [plan("edge-l1.tokyo-otemachi.backbone.ccsnet.example.net")],
    "plan_in_japanese": lambda: [plan("東京大手町第一集約装置").titled("計画: ウェーブ pilot")],
    "matrix": lambda: [matrix_all_right()],
    "matrix_wrong": lambda: [matrix_wrong()],
    "status": lambda: [status_table()],
    "observed": lambda: [observed()],
    "impact": lambda: [impact_table()],
    "relays": relays,
    "outcome_confirmed": lambda: [outcome_confirmed()],
    "outcome_no_go": lambda: [outcome_no_go()],
    "outcome_back": lambda: [outcome_back()],
    "outcome_nothing": lambda: [outcome_nothing()],
}


def text(tables: Table | Sequence[Table], width: int = 1000) -> str:
    """Tables as they are printed without colours, with an empty line between two of them."""
    given = [tables] if isinstance(tables, Table) else tables
    return "\n\n".join("\n".join(render(table, width)) for table in given) + "\n"
