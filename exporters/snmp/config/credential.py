"""How to talk to a device: the block under `credentials:`, and the `auths` of an ordinary `snmp.yml`."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from exporters.probing.collector import CredentialBlock
from exporters.snmp import ber
from exporters.snmp.config.snmpyml import Auth
from exporters.snmp.errors import CredentialError
from exporters.snmp.security import Community, SecurityModel
from exporters.snmp.usm.keys import SHORTEST_PASSWORD, AuthProtocol, PrivProtocol, SecurityLevel
from heronwatch.secrets import Secret

if TYPE_CHECKING:
    from exporters.snmp.usm.model import Scope, User

ENGINE_ID = r"(0x)?([0-9A-Fa-f]{2}){1,32}"
"""How an engine id is written: at most 32 bytes in hexadecimal (RFC 3411 section 5, SnmpEngineID)."""

_VERSIONS = {1: ber.V1, 2: ber.V2C}
_OF_V3 = (
    "username", "security_level", "auth_protocol", "auth_password", "password", "priv_protocol", "priv_password",
    "context_name",
)  # fmt: skip


class SnmpCredential(CredentialBlock, frozen=True, kw_only=True, tag="snmp"):
    """A community of SNMPv2c, or of v1 where the device knows no other; or with `version: 3` a user."""

    community: Secret | None = None
    version: Literal[1, 2, 3] = 2
    username: str = ""
    security_level: SecurityLevel | None = None
    """Where it is not said, the passwords that are there say it."""
    auth_protocol: AuthProtocol | None = None
    auth_password: Secret | None = None
    password: Secret | None = None
    """The same under the name that it has in snmp.yml."""
    priv_protocol: PrivProtocol | None = None
    """AES192C and AES256C are Cisco's: their keys are made as those of 3DES."""
    priv_password: Secret | None = None
    context_name: str = ""

    @property
    def auth_secret(self) -> Secret | None:
        """The password of the authentication, whichever name it was given under."""
        return self.auth_password if self.auth_password is not None else self.password

    @property
    def level(self) -> SecurityLevel:
        """The security level of SNMPv3."""
        if self.security_level is not None:
            return self.security_level
        if self.auth_secret is None:
            return "noAuthNoPriv"
        return "authNoPriv" if self.priv_password is None else "authPriv"

    def config_faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is missing or contradictory."""
        if self.version == 3:
            yield from _user_faults(self)
            return
        if self.community is None:
            yield "", "missing key 'community'"
        for key in _OF_V3:
            if getattr(self, key):
                yield key, "a key of SNMPv3: it needs version: 3"


PUBLIC = SnmpCredential(community=Secret("public"))


def security_of(
    credential: SnmpCredential | Auth,
    *,
    context: str = "",
    engine_id: str = "",
    now: Callable[[], float] = time.monotonic,
    random_bits: Callable[[int], int] = secrets.randbits,
) -> SecurityModel:
    """Return the security model of a credential for one device; raises CredentialError for one that cannot be used.

    For SNMPv3 `context` goes before the credential's own, and `engine_id` (hexadecimal) is the context's, where that
    is not the device's own. `now` is a monotonic clock in seconds, `random_bits(n)` a random number of n bits.
    """
    version = _VERSIONS.get(credential.version)
    if version is not None:
        return Community(version, credential.community.reveal() if credential.community is not None else "")
    try:
        from exporters.snmp.usm.model import UserSecurity  # noqa: PLC0415  a library is loaded where v3 is spoken
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise CredentialError(f"SNMPv3 needs the library {library}: pip install 'heronwatch[snmp]'") from error
    return UserSecurity(_user(credential), _scope(credential, context, engine_id), now=now, random_bits=random_bits)


def _user(credential: SnmpCredential | Auth) -> "User":
    from exporters.snmp.usm.model import User  # noqa: PLC0415  see above

    level = credential.security_level if isinstance(credential, Auth) else credential.level
    auth_password = credential.password if isinstance(credential, Auth) else credential.auth_secret
    auth, priv = level != "noAuthNoPriv", level == "authPriv"
    if not credential.username:
        raise CredentialError("SNMPv3 needs a username")
    if auth and not (auth_password and credential.auth_protocol):
        raise CredentialError(f"{level} needs an authentication password and its protocol")
    if priv and not (credential.priv_password and credential.priv_protocol):
        raise CredentialError(f"{level} needs a privacy password and its protocol")
    return User(
        name=credential.username,
        auth_protocol=credential.auth_protocol if auth else None,
        auth_password=auth_password or Secret(""),
        priv_protocol=credential.priv_protocol if priv else None,
        priv_password=credential.priv_password or Secret(""),
    )


def _scope(credential: SnmpCredential | Auth, context: str, engine_id: str) -> "Scope":
    from exporters.snmp.usm.model import Scope  # noqa: PLC0415  see above

    if engine_id and not re.fullmatch(ENGINE_ID, engine_id):
        raise CredentialError("the context's engine ID is not hexadecimal, or longer than 32 bytes")
    return Scope(context or credential.context_name, bytes.fromhex(engine_id.removeprefix("0x")))


def _user_faults(credential: SnmpCredential) -> Iterator[tuple[str, str]]:
    if credential.community is not None:
        yield "community", "SNMPv3 knows no community; it has a username and passwords"
    if not credential.username:
        yield "", "missing key 'username': SNMPv3 has users"
    elif len(credential.username.encode()) > 32:  # RFC 3414 section 5, usmUserName
        yield "username", "longer than 32 bytes"
    if len(credential.context_name.encode()) > 32:  # RFC 3413 section 5, snmpAdminString of a context
        yield "context_name", "longer than 32 bytes"
    if credential.password is not None and credential.auth_password is not None:
        yield "password", "the same as auth_password: give one of them"
    yield from _part_faults(credential, "auth", ("authNoPriv", "authPriv"), "MD5, SHA, SHA224, SHA256, SHA384, SHA512")
    yield from _part_faults(credential, "priv", ("authPriv",), "DES, 3DES, AES, AES192, AES192C, AES256, AES256C")
    if credential.security_level is None and credential.priv_password and not credential.auth_secret:
        yield "", "missing key 'auth_password': there is no privacy without authentication"


def _part_faults(
    credential: SnmpCredential, part: str, levels: tuple[SecurityLevel, ...], protocols: str
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a password and its protocol, given the level."""
    is_auth = part == "auth"
    key = "password" if is_auth and credential.password is not None else f"{part}_password"
    password = credential.auth_secret if is_auth else credential.priv_password
    protocol: str | None = getattr(credential, f"{part}_protocol")
    level = credential.level
    if password is None and (protocol is not None or level in levels):
        yield "", f"missing key '{key}': {protocol or level} needs one"
    if password is not None and protocol is None:
        yield "", f"missing key '{part}_protocol' (one of {protocols})"
    if password is not None and level not in levels and credential.security_level is not None:
        yield key, f"security_level {level} uses no such password"
    if password is not None and len(password.reveal().encode()) < SHORTEST_PASSWORD:
        yield key, f"shorter than {SHORTEST_PASSWORD} bytes, which SNMPv3 forbids (RFC 3414 section 11.2)"
