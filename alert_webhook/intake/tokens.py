"""Bearer tokens of integrations: compared by hash, in constant time, two valid at once while one is replaced."""

import hashlib
import hmac
from collections.abc import Iterable

from heronwatch.secrets import Secret

SCHEME = "bearer "


def authorized(authorization: str | None, tokens: Iterable[Secret]) -> bool:
    """Return whether an Authorization header carries one of the tokens; every token is compared.

    >>> authorized("Bearer open sesame", [Secret("open sesame")]), authorized(None, [Secret("open sesame")])
    (True, False)
    """
    text = authorization or ""
    given = text[len(SCHEME) :].strip() if text[: len(SCHEME)].lower() == SCHEME else ""
    digest = _digest(given)
    matches = [hmac.compare_digest(digest, _digest(token.reveal())) for token in tokens]
    return any(matches) and bool(given)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
