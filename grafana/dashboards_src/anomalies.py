"""Anomaly overview: what is unusual now, where, and which series are so too often."""

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.colours import COUNT_IS_BAD, COUNT_IS_ODD, SCORE
from grafana.dashboards_src.frame import DEVICES, Row, board, fill, filters, query_variable, variables
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    coloured,
    graph,
    grid,
    number,
    series_to_device,
    steps,
    timeline,
    to_device,
    with_limit,
)

UID = "heronwatch-anomalies"
SCORES = f'anomaly_score{{for=~"$series",{DEVICES}}}'
ABOVE = f"({SCORES} > bool {thresholds.ANOMALY_SCORE})"
DEVICE = 'instance=~"$instance",site=~"$site"'
# a site has no device of its own: it is drawn while one of the chosen devices is there
SITES = f'for=~"$series",site=~"$site"}} and on (site) up{{{DEVICES}'
LIMIT = steps((None, "green"), (thresholds.ANOMALY_SCORE, "red"))
COLUMNS = [
    Column(field="instance", title="Device", properties=to_device()),
    Column(field="for", title="Query"),
    Column(field="ifName", title="Interface", width=130),
    Column(field="site", title="Site", width=130),
    Column(field="Value", title="Score", width=90, properties=coloured("short", SCORE)),
]
ANOMALY_ALERTS = 'ALERTS{alertname=~"Anomaly.*",alertstate="firing",instance=~"$instance",site=~"$site"}'


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch anomaly overview", "What is unusual, where, how often.", ["anomalies"])
    series = query_variable("series", "Query", f"label_values(anomaly_score{{{DEVICES}}},for)", ".*")
    return fill(
        empty.variables([*variables(), series, filters()]),
        [
            Row(id=100, title="Now", panels=[*_numbers(), _worst(), _devices()]),
            Row(
                id=200, title="What notifies", panels=[_device_scores(), _site_scores(), _worst_of_devices(), _alerts()]
            ),
            Row(id=400, title="Over time", panels=[_by_query(), _by_site()]),
            Row(id=300, title="Too often?", panels=[_noisiest(), _time_above()]),
        ],
    )


def _numbers() -> list[stat.Panel]:
    counts = (
        (
            1,
            "Unusual series",
            "Series whose score is above 1 now. A single one is context; many on one device are a fault.",
            f"sum({ABOVE})",
            COUNT_IS_ODD,
        ),
        (
            2,
            "Devices with any",
            "Devices that have at least one unusual series now.",
            f"sum(max by (instance) ({ABOVE}))",
            COUNT_IS_ODD,
        ),
        (3, "Alerts", "Alerts that anomalies have raised and that fire now.", f"count({ANOMALY_ALERTS})", COUNT_IS_BAD),
        (
            4,
            "Watched series",
            "Series that have a score now, over all queries and models.",
            f"count({SCORES})",
            steps((None, "blue")),
        ),
        (
            5,
            "Warming up",
            "Series that are still being learnt: their score is 0 until their confidence is 1.",
            f'count(anomaly_confidence{{for=~"$series",{DEVICES}}} < 1)',
            steps((None, "blue")),
        ),
    )
    widths = (5, 5, 4, 5, 5)
    return [
        number(Facts(id=id_, title=title, description=text, unit="short", w=w, h=4, empty="0"), Query(expr=expr), bad)
        for (id_, title, text, expr, bad), w in zip(counts, widths, strict=True)
    ]


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
    query = Query(expr=f"topk(10, avg by (instance) ({ABOVE}))", legend="{{instance}}")
    return graph(facts, [query]).min(0).data_links(series_to_device())


def _device_scores() -> timeseries.Panel:
    facts = Facts(
        id=13,
        title="Scores of devices",
        description="What a device's series say together; 1 is drawn by the budget of alarms. Above: AnomalyDevice.",
        unit="short",
        w=12,
        empty="no device is known for long enough",
    )
    query = Query(expr=f'topk(15, anomaly_group_score{{for=~"$series",{DEVICE}}})', legend="{{instance}} {{for}}")
    return with_limit(graph(facts, [query]).min(0), LIMIT).data_links(series_to_device())


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
    return with_limit(graph(facts, [query]).min(0), LIMIT)


def _worst_of_devices() -> table.Panel:
    facts = Facts(
        id=15,
        title="The worst series of each unusual device",
        description="Written while a device is above 1: which of its series is furthest from usual.",
        unit="short",
        w=24,
        h=7,
    )
    expr = f'topk(25, max by (instance, for, ifName, site) (anomaly_worst{{for=~"$series",{DEVICE}}}))'
    return grid(facts, [Query(expr=expr)], COLUMNS)


def _by_query() -> timeseries.Panel:
    facts = Facts(
        id=8,
        title="Unusual series by query",
        description="How many series of each query are above 1. A query that never falls to none is too strict.",
        unit="short",
        w=12,
    )
    return graph(facts, [Query(expr=f"sum by (for) ({ABOVE})", legend="{{for}}")]).min(0)


def _by_site() -> timeseries.Panel:
    facts = Facts(
        id=9,
        title="Unusual series by site",
        description="How many series of each site have a score above 1. All sites at once: something they share.",
        unit="short",
        w=12,
    )
    return graph(facts, [Query(expr=f"sum by (site) ({ABOVE})", legend="{{site}}")]).min(0)


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
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="for", title="Query"),
            Column(field="ifName", title="Interface", width=130),
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
    return graph(facts, [Query(expr=f"avg by (for) ({ABOVE})", legend="{{for}}")]).min(0)
