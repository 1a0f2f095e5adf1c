"""Modbus TCP: registers of meters, drives and controllers, read with function codes 1 to 4 and nothing else."""

import argparse
from collections.abc import Mapping

from exporters.modbus.arguments import add_arguments
from exporters.modbus.module import ModbusModule, compile_module
from exporters.probing.collector import (
    Collector,
    CollectorContext,
    Contract,
    Module,
    Param,
    Plugin,
    Simulation,
)

MODBUS_TCP_PORT = 502  # assigned by IANA to mbap


def _make(_context: CollectorContext) -> Collector:
    from exporters.modbus.collector import ModbusCollector  # noqa: PLC0415  the library is loaded when it is used

    return ModbusCollector()


def _builtin_modules() -> Mapping[str, Module]:
    from exporters.modbus.catalogue import builtin_modules  # noqa: PLC0415  reads files

    return builtin_modules()


def _contract() -> Contract:
    from exporters.modbus.simulator import contract  # noqa: PLC0415  for tests only

    return contract()


def _simulate(arguments: argparse.Namespace) -> int:
    from exporters.modbus.simulator import run  # noqa: PLC0415  for one command only

    return run(arguments)


PLUGIN = Plugin(
    protocol="modbus",
    transport="tcp",
    default_port=MODBUS_TCP_PORT,
    make=_make,
    module_type=ModbusModule,
    compile_module=compile_module,
    builtin_modules=_builtin_modules,
    params={
        "unit": Param(
            help="unit (device) behind the gateway, 0 to 255; 1 unless given",
            pattern=r"25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d",
            url="unit",
        )
    },
    simulate=Simulation(
        help="a Modbus TCP device that serves a module's registers", add_arguments=add_arguments, run=_simulate
    ),
    contract=_contract,
)
