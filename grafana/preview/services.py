"""The monitoring of the invented fleet about itself: alerts, exporter, detector, webhook. Pure."""

import math

from grafana.preview import fleet
from grafana.preview.detector import detector as detector_lines
from grafana.preview.fleet import FLEET
from grafana.preview.interfaces import QUERY
from grafana.preview.series import DAY_S, Line, Moments, summed


def alerts(moments: Moments) -> list[Line]:
    """Return what Prometheus would have alerted about."""
    return [
        Line(
            "ALERTS",
            {"alertstate": "firing", "alertname": name, "severity": severity, **labels},
            [1.0 if fires else None for fires in moments.within(window)],
        )
        for name, severity, window, labels in _fired()
    ]


def _fired() -> list[tuple[str, str, tuple[int, int], dict[str, str]]]:
    """Return name, severity, from when until when (seconds before the end), and labels of every alert."""
    hq = {"site": "headquarters", "job": "snmp"}
    core = {"site": hq["site"], "instance": fleet.DRIFTING[0], "for": QUERY, "model_alias": "usual"}
    branch = {"site": "branch", "job": "snmp", "instance": "branch-rt1"}
    desk = {**hq, "instance": "access-2", "ifName": "Gi0/2", "ifAlias": "Desk 2"}
    supply = {**hq, "instance": fleet.WITHOUT_SUPPLY[0], "part": fleet.WITHOUT_SUPPLY[1]}
    battery = {**hq, "instance": fleet.ON_BATTERY, "domain": "power"}
    started, ended = fleet.PARTNER_DOWN
    return [
        ("PowerSupplyFailed", "high", (fleet.SUPPLY_FAILED[0] - 120, 0), supply),
        ("DeviceDown", "critical", (started - 120, ended - 60), branch),
        ("DeviceRebooted", "warning", (ended, ended - 600), branch),
        ("AnomalyDevice", "info", (fleet.DRIFT[0] - 420, 0), core),
        ("UpsOnBattery", "critical", (fleet.BATTERY[0] - 60, 0), battery),
        ("InterfaceErrorsHigh", "warning", (205 * 60, 0), desk),
        ("Watchdog", "none", (DAY_S, 0), {}),
    ]


def services(moments: Moments) -> list[Line]:
    """Return what the three services tell of themselves."""
    jobs = {
        "heronwatch-exporter": "127.0.0.1:9810",
        "heronwatch-detector": "127.0.0.1:9811",
        "heronwatch-webhook": "127.0.0.1:9812",
    }
    at = {job: {"job": job, "instance": address} for job, address in jobs.items()}
    exporter, detector, webhook = at.values()
    return [
        *(Line("up", labels, moments.constant(1)) for labels in at.values()),
        *(Line("heronwatch_config_last_reload_successful", labels, moments.constant(1)) for labels in at.values()),
        *_scrapes(exporter, moments),
        *_exporter(exporter, moments),
        *detector_lines(detector, moments),
        *_incidents(webhook, moments),
        *_paging(webhook, moments),
    ]


def _scrapes(labels: dict[str, str], moments: Moments) -> list[Line]:
    """Return how many devices and scrapes there are, and how many scrapes fail."""
    module = {**labels, "module": "if_mib"}
    failing = [0.033 if gone else 0.0 for gone in moments.within(fleet.PARTNER_DOWN)]
    return [
        Line("heronwatch_exporter_devices", labels, moments.constant(len(FLEET))),
        Line("heronwatch_exporter_scrapes_total", module, summed(moments.constant(0.23), 9e4)),
        Line("heronwatch_exporter_scrape_failures_total", {**module, "reason": "timeout"}, summed(failing, 12)),
    ]


def _incidents(labels: dict[str, str], moments: Moments) -> list[Line]:
    """Return what has come in, what became of it, and what was sent."""
    posted = {**labels, "integration": "main", "code": "200"}
    waits = [float(on) for on in moments.within((fleet.BATTERY[0] - 60, 0))]
    hour = moments.of(lambda moment: 3 / 3600 * (1 + math.sin(moment / 900)))
    return [
        Line("heronwatch_webhook_intake_requests_total", posted, summed(moments.constant(1 / 60), 9e3)),
        Line("heronwatch_webhook_incidents", {**labels, "state": "new"}, waits),
        Line("heronwatch_webhook_incidents", {**labels, "state": "acknowledged"}, moments.constant(1)),
        *(
            Line("heronwatch_webhook_notifications_total", {**labels, "channel": name, "outcome": "accepted"}, sent)
            for name, sent in (("sms", summed(hour, 40)), ("email", summed(hour, 55)))
        ),
    ]


def _paging(labels: dict[str, str], moments: Moments) -> list[Line]:
    """Return what the webhook tells of people, schedules and providers: quiet, but for one incident that waits."""
    waits = [float(on) for on in moments.within((fleet.BATTERY[0] - 60, 0))]
    quiet = {name: moments.constant(0) for name in ("oldest_due_seconds", "timers_overdue_seconds")}
    return [
        Line("heronwatch_webhook_incidents", {**labels, "state": "critical"}, moments.constant(0)),
        Line("heronwatch_webhook_unacked_incidents", {**labels, "severity": "critical"}, waits),
        Line("heronwatch_webhook_unacked_incidents", {**labels, "severity": "high"}, moments.constant(0)),
        *(Line(f"heronwatch_webhook_{name}", labels, values) for name, values in quiet.items()),
        *(
            Line("heronwatch_webhook_oncall_covered", {**labels, "schedule": name}, moments.constant(1))
            for name in ("network", "plant")
        ),
        Line("heronwatch_webhook_oncall_gap_seconds", {**labels, "schedule": "network"}, moments.constant(0)),
        Line("heronwatch_webhook_oncall_gap_seconds", {**labels, "schedule": "plant"}, moments.constant(7200)),
        *(
            Line(f"heronwatch_webhook_{name}", {**labels, "severity": severity}, moments.constant(seconds))
            for severity, seconds in (("critical", 190.0), ("high", 640.0))
            for name in ("time_to_ack_seconds", "time_to_resolve_seconds")
        ),
        *(
            Line("heronwatch_webhook_page_seconds", {**labels, "channel": channel, "quantile": "0.95"}, took)
            for channel, took in (("sms", moments.constant(1.4)), ("email", moments.constant(0.6)))
        ),
        *(
            Line(
                "channel:heronwatch_webhook_failed_per_notifications:ratio_rate15m",
                {"channel": channel},
                moments.constant(0),
            )
            for channel in ("sms", "email")
        ),
        *(
            Line("heronwatch_webhook_provider_breaker_state", {**labels, "channel": channel}, moments.constant(0))
            for channel in ("sms", "email")
        ),
    ]


def _exporter(labels: dict[str, str], moments: Moments) -> list[Line]:
    """Return how long modules took, as a histogram, and what the exporter left out or shared."""
    made = []
    for module, shares in {"system": (0.6, 0.97, 1.0), "if_mib": (0.1, 0.8, 1.0)}.items():
        for limit, share in zip(("0.025", "0.1", "+Inf"), shares, strict=True):
            bucket = {**labels, "module": module, "le": limit}
            counted = summed(moments.constant(0.3 * share), 1e4 * share)
            made.append(Line("heronwatch_exporter_scrape_duration_seconds_bucket", bucket, counted))
    for limit, share in (("0.005", 0.7), ("0.02", 0.995), ("+Inf", 1.0)):
        counted = summed(moments.constant(4.0 * share), 1e5 * share)
        made.append(Line("snmp_packet_duration_seconds_bucket", {**labels, "le": limit}, counted))
    duplicates = summed(moments.constant(0), 4)
    shared = summed(moments.of(lambda moment: 0.05 * (1 + math.sin(moment / 1200))), 900)
    return [
        *made,
        Line("snmp_packets_total", labels, summed(moments.constant(4.0), 1e5)),
        Line("snmp_packet_retries_total", labels, summed(moments.constant(0.07), 900)),
        Line("heronwatch_exporter_duplicate_samples_total", labels, duplicates),
        Line("heronwatch_exporter_shared_scrapes_total", labels, shared),
    ]
