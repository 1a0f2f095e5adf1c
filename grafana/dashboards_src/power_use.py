"""The use: current of each phase and outlet strip against its rating, power, and the air around it."""

from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, graph, series_to_device, timeline, with_limit


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_current(), _state(), _power(), _air()]


def _current() -> timeseries.Panel:
    return (
        graph(
            Facts(
                id=16,
                title="Current by phase or bank",
                description="Current through each phase or bank of an outlet strip; the 25 highest.",
                unit="amp",
                w=12,
                empty="no outlet strip",
            ),
            [Query(expr=f"topk(25, instance_part:pdu_current:amperes{{{DEVICES}}})", legend="{{instance}} {{part}}")],
        )
        .fill_opacity(0)
        .min(0)
    )


def _state() -> statetimeline.Panel:
    panel = timeline(
        Facts(
            id=17,
            title="Load of each phase or bank",
            description="By the limits set in the strip itself. Near them: PduCurrentHigh; beyond: PduOverloaded.",
            unit="short",
            w=12,
            empty="no outlet strip",
        ),
        [
            Query(
                expr=f"max by (instance, part) (instance_part:pdu_load:state{{{DEVICES}}})",
                legend="{{instance}} {{part}}",
            )
        ],
        words.PDU_LOAD,
    )
    return panel.data_links(series_to_device())


def _power() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=18,
            title="Power",
            description="Active power of each outlet strip and meter; negative while a meter feeds back.",
            unit="watt",
            w=12,
            empty="nothing measures power",
        ),
        [Query(expr=f"topk(25, max by (instance) (instance:power:watts{{{DEVICES}}}))", legend="{{instance}}")],
    )
    return panel.data_links(series_to_device())


def _air() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=19,
            title="Air of rooms and racks",
            description="Temperature of probes for the air. Above 32 degrees: RoomTemperatureHigh.",
            unit="celsius",
            w=12,
            empty="no probe for the air",
        ),
        [Query(expr=f"topk(25, instance_part:room:celsius{{{DEVICES}}})", legend="{{instance}} {{part}}")],
    )
    return with_limit(panel.fill_opacity(0).min(0), thresholds.ROOM_CELSIUS)
