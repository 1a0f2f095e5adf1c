"""Arguments that several commands have: where the configuration comes from, what guards it, how to log."""

import argparse
from collections.abc import Sequence
from typing import Any, get_args

from exporters.options import LibraryOptions, ServeOptions
from exporters.probing.collector import Plugin
from heronwatch import logs
from heronwatch.values import Duration, Network

DEFAULT_PORT = 9810
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
WARN = "warn"  # as Prometheus and its exporters spell it

Parsers = Any  # argparse names the class of add_subparsers() only privately


def seconds(text: str) -> float:
    """Read a time for `--timeout`: a duration, or plain seconds; longer than nothing.

    >>> seconds("1m30s"), seconds("2.5")
    (90.0, 2.5)
    """
    try:
        found = float(Duration.parse(text if text[-1:].isalpha() else f"{text}s"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if found <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} leaves no time")
    return found


def add_sources(parser: argparse.ArgumentParser, plugins: Sequence[Plugin]) -> None:
    """Add the flags that name configuration files."""
    own = [f"{plugin.protocol}.yml" for plugin in plugins if plugin.recognizes]
    parser.add_argument(
        "--config.file",
        dest="config_file",
        action="append",
        default=[],
        metavar="FILE",
        help=f"{' or an ordinary '.join(['exporters.yml', *own])}, told apart by what is in it; repeatable, and a "
        "pattern in quotes stands for several files",
    )
    parser.add_argument(
        "--config.expand-environment-variables",
        dest="config_expand_environment",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="in ordinary " + ", ".join(own) + ": put environment variables where user names, passwords and "
        "communities say ${NAME}",
    )
    for plugin in plugins:
        if plugin.library:
            parser.add_argument(
                f"--{plugin.protocol}.config-file",
                dest=f"{plugin.protocol}_config_file",
                action="append",
                default=[],
                metavar="FILE",
                help=f"ordinary {plugin.protocol}.yml; repeatable, and a pattern in quotes stands for several files",
            )


def add_guards(parser: argparse.ArgumentParser, protocol: str) -> None:
    """Add the flags that say where unbound credentials may go, and how a protocol's own route answers."""
    parser.add_argument(
        f"--{protocol}.allowed-targets",
        dest=f"{protocol}_allowed_targets",
        nargs="+",
        action="extend",
        default=[],
        type=_network,
        metavar="CIDR",
        help="networks besides private and loopback addresses and the devices where credentials may be sent",
    )
    for flag, help_text in (
        ("allow-any-target", "send unbound credentials to any address that a request names, as the original does"),
        ("strict", "a duplicate series fails the scrape, as in the original exporter"),
        ("partial-results", f"/{protocol} answers 200 with what could be read and probe_success, not 500 on any fault"),
    ):
        parser.add_argument(
            f"--{protocol}.{flag}", dest=f"{protocol}_{flag.replace('-', '_')}", action="store_true", help=help_text
        )


def add_logging(parser: argparse.ArgumentParser) -> None:
    """Add `--log.level`, which knows the original's `warn`, and `--log.format`."""
    group = parser.add_argument_group("logs")
    group.add_argument(
        "--log.level",
        dest="log_level",
        default="info",
        choices=(*logs.LEVELS, WARN),
        metavar="LEVEL",
        help=f"{', '.join(logs.LEVELS)} (default info)",
    )
    group.add_argument("--log.format", dest="log_format", default="logfmt", choices=logs.FORMATS, help="default logfmt")


def configure_logs(arguments: argparse.Namespace) -> logs.Level:
    """Log as the arguments say; returns the level by our name."""
    named = "warning" if arguments.log_level == WARN else arguments.log_level
    level: logs.Level = next(level for level in get_args(logs.Level) if level == named)
    logs.configure(level=level, fmt=arguments.log_format)
    return level


def options_of(arguments: argparse.Namespace) -> ServeOptions:
    """Return what `add_sources`, `add_guards` and the plug-ins' own flags say."""
    values = vars(arguments)
    libraries = {
        plugin.protocol: LibraryOptions(
            config_files=tuple(values[f"{plugin.protocol}_config_file"]),
            allowed_targets=tuple(values.get(f"{plugin.protocol}_allowed_targets", ())),
            allow_any_target=values.get(f"{plugin.protocol}_allow_any_target", False),
            strict=values.get(f"{plugin.protocol}_strict", False),
            partial_results=values.get(f"{plugin.protocol}_partial_results", False),
        )
        for plugin in arguments.exporter_plugins
        if plugin.library
    }
    plain = {key: value for key, value in values.items() if isinstance(value, bool | int | float | str | None)}
    return ServeOptions(
        config_files=tuple(arguments.config_file),
        libraries=libraries,
        expand_environment=arguments.config_expand_environment,
        plugin_options=plain,
    )


def _network(text: str) -> str:
    try:
        return str(Network.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
