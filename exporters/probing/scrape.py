"""The engine: from a job to what came of it, within the deadline, without asking a device more than is allowed.

Requests for the same thing share one scrape. For each endpoint one scrape runs at a time. The rules of `pacing` come
before the device; whatever a collector does, the answer is a `Reading`.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from contextlib import nullcontext
from typing import Self

from exporters.metric.samples import Reading
from exporters.probing.collector import Collector, Module
from exporters.probing.job import Job, Outcome, failed, faulty
from exporters.probing.memory import Memory
from exporters.probing.metrics import ScrapeMetrics
from exporters.probing.pacing import NEW, Decision, History, Pacing, Reason, after, asked, decide
from exporters.probing.pauses import Pauses
from heronwatch.logs import get_logger

GRACE_S = 0.2
"""How long past its deadline a collector may tidy up; the answer still fits into the 0.5 s kept for the way back."""

REASONS = {
    Reason.PAUSED: "polling of this target is paused",
    Reason.BACKOFF: "left alone for a while after time-outs",
    Reason.STOPPED: "left alone after repeated authentication failures; correct the credential or resume the target",
    Reason.INTERVAL: "asked too often: see min_interval",
    Reason.SPREAD: "just started: first scrapes are spread out",
}


class _Known:
    """What is remembered of one target by one credential: the last job, history and answers, and how it went."""

    __slots__ = ("answers", "failing", "history", "job")

    def __init__(self) -> None:
        self.job: Job | None = None
        self.history: History = NEW
        self.failing = False
        self.answers: dict[tuple[Module, ...], Outcome] = {}


class Scraper:
    """Runs scrapes; an asynchronous context, inside which its tasks live."""

    def __init__(
        self,
        collectors: Callable[[str], Collector],
        metrics: ScrapeMetrics,
        *,
        pacing: Callable[[], Pacing],
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.pauses = Pauses()
        self._collectors = collectors
        self._metrics = metrics
        self._pacing = pacing
        self._now = now
        self._random = random
        self._started_at = now()
        self._turns: Memory[asyncio.Lock] = Memory(asyncio.Lock, in_use=asyncio.Lock.locked)
        self._known: Memory[_Known] = Memory(_Known)
        self._flights: dict[Hashable, asyncio.Task[Outcome]] = {}
        self._running: dict[Hashable, asyncio.Timeout] = {}
        self._group = asyncio.TaskGroup()
        self._log = get_logger("exporters.scrape")

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._flights.values():
            task.cancel()
        await self._group.__aexit__(None, None, None)

    async def scrape(self, job: Job, deadline: float) -> Outcome:
        """Do the job, or join one that is under way; returns by `deadline` (loop time) and a moment."""
        key = (job.known_as, job.modules)
        task = self._flights.get(key)
        if task is None:
            task = self._flights[key] = self._group.create_task(self._fly(job, deadline))
            task.add_done_callback(lambda _: self._flights.pop(key, None))
        else:
            self._metrics.shared()
        try:
            async with asyncio.timeout_at(deadline + 2 * GRACE_S):
                return await asyncio.shield(task)
        except TimeoutError:
            return failed(job, "timeout", "the scrape under way did not end in time")

    async def _fly(self, job: Job, deadline: float) -> Outcome:
        """Do the job; the outermost loop of a scrape, so that a mistake of ours costs this one only."""
        try:
            return await self._queued(job, deadline)
        except Exception as error:  # noqa: BLE001  # logged and answered
            self._log.exception("a scrape failed", protocol=job.protocol, target=job.target.name)
            return failed(job, "internal", f"{type(error).__name__}; the log has the details")

    async def _queued(self, job: Job, deadline: float) -> Outcome:
        turn = self._turns.of(job.endpoint)
        try:
            async with asyncio.timeout_at(deadline) if turn.locked() else nullcontext():
                await turn.acquire()
        except TimeoutError:
            return self._counted(job, failed(job, "busy", "another scrape of this device took all the time there was"))
        try:
            return await self._in_turn(job, self._known.of(job.known_as), deadline)
        finally:
            turn.release()

    async def _in_turn(self, job: Job, known: _Known, deadline: float) -> Outcome:
        decision = self._decided(job, known)
        if not decision.allowed:
            kept = known.answers.get(job.modules)
            if decision.reason is Reason.INTERVAL and kept is not None:
                self._metrics.shared()
                return kept
            decision = await self._waited(job, decision, deadline)
        if not decision.allowed:
            return self._counted(job, _refused(job, decision, self._now()))
        return await self._asked(job, known, deadline)

    def _decided(self, job: Job, known: _Known) -> Decision:
        if job.paused or job.target in self.pauses:
            return Decision(False, Reason.PAUSED)
        return decide(
            known.history,
            self._pacing(),
            now=self._now(),
            started_at=self._started_at,
            share=job.share,
            min_interval=job.min_interval_s,
        )

    async def _waited(self, job: Job, decision: Decision, deadline: float) -> Decision:
        """Wait where the wait is short: for the slot after a start, or the interval between two questions."""
        if decision.again_at is None or decision.reason not in {Reason.SPREAD, Reason.INTERVAL}:
            return decision
        left = deadline - asyncio.get_running_loop().time()
        wait = decision.again_at - self._now()
        if decision.reason is Reason.SPREAD:
            await asyncio.sleep(min(wait, left / 2))
            return self._unless_paused(job)
        if wait > left / 2:
            return decision
        await asyncio.sleep(wait)
        return self._unless_paused(job)

    def _unless_paused(self, job: Job) -> Decision:
        paused = job.target in self.pauses
        return Decision(not paused, Reason.PAUSED if paused else Reason.READY)

    async def _asked(self, job: Job, known: _Known, deadline: float) -> Outcome:
        started = self._now()
        known.job = job
        known.history = asked(known.history, now=started)
        reading = await self._collected(job, deadline)
        ended = self._now()
        known.history = after(
            known.history,
            self._pacing(),
            faults=reading.faults,
            answered=bool(reading.samples),
            now=ended,
            random=self._random(),
        )
        outcome = Outcome(reading, duration_s=ended - started, asked_at=started)
        known.answers = known.answers | {job.modules: outcome} if job.min_interval_s else {}
        self._tell_change(job, known, outcome)
        return self._counted(job, outcome)

    async def _collected(self, job: Job, deadline: float) -> Reading:
        """Call the collector; the outermost loop for everything that a plug-in may do wrong."""
        key = job.known_as
        try:
            async with asyncio.timeout_at(deadline + GRACE_S) as cutoff:
                self._running[key] = cutoff
                return await self._collectors(job.protocol).collect(job.target, job.modules, deadline)
        except TimeoutError:
            return self._cut_off(job)
        except Exception as error:  # noqa: BLE001  # a plug-in's mistake costs its own scrape only
            self._log.exception("a collector failed", protocol=job.protocol, target=job.target.name)
            return faulty(job, "internal", f"{type(error).__name__}; the log has the details")
        finally:
            self._running.pop(key, None)

    def _cut_off(self, job: Job) -> Reading:
        if job.target in self.pauses:
            return faulty(job, "paused", REASONS[Reason.PAUSED])
        return faulty(job, "timeout", "no complete answer before the deadline")

    def _counted(self, job: Job, outcome: Outcome) -> Outcome:
        self._metrics.record(job.modules, outcome.reading, outcome.duration_s)
        return outcome

    def _tell_change(self, job: Job, known: _Known, outcome: Outcome) -> None:
        """Log the first failure and the recovery, not every scrape."""
        failing = not outcome.success
        if failing and not known.failing:
            fault = outcome.reading.faults[0]
            self._log.warning(
                "scrape failed",
                target=job.target.name,
                address=job.target.address,
                module=fault.module,
                reason=fault.reason,
                detail=fault.detail,
            )
        elif known.failing and not failing:
            self._log.info("scrape works again", target=job.target.name, address=job.target.address)
        known.failing = failing

    async def pause(self, targets: Iterable[str]) -> None:
        """Set which targets are paused; scrapes of them that are under way are cut off and their sessions closed."""
        self.pauses.replace(targets)
        await self._let_go(self.pauses)

    async def release(self, targets: Iterable[str]) -> None:
        """Close what is kept for targets, by device name; they left the configuration or changed."""
        await self._let_go(Pauses(targets))

    async def _let_go(self, matching: Pauses) -> None:
        jobs = [known.job for known in self._known.values() if known.job is not None and known.job.target in matching]
        for job in jobs:
            running = self._running.get(job.known_as)
            if running is not None:
                running.reschedule(0.0)
        for job in jobs:
            async with self._turns.of(job.endpoint):
                await self._released(job)

    async def _released(self, job: Job) -> None:
        try:
            await self._collectors(job.protocol).release(job.target)
        except Exception:  # noqa: BLE001  # a plug-in's mistake: the session will be closed when idle
            self._log.exception("a session could not be closed", protocol=job.protocol, target=job.target.name)

    def forget(self, target: str) -> None:
        """Forget the failures of a target, so that it is asked again at once."""
        named = Pauses([target])
        for known in self._known.values():
            if known.job is not None and known.job.target in named:
                known.history = NEW

    def __len__(self) -> int:
        """Count the scrapes under way."""
        return len(self._flights)


def _refused(job: Job, decision: Decision, now: float) -> Outcome:
    detail = REASONS[decision.reason]
    if decision.again_at is not None:
        detail += f"; asked again in {max(0.0, decision.again_at - now):.0f} s"
    return failed(job, decision.reason, detail)
