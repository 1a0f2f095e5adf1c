"""What the detector says about a device: its scores, and the most unusual series inside its band."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src.colours import EXPECTED
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, graph, properties
from grafana.dashboards_src.scores import CHOSEN, scores

# the one series with the highest score of the shown time that has a band; the same one at every step
WORST = f"topk(1, max_over_time(anomaly_score{{{CHOSEN}}}[$__range] @ end()) and yhat_upper{{{CHOSEN}}} @ end())"
ACTUAL = {
    "interface_traffic_in": "instance_ifName:ifHCInOctets:rate5m",
    "interface_traffic_out": "instance_ifName:ifHCOutOctets:rate5m",
}
"""Aliases of the shipped detector queries and the series they read: the band's panel draws it beside the band."""


def panels(of: str = "") -> list[Builder[models.Panel]]:
    """Return the row's panels; `of` begins a legend where there are several devices."""
    return [_scores(of), _band(of)]


def _scores(of: str) -> timeseries.Panel:
    facts = Facts(
        id=9,
        title="Anomaly scores",
        description="Distance from what was expected; 1 is the edge of the band. Above it: AnomalyDetected.",
        unit="short",
        w=12,
        h=9,
        empty="no scores for this device",
    )
    return scores(facts, Query(expr=f"topk(25, anomaly_score{{{CHOSEN}}})", legend=of + "{{for}} {{ifName}}"))


def _band(of: str) -> timeseries.Panel:
    facts = Facts(
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
    )
    panel = graph(facts, [*_expected(), *_actual(of)]).fill_opacity(0)
    panel = panel.override_by_name(
        "upper limit",
        properties(color=EXPECTED, custom__fillBelowTo="lower limit", custom__fillOpacity=18, custom__lineWidth=0),
    )
    panel = panel.override_by_name("lower limit", properties(color=EXPECTED, custom__lineWidth=0))
    return panel.override_by_name(
        "expected", properties(color=EXPECTED, custom__lineStyle={"fill": "dash", "dash": [6, 6]})
    )


def _expected() -> list[Query]:
    return [
        Query(expr=f"{name}{{{CHOSEN}}} and {WORST}", legend=legend)
        for name, legend in (("yhat_upper", "upper limit"), ("yhat_lower", "lower limit"), ("yhat", "expected"))
    ]


def _actual(of: str) -> list[Query]:
    return [
        Query(
            expr=(
                f'label_replace({metric}{{{DEVICES}}} * 8, "for", "{alias}", "", "")'
                f" and on (instance, ifName, for) {WORST}"
            ),
            legend=of + "{{for}} {{ifName}}",
        )
        for alias, metric in ACTUAL.items()
    ]
