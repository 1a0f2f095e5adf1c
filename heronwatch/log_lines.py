"""One log event as one line of logfmt or JSON: secrets masked, control characters escaped."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from heronwatch.secrets import Secret

MASK = "***"
MOST_CHARS = 16_384  # of one value: a line stays below what syslog and Loki take by default
MOST_DEPTH = 6
SENSITIVE = frozenset({
    "authorization", "api_key", "apikey", "community", "cookie", "passphrase", "passwd", "password", "private_key",
    "secret", "token",
})  # fmt: skip
SENSITIVE_ENDS = ("_password", "_secret", "_token", "_passphrase")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def timestamp(unix_s: float) -> str:
    """UTC, ISO 8601, milliseconds.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def masked(key: str, value: Any, *, depth: int = 0) -> Any:  # a log value may be anything
    """The value with every Secret in it, and everything under a telling key, replaced.

    >>> masked("auth", {"user": "ana", "password": "x"})
    {'user': 'ana', 'password': '***'}
    """
    if isinstance(value, Secret) or (value is not None and _is_sensitive(key)):
        return MASK
    if depth >= MOST_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(name): masked(str(name), inner, depth=depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked("", inner, depth=depth + 1) for inner in value]
    return value


def _is_sensitive(key: str) -> bool:
    lowered = key.lower()
    return lowered in SENSITIVE or lowered.endswith(SENSITIVE_ENDS)


def logfmt_line(event: Mapping[str, Any]) -> str:
    """`key=value key="a value"`, without a line end.

    >>> logfmt_line({"level": "info", "msg": "two words", "n": 3})
    'level=info msg="two words" n=3'
    """
    return " ".join(f"{_logfmt_key(key)}={_logfmt_value(masked(key, value))}" for key, value in event.items())


def _logfmt_key(key: str) -> str:
    safe = "".join(char if char.isprintable() and char not in ' ="' else "_" for char in key)
    return safe or "_"


def _logfmt_value(value: Any) -> str:  # a log value may be anything
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    text = json.dumps(_plain(value)) if isinstance(value, dict | list) else _text(value)
    if text and all(char.isprintable() and char not in ' ="\\' for char in text):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_line(event: Mapping[str, Any]) -> str:
    r"""One JSON object in ASCII, without a line end.

    >>> json_line({"msg": "a\nb", "n": 3})
    '{"msg": "a\\nb", "n": 3}'
    """
    return json.dumps({key: _plain(masked(key, value)) for key, value in event.items()})


def _plain(value: Any) -> Any:  # a log value may be anything
    """What json.dumps writes as valid JSON."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return _text(value)


def _text(value: Any) -> str:  # a log value may be anything
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001  # a value that cannot be written must not lose the event
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"


LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {"logfmt": logfmt_line, "json": json_line}
