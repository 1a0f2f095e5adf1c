"""How much evidence makes a notification, so that the installation stays within its budget of them.

Evidence (levelling.py) rises and falls in episodes. The threshold lies where the peaks of history's episodes say that
as many a week would be higher as the budget allows. The tail of the peaks is taken as exponential, since evidence is a
logarithm of how rare something is, and measured by its median, which some true faults do not move. No I/O.
"""

import math

import numpy as np

from anomaly_detector.models.model import F32, F64

WEEK_S = 7 * 86_400.0
BAR = 1.0  # decades: evidence above begins an episode
QUIET_S = 3600.0  # without evidence for so long it is over
TAIL_PEAKS = 20  # the highest, of which the tail is measured
FEWEST = 5  # peaks, before they tell anything
FIRST = 10.0  # decades: the threshold until then
AIM = 0.2  # of the budget: life moves on from what was learnt, and what it brings is a notification, too
LN2 = math.log(2)  # the median of an exponential distribution is ln 2 times its mean


def peaks(evidence: F32, step_s: float) -> F64:
    """Return the peak of every episode in evidence (instants, groups), highest first."""
    width = round(QUIET_S / step_s)
    found: list[float] = []
    for group in np.flatnonzero((evidence > BAR).any(axis=0)).tolist():
        above = np.flatnonzero(evidence[:, group] > BAR)
        episodes = np.split(above, np.flatnonzero(np.diff(above) > width) + 1)
        found += (float(evidence[episode, group].max()) for episode in episodes)
    return np.sort(np.array(found))[::-1]


def threshold(found: F64, *, weeks: float, a_week: float) -> float:
    """Return the evidence that makes a notification, to stay within `a_week` of them.

    `found` are the peaks of `weeks` of history, highest first.
    """
    count = min(TAIL_PEAKS, len(found) - 1)
    if count < FEWEST:
        return FIRST
    start = float(found[count])
    mean_excess = float(np.median(found[:count] - start)) / LN2
    return start + mean_excess * max(0.0, math.log(count / (AIM * a_week * weeks)))


def expected_a_week(found: F64, *, weeks: float, at: float) -> float:
    """Return how many notifications a week history would have had at a threshold.

    >>> expected_a_week(np.array([9.0, 7.0, 3.0]), weeks=2, at=5.0)
    1.0
    """
    return float((found > at).sum() / weeks)
