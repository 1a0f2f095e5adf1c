"""SNMP v1 and v2c: modules of an ordinary `snmp.yml`, read with Get, GetNext and GetBulk and nothing else."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporters.probing.collector import (
    Collector,
    CollectorContext,
    Contract,
    Endpoint,
    Library,
    Module,
    Plugin,
    Simulation,
)
from exporters.snmp.credential import SnmpCredential

SNMP_PORT = 161  # RFC 3417 section 3.2


def _make(context: CollectorContext) -> Collector:
    from exporters.snmp.collector import SnmpCollector  # noqa: PLC0415  loaded when it is used

    return SnmpCollector(context)


def _builtin_modules() -> Mapping[str, Module]:
    from exporters.snmp.catalogue import builtin_modules  # noqa: PLC0415  reads files

    return builtin_modules()


def _library(paths: Sequence[Path]) -> Library:
    from exporters.snmp.catalogue import read_library  # noqa: PLC0415  reads files

    return read_library(paths)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--snmp.wrap-large-counters",
        dest="snmp_wrap_large_counters",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take 64-bit counters modulo 2^53, where a float counts exactly (default: on)",
    )


def _contract() -> Contract:
    from exporters.snmp.simulator import contract  # noqa: PLC0415  for tests only

    return contract()


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    from exporters.snmp.simulator import add_arguments  # noqa: PLC0415  for one command only

    add_arguments(parser)


def _simulate(arguments: argparse.Namespace) -> int:
    from exporters.snmp.simulator import run  # noqa: PLC0415  for one command only

    return run(arguments)


PLUGIN = Plugin(
    protocol="snmp",
    transport="udp",
    default_port=SNMP_PORT,
    make=_make,
    credential_type=SnmpCredential,
    builtin_modules=_builtin_modules,
    library=_library,
    endpoint=Endpoint(path="/snmp", default_module="if_mib", default_credential="public_v2", credential_param="auth"),
    add_arguments=_add_arguments,
    simulate=Simulation(
        help="an SNMP agent that serves recordings of devices", add_arguments=_simulate_arguments, run=_simulate
    ),
    contract=_contract,
)
