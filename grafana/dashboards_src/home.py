"""The overview: whether everything is all right, and if not, where."""

from grafana_foundation_sdk.builders import statetimeline, table
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import home_fleet, home_monitoring, thresholds, words
from grafana.dashboards_src.colours import COUNT_IS_BAD, COUNT_IS_ODD, PLAIN
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import DEVICES, OF_ANY_JOB, Row, board, fill, filters, firing, variables
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    grid,
    series_to_device,
    steps,
    timeline,
    to_device,
    to_scores,
)
from grafana.dashboards_src.scores import SCORED

UID = "heronwatch-home"
FIGURES = (
    Figure(
        id=1,
        title="Devices",
        description="Devices that Prometheus scrapes.",
        expr=f"count(instance:device_up:min{{{DEVICES}}})",
        bad=PLAIN,
    ),
    Figure(
        id=2,
        title="Not answering",
        description="Devices whose last scrape failed. After two minutes DeviceDown fires.",
        expr=f"count(instance:device_up:min{{{DEVICES}}} == 0) or vector(0)",
        bad=COUNT_IS_BAD,
    ),
    Figure(
        id=3,
        title="Critical alerts",
        description="Alerts that page people at once.",
        expr=f"count({firing('critical')}) or vector(0)",
        bad=COUNT_IS_BAD,
    ),
    Figure(
        id=4,
        title="Warnings",
        description="Firing alerts of high and warning.",
        expr=f"count({firing('high|warning')}) or vector(0)",
        bad=COUNT_IS_ODD,
    ),
    Figure(
        id=5,
        title="Unusual series",
        description="Series outside their learnt band now. AnomalyDetected tells of each; it does not page.",
        expr=f"count(anomaly_score{{{OF_ANY_JOB}}} > {thresholds.ANOMALY_SCORE}) or vector(0)",
        bad=steps((None, "green"), (1, "purple")),
    ),
    Figure(
        id=6,
        title="Waiting for an answer",
        description="Incidents of the webhook that nobody has acknowledged yet, at all sites.",
        expr='sum(heronwatch_webhook_incidents{state=~"new|escalated|critical"}) or vector(0)',
        bad=COUNT_IS_BAD,
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch overview", "Devices, alerts and anomalies at a glance.", ["overview"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(
                id=100,
                title="Is everything all right?",
                panels=[*figures(FIGURES), _alerts(), _anomalies(), _devices()],
            ),
            Row(id=200, title="Traffic and power", panels=home_fleet.panels()),
            Row(
                id=300,
                title="The monitoring itself",
                panels=home_monitoring.panels(),
                collapsed=True,
            ),
        ],
    )


def _alerts() -> table.Panel:
    severity = (
        ("custom.width", 90),
        (
            "mappings",
            [
                {
                    "type": "value",
                    "options": {
                        "critical": {"color": "red", "index": 0},
                        "high": {"color": "orange", "index": 1},
                        "warning": {"color": "orange", "index": 2},
                        "info": {"color": "purple", "index": 3},
                    },
                }
            ],
        ),
        ("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
    )
    return grid(
        Facts(
            id=7,
            title="Firing alerts",
            description="Every alert that fires now, except the two that always do. Runbooks: docs/runbooks/NAME.md.",
            unit="string",
            w=14,
            h=9,
        ),
        [Query(expr=firing(severities)) for severities in ("critical", "high", "warning", "info")],
        [
            Column(field="severity", title="Severity", properties=severity),
            Column(field="alertname", title="Alert"),
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="ifName", title="Interface"),
            Column(field="for", title="Series"),
            Column(field="site", title="Site"),
        ],
    )


def _anomalies() -> table.Panel:
    return grid(
        Facts(
            id=8,
            title="Most unusual series",
            description="The ten highest scores now. Above 1 a series is outside its learnt band: AnomalyDetected.",
            unit="short",
            w=10,
            h=9,
        ),
        [Query(expr=f"sort_desc(topk(10, anomaly_score{{{OF_ANY_JOB}}}))")],
        [
            Column(
                field="Value",
                title="Score",
                properties=(*SCORED, ("custom.width", 80)),
            ),
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="ifName", title="Interface"),
            Column(field="for", title="Series", properties=to_scores()),
        ],
    )


def _devices() -> statetimeline.Panel:
    panel = timeline(
        Facts(
            id=9,
            title="Devices over time",
            description="Whether each device answered. Red for two minutes: DeviceDown.",
            unit="short",
            w=24,
        ),
        [Query(expr=f"instance:device_up:min{{{DEVICES}}}", legend="{{instance}}")],
        words.UP,
    )
    return panel.data_links(series_to_device())
