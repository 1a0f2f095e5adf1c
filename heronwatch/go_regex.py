"""Regular expressions of people, in RE2's syntax: that of Go, and so of Prometheus.

RE2 takes time in proportion to the text, whatever a person wrote and a device answers, where an engine that backtracks
can be held up for hours (docs/decisions/0009). Source: https://github.com/google/re2/wiki/Syntax
"""

from typing import Any, ClassVar, Self

import re2

from heronwatch.faults import printable, quoted

_QUIET = re2.Options()
_QUIET.log_errors = False  # the error says it all


class GoRegex:
    """A regular expression in RE2's syntax.

    >>> GoRegex.parse("([0-9.]+) C").anchored("21.5 C")[1]
    '21.5'
    >>> GoRegex.parse("(")
    Traceback (most recent call last):
    ValueError: '(' is not a regular expression: missing ): (
    """

    __slots__ = ("_compiled", "pattern")
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "regular expression", "format": "regex"}

    def __init__(self, pattern: str, compiled: Any) -> None:
        self.pattern = pattern
        self._compiled = compiled

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compile; raises ValueError with a message for the person who wrote it."""
        try:
            return cls(text, re2.compile(text, _QUIET))
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error, re2.error) else str(error)
            raise ValueError(f"{quoted(text)} is not a regular expression: {printable(reason)}") from None

    def anchored(self, text: str) -> Any:
        """Match the whole text: groups by number and name, as `re.Match` has them; None where it does not match."""
        return self._compiled.fullmatch(text)

    def found(self, text: str) -> bool:
        """Say whether the pattern occurs anywhere."""
        return self._compiled.search(text) is not None

    def __repr__(self) -> str:
        return f"GoRegex({self.pattern!r})"


class AnchoredRegex:
    """A regular expression that has to match the whole text, as everywhere in Prometheus; it can be sent and compared.

    >>> AnchoredRegex.parse("eth[0-9]").match("veth0")
    """

    __slots__ = ("_compiled", "pattern")
    __schema__: ClassVar[dict[str, Any]] = GoRegex.__schema__

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = GoRegex.parse(pattern)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compile; raises ValueError with a message for the person who wrote it."""
        return cls(text)

    def match(self, text: str) -> Any:
        """Return the match of the whole text, or None."""
        return self._compiled.anchored(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnchoredRegex) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash((AnchoredRegex, self.pattern))

    def __repr__(self) -> str:
        return f"AnchoredRegex({self.pattern!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.pattern,)
