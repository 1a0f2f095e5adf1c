"""The engine: one thread that does what is due and hands messages to senders, until it is told to stop."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial

from alert_webhook.delivery.claiming import Job
from alert_webhook.delivery.outbox import Outbox
from alert_webhook.errors import SchemaTooNewError, StoreUnavailableError
from alert_webhook.escalation.due import AT_ONCE, escalate
from alert_webhook.failpoints import BEFORE_SUBMIT, TURN_BEGAN, TURN_ENDED
from alert_webhook.incidents.upkeep import Upkeep
from alert_webhook.meters import Meters
from alert_webhook.oncall.calendars import Calendars
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, notifications
from alert_webhook.store.database import Transaction
from alert_webhook.store.migrating import revision
from alert_webhook.store.retention import prune
from heronwatch.logs import get_logger

POLL_S = 1.0  # another replica may have committed what nobody told us of
SPIN_S = 0.02  # what is due may be in another replica's hands
PRUNE_EVERY_S = 600.0
CALENDARS_EVERY_S = 30.0
TROUBLE_WAIT_S = 2.0
ESCALATIONS_A_TURN = 20  # transactions, so that senders are fed between them


class Engine:
    """Escalates and sends. `turn` does what is due now; `run` repeats it.

    `idle` is called while no message is on its way: what only they use may go.
    """

    def __init__(
        self,
        parts: Parts,
        outbox: Outbox,
        senders: Executor,
        *,
        wake: threading.Event,
        meters: Meters,
        revision: str,
        idle: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._outbox = outbox
        self._senders = senders
        self._wake = wake
        self._meters = meters
        self._revision = revision
        self._when_idle = idle
        self._in_flight: set[Future[None]] = set()
        self._pruned_at: float | None = None
        self._calendars = Calendars(parts.store, parts.settings)
        self._calendars_at: float | None = None
        self._upkeep = Upkeep(parts)
        self._trouble = ""
        self._log = get_logger("heronwatch.webhook.engine")

    @property
    def trouble(self) -> str:
        """Why the engine does not work right now, "" while it does."""
        return self._trouble

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return all(future.done() for future in self._in_flight)

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until `stop` says so; whatever goes wrong is counted, logged and tried again."""
        while not stop():
            wait_s = self._guarded_turn()
            self._wake.wait(wait_s)
            self._wake.clear()

    def turn(self) -> float:
        """Do what is due now; return how many seconds it can wait for the next turn, at most."""
        self._parts.failpoint(TURN_BEGAN)
        self._parts.store.read(self._check_schema)
        self._read_calendars()
        self._upkeep.turn()
        if self._parts.store.read(lambda tx: _is_due(tx, incidents.next_due(tx))):
            self._escalate()
        if self._parts.store.read(lambda tx: _is_due(tx, notifications.next_due(tx))):
            self._send()
        self._tidy()
        self._upkeep.seal()
        self._prune()
        self._meters.engine_turn.set(self._parts.clock.now())
        self._parts.failpoint(TURN_ENDED)
        return self._parts.store.read(self._wait_s)

    def _guarded_turn(self) -> float:
        try:
            wait_s = self.turn()
        except StoreUnavailableError as error:
            return self._failed("database", str(error))
        except SchemaTooNewError as error:
            return self._failed("schema", str(error))
        except Exception:  # noqa: BLE001  # the outermost loop of the engine
            self._log.exception("a turn failed")
            return self._failed("internal", "a turn failed; the log has the details")
        if self._trouble:
            self._log.info("the engine works again")
        self._trouble = ""
        return wait_s

    def _failed(self, reason: str, text: str) -> float:
        self._meters.engine_failures.labels(reason).inc()
        if text != self._trouble:
            self._log.error("the engine does not work", reason=text)
        self._trouble = text
        return TROUBLE_WAIT_S

    def _check_schema(self, tx: Transaction) -> None:
        found = revision(tx)
        if found > self._revision:
            raise SchemaTooNewError(
                f"the database is at schema {found}, this version works with {self._revision}: a newer heronwatch "
                "upgraded it; this one accepts alerts but escalates and sends nothing"
            )

    def _escalate(self) -> None:
        for _ in range(ESCALATIONS_A_TURN):
            config = self._parts.settings()
            done = self._parts.store.write(partial(escalate, config=config, random=self._parts.random), "escalate")
            if done < AT_ONCE:
                return

    def _tidy(self) -> None:
        self._in_flight = {future for future in self._in_flight if not future.done()}
        if not self._in_flight:
            self._when_idle()

    def _send(self) -> None:
        self._tidy()
        free = self._parts.settings().delivery.senders - len(self._in_flight)
        jobs = self._outbox.claim(free) if free > 0 else []
        if jobs:
            self._parts.failpoint(BEFORE_SUBMIT)
        for job in jobs:
            self._in_flight.add(self._senders.submit(self._deliver, job))

    def _deliver(self, job: Job) -> None:
        try:
            self._outbox.deliver(job)
        except Exception:  # noqa: BLE001  # the outermost loop of a sender: the lease will be over, others go on
            self._meters.engine_failures.labels("internal").inc()
            self._log.exception("a delivery failed")

    def _read_calendars(self) -> None:
        now = self._parts.clock.monotonic()
        if self._calendars_at is None or now - self._calendars_at >= CALENDARS_EVERY_S:
            self._calendars_at = now
            self._calendars.refresh(self._parts.clock.now())

    def _prune(self) -> None:
        now = self._parts.clock.monotonic()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY_S:
            return
        self._pruned_at = now
        retention_s = float(self._parts.settings().retention)
        self._parts.store.write(lambda tx: prune(tx, tx.now - retention_s), "prune")

    def _wait_s(self, tx: Transaction) -> float:
        if len(self._in_flight) >= self._parts.settings().delivery.senders:
            return POLL_S  # a sender that is done wakes us
        due = [at for at in (incidents.next_due(tx), notifications.next_due(tx)) if at is not None]
        return min(max(SPIN_S, min(due, default=tx.now + POLL_S) - tx.now), POLL_S)


def _is_due(tx: Transaction, at: float | None) -> bool:
    return at is not None and at <= tx.now
