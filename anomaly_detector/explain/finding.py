"""What is found out about one series at one instant: values only; `telling` says them."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.explain.subject import written
from anomaly_detector.explain.testimony import Testimony
from anomaly_detector.instant import Judged
from anomaly_detector.scoring.scoring import Rules
from anomaly_detector.series_table import Labels

NEAR = 0.7  # of the threshold: what counts as nearly anomalous among the host's series


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A score that an alarm before holds up: `by_itself` the sample would score that, `hold` is the model's option.

    It has fallen since `at` (Unix seconds), when it was `score`.
    """

    by_itself: float
    score: float
    at: float
    hold: int


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One model about the series: its score, the band, its features' own scores, how warm it is.

    `shares` is what each feature that scores has of their sum; one without a share tells and does not score.
    `raised_by` is what people raised the threshold by (1 for not at all), `written` the score that the server has of
    this instant, None where it has none.
    """

    model: str
    alias: str
    score: float
    expected: float
    lower: float
    upper: float
    confidence: float
    features: Mapping[str, float]
    shares: Mapping[str, float]
    testimony: Testimony = Testimony()
    raised_by: float = 1.0
    written: float | None = None
    held: Held | None = None

    @property
    def by_itself(self) -> float:
        """What this sample scores without the alarms before it."""
        return self.held.by_itself if self.held else self.score


class Mates(msgspec.Struct, frozen=True, kw_only=True):
    """The series of the same host in one query: how many have a sample, are above 1, are near it; the worst of them."""

    query: str
    series: int
    above: int
    near: int
    worst: Sequence[tuple[str, float]] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. Times are Unix seconds, `actual` is None without a sample.

    `learnt` says what the models knew, `not_learning` why this instant teaches nothing ("" when it does),
    `feedback` the false alarms that raise its threshold, `accepted` the levels that people took as normal, `limit`
    which limit of `data_range` is broken ("" where none is).
    """

    series: str
    query: str
    at: float
    actual: float | None
    said: Sequence[Said]
    host: str
    mates: Sequence[Mates]
    learnt: str
    not_learning: str = ""
    feedback: Sequence[str] = ()
    accepted: Sequence[str] = ()
    limit: str = ""

    @property
    def agreeing(self) -> tuple[int, int]:
        """How many of the host's series score above 1, and how many there are."""
        return sum(one.above for one in self.mates), sum(one.series for one in self.mates)


def limit_of(rules: Rules, actual: float | None) -> str:
    """Return which limit a value breaks, and what follows; "" where it breaks none.

    >>> limit_of(Rules(data_range=(0.0, 95.0)), 97.0)
    'beyond data_range, 0 to 95: scores 1.01 at least, and so does its device; no false alarm changes that'
    """
    low, high = rules.data_range
    if actual is None or low <= actual <= high:
        return ""
    scores = f"scores {rules.outside_score:g} at least, and so does its device; no false alarm changes that"
    return f"beyond data_range, {low:g} to {high:g}: {scores}"


def said_of(judged: Judged, row: int, *, model: str, features: tuple[str, ...], testimony: Testimony) -> Said | None:
    """Return what a model says of a row, None when the row has no sample."""
    place = np.flatnonzero(judged.rows == row)
    if not len(place):
        return None
    verdict, at = judged.verdict, int(place[0])
    scores = {name: float(verdict.contribution[number, at]) for number, name in enumerate(features)}
    scoring = {name: score for name, score in scores.items() if name not in testimony.silent}
    whole = sum(scoring.values())
    return Said(
        model=model,
        alias=judged.lane,
        score=float(verdict.score[at]),
        expected=float(verdict.expected[at]),
        lower=float(verdict.lower[at]),
        upper=float(verdict.upper[at]),
        confidence=float(verdict.confidence[at]),
        features=scores,
        shares={name: score / whole if whole else 0.0 for name, score in scoring.items()},
        testimony=testimony,
    )


def mates_of(words: Sequence[Judged], labels: Sequence[Labels | None], *, query: str) -> Mates:
    """Return how the series of one query stand, by the highest score that any model gives each."""
    scores: dict[int, float] = {}
    for judged in words:
        for row, score in zip(judged.rows.tolist(), judged.verdict.score.tolist(), strict=True):
            scores[row] = max(score, scores.get(row, 0.0))
    worst = sorted(scores.items(), key=lambda one: -one[1])[:3]
    return Mates(
        query=query,
        series=len(scores),
        above=sum(score > 1 for score in scores.values()),
        near=sum(NEAR < score <= 1 for score in scores.values()),
        worst=[(written(query, labels[row] or ()), round(score, 3)) for row, score in worst if score > NEAR],
    )
