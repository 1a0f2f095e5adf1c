"""Statements of reconciliation: whose turn it is, which alerts fire here, which ends are held."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.intake.update import AlertUpdate, Status
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert
from alert_webhook.store.schema_intake import reconciliation
from alert_webhook.store.statements import chunks, from_json, insert_or_keep

TURNS_LOST = 3  # a process that missed this many turns has stopped


class Standing(Struct, frozen=True):
    """How the comparison of one integration stands. Times are Unix seconds; None: never."""

    integration: str
    succeeded_at: float | None
    trouble: str


def take_turn(tx: Transaction, integration: str, *, owner: str, every_s: float) -> bool:
    """Return whether `owner` compares now: it is time, and no other process is at it."""
    row = {"integration": integration, "owner": owner, "begun_at": 0.0, "trouble": ""}
    tx.execute(insert_or_keep(tx, reconciliation), [row])
    mine = (reconciliation.c.owner == owner) & (reconciliation.c.begun_at <= tx.now - every_s)
    orphaned = reconciliation.c.begun_at <= tx.now - TURNS_LOST * every_s
    statement = reconciliation.update().where(reconciliation.c.integration == integration, mine | orphaned)
    return tx.execute(statement.values(owner=owner, begun_at=tx.now)).rowcount == 1


def ended(tx: Transaction, integration: str, trouble: str) -> None:
    """Record how a comparison went; "" for well."""
    values = {"trouble": trouble} if trouble else {"trouble": "", "succeeded_at": tx.now}
    tx.execute(reconciliation.update().where(reconciliation.c.integration == integration).values(**values))


def standings(tx: Transaction) -> list[Standing]:
    """Return how every comparison stands."""
    columns = (reconciliation.c.integration, reconciliation.c.succeeded_at, reconciliation.c.trouble)
    return [Standing(*row) for row in tx.execute(sa.select(*columns))]


def firing(tx: Transaction, integration: str) -> list[str]:
    """Return the fingerprints of the alerts that fire."""
    where = (alert.c.integration == integration) & alert.c.firing
    return list(tx.execute(sa.select(alert.c.fingerprint).where(where)).scalars())


def as_said(tx: Transaction, integration: str, fingerprints: Sequence[str]) -> list[AlertUpdate]:
    """Return what was last said of these alerts; the start is the latest one that still counts."""
    found: list[AlertUpdate] = []
    for names in chunks(fingerprints):
        where = (alert.c.integration == integration) & alert.c.fingerprint.in_(names)
        found += [_update(row) for row in tx.execute(sa.select(alert).where(where).order_by(alert.c.fingerprint))]
    return found


def _update(row: Any) -> AlertUpdate:
    starts = from_json(row.starts_ns, tuple[int, ...])
    return AlertUpdate(
        fingerprint=row.fingerprint,
        status=Status.FIRING if row.firing else Status.RESOLVED,
        labels=from_json(row.labels, dict[str, str]),
        annotations=from_json(row.annotations, dict[str, str]),
        starts_at_ns=starts[-1] if starts else None,
        ends_at_ns=None,
        generator_url=row.generator_url,
    )


def held_ends(tx: Transaction, limit: int) -> dict[str, list[str]]:
    """Return by integration the fingerprints of alerts whose held end is due."""
    where = alert.c.held_until.is_not(None) & (alert.c.held_until <= tx.now)
    found: dict[str, list[str]] = {}
    statement = sa.select(alert.c.integration, alert.c.fingerprint).where(where).order_by(alert.c.id).limit(limit)
    for integration, fingerprint in tx.execute(statement):
        found.setdefault(integration, []).append(fingerprint)
    return found
