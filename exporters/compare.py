"""Two exporters' answers for the same device → what differs, sample by sample. Pure.

A device goes on counting while it is read, so the old exporter is read before and after the new one: a value that
moved may lie between what the old one said.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]
"""A family's name as in the sample, and its labels in order."""
Kind = Literal["missing", "extra", "value", "type", "labels"]
KINDS: tuple[Kind, ...] = ("missing", "extra", "labels", "type", "value")

MOST_PAIRED = 500
"""Series of one name that are looked through for one whose labels changed."""

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPE = re.compile(r"\\(.)")


class NotExpositionError(ValueError):
    """A text is not what an exporter answers."""


class Scrape(Struct, frozen=True):
    """One answer: values by series, types by family."""

    samples: Mapping[Series, float]
    types: Mapping[str, str] = {}


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that differs; `old` and `new` are texts for people, empty where a side has nothing."""

    kind: Kind
    series: str
    old: str = ""
    new: str = ""


def parsed(body: str, *, skip: Callable[[str], object] = lambda _name: False) -> Scrape:
    """Read the text format, without the families that `skip` says; raises NotExpositionError.

    Labels without a value are no labels, as for Prometheus.
    """
    samples: dict[Series, float] = {}
    types: dict[str, str] = {}
    for number, line in enumerate(body.split("\n"), start=1):
        if line.startswith("# TYPE "):
            words = line.split()
            if len(words) == 4 and not skip(words[2]):
                types[words[2]] = words[3]
        elif line.strip() and not line.startswith("#"):
            found = _SAMPLE.fullmatch(line)
            if found is None:
                raise NotExpositionError(f"line {number} is no sample")
            if not skip(found[1]):
                samples[found[1], _labels(found[2] or "")] = _number(found[3], number)
    return Scrape(samples, types)


def _number(text: str, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise NotExpositionError(f"line {line} has no number") from None


def _labels(text: str) -> Labels:
    pairs = ((name, _ESCAPE.sub(_plain, value)) for name, value in _LABEL.findall(text))
    return tuple(sorted(pair for pair in pairs if pair[1]))


def _plain(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def series_text(series: Series) -> str:
    r"""Return a series for people.

    >>> series_text(("up", (("a", "1"), ("b", 'x"y'))))
    'up{a="1",b="x\\"y"}'
    """
    name, labels = series
    inner = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
    return f"{name}{{{inner}}}" if inner else name


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def agree(before: float, new: float, after: float, *, counter: bool) -> bool:
    """Say whether a value may be right that was read between two of the old exporter's.

    Values that stand still must be equal. One that moved may be anything between, or as far beyond as it moved. A
    counter that went back has wrapped or begun anew in between: what is beyond either end may be.

    >>> agree(10, 12, 15, counter=True), agree(10, 10, 10, counter=True), agree(10, 11, 10, counter=True)
    (True, True, False)
    >>> agree(4294967290, 3, 20, counter=True), agree(4294967290, 1000, 20, counter=True)
    (True, False)
    """
    if _same(new, before) or _same(new, after):
        return True
    if not (math.isfinite(before) and math.isfinite(new) and math.isfinite(after)):
        return False
    if counter and after < before:
        return new >= before or 0 <= new <= after
    moved = abs(after - before)
    if counter:
        return before <= new <= after
    return min(before, after) - moved <= new <= max(before, after) + moved if moved else False


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def differences(before: Scrape, new: Scrape, after: Scrape) -> list[Difference]:
    """Return what differs between the new exporter's answer and the old one's, `before` and `after` it."""
    missing = [series for series in before.samples if series in after.samples and series not in new.samples]
    extra = [series for series in new.samples if series not in before.samples and series not in after.samples]
    found = list(_renamed(missing, extra, before, new))
    found += (Difference(kind="missing", series=series_text(s), old=_shown(before.samples[s])) for s in missing)
    found += (Difference(kind="extra", series=series_text(s), new=_shown(new.samples[s])) for s in extra)
    found += _types(before, new)
    found += _values(before, new, after)
    return found


def _renamed(missing: list[Series], extra: list[Series], before: Scrape, new: Scrape) -> Iterable[Difference]:
    """Yield series that have other labels, and take them from the two lists: most labels in common go together."""
    by_name: dict[str, list[Series]] = {}
    for series in extra:
        by_name.setdefault(series[0], []).append(series)
    for old in list(missing):
        others = by_name.get(old[0], [])[:MOST_PAIRED]
        best = max(others, key=lambda other: _alike(old, other, before, new), default=None)
        if best is None or not set(old[1]) & set(best[1]):
            continue
        by_name[old[0]].remove(best)
        missing.remove(old)
        extra.remove(best)
        yield Difference(
            kind="labels",
            series=series_text((old[0], tuple(sorted(set(old[1]) & set(best[1]))))),
            old=_label_text(set(old[1]) - set(best[1])),
            new=_label_text(set(best[1]) - set(old[1])),
        )


def _alike(old: Series, other: Series, before: Scrape, new: Scrape) -> tuple[int, bool]:
    return len(set(old[1]) & set(other[1])), _same(before.samples[old], new.samples[other])


def _label_text(labels: set[tuple[str, str]]) -> str:
    return ", ".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels)) or "no such label"


def _types(before: Scrape, new: Scrape) -> Iterable[Difference]:
    for name, kind in before.types.items():
        if name in new.types and new.types[name] != kind:
            yield Difference(kind="type", series=name, old=kind, new=new.types[name])


def _values(before: Scrape, new: Scrape, after: Scrape) -> Iterable[Difference]:
    for series, value in new.samples.items():
        first = before.samples.get(series, after.samples.get(series))
        last = after.samples.get(series, first)
        if first is None or last is None:
            continue
        if not agree(first, value, last, counter=before.types.get(series[0]) == "counter"):
            old = _shown(first) if _same(first, last) else f"{_shown(first)}, then {_shown(last)}"
            yield Difference(kind="value", series=series_text(series), old=old, new=_shown(value))


def _shown(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 2**63 else str(value)


def lasting(rounds: Sequence[Sequence[Difference]]) -> list[Difference]:
    """Return the differences that every round found; what came and went was the device's own doing."""
    if not rounds:
        return []
    in_all = set.intersection(*({(d.kind, d.series) for d in found} for found in rounds))
    order = {kind: number for number, kind in enumerate(KINDS)}
    last = [difference for difference in rounds[-1] if (difference.kind, difference.series) in in_all]
    return sorted(last, key=lambda difference: (order[difference.kind], difference.series))
