"""Tokens of integrations: compared by hash, in constant time, two valid at once while one is replaced."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from heronwatch.secrets import DIGEST, Secret

DIGEST_START = "sha256:"


def authorized(authorization: str | None, tokens: Iterable[Secret]) -> bool:
    """Return whether an Authorization header carries one of the tokens; every token is compared.

    As a bearer token, or as the password of Basic, with any user, for senders that know nothing else. The
    configuration holds the token itself, or its digest.

    >>> authorized("Bearer open sesame", [Secret("open sesame")]), authorized(None, [Secret("open sesame")])
    (True, False)
    >>> authorized("Bearer open sesame", [Secret(digest_line("open sesame"))])
    True
    """
    given = _given(authorization or "")
    digest = _digest(given)
    matches = [hmac.compare_digest(digest, _expected(token.reveal())) for token in tokens]
    return any(matches) and bool(given)


def digest_line(token: str) -> str:
    """Return what stands in the configuration in place of a token; enough for a random one of 128 bits or more."""
    return DIGEST_START + _digest(token).hex()


def fault(token: str, least_characters: int) -> str:
    """Return what is wrong with a token of the configuration, "" for nothing; the message holds nothing of it."""
    if token.startswith(DIGEST_START):
        return "" if DIGEST.fullmatch(token) else "expected sha256: and 64 lower-case hexadecimal digits"
    if len(token) < least_characters:
        return f"a token has at least {least_characters} characters (heronwatch webhook token NAME makes one)"
    return ""


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


def _expected(token: str) -> bytes:
    found = DIGEST.fullmatch(token)
    return bytes.fromhex(found[1]) if found else _digest(token)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
