"""Two shards of the detector beside each other on a real Prometheus: all series once, devices whole."""

import math
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.anomaly_detector.test_cli import page, query, serving
from tests.anomaly_detector.test_end_to_end import plain_prometheus
from tests.fakes.daemons import Daemon, wait_until
from tests.fakes.traffic import backfilled_prometheus

pytestmark = [pytest.mark.prometheus, pytest.mark.long, pytest.mark.timeout(170)]
STEP_S, DAY_S = 1800, 86_400
DEVICES, PARTS, SITES = 24, 2, 3
LOUD = "sw3"


JUMPS = {LOUD: (0, 0)}  # from and to so many seconds before the end


def past(end_s: int, jumps: Mapping[str, tuple[int, int]] = JUMPS) -> str:
    """OpenMetrics text: six days of two gauges of every device; those of some devices jump, by default at the end."""
    rows = ["# TYPE power_watts unknown"]
    for device in range(DEVICES):
        for part in range(PARTS):
            labels = f'instance="sw{device}",site="site-{device % SITES}",part="{part}"'
            first_s, last_s = jumps.get(f"sw{device}", (-1, 0))
            for number in range(6 * DAY_S // STEP_S, -1, -1):
                time_s = end_s - number * STEP_S
                value = 100 + 10 * math.sin(time_s / DAY_S * 2 * math.pi) + math.sin(time_s * 7.7 + device * 3 + part)
                value += 80 if first_s >= number * STEP_S >= last_s else 0
                rows.append(f"power_watts{{{labels}}} {value:.3f} {time_s}")
    return "\n".join([*rows, "# EOF", ""])


def text(store: Daemon, sink: Daemon, folder: Path, number: int, *, offset: str) -> str:
    read = f"datasource_url: '{store.url}', latency_offset: {offset}"
    return (
        f"reader: {{{read}, queries: {{power: {{expr: power_watts, step: 30m}}}}}}\n"
        "models: {m: {class: bank, fit_window: 1d, warmup: 6h}}\n"
        "groups: {history: 4d}\n"
        f"budget: {{per_week: {1000 / DEVICES:g}}}\n"  # one, of them all
        f"writer: {{targets: [{{datasource_url: '{sink.url}'}}]}}\n"
        f"settings: {{state_dir: '{folder}', shard: {{count: 2, number: {number}}}}}\n"
    )


def metric(daemon: Daemon, name: str) -> float:
    found = re.findall(rf"^heronwatch_detector_{name}(?:{{[^}}]*}})? (\S+)$", page(daemon, "/metrics"), re.MULTILINE)
    return sum(map(float, found))


def shards(stack: ExitStack, store: Daemon, sink: Daemon, tmp_path: Path, *, offset: str) -> list[Daemon]:
    out = []
    for number in range(2):
        folder = tmp_path / f"shard-{number}"
        folder.mkdir(exist_ok=True)
        out.append(stack.enter_context(serving(folder, text(store, sink, folder / "state", number, offset=offset))))
    return out


def shown(store: Daemon, name: str) -> Counter[tuple[str, ...]]:
    labels = ("instance", "part", "site", "shard")
    found = query(store, f"last_over_time({name}[1h])")
    return Counter(tuple(one["metric"].get(label, "") for label in labels) for one in found)  # type: ignore[attr-defined]


def test_every_series_is_scored_once_and_every_device_is_whole(tmp_path: Path) -> None:
    end_s = int(time.time()) // STEP_S * STEP_S
    # the past lies in blocks, up to whose end a Prometheus takes no samples: scores go to another one
    with backfilled_prometheus(tmp_path, "global: {}\n", past(end_s)) as store, plain_prometheus(tmp_path) as sink:
        with ExitStack() as stack:
            for daemon in shards(stack, store, sink, tmp_path, offset="1h"):
                wait_until(lambda: "past of devices played" in daemon.log(), 60, "the past")  # noqa: B023
        with ExitStack() as stack:
            both = shards(stack, store, sink, tmp_path, offset="2s")
            wait_until(lambda: len(shown(sink, "anomaly_group_score")) == DEVICES, 60, "scores of all devices")
            owned = [metric(daemon, "series") for daemon in both]
            assert sum(owned) == DEVICES * PARTS
            assert min(owned) > 0
            assert all(count % PARTS == 0 for count in owned)  # devices are whole
            assert sum(metric(daemon, "samples_rejected_total") for daemon in both) == 0
        scores = shown(sink, "anomaly_score")
        assert len(scores) == DEVICES * PARTS
        assert set(scores.values()) == {1}
        assert {shard for *_, shard in shown(sink, "anomaly_site_score")} == {"0", "1"}
        above = query(sink, "max_over_time(anomaly_group_score[1h]) > 1")
        assert {one["metric"]["instance"] for one in above} == {LOUD}  # type: ignore[index]
