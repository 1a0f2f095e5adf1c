"""How well a score ranks labelled ranges: AUC-PR, VUS-PR, and recall of events at a budget of false alarms.

VUS-PR is that of Paparrizos et al., "Volume under the surface", VLDB 2022, in the variant that the TSB-AD benchmark
calls "opt": 250 thresholds, a buffer of 0 to `BUFFER` samples around each range, no point adjustment.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.models.model import F64, Mask

THRESHOLDS = 250
BUFFER = 100  # samples: what TSB-AD takes when it is told no other
BUFFER_STEP = 4
MERGE_S = 3600.0  # alarms closer than this are one
Range = tuple[int, int]


def ranges(label: Mask) -> list[Range]:
    """Return runs of True as (first, last).

    >>> ranges(np.array([False, True, True, False, True]))
    [(1, 2), (4, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], label, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def auc_pr(label: Mask, score: F64) -> float:
    """Return average precision; equal scores pass a threshold together.

    >>> auc_pr(np.array([False, True, True, False]), np.array([0.1, 0.9, 0.3, 0.5])).__round__(4)
    0.8333
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(label[order])
    last = np.append(np.diff(score[order]) != 0, True)
    precision = hits[last] / (np.flatnonzero(last) + 1)
    return float(np.sum(np.diff(np.concatenate([[0], hits[last]])) * precision) / max(1, label.sum()))


def vus_pr(label: Mask, score: F64, *, buffer: int = BUFFER, step: int = BUFFER_STEP) -> float:
    """Return the volume under the precision-recall surface; `label` has at least one True."""
    spans = ranges(label)
    order = np.argsort(-score, kind="stable")
    places = np.linspace(0, len(score) - 1, THRESHOLDS).astype(int)
    thresholds = score[order][places]
    taken = np.searchsorted(-score[order], -thresholds, side="right")  # how many scores reach each threshold
    volumes = [
        _average_precision(_Widened(label, spans, window), order, taken, thresholds, score)
        for window in range(0, buffer + 1, step)
    ]
    return float(np.mean(volumes))


class _Widened:
    """A label whose ranges fade out over `window // 2` samples on both sides."""

    def __init__(self, label: Mask, spans: list[Range], window: int) -> None:
        half, size = window // 2, len(label)
        self.positives = int(label.sum())
        self.inside = label
        self.weight = label.astype(float)
        for first, last in spans:
            after, before = np.arange(last + 1, min(last + half + 1, size)), np.arange(max(first - half, 0), first)
            self.weight[after] += np.sqrt(1 - (after - last) / max(window, 1))
            self.weight[before] += np.sqrt(1 - (first - before) / max(window, 1))
        np.minimum(self.weight, 1, out=self.weight)
        self.segments = _joined(spans, half, size)


def _joined(spans: list[Range], half: int, size: int) -> list[Range]:
    joined: list[Range] = []
    for first, last in spans:
        if joined and first - half <= joined[-1][1]:
            joined[-1] = (joined[-1][0], min(last + half, size - 1))
        else:
            joined.append((max(first - half, 0), min(last + half, size - 1)))
    return joined


def _average_precision(
    wide: _Widened, order: npt.NDArray[np.intp], taken: npt.NDArray[np.intp], thresholds: F64, score: F64
) -> float:
    found = np.cumsum(wide.weight[order])[taken - 1]
    found_outside = np.cumsum((wide.weight * ~wide.inside)[order])[taken - 1]
    peaks = np.array([score[first : last + 1].max() for first, last in wide.segments])
    existence = (peaks[:, None] >= thresholds).mean(axis=0)
    positives = (wide.positives + wide.positives + found_outside) / 2
    recall = np.minimum(found / positives, 1) * existence
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * found / taken))


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Events of many series found at each sensitivity, and the false alarms that it cost."""

    recall: F64
    false_per_day: F64

    def at(self, per_day: float) -> float:
        """Return the best recall at no more than `per_day` false alarms for each series and day."""
        return float(self.recall[self.false_per_day <= per_day].max(initial=0.0))


def budget(labels: Sequence[Mask], scores: Sequence[F64], *, step_s: float, levels: int = 80) -> Budget:
    """Count events found and false alarms over series with a common threshold; alarms within an hour are one.

    A group of alarms is false unless it begins inside a labelled range or up to an hour before one, and each further
    day that a group lasts outside of them is one more: an alarm that never ends is not free.
    """
    days = sum(len(score) for score in scores) * step_s / 86_400
    events = sum(len(ranges(label)) for label in labels)
    every = np.concatenate(scores)
    shares = np.concatenate([[0.0], np.logspace(-6, np.log10(0.2), levels)])
    thresholds = np.unique(np.quantile(every, 1 - shares))[::-1]
    found, false = np.zeros(len(thresholds)), np.zeros(len(thresholds))
    gap, day = round(MERGE_S / step_s), round(86_400 / step_s)
    for label, score in zip(labels, scores, strict=True):
        peaks = np.array([score[first : last + 1].max() for first, last in ranges(label)])
        found += (peaks[:, None] >= thresholds).sum(axis=0) if len(peaks) else 0
        false += [_false_alarms(np.flatnonzero(score >= threshold), label, gap, day) for threshold in thresholds]
    return Budget(recall=found / max(1, events), false_per_day=false / days)


def _false_alarms(alarms: npt.NDArray[np.intp], label: Mask, gap: int, day: int) -> int:
    if not len(alarms):
        return 0
    starts = np.concatenate([[0], np.flatnonzero(np.diff(alarms) >= gap) + 1])
    labelled = np.concatenate([[0], np.cumsum(label)])
    began = alarms[starts]
    near = labelled[np.minimum(began + gap + 1, len(label))] > labelled[began]
    outside = np.add.reduceat((~label[alarms]).astype(np.intp), starts)
    return int((~near).sum() + (outside // day).sum())
