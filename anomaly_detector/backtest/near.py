"""How near an incident came to being notified: the highest scores of the series and devices that it is about."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.backtest.incidents import About, Spans, during
from anomaly_detector.models.model import F32
from anomaly_detector.scoring.learning import Labels, Pause

Highest = Mapping[tuple[str, str, float, float], float]  # of a kind, a name and a span of time: the highest score


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The highest score of any series of a query that an incident is about, while it lasted."""

    query: str
    labels: Labels
    score: float


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """With whom of a query something was wrong when; its instants begin at `from_s`."""

    query: str
    spans: Spans
    from_s: float
    step_s: float


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that was missed, with the series, and the device or site (`who`, `score`), that came nearest."""

    incident: Pause
    series: Peak | None = None
    who: str = ""
    score: float = 0.0

    @property
    def sensitivity(self) -> float | None:
        """Return the sensitivity at which the device or site would have been above 1; None where it showed nothing."""
        return 1 / self.score if self.score > 0 else None


def peaks(
    score: F32, series: Sequence[Labels], incidents: Sequence[Pause], *, query: str, first_s: float, step_s: float
) -> list[Peak | None]:
    """Return the highest of scores (series, instants) for each incident; None where it is about none of the series."""
    times_s = first_s + step_s * np.arange(score.shape[1])
    out: list[Peak | None] = []
    for one in incidents:
        rows = [row for row, labels in enumerate(series) if one.is_about(labels)]
        within = (times_s >= one.begins) & (times_s < one.to)
        if not rows or not within.any():
            out.append(None)
            continue
        most = score[rows][:, within].max(axis=1)
        row = int(most.argmax())
        out.append(Peak(query=query, labels=series[rows[row]], score=float(most[row])))
    return out


def highest(score: F32, names: Sequence[str], kind: str, wrong: Wrong) -> dict[tuple[str, str, float, float], float]:
    """Return the highest of scores (who, instants) within each of the spans of those who are named."""
    out = {}
    times_s = wrong.from_s + wrong.step_s * np.arange(score.shape[1])
    for row, name in enumerate(names):
        for since, to in wrong.spans.get((wrong.query, kind, name), ()):
            within = score[row, (times_s >= since) & (times_s < to)]
            out[kind, name, since, to] = float(within.max(initial=0))
    return out


def nearest(
    known: Sequence[Pause],
    missed: Sequence[Pause],
    lanes: Sequence[Sequence[Peak | None]],
    rolled: Mapping[str, Highest],
    about: About,
) -> tuple[Near, ...]:
    """Return how near each of the `known` incidents came that is among the `missed`.

    `lanes` have a peak for each known one, `rolled` the scores of devices and sites of each query.
    """
    out = []
    for place, one in enumerate(known):
        if not any(one is other for other in missed):
            continue
        series = [peak for peaks in lanes if place < len(peaks) and (peak := peaks[place]) is not None]
        who = [
            (score, f"{kind} {name}")
            for query, scores in rolled.items()
            for (kind, name, since, to), score in scores.items()
            if (since, to) == (one.begins, one.to) and any(map(one.is_about, about.get((query, kind, name), ())))
        ]
        score, name = max(who, default=(0.0, ""))
        out.append(
            Near(incident=one, series=max(series, key=lambda peak: peak.score, default=None), who=name, score=score)
        )
    return tuple(out)


def inside(incidents: Sequence[Pause], from_s: float, to_s: float) -> tuple[Pause, ...]:
    """Return the incidents that overlap a span: others can be neither found nor missed in it."""
    return tuple(one for one in incidents if during([(float(one.begins), float(one.to))], from_s, to_s))
