"""The outbox: claims what is due, hands it to a channel outside any transaction, records how that went.

A process that dies between the call and the record leaves a lease behind; when it is over, the page is sent once more
and says that it may be a duplicate. A process that lives knows how its own calls ended: while the database is away, it
keeps that in mind, and claims none of them again.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Channel, Gate, Outcome, Permanent, Receipt, Unknown
from alert_webhook.delivery.claiming import claim
from alert_webhook.delivery.following import Ended, Refused, Rules, outcome_word, record
from alert_webhook.delivery.owed import Patience, Progress
from alert_webhook.delivery.recording import Recorder
from alert_webhook.delivery.round import Desk, GivenUp, Job, given_up, obsolete
from alert_webhook.delivery.sending_log import FailureLog, TakenLog, without_addresses
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.failpoints import AFTER_SEND, BEFORE_SEND
from alert_webhook.meters import Meters
from alert_webhook.parts import Parts
from alert_webhook.store import attempts, incidents, notifications
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

PROVIDER_BACKOFF = Backoff(first_s=5.0, factor=2.0, cap_s=300.0, jitter=0.5)
LOOK_AGAIN_S = 0.5  # a job that waited so long for its sender is looked at once more before the call
KEPT_LEASES = 4.0  # so long an outcome is kept in mind that cannot be written
SPARED_LEASES = 5.0  # so long at most a message is not claimed again by the process that sends it
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
        self._recorder = Recorder(self._write, under_way=lambda: self._delivering)
        self._under_way: dict[int, tuple[str, float]] = {}  # claimed here and not recorded: by which lease, until when
        self._ending = threading.Event()
        self._delivering = 0  # threads that are at it
        self._lock = threading.Lock()
        self._failures = FailureLog(parts.clock.monotonic)
        self._taken = TakenLog(parts.clock.monotonic)
        self._log = get_logger("heronwatch.webhook.outbox")

    def claim(self, limit: int) -> list[Job]:
        """Lease up to `limit` due messages, committed before this returns."""
        return self._parts.store.write(self.claiming(limit), "claim")

    def claiming(self, limit: int) -> Callable[[Transaction], list[Job]]:
        """Return the work of a transaction that leases up to `limit` due messages."""
        desk = Desk(
            config=self._parts.settings(),
            gate=self._gate,
            random=self._parts.random,
            public_url=self._parts.public_url,
            claimed_at=self._parts.clock.monotonic(),
            given_up=self._say_given_up,
        )
        return lambda tx: claim(tx, desk, limit, spared=self._spared())

    def say_left_out(self) -> None:
        """Log how many lines the log left out, where their minute is over."""
        self._failures.say_left_out()
        self._taken.say_left_out()

    def take(self, jobs: Sequence[Job]) -> None:
        """Learn that these jobs are about to be delivered by this process."""
        lease_s = float(self._parts.settings().delivery.lease)
        with self._lock:
            self._under_way |= {job.owed.id: (job.owner, job.claimed_at + SPARED_LEASES * lease_s) for job in jobs}

    def _spared(self) -> frozenset[int]:
        now = self._parts.clock.monotonic()
        with self._lock:
            return frozenset(id_ for id_, (_, until) in self._under_way.items() if now < until)

    def forget(self) -> None:
        """Keep nothing in mind any longer: the process ends, and what could not be recorded may repeat, marked."""
        self._ending.set()

    def deliver(self, job: Job) -> None:
        """Send one leased message and record the outcome; called from a sender's thread."""
        with self._lock:
            self._delivering += 1
        try:
            self._deliver(job)
        finally:
            with self._lock:
                self._delivering -= 1
                if self._under_way.get(job.owed.id, ("", 0.0))[0] == job.owner:
                    del self._under_way[job.owed.id]

    def _deliver(self, job: Job) -> None:
        if self._waited(job) and self._dropped(job):
            return
        self._parts.failpoint(BEFORE_SEND)
        started = self._parts.clock.monotonic()
        outcome = self._send(job)
        self._parts.failpoint(AFTER_SEND)
        self._meters.delivered(job.channel, outcome_word(outcome), self._parts.clock.monotonic() - started)
        if job.channel:
            since_s = self._parts.clock.monotonic() - job.claimed_at
            self._gate.tell(job.channel, outcome, job.message.sent_at + since_s)  # by the database's clock, as it asks
        if isinstance(outcome, Receipt) and not job.message.shadow:
            self._taken.taken(job.channel, job.message, told_besides=len(job.riders))
        self._record(job, outcome)

    def _waited(self, job: Job) -> bool:
        return self._parts.clock.monotonic() - job.claimed_at >= LOOK_AGAIN_S

    def _dropped(self, job: Job) -> bool:
        """Look once more, just before the call: while the job waited, the incident or its lease may have ended."""
        try:
            if self._parts.store.read(lambda tx: _stands(tx, job)):
                return False
            return self._parts.store.write(lambda tx: _drop(tx, job), "drop")
        except StoreUnavailableError:
            return False  # it was due when it was claimed; better a page too many than none

    def _send(self, job: Job) -> Outcome:
        channel = self._channels().get(job.channel)
        if channel is None:
            return Permanent(f"{job.owed.person} has no contact {job.owed.contact!r} any more")
        if job.hopeless and job.owed.attempts == 0:  # a later attempt may have been taken: the channel knows
            return given_up(job.hopeless)
        try:
            return channel.send(job.message)
        except Exception as error:  # noqa: BLE001  # outermost loop of a sender: one plug-in's bug stops no other
            self._log.exception("a channel raised", channel=job.channel)
            return Unknown(f"the channel failed: {type(error).__name__}")

    def _record(self, job: Job, outcome: Outcome) -> None:
        """Record the outcome; while the database is away, try for KEPT_LEASES leases."""
        config = self._parts.settings()
        give_up_at = job.claimed_at + KEPT_LEASES * config.delivery.lease
        address = job.message.recipient.address
        ended = Ended(
            owed=job.owed,
            outcome=outcome,
            owner=job.owner,
            channel=job.channel,
            address=address,
            riders=job.riders,
        )
        attempt = 0
        while True:
            attempt += 1
            try:
                self._recorder.record(ended)
            except StoreUnavailableError as error:
                if self._ending.is_set() or (attempt > 1 and self._parts.clock.monotonic() >= give_up_at):
                    self._log.error("an outcome is lost: the page may repeat", reason=str(error), id=job.owed.uid)
                    return
                self._pause(RECORD_BACKOFF.delay(attempt, 1.0))
            else:
                return

    def _write(self, ended: Sequence[Ended]) -> None:
        config = self._parts.settings()
        rules = Rules(people=config.persons(), patience=patience_of(config), random=self._parts.random)
        for each in self._parts.store.write(lambda tx: record(tx, ended, rules), "record"):
            if each.ended.owed.attempts == 0 or each.move.progress is Progress.FAILED:
                self._say_refused(each)

    def _say_refused(self, refused: Refused) -> None:
        """Warn of a page's first failure, and of its last."""
        ended, move, now = refused.ended, refused.move, refused.now
        over = move.progress is Progress.FAILED
        self._failures.warn(
            "a page was not accepted, and is given up" if over else "a page was not accepted",
            channel=ended.channel,
            contact=f"{ended.owed.person}/{ended.owed.contact}",
            incident=refused.code,
            outcome=outcome_word(ended.outcome),
            reason=without_addresses(move.why, (ended.address,)),
            next_try="none" if over else f"in {max(0.0, move.due_at - now):.0f} s",
        )

    def _say_given_up(self, given_up: GivenUp) -> None:
        """Warn of a page that was given up without another attempt."""
        self._failures.warn(
            "a page is given up",
            channel=given_up.channel,
            contact=f"{given_up.owed.person}/{given_up.owed.contact}",
            incident=given_up.code,
            outcome="given up",
            reason=given_up.why,
            next_try="none",
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


def _stands(tx: Transaction, job: Job) -> bool:
    return attempts.is_held(tx, (job.owed.id, job.owner)) and not _obsolete(tx, job)


def _drop(tx: Transaction, job: Job) -> bool:
    """Return whether the job is not to be sent: another has its lease, or nobody needs it, which is written down."""
    if not attempts.lock_held(tx, {(job.owed.id, job.owner)}):
        return True
    why = _obsolete(tx, job)
    if why:
        notifications.drop(tx, job.owed, Progress.CANCELLED, why)
    return bool(why)
