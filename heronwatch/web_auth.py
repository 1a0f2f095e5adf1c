"""Basic authentication against bcrypt hashes, with the slow part remembered by a keyed hash."""

import base64
import binascii
import hashlib
import os
import re
import threading
from collections.abc import Mapping
from typing import Self

import bcrypt

MOST_REMEMBERED = 256
BCRYPT_USES_BYTES = 72  # bcrypt ignores what follows: Provos and Mazières 1999, section 3
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_SALT_AND_SUM = "." * 53


class BcryptHash:
    """A bcrypt hash as written in basic_auth_users; never printed."""

    __slots__ = ("cost", "text")
    __schema__ = {  # noqa: RUF012  # read by heronwatch.schema, never changed
        "type": "string",
        "pattern": r"^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$",
        "description": "bcrypt hash of the password, e.g. from `htpasswd -nBC 10 NAME`",
    }

    def __init__(self, text: str, cost: int) -> None:
        self.text = text
        self.cost = cost  # log2 of the rounds

    @classmethod
    def parse(cls, text: str) -> Self:
        """ValueError when the text is not a bcrypt hash; the message does not repeat it."""
        match = _HASH.fullmatch(text)
        if match is None or not 4 <= int(match[1]) <= 31:  # the range of the algorithm's cost
            raise ValueError("expected a bcrypt hash such as $2y$10$… (make one with `htpasswd -nBC 10 NAME`)")
        return cls(text, int(match[1]))

    def __repr__(self) -> str:
        return "BcryptHash('***')"

    def __str__(self) -> str:
        return "***"


class Verdicts:
    """Outcomes of password checks by a keyed hash of the credentials, which are not kept.

    Right and wrong ones are kept apart, so that a flood of wrong ones cannot push the right ones out.
    """

    def __init__(self) -> None:
        self.secret = os.urandom(32)
        self._known: tuple[dict[bytes, None], dict[bytes, None]] = ({}, {})
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bool | None:
        """What is known about these credentials."""
        wrong, right = self._known
        if key in right:
            return True
        return False if key in wrong else None

    def put(self, key: bytes, verdict: bool) -> None:  # the value itself
        """Remember an outcome, forgetting the oldest of its kind when full."""
        with self._lock:
            known = self._known[verdict]
            known[key] = None
            if len(known) > MOST_REMEMBERED:
                del known[next(iter(known))]


class BasicAuth:
    """The users of one web config."""

    def __init__(self, users: Mapping[str, BcryptHash], verdicts: Verdicts) -> None:
        self._users = dict(users)
        self._verdicts = verdicts
        text = "\0".join(f"{name}\0{entry.text}" for name, entry in sorted(users.items()))
        self._key = hashlib.blake2b(text.encode(), key=verdicts.secret).digest()
        cost = max((entry.cost for entry in users.values()), default=10)
        self._dummy = BcryptHash(f"$2b${cost:02d}${_SALT_AND_SUM}", cost)

    @property
    def required(self) -> bool:
        """Whether there are users at all."""
        return bool(self._users)

    def known(self, authorization: str | None) -> bool | None:
        """The verdict without any slow work; None when `check` has to find out."""
        if not self._users:
            return True
        if not authorization:
            return False
        return self._verdicts.get(self._digest(authorization))

    def check(self, authorization: str | None) -> bool:
        """The verdict on an Authorization header; takes as long as one bcrypt when it is not known yet.

        An unknown user costs the same time as a known one.
        """
        known = self.known(authorization)
        if known is not None or not authorization:
            return bool(known)
        credentials = parse_basic(authorization)
        verdict = credentials is not None and self._matches(*credentials)
        self._verdicts.put(self._digest(authorization), verdict)
        return verdict

    def _matches(self, user: str, password: bytes) -> bool:
        entry = self._users.get(user)
        same = _same(password, entry or self._dummy)
        return same and entry is not None

    def _digest(self, authorization: str) -> bytes:
        raw = authorization.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(raw, key=self._key, digest_size=32).digest()


def parse_basic(authorization: str) -> tuple[str, bytes] | None:
    """User and password of a Basic Authorization header (RFC 7617), None for anything else.

    >>> parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    ('Aladdin', b'open sesame')
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
        user, colon, password = raw.partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _same(password: bytes, entry: BcryptHash) -> bool:
    try:
        return bcrypt.checkpw(password[:BCRYPT_USES_BYTES], entry.text.encode())
    except ValueError:  # bcrypt refuses what it cannot read
        return False


class PasswordChecks:
    """How many slow checks may be under way at once: a flood of guesses must not take every thread."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def begin(self) -> bool:
        """Take a place; False when all are taken."""
        return self._free.acquire(blocking=False)

    def end(self) -> None:
        """Give the place back."""
        self._free.release()
