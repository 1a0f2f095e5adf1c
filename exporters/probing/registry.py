"""Every collector plug-in, by protocol: one line each; third parties add theirs by entry points."""

from exporters.probing.collector import Plugin
from heronwatch.errors import PluginError
from heronwatch.plugins import Registry

COLLECTORS: Registry[Plugin] = Registry(
    "heronwatch.collectors",
    {
        "modbus": "exporters.modbus:PLUGIN",
        "snmp": "exporters.snmp:PLUGIN",
        "ssh": "exporters.ssh:PLUGIN",
    },
    {"modbus": "modbus", "snmp": "snmp", "ssh": "ssh"},
)


def installed() -> tuple[list[Plugin], list[PluginError]]:
    """Return the plug-ins that can be had, and why each of the others cannot."""
    plugins: list[Plugin] = []
    errors: list[PluginError] = []
    for name in COLLECTORS.names():
        try:
            plugins.append(COLLECTORS.get(name))
        except PluginError as error:
            errors.append(error)
    return plugins, errors
