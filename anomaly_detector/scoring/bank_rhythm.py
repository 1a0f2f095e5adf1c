"""What the feature bank expects at an hour: a profile of the day, of which free days may leave but a share.

On the free days of the configured calendar (weekends, holidays) a series is expected at `free_share` of its profile
plus `free_offset`: two numbers, where a profile of its own would take 24. Without a calendar there are none, and
nothing here differs.
"""

import numpy as np

from anomaly_detector.models.model import F32, Grid, History, Mask, State
from anomaly_detector.scoring.daily import KNOTS, along, between, daily_profile, knots_at, per_hour

FEWEST_HOURS = 12  # of free days, before they have a share of their own
LARGEST_SHARE = 2.0


def blank(count: int) -> State:
    """Return the rhythm of series without history: flat, and the same on free days."""
    return {
        "profile": np.zeros((KNOTS, count), np.float32),
        "free_share": np.ones(count, np.float32),
        "free_offset": np.zeros(count, np.float32),
    }


def usual(state: State, grid: Grid) -> F32:
    """Return what is expected above the origin and the centre at an instant."""
    low, high, share = knots_at(grid.day_s)
    at = between(state["profile"], low, high, share)
    return at * state["free_share"] + state["free_offset"] if grid.free else at


def learn(state: State, taught: F32, rate: F32, grid: Grid) -> None:
    """Move this hour towards a deviation: the knots around it, or on a free day what differs from them."""
    low, high, share = knots_at(grid.day_s)
    if grid.free:
        state["free_offset"] += taught * rate / np.float32(KNOTS)
        return
    for knot, weight in ((low, 1 - share), (high, share)):
        state["profile"][knot] += taught * rate * weight


def fit(centred: F32, history: History, state: State) -> F32:
    """Learn the rhythm of values (instants, series) without their origin; return what it expects of each instant."""
    free = np.zeros(len(centred), np.bool_) if history.free is None or history.free.all() else history.free
    state["profile"][...] = daily_profile(centred[~free], _part(history, ~free))
    expected = along(state["profile"], history.day_s)
    if free.any():
        hours = per_hour(centred[free], history.day_s[free])
        state["free_share"][...], state["free_offset"][...] = _left(state["profile"], hours)
        expected[free] = expected[free] * state["free_share"] + state["free_offset"]
    return expected


def _left(profile: F32, hours: F32) -> tuple[F32, F32]:
    """Return share and offset by which the profile explains the medians of free hours best: (24, series), NaN unknown.

    Least squares over medians. The share of a flat profile is 1.
    """
    known = np.isfinite(hours)
    count = np.maximum(known.sum(axis=0), 1)
    of_profile, of_free = (np.where(known, one, 0).sum(axis=0) / count for one in (profile, hours))
    apart = np.where(known, profile - of_profile, 0)
    power = np.square(apart).sum(axis=0)
    together = (apart * np.where(known, hours - of_free, 0)).sum(axis=0)
    share = np.divide(together, power, out=np.ones_like(together), where=power > 0)
    share = np.clip(share, 0, LARGEST_SHARE)
    enough = known.sum(axis=0) >= FEWEST_HOURS
    return (
        np.where(enough, share, 1).astype(np.float32),
        np.where(enough, of_free - share * of_profile, 0).astype(np.float32),
    )


def _part(history: History, chosen: Mask) -> History:
    """Return some instants of a history as one, for its profile."""
    return History(
        values=history.values[chosen],
        day_s=history.day_s[chosen],
        step_s=history.step_s,
        target_step_s=history.target_step_s,
    )
