"""The one incident that history may hold: found before anything is learnt, and left out.

A 98 % quantile and the tail beyond it bear some strange samples, not three hours of them: two hundred far values of ten
thousand are taken for a tail that goes on like that, and the band of the series hides every later fault. So a span is
left out if it is all this at once; what is not keeps its width:
- far from what is usual at that hour, and beyond the range in which the rest of history lies (a day of rest is not);
- alone: nearly all that is so far lies within this one span, most of which is so far (bursts and nightly jobs recur);
- apart: next to nothing else is even a third as far (what wanders slowly has been nearly there before);
- short: hours in days; and over: the series came back to what it was before history ends.
A series that otherwise stands still, or of which less than `FEWEST_S` is known, shows nothing to compare with.
"""

import msgspec
import numpy as np

from anomaly_detector.models.model import DAY_S, F32, F64, History, Mask
from anomaly_detector.scoring.calibration import column_quantiles
from anomaly_detector.scoring.daily import RELATIVE_FLOOR, TINY, along, daily_profile

FEWEST_S = 3 * DAY_S  # of samples: what a day brings has been seen three times
SHORTEST_S, LONGEST_S = 1800.0, 12 * 3600.0  # shorter ones do not move a quantile of days, longer ones are behaviour
LARGEST_SHARE = 1 / 16  # of history that an incident may last
EDGE = 1 / 15  # quantile from which the range of the rest reaches to 1 - EDGE: an incident is less than that
MARGIN = np.float32(0.25)  # of that range: so far beyond it a value must be, and
FAR, FARTHEST = np.float32(4), np.float32(50)  # spreads from what is usual; beyond the second all are alike
CALM_SHARE, GAUSS_CALM = 0.8, np.float32(1.2816)  # the spread: this quantile of |z| of a Gaussian
ALONE = np.float32(0.8)  # of all that is far
LEAST_MEAN = 6.0  # spreads: what is nearer on the mean widens a band by little
THIRD = np.float32(1 / 3)  # of that mean: what else is so far was nearly there
DENSE = 0.5  # of the samples of the span that are far
EDGE_S = 900.0  # before and after it: how it came and went is not usual either
BACK_S = 3600.0  # of samples after it: the series came back
TOGETHER = np.float32(0.5)  # of all that is beyond the range: with less than that nobody looks closer
THINNED, ENOUGH = 7, 1000  # each so many-th sample says what the range is, as long as so many are left


def without_incident(values: F64, history: History) -> F64:
    """Return values (instants, series) of a history, those of an incident as NaN.

    `history` says when the instants are; of its values nothing but their number is taken.
    """
    if len(values) * history.step_s < FEWEST_S:
        return values
    thinned = max(1, min(THINNED, len(values) // ENOUGH))
    zero = np.nan_to_num(column_quantiles(values[::thinned].astype(np.float32), (0.5,))[0])
    centred = (values - zero).astype(np.float32)
    beyond = _beyond(centred, thinned)
    suspects = np.flatnonzero(_suspect(beyond, history) & (_known_s(centred, history) >= FEWEST_S))
    if not len(suspects):
        return values
    far = _far(centred[:, suspects], beyond[:, suspects] > 0, zero[suspects], history)
    out = values.copy()
    out[:, suspects] = np.where(_incident(far, np.isfinite(values[:, suspects]), history), np.nan, values[:, suspects])
    return out


class _Span(msgspec.Struct, frozen=True):
    """Of each series: the first and the last instant that is far in the span that holds most of what is."""

    first: np.ndarray
    last: np.ndarray


def _beyond(centred: F32, thinned: int) -> F32:
    """Return how far each value lies beyond the range of the rest, in ranges; 0 inside and where unknown."""
    low, high = np.nan_to_num(column_quantiles(centred[::thinned], (EDGE, 1 - EDGE)))
    size = np.maximum(high - low, TINY)
    out = np.maximum(centred - high, low - centred)
    out /= size
    return np.where(out > MARGIN, np.minimum(out, FARTHEST), np.float32(0))


def _suspect(beyond: F32, history: History) -> Mask:
    """Return which series are worth a closer look: much of what they have beyond their range comes together."""
    many = (beyond > 0).sum(axis=0) >= _instants(SHORTEST_S, history.step_s)
    return np.asarray(many & (_gathered(beyond, _longest(history))[1] >= TOGETHER))


def _gathered(sizes: F32, width: int) -> tuple[np.ndarray, F32]:
    """Return where in each series the `width` instants begin that hold most of the sum of sizes, and their share."""
    before = np.zeros((len(sizes) + 1, sizes.shape[1]), np.float32)
    np.cumsum(sizes, axis=0, out=before[1:])
    within = before[width:] - before[:-width]
    return within.argmax(axis=0), within.max(axis=0) / np.maximum(before[-1], TINY)


def _far(centred: F32, beyond: Mask, zero: F32, history: History) -> F32:
    """Return how many spreads each value is from what is usual at its hour; 0 where that is not far."""
    size = np.abs(centred - along(daily_profile(centred, history), history.day_s))
    spread = np.nan_to_num(column_quantiles(size, (CALM_SHARE,))[0]) / GAUSS_CALM
    spread = np.where(spread > 0, np.maximum(spread, RELATIVE_FLOOR * np.abs(zero)), np.inf).astype(np.float32)
    size /= spread
    return np.where(beyond & (size > FAR), np.minimum(size, FARTHEST), np.float32(0))


def _incident(far: F32, known: Mask, history: History) -> Mask:
    """Return which instants of each series belong to its incident, if it has one."""
    width, place = _longest(history), np.arange(len(far))[:, None]
    start, share = _gathered(far, width)
    inside = (far > 0) & (place >= start) & (place < start + width)
    span = _Span(inside.argmax(axis=0), len(far) - 1 - inside[::-1].argmax(axis=0))
    during = known & (place >= span.first) & (place <= span.last)
    few, count = _instants(SHORTEST_S, history.step_s), inside.sum(axis=0)
    many = count >= np.maximum(few, DENSE * during.sum(axis=0))
    mean = np.where(inside, far, 0).sum(axis=0) / np.maximum(count, 1)
    others = ((far > THIRD * mean) & ((place < span.first) | (place > span.last))).sum(axis=0)
    apart = (mean >= LEAST_MEAN) & (others < few)
    edge = _instants(EDGE_S, history.step_s)
    back = (known & (place > span.last + edge)).sum(axis=0) >= _instants(BACK_S, history.step_s)
    return np.asarray(
        (place >= span.first - edge) & (place <= span.last + edge) & (share >= ALONE) & many & apart & back
    )


def _longest(history: History) -> int:
    return _instants(min(LONGEST_S, LARGEST_SHARE * len(history.values) * history.step_s), history.step_s)


def _instants(seconds: float, step_s: float) -> int:
    return max(3, round(seconds / step_s)) if seconds >= SHORTEST_S else max(1, round(seconds / step_s))


def _known_s(values: F32, history: History) -> F64:
    return np.asarray(np.isfinite(values).sum(axis=0) * history.step_s)
