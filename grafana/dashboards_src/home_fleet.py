"""Traffic and power of the whole fleet."""

from grafana_foundation_sdk.builders import bargauge, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import words
from grafana.dashboards_src.colours import COUNT_IS_ODD, SITE_UP, UPS_CHARGE, UPS_LOAD, UPS_RUNTIME, UTILIZATION
from grafana.dashboards_src.frame import DEVICES, LOUD, OF_ANY_JOB
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    bars,
    coloured,
    graph,
    grid,
    properties,
    series_to_device,
    to_device,
    worded,
)
from grafana.dashboards_src.scores import SCORED

TO_SITE = {
    "title": "Only this site",
    "url": "/d/heronwatch-home?var-site=${__value.text}&${datasource:queryparam}",
}


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_traffic(), _busiest(), _ups(), _sites(), _power()]


def _traffic() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=10,
            title="Traffic by device",
            description="Sum over all interfaces; received above, sent below the axis. The 25 busiest devices.",
            unit="bps",
            w=12,
            h=9,
        ),
        [
            Query(expr=f"topk(25, instance:ifHCInOctets:rate5m{{{DEVICES}}} * 8)", legend="{{instance}} in"),
            Query(expr=f"topk(25, instance:ifHCOutOctets:rate5m{{{DEVICES}}} * 8)", legend="{{instance}} out"),
        ],
    )
    panel = panel.override_by_regexp("/ out$/", properties(custom__transform="negative-Y"))
    return panel.data_links(series_to_device())


def _busiest() -> bargauge.Panel:
    ratio = (
        f"instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
        f" >= instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m"
        f" or instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
    )
    panel = bars(
        Facts(
            id=11,
            title="Fullest interfaces",
            description="Share of the speed, busier direction. Above 90 % for 15 minutes: InterfaceUtilizationHigh.",
            unit="percentunit",
            w=12,
            h=9,
        ),
        Query(expr=f"sort_desc(topk(10, {ratio}))", legend="{{instance}} {{ifName}}", instant=True),
        UTILIZATION,
    )
    return panel.min(0).max(1).data_links(series_to_device())


def _ups() -> table.Panel:
    return grid(
        Facts(
            id=12,
            title="Uninterruptible power",
            description="What feeds the load, how long it would last: UpsOnBattery, UpsRuntimeLow, UpsOverloaded.",
            unit="short",
            w=12,
            h=6,
        ),
        [
            Query(expr=f"max by (instance) (upsOutputSource{{{DEVICES}}})"),
            Query(expr=f"max by (instance) (upsEstimatedChargeRemaining{{{DEVICES}}})"),
            Query(expr=f"max by (instance) (upsEstimatedMinutesRemaining{{{DEVICES}}})"),
            Query(expr=f"max by (instance) (upsOutputPercentLoad{{{DEVICES}}})"),
        ],
        [
            Column(field="instance", title="UPS", properties=to_device()),
            Column(field="Value #A", title="Fed by", properties=worded(words.UPS_SOURCE)),
            Column(field="Value #B", title="Charge", properties=coloured("percent", UPS_CHARGE)),
            Column(field="Value #C", title="Runtime", properties=coloured("m", UPS_RUNTIME)),
            Column(field="Value #D", title="Load", properties=coloured("percent", UPS_LOAD)),
        ],
    )


def _sites() -> table.Panel:
    return grid(
        Facts(
            id=13,
            title="Sites",
            description="Every site: its devices, how many answer, what fires. Below one half: SiteDown.",
            unit="short",
            w=12,
            h=6,
        ),
        [
            Query(expr=f'count by (site) (instance:device_up:min{{site!="",{DEVICES}}})'),
            Query(expr=f'avg by (site) (instance:device_up:min{{site!="",{DEVICES}}})'),
            Query(
                expr=f'count by (site) (ALERTS{{alertstate="firing",severity=~"{LOUD}",site!="",{OF_ANY_JOB}}})'
                f' or 0 * count by (site) (instance:device_up:min{{site!="",{DEVICES}}})'
            ),
            Query(expr=f'max by (site) (anomaly_score{{site!="",{DEVICES}}})'),
        ],
        [
            Column(field="site", title="Site", properties=(("links", [TO_SITE]),)),
            Column(field="Value #A", title="Devices"),
            Column(field="Value #B", title="Answering", properties=coloured("percentunit", SITE_UP)),
            Column(field="Value #C", title="Alerts", properties=coloured("short", COUNT_IS_ODD)),
            Column(field="Value #D", title="Highest score", properties=SCORED),
        ],
    )


def _power() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=18,
            title="Measured power",
            description="Active power of every meter, all phases together; negative while it feeds back.",
            unit="watt",
            w=24,
            h=7,
            empty="no meters",
        ),
        [Query(expr=f"topk(25, electrical_total_power_watts{{{DEVICES}}})", legend="{{instance}}")],
    )
    return panel.data_links(series_to_device())
