"""When nothing is to be learnt: spans of time that a person marked, an incident or a maintenance. No I/O.

A model does not learn from what it calls anomalous; what it cannot know is that a quiet fault was one, or that last
week's history, from which it learns at its first start, holds an incident.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from anomaly_detector.models.model import F64, Mask
from heronwatch.go_regex import AnchoredRegex

Labels = tuple[tuple[str, str], ...]
_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})")


class Instant(float):
    """Unix time in seconds, written with its offset from UTC as in RFC 3339.

    >>> float(Instant.parse("2026-10-25T03:00:00+01:00"))
    1792893600.0
    """

    __slots__ = ()
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time", "title": "instant"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an instant; ValueError when it is none, or has no offset."""
        try:
            if _FORM.fullmatch(text):
                return cls(datetime.fromisoformat(text).timestamp())
        except (ValueError, OverflowError):
            pass
        raise ValueError(f"'{text[:60]}' is not a time with its offset (2026-10-25T03:00:00+01:00)")


class Condition(msgspec.Struct, frozen=True):
    """A label's value matches, or does not."""

    label: str
    regex: AnchoredRegex
    negated: bool = False

    def holds(self, value: str) -> bool:
        """Return whether a value is meant; that of a label that a series does not have is empty, as in Prometheus."""
        return (self.regex.match(value) is None) == self.negated


class Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `from` up to `to` nothing is learnt about the series whose labels all match; without `match` about any."""

    begins: Instant = msgspec.field(name="from")
    to: Instant
    match: Mapping[str, AnchoredRegex] = {}

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """It ends after it begins."""
        if self.begins >= self.to:
            yield "to", "it ends before it begins"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What has to hold of a series, all of it."""
        return tuple(Condition(label, regex) for label, regex in self.match.items())

    def is_about(self, labels: Labels) -> bool:
        """Return whether a series is meant."""
        has = dict(labels)
        return all(one.holds(has.get(one.label, "")) for one in self.conditions)


def held(pauses: Sequence[Pause], labels: Sequence[Labels | None], time_s: float) -> Mask | None:
    """Return which of the series learn nothing at an instant; None when all do. `labels` are None for free rows."""
    now = [one for one in pauses if one.begins <= time_s < one.to]
    if not now:
        return None
    return np.array([one is not None and any(pause.is_about(one) for pause in now) for one in labels], np.bool_)


def may_learn(pauses: Sequence[Pause], labels: Sequence[Labels | None], times_s: F64) -> Mask:
    """Return where history may be learnt from: (instants, series)."""
    out = np.ones((len(times_s), len(labels)), np.bool_)
    for pause in pauses:
        within = (times_s >= pause.begins) & (times_s < pause.to)
        if within.any():
            meant = np.array([one is not None and pause.is_about(one) for one in labels], np.bool_)
            out &= ~(within[:, None] & meant)
    return out
