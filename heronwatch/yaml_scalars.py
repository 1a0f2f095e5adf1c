"""What a scalar of YAML means, and where YAML 1.1 and 1.2 readers would disagree about it."""

import enum
import re

from heronwatch.faults import quoted
from heronwatch.yaml_nodes import Scalar

LONGEST_NUMBER = 40
"""More digits than any number of a configuration has; keeps int() from running for seconds."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_TRUE_IN_1_1 = frozenset({"yes", "Yes", "YES", "on", "On", "ON"})
_FALSE_IN_1_1 = frozenset({"no", "No", "NO", "off", "Off", "OFF"})
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_OCTAL = re.compile(r"([-+]?)0o?([0-7]+)", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_BASE_60 = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?", re.ASCII)
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?", re.ASCII)


class Kind(enum.Enum):
    """What a scalar is by the core schema of YAML 1.2; `TRAP` is what YAML 1.1 readers understand differently."""

    NOTHING = "nothing"
    BOOLEAN = "a boolean"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "text"
    TRAP = "a trap"


def kind(scalar: Scalar) -> Kind:
    """Return what a scalar is.

    >>> [kind(Scalar("", 1, text, True)).name for text in ("NO", "7", "0x1F", "1.5", "12:30", "ifName", "~")]
    ['TRAP', 'WHOLE', 'WHOLE', 'NUMBER', 'TRAP', 'TEXT', 'NOTHING']
    """
    text = scalar.text
    if not scalar.plain:
        return Kind.TEXT
    if text in _NULLS:
        return Kind.NOTHING
    if text in _TRUE or text in _FALSE:
        return Kind.BOOLEAN
    if trap(text):
        return Kind.TRAP
    return _number_kind(text)


def _number_kind(text: str) -> Kind:
    if text[0] not in "+-.0123456789":
        return Kind.TEXT
    if _INT.fullmatch(text) or _HEX.fullmatch(text):
        return Kind.WHOLE
    if _FLOAT.fullmatch(text) or _INFINITE.fullmatch(text) or text in _NAN:
        return Kind.NUMBER
    return Kind.TEXT


def trap(text: str) -> str | None:
    """Return how some readers (mostly of YAML 1.1) misunderstand a plain text, or None.

    >>> trap("NO"), trap("017"), trap("12:30"), trap("1_000"), trap("eth0")
    ('the boolean false', '15 (octal)', '750 (base 60)', '1000', None)
    """
    if text in _TRUE_IN_1_1:
        return "the boolean true"
    if text in _FALSE_IN_1_1:
        return "the boolean false"
    if not text or text[0] not in "+-0123456789" or len(text) > LONGEST_NUMBER:
        return None
    return _number_trap(text)


def _number_trap(text: str) -> str | None:
    octal = _OCTAL.fullmatch(text)
    if octal:
        return f"{octal[1]}{int(octal[2], 8)} (octal)".removeprefix("+")
    if _LEADING_ZERO.fullmatch(text):
        return "a number with a leading zero"
    if _BASE_60.fullmatch(text):
        return f"{_base_60(text)} (base 60)"
    if "_" in text and _UNDERSCORED.fullmatch(text):
        return text.replace("_", "")
    return None


def _base_60(text: str) -> str:
    value = 0.0
    for part in text.lstrip("+-").split(":"):
        value = value * 60 + float(part)
    return f"{'-' if text[0] == '-' else ''}{value:.15g}"


def boolean(scalar: Scalar) -> bool | None:
    """Return the boolean that a scalar is, or None; `yes` and `on` are none.

    >>> boolean(Scalar("", 1, "true", True)), boolean(Scalar("", 1, "on", True))
    (True, None)
    """
    if not scalar.plain:
        return None
    return True if scalar.text in _TRUE else False if scalar.text in _FALSE else None


def whole(scalar: Scalar) -> int | None:
    """Return the whole number that a scalar is, decimal or hexadecimal, or None.

    >>> whole(Scalar("", 1, "0x1F", True)), whole(Scalar("", 1, "017", True))
    (31, None)
    """
    text = scalar.text
    if not scalar.plain or len(text) > LONGEST_NUMBER:
        return None
    if _INT.fullmatch(text):
        return int(text)
    return int(text, 16) if _HEX.fullmatch(text) else None


def number(scalar: Scalar) -> float | None:
    """Return the number that a scalar is, or None; whole numbers are numbers, `.nan` is not.

    >>> number(Scalar("", 1, "1e3", True)), number(Scalar("", 1, ".inf", True))
    (1000.0, inf)
    """
    text = scalar.text
    if not scalar.plain or len(text) > LONGEST_NUMBER or kind(scalar) is Kind.TRAP:
        return None
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    if _FLOAT.fullmatch(text):
        return float(text)
    value = whole(scalar)
    return None if value is None else float(value)


def found(scalar: Scalar) -> str:
    """Return what a scalar is in words, with the remedy where YAML is a trap.

    >>> found(Scalar("", 1, "NO", True))
    "'NO', which some readers of YAML take for the boolean false"
    """
    if scalar.plain and scalar.text in _NULLS:
        return "nothing"
    if scalar.plain and kind(scalar) in {Kind.BOOLEAN, Kind.WHOLE, Kind.NUMBER} and len(scalar.text) <= LONGEST_NUMBER:
        return scalar.text
    if not scalar.text:
        return "empty text"
    text = quoted(scalar.text)
    trapped = trap(scalar.text) if scalar.plain else None
    if trapped:
        return f"{text}, which some readers of YAML take for {trapped}"
    if not scalar.plain and kind(Scalar("", 0, scalar.text, plain=True)) is not Kind.TEXT:
        return f"the text {text} (in quotes)"
    return text


def text_trouble(scalar: Scalar) -> str | None:
    """Return why a scalar cannot be taken as text as it stands, or None.

    Taken as they stand are texts, and numbers that every reader prints as they were written.

    >>> print(text_trouble(Scalar("", 1, "1.10", True)))
    '1.10' is the number 1.1 in YAML; put it in quotes
    >>> text_trouble(Scalar("", 1, "1.1", True))
    """
    text, what = scalar.text, kind(scalar)
    if what is Kind.TEXT or len(text) > LONGEST_NUMBER:
        return None
    if what is Kind.BOOLEAN:
        return f"{quoted(text)} is a boolean in YAML; put it in quotes"
    if what is Kind.TRAP:
        return f"{quoted(text)} is {trap(text)} to some readers of YAML; put it in quotes"
    value = whole(scalar) if what is Kind.WHOLE else number(scalar)
    if value is None or str(value) == text:
        return None
    return f"{quoted(text)} is the number {value} in YAML; put it in quotes"
