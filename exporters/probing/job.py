"""One scrape to be done, and what came of it."""

from collections.abc import Hashable

from msgspec import Struct

from exporters.metric.samples import Fault, Reading
from exporters.probing.collector import Module, Target
from exporters.probing.ownership import endpoint
from exporters.probing.pacing import share_of


class Job(Struct, frozen=True, kw_only=True, eq=False):
    """One scrape to be done, as often as it is asked for.

    `endpoint` is what has one session: protocol and address with port. `known_as` is what has one history: the endpoint
    by one credential with its parameters. `share` is its place in the spread after a start.
    """

    protocol: str
    target: Target
    modules: tuple[Module, ...]
    endpoint: Hashable
    known_as: Hashable
    share: float
    min_interval_s: float = 0.0
    paused: bool = False


def job_of(
    protocol: str,
    target: Target,
    modules: tuple[Module, ...],
    *,
    min_interval_s: float = 0.0,
    paused: bool = False,
) -> Job:
    """Return the job of reading `modules` from `target`."""
    place = (protocol, target.address, target.port)
    return Job(
        protocol=protocol,
        target=target,
        modules=modules,
        endpoint=place,
        known_as=(place, target.transport, target.credential, tuple(sorted(target.params.items()))),
        share=share_of(endpoint(target.address, target.port)),
        min_interval_s=min_interval_s,
        paused=paused,
    )


MOST_KEPT_BYTES = 65_536
"""Largest body kept beside an outcome: with `min_interval` an outcome lives until the next scrape of its device."""


class Outcome:
    """What came of a scrape; two requests may share one, so small bodies made of it are kept in `rendered`."""

    __slots__ = ("asked_at", "duration_s", "is_counted", "reading", "rendered")

    def __init__(self, reading: Reading, *, duration_s: float = 0.0, asked_at: float = 0.0) -> None:
        self.reading = reading
        self.duration_s = duration_s
        self.asked_at = asked_at
        self.rendered: dict[str, bytes] = {}
        self.is_counted = False

    def keep(self, kind: str, body: bytes) -> None:
        """Keep a body for the next request that shares this outcome, unless it is large."""
        if len(body) <= MOST_KEPT_BYTES:
            self.rendered[kind] = body

    @property
    def success(self) -> bool:
        """Whether every module was complete."""
        return not self.reading.faults


def faulty(job: Job, reason: str, detail: str) -> Reading:
    """Return a reading in which every module of the job has the same fault."""
    return Reading([], tuple(Fault(module.name, reason, detail) for module in job.modules))


def failed(job: Job, reason: str, detail: str) -> Outcome:
    """Return the outcome of a job for which no device was asked."""
    return Outcome(faulty(job, reason, detail))
