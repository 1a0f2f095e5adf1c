"""What a probe found, as a table, as Prometheus text, or as JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self

from msgspec import Struct

from exporters.metric.exposition import number_text, text
from exporters.metric.samples import Reading, Sample
from exporters.probing.answer import fault_line
from exporters.probing.collector import Plugin
from exporters.probing.selection import Wanted
from heronwatch.values import HostPort
from heronwatch.words import printable

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
WIDEST = 60


class ModuleResult(Struct, frozen=True, kw_only=True):
    """What one module gave and cost. `rows` are distinct sets of labels, a metric's own text aside."""

    name: str
    complete: bool
    series: int
    rows: int
    seconds: float
    packets: int = 0
    retries: int = 0
    values: int = 0

    @classmethod
    def of(cls, name: str, reading: Reading, seconds: float, plugin: Plugin) -> Self:
        """Count what came of reading one module."""
        own = f"{plugin.protocol}_scrape_"  # what the scrape itself cost is no row of the device
        stats = reading.modules.values()
        return cls(
            name=name,
            complete=not reading.faults,
            series=len(reading.samples),
            rows=_rows(sample for sample in reading.samples if not sample[0].name.startswith(own)),
            seconds=seconds,
            packets=sum(module.packets_sent for module in stats),
            retries=sum(module.packets_retried for module in stats),
            values=sum(module.pdus_returned for module in stats),
        )


def _rows(samples: Iterable[Sample]) -> int:
    """Count the rows behind samples: sets of labels, a metric's own text or state aside."""
    plain: set[frozenset[tuple[str, str]]] = set()
    with_own: set[tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]] = set()
    for family, label_text, _ in samples:
        labels = frozenset(_LABEL.findall(label_text))
        rest = frozenset(pair for pair in labels if pair[0] not in {family.name, family.name.removesuffix("_info")})
        if rest == labels:
            plain.add(labels)
        else:
            with_own.add((labels, rest))
    return len(plain | {rest for labels, rest in with_own if labels not in plain})


class Probed(Struct, frozen=True, eq=False):
    """What was asked, the address that was used ('' when there was none), what came, and how long it took.

    `trace` has a line for each packet and value, `advice` by a fault's reason what a person may check.
    """

    wanted: Wanted
    address: str
    reading: Reading
    duration_s: float
    modules: tuple[ModuleResult, ...] = ()
    trace: tuple[str, ...] = ()
    advice: Mapping[str, str] = {}


def as_table(probed: Probed) -> str:
    """Return one line for each series, then what each module cost."""
    rows = [
        (family.name, label_text.strip("{}"), _number(value)) for family, label_text, value in probed.reading.samples
    ]
    widths = [min(WIDEST, max((len(row[column]) for row in rows), default=0)) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {printable(labels):<{widths[1]}}  {value}" for name, labels, value in rows]
    return "\n".join([*probed.trace, *([""] if probed.trace else []), *lines, *_footer(probed)])


def _footer(probed: Probed) -> Iterator[str]:
    place = HostPort(probed.address or probed.wanted.host, probed.wanted.port)
    credential = probed.wanted.credential
    asked = f", credential {credential.name}" if credential is not None else ""
    series = f"{len(probed.reading.samples)} series in {probed.duration_s:.3f} s"
    yield f"-- {probed.wanted.name} at {place}{asked}: {series}"
    yield from (f"-- {_module_line(module)}" for module in probed.modules)
    yield from (f"-- {line}" for line in _fault_lines(probed))


def _module_line(module: ModuleResult) -> str:
    packets = f"{counted(module.packets, 'packet')} ({module.retries} repeated), " if module.packets else ""
    values = f"{counted(module.values, 'value')}, " if module.values else ""
    return (
        f"module {module.name}: {'complete' if module.complete else 'not complete'}: {packets}{values}"
        f"{counted(module.rows, 'row')}, {module.series} series, {module.seconds:.3f} s"
    )


def counted(count: int, word: str) -> str:
    """Return a number of things.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {word}{'' if count == 1 else 's'}"


def _fault_lines(probed: Probed) -> Iterator[str]:
    yield from (f"fault: {fault_line(fault)}" for fault in probed.reading.faults)
    for text_ in probed.advice.values():
        yield from (f"check: {line}" for line in text_.split("\n"))


def as_text(probed: Probed) -> str:
    """Return what Prometheus would read; all else is comments."""
    comments = [*probed.trace, *map(_module_line, probed.modules), *_fault_lines(probed)]
    return text(probed.reading.samples)[0].decode() + "\n".join(f"# {line}" for line in comments)


def as_json(probed: Probed) -> str:
    """Return everything for programs."""
    value = {
        "target": probed.wanted.name,
        "address": probed.address,
        "port": probed.wanted.port,
        "success": not probed.reading.faults,
        "duration_seconds": probed.duration_s,
        "modules": [_module_value(module) for module in probed.modules],
        "faults": [
            {"module": f.module, "reason": f.reason, "detail": f.detail, "check": probed.advice.get(f.reason, "")}
            for f in probed.reading.faults
        ],
        "samples": [
            {"name": family.name, "type": family.type, "labels": labels_of(label_text), "value": _number(value)}
            for family, label_text, value in probed.reading.samples
        ],
        **({"trace": probed.trace} if probed.trace else {}),
    }
    return json.dumps(value, indent=2)


def _module_value(module: ModuleResult) -> dict[str, object]:
    return {
        "name": module.name,
        "complete": module.complete,
        "packets": module.packets,
        "retries": module.retries,
        "values": module.values,
        "rows": module.rows,
        "series": module.series,
        "seconds": round(module.seconds, 4),
    }


def labels_of(label_text: str) -> Mapping[str, str]:
    r"""Return rendered labels as a mapping.

    >>> labels_of('{a="1",b="x\\"y"}')
    {'a': '1', 'b': 'x"y'}
    """
    return {name: _ESCAPE.sub(_plain, value) for name, value in _LABEL.findall(label_text)}


def _plain(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else number_text(value)


FORMS: dict[str, Callable[[Probed], str]] = {"table": as_table, "text": as_text, "json": as_json}
