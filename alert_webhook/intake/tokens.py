"""Tokens of integrations: compared by hash, in constant time, two valid at once while one is replaced."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from heronwatch.secrets import Secret


def authorized(authorization: str | None, tokens: Iterable[Secret]) -> bool:
    """Return whether an Authorization header carries one of the tokens; every token is compared.

    As a bearer token, or as the password of Basic, with any user, for senders that know nothing else.

    >>> authorized("Bearer open sesame", [Secret("open sesame")]), authorized(None, [Secret("open sesame")])
    (True, False)
    """
    given = _given(authorization or "")
    digest = _digest(given)
    matches = [hmac.compare_digest(digest, _digest(token.reveal())) for token in tokens]
    return any(matches) and bool(given)


def _given(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return _password(rest.strip()) if scheme.lower() == "basic" else ""


def _password(credentials: str) -> str:
    """Return the password of RFC 7617, "" where there is none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
