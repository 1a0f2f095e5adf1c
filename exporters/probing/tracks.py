"""Values that change with time, for simulated devices: a line through points, read from a JSON file.

The file maps a metric or an address to its points: ``{"meter_power_watts": {"points": [[1700000000, 500],
[1700000600, 900]]}}``. Times are unix seconds; between two points the value lies on the straight line, and
before the first and after the last point it stands still.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct


class Track(Struct, frozen=True, forbid_unknown_fields=True):
    """One value over time: pairs of unix time and value, in order of time."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse a track without points or with times that go back."""
        times = [time for time, _ in self.points]
        if not times or times != sorted(times):
            raise ValueError("points must be at least one pair [time, value], in order of time")


def read_tracks(raw: bytes) -> Mapping[str, Track]:
    """Decode the JSON text of a live file; ValueError says what is wrong with it."""
    return msgspec.json.decode(raw, type=dict[str, Track])


def value_at(points: Sequence[tuple[float, float]], now: float) -> float:
    """Give the value at a unix time.

    >>> value_at([(0.0, 10.0), (10.0, 20.0)], 5.0)
    15.0
    >>> value_at([(0.0, 10.0), (10.0, 20.0)], 99.0)
    20.0
    """
    after = bisect_right(points, now, key=lambda point: point[0])
    if after == 0:
        return points[0][1]
    if after == len(points):
        return points[-1][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (now - left) / (right - left)
