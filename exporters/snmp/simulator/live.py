"""Series that move while a recording is served: a file of points, interpolated. For demonstrations and tests."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from msgspec import Struct

from exporters.snmp import ber, oid

_TAGS: Mapping[str, tuple[int, int]] = {
    # tag and modulus
    "integer": (ber.INTEGER, 2**31),
    "gauge32": (ber.GAUGE32, 2**32),
    "counter32": (ber.COUNTER32, 2**32),
    "counter64": (ber.COUNTER64, 2**64),
    "timeticks": (ber.TIME_TICKS, 2**32),
}

Point = tuple[float, float]
"""Unix time in seconds, value."""


class Series(Struct, frozen=True):
    """One moving value."""

    tag: int
    modulus: int
    points: tuple[Point, ...]

    def encoded(self, now: float) -> bytes:
        """Return the value at a Unix time as tag, length, content."""
        return ber.integer(round(value_at(self.points, now)) % self.modulus, self.tag)


def parse(text: str) -> dict[bytes, Series]:
    """Read `{"OID": {"type": "counter64", "points": [[unix_time, value], …]}}`; raises ValueError.

    >>> sorted(parse('{"1.3.6.1.2.1.1.3.0": {"type": "timeticks", "points": [[0, 1]]}}'))[0].hex()
    '2b06010201010300'
    """
    blocks = json.loads(text)
    if not isinstance(blocks, dict):
        raise ValueError("a mapping of OIDs is expected")  # noqa: TRY004  # the file is wrong, not the program
    return {oid.encode(name): _series(name, block) for name, block in blocks.items()}


def _series(name: str, block: object) -> Series:
    kind = block.get("type") if isinstance(block, dict) else None
    points = block.get("points") if isinstance(block, dict) else None
    if not isinstance(kind, str) or kind not in _TAGS:
        raise ValueError(f"{name}: 'type' is one of {', '.join(_TAGS)}")
    if not isinstance(points, list) or not points:
        raise ValueError(f"{name}: 'points' is a list of [unix time, value]")
    tag, modulus = _TAGS[str(kind)]
    try:
        found = sorted(((float(at), float(value)) for at, value in points), key=lambda point: point[0])
    except TypeError as error:
        raise ValueError(f"{name}: 'points' is a list of [unix time, value]") from error
    return Series(tag, modulus, tuple(found))


def value_at(points: Sequence[Point], now: float) -> float:
    """Return the value on the line between two points; the last slope continues, the first value held before it.

    >>> value_at([(0, 0), (10, 100)], 5), value_at([(0, 0), (10, 100)], 11), value_at([(5, 7)], 0)
    (50.0, 110.0, 7)
    """
    place = bisect_right(points, now, key=lambda point: point[0])
    if place == 0 or len(points) == 1:
        return points[0][1]
    if place == len(points) and points[-2][0] == points[-1][0]:
        return points[-1][1]
    before, after = points[place - 1], points[place] if place < len(points) else points[-1]
    if place == len(points):
        before = points[-2]
    slope = (after[1] - before[1]) / (after[0] - before[0])
    return before[1] + slope * (now - before[0])
