"""Simulated devices on sockets: networks, TCP, queues, and the fast processes that count."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request
from exporters.snmp.security import Community
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent, Tally
from exporters.snmp.simulator.simulated import NetworkPort, Simulator, TcpSimulator
from exporters.snmp.simulator.trouble import Trouble
from exporters.snmp.transport import Frames
from tests.fakes.daemons import free_port, wait_until

UP_TIME = oid.encode("1.3.6.1.2.1.1.3.0")
LINES = ["1.3.6.1.2.1.1.3.0|67|1000", "1.3.6.1.2.1.1.5.0|4|core", "1.3.6.1.2.1.2.1.0|2|3"]
V2C = Community(ber.V2C, "public")


def agent(**options: object) -> Agent:
    return Agent(recording.parse(LINES), started_at=0.0, **options)  # type: ignore[arg-type]


def message(request: Request, number: int = 1, security: Community = V2C) -> bytes:
    return security.wrap(ber.encode_request(request, number))


def decoded(answer: bytes | None) -> Reply:
    assert answer is not None
    return ber.decode_response(*V2C.unwrap(answer))


GET = Request(Kind.GET, (oid.encode("1.3.6.1.2.1.1.5.0"),))


class Client(asyncio.DatagramProtocol):
    """Keeps what it hears, with the address that it came from."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait((data, addr[0]))


async def test_every_address_of_a_network_answers_as_itself_and_no_other_does() -> None:
    port = free_port(socket.SOCK_DGRAM)
    simulator = Simulator(agent(), NetworkPort(IPv4Network("127.31.0.0/24"), port))
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    for address in ("127.30.0.1", "127.31.0.7", "127.31.0.200"):
        transport.sendto(message(GET), (address, port))
    async with asyncio.timeout(10):
        found = [(await client.heard.get())[1] for _ in range(2)]
    transport.close()
    simulator.close()
    assert (found, simulator.agent.tally().packets) == (["127.31.0.7", "127.31.0.200"], 2)


async def test_a_device_with_a_queue_of_one_drops_the_third_of_three() -> None:
    simulator = Simulator(agent(), trouble=Trouble(service_s=0.05, queue=1))
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=simulator.address)
    for number in (1, 2, 3):
        transport.sendto(message(GET, number))
    async with asyncio.timeout(10):
        found = [decoded((await client.heard.get())[0]).request_id for _ in range(2)]
        transport.sendto(message(GET, 4))
        found.append(decoded((await client.heard.get())[0]).request_id)
    transport.close()
    simulator.close()
    assert simulator.desk is not None
    assert (found, simulator.desk.dropped) == ([1, 2, 4], 1)


async def test_the_same_agent_speaks_tcp() -> None:
    simulator = TcpSimulator(agent())
    await simulator.listening()
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*simulator.address)
        whole = message(GET, 7)
        writer.write(whole + whole[:5])
        writer.write(whole[5:])
        frames, found = Frames(), list[bytes]()
        while len(found) < 2:
            found += frames.fed(await reader.read(1000))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
    writer.close()
    simulator.close()
    assert [decoded(one).request_id for one in found] == [7, 7]


def test_an_agent_of_v1_is_silent_to_v2c() -> None:
    old = agent(versions=(ber.V1,))
    assert old.answer(message(GET), 0.0) is None
    assert old.answer(message(GET, security=Community(ber.V1, "public")), 0.0) is not None


def test_a_get_that_does_not_fit_is_too_big_and_a_bulk_is_cut() -> None:
    small = agent(most_reply_bytes=90)
    names = tuple(oid.encode(line.partition("|")[0]) for line in LINES)
    assert decoded(small.answer(message(Request(Kind.GET, names)), 0.0)).status == ber.TOO_BIG
    assert len(decoded(small.answer(message(Request(Kind.GET_BULK, (b"\x2b",), 3)), 0.0)).names) == 2


def test_walks_are_counted_by_where_they_begin() -> None:
    counted = agent()
    for number, name in enumerate(["1.3.6.1.2.1.1", "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.2", "1.3.6.1.2.1.1"]):
        counted.answer(message(Request(Kind.GET_BULK, (oid.encode(name),), 1), number), 0.0)
    before = counted.tally()
    counted.answer(message(GET), 0.0)
    counted.answer(message(Request(Kind.GET_NEXT, (oid.encode("1.3.6.1.2.1.2"),))), 0.0)
    assert before == Tally(packets=4, values=4, walks={"1.3.6.1.2.1.1": 2, "1.3.6.1.2.1.2": 1})
    assert counted.tally().since(before) == Tally(packets=2, values=2, walks={"1.3.6.1.2.1.2": 1})


def test_what_may_not_be_sent_is_counted_apart() -> None:
    body = ber.integer(1) + ber.integer(0) * 2 + ber.tlv(ber.SEQUENCE, b"")
    counted = agent()
    assert counted.answer(V2C.wrap(ber.tlv(0xA3, body)), 0.0) is None
    assert counted.tally() == Tally(packets=1, forbidden=1)


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    path, log = folder / "device.snmprec", folder / "log"
    path.write_text("\n".join(LINES) + "\n")
    line = [sys.executable, "-m", "heronwatch", "exporter", "simulate", "snmp", "--recording", str(path), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(line, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process, log
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_fast_processes_share_the_addresses_and_each_counts(tmp_path: Path) -> None:
    listens = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]
    with command(tmp_path, *listens, "--processes", "2", "--still") as (process, log):
        wait_until(lambda: log.read_text().count("listening on") == 2, 30, "the simulator")
        ports = [int(line.rpartition(":")[2]) for line in log.read_text().splitlines()]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            answers = []
            for port in ports:
                client.sendto(message(Request(Kind.GET, (UP_TIME,))), ("127.0.0.1", port))
                answers.append(decoded(client.recv(2000)).varbinds[0][1])
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: log.read_text().count("counts") == 2, 10, "the counts")
        lines = log.read_text().splitlines()
    counts = [json.loads(line.removeprefix("counts ")) for line in lines if line.startswith("counts")]
    assert [one["packets"] for one in counts] == [1, 1]
    assert answers == [(ber.TIME_TICKS, (1000).to_bytes(2))] * 2


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--network", "127.20.0.0/16:1161", "--tcp"], "--network: not with --listen or --tcp"),
        (["--processes", "2", "--delay", "1"], "--processes: not with --tcp, --live or trouble"),
        (["--v3-user", "a", "--v3-priv", "AES", "--v3-priv-password", "x"], "--v3-priv: needs --v3-auth"),
        (["--v3-user", "a", "--v3-auth", "SHA"], "--v3-auth-password: at least 8 characters (RFC 3414 section 11.2)"),
        (["--loss", "7"], "--loss: 7 is no share (0 to less than 1)"),
        (["--delay", "-1"], "--delay and --service: not below 0"),
        (["--network", "nowhere"], "argument --network: invalid parse value: 'nowhere'"),
    ],
)
def test_arguments_that_do_not_fit_together_are_named(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from exporters.snmp.simulator.command import add_arguments, run

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    try:
        code = run(parser.parse_args(["--recording", "none.snmprec", *arguments]))
    except SystemExit as stopped:
        code = int(str(stopped.code))
    shown = capsys.readouterr()
    assert code == 2
    assert fault in shown.out + shown.err


def test_counts_survive_what_was_remembered() -> None:
    counted = agent()
    for number in range(3):
        counted.answer(message(Request(Kind.GET_NEXT, (oid.encode("1.3.6.1.2.1.2"),)), number), 0.0)
        counted.answer(message(Request(Kind.GET, (UP_TIME,)), number), float(number))  # moves: never remembered
    before = counted.tally()
    counted.set_live({})
    assert counted.tally() == before == Tally(packets=6, values=6, walks={"1.3.6.1.2.1.2": 3})
    assert counted.received == {Kind.GET_NEXT: 3, Kind.GET: 3}
