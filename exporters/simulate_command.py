"""`heronwatch exporter simulate PROTOCOL`: each plug-in brings its own device."""

from collections.abc import Sequence

from exporters.arguments import Parsers
from exporters.probing.collector import Plugin


def add_command(commands: Parsers, plugins: Sequence[Plugin]) -> None:
    """Add `simulate` with a command for each protocol."""
    parser = commands.add_parser("simulate", help="play a device, to try things out without one")
    protocols = parser.add_subparsers(title="protocols", metavar="PROTOCOL", required=True, help="which kind of device")
    for plugin in plugins:
        if plugin.simulate is not None:
            simulation = plugin.simulate
            one = protocols.add_parser(plugin.protocol, help=simulation.help, description=simulation.help)
            simulation.add_arguments(one)
            one.set_defaults(exporter_run=simulation.run)
