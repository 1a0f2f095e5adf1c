"""What a collector hands back: samples, faults and how much work each module was.

A sample carries its family, its label text rendered once, and a value. Nothing here knows a
protocol, and nothing is registered anywhere: a sample is built, written out and forgotten.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

MetricType = Literal["gauge", "counter", "untyped"]


class Family(Struct, frozen=True, eq=False):
    """One metric family. Compared by identity, so that a compiled module's families hash fast.

    Two families of the same name from different modules are legal; the exposition joins them.
    """

    name: str
    type: MetricType
    help: str


Sample = tuple[Family, str, float | int]
"""Family, label text as `label_text` renders it (`''` without labels), value."""


class Fault(Struct, frozen=True):
    """Why a module, or part of it, gave no samples.

    `reason` is a stable word fit for a metric label (timeout, unreachable, auth, refused, decode,
    limit, internal); `detail` is one line for a person and holds no secret.
    """

    module: str
    reason: str
    detail: str


class ModuleStats(Struct, frozen=True, kw_only=True):
    """What one module cost in one collection; the counts are 0 where a protocol has none."""

    success: bool
    duration_s: float = 0.0
    walk_duration_s: float = 0.0
    packets_sent: int = 0
    packets_retried: int = 0
    pdus_returned: int = 0


class Reading(Struct, frozen=True):
    """The whole answer of one `collect`: whatever could be read, and a fault for whatever could not.

    `samples` is a list, or for large tables `exporters.metric.blocks.SampleBlocks`, which holds the same by the column.
    """

    samples: Sequence[Sample]
    faults: tuple[Fault, ...] = ()
    modules: dict[str, ModuleStats] = {}


def escape_label(value: str) -> str:
    r"""Escape a label value for the text format 0.0.4.

    >>> print(escape_label('say "hi"\n'))
    say \"hi\"\n
    """
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if '"' in value:
        value = value.replace('"', '\\"')
    if "\n" in value:
        value = value.replace("\n", "\\n")
    return value


def label_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Render labels once, sorted by name; no labels give the empty string.

    >>> label_text([("ifName", "eth0"), ("ifIndex", "1")])
    '{ifIndex="1",ifName="eth0"}'
    >>> label_text([])
    ''
    """
    body = ",".join([f'{name}="{escape_label(value)}"' for name, value in sorted(pairs)])
    return f"{{{body}}}" if body else ""
