"""What it costs to play the past of devices at a fresh start, and what a live query notices of it.

    python -m benchmarks.detector_rehearsal --series 100000 --devices 800 --instants 300

A source in memory stands for the server; what it costs is not counted. CPU is that of the thread itself, so that a busy
machine changes little. Of a past of seven days at five minutes `--instants` are played, and the rest is reckoned.
"""

import argparse
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.feedback.effects import Marks
from anomaly_detector.grouping.follow import QueryGroups, every_row, groups_of
from anomaly_detector.grouping.rehearsal import Rehearsal
from anomaly_detector.grouping.rehearsing import Aside, Rehearsing
from anomaly_detector.instant import judge
from anomaly_detector.models.model import F64
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.source.matrix import Matrix
from benchmarks.report import report
from heronwatch.clock import SystemClock
from heronwatch.config import loads

STEP_S, DAY_S, DAYS = 300.0, 86_400.0, 7
REST_S = 0.2  # between ticks
NOW_S = 20_410 * DAY_S
CONFIG = (
    "reader: {datasource_url: 'http://127.0.0.1:1', queries: {traffic: {expr: up, step: 5m}}}\n"
    f"groups: {{history: {DAYS}d}}\nsettings: {{max_series: 10000000}}\n"
)
Ticks = tuple[float, float, float]


class Life:
    """Series of devices with a rhythm of the day and noise, as answers of a server; `cost_s` is the CPU they took."""

    def __init__(self, series: int, devices: int) -> None:
        ports = -(-series // devices)
        self.keys = [
            json.dumps({"instance": f"sw{n // ports}", "site": f"s{n // ports // 40}", "port": str(n % ports)}).encode()
            for n in range(series)
        ]
        random = np.random.default_rng(1)
        self._level = random.lognormal(10, 1, series)
        self._noise = random.normal(0, 0.05, (61, series)).astype(np.float32)
        self.cost_s = 0.0

    def server_time(self) -> float:
        """See Source."""
        return NOW_S

    def newest_score(self, query: str) -> float:  # noqa: ARG002  # nothing is written
        """See Source."""
        return 0.0

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:  # noqa: ARG002
        """See Source."""
        began = time.thread_time()
        busy = 1 + 0.3 * np.sin(times_s / DAY_S * 2 * np.pi)
        place = np.rint(times_s / STEP_S).astype(np.intp)
        values = np.empty((len(times_s), len(self.keys)))
        for row, one in enumerate(place.tolist()):
            values[row] = self._level * (busy[row] + np.roll(self._noise[one % 61], one % 997))
        self.cost_s += time.thread_time() - began
        return Matrix(keys=self.keys, times_s=times_s, values=values)

    def close(self) -> None:
        """Nothing is open."""


class Live:
    """The live query beside it: what a tick takes, in seconds of CPU and by the clock."""

    def __init__(self, plan: QueryPlan, life: Life) -> None:
        self._plan, self._life = plan, life
        self.state = QueryState(plan, last_s=NOW_S)  # what it has learnt changes nothing of what a tick costs
        self._groups = the_groups(plan)
        self._time_s = NOW_S

    def tick(self) -> tuple[float, float]:
        """Judge one instant and roll it up."""
        self._time_s += STEP_S
        matrix = self._life.query_range("", np.array([self._time_s]), step_s=STEP_S, max_series=0)
        began = time.thread_time(), time.monotonic()
        rows = self.state.rows(matrix, max_series=self._plan.max_series)
        words = judge(self.state, self._plan, rows, matrix.values[0], self._time_s)
        values, held = every_row(len(self.state.table), rows, matrix.values[0], None)
        self._groups.at(self.state.table, words[0], values, held)
        return time.thread_time() - began[0], time.monotonic() - began[1]

    def ticks(self, more: Callable[[int], bool]) -> Ticks:
        """Return the median of CPU, and median and highest of the clock, of ticks while there are to be more."""
        took = [self.tick()]
        while more(len(took)):
            time.sleep(REST_S)
            took.append(self.tick())
        return median(cpu for cpu, _ in took), median(wall for _, wall in took), max(wall for _, wall in took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--devices", type=int, default=800)
    parser.add_argument("--instants", type=int, default=300, help="how many of the past are played")
    parser.add_argument("--ticks", type=int, default=20)
    arguments = parser.parse_args()
    (plan,) = plans(loads(CONFIG, Config, env={}).value)
    life = Life(arguments.series, arguments.devices)
    live = Live(plan, life)
    live.tick()  # the first meets every series anew
    alone = live.ticks(lambda done: done < arguments.ticks)
    before_mb = peak_mb()
    print("live ticks measured", file=sys.stderr, flush=True)
    learn_s, instant_s = played(plan, life, arguments.instants)
    peak = peak_mb()
    print(f"learnt in {learn_s:.0f} s, {instant_s:.3f} s an instant, {peak:.0f} MB", file=sys.stderr, flush=True)
    learning, beside = with_rehearsal(plan, life, live, ticks=arguments.ticks)
    show(
        {
            "series": arguments.series,
            "devices": arguments.devices,
            "learn_cpu_s": round(learn_s, 1),
            "instant_cpu_ms": round(1000 * instant_s, 1),
            "week_cpu_s": round(learn_s + DAYS * DAY_S / STEP_S * instant_s),
            "memory_before_mb": round(before_mb),
            "memory_peak_mb": round(peak),
            **ticked(alone, learning, beside),
        }
    )


def ticked(alone: Ticks, learning: Ticks, beside: Ticks) -> dict[str, float]:
    """Return what ticks took without a rehearsal, beside one that learns, and beside one that plays; milliseconds."""
    return {
        "tick_alone_cpu_ms": round(1000 * alone[0]),
        "tick_beside_cpu_ms": round(1000 * beside[0]),
        "tick_alone_ms": round(1000 * alone[1]),
        "tick_beside_learning_ms": round(1000 * learning[1]),
        "tick_beside_learning_highest_ms": round(1000 * learning[2]),
        "tick_beside_ms": round(1000 * beside[1]),
        "tick_beside_highest_ms": round(1000 * beside[2]),
    }


def show(figures: dict[str, float]) -> None:
    """Print the table and the last line."""
    rows = [[name, one] for name, one in figures.items()]
    report("detector_rehearsal", ["what", "value"], rows, figures=figures, peers={})


def played(plan: QueryPlan, life: Life, instants: int) -> tuple[float, float]:
    """Return the CPU of learning what is before the past, and of each of its instants; nothing without instants."""
    if not instants:
        return 0.0, 0.0
    groups, free_s = the_groups(plan), life.cost_s
    began = time.thread_time()
    said = Rehearsal(plan, groups, life).run(NOW_S - DAYS * DAY_S, NOW_S - DAYS * DAY_S + instants * STEP_S)
    next(said)
    learnt = time.thread_time()
    learn_s, free_s = learnt - began - (life.cost_s - free_s), life.cost_s
    count = sum(1 for _ in said)
    return learn_s, (time.thread_time() - learnt - (life.cost_s - free_s)) / max(1, count)


def with_rehearsal(plan: QueryPlan, life: Life, live: Live, *, ticks: int) -> tuple[Ticks, Ticks]:
    """Tick while the past is played as in service: while it learns, and while it plays half of the time."""
    aside = Aside(
        source=lambda: life,
        pauses=tuple,
        marks=Marks,
        turn=threading.Semaphore(),
        reads=threading.Semaphore(2),
        clock=SystemClock(),
        room=lambda: plan.max_series,
    )
    rehearsing = Rehearsing(plan, aside, newest_s=NOW_S, series=len(life.keys))
    rehearsing.start()
    try:
        learning = live.ticks(lambda _: rehearsing.done == 0)
        return learning, live.ticks(lambda done: done < ticks)
    finally:
        rehearsing.stop()


def the_groups(plan: QueryPlan) -> QueryGroups:
    """Return the devices of the query, nothing known yet."""
    groups = groups_of(plan)
    assert groups is not None
    return groups


def peak_mb() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
