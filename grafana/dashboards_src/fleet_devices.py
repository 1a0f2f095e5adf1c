"""The table of all devices, those with problems first."""

from grafana_foundation_sdk.builders import common, table

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.colours import COUNT_IS_ODD, CPU, MEMORY, SLOW, TEMPERATURE, UTILIZATION
from grafana.dashboards_src.frame import DEVICES, LOUD, OF_ANY_JOB
from grafana.dashboards_src.panels import Column, Facts, Query, coloured, grid, to_device, worded
from grafana.dashboards_src.scores import SCORED
from grafana.dashboards_src.words import UP

BY = "by (instance, site)"
IN_PART = (
    f'(snmp_module_success{{{DEVICES}}} == 0 or probe_failure_info{{reason!="paused",{DEVICES}}})'
    " and on (instance, job) instance:device_up:min == 1"
)
"""Modules that could not be read of devices that answer."""
DOWN = f"(ifOperStatus{{{DEVICES}}} == 2 and on (instance, ifIndex) ifAdminStatus == 1)"
"""Ports that should be up and are down."""
COLUMNS = [
    Column(field="instance", title="Device", properties=to_device(), width=130),
    Column(field="site", title="Site", width=120),
    Column(field="vendor", title="Vendor", width=140),
    Column(field="Value #A", title="Problems", properties=coloured("short", COUNT_IS_ODD), width=105),
    Column(field="Value #B", title="Answers", properties=worded(UP), width=90),
    Column(field="Value #C", title="Score", properties=SCORED, width=85),
    Column(field="Value #D", title="Uptime", properties=(("unit", "dtdurations"),), width=120),
    Column(field="Value #E", title="CPU", properties=coloured("percentunit", CPU), width=90),
    Column(field="Value #F", title="Memory", properties=coloured("percentunit", MEMORY), width=95),
    Column(field="Value #G", title="Hottest", properties=coloured("celsius", TEMPERATURE), width=100),
    Column(field="Value #H", title="Fullest port", properties=coloured("percentunit", UTILIZATION), width=120),
    Column(field="Value #I", title="Ports down", width=110),
    Column(field="Value #J", title="Read in", properties=coloured("s", SLOW), width=100),
]


def panel() -> table.Panel:
    """Return the table of all devices; a trouble is a firing alert, an unusual series, a module or answer missing."""
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
        _queries(),
        COLUMNS,
    ).sort_by([common.TableSortByFieldState().display_name("Problems").desc(desc=True)])


def _queries() -> list[Query]:
    up = f"min {BY} (instance:device_up:min{{{DEVICES}}})"
    alerts = f'count {BY} (ALERTS{{alertstate="firing",severity=~"{LOUD}",{OF_ANY_JOB}}})'
    unusual = f"count {BY} (anomaly_score{{{DEVICES}}} > {thresholds.ANOMALY_SCORE})"
    in_part = f"count {BY} ({IN_PART})"
    fullest = (
        f"max {BY} (instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
        f" or instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}})"
    )
    return [
        Query(expr=" + ".join(f"({trouble} or 0 * {up})" for trouble in (alerts, unusual, in_part)) + f" + (1 - {up})"),
        Query(expr=up),
        Query(expr=f"max {BY} (anomaly_score{{{DEVICES}}})"),
        Query(expr=f"min {BY} (sysUpTime{{{DEVICES}}}) / 100"),
        Query(expr=f"max {BY} (instance_part:cpu_used:ratio{{{DEVICES}}})"),
        Query(expr=f"max {BY} (instance_part:memory_used:ratio{{{DEVICES}}})"),
        Query(expr=f"max {BY} (instance_part:temperature:celsius{{{DEVICES}}})"),
        Query(expr=fullest),
        Query(expr=f"count {BY} {DOWN}"),
        Query(expr=f"max {BY} (scrape_duration_seconds{{{DEVICES}}})"),
        Query(expr=f"max by (instance, site, vendor) (instance:device_vendor:info{{{DEVICES}}})"),
    ]
