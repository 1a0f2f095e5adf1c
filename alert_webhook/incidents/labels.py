"""Which alerts are meant: labels with these values, or with values of these patterns. Pure."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct, field

from heronwatch.go_regex import GoRegex

MAX_PATTERN = 200


class LabelMatch(Struct, frozen=True):
    """Every label of `equal` has its value and every one of `patterns` matches as a whole; a missing label is "".

    Patterns are RE2's: none holds anybody up, whatever a sender writes into a label. One that RE2 cannot read (an older
    release stored what Python's engine knows) matches nothing.

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
        return all(_matches(text, labels.get(name, "")) for name, text in self.patterns.items())

    @property
    def unreadable(self) -> list[str]:
        """The labels whose pattern cannot be read."""
        return [name for name, text in self.patterns.items() if isinstance(_compiled(text), str)]

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with it: the key `match` or `match_re`, and why."""
        if self.empty:
            yield "match", "name at least one label: without any, everything would match"
        for name, text in self.patterns.items():
            if len(text) > MAX_PATTERN:
                yield "match_re", f"{name}: a pattern has at most {MAX_PATTERN} characters"
            elif isinstance(fault := _compiled(text), str):
                yield "match_re", f"{name}: {fault}"


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    try:
        return not isinstance(compiled, str) and compiled.anchored(value) is not None
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return False


@lru_cache(maxsize=1000)
def _compiled(text: str) -> GoRegex | str:
    """Return a pattern compiled, or what is wrong with it."""
    try:
        return GoRegex.parse(text)
    except ValueError as error:
        return str(error)
