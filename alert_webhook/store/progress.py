"""How far the pages of one incident are: for whoever asked for a test page."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.owed import Progress
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import PAGES
from alert_webhook.store.schema import alert_group, incident, notification


class PageProgress(Struct, frozen=True):
    """Pages of an incident: how many there are, were tried at least once, were taken by a provider, may still be."""

    owed: int
    tried: int
    sent: int
    open: int

    @property
    def settled(self) -> bool:
        """Whether every page has ended one way or another."""
        return self.owed > 0 and self.open == 0


def of_pages(tx: Transaction, incident_id: int) -> PageProgress:
    """Return how far the pages of an incident are."""
    statement = sa.select(notification.c.state, notification.c.attempts).where(
        notification.c.incident_id == incident_id, notification.c.reason.in_(PAGES)
    )
    rows = list(tx.execute(statement))
    waiting = {Progress.PENDING.value, Progress.SENDING.value}
    return PageProgress(
        owed=len(rows),
        tried=sum(attempts > 0 for _state, attempts in rows),
        sent=sum(state == Progress.SENT.value for state, _attempts in rows),
        open=sum(state in waiting for state, _attempts in rows),
    )


def code_of_group(tx: Transaction, integration: str, group: str) -> str:
    """Return the code of a group's latest incident, "" without one."""
    statement = (
        sa.select(incident.c.code)
        .join(alert_group, alert_group.c.incident_id == incident.c.id)
        .where(alert_group.c.integration == integration, alert_group.c.name == group)
    )
    return str(tx.execute(statement).scalar_one_or_none() or "")
