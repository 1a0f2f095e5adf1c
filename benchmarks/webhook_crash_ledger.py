"""What the crash benchmark holds the webhook to: what was answered, what is stored, what was sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.owed import Progress
from alert_webhook.store.schema import alert, delivery, notification, timer

WAITING = (Progress.PENDING.value, Progress.SENDING.value)


class Notice(Struct, frozen=True):
    """One message as the database has it: how it ended, how often it was tried, and how often nobody knows how.

    `told_in` is the message that told of it in a bundle, "" where it went out by itself.
    """

    uid: str
    state: str
    attempts: int
    lost: int
    told_in: str = ""


class Verdict(Struct, frozen=True):
    """What is wrong, in words, and the counts: messages due (not those told of in another's), messages sent."""

    lost: tuple[str, ...]
    unexplained: tuple[str, ...]
    due: int
    sent: int


def verdict(
    answered: set[str], stored: set[str], notices: Sequence[Notice], sent: Sequence[Mapping[str, Any]]
) -> Verdict:
    """Compare what was promised with what is there.

    Lost: an alert that was answered 2xx and is missing, or a message that is due and never reached the provider,
    neither by itself nor in a bundle.
    Unexplained: a message that nobody owed; one that does not say that it may be a repeat; and more repeats of one
    message than attempts whose end nobody wrote down.
    """
    known = {each.uid: each for each in notices}
    times = Counter(str(page["id"]) for page in sent)
    due = [each for each in notices if each.state != Progress.CANCELLED.value or times[each.uid]]
    lost = [f"alert {name}" for name in sorted(answered - stored)]
    lost += [f"message {each.uid} ({each.state})" for each in due if not times[each.uid] and not times[each.told_in]]
    strange = [f"message {uid} is owed to nobody" for uid in times if uid not in known]
    strange += [
        f"message {uid} came {times[uid]} times, {known[uid].lost} attempt(s) were lost"
        for uid in times
        if uid in known and times[uid] - 1 > known[uid].lost
    ]
    seen: set[str] = set()
    for page in sent:
        if page["id"] in seen and not page["possible_duplicate"]:
            strange.append(f"a repeat of {page['id']} does not say so")
        seen.add(page["id"])
    alone = [each for each in due if not each.told_in]
    return Verdict(tuple(lost), tuple(strange), len(alone), len(sent))


def stored_alerts(engine: sa.Engine) -> set[str]:
    """Return the names of all alerts in the database."""
    with engine.connect() as connection:
        return set(connection.execute(sa.select(alert.c.name)).scalars())


def both(one: Verdict, other: Verdict) -> Verdict:
    """Return the verdict over two providers."""
    return Verdict(
        (*one.lost, *other.lost), (*one.unexplained, *other.unexplained), one.due + other.due, one.sent + other.sent
    )


class Attempt(Struct, frozen=True):
    """One attempt as the database has it: its message, the provider's reference, how it ended ("": nobody knows)."""

    uid: str
    reference: str
    outcome: str


def pushed(attempts: Sequence[Attempt], receipts: Sequence[str]) -> Verdict:
    """Compare what a provider that gives receipts took with what is known of it.

    Lost: a message that was taken as the database says, and the provider knows nothing of it. Unexplained: receipts
    that the database does not know, beyond the attempts whose end nobody wrote down.
    """
    known = {each.reference for each in attempts if each.reference}
    lost = [f"message {each.uid}" for each in attempts if each.reference and each.reference not in receipts]
    unknown = [receipt for receipt in receipts if receipt not in known]
    open_ends = sum(each.outcome in {"", "unknown"} for each in attempts)
    strange = [f"receipt {receipt} belongs to nothing" for receipt in unknown[open_ends:]]
    return Verdict(tuple(lost), tuple(strange), len(known), len(receipts))


def references(engine: sa.Engine, contact: str) -> list[Attempt]:
    """Return all attempts at messages to contacts of this name."""
    statement = (
        sa.select(notification.c.uid, delivery.c.reference, delivery.c.outcome)
        .join(delivery, delivery.c.notification_id == notification.c.id)
        .where(notification.c.contact == contact)
    )
    with engine.connect() as connection:
        return [Attempt(*row) for row in connection.execute(statement)]


def notices(engine: sa.Engine, *, contact: str) -> list[Notice]:
    """Return all messages in the database to contacts of this name."""
    unknown = sa.case((delivery.c.outcome.in_(("", "unknown")), 1), else_=0)
    counted = sa.func.coalesce(sa.func.sum(unknown), 0)
    lead = notification.alias("lead")
    told_in = sa.func.coalesce(lead.c.uid, "")
    columns = (notification.c.uid, notification.c.state, notification.c.attempts)
    attempted = notification.outerjoin(delivery, delivery.c.notification_id == notification.c.id)
    statement = (
        sa.select(*columns, counted, told_in)
        .select_from(attempted.outerjoin(lead, lead.c.id == notification.c.told_in))
        .where(notification.c.contact == contact)
        .group_by(*columns, lead.c.uid)
    )
    with engine.connect() as connection:
        return [Notice(*row[:3], int(row[3]), row[4]) for row in connection.execute(statement)]


def at_rest(engine: sa.Engine, now: float) -> bool:
    """Return whether nothing is left to be sent, and nothing is due to be escalated at `now`.

    One statement, because a timer becomes a message between two: neither would see it.
    """
    waiting = sa.select(sa.func.count()).select_from(notification).where(notification.c.state.in_(WAITING))
    timers = sa.select(sa.func.count()).select_from(timer).where(timer.c.due_at <= now)
    with engine.connect() as connection:
        left = connection.execute(sa.select(waiting.scalar_subquery() + timers.scalar_subquery()))
        return int(left.scalar_one()) == 0
