"""A source that gives some series only; the server sends no others."""

import re
from collections.abc import Mapping, Sequence

from anomaly_detector.models.model import F64
from anomaly_detector.scoring.learning import Labels
from anomaly_detector.source.matrix import Matrix
from anomaly_detector.source.reading import Source

NAMEABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # label names that every version's label_replace takes


class Narrowed:
    """A source that only gives series with certain labels."""

    def __init__(self, source: Source, labels: Mapping[str, str]) -> None:
        self._source, self._labels = source, labels

    def server_time(self) -> float:
        """See Source."""
        return self._source.server_time()

    def newest_score(self, query: str) -> float:
        """See Source."""
        return self._source.newest_score(query)

    def query_range(self, expr: str, times_s: F64, *, step_s: float, max_series: int) -> Matrix:
        """See Source."""
        return self._source.query_range(narrowed(expr, self._labels), times_s, step_s=step_s, max_series=max_series)

    def close(self) -> None:
        """Leave the source open: it is another's."""


def narrowed(expr: str, labels: Mapping[str, str]) -> str:
    r"""Return an expression that only has the series of `expr` with these labels: the server sends no others.

    >>> narrowed("up", {"job": "snmp"})
    '(up\n) and on (job) label_replace(vector(1), "job", "snmp", "", "")'
    """
    if not labels:
        return expr
    only = "vector(1)"
    for name, value in labels.items():
        only = f'label_replace({only}, "{name}", {quoted(value.replace("$", "$$"))}, "", "")'
    return f"({expr}\n) and on ({', '.join(labels)}) {only}"  # the newline ends a comment of the expression


def common_labels(series: Sequence[Labels]) -> dict[str, str]:
    """Return the labels that all of some series have.

    >>> common_labels([(("core", "0"), ("instance", "sw1")), (("core", "1"), ("instance", "sw1"))])
    {'instance': 'sw1'}
    """
    shared = set.intersection(*(set(labels) for labels in series)) if series else set()
    return {name: value for name, value in sorted(shared) if NAMEABLE.fullmatch(name)}


def quoted(value: str) -> str:
    r"""Return a value as PromQL writes it.

    >>> quoted('a"b\\')
    '"a\\"b\\\\"'
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
