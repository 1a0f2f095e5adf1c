"""The collector against our server and pymodbus's own: samples, faults with their place, nothing but reads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from exporters.metric.samples import Reading
from exporters.modbus.address import Place, Table
from exporters.modbus.catalogue import builtin_modules
from exporters.modbus.collector import ModbusCollector
from exporters.modbus.frame import READ_FUNCTIONS
from exporters.modbus.image import Image
from exporters.modbus.module import ModbusModule, compile_module
from exporters.modbus.server import PROPER, Behaviour, ModbusServer, Received
from exporters.modbus.simulator import SimulatedModbus, target_at
from exporters.probing.collector import Module
from heronwatch.config import loads
from tests.fakes.daemons import free_port
from tests.fakes.tries import tried_async

IMAGE = Image({Place(Table.HOLDING, i): i for i in range(100)})
THREE_BLOCKS = """
read: {response_timeout: 200ms}
metrics:
  - {name: a, address: 0, table: holding}
  - {name: b, address: 10, table: holding}
  - {name: c, address: 20, table: holding}
"""


def module(text: str = THREE_BLOCKS, name: str = "plc") -> Module:
    return compile_module(name, loads(text, ModbusModule).value)


@asynccontextmanager
async def device(behave: Callable[[Received], Behaviour] = lambda _: PROPER) -> AsyncIterator[ModbusServer]:
    server = ModbusServer(lambda _: IMAGE, behave=behave)
    await server.start("127.0.0.1")
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def collecting() -> AsyncIterator[ModbusCollector]:
    collector = ModbusCollector()
    try:
        yield collector
    finally:
        await collector.close()


async def read(
    collector: ModbusCollector, port: int, *modules: Module, unit: int = 1, within_s: float = 30.0
) -> Reading:
    deadline = asyncio.get_running_loop().time() + within_s
    return await collector.collect(target_at("127.0.0.1", port, unit=unit), modules or [module()], deadline)


def values(reading: Reading) -> dict[str, float]:
    return {f"{family.name}{labels}": value for family, labels, value in reading.samples}


async def test_meter_is_read_whole() -> None:
    meter = builtin_modules()["eastron_sdm630"]
    simulated = SimulatedModbus(meter, now=lambda: 0.0)
    await simulated.start()
    async with collecting() as collector:
        reading = await read(collector, simulated.server.port, meter)
        assert reading.faults == ()
        assert values(reading)['electrical_voltage_volts{phase="L1"}'] == pytest.approx(230.4)
        assert values(reading)['electrical_energy_joules_total{direction="import"}'] == pytest.approx(45e9)
        assert len(reading.samples) == 22
        stats = reading.modules["eastron_sdm630"]
        assert (stats.success, stats.packets_sent, stats.pdus_returned) == (True, 3, 3)
        assert simulated.operations() == ["read input registers"] * 3
        assert simulated.forbidden() == []
    await simulated.server.stop()


async def test_failing_block_costs_itself() -> None:
    def behave(request: Received) -> Behaviour:
        return Behaviour(exception=2) if request.address == 10 else PROPER

    async with device(behave) as server, collecting() as collector:
        reading = await read(collector, server.port)
    assert values(reading) == {"a": 0, "c": 20}
    assert [(f.module, f.reason, f.detail) for f in reading.faults] == [
        ("plc", "refused", "unit 1 fc 3 holding 10..10: exception 2 (illegal data address)")
    ]
    assert not reading.modules["plc"].success


async def test_silence_ends_the_module_and_says_what_was_not_asked() -> None:
    def behave(request: Received) -> Behaviour:
        return Behaviour(silent=request.address == 10)

    async with device(behave) as server, collecting() as collector:
        reading = await read(collector, server.port, module(), module(name="second"))
        assert [request.address for request in server.received] == [0, 10]
    assert values(reading) == {"a": 0}
    first, second = reading.faults
    assert first.detail == "unit 1 fc 3 holding 10..10: no answer within 0.2 s; 1 more requests were not sent"
    assert (second.module, second.reason) == ("second", "timeout")
    assert second.detail == "unit 1: not asked after: no answer within 0.2 s"


async def test_garbage_in_one_block_costs_that_block() -> None:
    def behave(request: Received) -> Behaviour:
        return Behaviour(raw=b"\xff" * 20) if request.address == 10 else PROPER

    async with device(behave) as server, collecting() as collector:
        reading = await read(collector, server.port)
    assert values(reading) == {"a": 0, "c": 20}
    assert [f.reason for f in reading.faults] == ["decode"]


async def test_who_speaks_no_modbus_is_not_asked_on() -> None:
    async with device(lambda _: Behaviour(raw=b"SSH-2.0-OpenSSH_9.2\r\n")) as server, collecting() as collector:
        reading = await read(collector, server.port)
        assert len(server.received) == 2
    assert [f.reason for f in reading.faults] == ["decode", "decode"]


async def test_refused_connection_is_a_fault() -> None:
    async with collecting() as collector:
        reading = await read(collector, free_port())
    assert reading.samples == []
    assert [f.reason for f in reading.faults] == ["unreachable"]
    assert "2 more requests were not sent" in reading.faults[0].detail


async def test_reading_comes_back_before_the_deadline() -> None:
    slow = module("read: {response_timeout: 60s}\nmetrics: [{name: a, address: 0, table: holding}]")
    async with device(lambda _: Behaviour(silent=True)) as server, collecting() as collector:

        async def in_time() -> list[str]:
            try:
                async with asyncio.timeout(0.3):
                    return [f.reason for f in (await read(collector, server.port, slow, within_s=0.3)).faults]
            except TimeoutError:
                return ["late"]

        assert await tried_async(in_time, lambda reasons: reasons != ["late"]) == ["timeout"]


async def test_units_behind_one_gateway_share_its_connection() -> None:
    async with device() as server, collecting() as collector:
        async with asyncio.TaskGroup() as group:
            for unit in (1, 2, 3):
                group.create_task(read(collector, server.port, unit=unit))
        assert server.connections_made == 1
        assert {request.unit for request in server.received} == {1, 2, 3}


async def test_release_closes_the_connection() -> None:
    async with device() as server, collecting() as collector:
        await read(collector, server.port)
        await collector.release(target_at("127.0.0.1", server.port))
        await collector.release(target_at("127.0.0.1", 1))
        async with asyncio.timeout(40):
            while server.connections:  # noqa: ASYNC110  the server sets no event
                await asyncio.sleep(0.001)


async def test_everything_the_server_received_is_a_read() -> None:
    every_table = module(
        "metrics:\n"
        + "".join(f"- {{name: {table}_{n}, address: {n}, table: {table}}}\n" for table in Table for n in (0, 3, 4))
    )
    image = Image({Place(table, i): 1 for table in Table for i in range(8)})
    server = ModbusServer(lambda _: image)
    await server.start("127.0.0.1")
    async with collecting() as collector:
        reading = await read(collector, server.port, every_table)
    await server.stop()
    assert reading.faults == ()
    assert {request.function for request in server.received} == READ_FUNCTIONS
    assert server.most_connections == 1


@asynccontextmanager
async def pymodbus_server(registers: list[int]) -> AsyncIterator[int]:
    """An independent implementation of the other side."""
    port = free_port()
    data = [SimData(address=0, values=registers, datatype=DataType.REGISTERS)]
    server = ModbusTcpServer(context=SimDevice(id=1, simdata=data), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield port
    finally:
        await server.shutdown()


async def test_pymodbus_server_is_read_alike() -> None:
    text = """
metrics:
  - {name: i16, address: 40001, type: int16}
  - {name: u32, address: 40002, type: uint32}
  - {name: f32, address: 40004, type: float32}
  - {name: far, address: 40008, type: uint16}
"""
    async with pymodbus_server([0xFFFE, 0x0001, 0x0002, 0x4366, 0x1480, 0, 0, 77]) as port, collecting() as collector:
        reading = await read(collector, port, module(text))
    assert reading.faults == ()
    assert values(reading) == pytest.approx({"i16": -2, "u32": 65538, "f32": 230.080078125, "far": 77})


async def test_pymodbus_server_refuses_what_it_does_not_have() -> None:
    text = "metrics: [{name: a, address: 40001}, {name: z, address: 40501}]"
    async with pymodbus_server([5]) as port, collecting() as collector:
        reading = await read(collector, port, module(text))
    assert values(reading) == {"a": 5}
    assert [(f.reason, f.detail) for f in reading.faults] == [
        ("refused", "unit 1 fc 3 holding 500..500: exception 2 (illegal data address)")
    ]
