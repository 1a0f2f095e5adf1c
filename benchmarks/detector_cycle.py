"""One core's way through a cycle of the detector: decode the answer, judge, encode and compress the write.

    python -m benchmarks.detector_cycle --series 100000

Beside it, in turn, the same write built of protobuf objects, as clients without a template do it.
"""

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median

import cramjam
import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.instant import Judged, judge
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.series_table import Rows
from anomaly_detector.sink.outputs import Outputs
from anomaly_detector.sink.series import Identity, output_labels
from anomaly_detector.source.matrix import parse_matrix
from benchmarks.detector_labels import STEP_S, spelt
from benchmarks.report import report
from heronwatch.config import loads
from tests.fakes.protobuf_messages import message

START_S = 1_763_700_000.0
CONFIG = (
    "reader: {datasource_url: 'http://127.0.0.1:9090', queries: {traffic: {expr: up, step: 60s}}}\n"
    "models: {default: {warmup: 1s}}  # the live state: scores alone, no confidence\n"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    cycle = Cycle(arguments.series)
    cycle.run(0)  # the first meets every series anew
    took: dict[str, list[float]] = {}
    for number in range(1, arguments.rounds + 1):
        for name, seconds in {**cycle.run(number), "protobuf": cycle.run_protobuf(number)}.items():
            took.setdefault(name, []).append(seconds)
    show({name: median(times) for name, times in took.items()}, cycle, arguments.series)


class Cycle:
    """A query over `series` interfaces, and the parts of one of its cycles."""

    def __init__(self, series: int) -> None:
        self.plan = the_plan()
        self.state = QueryState(self.plan, last_s=START_S)
        self.outputs = Outputs(Identity("traffic", "default"), ("anomaly_score",))
        self._labels = [spelt(number) for number in range(series)]
        self._random = np.random.default_rng(1)
        self._request = message("WriteRequest")

    def run(self, number: int) -> dict[str, float]:
        """Run a cycle; returns the seconds of each part."""
        time_s = START_S + STEP_S * (number + 1)
        body = self._answer(time_s)
        times = np.array([time_s])
        decode_s, (rows, values) = timed(lambda: self._decode(body, times))
        judge_s, (judged,) = timed(lambda: judge(self.state, self.plan, rows, values, time_s))
        encode_s, compressed = timed(lambda: self._encode(judged))
        self._bytes = len(compressed)
        self._judged = judged
        return {"decode": decode_s, "judge": judge_s, "encode": encode_s}

    def run_protobuf(self, number: int) -> float:
        """Build the same write of objects; returns seconds."""
        scores = self._judged.verdict.score.tolist()
        time_ms = round((START_S + STEP_S * (number + 1)) * 1000)
        seconds, body = timed(lambda: self._objects(scores, time_ms))
        assert len(body) > len(scores)
        return seconds

    def bytes_per_series(self) -> float:
        """What the models remember of one series."""
        return self.state.bytes / self.state.table.series

    def wire_bytes_per_sample(self) -> float:
        """What one sample costs on the wire."""
        return self._bytes / self.state.table.series

    def _answer(self, time_s: float) -> bytes:
        values = self._random.normal(1e6, 3e4, len(self._labels))
        series = (
            f'{{"metric":{one},"values":[[{time_s:.0f},"{value:.3f}"]]}}'
            for one, value in zip(self._labels, values.tolist(), strict=True)
        )
        return f'{{"status":"success","data":{{"resultType":"matrix","result":[{",".join(series)}]}}}}'.encode()

    def _decode(self, body: bytes, times: np.ndarray) -> tuple[Rows, np.ndarray]:
        matrix = parse_matrix(body, times, max_series=10_000_000)
        return self.state.rows(matrix, max_series=10_000_000), matrix.values[0]

    def _encode(self, judged: Judged) -> bytes:
        self.outputs.follow(self.state.table.labels, self.state.table.version)
        batch = self.outputs.batch(judged)
        return b"".join(part.compressed() for part in batch.parts(5000))

    def _objects(self, scores: list[float], time_ms: int) -> bytes:
        identity, out = Identity("traffic", "default"), []
        for first in range(0, len(scores), 5000):
            request = self._request()
            for held, score in zip(self.state.table.labels[first : first + 5000], scores[first:], strict=False):
                one = request.timeseries.add()
                for name, value in (("__name__", "anomaly_score"), *output_labels(dict(held or ()), identity)):
                    one.labels.add(name=name, value=value)
                one.samples.add(value=score, timestamp=time_ms)
            out.append(bytes(cramjam.snappy.compress_raw(request.SerializeToString())))
        return b"".join(out)


def the_plan() -> QueryPlan:
    """One query with everything as it comes."""
    (plan,) = plans(loads(CONFIG, Config).value)
    return plan


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return seconds of CPU and the result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def show(seconds: dict[str, float], cycle: Cycle, series: int) -> None:
    """Print the table and the last line."""
    whole = seconds["decode"] + seconds["judge"] + seconds["encode"]
    rows = [[name, took * 1000, series / took / 1e6] for name, took in {**seconds, "whole cycle": whole}.items()]
    figures = {
        "series": series,
        "series_per_second_judge": round(series / seconds["judge"]),
        "series_per_second_encode": round(series / seconds["encode"]),
        "series_per_second_judge_and_encode": round(series / (seconds["judge"] + seconds["encode"])),
        "series_per_second_cycle": round(series / whole),
        "encode_times_faster_than_protobuf": round(seconds["protobuf"] / seconds["encode"], 1),
        "state_bytes_per_series": round(cycle.bytes_per_series(), 1),
        "wire_bytes_per_sample": round(cycle.wire_bytes_per_sample(), 1),
    }
    peers = {name: version(name) for name in ("protobuf", "numpy", "cramjam")}
    report("detector_cycle", ["part", "ms", "M series/s"], rows, figures=figures, peers=peers)


if __name__ == "__main__":
    main()
