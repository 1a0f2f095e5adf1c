"""Statements about incidents, their groups, timers and timelines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert_group, event, incident, timer
from alert_webhook.store.statements import chunks, from_json, insert_or_keep, insert_or_replace, json_text

ESCALATE, ACK = "escalate", "ack"  # the kinds of timers


def lock_groups(tx: Transaction, integration: str, names: Iterable[str]) -> dict[str, int | None]:
    """Lock the rows of these groups, in order; return each group's latest incident."""
    ordered = sorted(set(names))
    if not ordered:
        return {}
    tx.execute(insert_or_keep(tx, alert_group), [{"integration": integration, "name": name} for name in ordered])
    found: dict[str, int | None] = {}
    for some in chunks(ordered):
        statement = (
            sa.select(alert_group.c.name, alert_group.c.incident_id)
            .where(alert_group.c.integration == integration, alert_group.c.name.in_(some))
            .order_by(alert_group.c.name)
            .with_for_update()
        )
        found.update((name, incident_id) for name, incident_id in tx.execute(statement))
    return found


def lock(tx: Transaction, ids: Iterable[int]) -> dict[int, Incident]:
    """Lock these incidents, in order, and return them."""
    found: dict[int, Incident] = {}
    for some in chunks(sorted(set(ids))):
        statement = _select().where(incident.c.id.in_(some)).order_by(incident.c.id).with_for_update(of=incident)
        found.update((row.id, _incident(row)) for row in tx.execute(statement))
    return found


def lock_due(tx: Transaction, limit: int) -> list[Incident]:
    """Lock and return incidents whose escalation is due, most severe first; what others hold is passed over."""
    statement = (
        _select()
        .where(timer.c.due_at <= tx.now)
        .order_by(incident.c.rank, timer.c.due_at)
        .limit(limit)
        .with_for_update(of=incident, skip_locked=True)
    )
    return [_incident(row) for row in tx.execute(statement)]


def next_due(tx: Transaction, kind: str = ESCALATE) -> float | None:
    """Return when the next escalation, or timer of another kind, is due."""
    found = tx.execute(sa.select(sa.func.min(timer.c.due_at)).where(timer.c.kind == kind)).scalar_one()
    return None if found is None else float(found)


def lock_ack_due(tx: Transaction, limit: int) -> list[Incident]:
    """Lock and return acknowledged incidents whose acker is to be reminded, or whose acknowledgement times out."""
    due = sa.select(timer.c.incident_id).where(timer.c.kind == ACK, timer.c.due_at <= tx.now)
    statement = _select().where(incident.c.id.in_(due)).order_by(incident.c.id).limit(limit)
    return [_incident(row) for row in tx.execute(statement.with_for_update(of=incident, skip_locked=True))]


def find(tx: Transaction, code: str) -> Incident | None:
    """Return the incident of this code, without a lock."""
    row = tx.execute(_select().where(incident.c.code == code.upper())).one_or_none()
    return None if row is None else _incident(row)


def get(tx: Transaction, incident_id: int) -> Incident | None:
    """Return one incident, without a lock."""
    row = tx.execute(_select().where(incident.c.id == incident_id)).one_or_none()
    return None if row is None else _incident(row)


def read_many(tx: Transaction, ids: Sequence[int]) -> dict[int, Incident]:
    """Return these incidents, without a lock."""
    return {row.id: _incident(row) for row in tx.execute(_select().where(incident.c.id.in_(ids)))}


def lead_groups(tx: Transaction, integration: str, names: Sequence[str], incident_id: int) -> None:
    """Make an incident the latest of groups whose rows are locked."""
    for some in chunks(names):
        where = (alert_group.c.integration == integration) & alert_group.c.name.in_(some)
        tx.execute(alert_group.update().where(where).values(incident_id=incident_id))


def code_taken(tx: Transaction, code: str) -> bool:
    """Return whether an incident has this code."""
    return tx.execute(sa.select(incident.c.id).where(incident.c.code == code)).first() is not None


def insert(tx: Transaction, new: Incident) -> Incident:
    """Store a new incident, make it its group's latest, and return it with its id."""
    result = tx.execute(incident.insert().values(_columns(new)))
    (id_,) = result.inserted_primary_key or (None,)
    stored = replace(new, id=int(id_ or 0))
    lead_groups(tx, new.integration, [new.group], stored.id)
    _save_timers(tx, stored)
    return stored


def save(tx: Transaction, changed: Incident) -> None:
    """Write an incident whose row is locked, and its timer."""
    tx.execute(incident.update().where(incident.c.id == changed.id).values(_columns(changed)))
    _save_timers(tx, changed)


def add_events(tx: Transaction, events: Sequence[Event]) -> None:
    """Append to timelines."""
    if events:
        tx.execute(event.insert(), [_event_row(each) for each in events])


def timeline(tx: Transaction, incident_id: int, limit: int = 500) -> list[Event]:
    """Return the newest `limit` events of an incident, oldest first."""
    columns = (event.c.incident_id, event.c.at, event.c.kind, event.c.text, event.c.who)
    newest = sa.select(*columns).where(event.c.incident_id == incident_id).order_by(event.c.id.desc()).limit(limit)
    events = [Event(row.incident_id, row.at, Kind(row.kind), row.text, row.who) for row in tx.execute(newest)]
    return events[::-1]


def _select() -> sa.Select[Any]:
    due_at = timer.c.due_at.label("due_at")
    escalation = (timer.c.incident_id == incident.c.id) & (timer.c.kind == ESCALATE)
    return sa.select(incident, due_at).select_from(incident.outerjoin(timer, escalation))


def _save_timers(tx: Transaction, changed: Incident) -> None:
    due = {ESCALATE: changed.due_at, ACK: changed.ack_due_at}
    over = [kind for kind, at in due.items() if at is None]
    if over:
        tx.execute(timer.delete().where(timer.c.incident_id == changed.id, timer.c.kind.in_(over)))
    rows = [{"incident_id": changed.id, "kind": kind, "due_at": at} for kind, at in due.items() if at is not None]
    if rows:
        tx.execute(insert_or_replace(tx, timer, ("incident_id", "kind"), ("due_at",)), rows)


def _incident(row: Any) -> Incident:
    fields: Mapping[str, Any] = row._mapping  # noqa: SLF001  # public; named so to keep clear of column names
    return Incident(
        **{name: fields[name] for name in PLAIN},
        id=fields["id"],
        group=fields["group_name"],
        labels=from_json(fields["labels"], dict[str, str]),
        urgency=Urgency(fields["urgency"]),
        state=State(fields["state"]),
        policy=from_json(fields["policy"], Policy) if fields["policy"] else None,
        due_at=fields["due_at"],
    )


PLAIN = (  # fields that are the same in the row and in the value
    "code",
    "integration",
    "title",
    "source_url",
    "severity",
    "rank",
    "cycle",
    "repeats_left",
    "next_step",
    "started_at",
    "updated_at",
    "acked_by",
    "acked_at",
    "resolved_at",
    "ack_remind_at",
    "ack_ends_at",
    "assigned_to",
    "suppressed_by",
    "parent_id",
)


def _columns(value: Incident) -> dict[str, Any]:
    return {
        **{name: getattr(value, name) for name in PLAIN},
        "group_name": value.group,
        "labels": json_text(value.labels),
        "urgency": value.urgency.value,
        "state": value.state.value,
        "policy": json_text(value.policy) if value.policy else None,
    }


def _event_row(each: Event) -> dict[str, Any]:
    return {
        "incident_id": each.incident_id,
        "at": each.at,
        "kind": each.kind.value,
        "who": each.who,
        "text": each.text,
    }
