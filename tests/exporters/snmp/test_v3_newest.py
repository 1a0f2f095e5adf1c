"""The newest snmp_exporter and we, at the same agent: names of protocols, contexts and engines mean the same."""

import asyncio
import contextlib
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from exporters.snmp import ber
from exporters.snmp.ber import Kind, Request
from exporters.snmp.config.catalogue import parse
from exporters.snmp.config.credential import security_of
from exporters.snmp.conversation import Attempts
from exporters.snmp.session import Session
from exporters.snmp.transport import Endpoint
from exporters.snmp.usm import v3_message
from tests.fakes import snmpd3
from tests.fakes.daemons import LOOPBACK, Daemon, snmp_exporter
from tests.fakes.newest import SNMP_EXPORTER, newest

pytestmark = pytest.mark.newest

MODULE = """
modules:
  m:
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: time}]
auths:
"""
PASSWORDS = f"password: {snmpd3.AUTH_PASSWORD}, priv_password: {snmpd3.PRIV_PASSWORD}, version: 3"


def snmp_yml() -> str:
    """The text of a file of ours and theirs, with an auth for each pair, and one whose messages can be looked into."""
    lines = [
        f"  {snmpd3.user_of(*pair)}: {{username: {snmpd3.user_of(*pair)}, security_level: authPriv, "
        f"auth_protocol: {pair[0]}, priv_protocol: {pair[1]}, {PASSWORDS}}}\n"
        for pair in snmpd3.PAIRS
    ]
    plain = f"{{username: {snmpd3.PLAIN}, security_level: authNoPriv, auth_protocol: SHA256, {PASSWORDS}}}"
    return MODULE + "".join(lines) + f"  plain: {plain}\n"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmpd3.snmpd3(tmp_path_factory.mktemp("snmpd3")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with newest(SNMP_EXPORTER, snmp_exporter(tmp_path_factory.mktemp("peer"), snmp_yml())) as daemon:
        yield daemon


def theirs(peer: Daemon, port: int, query: str) -> str:
    with urllib.request.urlopen(f"{peer.url}/snmp?target={LOOPBACK}:{port}&module=m&{query}", timeout=20) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("pair", snmpd3.PAIRS, ids=[snmpd3.user_of(*pair) for pair in snmpd3.PAIRS])
def test_its_names_of_protocols_are_those_that_our_tests_give_the_agent(
    agent: Daemon, peer: Daemon, pair: tuple[str, str]
) -> None:
    assert "\nsysUpTime " in theirs(peer, agent.port, f"auth={snmpd3.user_of(*pair)}")


@contextlib.asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[int, list[tuple[bytes, bytes]]]]:
    """A port that passes on to an agent, and the (context engine, context) of each signed request that went by."""
    loop = asyncio.get_running_loop()
    scopes: list[tuple[bytes, bytes]] = []
    front, back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    front.bind((LOOPBACK, 0))
    back.connect((LOOPBACK, port))
    client: list[object] = []

    def forth() -> None:
        datagram, source = front.recvfrom(65_535)
        client[:] = [source]
        message = v3_message.read(datagram)
        if message.flags & v3_message.AUTH:
            scopes.append(scope_of(datagram, message.data_start))
        back.send(datagram)

    loop.add_reader(front, forth)
    loop.add_reader(back, lambda: front.sendto(back.recv(65_535), client[0]))  # type: ignore[arg-type]
    try:
        yield front.getsockname()[1], scopes
    finally:
        for side in (front, back):
            loop.remove_reader(side)
            side.close()


def scope_of(datagram: bytes, start: int) -> tuple[bytes, bytes]:
    pos, _ = ber.header(datagram, start)
    engine, engine_end = ber.header(datagram, pos)
    context, context_end = ber.header(datagram, engine_end)
    return datagram[engine:engine_end], datagram[context:context_end]


@pytest.mark.parametrize(
    ("context", "engine_id"), [("", ""), ("", "80001f8804666f6f"), ("", "80001F8804666F6F"), ("blue", "8000")]
)
async def test_context_and_engine_of_the_url_are_sent_alike(
    agent: Daemon, peer: Daemon, tmp_path: Path, context: str, engine_id: str
) -> None:
    auth = parse(snmp_yml(), "snmp.yml")[1]["plain"]
    async with relay(agent.port) as (port, scopes):
        query = f"auth=plain&snmp_context={context}&snmp_engineid={engine_id}"
        await asyncio.to_thread(theirs, peer, port, query)
        session = Session(Endpoint(LOOPBACK, port), request_id=lambda: 1_000)
        request = Request(Kind.GET, (bytes.fromhex("2b06010201010300"),))
        attempts = Attempts(5.0, 0, asyncio.get_running_loop().time() + 10)
        await session.ask(request, security_of(auth, context=context, engine_id=engine_id), attempts)
        session.close()
    assert len(scopes) == 2
    assert scopes[0] == scopes[1]
    assert scopes[0][1] == context.encode()
