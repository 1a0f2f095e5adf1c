"""The running detector: a thread for each query and for each receiver, replaced one by one on reload."""

import threading
from collections.abc import Sequence

from anomaly_detector.beside import Beside
from anomaly_detector.circumstances import Circumstances
from anomaly_detector.config import Config, Writer
from anomaly_detector.cycle import QueryRunner
from anomaly_detector.feedback.record import Feedback
from anomaly_detector.grouping.running import fingerprint
from anomaly_detector.metrics import Metrics, Status
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.room import Room
from anomaly_detector.running import Running, join, started
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.series_table import Labels
from anomaly_detector.sink.outputs import Page
from anomaly_detector.sink.remote_write import Receiver
from anomaly_detector.sink.wire import Batch
from anomaly_detector.source.opening import source_of
from heronwatch.clock import Clock
from heronwatch.logs import get_logger

log = get_logger(__name__)


class Receivers:
    """Hands every batch, cut to size, to every receiver."""

    def __init__(self, writer: Writer, clock: Clock, metrics: Metrics) -> None:
        self.writer = writer
        self.all = [
            Receiver(target, capacity=writer.queue_capacity, clock=clock, metrics=metrics) for target in writer.targets
        ]
        self._running: list[Running] = []

    @property
    def wants_pages(self) -> bool:
        """Whether there is nobody to write to, so that `/scores` has to show everything."""
        return not self.all

    def offer(self, batch: Batch) -> None:
        """Queue a batch with every receiver."""
        for part in batch.parts(self.writer.max_samples_per_send):
            for receiver in self.all:
                receiver.offer(part)

    def succeed(self, before: "Receivers") -> None:
        """Take over what waits for receivers of the same place: only how to be let in has changed."""
        mine = list(self.all)
        for old in before.all:
            old.heir = next((one for one in mine if one.place == old.place), None)
            if old.heir is not None:
                mine.remove(old.heir)

    def start(self) -> None:
        """Start sending."""
        self._running = [started(f"write-{place}", receiver.run) for place, receiver in enumerate(self.all)]

    def stop(self) -> None:
        """Send what is queued if that works at once, or hand it to the successor, then stop."""
        for running, receiver in zip(self._running, self.all, strict=False):  # none runs when the start failed
            running.stop.set()
            receiver.wake()
        join(self._running)


class Detector:
    """Builds the parts that a configuration asks for and keeps them running."""

    def __init__(self, config: Config, *, clock: Clock, metrics: Metrics) -> None:
        self._config, self._clock, self._metrics = config, clock, metrics
        self._lock, self._started = threading.Lock(), False
        self._runners: dict[str, QueryRunner] = {}
        self._running: dict[str, Running] = {}
        self._reads = threading.Semaphore(config.reader.max_concurrent_reads)
        self._budget = Room()
        self._turn = threading.Semaphore()
        self._receivers = Receivers(config.writer, clock, metrics)
        self._beside = Beside(config, metrics)
        self.feedback = Feedback(config, now=clock.now)

    @property
    def wants_pages(self) -> bool:
        """See `Receivers.wants_pages`."""
        return self._receivers.wants_pages

    def offer(self, batch: Batch) -> None:
        """Hand a batch to the receivers of the moment: queries outlive a change of receivers."""
        self._receivers.offer(batch)

    def start(self) -> None:
        """Start all threads."""
        with self._lock:
            self._receivers.start()
            self._beside.start()
            for plan in plans(self._config):
                self._start(plan)
            self._started = True

    def stop(self) -> None:
        """Stop queries, which writes their snapshots, then receivers."""
        with self._lock:
            self._stop(list(self._running))
            self._receivers.stop()
            self._beside.stop()

    def reload(self, config: Config) -> None:
        """Go over to another configuration; queries whose plan is unchanged keep running as they are."""
        with self._lock:
            wanted = {plan.alias: plan for plan in plans(config)}
            kept = {alias for alias, runner in self._runners.items() if wanted.get(alias) == runner.plan}
            old = {alias: runner for alias, runner in self._runners.items() if alias not in kept}
            self._stop(list(old))
            for alias, runner in old.items():
                if alias not in wanted or wanted[alias].writes != runner.plan.writes:
                    runner.end()
                elif fingerprint(wanted[alias]) != fingerprint(runner.plan):
                    runner.end_groups()
            if config.writer != self._receivers.writer:
                self._replace_receivers(config.writer)
            self._config = config
            self._beside.reload(config)
            self.feedback.use(config)
            self._reads = threading.Semaphore(config.reader.max_concurrent_reads)
            for alias in wanted.keys() - kept:
                self._start(wanted[alias], inherit_from=old.get(alias))
            log.info(
                "queries", kept=len(kept), started=len(wanted.keys() - kept), ended=len(old.keys() - wanted.keys())
            )

    def status(self) -> Status:
        """Return what the metrics show."""
        runners = list(self._runners.values())
        return Status(
            queries=tuple(runner.status() for runner in runners),
            queued_samples=sum(len(receiver) for receiver in self._receivers.all),
            leads=self._beside.leads(),
            receivers=tuple(receiver.status() for receiver in self._receivers.all),
        )

    def not_ready(self) -> list[str]:
        """Return why the detector does not do its work, one reason for each part in trouble."""
        if not self._started:
            return ["not started yet"]
        reasons = [
            f"query {alias}: {runner.trouble}" for alias, runner in list(self._runners.items()) if runner.trouble
        ]
        reasons += self._beside.not_ready()
        return reasons + [f"writing to {one.name}: {one.trouble}" for one in self._receivers.all if one.trouble]

    def marked(self) -> Sequence[Pause]:
        """Return the pauses that the marks of other services mean."""
        return self._beside.pauses()

    def pages(self) -> list[Page]:
        """Return the newest outputs of all queries."""
        return [page for runner in list(self._runners.values()) for page in runner.pages]

    def known(self, alias: str) -> Sequence[Labels | None] | None:
        """Return the series of a query row by row, None before it was first read."""
        runner = self._runners.get(alias)
        return runner.state.table.labels if runner is not None and runner.state is not None else None

    def _start(self, plan: QueryPlan, *, inherit_from: QueryRunner | None = None) -> None:
        runner = QueryRunner(
            plan,
            api=source_of(plan, timed=self._metrics.timed),
            outbox=self,
            metrics=self._metrics,
            clock=self._clock,
            reads=self._reads,
            room=self._room,
            given=Circumstances(
                pauses=lambda: (*self._beside.pauses(), *self.feedback.pauses(plan.alias)),
                leads=self._beside.leads,
                marks=self.feedback.marks,
                past=lambda: source_of(plan),
                turn=self._turn,
            ),
        )
        if inherit_from is not None and inherit_from.plan.fingerprint == plan.fingerprint:
            runner.inherit(inherit_from)
        self._budget.note(plan.alias, runner.state)
        self._runners[plan.alias] = runner
        self._running[plan.alias] = started(f"query-{plan.alias}", runner.run)

    def _stop(self, aliases: list[str]) -> None:
        running = [self._running.pop(alias) for alias in aliases]
        for one in running:
            one.stop.set()
        for alias in aliases:
            self._runners[alias].hurry()
        join(running)
        for alias in aliases:
            del self._runners[alias]
            self._budget.leave(alias)

    def _replace_receivers(self, writer: Writer) -> None:
        before, self._receivers = self._receivers, Receivers(writer, self._clock, self._metrics)
        self._receivers.succeed(before)
        before.stop()
        self._receivers.start()

    def _room(self, alias: str) -> int:
        """Return how many series a query may hold beside the others."""
        runner = self._runners[alias]
        return self._budget.beside(runner.plan, runner.state, settings=self._config.settings)
