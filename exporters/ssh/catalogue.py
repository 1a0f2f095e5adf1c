"""The modules shipped with the SSH plug-in."""

from collections.abc import Mapping

from exporters.probing.collector import Module
from exporters.probing.shipped import shipped_modules
from exporters.ssh.module import SshModule, compile_module


def builtin_modules() -> Mapping[str, Module]:
    """Read and compile every shipped module, by name."""
    return shipped_modules("exporters.ssh", SshModule, compile_module)
