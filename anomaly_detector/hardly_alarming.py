"""Which series can hardly alarm: neither a doubling nor the end of `data_range` would score above 1. No I/O.

The models themselves are asked, with copies of what they have learnt, what they would say if a series stayed at twice
the highest it was ever seen at, or as far below; at several hours of the day, as what is usual depends on them.
"""

import msgspec
import numpy as np

from anomaly_detector.explain.subject import written
from anomaly_detector.lane import BLOCK, Lane
from anomaly_detector.models.model import F32, F64, Mask, Pooled
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.scoring import Rules, apply
from anomaly_detector.series_table import Labels
from anomaly_detector.wide_bands import copy_of, next_band

LASTS = 6  # samples in a row: what is smoothed follows half way at least
HOUR_S = 3600.0
FARTHEST = 10.0  # times what a series does: an end of `data_range` that is farther is no value to be expected
HOURS = (0.0, 6.0, 12.0, 18.0)  # from the next instant on
WIDE = "its band is too wide"
RULES = "the query's rules leave nothing that could alarm"
REMEDIES = {
    WIDE: "smooth the expression where lone spikes are normal (avg_over_time); put an incident that was learnt into "
    "settings.learning_pauses and learn again; else raise models.*.sensitivity",
    RULES: "lower the query's min_dev_from_expected, or let detection_direction be both",
}


class Hardly(msgspec.Struct, frozen=True, kw_only=True):
    """A series that can hardly alarm: its band now, what it was seen at, how high it would score at most, and why."""

    query: str
    labels: Labels
    lower: float
    upper: float
    least: float
    most: float
    score: float
    why: str

    def __str__(self) -> str:
        """Return it as a line for people."""
        band = f"usual {self.lower:.4g} to {self.upper:.4g}, seen {self.least:.4g} to {self.most:.4g}"
        return f"{written(self.query, self.labels)}: {band}, would score {self.score:.2f}, as {self.why}"


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest and the largest value that each row of a query was seen at; NaN where that is not known."""

    least: F64
    most: F64


def remembered(state: QueryState) -> Range:
    """Return what the models themselves remember of the range of each row, as far as one does."""
    count = len(state.table)
    for lane in state.lanes:
        if {"least", "most"} <= lane.state.keys():
            zero = lane.state.get("origin", np.zeros(count))[:count]
            return Range(least=zero + lane.state["least"][:count], most=zero + lane.state["most"][:count])
    return Range(least=np.full(count, np.nan), most=np.full(count, np.nan))


def hardly_alarming(state: QueryState, plan: QueryPlan, seen: Range, *, first: int = 0) -> list[Hardly]:
    """Return the series that can hardly alarm, of `BLOCK` rows from `first` on.

    Series that warm up are left out, those of which no range is known, and queries with a model that pools all series.
    """
    rows = slice(first, min(first + BLOCK, len(state.table)))
    if rows.start >= rows.stop or any(isinstance(lane.model, Pooled) for lane in state.lanes):
        return []
    seen = Range(least=seen.least[rows], most=seen.most[rows])
    asked = [_asked(state, lane, plan, seen, rows=rows) for lane in state.lanes]
    score, raw = (np.max([getattr(one, name) for one in asked], axis=0) for name in ("score", "raw"))
    there = np.array([one is not None for one in state.table.labels[rows]]) & state.live[rows]
    known = np.logical_and.reduce([one.known for one in asked])
    return [
        Hardly(
            query=plan.alias,
            labels=state.table.labels[first + row] or (),
            lower=float(asked[0].lower[row]),
            upper=float(asked[0].upper[row]),
            least=float(seen.least[row]),
            most=float(seen.most[row]),
            score=float(score[row]),
            why=WIDE if raw[row] <= 1 else RULES,
        )
        for row in np.flatnonzero(there & known & (score <= 1)).tolist()
    ]


class _Asked(msgspec.Struct, frozen=True):
    """What one model said of a block: the band now, the highest score with the query's rules and without (`raw`)."""

    lower: F64
    upper: F64
    score: F32
    raw: F32
    known: Mask


def _asked(state: QueryState, lane: Lane, plan: QueryPlan, seen: Range, *, rows: slice) -> _Asked:
    nothing = np.zeros(rows.stop - rows.start)
    now = apply(next_band(state, lane, rows, plan.step_s), nothing, plan.rules)
    probes = _probes(seen, now.expected, plan.rules)
    score, raw = nothing.astype(np.float32), nothing.astype(np.float32)
    for value in probes:
        for hours in HOURS:
            known = copy_of(lane, rows)
            for number in range(LASTS):
                grid = state.grid(state.last_s + hours * HOUR_S + (number + 1) * plan.step_s)
                said = lane.model.step(value, known, np.zeros(len(value), np.bool_), grid)
                raw = np.maximum(raw, said.score)
                score = np.maximum(score, apply(said, value, plan.rules).score)
    moved = np.isfinite(probes[0]) & ((probes[1] > seen.most) | (probes[0] < seen.least) | (seen.most > seen.least))
    return _Asked(now.lower, now.upper, score, raw, moved & (now.confidence >= 1))


def _probes(seen: Range, expected: F64, rules: Rules) -> tuple[F64, F64]:
    """Return how low and how high each series is supposed to go: NaN where no range is known.

    As far again as its largest value or its range is, not below 0 where it never was; and to the end of `data_range`.
    """
    reach = np.maximum(np.maximum(np.abs(seen.least), np.abs(seen.most)), seen.most - seen.least)
    low = np.minimum(seen.least - reach, expected - rules.min_dev_below)
    high = np.maximum(seen.most + reach, expected + rules.min_dev_above)
    low = np.where(seen.least >= 0, np.maximum(low, 0.0), low)
    bottom, top = rules.data_range
    low = np.where(bottom < seen.least - FARTHEST * reach, low, bottom + 0 * reach)
    high = np.where(top > seen.most + FARTHEST * reach, high, top + 0 * reach)
    return low, high
