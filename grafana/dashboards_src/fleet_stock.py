"""What the fleet consists of: vendors, sites, and when each device answered."""

from grafana_foundation_sdk.builders import common, statetimeline, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import words
from grafana.dashboards_src.colours import SITE_UP
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import Column, Facts, Query, coloured, grid, series_to_device, timeline, to_device


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_vendors(), _systems(), _answers()]


def _vendors() -> table.Panel:
    info = f"instance:device_vendor:info{{{DEVICES}}}"
    up = f"on (instance, job) group_left () max by (instance, job) (instance:device_up:min{{{DEVICES}}})"
    return grid(
        Facts(
            id=8,
            title="Vendors",
            description="By the enterprise number in sysObjectID; a vendor that the rules do not know is told by it.",
            unit="short",
            w=8,
            h=9,
        ),
        [
            Query(expr=f"count by (vendor) ({info})"),
            Query(expr=f"avg by (vendor) ({info} * {up})"),
        ],
        [
            Column(field="vendor", title="Vendor"),
            Column(field="Value #A", title="Devices"),
            Column(field="Value #B", title="Answering", properties=coloured("percentunit", SITE_UP)),
        ],
    ).sort_by([common.TableSortByFieldState().display_name("Devices").desc(desc=True)])


def _systems() -> table.Panel:
    return grid(
        Facts(
            id=9,
            title="What they say about themselves",
            description="Vendor, name, location and description of every SNMP device (SNMPv2-MIB).",
            unit="string",
            w=16,
            h=9,
        ),
        [
            Query(expr=f"max by (instance, vendor) (instance:device_vendor:info{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysName) (sysName{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysLocation) (sysLocation{{{DEVICES}}})"),
            Query(expr=f"max by (instance, sysDescr) (sysDescr{{{DEVICES}}})"),
        ],
        [
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="vendor", title="Vendor"),
            Column(field="sysName", title="Name"),
            Column(field="sysLocation", title="Location"),
            Column(field="sysDescr", title="Description", width=420),
        ],
    )


def _answers() -> statetimeline.Panel:
    panel = timeline(
        Facts(
            id=10,
            title="Answers over time",
            description="Whether each device answered. Red for two minutes: DeviceDown.",
            unit="short",
            w=24,
            h=9,
        ),
        [Query(expr=f"instance:device_up:min{{{DEVICES}}}", legend="{{instance}}")],
        words.UP,
    )
    return panel.data_links(series_to_device())
