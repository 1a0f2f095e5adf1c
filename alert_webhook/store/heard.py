"""Statements about answers of people by way of a provider: each counts once, and wrong ones are counted."""

import sqlalchemy as sa
from msgspec import Struct

from alert_webhook.delivery.callback import Result
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema_channels import heard_event
from alert_webhook.store.statements import from_json, insert_or_keep, json_text

PIECE = 500  # rows that one `prune` takes


class Recent(Struct, frozen=True):
    """How many answers one address sent lately."""

    all: int
    wrong: int


def result_of(tx: Transaction, channel: str, event: str) -> Result | None:
    """Return what became of an answer that was heard before, None for a new one."""
    where = (heard_event.c.channel == channel) & (heard_event.c.event == event)
    text = tx.execute(sa.select(heard_event.c.result).where(where)).scalar_one_or_none()
    return None if text is None else from_json(text, Result)


def remember(tx: Transaction, channel: str, event: str, *, sender: str, wrong: bool, result: Result) -> None:
    """Remember what became of an answer; where two requests carried it at once, the first one counts."""
    values = {"channel": channel, "event": event, "sender": sender, "at": tx.now, "wrong": wrong}
    tx.execute(insert_or_keep(tx, heard_event).values(**values, result=json_text(result)))


def recent(tx: Transaction, channel: str, sender: str, since: float) -> Recent:
    """Return how many answers came from an address since a time."""
    wrong = sa.func.sum(sa.case((heard_event.c.wrong, 1), else_=0))
    where = (heard_event.c.channel == channel) & (heard_event.c.sender == sender) & (heard_event.c.at > since)
    everything, bad = tx.execute(sa.select(sa.func.count(), wrong).where(where)).one()
    return Recent(int(everything), int(bad or 0))


def prune(tx: Transaction, before: float) -> int:
    """Forget answers that came before a time; return how many."""
    old = sa.select(heard_event.c.id).where(heard_event.c.at < before).limit(PIECE)
    return int(tx.execute(heard_event.delete().where(heard_event.c.id.in_(old))).rowcount)
