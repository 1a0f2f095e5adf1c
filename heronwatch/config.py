"""YAML files → frozen values, with every fault at once.

    loaded = load(["exporters.yml", "conf.d/*.yml"], Config)
    loaded.value.modules["plc1"]

A configuration is a `msgspec.Struct` (frozen, kw_only, forbid_unknown_fields). Its fields are scalars, lists, tuples,
sets, dicts, Literals, Enums, other Structs, tagged unions of Structs, `pathlib.Path` (relative to the file),
`heronwatch.secrets.Secret`, the types of `heronwatch.values` and others that have a `parse(text)`. Bounds are
`Annotated[int, msgspec.Meta(ge=1)]`; a mapping whose Struct a plug-in brings is `Annotated[Any, ByKey(…)]`. A Struct's
`__post_init__` may raise `ValueError`, and its `config_faults(self)` may yield pairs of relative path and message:
both become faults at the right line. To reload, load again: nothing is kept between loads.
"""

import os
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

from heronwatch.config_files import Source, read_sources
from heronwatch.config_merge import merged
from heronwatch.decode.containers import is_nothing
from heronwatch.decode.findings import BAD, At, Findings
from heronwatch.decode.places import reach
from heronwatch.decode.shapes import Shapes
from heronwatch.decode.structs import ByKey
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault, Issue, dotted
from heronwatch.masked_yaml import masked_yaml
from heronwatch.secret_sources import SecretSources
from heronwatch.words import nearest
from heronwatch.yaml_nodes import Document, Node, Scalar, compose

__all__ = ["ByKey", "ConfigError", "Fault", "Loaded", "load", "loads", "nearest"]

T = TypeVar("T")
U = TypeVar("U")


class Loaded(Generic[T]):
    """A configuration that was read: its `value`, `warnings`, `files`, and where each part of it stands."""

    def __init__(self, value: T, root: Node, findings: Findings, files: Sequence[str]) -> None:
        self.value = value
        self.files = tuple(files)
        self.warnings = tuple(issue.fault() for issue in findings.warnings)
        self._root = root
        self._findings = findings

    def fault(self, path: str, message: str) -> Fault:
        """Return a fault, for what is checked across the whole configuration.

        Its line is that of the dotted path, or of the deepest part of it that is in the text.
        """
        at = reach(self._root, _root_at(self._root), path)[1]
        return Fault(at.place.file, at.place.line, dotted(at.path()), message)

    def decode(self, path: str, cls: type[U]) -> "Loaded[U]":
        """Decode the part at a dotted path (a field of type Any) as a type known only now; raises `ConfigError`."""
        node, at = reach(self._root, _root_at(self._root), path)
        if node is None:
            raise ConfigError([Fault(at.place.file, at.place.line, path, "missing")])
        findings = Findings(self._findings.sources)
        value = _value(node, at, cls, findings, [])
        self._findings.secrets += findings.secrets
        self._findings.unread = [n for n in self._findings.unread if n is not node] + findings.unread
        return Loaded(value, self._root, findings, self.files)

    def masked(self) -> str:
        """Return the configuration as YAML for people to see: secrets as <secret>, without comments."""
        secrets = {id(node) for _, node in self._findings.secrets}
        unread = {id(node) for node in self._findings.unread}
        return masked_yaml(self._root, secrets=secrets, unread=unread)

    def __repr__(self) -> str:
        return f"Loaded({type(self.value).__name__} from {', '.join(self.files)})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a configuration may hold secrets and cannot be pickled; load it where it is needed")


def load(files: Sequence[str | Path], cls: type[T], *, env: AbstractMapping[str, str] = os.environ) -> Loaded[T]:
    """Read files (names or glob patterns) as one configuration; raises `ConfigError` with everything wrong with them.

    Several files are merged: below each top-level key mappings key by key, lists one after the other.
    """
    sources, faults = read_sources(files)
    return _load(sources, cls, SecretSources(env), faults)


def loads(text: str, cls: type[T], *, file: str = "<string>", env: AbstractMapping[str, str] = os.environ) -> Loaded[T]:
    """Read one text as a configuration; `file` names it in faults, and its folder is where relative paths start.

    >>> loads("[80, 443]", list[int]).value
    [80, 443]
    >>> loads("a: 1", list[int], file="ports.yml")
    Traceback (most recent call last):
    heronwatch.errors.ConfigError: ports.yml:1: expected a list, found a mapping
    """
    return _load([Source(file, text)], cls, SecretSources(env), [])


def _load(sources: list[Source], cls: type[T], secret_sources: SecretSources, faults: list[Fault]) -> Loaded[T]:
    documents: list[Document] = []
    for source in sources:
        try:
            documents.append(compose(source.text, source.file))
        except ConfigError as error:
            faults.extend(error.faults)
    if faults:  # what the files mean together is unknown while one of them is unreadable
        raise ConfigError(faults)
    files = [source.file for source in sources]
    roots = [doc.root for doc in documents if doc.root is not None and not is_nothing(doc.root)]
    if not roots:
        return _load_nothing(files, cls, secret_sources)
    root, issues = merged(roots)
    findings = Findings(secret_sources)
    forms = [issue for document in documents for issue in document.issues]
    value = _value(root, _root_at(root), cls, findings, [*forms, *issues])
    return Loaded(value, root, findings, files)


def _load_nothing(files: list[str], cls: type[T], secret_sources: SecretSources) -> Loaded[T]:
    """Return what an empty file means, which is a value only where every key has a default."""
    root = Scalar(files[0] if files else "", 0, "", plain=True)
    findings = Findings(secret_sources)
    try:
        return Loaded(_value(root, _root_at(root), cls, findings, []), root, findings, files)
    except ConfigError as error:
        empty = [Fault(file, 0, "", "the file is empty") for file in files]
        raise ConfigError(empty or [Fault("configuration", 0, "", "no file was given")]) from error


def _value(node: Node, at: At, cls: type[U], findings: Findings, issues: list[Issue]) -> U:
    value = Shapes().of(cls).decode(node, at, findings)
    if value is BAD or issues or findings.issues:
        raise ConfigError(_in_order(findings.faults(issues)))
    return cast("U", value)


def _root_at(root: Node) -> At:
    return At(None, "", root)


def _in_order(faults: list[Fault]) -> list[Fault]:
    """Sort by place, files in the order in which they were first named."""
    order = {file: index for index, file in enumerate(dict.fromkeys(fault.file for fault in faults))}
    return sorted(faults, key=lambda fault: (order[fault.file], fault.line, fault.path))
