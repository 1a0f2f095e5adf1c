"""`python -m exporters.snmp.generator_main`: writes the shipped modules from their sources."""

import sys
from pathlib import Path

from exporters.snmp.generator_sources import Source, modules_of
from exporters.snmp.mib_yaml import dump
from heronwatch.config import loads

HERE = Path(__file__).parent
SOURCES = HERE / "module_sources"
TARGET = HERE / "modules"
HEAD = "{about}\nMade from module_sources/{file} by `python -m exporters.snmp.generator_main`: edit that file instead."


def read_source(path: Path) -> Source:
    """Read a source; raises ConfigError with its faults."""
    return loads(path.read_text(), Source, file=str(path), env={}).value


def generated(path: Path) -> str:
    """Return the text of the shipped file that a source gives."""
    source = read_source(path)
    return dump({"modules": modules_of(source)}, comment=HEAD.format(about=source.about, file=path.name))


def main() -> int:
    """Write every shipped module that has a source; returns the exit status."""
    for path in sorted(SOURCES.glob("*.yml")):
        (TARGET / path.name).write_text(generated(path))
        sys.stdout.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
