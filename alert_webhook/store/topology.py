"""Statements about links of the network: who hangs from whom, as the topology's metric said last."""

from collections.abc import Iterable

import sqlalchemy as sa

from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_incidents import topology_link
from alert_webhook.store.statements import insert_or_replace


def saw(tx: Transaction, links: Iterable[tuple[str, str]]) -> None:
    """Note that these links (child, parent) are there now."""
    rows = [{"child": child, "parent": parent, "seen_at": tx.now} for child, parent in sorted(set(links))]
    if rows:
        tx.execute(insert_or_replace(tx, topology_link, ("child", "parent"), ("seen_at",)), rows)


def parents(tx: Transaction, since: float) -> dict[str, list[str]]:
    """Return the parents of every device by links that were there at `since` or later."""
    found: dict[str, list[str]] = {}
    statement = sa.select(topology_link.c.child, topology_link.c.parent).where(topology_link.c.seen_at >= since)
    for child, parent in tx.execute(statement.order_by(topology_link.c.child, topology_link.c.parent)):
        found.setdefault(child, []).append(parent)
    return found


def forget(tx: Transaction, before: float) -> int:
    """Delete links that were last there before this time; return how many."""
    return int(tx.execute(topology_link.delete().where(topology_link.c.seen_at < before)).rowcount)
