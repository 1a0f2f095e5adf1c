"""Regular expressions and number texts as Go reads them, for files written for snmp_exporter.

RE2's syntax is mostly a subset of Python's; what differs is translated, and what has no counterpart is refused when
the configuration loads. Source: https://github.com/google/re2/wiki/Syntax
"""

import re
from math import isinf
from typing import Any, ClassVar, Self

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_CLASSES = {"s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]"}  # Python's \s has \v too
_CLASSES_IN_SET = {"s": r"\t\n\f\r "}
_TOKEN = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    |\\x\{(?P<hex>[0-9A-Fa-f]{1,6})\}
    |\\(?P<escape>.)
    |\[:(?P<posix>\w+):\]
    |\(\?(?P<flags>[a-zA-Z]+)\)
    |\(\?<(?P<name>\w+)>
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_EXPAND = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?|inf|infinity)|nan", re.ASCII)
_HEX_FLOAT = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?\d+", re.ASCII)


class GoRegex:
    """A regular expression in RE2's syntax.

    >>> GoRegex.parse("([0-9.]+) C").anchored("21.5 C")[1]
    '21.5'
    >>> GoRegex.parse("(")
    Traceback (most recent call last):
    ValueError: '(' is not a regular expression: missing ), unterminated subpattern at position 0
    """

    __slots__ = ("_compiled", "pattern")
    __schema__: ClassVar[dict[str, Any]] = {"type": "string", "title": "regular expression", "format": "regex"}

    def __init__(self, pattern: str, compiled: re.Pattern[str]) -> None:
        self.pattern = pattern
        self._compiled = compiled

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compile; raises ValueError with a message for the person who wrote it."""
        try:
            return cls(text, re.compile(_translated(text), re.ASCII))
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{text!r} is not a regular expression: {error}") from None

    def anchored(self, text: str) -> re.Match[str] | None:
        """Match the whole text."""
        return self._compiled.fullmatch(text)

    def found(self, text: str) -> bool:
        """Say whether the pattern occurs anywhere."""
        return self._compiled.search(text) is not None

    def __repr__(self) -> str:
        return f"GoRegex({self.pattern!r})"


def expand(template: str, match: re.Match[str]) -> str:
    """Fill `$1`, `${1}` and `$name` from a match; a group that is not there is empty, `$$` is a dollar sign.

    >>> expand("${1}.$2$$", re.match("(a)(b)", "ab"))
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


def _group(found: re.Match[str], match: re.Match[str]) -> str:
    name = found[1] or found[2]
    if name is None:
        return "$"
    try:
        return match[int(name) if name.isdecimal() else name] or ""
    except IndexError:
        return ""


def _translated(pattern: str) -> str:
    parts: list[str] = []
    in_set = False
    for token in _TOKEN.finditer(pattern):
        part = _part(token, in_set=in_set)
        if token["flags"]:  # Go's flags begin where they stand and end with the group
            rest = _translated(pattern[token.end() :])
            return "".join(parts) + f"(?{token['flags']}:{rest})"
        if token["other"] == "[" and not in_set:
            in_set = True
        elif token["other"] == "]" and in_set and not _opens_set(parts):
            in_set = False
        parts.append(part)
    return "".join(parts)


def _opens_set(parts: list[str]) -> bool:
    """Say whether a `]` here is the first character of a set, where it stands for itself."""
    return parts[-1:] == ["["] or parts[-2:] == ["[", "^"]


def _part(token: re.Match[str], *, in_set: bool) -> str:
    if token["quoted"] is not None:
        return re.escape(token["quoted"])
    if token["hex"]:
        return f"\\U{int(token['hex'], 16):08x}"
    if token["escape"]:
        return _escape(token["escape"], in_set=in_set)
    if token["posix"]:
        if token["posix"] not in _POSIX:
            raise re.error(f"no class [:{token['posix']}:]")
        return _POSIX[token["posix"]]
    if token["name"]:
        return f"(?P<{token['name']}>"
    if token["other"] == "$" and not in_set:
        return r"\Z"  # Python's $ also matches before a newline at the end
    return token[0]


def _escape(letter: str, *, in_set: bool) -> str:
    if letter in "pPCX":
        raise re.error(f"\\{letter} is not supported")
    if letter == "z":
        return r"\Z"
    if in_set and letter in _CLASSES_IN_SET:
        return _CLASSES_IN_SET[letter]
    if not in_set and letter in _CLASSES:
        return _CLASSES[letter]
    return f"\\{letter}"
