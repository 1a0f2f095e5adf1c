"""Encryption of SNMPv3: DES and 3DES in CBC mode, AES in CFB mode. No I/O; the salt's start is an argument.

Sources: RFC 3414 section 8 (DES), draft-reeder-snmpv3-usm-3desede-00 section 5 (3DES), RFC 3826 (AES; with longer keys
draft-blumenthal-aes-usm-04). Old devices speak nothing else than DES, which is why it is here.
"""

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from exporters.snmp.errors import MalformedError
from exporters.snmp.usm.keys import PrivProtocol

SALT_BYTES = 8  # every protocol here: msgPrivacyParameters
DES_BLOCK = 8
AES_BLOCK = 16


class Cryptor(Protocol):
    """Encrypts for one engine; every message gets a salt that was not used before."""

    def encrypt(self, plain: bytes, boots: int, time_s: int, /) -> tuple[bytes, bytes]:
        """Return what was encrypted, and the salt to send with it."""
        ...

    def decrypt(self, secret: bytes, boots: int, time_s: int, salt: bytes, /) -> bytes:
        """Return the plain text, perhaps with padding behind it; raises MalformedError for what cannot be one."""
        ...


def cryptor(protocol: PrivProtocol, key: bytes, random_bits: Callable[[int], int]) -> Cryptor:
    """Return what encrypts with a localised key; `random_bits(n)` gives the salt's start as a number of n bits."""
    if protocol == "DES":
        return CbcCryptor(key[:8] * 3, key[8:16], random_bits(32))  # three times the same key is single DES
    if protocol == "3DES":
        return CbcCryptor(key[:24], key[24:32], random_bits(32))
    return AesCryptor(key, random_bits(64))


class AesCryptor:
    """AES in CFB mode with a feedback of 128 bits; the salt is a number of 64 bits (RFC 3826 section 3.1).

    To make a cipher costs five times as much as to use it on a packet, so one is kept for each way. Each goes on from
    its last block of encrypted text, as CFB does; so a message's vector is put before it as one more such block.
    """

    __slots__ = ("_blocks", "_decryptor", "_encryptor", "_last", "_salt")

    def __init__(self, key: bytes, salt: int) -> None:
        cipher = Cipher(AES(key), CFB(bytes(AES_BLOCK)))
        self._decryptor = cipher.decryptor()
        self._encryptor = cipher.encryptor()
        self._blocks = Cipher(AES(key), ECB()).encryptor()  # noqa: S305  # single blocks, to steer the feedback of CFB
        self._last = bytes(AES_BLOCK)
        self._salt = salt

    def encrypt(self, plain: bytes, boots: int, time_s: int, /) -> tuple[bytes, bytes]:
        """Return what was encrypted, and its salt."""
        self._salt = (self._salt + 1) & 0xFFFF_FFFF_FFFF_FFFF
        vector = boots << 96 | time_s << 64 | self._salt
        first = (vector ^ int.from_bytes(self._blocks.update(self._last))).to_bytes(AES_BLOCK)  # encrypts to the vector
        size = len(plain)
        secret = self._encryptor.update(first + plain + bytes(-size % AES_BLOCK))
        self._last = secret[-AES_BLOCK:]
        return secret[AES_BLOCK : AES_BLOCK + size], secret[AES_BLOCK - SALT_BYTES : AES_BLOCK]

    def decrypt(self, secret: bytes, boots: int, time_s: int, salt: bytes, /) -> bytes:
        """Return the plain text."""
        if len(salt) != SALT_BYTES:
            raise MalformedError(f"a salt of {len(salt)} bytes")
        size = len(secret)
        vector = (boots << 32 | time_s).to_bytes(AES_BLOCK - SALT_BYTES) + salt
        return self._decryptor.update(vector + secret + bytes(-size % AES_BLOCK))[AES_BLOCK : AES_BLOCK + size]


class CbcCryptor:
    """DES or 3DES; the salt is the engine's boots and a number of 32 bits (RFC 3414 section 8.1.1.1)."""

    __slots__ = ("_key", "_pre_iv", "_salt")

    def __init__(self, key: bytes, pre_iv: bytes, salt: int) -> None:
        self._key = TripleDES(key)
        self._pre_iv = int.from_bytes(pre_iv)
        self._salt = salt

    def encrypt(self, plain: bytes, boots: int, _time_s: int, /) -> tuple[bytes, bytes]:
        """Return what was encrypted, padded to whole blocks, and its salt."""
        self._salt = (self._salt + 1) & 0xFFFF_FFFF
        salt = (boots << 32 | self._salt).to_bytes(SALT_BYTES)
        return self._cipher(salt).encryptor().update(plain + bytes(-len(plain) % DES_BLOCK)), salt

    def decrypt(self, secret: bytes, _boots: int, _time_s: int, salt: bytes, /) -> bytes:
        """Return the plain text with its padding."""
        if len(salt) != SALT_BYTES or len(secret) % DES_BLOCK:
            raise MalformedError(f"{len(secret)} encrypted bytes with a salt of {len(salt)}")
        return self._cipher(salt).decryptor().update(secret)

    def _cipher(self, salt: bytes) -> Cipher[CBC]:
        return Cipher(self._key, CBC((self._pre_iv ^ int.from_bytes(salt)).to_bytes(DES_BLOCK)))
