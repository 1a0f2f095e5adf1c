"""Secrets as a type: they print as ***, compare in constant time, and cannot be pickled or hashed."""

import hmac
import json
import re
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self
from urllib.parse import quote

MASK = "***"
DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)  # of a secret that has only to be recognised, not known


class Secret:
    """A text that must not be seen; only `reveal()` gives it out.

    >>> community = Secret("s3cret")
    >>> community, str(community), f"{community}", community.reveal()
    (Secret(***), '***', '***', 's3cret')
    >>> community == Secret("s3cret")
    True
    """

    __slots__ = ("__text",)
    __text: str

    __schema__: ClassVar[dict[str, Any]] = {
        "title": "secret",
        "description": "A secret as {env: NAME} or {file: path}; as text it stands in the file for all to read.",
        "oneOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"env": {"type": "string", "description": "name of an environment variable"}},
                "required": ["env"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"file": {"type": "string", "description": "path, relative to this file's folder"}},
                "required": ["file"],
                "additionalProperties": False,
            },
        ],
    }

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_Secret__text", text)

    def reveal(self) -> str:
        """Return the secret text, to be handed to whatever authenticates with it and to nothing else."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self.__text), _bytes(other.reveal()))

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart from others

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret cannot be pickled; load the configuration where it is needed")


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Return text with every secret in it replaced by ***, also where it was quoted for JSON or a URL.

    >>> mask("login with hunter2 failed", [Secret("hunter2")])
    'login with *** failed'
    """
    spellings = {spelling for secret in secrets for spelling in _spellings(secret.reveal())}
    for spelling in sorted(spellings - {""}, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return text


def _spellings(text: str) -> set[str]:
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    return {text, quote(text, errors="replace"), quote(text, safe="", errors="replace"), *escaped}


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
