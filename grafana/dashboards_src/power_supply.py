"""The supplies: charge and runtime of the batteries, load, voltage and frequency on both sides."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, graph, series_to_device, with_limit

NONE = "no UPS"


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_runtime(), _charge(), _load(), _input(), _output(), _temperature()]


def _runtime() -> timeseries.Panel:
    panel = _lines(
        10,
        "Runtime left",
        "The UPS's own estimate at its present load. Below 15 minutes: UpsRuntimeLow.",
        "s",
        f"max by (instance) (instance:ups_runtime:seconds{{{DEVICES}}})",
        "{{instance}}",
    )
    return with_limit(panel, thresholds.UPS_RUNTIME_MINUTES * 60)


def _charge() -> timeseries.Panel:
    panel = _lines(
        11,
        "Charge",
        "Charge of the battery. UpsBatteryLow fires when the UPS itself calls it low.",
        "percentunit",
        f"max by (instance) (instance:ups_charge:ratio{{{DEVICES}}})",
        "{{instance}}",
    )
    return panel.max(1)


def _load() -> timeseries.Panel:
    panel = _lines(
        12,
        "Load",
        "Each output line's share of what the UPS can give. Above 80 %: UpsOverloaded; above 95 %: UpsLoadCritical.",
        "percentunit",
        f"instance_part:ups_load:ratio{{{DEVICES}}}",
        "{{instance}} {{part}}",
    )
    return with_limit(panel, thresholds.UPS_LOAD_PERCENT / 100, "orange")


def _input() -> timeseries.Panel:
    return _lines(
        13,
        "Input voltage",
        "What the UPS sees of the mains. More than 15 % off its nominal voltage: UpsInputVoltageOutOfRange.",
        "volt",
        f"instance_part:ups_input:volts{{{DEVICES}}}",
        "{{instance}} {{part}}",
    )


def _output() -> timeseries.Panel:
    return _lines(
        14,
        "Output voltage",
        "What the load gets. It stays while the input is gone; a fall to nothing is an outage.",
        "volt",
        f"instance_part:ups_output:volts{{{DEVICES}}}",
        "{{instance}} {{part}}",
    )


def _temperature() -> timeseries.Panel:
    panel = _lines(
        15,
        "Battery temperature",
        "Warm batteries age fast. Above 40 degrees: UpsBatteryHot.",
        "celsius",
        f"max by (instance) (instance:ups_battery:celsius{{{DEVICES}}})",
        "{{instance}}",
    )
    return with_limit(panel, thresholds.UPS_BATTERY_CELSIUS, "orange")


def _lines(number: int, title: str, description: str, unit: str, expr: str, legend: str) -> timeseries.Panel:
    facts = Facts(id=number, title=title, description=description, unit=unit, w=8, empty=NONE)
    return (
        graph(facts, [Query(expr=f"topk(25, {expr})", legend=legend)])
        .fill_opacity(0)
        .min(0)
        .data_links(series_to_device())
    )
