"""Reading devices: simulated ones, a real net-snmp agent, and devices in trouble."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from exporters.metric.exposition import text
from exporters.metric.samples import Reading
from exporters.probing.collector import CollectorContext, Credential, Module, Target
from exporters.snmp import PLUGIN, oid
from exporters.snmp.ber import V2C, Kind, Request, encode_request
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import builtin_modules, parse
from exporters.snmp.config.credential import SnmpCredential
from exporters.snmp.config.snmpyml import Auth
from exporters.snmp.security import Community
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import PERMITTED, Agent, read_question
from exporters.snmp.simulator.command import Simulator, Trouble
from heronwatch.secrets import Secret
from tests.fakes.daemons import free_port, snmpd
from tests.fakes.snmp_collectors import collector

SWITCH = [
    "1.3.6.1.2.1.1.5.0|4|switch-1",
    *[f"1.3.6.1.2.1.2.2.1.{column}.{row}|2|{row}" for column in (1, 8) for row in range(1, 60)],
    *[f"1.3.6.1.2.1.31.1.1.1.1.{row}|4|Eth1/{row}" for row in range(1, 60)],
]
MODULES = builtin_modules()
HASTY = "modules:\n  hasty:\n    walk: [1.3.6.1.2.1.1]\n    retries: 1\n    timeout: 50ms\n    metrics: []\n"


@contextlib.asynccontextmanager
async def device(lines: Sequence[str] = SWITCH, community: str = "public") -> AsyncIterator[Simulator]:
    simulator = Simulator(Agent(recording.parse(lines), community=community, started_at=time.time()))
    try:
        yield simulator
    finally:
        simulator.close()


def target(place: tuple[str, int], value: object = None, *, transport: str = "udp", bound: bool = True) -> Target:
    credential = Credential(name="c", value=value, bound=bound) if value is not None else None
    return Target(name="d", address=place[0], port=place[1], credential=credential, transport=transport)  # type: ignore[arg-type]


async def read(made: SnmpCollector, where: Target, modules: Sequence[Module], *, seconds: float = 10.0) -> Reading:
    return await made.collect(where, modules, asyncio.get_running_loop().time() + seconds)


def module(text: str) -> Module:
    return next(iter(parse(text, "m.yml")[0].values()))


def reasons(reading: Reading) -> list[tuple[str, str]]:
    return [(fault.module, fault.reason) for fault in reading.faults]


async def test_modules_are_read_one_after_the_other() -> None:
    async with collector() as made, device() as simulator:
        reading = await read(made, target(simulator.address), [MODULES["system"], MODULES["if_mib"]])
    body = text(reading.samples)[0].decode().splitlines()
    assert 'sysName{sysName="switch-1"} 1' in body
    assert 'ifOperStatus{ifAlias="",ifDescr="",ifIndex="7",ifName="Eth1/7"} 7' in body
    assert (reading.faults, reading.modules["if_mib"].success) == ((), True)


async def test_the_cost_of_a_walk_is_told_as_the_original_does() -> None:
    async with collector() as made, device() as simulator:
        reading = await read(made, target(simulator.address), [MODULES["if_mib"]])
    costs = {family.name: (labels, value) for family, labels, value in reading.samples if "scrape" in family.name}
    stats = reading.modules["if_mib"]
    assert costs == {
        "snmp_scrape_duration_seconds": ('{module="if_mib"}', stats.duration_s),
        "snmp_scrape_walk_duration_seconds": ('{module="if_mib"}', stats.walk_duration_s),
        "snmp_scrape_packets_sent": ('{module="if_mib"}', stats.packets_sent),
        "snmp_scrape_packets_retried": ('{module="if_mib"}', 0),
        "snmp_scrape_pdus_returned": ('{module="if_mib"}', 3 * 59),
    }
    assert 0 < stats.walk_duration_s <= stats.duration_s
    assert stats.packets_sent == simulator.agent.received.total()


async def test_nothing_but_reading_requests_leaves_for_a_device() -> None:
    everything = module(FILTERED)
    async with collector() as made, device() as simulator:
        for version in (1, 2):
            credential = SnmpCredential(community=Secret("public"), version=version)
            await read(made, target(simulator.address, credential), [*MODULES.values(), everything])
    assert set(simulator.agent.received) == PERMITTED
    assert len(simulator.sources) == 1, "one socket for one device"


FILTERED = """\
modules:
  all:
    walk: [1.3.6.1.2.1.2.2.1.8]
    get: [1.3.6.1.2.1.1.5.0]
    filters: [{oid: 1.3.6.1.2.1.31.1.1.1.1, targets: [1.3.6.1.2.1.2.2.1.8], values: ["/7$"]}]
    metrics: [{name: state, oid: 1.3.6.1.2.1.2.2.1.8, type: gauge, indexes: [{labelname: i, type: gauge}]}]
"""


async def test_filters_choose_rows() -> None:
    async with collector() as made, device() as simulator:
        reading = await read(made, target(simulator.address), [module(FILTERED)])
    assert [(labels, value) for family, labels, value in reading.samples if family.name == "state"] == [('{i="7"}', 7)]


async def test_one_request_is_in_flight_at_a_time() -> None:
    async with collector() as made, device() as simulator:
        simulator.trouble = Trouble(delay_s=0.01)
        started = time.monotonic()
        reading = await read(made, target(simulator.address), [MODULES["if_mib"]])
        assert time.monotonic() - started > reading.modules["if_mib"].packets_sent * 0.01


async def test_a_lossy_way_costs_retries_only() -> None:
    patient = module(HASTY.replace("retries: 1", "retries: 20").replace("50ms", "400ms"))
    async with collector() as made, device() as simulator:
        chances = iter([0.0, 0.0, *[1.0] * 100])
        simulator._chance = lambda: next(chances)
        simulator.trouble = Trouble(loss=0.5)
        reading = await read(made, target(simulator.address), [patient])
    assert (reading.faults, reading.modules["hasty"].packets_retried) == ((), 2)


async def test_a_silent_device_costs_its_own_scrape_only() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with collector() as made, device() as simulator:
            first, second = module(HASTY), MODULES["system"]
            async with asyncio.TaskGroup() as group:
                dead = group.create_task(read(made, target(silent.getsockname()), [first, second]))
                alive = group.create_task(read(made, target(simulator.address), [second]))
    assert reasons(dead.result()) == [("hasty", "timeout"), ("system", "timeout")]
    assert dead.result().modules["system"].packets_sent == 0, "a silent device is asked for no further module"
    assert (dead.result().samples, alive.result().faults) == ([], ())


async def test_the_deadline_holds() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with collector() as made:
            started = time.monotonic()
            reading = await read(made, target(silent.getsockname()), [MODULES["system"]], seconds=0.2)
            assert time.monotonic() - started < 12, "four attempts of five seconds were cut off"
    assert reasons(reading) == [("system", "timeout")]


async def test_a_closed_port_is_refused() -> None:
    async with collector() as made:
        closed = target(("127.0.0.1", free_port(socket.SOCK_DGRAM)))
        assert reasons(await read(made, closed, [MODULES["system"]])) == [("system", "refused")]


class Looping(Agent):
    """An agent that answers every GetBulk below 1.3.6.1.2.1.2 with the same rows."""

    def answer(self, datagram: bytes, now: float, engine: object = None) -> bytes | None:
        question = read_question(datagram)
        if question.kind != Kind.GET_BULK or not question.names[0].startswith(oid.encode("1.3.6.1.2.1.2")):
            return super().answer(datagram, now)
        request_id = int.from_bytes(question.request_id)
        again = encode_request(Request(Kind.GET_BULK, (oid.encode("1.3.6.1.2.1.2"),), 5), request_id)
        return super().answer(Community(V2C, "public").wrap(again), now)


async def test_a_device_that_repeats_itself_fails_its_module_only() -> None:
    simulator = Simulator(Looping(recording.parse(SWITCH), started_at=time.time()))
    async with collector() as made:
        reading = await read(made, target(simulator.address), [MODULES["if_mib"], MODULES["system"]])
    simulator.close()
    assert reasons(reading) == [("if_mib", "limit")]
    assert "OID not increasing" in reading.faults[0].detail
    assert {family.name for family, _, _ in reading.samples} >= {"sysName"}


async def test_a_user_without_a_name_costs_no_packet() -> None:
    async with collector() as made, device() as simulator:
        reading = await read(made, target(simulator.address, Auth(version=3)), [MODULES["system"]])
        assert not simulator.agent.received
    assert reasons(reading) == [("system", "auth")]


async def test_a_real_agent_is_read_over_tcp_as_over_udp(tmp_path: Path) -> None:
    port = free_port()
    with snmpd(tmp_path, extra=f"agentaddress udp:127.0.0.1:{free_port(socket.SOCK_DGRAM)},tcp:127.0.0.1:{port}\n"):
        async with collector() as made:
            for _ in range(2):
                reading = await read(made, target(("127.0.0.1", port), transport="tcp"), [MODULES["system"]])
                assert reading.faults == ()
                assert "sysName" in {family.name for family, _, _ in reading.samples}


async def test_auto_chooses_modules_by_what_the_device_is() -> None:
    lines = ["1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1", *SWITCH]
    async with collector() as made, device(lines) as simulator:
        first = await read(made, target(simulator.address), [MODULES["auto"]])
        packets = simulator.agent.received.total()
        await read(made, target(simulator.address), [MODULES["auto"]])
        again = simulator.agent.received.total() - packets
    default = list(MODULES["auto"].plan.default)
    assert (list(first.modules), first.faults) == (default, ())
    told = [labels for family, labels, _ in first.samples if family.name == "snmp_device_profile_info"]
    assert told == [f'{{modules="{",".join(default)}",sysObjectID="1.3.6.1.4.1.99999.1",vendor=""}}']
    assert again < packets, "who it is was not asked again"


async def test_auto_needs_a_device_that_says_what_it_is() -> None:
    async with collector() as made, device() as simulator:
        reading = await read(made, target(simulator.address), [MODULES["auto"]])
    assert reasons(reading) == [("auto", "device")]
    assert "name the modules" in reading.faults[0].detail


OLD = "old:\n  walk: [1.3.6.1.2.1.1]\n  version: 1\n  auth: {community: fromfile}\n  metrics: []\n"


@pytest.mark.parametrize(
    ("bound", "asked"),
    [(False, "fromfile"), (True, "own")],
)
async def test_an_old_file_says_the_community_unless_the_device_has_its_own(bound: bool, asked: str) -> None:
    async with collector() as made, device(community=asked) as simulator:
        own = SnmpCredential(community=Secret("own"))
        reading = await read(made, target(simulator.address, own, bound=bound), [module(OLD)])
    assert reading.faults == ()


async def test_counter64_stays_whole_on_request() -> None:
    counter = module(
        "modules:\n  m:\n    walk: [1.3.6.1.9]\n    metrics: [{name: x, oid: 1.3.6.1.9.1, type: counter}]\n"
    )
    lines = [f"1.3.6.1.9.1.0|70|{2**53 + 5}"]
    found = []
    for wrap in (True, False):
        async with collector(snmp_wrap_large_counters=wrap) as made, device(lines) as simulator:
            found.append((await read(made, target(simulator.address), [counter])).samples[0][2])
    assert found == [5, 2**53 + 5]


async def test_a_released_device_gets_a_new_socket() -> None:
    async with collector() as made, device() as simulator:
        where = target(simulator.address)
        for _ in range(2):
            await read(made, where, [MODULES["system"]])
        assert len(simulator.sources) == 1
        await made.release(where)
        await made.release(where)
        await read(made, where, [MODULES["system"]])
        assert len(simulator.sources) == 2


async def test_idle_sockets_are_closed() -> None:
    context = CollectorContext(registry=CollectorRegistry(), idle_timeout_s=0.0)
    made = SnmpCollector(context)
    async with device() as simulator:
        await read(made, target(simulator.address), [MODULES["system"]])
        [kept] = made._devices.values()
        async with asyncio.timeout(20):
            while kept.session is not None:  # noqa: ASYNC110  # polled with a deadline
                await asyncio.sleep(0.02)
        assert (await read(made, target(simulator.address), [MODULES["system"]])).faults == ()
    await made.close()


async def test_a_real_agent_is_read(tmp_path: Path) -> None:
    with snmpd(tmp_path) as real:
        async with collector() as made:
            for version in (1, 2):
                credential = SnmpCredential(community=Secret("public"), version=version)
                where = target((real.host, real.port), credential)
                reading = await read(made, where, [MODULES["system"], MODULES["if_mib"]])
                body = text(reading.samples)[0].decode()
                assert reading.faults == ()
                assert 'sysName{sysName="snmpd.test"} 1' in body
                assert 'ifDescr="lo"' in body
                assert ("ifHCInOctets{" in body) == (version == 2), "v1 has no 64-bit counters"


async def test_a_wrong_community_is_silence(tmp_path: Path) -> None:
    with snmpd(tmp_path) as real:
        async with collector() as made:
            wrong = SnmpCredential(community=Secret("wrong"))
            reading = await read(made, target((real.host, real.port), wrong), [module(HASTY)])
    assert reasons(reading) == [("hasty", "timeout")]
    assert "wrong" not in reading.faults[0].detail


def test_the_plug_in_is_cheap_to_look_at() -> None:
    import subprocess
    import sys

    program = "import sys, exporters.snmp; print('exporters.snmp.session' in sys.modules, 'aiohttp' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]
    assert PLUGIN.protocol == "snmp"
