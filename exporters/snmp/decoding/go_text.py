"""Replacements and number texts as Go reads them, for files written for snmp_exporter."""

import re
from math import isinf
from typing import Any

_EXPAND = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?|inf|infinity)|nan", re.ASCII)
_HEX_FLOAT = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?\d+", re.ASCII)


def expand(template: str, match: Any) -> str:
    """Fill `$1`, `${1}` and `$name` from a match; a group that is not there is empty, `$$` is a dollar sign.

    >>> from heronwatch.go_regex import GoRegex
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
