"""The invented detector about itself, and what it writes beside the scores. Pure."""

import math

from grafana.preview import fleet
from grafana.preview.interfaces import QUERY
from grafana.preview.series import Line, Moments, summed

NAME = "heronwatch_detector_"
STAGES = {"fetch": 0.09, "decode": 0.03, "score": 0.02, "encode": 0.01, "write": 0.05}
SERVER_CPU = {"anomaly_score": 0.6, "yhat": 31.0, "yhat_lower": 22.0, "yhat_upper": 40.0}


def detector(labels: dict[str, str], moments: Moments) -> list[Line]:
    """Return what the detector tells of itself: it works, and one sample was refused long ago."""
    query = {**labels, "query": QUERY}
    still = moments.constant(0)
    return [
        Line(f"{NAME}lag_seconds", query, moments.of(lambda t: 4.0 + t % 7)),
        Line(f"{NAME}lag_usual_seconds", query, moments.constant(62)),
        Line(f"{NAME}query_works", query, moments.constant(1)),
        Line(f"{NAME}series", query, moments.constant(340)),
        Line(f"{NAME}state_bytes", query, moments.constant(340 * 480)),
        Line(f"{NAME}leads", labels, moments.constant(1)),
        Line(f"{NAME}queue_samples", labels, moments.constant(0)),
        *(
            Line(f"{NAME}stage_duration_seconds_sum", {**labels, "stage": stage}, summed(moments.constant(took), 100))
            for stage, took in STAGES.items()
        ),
        Line(f"{NAME}read_failures_total", {**query, "reason": "unavailable"}, summed(still, 2)),
        Line(f"{NAME}write_failures_total", {**labels, "reason": "unavailable"}, summed(still, 2)),
        Line(f"{NAME}samples_rejected_total", {**labels, "reason": "too_old"}, summed(still, 1)),
        Line(f"{NAME}samples_written_total", labels, summed(moments.constant(45), 1e6)),
        Line(f"{NAME}missed_instants_total", {**query, "reason": "too_late"}, summed(still, 3)),
        Line(f"{NAME}unusable_samples_total", query, summed(still, 0)),
        Line(
            f"{NAME}snapshots_total",
            {**labels, "action": "save", "outcome": "done"},
            summed(moments.constant(1 / 300), 90),
        ),
        *_verdicts(query, moments),
        Line(f"{NAME}marks", {**labels, "server": "webhook"}, moments.constant(3)),
        Line(f"{NAME}marks_failures_total", {**labels, "source": "webhook", "reason": "unavailable"}, summed(still, 0)),
        *_outputs(moments),
    ]


def _verdicts(query: dict[str, str], moments: Moments) -> list[Line]:
    """Return what people said, and which thresholds that raises."""
    labels = {name: value for name, value in query.items() if name != "query"}
    return [
        *(
            Line(f"{NAME}feedback_in_force", {**labels, "verdict": verdict}, moments.constant(count))
            for verdict, count in (("false_alarm", 2), ("incident", 1), ("expected", 0))
        ),
        *(
            Line(
                f"{NAME}false_alarm_expires_timestamp_seconds",
                {
                    **query,
                    "id": f"9c41d2a{place}",
                    "series": f'{{ifName="Gi0/{place + 1}", instance="access-2"}}',
                },
                moments.constant(moments.end + days * 86_400),
            )
            for place, days in enumerate((11, 27))
        ),
    ]


def _outputs(moments: Moments) -> list[Line]:
    """Return what is written for few series: features near alarm, a port that warms up."""
    instance, port = fleet.DRIFTING
    site = {"site": "headquarters", "job": "snmp", "for": QUERY, "model_alias": "usual"}
    drifting = {**site, "instance": instance, "ifName": port}
    near = moments.within(fleet.DRIFT)
    share = [min(1.0, index / len(near)) for index in range(len(near))]
    return [
        *(
            Line(
                "anomaly_contribution",
                {**drifting, "feature": feature},
                [high if is_near else None for is_near in near],
            )
            for feature, high in (("shape", 1.7), ("level", 1.1))
        ),
        *(
            Line(name, {**fleet.SERVER, "for": "cpu", "model_alias": "default"}, moments.constant(value))
            for name, value in SERVER_CPU.items()
        ),
        *_groups(moments, drifting),
        *_forecasts(moments),
        Line(
            "anomaly_confidence",
            {**site, "instance": "access-2", "ifName": "Gi0/9"},
            [0.2 + 0.7 * one for one in share],
        ),
    ]


def _groups(moments: Moments, drifting: dict[str, str]) -> list[Line]:
    """Return the scores of a device and of its site, and the device's worst series while it drifts."""
    near = moments.within(fleet.DRIFT)
    quiet = {name: value for name, value in drifting.items() if name not in {"ifName", "job"}}
    site = {name: value for name, value in quiet.items() if name != "instance"}
    return [
        Line("anomaly_group_score", quiet, [1.4 if is_near else 0.2 for is_near in near]),
        Line("anomaly_group_score", {**quiet, "instance": "access-2"}, moments.constant(0.3)),
        Line("anomaly_site_score", site, moments.constant(0.2)),
        Line("anomaly_worst", drifting, [2.1 if is_near else None for is_near in near]),
    ]


def _forecasts(moments: Moments) -> list[Line]:
    """Return forecasts of storage that fills slowly, and of one that does not."""
    made = []
    here = {"site": "headquarters", "job": "snmp"}
    core, access = {**here, "instance": "core-1"}, {**here, "instance": "access-2"}
    for named, left_s in ((core, 5.5 * 86_400), (access, math.inf), (fleet.SERVER, 24 * 86_400)):
        labels = {**named, "for": "storage_used", "model_alias": "trend"}
        left = [left_s - (moment - moments.times[0]) for moment in moments.times]
        made.append(Line("forecast_time_to_threshold_seconds", labels, left))
        for horizon, ahead_s in (("4h", 14_400), ("1d", 86_400), ("7d", 604_800)):
            there = {**labels, "horizon": horizon}
            level = 0.8 + 0.2 * ahead_s / left_s
            made += [
                Line("forecast", there, moments.constant(level)),
                Line("forecast_lower", there, moments.constant(level - 0.02)),
                Line("forecast_upper", there, moments.constant(level + 0.02)),
            ]
    return made
