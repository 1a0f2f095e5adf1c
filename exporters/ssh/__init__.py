"""SSH without an agent on the device: read-only commands from the configuration, over one kept connection."""

import argparse
from collections.abc import Mapping

from exporters.probing.collector import (
    Collector,
    CollectorContext,
    Contract,
    Module,
    Plugin,
    Simulation,
)
from exporters.ssh.arguments import add_arguments
from exporters.ssh.credential import SshCredential
from exporters.ssh.module import SshModule, compile_module

SSH_PORT = 22


def _make(context: CollectorContext) -> Collector:
    from exporters.ssh.collector import SshCollector  # noqa: PLC0415  the library is loaded when it is used

    return SshCollector(context.registry, idle_timeout_s=context.idle_timeout_s)


def _builtin_modules() -> Mapping[str, Module]:
    from exporters.ssh.catalogue import builtin_modules  # noqa: PLC0415  reads files

    return builtin_modules()


def _contract() -> Contract:
    from exporters.ssh.simulation import contract  # noqa: PLC0415  for tests only

    return contract()


def _simulate(arguments: argparse.Namespace) -> int:
    from exporters.ssh.simulation import run  # noqa: PLC0415  for one command only

    return run(arguments)


PLUGIN = Plugin(
    protocol="ssh",
    transport="tcp",
    default_port=SSH_PORT,
    make=_make,
    module_type=SshModule,
    compile_module=compile_module,
    credential_type=SshCredential,
    builtin_modules=_builtin_modules,
    simulate=Simulation(help="an SSH server that plays a Linux host", add_arguments=add_arguments, run=_simulate),
    contract=_contract,
)
