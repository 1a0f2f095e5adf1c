"""Devices that misbehave, read through the real server: each has its reason, in every answer and in the counter.

Every mischief of tests/fakes/hostile_agent.py is read by `/snmp`, by `/probe` and by `heronwatch exporter probe`.
Nothing takes longer than its deadline, memory stays bounded, and the device next to it is read as ever.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
import pytest_asyncio

from exporters import probe_run
from exporters.options import ServeOptions
from exporters.probe_output import FORMS, as_table
from exporters.probing.deadline import HEADER
from exporters.probing.registry import installed
from exporters.snmp import ber
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.command import Simulator
from tests.fakes.daemons import Daemon, free_port, snmpd
from tests.fakes.exporter import ExporterProcess, exporter, run
from tests.fakes.hostile_agent import (
    MISCHIEF,
    PORTS,
    ROWS,
    STREAMS,
    TABLE,
    Asked,
    Mischief,
    Sent,
    Stream,
    honest,
    hostile,
    response,
    row,
)
from tests.fakes.tries import tried_async

TIMEOUT_MS = 700
RETRIES = 1
SCRAPE_S = 3.0
"""Time-out of every scrape as Prometheus would say it; the answer is there before, on a machine that is quiet."""
LATEST_S = SCRAPE_S + 12
"""On one that is busy; what has no end comes later still."""

CONFIG = """\
version: 1
pacing: {spread: 0s, timeouts: 1000}
snmp: {config_files: [snmp.yml]}
credentials:
  lab: {protocol: snmp, community: {file: community}, networks: [127.0.0.0/8]}
"""
AUTHS = """\
auths:
  right: &right
    {version: 3, username: reader, security_level: authPriv, auth_protocol: SHA, password: the right word,
     priv_protocol: AES, priv_password: the other word}
  wrong_key: {<<: *right, password: another word}
  wrong_privacy_key: {<<: *right, priv_password: another word}
  wrong_protocol: {<<: *right, auth_protocol: MD5}
  wrong_user: {<<: *right, username: nobody}
  public_v2: {version: 2, community: public}
"""
SNMPD_USER = "createUser reader SHA 'the right word' AES 'the other word'\nrouser reader priv\n"
MODULE = """\
  {name}:
    walk: [{root}]
    timeout: {timeout_ms}ms
    retries: {retries}
    max_repetitions: 10
    metrics:
      - {{name: ifDescr, oid: {table}.2, type: DisplayString, indexes: [{{labelname: ifIndex, type: gauge}}]}}
      - {{name: ifInOctets, oid: {table}.10, type: counter, indexes: [{{labelname: ifIndex, type: gauge}}]}}
"""


class Told(NamedTuple):
    """The reason of a failure, and words of what is said about it. Without a reason, how many samples there are."""

    reason: str
    words: str = ""
    samples: int = 0


HONEST = Told("", samples=2 * PORTS)
SILENCE = Told("timeout", "no answer in time")
STRAY = Told("stray", "answers to requests that were never made")
STALLED = Told("stalled", "the device stopped halfway")
GARBLED = Told("decode", "none was a well-formed SNMP message")
STUCK = Told("limit", "OID not increasing")

EXPECTED: dict[str, Told] = {
    "honest": HONEST,
    "silent": SILENCE,
    "another request-id": STRAY,
    "the request-id of the request before": STRAY,
    "another address": SILENCE,
    "stops halfway": STALLED,
    "garbage halfway, then silence": STALLED,
    "one reply of 65 kB": Told("", samples=1),
    "loops on one OID": STUCK,
    "answers with the OID asked for": Told(""),
    "alternates between two OIDs": STUCK,
    "goes back": STUCK,
    "tooBig": Told(""),
    "genErr": Told(""),
    "an error-status that is none": Told(""),
    "truncated": GARBLED,
    "trailing garbage": HONEST,
    "a thousand replies": HONEST,
    "a thousand pieces of garbage": GARBLED,
    "slow drip": Told("stalled", "the device was still answering"),
    "answers as v1": GARBLED,
    "answers as v3": GARBLED,
    "a report": GARBLED,
    "a request": GARBLED,
    "a trap": GARBLED,
    "the end at once": Told(""),
    "no values": Told(""),
    "huge integers": Told("decode", "an integer of 200 bytes"),
    "integers of no bytes": Told("", samples=2),
    "texts where numbers are due": Told("", samples=2),
    "values of an unknown type": Told("", samples=2),
    "an OID of ten thousand arcs": STUCK,
    "an OID that is cut off": STUCK,
    "an OID whose last arc has thousands of digits": STUCK,
    "an OID as value whose last arc has thousands of digits": Told("", samples=2),
    "names of no bytes": Told(""),
    "indefinite lengths": GARBLED,
    "lengths of 4 GB": GARBLED,
    "nested without end": GARBLED,
    "empty": GARBLED,
    "not SNMP at all": GARBLED,
}


class Met(NamedTuple):
    """What came of one mischief, by each way of asking."""

    port: int
    snmp: tuple[int, str]
    probe: str
    terminal: str
    longest_s: float
    failures: dict[str, float]
    asked: int


def module_of(name: str) -> str:
    return f"m{list(MISCHIEF).index(name)}"


def config(folder: Path) -> Path:
    """Write a module for each mischief, so that its counters are its own."""
    values = {"root": TABLE, "table": TABLE, "timeout_ms": TIMEOUT_MS, "retries": RETRIES}
    modules = "".join(MODULE.format(name=module_of(name), **values) for name in MISCHIEF)
    (folder / "snmp.yml").write_text(f"{AUTHS}modules:\n{modules}{MODULE.format(name='healthy', **values)}")
    (folder / "community").write_text("public")
    path = folder / "exporters.yml"
    path.write_text(CONFIG)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    config(made)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(folder: Path) -> AsyncIterator[ExporterProcess]:
    async with exporter(folder, f"--config.file={folder / 'exporters.yml'}") as running:
        yield running


def options_in(folder: Path) -> ServeOptions:
    return ServeOptions(config_files=(str(folder / "exporters.yml"),))


async def get(server: ExporterProcess, path: str, *, scrape_s: float = SCRAPE_S) -> tuple[int, str]:
    return await server.get(path, headers={HEADER: str(scrape_s)})


async def met(server: ExporterProcess, folder: Path, name: str, transport: str = "udp") -> Met:
    """Read a device that misbehaves in every way there is."""
    module = module_of(name)
    async with hostile(MISCHIEF[name]) as agent:
        took = [time.monotonic()]
        snmp = await get(server, f"/snmp?target=127.0.0.1:{agent.port}&module={module}")
        took.append(time.monotonic())
        _, probed = await get(server, f"/probe?target=127.0.0.1:{agent.port}&module={module}")
        took.append(time.monotonic())
        question = probe_run.Question(target=f"127.0.0.1:{agent.port}", modules=(module,), timeout_s=SCRAPE_S - 0.5)
        probed_here = await probe_run.probe(options_in(folder), question)
        took.append(time.monotonic())
    failures = {
        series.partition('reason="')[2].partition('"')[0]: value
        for series, value in (await server.metrics()).items()
        if series.startswith(f'heronwatch_exporter_scrape_failures_total{{module="{module}"')
    }
    longest_s = max(after - before for before, after in pairwise(took))
    terminal = as_table(probed_here)
    return Met(agent.port, snmp, probed, terminal, longest_s, failures, agent.asked)


ENDLESS = ["65 kB replies for ever", "rows for ever"]
"""Those that take the work of seconds: read on their own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_met(server: ExporterProcess, folder: Path) -> dict[str, Met]:
    """Read all of them, some at once; the command's configuration is loaded once, since that stops all clocks here."""
    few = asyncio.Semaphore(10)
    setup = probe_run.load_setup(options_in(folder).sources(), installed()[0])

    async def one(name: str) -> Met:
        async with few:
            return await met(server, folder, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_run, "load_setup", lambda *_: setup)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one(name)) for name in EXPECTED}
    return {name: task.result() for name, task in tasks.items()}


def samples(body: str) -> int:
    return sum(line.startswith(("ifDescr{", "ifInOctets{")) for line in body.splitlines())


def test_every_mischief_has_an_expectation() -> None:
    assert set(MISCHIEF) - set(EXPECTED) == set(ENDLESS)


def is_told(body: str, module: str, told: Told) -> bool:
    """Say whether an answer of `/snmp` begins with the reason that is expected, or has the samples."""
    if told.reason:
        return body.startswith(f"module {module}: {told.reason}: ") and told.words in body
    return samples(body) == told.samples


def test_snmp_answers_with_the_reason(all_met: dict[str, Met]) -> None:
    wrong = {
        name: met.snmp
        for name, met in all_met.items()
        if met.snmp[0] != (500 if EXPECTED[name].reason else 200)
        or not is_told(met.snmp[1], module_of(name), EXPECTED[name])
    }
    assert wrong == {}


def test_probe_answers_with_the_reason(all_met: dict[str, Met]) -> None:
    wrong = []
    for name, met in all_met.items():
        reason, module = EXPECTED[name].reason, module_of(name)
        due = [f"\nprobe_success {0 if reason else 1}\n"]
        if reason:
            due += [
                f'probe_failure_info{{module="{module}",reason="{reason}"}} 1\n',
                f"# fault: module {module}: {reason}: ",
            ]
        wrong += [(name, line) for line in due if line not in met.probe]
    assert wrong == []


def test_the_command_tells_the_reason(all_met: dict[str, Met]) -> None:
    wrong = []
    for name, met in all_met.items():
        reason, words, _ = EXPECTED[name]
        line = f"-- fault: module {module_of(name)}: {reason}: "
        if (line in met.terminal) != bool(reason) or words not in met.terminal:
            wrong.append((name, met.terminal))
    assert wrong == []


def test_the_counter_has_the_reason(all_met: dict[str, Met]) -> None:
    due = {name: {told.reason: 2.0} if told.reason else {} for name, told in EXPECTED.items()}
    assert {name: met.failures for name, met in all_met.items()} == due


def test_nothing_takes_longer_than_its_deadline(all_met: dict[str, Met]) -> None:
    assert [(name, met.longest_s) for name, met in all_met.items() if met.longest_s >= LATEST_S] == []


ALIKE = ["silent", "another request-id", "stops halfway", "truncated", "loops on one OID"]


def test_what_is_not_the_same_is_not_told_the_same(all_met: dict[str, Met]) -> None:
    """A device that never answered, one that answers others and one that fell silent want different remedies."""
    told = {name: all_met[name].snmp[1].partition(": ")[2] for name in ALIKE}
    assert len(set(told.values())) == len(ALIKE), told


OVER_TCP: dict[str, Told] = {
    "honest": HONEST,
    "silent": SILENCE,
    "another request-id": STRAY,
    "stops halfway": STALLED,
    "one reply of 65 kB": Told("", samples=1),
    "loops on one OID": STUCK,
    "trailing garbage": Told("decode"),
    "a thousand replies": HONEST,
    "answers as v1": GARBLED,
    "indefinite lengths": Told("decode", "a message of no definite length"),
    "lengths of 4 GB": Told("decode", "at most 1048576 are taken"),
    "nested without end": GARBLED,
    "not SNMP at all": Told("decode", "tag 0x48 where a message is due"),
}
STREAMS_TOLD: dict[str, Told] = {
    "closes at once": Told("unreachable"),
    "closes on a request": Told("unreachable", "the device closed the connection"),
    "closes halfway": Told("unreachable", "the device closed the connection"),
    "byte by byte": HONEST,
    "announces much": Told("timeout"),
    "never reads": SILENCE,
}
"""A stream that floods has a test of its own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_over_tcp(server: ExporterProcess) -> dict[str, tuple[int, str, float]]:
    """Read the misbehaving devices over TCP, all at once."""

    async def one(mischief: Mischief, stream: type[Stream]) -> tuple[int, str, float]:
        async with hostile(mischief, transport="tcp", stream=stream) as agent:
            started = time.monotonic()
            status, body = await get(server, f"/snmp?target=tcp://127.0.0.1:{agent.port}&module=healthy")
            return status, body, time.monotonic() - started

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(one(MISCHIEF[name], Stream)) for name in OVER_TCP}
        tasks |= {name: group.create_task(one(honest, STREAMS[name])) for name in STREAMS_TOLD}
    return {name: task.result() for name, task in tasks.items()}


def test_over_tcp_there_is_a_reason_in_time(all_over_tcp: dict[str, tuple[int, str, float]]) -> None:
    wrong = {}
    for name, (status, body, seconds) in all_over_tcp.items():
        told = {**OVER_TCP, **STREAMS_TOLD}[name]
        if status != (500 if told.reason else 200) or not is_told(body, "healthy", told) or seconds >= LATEST_S:
            wrong[name] = (status, body, seconds)
    assert wrong == {}


def test_every_stream_has_an_expectation() -> None:
    assert set(STREAMS) - set(STREAMS_TOLD) == {"floods"}


NOBODY = [("udp", "nothing listens on the port"), ("tcp", "nothing listens on the port")]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("transport", "words"), NOBODY)
async def test_a_refused_port_says_so(server: ExporterProcess, transport: str, words: str) -> None:
    port = free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    status, body = await get(server, f"/snmp?target={transport}://127.0.0.1:{port}&module=healthy")
    assert (status, body) == (500, f"module healthy: refused: {words}\n")


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_asked_over_tcp_is_not_answered_from_udp(server: ExporterProcess) -> None:
    """Two requests at once for one address and port: they share a scrape only where they mean the same."""
    slow: Mischief = lambda asked: [Sent(asked.honest, delay_s=0.1)]  # noqa: E731  a mischief is a function
    async with hostile(slow) as agent, asyncio.TaskGroup() as group:
        urls = [f"/snmp?target={way}://127.0.0.1:{agent.port}&module=healthy" for way in ("udp", "tcp")]
        answers = [group.create_task(get(server, url)) for url in urls]
    assert [answer.result()[0] for answer in answers] == [200, 500], "nothing listens on TCP"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_community_is_silence(server: ExporterProcess, folder: Path) -> None:
    agent = Agent(recording.parse(ROWS), community="another", started_at=0.0)
    simulator = Simulator(agent)
    try:
        status, body = await get(server, f"/snmp?target=127.0.0.1:{simulator.address[1]}&module=healthy")
    finally:
        simulator.close()
    assert (status, body.startswith("module healthy: timeout: no answer in time")) == (500, True)
    assert sum(agent.received.values()) == 1 + RETRIES


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with snmpd(tmp_path_factory.mktemp("snmpd"), extra=SNMPD_USER) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_the_right_key_of_v3_is_let_in(server: ExporterProcess, daemon: Daemon) -> None:
    status, _ = await get(server, f"/snmp?target=127.0.0.1:{daemon.port}&module=healthy&auth=right")
    assert status == 200


V3_TOLD = {
    "wrong_key": "the device refuses the signature",
    "wrong_protocol": "the device refuses the signature",
    "wrong_user": "the device knows no such user",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("auth", V3_TOLD)
async def test_a_wrong_key_of_v3_says_so(server: ExporterProcess, daemon: Daemon, auth: str) -> None:
    status, body = await get(server, f"/snmp?target=127.0.0.1:{daemon.port}&module=healthy&auth={auth}")
    assert status == 500
    assert body.startswith("module healthy: auth: ")
    assert V3_TOLD[auth] in body


@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_privacy_key_is_silence_from_net_snmp(server: ExporterProcess, daemon: Daemon) -> None:
    """What it decrypts to is nothing that net-snmp answers."""
    _, body = await get(server, f"/snmp?target=127.0.0.1:{daemon.port}&module=healthy&auth=wrong_privacy_key")
    assert body.startswith("module healthy: timeout: ")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_devices_text_cannot_steer_the_terminal(folder: Path) -> None:
    """A port called like an escape sequence is shown, not obeyed."""
    evil = b"\x1b]0;owned\x07\x1b[2J\r\x9b31m"

    def named(asked: Asked) -> Iterable[Sent]:
        return [Sent(response(asked.request, [row(1, 2, (ber.OCTET_STRING, evil)), (b"\x2b\x07", (0x82, b""))]))]

    async with hostile(named) as agent:
        question = probe_run.Question(target=f"127.0.0.1:{agent.port}", modules=("healthy",), trace=True)
        probed = await probe_run.probe(options_in(folder), question)
    for shown in (FORMS["table"](probed), FORMS["json"](probed), *probed.trace):
        assert "owned" in shown or shown in probed.trace
        assert [letter for letter in shown if not letter.isprintable() and letter != "\n"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_an_unknown_module_is_told_before_anything_is_sent(server: ExporterProcess) -> None:
    async with hostile(honest) as agent:
        status, body = await get(server, f"/snmp?target=127.0.0.1:{agent.port}&module=healthi")
        assert (status, body) == (400, "'healthi' is not a module (did you mean 'healthy'?)\n")
        assert agent.asked == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_the_real_command_ends_with_a_reason(folder: Path) -> None:
    async with hostile(MISCHIEF["loops on one OID"]) as agent:
        status, out, _ = await run(
            "probe", f"127.0.0.1:{agent.port}", "--module", "healthy", "--config.file", str(folder / "exporters.yml")
        )
    assert status == 1
    assert "-- fault: module healthy: limit: the device does not get beyond" in out


BUSY = [*ENDLESS, "a thousand pieces of garbage", "slow drip", "floods"]
NEIGHBOUR_S = 1.0
"""A scrape of the healthy device takes a few milliseconds; so much is far too long, and still no accident."""


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", BUSY)
async def test_the_device_next_to_it_is_read_as_ever(server: ExporterProcess, name: str) -> None:
    """While a hostile device is read, a healthy one is asked again and again, and neither fails nor waits."""
    transport: Literal["udp", "tcp"] = "tcp" if name == "floods" else "udp"

    async def slowest_s() -> float:
        longest_s = 0.0
        async with (
            hostile(MISCHIEF.get(name, honest), transport=transport, stream=STREAMS.get(name, Stream)) as agent,
            hostile(honest) as neighbour,
        ):
            url = f"/snmp?target={transport}://127.0.0.1:{agent.port}&module=healthy"
            bad = asyncio.create_task(get(server, url, scrape_s=2.0))
            while not bad.done() or not longest_s:
                started = time.monotonic()
                status, body = await get(server, f"/snmp?target=127.0.0.1:{neighbour.port}&module=healthy")
                longest_s = max(longest_s, time.monotonic() - started)
                assert (status, samples(body)) == (200, 2 * PORTS)
            assert (await bad)[0] == 500
            assert agent.asked or name == "floods", "a flood listens to nobody"
        return longest_s

    assert await tried_async(slowest_s, lambda seconds: seconds < NEIGHBOUR_S) < NEIGHBOUR_S


def peak_mib(server: ExporterProcess) -> float:
    """Return the most memory that the server ever had, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


MOST_MIB = 350.0
"""A server has some 80 MiB; a million values, as many as are ever taken from one device, cost some 170 more."""


async def peaks_of(name: str, folder: Path, tmp_path: Path, *, scrapes: int) -> list[float]:
    """Read an endless device again and again; return the most memory so far after each scrape."""
    peaks = []
    async with exporter(tmp_path, f"--config.file={folder / 'exporters.yml'}") as server:
        for _ in range(scrapes):
            async with hostile(MISCHIEF[name]) as agent:
                status, body = await get(server, f"/snmp?target=127.0.0.1:{agent.port}&module=healthy", scrape_s=30)
            assert (status, body.startswith("module healthy: limit: the device answers with more than ")) == (500, True)
            peaks.append(peak_mib(server))
    return peaks


@pytest.mark.asyncio(loop_scope="module")
async def test_memory_does_not_grow_with_every_large_answer(folder: Path, tmp_path: Path) -> None:
    """Each scrape takes 32 MiB; what the scrape before took has been given back."""
    peaks = await peaks_of("65 kB replies for ever", folder, tmp_path, scrapes=3)
    assert max(peaks) < MOST_MIB
    assert peaks[-1] < peaks[1] + 16


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_does_not_grow_with_every_million_values(folder: Path, tmp_path: Path) -> None:
    peaks = await peaks_of("rows for ever", folder, tmp_path, scrapes=6)
    assert max(peaks) < MOST_MIB
    assert peaks[-1] < peaks[1] + 64
