"""What the detector says about a device: its scores, and the most unusual series inside its band."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, graph, properties, steps, with_limit

SCORES = f'for=~"$series",{DEVICES}'
# the one series with the highest score of the shown time that has a band; the same one at every step
WORST = f"topk(1, max_over_time(anomaly_score{{{SCORES}}}[$__range] @ end()) and yhat_upper{{{SCORES}}} @ end())"
ACTUAL = {
    "interface_traffic_in": "instance_ifName:ifHCInOctets:rate5m",
    "interface_traffic_out": "instance_ifName:ifHCOutOctets:rate5m",
}
"""Aliases of the shipped detector queries and the series they read: the band's panel draws it beside the band."""


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_scores(), _band()]


def _scores() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=9,
            title="Anomaly scores",
            description="Distance from what was expected; 1 is the edge of the band. Above it: AnomalyDetected.",
            unit="short",
            w=12,
            h=9,
            empty="no scores for this device",
        ),
        [Query(expr=f"topk(25, anomaly_score{{{SCORES}}})", legend="{{for}} {{ifName}}")],
    )
    return with_limit(panel.min(0), steps((None, "green"), (thresholds.ANOMALY_SCORE, "red")))


def _band() -> timeseries.Panel:
    actual = [
        Query(
            expr=(
                f'label_replace({metric}{{{DEVICES}}} * 8, "for", "{alias}", "", "")'
                f" and on (instance, ifName, for) {WORST}"
            ),
            legend="{{for}} {{ifName}}",
        )
        for alias, metric in ACTUAL.items()
    ]
    panel = graph(
        Facts(
            id=10,
            title="The most unusual series and its expected band",
            description=(
                "The series with the highest score of the shown time whose query writes a band: what was expected, "
                "and between which limits. The series itself is drawn for the queries interface_traffic_in and "
                "interface_traffic_out (bits per second)."
            ),
            unit="sishort",
            w=12,
            h=9,
            empty="no query of this device writes a band",
        ),
        [
            Query(expr=f"yhat_upper{{{SCORES}}} and {WORST}", legend="upper limit"),
            Query(expr=f"yhat_lower{{{SCORES}}} and {WORST}", legend="lower limit"),
            Query(expr=f"yhat{{{SCORES}}} and {WORST}", legend="expected"),
            *actual,
        ],
    )
    limit = {"mode": "fixed", "fixedColor": "semi-dark-purple"}
    panel = panel.fill_opacity(0)
    panel = panel.override_by_name(
        "upper limit",
        properties(color=limit, custom__fillBelowTo="lower limit", custom__fillOpacity=18, custom__lineWidth=0),
    )
    panel = panel.override_by_name("lower limit", properties(color=limit, custom__lineWidth=0))
    return panel.override_by_name(
        "expected", properties(color=limit, custom__lineStyle={"fill": "dash", "dash": [6, 6]})
    )
