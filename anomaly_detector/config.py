"""The detector's configuration, in vmanomaly's words where it has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from anomaly_detector.endpoint import Endpoint, Faults, Struct
from anomaly_detector.feedback.blocks import FeedbackBlock
from anomaly_detector.grid import timezone_named
from anomaly_detector.grouping.blocks import Budget, Groups, shard_faults, team_faults
from anomaly_detector.marks.blocks import LabelName, Marks
from anomaly_detector.models.model import ModelOptions
from anomaly_detector.models.registry import models
from anomaly_detector.promql import form_faults, raw_counter
from anomaly_detector.schedulers import SHORTEST_STEP_S, Scheduler, scheduler_faults, step_faults
from anomaly_detector.scoring.calendar import Calendar
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.scoring.scoring import SCORE_OUTSIDE_DATA_RANGE, Direction
from anomaly_detector.sharding import Shard
from heronwatch.config import ByKey
from heronwatch.values import ByteSize, Duration
from heronwatch.words import hint

ALIAS = r"^[A-Za-z_][A-Za-z0-9_.:-]{0,99}$"
ONE_MINUTE, ONE_HOUR, ONE_DAY = Duration(60), Duration(3600), Duration(86_400)

Alias = Annotated[str, msgspec.Meta(pattern=ALIAS)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Profile = Literal["heronwatch", "promql_anomaly_detection"]
Output = Literal["anomaly_score", "yhat", "yhat_lower", "yhat_upper"]


DEFAULT_CLASS = "bank"


def _model_names() -> list[str]:
    return models().names()


def _options_of(name: str) -> type[ModelOptions]:
    return models().get(name).options


class Query(Struct, frozen=True, kw_only=True):
    """A query: its series are what is watched.

    `step`: distance of its instants; left out, `infer_every` of a scheduler, else `reader.sampling_period`.
    `data_range`: values outside are anomalous at once. `min_dev_from_expected`: [below, above], smaller deviations
    never count. `provide_series`: what is written. `page: true` adds the label `page="true"`, by which alert rules know
    what may wake a person. `identity_labels`, or all labels but `drop_labels`: new series that agree in these with one
    that has gone go on with what that one had learnt. `allow_counter`: the name only looks like a counter's.
    `protected`: no false alarm raises its thresholds. `anomaly_type`: a label of what promql-anomaly-detection's
    profile writes.
    """

    expr: str
    step: Duration | None = None
    data_range: tuple[float, float] | None = None
    detection_direction: Direction = "both"
    min_dev_from_expected: tuple[float, float] = (0.0, 0.0)
    provide_series: tuple[Output, ...] = ("anomaly_score",)
    page: bool = False
    max_series: Positive | None = None
    identity_labels: tuple[LabelName, ...] = ()
    drop_labels: tuple[LabelName, ...] = ()
    allow_counter: bool = False
    protected: bool = False
    anomaly_type: Literal["requests", "latency", "errors", "resource"] = "resource"

    def config_faults(self) -> Faults:
        """Faults of form; what only the server can know is found when it is asked."""
        yield from (("expr", message) for message in form_faults(self.expr))
        counter = None if self.allow_counter else raw_counter(self.expr)
        if counter:
            yield "expr", f"'{counter.name}' is a counter, which only ever rises: {counter.remedy}"
        if self.step is not None and self.step < SHORTEST_STEP_S:
            yield "step", f"{self.step} is shorter than 1s"
        if self.data_range is not None and not self.data_range[0] < self.data_range[1]:
            yield "data_range", "the first number must be below the second"
        if min(self.min_dev_from_expected) < 0:
            yield "min_dev_from_expected", "[below, above] are sizes: neither may be negative"
        if "anomaly_score" not in self.provide_series:
            yield "provide_series", "anomaly_score is missing: it is always written"
        if self.identity_labels and self.drop_labels:
            yield "drop_labels", "identity_labels is set as well: keep one of them"


class Reader(Endpoint, frozen=True, kw_only=True):
    """Where series are read, and which.

    `latency_offset`: how far behind the server's now the newest instant stays (30s for VictoriaMetrics, whose newest
    points are not settled before). `max_response_bytes` bounds each answer, `max_history_points` what is held while
    learning from history (8 bytes each, times about 4). `remote_read: auto` reads long ranges of plain selectors by
    remote read, where the server offers that and says the same. `partial_response: accept`: an answer of Thanos or of
    VictoriaMetrics' cluster counts although a store is away, and what it lacks ends an hour later only.
    """

    queries: Annotated[dict[Alias, Query], msgspec.Meta(min_length=1)]
    sampling_period: Duration = ONE_MINUTE
    latency_offset: Duration = Duration(2)
    max_response_bytes: ByteSize = ByteSize(256 << 20)
    max_history_points: Positive = 8_000_000
    max_concurrent_reads: Positive = 2
    remote_read: Literal["auto", "never"] = "auto"
    partial_response: Literal["refuse", "accept"] = "refuse"

    def config_faults(self) -> Faults:
        """As for every endpoint, and a grid that can be kept."""
        yield from super().config_faults()
        if self.sampling_period < SHORTEST_STEP_S:
            yield "sampling_period", f"{self.sampling_period} is shorter than 1s"
        if self.latency_offset > 3600:
            yield "latency_offset", f"{self.latency_offset} is longer than 1h"


class Target(Endpoint, frozen=True, kw_only=True):
    """A receiver of remote write."""

    path: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*$")] = "/api/v1/write"


class Writer(Struct, frozen=True, kw_only=True):
    """Where scores go: to receivers, each with a queue of its own, or to nobody, then `/scores` is scraped.

    `queue_capacity`: samples that wait for one receiver before the oldest are dropped. `profile:
    promql_anomaly_detection` writes level and bands in that project's names as well.
    """

    targets: tuple[Target, ...] = ()
    max_samples_per_send: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 5000
    queue_capacity: Positive = 500_000
    profile: Profile = "heronwatch"


class Settings(Struct, frozen=True, kw_only=True):
    """What concerns all queries.

    Snapshots are written to `state_dir` every `snapshot_every` and at the end, and read at the start unless
    `restore_state: false`. `retention`: how long an absent series is remembered. `timezone` says when a day begins,
    `calendar` which days are free.
    `learning_pauses`: incidents and maintenance from which nothing is learnt, neither live nor out of history.
    `max_series` and `max_state_bytes` are the budgets of all queries together. `shard`: only a part of the series is
    this detector's. Of detectors with the same `lease_file` one writes; with `standby: true` it never does.
    """

    state_dir: Path | None = None
    restore_state: bool = True
    snapshot_every: Duration = Duration(300)
    retention: Duration = Duration(2 * ONE_DAY)
    timezone: str = "UTC"
    calendar: Calendar | None = None
    max_series: Positive = 200_000
    score_outside_data_range: Annotated[float, msgspec.Meta(ge=0, le=100)] = SCORE_OUTSIDE_DATA_RANGE
    learning_pauses: tuple[Pause, ...] = ()
    max_state_bytes: ByteSize | None = None
    shard: Shard | None = None
    lease_file: Path | None = None
    standby: bool = False

    def config_faults(self) -> Faults:
        """A timezone that exists, and snapshots at a sane pace."""
        try:
            timezone_named(self.timezone)
        except ValueError as exc:
            yield "timezone", str(exc)
        if self.snapshot_every < 10:
            yield "snapshot_every", f"{self.snapshot_every} is shorter than 10s"


class Config(Struct, frozen=True, kw_only=True):
    """detector.yml.

    `models` maps an alias to a model block: `class`, the `queries` it watches, the options of that class. Without
    one, a `bank` with the alias `default` watches everything. `schedulers` say when models learn and judge, which
    models and queries can say as well.
    """

    reader: Reader
    schedulers: Mapping[Alias, Scheduler] = {}
    models: Mapping[
        Alias, Annotated[Any, ByKey("class", names=_model_names, type_of=_options_of, default=DEFAULT_CLASS)]
    ] = {}
    writer: Writer = Writer()
    settings: Settings = Settings()
    marks: Marks | None = None
    feedback: FeedbackBlock | None = None
    groups: Groups | None = Groups()
    budget: Budget = Budget()

    def config_faults(self) -> Faults:
        """Every model watches queries that exist, every query is watched, and verdicts have a place to be kept."""
        if self.feedback is not None and self.settings.state_dir is None:
            yield "feedback", "settings.state_dir is missing: verdicts are kept there"
        yield from team_faults(self.budget, list(self.reader.queries))
        yield from shard_faults(self.groups, self.settings.shard)
        yield from scheduler_faults(self.schedulers, self.models)
        stepless = [alias for alias, query in self.reader.queries.items() if query.step is None]
        yield from step_faults(self.schedulers, self.models, stepless)
        watched: set[str] = set()
        for alias, block in self.models.items():
            wanted = tuple(self.reader.queries) if block.queries is None else block.queries
            watched.update(wanted)
            for place, query in enumerate(wanted):
                if query not in self.reader.queries:
                    yield (
                        f"models.{alias}.queries[{place}]",
                        f"'{query}' is no query{hint(query, list(self.reader.queries))}",
                    )
        if self.models:
            unwatched = [query for query in self.reader.queries if query not in watched]
            yield from ((f"reader.queries.{query}", "no model watches it") for query in unwatched)
