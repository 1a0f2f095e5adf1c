"""From a configuration to what is run: every query with its models, comparable as values."""

import hashlib

import msgspec

from anomaly_detector.config import DEFAULT_CLASS, Config, Profile, Query, Reader, Settings
from anomaly_detector.grouping.blocks import GroupPlan, group_plan
from anomaly_detector.models.model import Model, ModelOptions, bytes_per_series
from anomaly_detector.models.registry import models
from anomaly_detector.promql import settling_s
from anomaly_detector.schedulers import scheduled, scheduler_of
from anomaly_detector.scoring.scoring import Rules

SETTLING_MAX_S = 900.0
DEFAULT_ALIAS = "default"


class LanePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One model over one query."""

    alias: str
    model: str
    options: ModelOptions

    def make(self) -> Model:
        """Return the model."""
        return models().get(self.model).make(self.options)

    def told(self) -> tuple[str, str, list[tuple[str, str]]]:
        """Return what shapes the model's state, as text."""
        own = sorted(set(self.options.__struct_fields__) - set(ModelOptions.__struct_fields__))
        return self.alias, self.model, [(name, repr(getattr(self.options, name))) for name in own]


class QueryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what happens to one query; two equal plans run the same."""

    alias: str
    query: Query
    step_s: float
    max_series: int
    lanes: tuple[LanePlan, ...]
    reader: Reader
    settings: Settings
    profile: Profile = "heronwatch"
    groups: GroupPlan | None = None

    @property
    def rules(self) -> Rules:
        """What the query asks of a verdict."""
        query = self.query
        return Rules(
            direction=query.detection_direction,
            min_dev_below=query.min_dev_from_expected[0],
            min_dev_above=query.min_dev_from_expected[1],
            data_range=query.data_range or Rules().data_range,
            outside_score=self.settings.score_outside_data_range,
        )

    @property
    def history_s(self) -> float:
        """How much history its models learn from, in seconds."""
        return max(lane.options.history_s for lane in self.lanes)

    @property
    def settling_s(self) -> float:
        """For how long a series that (re)appears is neither scored nor learnt from."""
        return min(settling_s(self.query.expr), SETTLING_MAX_S)

    @property
    def bytes_per_series(self) -> int:
        """What one series costs in the models' states."""
        return sum(bytes_per_series(lane.make().blank(1)) for lane in self.lanes)

    @property
    def fingerprint(self) -> str:
        """Return a hash of what shapes the state: with the same, state of another run still fits."""
        told = (
            self.query.expr,
            self.step_s,
            self.settings.timezone,
            repr(self.settings.calendar),
            [lane.told() for lane in self.lanes],
        )
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()

    @property
    def writes(self) -> tuple[str, ...]:
        """What its output series depend on: with the same, another run goes on with them."""
        query = self.query
        return self.fingerprint, str(query.page), *query.provide_series, self.profile, query.anomaly_type


def plans(config: Config) -> tuple[QueryPlan, ...]:
    """Return the plan of every query."""
    reader = msgspec.structs.replace(config.reader, queries={})
    settings = msgspec.structs.replace(config.settings, lease_file=None, standby=False)  # no matter of a query
    return tuple(
        QueryPlan(
            alias=alias,
            query=query,
            step_s=_step_s(config, alias),
            max_series=min(query.max_series or config.settings.max_series, config.settings.max_series),
            lanes=_lanes(config, alias),
            reader=reader,
            settings=settings,
            profile=config.writer.profile,
            groups=group_plan(config.groups, config.budget, alias, list(config.reader.queries)),
        )
        for alias, query in config.reader.queries.items()
    )


def _lanes(config: Config, query: str) -> tuple[LanePlan, ...]:
    return tuple(
        LanePlan(
            alias=alias,
            model=block.class_ or DEFAULT_CLASS,
            options=scheduled(block, scheduler_of(config.schedulers, block)),
        )
        for alias, block in _watching(config, query).items()
    )


def _watching(config: Config, query: str) -> dict[str, ModelOptions]:
    """Return the models that watch a query, as the configuration has them."""
    every = config.models or {DEFAULT_ALIAS: models().get(DEFAULT_CLASS).options()}
    return {alias: block for alias, block in every.items() if block.queries is None or query in block.queries}


def _step_s(config: Config, alias: str) -> float:
    """Return the distance of a query's instants in seconds: its own, that of its models' schedulers, the reader's."""
    schedulers = [scheduler_of(config.schedulers, block) for block in _watching(config, alias).values()]
    said = [config.reader.queries[alias].step, *(one.infer_every for one in schedulers)]
    return float(next((one for one in said if one is not None), config.reader.sampling_period))
