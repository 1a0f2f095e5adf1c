"""Anomaly overview: what is unusual now, where, and which series are so too often."""

from grafana_foundation_sdk.builders import statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.colours import COUNT_IS_BAD, COUNT_IS_ODD, PLAIN
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import OF_ANY_JOB, Row, board, fill, filters, variables
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    amounts,
    counts,
    grid,
    series_to_device,
    timeline,
)
from grafana.dashboards_src.scores import CHOSEN, INTERFACE, NAMED, SCORED, SITE, scores, series_variable

UID = "heronwatch-anomalies"
SCORES = f"anomaly_score{{{CHOSEN}}}"
ABOVE = f"({SCORES} > bool {thresholds.ANOMALY_SCORE})"
SITES = 'for=~"$series",site=~"$site"'
COLUMNS = [
    *NAMED,
    INTERFACE,
    SITE,
    Column(field="Value", title="Score", width=90, properties=SCORED),
]
ANOMALY_ALERTS = f'ALERTS{{alertname=~"Anomaly.*",alertstate="firing",{OF_ANY_JOB}}}'
FIGURES = (
    Figure(
        id=1,
        title="Unusual series",
        description="Series whose score is above 1 now. A single one is context; many on one device are a fault.",
        expr=f"sum({ABOVE})",
        bad=COUNT_IS_ODD,
        w=5,
        empty="0",
    ),
    Figure(
        id=2,
        title="Devices with any",
        description="Devices that have at least one unusual series now.",
        expr=f"sum(max by (instance) ({ABOVE}))",
        bad=COUNT_IS_ODD,
        w=5,
        empty="0",
    ),
    Figure(
        id=3,
        title="Alerts",
        description="Alerts that anomalies have raised and that fire now.",
        expr=f"count({ANOMALY_ALERTS})",
        bad=COUNT_IS_BAD,
        empty="0",
    ),
    Figure(
        id=4,
        title="Watched series",
        description="Series that have a score now, over all queries and models.",
        expr=f"count({SCORES})",
        bad=PLAIN,
        w=5,
        empty="0",
    ),
    Figure(
        id=5,
        title="Warming up",
        description="Series that are still being learnt: their score is 0 until their confidence is 1.",
        expr=f"count(anomaly_confidence{{{CHOSEN}}} < 1)",
        bad=PLAIN,
        w=5,
        empty="0",
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch anomaly overview", "What is unusual, where, how often.", ["anomalies"])
    return fill(
        empty.variables([*variables("anomaly_score", jobs=".*"), series_variable("anomaly_score"), filters()]),
        [
            Row(id=100, title="Now", panels=[*figures(FIGURES), _worst(), _devices()]),
            Row(
                id=200, title="What notifies", panels=[_device_scores(), _site_scores(), _worst_of_devices(), _alerts()]
            ),
            Row(id=400, title="Over time", panels=[_by_query(), _by_site()]),
            Row(id=300, title="Too often?", panels=[_noisiest(), _time_above()]),
        ],
    )


def _named(label: str, otherwise: str) -> str:
    """Return which series are above 1, such as lack the label with a word in its place: a legend cannot be empty."""
    return f'label_replace({ABOVE}, "{label}", "{otherwise}", "{label}", "")'


def _worst() -> table.Panel:
    facts = Facts(
        id=6,
        title="The most unusual series now",
        description="The highest scores; 1 is the edge of what is usual. Above it: AnomalyDetected.",
        unit="short",
        w=14,
        h=11,
    )
    expr = f"topk(25, max by (instance, for, ifName, model_alias, site) ({SCORES}))"
    return grid(facts, [Query(expr=expr)], COLUMNS)


def _devices() -> timeseries.Panel:
    facts = Facts(
        id=7,
        title="Share of a device's series that are unusual",
        description="The best sign that something is wrong: one series in a hundred is noise, a third is a fault.",
        unit="percentunit",
        w=10,
        h=11,
    )
    expr = f"topk(10, avg by (instance) ({_named('instance', 'no device')}))"
    query = Query(expr=expr, legend="{{instance}}")
    return amounts(facts, query).data_links(series_to_device())


def _device_scores() -> timeseries.Panel:
    facts = Facts(
        id=13,
        title="Scores of devices",
        description="What a device's series say together; 1 is drawn by the budget of alarms. Above: AnomalyDevice.",
        unit="short",
        w=12,
        empty="no device is known for long enough",
    )
    query = Query(expr=f'topk(15, anomaly_group_score{{for=~"$series",{OF_ANY_JOB}}})', legend="{{instance}} {{for}}")
    return scores(facts, query).data_links(series_to_device())


def _site_scores() -> timeseries.Panel:
    facts = Facts(
        id=14,
        title="Scores of sites",
        description="As unusual as a site's third device within six hours: what they share. Above 1: AnomalySite.",
        unit="short",
        w=12,
        empty="no site with devices that are known",
    )
    query = Query(expr=f"max by (site, for) (anomaly_site_score{{{SITES}}})", legend="{{site}} {{for}}")
    return scores(facts, query)


def _worst_of_devices() -> table.Panel:
    facts = Facts(
        id=15,
        title="The worst series of each unusual device",
        description="Written while a device is above 1: which of its series is furthest from usual.",
        unit="short",
        w=24,
        h=7,
    )
    expr = f'topk(25, max by (instance, for, ifName, site) (anomaly_worst{{for=~"$series",{OF_ANY_JOB}}}))'
    return grid(facts, [Query(expr=expr)], COLUMNS)


def _by_query() -> timeseries.Panel:
    facts = Facts(
        id=8,
        title="Unusual series by query",
        description="How many series of each query are above 1. A query that never falls to none is too strict.",
        unit="short",
        w=12,
    )
    return counts(facts, Query(expr=f"sum by (for) ({ABOVE})", legend="{{for}}"))


def _by_site() -> timeseries.Panel:
    facts = Facts(
        id=9,
        title="Unusual series by site",
        description="How many series of each site have a score above 1. All sites at once: something they share.",
        unit="short",
        w=12,
    )
    return counts(facts, Query(expr=f"sum by (site) ({_named('site', 'no site')})", legend="{{site}}"))


def _alerts() -> statetimeline.Panel:
    facts = Facts(
        id=10,
        title="Alerts of anomalies",
        description="What AnomalyDevice, AnomalySite, AnomalyPage and AnomalyDetected said, over time.",
        unit="short",
        w=24,
        h=7,
        empty="no anomaly alert in this time",
    )
    query = Query(
        expr=f"max by (alertname, instance, for) ({ANOMALY_ALERTS})", legend="{{alertname}} {{instance}} {{for}}"
    )
    return timeline(facts, [query], words.FIRING)


def _noisiest() -> table.Panel:
    facts = Facts(
        id=11,
        title="The noisiest series of the shown time",
        description=(
            "How much of the shown time each series was above 1. What leads here day after day wants "
            "min_dev_from_expected, less sensitivity, or to be left out."
        ),
        unit="percentunit",
        w=14,
        h=10,
    )
    expr = f"topk(20, avg_over_time({ABOVE}[$__range:1m]) > 0)"
    return grid(
        facts,
        [Query(expr=expr)],
        [
            *NAMED,
            INTERFACE,
            Column(field="Value", title="Time above 1", width=130, properties=(("unit", "percentunit"),)),
        ],
    )


def _time_above() -> timeseries.Panel:
    facts = Facts(
        id=12,
        title="Share of all series that are unusual",
        description="Over everything that is watched, by query. It should be far below one in a hundred.",
        unit="percentunit",
        w=10,
        h=10,
    )
    return amounts(facts, Query(expr=f"avg by (for) ({ABOVE})", legend="{{for}}"))
