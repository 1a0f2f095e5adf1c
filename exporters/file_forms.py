"""`--config.file` takes exporters.yml and files of a protocol's own form alike: which is which, by their content."""

import os
import re
from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path

from msgspec import Struct

from exporters.config import ConfigFile
from exporters.probing.collector import Plugin
from exporters.snapshot import Snapshot
from heronwatch.faults import Fault

_TOP_KEY = re.compile(r"""^["']?([A-Za-z0-9_.-]+)["']?[ ]*:""", re.MULTILINE)


class NamedFiles(Struct, frozen=True):
    """Files by their form: our `own` one, and those of `libraries` by protocol; `faults` for what is neither."""

    own: list[str]
    libraries: dict[str, list[str]]
    faults: list[Fault]


class FileForms:
    """Tells the forms apart."""

    def __init__(self, plugins: Sequence[Plugin], snapshot: Snapshot) -> None:
        self._plugins = [plugin for plugin in plugins if plugin.recognizes]
        self._own_keys = {*ConfigFile.__struct_fields__, *(plugin.protocol for plugin in plugins if plugin.library)}
        self._snapshot = snapshot

    def sorted(self, names: Iterable[str]) -> NamedFiles:
        """Sort files by their form; patterns are expanded, and the order stays."""
        found = NamedFiles([], {}, [])
        for name in _expanded(names):
            text = self._text(name)
            protocol = next((p.protocol for p in self._plugins if p.recognizes and p.recognizes(text)), None)
            if protocol is not None:
                found.libraries.setdefault(protocol, []).append(name)
            elif self._is_strange(text):
                found.faults.append(Fault(name, 0, "", self._strange()))
            else:
                found.own.append(name)
        return found

    def _text(self, name: str) -> str:
        """Return a file's text, or "" where it cannot be read: whoever reads it next says why."""
        try:
            return self._snapshot.of(Path(name)).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    def _is_strange(self, text: str) -> bool:
        keys = set(_TOP_KEY.findall(text))
        return bool(self._plugins) and bool(keys) and not keys & self._own_keys

    def _strange(self) -> str:
        others = ", nor ".join(f"an ordinary {plugin.protocol}.yml" for plugin in self._plugins)
        return f"is neither an exporters.yml, which says 'version: 1' at the top, nor {others}"


def _expanded(names: Iterable[str]) -> list[str]:
    """Return file names for names and patterns, each file once; a pattern that matches nothing stays as it is."""
    found: dict[str, str] = {}
    for name in names:
        matches = sorted(glob(name)) if has_magic(name) and not os.path.lexists(name) else [name]  # noqa: PTH207  # absolute patterns
        for match in matches or [name]:
            found.setdefault(os.path.realpath(match) if "\0" not in match else match, match)
    return list(found.values())
