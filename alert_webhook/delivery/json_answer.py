"""Reading a provider's JSON: an object, or nothing. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body holds, an empty one where it holds none.

    >>> json_object(b'{"ok": true}'), json_object(b"<html>")
    ({'ok': True}, {})
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
