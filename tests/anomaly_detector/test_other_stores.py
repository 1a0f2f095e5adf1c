"""A detector beside Mimir and Thanos, by URL: their faces stand in front of a real Prometheus."""

import time
from pathlib import Path

import pytest

from tests.anomaly_detector.test_end_to_end import plain_prometheus
from tests.anomaly_detector.test_on_real_stores import Scene, gaps
from tests.fakes.daemons import wait_until
from tests.fakes.pushed_series import fed, number
from tests.fakes.store_faces import TENANT, THANOS_TENANT, Mimir, ThanosQuery, ThanosReceive, faced

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(120)]
COMMON = """
models: {m: {warmup: 5m, fit_window: 2h}}
"""
QUERIES = "queries: {level: {expr: level, step: 1s}}"


def beside_mimir(url: str, tenant: str = TENANT) -> str:
    """What docs/detector/operation.md says of Mimir."""
    return (
        f"reader: {{datasource_url: '{url}/prometheus', tenant_id: '{tenant}', {QUERIES}}}\n"
        f"writer: {{targets: [{{datasource_url: '{url}', path: /api/v1/push, tenant_id: '{tenant}'}}]}}\n{COMMON}"
    )


def beside_thanos(query: str, receive: str, *, partial: str = "refuse") -> str:
    """What docs/detector/operation.md says of Thanos."""
    target = f"datasource_url: '{receive}', path: /api/v1/receive, headers: {{THANOS-TENANT: {THANOS_TENANT}}}"
    reader = f"datasource_url: '{query}', partial_response: {partial}, {QUERIES}"
    return f"reader: {{{reader}}}\nwriter: {{targets: [{{{target}}}]}}\n{COMMON}"


@pytest.mark.long
def test_mimir(tmp_path: Path) -> None:
    """A limit of the query's length, a throttled push, a sample out of order: nothing good is lost."""
    with plain_prometheus(tmp_path) as store, fed(store, a=5.0, b=6.0) as feed:
        mimir = Mimir(store)
        mimir.longest_s, mimir.throttled = 3700.0, 1  # history is two hours
        with faced(mimir) as url, Scene(store, text=beside_mimir(url)) as scene:
            scene.wait_for("a", "b")
            ahead_s = float(int(time.time()) + 3)
            assert feed.push("anomaly_score", 9.0, ahead_s, n="a", model_alias="m", **{"for": "level"}) < 300
            scene.wait_for("a", "b", after_s=ahead_s + 1)
            scene.wait_for_calm()
            assert gaps(scene.scores()["b"]) == []
            assert scene.metric("write_failures_total", reason="throttled") == 1
            assert scene.metric("samples_rejected_total", reason="out_of_order") >= 1
            assert scene.metric("samples_rejected_total", reason="queue_full") == 0


@pytest.mark.long
def test_a_tenant_of_mimir_that_is_full_keeps_what_it_has_and_is_not_stormed(tmp_path: Path) -> None:
    with plain_prometheus(tmp_path) as store, fed(store, a=5.0) as feed:
        mimir = Mimir(store)
        mimir.most_series = 1
        with faced(mimir) as url, Scene(store, text=beside_mimir(url)) as scene:
            scene.wait_for("a")
            feed.values["b"] = 6.0
            wait_until(lambda: scene.metric("samples_rejected_total", reason="series_limit") > 0, 20, "a refusal")
            then_s, pushed = time.time(), mimir.asked["/api/v1/push"]
            scene.wait_for("a", after_s=then_s + 2)
            scene.wait_for_calm()
            assert set(scores := scene.scores()) == {"a"}
            assert gaps(scores["a"]) == []
            assert mimir.asked["/api/v1/push"] - pushed <= 2 * (time.time() - then_s + 2)


def test_without_its_tenant_mimir_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with (
        plain_prometheus(tmp_path) as store,
        faced(Mimir(store)) as url,
        Scene(store, text=beside_mimir(url, tenant="")) as scene,
    ):
        wait_until(lambda: any("no org id" in one for one in scene.detector.not_ready()), 20, "the reason")


@pytest.mark.long
def test_thanos(tmp_path: Path) -> None:
    """No remote read, a store that is away for a while, a conflict without a reason: no series ends, none has a gap."""
    with plain_prometheus(tmp_path) as store, fed(store, a=5.0, b=6.0) as feed:
        query = ThanosQuery(store)
        with (
            faced(query) as query_url,
            faced(ThanosReceive(store)) as receive_url,
            Scene(store, text=beside_thanos(query_url, receive_url)) as scene,
        ):
            scene.wait_for("a", "b")
            query.away, away_s = True, time.time()
            wait_until(lambda: any("no store answered" in one for one in scene.detector.not_ready()), 20, "the loss")
            wait_until(lambda: time.time() > away_s + 4, 20, "more steps to pass than a gap may have")
            query.away = False
            ahead_s = float(int(time.time()) + 3)
            assert feed.push("anomaly_score", 9.0, ahead_s, n="a", model_alias="m", **{"for": "level"}) < 300
            scene.wait_for("a", "b", after_s=ahead_s + 1)
            scene.wait_for_calm()
            assert gaps(scene.scores()["b"]) == []
            assert scene.metric("samples_rejected_total", reason="refused") >= 1


@pytest.mark.long
def test_partial_answers_of_thanos_end_no_series_where_they_are_accepted(tmp_path: Path) -> None:
    with plain_prometheus(tmp_path) as store, fed(store, a=5.0):
        query = ThanosQuery(store)
        with (
            faced(query) as query_url,
            faced(ThanosReceive(store)) as receive_url,
            Scene(store, text=beside_thanos(query_url, receive_url, partial="accept")) as scene,
        ):
            scene.wait_for("a")
            query.away, away_s = True, time.time()
            wait_until(lambda: time.time() > away_s + 5, 20, "more steps to pass than a gap may have")
            assert scene.detector.not_ready() == []
            assert number(store, 'anomaly_score{n="a"}') == 0  # not ended
            query.away = False
            scene.wait_for("a", after_s=time.time())
