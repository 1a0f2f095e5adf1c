"""What is done about messages after they were sent; runs beside the engine, and replicas share the work.

Providers are asked about messages that nobody heard of, and messages that show an incident's state follow it.
"""

from alert_webhook.delivery.callback import LooksUp, Shows
from alert_webhook.delivery.channel import IncidentView, Message, Reason, Receipt, Recipient, Retry, Unknown
from alert_webhook.delivery.hearing import take_in
from alert_webhook.delivery.privacy import readable
from alert_webhook.delivery.templated import Templates
from alert_webhook.oncall.people import People
from alert_webhook.oncall.reading import UTC
from alert_webhook.parts import Parts
from alert_webhook.store import heard, incidents, tracked, views
from alert_webhook.store.database import Transaction
from alert_webhook.store.tracked import Tracked
from heronwatch.logs import get_logger

AT_ONCE = 20
POLL_S = 1.0  # how soon a change of an incident is seen
HOLD_S = 60.0  # nobody else takes what we took; longer than any channel's time-out
SHOW_AGAIN_S = 30.0
PRUNE_EVERY_S = 600.0


class Aftercare:
    """`turn` does what is due now."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._templates = Templates(parts)
        self._pruned_at = parts.clock.monotonic()
        self._log = get_logger("heronwatch.webhook.aftercare")

    def turn(self) -> int:
        """Do what is due; return how many messages it was about."""
        asked, shown = self._to_ask(), self._to_show()
        for message in asked:
            self._ask(message)
        for message, incident_id in shown:
            self._show(message, incident_id)
        self._prune()
        return len(asked) + len(shown)

    def repeat(self) -> float:
        """Do what is due; return how many seconds the next turn may wait."""
        return 0.0 if self.turn() else POLL_S

    def _to_ask(self) -> list[Tracked]:
        store = self._parts.store
        if not store.read(tracked.ask_is_due):
            return []
        return store.write(lambda tx: tracked.take_to_ask(tx, AT_ONCE, hold_s=HOLD_S), "ask")

    def _to_show(self) -> list[tuple[Tracked, int]]:
        store = self._parts.store
        if not store.read(tracked.show_is_due):
            return []
        return store.write(lambda tx: tracked.take_to_show(tx, AT_ONCE, hold_s=SHOW_AGAIN_S), "show")

    def _ask(self, message: Tracked) -> None:
        """Ask a provider about one message, and set when to ask again."""
        channel: object = self._parts.channels().get(message.channel)
        if not isinstance(channel, LooksUp):
            self._parts.store.write(lambda tx: tracked.ask_at(tx, message, None), "asked")  # no longer configured
            return
        found = channel.lookup(message.reference)
        if not isinstance(found, Retry):
            take_in(self._parts, message.channel, found)
        waits = isinstance(found, Retry) or found.waits
        self._parts.store.write(lambda tx: _ask_again(tx, message, channel, waits=waits), "asked")

    def _show(self, message: Tracked, incident_id: int) -> None:
        """Change one message to what its incident is now."""
        channel: object = self._parts.channels().get(message.channel)
        config = self._parts.settings()
        people, block = config.persons(), config.channels.get(message.channel)
        told = self._parts.store.read(lambda tx: _message(tx, message, incident_id, people))
        if told is None or not isinstance(channel, Shows):
            return
        words = self._templates.worded(message.channel, readable(told, block))
        outcome = channel.show(words, message.reference)
        if isinstance(outcome, Retry | Unknown):
            return  # HOLD_S later again
        if not isinstance(outcome, Receipt):
            self._log.warning("a message cannot be changed", channel=message.channel, reason=outcome.reason)
        self._parts.store.write(lambda tx: tracked.shows(tx, message, told.incident.state), "shown")

    def _prune(self) -> None:
        """Forget answers of people that are older than incidents are kept."""
        now = self._parts.clock.monotonic()
        if now - self._pruned_at >= PRUNE_EVERY_S:
            self._pruned_at = now
            retention_s = float(self._parts.settings().retention)
            self._parts.store.write(lambda tx: heard.prune(tx, tx.now - retention_s), "prune")


def _ask_again(tx: Transaction, message: Tracked, channel: LooksUp, *, waits: bool) -> None:
    over = tx.now - message.taken_at >= channel.asked_for_s
    again = tx.now + channel.polling.delay(message.asked + 2, 1.0)
    tracked.ask_at(tx, message, again if waits and not over else None)


def _message(tx: Transaction, message: Tracked, incident_id: int, people: People) -> Message | None:
    """Return what a message would say now, without its ack link: only its hash is known."""
    told, incident = tracked.notification_of(tx, message.uid), incidents.get(tx, incident_id)
    if told is None or incident is None:
        return None
    person = people.get(told.person)
    view: IncidentView = views.incident_view(tx, incident)
    return Message(
        id=message.uid,
        incident=view,
        recipient=Recipient(
            person=told.person,
            name=person.name if person else told.person,
            contact=told.contact,
            channel=message.channel,
            address=message.address,
            time_zone=person.time_zone if person else UTC,
        ),
        reason=Reason(told.reason),
        step=told.step,
        attempt=1,
        sent_at=message.taken_at,
    )
