"""Statements about alerts and their episodes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alert_webhook.incidents.alert import KnownAlert, TouchedAlert
from alert_webhook.incidents.episode import NEVER_NS, Life
from alert_webhook.incidents.urgency import Severities
from alert_webhook.intake.update import AlertUpdate
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, context_label, episode
from alert_webhook.store.statements import chunks, from_json, insert_or_keep, json_text

MAX_PLACE_BYTES = 1000  # of a label by which alerts are found: PostgreSQL limits an entry of an index to 2704 bytes


def lock(
    tx: Transaction, integration: str, updates: Mapping[str, AlertUpdate], severities: Severities
) -> dict[str, KnownAlert]:
    """Return the alert of every fingerprint in `updates`, its row locked; alerts never seen before are inserted."""
    fingerprints = sorted(updates)
    known = _select(tx, integration, fingerprints)
    missing = [name for name in fingerprints if name not in known]
    if missing:
        rows = [_first_row(tx, integration, updates[name], severities) for name in missing]
        tx.execute(insert_or_keep(tx, alert), rows)
        known |= _select(tx, integration, missing)
    return known


def save(tx: Transaction, touched: Sequence[TouchedAlert], incident_ids: Mapping[str, int | None]) -> None:
    """Write what a delivery made of these alerts; `incident_ids` by fingerprint."""
    changed = [t for t in touched if not t.stale]
    if changed:
        statement = alert.update().where(alert.c.id == sa.bindparam("b_id")).values(_columns_saved())
        tx.execute(statement, [_saved(tx, t, incident_ids[t.before.fingerprint]) for t in changed])
    stale = [t.before.id for t in touched if t.stale]
    for ids in chunks(stale):
        tx.execute(alert.update().where(alert.c.id.in_(ids)).values(last_seen_at=tx.now))


def save_episodes(tx: Transaction, touched: Sequence[TouchedAlert], incident_ids: Mapping[str, int | None]) -> None:
    """Begin, end and move the episodes of these alerts."""
    opened = [t for t in touched if t.opened]
    if opened:
        tx.execute(episode.insert(), [_episode(t, incident_ids[t.before.fingerprint]) for t in opened])
    _update_open(tx, "ended_ns", [(t, t.life.ended_ns) for t in touched if t.closed])
    going_on = [t for t in touched if t.life.firing and t.before.life.firing]
    moved = [(t, t.life.starts_ns[0]) for t in going_on if t.life.starts_ns[0] != t.before.life.starts_ns[0]]
    _update_open(tx, "starts_ns", moved)
    joined = [(t, incident_ids[t.before.fingerprint]) for t in going_on]
    _update_open(tx, "incident_id", [(t, id_) for t, id_ in joined if id_ != t.before.incident_id])


def save_context_labels(tx: Transaction, touched: Iterable[TouchedAlert], names: Sequence[str]) -> None:
    """Remember by which labels these alerts, which are only context, are found; a value too long names no place."""
    rows = [
        {"alert_id": t.before.id, "name": name, "value": t.update.labels[name]}
        for t in touched
        for name in names
        if 0 < len(t.update.labels.get(name, "").encode()) <= MAX_PLACE_BYTES
    ]
    if rows:
        tx.execute(insert_or_keep(tx, context_label), rows)


def firing_count(tx: Transaction, incident_id: int) -> int:
    """Return how many alerts of the incident still fire."""
    where = (episode.c.incident_id == incident_id) & episode.c.ended_ns.is_(None)
    return int(tx.execute(sa.select(sa.func.count()).select_from(episode).where(where)).scalar_one())


def _select(tx: Transaction, integration: str, fingerprints: Sequence[str]) -> dict[str, KnownAlert]:
    found: dict[str, KnownAlert] = {}
    columns = (alert.c.id, alert.c.fingerprint, alert.c.starts_ns, alert.c.ended_ns, alert.c.ended_seen_at)
    for names in chunks(fingerprints):
        statement = (
            sa.select(*columns, alert.c.incident_id)
            .where(alert.c.integration == integration, alert.c.fingerprint.in_(names))
            .order_by(alert.c.fingerprint)
            .with_for_update()
        )
        for id_, fingerprint, starts, ended_ns, ended_seen_at, incident_id in tx.execute(statement):
            life = Life(from_json(starts, tuple[int, ...]), ended_ns, ended_seen_at)
            found[fingerprint] = KnownAlert(id=id_, fingerprint=fingerprint, life=life, incident_id=incident_id)
    return found


def _first_row(tx: Transaction, integration: str, update: AlertUpdate, severities: Severities) -> dict[str, Any]:
    severity = severities.of(update.labels)
    return {
        "integration": integration,
        "fingerprint": update.fingerprint,
        "name": update.labels.get("alertname", "alert"),
        "labels": json_text(update.labels),
        "annotations": json_text(update.annotations),
        "generator_url": update.generator_url,
        "urgency": severity.urgency.value,
        "rank": severity.rank,
        "starts_ns": "[]",
        "firing": False,
        "ended_ns": NEVER_NS,
        "ended_seen_at": tx.now,
        "first_seen_at": tx.now,
        "last_seen_at": tx.now,
    }


SAVED = (
    "annotations",
    "generator_url",
    "urgency",
    "rank",
    "starts_ns",
    "firing",
    "ended_ns",
    "ended_seen_at",
    "incident_id",
    "last_seen_at",
)


def _columns_saved() -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(f"b_{name}") for name in SAVED}


def _saved(tx: Transaction, touched: TouchedAlert, incident_id: int | None) -> dict[str, Any]:
    return {
        "b_id": touched.before.id,
        "b_annotations": json_text(touched.update.annotations),
        "b_generator_url": touched.update.generator_url,
        "b_urgency": touched.severity.urgency.value,
        "b_rank": touched.severity.rank,
        "b_starts_ns": json_text(touched.life.starts_ns),
        "b_firing": touched.life.firing,
        "b_ended_ns": touched.life.ended_ns,
        "b_ended_seen_at": touched.life.ended_seen_at,
        "b_incident_id": incident_id,
        "b_last_seen_at": tx.now,
    }


def _episode(touched: TouchedAlert, incident_id: int | None) -> dict[str, Any]:
    return {"alert_id": touched.before.id, "incident_id": incident_id, "starts_ns": touched.life.starts_ns[0]}


def _update_open(tx: Transaction, column: str, rows: Sequence[tuple[TouchedAlert, int | None]]) -> None:
    if not rows:
        return
    where = (episode.c.alert_id == sa.bindparam("b_alert_id")) & episode.c.ended_ns.is_(None)
    statement = episode.update().where(where).values({column: sa.bindparam("b_value")})
    tx.execute(statement, [{"b_alert_id": touched.before.id, "b_value": value} for touched, value in rows])
