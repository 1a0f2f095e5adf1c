"""The traffic of one interface: bits, load, the usual."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.colours import EXPECTED
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, amounts, graph, properties, with_limit

PORT = f'ifName=~"$ifName",{DEVICES}'
RECEIVED = f"instance_ifName:ifHCInOctets:rate5m{{{PORT}}}"
SENT = f"instance_ifName:ifHCOutOctets:rate5m{{{PORT}}}"
BAND = f'for="interface_traffic_in",{PORT}'
"""What the detector writes for its shipped query of received bits per second."""


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_bits(), _utilization()]


def usual() -> list[Builder[models.Panel]]:
    """Return the panels that compare with what was before."""
    return [_band(), _week()]


def _bits() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=11,
            title="Traffic",
            description=(
                "Bits per second; received above, sent below the axis. Dashed: the 95th percentile of the shown time, "
                "which is what a provider bills."
            ),
            unit="bps",
            w=14,
            h=10,
            empty="no traffic",
        ),
        [
            Query(expr=f"topk(10, rate(ifHCInOctets{{{PORT}}}[$__rate_interval]) * 8)", legend="{{ifName}} in"),
            Query(expr=f"topk(10, rate(ifHCOutOctets{{{PORT}}}[$__rate_interval]) * 8)", legend="{{ifName}} out"),
            Query(
                expr=f"topk(10, quantile_over_time(0.95, {RECEIVED}[$__range] @ end()) * 8)",
                legend="{{ifName}} 95 % in",
            ),
            Query(
                expr=f"topk(10, quantile_over_time(0.95, {SENT}[$__range] @ end()) * 8)", legend="{{ifName}} 95 % out"
            ),
        ],
    )
    panel = panel.override_by_regexp("/ out$/", properties(custom__transform="negative-Y"))
    dashed = properties(custom__lineStyle={"fill": "dash", "dash": [8, 6]}, custom__fillOpacity=0)
    return panel.override_by_regexp("/ 95 % /", dashed)


def _utilization() -> timeseries.Panel:
    load = "instance_ifName:ifHC{way}Octets_per_ifHighSpeed:ratio_rate5m"
    panel = amounts(
        Facts(
            id=12,
            title="Share of its speed",
            description="Of ifHighSpeed. Above 90 % for 15 min: InterfaceUtilizationHigh; uplinks: UplinkSaturated.",
            unit="percentunit",
            w=10,
            h=10,
            empty="no traffic",
        ),
        Query(expr=f"topk(10, {load.format(way='In')}{{{PORT}}})", legend="{{ifName}} in"),
        Query(expr=f"topk(10, {load.format(way='Out')}{{{PORT}}})", legend="{{ifName}} out"),
    )
    return with_limit(panel, thresholds.INTERFACE_UTILIZATION_RATIO)


def _band() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=25,
            title="Received, and what was expected",
            description="What the detector expected of this port, and between which limits. Outside: AnomalyDetected.",
            unit="bps",
            w=12,
            h=9,
            empty="the detector does not watch this port",
        ),
        [
            Query(expr=f"yhat_upper{{{BAND}}}", legend="upper limit"),
            Query(expr=f"yhat_lower{{{BAND}}}", legend="lower limit"),
            Query(expr=f"{RECEIVED} * 8", legend="{{ifName}} in"),
        ],
    )
    panel = panel.fill_opacity(0).override_by_name(
        "upper limit",
        properties(color=EXPECTED, custom__fillBelowTo="lower limit", custom__fillOpacity=18, custom__lineWidth=0),
    )
    return panel.override_by_name("lower limit", properties(color=EXPECTED, custom__lineWidth=0))


def _week() -> timeseries.Panel:
    return amounts(
        Facts(
            id=26,
            title="Received, and a week before",
            description="The same time of the week before, where Prometheus remembers it: is this day like the others?",
            unit="bps",
            w=12,
            h=9,
            empty="no traffic",
        ),
        Query(expr=f"{RECEIVED} * 8", legend="{{ifName}} in"),
        Query(expr=f"{RECEIVED} offset 1w * 8", legend="{{ifName}} a week before"),
    )
