"""What a probe found, as a table, as Prometheus text, or as JSON."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from exporters.metric.exposition import number_text, text
from exporters.metric.samples import Reading
from exporters.probing.answer import fault_line
from exporters.probing.selection import Wanted
from heronwatch.values import HostPort

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
WIDEST = 60


class Probed(Struct, frozen=True, eq=False):
    """What was asked, the address that was used ('' when there was none), what came, and how long it took."""

    wanted: Wanted
    address: str
    reading: Reading
    duration_s: float


def as_table(probed: Probed) -> str:
    """Return one line for each series, then what each module cost."""
    rows = [
        (family.name, label_text.strip("{}"), _number(value)) for family, label_text, value in probed.reading.samples
    ]
    widths = [min(WIDEST, max((len(row[column]) for row in rows), default=0)) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {labels:<{widths[1]}}  {value}" for name, labels, value in rows]
    return "\n".join([*lines, *_footer(probed)])


def _footer(probed: Probed) -> Iterator[str]:
    place = HostPort(probed.address or probed.wanted.host, probed.wanted.port)
    yield f"-- {probed.wanted.name} at {place}: {len(probed.reading.samples)} series in {probed.duration_s:.3f} s"
    for name, stats in probed.reading.modules.items():
        packets = f", {stats.packets_sent} requests" if stats.packets_sent else ""
        yield f"-- module {name}: {'complete' if stats.success else 'not complete'}{packets}"
    yield from (f"-- fault: {fault_line(fault)}" for fault in probed.reading.faults)


def as_text(probed: Probed) -> str:
    """Return what Prometheus would read."""
    return text(probed.reading.samples)[0].decode() + "".join(
        f"# fault: {fault_line(fault)}\n" for fault in probed.reading.faults
    )


def as_json(probed: Probed) -> str:
    """Return everything for programs."""
    value = {
        "target": probed.wanted.name,
        "address": probed.address,
        "port": probed.wanted.port,
        "success": not probed.reading.faults,
        "duration_seconds": probed.duration_s,
        "faults": [{"module": f.module, "reason": f.reason, "detail": f.detail} for f in probed.reading.faults],
        "samples": [
            {"name": family.name, "type": family.type, "labels": labels_of(label_text), "value": _number(value)}
            for family, label_text, value in probed.reading.samples
        ],
    }
    return json.dumps(value, indent=2)


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
