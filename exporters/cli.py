"""`heronwatch exporter serve|check|probe|simulate|pause|resume`: arguments, and which part runs."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from exporters.options import LibraryOptions, ServeOptions
from exporters.probing.collector import Plugin
from exporters.probing.registry import installed
from heronwatch import logs
from heronwatch.commands import EXIT_FAULT, EXIT_MISSING_PART, EXIT_OK, EXIT_USAGE, Command
from heronwatch.errors import ConfigError, HeronwatchError, PluginUnavailable
from heronwatch.flags import add_log_arguments, add_web_arguments, web_flags
from heronwatch.values import HttpUrl, Network

DEFAULT_PORT = 9810
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"


_Parsers = Any  # argparse names the class of add_subparsers() only privately


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    plugins, _ = installed()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands, plugins)
    _add_check(commands, plugins)
    _add_probe(commands, plugins)
    _add_simulate(commands, plugins)
    _add_pauses(commands)


def _add_serve(commands: _Parsers, plugins: Sequence[Plugin]) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve /probe, /snmp and /sd to Prometheus",
        description="Reads devices when Prometheus asks. With --snmp.config-file and no --config.file it stands in "
        "for snmp_exporter.",
    )
    _add_sources(parser, plugins)
    for plugin in plugins:
        if plugin.library:
            _add_guards(parser, plugin.protocol)
        plugin.add_arguments(parser)
    parser.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes to serve with; each target has one owner among them (default 1)",
    )
    add_web_arguments(parser, DEFAULT_PORT)
    add_log_arguments(parser)
    parser.set_defaults(exporter_run=_serve, exporter_plugins=plugins)


def _add_sources(parser: argparse.ArgumentParser, plugins: Sequence[Plugin]) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        action="append",
        default=[],
        metavar="FILE",
        help="exporters.yml; repeatable, and a pattern in quotes stands for several files",
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


def _add_guards(parser: argparse.ArgumentParser, protocol: str) -> None:
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
    parser.add_argument(
        f"--{protocol}.allow-any-target",
        dest=f"{protocol}_allow_any_target",
        action="store_true",
        help="send unbound credentials to any address that a request names, as the original exporter does",
    )
    parser.add_argument(
        f"--{protocol}.strict",
        dest=f"{protocol}_strict",
        action="store_true",
        help="a duplicate series fails the scrape, as in the original exporter",
    )
    parser.add_argument(
        f"--{protocol}.partial-results",
        dest=f"{protocol}_partial_results",
        action="store_true",
        help=f"/{protocol} answers 200 with what could be read and probe_success, instead of 500 on any fault",
    )


def _add_check(commands: _Parsers, plugins: Sequence[Plugin]) -> None:
    parser = commands.add_parser(
        "check",
        help="check the configuration: every fault, or a summary of what it means",
        description="Exit status 0, or 1 after every fault with its file, line and remedy.",
    )
    _add_sources(parser, plugins)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(exporter_run=_check, exporter_plugins=plugins)


def _add_probe(commands: _Parsers, plugins: Sequence[Plugin]) -> None:
    parser = commands.add_parser(
        "probe",
        help="read one device now and show what came",
        description="Reads a device of the configuration by name, or an address, without a server. A credential that "
        "is bound to devices and networks is not sent elsewhere. Exit status 1 when something could not be read.",
    )
    parser.add_argument("target", help="device name, or host[:port]")
    parser.add_argument("--module", action="append", default=[], help="what to read; repeatable or with commas")
    parser.add_argument("--credential", default="", metavar="NAME", help="credential for an address that is no device")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="give up after so long")
    parser.add_argument("--format", choices=("table", "text", "json"), default="table", help="default: table")
    parser.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="a parameter as in the URL, such as unit=7"
    )
    _add_sources(parser, plugins)
    for plugin in plugins:
        plugin.add_arguments(parser)
    add_log_arguments(parser)
    parser.set_defaults(exporter_run=_probe, exporter_plugins=plugins)


def _add_simulate(commands: _Parsers, plugins: Sequence[Plugin]) -> None:
    parser = commands.add_parser("simulate", help="play a device, to try things out without one")
    protocols = parser.add_subparsers(title="protocols", metavar="PROTOCOL", required=True, help="which kind of device")
    for plugin in plugins:
        if plugin.simulate is not None:
            simulation = plugin.simulate
            one = protocols.add_parser(plugin.protocol, help=simulation.help, description=simulation.help)
            simulation.add_arguments(one)
            one.set_defaults(exporter_run=simulation.run)


def _add_pauses(commands: _Parsers) -> None:
    for name, help_text in (
        ("pause", "stop polling a target at once, in the running server"),
        ("resume", "poll a paused or stopped target again"),
    ):
        parser = commands.add_parser(name, help=help_text, description=help_text)
        parser.add_argument("target", help="device name, address, or address:port")
        parser.add_argument("--url", default=DEFAULT_URL, help=f"the running server (default {DEFAULT_URL})")
        parser.add_argument("--username", default="", help="a user of the server's web config")
        parser.add_argument("--password-file", default="", metavar="FILE", help="file with that user's password")
        parser.add_argument("--ca-file", default="", metavar="FILE", help="certificates to trust for https")
        parser.set_defaults(exporter_run=_pause_or_resume, exporter_action=name)


def _workers(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers (1 to 256)")
    return count


def _network(text: str) -> str:
    try:
        return str(Network.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command; returns its exit status."""
    try:
        return int(arguments.exporter_run(arguments))
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return EXIT_FAULT
    except PluginUnavailable as error:
        print(f"heronwatch exporter: {error}", file=sys.stderr)
        return EXIT_MISSING_PART
    except ModuleNotFoundError as error:
        remedy = "pip install 'heronwatch[exporters]', and the extra of the protocol"
        print(f"heronwatch exporter: the Python module {error.name!r} is missing: {remedy}", file=sys.stderr)
        return EXIT_MISSING_PART
    except BrokenPipeError:  # whoever read the output has gone: `… | head`; the command itself sees to it
        raise
    except (HeronwatchError, OSError) as error:
        print(f"heronwatch exporter: {error}", file=sys.stderr)
        return EXIT_FAULT


def _options(arguments: argparse.Namespace) -> ServeOptions:
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
        plugin_options=plain,
    )


def _serve(arguments: argparse.Namespace) -> int:
    from exporters.app import serve_alone, supervise

    logs.configure(level=arguments.log_level, fmt=arguments.log_format)
    try:
        web = web_flags(arguments, DEFAULT_PORT)
        external_url = str(HttpUrl.parse(web.external_url)) if web.external_url else ""
    except ValueError as error:
        print(f"heronwatch exporter serve: {error}", file=sys.stderr)
        return EXIT_USAGE
    options = structs.replace(
        _options(arguments),
        listen=tuple(map(str, web.listen)),
        web_config_file=str(web.config_file or ""),
        external_url=external_url,
        enable_lifecycle=web.enable_lifecycle,
        insecure=web.insecure,
        log_level=arguments.log_level,
        log_format=arguments.log_format,
    )
    _tell_missing()
    return asyncio.run(serve_alone(options) if arguments.workers == 1 else supervise(options, arguments.workers))


def _tell_missing() -> None:
    for error in installed()[1]:
        logs.get_logger("exporters").warning("a plug-in cannot be used", reason=str(error))


def _check(arguments: argparse.Namespace) -> int:
    from exporters.loading import load_setup
    from exporters.summary import as_json, as_text

    plugins, errors = installed()
    setup = load_setup(_options(arguments).sources(), plugins)
    for fault in (*setup.warnings, *errors):
        print(f"warning: {fault}", file=sys.stderr)
    print(as_json(setup) if arguments.json else as_text(setup))
    return EXIT_OK


def _probe(arguments: argparse.Namespace) -> int:
    from exporters.probe_command import Question, probe

    logs.configure(level=arguments.log_level, fmt=arguments.log_format)
    question = Question(
        target=arguments.target,
        modules=tuple(arguments.module),
        credential=arguments.credential,
        params=tuple((key, value) for key, _, value in (text.partition("=") for text in arguments.param)),
        timeout_s=arguments.timeout,
    )
    status, message = asyncio.run(probe(_options(arguments), question, arguments.format))
    print(message)
    return status


def _pause_or_resume(arguments: argparse.Namespace) -> int:
    from exporters.control import Login, send

    login = Login(username=arguments.username, password_file=arguments.password_file, ca_file=arguments.ca_file)
    status, message = send(arguments.url, arguments.exporter_action, arguments.target, login)
    print(message, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status


COMMAND = Command(
    name="exporter",
    help="read devices for Prometheus: SNMP, SSH, Modbus",
    add_arguments=add_arguments,
    run=run,
)
