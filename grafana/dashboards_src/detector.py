"""The detector itself: does it keep up, does it read, do its scores arrive, what have people said."""

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.colours import COUNT_IS_BAD, PLAIN
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import Row, board, fill, filters, variables
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, counts, grid, steps

UID = "heronwatch-detector"
NAME = "heronwatch_detector_"
EVERY = "[$__rate_interval]"
FIGURES = (
    Figure(
        id=1,
        title="Series",
        description="Series that all queries know.",
        expr=f"sum({NAME}series)",
        bad=PLAIN,
    ),
    Figure(
        id=2,
        title="Latest query",
        description="How much older than a step the newest score is, of the query for which it is most. Five minutes: "
        "DetectorLagging.",
        expr=f"clamp_min(max({NAME}lag_seconds - {NAME}lag_usual_seconds), 0)",
        unit="s",
        bad=steps((None, "green"), (thresholds.DETECTOR_LAG_SECONDS, "red")),
    ),
    Figure(
        id=3,
        title="Writers",
        description=(
            "Detectors that write now: one of a pair leads, the other computes and waits. None: DetectorNobodyLeads."
        ),
        expr=f"sum({NAME}leads)",
        bad=steps((None, "red"), (1, "green")),
    ),
    Figure(
        id=4,
        title="Waiting samples",
        description="Samples in the queues of all receivers. Above 100,000: DetectorQueueGrowing.",
        expr=f"sum({NAME}queue_samples)",
        bad=steps((None, "green"), (thresholds.DETECTOR_QUEUE_SAMPLES, "red")),
    ),
    Figure(
        id=5,
        title="Raised thresholds",
        description="False alarms of people that are in force. Above 50: DetectorManyFalseAlarms.",
        expr=f'max({NAME}feedback_in_force{{verdict="false_alarm"}})',
        bad=steps((None, "green"), (thresholds.DETECTOR_FALSE_ALARMS, "orange")),
    ),
    Figure(
        id=6,
        title="Refused configuration",
        description="Whether the file on disk was refused; the one before keeps running.",
        expr='sum(1 - heronwatch_config_last_reload_successful{job="heronwatch-detector"})',
        bad=COUNT_IS_BAD,
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch detector", "The anomaly detector about itself.", ["detector"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(id=100, title="Does it do its work?", panels=[*figures(FIGURES), _lag(), _stages()]),
            Row(id=200, title="In and out", panels=[_reads(), _writes(), _written(), _queue(), _missed(), _unusable()]),
            Row(id=300, title="What it holds", panels=[_series(), _memory(), _snapshots()]),
            Row(id=400, title="What people and other services said", panels=[_feedback(), _marks(), _raised()]),
        ],
    )


def _lag() -> timeseries.Panel:
    text = "How old the instant last scored is, by the server's clock; up to a step while all is well."
    return _plain(7, "Age of the newest score", text, "s", f"max by (query) ({NAME}lag_seconds)", "{{query}}")


def _stages() -> timeseries.Panel:
    text = "Share of the time that fetching, decoding, scoring, encoding and writing take; 100 % is a whole core."
    expr = f"sum by (stage) (rate({NAME}stage_duration_seconds_sum{EVERY}))"
    return _plain(8, "Where the time goes", text, "percentunit", expr, "{{stage}}")


def _reads() -> timeseries.Panel:
    text = "Reads a second without a usable answer. For most of ten minutes: DetectorReadsFailing."
    expr = f"sum by (query, reason) (rate({NAME}read_failures_total{EVERY}))"
    return _plain(9, "Failed reads", text, "short", expr, "{{query}} {{reason}}").axis_soft_max(1)


def _writes() -> timeseries.Panel:
    text = "Writes a second that have to be tried again, and samples given up, by reason: DetectorWritesFailing."
    queries = [
        Query(expr=f"sum by (reason) (rate({NAME}write_failures_total{EVERY}))", legend="tried again: {{reason}}"),
        Query(expr=f"sum by (reason) (rate({NAME}samples_rejected_total{EVERY}))", legend="given up: {{reason}}"),
    ]
    return amounts(Facts(id=10, title="Failed writes", description=text, unit="short", w=12), *queries).axis_soft_max(1)


def _written() -> timeseries.Panel:
    text = "Samples a second that receivers have stored."
    return _plain(11, "Written samples", text, "short", f"sum(rate({NAME}samples_written_total{EVERY}))", "samples")


def _queue() -> timeseries.Panel:
    text = "Samples that wait for a receiver. A line that only rises: DetectorQueueGrowing."
    return _plain(
        12, "Waiting samples", text, "short", f"max by (instance) ({NAME}queue_samples)", "{{instance}}"
    ).axis_soft_max(1)


def _missed() -> timeseries.Panel:
    text = "Instants that were judged too late to be written, or given up: after an outage, or when it cannot keep up."
    expr = f"sum by (query, reason) (increase({NAME}missed_instants_total{EVERY}))"
    return _plain(13, "Missed instants", text, "short", expr, "{{query}} {{reason}}").axis_soft_max(1)


def _unusable() -> timeseries.Panel:
    text = "Samples a second that are NaN or infinite, by query: a division by zero in its expression, most likely."
    expr = f"sum by (query) (rate({NAME}unusable_samples_total{EVERY}))"
    return _plain(14, "Unusable samples", text, "short", expr, "{{query}}").axis_soft_max(1)


def _series() -> timeseries.Panel:
    text = "Series that each query knows. A query that only grows has labels that never come back."
    return _plain(15, "Series", text, "short", f"max by (query) ({NAME}series)", "{{query}}", w=8)


def _memory() -> timeseries.Panel:
    text = "What each query has learnt, as bytes of memory and of its snapshot."
    return _plain(16, "State", text, "bytes", f"max by (query) ({NAME}state_bytes)", "{{query}}", w=8)


def _snapshots() -> timeseries.Panel:
    text = "Snapshots read and written, by how it went. Any that cannot be saved: DetectorSnapshotsFailing."
    expr = f"sum by (action, outcome) (increase({NAME}snapshots_total{EVERY}))"
    return _plain(17, "Snapshots", text, "short", expr, "{{action}} {{outcome}}", w=8)


def _feedback() -> timeseries.Panel:
    text = "Verdicts that count: false alarms raise a threshold for thirty days, the others are spans not learnt from."
    expr = f"max by (verdict) ({NAME}feedback_in_force)"
    return _plain(18, "Verdicts in force", text, "short", expr, "{{verdict}}").axis_soft_max(1)


def _raised() -> table.Panel:
    facts = Facts(
        id=20,
        title="Raised thresholds",
        description="Which series people said false alarms of, and until when: heronwatch detector feedback.",
        unit="short",
        w=24,
        h=9,
        empty="nobody said that an alarm was false",
    )
    expr = f"sort(max by (query, series, id) ({NAME}false_alarm_expires_timestamp_seconds) * 1000)"
    until = (("unit", "dateTimeAsIso"), ("decimals", 0))
    return grid(
        facts,
        [Query(expr=expr)],
        [
            Column(field="query", title="Query", width=180),
            Column(field="series", title="Series"),
            Column(field="id", title="Verdict", width=110),
            Column(field="Value", title="Until", width=190, properties=until),
        ],
    )


def _marks() -> timeseries.Panel:
    text = "Incidents, maintenance and silences that other services told of, and how often asking them failed."
    queries: list[Query] = [
        Query(expr=f"max by (server) ({NAME}marks)", legend="{{server}}"),
        Query(
            expr=f"sum by (source, reason) (increase({NAME}marks_failures_total{EVERY}))", legend="failed: {{source}}"
        ),
    ]
    return counts(Facts(id=19, title="Learning pauses", description=text, unit="short", w=12), *queries)


def _plain(
    id_: int, title: str, description: str, unit: str, expr: str, legend: str, *, w: int = 12
) -> timeseries.Panel:
    facts = Facts(id=id_, title=title, description=description, unit=unit, w=w)
    return amounts(facts, Query(expr=expr, legend=legend))
