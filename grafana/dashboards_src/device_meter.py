"""An energy meter: power and voltage of each phase."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, amounts, graph


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_power(), _voltage()]


def _power() -> timeseries.Panel:
    return graph(
        Facts(
            id=22,
            title="Power by phase",
            description="Active power of each phase; negative while it feeds back.",
            unit="watt",
            w=12,
            empty="no meter",
        ),
        [Query(expr=f"electrical_power_watts{{{DEVICES}}}", legend="{{phase}}")],
    )


def _voltage() -> timeseries.Panel:
    return amounts(
        Facts(
            id=23,
            title="Voltage by phase",
            description="Voltage between each phase and neutral, as the meter sees it.",
            unit="volt",
            w=12,
            empty="no meter",
        ),
        Query(expr=f"electrical_voltage_volts{{{DEVICES}}}", legend="{{phase}}"),
    )
