"""Bounds of numbers, texts and lists, as `Annotated[int, msgspec.Meta(ge=1, le=65535)]` declares them."""

import re
from collections.abc import Callable, Sized

import msgspec

from heronwatch.decode.findings import BAD, At, Findings, Shape, described
from heronwatch.decode.scalars import ParsedShape, TextShape
from heronwatch.yaml_nodes import Node


class BoundedShape(msgspec.Struct, frozen=True):
    """Another shape with bounds."""

    inner: Shape
    meta: msgspec.Meta

    @property
    def expected(self) -> str:
        """The inner shape's words with the bounds."""
        parts = "characters" if isinstance(self.inner, TextShape) else "entries"
        return self.meta.title or f"{self.inner.expected}{bounds(self.meta, unit=_unit(self.inner), parts=parts)}"

    def decode(self, node: Node, at: At, findings: Findings) -> object:
        """Return the inner value if it is inside the bounds."""
        value = self.inner.decode(node, at, findings)
        if value is BAD or inside(value, self.meta):
            return value
        found = f"{len(value)} entries" if isinstance(value, list | tuple | dict | set | frozenset) else described(node)
        return findings.add(at, f"expected {self.expected}, found {found}")


def bounds(meta: msgspec.Meta, *, unit: Callable[[float], object] = str, parts: str = "entries") -> str:
    """Return bounds in words that follow a noun.

    `unit` writes a limit as its value type does, `parts` is what a length counts.

    >>> bounds(msgspec.Meta(ge=1, le=65535)), bounds(msgspec.Meta(gt=0)), bounds(msgspec.Meta(min_length=1))
    (' from 1 to 65535', ' above 0', ' with at least 1 entry')
    """
    words = [_range(meta, unit), _length(meta, parts)]
    if meta.multiple_of is not None:
        words.append(f" that is a multiple of {meta.multiple_of}")
    if meta.pattern is not None:
        words.append(f" that matches {meta.pattern}")
    return "".join(words)


def _unit(shape: Shape) -> Callable[[float], object]:
    number = isinstance(shape, ParsedShape) and issubclass(shape.cls, int | float)
    return shape.cls if number and isinstance(shape, ParsedShape) else str


def _range(meta: msgspec.Meta, unit: Callable[[float], object]) -> str:
    if meta.ge is not None and meta.le is not None:
        return f" from {unit(meta.ge)} to {unit(meta.le)}"
    limits = {"at least": meta.ge, "above": meta.gt, "at most": meta.le, "below": meta.lt}
    return " and".join(f" {word} {unit(limit)}" for word, limit in limits.items() if limit is not None)


def _length(meta: msgspec.Meta, parts: str) -> str:
    limits = {"at least": meta.min_length, "at most": meta.max_length}
    given = [(word, limit) for word, limit in limits.items() if limit is not None]
    if not given:
        return ""
    singular = {"characters": "character", "entries": "entry"}[parts] if given[-1][1] == 1 else parts
    return f" with {' and '.join(f'{word} {limit}' for word, limit in given)} {singular}"


def inside(value: object, meta: msgspec.Meta) -> bool:
    """Say whether a value is inside the bounds; bounds that do not fit its type say nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not _in_range(value, meta):
        return False
    if isinstance(value, str) and meta.pattern is not None and not re.search(meta.pattern, value):
        return False
    return not isinstance(value, Sized) or _fits(len(value), meta)


def _in_range(value: float, meta: msgspec.Meta) -> bool:
    return (
        (meta.ge is None or value >= meta.ge)
        and (meta.gt is None or value > meta.gt)
        and (meta.le is None or value <= meta.le)
        and (meta.lt is None or value < meta.lt)
        and (meta.multiple_of is None or value % meta.multiple_of == 0)
    )


def _fits(length: int, meta: msgspec.Meta) -> bool:
    low, high = meta.min_length or 0, meta.max_length
    return length >= low and (high is None or length <= high)
