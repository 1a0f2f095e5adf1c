"""A configuration of vmanomaly becomes one of ours, and what is lost is said."""

from pathlib import Path

import pytest

from anomaly_detector.config import Config
from anomaly_detector.converting import converted_text, faults_of
from anomaly_detector.errors import ConversionError
from heronwatch.cli import main
from heronwatch.config import loads

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


def test_models_keep_their_queries_and_the_window_of_the_scheduler() -> None:
    models = ours().models
    assert {alias: block.queries for alias, block in models.items()} == {"fast": ("cpu",), "rest": ("disk",)}
    assert {float(block.fit_window) for block in models.values()} == {14 * 86_400.0}


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
        "schedulers.main.fit_every: models learn at every step",
        "schedulers.main.infer_every: the step is reader.sampling_period",
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
