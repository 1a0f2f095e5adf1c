"""A window of requests through the collector: every value as without it, fewer waits, and retreat at a loss."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from exporters.metric.samples import Reading
from exporters.probing.collector import Credential, Target
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import builtin_modules
from exporters.snmp.config.credential import SnmpCredential
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from heronwatch.secrets import Secret
from tests.fakes.snmp_collectors import collector
from tests.fakes.tries import tried_async

IF_MIB = builtin_modules()["if_mib"]
PATIENT = replace(IF_MIB, plan=replace(IF_MIB.plan, timeout_s=40.0))


def switch(ports: Sequence[int]) -> list[str]:
    lines = [f"1.3.6.1.2.1.2.2.1.{column}.{port}|2|{port}" for column in (1, 5, 8, 10, 14, 16) for port in ports]
    lines += [f"1.3.6.1.2.1.2.2.1.2.{port}|4|Ethernet {port}" for port in ports]
    lines += [f"1.3.6.1.2.1.31.1.1.1.{column}.{port}|70|{port}" for column in (6, 10) for port in ports]
    lines += [f"1.3.6.1.2.1.31.1.1.1.18.{port}|4|to rack {port}" for port in ports]
    return ["1.3.6.1.2.1.1.3.0|67|100", *lines, "1.3.6.1.2.1.99.1.0|2|1"]


class Slow(asyncio.DatagramProtocol):
    """An agent behind a long line: each answer takes its time, and packets beyond `bears` at once are lost."""

    def __init__(self, lines: Sequence[str], *, delay_s: float = 0.0, bears: int = 1000) -> None:
        self.agent = Agent(recording.parse(lines), community="public", started_at=time.time())
        self.delay_s = delay_s
        self.bears = bears
        self.waiting = self.most_waiting = self.lost = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.waiting >= self.bears:
            self.lost += 1
            return
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        asyncio.get_running_loop().call_later(self.delay_s, self._answer, data, addr)

    def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        self.waiting -= 1
        answer = self.agent.answer(data, time.time())
        if answer is not None:
            self.transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def device(lines: Sequence[str], **how: float) -> AsyncIterator[tuple[Slow, Target]]:
    transport, slow = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Slow(lines, **how),  # type: ignore[arg-type]
        local_addr=("127.0.0.1", 0),
    )
    port = transport.get_extra_info("sockname")[1]
    credential = Credential(name="c", value=SnmpCredential(community=Secret("public")))
    try:
        yield slow, Target(name="d", address="127.0.0.1", port=port, credential=credential)
    finally:
        transport.close()


async def read(made: SnmpCollector, target: Target) -> Reading:
    reading = await made.collect(target, [PATIENT], asyncio.get_running_loop().time() + 55)
    assert reading.faults == ()
    return reading


def device_samples(reading: Reading) -> list[tuple[str, str, float]]:
    return sorted((f.name, labels, value) for f, labels, value in reading.samples if not f.name.startswith("snmp_"))


async def test_one_at_a_time_is_the_default() -> None:
    async with collector(snmp_window=1) as made, device(switch(range(1, 100)), delay_s=0.001) as (slow, target):
        for _ in range(3):
            await read(made, target)
        assert slow.most_waiting == 1


@pytest.mark.parametrize("window", [2, 8, 16])
async def test_a_window_finds_the_same(window: int) -> None:
    async with collector(snmp_window=1) as plain, device(switch(range(1, 200))) as (_, target):
        expected = device_samples(await read(plain, target))
        async with collector(snmp_window=window) as made:
            for _ in range(3):
                assert device_samples(await read(made, target)) == expected


async def test_a_window_waits_less_and_costs_few_packets_more() -> None:
    async with (
        collector(snmp_window=1) as plain,
        collector(snmp_window=8) as made,
        device(switch(range(1, 400)), delay_s=0.02) as (_, target),
    ):

        async def both() -> tuple[float, float]:
            """Return how the window compares: time and packets, each as a share of what is needed without."""
            alone = (await read(plain, target)).modules["if_mib"]
            await read(made, target)
            window = (await read(made, target)).modules["if_mib"]
            assert window.packets_sent <= alone.packets_sent * 1.1 + 2
            return window.walk_duration_s, alone.walk_duration_s

        window_s, alone_s = await tried_async(both, lambda found: found[0] < found[1] / 3)
    assert window_s < alone_s / 3


async def test_ports_that_come_and_go_are_seen_once() -> None:
    async with collector(snmp_window=8) as made, device(switch(range(1, 200))) as (slow, target):
        await read(made, target)
        for ports in ([*range(1, 100), *range(150, 320)], [], [7], range(1, 500)):
            slow.agent = Agent(recording.parse(switch(ports)), community="public", started_at=time.time())
            found = device_samples(await read(made, target))
            states = [labels for name, labels, _ in found if name == "ifOperStatus"]
            assert len(states) == len(set(states)) == len(ports)


async def test_a_loss_makes_the_window_smaller_and_loses_nothing() -> None:
    async with (
        collector(snmp_window=8) as made,
        device(switch(range(1, 200)), delay_s=0.002, bears=5) as (slow, target),
    ):
        first = (await read(made, target)).modules["if_mib"]
        assert slow.lost > 0, "it was too much at first"
        assert first.packets_retried >= slow.lost
        slow.lost = slow.most_waiting = 0
        for _ in range(3):
            reading = await read(made, target)
            assert reading.modules["if_mib"].packets_retried == 0
        assert (slow.lost, slow.most_waiting) == (0, 4)
        assert first.walk_duration_s < 20, "the loss was noticed long before the time-out of 40 s"


async def test_a_device_in_trouble_ends_a_window_within_the_deadline() -> None:
    async with collector(snmp_window=8) as made, device(switch(range(1, 200)), bears=0) as (slow, target):
        began = time.monotonic()
        reading = await made.collect(target, [IF_MIB], asyncio.get_running_loop().time() + 0.5)
    assert [fault.reason for fault in reading.faults] == ["timeout"]
    assert time.monotonic() - began < 12, "four attempts of five seconds were cut off"
    assert slow.lost <= 2 * 8
