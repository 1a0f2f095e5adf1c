"""What the boards of the detector's series share: which are chosen, by which columns they are named."""

from grafana_foundation_sdk.builders import dashboard, timeseries

from grafana.dashboards_src.colours import SCORE
from grafana.dashboards_src.frame import DEVICES, query_variable
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, coloured, to_device, to_scores, with_limit
from grafana.dashboards_src.thresholds import ANOMALY_SCORE

CHOSEN = f'for=~"$series",{DEVICES}'
"""Selects the queries and devices that the variables name."""
NAMED = (
    Column(field="instance", title="Device", properties=to_device()),
    Column(field="for", title="Query", properties=to_scores()),
)
INTERFACE = Column(field="ifName", title="Interface", width=130)
SCORED = (*coloured("short", SCORE), ("decimals", 2))
"""How a column of scores is shown."""
SITE = Column(field="site", title="Site", width=130)


def series_variable(metric: str, label: str = "Query") -> dashboard.QueryVariable:
    """Return the variable of the queries that write a metric."""
    return query_variable("series", label, f"label_values({metric}{{{DEVICES}}},for)", ".*")


def scores(facts: Facts, *queries: Query) -> timeseries.Panel:
    """Return scores over time; their limit is in sight even while all are far below it."""
    return with_limit(amounts(facts, *queries), ANOMALY_SCORE).axis_soft_max(ANOMALY_SCORE)


def band_width(facts: Facts, metric: str, by: str) -> timeseries.Panel:
    """Return the width of a metric's band, relative to the metric: the median by the labels `by`."""
    width = f"({metric}_upper{{{CHOSEN}}} - {metric}_lower{{{CHOSEN}}}) / abs({metric}{{{CHOSEN}}})"
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return amounts(facts, Query(expr=f"quantile by ({by}) (0.5, {width})", legend=legend))
