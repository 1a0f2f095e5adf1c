"""What a sign is worth: how rare it is, so that signs of other queries and other devices can be compared.

A sign is followed over several spans, so that what is small but lasts counts as well: a sign over a span is a feature.
Of each feature and group the highest value of every day is remembered, two weeks long. By how much a value goes beyond
the highest of its own group's past days is taken in shares of that highest plus what hardly any group ever exceeds: a
device that is always lively is not more suspect than one that is always calm, and what was so yesterday is no news.
That share is compared with those of all groups on all past days, each taken against its other days: so nothing is
assumed about how values are distributed (conformal prediction, leave one out; Vovk et al., "Algorithmic Learning in a
Random World", 2005). The result is the decimal logarithm of how rare it is (3: one day of one group in a thousand was
as bad). Beyond the highest share ever seen the tail is taken as that of a Pareto distribution of a fixed index, and
FURTHEST bounds it: no query can run away. What a second family of signs says counts for a share. No I/O.
"""

import math

import msgspec
import numpy as np

from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.groups import ABOVE, BELOW, BREADTH, CAPS, DRIFT, FALL, FEW, RISE, SIGNS, STILL, TOP
from anomaly_detector.series_table import Rows

SPANS_S = (900.0, 3600.0, 21_600.0)
# `rise`, and beside `fall` itself `apart`, are what goes beyond other devices of the site at the same moment (sites.py)
FOLLOWED = (*SIGNS, "apart")
APART = len(SIGNS)
FEATURES = len(SPANS_S) * len(FOLLOWED)
AWAY_STEPS, RESTART_S = 2, 600.0
DAYS = 14  # that are remembered
FEWEST_DAYS = 3  # of a group, before it is judged
FEWEST_RATIOS = 12  # of all groups together, before anything is: four of three days each, or one of twelve
RARELY = 0.99  # the share of all days of all groups below what is added to a group's own highest
# ... and at least this much of each: the worst series at its own threshold; all series at a fifth of theirs; a drift of
# four times the usual; a fall by a quarter; a jump by a sixth that other devices do not show
LEAST: F64 = np.tile([1.0, 0.6, 0.2, 0.2, 0.2, 0.2, 16.0, 0.1, 0.03, 0.03], len(SPANS_S))
# a sign that is so high on one day in a hundred has nothing left to say
MOST: F64 = np.tile(0.7 * np.append(CAPS, CAPS[FALL]), len(SPANS_S))
LOUD_DAYS = 4  # for so long a notified trouble is a group's own: what lasts is accepted by the models then
PARETO_INDEX = 3.0  # of what lies beyond everything seen: twice as high is 2^3 times as rare
HARDLY = 0.5  # half as much again as a group's own is never beyond everything, even where nobody ever went so far
MISSED = 20  # loud days found at most that nobody was told of
FURTHEST = 6.0  # decades beyond everything seen, at most
# signs that say the same in other words: how far off the series are; that they stand still, drift, jump
FAMILIES = tuple(
    np.flatnonzero(np.isin(np.arange(FEATURES) % len(FOLLOWED), signs))
    for signs in ((TOP, FEW, BREADTH, ABOVE, BELOW), (STILL,), (DRIFT,), (FALL, RISE, APART))
)
SECOND, BEYOND = 0.5, 1.5  # what counts of what another family says, and from how many decades on


class Spans:
    """Signs followed over every span: exponential means, for each group.

    A long span's feature is never above a shorter one's: what is over is no evidence, however long it was. A group that
    was away for two steps has restarted, and is let settle for RESTART_S; what it showed before fades while it is away.
    """

    def __init__(self, signs: int, groups: int, step_s: float) -> None:
        self._rates = [np.float32(1 - np.exp(-step_s / span_s)) for span_s in SPANS_S]
        self._settles = 1 + round(RESTART_S / step_s)
        self.means: F32 = np.zeros((len(SPANS_S), signs, groups), np.float32)
        self.away: Rows = np.zeros(groups, np.intp)  # steps without a sample
        self.settling: Rows = np.zeros(groups, np.intp)  # steps to go

    def grow(self, groups: int) -> None:
        """Make room for more groups."""
        more = groups - len(self.away)
        self.means = np.concatenate((self.means, np.zeros((*self.means.shape[:2], more), np.float32)), axis=2)
        self.away = np.concatenate((self.away, np.zeros(more, np.intp)))
        self.settling = np.concatenate((self.settling, np.zeros(more, np.intp)))

    def follow(self, signs: F32, there: Mask) -> F32:
        """Take an instant's signs (sign, group); return all features (span and sign, group).

        A group without a sample (`there` is False) keeps its features until it is back.
        """
        back = np.flatnonzero(there & (self.away >= AWAY_STEPS))
        self.settling[back] = self._settles
        for place, rate in enumerate(self._rates):
            self.means[place][:, back] *= (1 - rate) ** self.away[back].astype(np.float32)
        self.away = np.where(there, 0, self.away + 1)
        self.settling -= there & (self.settling > 0)
        counts = there & (self.settling == 0)
        for place, rate in enumerate(self._rates):
            self.means[place] += np.where(counts, rate * (signs - self.means[place]), np.float32(0))
        return np.asarray(np.minimum.accumulate(self.means, axis=0).reshape(-1, signs.shape[1]), np.float32)


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """What was learnt from past days.

    `own` (feature, group) is each group's highest, NaN where too few days are known; `floor` (feature) what is added;
    `ratios` (feature, ascending) those of all groups and days; `joint` (ascending) what each of them says in all.
    """

    own: F32
    floor: F64
    ratios: F64
    joint: F64

    def surprise(self, features: F32) -> F32:
        """Return how rare each group's most surprising feature is, in decades of group-days; 0 while unknown."""
        ratio = np.nan_to_num(_excess(features, self.own, self.floor[:, None]))
        out = np.zeros(features.shape[1], np.float32)
        lively = np.flatnonzero((ratio > 0).any(axis=0))
        if len(lively):
            out[lively] = _beyond(_most(self.ratios, ratio[:, lively]), self.joint)
        return out


class _Past(msgspec.Struct, frozen=True):
    """Of the days that say what is rare (`wanted`: day, group): their highest values, and those of their other days.

    Both are (feature, group-day).
    """

    wanted: Mask
    highest: F64
    other: F64

    def floor(self, most: F64, *, but_top: bool = False) -> F64:
        """Return what hardly any group ever exceeds, by all or by all but the highest value of each feature."""
        values = np.partition(self.highest, -1, axis=1)[:, :-1] if but_top else self.highest
        floor = np.quantile(values, RARELY, axis=1)
        return np.where(floor > most, np.inf, np.maximum(floor, LEAST))


def learn_levels(highest: F32, loud: Mask, *, most: F64 = MOST) -> Levels | None:
    """Learn from the highest values of past days (day, feature, group), NaN where a group was not there.

    Days on which a group was over its threshold (`loud`: day, group) say for LOUD_DAYS what is its own, and never what
    is rare. A feature that usually comes to `most` of what it can be says nothing: its `floor` is infinite.
    Returns None while there is too little.
    """
    past = _past(highest, loud)
    if past is None:
        return None
    floor = past.floor(most)
    ratio = _excess(past.highest, past.other, floor[:, None])
    ratios, days = np.sort(ratio, axis=1), np.isfinite(highest[:, 0]).sum(axis=0)
    filled = np.where(np.isfinite(highest[:, :1]), highest, -np.inf)
    filled[:-LOUD_DAYS] = np.where(loud[:-LOUD_DAYS, None], -np.inf, filled[:-LOUD_DAYS])
    own = np.where(days >= FEWEST_DAYS, filled.max(axis=0), np.nan).astype(np.float32)
    return Levels(own=own, floor=floor, ratios=ratios, joint=np.sort(_most(ratios, ratio)))


def missed_loud(highest: F32, loud: Mask, *, limit: float, most: F64 = MOST) -> Mask:
    """Return the days (day, group) that would have been loud, had their group been known on them.

    They are found one after the other: a day whose surprise, against all that are left, is above `limit` decades.
    Without that, one incident in the days before anything is judged would tell that nothing is rare.
    """
    found = np.zeros_like(loud)
    for _ in range(MISSED):
        past = _past(highest, loud | found)
        if past is None:
            break
        ratio = _excess(past.highest, past.other, past.floor(most, but_top=True)[:, None])
        two = np.argpartition(ratio, -2, axis=1)[:, -2:]
        second, top = np.maximum(np.take_along_axis(ratio, two, axis=1), HARDLY).T
        feature = int(np.argmax(top / second))
        if math.log10(ratio.shape[1]) + PARETO_INDEX * math.log10(top[feature] / second[feature]) <= limit:
            break
        found[tuple(np.argwhere(past.wanted)[two[feature, 1]])] = True
    return found


def _past(highest: F32, loud: Mask) -> _Past | None:
    """Return what the days that are not loud say of groups known for long enough; None while there is too little."""
    known = np.isfinite(highest[:, 0])
    days = known.sum(axis=0)
    filled = np.where(known[:, None], highest, -np.inf)
    two = -np.sort(-filled, axis=0)[:2]
    other = np.where((filled == two[0]) & (days > 1), two[min(1, len(two) - 1)], two[0])
    wanted = known & ~loud & (days >= FEWEST_DAYS)
    if wanted.sum() < FEWEST_RATIOS:
        return None
    picked, others = (np.moveaxis(one, 1, 0)[:, wanted].astype(np.float64) for one in (filled, other))
    return _Past(wanted, picked, others)


def _excess(value: F64 | F32, own: F64 | F32, floor: F64) -> F64:
    """Return by which share values go beyond what is their groups' own; 0 where they do not."""
    return np.asarray(np.maximum(value - own, 0) / (own + floor), np.float64)


def _most(ratios: F64, ratio: F64) -> F64:
    """Return the highest surprise over the features of ratios (feature, …), and a share of the next family's."""
    count = ratios.shape[1]
    at_least = np.stack([np.searchsorted(row, one, side="left") for row, one in zip(ratios, ratio, strict=True)])
    rare = np.log10((count + 1) / (count - at_least + 1))
    top = np.maximum(ratios[:, -1:], HARDLY)
    further = PARETO_INDEX * np.log10(np.maximum(ratio, top) / top)
    surprise = rare + np.minimum(further, FURTHEST)
    second, first = np.sort([surprise[family].max(axis=0) for family in FAMILIES], axis=0)[-2:]
    return np.asarray(first + SECOND * np.maximum(second - BEYOND, 0))


def _beyond(surprise: F64, joint: F64) -> F64:
    """Level what is the highest of several surprises by the highest ones of the past."""
    at_least = np.searchsorted(joint, surprise, side="left")
    rare = np.log10((len(joint) + 1) / (len(joint) - at_least + 1))
    return np.asarray(rare + np.maximum(surprise - joint[-1], 0))
