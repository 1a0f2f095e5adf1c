"""Modules and credentials from `snmp.yml` files: those shipped beside this file, and a person's own."""

import os
from collections.abc import Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from exporters.probing.collector import Credential, Library, Module
from exporters.snmp.credential import PUBLIC
from exporters.snmp.plan import compile_module, compile_old_module
from exporters.snmp.snmpyml import Auth, OldModule, SnmpFile, is_old_form
from heronwatch.config import ConfigError, Fault, loads

SHIPPED = Path(__file__).parent / "modules"
DEFAULT_AUTH = "public_v2"


def builtin_modules() -> Mapping[str, Module]:
    """Return the shipped modules by name."""
    return read_library(sorted(SHIPPED.glob("*.yml"))).modules


def read_library(paths: Sequence[Path]) -> Library:
    """Read ordinary `snmp.yml` files of either form; raises ConfigError with every fault of every file.

    Paths may be glob patterns. As in the original a later file's module or auth replaces an earlier one's.
    """
    modules: dict[str, Module] = {}
    credentials: dict[str, Credential] = {DEFAULT_AUTH: Credential(name=DEFAULT_AUTH, value=PUBLIC, bound=False)}
    faults: list[Fault] = []
    for path in _matching(paths, faults):
        try:
            found, auths = _read(path)
        except ConfigError as error:
            faults.extend(error.faults)
            continue
        modules.update(found)
        credentials.update({name: Credential(name=name, value=auth, bound=False) for name, auth in auths.items()})
    if faults:
        raise ConfigError(faults)
    return Library(modules=modules, credentials=credentials)


def _matching(paths: Sequence[Path], faults: list[Fault]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        names = [str(path)] if path.exists() else sorted(glob(str(path)))  # noqa: PTH207  # absolute patterns
        if not names:
            faults.append(Fault(str(path), 0, "", "no such file"))
        found += map(Path, names)
    return found


def _read(path: Path) -> tuple[dict[str, Module], dict[str, Auth]]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error}")]) from error
    return parse(text, str(path))


def parse(text: str, file: str, env: Mapping[str, str] = os.environ) -> tuple[dict[str, Module], dict[str, Auth]]:
    """Return the modules and auths of one file's text; raises ConfigError."""
    if is_old_form(text):
        old: dict[str, Any] = loads(text, dict[str, OldModule], file=file, env=env).value
        return {name: Module(name=name, plan=compile_old_module(block)) for name, block in old.items()}, {}
    content = loads(text, SnmpFile, file=file, env=env).value
    modules = {name: Module(name=name, plan=compile_module(block)) for name, block in content.modules.items()}
    return modules, content.auths
