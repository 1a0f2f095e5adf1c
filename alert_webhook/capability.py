"""Capabilities: random texts that are a right by themselves. They are given out once and stored as hashes only."""

import base64
import hashlib
from collections.abc import Callable

TOKEN_BYTES = 16  # 128 bits: not to be guessed


def new_token(random: Callable[[int], bytes]) -> str:
    """Return a fresh capability, 22 characters safe in a URL."""
    return base64.urlsafe_b64encode(random(TOKEN_BYTES)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """Return what is stored of a capability: SHA-256, enough for a random text of 128 bits."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
