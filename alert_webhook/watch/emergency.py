"""The page about ourselves that needs no database: while the engine does not work, nothing that is due goes out.

Everything else this package says becomes an incident, and so needs the database. This is kept in memory and handed to
the channels directly; each process with an engine says it for itself.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter

from alert_webhook.delivery.channel import AlertView, IncidentView, Message, Reason, Receipt, Recipient, Unknown
from alert_webhook.delivery.following import outcome_word
from alert_webhook.oncall.people import Contact, Person
from alert_webhook.parts import Parts
from alert_webhook.watch.trouble import OWN
from heronwatch.logs import get_logger

LOOK_EVERY_S = 10.0
AFTER_S = 60.0  # as long as a timer may be late
AGAIN_S = 900.0  # once in 15 minutes
CODE = "SELF"
NAME = "WebhookNotWorking"
SAYS = {
    "summary": "Heronwatch cannot send pages: its database is away, full or read-only, or its engine fails",
    "description": "What is due goes out when it works again. The webhook's log says why. This page is not escalated.",
}


def is_due(*, since: float, told_at: float | None, now: float) -> bool:
    """Say whether a trouble that began at `since` is to be told (again) at `now`; monotonic seconds."""
    if told_at is None:
        return now - since >= AFTER_S
    return now - told_at >= AGAIN_S


class Emergency:
    """Tells the people under `health.emergency` that the engine does not work, and once that it works again."""

    def __init__(self, parts: Parts, trouble: Callable[[], str], registry: CollectorRegistry) -> None:
        self._parts = parts
        self._trouble = trouble
        self._since: float | None = None  # monotonic
        self._began_at = 0.0  # Unix seconds
        self._told_at: float | None = None  # monotonic
        self._told = 0  # how often, of this trouble
        self._log = get_logger("heronwatch.webhook.watch")
        self._sent = Counter(
            "heronwatch_webhook_emergency_pages_total",
            "Messages about a webhook whose engine does not work, by how they ended.",
            ("outcome",),
            registry=registry,
        )

    def turn(self) -> None:
        """Look once, and say what is due."""
        now = self._parts.clock.monotonic()
        if not self._trouble():
            self._over()
            return
        if self._since is None:
            self._since, self._began_at = now, self._parts.clock.now()
        if is_due(since=self._since, told_at=self._told_at, now=now):
            self._told_at, self._told = now, self._told + 1
            self._tell(Reason.PAGE)

    def _over(self) -> None:
        if self._told:
            self._tell(Reason.RESOLVED)
        self._since, self._told_at, self._told = None, None, 0

    def _tell(self, reason: Reason) -> None:
        settings = self._parts.settings()
        people = settings.persons()
        for key in settings.health.emergency:
            if person := people.get(key):
                self._reach(person, reason)

    def _reach(self, person: Person, reason: Reason) -> None:
        """Try the person's contacts in their order until a provider takes it, or may have."""
        for contact in person.contacts:
            channel = self._parts.channels().get(contact.channel)
            if channel is None:
                continue
            outcome = channel.send(self._message(person, contact, reason))
            self._sent.labels(outcome_word(outcome)).inc()
            if isinstance(outcome, (Receipt, Unknown)):
                return
            self._log.warning("an emergency page was not taken", person=person.key, channel=contact.channel)
        self._log.error("nobody could be told that the webhook does not work", person=person.key)

    def _message(self, person: Person, contact: Contact, reason: Reason) -> Message:
        now = self._parts.clock.now()
        return Message(
            id=f"{OWN}-emergency-{int(self._began_at)}-{self._told}-{reason.value}",
            incident=_incident(self._began_at, now, over=reason is Reason.RESOLVED),
            recipient=Recipient(
                person=person.key,
                name=person.name,
                contact=contact.name,
                channel=contact.channel,
                address=contact.address,
                time_zone=person.time_zone,
            ),
            reason=reason,
            step=0 if reason is Reason.RESOLVED else 1,
            attempt=1,
            sent_at=now,
        )


def _incident(began_at: float, now: float, *, over: bool) -> IncidentView:
    labels, ended_at = {"alertname": NAME, "severity": "critical"}, now if over else None
    alert = AlertView(
        name=NAME, labels=labels, annotations=SAYS, generator_url="", started_at=began_at, ended_at=ended_at
    )
    return IncidentView(
        id=0,
        code=CODE,
        state="resolved" if over else "new",
        severity="critical",
        title=SAYS["summary"],
        labels=labels,
        integration=OWN,
        source_url="",
        started_at=began_at,
        updated_at=now,
        alerts=(alert,),
        firing=0 if over else 1,
        total=1,
        resolved_at=ended_at,
    )
