"""One interface: its state, its traffic and how full it is, what it damages and drops, what is unusual about it."""

from grafana_foundation_sdk.builders import stat, statetimeline, table
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import interface_packets, interface_traffic, words
from grafana.dashboards_src.colours import COUNT_IS_ODD, PLAIN
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import DEVICES, OF_ANY_JOB, Row, board, fill, filters, query_variable, variables
from grafana.dashboards_src.panels import Column, Facts, Query, grid, number, timeline, to_device

UID = "heronwatch-interface"
PORT = f'ifName=~"$ifName",{DEVICES}'
STATES = (
    Figure(
        id=1,
        title="State",
        description="Operational state (ifOperStatus); of several the worst. Down: InterfaceDown.",
        expr=f"max(ifOperStatus{{{PORT}}})",
        bad=PLAIN,
        w=3,
        empty="no port",
        words=words.INTERFACE,
    ),
    Figure(
        id=2,
        title="Wanted",
        description="Administrative state (ifAdminStatus): a port that is shut on purpose raises no alert.",
        expr=f"max(ifAdminStatus{{{PORT}}})",
        bad=PLAIN,
        w=3,
        empty="no port",
        words=words.INTERFACE,
    ),
    Figure(
        id=3,
        title="Speed",
        description="Speed now (ifHighSpeed). Below that of an hour ago: InterfaceSpeedReduced.",
        expr=f"sum(ifHighSpeed{{{PORT}}}) * 1e6",
        bad=PLAIN,
        unit="bps",
        w=3,
        empty="no port",
    ),
    Figure(
        id=4,
        title="Changes of state",
        description="How often it changed within the shown time. Five times in 15 minutes: InterfaceFlapping.",
        expr=f"sum(changes(ifOperStatus{{{PORT}}}[$__range]))",
        bad=COUNT_IS_ODD,
        w=3,
        empty="no port",
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch interface", "One port: state, traffic, load, errors, discards.", ["interface"])
    own = [query_variable("ifName", "Interface", f"label_values(ifOperStatus{{{DEVICES}}},ifName)", ".*"), filters()]
    return fill(
        empty.variables([*variables(), *own]),
        [
            Row(id=100, title="Is it all right?", panels=[*figures(STATES), *_rates(), _identity(), _alerts()]),
            Row(id=200, title="Traffic", panels=interface_traffic.panels()),
            Row(id=300, title="Packets", panels=interface_packets.panels()),
            Row(id=400, title="State over time", panels=[_carrier()]),
            Row(id=500, title="What is usual", panels=interface_traffic.usual(), collapsed=True),
        ],
    )


def _rates() -> list[stat.Panel]:
    return [
        number(
            Facts(
                id=number_,
                title=f"{word} {what}",
                description=f"Bits per second that the port {verb}: {meaning}.",
                unit="bps",
                w=3,
                h=4,
                empty="no port",
            ),
            Query(expr=expr.format(series=f"instance_ifName:ifHC{way}Octets:rate5m{{{PORT}}}")),
            PLAIN,
        )
        for number_, (way, word, verb), (what, meaning, expr) in (
            (5, IN, NOW),
            (6, OUT, NOW),
            (7, IN, PERCENTILE),
            (8, OUT, PERCENTILE),
        )
    ]


IN = ("In", "In", "receives")
OUT = ("Out", "Out", "sends")
NOW = ("now", "the mean of the last five minutes", "sum({series}) * 8")
PERCENTILE = (
    "95th percentile",
    "95 % of the shown time were below this, as a provider bills it",
    "sum(quantile_over_time(0.95, {series}[$__range])) * 8",
)


def _identity() -> table.Panel:
    by = "max by (instance, ifName, ifAlias, ifDescr)"
    return grid(
        Facts(
            id=9,
            title="Which port",
            description="Device, name, description as configured, largest packet, and since when its state holds.",
            unit="short",
            w=12,
            h=5,
        ),
        [
            Query(expr=f"{by} (ifHighSpeed{{{PORT}}}) * 1e6"),
            Query(expr=f"{by} (ifMtu{{{PORT}}})"),
            Query(
                expr=(
                    f"({by} (ifLastChange{{{PORT}}}) * 0"
                    f" + on (instance) group_left () max by (instance) (sysUpTime{{{DEVICES}}})"
                    f" - {by} (ifLastChange{{{PORT}}})) / 100"
                )
            ),
        ],
        [
            Column(field="instance", title="Device", properties=to_device(), width=110),
            Column(field="ifName", title="Interface", width=120),
            Column(field="ifAlias", title="Description"),
            Column(field="ifDescr", title="Kind", width=120),
            Column(field="Value #A", title="Speed", properties=(("unit", "bps"),), width=90),
            Column(field="Value #B", title="MTU", properties=(("unit", "none"),), width=70),
            Column(field="Value #C", title="State since", properties=(("unit", "dtdurations"),), width=120),
        ],
    )


def _alerts() -> statetimeline.Panel:
    return timeline(
        Facts(
            id=10,
            title="Alerts over time",
            description="When which alert fired for this port.",
            unit="short",
            w=12,
            h=5,
            empty="nothing fired",
        ),
        [
            Query(
                expr=(
                    "max by (alertname, instance, ifName)"
                    f' (ALERTS{{alertstate="firing",severity!="none",ifName=~"$ifName",ifName!="",{OF_ANY_JOB}}})'
                ),
                legend="{{alertname}} {{ifName}}",
            )
        ],
        words.FIRING,
    )


def _carrier() -> statetimeline.Panel:
    return timeline(
        Facts(
            id=30,
            title="Wanted and real state",
            description="Operational and administrative state over time. Down while wanted up: InterfaceWentDown.",
            unit="short",
            w=24,
            h=5,
            empty="no port",
        ),
        [
            Query(expr=f"ifOperStatus{{{PORT}}}", legend="{{instance}} {{ifName}}"),
            Query(expr=f"ifAdminStatus{{{PORT}}}", legend="{{instance}} {{ifName}} wanted"),
        ],
        words.INTERFACE,
    )
