"""SNMPv3 all the way: the collector and its session against net-snmp's agent, over UDP, UDP6 and TCP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from exporters.metric.samples import Reading
from exporters.probing.collector import Credential, Module, Target, Transport
from exporters.snmp import oid
from exporters.snmp.ber import Kind, Request, Steps
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import builtin_modules, parse
from exporters.snmp.config.credential import SnmpCredential, security_of
from exporters.snmp.config.snmpyml import Auth
from exporters.snmp.conversation import Attempts
from exporters.snmp.security import SecurityModel
from exporters.snmp.session import Session
from exporters.snmp.transport import Endpoint
from exporters.snmp.window import Window
from heronwatch.secrets import Secret
from tests.fakes import snmp_collectors, snmpd3
from tests.fakes.daemons import LOOPBACK, Daemon

ONE = [("SHA256", "AES")]
SYSTEM = builtin_modules()["system"]
CREDENTIAL = SnmpCredential(
    version=3, username=snmpd3.user_of(*ONE[0]), auth_protocol="SHA256", auth_password=Secret(snmpd3.AUTH_PASSWORD),
    priv_protocol="AES", priv_password=Secret(snmpd3.PRIV_PASSWORD),
)  # fmt: skip
AUTH = Auth(
    version=3, username=snmpd3.user_of(*ONE[0]), security_level="authPriv", auth_protocol="SHA256",
    password=Secret(snmpd3.AUTH_PASSWORD), priv_protocol="AES", priv_password=Secret(snmpd3.PRIV_PASSWORD),
)  # fmt: skip
IN_CONTEXT = f"""
modules:
  there:
    timeout: 1s
    retries: 0
    get: [{snmpd3.CONTEXT_ROOT}.3.0]
    metrics: [{{name: upTime, oid: {snmpd3.CONTEXT_ROOT}.3, type: gauge, help: of the context}}]
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmpd3.snmpd3(tmp_path_factory.mktemp("snmpd3"), pairs=ONE) as daemon:
        yield daemon


@pytest.fixture
async def collector() -> AsyncIterator[SnmpCollector]:
    async with snmp_collectors.collector() as made:
        yield made


async def scraped(
    collector: SnmpCollector, port: int, *, value: object = CREDENTIAL, module: Module = SYSTEM,
    address: str = LOOPBACK, transport: Transport = "udp", params: dict[str, str] | None = None,
) -> Reading:  # fmt: skip
    credential = Credential(name="core", value=value, bound=isinstance(value, SnmpCredential))
    target = Target(
        name="device", address=address, port=port, transport=transport, credential=credential, params=params or {}
    )
    return await collector.collect(target, [module], asyncio.get_running_loop().time() + 10)


@pytest.mark.parametrize(
    ("address", "transport"), [(LOOPBACK, "udp"), ("::1", "udp"), (LOOPBACK, "tcp")], ids=["udp", "udp6", "tcp"]
)
async def test_every_transport(agent: Daemon, collector: SnmpCollector, address: str, transport: Transport) -> None:
    if ":" in address and not snmpd3.has_ipv6():
        pytest.skip("needs IPv6 on the loopback interface")
    packets = []
    for value in (SnmpCredential(community=Secret("public")), CREDENTIAL):
        for _ in range(2):
            is_plain = value is not CREDENTIAL
            reading = await scraped(
                collector, agent.port, value=value, address=LOOPBACK if is_plain else address,
                transport="udp" if is_plain else transport,
            )  # fmt: skip
            assert reading.faults == ()
            packets.append(reading.modules["system"].packets_sent)
        await collector.close()
    first, second, first_v3, second_v3 = packets
    assert (first_v3, second_v3) == (first + 1, second), "only the first scrape asks for the engine"


async def test_an_auth_of_snmp_yml_reads_the_same(agent: Daemon, collector: SnmpCollector) -> None:
    reading = await scraped(collector, agent.port, value=AUTH)
    assert reading.faults == ()
    assert reading.modules["system"].pdus_returned > 0


async def test_a_restart_costs_no_scrape(tmp_path: Path, collector: SnmpCollector) -> None:
    folder = snmpd3.fresh(tmp_path)
    with snmpd3.snmpd3(folder, pairs=ONE) as agent:
        assert (await scraped(collector, agent.port)).faults == ()
        steady = (await scraped(collector, agent.port)).modules["system"]
    with snmpd3.snmpd3(folder, port=agent.port, pairs=ONE):
        reading = await scraped(collector, agent.port)
        assert reading.faults == ()
        after = reading.modules["system"]
        assert (after.packets_sent - steady.packets_sent, after.packets_retried) == (1, 0)


async def test_another_device_in_its_place_costs_no_scrape(tmp_path: Path, collector: SnmpCollector) -> None:
    with snmpd3.snmpd3(snmpd3.fresh(tmp_path), pairs=ONE) as agent:
        assert (await scraped(collector, agent.port)).faults == ()
    with snmpd3.snmpd3(snmpd3.fresh(tmp_path), port=agent.port, pairs=ONE):
        assert (await scraped(collector, agent.port)).faults == ()


async def test_a_wrong_password_is_a_fault_at_once(agent: Daemon, collector: SnmpCollector) -> None:
    wrong = SnmpCredential(
        version=3, username=snmpd3.user_of(*ONE[0]), auth_protocol="SHA256", auth_password=Secret("not this one"),
        priv_protocol="AES", priv_password=Secret(snmpd3.PRIV_PASSWORD),
    )  # fmt: skip
    reading = await scraped(collector, agent.port, value=wrong)
    assert [(fault.reason, fault.detail.partition(":")[0]) for fault in reading.faults] == [
        ("auth", "the device refuses the signature (wrongDigests)")
    ]
    assert reading.modules["system"].packets_sent == 2


async def test_the_context_of_the_url_is_asked(agent: Daemon, collector: SnmpCollector) -> None:
    module = parse(IN_CONTEXT, "snmp.yml")[0]["there"]
    there = await scraped(collector, agent.port, module=module, params={"snmp_context": snmpd3.CONTEXT})
    elsewhere = await scraped(collector, agent.port, module=module)
    assert (there.modules["there"].pdus_returned, elsewhere.modules["there"].pdus_returned) == (1, 0)
    assert there.faults == elsewhere.faults == ()


async def test_the_engine_of_the_url_is_that_of_the_context(agent: Daemon, collector: SnmpCollector) -> None:
    reading = await scraped(collector, agent.port, params={"snmp_engineid": "80001f8804666f6f"})
    assert reading.faults == ()


async def test_a_restart_is_survived_with_a_window_of_requests_in_flight(tmp_path: Path) -> None:
    security, folder = security_of(CREDENTIAL), snmpd3.fresh(tmp_path)
    with snmpd3.snmpd3(folder, pairs=ONE) as agent:
        assert await asked_at_once(agent.port, security, 8) == [snmpd3.NAME.encode()] * 24
    with snmpd3.snmpd3(folder, port=agent.port, pairs=ONE):
        assert await asked_at_once(agent.port, security, 8) == [snmpd3.NAME.encode()] * 24
    with snmpd3.snmpd3(snmpd3.fresh(tmp_path), port=agent.port, pairs=ONE):
        assert await asked_at_once(agent.port, security, 8) == [snmpd3.NAME.encode()] * 24


async def asked_at_once(port: int, security: SecurityModel, in_flight: int) -> list[bytes]:
    """The answers to three times as many requests as may be in flight."""
    answers: list[bytes] = []

    def steps() -> Steps:
        reply = yield Request(Kind.GET, (oid.encode("1.3.6.1.2.1.1.5.0"),))
        answers.append(reply.varbinds[0][1][1])

    session = Session(Endpoint(LOOPBACK, port), request_id=lambda: 1_000)
    try:
        attempts = Attempts(5.0, 0, asyncio.get_running_loop().time() + 20)
        await session.run([steps() for _ in range(3 * in_flight)], security, attempts, Window(in_flight))
    finally:
        session.close()
    return answers
