"""The blocks `groups` and `budget` of the configuration."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from anomaly_detector.endpoint import Faults, Struct
from anomaly_detector.marks.blocks import LabelName
from anomaly_detector.scoring.budget import BUDGET_PER_1000, threshold
from anomaly_detector.scoring.groups import GroupScore
from anomaly_detector.scoring.levelling import DAYS, FEWEST_DAYS
from anomaly_detector.scoring.rollup import DAY_S
from anomaly_detector.sharding import Shard
from heronwatch.values import Duration
from heronwatch.words import hint

PerWeek = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
DEFAULT_TEAM = "everyone"
LEAST_HISTORY_S = (FEWEST_DAYS + 1) * DAY_S  # days count from midnight (UTC): that many whole ones are in it
LEAST_PER_WEEK = 0.25  # what a budget allows at least, however few the devices: one notification in four weeks
MOST_HISTORY_S = DAYS * DAY_S  # what is older is forgotten


class Groups(Struct, frozen=True, kw_only=True):
    """By which label of its series a device, and the site that it stands at, is known.

    Series without the first belong to no device; without the second the device belongs to no site. `history` is what
    is played again where devices are not known yet, 0s for nothing: they are then learnt as they live.
    `sensitivity` divides the threshold that the budget draws. `score` says what is taken of all series of a device
    together: the mean of their scores, or the residual of a principal component analysis.
    """

    device: LabelName = "instance"
    site: LabelName = "site"
    history: Duration = Duration(7 * DAY_S)
    sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 1.0
    score: GroupScore = "mean"

    def config_faults(self) -> Faults:
        """A device is not its own site, and history is long enough to know it."""
        if 0 < self.history < LEAST_HISTORY_S or self.history > MOST_HISTORY_S:
            yield (
                "history",
                f"{self.history} is none of {Duration(LEAST_HISTORY_S)} to {Duration(MOST_HISTORY_S)}, or 0s",
            )
        if self.device == self.site:
            yield "site", f"'{self.site}' is the label of a device as well"


class Team(Struct, frozen=True, kw_only=True):
    """Who is notified of some queries, and how many notifications a week for each 1,000 devices that may be."""

    queries: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    per_week: PerWeek = BUDGET_PER_1000


class Budget(Struct, frozen=True, kw_only=True):
    """How many notifications a week there may be for each 1,000 devices, true ones not counted.

    `per_week` is for the queries that no team is named for; each team has a budget of its own. Queries of a budget
    have equal parts of it.
    """

    per_week: PerWeek = BUDGET_PER_1000
    teams: Mapping[str, Team] = {}

    def config_faults(self) -> Faults:
        """A query has one team."""
        owner: dict[str, str] = {}
        for name, team in self.teams.items():
            for place, query in enumerate(team.queries):
                if query in owner:
                    yield f"teams.{name}.queries[{place}]", f"'{query}' is {owner[query]}'s already"
                owner[query] = name


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a query has of a budget: notifications a week for each 1,000 devices, shared with how many queries."""

    team: str
    per_week: float
    queries: int

    def allowed(self, devices: int) -> float:
        """Return how many notifications a week one of the queries may have.

        >>> share = Share(team="everyone", per_week=5.0, queries=2)
        >>> share.allowed(1000), share.allowed(6)
        (2.5, 0.125)
        """
        return max(self.per_week * devices / 1000, LEAST_PER_WEEK) / self.queries


def share_of(budget: Budget, query: str, queries: Sequence[str]) -> Share:
    """Return what one of all queries has.

    >>> share_of(Budget(per_week=4.0), "cpu", ["cpu", "memory"])
    Share(team='everyone', per_week=4.0, queries=2)
    """
    for name, team in budget.teams.items():
        if query in team.queries:
            return Share(team=name, per_week=team.per_week, queries=len(team.queries))
    owned = {one for team in budget.teams.values() for one in team.queries}
    return Share(team=DEFAULT_TEAM, per_week=budget.per_week, queries=len([one for one in queries if one not in owned]))


def team_faults(budget: Budget, queries: Sequence[str]) -> Faults:
    """Yield every query of a team that does not exist."""
    for name, team in budget.teams.items():
        for place, query in enumerate(team.queries):
            if query not in queries:
                yield f"budget.teams.{name}.queries[{place}]", f"'{query}' is no query{hint(query, list(queries))}"


def shard_faults(groups: Groups | None, shard: Shard | None) -> Faults:
    """Yield labels by which a device's series would be spread over several shards, each of which saw a part of it."""
    if groups is None or shard is None:
        return
    for place, label in enumerate(shard.by):
        if label not in {groups.device, groups.site}:
            remedy = f"use '{groups.device}' or '{groups.site}', or leave it out"
            yield f"settings.shard.by[{place}]", f"'{label}' would part the series of a device: {remedy}"


class GroupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with the groups of one query; two equal plans run the same."""

    groups: Groups
    share: Share

    @property
    def threshold(self) -> float:
        """Return how rare something must be to be a notification, in decades of device-days."""
        return threshold(self.share.per_week, self.share.queries) / self.groups.sensitivity


def group_plan(groups: Groups | None, budget: Budget, query: str, queries: Sequence[str]) -> GroupPlan | None:
    """Return the plan of a query; None when nothing is rolled up."""
    return None if groups is None else GroupPlan(groups=groups, share=share_of(budget, query, queries))
