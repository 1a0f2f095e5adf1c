"""How busy and how hot the fleet is: traffic, damage, processors, memory, temperature."""

from grafana_foundation_sdk.builders import bargauge, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import colours, thresholds
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import (
    Facts,
    Query,
    bars,
    graph,
    properties,
    series_to_device,
    series_to_interface,
    with_limit,
)


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_traffic(), _fullest(), _lost(), _processors(), _memory(), _temperature()]


def _traffic() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=11,
            title="Traffic by device",
            description="Sum over all interfaces; received above, sent below the axis. The 25 busiest devices.",
            unit="bps",
            w=12,
            h=9,
            empty="no interfaces",
        ),
        [
            Query(expr=f"topk(25, instance:ifHCInOctets:rate5m{{{DEVICES}}} * 8)", legend="{{instance}} in"),
            Query(expr=f"topk(25, instance:ifHCOutOctets:rate5m{{{DEVICES}}} * 8)", legend="{{instance}} out"),
        ],
    )
    panel = panel.override_by_regexp("/ out$/", properties(custom__transform="negative-Y"))
    return panel.data_links(series_to_device())


def _fullest() -> bargauge.Panel:
    received = f"instance_ifName:ifHCInOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
    sent = f"instance_ifName:ifHCOutOctets_per_ifHighSpeed:ratio_rate5m{{{DEVICES}}}"
    panel = bars(
        Facts(
            id=12,
            title="Fullest interfaces",
            description="Share of the speed, busier direction. Above 90 % for 15 minutes: InterfaceUtilizationHigh.",
            unit="percentunit",
            w=12,
            h=9,
            empty="no interfaces",
        ),
        Query(
            expr=f"sort_desc(topk(10, {received} >= {sent} or {sent}))",
            legend="{{instance}} {{ifName}}",
            instant=True,
        ),
        colours.UTILIZATION,
    )
    return panel.min(0).max(1).data_links(series_to_interface())


def _lost() -> timeseries.Panel:
    lost = {
        "ifInErrors": "damaged in",
        "ifOutErrors": "damaged out",
        "ifInDiscards": "discarded in",
        "ifOutDiscards": "discarded out",
    }
    panel = graph(
        Facts(
            id=13,
            title="Damaged and discarded packets",
            description="The ten worst interfaces of each kind. Above 1 %: InterfaceErrorsHigh, InterfaceDiscardsHigh.",
            unit="pps",
            w=12,
            empty="none damaged, none discarded",
        ),
        [
            Query(
                expr=f"topk(10, rate({name}{{{DEVICES}}}[$__rate_interval]) > 0)",
                legend=f"{{{{instance}}}} {{{{ifName}}}} {text}",
            )
            for name, text in lost.items()
        ],
    )
    return panel.min(0).data_links(series_to_interface())


def _processors() -> timeseries.Panel:
    return _resource(
        14, "Processors", "cpu_used:ratio", "percentunit", thresholds.CPU_RATIO, "Above 90 % for 15 min: DeviceCpuHigh."
    )


def _memory() -> timeseries.Panel:
    return _resource(
        15,
        "Memory",
        "memory_used:ratio",
        "percentunit",
        thresholds.MEMORY_RATIO,
        "Above 95 % for 15 minutes: DeviceMemoryHigh.",
    )


def _temperature() -> timeseries.Panel:
    return _resource(
        16,
        "Temperature",
        "temperature:celsius",
        "celsius",
        thresholds.TEMPERATURE_CELSIUS,
        "Above a sensor's own limit: SensorOutOfRange; without one above 75 degrees: TemperatureHigh.",
    )


def _resource(number: int, title: str, metric: str, unit: str, limit: float, when: str) -> timeseries.Panel:
    panel = graph(
        Facts(
            id=number,
            title=title,
            description=f"The highest of each device; the 25 highest devices. {when}",
            unit=unit,
            w=12,
            empty="no device tells",
        ),
        [Query(expr=f"topk(25, max by (instance) (instance_part:{metric}{{{DEVICES}}}))", legend="{{instance}}")],
    )
    panel = with_limit(panel.fill_opacity(0).min(0), limit)
    return panel.data_links(series_to_device())
