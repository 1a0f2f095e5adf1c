"""Statements about overrides that are not in the configuration: a user's own, and those imported from calendars."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.oncall.schedule import Override
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import oncall_override


class Stored(Struct, frozen=True, kw_only=True):
    """One override as it is kept; `calendar` is "" where a user made it."""

    id: int
    schedule: str
    calendar: str
    created_by: str
    override: Override


def not_over(tx: Transaction, since: float) -> list[Stored]:
    """Return what is not over at `since`, in order of precedence: calendars' first, then users' as they were made."""
    imported = sa.case((oncall_override.c.calendar == "", 1), else_=0)
    statement = (
        sa.select(oncall_override).where(oncall_override.c.end_at > since).order_by(imported, oncall_override.c.id)
    )
    return [_stored(row) for row in tx.execute(statement)]


def add(tx: Transaction, schedule: str, override: Override, *, who: str) -> int:
    """Store a user's override and return its id."""
    result = tx.execute(oncall_override.insert().values(_row(tx, schedule, override, calendar="", who=who)))
    (id_,) = result.inserted_primary_key or (None,)
    return int(id_ or 0)


def remove(tx: Transaction, override_id: int) -> bool:
    """Delete a user's override; return whether there was one."""
    own = (oncall_override.c.id == override_id) & (oncall_override.c.calendar == "")
    return bool(tx.execute(oncall_override.delete().where(own)).rowcount)


def replace_calendar(tx: Transaction, schedule: str, calendar: str, overrides: Sequence[Override]) -> None:
    """Put what a calendar says now in place of what it said before."""
    forget_calendar(tx, schedule, calendar)
    if overrides:
        rows = [_row(tx, schedule, each, calendar=calendar, who=f"calendar {calendar}") for each in overrides]
        tx.execute(oncall_override.insert(), rows)


def calendars(tx: Transaction) -> set[tuple[str, str]]:
    """Return the pairs of schedule and calendar that something was imported from."""
    columns = (oncall_override.c.schedule, oncall_override.c.calendar)
    found = tx.execute(sa.select(*columns).where(oncall_override.c.calendar != "").distinct())
    return {(schedule, calendar) for schedule, calendar in found}


def forget_calendar(tx: Transaction, schedule: str, calendar: str) -> None:
    """Delete what was imported from a calendar that is no longer configured."""
    _forget(tx, (oncall_override.c.schedule == schedule) & (oncall_override.c.calendar == calendar))


def prune(tx: Transaction, before: float) -> int:
    """Delete what was over before this time; return how many."""
    return _forget(tx, oncall_override.c.end_at < before)


def _forget(tx: Transaction, where: sa.ColumnElement[bool]) -> int:
    return int(tx.execute(oncall_override.delete().where(where)).rowcount)


def _row(tx: Transaction, schedule: str, override: Override, *, calendar: str, who: str) -> dict[str, Any]:
    return {
        "schedule": schedule,
        "person": override.person,
        "instead_of": override.instead_of,
        "start_at": override.start,
        "end_at": override.end,
        "calendar": calendar,
        "created_by": who,
        "created_at": tx.now,
    }


def _stored(row: Any) -> Stored:
    source = f"calendar {row.calendar}" if row.calendar else f"override by {row.created_by}"
    override = Override(row.person, row.start_at, row.end_at, row.instead_of, source)
    return Stored(id=row.id, schedule=row.schedule, calendar=row.calendar, created_by=row.created_by, override=override)
