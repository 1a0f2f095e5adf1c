"""The battery of a UPS: what feeds the load, and for how long it could."""

from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, amounts, graph, timeline, with_limit


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_source(), _reserve(), _load(), _input()]


def _source() -> statetimeline.Panel:
    return timeline(
        Facts(
            id=16,
            title="What feeds the load",
            description="Mains, battery, bypass. A minute on battery: UpsOnBattery.",
            unit="short",
            w=24,
            h=5,
            empty="no UPS",
        ),
        [Query(expr=f"upsOutputSource{{{DEVICES}}}", legend="{{instance}}")],
        words.UPS_SOURCE,
    )


def _reserve() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=17,
            title="Runtime left",
            description="The UPS's own estimate at its present load. Below 15 minutes: UpsRuntimeLow.",
            unit="m",
            w=12,
            empty="no UPS",
        ),
        Query(expr=f"upsEstimatedMinutesRemaining{{{DEVICES}}}", legend="{{instance}}"),
    )
    return with_limit(panel, thresholds.UPS_RUNTIME_MINUTES)


def _load() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=18,
            title="Load and charge",
            description="Load of each output line, charge of the battery. Load above 80 % for 5 min: UpsOverloaded.",
            unit="percent",
            w=12,
            empty="no UPS",
        ),
        [
            Query(expr=f"upsOutputPercentLoad{{{DEVICES}}}", legend="load of line {{upsOutputLineIndex}}"),
            Query(expr=f"upsEstimatedChargeRemaining{{{DEVICES}}}", legend="charge"),
        ],
    )
    return with_limit(panel.min(0).max(100), thresholds.UPS_LOAD_PERCENT, "orange")


def _input() -> timeseries.Panel:
    return amounts(
        Facts(
            id=19,
            title="Input voltage",
            description="Voltage of each input line; what the UPS sees of the mains.",
            unit="volt",
            w=24,
            h=7,
            empty="no UPS",
        ),
        Query(expr=f"upsInputVoltage{{{DEVICES}}}", legend="line {{upsInputLineIndex}}"),
    )
