"""SNMPv3 against pysnmp's agent: 3DES, which Debian's snmpd does not speak, and the variants of AES once more."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Sequence

import pytest
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

from exporters.snmp import oid
from exporters.snmp.ber import Kind, Request
from exporters.snmp.config.credential import SnmpCredential, security_of
from exporters.snmp.conversation import Attempts
from exporters.snmp.errors import CredentialError
from exporters.snmp.session import Session
from exporters.snmp.transport import Endpoint
from heronwatch.secrets import Secret
from tests.fakes.daemons import LOOPBACK, free_port

SYS_DESCR = Request(Kind.GET, (oid.encode("1.3.6.1.2.1.1.1.0"),))
AUTHS = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA224": config.USM_AUTH_HMAC128_SHA224,
    "SHA256": config.USM_AUTH_HMAC192_SHA256,
    "SHA384": config.USM_AUTH_HMAC256_SHA384,
    "SHA512": config.USM_AUTH_HMAC384_SHA512,
}
PRIVS = {
    "DES": config.USM_PRIV_CBC56_DES,
    "3DES": config.USM_PRIV_CBC168_3DES,
    "AES": config.USM_PRIV_CFB128_AES,
    "AES192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES192C": config.USM_PRIV_CFB192_AES,
    "AES256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES256C": config.USM_PRIV_CFB256_AES,
}
TRIPLE = [(auth, "3DES") for auth in AUTHS]
OTHERS = [pair for pair in itertools.product(AUTHS, PRIVS) if pair not in TRIPLE]


@pytest.fixture
async def agent() -> AsyncIterator[tuple[engine.SnmpEngine, int]]:
    port = free_port(socket.SOCK_DGRAM)
    made = engine.SnmpEngine()
    config.add_transport(made, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode((LOOPBACK, port)))
    cmdrsp.GetCommandResponder(made, context.SnmpContext(made))
    cmdrsp.BulkCommandResponder(made, context.SnmpContext(made))
    yield made, port
    made.close_dispatcher()


def user(auth: str, priv: str, *, password: str = "maple-of-priv") -> SnmpCredential:
    keys = {"auth_protocol": auth, "auth_password": Secret("maple-of-auth"), "priv_protocol": priv}
    return SnmpCredential(
        version=3,
        username=f"{auth}-{priv}",
        priv_password=Secret(password),
        **keys,  # type: ignore[arg-type]
    )


async def asked(port: int, credential: SnmpCredential) -> bytes:
    session = Session(Endpoint(LOOPBACK, port), request_id=lambda: 1_000)
    try:
        attempts = Attempts(5.0, 1, asyncio.get_running_loop().time() + 20)
        return (await session.ask(SYS_DESCR, security_of(credential), attempts)).varbinds[0][1][1]
    finally:
        session.close()


async def all_understood(agent: tuple[engine.SnmpEngine, int], pairs: Sequence[tuple[str, str]]) -> None:
    made, port = agent
    for auth, priv in pairs:
        name = user(auth, priv).username
        config.add_v3_user(made, name, AUTHS[auth], "maple-of-auth", PRIVS[priv], "maple-of-priv")
        config.add_vacm_user(made, 3, name, "authPriv", (1, 3, 6), (1, 3, 6))
        assert (await asked(port, user(auth, priv))).startswith(b"PySNMP engine version")


async def test_pysnmp_understands_our_3des_with_every_hash(agent: tuple[engine.SnmpEngine, int]) -> None:
    await all_understood(agent, TRIPLE)


@pytest.mark.long
@pytest.mark.parametrize("priv", [priv for priv in PRIVS if priv != "3DES"])
async def test_pysnmp_understands_every_other_pair(agent: tuple[engine.SnmpEngine, int], priv: str) -> None:
    await all_understood(agent, [pair for pair in OTHERS if pair[1] == priv])


async def test_a_wrong_privacy_password_is_told(agent: tuple[engine.SnmpEngine, int]) -> None:
    made, port = agent
    config.add_v3_user(made, "SHA-AES", AUTHS["SHA"], "maple-of-auth", PRIVS["AES"], "maple-of-priv")
    with pytest.raises(CredentialError, match="decryptionErrors"):
        await asked(port, user("SHA", "AES", password="another one"))
