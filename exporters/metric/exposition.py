"""Samples → Prometheus text format 0.0.4, without objects in between.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isinf, isnan

from exporters.metric.blocks import Block, Rows, blocks_of
from exporters.metric.samples import Family, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MOST_HEADS = 10_000
"""Families whose HELP and TYPE lines are remembered: more than all modules known have together."""


class SampleConflictError(ValueError):
    """One series twice, or one family with two types or helps, where neither is allowed."""


def text(samples: Iterable[Sample]) -> tuple[bytes, int]:
    """Write families sorted by name; the second value counts the samples left out.

    A series seen twice keeps its first value. A family seen with two helps keeps the first; seen
    with two types it keeps the first type, and samples of the other are left out.
    """
    parts: list[bytes] = []
    left_out = 0
    for _, blocks in sorted(_by_name(samples).items()):
        block = blocks[0]
        if len(blocks) > 1 or not block.rows.distinct:
            block = _merged(blocks)
            left_out += sum([len(one.values) for one in blocks]) - len(block.values)
        parts += _written(block)
    return b"".join(parts), left_out


def strict_text(samples: Iterable[Sample]) -> bytes:
    """Write like `text`, but raise SampleConflictError where `text` would leave something out."""
    kept = samples if isinstance(samples, Sequence) else list(samples)
    if any(len(blocks) > 1 or not blocks[0].rows.distinct for blocks in _by_name(kept).values()):
        _check(kept)
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


def _by_name(samples: Iterable[Sample]) -> dict[str, list[Block]]:
    """Blocks by the family's name; collectors give a family's samples in a row, so mostly it is one."""
    found: dict[str, list[Block]] = {}
    for block in blocks_of(samples):
        if block.values:
            found.setdefault(block.family.name, []).append(block)
    return found


def _check(samples: Iterable[Sample]) -> None:
    first: dict[str, Family] = {}
    written: set[tuple[str, str]] = set()
    for family, labels, _ in samples:
        known = first.setdefault(family.name, family)
        if (known.type, known.help) != (family.type, family.help):
            raise SampleConflictError(f"metric {family.name} has two types or two helps")
        if (family.name, labels) in written:
            raise SampleConflictError(f"series {family.name}{labels} was collected twice")
        written.add((family.name, labels))


def _merged(blocks: Sequence[Block]) -> Block:
    """Join blocks of one name: the first decides type and help, and the first of equal series counts."""
    family = blocks[0].family
    kept: dict[str, float | int] = {}
    for block in blocks:
        if block.family.type == family.type:
            for labels, value in zip(block.rows.labels, block.values, strict=True):
                kept.setdefault(labels, value)
    return Block(family, Rows(kept), list(kept.values()))


@lru_cache(MOST_HEADS)
def _head(family: Family) -> bytes:
    help_text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {family.name} {help_text}\n# TYPE {family.name} {family.type}\n".encode()


def _written(block: Block) -> tuple[bytes, ...]:
    """Write a family; a line break lies between samples and nowhere else, so the name goes before each at once."""
    name = block.family.name.encode()
    lines = block.rows.template % tuple(block.values) if block.whole else _mixed(block)
    return _head(block.family), name, lines.replace(b"\n", b"\n" + name), b"\n"


def _mixed(block: Block) -> bytes:
    rows = zip(block.rows.labels, block.values, strict=True)
    lines = [f"{labels} {value if type(value) is int else number_text(value)}" for labels, value in rows]
    return "\n".join(lines).encode()
