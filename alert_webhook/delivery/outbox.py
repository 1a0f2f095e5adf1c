"""The outbox: claims what is due, hands it to a channel outside any transaction, records how that went.

A process that dies between the call and the record leaves a lease behind; when it is over, the page is sent once more
and says that it may be a duplicate.
"""

from collections.abc import Callable, Mapping

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Channel, Gate, Outcome, Permanent, Unknown
from alert_webhook.delivery.claiming import Desk, Job, claim, obsolete
from alert_webhook.delivery.following import outcome_word, record
from alert_webhook.delivery.owed import Patience, Progress
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.failpoints import AFTER_SEND, BEFORE_SEND
from alert_webhook.meters import Meters
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, notifications
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

PROVIDER_BACKOFF = Backoff(first_s=5.0, factor=2.0, cap_s=300.0, jitter=0.5)
RECORD_BACKOFF = Backoff(first_s=0.2, factor=2.0, cap_s=5.0, jitter=0.5)


class Outbox:
    """Sends what is owed. `channels` returns those in force by their key in the configuration; `pause` sleeps."""

    def __init__(
        self,
        parts: Parts,
        channels: Callable[[], Mapping[str, Channel]],
        *,
        gate: Gate,
        meters: Meters,
        pause: Callable[[float], None],
    ) -> None:
        self._parts = parts
        self._channels = channels
        self._gate = gate
        self._meters = meters
        self._pause = pause
        self._log = get_logger("heronwatch.webhook.outbox")

    def claim(self, limit: int) -> list[Job]:
        """Lease up to `limit` due messages, committed before this returns."""
        desk = Desk(self._parts.settings(), self._gate, self._parts.random, self._parts.public_url)
        return self._parts.store.write(lambda tx: claim(tx, desk, limit), "claim")

    def deliver(self, job: Job) -> None:
        """Send one leased message and record the outcome; called from a sender's thread."""
        if self._dropped(job):
            return
        self._parts.failpoint(BEFORE_SEND)
        started = self._parts.clock.monotonic()
        outcome = self._send(job)
        self._parts.failpoint(AFTER_SEND)
        self._meters.delivered(job.channel, outcome_word(outcome), self._parts.clock.monotonic() - started)
        if job.channel:
            self._gate.tell(job.channel, outcome, self._parts.clock.now())
        self._record(job, outcome)
        self._parts.wake()

    def _dropped(self, job: Job) -> bool:
        """Look once more, just before the call: the incident may be over while the job waited for a sender."""
        try:
            if not self._parts.store.read(lambda tx: _obsolete(tx, job)):
                return False
            return self._parts.store.write(lambda tx: _drop(tx, job), "drop")
        except StoreUnavailableError:
            return False  # it was due when it was claimed; better a page too many than none

    def _send(self, job: Job) -> Outcome:
        channel = self._channels().get(job.channel)
        if channel is None:
            return Permanent(f"{job.owed.person} has no contact {job.owed.contact!r} any more")
        try:
            return channel.send(job.message)
        except Exception as error:  # noqa: BLE001  # outermost loop of a sender: one plug-in's bug stops no other
            self._log.exception("a channel raised", channel=job.channel)
            return Unknown(f"the channel failed: {type(error).__name__}")

    def _record(self, job: Job, outcome: Outcome) -> None:
        """Record the outcome; while the database is away, try until the lease is nearly over."""
        config = self._parts.settings()
        give_up_at = self._parts.clock.monotonic() + config.delivery.lease / 2
        attempt = 0
        while True:
            attempt += 1
            try:
                self._parts.store.write(lambda tx: self._record_in(tx, job, outcome), "record")
            except StoreUnavailableError as error:
                if self._parts.clock.monotonic() >= give_up_at:
                    self._log.error("an outcome is lost: the page may repeat", reason=str(error), id=job.owed.uid)
                    return
                self._pause(RECORD_BACKOFF.delay(attempt, 1.0))
            else:
                return

    def _record_in(self, tx: Transaction, job: Job, outcome: Outcome) -> None:
        config = self._parts.settings()
        record(
            tx,
            job.owed,
            outcome,
            owner=job.owner,
            people=config.persons(),
            patience=patience_of(config),
            random=self._parts.random,
        )


def patience_of(config: Config) -> Patience:
    """Return how long messages are tried."""
    return Patience(
        backoff=PROVIDER_BACKOFF,
        give_up_after_s=float(config.delivery.give_up_after),
        fallback_after_s=float(config.delivery.fallback_after),
    )


def _obsolete(tx: Transaction, job: Job) -> str:
    return obsolete(job.owed, incidents.get(tx, job.owed.incident_id))


def _drop(tx: Transaction, job: Job) -> bool:
    why = _obsolete(tx, job)
    if why and notifications.holds(tx, job.owed.id, job.owner):
        notifications.drop(tx, job.owed, Progress.CANCELLED, why)
    return bool(why)
