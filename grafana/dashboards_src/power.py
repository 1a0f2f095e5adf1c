"""Power: what feeds each load, for how long it could, and how full each outlet strip and phase is."""

from grafana_foundation_sdk.builders import statetimeline, table
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import power_supply, power_use, words
from grafana.dashboards_src.colours import (
    BATTERY_TEMPERATURE,
    COUNT_IS_BAD,
    COUNT_IS_ODD,
    PLAIN,
    UPS_CHARGE_RATIO,
    UPS_LOAD_RATIO,
    UPS_RUNTIME_SECONDS,
)
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import DEVICES, OF_ANY_JOB, Row, board, fill, filters, variables
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    coloured,
    grid,
    series_to_device,
    timeline,
    to_device,
    worded,
)

UID = "heronwatch-power"
ON_BATTERY = f"max by (instance) (instance:ups_on_battery:bool{{{DEVICES}}})"
FIGURES = (
    Figure(
        id=1,
        title="UPS",
        description="Devices that tell what feeds their load.",
        expr=f"count({ON_BATTERY})",
        bad=PLAIN,
        empty="none",
    ),
    Figure(
        id=2,
        title="On battery",
        description="UPS that feed their load from the battery now. After a minute UpsOnBattery fires.",
        expr=f"sum({ON_BATTERY})",
        bad=COUNT_IS_BAD,
        empty="none",
    ),
    Figure(
        id=3,
        title="Battery to replace",
        description="UPS that call for a new battery, or whose last test failed: UpsReplaceBattery.",
        expr=f"sum(max by (instance) (instance:ups_battery_bad:bool{{{DEVICES}}})) or 0 * sum({ON_BATTERY})",
        bad=COUNT_IS_ODD,
        empty="none",
    ),
    Figure(
        id=4,
        title="Shortest runtime",
        description="The least that any UPS would last at its present load. Below 15 minutes: UpsRuntimeLow.",
        expr=f"min(instance:ups_runtime:seconds{{{DEVICES}}})",
        unit="s",
        bad=UPS_RUNTIME_SECONDS,
        empty="none",
    ),
    Figure(
        id=5,
        title="Highest load",
        description="The fullest output line of any UPS. Above 80 %: UpsOverloaded; above 95 %: UpsLoadCritical.",
        expr=f"max(instance_part:ups_load:ratio{{{DEVICES}}})",
        unit="percentunit",
        bad=UPS_LOAD_RATIO,
        empty="none",
    ),
    Figure(
        id=6,
        title="Measured power",
        description="Active power of all outlet strips and meters together.",
        expr=f"sum(max by (instance) (instance:power:watts{{{DEVICES}}}))",
        unit="watt",
        bad=PLAIN,
        empty="none",
    ),
)
UNIT_COLUMNS = [
    Column(field="instance", title="UPS", properties=to_device(), width=120),
    Column(field="site", title="Site", width=120),
    Column(field="Value #A", title="Fed by", properties=worded(words.ON_BATTERY)),
    Column(field="Value #B", title="Charge", properties=coloured("percentunit", UPS_CHARGE_RATIO), width=115),
    Column(field="Value #C", title="Runtime", properties=coloured("s", UPS_RUNTIME_SECONDS), width=115),
    Column(field="Value #D", title="Load", properties=coloured("percentunit", UPS_LOAD_RATIO), width=115),
    Column(field="Value #E", title="Battery", properties=coloured("celsius", BATTERY_TEMPERATURE), width=115),
    Column(field="Value #F", title="Input", properties=(("unit", "volt"),), width=90),
    Column(field="Value #G", title="Output", properties=(("unit", "volt"),), width=90),
]


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch power", "UPS, PDU and meters: source, battery, load, current, power.", ["power"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(
                id=100, title="Does everything have power?", panels=[*figures(FIGURES), _units(), _alerts(), _source()]
            ),
            Row(id=200, title="Batteries and voltages", panels=power_supply.panels()),
            Row(id=300, title="Outlet strips and meters", panels=power_use.panels()),
        ],
    )


def _units() -> table.Panel:
    return grid(
        Facts(
            id=7,
            title="Uninterruptible power",
            description="Source, battery, load of every UPS: UpsOnBattery, UpsRuntimeLow, UpsOverloaded.",
            unit="short",
            w=16,
            h=8,
        ),
        [
            Query(expr=f"max by (instance, site) (instance:ups_on_battery:bool{{{DEVICES}}})"),
            Query(expr=f"max by (instance, site) (instance:ups_charge:ratio{{{DEVICES}}})"),
            Query(expr=f"max by (instance, site) (instance:ups_runtime:seconds{{{DEVICES}}})"),
            Query(expr=f"max by (instance, site) (instance_part:ups_load:ratio{{{DEVICES}}})"),
            Query(expr=f"max by (instance, site) (instance:ups_battery:celsius{{{DEVICES}}})"),
            Query(expr=f"min by (instance, site) (instance_part:ups_input:volts{{{DEVICES}}})"),
            Query(expr=f"min by (instance, site) (instance_part:ups_output:volts{{{DEVICES}}})"),
        ],
        UNIT_COLUMNS,
    )


def _alerts() -> statetimeline.Panel:
    panel = timeline(
        Facts(
            id=8,
            title="Alerts over time",
            description="When which alert about power fired.",
            unit="short",
            w=8,
            h=8,
            empty="nothing fired",
        ),
        [
            Query(
                expr=f'max by (alertname, instance) (ALERTS{{alertstate="firing",domain="power",{OF_ANY_JOB}}})',
                legend="{{alertname}} {{instance}}",
            )
        ],
        words.FIRING,
    )
    return panel.data_links(series_to_device())


def _source() -> statetimeline.Panel:
    panel = timeline(
        Facts(
            id=9,
            title="What feeds each load",
            description="Mains or battery over time. A minute on battery: UpsOnBattery.",
            unit="short",
            w=24,
            h=6,
            empty="no UPS",
        ),
        [Query(expr=f"max by (instance) (instance:ups_on_battery:bool{{{DEVICES}}})", legend="{{instance}}")],
        words.ON_BATTERY,
    )
    return panel.data_links(series_to_device())
