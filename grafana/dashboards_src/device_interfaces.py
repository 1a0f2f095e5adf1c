"""The interfaces of a device: traffic, load, state, damage."""

from grafana_foundation_sdk.builders import common, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.colours import ERRORS, UTILIZATION
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    amounts,
    coloured,
    graph,
    grid,
    properties,
    series_to_interface,
    timeline,
    to_interface,
    with_limit,
    worded,
)

PORTS = f'ifName=~"$ifName",{DEVICES}'


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_traffic(), _utilization(), _interfaces(), _errors(), _carrier()]


def _traffic() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=11,
            title="Traffic",
            description="Bits per second by interface; received above, sent below the axis.",
            unit="bps",
            w=12,
            h=9,
            empty="no interfaces",
        ),
        [
            Query(expr=f"topk(25, rate(ifHCInOctets{{{PORTS}}}[$__rate_interval]) * 8)", legend="{{ifName}} in"),
            Query(expr=f"topk(25, rate(ifHCOutOctets{{{PORTS}}}[$__rate_interval]) * 8)", legend="{{ifName}} out"),
        ],
    )
    panel = panel.override_by_regexp("/ out$/", properties(custom__transform="negative-Y"))
    return panel.data_links(series_to_interface())


def _utilization() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=12,
            title="Share of the interface's speed",
            description="Of ifHighSpeed, by direction. Above 90 % for 15 minutes: InterfaceUtilizationHigh.",
            unit="percentunit",
            w=12,
            h=9,
            empty="no interfaces",
        ),
        [
            Query(
                expr=f"topk(25, instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{PORTS}}})",
                legend="{{ifName}} in",
            ),
            Query(
                expr=f"topk(25, instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{PORTS}}})",
                legend="{{ifName}} out",
            ),
        ],
    )
    panel = with_limit(panel.min(0), thresholds.INTERFACE_UTILIZATION_RATIO)
    return panel.data_links(series_to_interface())


def _interfaces() -> table.Panel:
    by = "max by (instance, ifName, ifAlias)"
    return grid(
        Facts(
            id=13,
            title="Interfaces",
            description="State, speed, load, damaged and dropped packets of every interface. Click one for its board.",
            unit="short",
            w=24,
            h=10,
        ),
        [
            Query(expr=f"{by} (ifAdminStatus{{{PORTS}}})"),
            Query(expr=f"{by} (ifOperStatus{{{PORTS}}})"),
            Query(expr=f"{by} (ifHighSpeed{{{PORTS}}}) * 1e6"),
            Query(expr=f"{by} (instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{PORTS}}})"),
            Query(expr=f"{by} (instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{PORTS}}})"),
            Query(expr=_worse(by, "ifInErrors_per_ifHCInUcastPkts", "ifOutErrors_per_ifHCOutUcastPkts")),
            Query(expr=_worse(by, "ifInDiscards_per_ifHCInUcastPkts", "ifOutDiscards_per_ifHCOutUcastPkts")),
        ],
        [
            Column(field="ifName", title="Interface", properties=to_interface()),
            Column(field="ifAlias", title="Description"),
            Column(field="Value #A", title="Wanted", properties=worded(words.INTERFACE)),
            Column(field="Value #B", title="State", properties=worded(words.INTERFACE)),
            Column(field="Value #C", title="Speed", properties=(("unit", "bps"),)),
            Column(field="Value #D", title="In", properties=coloured("percentunit", UTILIZATION)),
            Column(field="Value #E", title="Out", properties=coloured("percentunit", UTILIZATION)),
            Column(field="Value #F", title="Damaged", properties=coloured("percentunit", ERRORS)),
            Column(field="Value #G", title="Dropped", properties=coloured("percentunit", ERRORS)),
            Column(field="instance", title="Device"),
        ],
    ).sort_by([common.TableSortByFieldState().display_name("Interface").desc(desc=False)])


def _worse(by: str, received: str, sent: str) -> str:
    """Return the share of the worse way of each interface."""
    ways = (
        f'label_replace(instance_ifName:{name}:ratio_rate5m{{{PORTS}}}, "way", "{way}", "", "")'
        for way, name in (("in", received), ("out", sent))
    )
    return f"{by} ({' or '.join(ways)})"


def _errors() -> timeseries.Panel:
    return amounts(
        Facts(
            id=14,
            title="Damaged and discarded packets",
            description="Packets a second, received damaged or dropped when full. Above 1 %: InterfaceErrorsHigh.",
            unit="pps",
            w=12,
            empty="none damaged, none discarded",
        ),
        Query(expr=f"topk(25, rate(ifInErrors{{{PORTS}}}[$__rate_interval]) > 0)", legend="{{ifName}} damaged"),
        Query(expr=f"topk(25, rate(ifOutErrors{{{PORTS}}}[$__rate_interval]) > 0)", legend="{{ifName}} damaged out"),
        Query(expr=f"topk(25, rate(ifInDiscards{{{PORTS}}}[$__rate_interval]) > 0)", legend="{{ifName}} discarded in"),
        Query(
            expr=f"topk(25, rate(ifOutDiscards{{{PORTS}}}[$__rate_interval]) > 0)",
            legend="{{ifName}} discarded out",
        ),
    )


def _carrier() -> statetimeline.Panel:
    return timeline(
        Facts(
            id=15,
            title="Carrier over time",
            description="Operational state of every interface that should be up.",
            unit="short",
            w=12,
            empty="no interfaces",
        ),
        [Query(expr=f"ifOperStatus{{{PORTS}}} and ifAdminStatus == 1", legend="{{ifName}}")],
        words.INTERFACE,
    )
