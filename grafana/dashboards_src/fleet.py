"""The fleet: every device, the troubled ones first; what there is, how busy, how hot, and how it is read."""

from grafana_foundation_sdk.builders import common, stat, table
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import fleet_load, fleet_reading, fleet_stock, thresholds
from grafana.dashboards_src.colours import (
    COUNT_IS_BAD,
    COUNT_IS_ODD,
    CPU,
    MEMORY,
    SCORE,
    SLOW,
    TEMPERATURE,
    UTILIZATION,
)
from grafana.dashboards_src.frame import ALERTS, DEVICES, Row, board, fill, filters, variables
from grafana.dashboards_src.panels import Column, Facts, Query, coloured, grid, number, steps, to_device, worded
from grafana.dashboards_src.words import UP

UID = "heronwatch-network-fleet"
LOUD = "critical|high|warning"
BY = "by (instance, site)"


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch fleet", "Every device: the troubled ones first, and how each is read.", ["fleet"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(id=100, title="Is every device all right?", panels=[*_numbers(), _devices()]),
            Row(id=200, title="What there is", panels=fleet_stock.panels()),
            Row(id=300, title="Load", panels=fleet_load.panels()),
            Row(id=400, title="How devices are read", panels=fleet_reading.of_devices()),
            Row(id=500, title="The exporter", panels=fleet_reading.of_the_exporter(), collapsed=True),
        ],
    )


def _numbers() -> list[stat.Panel]:
    up = f"instance:device_up:min{{{DEVICES}}}"
    slow = f"(scrape_duration_seconds{{{DEVICES}}} / scrape_timeout_seconds)"
    counts = (
        (1, "Devices", "Devices that Prometheus scrapes.", f"count({up})", steps((None, "blue"))),
        (
            2,
            "Not answering",
            "Devices whose last scrape failed. After two minutes DeviceDown fires.",
            f"count({up} == 0) or vector(0)",
            COUNT_IS_BAD,
        ),
        (
            3,
            "Read in part",
            "Devices that answer, and of which a module could not be read completely: ScrapeIncomplete.",
            f"count(count by (instance) ({_in_part()})) or vector(0)",
            COUNT_IS_ODD,
        ),
        (
            4,
            "Slow to read",
            "Devices that take more than 80 % of the scrape's time-out. For ten minutes: ScrapeSlow.",
            f"count({slow} > {thresholds.SCRAPE_SLOW_RATIO}) or vector(0)",
            COUNT_IS_ODD,
        ),
        (
            5,
            "With alerts",
            "Devices for which an alert of critical, high or warning fires.",
            f'count(count by (instance) (ALERTS{{alertstate="firing",severity=~"{LOUD}",{ALERTS}}})) or vector(0)',
            COUNT_IS_ODD,
        ),
        (
            6,
            "Ports that lost carrier",
            "Ports that had been up for an hour and are down now, without having been shut: InterfaceWentDown.",
            f"count({_down()} and (avg_over_time(ifOperStatus[1h] offset 1h) == 1)) or vector(0)",
            COUNT_IS_ODD,
        ),
    )
    return [
        number(Facts(id=id_, title=title, description=text, unit="short", w=4, h=4), Query(expr=expr), bad)
        for id_, title, text, expr, bad in counts
    ]


def _in_part() -> str:
    """Return the modules that could not be read of devices that answer."""
    failing = f'snmp_module_success{{{DEVICES}}} == 0 or probe_failure_info{{reason!="paused",{DEVICES}}}'
    return f"({failing}) and on (instance, job) instance:device_up:min == 1"


def _down() -> str:
    """Return the ports that should be up and are down."""
    return f"(ifOperStatus{{{DEVICES}}} == 2 and on (instance, ifIndex) ifAdminStatus == 1)"


def _devices() -> table.Panel:
    """Return the table of all devices; a trouble is a firing alert, an unusual series, a module or answer missing."""
    up = f"min {BY} (instance:device_up:min{{{DEVICES}}})"
    alerts = f'count {BY} (ALERTS{{alertstate="firing",severity=~"{LOUD}",{ALERTS}}})'
    unusual = f"count {BY} (anomaly_score{{{DEVICES}}} > {thresholds.ANOMALY_SCORE})"
    in_part = f"count {BY} ({_in_part()})"
    fullest = (
        f"max {BY} (instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
        f" or instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}})"
    )
    return grid(
        Facts(
            id=7,
            title="Devices, problems first",
            description=(
                "A problem is a firing alert (DeviceDown, FanFailed …), an unusual series, a module or answer missing. "
                "Click a device for its board."
            ),
            unit="short",
            w=24,
            h=13,
        ),
        [
            Query(
                expr=" + ".join(f"({trouble} or 0 * {up})" for trouble in (alerts, unusual, in_part)) + f" + (1 - {up})"
            ),
            Query(expr=up),
            Query(expr=f"max {BY} (anomaly_score{{{DEVICES}}})"),
            Query(expr=f"min {BY} (sysUpTime{{{DEVICES}}}) / 100"),
            Query(expr=f"max {BY} (instance_part:cpu_used:ratio{{{DEVICES}}})"),
            Query(expr=f"max {BY} (instance_part:memory_used:ratio{{{DEVICES}}})"),
            Query(expr=f"max {BY} (instance_part:temperature:celsius{{{DEVICES}}})"),
            Query(expr=fullest),
            Query(expr=f"count {BY} {_down()}"),
            Query(expr=f"max {BY} (scrape_duration_seconds{{{DEVICES}}})"),
            Query(expr=f"max by (instance, site, vendor) (instance:device_vendor:info{{{DEVICES}}})"),
        ],
        [
            Column(field="instance", title="Device", properties=to_device(), width=130),
            Column(field="site", title="Site", width=120),
            Column(field="vendor", title="Vendor", width=140),
            Column(field="Value #A", title="Problems", properties=coloured("short", COUNT_IS_ODD), width=105),
            Column(field="Value #B", title="Answers", properties=worded(UP), width=90),
            Column(field="Value #C", title="Score", properties=(*coloured("short", SCORE), ("decimals", 2)), width=85),
            Column(field="Value #D", title="Uptime", properties=(("unit", "dtdurations"),), width=120),
            Column(field="Value #E", title="CPU", properties=coloured("percentunit", CPU), width=90),
            Column(field="Value #F", title="Memory", properties=coloured("percentunit", MEMORY), width=95),
            Column(field="Value #G", title="Hottest", properties=coloured("celsius", TEMPERATURE), width=100),
            Column(field="Value #H", title="Fullest port", properties=coloured("percentunit", UTILIZATION), width=120),
            Column(field="Value #I", title="Ports down", width=110),
            Column(field="Value #J", title="Read in", properties=coloured("s", SLOW), width=100),
        ],
    ).sort_by([common.TableSortByFieldState().display_name("Problems").desc(desc=True)])
