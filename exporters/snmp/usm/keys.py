"""Keys of the user-based security model: from a password to a key that is good for one engine alone. No I/O.

Sources: RFC 3414 section 2.6 and appendix A.2 (password to key, localisation), RFC 7860 (SHA-2), the drafts
blumenthal-aes-usm-04 and reeder-snmpv3-usm-3desede-00 (keys longer than a hash).
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

PASSWORD_BYTES = 1_048_576  # RFC 3414 section A.2: so much of the password, repeated, is hashed
MOST_PASSWORDS = 1_024
MOST_LOCALISED = 20_000
SHORTEST_PASSWORD = 8  # RFC 3414 section 11.2

AuthProtocol = Literal["MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"]
PrivProtocol = Literal["DES", "3DES", "AES", "AES192", "AES192C", "AES256", "AES256C"]
SecurityLevel = Literal["noAuthNoPriv", "authNoPriv", "authPriv"]


class Authentication(Struct, frozen=True):
    """An authentication protocol: its hash, and how many bytes of the HMAC a message carries."""

    digest: str
    mac_bytes: int


AUTHENTICATION: Mapping[AuthProtocol, Authentication] = {
    "MD5": Authentication("md5", 12),  # RFC 3414 section 6: HMAC-MD5-96
    "SHA": Authentication("sha1", 12),  # RFC 3414 section 7: HMAC-SHA-96
    "SHA224": Authentication("sha224", 16),  # RFC 7860 section 4
    "SHA256": Authentication("sha256", 24),
    "SHA384": Authentication("sha384", 32),
    "SHA512": Authentication("sha512", 48),
}

Extend = Callable[[str, bytes, bytes, int], bytes]
"""(digest, localised key, engine id, wanted bytes) → a key of at least that length."""


def blumenthal(digest: str, key: bytes, _engine_id: bytes, size: int) -> bytes:
    """Return a key extended by the hash of itself (draft-blumenthal-aes-usm-04 section 3.1.2.1)."""
    while len(key) < size:
        key += _hash(digest, key)
    return key


def reeder(digest: str, key: bytes, engine_id: bytes, size: int) -> bytes:
    """Return a key extended by taking its last part for a password (draft-reeder-snmpv3-usm-3desede-00 section 2.1).

    It costs as much as a password does.
    """
    part = key
    while len(key) < size:
        part = _localised(digest, _stretched(digest, part), engine_id)
        key += part
    return key


class Privacy(Struct, frozen=True):
    """How long the key of a privacy protocol is, and how one that is too short grows."""

    key_bytes: int
    extend: Extend


PRIVACY: Mapping[PrivProtocol, Privacy] = {
    "DES": Privacy(16, blumenthal),  # RFC 3414 section 8: 8 bytes of key and 8 of pre-IV; no hash is shorter
    "3DES": Privacy(32, reeder),  # 24 bytes of key and 8 of pre-IV
    "AES": Privacy(16, blumenthal),  # RFC 3826
    "AES192": Privacy(24, blumenthal),
    "AES192C": Privacy(24, reeder),  # C for Cisco, which extends keys of AES as the draft does for 3DES
    "AES256": Privacy(32, blumenthal),
    "AES256C": Privacy(32, reeder),
}


def authentication_key(protocol: AuthProtocol, password: str, engine_id: bytes) -> bytes:
    r"""Return the key that authenticates a user at one engine; the password must not be empty.

    >>> authentication_key("MD5", "maplesyrup", bytes(11) + b"\x02").hex()  # RFC 3414 section A.3.1
    '526f5eed9fcce26f8964c2930787d82b'
    """
    digest = AUTHENTICATION[protocol].digest
    return _localised(digest, _password_key(digest, password.encode()), engine_id)


@lru_cache(maxsize=MOST_LOCALISED)
def privacy_key(protocol: PrivProtocol, auth_protocol: AuthProtocol, password: str, engine_id: bytes) -> bytes:
    """Return the key that encrypts for a user at one engine: it is made with the hash of the authentication."""
    digest = AUTHENTICATION[auth_protocol].digest
    privacy = PRIVACY[protocol]
    key = authentication_key(auth_protocol, password, engine_id)
    return privacy.extend(digest, key, engine_id, privacy.key_bytes)[: privacy.key_bytes]


class Signer:
    """Makes and checks the codes of messages; the key itself is not kept."""

    __slots__ = ("_keyed", "_size", "blank")

    def __init__(self, protocol: AuthProtocol, key: bytes) -> None:
        authentication = AUTHENTICATION[protocol]
        self._keyed = hmac.new(key, digestmod=authentication.digest)
        self._size = authentication.mac_bytes
        self.blank = bytes(self._size)
        """What stands in a message for its code while that is computed (RFC 3414 section 6.3.1)."""

    def code(self, message: bytes) -> bytes:
        """Return the code of a message whose own code is blank."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.digest()[: self._size]

    def signed(self, message: bytes, at: int) -> bytes:
        """Return a message with its code in the blank at `at`."""
        return message[:at] + self.code(message) + message[at + self._size :]

    def accepts(self, message: bytes, start: int, end: int) -> bool:
        """Say whether the code between `start` and `end` is that of the message; how near it came takes no time."""
        if end - start != self._size:
            return False
        return hmac.compare_digest(message[start:end], self.code(message[:start] + self.blank + message[end:]))

    def __repr__(self) -> str:
        return "Signer(***)"


@lru_cache(maxsize=MOST_PASSWORDS)
def _password_key(digest: str, password: bytes) -> bytes:
    return _stretched(digest, password)


def _stretched(digest: str, password: bytes) -> bytes:
    """Hash a password repeated to a mebibyte: some milliseconds, so that guessing is slow."""
    return _hash(digest, (password * (PASSWORD_BYTES // len(password) + 1))[:PASSWORD_BYTES])


def _localised(digest: str, key: bytes, engine_id: bytes) -> bytes:
    return _hash(digest, key + engine_id + key)


def _hash(digest: str, data: bytes) -> bytes:
    return hashlib.new(digest, data).digest()
