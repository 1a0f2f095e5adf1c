"""From a stream of scores to alarms, the same for ours and every peer: calibration by its own past, and debouncing."""

import bisect
import itertools
import math

import numpy as np

from anomaly_detector.models.model import F64
from benchmarks.detector_accuracy_nab import Series

TAIL_SHARE = 0.02
FIRST = 50  # samples that are needed to speak of a tail
MOST = 50.0


def alarms(one: Series, *streams: F64) -> F64:
    """Return how improbable each instant is, where that is the highest for some time, else 0.

    That is by each stream's own past; of several streams of one detector it is the mean.
    """
    return debounced(np.mean([improbable(stream) for stream in streams], axis=0), max(1, one.probation // 3))


def held(score: F64, samples: int) -> F64:
    """Return scores (instants, series) that fall to a third over so many samples; 0 for as they are.

    >>> held(np.array([[4.0], [0.0], [9.0]]), 1).round(2).tolist()
    [[4.0], [1.47], [9.0]]
    """
    if not samples:
        return score
    keep, out = math.exp(-1 / samples), score.copy()
    for before, now in itertools.pairwise(out):
        np.maximum(now, keep * before, out=now)
    return out


def improbable(score: F64) -> F64:
    """Return minus the decimal logarithm of the share of past scores that were as high.

    Beyond the 98 % quantile of the past the tail is taken as exponential.
    """
    out, past = np.zeros(len(score)), sorted(score[:FIRST].tolist())
    for place, value in enumerate(score.tolist()):
        if place < FIRST:
            continue
        out[place] = _improbable(value, past)
        bisect.insort(past, value)
    return out


def _improbable(value: float, past: list[float]) -> float:
    size = len(past)
    first = int(size * (1 - TAIL_SHARE))
    start = past[first]
    if value <= start:
        return -math.log10((size - bisect.bisect_left(past, value) + 1) / (size + 1))
    excess = sum(past[first:]) / (size - first) - start
    return min(MOST, -math.log10(TAIL_SHARE) + (value - start) / max(excess, 1e-9) / math.log(10))


def debounced(score: F64, span: int) -> F64:
    """Return scores that are above all of the `span` before them; 0 for the others.

    >>> debounced(np.array([1.0, 3.0, 2.0, 2.5]), 1).tolist()
    [1.0, 3.0, 0.0, 2.5]
    """
    padded = np.concatenate([np.full(span, -np.inf), score])
    before = np.lib.stride_tricks.sliding_window_view(padded, span)[: len(score)].max(axis=1)
    return np.where(score > before, score, 0.0)
