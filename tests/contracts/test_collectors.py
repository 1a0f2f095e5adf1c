"""One suite over every collector plug-in in the registry, third parties' too (STYLE.md 4, 12).

A plug-in is found by itself: it brings a `Contract` with its own simulator. Silent, refusing, hanging-up and
garbage-speaking devices are made here.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from exporters.metric.exposition import text
from exporters.metric.samples import Reading
from exporters.probing.collector import Collector, CollectorContext, Contract, Module, Plugin, Target
from exporters.probing.registry import COLLECTORS
from tests.fakes.tries import tried_async

REASONS = {"timeout", "unreachable", "auth", "refused", "decode", "limit", "internal"}
DEADLINE_S = 20.0
SHORT_S = 0.6
LATE_S = 0.2  # what the engine waits beyond the deadline before it cancels
GARBAGE = bytes(range(256)) * 4
SERIES = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(\{.*\})? \S+")

pytestmark = pytest.mark.parametrize("protocol", COLLECTORS.names())


def plugin_of(protocol: str) -> Plugin:
    return COLLECTORS.get(protocol)


def contract_of(protocol: str) -> Contract:
    plugin = plugin_of(protocol)
    assert plugin.contract is not None, f"plug-in {protocol} brings no contract"
    return plugin.contract()


@asynccontextmanager
async def collector_of(protocol: str) -> AsyncIterator[Collector]:
    options = {}
    collector = plugin_of(protocol).make(CollectorContext(registry=CollectorRegistry(), options=options))
    try:
        yield collector
    finally:
        await collector.close()


async def collect(collector: Collector, target: Target, modules: list[Module], budget_s: float) -> Reading:
    """Collect as the engine does, and hold the collector to its deadline."""
    loop = asyncio.get_running_loop()

    async def in_time() -> Reading | None:
        deadline = loop.time() + budget_s
        try:
            async with asyncio.timeout_at(deadline + LATE_S):
                return await collector.collect(target, modules, deadline)
        except TimeoutError:
            return None

    reading = await tried_async(in_time, lambda found: found is not None)
    assert reading is not None, "it is late every time"
    assert {fault.reason for fault in reading.faults} <= REASONS
    assert {fault.module for fault in reading.faults} <= {module.name for module in modules}
    return reading


async def until(condition: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(40):
            while not condition():  # noqa: ASYNC110  # state of another task or device
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited 40 s for {what}") from None


# -- devices that are none ------------------------------------------------------------------------------------------


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.answer is not None:
            self.transport.sendto(self.answer, addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def datagram_device(answer: bytes | None) -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()


@asynccontextmanager
async def stream_device(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[str, int]]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GARBAGE)
    while await reader.read(4096):
        writer.write(GARBAGE)
        await writer.drain()


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return None


@asynccontextmanager
async def silent_device(contract: Contract) -> AsyncIterator[tuple[str, int]]:
    device = datagram_device(None) if contract.transport == "udp" else stream_device(silence)
    async with device as place:
        yield place


@asynccontextmanager
async def garbage_device(contract: Contract) -> AsyncIterator[tuple[str, int]]:
    device = datagram_device(GARBAGE) if contract.transport == "udp" else stream_device(garbage)
    async with device as place:
        yield place


async def closed_port(contract: Contract) -> tuple[str, int]:
    async with silent_device(contract) as place:
        return place


# -- what holds for every plug-in -----------------------------------------------------------------------------------


def test_plugin_says_what_it_is(protocol: str) -> None:
    plugin = plugin_of(protocol)
    assert plugin.protocol == protocol
    assert 0 < plugin.default_port < 65536
    assert plugin.simulate is not None
    if plugin.module_type is not None:
        assert plugin.module_type.__struct_config__.tag == protocol
    if plugin.credential_type is not None:
        assert plugin.credential_type.__struct_config__.tag == protocol


def test_shipped_modules_are_named_and_compiled(protocol: str) -> None:
    modules = plugin_of(protocol).builtin_modules()
    assert modules
    assert all(module.name == name and module.plan is not None for name, module in modules.items())


def test_plugin_is_known_without_its_library(protocol: str) -> None:
    program = (
        "import sys; from exporters.probing.registry import COLLECTORS\n"
        f"COLLECTORS.get({protocol!r})\n"
        "print([name for name in ('asyncssh', 'pymodbus', 'pysnmp', 'asyncua', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_reads_its_simulated_device_completely(protocol: str) -> None:
    contract = contract_of(protocol)
    modules = list(contract.modules())
    async with contract.device() as device, collector_of(protocol) as collector:
        reading = await collect(collector, device.target, modules, DEADLINE_S)
    assert reading.faults == ()
    assert {name: stats.success for name, stats in reading.modules.items()} == {m.name: True for m in modules}
    body, _ = text(reading.samples)
    series = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert series
    assert all(SERIES.fullmatch(line) for line in series)


async def test_keeps_one_session_and_asks_only_what_is_permitted(protocol: str) -> None:
    contract = contract_of(protocol)
    modules = list(contract.modules())
    async with contract.device() as device, collector_of(protocol) as collector:
        for _ in range(3):
            assert (await collect(collector, device.target, modules, DEADLINE_S)).faults == ()
        assert device.sessions() == 1
        assert len(device.operations()) >= 3
        assert list(device.forbidden()) == []


async def test_release_and_close_end_sessions(protocol: str) -> None:
    contract = contract_of(protocol)
    modules = list(contract.modules())
    async with contract.device() as device, collector_of(protocol) as collector:
        await collect(collector, device.target, modules, DEADLINE_S)
        await collector.release(device.target)
        await collector.release(contract.target("127.0.0.1", 1))
        if contract.transport == "tcp":
            await until(lambda: device.sessions() == 0, "release to close the connection")
        assert (await collect(collector, device.target, modules, DEADLINE_S)).faults == ()
        await collector.close()
        if contract.transport == "tcp":
            await until(lambda: device.sessions() == 0, "close to close the connection")


async def test_silent_device_costs_its_deadline_and_no_more(protocol: str) -> None:
    contract = contract_of(protocol)
    async with silent_device(contract) as place, collector_of(protocol) as collector:
        reading = await collect(collector, contract.target(*place), list(contract.modules()), SHORT_S)
    assert reading.samples == [] or contract.transport == "udp"
    assert {fault.reason for fault in reading.faults} <= {"timeout", "unreachable"}
    assert {fault.module for fault in reading.faults} == {module.name for module in contract.modules()}


async def test_refusing_device_is_a_fault(protocol: str) -> None:
    contract = contract_of(protocol)
    place = await closed_port(contract)
    async with collector_of(protocol) as collector:
        reading = await collect(collector, contract.target(*place), list(contract.modules()), SHORT_S)
    assert {fault.reason for fault in reading.faults} <= {"unreachable", "refused", "timeout"}
    assert reading.faults


async def test_device_that_hangs_up_is_a_fault(protocol: str) -> None:
    contract = contract_of(protocol)
    if contract.transport == "udp":
        return  # a datagram device has no connection to close: the refusing and the silent one cover it
    async with stream_device(hang_up) as place, collector_of(protocol) as collector:
        reading = await collect(collector, contract.target(*place), list(contract.modules()), SHORT_S)
    assert reading.faults
    assert reading.samples == []


async def test_garbage_is_a_fault(protocol: str) -> None:
    contract = contract_of(protocol)
    async with garbage_device(contract) as place, collector_of(protocol) as collector:
        reading = await collect(collector, contract.target(*place), list(contract.modules()), SHORT_S)
    assert reading.faults


async def test_faults_say_what_happened_in_one_line(protocol: str) -> None:
    contract = contract_of(protocol)
    place = await closed_port(contract)
    async with collector_of(protocol) as collector:
        reading = await collect(collector, contract.target(*place), list(contract.modules()), SHORT_S)
    assert all(fault.detail and "\n" not in fault.detail for fault in reading.faults)


async def test_cancelled_scrape_does_no_harm(protocol: str) -> None:
    contract = contract_of(protocol)
    modules = list(contract.modules())
    async with silent_device(contract) as place, contract.device() as device, collector_of(protocol) as collector:
        loop = asyncio.get_running_loop()
        for target in (contract.target(*place), device.target):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await collector.collect(target, modules, loop.time() + DEADLINE_S)
        assert (await collect(collector, device.target, modules, DEADLINE_S)).faults == ()


async def test_deadline_in_the_past_is_a_fault_at_once(protocol: str) -> None:
    contract = contract_of(protocol)
    async with contract.device() as device, collector_of(protocol) as collector:
        reading = await collect(collector, device.target, list(contract.modules()), -0.01)
    assert reading.faults
