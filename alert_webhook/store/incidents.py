"""Statements about incidents, their groups, timers and timelines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import ack_link, alert_group, event, incident, notification, timer
from alert_webhook.store.statements import chunks, from_json, insert_or_keep, json_text

ESCALATE, ACK = "escalate", "ack"  # the kinds of timers


class DueTimer(Struct):
    """When something is due for an incident, in Unix seconds: its next step, or something about its acknowledgement."""

    incident_id: int
    kind: str
    due_at: float


def _select() -> sa.Select[Any]:
    due_at = timer.c.due_at.label("due_at")
    escalation = (timer.c.incident_id == incident.c.id) & (timer.c.kind == ESCALATE)
    return sa.select(incident, due_at).select_from(incident.outerjoin(timer, escalation))


_READ = _select().where(incident.c.id.in_(sa.bindparam("ids", expanding=True)))
# NO KEY: whoever locks messages before adds links to them, and must not wait for whoever locks incidents before
_LOCK = _READ.order_by(incident.c.id).with_for_update(of=incident, key_share=True)
_LOCK_DUE = (
    _select()
    .where(timer.c.due_at <= sa.bindparam("now"))
    .order_by(incident.c.rank, timer.c.due_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(of=incident, skip_locked=True, key_share=True)
)


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
        found.update((row.id, _incident(row)) for row in tx.execute(_LOCK, {"ids": some}))
    return found


def lock_due(tx: Transaction, limit: int) -> list[Incident]:
    """Lock and return incidents whose escalation is due, most severe first; what others hold is passed over."""
    return [_incident(row) for row in tx.execute(_LOCK_DUE, {"now": tx.now, "most": limit})]


def next_due(tx: Transaction, kind: str = ESCALATE) -> float | None:
    """Return when the next escalation, or timer of another kind, is due."""
    found = tx.execute(sa.select(sa.func.min(timer.c.due_at)).where(timer.c.kind == kind)).scalar_one()
    return None if found is None else float(found)


def lock_ack_due(tx: Transaction, limit: int) -> list[Incident]:
    """Lock and return acknowledged incidents whose acker is to be reminded, or whose acknowledgement times out."""
    due = sa.select(timer.c.incident_id).where(timer.c.kind == ACK, timer.c.due_at <= tx.now)
    statement = _select().where(incident.c.id.in_(due)).order_by(incident.c.id).limit(limit)
    return [
        _incident(row) for row in tx.execute(statement.with_for_update(of=incident, skip_locked=True, key_share=True))
    ]


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
    return {row.id: _incident(row) for row in tx.execute(_READ, {"ids": ids})}


def lead_groups(tx: Transaction, integration: str, names: Sequence[str], incident_id: int) -> None:
    """Make an incident the latest of groups whose rows are locked."""
    for some in chunks(names):
        where = (alert_group.c.integration == integration) & alert_group.c.name.in_(some)
        tx.execute(alert_group.update().where(where).values(incident_id=incident_id))


def codes_taken(tx: Transaction, codes: Sequence[str]) -> set[str]:
    """Return which of these codes an incident has."""
    found: set[str] = set()
    for some in chunks(codes):
        found.update(tx.execute(sa.select(incident.c.code).where(incident.c.code.in_(some))).scalars())
    return found


def insert_all(tx: Transaction, new: Sequence[Incident]) -> list[Incident]:
    """Store new incidents, make them their groups' latest, and return them with their ids."""
    if not new:
        return []
    ids = _insert(tx, [_row(each) for each in new], [each.code for each in new])
    stored = [replace(each, id=ids[each.code]) for each in new]
    leading = [_Leading(each.integration, each.group, each.id) for each in stored]
    bulk.update(tx, alert_group, leading, key=("integration", "name"))
    _set_timers(tx, stored)
    return stored


def _insert(tx: Transaction, rows: Sequence[Struct], codes: Sequence[str]) -> dict[str, int]:
    """Insert incidents and return their ids by code."""
    if tx.postgresql:
        return bulk.insert_returning_ids(tx, incident, rows, "code")
    bulk.insert(tx, incident, rows)
    asked = [sa.select(incident.c.code, incident.c.id).where(incident.c.code.in_(some)) for some in chunks(codes)]
    return {code: id_ for statement in asked for code, id_ in tx.execute(statement)}


def save(tx: Transaction, changed: Incident) -> None:
    """Write an incident whose row is locked, and its timer."""
    save_all(tx, [changed])


def save_all(tx: Transaction, changed: Sequence[Incident]) -> None:
    """Write incidents whose rows are locked, and their timers."""
    bulk.update(tx, incident, [_stored_row(each) for each in changed], key=("id",))
    over: dict[str, list[int]] = {ESCALATE: [each.id for each in changed if each.due_at is None]}
    over[ACK] = [each.id for each in changed if each.ack_due_at is None]
    for kind, ids in over.items():
        for some in chunks(ids):
            tx.execute(timer.delete().where(timer.c.kind == kind, timer.c.incident_id.in_(some)))
    _set_timers(tx, changed)


def set_timers(tx: Transaction, due: Sequence[DueTimer]) -> None:
    """Write timers of incidents whose rows are locked."""
    bulk.insert_or_replace(tx, timer, due, key=("incident_id", "kind"))


def known_to_people(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Return of which of these incidents a message was owed to somebody, or a link given out."""
    found: set[int] = set()
    for some in chunks(ids):
        for table in (notification, ack_link):
            statement = sa.select(table.c.incident_id).where(table.c.incident_id.in_(some)).distinct()
            found.update(tx.execute(statement).scalars())
    return found


def add_events(tx: Transaction, events: Sequence[Event]) -> None:
    """Append to timelines."""
    bulk.insert(
        tx, event, [_EventRow(each.incident_id, each.at, each.kind.value, each.who, each.text) for each in events]
    )


def timeline(tx: Transaction, incident_id: int, limit: int = 500) -> list[Event]:
    """Return the newest `limit` events of an incident, oldest first."""
    columns = (event.c.incident_id, event.c.at, event.c.kind, event.c.text, event.c.who)
    newest = sa.select(*columns).where(event.c.incident_id == incident_id).order_by(event.c.id.desc()).limit(limit)
    events = [Event(row.incident_id, row.at, Kind(row.kind), row.text, row.who) for row in tx.execute(newest)]
    return events[::-1]


def _set_timers(tx: Transaction, changed: Sequence[Incident]) -> None:
    due = [(each.id, kind, at) for each in changed for kind, at in ((ESCALATE, each.due_at), (ACK, each.ack_due_at))]
    set_timers(tx, [DueTimer(id_, kind, at) for id_, kind, at in due if at is not None])


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
OTHERS = ("group_name", "labels", "urgency", "state", "policy")


_Row = msgspec.defstruct("_Row", [*PLAIN, *OTHERS])
_StoredRow = msgspec.defstruct("_StoredRow", ["id", *PLAIN, *OTHERS])


class _Leading(Struct):
    """Which incident is its group's latest."""

    integration: str
    name: str
    incident_id: int


class _EventRow(Struct):
    """A new row of `event`."""

    incident_id: int
    at: float
    kind: str
    who: str
    text: str


def _row(value: Incident) -> Struct:
    return _Row(**_columns(value))


def _stored_row(value: Incident) -> Struct:
    return _StoredRow(id=value.id, **_columns(value))


def _columns(value: Incident) -> dict[str, Any]:
    return {
        **{name: getattr(value, name) for name in PLAIN},
        "group_name": value.group,
        "labels": json_text(value.labels),
        "urgency": value.urgency.value,
        "state": value.state.value,
        "policy": json_text(value.policy) if value.policy else None,
    }
