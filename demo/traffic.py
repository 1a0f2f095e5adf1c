"""The demo's traffic: counters with a day's rhythm and noise, from a week ago into the near future. Pure."""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

STEP_S = 60
DAY_S = 86_400
WEEK_S = 7 * DAY_S
NOISE = 0.03
NOISE_TABLE, SCATTER = 4093, 1_234_577  # a prime and a step that visits all of it
RHYTHM = 0.4  # busiest hour 40 % above the mean, quietest 40 % below
PEAK_HOUR_S = 15 * 3600
COUNTER64 = 2**64
CLOSE_STEP_S = 15  # of the last points, so that no rate breaks off


@dataclass
class Counter:
    """An octet counter: points every minute from `start`, extended on demand, and a factor from some time on."""

    name: str
    mean_octets_per_s: float
    start: int  # a whole minute
    first_value: int = 0
    surge_start: float = math.inf
    surge_factor: float = 1.0
    values: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the counter's own noise, the same in every run."""
        draw = random.Random(self.name)
        self._noise = [draw.gauss(1, NOISE) for _ in range(NOISE_TABLE)]

    def points(self, first: float, last: float) -> list[tuple[int, int]]:
        """Return (unix second, octets) from the last point at or before `first` up to `last`."""
        self._extend(last)
        times = range(self.start, self.start + STEP_S * len(self.values), STEP_S)
        begin = max(0, bisect_right(times, first) - 1)
        end = bisect_right(times, last)
        return [(times[i], round(self.values[i]) % COUNTER64) for i in range(begin, end)]

    def at(self, moments: Sequence[int]) -> list[tuple[int, int]]:
        """Return (unix second, octets) of moments since `start`, in their order; between minutes it rises evenly."""
        self._extend(moments[-1] + STEP_S)
        return [(moment, self._octets(moment)) for moment in moments]

    def _octets(self, moment: int) -> int:
        minute, rest_s = divmod(moment - self.start, STEP_S)
        low, high = self.values[minute : minute + 2]
        return round(low + (high - low) * rest_s / STEP_S) % COUNTER64

    def surge(self, start: float, factor: float) -> None:
        """From `start` on, carry `factor` times the traffic; what was before stays."""
        keep = max(1, int(start - self.start) // STEP_S + 1)
        del self.values[keep:]
        self.surge_start, self.surge_factor = start, factor

    def _extend(self, last: float) -> None:
        if not self.values:
            self.values.append(float(self.first_value))
        while self.start + STEP_S * len(self.values) <= last:
            moment = self.start + STEP_S * (len(self.values) - 1)
            self.values.append(self.values[-1] + STEP_S * self._octets_per_s(moment))

    def _octets_per_s(self, moment: int) -> float:
        rhythm = 1 + RHYTHM * math.cos(2 * math.pi * ((moment - PEAK_HOUR_S) % DAY_S) / DAY_S)
        noise = self._noise[moment // STEP_S * SCATTER % len(self._noise)]
        surge = self.surge_factor if moment >= self.surge_start - STEP_S else 1.0
        return self.mean_octets_per_s * rhythm * max(0.1, noise) * surge


def week_before(now: float) -> range:
    """Return the minutes of the week that ends with the last whole minute before `now`."""
    last = int(now) // STEP_S * STEP_S
    return range(last - WEEK_S, last + 1, STEP_S)


def from_then(last: int, now: float) -> list[int]:
    """Return the moments after `last` up to now, close to one another; now is one of them."""
    return [*range(last + CLOSE_STEP_S, int(now), CLOSE_STEP_S), int(now)]


def openmetrics(family: str, series: Mapping[str, Iterable[tuple[int, float]]]) -> Iterator[str]:
    """Yield OpenMetrics lines for `promtool tsdb create-blocks-from openmetrics`.

    `series` maps label text (`{a="b"}`) to (unix second, value) points.
    """
    yield f"# TYPE {family} unknown\n"
    for labels, points in series.items():
        for moment, value in points:
            yield f"{family}{labels} {value} {moment}\n"
