"""HMAC-SHA256 signatures of bodies, as Grafana (12, and 11.6) and many others make them."""

import hashlib
import hmac
from collections.abc import Callable

from alert_webhook.intake.blocks import SignatureBlock

Headers = Callable[[str], str | None]


def fault(block: SignatureBlock, headers: Headers, body: bytes, *, now: float) -> str:
    """Return what is wrong with a request's signature, "" for nothing; every secret is compared, in constant time."""
    given = (headers(block.header) or "").strip()
    if not given:
        return f"the header {block.header} with the body's signature is missing"
    signed = body
    if block.timestamp_header:
        timestamp = (headers(block.timestamp_header) or "").strip()
        if problem := _stale(timestamp, block, now):
            return problem
        signed = timestamp.encode() + b":" + body
    matches = [
        hmac.compare_digest(given.lower().encode(errors="replace"), expected(secret.reveal(), signed, block.prefix))
        for secret in block.secrets
    ]
    return "" if any(matches) else f"the signature in {block.header} is not this body's"


def expected(secret: str, signed: bytes, prefix: str = "") -> bytes:
    """Return the signature as it stands in the header.

    >>> expected("test-secret", b'{"alerts":[]}')[:16]
    b'2fa4775cdae90247'
    """
    return (prefix + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()).lower().encode()


def _stale(timestamp: str, block: SignatureBlock, now: float) -> str:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return f"the header {block.timestamp_header} with the time of the signature is missing or no Unix time"
    if abs(now - int(timestamp)) > block.tolerance:
        return f"the signature's time is more than {block.tolerance} from ours"
    return ""
