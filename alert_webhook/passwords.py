"""Passwords of local users: argon2id with RFC 9106's second recommended parameters (argon2-cffi's default)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARACTERS = 10


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, as a PHC string."""
    return PasswordHasher().hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Return whether `password` is the one; an unknown user (None) takes as long as a wrong password."""
    try:
        PasswordHasher().verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobody() -> str:
    return hash_password("no user has this password, whatever they type")
