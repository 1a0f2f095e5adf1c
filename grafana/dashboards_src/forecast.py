"""Forecast: what will meet its threshold soon, and where series are heading."""

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src.colours import COUNT_IS_ODD
from grafana.dashboards_src.frame import DEVICES, Row, board, fill, filters, query_variable, variables
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    coloured,
    graph,
    grid,
    number,
    properties,
    steps,
    to_device,
)

UID = "heronwatch-forecast"
CHOSEN = f'for=~"$series",{DEVICES}'
AHEAD = f"forecast_time_to_threshold_seconds{{{CHOSEN}}}"
DAY_S = 86_400
SOON = steps((None, "red"), (DAY_S, "orange"), (7 * DAY_S, "green"))
# the one series of the chosen ones that meets its threshold first; the same one at every step
FIRST = f"bottomk(1, {AHEAD} @ end())"


def build() -> models.Dashboard:
    """Return the board."""
    text = "What meets its threshold soon, and where series are heading."
    empty = board(UID, "Heronwatch forecast", text, ["anomalies"])
    series = query_variable("series", "Query", f"label_values(forecast{{{DEVICES}}},for)", ".*")
    return fill(
        empty.variables([*variables(), series, filters()]),
        [
            Row(id=100, title="What meets its threshold?", panels=[*_numbers(), _soonest(), _first()]),
            Row(id=200, title="Over time", panels=[_ahead(), _width()]),
        ],
    )


def _numbers() -> list[stat.Panel]:
    counts = (
        (1, "Within a day", "Series that meet their threshold within a day, if they go on as they do.", DAY_S),
        (2, "Within a week", "Series that meet their threshold within a week, if they go on as they do.", 7 * DAY_S),
        (
            3,
            "Within a month",
            "Series that meet their threshold within thirty days, if they go on as they do.",
            30 * DAY_S,
        ),
    )
    return [
        number(
            Facts(id=id_, title=title, description=text, unit="short", w=8, h=4, empty="no query forecasts"),
            Query(expr=f"sum({AHEAD} < bool {limit})"),
            COUNT_IS_ODD,
        )
        for id_, title, text, limit in counts
    ]


def _soonest() -> table.Panel:
    facts = Facts(
        id=4,
        title="The first to meet their thresholds",
        description="How long it takes if the series goes on along its line; 0 has met it. Infinite ones are left out.",
        unit="s",
        w=12,
        h=11,
    )
    expr = f"bottomk(25, min by (instance, for, ifName, site) ({AHEAD} < 31536000))"
    return grid(
        facts,
        [Query(expr=expr)],
        [
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="for", title="Query"),
            Column(field="ifName", title="Interface", width=130),
            Column(field="site", title="Site", width=130),
            Column(field="Value", title="Time left", width=130, properties=coloured("dtdurations", SOON)),
        ],
    )


def _first() -> timeseries.Panel:
    facts = Facts(
        id=5,
        title="The first of them: where it is heading",
        description="The series that meets its threshold first: a line for each horizon, one day ahead with its band.",
        unit="sishort",
        w=12,
        h=11,
        empty="no query forecasts",
    )
    on = "on (instance, ifName, for, model_alias)"
    panel = graph(
        facts,
        [
            Query(expr=f"max by (horizon) (forecast_upper{{{CHOSEN}}} and {on} {FIRST})", legend="upper {{horizon}}"),
            Query(expr=f"min by (horizon) (forecast_lower{{{CHOSEN}}} and {on} {FIRST})", legend="lower {{horizon}}"),
            Query(expr=f"avg by (horizon) (forecast{{{CHOSEN}}} and {on} {FIRST})", legend="in {{horizon}}"),
        ],
    )
    limit = {"mode": "fixed", "fixedColor": "semi-dark-purple"}
    band = properties(color=limit, custom__fillBelowTo="lower 1d", custom__fillOpacity=12, custom__lineWidth=0)
    panel = panel.fill_opacity(0).override_by_regexp("/^(upper|lower) /", properties(color=limit, custom__lineWidth=0))
    return panel.override_by_name("upper 1d", band)


def _ahead() -> timeseries.Panel:
    facts = Facts(
        id=6,
        title="Time left",
        description="How the time to the threshold changes: a line that falls as fast as time passes keeps its word.",
        unit="s",
        w=12,
        empty="nothing is heading for a threshold",
    )
    query = Query(expr=f"bottomk(15, {AHEAD} < 31536000)", legend="{{for}} {{instance}} {{ifName}}")
    return graph(facts, [query]).min(0)


def _width() -> timeseries.Panel:
    facts = Facts(
        id=7,
        title="How sure are the forecasts?",
        description="Width of the band relative to the forecast, the median of each query and horizon: wide is unsure.",
        unit="percentunit",
        w=12,
        empty="no query forecasts",
    )
    width = f"(forecast_upper{{{CHOSEN}}} - forecast_lower{{{CHOSEN}}}) / abs(forecast{{{CHOSEN}}})"
    return graph(facts, [Query(expr=f"quantile by (for, horizon) (0.5, {width})", legend="{{for}} {{horizon}}")]).min(0)
