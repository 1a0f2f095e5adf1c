"""The packets of one interface: of which kind, damaged, discarded."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Facts, Query, amounts, graph, properties, with_limit

PORT = f'ifName=~"$ifName",{DEVICES}'
KINDS = {"Ucast": "to one", "Multicast": "to many", "Broadcast": "to all"}
LOST = {
    "ifInErrors": "damaged in",
    "ifOutErrors": "damaged out",
    "ifInDiscards": "discarded in",
    "ifOutDiscards": "discarded out",
}
SHARES = {
    "instance_ifName:ifInErrors_per_ifHCInUcastPkts:ratio_rate5m": "damaged in",
    "instance_ifName:ifOutErrors_per_ifHCOutUcastPkts:ratio_rate5m": "damaged out",
    "instance_ifName:ifInDiscards_per_ifHCInUcastPkts:ratio_rate5m": "discarded in",
    "instance_ifName:ifOutDiscards_per_ifHCOutUcastPkts:ratio_rate5m": "discarded out",
}


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_kinds(), _lost(), _shares()]


def _kinds() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=13,
            title="Packets by kind",
            description="Packets a second to one, to many and to all; received above, sent below the axis.",
            unit="pps",
            w=8,
            h=9,
            empty="no packets",
        ),
        [
            Query(
                expr=f"sum by (instance) (rate(ifHC{way}{kind}Pkts{{{PORT}}}[$__rate_interval]))",
                legend=f"{text} {way.lower()}",
            )
            for way in ("In", "Out")
            for kind, text in KINDS.items()
        ],
    )
    return panel.override_by_regexp("/ out$/", properties(custom__transform="negative-Y"))


def _lost() -> timeseries.Panel:
    return amounts(
        Facts(
            id=14,
            title="Damaged and discarded packets",
            description="Packets a second. Damaged: cable, optics, duplex. Discarded: good ones that found no room.",
            unit="pps",
            w=8,
            h=9,
            empty="no packets",
        ),
        *(
            Query(
                expr=f"sum by (instance, ifName) (rate({name}{{{PORT}}}[$__rate_interval]))",
                legend=f"{{{{ifName}}}} {text}",
            )
            for name, text in LOST.items()
        ),
    )


def _shares() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=15,
            title="Share of damaged and discarded packets",
            description="Of all packets of that way. Above 1 %: InterfaceErrorsHigh, InterfaceDiscardsHigh.",
            unit="percentunit",
            w=8,
            h=9,
            empty="fewer than ten packets a second",
        ),
        *(Query(expr=f"{name}{{{PORT}}}", legend=f"{{{{ifName}}}} {text}") for name, text in SHARES.items()),
    )
    return with_limit(panel, thresholds.INTERFACE_ERROR_RATIO)
