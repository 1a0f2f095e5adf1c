"""From scores of devices to notifications, and what they are worth: false ones, faults found, minutes until then."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from anomaly_detector.models.model import F64, Mask
from benchmarks.detector_fleet_plan import HOUR_S, Fault, site_of

QUIET_S = HOUR_S  # below 1 for so long ends a notification
TOGETHER_S = 900.0  # what begins at one site within this is one
LATE_S = HOUR_S  # a notification may still belong to a fault that ended so long ago


class Notice(msgspec.Struct, frozen=True):
    """A notification: when it begins, and the devices of one site that it is about."""

    start_s: float
    devices: tuple[int, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the notifications of some weeks were worth; `minutes` has an entry for each fault found."""

    false: tuple[Notice, ...]
    found: tuple[Fault, ...]
    minutes: tuple[float, ...]


def notices(above: Mask, times_s: F64, devices: int | None = None) -> list[Notice]:
    """Return the notifications of what is `above` the threshold: (instants, devices, and after them sites).

    `devices` says how many of the columns are devices, all when left out. A site's notification names no device, so
    that it finds no fault: every injected one is of a device.
    """
    devices = above.shape[1] if devices is None else devices
    starts = sorted(
        (float(times_s[at]), column)
        for column in np.flatnonzero(above.any(axis=0)).tolist()
        for at in _starts(above[:, column], times_s)
    )
    out: list[Notice] = []
    newest: dict[int, int] = {}  # the place of each site's newest notification
    for start_s, column in starts:
        site = site_of(column) if column < devices else column - devices
        about = (column,) if column < devices else ()
        place = newest.get(site, -1)
        if place >= 0 and start_s - out[place].start_s <= TOGETHER_S:
            out[place] = Notice(out[place].start_s, (*out[place].devices, *about))
        else:
            newest[site] = len(out)
            out.append(Notice(start_s, about))
    return out


def _starts(above: Mask, times_s: F64) -> list[int]:
    """Return the instants at which one device begins to be above, after QUIET_S below."""
    at = np.flatnonzero(above)
    pause = np.diff(times_s[at], prepend=-np.inf)
    return [int(one) for one in at[pause > QUIET_S]]


def judge_notices(sent: Sequence[Notice], injected: Sequence[Fault]) -> Outcome:
    """Match notifications with faults."""
    first: dict[Fault, float] = {}
    false = []
    for notice in sent:
        matched = [one for one in injected if _is_of(notice, one)]
        for fault in matched:
            first.setdefault(fault, (notice.start_s - fault.start_s) / 60)
        if not matched:
            false.append(notice)
    return Outcome(false=tuple(false), found=tuple(first), minutes=tuple(first.values()))


def _is_of(notice: Notice, fault: Fault) -> bool:
    return fault.device in notice.devices and fault.start_s <= notice.start_s <= fault.end_s + LATE_S


def with_as_many_false(outcome_at: Callable[[float], Outcome], wanted: int, highest: float) -> tuple[float, Outcome]:
    """Return the lowest threshold whose false notifications are no more than `wanted`, by halving, and its outcome."""
    low, high = 0.0, highest
    best = outcome_at(high)
    for _ in range(30):
        middle = (low + high) / 2
        tried = outcome_at(middle)
        if len(tried.false) <= wanted:
            high, best = middle, tried
        else:
            low = middle
    return high, best
