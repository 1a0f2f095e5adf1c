"""An integration that leaves shadow mode: what fires on was paged on paper only, so its escalation begins again."""

from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.incidents import effects
from alert_webhook.incidents.incident import Incident, escalate_from_start
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE, Trigger, after
from alert_webhook.store import incidents, shadowed
from alert_webhook.store.database import Transaction

AT_ONCE = 200  # incidents in one transaction


def waits(tx: Transaction, config: Config) -> bool:
    """Return whether an open incident of a live integration was paged on paper only."""
    return bool(shadowed.paged_on_paper(tx, _live(config), 1))


def go_live(tx: Transaction, config: Config) -> int:
    """Begin the escalation of such incidents again; return how many there were.

    Those that somebody has, or that are suppressed, page once that is over, as ever.
    """
    known = incidents.lock(tx, shadowed.paged_on_paper(tx, _live(config), AT_ONCE))
    shadowed.forget_paper(tx, known)
    for incident in known.values():
        if incident.state in PAGEABLE:
            text = "no longer in shadow mode: nobody was paged until now, the escalation begins again at its first step"
            effects.taken(tx, begun_again(incident, tx.now), Event(incident.id, tx.now, Kind.RELEASED, text))
    return len(known)


def begun_again(incident: Incident, now: float) -> Incident:
    """Return an incident that nobody has with its first step due: it has fired for longer than that step waits."""
    state = after(incident.state, Trigger.HANDED_ON) or incident.state
    fresh = escalate_from_start(replace(incident, state=state, cycle=incident.cycle + 1), incident.policy, now)
    return fresh if fresh.due_at is None else replace(fresh, due_at=now)


def _live(config: Config) -> list[str]:
    return [name for name, integration in config.integrations.items() if integration.mode == "live"]
