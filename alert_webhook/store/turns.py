"""Statements about whose turn it is in a step that goes round."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import step_turn


def take(tx: Transaction, policy: str, step: int) -> int:
    """Take the next turn of a step (counted from 0) and return its number: 0, 1, 2 …, each once."""
    insert = (postgresql.insert if tx.postgresql else sqlite.insert)(step_turn)
    first = insert.values(policy=policy, step=step, taken=1)
    following = first.on_conflict_do_update(index_elements=["policy", "step"], set_={"taken": step_turn.c.taken + 1})
    return int(tx.execute(following.returning(step_turn.c.taken)).scalar_one()) - 1


def taken(tx: Transaction) -> dict[tuple[str, int], int]:
    """Return how many turns each step has had, by policy and step."""
    return {(row.policy, row.step): int(row.taken) for row in tx.execute(sa.select(step_turn))}
