"""The body of a device: processors, memory, temperature, fans and power supplies, storage. Vendors' names as one."""

from grafana_foundation_sdk.builders import bargauge, common, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import colours, thresholds, words
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, bars, grid, with_limit, worded

UNKNOWN = "no module of this device tells"


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_processors(), _memory(), _temperature(), _parts(), _storage(), _storage_over_time()]


def _processors() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=30,
            title="Processors",
            description="Share of each processor's time that is used. Above 90 % for 15 minutes: DeviceCpuHigh.",
            unit="percentunit",
            w=12,
            empty=UNKNOWN,
        ),
        Query(expr=f"topk(25, instance_part:cpu_used:ratio{{{DEVICES}}})", legend="{{part}}"),
    )
    return with_limit(panel, thresholds.CPU_RATIO)


def _memory() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=31,
            title="Memory",
            description="Share of each memory that is used. Above 95 % for 15 minutes: DeviceMemoryHigh.",
            unit="percentunit",
            w=12,
            empty=UNKNOWN,
        ),
        Query(expr=f"topk(25, instance_part:memory_used:ratio{{{DEVICES}}})", legend="{{part}}"),
    )
    return with_limit(panel, thresholds.MEMORY_RATIO)


def _temperature() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=32,
            title="Temperature",
            description=(
                "The 25 hottest sensors. Above a sensor's own limit: SensorOutOfRange; one without a limit above "
                "75 degrees: TemperatureHigh; the air of a room above 32 degrees: RoomTemperatureHigh."
            ),
            unit="celsius",
            w=12,
            h=9,
            empty=UNKNOWN,
        ),
        Query(expr=f"topk(25, instance_part:temperature:celsius{{{DEVICES}}})", legend="{{part}}"),
    )
    return with_limit(panel, thresholds.TEMPERATURE_CELSIUS)


def _parts() -> table.Panel:
    return grid(
        Facts(
            id=33,
            title="Fans, power supplies, sensors",
            description=(
                "What the device says of its parts, the worst first: FanFailed, PowerSupplyFailed, SensorOutOfRange; "
                "degraded: ComponentDegraded."
            ),
            unit="short",
            w=12,
            h=9,
            empty=UNKNOWN,
        ),
        [Query(expr=f"max by (instance, kind, part) (instance_part:health:state{{{DEVICES}}})")],
        [
            Column(field="kind", title="Kind", width=110),
            Column(field="part", title="Part"),
            Column(field="Value", title="State", properties=worded(words.HEALTH), width=120),
            Column(field="instance", title="Device"),
        ],
    ).sort_by([common.TableSortByFieldState().display_name("State").desc(desc=True)])


def _storage() -> bargauge.Panel:
    return (
        bars(
            Facts(
                id=34,
                title="Storage",
                description="Share in use now. Above 90 %, or full within a day at this pace: StorageFilling.",
                unit="percentunit",
                w=12,
                empty=UNKNOWN,
            ),
            Query(
                expr=f"sort_desc(topk(10, instance_part:storage_used:ratio{{{DEVICES}}}))",
                legend="{{part}}",
                instant=True,
            ),
            colours.STORAGE,
        )
        .min(0)
        .max(1)
    )


def _storage_over_time() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=35,
            title="Storage over time",
            description="Share in use. Above 97 %: StorageFull.",
            unit="percentunit",
            w=12,
            empty=UNKNOWN,
        ),
        Query(expr=f"topk(10, instance_part:storage_used:ratio{{{DEVICES}}})", legend="{{part}}"),
    )
    return with_limit(panel, thresholds.STORAGE_RATIO)
