"""What devices live through and is no anomaly, on a real Prometheus: reboots, resets, restarts under another name.

The past lies in the store. The detector begins an hour of the server's clock ago, then judges that hour.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.anomaly_detector.test_end_to_end import plain_prometheus, values
from tests.anomaly_detector.test_recovery import HOUR_S, Hour
from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.traffic import backfilled_prometheus

pytestmark = [pytest.mark.prometheus, pytest.mark.long]
STEP_S, DAYS, DAY_S = 60, 2, 86_400
THEN_S = 2400.0  # this long ago something happens
MODELS = "{m: {fit_window: 2d, warmup: 1d}}"
Shown = Callable[[float], bool]  # by how long ago


def rhythm(time_s: float) -> float:
    return 1 + 0.3 * math.sin(time_s / DAY_S * 2 * math.pi)


def always(_ago_s: float) -> bool:
    return True


def counter(end_s: int, name: str, *, away: Shown = lambda _ago: False, restarts: bool = True) -> Iterator[str]:
    """Lines of a port's octets; it counts anew after `THEN_S` when the device restarts, and is gone while `away`."""
    chance, octets = random.Random(name), 1e12
    for number in range(DAYS * DAY_S // STEP_S, -1, -1):
        ago_s = number * STEP_S
        fell = name == "fault" and ago_s <= THEN_S
        octets += 1e6 * rhythm(end_s - ago_s) * STEP_S * chance.gauss(1, 0.03) * (0.02 if fell else 1)
        if restarts and ago_s == THEN_S:
            octets = 0
        if not away(ago_s):
            yield f'octets{{instance="{name}"}} {octets:.0f} {end_s - ago_s}'


def gauge(end_s: int, app: str, pod: str, shown: Shown) -> Iterator[str]:
    """Lines of what a pod has in flight."""
    chance = random.Random(app)
    for number in range(DAYS * DAY_S // STEP_S, -1, -1):
        value = 50 * rhythm(end_s - number * STEP_S) * chance.gauss(1, 0.03)
        if shown(number * STEP_S):
            yield f'inflight{{app="{app}",pod="{app}-{pod}"}} {value:.2f} {end_s - number * STEP_S}'


def past(end_s: int) -> str:
    """Return two days of ports and pods as OpenMetrics."""
    ports = [
        *counter(end_s, "calm", restarts=False),
        *counter(end_s, "fault", restarts=False),
        *counter(end_s, "reset"),
        *counter(end_s, "reboot", away=lambda ago_s: THEN_S < ago_s <= THEN_S + 240),
        *counter(end_s, "quick", away=lambda ago_s: ago_s == THEN_S),
    ]
    pods = [
        *gauge(end_s, "web", "old", lambda ago_s: ago_s > THEN_S),
        *gauge(end_s, "web", "new", lambda ago_s: ago_s <= THEN_S),
        *gauge(end_s, "db", "1", always),
        *gauge(end_s, "first", "1", lambda ago_s: ago_s <= THEN_S),
    ]
    return "\n".join(["# TYPE octets unknown", *ports, "# TYPE inflight gauge", *pods, "# EOF", ""])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    end_s = int(time.time()) // STEP_S * STEP_S
    with backfilled_prometheus(tmp_path_factory.mktemp("past"), "global: {}\n", past(end_s)) as daemon:
        yield daemon


def judged(store: Daemon, sink: Daemon, query: str) -> None:
    """Let a detector learn up to an hour ago and judge the hour; its scores are in `sink` then."""
    stop = threading.Event()
    hour = Hour(store, query=query, models=MODELS, sink=sink)
    hour.receivers.start()
    try:
        for ago_s in (HOUR_S, 0.0):
            hour.api.ago_s = ago_s
            hour.runner.attempt(stop)
            assert hour.runner.trouble == ""
        wait_until(hour.all_written, 20, "the writing")
        assert hour.metric("samples_rejected_total", reason="out_of_order") == 0
    finally:
        hour.receivers.stop()


def test_reboots_and_resets_are_no_anomalies_and_an_outage_is_one(tmp_path: Path, store: Daemon) -> None:
    with plain_prometheus(tmp_path) as sink:
        judged(store, sink, "expr: 'rate(octets[3m]) * 8', step: 60s")
        highest = values(sink, "max_over_time(anomaly_score[1h])", "instance")
        scored = values(sink, "count_over_time(anomaly_score[1h])", "instance")
    assert highest.pop("fault") > 1
    assert set(highest) == {"calm", "reset", "reboot", "quick"}
    assert max(highest.values()) < 1, highest
    assert scored["reboot"] > 30  # it is scored again after its return


def test_a_restarted_pod_goes_on_where_the_old_one_ended(tmp_path: Path, store: Daemon) -> None:
    with plain_prometheus(tmp_path) as sink:
        judged(store, sink, "expr: inflight, step: 60s, drop_labels: [pod]")
        young = values(sink, "count_over_time(anomaly_confidence[1h])", "app")
        scored = values(sink, 'count_over_time(anomaly_score{pod!="web-old"}[1h])', "pod")
        highest = values(sink, "max_over_time(anomaly_score[1h])", "pod")
        ended = values(sink, 'anomaly_score{pod="web-old"}', "pod")
    assert set(young) == {"first"}  # who has no kin warms up; web-new has
    assert scored.keys() == {"web-new", "db-1", "first-1"}
    assert scored["web-new"] >= THEN_S / STEP_S - 1
    assert max(highest.values()) < 1, highest
    assert ended == {}
