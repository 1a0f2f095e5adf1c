"""A device that gives its ports other numbers while labels are kept: no label stands on the wrong port.

Every port counts octets that tell its name, so a wrong label shows itself. The device starts anew between two scrapes,
and between any two requests of one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from prometheus_client import CollectorRegistry

from exporters.metric.samples import Reading
from exporters.probing.collector import CollectorContext, Target
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import parse
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from tests.fakes.queueing_agent import QueueingAgent

ROWS = range(1, 41)
OCTETS = 1000
MODULE = """\
modules:
  ports:
    walk: [1.3.6.1.2.1.2.2.1.2, 1.3.6.1.2.1.2.2.1.10, 1.3.6.1.2.1.31.1.1.1.18]
    timeout: 1s
    retries: 1
    metrics:
      - name: ifInOctets
        oid: 1.3.6.1.2.1.2.2.1.10
        type: counter
        indexes: [{labelname: ifIndex, type: gauge}]
        lookups:
          - {labels: [ifIndex], labelname: ifDescr, oid: 1.3.6.1.2.1.2.2.1.2, type: DisplayString}
          - {labels: [ifIndex], labelname: ifAlias, oid: 1.3.6.1.2.1.31.1.1.1.18, type: DisplayString}
"""
Ports = Mapping[int, int]
"""By ifIndex: which port it is."""

UP_TIME, BOOTS, LAST_CHANGE = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.10.2.1.2.0", "1.3.6.1.2.1.31.1.5.0"
SOME_TIME = {UP_TIME: "67|900000", BOOTS: "2|7", LAST_CHANGE: "67|500"}
IN_ORDER = {row: row for row in ROWS}
TURNED = {row: ROWS[row % len(ROWS)] for row in ROWS}
"""The same indexes, and another port behind each."""

FEWER = {row - 1: row for row in list(ROWS)[1:]}
"""A card was taken out: every port behind it moved up."""


def device(ports: Ports, told: Mapping[str, str]) -> Agent:
    """Return a device that has these ports and says this of itself."""
    lines = [f"{name}|{value}" for name, value in told.items()]
    for row, port in ports.items():
        lines += [
            f"1.3.6.1.2.1.2.2.1.2.{row}|4|port {port}",
            f"1.3.6.1.2.1.2.2.1.10.{row}|65|{port * OCTETS}",
            f"1.3.6.1.2.1.31.1.1.1.18.{row}|4|line {port}",
        ]
    return Agent(recording.parse(lines), started_at=0.0)


class StartsAnew:
    """A device that becomes another one after so many answers."""

    def __init__(self, before: Agent, then: Agent, answers: int) -> None:
        self.left = answers
        self._before = before
        self._then = then

    def answer(self, datagram: bytes, now: float) -> bytes | None:
        self.left -= 1
        return (self._before if self.left >= 0 else self._then).answer(datagram, now)


Scrape = Callable[[], Awaitable[Reading]]


@contextlib.asynccontextmanager
async def scraped(agent: QueueingAgent, window: int) -> AsyncIterator[Scrape]:
    """Give what scrapes the device once, with labels kept for an hour."""
    options = {"snmp_cache_lookups": 3600.0, "snmp_window": window}
    made = SnmpCollector(CollectorContext(registry=CollectorRegistry(), options=options))
    module = parse(MODULE, "m.yml")[0]["ports"]
    target = Target(name="device", address="127.0.0.1", port=agent.port)

    async def scrape() -> Reading:
        return await made.collect(target, [module], asyncio.get_running_loop().time() + 20)

    try:
        yield scrape
    finally:
        await made.close()
        agent.close()


def labels(reading: Reading) -> list[tuple[str, float]]:
    return [(text, value) for family, text, value in reading.samples if family.name == "ifInOctets"]


def expected(ports: Ports) -> list[tuple[str, float]]:
    return [
        (f'{{ifAlias="line {port}",ifDescr="port {port}",ifIndex="{row}"}}', port * OCTETS)
        for row, port in sorted(ports.items())
    ]


@pytest.mark.parametrize("window", [1, 8])
async def test_kept_labels_are_not_asked_for_again(window: int) -> None:
    """Without this the other tests would prove nothing."""
    agent = QueueingAgent(device(IN_ORDER, SOME_TIME), room=8)
    async with scraped(agent, window) as scrape:
        costs = []
        for _ in range(3):
            answered = agent.answered
            reading = await scrape()
            assert sorted(labels(reading)) == sorted(expected(IN_ORDER))
            costs.append(agent.answered - answered)
        assert costs[1] < costs[0]


REBOOTS = {
    "its up-time fell": SOME_TIME | {UP_TIME: "67|300"},
    "its engine counts another boot": SOME_TIME | {UP_TIME: "67|900100", BOOTS: "2|8"},
    "its interfaces changed": SOME_TIME | {UP_TIME: "67|900100", LAST_CHANGE: "67|900050"},
    "it tells no up-time any more": {LAST_CHANGE: "67|500"},
}


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("evidence", REBOOTS)
@pytest.mark.parametrize("ports", [TURNED, FEWER], ids=["turned", "fewer"])
async def test_after_new_numbers_every_label_is_on_its_port(window: int, evidence: str, ports: Ports) -> None:
    agent = QueueingAgent(device(IN_ORDER, SOME_TIME), room=8)
    async with scraped(agent, window) as scrape:
        for _ in range(2):
            await scrape()
        agent.agent = device(ports, REBOOTS[evidence])
        for _ in range(2):
            reading = await scrape()
            assert reading.faults == ()
            assert sorted(labels(reading)) == sorted(expected(ports))


@pytest.mark.parametrize("window", [1, 8])
async def test_other_indexes_alone_are_evidence_enough(window: int) -> None:
    agent = QueueingAgent(device(IN_ORDER, SOME_TIME), room=8)
    async with scraped(agent, window) as scrape:
        for _ in range(2):
            await scrape()
        agent.agent = device(FEWER, SOME_TIME)
        for _ in range(2):
            assert sorted(labels(await scrape())) == sorted(expected(FEWER))


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("before", [0, 2], ids=["nothing kept yet", "labels kept"])
async def test_a_reboot_between_any_two_requests_puts_no_label_on_the_wrong_port(window: int, before: int) -> None:
    """The scrape of that moment may fail; what it shows is right, and so is the scrape after it."""
    answers = 0
    wrong: list[tuple[int, object]] = []
    while True:
        agent = QueueingAgent(device(IN_ORDER, SOME_TIME), room=8)
        async with scraped(agent, window) as scrape:
            for _ in range(before):
                await scrape()
            becoming = StartsAnew(device(IN_ORDER, SOME_TIME), device(TURNED, REBOOTS["its up-time fell"]), answers)
            agent.agent = becoming
            during = await scrape()
            is_over = becoming.left >= 0
            becoming.left = 0
            then = await scrape()
        known = {*expected(IN_ORDER), *expected(TURNED)}
        wrong += [(answers, sample) for sample in labels(during) if sample not in known]
        wrong += [(answers, sample) for sample in set(labels(then)) ^ set(expected(TURNED))]
        if is_over:
            break
        answers += 1
    assert wrong == []
    assert answers >= 3
