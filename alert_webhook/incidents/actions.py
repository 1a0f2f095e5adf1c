"""What a person does to an incident."""

from enum import StrEnum

from msgspec import Struct

from alert_webhook.delivery.channel import IncidentView
from alert_webhook.incidents import effects
from alert_webhook.incidents.incident import acknowledge as acknowledged
from alert_webhook.incidents.transitions import State
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction


class Answer(StrEnum):
    """How an acknowledgement went."""

    TAKEN = "taken"  # it is theirs now
    ALREADY = "already"  # somebody has it: see `acked_by`
    OVER = "over"  # the incident has ended
    UNKNOWN = "unknown"  # there is no such incident


class Acknowledged(Struct, frozen=True):
    """The answer, and the incident as it is now (None if there is none)."""

    answer: Answer
    incident: IncidentView | None


def acknowledge(parts: Parts, incident_id: int, *, who: str, via: str) -> Acknowledged:
    """Take an incident: escalation stops, pages that wait are cancelled. Asked twice, the second changes nothing.

    `who` is a person's or user's name; `via` says how ("link to ana/phone", "web page"). StoreUnavailableError when the
    database cannot take it now.
    """
    return parts.store.write(lambda tx: _acknowledge(tx, incident_id, who, via), "acknowledge")


def _acknowledge(tx: Transaction, incident_id: int, who: str, via: str) -> Acknowledged:
    incident = incidents.lock(tx, [incident_id]).get(incident_id)
    if incident is None:
        return Acknowledged(Answer.UNKNOWN, None)
    changed = acknowledged(incident, who, tx.now)
    if changed is None:
        return Acknowledged(Answer.OVER, views.incident_view(tx, incident))
    if incident.state is State.ACKNOWLEDGED:
        return Acknowledged(Answer.ALREADY, views.incident_view(tx, incident))
    effects.taken(tx, changed, who, via)
    return Acknowledged(Answer.TAKEN, views.incident_view(tx, changed))
