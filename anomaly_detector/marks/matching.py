"""From what a mark says about labels to the pause it means. No I/O."""

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from anomaly_detector.scoring.learning import Condition, Instant, Pause
from heronwatch.go_regex import AnchoredRegex

ALWAYS_S = -math.inf, math.inf


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a mark: a label equals a text, or matches a pattern as a whole, or does not."""

    label: str
    text: str
    pattern: bool = False
    negated: bool = False

    @property
    def condition(self) -> Condition:
        """The same as a condition; ValueError where the pattern is none."""
        return Condition(self.label, AnchoredRegex(self.text if self.pattern else re.escape(self.text)), self.negated)


class MarkedPause(Pause, frozen=True, kw_only=True):
    """A pause that a mark means: besides `match` it may deny something, or say two things of one label.

    `of_devices` is False where it is about single series alone: their devices are scored and remembered as ever.
    `mark` names the mark to people.
    """

    also: tuple[Condition, ...] = ()
    of_devices: bool = True
    mark: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What has to hold of a series, all of it."""
        return (*super().conditions, *self.also)


def pause_of(says: Sequence[Says], by: Sequence[str], *, begins_s: float, to_s: float) -> MarkedPause | None:
    """Return the pause that a mark means; None when it names nothing by any of these labels.

    ValueError where a pattern is none.

    >>> says = [Says(label="alertname", text="LinkDown"), Says(label="instance", text="sw.*", pattern=True)]
    >>> pause = pause_of(says, ["instance"], begins_s=0.0, to_s=10.0)
    >>> pause.is_about((("instance", "sw1"),)), pause.is_about((("instance", "rack1"),))
    (True, False)
    """
    used = [one.condition for one in says if one.label in by]
    if not any(not one.negated and not one.holds("") for one in used):
        return None  # it would be about every series, or about those without the label
    match: dict[str, AnchoredRegex] = {}
    also = [one for one in used if one.negated or match.setdefault(one.label, one.regex) is not one.regex]
    return MarkedPause(begins=Instant(begins_s), to=Instant(to_s), match=match, also=tuple(also))


def narrowing(says: Sequence[Says], by: Sequence[str]) -> tuple[Condition, ...]:
    """Return what an alert's labels beside those of `by` say of series: a label that a series lacks says nothing.

    ValueError where a pattern is none.

    >>> (port,) = narrowing([Says(label="instance", text="sw1"), Says(label="ifName", text="Gi0/1")], ["instance"])
    >>> port.label, port.holds("Gi0/1"), port.holds("Gi0/2"), port.holds("")
    ('ifName', True, False, True)
    """
    every = [one.condition for one in says if one.label not in by]
    positive = [
        msgspec.structs.replace(one, regex=AnchoredRegex(f"(?:{one.regex.pattern})|"))
        for one in every
        if not one.negated
    ]
    return (*positive, *(one for one in every if one.negated and one.holds("")))


def closest(labels: Mapping[str, str], by: Sequence[str]) -> list[Says]:
    """Return what labels say by the first of `by` that they have."""
    return next(([Says(label=name, text=labels[name])] for name in by if labels.get(name)), [])
