"""Statements about steps of escalation that were carried out: many incidents at once, and only what a step changes."""

from collections.abc import Sequence

import sqlalchemy as sa

from alert_webhook.incidents.incident import Incident
from alert_webhook.store.database import Transaction
from alert_webhook.store.incidents import ESCALATE
from alert_webhook.store.schema import incident, timer
from alert_webhook.store.statements import insert_or_replace

CHANGED = ("state", "cycle", "repeats_left", "next_step", "updated_at")  # fields that `escalation.step` may change
_STEP = (
    incident.update()
    .where(incident.c.id == sa.bindparam("b_id"))
    .values({name: sa.bindparam(f"b_{name}") for name in CHANGED})
)


def save(tx: Transaction, changed: Sequence[Incident]) -> None:
    """Write what a step changed of incidents whose rows are locked, and when their next step is due."""
    if not changed:
        return
    tx.execute(_STEP, [_row(each) for each in changed])
    over = [each.id for each in changed if each.due_at is None]
    if over:
        tx.execute(timer.delete().where(timer.c.incident_id.in_(over), timer.c.kind == ESCALATE))
    due = [
        {"incident_id": each.id, "kind": ESCALATE, "due_at": each.due_at} for each in changed if each.due_at is not None
    ]
    if due:
        tx.execute(insert_or_replace(tx, timer, ("incident_id", "kind"), ("due_at",)), due)


def _row(changed: Incident) -> dict[str, object]:
    fields = {name: getattr(changed, name) for name in CHANGED if name != "state"}
    return {"b_id": changed.id, "b_state": changed.state.value, **{f"b_{name}": fields[name] for name in fields}}
