"""The modules shipped with the SSH plug-in: one YAML file each, named after the module."""

from collections.abc import Mapping
from importlib.resources import files

from exporters.probing.collector import Module
from exporters.ssh.module import SshModule, compile_module
from heronwatch.config import loads

SUFFIX = ".yml"


def builtin_modules() -> Mapping[str, Module]:
    """Read and compile every shipped module, by name."""
    found: dict[str, Module] = {}
    for entry in sorted(files("exporters.ssh").joinpath("modules").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(SUFFIX):
            name = entry.name.removesuffix(SUFFIX)
            block = loads(entry.read_text(encoding="utf-8"), SshModule, file=str(entry)).value
            found[name] = compile_module(name, block)
    return found
