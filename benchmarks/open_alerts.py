"""A store in which many alerts are open: rows written at once, as no measurement is about how they came."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, alert_group, context_label, episode, event, incident, timer

AT_ONCE = 10_000
NS = 1_000_000_000
DAY_S = 86_400.0


class Open(Struct, frozen=True):
    """How many alerts are open: so many alone in their incident, so many in one incident together."""

    alone: int
    together: int

    @property
    def incidents(self) -> int:
        """Return how many incidents that makes; the last one is the large one."""
        return self.alone + 1


def fill(tx: Transaction, size: Open) -> None:
    """Write the incidents, each waiting for its next step tomorrow, and their alerts."""
    for rows in _pieces(_incidents(size, tx.now)):
        _insert(tx, incident, rows)
    for number in range(1, size.incidents + 1, AT_ONCE):
        ids = range(number, min(number + AT_ONCE, size.incidents + 1))
        groups = [{"integration": "am", "name": f"g{id_}", "incident_id": id_} for id_ in ids]
        _insert(tx, alert_group, groups)
        _insert(tx, timer, [{"incident_id": id_, "kind": "escalate", "due_at": tx.now + DAY_S} for id_ in ids])
        _insert(tx, event, [_began(id_, tx.now) for id_ in ids])
    for rows in _pieces(_alerts(size, tx.now)):
        _insert(tx, alert, rows)
        _insert(tx, episode, [_episode(row) for row in rows])
        _insert(tx, context_label, [_instance(row) for row in rows])


def code_of(incident_id: int) -> str:
    """Return the code under which an incident is found."""
    return f"B{incident_id}"


def _incidents(size: Open, now: float) -> Iterator[dict[str, Any]]:
    for id_ in range(1, size.incidents + 1):
        yield {
            "id": id_,
            "code": code_of(id_),
            "integration": "am",
            "group_name": f"g{id_}",
            "title": f"LinkDown on switch {id_}",
            "labels": json.dumps({"alertname": "LinkDown", "severity": "critical"}),
            "source_url": "http://alertmanager:9093",
            "severity": "critical",
            "rank": 0,
            "urgency": "page",
            "state": "new",
            "cycle": 1,
            "repeats_left": 0,
            "next_step": 1,
            "started_at": now - id_ % 86_400,
            "updated_at": now - id_ % 86_400,
            "acked_by": "",
        }


def _alerts(size: Open, now: float) -> Iterator[dict[str, Any]]:
    for id_ in range(1, size.alone + size.together + 1):
        labels = {"alertname": "LinkDown", "instance": f"sw{id_}", "severity": "critical", "site": f"s{id_ % 50}"}
        began = int(now - id_ % 86_400) * NS
        yield {
            "id": id_,
            "integration": "am",
            "fingerprint": fingerprint(labels),
            "name": "LinkDown",
            "labels": json.dumps(labels),
            "annotations": json.dumps({"summary": f"the uplink of sw{id_} is down"}),
            "generator_url": "http://prometheus:9090/graph?g0.expr=link_up+%3D%3D+0",
            "urgency": "page",
            "rank": 0,
            "starts_ns": json.dumps([began]),
            "firing": True,
            "ended_ns": 0,
            "ended_seen_at": 0.0,
            "incident_id": min(id_, size.incidents),
            "first_seen_at": now,
            "last_seen_at": now,
        }


def _episode(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "alert_id": row["id"],
        "incident_id": row["incident_id"],
        "starts_ns": json.loads(row["starts_ns"])[0],
    }


def _instance(row: dict[str, Any]) -> dict[str, Any]:
    return {"alert_id": row["id"], "name": "instance", "value": f"sw{row['id']}"}


def _began(id_: int, now: float) -> dict[str, Any]:
    return {"incident_id": id_, "at": now, "kind": "began", "who": "", "text": "LinkDown began"}


def _pieces(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    piece: list[dict[str, Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _insert(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    tx.execute(table.insert(), list(rows))
