"""The modules that a plug-in brings: one YAML file each, named after the module."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TypeVar

from exporters.probing.collector import Module
from heronwatch.config import loads

SUFFIX = ".yml"

Block = TypeVar("Block")


def shipped_modules(
    package: str, block_type: type[Block], compile_: Callable[[str, Block], Module]
) -> Mapping[str, Module]:
    """Read and compile every module in the folder `modules` of a package, by name; raises ConfigError."""
    found: dict[str, Module] = {}
    for entry in sorted(files(package).joinpath("modules").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(SUFFIX):
            name = entry.name.removesuffix(SUFFIX)
            block = loads(entry.read_text(encoding="utf-8"), block_type, file=str(entry)).value
            found[name] = compile_(name, block)
    return found
