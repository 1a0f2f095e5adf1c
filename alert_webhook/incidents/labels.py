"""Which alerts are meant: labels with these values, or with values of these patterns. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct, field

MAX_PATTERN = 200


class LabelMatch(Struct, frozen=True):
    """Every label of `equal` has its value and every one of `patterns` matches as a whole; a missing label is "".

    >>> LabelMatch({"site": "north"}, {"instance": "sw-.*"}).holds({"site": "north", "instance": "sw-1"})
    True
    """

    equal: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it would match everything."""
        return not self.equal and not self.patterns

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Return whether these labels are meant."""
        if any(labels.get(name, "") != value for name, value in self.equal.items()):
            return False
        return all(_compiled(text).fullmatch(labels.get(name, "")) for name, text in self.patterns.items())

    def fault(self) -> str:
        """Return what is wrong with it, "" if nothing is."""
        if self.empty:
            return "name at least one label: without any, everything would match"
        for name, text in self.patterns.items():
            if len(text) > MAX_PATTERN:
                return f"the pattern of {name} is longer than {MAX_PATTERN} characters"
            try:
                _compiled(text)
            except re.error as error:
                return f"{text!r} is not a pattern: {error}"
        return ""


@lru_cache(maxsize=1000)
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)
