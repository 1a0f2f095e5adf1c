"""How many notifications a week the configuration would have cost in the past: played again before a query may page."""

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.grouping.follow import QueryGroups, groups_of
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.grouping.tally import Notified, Tally
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.scoring.levelling import FEWEST_DAYS
from anomaly_detector.source.reading import Source

DAY_S, WEEK_S = 86_400.0, 7 * 86_400.0
LEAST_HISTORY_S = (FEWEST_DAYS + 2) * DAY_S  # what levels are learnt from, and two days that are judged
MOST_HISTORY_S = 366 * DAY_S
LEAST_JUDGED_S = DAY_S  # with less, no notification means nothing
CHANCE = 0.05  # of so many notifications although the budget is kept: what is rarer is above it


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One query: notifications within `weeks` that were judged, and what its part of the budget allows a week.

    `queries` is how many share that budget; `named` are the first of the notifications.
    """

    query: str
    page: bool
    team: str
    devices: int
    notifications: int
    weeks: float
    allowed_per_week: float
    queries: int = 1
    named: tuple[Notified, ...] = ()

    @property
    def expected_per_week(self) -> float:
        """Return the expected notifications a week."""
        return self.notifications / self.weeks if self.weeks else 0.0

    @property
    def known(self) -> bool:
        """Whether enough was judged to say anything."""
        return self.weeks * WEEK_S >= LEAST_JUDGED_S

    @property
    def above(self) -> bool:
        """Whether so many are no accident within the budget (Poisson)."""
        return self.notifications > 0 and chance(self.notifications, self.allowed_per_week * self.weeks) < CHANCE

    @property
    def enough_per_week(self) -> float:
        """Return the least `per_week` of the budget, to two digits, of which so many are no sign of too many.

        >>> one = Estimate(query="cpu", page=True, team="everyone", devices=200, notifications=6, weeks=1.5,
        ...                allowed_per_week=0.5)
        >>> one.enough_per_week
        8.8
        """
        low, high = 0.0, float(self.notifications)  # of the mean: so many are likely where so many are expected
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if chance(self.notifications, middle) >= CHANCE else (middle, high)
        exact = high / self.weeks * self.queries * 1000 / max(1, self.devices)
        digit = 10.0 ** (math.floor(math.log10(exact)) - 1)
        return round(math.ceil(exact / digit) * digit, 6)


def chance(count: int, mean: float) -> float:
    """Return how likely `count` or more events are where `mean` are expected (Poisson).

    >>> round(chance(1, 0.5), 3)
    0.393
    """
    terms = (math.exp(-mean) * mean**one / math.factorial(one) for one in range(min(count, 150)))
    return max(0.0, 1 - sum(terms))


def estimates(
    config: Config,
    source: Callable[[QueryPlan], Source],
    *,
    history_s: float,
    told: Callable[[str, float], None],
    pauses: Sequence[Pause] = (),
) -> Iterator[Estimate]:
    """Yield the estimate of every query that is rolled up; raises as `Source.query_range` does.

    `told` hears which share of a query's past is played; `pauses` are what people marked, beside those of the settings.
    """
    for plan in plans(config):
        groups = groups_of(plan)
        if groups is None:
            continue
        told(plan.alias, 0.0)
        reader = source(plan)
        try:
            now_s = np.floor(reader.server_time() / plan.step_s) * plan.step_s - plan.step_s
            from_s = now_s - round(history_s / plan.step_s) * plan.step_s
            rehearsal = Rehearsal(plan, groups, reader, pauses=pauses)
            tally = Tally()
            for one in rehearsal.run(from_s, now_s):
                tally.note(one, groups)
                told(plan.alias, (rehearsal.last_s - from_s) / (now_s - from_s))
            yield estimate(plan, groups, tally)
        finally:
            reader.close()


def estimate(plan: QueryPlan, groups: QueryGroups, tally: Tally) -> Estimate:
    """Return what a past that was played again says."""
    devices, share = len(groups.devices), groups.plan.share
    return Estimate(
        query=plan.alias,
        page=plan.query.page,
        team=share.team,
        devices=devices,
        notifications=tally.notifications,
        weeks=tally.judged * plan.step_s / WEEK_S,
        allowed_per_week=share.allowed(devices),
        queries=share.queries,
        named=tuple(tally.named),
    )
