"""Samples → Prometheus text format 0.0.4, without objects in between.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isinf, isnan
from operator import itemgetter

from exporters.metric.samples import Family, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Rows = dict[str, float | int]


class SampleConflictError(ValueError):
    """One series twice, or one family with two types or helps, where neither is allowed."""


def text(samples: Iterable[Sample]) -> tuple[bytes, int]:
    """Write families sorted by name; the second value counts the samples left out.

    A series seen twice keeps its first value. A family seen with two helps keeps the first; seen
    with two types it keeps the first type, and samples of the other are left out.
    """
    given = list(samples)
    families = _joined(_grouped(given))
    parts = [_family_text(family, rows) for _, (family, rows) in sorted(families.items())]
    return "".join(parts).encode(), len(given) - sum(len(rows) for _, rows in families.values())


def strict_text(samples: Iterable[Sample]) -> bytes:
    """Write like `text`, but raise SampleConflictError where `text` would leave something out."""
    kept = list(samples)
    first: dict[str, Family] = {}
    written: set[tuple[str, str]] = set()
    for family, labels, _ in kept:
        known = first.setdefault(family.name, family)
        if (known.type, known.help) != (family.type, family.help):
            raise SampleConflictError(f"metric {family.name} has two types or two helps")
        if (family.name, labels) in written:
            raise SampleConflictError(f"series {family.name}{labels} was collected twice")
        written.add((family.name, labels))
    return text(kept)[0]


def number_text(value: float) -> str:
    """Render a value as the text format spells it.

    >>> number_text(0.25), number_text(float("inf")), number_text(float("nan"))
    ('0.25', '+Inf', 'NaN')
    """
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def _grouped(samples: Sequence[Sample]) -> dict[Family, Rows]:
    """Rows of each family object. Collectors give a family's samples in a row, and repeat a series hardly ever."""
    groups: dict[Family, Rows] = {}
    for family, run in groupby(samples, key=itemgetter(0)):
        rows = {labels: value for _, labels, value in run}
        groups[family] = groups[family] | rows if family in groups else rows
    if sum(map(len, groups.values())) == len(samples):
        return groups
    first: defaultdict[Family, Rows] = defaultdict(dict)
    for family, labels, value in samples:
        first[family].setdefault(labels, value)
    return first


def _joined(grouped: dict[Family, Rows]) -> dict[str, tuple[Family, Rows]]:
    """Join family objects of one name: the first decides type and help."""
    families: dict[str, tuple[Family, Rows]] = {}
    for family, rows in grouped.items():
        first, kept = families.setdefault(family.name, (family, rows))
        if kept is not rows and first.type == family.type:
            for labels, value in rows.items():
                kept.setdefault(labels, value)
    return families


def _family_text(family: Family, rows: Rows) -> str:
    name = family.name
    help_text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    separator = f"\n{name}"  # before every sample
    samples = separator.join(
        [f"{labels} {value if type(value) is int else number_text(value)}" for labels, value in rows.items()]
    )
    return f"# HELP {name} {help_text}\n# TYPE {name} {family.type}\n{name}{samples}\n"
