"""Statements about what could not be read: kept for whoever looks into it, and bounded."""

from collections.abc import Sequence

import sqlalchemy as sa

from alert_webhook.intake.update import Rejected
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import quarantine

MAX_ROWS = 1000  # with 4 KiB of text each: about 4 MiB
MAX_ROWS_AT_ONCE = 100


def add(tx: Transaction, integration: str, rejected: Sequence[Rejected]) -> None:
    """Keep the first of these, and forget the oldest beyond the bound."""
    if not rejected:
        return
    common = {"integration": integration, "received_at": tx.now}
    rows = [
        {**common, "reason": each.reason, "detail": each.detail[:500], "raw": each.raw}
        for each in rejected[:MAX_ROWS_AT_ONCE]
    ]
    tx.execute(quarantine.insert(), rows)
    newest = sa.select(quarantine.c.id).order_by(quarantine.c.id.desc()).offset(MAX_ROWS).limit(1).scalar_subquery()
    tx.execute(quarantine.delete().where(quarantine.c.id <= newest))


def count(tx: Transaction) -> int:
    """Return how many rejected alerts and bodies are kept."""
    return int(tx.execute(sa.select(sa.func.count()).select_from(quarantine)).scalar_one())
