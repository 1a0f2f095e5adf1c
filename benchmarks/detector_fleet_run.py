"""The detector over the generated fleet: the very code of the service judges it, block by block of devices."""

import json
from collections.abc import Iterator

import numpy as np

from anomaly_detector.config import Config
from anomaly_detector.instant import judge
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.query_state import QueryState
from anomaly_detector.scoring.groups import SIGNS, Grouped, Signs, deviation
from anomaly_detector.series_table import Rows
from anomaly_detector.source.matrix import Matrix
from benchmarks.detector_fleet_device import Site, device
from benchmarks.detector_fleet_plan import DAY_S, QUERIES, Fleet, faults, maintenance, muted, site_of
from heronwatch.config import loads

FIT_DAYS = 7  # of the history; the rest of it is judged to learn what is usual
# what an engineer would write down about these series: units, directions that matter, deviations that never do
ASKED = {
    "traffic_in": "expr: 'rate(ifHCInOctets[10m]) * 8', min_dev_from_expected: [100000, 100000]",
    "traffic_out": "expr: 'rate(ifHCOutOctets[10m]) * 8', min_dev_from_expected: [100000, 100000]",
    "packets_in": "expr: 'rate(ifHCInUcastPkts[10m])', min_dev_from_expected: [20, 20]",
    "port_errors": "expr: 'rate(ifInErrors[10m])', detection_direction: above_expected",
    "cpu": "expr: cpu_percent, min_dev_from_expected: [5, 5], detection_direction: above_expected",
    "memory": "expr: memory_percent, detection_direction: above_expected",
    "temperature": "expr: celsius, min_dev_from_expected: [2, 2], detection_direction: above_expected",
    "fan": "expr: fan_rpm",
    "power": "expr: watts",
    "optics": "expr: optics_dbm, min_dev_from_expected: [0.3, 0.3], detection_direction: below_expected",
    "latency": "expr: latency_ms, min_dev_from_expected: [1, 1], detection_direction: above_expected",
}


class Block:
    """Some devices with all their values: (instants, devices, series)."""

    def __init__(self, fleet: Fleet, first: int, last: int) -> None:
        windows, found = maintenance(fleet), {one.device: one for one in faults(fleet)}
        sites = {site: Site(fleet, site, windows) for site in sorted({site_of(one) for one in range(first, last)})}
        self.devices = range(first, last)
        self.values = np.empty((len(fleet.times_s), last - first, sum(QUERIES.values())), np.float32)
        for place, one in enumerate(self.devices):
            self.values[:, place] = device(fleet, one, sites[site_of(one)], found.get(one))
        columns = np.cumsum([0, *QUERIES.values()])
        self._columns = {name: slice(*columns[i : i + 2]) for i, name in enumerate(QUERIES)}

    def of(self, query: str) -> F64:
        """Return a query's values (instants, series): the series of a device stand together."""
        picked = self.values[:, :, self._columns[query]]
        return picked.reshape(len(picked), -1).astype(np.float64)


def blocks(fleet: Fleet, devices: int) -> Iterator[Block]:
    """Yield the fleet, `devices` at a time."""
    for first in range(0, fleet.devices, devices):
        yield Block(fleet, first, min(first + devices, fleet.devices))


def query_plans(fleet: Fleet) -> dict[str, QueryPlan]:
    """Return the plans of the benchmark's configuration: every option that is not in ASKED is the default."""
    queries = ", ".join(f"{name}: {{{text}}}" for name, text in ASKED.items())
    text = (
        f"reader: {{datasource_url: 'http://127.0.0.1:1', sampling_period: {fleet.step_s:g}s, queries: {{{queries}}}}}"
    )
    return {one.alias: one for one in plans(loads(text, Config, env={}).value)}


def signs_of(fleet: Fleet, block: Block, plan: QueryPlan) -> tuple[F32, Mask]:
    """Judge a query's series; return the signs (instants, sign, device) after the fit, and where there were samples."""
    values, times_s = block.of(plan.alias), fleet.times_s
    fitted = round(FIT_DAYS * DAY_S / fleet.step_s)
    state, rows = _fitted(plan, values[:fitted], times_s[:fitted])
    group = np.repeat(np.arange(len(block.devices)), QUERIES[plan.alias])
    signs = Signs(Grouped(group, len(block.devices)), values.shape[1], fleet.step_s, direction=plan.rules.direction)
    quiet = muted(fleet, times_s)[:, [site_of(one) for one in block.devices]]
    out = np.zeros((len(times_s) - fitted, len(SIGNS), len(block.devices)), np.float32)
    there = np.zeros((len(out), len(block.devices)), np.bool_)
    for place, instant in enumerate(range(fitted, len(times_s))):
        held = quiet[instant]
        (judged,) = judge(state, plan, rows, values[instant], float(times_s[instant]), still=held[group])
        score, off = np.zeros(values.shape[1], np.float32), np.zeros(values.shape[1], np.float32)
        score[judged.rows] = judged.verdict.score
        off[judged.rows] = deviation(judged.verdict, values[instant][judged.rows])
        out[place], there[place] = signs.take(score, values[instant], off, ~held, unsure=judged.unsure)
    return out, there


def _fitted(plan: QueryPlan, values: F64, times_s: F64) -> tuple[QueryState, Rows]:
    state = QueryState(plan, last_s=float(times_s[-1]))
    keys = [json.dumps({"n": str(series)}).encode() for series in range(values.shape[1])]
    rows = state.rows(Matrix(keys=keys, times_s=times_s[:1], values=values[:1]), max_series=len(keys))
    state.fit(state.lanes[0], rows, values, times_s, plan.step_s)
    return state, rows
