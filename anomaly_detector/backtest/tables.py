"""What a backtest found, as tables of pandas, which is imported with this file only."""

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no type information

from anomaly_detector.backtest.outcome import Outcome
from anomaly_detector.backtest.rolled import Notice
from anomaly_detector.explain.subject import written


def per_query(found: Outcome) -> pd.DataFrame:
    """Return a row for each query and model: series, alarms, their rate, share of samples judged."""
    rows = [
        {
            "query": lane.query,
            "model": lane.model,
            "series": lane.series,
            "alarms": len(lane.alarms),
            "alarms a day": len(lane.alarms) / found.days,
            "a series and day": len(lane.alarms) / found.days / max(1, lane.series),
            "series with alarms": len({alarm.labels for alarm in lane.alarms}),
            "judged": lane.scored / max(1, lane.scored + lane.warming),
        }
        for lane in found.lanes
    ]
    return pd.DataFrame(rows).sort_values("alarms", ascending=False, ignore_index=True) if rows else pd.DataFrame()


def per_day(found: Outcome, zone: tzinfo) -> pd.DataFrame:
    """Return alarms and notifications of each local day of the span, days without any included."""
    days = pd.date_range(
        pd.Timestamp(found.terms.from_s, unit="s", tz="UTC").tz_convert(zone).normalize(),
        pd.Timestamp(found.terms.to_s, unit="s", tz="UTC").tz_convert(zone).normalize(),
        freq="D",
    )
    counts = {"alarms": [one.begins for one in found.alarms], "notifications": [one.begins for one in found.notices]}
    table = pd.DataFrame({name: _per_day(begins, zone) for name, begins in counts.items()})
    return table.reindex(days).fillna(0).astype(int)


def notified(found: Outcome, zone: tzinfo) -> pd.DataFrame:
    """Return the notifications, oldest first: when, of what, for how long, how high, and which series was worst."""
    rows = [
        {
            "begins": f"{pd.Timestamp(one.begins, unit='s', tz='UTC').tz_convert(zone):%Y-%m-%d %H:%M}",
            "query": one.query,
            "of": f"{one.kind} {one.name}".strip(),
            "highest score": one.peak,
            "hours above 1": (one.ends - one.begins) / 3600,
            "worst series": _worst(found, one),
        }
        for one in found.notices
    ]
    return pd.DataFrame(rows)


def _worst(found: Outcome, notice: Notice) -> str:
    """Return the series that alarmed most during a notification of its device or site, "" where none did."""
    during = [
        one
        for one in found.alarms
        if one.query == notice.query
        and (dict(one.labels).get(notice.label) if notice.label else one.host) == notice.name
        and one.begins < notice.ends
        and one.ends > notice.begins
    ]
    worst = max(during, key=lambda one: one.peak, default=None)
    if worst is None:
        return ""
    devices = len({one.host for one in during})
    return f"{f'{devices} devices, ' if devices > 1 else ''}{written(worst.query, worst.labels)}"


def _per_day(begins_s: Sequence[float], zone: tzinfo) -> "pd.Series[int]":
    at = pd.to_datetime(np.array(begins_s), unit="s", utc=True).tz_convert(zone).normalize()
    return pd.Series(at).value_counts()


def noisiest(found: Outcome, most: int = 20) -> pd.DataFrame:
    """Return the series with most alarms: how many, their highest peak, the time spent in alarm."""
    if not found.alarms:
        return pd.DataFrame()
    rows = [
        {
            "model": alarm.model,
            "series": written(alarm.query, alarm.labels),
            "peak": alarm.peak,
            "hours": (alarm.ends - alarm.begins) / 3600,
        }
        for alarm in found.alarms
    ]
    grouped = pd.DataFrame(rows).groupby(["series", "model"], sort=False)
    table = grouped.agg(alarms=("peak", "size"), peak=("peak", "max"), hours=("hours", "sum")).reset_index()
    table = table.sort_values(["alarms", "hours"], ascending=False, ignore_index=True).head(most)
    return table.rename(columns={"peak": "highest score", "hours": "hours above 1"})
