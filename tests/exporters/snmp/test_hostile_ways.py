"""Misbehaving devices by the ways that a person may switch on: a window, kept labels, old versions, users of v3."""

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from exporters.metric.samples import Reading
from exporters.probing.collector import Credential, Module, Target
from exporters.snmp import ber, oid
from exporters.snmp.collector import SnmpCollector
from exporters.snmp.config.catalogue import parse
from exporters.snmp.config.credential import SnmpCredential
from exporters.snmp.errors import DeviceError, NoAnswerError
from exporters.snmp.usm import reports, v3_message
from exporters.snmp.usm.v3_message import Clock
from heronwatch.secrets import Secret
from tests.fakes.exporter import until
from tests.fakes.hostile_agent import MISCHIEF, PORTS, TABLE, Asked, HostileAgent, Mischief, Sent, hostile, response
from tests.fakes.snmp_collectors import collector

BUDGET_S = 1.5
SLACK_S = 15.0
"""All the devices are played by this process, too, on a machine that may be busy."""

MODULE = f"""
modules:
  ports:
    walk: [{TABLE}]
    get: [1.3.6.1.2.1.1.3.0]
    timeout: 200ms
    retries: 1
    metrics:
      - name: ifInOctets
        oid: {TABLE}.10
        type: counter
        indexes: [{{labelname: ifIndex, type: gauge}}]
        lookups: [{{labels: [ifIndex], labelname: ifDescr, oid: {TABLE}.2, type: DisplayString}}]
"""
REASONS = {error.reason for error in (*DeviceError.__subclasses__(), *NoAnswerError.__subclasses__())}
ENDLESS = {"rows for ever", "65 kB replies for ever"}


def ports() -> Module:
    return parse(MODULE, "m.yml")[0]["ports"]


async def read(
    made: SnmpCollector, agent: HostileAgent, module: Module, credential: SnmpCredential | None = None
) -> tuple[Reading, float]:
    """Read a device; return what came and how long it took."""
    named = Credential(name="test", value=credential) if credential else None
    target = Target(name="device", address="127.0.0.1", port=agent.port, credential=named)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(BUDGET_S + 2 * SLACK_S):
        reading = await made.collect(target, [module], started + BUDGET_S)
    return reading, loop.time() - started


WAYS: Mapping[str, dict[str, object]] = {
    "window": {"snmp_window": 8},
    "kept labels": {"snmp_cache_lookups": 3600.0},
    "both": {"snmp_window": 8, "snmp_cache_lookups": 3600.0},
}
V1 = SnmpCredential(community=Secret("public"), version=1)


async def faults_of(name: str, options: dict[str, object], credential: SnmpCredential | None) -> list[str]:
    """Read a misbehaving device twice, the second time with what the first has taught; return what was wrong."""
    wrong = []
    async with hostile(MISCHIEF[name]) as agent, collector(**options) as made:
        module = ports()
        for turn in (1, 2):
            reading, seconds = await read(made, agent, module, credential)
            if seconds > BUDGET_S + SLACK_S:
                wrong.append(f"{name}, turn {turn}: took {seconds:.1f} s")
            wrong += [f"{name}: {fault}" for fault in reading.faults if fault.reason not in REASONS]
    return wrong


@pytest.mark.parametrize(("way", "credential"), [*((way, None) for way in WAYS), ("window", V1)])
async def test_every_mischief_ends_with_a_reason_in_time(way: str, credential: SnmpCredential | None) -> None:
    few = asyncio.Semaphore(12)

    async def one(name: str) -> list[str]:
        async with few:
            return await faults_of(name, WAYS[way], credential)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name)) for name in MISCHIEF if name not in ENDLESS]
    assert [fault for task in tasks for fault in task.result()] == []


@pytest.mark.parametrize("way", WAYS)
async def test_the_honest_device_is_read_whole(way: str) -> None:
    async with hostile(MISCHIEF["honest"]) as agent, collector(**WAYS[way]) as made:
        module = ports()
        for _ in range(3):
            reading, _ = await read(made, agent, module)
            assert reading.faults == ()
            assert sum(family.name == "ifInOctets" for family, _, _ in reading.samples) == PORTS


READER = SnmpCredential(
    version=3, username="reader", auth_protocol="SHA256", auth_password=Secret("a password of tests"),
    priv_protocol="AES", priv_password=Secret("another one of tests"),
)  # fmt: skip


def number_of(request: bytes) -> int:
    """Return the id of a message of v3."""
    pos, _ = ber.header(request, 0)
    _, pos = ber.read_integer(request, pos)
    return ber.read_integer(request, ber.header(request, pos)[0])[0]


def of_v3(request: bytes, pdu: bytes, *, engine: bytes = b"\x80\0\x1f\x88\x04one", boots: int = 1) -> bytes:
    """Return an unsigned message of v3 in answer to a request."""
    middle = v3_message.middle(0, Clock(engine, boots, 1), b"", mac_bytes=0, salt_bytes=0)
    data = ber.tlv(ber.SEQUENCE, v3_message.scoped(engine, b"") + pdu)
    return v3_message.write(number_of(request), middle, b"", b"", data)[0]


def report(request: bytes, counter: bytes) -> bytes:
    """Return the PDU of a report."""
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, counter) + ber.integer(1, ber.COUNTER32))
    head = ber.integer(number_of(request)) + ber.integer(0) + ber.integer(0)
    return ber.tlv(0xA8, head + ber.tlv(ber.SEQUENCE, varbind))


def plain_answer(request: bytes) -> bytes:
    """Return the PDU of a response with one value."""
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(6, oid.encode(f"{TABLE}.10.1")) + ber.integer(1, ber.COUNTER32))
    head = ber.integer(number_of(request)) + ber.integer(0) + ber.integer(0)
    return ber.tlv(ber.RESPONSE, head + ber.tlv(ber.SEQUENCE, varbind))


def introduces(asked: Asked) -> bytes:
    return of_v3(asked.request, report(asked.request, reports.UNKNOWN_ENGINE))


def then(bad: Mischief) -> Mischief:
    """Return the mischief of an engine that introduces itself first."""
    return lambda asked: [Sent(introduces(asked))] if asked.before == 0 else bad(asked)


def says(counter: bytes) -> Mischief:
    return lambda asked: [Sent(of_v3(asked.request, report(asked.request, counter)))]


def another_engine_each_time(asked: Asked) -> Iterable[Sent]:
    engine = b"\x80\0\x1f\x88\x04" + bytes((asked.before % 250,)) * 6
    return [Sent(of_v3(asked.request, report(asked.request, reports.UNKNOWN_ENGINE), engine=engine))]


def answers_in_clear(asked: Asked) -> Iterable[Sent]:
    return [Sent(of_v3(asked.request, plain_answer(asked.request)))]


ENDLESS_ARC = oid.encode("1.3.6.1.6.3.15.1.1") + b"\xff" * 3000 + b"\x01"
V3_MISCHIEF: Mapping[str, tuple[Mischief, str]] = {
    "answers the question for its engine with a value": (answers_in_clear, "timeout decode"),
    "silent after its introduction": (then(lambda _: ()), "timeout"),
    "answers in clear": (then(answers_in_clear), "decode"),
    "answers as v2c": (then(lambda asked: [Sent(response(answers_v2(asked.request)))]), "decode"),
    "another engine each time": (another_engine_each_time, "decode auth"),
    "says for ever that the time is wrong": (then(says(reports.NOT_IN_TIME_WINDOW)), "decode auth"),
    "knows no such user": (then(says(reports.UNKNOWN_USER)), "auth"),
    "refuses the signature": (then(says(reports.WRONG_DIGEST)), "auth"),
    "cannot decrypt": (then(says(reports.DECRYPTION_ERROR)), "auth"),
    "knows no such context": (then(says(reports.UNKNOWN_CONTEXT)), "device"),
    "reports a counter without end": (then(says(ENDLESS_ARC)), "device decode"),
    "boots beyond all numbers": (
        lambda asked: [Sent(of_v3(asked.request, report(asked.request, reports.UNKNOWN_ENGINE), boots=2**31 - 1))],
        "auth decode timeout",
    ),
    "an engine ID of a thousand bytes": (
        lambda asked: [Sent(of_v3(asked.request, report(asked.request, reports.UNKNOWN_ENGINE), engine=bytes(1000)))],
        "decode",
    ),
}


def answers_v2(_request: bytes) -> bytes:
    """Return a request of v2c, which the helper for v2c answers."""
    from exporters.snmp.security import Community

    return Community(ber.V2C, "public").wrap(ber.encode_request(ber.Request(ber.Kind.GET, (b"\x2b",)), 1), 1)


class V3Agent(HostileAgent):
    """An agent that takes whatever comes for a message of v3."""

    def answers(self, request: bytes, source: tuple[str, int]) -> Iterable[Sent]:
        before = len(self.requests)
        self.requests.append(request)
        return self._mischief(Asked(request, before, b""))


@pytest.mark.parametrize("name", V3_MISCHIEF)
async def test_an_engine_that_misbehaves_has_its_reason(name: str) -> None:
    mischief, reasons = V3_MISCHIEF[name]
    async with hostile(mischief, kind=V3Agent) as agent, collector() as made:
        reading, seconds = await read(made, agent, ports(), READER)
    (fault,) = reading.faults
    assert fault.reason in reasons.split()
    assert seconds < BUDGET_S + SLACK_S
    assert agent.asked <= 12, "a report is answered a few times, not for ever"


async def test_a_device_that_hung_up_meanwhile_is_called_again() -> None:
    """Devices close idle connections: the next scrape knows, or learns it in time."""
    module = ports()
    async with hostile(MISCHIEF["honest"], transport="tcp") as agent, collector() as made:
        target = Target(name="device", address="127.0.0.1", port=agent.port, transport="tcp")
        loop = asyncio.get_running_loop()
        for _ in range(3):
            reading = await made.collect(target, [module], loop.time() + 5)
            assert reading.faults == ()
            hung_up = agent.hang_up()
            assert hung_up == 1, "one connection for a device"
            await until(lambda: not agent.connections, "the connection to be gone")


@pytest.mark.parametrize("window", [1, 8])
async def test_a_device_that_was_off_is_read_when_it_is_back(window: int) -> None:
    module = ports()
    async with collector(snmp_window=window) as made:
        async with hostile(MISCHIEF["honest"]) as agent:
            assert (await read(made, agent, module))[0].faults == ()
            port = agent.port
        reading, _ = await read(made, agent, module)
        assert [fault.reason for fault in reading.faults] == ["refused"]
        async with hostile(MISCHIEF["honest"], port=port) as back:
            assert (await read(made, back, module))[0].faults == ()


async def test_without_a_socket_to_be_had_the_device_is_not_blamed() -> None:
    """As many sockets as the system gives are open: a fault with its reason."""
    status, out, err = await asyncio.to_thread(_without_sockets)
    assert (status, out) == (0, "limit\n"), err


NO_SOCKETS = """
import asyncio, resource, socket
from prometheus_client import CollectorRegistry
from exporters.probing.collector import CollectorContext, Target
from exporters.snmp.config.catalogue import parse
from exporters.snmp.collector import SnmpCollector

async def main():
    module = parse("modules: {m: {walk: [1.3.6.1]}}", "m.yml")[0]["m"]
    made = SnmpCollector(CollectorContext(registry=CollectorRegistry()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    held = []
    try:
        while True:
            held.append(socket.socket())
    except OSError:
        pass
    target = Target(name="device", address="127.0.0.1", port=9)
    reading = await made.collect(target, [module], asyncio.get_running_loop().time() + 1)
    print(reading.faults[0].reason)

asyncio.run(main())
"""


def _without_sockets() -> tuple[int, str, str]:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", NO_SOCKETS], cwd=root, capture_output=True, timeout=50, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_contexts_of_urls_fill_no_memory() -> None:
    """Whoever may ask may name contexts without end; a device is remembered in some of them only."""
    module = ports()
    async with hostile(MISCHIEF["honest"]) as agent, collector() as made:
        tracemalloc.start()
        try:
            sizes = []
            for context in range(300):
                params = {"snmp_context": f"context {context}"}
                target = Target(name="device", address="127.0.0.1", port=agent.port, params=params)
                reading = await made.collect(target, [module], asyncio.get_running_loop().time() + 5)
                assert reading.faults == ()
                agent.requests.clear()
                sizes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert sizes[-1] - sizes[99] < 300_000, "two hundred contexts more"
