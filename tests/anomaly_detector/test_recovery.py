"""What may befall the detector: a kill while a snapshot is written, a full disk, an hour without its store."""

import errno
import io
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from anomaly_detector.cycle import QueryRunner
from anomaly_detector.handed_over import WRITE_REACH_S
from anomaly_detector.metrics import Metrics
from anomaly_detector.service import Receivers
from anomaly_detector.source.prom_api import PromApi
from anomaly_detector.state import load
from heronwatch.clock import SystemClock
from heronwatch.logs import configure
from tests.anomaly_detector.test_on_real_stores import again
from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.detector_plans import config, plan
from tests.fakes.pushed_series import Feed, samples
from tests.fakes.snapshot_victim import FINGERPRINT, snapshot
from tests.fakes.traffic import backfilled_prometheus

KILLS = 4
HOUR_S = 3600.0


def size_of(path: Path) -> int:
    """Bytes of a file, -1 when it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def test_a_kill_in_the_middle_of_a_snapshot_leaves_a_whole_one(tmp_path: Path) -> None:
    path, generation, chance = tmp_path / "q.npz", 1, random.Random(1)
    snapshot(path, generation)
    temporary, broken_off = path.with_name(f".{path.name}.tmp"), 0
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.fakes.snapshot_victim", str(path), str(generation)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
            assert victim.stdout is not None
            done = int(victim.stdout.readline())
            some = path.stat().st_size * chance.random()
            wait_until(lambda: size_of(temporary) >= some, 20, "a snapshot half written")  # noqa: B023
            victim.kill()
            done = max([done, *(int(line) for line in victim.stdout)])
        header, arrays = load(path, fingerprint=FINGERPRINT)
        assert header.last_s in (done, done + 1)
        assert all((array == header.last_s).all() for array in arrays.values())
        broken_off += temporary.exists()
        generation = int(header.last_s)
    assert broken_off > 0, "no kill hit a snapshot while it was written"


def test_a_full_disk_costs_snapshots_only_and_mends_itself(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=2m tmpfs '{folder}'"
    if unshare is None or subprocess.run([unshare, "--mount", "sh", "-c", mount], check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs in a namespace of its own")
    command = f"{mount} && exec '{sys.executable}' -W error -m tests.fakes.full_disk '{folder}'"
    done = subprocess.run([unshare, "--mount", "sh", "-c", command], capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    start_s = 1_763_700_000.0
    assert told["errno"] == errno.ENOSPC
    assert told["before"] == [1, 0, start_s + 301, ["q.npz"]]
    assert told["full"] == [1, 1, start_s + 301, ["filler", "q.npz"]]  # the old one, and nothing half
    assert told["later"] == [2, 1, start_s + 903, ["q.npz"]]
    assert b"Exception ignored" not in done.stderr


class Earlier(PromApi):
    """A server as it was: its clock stands `ago_s` back."""

    ago_s = 0.0

    def server_time(self) -> float:
        return super().server_time() - self.ago_s


class Hour:
    """A query over a store that holds a past, and a receiver, that store itself unless it is said."""

    def __init__(
        self,
        store: Daemon,
        *,
        query: str = "expr: level, step: 15s",
        models: str = "{m: {fit_window: 1h, warmup: 5m}}",
        settings: str = "{}",
        sink: Daemon | None = None,
    ) -> None:
        self.registry, clock = CollectorRegistry(), SystemClock()
        metrics = Metrics(self.registry)
        writer = config(
            f"reader: {{datasource_url: '{store.url}', queries: {{q: {{expr: level}}}}}}\n"
            f"writer: {{targets: [{{datasource_url: '{(sink or store).url}'}}]}}\n"
        ).writer
        the_plan = plan(query, url=store.url, models=models, settings=settings)
        self.api = Earlier(the_plan.reader)
        self.receivers = Receivers(writer, clock, metrics)
        self.runner = QueryRunner(
            the_plan,
            api=self.api,
            outbox=self.receivers,
            metrics=metrics,
            clock=clock,
            reads=threading.Semaphore(1),
            room=lambda _alias: 1000,
        )

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"heronwatch_detector_{name}", labels) or 0.0

    def all_written(self) -> bool:
        """Whether nothing waits and the receiver takes what it is sent."""
        receiver = self.receivers.all[0]
        return not receiver.trouble and not len(receiver)


def past(until_s: float) -> str:
    """Two hours of a series, a sample every 15 s, as OpenMetrics."""
    lines = [f'level{{n="a"}} {50 + number % 7} {until_s - 15 * number:.0f}' for number in reversed(range(480))]
    return "\n".join(["# TYPE level gauge", *lines, "# EOF", ""])


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged."""
    stream = io.StringIO()
    configure(stream=stream)
    yield stream
    configure(stream=io.StringIO())


@pytest.mark.prometheus
def test_an_hour_without_prometheus_is_caught_up_with_and_said(tmp_path: Path, log: io.StringIO) -> None:
    """The hour is one of the server's clock; the server really goes, and gets the hour's samples when it is back."""
    stop, gone_s = threading.Event(), time.time() - HOUR_S
    with backfilled_prometheus(tmp_path, "scrape_configs: []", past(gone_s)) as store:
        hour = Hour(store, settings=f"{{state_dir: {tmp_path}/state}}")
        hour.api.ago_s = HOUR_S
        hour.receivers.start()
        hour.runner.attempt(stop)
        assert hour.runner.trouble == ""
        store.stop()
        for _ in range(3):
            hour.runner.attempt(stop)
        assert "no connection" in hour.runner.trouble
        with again(store) as back:
            feed, every_s = Feed(back), 15.0
            for number in range(1, int(HOUR_S / every_s) + 1):
                assert feed.push("level", 50.0 + number % 7, gone_s + every_s * number, n="a") == 204
            hour.api.ago_s = 0.0
            hour.runner.attempt(stop)
            assert hour.runner.trouble == ""
            wait_until(hour.all_written, 20, "the writing")
            scores = samples(back, "anomaly_score", until_s=time.time(), seconds=7200)["a"]
            hour.receivers.stop()
    said = log.getvalue()
    instants = HOUR_S / 15
    late = (HOUR_S - WRITE_REACH_S) / 15
    assert hour.metric("missed_instants_total", query="q", reason="too_late") == pytest.approx(late, abs=2)
    assert hour.metric("missed_instants_total", query="q", reason="given_up") == 0
    assert len(scores) == pytest.approx(instants - late, abs=3)
    (line,) = [line for line in said.splitlines() if "caught up" in line]
    for words in ("query=q", "learnt_but_too_late_to_write=", "given_up=0"):
        assert words in line
    assert said.count("history learnt") == 1  # at the first start only
