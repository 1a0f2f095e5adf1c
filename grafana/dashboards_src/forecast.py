"""Forecast: what will meet its threshold soon, and where series are heading."""

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src.colours import COUNT_IS_ODD, EXPECTED
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import Row, board, fill, filters, variables
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, coloured, graph, grid, properties, steps
from grafana.dashboards_src.scores import CHOSEN, INTERFACE, NAMED, SITE, band_width, series_variable

UID = "heronwatch-forecast"
AHEAD = f"forecast_time_to_threshold_seconds{{{CHOSEN}}}"
A_DAY = f'horizon=~"1d|24h",{CHOSEN}'
DAY_S = 86_400
SOON = steps((None, "red"), (DAY_S, "orange"), (7 * DAY_S, "green"))
# the one series of the chosen ones that meets its threshold first; the same one at every step
FIRST = f"bottomk(1, {AHEAD} @ end())"
FIGURES = tuple(
    Figure(
        id=id_,
        title=f"Within a {word}",
        description=f"Series that meet their threshold within {said}, if they go on as they do.",
        expr=f"sum({AHEAD} < bool {days * DAY_S})",
        bad=COUNT_IS_ODD,
        w=8,
        empty="no query forecasts",
    )
    for id_, (word, said, days) in enumerate(
        (("day", "a day", 1), ("week", "a week", 7), ("month", "thirty days", 30)), 1
    )
)


def build() -> models.Dashboard:
    """Return the board."""
    text = "What meets its threshold soon, and where series are heading."
    empty = board(UID, "Heronwatch forecast", text, ["anomalies"])
    return fill(
        empty.variables([*variables("forecast", jobs=".*"), series_variable("forecast"), filters()]),
        [
            Row(id=100, title="What meets its threshold?", panels=[*figures(FIGURES), _soonest(), _first()]),
            Row(id=200, title="Over time", panels=[_ahead(), _width()]),
        ],
    )


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
            *NAMED,
            INTERFACE,
            SITE,
            Column(field="Value", title="Time left", width=130, properties=coloured("dtdurations", SOON)),
        ],
    )


def _first() -> timeseries.Panel:
    facts = Facts(
        id=5,
        title="The first of them: where it is heading",
        description="The series that meets its threshold first: a line for each horizon, one day ahead with its band.",
        unit="short",
        w=12,
        h=11,
        empty="no query forecasts",
    )
    on = "on (instance, ifName, for, model_alias)"
    panel = graph(
        facts,
        [
            Query(expr=f"max by (horizon) (forecast_upper{{{A_DAY}}} and {on} {FIRST})", legend="upper {{horizon}}"),
            Query(expr=f"min by (horizon) (forecast_lower{{{A_DAY}}} and {on} {FIRST})", legend="lower {{horizon}}"),
            Query(expr=f"avg by (horizon) (forecast{{{CHOSEN}}} and {on} {FIRST})", legend="in {{horizon}}"),
        ],
    )
    band = properties(color=EXPECTED, custom__fillBelowTo="lower 1d", custom__fillOpacity=12, custom__lineWidth=0)
    panel = panel.fill_opacity(0).override_by_regexp(
        "/^(upper|lower) /", properties(color=EXPECTED, custom__lineWidth=0)
    )
    return panel.override_by_name("upper 1d", band)


def _ahead() -> timeseries.Panel:
    facts = Facts(
        id=6,
        title="Time left",
        description="How the time to the threshold changes: a line that falls as fast as time passes keeps its word.",
        unit="suffix:d",
        w=12,
        empty="nothing is heading for a threshold",
    )
    query = Query(expr=f"bottomk(15, {AHEAD} < 31536000) / {DAY_S}", legend="{{for}} {{instance}} {{ifName}}")
    return amounts(facts, query)


def _width() -> timeseries.Panel:
    facts = Facts(
        id=7,
        title="How sure are the forecasts?",
        description="Width of the band relative to the forecast, the median of each query and horizon: wide is unsure.",
        unit="percentunit",
        w=12,
        empty="no query forecasts",
    )
    return band_width(facts, "forecast", "for, horizon")
