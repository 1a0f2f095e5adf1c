"""The monitoring of the invented fleet about itself: alerts, exporter, detector, webhook. Pure."""

import math

from grafana.preview import fleet
from grafana.preview.detector import detector as detector_lines
from grafana.preview.fleet import FLEET
from grafana.preview.interfaces import QUERY
from grafana.preview.series import DAY_S, Line, Moments, summed


def alerts(moments: Moments) -> list[Line]:
    """Return what Prometheus would have alerted about."""

    def firing(window: tuple[int, int], **labels: str) -> Line:
        values = [1.0 if fires else None for fires in moments.within(window)]
        return Line("ALERTS", {"alertstate": "firing", **labels}, values)

    hq = {"site": "headquarters", "job": "snmp"}
    core = {**hq, "instance": fleet.DRIFTING[0], "ifName": fleet.DRIFTING[1], "ifAlias": "Uplink to provider"}
    started, ended = fleet.PARTNER_DOWN
    supply = {**hq, "instance": fleet.WITHOUT_SUPPLY[0], "part": fleet.WITHOUT_SUPPLY[1]}
    return [
        firing((fleet.SUPPLY_FAILED[0] - 120, 0), alertname="PowerSupplyFailed", severity="high", **supply),
        firing(
            (started - 120, ended - 60),
            alertname="DeviceDown",
            severity="critical",
            instance="branch-rt1",
            site="branch",
            job="snmp",
        ),
        firing(
            (ended, ended - 600),
            alertname="DeviceRebooted",
            severity="warning",
            instance="branch-rt1",
            site="branch",
            job="snmp",
        ),
        firing((fleet.DRIFT[0] - 420, 0), alertname="AnomalyDetected", severity="info", **core, **{"for": QUERY}),
        firing(
            (fleet.BATTERY[0] - 60, 0),
            alertname="UpsOnBattery",
            severity="critical",
            domain="power",
            instance=fleet.ON_BATTERY,
            **hq,
        ),
        firing(
            (205 * 60, 0),
            alertname="InterfaceErrorsHigh",
            severity="warning",
            instance="access-2",
            ifName="Gi0/2",
            ifAlias="Desk 2",
            **hq,
        ),
        firing((DAY_S, 0), alertname="Watchdog", severity="none"),
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
    down = moments.within(fleet.PARTNER_DOWN)
    failing = [0.033 if gone else 0.0 for gone in down]
    hour = moments.of(lambda moment: 3 / 3600 * (1 + math.sin(moment / 900)))
    return [
        *(Line("up", labels, moments.constant(1)) for labels in at.values()),
        *_exporter(exporter, moments),
        Line("heronwatch_exporter_devices", exporter, moments.constant(len(FLEET))),
        Line(
            "heronwatch_exporter_scrapes_total", {**exporter, "module": "if_mib"}, summed(moments.constant(0.23), 9e4)
        ),
        Line(
            "heronwatch_exporter_scrape_failures_total",
            {**exporter, "module": "if_mib", "reason": "timeout"},
            summed(failing, 12),
        ),
        Line(
            "heronwatch_detector_last_success_timestamp_seconds",
            {**detector, "query": QUERY},
            moments.of(lambda t: t - 4.0 - t % 7),
        ),
        *(Line("heronwatch_config_last_reload_successful", labels, moments.constant(1)) for labels in at.values()),
        Line(
            "heronwatch_webhook_intake_requests_total",
            {**webhook, "integration": "main", "code": "200"},
            summed(moments.constant(1 / 60), 9e3),
        ),
        Line(
            "heronwatch_webhook_incidents",
            {**webhook, "state": "new"},
            [float(on) for on in moments.within((fleet.BATTERY[0] - 60, 0))],
        ),
        Line("heronwatch_webhook_incidents", {**webhook, "state": "acknowledged"}, moments.constant(1)),
        *(
            Line("heronwatch_webhook_notifications_total", {**webhook, "channel": name, "outcome": "accepted"}, sent)
            for name, sent in (("sms", summed(hour, 40)), ("email", summed(hour, 55)))
        ),
        *_paging(webhook, moments),
        *detector_lines(detector, moments),
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
