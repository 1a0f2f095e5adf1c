"""How to talk to a device: the block under `credentials:`, and the `auths` of an ordinary `snmp.yml`."""

from typing import Literal

from exporters.probing.collector import CredentialBlock
from exporters.snmp import ber
from exporters.snmp.errors import CredentialError
from exporters.snmp.security import Community, SecurityModel
from exporters.snmp.snmpyml import Auth
from heronwatch.secrets import Secret


class SnmpCredential(CredentialBlock, frozen=True, kw_only=True, tag="snmp"):
    """A community of SNMPv2c, or of v1 where the device knows no other."""

    community: Secret
    version: Literal[1, 2] = 2


PUBLIC = SnmpCredential(community=Secret("public"))

_VERSIONS = {1: ber.V1, 2: ber.V2C}


def security_of(credential: SnmpCredential | Auth) -> SecurityModel:
    """Return the security model of a credential; raises CredentialError for a version that is not spoken."""
    version = _VERSIONS.get(credential.version)
    if version is None:
        raise CredentialError(f"SNMPv{credential.version} is not supported by this version of Heronwatch")
    return Community(version, credential.community.reveal())
