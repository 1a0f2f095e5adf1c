"""The one metric block, the same for every protocol: what a value is called and how it becomes a base unit.

A plug-in's own block derives from `MetricDef` and adds only the source keys (address, path, command …). `Metric` is
the block compiled: from a raw value to samples.
"""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import isnan

import msgspec
from msgspec import Struct

from exporters.metric.samples import Family, Sample, label_text
from exporters.metric.units import Unit, conversion, wrong_base

Value = int | float | str

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED_ENDINGS = ("_bucket", "_count", "_sum", "_created")  # of histograms and summaries
_RESERVED_LABELS = frozenset({"instance", "job", "le", "quantile"})
_TOO_LARGE = 2**63


class MetricDef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The keys that every metric block has; `from` names the unit the device speaks.

    The value is `raw * scale + offset`, in the unit `from`, then converted to the base unit that the name ends in.
    With `enum` the metric is a state set: one series for each state, labelled with the metric's own name.
    """

    name: str
    help: str = ""
    counter: bool | None = None
    """Whether it only grows; by default it does when the name ends in `_total`."""
    from_: str | None = msgspec.field(default=None, name="from")
    scale: float = 1
    offset: float = 0
    labels: dict[str, str] = {}
    enum: dict[int, str] = {}
    null_values: tuple[int | float | str, ...] = ()
    """Raw values that mean "no value": no sample is made of them."""

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """Yield (path within the block, message) for everything wrong with the block."""
        yield from name_faults(self.name, is_counter=self.counter)
        yield from _number_faults(self)
        for label in self.labels:
            yield from _label_faults(label)


def name_faults(name: str, *, is_counter: bool | None = None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a metric's name (prometheus.io/docs/practices/naming)."""
    if not _NAME.fullmatch(name):
        yield "name", f"{name!r} is no metric name (letters, digits and '_', no digit first)"
        return
    if name.endswith(_RESERVED_ENDINGS):
        yield "name", f"{name!r} ends like a part of a histogram; choose another ending"
    wrong = wrong_base(name)
    if wrong:
        yield (
            "name",
            f"{name!r} is not in a base unit: end it in '_{wrong[1]}' and say what the device speaks by 'from'",
        )
    if is_counter and not name.endswith("_total"):
        yield "name", f"{name!r} is a counter, so its name must end in '_total'"
    if is_counter is False and name.endswith("_total"):
        yield "name", f"{name!r} is no counter, so its name must not end in '_total'"


def _number_faults(block: MetricDef) -> Iterator[tuple[str, str]]:
    if block.scale == 0:
        yield "scale", "a scale of 0 makes every value 0"
    if block.enum and (block.from_ or block.scale != 1 or block.offset != 0):
        yield "enum", "a state has no unit, scale or offset"
    if block.enum and (block.counter or block.name.endswith("_total")):
        yield "enum", "a state is no counter"
    if block.from_ is not None:
        try:
            conversion(block.from_, block.name)
        except ValueError as error:
            yield "from", str(error)


def _label_faults(label: str) -> Iterator[tuple[str, str]]:
    if not _LABEL.fullmatch(label) or label.startswith("__"):
        yield f"labels.{label}", f"{label!r} is no label name (letters, digits and '_', no digit and no '__' first)"
    elif label in _RESERVED_LABELS:
        yield f"labels.{label}", f"the label {label!r} belongs to Prometheus"


class Linear(Struct, frozen=True):
    """`value * numerator / denominator + offset`, kept as integers so that 0.1 means a tenth.

    >>> Linear.of(Fraction("0.1"), Fraction(0))(2301)
    230.1
    """

    numerator: int = 1
    denominator: int = 1
    offset: int | float = 0

    @classmethod
    def of(cls, factor: Fraction, offset: Fraction) -> "Linear":
        """Build from exact fractions."""
        whole = int(offset) if offset.denominator == 1 else float(offset)
        return cls(factor.numerator, factor.denominator, whole)

    def __call__(self, value: float) -> int | float:
        """Convert; whole numbers stay whole where the factor is."""
        if self.denominator != 1:
            return value * self.numerator / self.denominator + self.offset
        return value * self.numerator + self.offset


class Metric(Struct, frozen=True, eq=False):
    """A metric block compiled: raw values in, samples out."""

    family: Family
    labels: tuple[tuple[str, str], ...]
    label_text: str
    linear: Linear
    enum: dict[int, str]
    nulls: frozenset[Value]

    def samples(self, value: Value, more_labels: Iterable[tuple[str, str]] = ()) -> list[Sample]:
        """Return the samples of one raw value: none for a null value or NaN, several for a state set.

        Text becomes a label named like the metric without `_info`, with the value 1.
        """
        more = tuple(more_labels)
        if value in self.nulls:
            return []
        if self.enum:
            return self._states(value, more)
        if isinstance(value, str):
            label = self.family.name.removesuffix("_info")
            return [(self.family, label_text([*self.labels, *more, (label, value)]), 1)]
        if isnan(value):
            return []
        text = label_text([*self.labels, *more]) if more else self.label_text
        return [(self.family, text, self.linear(value))]

    def _states(self, value: Value, more: tuple[tuple[str, str], ...]) -> list[Sample]:
        current = state_of(value)
        states = dict.fromkeys(self.enum.values(), 0)
        states[self.enum.get(current, str(current)) if isinstance(current, int) else current] = 1
        fixed = [*self.labels, *more]
        name = self.family.name
        return [(self.family, label_text([*fixed, (name, state)]), on) for state, on in states.items()]


def state_of(value: Value) -> int | str:
    """Return a state as the key of an `enum`: whole numbers as such, everything else as text.

    >>> state_of(4.0), state_of("7"), state_of("mppt")
    (4, 7, 'mppt')
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _TOO_LARGE:
        return int(value)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < len(str(_TOO_LARGE)):
        return int(value)
    return value if isinstance(value, int | str) else str(value)


def compile_metric(block: MetricDef) -> Metric:
    """Compile a block that has no faults."""
    unit = conversion(block.from_, block.name) if block.from_ is not None else Unit("")
    scale, offset = Fraction(repr(block.scale)), Fraction(repr(block.offset))
    labels = tuple(sorted(block.labels.items()))
    return Metric(
        family=Family(block.name, "counter" if is_counter(block) else "gauge", block.help),
        labels=labels,
        label_text=label_text(labels),
        linear=Linear.of(scale * unit.factor, offset * unit.factor + unit.offset),
        enum=block.enum,
        nulls=frozenset(block.null_values),
    )


def is_counter(block: MetricDef) -> bool:
    """Whether the metric is a counter: said so, or by its name."""
    return block.name.endswith("_total") if block.counter is None else block.counter
