"""The modules shipped with the Modbus plug-in."""

from collections.abc import Mapping

from exporters.modbus.module import ModbusModule, compile_module
from exporters.probing.collector import Module
from exporters.probing.shipped import shipped_modules


def builtin_modules() -> Mapping[str, Module]:
    """Read and compile every shipped module, by name."""
    return shipped_modules("exporters.modbus", ModbusModule, compile_module)
