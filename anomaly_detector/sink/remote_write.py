"""One receiver: a bounded queue and the thread that empties it by remote write 1.0.

Samples from the future stop Prometheus 2.42 until its clock catches up, so the receiver's own clock (the `Date`
header of its answers) has the last word: what is a little ahead of it waits, what is far ahead is dropped.
"""

import threading
from collections import deque
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import msgspec

from anomaly_detector.config import Target
from anomaly_detector.errors import DetectorError
from anomaly_detector.metrics import Metrics, ReceiverStatus
from anomaly_detector.session import Answer, Session
from anomaly_detector.sink.outcome import Kind, Outcome, Sent, judge, send
from anomaly_detector.sink.refused import Refused
from anomaly_detector.sink.wire import Batch
from heronwatch.clock import Clock
from heronwatch.logs import get_logger
from heronwatch.retry import Backoff

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
AHEAD_MAX_S = 60.0  # further ahead is no small difference of clocks
SMALL_ANSWER = 1 << 20
BACKOFF = Backoff(first_s=0.5, factor=2.0, cap_s=30.0, jitter=0.5)
log = get_logger(__name__)


class ReceiverClock(msgspec.Struct):
    """The receiver's time, by the last `Date` header it sent and the time that has passed since.

    It has whole seconds and was written before we read it, so what we take for its time is never ahead of it.
    """

    offset_s: float | None = None

    def heard(self, date: str, monotonic: float) -> None:
        """Take note of a `Date` header; anything else is ignored."""
        try:
            self.offset_s = parsedate_to_datetime(date).timestamp() - monotonic
        except (TypeError, ValueError):
            return

    def ahead_s(self, time_ms: int, monotonic: float) -> float:
        """Return by how many seconds a timestamp is in the receiver's future; 0 when that is not known."""
        return 0.0 if self.offset_s is None else time_ms / 1000 - monotonic - self.offset_s


class Receiver:
    """A write target. `offer` is called by the queries' threads, `run` is the target's own."""

    def __init__(self, target: Target, *, capacity: int, clock: Clock, metrics: Metrics) -> None:
        self.name = str(target.datasource_url)
        self.trouble = ""
        self.heir: Receiver | None = None  # who sends what waits when this one is stopped
        self._target, self._capacity = target, capacity
        self._clock, self._metrics = clock, metrics
        self._queue: deque[Batch] = deque()
        self._lock = threading.Condition()
        self._samples = 0
        self._session = Session(target)
        self._time = ReceiverClock()
        self._refused = Refused()
        self._asked_time = False
        self._wait_s = 0.0
        self._down_since: float | None = None  # by the monotonic clock
        self._dropped = 0  # samples, since then
        self._stored_s = 0.0  # the newest instant of which something was stored

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it writes to: what waits for one with another credential may go there as well."""
        return self.name, self._target.path, self._target.tenant_id

    def __len__(self) -> int:
        """Return how many samples wait."""
        return self._samples

    def status(self) -> ReceiverStatus:
        """Return what the status page says about this receiver."""
        return ReceiverStatus(
            receiver=self.name,
            queued=self._samples,
            capacity=self._capacity,
            stored_s=self._stored_s,
            trouble=self.trouble,
        )

    def offer(self, batch: Batch) -> None:
        """Queue a batch; over capacity the oldest are dropped, and counted."""
        with self._lock:
            self._queue.append(batch)
            self._samples += len(batch)
            self._fit()
            self._lock.notify()

    def inherit(self, batches: Sequence[Batch]) -> None:
        """Queue what waited for the receiver before, ahead of what was offered since; over capacity as `offer`."""
        with self._lock:
            self._queue.extendleft(reversed(batches))
            self._samples += sum(len(batch) for batch in batches)
            self._fit()
            self._lock.notify()

    def _fit(self) -> None:
        while self._samples > self._capacity and len(self._queue) > 1:
            dropped = len(self._take())
            self._dropped += dropped
            self._drop(dropped, "queue_full")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; what is queued then is its heir's, or gets one last try."""
        attempt = 0
        while not stop.is_set():
            batch = self._next()
            if batch is None:
                continue
            attempt = 0 if self._attempt(batch) else attempt + 1
            if attempt:
                stop.wait(max(self._wait_s, BACKOFF.delay(attempt, 0.5)))
        if self.heir is None:
            self._last_try()
        else:
            self._bequeath(self.heir)
        self._session.close()

    def wake(self) -> None:
        """Let `run` look at its stop event now."""
        with self._lock:
            self._lock.notify_all()

    def _next(self) -> Batch | None:
        with self._lock:
            if not self._queue:
                self._lock.wait(timeout=1.0)
            return self._take() if self._queue else None

    def _take(self) -> Batch:
        batch = self._queue.popleft()
        self._samples -= len(batch)
        return batch

    def _attempt(self, batch: Batch) -> bool:
        """Deliver a batch; a fault of ours costs it, and no other."""
        try:
            return self._deliver(batch)
        except Exception:  # the receiver's outermost loop: it must not end
            log.exception("a batch could not be sent", target=self.name)
            self._drop(len(batch), "internal")
            return True

    def _deliver(self, batch: Batch) -> bool:
        """Send one batch; False when it, or a part, is back at the head of the queue for later."""
        if not self._asked_time:
            self._asked_time = self._ask_time()
        ahead_s = self._time.ahead_s(batch.time_ms, self._clock.monotonic())
        if ahead_s > AHEAD_MAX_S and self._ask_time():  # it was wrong about its time, or this machine was asleep
            ahead_s = self._time.ahead_s(batch.time_ms, self._clock.monotonic())
        if ahead_s > AHEAD_MAX_S:
            return self._drop_future(batch, ahead_s)
        if ahead_s > 0:
            return self._later([batch], ahead_s)
        part, *apart = self._refused.apart(batch)
        sent = send(part, self._post)
        self._refused.note(taken=sent.taken, refused=sent.refused)
        self._count(sent)
        self._stored_s = max(self._stored_s, batch.time_ms / 1000) if sent.stored else self._stored_s
        if sent.left:
            return self._later([*sent.left, *apart], sent.last.wait_s)
        self._back(apart)
        return True

    def _later(self, parts: Sequence[Batch], wait_s: float) -> bool:
        self._wait_s = min(wait_s, 300.0)
        self._back(parts)
        return False

    def _back(self, parts: Sequence[Batch]) -> None:
        """Put parts at the head of the queue."""
        with self._lock:
            self._queue.extendleft(reversed(parts))
            self._samples += sum(len(part) for part in parts)

    def _count(self, sent: Sent) -> None:
        self._metrics.written.inc(sent.stored)
        for reason, count in sent.rejected.items():
            self._drop(count, reason)
        if sent.rejected:
            log.warning("samples rejected", target=self.name, detail=sent.last.detail, **sent.rejected)
        failed = sent.last.kind is Kind.LATER
        if failed:
            self._metrics.write_failures.labels(sent.last.reason).inc()
        if failed and self._down_since is None:
            self._down_since = self._clock.monotonic()
            log.warning("writing fails", target=self.name, detail=sent.last.detail)
        elif self._down_since is not None and not failed:
            away_s = round(self._clock.monotonic() - self._down_since)
            log.info("writing works again", target=self.name, away_s=away_s, samples_dropped=self._dropped)
            self._down_since = None
        self._dropped = self._dropped if failed else 0
        self.trouble = sent.last.detail if failed else ""

    def _drop(self, count: int, reason: str) -> None:
        self._metrics.rejected.labels(reason).inc(count)

    def _post(self, batch: Batch) -> Outcome:
        with self._metrics.timed("encode"):
            body = batch.compressed()
        try:
            with self._metrics.timed("write"):
                answer = self._session.post(self._target.path, body, headers=HEADERS, max_bytes=SMALL_ANSWER)
        except DetectorError as exc:
            return Outcome(kind=Kind.LATER, reason="unavailable", detail=str(exc))
        self._heard(answer)
        text = answer.body.decode("utf-8", "replace")
        return judge(answer.status, text, retry_after=answer.headers.get("Retry-After", ""))

    def _ask_time(self) -> bool:
        """Have the receiver say its time; any answer will do, 405 included. Return whether there was one."""
        try:
            self._heard(self._session.get(self._target.path, max_bytes=SMALL_ANSWER))
        except DetectorError as exc:
            log.debug("the receiver does not say its time", target=self.name, detail=str(exc))
            return False
        return True

    def _drop_future(self, batch: Batch, ahead_s: float) -> bool:
        """Give up a batch that is far in the receiver's future, and say so once."""
        if not self.trouble:
            log.warning("samples of the receiver's future are dropped", target=self.name, ahead_s=round(ahead_s))
        self.trouble = f"its clock is {ahead_s:.0f} s behind that of the server that is read: nothing is written"
        self._drop(len(batch), "future")
        return True

    def _heard(self, answer: Answer) -> None:
        self._time.heard(answer.headers.get("Date", ""), self._clock.monotonic())

    def _last_try(self) -> None:
        while self._queue:
            if not self._attempt(self._take()):
                log.warning("samples unsent at the end", target=self.name, samples=len(self))
                self._drop(len(self), "unsent")
                break

    def _bequeath(self, heir: "Receiver") -> None:
        with self._lock:
            batches, self._samples = list(self._queue), 0
            self._queue.clear()
        if batches:
            heir.inherit(batches)
            log.info("samples that wait are handed over", target=self.name, samples=sum(map(len, batches)))
