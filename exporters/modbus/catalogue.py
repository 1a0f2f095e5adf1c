"""The modules shipped with the Modbus plug-in: one YAML file each, named after the module."""

from collections.abc import Mapping
from importlib.resources import files

from exporters.modbus.module import ModbusModule, compile_module
from exporters.probing.collector import Module
from heronwatch.config import loads

SUFFIX = ".yml"


def builtin_modules() -> Mapping[str, Module]:
    """Read and compile every shipped module, by name."""
    found: dict[str, Module] = {}
    for entry in sorted(files("exporters.modbus").joinpath("modules").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(SUFFIX):
            name = entry.name.removesuffix(SUFFIX)
            block = loads(entry.read_text(encoding="utf-8"), ModbusModule, file=str(entry)).value
            found[name] = compile_module(name, block)
    return found
