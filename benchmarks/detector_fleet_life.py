"""Rhythm, noise and bursts: what the values of the generated fleet are made of."""

import numpy as np

from anomaly_detector.grid import day_seconds, timezone_named
from benchmarks.detector_fleet_plan import DAY_S, F64, HOLIDAYS, HOUR_S, SITE_STREAM, Fleet, Profile, stream, zone_of

WEATHER = 10_000  # added to a site's number: the stream of its weather, beside that of its maintenance
THURSDAY = 3  # 1970-01-01, counted from Monday
BURST_SHAPE = 1.5  # of the Pareto distribution of sizes
SIZE_CAP = 30.0


class Calendar:
    """Local time of a site at every instant: seconds of the day, day, weekday (Monday is 0), public holidays."""

    def __init__(self, fleet: Fleet, site: int) -> None:
        name, times_s = zone_of(site), fleet.times_s
        self.day_s = day_seconds(times_s, timezone_named(name))
        offset_s = np.mod(self.day_s - np.mod(times_s, DAY_S) + DAY_S / 2, DAY_S) - DAY_S / 2
        self.day = np.floor((times_s + offset_s) / DAY_S).astype(np.int64)
        self.weekday = (self.day + THURSDAY) % 7
        free = [np.datetime64(one, "D").astype(np.int64) for one in HOLIDAYS.get(name, ())]
        self.rest = (self.weekday >= 5) | np.isin(self.day, free)
        self.sunday = (self.weekday == 6) | np.isin(self.day, free)
        self.utc_s = np.mod(times_s, DAY_S)


def rhythm(profile: Profile, calendar: Calendar, random: np.random.Generator) -> F64:
    """Return how busy a device is, about 0 to 1, at every instant."""
    moved_s = calendar.day_s - float(random.normal(0, 0.4)) * HOUR_S
    factor = np.exp(random.normal(0, 0.1, int(calendar.day.max() - calendar.day.min()) + 2))
    daily = factor[calendar.day - calendar.day.min()]
    if profile == "office":
        busy = _plateau(moved_s, 8, 17.5) - 0.3 * _bump(moved_s, 12.5, 0.6)
        return np.asarray((0.08 + busy * np.where(calendar.rest, 0.08, 1.0)) * daily)
    if profile == "plant":
        pauses = sum(_bump(moved_s, hour, 0.35) for hour in (6, 14, 22))
        return np.asarray((0.15 + (0.8 - 0.4 * pauses) * np.where(calendar.sunday, 0.15, 1.0)) * daily)
    if profile == "datacentre":
        backup = _plateau(calendar.utc_s, 1.0, 2.2, slope_h=0.05)
        return np.asarray((0.45 + 0.2 * np.sin((moved_s / DAY_S - 0.35) * 2 * np.pi) + 0.5 * backup) * daily)
    return np.asarray(0.4 * daily)


def _plateau(day_s: F64, from_h: float, to_h: float, *, slope_h: float = 0.6) -> F64:
    hours = np.mod(day_s, DAY_S) / HOUR_S
    return np.asarray(1 / (1 + np.exp(-(hours - from_h) / slope_h)) / (1 + np.exp((hours - to_h) / slope_h)))


def _bump(day_s: F64, at_h: float, width_h: float) -> F64:
    hours = np.mod(day_s, DAY_S) / HOUR_S
    away = np.abs(hours - at_h)
    return np.asarray(np.exp(-0.5 * (np.minimum(away, 24 - away) / width_h) ** 2))


def correlated(random: np.random.Generator, instants: int, *, step_s: float, memory_s: F64) -> F64:
    """Return noise of unit variance (instants, series) that forgets within each series' `memory_s`."""
    keep = np.exp(-step_s / memory_s)
    out = random.standard_normal((instants, len(memory_s)))
    out[1:] *= np.sqrt(1 - keep * keep)
    for instant in range(1, instants):
        out[instant] += keep * out[instant - 1]
    return out


def bursts(random: np.random.Generator, shape: tuple[int, int], *, a_day: F64, step_s: float) -> F64:
    """Return what bursts add, in units of a series' usual size: `a_day` of them for each series."""
    out = np.zeros(shape)
    days = shape[0] * step_s / DAY_S
    for series, count in enumerate(random.poisson(a_day * days).tolist()):
        starts = random.integers(0, shape[0], count).tolist()
        lengths = np.clip(random.lognormal(np.log(1200.0), 0.8, count), step_s, HOUR_S) // step_s
        sizes = np.minimum(random.pareto(BURST_SHAPE, count) + 0.5, SIZE_CAP)
        for start, length, size in zip(starts, lengths.astype(int).tolist(), sizes.tolist(), strict=True):
            out[start : start + length, series] += size
    return out


def weather(fleet: Fleet, site: int) -> F64:
    """Return a site's temperature in °C around its mean, shared by its devices."""
    random = stream(fleet, SITE_STREAM, WEATHER + site)
    slow = correlated(random, len(fleet.times_s), step_s=fleet.step_s, memory_s=np.array([2 * DAY_S]))
    return np.asarray(1.5 * slow[:, 0])
