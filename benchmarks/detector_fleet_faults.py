"""The eight kinds of faults of the generated fleet: each changes a device's values in place."""

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.detector_fleet_plan import F64, HOUR_S, Fault, Kind

Values = dict[str, F64]
Ports = npt.NDArray[np.intp]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fault acts: the slice of instants, hours since its start at each, ports in use, its size of 0 to 1."""

    span: slice
    hours: F64
    ports: Ports
    size: float

    def between(self, low: float, high: float) -> float:
        """Return the fault's size within a range."""
        return low + self.size * (high - low)


Injector = Callable[[Values, Place, np.random.Generator], None]


def inject(values: Values, times_s: F64, fault: Fault, ports: Ports, random: np.random.Generator) -> None:
    """Let a fault happen to a device; `ports` are those in use."""
    first, last = np.searchsorted(times_s, (fault.start_s, fault.end_s)).tolist()
    hours = (times_s[first:last] - fault.start_s) / HOUR_S
    place = Place(span=slice(first, last), hours=hours, ports=ports, size=fault.size)
    INJECTORS[fault.kind](values, place, random)


def _traffic_drop(values: Values, place: Place, _random: np.random.Generator) -> None:
    for name in ("traffic_in", "traffic_out", "packets_in"):
        values[name][place.span] *= place.between(0.5, 0.1)


def _storm(values: Values, place: Place, random: np.random.Generator) -> None:
    hit = random.choice(place.ports, min(len(place.ports), int(random.integers(3, 9))), replace=False)
    values["packets_in"][place.span, hit] *= place.between(5, 30)
    values["cpu"][place.span] += place.between(10, 40)


def _leak(values: Values, place: Place, random: np.random.Generator) -> None:
    pool = int(random.integers(0, values["memory"].shape[1]))
    values["memory"][place.span, pool] += place.between(10, 35) * place.hours / place.hours[-1]


def _overheating(values: Values, place: Place, random: np.random.Generator) -> None:
    values["temperature"][place.span] += (place.between(6, 20) * np.minimum(place.hours, 1))[:, None]
    if random.random() < 0.5:
        values["fan"][place.span, int(random.integers(0, values["fan"].shape[1]))] = 0
    else:
        values["fan"][place.span] *= 1.3


def _bad_optics(values: Values, place: Place, random: np.random.Generator) -> None:
    port = int(random.integers(0, values["optics"].shape[1]))
    count = len(place.hours)
    values["optics"][place.span, port] -= place.between(1, 4) * random.uniform(0.8, 1.2, count)
    now_and_then = random.random(count) < 0.4
    values["port_errors"][place.span, min(port, 1)] += random.poisson(place.between(0.5, 20), count) * now_and_then


def _slow(values: Values, place: Place, random: np.random.Generator) -> None:
    restless = np.exp(0.3 * random.standard_normal((len(place.hours), values["latency"].shape[1])))
    values["latency"][place.span] *= place.between(2, 6) * restless


def _busy(values: Values, place: Place, _random: np.random.Generator) -> None:
    values["cpu"][place.span] += place.between(15, 50)
    values["power"][place.span] *= 1.05


def _frozen(values: Values, place: Place, _random: np.random.Generator) -> None:
    for series in values.values():
        series[place.span] = series[max(place.span.start - 1, 0)]


INJECTORS: Mapping[Kind, Injector] = {
    "traffic_drop": _traffic_drop,
    "storm": _storm,
    "leak": _leak,
    "overheating": _overheating,
    "bad_optics": _bad_optics,
    "slow": _slow,
    "busy": _busy,
    "frozen": _frozen,
}
