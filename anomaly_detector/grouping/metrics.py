"""What the detector's metrics say about the past that is played at a fresh start, query by query. No I/O."""

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric

PREFIX = "heronwatch_detector_past"
State = Literal["waiting", "playing", "played", "failed", "no_room"]


class PastStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far the past of one query's devices is played, in seconds since it began.

    `notified` and `allowed` are the notifications a week that there would have been, and that the budget allows; None
    before all of it is played, and where too little could be judged.
    """

    query: str
    state: State
    share: float
    seconds: float
    notified: float | None = None
    allowed: float | None = None


def past_metrics(every: Iterable[PastStatus]) -> Iterator[Metric]:
    """Yield the gauges of this moment."""
    query = ("query",)
    share = GaugeMetricFamily(f"{PREFIX}_played_ratio", "Share of the past of devices that is played.", labels=query)
    seconds = GaugeMetricFamily(f"{PREFIX}_duration_seconds", "How long playing the past has taken.", labels=query)
    state = GaugeMetricFamily(
        f"{PREFIX}_state",
        "1 for what is done with the past of devices: waiting, playing, played, failed, no_room.",
        labels=("query", "state"),
    )
    notified = GaugeMetricFamily(
        f"{PREFIX}_notifications_per_week", "Notifications a week that there would have been.", labels=query
    )
    allowed = GaugeMetricFamily(
        f"{PREFIX}_notifications_allowed_per_week", "Notifications a week that the budget allows.", labels=query
    )
    for one in every:
        share.add_metric((one.query,), one.share)
        seconds.add_metric((one.query,), one.seconds)
        for name in get_args(State):
            state.add_metric((one.query, name), name == one.state)
        for family, value in ((notified, one.notified), (allowed, one.allowed)):
            if value is not None:
                family.add_metric((one.query,), value)
    yield from (share, seconds, state, notified, allowed)
