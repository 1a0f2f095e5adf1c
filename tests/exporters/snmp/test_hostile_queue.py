"""A device that answers one request at a time, queues four and drops the rest: what the defaults and a window lose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from exporters.metric.samples import Reading
from exporters.probing.collector import Module, Target
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import parse
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from tests.fakes.queueing_agent import QueueingAgent
from tests.fakes.snmp_collectors import collector

COLUMNS = (2, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20)
ROWS = 60
TABLE = "1.3.6.1.2.1.2.2.1"
DEVICE = [
    "1.3.6.1.2.1.1.3.0|67|100000",
    *(f"{TABLE}.{column}.{row}|65|{row}" for column in COLUMNS for row in range(1, ROWS + 1)),
]
INDEXES = "indexes: [{labelname: ifIndex, type: gauge}]"
MODULE = "modules:\n  ports:\n    walk: [1.3.6.1.2.1.2.2.1]\n    timeout: 1s\n    metrics:\n" + "".join(
    f"    - {{name: column{column}, oid: {TABLE}.{column}, type: counter, {INDEXES}}}\n" for column in COLUMNS[1:]
)
SERVICE_S = 0.002


def ports() -> Module:
    return parse(MODULE, "m.yml")[0]["ports"]


@contextlib.asynccontextmanager
async def device(*, service_s: float = SERVICE_S) -> AsyncIterator[QueueingAgent]:
    agent = QueueingAgent(Agent(recording.parse(DEVICE), started_at=0.0), service_s=service_s)
    try:
        yield agent
    finally:
        agent.close()


async def read(made: SnmpCollector, agent: QueueingAgent, module: Module) -> Reading:
    target = Target(name="device", address="127.0.0.1", port=agent.port)
    return await made.collect(target, [module], asyncio.get_running_loop().time() + 20)


def values(reading: Reading) -> int:
    return sum(family.name.startswith("column") for family, _, _ in reading.samples)


async def test_the_defaults_lose_nothing() -> None:
    module = ports()
    async with device() as agent, collector() as made:
        for _ in range(3):
            reading = await read(made, agent, module)
            assert reading.faults == ()
            assert values(reading) == (len(COLUMNS) - 1) * ROWS
            assert reading.modules["ports"].packets_retried == 0
        assert (agent.dropped, agent.most_waiting) == (0, 1), "never more than one request in flight"


async def test_a_window_that_the_device_can_bear_loses_nothing() -> None:
    module = ports()
    async with device() as agent, collector(snmp_window=5) as made:
        for _ in range(3):
            assert values(await read(made, agent, module)) == (len(COLUMNS) - 1) * ROWS
        assert agent.dropped == 0
        assert 1 < agent.most_waiting <= 5


@pytest.mark.parametrize("service_s", [0.002, 0.01])
async def test_a_window_of_eight_loses_nothing_after_it_has_adapted(service_s: float) -> None:
    module = ports()
    async with device(service_s=service_s) as agent, collector(snmp_window=8) as made:
        first = await read(made, agent, module)
        assert values(first) == (len(COLUMNS) - 1) * ROWS, "what was lost is asked for again"
        assert agent.dropped > 0, "eight are more than it can bear"
        adapting = agent.dropped
        for _ in range(5):
            reading = await read(made, agent, module)
            assert values(reading) == (len(COLUMNS) - 1) * ROWS
            assert reading.modules["ports"].packets_retried == 0
        assert agent.dropped == adapting
        assert agent.most_waiting <= 8
