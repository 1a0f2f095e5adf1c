"""Forgetting what is old, a bounded piece at a time."""

import sqlalchemy as sa

from alert_webhook.incidents.transitions import OPEN
from alert_webhook.store import api_keys, audit, calendar_links, changes, digests, maintenance, overrides, topology
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import ack_link, alert, alert_group, episode, incident

PIECE = 500  # rows of one kind in one transaction: some milliseconds


def prune(tx: Transaction, before: float) -> int:
    """Delete incidents that ended, alerts that were last seen, and records of access from before this time.

    Return how many rows went; there may be more.
    """
    over = incident.c.state.not_in([state.value for state in OPEN])
    ids = list(tx.execute(sa.select(incident.c.id).where(over, incident.c.updated_at < before).limit(PIECE)).scalars())
    gone = len(ids)
    audit.forget(tx, ids)
    if ids:
        theirs = sa.select(episode.c.alert_id).where(episode.c.incident_id.in_(ids))
        still = alert.c.id.in_(theirs) & alert.c.incident_id.in_(ids)
        tx.execute(alert.update().where(still).values(incident_id=None))
        tx.execute(episode.delete().where(episode.c.incident_id.in_(ids)))
        tx.execute(alert_group.delete().where(alert_group.c.incident_id.in_(ids)))
        tx.execute(incident.delete().where(incident.c.id.in_(ids)))
    gone += _forget_alerts(tx, before)
    gone += tx.execute(ack_link.delete().where(ack_link.c.expires_at < before)).rowcount
    for forget in (overrides.prune, audit.trim, digests.prune, maintenance.prune, topology.forget):
        gone += forget(tx, before)
    for forget_piece in (api_keys.prune, changes.prune):
        gone += forget_piece(tx, before, PIECE)
    return gone + calendar_links.prune(tx)


def _forget_alerts(tx: Transaction, before: float) -> int:
    """Delete alerts that do not fire, with their episodes; only those first seen before this time are looked at."""
    later = sa.select(alert.c.id).where(alert.c.first_seen_at >= before).order_by(alert.c.id).limit(1)
    first_later = tx.execute(later).scalar_one_or_none()
    quiet = sa.select(alert.c.id).where(~alert.c.firing, alert.c.last_seen_at < before)
    if first_later is not None:
        quiet = quiet.where(alert.c.id < first_later)  # ids follow the order in which alerts were first seen
    ids = list(tx.execute(quiet.limit(PIECE)).scalars())
    if not ids:
        return 0
    forgotten = alert.c.id.in_(ids) & ~alert.c.firing & (alert.c.last_seen_at < before)  # it may have come meanwhile
    gone = list(tx.execute(alert.delete().where(forgotten).returning(alert.c.id)).scalars())
    tx.execute(episode.delete().where(episode.c.alert_id.in_(gone)))
    return len(gone)
