"""Users in exporters.yml and in snmp.yml: what is refused with which words, and what becomes of the rest."""

import sys
from pathlib import Path

import pytest

from exporters.config import config_type
from exporters.snmp import PLUGIN
from exporters.snmp.config.credential import PUBLIC, SnmpCredential, security_of
from exporters.snmp.config.snmpyml import Auth
from exporters.snmp.errors import CredentialError
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret

USER = "username: ana"
AUTH = "auth_protocol: SHA256, auth_password: maple-auth"
MISSPELT = (
    "auth_protocol: expected one of 'MD5', 'SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512', "
    "found 'SHA-256' (did you mean 'SHA256'?)"
)
TWICE = "password: the same as auth_password: give one of them"
PRIV = "priv_protocol: AES, priv_password: syrup-priv"


def credential(keys: str) -> SnmpCredential:
    text = f"version: 1\ncredentials:\n  core: {{protocol: snmp, {keys}}}\n"
    return loads(text, config_type([PLUGIN]), file="exporters.yml").value.credentials["core"]  # type: ignore[no-any-return]


def faults(keys: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        credential(keys)
    return [str(fault).removeprefix("exporters.yml:3: credentials.core")[1:].strip() for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("keys", "level"),
    [
        (f"version: 3, {USER}", "noAuthNoPriv"),
        (f"version: 3, {USER}, {AUTH}", "authNoPriv"),
        (f"version: 3, {USER}, {AUTH}, {PRIV}", "authPriv"),
        (f"version: 3, {USER}, {AUTH}, security_level: authNoPriv", "authNoPriv"),
        (f"version: 3, {USER}, auth_protocol: MD5, password: maple-auth", "authNoPriv"),
        (f"version: 3, {USER}, {AUTH}, priv_protocol: 3DES, priv_password: syrup-priv, context_name: blue", "authPriv"),
    ],
)
def test_a_user_and_the_level_that_follows(keys: str, level: str) -> None:
    found = credential(keys)
    assert found.level == level
    assert repr(security_of(found)) == f"UserSecurity({level})"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("version: 2", ["missing key 'community'"]),
        ("community: public, username: ana", ["username: a key of SNMPv3: it needs version: 3"]),
        (
            f"version: 3, {USER}, community: public",
            ["community: SNMPv3 knows no community; it has a username and passwords"],
        ),
        ("version: 3", ["missing key 'username': SNMPv3 has users"]),
        (f"version: 3, username: {'x' * 33}", ["username: longer than 32 bytes"]),
        (f"version: 3, {USER}, context_name: {'x' * 33}", ["context_name: longer than 32 bytes"]),
        (
            f"version: 3, {USER}, auth_password: maple-auth",
            ["missing key 'auth_protocol' (one of MD5, SHA, SHA224, SHA256, SHA384, SHA512)"],
        ),
        (f"version: 3, {USER}, auth_protocol: SHA", ["missing key 'auth_password': SHA needs one"]),
        (
            f"version: 3, {USER}, {AUTH}, priv_password: syrup-priv",
            ["missing key 'priv_protocol' (one of DES, 3DES, AES, AES192, AES192C, AES256, AES256C)"],
        ),
        (
            f"version: 3, {USER}, {PRIV}",
            ["missing key 'auth_password': there is no privacy without authentication"],
        ),
        (
            f"version: 3, {USER}, {AUTH}, security_level: authPriv",
            ["missing key 'priv_password': authPriv needs one"],
        ),
        (
            f"version: 3, {USER}, {AUTH}, {PRIV}, security_level: authNoPriv",
            ["priv_password: security_level authNoPriv uses no such password"],
        ),
        (
            f"version: 3, {USER}, auth_protocol: SHA, auth_password: '1234567'",
            ["auth_password: shorter than 8 bytes, which SNMPv3 forbids (RFC 3414 section 11.2)"],
        ),
        (
            f"version: 3, {USER}, auth_protocol: SHA-256, auth_password: maple-auth",
            [MISSPELT],
        ),
        (f"version: 3, {USER}, {AUTH}, password: maple-auth", [TWICE]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(keys: str, expected: list[str]) -> None:
    assert faults(keys) == expected


def test_no_fault_shows_a_password() -> None:
    for keys in (f"version: 3, {AUTH}, {PRIV}", f"version: 3, {USER}, {AUTH}, {PRIV}, security_level: noAuthNoPriv"):
        assert not any(word in fault for fault in faults(keys) for word in ("maple", "syrup"))


def test_a_community_needs_no_more_than_before() -> None:
    assert repr(security_of(PUBLIC)) == "Community(version=1)"
    assert repr(security_of(credential("community: public, version: 1"))) == "Community(version=0)"


def test_an_auth_of_snmp_yml_gives_the_same_user(tmp_path: Path) -> None:
    auth = Auth(
        version=3, username="ana", security_level="authPriv", auth_protocol="SHA", password=Secret("short"),
        priv_protocol="AES192C", priv_password=Secret("short"), context_name="blue",
    )  # fmt: skip
    assert repr(security_of(auth)) == "UserSecurity(authPriv)"


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        (Auth(version=3), "SNMPv3 needs a username"),
        (
            Auth(version=3, username="ana", security_level="authNoPriv"),
            "authNoPriv needs an authentication password and its protocol",
        ),
        (
            Auth(version=3, username="ana", security_level="authPriv", password=Secret("maple-auth")),
            "authPriv needs a privacy password and its protocol",
        ),
    ],
)
def test_an_auth_that_lacks_something_is_told_before_anything_is_sent(auth: Auth, words: str) -> None:
    with pytest.raises(CredentialError, match=words):
        security_of(auth)


def test_passwords_beyond_the_level_are_not_used() -> None:
    auth = Auth(version=3, username="ana", password=Secret("maple-auth"), priv_password=Secret("syrup-priv"))
    assert repr(security_of(auth)) == "UserSecurity(noAuthNoPriv)"


@pytest.mark.parametrize("engine_id", ["8", "80zz", "0x", "00" * 33, "80 00"])
def test_an_engine_id_is_hexadecimal(engine_id: str) -> None:
    with pytest.raises(CredentialError, match="the context's engine ID is not hexadecimal"):
        security_of(Auth(version=3, username="ana"), engine_id=engine_id)


def test_a_missing_library_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("exporters.snmp.usm.model", "exporters.snmp.usm.privacy"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.decrepit.ciphers.algorithms", None)
    with pytest.raises(CredentialError, match=r"needs the library cryptography: pip install 'heronwatch\[snmp\]'"):
        security_of(Auth(version=3, username="ana"))
