"""The detector's configuration, in vmanomaly's words where it has them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from anomaly_detector.grid import timezone_named
from anomaly_detector.models.model import ModelOptions
from anomaly_detector.models.registry import models
from anomaly_detector.promql import form_faults, raw_counter
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.scoring.scoring import SCORE_OUTSIDE_DATA_RANGE, Direction
from heronwatch.config import ByKey
from heronwatch.secrets import Secret
from heronwatch.values import ByteSize, Duration, HttpUrl
from heronwatch.words import hint

ALIAS = r"^[A-Za-z_][A-Za-z0-9_.:-]{0,99}$"
HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"
ONE_MINUTE, ONE_HOUR, ONE_DAY = Duration(60), Duration(3600), Duration(86_400)
SHORTEST_STEP_S = 1.0

Alias = Annotated[str, msgspec.Meta(pattern=ALIAS)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Output = Literal["anomaly_score", "yhat", "yhat_lower", "yhat_upper"]
Faults = Iterable[tuple[str, str]]


DEFAULT_CLASS = "seasonal_robust"


def _model_names() -> list[str]:
    return models().names()


def _options_of(name: str) -> type[ModelOptions]:
    return models().get(name).options


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every block of the configuration is."""


class BasicAuth(Struct, frozen=True, kw_only=True):
    """User and password."""

    username: str
    password: Secret


class TlsConfig(Struct, frozen=True, kw_only=True):
    """How to check the server and, with a certificate, how to show who we are (PEM files)."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False

    def config_faults(self) -> Faults:
        """A certificate and its key come together."""
        if (self.cert_file is None) != (self.key_file is None):
            yield ("cert_file" if self.cert_file is None else "key_file"), "missing: cert_file and key_file go together"


class Endpoint(Struct, frozen=True, kw_only=True):
    """A server that speaks Prometheus' HTTP API, and how to be let in.

    `tenant_id` is sent as X-Scope-OrgID; `timeout` limits each whole exchange.
    """

    datasource_url: HttpUrl
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    tls_config: TlsConfig | None = None
    headers: Mapping[Annotated[str, msgspec.Meta(pattern=HEADER_NAME)], Secret] = {}
    tenant_id: str = ""
    timeout: Duration = Duration(30)

    def config_faults(self) -> Faults:
        """One way to authenticate, and a time-out that can be kept."""
        if self.basic_auth is not None and self.bearer_token is not None:
            yield "bearer_token", "basic_auth is set as well: keep one of them"
        if not 0.1 <= self.timeout <= 600:
            yield "timeout", f"{self.timeout} is not between 100ms and 10m"
        for name, value in self.headers.items():
            if not value.reveal().isprintable():
                yield f"headers.{name}", "holds a control character"


class Query(Struct, frozen=True, kw_only=True):
    """A query: its series are what is watched.

    `step`: distance of its instants, `reader.sampling_period` when left out. `data_range`: values outside are
    anomalous at once. `min_dev_from_expected`: [below, above], smaller deviations never count. `provide_series`: what
    is written. `page: true` adds the label `page="true"`, by which alert rules know what may wake a person.
    `allow_counter`: the name only looks like a counter's.
    """

    expr: str
    step: Duration | None = None
    data_range: tuple[float, float] | None = None
    detection_direction: Direction = "both"
    min_dev_from_expected: tuple[float, float] = (0.0, 0.0)
    provide_series: tuple[Output, ...] = ("anomaly_score",)
    page: bool = False
    max_series: Positive | None = None
    allow_counter: bool = False

    def config_faults(self) -> Faults:
        """Faults of form; what only the server can know is found when it is asked."""
        yield from (("expr", message) for message in form_faults(self.expr))
        counter = None if self.allow_counter else raw_counter(self.expr)
        if counter:
            yield (
                "expr",
                (
                    f"'{counter.name}' is a counter, which only ever rises: use rate({counter.selector}[5m]) "
                    "(or allow_counter: true if it is none)"
                ),
            )
        if self.step is not None and self.step < SHORTEST_STEP_S:
            yield "step", f"{self.step} is shorter than 1s"
        if self.data_range is not None and not self.data_range[0] < self.data_range[1]:
            yield "data_range", "the first number must be below the second"
        if min(self.min_dev_from_expected) < 0:
            yield "min_dev_from_expected", "[below, above] are sizes: neither may be negative"
        if "anomaly_score" not in self.provide_series:
            yield "provide_series", "anomaly_score is missing: it is always written"


class Reader(Endpoint, frozen=True, kw_only=True):
    """Where series are read, and which.

    `latency_offset`: how far behind the server's now the newest instant stays (30s for VictoriaMetrics, whose newest
    points are not settled before). `max_response_bytes` bounds each answer, `max_history_points` what is held while
    learning from history (8 bytes each, times about 4).
    """

    queries: Annotated[dict[Alias, Query], msgspec.Meta(min_length=1)]
    sampling_period: Duration = ONE_MINUTE
    latency_offset: Duration = Duration(2)
    max_response_bytes: ByteSize = ByteSize(256 << 20)
    max_history_points: Positive = 8_000_000
    max_concurrent_reads: Positive = 2

    def config_faults(self) -> Faults:
        """As for every endpoint, and a grid that can be kept."""
        yield from super().config_faults()
        if self.sampling_period < SHORTEST_STEP_S:
            yield "sampling_period", f"{self.sampling_period} is shorter than 1s"
        if self.latency_offset > 3600:
            yield "latency_offset", f"{self.latency_offset} is longer than 1h"

    def step_of(self, query: Query) -> float:
        """Return the distance of a query's instants in seconds."""
        return float(query.step if query.step is not None else self.sampling_period)


class Target(Endpoint, frozen=True, kw_only=True):
    """A receiver of remote write."""

    path: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*$")] = "/api/v1/write"


class Writer(Struct, frozen=True, kw_only=True):
    """Where scores go: to receivers, each with a queue of its own, or to nobody, then `/scores` is scraped.

    `queue_capacity`: samples that wait for one receiver before the oldest are dropped.
    """

    targets: tuple[Target, ...] = ()
    max_samples_per_send: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 5000
    queue_capacity: Positive = 500_000


class Settings(Struct, frozen=True, kw_only=True):
    """What concerns all queries.

    Snapshots are written to `state_dir` every `snapshot_every` and at the end, and read at the start unless
    `restore_state: false`. `retention`: how long an absent series is remembered. `timezone` says when a day begins.
    `learning_pauses`: incidents and maintenance from which nothing is learnt, neither live nor out of history.
    """

    state_dir: Path | None = None
    restore_state: bool = True
    snapshot_every: Duration = Duration(300)
    retention: Duration = Duration(2 * ONE_DAY)
    timezone: str = "UTC"
    max_series: Positive = 200_000
    score_outside_data_range: Annotated[float, msgspec.Meta(ge=0, le=100)] = SCORE_OUTSIDE_DATA_RANGE
    learning_pauses: tuple[Pause, ...] = ()

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
    one, a `seasonal_robust` with the alias `default` watches everything.
    """

    reader: Reader
    models: Mapping[
        Alias, Annotated[Any, ByKey("class", names=_model_names, type_of=_options_of, default=DEFAULT_CLASS)]
    ] = {}
    writer: Writer = Writer()
    settings: Settings = Settings()

    def config_faults(self) -> Faults:
        """Every model watches queries that exist, and every query is watched."""
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
