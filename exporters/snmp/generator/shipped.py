"""The shipped modules: made from `module_sources/`, kept in `modules/`."""

from collections.abc import Iterator
from pathlib import Path

from exporters.snmp.generator.sources import Source, modules_of
from exporters.snmp.mib.module_yaml import dump
from heronwatch.config import loads

HERE = Path(__file__).parents[1]
SOURCES = HERE / "module_sources"
TARGET = HERE / "modules"
HEAD = "{about}\nMade from module_sources/{file} by `python -m exporters.snmp.generator`: edit that file instead."


def read_source(path: Path) -> Source:
    """Read a source; raises ConfigError with its faults."""
    return loads(path.read_text(), Source, file=str(path), env={}).value


def generated(path: Path) -> str:
    """Return the text of the shipped file that a source gives."""
    source = read_source(path)
    return dump({"modules": modules_of(source)}, comment=HEAD.format(about=source.about, file=path.name))


def write_all() -> Iterator[str]:
    """Write every shipped module that has a source; yields the name of each file as it is written."""
    for path in sorted(SOURCES.glob("*.yml")):
        (TARGET / path.name).write_text(generated(path))
        yield path.name
