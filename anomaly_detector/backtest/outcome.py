"""What a backtest found: everything that the report shows. No I/O."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import (
    SENSITIVITIES,
    Alarm,
    Judgement,
    Places,
    judged_against,
    meeting,
    notifications,
)
from anomaly_detector.backtest.block import LaneResult, Terms
from anomaly_detector.backtest.traces import Trace
from anomaly_detector.feedback.verdicts import moment
from anomaly_detector.models.model import DAY_S, F64
from anomaly_detector.scoring.learning import Pause

WEEK_S = 7 * DAY_S
BUDGET_PER_1000 = 5.0  # notifications a week for each thousand devices, as issue and `check` have it
MOST_TRACES = 12


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result. `a_week` are the notifications a week at each of SENSITIVITIES, `meets` the one within `budget`."""

    terms: Terms
    lanes: tuple[LaneResult, ...]
    alarms: tuple[Alarm, ...]
    notified: int
    hosts: int
    budget: float
    a_week: F64
    meets: float | None
    judgement: Judgement | None
    traces: tuple[Trace, ...]

    @property
    def days(self) -> float:
        """Length of the judged span."""
        return (self.terms.to_s - self.terms.from_s) / DAY_S

    @property
    def notified_a_week(self) -> float:
        """Notifications a week as configured."""
        return self.notified / self.days * 7


def outcome(
    lanes: Sequence[LaneResult], terms: Terms, *, hosts: int, budget: float | None, incidents: Sequence[Pause] | None
) -> Outcome:
    """Put the blocks' results together; `budget` None takes that of the number of hosts."""
    alarms = sorted((alarm for lane in lanes for alarm in lane.alarms), key=lambda one: (one.begins, one.query))
    weeks = (terms.to_s - terms.from_s) / WEEK_S
    curve = np.array([_notified(lanes, place, terms.apart_s) / weeks for place in range(len(SENSITIVITIES))])
    allowed = BUDGET_PER_1000 * max(1, hosts) / 1000 if budget is None else budget
    noisy = sorted(
        (one for lane in lanes for one in lane.traces), key=lambda one: (-one.alarms, -float(one.score.max()))
    )
    codes = host_codes([alarm.host for alarm in alarms])
    return Outcome(
        terms=terms,
        lanes=_joined(lanes),
        alarms=tuple(alarms),
        notified=notifications(codes, np.array([one.begins for one in alarms]), apart_s=terms.apart_s),
        hosts=hosts,
        budget=allowed,
        a_week=curve,
        meets=meeting(SENSITIVITIES, curve, allowed),
        judgement=None if incidents is None else judged_against(alarms, incidents, apart_s=terms.apart_s),
        traces=tuple(noisy[:MOST_TRACES]),
    )


def summary(found: Outcome) -> dict[str, Any]:
    """Return what a script would read."""
    judged = found.judgement
    return {
        "from": moment(found.terms.from_s),
        "to": moment(found.terms.to_s),
        "series": sum(lane.series for lane in found.lanes),
        "hosts": found.hosts,
        "alarms": len(found.alarms),
        "notifications_per_week": round(found.notified_a_week, 3),
        "budget_per_week": round(found.budget, 3),
        "within_budget": found.notified_a_week <= found.budget,
        "sensitivity_that_meets_the_budget": found.meets,
        "queries": [
            {"query": lane.query, "model": lane.model, "series": lane.series, "alarms": len(lane.alarms)}
            for lane in found.lanes
        ],
        "incidents": None
        if judged is None
        else {
            "count": judged.incidents,
            "found": judged.found,
            "precision": judged.precision,
            "recall": judged.recall,
            "median_delay_seconds": float(np.median(judged.delays_s)) if judged.delays_s else None,
        },
    }


def _notified(lanes: Sequence[LaneResult], place: int, apart_s: float) -> int:
    hosts = [host for lane in lanes for host in lane.hosts[place]]
    begins = [lane.begins_s[place] for lane in lanes]
    return notifications(host_codes(hosts), np.concatenate(begins) if begins else np.zeros(0), apart_s=apart_s)


def host_codes(hosts: Sequence[str]) -> Places:
    """Return a number for each host name, the same for the same."""
    known = {host: code for code, host in enumerate(dict.fromkeys(hosts))}
    return np.array([known[host] for host in hosts], np.intp)


def _joined(lanes: Sequence[LaneResult]) -> tuple[LaneResult, ...]:
    """Put the blocks of each query and model together; what was for the curve is left out."""
    out: dict[tuple[str, str], LaneResult] = {}
    for lane in lanes:
        before = out.get((lane.query, lane.model))
        bare = msgspec.structs.replace(lane, hosts=[], begins_s=[], traces=[])
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
