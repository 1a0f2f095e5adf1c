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
        tx.execute(episode.delete().where(episode.c.incident_id.in_(ids)))
        tx.execute(alert.update().where(alert.c.incident_id.in_(ids)).values(incident_id=None))
        tx.execute(alert_group.delete().where(alert_group.c.incident_id.in_(ids)))
        tx.execute(incident.delete().where(incident.c.id.in_(ids)))
    quiet = sa.select(alert.c.id).where(~alert.c.firing, alert.c.last_seen_at < before).limit(PIECE)
    gone += tx.execute(alert.delete().where(alert.c.id.in_(quiet))).rowcount
    gone += tx.execute(ack_link.delete().where(ack_link.c.expires_at < before)).rowcount
    for forget in (overrides.prune, audit.trim, digests.prune, maintenance.prune, topology.forget):
        gone += forget(tx, before)
    for forget_piece in (api_keys.prune, changes.prune):
        gone += forget_piece(tx, before, PIECE)
    return gone + calendar_links.prune(tx)
