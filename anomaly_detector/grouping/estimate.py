"""How many notifications a week the configuration would have cost in the past: played again before a query may page."""

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.grouping.follow import QueryGroups
from anomaly_detector.grouping.running import dense, groups_of
from anomaly_detector.models.model import F32
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.replay import Replay
from anomaly_detector.scoring.budget import episodes
from anomaly_detector.scoring.levelling import FEWEST_DAYS
from anomaly_detector.source.reading import Source

DAY_S, WEEK_S = 86_400.0, 7 * 86_400.0
LEAST_HISTORY_S = (FEWEST_DAYS + 2) * DAY_S  # what levels are learnt from, and two days that are judged
CHANCE = 0.05  # of so many notifications although the budget is kept: what is rarer is above it


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One query: notifications within `weeks` that were judged, and what its part of the budget allows a week."""

    query: str
    page: bool
    team: str
    devices: int
    notifications: int
    weeks: float
    allowed_per_week: float

    @property
    def expected_per_week(self) -> float:
        """Return the expected notifications a week."""
        return self.notifications / self.weeks if self.weeks else 0.0

    @property
    def above(self) -> bool:
        """Whether so many are no accident within the budget (Poisson)."""
        return self.notifications > 0 and chance(self.notifications, self.allowed_per_week * self.weeks) < CHANCE


def chance(count: int, mean: float) -> float:
    """Return how likely `count` or more events are where `mean` are expected (Poisson).

    >>> round(chance(1, 0.5), 3)
    0.393
    """
    terms = (math.exp(-mean) * mean**one / math.factorial(one) for one in range(min(count, 150)))
    return max(0.0, 1 - sum(terms))


def estimates(
    config: Config, source: Callable[[], Source], *, history_s: float, told: Callable[[str], None]
) -> Iterator[Estimate]:
    """Yield the estimate of every query that is rolled up; raises as `Source.query_range` does."""
    for plan in plans(config):
        groups = groups_of(plan)
        if groups is None:
            continue
        told(plan.alias)
        reader = source()
        try:
            yield _estimate(plan, groups, reader, history_s)
        finally:
            reader.close()


def _estimate(plan: QueryPlan, groups: QueryGroups, source: Source, history_s: float) -> Estimate:
    now_s = np.floor(source.server_time() / plan.step_s) * plan.step_s - plan.step_s
    replay = Replay(plan, source)
    scores: list[F32] = []
    state = replay.learnt(now_s - history_s)
    for instant in replay.run(state, now_s):
        values, held = dense(len(state.table), instant.rows, instant.values, None)
        told = groups.at(state.table, instant.words[0], values, held)
        if told is not None:
            scores.append(np.concatenate((told.group, told.site)))
    devices, share = len(groups.devices), groups.plan.share
    return Estimate(
        query=plan.alias,
        page=plan.query.page,
        team=share.team,
        devices=devices,
        notifications=episodes(_even(scores) > 1, plan.step_s),
        weeks=len(scores) * plan.step_s / WEEK_S,
        allowed_per_week=share.per_week / share.queries * devices / 1000,
    )


def _even(rows: Sequence[F32]) -> F32:
    """Return rows of growing length as one array, 0 where a group was not known yet."""
    width = max((len(row) for row in rows), default=0)
    return np.array([np.pad(row, (0, width - len(row))) for row in rows], np.float32).reshape(len(rows), width)
