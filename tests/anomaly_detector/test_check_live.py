"""`detector check --history` on a real Prometheus: a query that would page too often may not, a calm one may."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anomaly_detector.test_cli import detector
from tests.anomaly_detector.test_shards_live import DEVICES, STEP_S, past
from tests.fakes.daemons import Daemon
from tests.fakes.traffic import backfilled_prometheus

HOUR_S = 3600
JUMPS = {"sw3": (6 * HOUR_S, 3 * HOUR_S), "sw7": (31 * HOUR_S, 28 * HOUR_S)}  # two in three days are no chance
CALM = "sw[^37]|sw.."
pytestmark = [pytest.mark.prometheus, pytest.mark.long]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    end_s = int(time.time()) // STEP_S * STEP_S
    with backfilled_prometheus(tmp_path_factory.mktemp("past"), "global: {}\n", past(end_s, JUMPS)) as daemon:
        yield daemon


def written(folder: Path, store: Daemon, expr: str) -> str:
    file = folder / "detector.yml"
    file.write_text(
        f"reader: {{datasource_url: '{store.url}', queries: {{power: {{expr: '{expr}', step: 30m, page: true}}}}}}\n"
        "models: {m: {class: bank, fit_window: 1d, warmup: 6h}}\n"
    )
    return str(file)


def test_a_query_that_would_page_too_often_is_refused(tmp_path: Path, store: Daemon) -> None:
    done = detector("check", "--config.file", written(tmp_path, store, "power_watts"), "--history", "5d")
    assert done.returncode == 1
    assert f"a week expected for {DEVICES} devices" in done.stdout
    assert "reader.queries.power.page: " in done.stderr
    assert "notifications a week are expected" in done.stderr


def test_a_calm_query_may_page(tmp_path: Path, store: Daemon) -> None:
    calm = f'power_watts{{instance=~"{CALM}"}}'
    done = detector("check", "--config.file", written(tmp_path, store, calm), "--history", "5d", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["alarms"]
    assert (told["devices"], told["expected_alarms_per_week"], told["known"]) == (DEVICES - 2, 0, True)
