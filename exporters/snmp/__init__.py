"""SNMP v1, v2c and v3: modules of an ordinary `snmp.yml`, read with Get, GetNext and GetBulk and nothing else."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporters.probing.collector import (
    Collector,
    CollectorContext,
    Contract,
    Endpoint,
    Explainer,
    Library,
    Module,
    Param,
    Plugin,
    Simulation,
)
from exporters.snmp.config.credential import SnmpCredential

SNMP_PORT = 161  # RFC 3417 section 3.2


def _make(context: CollectorContext) -> Collector:
    from exporters.snmp.collector import SnmpCollector  # noqa: PLC0415  loaded when it is used

    return SnmpCollector(context)


def _builtin_modules() -> Mapping[str, Module]:
    from exporters.snmp.config.catalogue import builtin_modules  # noqa: PLC0415  reads files

    return builtin_modules()


def _library(paths: Sequence[Path], *, expand_environment: bool = False) -> Library:
    from exporters.snmp.config.catalogue import read_library  # noqa: PLC0415  reads files

    return read_library(paths, expand_environment=expand_environment)


def _recognizes(text: str) -> bool:
    from exporters.snmp.config.own_form import is_snmp_yml  # noqa: PLC0415  when a file is read

    return is_snmp_yml(text)


def _explain() -> Explainer:
    from exporters.snmp.explain import SnmpExplainer  # noqa: PLC0415  for people who look into packets

    return SnmpExplainer()


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    from exporters.snmp.config.arguments import add_arguments  # noqa: PLC0415  for two commands only
    from exporters.snmp.config.original_flags import add_original_flags  # noqa: PLC0415  as above

    add_arguments(parser)
    add_original_flags(parser)


def _contract() -> Contract:
    from exporters.snmp.simulator.command import contract  # noqa: PLC0415  for tests only

    return contract()


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    from exporters.snmp.simulator.command import add_arguments  # noqa: PLC0415  for one command only

    add_arguments(parser)


def _simulate(arguments: argparse.Namespace) -> int:
    from exporters.snmp.simulator.command import run  # noqa: PLC0415  for one command only

    return run(arguments)


PARAMS = {
    "snmp_context": Param(help="the context of v3, at most 255 characters", pattern=".{0,255}", url="snmp_context"),
    "snmp_engineid": Param(
        help="the engine ID of the context, 10 to 64 hexadecimal digits",
        pattern="(?:0x)?(?:[0-9A-Fa-f]{2}){5,32}",
        url="snmp_engineid",
    ),
    "window": Param(help="requests in flight, 1 to 64", pattern="[1-9]|[1-5][0-9]|6[0-4]"),
    "cache_lookups": Param(
        help="how long labels are kept, such as 1h; 0 for never", pattern=r"0|(?:\d+(?:ms|[smhdw]))+"
    ),
}

PLUGIN = Plugin(
    protocol="snmp",
    transport="udp",
    default_port=SNMP_PORT,
    make=_make,
    credential_type=SnmpCredential,
    builtin_modules=_builtin_modules,
    library=_library,
    recognizes=_recognizes,
    explain=_explain,
    params=PARAMS,
    endpoint=Endpoint(path="/snmp", default_module="if_mib", default_credential="public_v2", credential_param="auth"),
    add_arguments=_add_arguments,
    simulate=Simulation(
        help="an SNMP agent that serves recordings of devices", add_arguments=_simulate_arguments, run=_simulate
    ),
    contract=_contract,
)
