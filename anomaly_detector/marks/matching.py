"""From what a mark says about labels to the pause it means. No I/O."""

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from anomaly_detector.scoring.learning import Instant, Pause
from heronwatch.values import AnchoredRegex

ALWAYS_S = -math.inf, math.inf


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """One word of a mark: a label equals a text, or matches a pattern as a whole, or does not."""

    label: str
    text: str
    pattern: bool = False
    negated: bool = False

    @property
    def regex(self) -> str:
        """The same as a regular expression for the whole value."""
        whole = f"(?:{self.text})" if self.pattern else re.escape(self.text)
        return rf"(?!{whole}\Z)" if self.negated else rf"(?={whole}\Z)"


def pause_of(says: Sequence[Says], by: Sequence[str], *, begins_s: float, to_s: float) -> Pause | None:
    """Return the pause that a mark means; None when it names nothing by any of these labels.

    ValueError where a pattern is none to us (RE2 and Python differ in corners).

    >>> says = [Says(label="alertname", text="LinkDown"), Says(label="instance", text="sw.*", pattern=True)]
    >>> pause = pause_of(says, ["instance"], begins_s=0.0, to_s=10.0)
    >>> pause.is_about((("instance", "sw1"),)), pause.is_about((("instance", "rack1"),))
    (True, False)
    """
    used = [one for one in says if one.label in by]
    if not any(not one.negated and not AnchoredRegex(one.regex + ".*").match("") for one in used):
        return None  # it would be about every series, or about those without the label
    match: dict[str, str] = {}
    for one in used:
        match[one.label] = match.get(one.label, "") + one.regex
    return Pause(
        begins=Instant(begins_s),
        to=Instant(to_s),
        match={label: AnchoredRegex(regex + "(?s:.*)") for label, regex in match.items()},
    )


def closest(labels: Mapping[str, str], by: Sequence[str]) -> list[Says]:
    """Return what labels say by the first of `by` that they have."""
    return next(([Says(label=name, text=labels[name])] for name in by if labels.get(name)), [])
