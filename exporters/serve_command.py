"""`heronwatch exporter serve`: its arguments, those of the exporters it stands in for among them."""
# ruff: noqa: T201, PLC0415  # a program for a terminal; its parts are imported when it is asked for

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib.metadata import version

from msgspec import structs

from exporters.accepted_flag import Accepted, notes_of
from exporters.arguments import (
    DEFAULT_PORT,
    Parsers,
    add_guards,
    add_logging,
    add_sources,
    configure_logs,
    options_of,
)
from exporters.options import ServeOptions
from exporters.probing.collector import Plugin
from exporters.probing.registry import installed
from heronwatch import logs
from heronwatch.commands import EXIT_OK, EXIT_USAGE
from heronwatch.flags import add_web_arguments, web_flags
from heronwatch.site import COMMON_METHODS, METRICS
from heronwatch.values import HttpUrl

MOST_WORKERS = 256


def add_command(commands: Parsers, plugins: Sequence[Plugin]) -> None:
    """Add `serve`."""
    parser = commands.add_parser(
        "serve",
        help="serve /probe, /snmp and /sd to Prometheus",
        description="Reads devices when Prometheus asks. With an ordinary snmp.yml as --config.file it stands in for "
        "snmp_exporter, by its very command line.",
    )
    add_sources(parser, plugins)
    for plugin in plugins:
        if plugin.library:
            add_guards(parser, plugin.protocol)
        plugin.add_arguments(parser)
    parser.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes to serve with; each target has one owner among them (default 1)",
    )
    parser.add_argument("--dry-run", action="store_true", help="check the configuration and exit: status 0, or 1")
    parser.add_argument("--version", action="version", version=f"heronwatch {version('heronwatch')}", help="and exit")
    add_web_arguments(parser, DEFAULT_PORT)
    _add_web_arguments_of_others(parser)
    add_logging(parser)
    parser.set_defaults(exporter_run=run, exporter_plugins=plugins)


def _add_web_arguments_of_others(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("web, as other exporters have it")
    group.add_argument(
        "--web.telemetry-path",
        dest="web_telemetry_path",
        default=METRICS,
        metavar="PATH",
        help=f"a second path for this service's own metrics (default {METRICS} alone)",
    )
    group.add_argument(
        "--web.systemd-socket",
        action=Accepted,
        nargs=0,
        note="sockets that systemd has opened are not taken over; this service opens --web.listen-address itself, so "
        "disable the .socket unit",
        help="accepted; sockets are always opened by the service itself",
    )


def _workers(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers (1 to {MOST_WORKERS})")
    return count


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; returns the exit status."""
    from exporters.app import serve_alone, supervise

    level = configure_logs(arguments)
    try:
        options = structs.replace(_serve_options(arguments), log_level=level)
    except ValueError as error:
        print(f"heronwatch exporter serve: {error}", file=sys.stderr)
        return EXIT_USAGE
    _tell(arguments)
    if arguments.dry_run:
        return _dry_run(options, arguments.exporter_plugins)
    return asyncio.run(serve_alone(options) if arguments.workers == 1 else supervise(options, arguments.workers))


def _serve_options(arguments: argparse.Namespace) -> ServeOptions:
    """Return all that was said; raises ValueError for an address or path that is none."""
    web = web_flags(arguments, DEFAULT_PORT)
    return structs.replace(
        options_of(arguments),
        listen=tuple(map(str, web.listen)),
        web_config_file=str(web.config_file or ""),
        external_url=str(HttpUrl.parse(web.external_url)) if web.external_url else "",
        telemetry_path=_telemetry_path(arguments.web_telemetry_path, arguments.exporter_plugins),
        enable_lifecycle=web.enable_lifecycle,
        insecure=web.insecure,
        log_format=arguments.log_format,
    )


def _telemetry_path(path: str, plugins: Sequence[Plugin]) -> str:
    from exporters.inventory.sd import PROBE_PATH
    from exporters.probing.routes import PAUSE_PATH, PAUSES_PATH, RESUME_PATH, SD_PATH

    own = {*COMMON_METHODS, PROBE_PATH, PAUSE_PATH, PAUSES_PATH, RESUME_PATH, SD_PATH}
    taken = {*own, *(plugin.endpoint.path for plugin in plugins if plugin.endpoint)} - {METRICS}
    if path in taken:
        raise ValueError(f"--web.telemetry-path: {path!r} is another page of this service")
    if not path.startswith("/") or "{" in path:
        raise ValueError(f"--web.telemetry-path: {path!r} is no path: it begins with '/' and has no braces")
    return path


def _tell(arguments: argparse.Namespace) -> None:
    log = logs.get_logger("exporters")
    for error in installed()[1]:
        log.warning("a plug-in cannot be used", reason=str(error))
    for flag, note in notes_of(arguments).items():
        log.warning("a flag changes nothing here", flag=flag, reason=note)


def _dry_run(options: ServeOptions, plugins: Sequence[Plugin]) -> int:
    """Load the configuration and say so; every fault is told by whoever called."""
    from exporters.loading import files_of, load_setup

    log = logs.get_logger("exporters")
    setup = load_setup(options.sources(), plugins)
    for fault in setup.warnings:
        log.warning("configuration", fault=str(fault))
    log.info(
        "the configuration is sound",
        files=len(files_of(setup)),
        modules=len(setup.module_names()),
        credentials=sum(map(len, setup.credentials.values())),
        devices=len(setup.inventory.devices),
    )
    return EXIT_OK
