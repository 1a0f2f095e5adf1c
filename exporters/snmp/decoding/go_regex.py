"""Regular expressions and number texts as Go reads them, for files written for snmp_exporter.

Go's engine is RE2: it takes time in proportion to the text, whatever a person wrote and a device answers, where one
that backtracks can be held up for hours. Source: https://github.com/google/re2/wiki/Syntax
"""

import re
from math import isinf
from typing import Any, ClassVar, Self

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False  # the error says it all

_EXPAND = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?|inf|infinity)|nan", re.ASCII)
_HEX_FLOAT = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?\d+", re.ASCII)


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
            raise ValueError(f"{text!r} is not a regular expression: {reason}") from None

    def anchored(self, text: str) -> Any:
        """Match the whole text: groups by number and name, as `re.Match` has them; None where it does not match."""
        return self._compiled.fullmatch(text)

    def found(self, text: str) -> bool:
        """Say whether the pattern occurs anywhere."""
        return self._compiled.search(text) is not None

    def __repr__(self) -> str:
        return f"GoRegex({self.pattern!r})"


def expand(template: str, match: Any) -> str:
    """Fill `$1`, `${1}` and `$name` from a match; a group that is not there is empty, `$$` is a dollar sign.

    >>> expand("${1}.$2$$", GoRegex.parse("(a)(b)").anchored("ab"))
    'a.b$'
    """
    return _EXPAND.sub(lambda found: _group(found, match), template)


def parse_float(text: str) -> float | None:
    """Return the number that Go's strconv.ParseFloat reads, or None where it reports an error.

    >>> parse_float("1_0.5"), parse_float(" 1"), parse_float("0x1p-2"), parse_float("1e999"), parse_float("-inf")
    (10.5, None, 0.25, None, -inf)
    """
    lower = text.lower()
    if _HEX_FLOAT.fullmatch(lower):
        return _hex_float(lower)
    if not _FLOAT.fullmatch(lower):
        return None
    try:
        value = float(lower)
    except ValueError:
        return None
    return None if isinf(value) and "inf" not in lower else value


def _hex_float(text: str) -> float | None:
    try:
        return float.fromhex(text.replace("_", ""))
    except (ValueError, OverflowError):
        return None


def _group(found: re.Match[str], match: Any) -> str:
    name = found[1] or found[2]
    if name is None:
        return "$"
    try:
        return match[int(name) if name.isdecimal() else name] or ""
    except (IndexError, KeyError):
        return ""
