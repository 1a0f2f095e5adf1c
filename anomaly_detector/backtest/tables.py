"""What a backtest found, as tables of pandas, which is imported with this file only."""

from datetime import tzinfo

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no type information

from anomaly_detector.backtest.alarms import groups
from anomaly_detector.backtest.outcome import Outcome, host_codes


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
    begins = np.array([alarm.begins for alarm in found.alarms])
    group, _ = groups(host_codes([alarm.host for alarm in found.alarms]), begins, apart_s=found.terms.apart_s)
    at = pd.to_datetime(begins, unit="s", utc=True).tz_convert(zone).normalize()
    alarms = pd.DataFrame({"day": at, "group": group})
    table = pd.DataFrame(
        {"alarms": alarms.groupby("day").size(), "notifications": alarms.groupby("group").day.min().value_counts()}
    )
    return table.reindex(days).fillna(0).astype(int)


def noisiest(found: Outcome, most: int = 20) -> pd.DataFrame:
    """Return the series with most alarms: how many, their highest peak, the time spent in alarm."""
    if not found.alarms:
        return pd.DataFrame()
    rows = [
        {
            "query": alarm.query,
            "model": alarm.model,
            "series": ", ".join(f'{name}="{value}"' for name, value in alarm.labels),
            "peak": alarm.peak,
            "hours": (alarm.ends - alarm.begins) / 3600,
        }
        for alarm in found.alarms
    ]
    grouped = pd.DataFrame(rows).groupby(["query", "model", "series"], sort=False)
    table = grouped.agg(alarms=("peak", "size"), peak=("peak", "max"), hours=("hours", "sum")).reset_index()
    return table.sort_values(["alarms", "hours"], ascending=False, ignore_index=True).head(most)
