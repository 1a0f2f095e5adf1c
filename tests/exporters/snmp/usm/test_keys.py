"""Keys against published vectors and pysnmp."""

import hashlib
import hmac

import pytest
from pyasn1.type import univ

from exporters.snmp.usm.keys import (
    AUTHENTICATION,
    PRIVACY,
    AuthProtocol,
    PrivProtocol,
    Signer,
    authentication_key,
    privacy_key,
)
from tests.fakes.usm_oracle import AUTH_IDS, AUTH_ORACLES, ENGINE, PAIRS, PRIV_ORACLES


@pytest.mark.parametrize(
    ("protocol", "password", "key"),
    [
        ("MD5", "maplesyrup", "526f5eed9fcce26f8964c2930787d82b"),  # RFC 3414 section A.3.1
        ("SHA", "maplesyrup", "6695febc9288e36282235fc7151f128497b38f3f"),  # A.3.2
        ("MD5", "newsyrup", "87021d7bd9d101ba05ea6e3bf9d9bd4a"),  # A.5.1
        ("SHA", "newsyrup", "78e2dcce79d59403b58c1bbaa5bff46391f1cd25"),  # A.5.2
    ],
)
def test_keys_of_the_rfc(protocol: AuthProtocol, password: str, key: str) -> None:
    assert authentication_key(protocol, password, ENGINE).hex() == key


@pytest.mark.parametrize(
    ("auth", "priv", "key"),
    [
        # draft-reeder-snmpv3-usm-3desede-00 sections B.1 and B.2
        ("MD5", "3DES", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
        ("SHA", "3DES", "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c"),
        # draft-blumenthal-aes-usm-04 section A.1
        ("SHA", "AES256", "6695febc9288e36282235fc7151f128497b38f3f505e07eb9af25568fa1f5dbe"),
    ],
)
def test_long_keys_of_the_drafts(auth: AuthProtocol, priv: PrivProtocol, key: str) -> None:
    assert privacy_key(priv, auth, "maplesyrup", ENGINE).hex() == key


@pytest.mark.parametrize(("auth", "priv"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_keys_are_those_of_pysnmp(auth: AuthProtocol, priv: PrivProtocol) -> None:
    auth_oracle, priv_oracle, engine = AUTH_ORACLES[auth], PRIV_ORACLES[priv], univ.OctetString(ENGINE)
    hashed = auth_oracle.hash_passphrase(univ.OctetString(b"correct horse"))
    assert authentication_key(auth, "correct horse", ENGINE) == bytes(auth_oracle.localize_key(hashed, engine))
    hashed = priv_oracle.hash_passphrase(AUTH_IDS[auth], univ.OctetString(b"battery staple"))
    localised = priv_oracle.localize_key(AUTH_IDS[auth], hashed, engine)
    assert privacy_key(priv, auth, "battery staple", ENGINE) == bytes(localised)[: PRIVACY[priv].key_bytes]


@pytest.mark.parametrize("protocol", AUTHENTICATION)
def test_pysnmp_accepts_our_codes_and_we_accept_its(protocol: AuthProtocol) -> None:
    key = authentication_key(protocol, "correct horse", ENGINE)
    signer, oracle = Signer(protocol, key), AUTH_ORACLES[protocol]
    size = len(signer.blank)
    message = b"\x30before" + signer.blank + b"after"
    theirs = oracle.authenticate_outgoing_message(univ.OctetString(key), message)
    assert signer.accepts(bytes(theirs), 7, 7 + size)
    ours = signer.signed(message, 7)
    code = univ.OctetString(ours[7 : 7 + size])
    assert oracle.authenticate_incoming_message(univ.OctetString(key), code, ours)


@pytest.mark.parametrize(
    ("protocol", "code"),
    [
        # RFC 4231 section 4.2 (RFC 2202 for SHA), cut as RFC 3414 and RFC 7860 say
        ("SHA", "b617318655057264e28bc0b6"),
        ("SHA224", "896fb1128abbdf196832107cd49df33f"),
        ("SHA256", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da7"),
        ("SHA384", "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"),
        ("SHA512", "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"),
    ],
)
def test_codes_of_the_rfc(protocol: AuthProtocol, code: str) -> None:
    assert Signer(protocol, b"\x0b" * 20).code(b"Hi There").hex() == code


@pytest.mark.parametrize("protocol", AUTHENTICATION)
def test_a_signed_message_is_accepted_and_no_other(protocol: AuthProtocol) -> None:
    signer = Signer(protocol, authentication_key(protocol, "correct horse", ENGINE))
    size = len(signer.blank)
    signed = signer.signed(b"before" + signer.blank + b"after", 6)
    key = authentication_key(protocol, "correct horse", ENGINE)
    whole = hmac.digest(key, b"before" + bytes(size) + b"after", AUTHENTICATION[protocol].digest)
    assert signed == b"before" + whole[:size] + b"after"
    assert signer.accepts(signed, 6, 6 + size)
    assert not signer.accepts(signed, 6, 6 + size - 1)
    assert not signer.accepts(signed, 6, 6)
    assert not signer.accepts(signed[:-1] + b"!", 6, 6 + size)


def test_a_password_of_one_letter_fills_a_mebibyte() -> None:
    hashed = hashlib.sha1(b"x" * 1_048_576).digest()
    assert authentication_key("SHA", "x", b"e") == hashlib.sha1(hashed + b"e" + hashed).digest()


def test_a_signer_shows_no_key() -> None:
    assert repr(Signer("SHA", b"the very key")) == "Signer(***)"
