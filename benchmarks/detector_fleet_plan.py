"""The fleet that `detector_fleet` generates: its devices, sites, spans of time, maintenance and faults. No values yet.

Described in docs/detector/fleet-benchmark.md. Every draw comes from the seed and the number of what it is about.
"""

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Kind = Literal["traffic_drop", "storm", "leak", "overheating", "bad_optics", "slow", "busy", "frozen"]
Profile = Literal["office", "plant", "datacentre", "flat"]

DAY_S, HOUR_S = 86_400.0, 3600.0
JUDGED_FROM_S = datetime(2026, 10, 19, tzinfo=UTC).timestamp()
PORTS = 24
QUERIES: dict[str, int] = {
    "traffic_in": PORTS,
    "traffic_out": PORTS,
    "packets_in": PORTS,
    "port_errors": PORTS,
    "cpu": 4,
    "memory": 3,
    "temperature": 8,
    "fan": 6,
    "power": 2,
    "optics": 4,
    "latency": 2,
}
SERIES = sum(QUERIES.values())
DEVICES_PER_SITE = 40
ZONES = ("Europe/Berlin", "Europe/Vienna", "America/New_York", "Asia/Tokyo")
HOLIDAYS = {"Europe/Vienna": ("2026-10-26",)}
KINDS: tuple[Kind, ...] = ("traffic_drop", "storm", "leak", "overheating", "bad_optics", "slow", "busy", "frozen")
HOURS: dict[Kind, tuple[float, float]] = {
    "traffic_drop": (2, 12),
    "storm": (1, 6),
    "leak": (6, 24),
    "overheating": (3, 24),
    "bad_optics": (6, 24),
    "slow": (2, 12),
    "busy": (2, 12),
    "frozen": (6, 24),
}
DEVICE_STREAM, SITE_STREAM, FAULT_STREAM = 1, 2, 3  # keep the draws of different things apart
MAINTENANCE_S = 2 * HOUR_S


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault injected into one device; `size`, evenly within 0 to 1, is its place in its kind's range."""

    device: int
    kind: Kind
    start_s: float
    end_s: float
    size: float


class Window(msgspec.Struct, frozen=True):
    """An announced maintenance of one site."""

    site: int
    start_s: float
    end_s: float


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """What is generated: everything else follows from these numbers."""

    devices: int = 800
    seed: int = 1
    faults: int = 50
    step_s: float = 300.0
    history_days: int = 14
    judged_days: int = 14

    @property
    def sites(self) -> int:
        """How many sites there are; the last may be smaller."""
        return -(-self.devices // DEVICES_PER_SITE)

    @property
    def times_s(self) -> F64:
        """Every instant: the history, then the judged span."""
        start_s = JUDGED_FROM_S - self.history_days * DAY_S
        instants = round((self.history_days + self.judged_days) * DAY_S / self.step_s)
        return np.asarray(start_s + self.step_s * np.arange(instants), np.float64)

    @property
    def end_s(self) -> float:
        """The end of the judged span."""
        return JUDGED_FROM_S + self.judged_days * DAY_S


def stream(fleet: Fleet, kind: int, number: int) -> np.random.Generator:
    """Return the random numbers of one thing, the same whoever asks first."""
    return np.random.default_rng([fleet.seed, kind, number])


def zone_of(site: int) -> str:
    """Return the name of a site's timezone."""
    return ZONES[site % len(ZONES)]


def site_of(device: int) -> int:
    """Return a device's site."""
    return device // DEVICES_PER_SITE


def maintenance(fleet: Fleet) -> list[Window]:
    """Return the announced windows: one night in each week and site, at 22:00 to 02:00 local time."""
    windows = []
    start_s = JUDGED_FROM_S - fleet.history_days * DAY_S
    for site in range(fleet.sites):
        random = stream(fleet, SITE_STREAM, site)
        for week in range((fleet.history_days + fleet.judged_days) // 7):
            day = datetime.fromtimestamp(start_s + (7 * week + int(random.integers(1, 6))) * DAY_S, UTC)
            local = datetime(day.year, day.month, day.day, 22, tzinfo=ZoneInfo(zone_of(site)))
            begins_s = local.timestamp() + float(random.uniform(0, 2 * HOUR_S))
            windows.append(Window(site, begins_s, begins_s + MAINTENANCE_S))
    return windows


def faults(fleet: Fleet) -> list[Fault]:
    """Return the injected faults, on different devices, none in its site's maintenance."""
    random = stream(fleet, FAULT_STREAM, 0)
    windows = maintenance(fleet)
    devices = random.permutation(fleet.devices)[: fleet.faults].tolist()
    return [_fault(fleet, device, KINDS[place % len(KINDS)], windows, random) for place, device in enumerate(devices)]


def _fault(fleet: Fleet, device: int, kind: Kind, windows: list[Window], random: np.random.Generator) -> Fault:
    lasts_s = float(random.uniform(*HOURS[kind])) * HOUR_S
    size = float(random.uniform())
    while True:
        start_s = float(random.uniform(JUDGED_FROM_S + DAY_S, fleet.end_s - DAY_S - lasts_s))
        end_s = start_s + lasts_s
        ours = (one for one in windows if one.site == site_of(device))
        if not any(start_s < one.end_s + HOUR_S and one.start_s - HOUR_S < end_s for one in ours):
            return Fault(device=device, kind=kind, start_s=start_s, end_s=end_s, size=size)


def muted(fleet: Fleet, times_s: F64) -> Mask:
    """Return where maintenance is announced, an hour more at its end: (instants, sites)."""
    out = np.zeros((len(times_s), fleet.sites), np.bool_)
    for window in maintenance(fleet):
        out[(times_s >= window.start_s) & (times_s < window.end_s + HOUR_S), window.site] = True
    return out
