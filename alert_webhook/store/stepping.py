"""Statements about steps of escalation that were carried out: many incidents at once, and only what a step changes."""

from collections.abc import Sequence

from msgspec import Struct

from alert_webhook.incidents.incident import Incident
from alert_webhook.store import bulk
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import ESCALATE, DueTimer, set_timers
from alert_webhook.store.schema import incident, timer


class _Stepped(Struct):
    """What `escalation.step` may change of an incident."""

    id: int
    state: str
    cycle: int
    repeats_left: int
    next_step: int
    updated_at: float


def save(tx: Transaction, changed: Sequence[Incident]) -> None:
    """Write what a step changed of incidents whose rows are locked, and when their next step is due."""
    bulk.update_few(tx, incident, [_stepped(each) for each in changed], key=("id",))
    over = [each.id for each in changed if each.due_at is None]
    if over:
        tx.execute(timer.delete().where(timer.c.incident_id.in_(over), timer.c.kind == ESCALATE))
    set_timers(tx, [DueTimer(each.id, ESCALATE, each.due_at) for each in changed if each.due_at is not None])


def _stepped(changed: Incident) -> _Stepped:
    return _Stepped(
        changed.id,
        changed.state.value,
        changed.cycle,
        changed.repeats_left,
        changed.next_step,
        changed.updated_at,
    )
