"""X-Twilio-Signature: which requests Twilio signed. Pure.

Twilio's "Webhooks security": base64 of HMAC-SHA1, keyed with the account's auth token, over the full URL it was given,
followed by every field of the form, sorted by name, each as its name and its value without anything in between. Where
the body is JSON, the URL has its SHA-256 as `bodySHA256`, and no fields follow.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

from heronwatch.secrets import Secret

PORTS = {"https": 443, "http": 80}
Fields = Sequence[tuple[str, str]]


def signature(token: Secret, url: str, fields: Fields) -> str:
    """Return the signature of a request with a form; of a field that repeats, each value counts once, sorted."""
    parts = sorted({(name, value) for name, value in fields})
    signed = url + "".join(f"{name}{value}" for name, value in parts)
    key = token.reveal().encode()
    return base64.b64encode(hmac.digest(key, signed.encode(errors="surrogatepass"), hashlib.sha1)).decode()


def signed(token: Secret, given: str, url: str, fields: Fields) -> bool:
    """Say whether `given` is right for the URL, with its port written out or without."""
    presented = given.encode(errors="surrogatepass")
    right = [hmac.compare_digest(presented, signature(token, each, fields).encode()) for each in _spellings(url)]
    return any(right)


def body_fits(url: str, body: bytes) -> bool | None:
    """Say whether the body is the one that the URL's `bodySHA256` tells of, None where it tells of none."""
    told = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    if not told:
        return None
    presented = told[0].lower().encode(errors="surrogatepass")
    return hmac.compare_digest(presented, hashlib.sha256(body).hexdigest().encode())


def _spellings(url: str) -> Iterator[str]:
    """Yield the URL as it is, and the way Twilio may write its port."""
    yield url
    parts = urlsplit(url)
    port = PORTS.get(parts.scheme)
    if port is None or parts.hostname is None:
        return
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.port is None:
        yield urlunsplit(parts._replace(netloc=f"{host}:{port}"))
    elif parts.port == port:
        yield urlunsplit(parts._replace(netloc=host))
