"""One core's step over a million series: score and learn, and what a series costs in memory with its identity.

    python -m benchmarks.detector_tick --series 1000000

The state is that of the default model, in blocks as the service judges them; every series is warm. Identity is what
the service's table of series takes, measured. Beside it, the same work by one object for each series, each with a
state of its own and the same scores, on some hundred of them; and what such objects cost at the very least, as bare
Python that keeps a running mean and deviation and nothing else, on a hundredth. Then a minute of 100,000 series end to
end, with a real Prometheus or VictoriaMetrics on the same machine (detector_tick_end_to_end.py).
"""

import argparse
import math
import time
import tracemalloc
from statistics import median

import numpy as np

from anomaly_detector.models.model import F64, Grid, Model, State, block_of, bytes_per_series
from anomaly_detector.models.registry import models
from anomaly_detector.query_state import QueryState
from anomaly_detector.series_table import SeriesTable
from anomaly_detector.source.matrix import Matrix
from benchmarks.detector_labels import STEP_S, spelt
from benchmarks.detector_tick_end_to_end import COMPUTED, STAGES, STORES, measure, plan_for
from benchmarks.report import report

MODEL = "bank"
BLOCK = 10_240  # as the service: state and temporaries of a block stay in the cache
LEARN_STEPS = 45  # after these no series is young
DAYS_SEEN = 30
OBJECTS = 300
BARE_SHARE = 100
IDENTITY_SERIES = 50_000


class OneSeries:
    """What a detector of objects does for each series: the same model, over its own state."""

    def __init__(self, model: Model, state: State, place: int) -> None:
        self._model = model
        self._state = {name: array[..., place : place + 1].copy() for name, array in state.items()}

    def step(self, value: float, at: Grid) -> float:
        """Return the score of a value, and learn it."""
        verdict = self._model.step(np.array([value]), self._state, np.ones(1, bool), at)
        return float(verdict.score[0])


class BareSeries:
    """The least that an object can keep of a series: far less than the model does."""

    def __init__(self) -> None:
        self.count, self.mean, self.power = 0, 0.0, 0.0

    def step(self, value: float) -> float:
        """Return how many deviations a value is from the mean, and learn it."""
        gap = value - self.mean
        spread = math.sqrt(self.power / self.count) if self.count > 1 else 1.0
        self.count += 1
        self.mean += gap / self.count
        self.power += gap * (value - self.mean)
        return abs(gap) / max(spread, 1e-9)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--end-to-end", type=int, default=100_000, help="series of the minute end to end, 0 for none")
    parser.add_argument("--store", choices=sorted(STORES), default="prometheus", help="what is read and written")
    arguments = parser.parse_args()
    figures = alone(arguments.series, arguments.rounds)
    minute: dict[str, float] = {}
    if arguments.end_to_end:
        minute = measure(arguments.end_to_end, arguments.rounds, store=arguments.store)
        scale = 1e5 / arguments.end_to_end
        figures |= {f"seconds_{stage}_100k": round(minute[stage] * scale, 4) for stage in STAGES}
        figures["seconds_compute_100k"] = round(sum(minute[stage] for stage in COMPUTED) * scale, 4)
        figures["seconds_end_to_end_100k"] = round(minute["whole"] * scale, 4)
        figures["seconds_encode_churned_100k"] = round(minute["churned"] * scale, 4)
        figures["resident_bytes_per_series"] = round(minute.pop("resident"))
        figures["objects_seconds_100k"] = round(figures["objects_seconds_1m"] / 10, 2)
    show(figures, minute)


def alone(series: int, rounds: int) -> dict[str, float]:
    """Return the figures of one core without any I/O; seconds are scaled to a million series."""
    plugin = models().get(MODEL)
    model = plugin.make(plugin.options())
    state = warm(model, series)
    took = median([step(model, state, number, series) for number in range(rounds)])
    objects_s = objects(model, min(series, OBJECTS), rounds)
    bare_s = bare_objects(max(1, series // BARE_SHARE), rounds)
    some = min(series, IDENTITY_SERIES)
    parts = {"state": float(bytes_per_series(state)), "row": row_bytes(some), "identity": identity_bytes(some)}
    return {
        "series": series,
        "seconds_1m": round(took * 1e6 / series, 4),
        "objects_seconds_1m": round(objects_s * 1e6, 1),
        "bare_objects_seconds_1m": round(bare_s * 1e6, 4),
        "bytes_per_series": round(sum(parts.values())),
        **{f"{name}_bytes_per_series": round(size) for name, size in parts.items()},
    }


def warm(model: Model, series: int) -> State:
    """Return the state of series that were seen for a month: one block learns, the others are as it is."""
    block = min(BLOCK, series)
    learnt = model.blank(block)
    for number in range(LEARN_STEPS):
        model.step(values(number, block), learnt, np.ones(block, bool), grid(number))
    learnt["seen_s"][...] = DAYS_SEEN * 86_400
    times = -(-series // block)
    return {name: np.concatenate([array] * times, axis=-1)[..., :series].copy() for name, array in learnt.items()}


def step(model: Model, state: State, number: int, series: int) -> float:
    """Return the seconds of CPU that one step over all series takes."""
    everything = values(LEARN_STEPS + number, series)
    learn = np.ones(series, bool)
    began = time.process_time()
    for first in range(0, series, BLOCK):
        last = min(first + BLOCK, series)
        model.step(everything[first:last], block_of(state, first, last), learn[first:last], grid(LEARN_STEPS + number))
    return time.process_time() - began


def objects(model: Model, series: int, rounds: int) -> float:
    """Return the seconds of CPU that one step takes for each series by objects, whose scores are those of the whole."""
    state = warm(model, series)
    held = [OneSeries(model, state, place) for place in range(series)]
    took = []
    for number in range(LEARN_STEPS, LEARN_STEPS + rounds):
        here, at = values(number, series), grid(number)
        told = model.step(here, state, np.ones(series, bool), at).score
        began = time.process_time()
        scores = [one.step(value, at) for one, value in zip(held, here.tolist(), strict=True)]
        took.append(time.process_time() - began)
        np.testing.assert_allclose(scores, told, rtol=1e-5, atol=1e-6)
    return median(took) / series


def bare_objects(series: int, rounds: int) -> float:
    """Return the seconds of CPU that one step takes for each series by the barest of objects."""
    held = [BareSeries() for _ in range(series)]
    took = []
    for number in range(rounds):
        here = values(number, series).tolist()
        began = time.process_time()
        for one, value in zip(held, here, strict=True):
            one.step(value)
        took.append(time.process_time() - began)
    return median(took) / series


def values(number: int, series: int) -> F64:
    """Return a minute's values: noise around a level of each series' own."""
    random = np.random.default_rng(number)
    return np.asarray(1e6 + random.normal(0, 3e4, series))


def grid(number: int) -> Grid:
    """Return the instant of a step."""
    return Grid(time_s=number * STEP_S, step_s=STEP_S, day_s=number * STEP_S % 86_400)


def identity_bytes(series: int) -> float:
    """Return what the service remembers to know a series again: its table's memory, measured, for one series."""
    keys = [spelt(number).encode() for number in range(series)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    table = SeriesTable()
    table.rows_of(keys, max_series=series)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / table.series


def row_bytes(series: int) -> float:
    """Return what a query keeps of a series beside model and table: when it was seen, whether it is alive."""
    state = QueryState(plan_for("http://127.0.0.1:1"), last_s=0.0)
    matrix = Matrix(
        keys=[spelt(number).encode() for number in range(series)], times_s=np.zeros(1), values=np.zeros((1, series))
    )
    state.rows(matrix, max_series=series)
    kept = [state.seen_s, state.settled_s, state.live, *(lane.warming for lane in state.lanes)]
    return sum(array.nbytes for array in kept) / series


def show(figures: dict[str, float], minute: dict[str, float]) -> None:
    """Print the table and the last line."""
    rows: list[list[object]] = [
        ["a step, 1 M series", figures["seconds_1m"], "s"],
        ["the same by objects", figures["objects_seconds_1m"], "s"],
        ["bare objects", figures["bare_objects_seconds_1m"], "s"],
        ["state", figures["state_bytes_per_series"], "B a series"],
        ["row", figures["row_bytes_per_series"], "B a series"],
        ["identity", figures["identity_bytes_per_series"], "B a series"],
        *([f"a minute: {stage}", seconds, "s"] for stage, seconds in minute.items()),
    ]
    report("detector_tick", ["what", "value", "unit"], rows, figures=figures, peers={"numpy": np.__version__})


if __name__ == "__main__":
    main()
