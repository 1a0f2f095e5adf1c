"""Statements about the maintenance windows that users made."""

from typing import Any

from msgspec.structs import replace

from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.windows import Hours, MaintenanceWindow
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_incidents import maintenance
from alert_webhook.store.statements import from_json, json_text


def add(tx: Transaction, window: MaintenanceWindow) -> MaintenanceWindow:
    """Store a window and return it with its id."""
    result = tx.execute(
        maintenance.insert().values(
            title=window.title,
            matcher=json_text(window.match),
            start_at=window.start_at,
            end_at=window.end_at,
            hours=json_text(window.hours),
            created_by=window.created_by,
            created_at=tx.now,
            ended_by=window.ended_by,
        )
    )
    (id_,) = result.inserted_primary_key or (None,)
    return replace(window, id=int(id_ or 0))


def not_over(tx: Transaction, since: float) -> list[MaintenanceWindow]:
    """Return the windows that are not over at `since`, the earliest first."""
    statement = maintenance.select().where(maintenance.c.end_at > since).order_by(maintenance.c.start_at)
    return [_window(row) for row in tx.execute(statement)]


def get(tx: Transaction, window_id: int) -> MaintenanceWindow | None:
    """Lock and return one window."""
    statement = maintenance.select().where(maintenance.c.id == window_id).with_for_update()
    row = tx.execute(statement).one_or_none()
    return None if row is None else _window(row)


def end(tx: Transaction, window_id: int, who: str) -> None:
    """End a window now."""
    where = maintenance.c.id == window_id
    tx.execute(maintenance.update().where(where).values(end_at=tx.now, ended_by=who))


def prune(tx: Transaction, before: float) -> int:
    """Delete windows that were over before this time; return how many."""
    return int(tx.execute(maintenance.delete().where(maintenance.c.end_at < before)).rowcount)


def _window(row: Any) -> MaintenanceWindow:
    hours = None if row.hours == "null" else from_json(row.hours, Hours)
    return MaintenanceWindow(
        id=row.id,
        title=row.title,
        match=from_json(row.matcher, LabelMatch),
        start_at=row.start_at,
        end_at=row.end_at,
        hours=hours,
        created_by=row.created_by,
        ended_by=row.ended_by,
    )
