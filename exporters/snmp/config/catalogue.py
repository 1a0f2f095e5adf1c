"""Modules and credentials from `snmp.yml` files: those shipped beside this file, and a person's own."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from glob import glob
from pathlib import Path
from types import MappingProxyType
from typing import Any

from exporters.probing.collector import Credential, Library, Module
from exporters.snmp.config.credential import PUBLIC
from exporters.snmp.config.environment import with_environment
from exporters.snmp.config.own_form import ShownFile
from exporters.snmp.config.profile import AUTO, read_kinds
from exporters.snmp.config.snmpyml import Auth, OldModule, SnmpFile, is_old_form
from exporters.snmp.plan import compile_module, compile_old_module
from heronwatch.config import ConfigError, Fault, loads

SHIPPED = Path(__file__).parents[1] / "modules"
DEFAULT_AUTH = "public_v2"


@cache
def builtin_modules() -> Mapping[str, Module]:
    """Return the shipped modules by name, and `auto`, which chooses among them; read once in a process."""
    modules = read_library(sorted(SHIPPED.glob("*.yml"))).modules
    return MappingProxyType({**modules, AUTO: Module(name=AUTO, plan=read_kinds(modules))})


def read_library(paths: Sequence[Path], *, expand_environment: bool = False) -> Library:
    """Read ordinary `snmp.yml` files of either form; raises ConfigError with every fault of every file.

    Paths may be glob patterns. As in the original a later file's module or auth replaces an earlier one's.
    """
    expand: Mapping[str, str] | None = os.environ if expand_environment else None
    shown: list[ShownFile] = []
    modules: dict[str, Module] = {}
    credentials: dict[str, Credential] = {DEFAULT_AUTH: Credential(name=DEFAULT_AUTH, value=PUBLIC, bound=False)}
    faults: list[Fault] = []
    for path in _matching(paths, faults):
        try:
            text = _read(path)
            shown.append(ShownFile(str(path), text))
            found, auths = parse(text, str(path), expand=expand)
        except ConfigError as error:
            faults.extend(error.faults)
            continue
        modules.update(found)
        credentials.update({name: Credential(name=name, value=auth, bound=False) for name, auth in auths.items()})
    if faults:
        raise ConfigError(faults)
    return Library(modules=modules, credentials=credentials, shown=lambda: "\n".join(file.masked() for file in shown))


def _matching(paths: Sequence[Path], faults: list[Fault]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        names = [str(path)] if path.exists() else sorted(glob(str(path)))  # noqa: PTH207  # absolute patterns
        if not names:
            faults.append(Fault(str(path), 0, "", "no such file"))
        found += map(Path, names)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error}")]) from error


def parse(
    text: str, file: str, env: Mapping[str, str] = os.environ, *, expand: Mapping[str, str] | None = None
) -> tuple[dict[str, Module], dict[str, Auth]]:
    """Return the modules and auths of one file's text; raises ConfigError.

    With `expand`, variables of that environment are put into auths where the text refers to them. A file of nothing
    but comments, as Debian's package installs it, has none of either.
    """
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return {}, {}
    if is_old_form(text):
        old: dict[str, Any] = loads(text, dict[str, OldModule], file=file, env=env).value
        if expand is not None:
            old = with_environment(old, text, file, expand)
        return {name: Module(name=name, plan=compile_old_module(block)) for name, block in old.items()}, {}
    content = loads(text, SnmpFile, file=file, env=env).value
    auths = content.auths if expand is None else with_environment(content.auths, text, file, expand)
    modules = {name: Module(name=name, plan=compile_module(block)) for name, block in content.modules.items()}
    return modules, auths
