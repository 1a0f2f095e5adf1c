"""MIB files and folders → the modules that are needed: those that were named, and all they import."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from exporters.snmp.mib.ground import ground
from exporters.snmp.mib.parsing import MibParser
from exporters.snmp.mib.syntax import MibModule
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault

LARGEST_FILE = 32 << 20
"""Octets of a MIB file that is read; the largest that vendors publish have three or four million."""
LARGEST_HEAD = 1 << 18
"""Octets at the beginning of a file in which its module's name stands, after comments."""
MOST_FILES = 20_000
SYSTEM_FOLDERS = (Path("/usr/share/snmp/mibs"), Path("/usr/share/mibs"), Path.home() / ".snmp" / "mibs")
"""Where net-snmp looks, too."""

_HEAD = re.compile(r"^\s*([A-Za-z][\w-]*)(?:\s*\{[^}]*\})?\s+DEFINITIONS\s*::=\s*BEGIN", re.MULTILINE)
_COMMENT = re.compile(r"--.*?(?:--|$)", re.MULTILINE)
_NOT_MIBS = {".yml", ".yaml", ".py", ".pyc", ".json", ".md", ".zip", ".gz", ".tar", ".pdf", ".html", ".orig", ".patch"}

Progress = Callable[[str], None]


class MibLibrary:
    """Reads modules when they are asked for, each file once.

    Of the files in `folders`, and in folders below these, and of those `beside` a file that was named, only the heads
    are read.
    """

    def __init__(
        self, folders: Sequence[Path] = (), *, beside: Sequence[Path] = (), progress: Progress = lambda _: None
    ) -> None:
        self.modules: dict[str, MibModule] = {module.name: module for module in ground()}
        self.faults: list[Fault] = []
        self._parser = MibParser()
        self._progress = progress
        self._read: set[Path] = set()
        self._homes: dict[str, Path] = {}
        for folder in beside:
            self._look_into(folder, folder.glob("*"))
        for folder in folders:
            self._look_into(folder, folder.rglob("*"))

    def add_file(self, path: Path) -> list[str]:
        """Read a file; returns the names of its modules. What cannot be read is a fault."""
        if path in self._read:
            return []
        self._read.add(path)
        try:
            text = _text(path)
            self._progress(f"reading {path.name}")
            found = self._parser.parse(text, str(path))
        except ConfigError as error:
            self.faults.extend(error.faults)
            return []
        for module in found:
            self.modules[module.name] = module
        return [module.name for module in found]

    def add_named(self, name: str) -> bool:
        """Read the module of a name if a folder has it; False if none has."""
        home = self._homes.get(name)
        if home is not None:
            self.add_file(home)
        return name in self.modules

    def add_everything(self) -> list[str]:
        """Read all files of the folders; returns the names of their modules."""
        return [name for home in dict.fromkeys(self._homes.values()) for name in self.add_file(home)]

    def complete(self, names: Iterable[str]) -> list[MibModule]:
        """Return modules and all that they import, those that no file has left out; the linker says what is missing."""
        waiting, seen = list(names), dict[str, None]()
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            if (name not in self.modules or not self.modules[name].file) and name in self._homes:
                self.add_named(name)
            if name in self.modules:
                seen[name] = None
                waiting += dict.fromkeys(self.modules[name].imports.values())
        fundamental = [module.name for module in ground() if module.name not in seen]
        return [self.modules[name] for name in [*seen, *fundamental]]

    def _look_into(self, folder: Path, paths: Iterable[Path]) -> None:
        candidates = (path for path in paths if path.suffix.lower() not in _NOT_MIBS and path.is_file())
        try:
            files = sorted(islice(candidates, MOST_FILES + 1))
        except OSError as error:
            self.faults.append(Fault(str(folder), 0, "", f"cannot be read: {error.strerror}"))
            return
        if len(files) > MOST_FILES:
            message = f"holds more than {MOST_FILES} files: name the folder of the MIBs alone"
            self.faults.append(Fault(str(folder), 0, "", message))
        for path in files[:MOST_FILES]:
            for name in _HEAD.findall(_COMMENT.sub("", _head(path))):
                self._homes.setdefault(name, path)


def _head(path: Path) -> str:
    """Return the beginning of a file's text; nothing of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_HEAD).decode("latin-1")
    except OSError:
        return ""


def _text(path: Path) -> str:
    """Return a file's text, Latin-1 where it is not UTF-8; raises ConfigError."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError([Fault(str(path), 0, "", f"is larger than {LARGEST_FILE >> 20} MiB: is it a MIB?")])
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error.strerror}")]) from error
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
