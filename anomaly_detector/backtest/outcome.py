"""What a backtest found: everything that the report shows. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Alarm, Judgement, Places, meeting
from anomaly_detector.backtest.block import LaneResult, Terms
from anomaly_detector.backtest.choices import Choice, choices
from anomaly_detector.backtest.incidents import About, found_at, spans_of
from anomaly_detector.backtest.near import Near, nearest
from anomaly_detector.backtest.notices import curve, judged_against, notices
from anomaly_detector.backtest.rolled import Notice, Rolled
from anomaly_detector.backtest.traces import Trace
from anomaly_detector.feedback.verdicts import moment
from anomaly_detector.hardly_alarming import Hardly
from anomaly_detector.models.model import DAY_S, F64
from anomaly_detector.scoring.learning import Pause

WEEK_S = 7 * DAY_S
MOST_TRACES = 12
MOST_HARDLY = 20  # series that can hardly alarm, in reports


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result. `a_week` are the notifications a week at each of SENSITIVITIES, `meets` the one within `budget`.

    Where incidents are known, notifications that match one are true and do not count in either.
    `judged` is the share of what devices showed at which they were known; None where no query is rolled up. `near` is
    how near the missed incidents came; `outside` how many lie outside of the span; `found` how many incidents would be
    found at each of SENSITIVITIES, None where none are known. `hardly` are the series that can hardly alarm,
    `late` the queries whose samples begin within the span, and when.
    """

    terms: Terms
    lanes: tuple[LaneResult, ...]
    alarms: tuple[Alarm, ...]
    notices: tuple[Notice, ...]
    hosts: int
    budget: float
    a_week: F64
    meets: float | None
    judgement: Judgement | None
    traces: tuple[Trace, ...]
    judged: float | None = None
    near: tuple[Near, ...] = ()
    outside: int = 0
    found: Places | None = None
    hardly: tuple[Hardly, ...] = ()
    late: Mapping[str, float] = {}

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What one may choose from: sensitivities that find more, those that cost less; none without incidents."""
        return () if self.found is None else choices(self.a_week, self.found, meets=self.meets)

    @property
    def finds_most(self) -> Choice | None:
        """The lowest sensitivity that finds more of the incidents than as configured does, and most of them."""
        now = next((one for one in self.choices if one.sensitivity == 1), None)
        most = max(self.choices, key=lambda one: (one.found, -one.sensitivity), default=None)
        return most if most is not None and now is not None and most.found > now.found else None

    @property
    def days(self) -> float:
        """Length of the judged span, as far as there is history of any query."""
        return (self.terms.to_s - begin_of(self.lanes, self.terms, self.late)) / DAY_S

    @property
    def notified_a_week(self) -> float:
        """Notifications a week as configured."""
        return len(self.notices) / self.days * 7

    @property
    def counted_a_week(self) -> float:
        """Notifications a week as configured that count against the budget: all, less those that are known as true."""
        return (len(self.notices) if self.judgement is None else self.judgement.false) / self.days * 7

    @property
    def within(self) -> bool:
        """Whether what counts is within the budget."""
        return self.counted_a_week <= self.budget


def begin_of(lanes: Sequence[LaneResult], terms: Terms, late: Mapping[str, float]) -> float:
    """Return when what is judged begins: with the first sample of the earliest query, where all begin `late`.

    At least a day is judged, where so much is asked for: rates of less say nothing.
    """
    first_s = min((late.get(lane.query, terms.from_s) for lane in lanes), default=terms.from_s)
    return max(terms.from_s, min(first_s, terms.to_s - DAY_S))


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents that are known, which series each notification is about, and how many lie outside of the span."""

    known: tuple[Pause, ...]
    about: About
    outside: int = 0


def outcome(
    lanes: Sequence[LaneResult],
    rolled: Mapping[str, Rolled],
    terms: Terms,
    *,
    hosts: int,
    budget: float,
    incidents: Incidents | None,
    hardly: Sequence[Hardly] = (),
    late: Mapping[str, float] | None = None,
) -> Outcome:
    """Put the blocks' results together; `rolled` are the queries whose devices and sites are rolled up."""
    alarms = sorted((alarm for lane in lanes for alarm in lane.alarms), key=lambda one: (one.begins, one.query))
    told = notices(alarms, rolled, apart_s=terms.apart_s)
    spans = None if incidents is None else spans_of(incidents.known, incidents.about)
    at_each = curve(lanes, rolled, apart_s=terms.apart_s, spans=spans)
    a_week = np.asarray(at_each.counts * WEEK_S / (terms.to_s - begin_of(lanes, terms, late or {})))
    judgement = None if incidents is None else judged_against(told, incidents.known, incidents.about)
    near = () if incidents is None or judgement is None else _near(lanes, rolled, incidents, judgement)
    return Outcome(
        terms=terms,
        lanes=_joined(lanes),
        alarms=tuple(alarms),
        notices=tuple(told),
        hosts=hosts,
        budget=budget,
        a_week=a_week,
        meets=meeting(SENSITIVITIES, a_week, budget),
        judgement=judgement,
        near=near,
        outside=0 if incidents is None else incidents.outside,
        found=None if incidents is None else np.array(found_at(incidents.known, incidents.about, at_each.met), np.intp),
        hardly=tuple(sorted(hardly, key=lambda one: (one.score, one.query, one.labels))),
        late=late or {},
        traces=_drawn(lanes, near),
        judged=float(np.mean([one.judged for one in rolled.values()])) if rolled else None,
    )


def _drawn(lanes: Sequence[LaneResult], near: Sequence[Near]) -> tuple[Trace, ...]:
    """Return what is drawn: the noisiest series, and what came nearest to missed incidents."""
    noisy = sorted(
        (one for lane in lanes for one in lane.traces), key=lambda one: (-one.alarms, -float(one.score.max()))
    )
    missed = {(one.series.query, one.series.labels) for one in near if one.series is not None}
    more = [one for one in noisy[MOST_TRACES:] if (one.query, one.labels) in missed]
    return tuple(noisy[:MOST_TRACES] + more[:MOST_TRACES])


def _near(
    lanes: Sequence[LaneResult], rolled: Mapping[str, Rolled], incidents: Incidents, judgement: Judgement
) -> tuple[Near, ...]:
    scores = {alias: one.highest for alias, one in rolled.items()}
    return nearest(incidents.known, judgement.missed, [lane.peaks for lane in lanes], scores, incidents.about)


def summary(found: Outcome) -> dict[str, Any]:
    """Return what a script would read."""
    return {
        "from": moment(found.terms.from_s),
        "to": moment(found.terms.to_s),
        "begins_late": {query: moment(first_s) for query, first_s in found.late.items()},
        "series": sum(lane.series for lane in found.lanes),
        "hosts": found.hosts,
        "alarms": len(found.alarms),
        "notifications": {
            kind: sum(one.kind == kind for one in found.notices) for kind in ("device", "site", "series")
        },
        "devices_known": None if found.judged is None else round(found.judged, 3),
        "notifications_per_week": round(found.notified_a_week, 3),
        "budget_per_week": round(found.budget, 3),
        "counted_per_week": round(found.counted_a_week, 3),
        "within_budget": found.within,
        "sensitivity_that_meets_the_budget": found.meets,
        "sensitivity_that_finds_most": None if found.finds_most is None else found.finds_most.sensitivity,
        "curve": _curve(found),
        "queries": [
            {"query": lane.query, "model": lane.model, "series": lane.series, "alarms": len(lane.alarms)}
            for lane in found.lanes
        ],
        "incidents": None if found.judgement is None else _judged(found.judgement, found.outside),
        "can_hardly_alarm": {
            "count": len(found.hardly),
            "series": [msgspec.to_builtins(one) for one in found.hardly[:MOST_HARDLY]],
        },
    }


def _curve(found: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "sensitivity": sensitivity,
            "counted_per_week": round(float(found.a_week[place]), 3),
            "incidents_found": None if found.found is None else int(found.found[place]),
        }
        for place, sensitivity in enumerate(SENSITIVITIES.tolist())
    ]


def _judged(judged: Judgement, outside: int) -> dict[str, Any]:
    return {
        "count": judged.incidents,
        "found": judged.found,
        "outside_the_span": outside,
        "precision": judged.precision,
        "recall": judged.recall,
        "median_delay_seconds": float(np.median(judged.delays_s)) if judged.delays_s else None,
    }


def _joined(lanes: Sequence[LaneResult]) -> tuple[LaneResult, ...]:
    """Put the blocks of each query and model together; what was for the curve is left out."""
    out: dict[tuple[str, str], LaneResult] = {}
    for lane in lanes:
        before = out.get((lane.query, lane.model))
        bare = msgspec.structs.replace(lane, hosts=[], begins_s=[], ends_s=[], traces=[], peaks=[])
        out[lane.query, lane.model] = (
            bare
            if before is None
            else msgspec.structs.replace(
                before,
                series=before.series + lane.series,
                scored=before.scored + lane.scored,
                warming=before.warming + lane.warming,
                alarms=[*before.alarms, *lane.alarms],
            )
        )
    return tuple(out.values())
