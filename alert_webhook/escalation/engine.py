"""The engine: one thread that does what is due and hands messages to senders, until it is told to stop."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import TypeVar

from alert_webhook.delivery.outbox import Outbox
from alert_webhook.delivery.round import Job
from alert_webhook.errors import SchemaTooNewError, StoreUnavailableError
from alert_webhook.escalation.due import AT_ONCE, escalate
from alert_webhook.escalation.owing_again import LOOK_EVERY_S, owe_again, wanted
from alert_webhook.failpoints import BEFORE_SUBMIT, TURN_BEGAN, TURN_ENDED
from alert_webhook.incidents.upkeep import Upkeep
from alert_webhook.meters import Meters
from alert_webhook.oncall.calendars import Calendars
from alert_webhook.parts import Parts
from alert_webhook.store import rolling
from alert_webhook.store.database import Transaction
from alert_webhook.store.looking import Look, look
from alert_webhook.store.retention import prune
from alert_webhook.store.rolling import ENGINE_VERSION, Release
from heronwatch.logs import get_logger

T = TypeVar("T")
POLL_S = 1.0  # another replica may have committed what nobody told us of
SPIN_S = 0.02  # what is due may be in another replica's hands; what falls due within this is done together
AT_FULL_PACE = 10  # turns that find only what is another's, or on its way, before the next ones come more slowly
MOST_DOUBLINGS = 6  # of SPIN_S
PRUNE_EVERY_S = 600.0
CALENDARS_EVERY_S = 30.0
ANNOUNCE_EVERY_S = 30.0
TROUBLE_WAIT_S = 2.0
BUSY_S = 1.0  # how long upkeep and the chain of timelines wait while there is much to do
GATHER_S = 0.03  # how long free senders wait for the others


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
        version: int = ENGINE_VERSION,
    ) -> None:
        self._parts = parts
        self._outbox = outbox
        self._senders = senders
        self._wake = wake
        self._meters = meters
        self._release = Release(revision, version)
        self._announced_at: float | None = None
        self._when_idle = idle
        self._in_flight: set[Future[None]] = set()
        self._pruned_at: float | None = None
        self._looked_at: float | None = None  # for pages that were given up
        self._calendars = Calendars(parts.store, parts.settings)
        self._calendars_at: float | None = None
        self._upkeep = Upkeep(parts)
        self._trouble = ""
        self._outdated = False
        self._left_alone = 0  # turns in a row in which all that is due was another's, or on its way
        self._busy = False  # the turn before had something to do
        self._done_at: dict[str, float] = {}
        self._log = get_logger("heronwatch.webhook.engine")

    @property
    def trouble(self) -> str:
        """Why the engine does not work right now, "" while it does."""
        return self._trouble

    @property
    def outdated(self) -> bool:
        """Whether a newer release owns the database: this one leaves it alone, and only accepts alerts."""
        return self._outdated

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
            self._gather()

    def turn(self) -> float:
        """Do what is due now; return how many seconds it can wait for the next turn, at most.

        What need not be done with every page (upkeep, the chain of timelines) waits while there is much to do, but
        not for long.
        """
        self._parts.failpoint(TURN_BEGAN)
        if self._has_time("check"):
            self._check()
        self._tidy()
        self._read_calendars()
        if self._has_time("upkeep"):
            self._upkeep.turn()
        self._owe_again()
        self._outbox.say_left_out()
        now_due = self._parts.store.read(look)
        free = self._free()
        steps = self._escalate() if now_due.step_due else 0
        sent = self._send() if now_due.message_due or steps else 0
        self._busy = steps + sent > 0
        if self._has_time("seal"):
            self._upkeep.seal()
        self._prune()
        self._meters.engine_turn.set(self._parts.clock.now())
        self._parts.failpoint(TURN_ENDED)
        return self._wait_s(now_due, more=steps >= AT_ONCE or sent >= free)

    def _gather(self) -> None:
        """While senders are busy, wait a moment: what they end together is followed up in one transaction."""
        until = time.monotonic() + GATHER_S
        while self._free() < self._parts.settings().delivery.senders and (left := until - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _free(self) -> int:
        """Return how many senders have nothing to do."""
        return self._parts.settings().delivery.senders - sum(not future.done() for future in self._in_flight)

    def _has_time(self, kind: str) -> bool:
        """Return whether to do work of this kind: nothing else was to be done, or it waited long enough."""
        now = self._parts.clock.monotonic()
        if self._busy and now - self._done_at.get(kind, now - BUSY_S) < BUSY_S:
            return False
        self._done_at[kind] = now
        return True

    def _guarded_turn(self) -> float:
        try:
            wait_s = self.turn()
        except StoreUnavailableError as error:
            return self._unavailable(error)
        except SchemaTooNewError as error:
            return self._failed("schema", str(error))
        except Exception:  # noqa: BLE001  # the outermost loop of the engine
            self._log.exception("a turn failed")
            return self._failed("internal", "a turn failed; the log has the details")
        if self._trouble:
            self._log.info("the engine works again")
        self._told("")
        return wait_s

    def _unavailable(self, error: StoreUnavailableError) -> float:
        """A statement that a newer schema does not know fails, too: say which of the two it is."""
        try:
            self._parts.store.read(lambda tx: rolling.refuse_newer(tx, self._release))
        except SchemaTooNewError as newer:
            return self._failed("schema", str(newer))
        except StoreUnavailableError:
            pass
        return self._failed("database", str(error))

    def _failed(self, reason: str, text: str) -> float:
        self._meters.engine_failures.labels(reason).inc()
        if text != self._trouble:
            self._log.error("the engine does not work", reason=text)
        self._told(text, outdated=reason == "schema")
        return TROUBLE_WAIT_S

    def _told(self, trouble: str, *, outdated: bool = False) -> None:
        self._trouble, self._outdated = trouble, outdated
        self._meters.engine_outdated.set(float(outdated))

    def _check(self) -> None:
        """See that no newer release owns the database, and say from time to time that this one works on it."""
        now, ours = self._parts.clock.monotonic(), self._release
        recently = self._announced_at is not None and now - self._announced_at < ANNOUNCE_EVERY_S
        if recently and not self._parts.store.read(lambda tx: rolling.look(tx, ours)):
            return
        self._parts.store.write(lambda tx: rolling.announce(tx, ours), "announce")
        self._announced_at = now

    def _work(self, name: str, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction that begins only where this release's engine may work."""

        def held(tx: Transaction) -> T:
            rolling.hold(tx, self._release)
            return work(tx)

        return self._parts.store.write(held, name)

    def _escalate(self) -> int:
        """Carry out due steps, a piece of them at a time, so that senders are fed between the pieces."""
        config = self._parts.settings()
        return self._work("escalate", partial(escalate, config=config, random=self._parts.random))

    def _tidy(self) -> None:
        self._in_flight = {future for future in self._in_flight if not future.done()}
        if not self._in_flight:
            self._when_idle()

    def _send(self) -> int:
        """Hand due messages to the senders that are free; return how many."""
        self._tidy()
        free = self._free()
        jobs = self._work("claim", self._outbox.claiming(free)) if free > 0 else []
        if jobs:
            self._outbox.take(jobs)
            self._parts.failpoint(BEFORE_SUBMIT)
        for job in jobs:
            sent = self._senders.submit(self._deliver, job)
            sent.add_done_callback(self._sender_is_free)
            self._in_flight.add(sent)
        return len(jobs)

    def _sender_is_free(self, _sent: "Future[None]") -> None:
        self._wake.set()

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

    def _owe_again(self) -> None:
        """Page again, now and then, what a failing provider kept from everybody."""
        now, config = self._parts.clock.monotonic(), self._parts.settings()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        if self._parts.store.read(lambda tx: wanted(tx, config)):
            self._work("owe again", lambda tx: owe_again(tx, config))

    def _prune(self) -> None:
        now = self._parts.clock.monotonic()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY_S:
            return
        self._pruned_at = now
        retention_s = float(self._parts.settings().retention)
        self._parts.store.write(lambda tx: prune(tx, tx.now - retention_s), "prune")

    def _wait_s(self, now_due: Look, *, more: bool) -> float:
        """Return how long to wait. `more`: this turn did as much as one can; there may be more to do at once."""
        if self._free() <= 0:
            return POLL_S  # a sender that is done wakes us
        if self._busy:
            return 0.0 if more else SPIN_S  # what falls due meanwhile is done in one
        left_s = now_due.next_at - now_due.now
        self._left_alone = self._left_alone + 1 if left_s <= 0 else 0
        doublings = min(max(0, self._left_alone - AT_FULL_PACE), MOST_DOUBLINGS)
        return min(max(SPIN_S * 2.0**doublings, left_s), POLL_S)
