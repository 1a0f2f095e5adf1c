"""How fast people answer and providers deliver: the figures of the last days, each statement bounded by an index."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.incidents.transitions import PAGEABLE
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.store.database import Transaction
from alert_webhook.store.notifications import PAGES
from alert_webhook.store.schema import delivery, incident, notification

DAYS_S = 7 * 86_400.0
HOUR_S = 3600.0
NEWEST = 2000  # attempts that are looked at: a bound, not a sample of interest
ACCEPTED = "accepted"


class Mean(Struct, frozen=True):
    """The mean of some durations, and of how many."""

    seconds: float
    count: int


class AnswerTimes(Struct, frozen=True):
    """By severity: incidents that wait, how long answers and ends took. By channel: how long pages took."""

    unanswered: dict[str, int]
    to_ack: dict[str, Mean]
    to_resolve: dict[str, Mean]
    pages: dict[str, tuple[float, ...]]  # seconds from being owed to being taken, ascending


def answer_times(tx: Transaction) -> AnswerTimes:
    """Return the figures as they are now: of incidents that began within 7 days, of pages within an hour."""
    return AnswerTimes(
        unanswered=_unanswered(tx),
        to_ack=_means(tx, incident.c.acked_at),
        to_resolve=_means(tx, incident.c.resolved_at),
        pages=_pages(tx),
    )


def _unanswered(tx: Transaction) -> dict[str, int]:
    waiting = incident.c.state.in_(sorted(state.value for state in PAGEABLE))
    statement = (
        sa.select(incident.c.severity, sa.func.count())
        .where(waiting, incident.c.urgency == Urgency.PAGE.value)
        .group_by(incident.c.severity)
    )
    return {severity: int(count) for severity, count in tx.execute(statement)}


def _means(tx: Transaction, moment: "sa.Column[float]") -> dict[str, Mean]:
    statement = (
        sa.select(incident.c.severity, sa.func.avg(moment - incident.c.started_at), sa.func.count())
        .where(incident.c.started_at > tx.now - DAYS_S, moment.is_not(None), incident.c.urgency == Urgency.PAGE.value)
        .group_by(incident.c.severity)
    )
    return {severity: Mean(max(0.0, float(mean)), int(count)) for severity, mean, count in tx.execute(statement)}


def _pages(tx: Transaction) -> dict[str, tuple[float, ...]]:
    newest = sa.select(sa.func.max(delivery.c.id) - NEWEST).scalar_subquery()
    statement = (
        sa.select(delivery.c.channel, delivery.c.ended_at - notification.c.created_at)
        .join(notification, notification.c.id == delivery.c.notification_id)
        .where(delivery.c.id > newest, delivery.c.ended_at > tx.now - HOUR_S, delivery.c.outcome == ACCEPTED)
        .where(notification.c.reason.in_(PAGES))
    )
    found: dict[str, list[float]] = {}
    for channel, seconds in tx.execute(statement):
        found.setdefault(channel, []).append(max(0.0, float(seconds)))
    return {channel: tuple(sorted(seconds)) for channel, seconds in found.items()}
