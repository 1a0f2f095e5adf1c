"""Writing down our own troubles: one that begins becomes an incident, one that is over ends it."""

from collections.abc import Callable

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Reason
from alert_webhook.escalation.policy import Policy
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.ingest import ingest
from alert_webhook.intake.fingerprint import fingerprint
from alert_webhook.oncall.people import reached_by
from alert_webhook.store import notifications, watching
from alert_webhook.store.database import Transaction
from alert_webhook.watch.handover import Handover
from alert_webhook.watch.trouble import OWN, Name, Trouble, delivery, label_set, rules

Random = Callable[[int], bytes]
NOBODY = Policy("none", (), 0, 0.0)


def begins(tx: Transaction, config: Config, trouble: Trouble, policy: Policy, random: Random) -> None:
    """Page about a trouble; one that is known already stays as it is."""
    worst = next(iter(config.severities))
    told = rules(worst, policy, pages=True, tell_resolved=config.delivery.resolved)
    ingest(tx, delivery(trouble, worst, firing=True, now=tx.now), told, random)


def ends(tx: Transaction, config: Config, trouble: Trouble, random: Random) -> None:
    """End a trouble's incident; whoever was paged is told."""
    worst = next(iter(config.severities))
    told = rules(worst, NOBODY, pages=True, tell_resolved=config.delivery.resolved)
    ingest(tx, delivery(trouble, worst, firing=False, now=tx.now), told, random)


def hand_over(tx: Transaction, config: Config, change: Handover, random: Random) -> None:
    """Tell both people, each at their first contact: an incident that is over as soon as it is written down."""
    worst = next(iter(config.severities))
    labels = {"schedule": change.schedule, "before": change.before, "after": change.after}
    notice = Trouble(Name.HANDOVER, labels, change.text)
    recorded = rules(worst, NOBODY, pages=False, tell_resolved=False)
    ingest(tx, delivery(notice, worst, firing=True, now=tx.now), recorded, random)
    incident_id = watching.incident_of(tx, OWN, fingerprint(label_set(notice, worst)))
    ingest(tx, delivery(notice, worst, firing=False, now=tx.now), recorded, random)
    if incident_id is None:
        return
    people = config.persons()
    reached = [reach for person in change.told for reach in reached_by(people, person, now=tx.now)[:1]]
    places = [(1, 0, each.person, each.contact, new_uid(random)) for each in reached]
    rank = len(config.severities)  # after every page
    notifications.add(tx, notifications.rows_for(incident_id, rank, Reason.HANDOVER, places))
