"""A configuration of vmanomaly becomes one of ours, and what is lost is said."""

from pathlib import Path

import pytest

from anomaly_detector.config import Config
from anomaly_detector.converting import converted_text, faults_of
from anomaly_detector.errors import ConversionError
from anomaly_detector.plan import plans
from heronwatch.cli import main
from heronwatch.config import loads
from heronwatch.values import Duration

THEIRS = """
schedulers:
  main: {class: periodic, infer_every: 1m, fit_every: 1d, fit_window: 14d, tz: Europe/Kyiv}
models:
  fast:
    class: model.zscore.ZscoreModel
    z_threshold: 2.5
    queries: [cpu]
    detection_direction: above_expected
    min_dev_from_expected: 5
    provide_series: [yhat, anomaly_score, y]
  rest: {class: prophet, queries: [disk]}
reader:
  class: vm
  datasource_url: http://127.0.0.1:8428/
  sampling_period: 1m
  tenant_id: "0:0"
  query_from_last_seen_timestamp: true
  user: reader
  password: "%{READ_PASSWORD}"
  queries:
    cpu: {expr: 'avg(rate(node_cpu_seconds_total[5m]))', data_range: [0, 1], max_points_per_query: 10000}
    disk: {expr: disk_used_bytes, data_range: [0, inf]}
writer: {class: vm, datasource_url: "http://127.0.0.1:8428", metric_format: {for: $QUERY_KEY}}
settings: {restore_state: true, n_workers: 4, anomaly_score_outside_data_range: 3.0}
monitoring: {pull: {port: 8080}}
"""


def ours(theirs: str = THEIRS) -> Config:
    text = converted_text(theirs.encode())
    assert faults_of(text) == ()
    return loads(text, Config, env={"READ_PASSWORD": "secret"}).value


def test_what_means_the_same_is_taken_over() -> None:
    config = ours()
    assert str(config.reader.datasource_url) == "http://127.0.0.1:8428/select/0:0/prometheus"
    assert config.reader.tenant_id == ""
    assert config.settings.score_outside_data_range == 3
    assert config.reader.basic_auth is not None
    assert config.reader.basic_auth.password.reveal() == "secret"
    assert config.reader.queries["cpu"].data_range == (0, 1)
    assert config.reader.queries["disk"].expr == "disk_used_bytes"
    assert config.reader.queries["disk"].data_range == (0, float("inf"))
    assert len(config.writer.targets) == 1


def test_what_their_models_ask_belongs_to_our_queries() -> None:
    cpu = ours().reader.queries["cpu"]
    assert cpu.detection_direction == "above_expected"
    assert cpu.min_dev_from_expected == (5, 5)
    assert cpu.provide_series == ("anomaly_score", "yhat")


def test_models_keep_their_queries_and_their_scheduler() -> None:
    config = ours()
    assert {alias: block.queries for alias, block in config.models.items()} == {"fast": ("cpu",), "rest": ("disk",)}
    assert {(one.history_s, one.step_s) for one in plans(config)} == {(14 * 86_400.0, 60.0)}
    assert {alias: str(one.fit_every) for alias, one in config.schedulers.items()} == {"main": "1d"}


SCHEDULERS = """
schedulers:
  day: {class: scheduler.periodic.PeriodicScheduler, infer_every: PT5M, fit_window: P1D}
  week: {infer_every: 10m, fit_window: 7d}
  past: {class: backtesting, fit_window: 7d, from_iso: "2026-01-01T00:00:00Z"}
models:
  a: {class: zscore, queries: [q], schedulers: [week, past]}
  b: {class: zscore, queries: [r]}
reader: {class: prometheus, datasource_url: "http://127.0.0.1:9090", queries: {q: up, r: up}}
"""


def test_every_model_has_one_of_its_schedulers_and_what_looks_at_the_past_is_no_scheduler() -> None:
    config = ours(SCHEDULERS)
    told = {(one.alias, str(Duration(one.step_s)), str(Duration(one.history_s))) for one in plans(config)}
    assert told == {("q", "10m", "1w"), ("r", "5m", "1d")}
    text = converted_text(SCHEDULERS.encode())
    assert "# not taken over: schedulers.past: looks at the past, as `heronwatch detector backtest` does" in text
    assert "# not taken over: models.b.schedulers: week, as a model has one here (day)" in text


def test_where_their_period_is_another_than_their_pace_the_step_is_the_period() -> None:
    theirs = THEIRS.replace("infer_every: 1m", "infer_every: 5m")
    assert {one.step_s for one in plans(ours(theirs))} == {60.0}
    said = "# not taken over: schedulers.main.infer_every: the step is reader.sampling_period"
    assert said in converted_text(theirs.encode())


@pytest.mark.parametrize(
    ("reader", "offset_s"), [("class: vm", 30), ("class: vm, latency_offset: 1s", 1), ("class: prometheus", 2)]
)
def test_what_victoriametrics_has_not_settled_is_not_read(reader: str, offset_s: float) -> None:
    theirs = f"reader: {{{reader}, datasource_url: 'http://127.0.0.1:8428', queries: {{q: up}}}}"
    assert ours(theirs).reader.latency_offset == offset_s
    assert ("# added: reader.latency_offset: 30s" in converted_text(theirs.encode())) == (offset_s == 30)


@pytest.mark.parametrize(
    "said",
    [
        "models.fast: class zscore becomes ",
        "models.fast.z_threshold: belongs to zscore",
        "models.rest: class prophet becomes ",
        "reader.queries.cpu.max_points_per_query: has no counterpart",
        "writer.metric_format: names and labels are fixed",
        "settings.n_workers: has no counterpart",
        "monitoring: /metrics is always served",
        "reader.tenant_id: is part of datasource_url here",
        "reader.query_from_last_seen_timestamp: has no counterpart",
        "schedulers.main.tz: has no counterpart",
    ],
)
def test_what_is_lost_is_said(said: str) -> None:
    assert f"# not taken over: {said}" in converted_text(THEIRS.encode())


def test_a_raw_counter_is_refused_with_the_rate_to_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "vmanomaly.yml"
    file.write_text("reader: {datasource_url: 'http://127.0.0.1:1', queries: {errors: http_errors_total}}\n")
    assert main(["detector", "convert", str(file)]) == 1
    told = capsys.readouterr()
    assert "expr: http_errors_total" in told.out
    assert "use rate(http_errors_total[5m])" in told.err


def test_the_command_prints_what_the_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "vmanomaly.yml"
    file.write_text(THEIRS)
    assert main(["detector", "convert", str(file)]) == 0
    assert faults_of(capsys.readouterr().out) == ()


NO_CONFIGURATIONS = [
    "reader: {queries: {q: null}}",
    "reader: {queries: {q: up}}\nmodels: {m: {queries: 3}}",
    "reader: {queries: {q: up}}\nmodels: {m: {schedulers: 3}}",
    "reader: " + "{a: " * 900 + "1" + "}" * 900,
    "",
    "[1, 2]",
    "reader: {queries: {}}",
    "reader: 5",
    "a: [",
    "{a: !!python/name:os.x 1}",
]


@pytest.mark.parametrize("theirs", NO_CONFIGURATIONS)
def test_another_file_is_an_error(theirs: str) -> None:
    with pytest.raises(ConversionError):
        converted_text(theirs.encode())
