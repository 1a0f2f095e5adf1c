"""Encryption against pysnmp, both ways, and what is refused."""

from typing import get_args

import pytest
from pyasn1.type import univ

from exporters.snmp.errors import MalformedError
from exporters.snmp.usm.keys import AuthProtocol, PrivProtocol, privacy_key
from exporters.snmp.usm.privacy import Cryptor, cryptor
from tests.fakes.usm_oracle import ENGINE, PAIRS, PRIV_ORACLES

BOOTS, TIME_S = 7, 1_234_567
PLAIN = bytes(range(256)) * 3 + b"odd"
NAMES: tuple[PrivProtocol, ...] = get_args(PrivProtocol)


def start(bits: int) -> int:
    return (1 << bits) - 2  # so that the second salt goes around


@pytest.mark.parametrize(("auth", "priv"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_pysnmp_reads_what_we_write_and_we_read_what_it_writes(auth: AuthProtocol, priv: PrivProtocol) -> None:
    key = privacy_key(priv, auth, "battery staple", ENGINE)
    ours, theirs, their_key = cryptor(priv, key, start), PRIV_ORACLES[priv], univ.OctetString(key)
    for _ in range(3):
        secret, salt = ours.encrypt(PLAIN, BOOTS, TIME_S)
        read = theirs.decrypt_data(their_key, (BOOTS, TIME_S, univ.OctetString(salt)), univ.OctetString(secret))
        assert bytes(read)[: len(PLAIN)] == PLAIN
        assert PLAIN not in secret
    secret, salt = theirs.encrypt_data(their_key, (BOOTS, TIME_S, None), PLAIN)
    assert ours.decrypt(bytes(secret), BOOTS, TIME_S, bytes(salt))[: len(PLAIN)] == PLAIN


@pytest.mark.parametrize("priv", NAMES)
def test_a_salt_is_used_once(priv: PrivProtocol) -> None:
    ours = cryptor(priv, bytes(range(32))[: 16 if priv in {"DES", "AES"} else 24 if "192" in priv else 32], start)
    pairs = [ours.encrypt(PLAIN, BOOTS, TIME_S) for _ in range(100)]
    assert len({salt for _, salt in pairs}) == len({secret for secret, _ in pairs}) == 100


@pytest.mark.parametrize(("priv", "length", "salt"), [("DES", 7, 8), ("3DES", 8, 7), ("AES", 8, 0), ("AES256", 8, 9)])
def test_what_cannot_be_decrypted_is_malformed(priv: PrivProtocol, length: int, salt: int) -> None:
    ours = cryptor(priv, privacy_key(priv, "SHA", "battery staple", ENGINE), start)
    with pytest.raises(MalformedError):
        ours.decrypt(bytes(length), BOOTS, TIME_S, bytes(salt))


@pytest.mark.parametrize("priv", NAMES)
def test_messages_of_every_length_in_any_order(priv: PrivProtocol) -> None:
    key = privacy_key(priv, "SHA", "battery staple", ENGINE)
    ours, peer = cryptor(priv, key, start), cryptor(priv, key, lambda bits: 1 << 20)
    sealed = []
    for size in range(50):
        sealed.append((PLAIN[:size], *ours.encrypt(PLAIN[:size], BOOTS, TIME_S + size), TIME_S + size))
        assert ours.decrypt(*peer_message(peer, size))[:size] == PLAIN[:size]
    for plain, secret, salt, time_s in reversed(sealed):
        assert peer.decrypt(secret, BOOTS, time_s, salt)[: len(plain)] == plain


def peer_message(peer: Cryptor, size: int) -> tuple[bytes, int, int, bytes]:
    secret, salt = peer.encrypt(PLAIN[:size], 1, size)
    return secret, 1, size, salt


def test_aes_of_rfc_3826_is_cfb_with_128_bits() -> None:
    # NIST SP 800-38A section F.3.13, CFB128-AES128: the first two blocks
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    ours = cryptor("AES", key, lambda bits: 0x08090A0B0C0D0E0E)  # counts on to …0f before it is used
    secret, salt = ours.encrypt(plain, 0x00010203, 0x04050607)
    assert secret.hex() == "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
    assert salt.hex() == "08090a0b0c0d0e0f"
