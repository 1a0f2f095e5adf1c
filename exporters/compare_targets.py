"""The targets of a comparison: one a line, or a file that Prometheus reads for discovery (file_sd). Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from exporters.errors import WrongRequestError
from heronwatch.faults import quoted

_PARAM = "__param_"


class Asked(Struct, frozen=True, kw_only=True):
    """One scrape to compare: target, module and auth as in the URL; '' leaves a parameter out."""

    target: str
    module: str = ""
    auth: str = ""
    context: str = ""

    @property
    def name(self) -> str:
        """What it is called in the report."""
        return " ".join(part for part in (self.target, self.module or "if_mib", self.auth, self.context) if part)


class _Group(Struct):
    targets: list[str]
    labels: dict[str, str] = {}


def read_targets(text: str, file: str, *, modules: Sequence[str] = (), auth: str = "") -> list[Asked]:
    """Return the scrapes that a file asks for, each once; raises WrongRequestError with the line.

    `modules` and `auth` are for targets that name none. Several modules are compared one after the other.
    """
    found = _discovered(text, file) if _is_discovery(text) else _lines(text, file)
    whole = [
        Asked(target=asked.target, module=module, auth=asked.auth or auth, context=asked.context)
        for asked in found
        for module in (asked.module.split(",") if asked.module else modules or [""])
    ]
    if not whole:
        raise WrongRequestError(f"{file}: no target in it")
    return list(dict.fromkeys(whole))


def _is_discovery(text: str) -> bool:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    first = next(lines, "").strip()
    return first.startswith(("[{", "- ", "{")) or first in {"[", "-", "---", "[]"}


def _lines(text: str, file: str) -> Iterator[Asked]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if len(words) > 3:
            raise WrongRequestError(f"{file}:{number}: expected 'TARGET [MODULE[,MODULE…] [AUTH]]', found more words")
        if words:
            target, module, auth = (*words, "", "")[:3]
            yield Asked(target=target, module=module, auth=auth)


def _discovered(text: str, file: str) -> Iterable[Asked]:
    try:
        groups = msgspec.convert(_plain(text, file), list[_Group])
    except msgspec.ValidationError as error:
        raise WrongRequestError(f"{file}: no list of targets as Prometheus' file_sd has it: {error}") from error
    for group in groups:
        for target in group.targets:
            yield Asked(
                target=group.labels.get(f"{_PARAM}target", target),
                module=_label(group, "module"),
                auth=_label(group, "auth"),
                context=_label(group, "snmp_context"),
            )


def _label(group: _Group, name: str) -> str:
    return group.labels.get(f"{_PARAM}{name}", group.labels.get(name, ""))


def _plain(text: str, file: str) -> Any:
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else file
        raise WrongRequestError(f"{place}: {quoted(getattr(error, 'problem', None) or 'no YAML')}") from error
