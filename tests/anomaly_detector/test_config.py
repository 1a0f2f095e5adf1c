"""detector.yml: the example is good, and every bad one gives exactly the text that stands beside it."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from anomaly_detector.config import Config
from anomaly_detector.models.isolation_forest import IsolationForestOptions
from anomaly_detector.plan import plans
from heronwatch.config import ConfigError, load
from heronwatch.schema import json_schema
from tests.fakes.detector_plans import config, plan

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "detector.yml"
BAD = sorted((ROOT / "tests" / "bad_config" / "detector").glob("*.yml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_config(path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load([path], Config, env={"PASSWORD": "pw"})
    said = str(raised.value).replace(f"{path.parent}/", "")
    assert said == path.with_suffix(".txt").read_text().rstrip("\n")


def test_the_example_is_good_and_so_says_its_schema() -> None:
    loaded = load([EXAMPLE], Config, env={})
    assert not loaded.warnings
    assert [one.alias for one in plans(loaded.value)] == ["interface_traffic_in", "cpu", "power"]
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), json_schema(Config))


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "detector.yml"
    file.write_text("reader: {datasource_url: 'http://x', bearer_token: hunter2, queries: {q: {expr: up}}}")
    loaded = load([file], Config)
    assert "hunter2" not in loaded.masked() + repr(loaded.value) + str(loaded.warnings)
    assert len(loaded.warnings) == 1  # a literal secret


def test_without_models_one_watches_everything() -> None:
    (lane,) = plan().lanes
    assert (lane.alias, lane.model) == ("default", "bank")


def test_a_model_watches_the_queries_it_names() -> None:
    two = config(
        "reader: {datasource_url: 'http://x', queries: {a: {expr: up}, b: {expr: up}}}\n"
        "models: {m: {queries: [a]}, n: {class: seasonal_robust, memory: 14d}}\n"
    )
    assert {one.alias: [lane.alias for lane in one.lanes] for one in plans(two)} == {"a": ["m", "n"], "b": ["n"]}


def test_plans_compare_by_what_they_do() -> None:
    assert plan() == plan()
    assert plan() != plan("expr: up, step: 30s")
    assert plan() != plan(url="http://elsewhere")
    assert plan() != plan(models="{m: {memory: 14d}}")


def test_the_step_of_a_query_is_the_reader_s_unless_it_has_one() -> None:
    assert plan("expr: up", reader="sampling_period: 30s").step_s == 30
    assert plan("expr: up, step: 15s", reader="sampling_period: 30s").step_s == 15


SCHEDULED = """
reader: {datasource_url: 'http://x', queries: {q: {expr: up}, r: {expr: up, step: 30s}}}
schedulers: {usual: {class: periodic, fit_window: 14d, infer_every: 5m, fit_every: 2d}}
"""


def test_schedulers_say_what_neither_the_query_nor_the_model_says_itself() -> None:
    models = "models: {m: {queries: [q]}, f: {class: isolation_forest, fit_window: 3d, schedulers: [usual]}}\n"
    q, r = plans(config(SCHEDULED + models))
    assert (q.step_s, r.step_s) == (300, 30)
    assert [lane.options.history_s / 86_400 for lane in q.lanes] == [14, 3]
    forest = r.lanes[0].options
    assert isinstance(forest, IsolationForestOptions)
    assert forest.retrain_every == 2 * 86_400


def test_without_models_the_one_that_watches_everything_heeds_the_scheduler() -> None:
    assert {(one.history_s, one.step_s) for one in plans(config(SCHEDULED))} == {
        (14 * 86_400, 300.0),
        (14 * 86_400, 30.0),
    }


def test_a_query_s_series_budget_is_within_the_whole() -> None:
    assert plan("expr: up", settings="{max_series: 100}").max_series == 100
    assert plan("expr: up, max_series: 20", settings="{max_series: 100}").max_series == 20
    assert plan("expr: up, max_series: 200", settings="{max_series: 100}").max_series == 100
