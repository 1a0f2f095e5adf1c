"""The command as people run it: check, serve, reload, stop; `/scores` scraped by a real Prometheus."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
import pytest

from tests.fakes.daemons import LOOPBACK, Daemon, free_port, http_ok, prometheus, running, wait_until
from tests.fakes.pushed_series import fed, samples

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "heronwatch", "detector"]
EXAMPLE = ROOT / "docs" / "examples" / "detector.yml"
NOWHERE = "http://127.0.0.1:1"


def detector(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_check_sums_up_a_good_file() -> None:
    done = detector("check", "--config.file", str(EXAMPLE))
    assert done.returncode == 0
    assert done.stderr == (
        "warning: power may page, and how often is not known: heronwatch detector check --history 14d asks the server\n"
    )
    assert done.stdout == (
        "reads   http://127.0.0.1:9090\n"
        "writes  http://127.0.0.1:9090\n"
        "query   interface_traffic_in: every 1m, by default (bank)\n"
        "query   cpu: every 1m, by default (bank)\n"
        "query   power: every 1m, by default (bank), may page\n"
        "state   /var/lib/heronwatch-detector\n"
        "days    Europe/Berlin\n"
        "groups  devices by instance, sites by site\n"
        "budget  5 notifications a week for each 1,000 devices\n"
    )


def test_check_for_scripts() -> None:
    told = json.loads(detector("check", "--json", "--config.file", str(EXAMPLE)).stdout)
    assert [query["query"] for query in told["queries"]] == ["interface_traffic_in", "cpu", "power"]


def test_check_tells_every_fault() -> None:
    bad = ROOT / "tests" / "bad_config" / "detector" / "counter.yml"
    done = detector("check", "--config.file", str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.replace(f"{bad.parent}/", "") == bad.with_suffix(".txt").read_text()


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    done = detector("serve", "--config.file", str(tmp_path / "none.yml"))
    assert done.returncode == 1
    assert "none.yml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_address_is_wrong_usage() -> None:
    done = detector("serve", "--config.file", str(EXAMPLE), "--web.listen-address", "127.0.0.1:http")
    assert done.returncode == 2
    assert "'http' is no port" in done.stderr


def test_it_does_not_listen_to_the_world_unasked(tmp_path: Path) -> None:
    file = tmp_path / "detector.yml"
    file.write_text(config(NOWHERE))
    done = detector("serve", "--config.file", str(file), "--web.listen-address", f"0.0.0.0:{free_port()}")
    assert done.returncode == 1
    assert "--web.insecure" in done.stderr


def config(url: str, *, expr: str = "up", extra: str = "") -> str:
    return (
        f"reader: {{datasource_url: '{url}', latency_offset: 0, queries: {{q: {{expr: '{expr}', step: 1s{extra}}}}}}}\n"
    )


@contextmanager
def serving(tmp_path: Path, text: str, *, port: int | None = None) -> Iterator[Daemon]:
    file, listen = tmp_path / "detector.yml", port or free_port()
    file.write_text(text)
    command = [*COMMAND, "serve", "--config.file", str(file), "--web.listen-address", f"{LOOPBACK}:{listen}"]
    env = {"PYTHONPATH": str(ROOT)}
    with running(
        "detector",
        command,
        directory=tmp_path / "run",
        port=listen,
        ready=lambda d: http_ok(f"{d.url}/-/healthy"),
        env=env,
    ) as daemon:
        yield daemon


def page(daemon: Daemon, path: str) -> str:
    with urlopen(f"{daemon.url}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def status(daemon: Daemon, path: str, *, method: str = "GET") -> tuple[int, str]:
    try:
        with urlopen(Request(f"{daemon.url}{path}", method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def query(store: Daemon, expr: str) -> list[dict[str, object]]:
    with urlopen(f"{store.url}/api/v1/query?{urlencode({'query': expr})}", timeout=10) as answer:
        result: list[dict[str, object]] = json.loads(answer.read())["data"]["result"]
    return result


def test_scores_are_scraped_where_nobody_may_be_written_to(tmp_path: Path) -> None:
    port = free_port()
    scrape = (
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "- {job_name: detector, honor_labels: true, metrics_path: /scores,"
        f" static_configs: [{{targets: ['{LOOPBACK}:{port}']}}]}}\n"
    )
    with prometheus(tmp_path, scrape) as store, serving(tmp_path, config(store.url), port=port) as daemon:
        wait_until(lambda: query(store, 'anomaly_score{for="q"}'), 30, "a score in Prometheus")
        (one,) = query(store, 'anomaly_score{for="q"}')
        assert one["metric"] == {
            "__name__": "anomaly_score",
            "for": "q",
            "model_alias": "default",
            "job": "detector",
            "instance": f"{LOOPBACK}:{port}",
        }
        assert "# TYPE anomaly_confidence gauge" in page(daemon, "/scores")
        told = detector("status", "--url", daemon.url)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.startswith(f"{daemon.url}  ready  (heronwatch ")
        assert "\nshows scores at /scores; 1 series; " in told.stdout
        (lag,) = query(store, "time() - timestamp(anomaly_score)")
        assert 0 <= float(lag["value"][1]) < 10  # type: ignore[index]


def test_ready_says_what_is_wrong(tmp_path: Path) -> None:
    with serving(tmp_path, config(NOWHERE)) as daemon:
        wait_until(lambda: "no connection" in status(daemon, "/-/ready")[1], 10, "the reason")
        code, text = status(daemon, "/-/ready")
        assert code == 503
        assert text.startswith("Not ready:\n- query q: http://127.0.0.1:1: no connection (")
        assert 'heronwatch_detector_read_failures_total{query="q",reason="unavailable"}' in page(daemon, "/metrics")
        told = detector("status", "--json", "--url", daemon.url)
    assert told.returncode == 1
    (reason,) = json.loads(told.stdout)["reasons"]
    assert reason.startswith("query q: http://127.0.0.1:1: no connection (")


def test_common_pages(tmp_path: Path) -> None:
    with serving(tmp_path, config(NOWHERE) + "settings: {timezone: Europe/Berlin}\n") as daemon:
        assert status(daemon, "/-/healthy")[0] == 200
        assert "Newest scores" in page(daemon, "/")
        assert "timezone: Europe/Berlin" in page(daemon, "/config")
        assert status(daemon, "/nothing")[0] == 404
        assert status(daemon, "/scores", method="POST")[0] == 405
        metrics = page(daemon, "/metrics")
    for name in (
        'heronwatch_build_info{python="',
        "heronwatch_config_last_reload_successful 1.0",
        "heronwatch_detector_cycles_total ",
        'heronwatch_detector_series{query="q"} ',
        "heronwatch_detector_cycle_duration_seconds_count ",
        "heronwatch_detector_samples_written_total ",
        "heronwatch_detector_queue_samples 0.0",
    ):
        assert name in metrics, name


@pytest.mark.parametrize("how", ["signal", "request"])
def test_reload_takes_a_good_file_and_refuses_a_bad_one(tmp_path: Path, how: str) -> None:
    with serving(tmp_path, config(NOWHERE)) as daemon:

        def reload() -> None:
            daemon.reload() if how == "signal" else status(daemon, "/-/reload", method="POST")

        (tmp_path / "detector.yml").write_text(config(NOWHERE, expr="rate(x_total[5m])").replace("{q:", "{other:"))
        reload()
        wait_until(lambda: 'heronwatch_detector_series{query="other"}' in page(daemon, "/metrics"), 10, "the new query")
        assert 'heronwatch_detector_series{query="q"}' not in page(daemon, "/metrics")
        (tmp_path / "detector.yml").write_text(config(NOWHERE, expr="x_total"))
        reload()
        wait_until(
            lambda: "heronwatch_config_last_reload_successful 0.0" in page(daemon, "/metrics"), 10, "the refusal"
        )
        assert 'heronwatch_detector_series{query="other"}' in page(daemon, "/metrics")
        assert "rate(x_total[5m])" in page(daemon, "/config")
        assert "'x_total' is a counter" in daemon.log()


def test_a_second_detector_with_the_same_state_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, config(NOWHERE) + f"settings: {{state_dir: '{tmp_path}/state'}}\n") as daemon:
        listen = f"{LOOPBACK}:{free_port()}"
        done = detector("serve", "--config.file", str(tmp_path / "detector.yml"), "--web.listen-address", listen)
        assert done.returncode == 1
        assert f"settings.state_dir: another detector (pid {daemon.pid} on " in done.stderr
        assert daemon.alive()


def test_sigterm_ends_it_and_leaves_a_snapshot(tmp_path: Path) -> None:
    scrape = (
        "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: x, static_configs: [{targets: ['127.0.0.1:1']}]}]\n"
    )
    with prometheus(tmp_path, scrape) as store:
        text = config(store.url) + f"settings: {{state_dir: '{tmp_path}/state'}}\n"
        with serving(tmp_path, text) as daemon:
            wait_until(lambda: status(daemon, "/-/ready")[0] == 200, 20, "readiness")
            wait_until(
                lambda: 'heronwatch_detector_series{query="q"} 1.0' in page(daemon, "/metrics"), 20, "the series"
            )
            daemon.signal(signal.SIGTERM)
            began = time.monotonic()
            assert daemon.process.wait(40) == 0
            assert time.monotonic() - began < 25
        assert (tmp_path / "state" / "q.npz").exists()
        with serving(tmp_path, text) as daemon:
            wait_until(lambda: "snapshot restored" in daemon.log(), 20, "the snapshot")


@pytest.mark.long
@pytest.mark.prometheus
@pytest.mark.timeout(150)
def test_a_kill_loses_no_more_than_the_time_since_the_last_snapshot(tmp_path: Path) -> None:
    with prometheus(tmp_path, "scrape_configs: []") as store, fed(store, a=5.0):
        text = (
            f"reader: {{datasource_url: '{store.url}', queries: {{q: {{expr: level, step: 1s}}}}}}\n"
            f"writer: {{targets: [{{datasource_url: '{store.url}'}}]}}\n"
            f"settings: {{state_dir: '{tmp_path}/state', snapshot_every: 10s}}\n"
        )

        def scored() -> list[float]:
            return [at for at, _ in samples(store, "anomaly_score", until_s=time.time(), seconds=120).get("a", [])]

        with serving(tmp_path, text) as daemon:
            wait_until((tmp_path / "state" / "q.npz").exists, 30, "a snapshot")
            saved_s = time.time()
            wait_until(lambda: max(scored()) > saved_s + 2, 20, "scores after it")
            daemon.process.kill()
            daemon.process.wait()
        killed_s = time.time()
        wait_until(lambda: time.time() > killed_s + 4, 10, "some steps to pass")
        with serving(tmp_path, text) as daemon:
            wait_until(lambda: max(scored()) > killed_s + 4, 30, "scores again")
            log = daemon.log()
            assert "snapshot restored" in log
            assert "caught up" in log
            assert log.count('msg="history learnt"') == 1  # by the first
            assert "samples rejected" not in log
        times = [at for at in scored() if at > saved_s - 2]
        assert np.diff(times).tolist() == [1.0] * (len(times) - 1)


@pytest.mark.long
@pytest.mark.prometheus
@pytest.mark.timeout(150)
def test_a_stand_by_takes_over_from_a_killed_leader_without_a_gap(tmp_path: Path) -> None:
    with prometheus(tmp_path, "scrape_configs: []") as store, fed(store, a=5.0, b=6.0):
        text = (
            f"reader: {{datasource_url: '{store.url}', queries: {{q: {{expr: level, step: 1s}}}}}}\n"
            f"writer: {{targets: [{{datasource_url: '{store.url}'}}]}}\n"
            f"settings: {{lease_file: '{tmp_path}/lease'}}\n"
        )

        def scored() -> dict[str, list[float]]:
            found = samples(store, "anomaly_score", until_s=time.time(), seconds=120)
            return {name: [at for at, _ in series] for name, series in found.items()}

        (tmp_path / "1").mkdir()
        (tmp_path / "2").mkdir()
        with serving(tmp_path / "1", text) as leader:
            wait_until(lambda: scored().keys() == {"a", "b"}, 30, "scores")
            with serving(tmp_path / "2", text) as standby:
                wait_until(
                    lambda: 'heronwatch_detector_series{query="q"} 2.0' in page(standby, "/metrics"),
                    30,
                    "it to compute",
                )
                assert "heronwatch_detector_leads 0.0" in page(standby, "/metrics")
                assert "heronwatch_detector_samples_written_total 0.0" in page(standby, "/metrics")
                kept_s = time.time()
                wait_until(lambda: max(scored()["a"]) > kept_s + 2, 20, "the leader to go on")
                leader.process.send_signal(signal.SIGSTOP)  # it hangs before it dies: a while that nobody writes
                hung_s = time.time()
                wait_until(lambda: time.time() > hung_s + 4, 20, "some steps that nobody writes")
                leader.process.kill()
                leader.process.wait()
                killed_s = time.time()
                wait_until(lambda: max(scored()["a"]) > killed_s + 3, 30, "the other one to lead")
                assert "heronwatch_detector_leads 1.0" in page(standby, "/metrics")
                assert "took over" in standby.log()
                assert "samples rejected" not in standby.log()
        for times in scored().values():
            assert np.diff(times).tolist() == [1.0] * (len(times) - 1)


def test_it_imports_no_web_framework_and_no_exporter() -> None:
    code = "import sys, anomaly_detector.serving; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"aiohttp", "flask", "sqlalchemy", "exporters", "alert_webhook", "sklearn", "pandas", "google"}
    assert "numpy" in loaded
