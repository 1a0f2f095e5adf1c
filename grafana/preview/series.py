"""What the invented past is made of: moments, series, a day's rhythm, noise, counters. Pure.

Values follow from a name and the time alone, so that two runs draw the same picture.
"""

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

STEP_S = 30
DAY_S = 86_400
PEAK_S = 15 * 3600  # the busiest time of the day, UTC
RHYTHM = 0.3


@dataclass(frozen=True)
class Line:
    """One series: its values at every moment; None where there is no sample."""

    family: str
    labels: Mapping[str, str]
    values: Sequence[float | None]


class Moments:
    """The times of all samples, and where each lies before the end."""

    def __init__(self, end: int, hours: float) -> None:
        self.end = end // STEP_S * STEP_S
        self.times = range(self.end - int(hours * 3600) // STEP_S * STEP_S, self.end + STEP_S, STEP_S)

    def within(self, window: tuple[int, int] | None) -> list[bool]:
        """Whether each moment lies in the window (from, to), in seconds before the end."""
        if window is None:
            return [False] * len(self.times)
        return [window[1] <= self.end - moment <= window[0] for moment in self.times]

    def constant(self, value: float) -> list[float]:
        """Return one value for every moment."""
        return [value] * len(self.times)

    def of(self, function: Callable[[int], float]) -> list[float]:
        """Return the function's value at every moment."""
        return [function(moment) for moment in self.times]


def wander(name: str, count: int, spread: float) -> list[float]:
    """Return a slowly changing factor around 1 (an autoregressive series), the same for the same name."""
    source = random.Random(name)  # noqa: S311 (a picture, no secret)
    level, values = 0.0, []
    for _ in range(count):
        level = 0.9 * level + source.gauss(0, spread)
        values.append(max(0.05, 1 + level))
    return values


def usual(moment: int, mean: float) -> float:
    """Return what a series of this mean has at this time of the day."""
    return mean * (1 + RHYTHM * math.cos(2 * math.pi * ((moment - PEAK_S) % DAY_S) / DAY_S))


def summed(rates: Iterable[float | None], start: float) -> list[float | None]:
    """Return the counter that grows by these rates per second; a gap stays a gap."""
    total, values = start, list[float | None]()
    for rate in rates:
        total += (rate or 0.0) * STEP_S
        values.append(None if rate is None else float(round(total)))
    return values


def absent(values: Sequence[float | None], gaps: Sequence[bool]) -> list[float | None]:
    """Return the values without those at the gaps."""
    return [None if gap else value for value, gap in zip(values, gaps, strict=True)]
