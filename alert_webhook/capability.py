"""Capabilities: random texts that are a right by themselves. They are given out once and stored as hashes only."""

import base64
import hashlib
from collections.abc import Callable

TOKEN_BYTES = 16  # 128 bits: not to be guessed
KEY_START = "hwk_"
INTAKE_START = "hwi_"
KEY_PREFIX_BYTES, KEY_BYTES = 4, 32


def new_token(random: Callable[[int], bytes]) -> str:
    """Return a fresh capability, 22 characters safe in a URL."""
    return base64.urlsafe_b64encode(random(TOKEN_BYTES)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """Return what is stored of a capability: SHA-256, enough for a random text of 128 bits."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def new_api_key(random: Callable[[int], bytes]) -> tuple[str, str]:
    """Return a fresh API key of 256 bits and the prefix it is known by; `hwk_` lets scanners find leaked ones."""
    return _with_prefix(KEY_START, random)


def new_intake_token(random: Callable[[int], bytes]) -> tuple[str, str]:
    """Return a fresh token for an integration, of 256 bits, and the prefix it is known by."""
    return _with_prefix(INTAKE_START, random)


def _with_prefix(start: str, random: Callable[[int], bytes]) -> tuple[str, str]:
    prefix = f"{start}{random(KEY_PREFIX_BYTES).hex()}"
    return f"{prefix}_{base64.urlsafe_b64encode(random(KEY_BYTES)).rstrip(b'=').decode()}", prefix
