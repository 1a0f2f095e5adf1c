"""Statements about messages that a provider took: how far they are, when to ask about them, what they show."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.callback import Stage
from alert_webhook.delivery.owed import Progress
from alert_webhook.incidents.transitions import OPEN
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import incident, notification
from alert_webhook.store.schema_channels import tracked
from alert_webhook.store.statements import insert_or_keep

MAX_DETAIL = 500


class Tracked(Struct, frozen=True, kw_only=True):
    """One message that `channel` took under `reference`. Times are Unix seconds."""

    id: int
    channel: str
    reference: str
    uid: str  # the notification's
    address: str
    stage: Stage
    taken_at: float
    asked: int
    ask_at: float | None = None
    shown_state: str | None = None


def add(tx: Transaction, new: Tracked, *, word: str) -> None:
    """Begin to track a message; one that is tracked already stays as it is."""
    row = {name: getattr(new, name) for name in ("channel", "reference", "address", "asked", "ask_at", "shown_state")}
    times = {"taken_at": tx.now, "changed_at": tx.now, "show_at": tx.now}
    values = {**row, **times, "notification_uid": new.uid, "stage": int(new.stage), "word": word, "detail": ""}
    tx.execute(insert_or_keep(tx, tracked).values(values))


def lock(tx: Transaction, channel: str, reference: str) -> Tracked | None:
    """Lock one tracked message and return it."""
    where = (tracked.c.channel == channel) & (tracked.c.reference == reference)
    row = tx.execute(sa.select(tracked).where(where).with_for_update()).one_or_none()
    return None if row is None else _tracked(row)


def find(tx: Transaction, channel: str, reference: str) -> Tracked | None:
    """Return one tracked message, without a lock."""
    where = (tracked.c.channel == channel) & (tracked.c.reference == reference)
    row = tx.execute(sa.select(tracked).where(where)).one_or_none()
    return None if row is None else _tracked(row)


def under_way(tx: Transaction, uid: str) -> Tracked | None:
    """Return the latest message that a provider took for this notification and that did not fail."""
    statement = (
        sa.select(tracked)
        .where(tracked.c.notification_uid == uid, tracked.c.stage < int(Stage.FAILED))
        .order_by(tracked.c.id.desc())
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else _tracked(row)


def move(tx: Transaction, subject: Tracked, stage: Stage, *, word: str, detail: str) -> None:
    """Write down how far a locked message is. When that is for good, nothing more is asked."""
    values: dict[str, Any] = {"stage": int(stage), "word": word, "detail": detail[:MAX_DETAIL], "changed_at": tx.now}
    if stage.final:
        values["ask_at"] = None
    if stage is Stage.FAILED:
        values["shown_state"] = None
    tx.execute(tracked.update().where(tracked.c.id == subject.id).values(values))


def ask_at(tx: Transaction, subject: Tracked, at: float | None) -> None:
    """Set when to ask about a message next; None: never again."""
    tx.execute(tracked.update().where(tracked.c.id == subject.id).values(ask_at=at))


def take_to_ask(tx: Transaction, limit: int, *, hold_s: float) -> list[Tracked]:
    """Take messages whose question is due; for `hold_s` nobody else asks."""
    statement = (
        sa.select(tracked)
        .where(tracked.c.ask_at <= tx.now)
        .order_by(tracked.c.ask_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [_tracked(row) for row in tx.execute(statement)]
    _update(tx, found, ask_at=tx.now + hold_s, asked=tracked.c.asked + 1)
    return found


def take_to_show(tx: Transaction, limit: int, *, hold_s: float) -> list[tuple[Tracked, int]]:
    """Take messages that show another state than their incident's; return them with the incident's id."""
    statement = _to_show(tx).limit(limit).with_for_update(of=tracked, skip_locked=True)
    found = [(_tracked(row), int(row.incident_id)) for row in tx.execute(statement)]
    _update(tx, [each for each, _id in found], show_at=tx.now + hold_s)
    return found


def shows(tx: Transaction, subject: Tracked, state: str) -> None:
    """Remember what a message shows now; one of an incident that is over is done with."""
    over = state not in {each.value for each in OPEN}
    values: dict[str, Any] = {"shown_state": None if over else state, "show_at": tx.now}
    if over:
        values["ask_at"] = None
    tx.execute(tracked.update().where(tracked.c.id == subject.id).values(values))


def ask_is_due(tx: Transaction) -> bool:
    """Return whether there is a question to ask."""
    return tx.execute(sa.select(tracked.c.id).where(tracked.c.ask_at <= tx.now).limit(1)).first() is not None


def show_is_due(tx: Transaction) -> bool:
    """Return whether there is a message that shows another state than its incident's."""
    return tx.execute(_to_show(tx).limit(1)).first() is not None


def _to_show(tx: Transaction) -> sa.Select[Any]:
    return (
        sa.select(tracked, incident.c.id.label("incident_id"))
        .join(notification, notification.c.uid == tracked.c.notification_uid)
        .join(incident, incident.c.id == notification.c.incident_id)
        .where(tracked.c.shown_state.is_not(None), tracked.c.shown_state != incident.c.state)
        .where(tracked.c.show_at <= tx.now)
        .order_by(tracked.c.show_at)
    )


def notification_of(tx: Transaction, uid: str) -> Any:
    """Return the notification (id, incident_id, person, contact, reason, step) of this uid, None if it is gone."""
    columns = (
        notification.c.id,
        notification.c.incident_id,
        notification.c.person,
        notification.c.contact,
        notification.c.reason,
        notification.c.step,
    )
    return tx.execute(sa.select(*columns).where(notification.c.uid == uid)).one_or_none()


def pages_sent_to(tx: Transaction, person: str, states: Sequence[str]) -> list[tuple[int, str]]:
    """Return (id, code) of the incidents in these states that this person got a message about, the newest first."""
    reached = notification.c.state.in_((Progress.SENT.value, Progress.SENDING.value)) | (notification.c.unknowns > 0)
    statement = (
        sa.select(incident.c.id, incident.c.code)
        .join(notification, notification.c.incident_id == incident.c.id)
        .where(notification.c.person == person, reached, incident.c.state.in_(states))
        .distinct()
        .order_by(incident.c.id.desc())
        .limit(20)
    )
    return [(int(id_), str(code)) for id_, code in tx.execute(statement)]


def was_paged(tx: Transaction, person: str, incident_id: int) -> bool:
    """Return whether this person got, or may have got, a message about an incident."""
    reached = notification.c.state.in_((Progress.SENT.value, Progress.SENDING.value)) | (notification.c.unknowns > 0)
    where = (notification.c.incident_id == incident_id) & (notification.c.person == person) & reached
    return tx.execute(sa.select(notification.c.id).where(where).limit(1)).first() is not None


def unconfirmed(tx: Transaction, before: float) -> dict[str, int]:
    """Return by channel how many messages taken before a time are still asked about, and not known to have arrived."""
    statement = (
        sa.select(tracked.c.channel, sa.func.count())
        .where(tracked.c.ask_at.is_not(None), tracked.c.taken_at < before, tracked.c.stage < int(Stage.DELIVERED))
        .group_by(tracked.c.channel)
    )
    return {str(channel): int(number) for channel, number in tx.execute(statement)}


def _update(tx: Transaction, found: Sequence[Tracked], **values: object) -> None:
    if found:
        tx.execute(tracked.update().where(tracked.c.id.in_([each.id for each in found])).values(values))


def _tracked(row: Any) -> Tracked:
    return Tracked(
        id=row.id,
        channel=row.channel,
        reference=row.reference,
        uid=row.notification_uid,
        address=row.address,
        stage=Stage(row.stage),
        taken_at=row.taken_at,
        asked=row.asked,
        ask_at=row.ask_at,
        shown_state=row.shown_state,
    )
