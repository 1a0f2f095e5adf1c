"""One device of the generated fleet: 125 series over the whole span, with its life and its fault."""

import numpy as np

from benchmarks.detector_fleet_faults import inject
from benchmarks.detector_fleet_life import Calendar, bursts, correlated, rhythm, weather
from benchmarks.detector_fleet_plan import (
    DAY_S,
    DEVICE_STREAM,
    F64,
    FAULT_STREAM,
    HOUR_S,
    PORTS,
    QUERIES,
    Fault,
    Fleet,
    Mask,
    Profile,
    Window,
    site_of,
    stream,
)

PROFILES: tuple[Profile, ...] = ("office", "plant", "datacentre", "flat")
REBOOT_DAYS, RESET_DAYS, CHURN_DAYS, LASTING_DAYS = 60.0, 40.0, 20.0, 60.0  # one each so many days and device
LOST_POLLS = 1 / 2000
RATES = ("traffic_in", "traffic_out", "packets_in", "port_errors")
REMEMBERED_S = {  # for how long the noise of a query's series is remembered
    "traffic_in": 1200.0,
    "traffic_out": 1200.0,
    "cpu": 1200.0,
    "memory": 3 * DAY_S,
    "temperature": 2 * HOUR_S,
    "fan": 1200.0,
    "power": 1200.0,
    "optics": 1200.0,
    "latency": 1200.0,
}
Values = dict[str, F64]


class Site:
    """What a site's devices share."""

    def __init__(self, fleet: Fleet, site: int, windows: list[Window]) -> None:
        self.calendar = Calendar(fleet, site)
        self.weather = weather(fleet, site)
        self.windows = [one for one in windows if one.site == site]


def device(fleet: Fleet, number: int, site: Site, fault: Fault | None) -> F64:
    """Return a device's values (instants, series), NaN where it has no sample; series are in the order of QUERIES."""
    random = stream(fleet, DEVICE_STREAM, number)
    weights = (0.55, 0.15, 0.15, 0.15) if site_of(number) % 2 else (0.15, 0.2, 0.5, 0.15)
    profile = PROFILES[int(random.choice(len(PROFILES), p=weights))]
    busy = rhythm(profile, site.calendar, random)
    used = random.random(PORTS) < random.uniform(0.4, 0.9)
    used[:2] = True
    noise = _noise(fleet, random)
    values = _ports(fleet, random, busy, noise) | _health(fleet, random, busy, site, noise)
    alive = _moves(fleet, random, values, used)
    _lasting(fleet, random, values)
    down = _night_work(fleet, random, values, site)
    if fault is not None:
        inject(values, fleet.times_s, fault, np.flatnonzero(used), stream(fleet, FAULT_STREAM, 1 + number))
    _finish(values, alive, random)
    _interrupt(fleet, random, values, down)
    return np.concatenate([values[name] for name in QUERIES], axis=1)


def _noise(fleet: Fleet, random: np.random.Generator) -> Values:
    """Return the noise of every query that has one; all series at once, as instants follow one another."""
    widths = [QUERIES[name] for name in REMEMBERED_S]
    memory_s = np.repeat(list(REMEMBERED_S.values()), widths)
    noise = correlated(random, len(fleet.times_s), step_s=fleet.step_s, memory_s=memory_s)
    return dict(zip(REMEMBERED_S, np.split(noise, np.cumsum(widths)[:-1], axis=1), strict=True))


def _ports(fleet: Fleet, random: np.random.Generator, busy: F64, noise: Values) -> Values:
    """Traffic in bit/s, packets and errors a second, of every port as if all were in use."""
    shape = (len(fleet.times_s), PORTS)
    mean = random.lognormal(np.log(2e6), 1.5, PORTS)
    mean[:2] *= 20
    follows = random.uniform(0.3, 1.0, PORTS)
    level = follows * busy[:, None] + (1 - follows) * 0.4
    growth = np.exp(random.uniform(0, 0.01, PORTS) * np.arange(shape[0])[:, None] * fleet.step_s / DAY_S)
    out: Values = {}
    for name in ("traffic_in", "traffic_out"):
        restless = random.uniform(0.1, 0.5, PORTS)
        burst = bursts(random, shape, a_day=random.gamma(0.5, 2.0, PORTS), step_s=fleet.step_s)
        out[name] = mean * growth * (level * np.exp(restless * noise[name]) + burst)
    size_bits = random.uniform(3000, 9000, PORTS)
    out["packets_in"] = out["traffic_in"] / size_bits * np.exp(0.05 * random.standard_normal(shape))
    bad = np.where(random.random(PORTS) < 0.03, random.lognormal(-2, 1, PORTS), 0.0)
    rare = bursts(random, shape, a_day=np.full(PORTS, 0.05), step_s=fleet.step_s)
    out["port_errors"] = random.poisson(bad + 0.3 * rare, shape).astype(np.float64)
    return out


def _health(fleet: Fleet, random: np.random.Generator, busy: F64, site: Site, noise: Values) -> Values:
    """CPU, memory, temperatures, fans, power, light, latency."""
    load = busy[:, None]
    report = _job(site.calendar.utc_s, at_s=float(random.uniform(0, DAY_S)), lasts_s=900.0)
    hourly = _job(np.mod(site.calendar.utc_s, HOUR_S), at_s=float(random.uniform(0, 3000)), lasts_s=300.0)
    cpu = random.uniform(3, 15, 4) + random.uniform(10, 40) * load + random.uniform(1, 4, 4) * noise["cpu"]
    cpu += (random.uniform(10, 50) * report + random.uniform(0, 8) * hourly)[:, None]
    heat = random.uniform(2, 8) * load + site.weather[:, None]
    temperature = random.uniform(25, 55, 8) + heat + 0.4 * noise["temperature"]
    fan = random.uniform(3000, 7000) * (1 + 0.015 * heat) * np.exp(0.01 * noise["fan"])
    power = random.uniform(60, 400) * (1 + 0.15 * load) * np.exp(0.01 * noise["power"])
    memory = random.uniform(25, 70, 3) + 3 * noise["memory"] + 2 * load
    optics = random.uniform(-9, -2, 4) + 0.1 * site.weather[:, None] / 1.5 + 0.04 * noise["optics"]
    latency = random.lognormal(np.log(8), 0.7, 2) * (1 + 0.4 * load) * np.exp(0.15 * noise["latency"])
    latency *= 1 + bursts(random, latency.shape, a_day=np.full(2, 0.5), step_s=fleet.step_s) / 2
    return {
        "cpu": cpu,
        "memory": memory,
        "temperature": temperature,
        "fan": fan,
        "power": power,
        "optics": optics,
        "latency": latency,
    }


def _job(clock_s: F64, *, at_s: float, lasts_s: float) -> F64:
    return np.asarray(((clock_s >= at_s) & (clock_s < at_s + lasts_s)) * 1.0)


def _when(fleet: Fleet, random: np.random.Generator, every_days: float) -> list[int]:
    """Return at which instants something happens that happens every so many days."""
    count = len(fleet.times_s)
    events = int(random.poisson(count * fleet.step_s / DAY_S / every_days))
    return sorted(random.integers(0, count, events).tolist())


def _moves(fleet: Fleet, random: np.random.Generator, values: Values, used: Mask) -> Mask:
    """Return when each port is in use: ports are lost for good, others come to life."""
    alive = np.repeat(used[None, :], len(fleet.times_s), axis=0)
    for at in _when(fleet, random, CHURN_DAYS):
        port = int(random.integers(2, PORTS))
        alive[at:, port] = ~alive[at, port]
    if random.random() < 0.5:  # a device that does not report unused ports
        for name in RATES:
            values[name][~alive] = np.nan
    return alive


def _lasting(fleet: Fleet, random: np.random.Generator, values: Values) -> None:
    """Double or quadruple the traffic of a port for good, now and then."""
    for at in _when(fleet, random, LASTING_DAYS):
        port, factor = int(random.integers(0, PORTS)), float(random.uniform(2, 4))
        for name in RATES[:3]:
            values[name][at:, port] *= factor


def _night_work(fleet: Fleet, random: np.random.Generator, values: Values, site: Site) -> list[int]:
    """Do what is done in maintenance; return the instants of restarts."""
    restarts = []
    for window in site.windows:
        restart, quiet = random.random() < 0.5, (fleet.times_s >= window.start_s) & (fleet.times_s < window.end_s)
        for name in RATES[:3]:
            values[name][quiet] *= 0.05
        if restart and quiet.any():
            restarts.append(int(np.flatnonzero(quiet)[int(random.integers(0, quiet.sum()))]))
    return restarts + _when(fleet, random, REBOOT_DAYS)


def _finish(values: Values, alive: Mask, random: np.random.Generator) -> None:
    """Silence unused ports, keep within what is possible, round as devices do."""
    for name in RATES:
        values[name] = np.where(alive | np.isnan(values[name]), np.maximum(values[name], 0), 0.0)
    for name in ("cpu", "memory"):
        values[name] = np.clip(values[name], 0, 100)
    if random.random() < 0.5:
        values["temperature"] = np.round(values["temperature"])
    values["fan"], values["power"] = np.round(values["fan"] / 60) * 60, np.round(values["power"])
    values["optics"] = np.round(values["optics"], 1 + int(random.random() < 0.5))


def _interrupt(fleet: Fleet, random: np.random.Generator, values: Values, restarts: list[int]) -> None:
    """Take away what was not polled: restarts, counter resets, lost polls."""
    for at in restarts:
        gap = int(random.integers(2, 4))
        values["cpu"][at + gap : at + gap + 2] = np.minimum(values["cpu"][at + gap : at + gap + 2] + 30, 100)
        values["memory"][at:] -= np.minimum(8, values["memory"][at] / 3)
        for name, series in values.items():
            series[at : at + gap + (name in RATES)] = np.nan
    for at in _when(fleet, random, RESET_DAYS):
        for name in RATES:
            values[name][at] = np.nan
    lost = random.random(len(fleet.times_s)) < LOST_POLLS
    for series in values.values():
        series[lost] = np.nan
