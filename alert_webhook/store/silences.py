"""Statements about the silences that acknowledgements keep in Alertmanager."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from alert_webhook.incidents.silence import Kept
from alert_webhook.incidents.transitions import State
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, episode, incident
from alert_webhook.store.schema_incidents import silence
from alert_webhook.store.statements import chunks, from_json, insert_or_keep

AT_ONCE = 50  # silences taken in one transaction
MOST = 5000  # firing alerts of acknowledged incidents that one look takes in


def work_is_due(tx: Transaction, integrations: Sequence[str]) -> bool:
    """Return whether there is a silence, or may have to be one."""
    if tx.execute(sa.select(silence.c.incident_id).limit(1)).first() is not None:
        return True
    return tx.execute(sa.select(incident.c.id).where(_held(integrations)).limit(1)).first() is not None


def plan(tx: Transaction, integrations: Sequence[str], *, most: int) -> dict[int, int]:
    """Want a silence for each firing alert of acknowledged incidents, and no others.

    Return how many are new, by incident; an incident with more than `most` firing alerts gets none.
    """
    statement = (
        sa.select(episode.c.incident_id, alert.c.id, alert.c.integration, alert.c.labels)
        .select_from(incident)
        .join(episode, episode.c.incident_id == incident.c.id)
        .join(alert, alert.c.id == episode.c.alert_id)
        .where(_held(integrations), episode.c.ended_ns.is_(None), alert.c.firing)
        .order_by(episode.c.incident_id, alert.c.id)
        .limit(MOST)
    )
    wanted: dict[int, list[Any]] = {}
    for row in tx.execute(statement):
        wanted.setdefault(row.incident_id, []).append(row)
    rows = {(row.incident_id, row.id): row for each in wanted.values() if len(each) <= most for row in each}
    there = {(row.incident_id, row.alert_id): row.wanted for row in tx.execute(sa.select(silence))}
    _set_wanted(tx, [key for key, is_wanted in there.items() if is_wanted and key not in rows], wanted=False)
    _set_wanted(tx, [key for key, is_wanted in there.items() if not is_wanted and key in rows], wanted=True)
    return _add(tx, [row for key, row in rows.items() if key not in there])


def take(tx: Transaction, *, hold_s: float) -> list[Kept]:
    """Return silences that Alertmanager has to be asked about; nobody else takes them for `hold_s` seconds."""
    statement = (
        sa.select(silence, incident.c.code, incident.c.acked_by)
        .join(incident, incident.c.id == silence.c.incident_id)
        .where(silence.c.due_at <= tx.now)
        .order_by(silence.c.due_at)
        .limit(AT_ONCE)
        .with_for_update(of=silence, skip_locked=True)
    )
    found = [_kept(row) for row in tx.execute(statement)]
    for each in found:
        tx.execute(silence.update().where(_key(each)).values(due_at=tx.now + hold_s))
    return found


def stands(tx: Transaction, kept: Kept, reference: str, *, again_at: float) -> None:
    """Note that a silence stands under Alertmanager's id, and when it has to be made longer."""
    tx.execute(silence.update().where(_key(kept)).values(reference=reference, due_at=again_at))


def later(tx: Transaction, kept: Kept, *, again_at: float) -> None:
    """Note that Alertmanager did not answer, and when it is asked again."""
    tx.execute(silence.update().where(_key(kept)).values(due_at=again_at))


def gone(tx: Transaction, kept: Kept) -> None:
    """Forget a silence that nobody wants and that is over."""
    tx.execute(silence.delete().where(_key(kept), ~silence.c.wanted))


def _held(integrations: Sequence[str]) -> sa.ColumnElement[bool]:
    return (incident.c.state == State.ACKNOWLEDGED.value) & incident.c.integration.in_(list(integrations))


def _add(tx: Transaction, rows: Sequence[Any]) -> dict[int, int]:
    fresh: dict[int, int] = {}
    times = {"due_at": tx.now, "starts_at": tx.now}
    values = [
        {"incident_id": row.incident_id, "alert_id": row.id, "integration": row.integration, "labels": row.labels}
        for row in rows
    ]
    if values:
        tx.execute(insert_or_keep(tx, silence), [{**row, **times, "reference": "", "wanted": True} for row in values])
    for row in rows:
        fresh[row.incident_id] = fresh.get(row.incident_id, 0) + 1
    return fresh


def _set_wanted(tx: Transaction, keys: Sequence[tuple[int, int]], *, wanted: bool) -> None:
    for some in chunks(keys):
        here = sa.tuple_(silence.c.incident_id, silence.c.alert_id).in_(list(some))
        tx.execute(silence.update().where(here).values(wanted=wanted, due_at=tx.now))


def _key(kept: Kept) -> sa.ColumnElement[bool]:
    return (silence.c.incident_id == kept.incident_id) & (silence.c.alert_id == kept.alert_id)


def _kept(row: Any) -> Kept:
    return Kept(
        incident_id=row.incident_id,
        alert_id=row.alert_id,
        integration=row.integration,
        labels=from_json(row.labels, dict[str, str]),
        reference=row.reference,
        wanted=row.wanted,
        starts_at=row.starts_at,
        code=row.code,
        acked_by=row.acked_by,
    )
