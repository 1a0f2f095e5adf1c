"""One device: is it all right, what is unusual about it, its interfaces, its battery, how it is read."""

from grafana_foundation_sdk.builders import statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import (
    device_anomalies,
    device_battery,
    device_hardware,
    device_interfaces,
    device_meter,
    thresholds,
    words,
)
from grafana.dashboards_src.colours import COUNT_IS_BAD, PLAIN, SCORE
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import DEVICES, OF_ANY_JOB, Row, board, fill, filters, query_variable, variables
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, grid, steps, timeline
from grafana.dashboards_src.scores import series_variable

UID = "heronwatch-device"
FIGURES = (
    Figure(
        id=1,
        title="Answers",
        description="Whether the last scrape succeeded. DeviceDown fires after two minutes without.",
        expr=f"min(instance:device_up:min{{{DEVICES}}})",
        bad=steps((None, "red"), (1, "green")),
        words=words.UP,
    ),
    Figure(
        id=2,
        title="Uptime",
        description="Time since the agent started (sysUpTime, wraps after 497 days). A fall: DeviceRebooted.",
        expr=f"min(sysUpTime{{{DEVICES}}}) / 100",
        bad=steps((None, "orange"), (thresholds.REBOOT_UPTIME_CENTISECONDS / 100, "blue")),
        unit="dtdurations",
        empty="not SNMP",
    ),
    Figure(
        id=3,
        title="Firing alerts",
        description="Alerts of this device now.",
        expr=f'count(ALERTS{{alertstate="firing",severity!="none",{OF_ANY_JOB}}}) or vector(0)',
        bad=COUNT_IS_BAD,
    ),
    Figure(
        id=4,
        title="Highest score",
        description="The most unusual series now. Above 1 it is outside its band: AnomalyDetected.",
        expr=f"max(anomaly_score{{{DEVICES}}})",
        bad=SCORE,
        empty="no scores",
        decimals=2,
    ),
    Figure(
        id=5,
        title="Ports without carrier",
        description="Interfaces that should be up and are down. InterfaceDown pages for named ones.",
        expr=(f"count(ifOperStatus{{{DEVICES}}} == 2 and ifAdminStatus == 1) or 0 * count(ifOperStatus{{{DEVICES}}})"),
        bad=PLAIN,
        empty="no ports",
    ),
    Figure(
        id=6,
        title="Scrape time",
        description="How long Prometheus waited for the last scrape; the longest of this device's.",
        expr=f"max(scrape_duration_seconds{{{DEVICES}}})",
        bad=PLAIN,
        unit="s",
        decimals=2,
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch device", "One device: state, anomalies, interfaces, hardware, power.", ["device"])
    own = [
        query_variable("ifName", "Interface", f"label_values(ifOperStatus{{{DEVICES}}},ifName)", ".*"),
        series_variable("anomaly_score", "Series"),
        filters(),
    ]
    return fill(
        empty.variables([*variables(), *own]),
        [
            Row(id=100, title="Is it all right?", panels=[*figures(FIGURES), _identity(), _alerts()]),
            Row(id=200, title="Anomalies", panels=device_anomalies.panels()),
            Row(id=300, title="Interfaces", panels=device_interfaces.panels()),
            Row(id=700, title="Processors, temperature, parts, storage", panels=device_hardware.panels()),
            Row(id=400, title="Battery", panels=device_battery.panels(), collapsed=True),
            Row(id=600, title="Electricity", panels=device_meter.panels(), collapsed=True),
            Row(id=500, title="How it is read", panels=[_durations(), _packets()], collapsed=True),
        ],
    )


def _identity() -> table.Panel:
    return grid(
        Facts(
            id=7,
            title="What it says about itself",
            description="Name, description and location as configured on the device (SNMPv2-MIB).",
            unit="string",
            w=12,
            h=5,
        ),
        [
            Query(expr=f"max by (instance, vendor) (instance:device_vendor:info{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysName) (sysName{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysDescr) (sysDescr{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysLocation) (sysLocation{{{DEVICES}}})"),
        ],
        [
            Column(field="instance", title="Device"),
            Column(field="vendor", title="Vendor"),
            Column(field="sysName", title="Name"),
            Column(field="sysLocation", title="Location"),
            Column(field="sysDescr", title="Description", width=360),
        ],
    )


def _alerts() -> statetimeline.Panel:
    return timeline(
        Facts(
            id=8,
            title="Alerts over time",
            description="When which alert fired for this device.",
            unit="short",
            w=12,
            h=5,
            empty="nothing fired",
        ),
        [
            Query(
                expr=f'max by (alertname, ifName) (ALERTS{{alertstate="firing",severity!="none",{OF_ANY_JOB}}})',
                legend="{{alertname}} {{ifName}}",
            )
        ],
        words.FIRING,
    )


def _durations() -> timeseries.Panel:
    return amounts(
        Facts(
            id=20,
            title="Duration of the walks",
            description="How long each module took. Near the scrape time-out scrapes begin to fail.",
            unit="s",
            w=12,
            empty="not SNMP",
        ),
        Query(expr=f"snmp_scrape_duration_seconds{{{DEVICES}}}", legend="{{module}}"),
    )


def _packets() -> timeseries.Panel:
    return amounts(
        Facts(
            id=21,
            title="Packets for one scrape",
            description="Requests for one scrape; repeated ones mean loss or a slow agent.",
            unit="short",
            w=12,
            empty="not SNMP",
        ),
        Query(expr=f"snmp_scrape_packets_sent{{{DEVICES}}}", legend="{{module}} sent"),
        Query(expr=f"snmp_scrape_packets_retried{{{DEVICES}}}", legend="{{module}} repeated"),
    )
