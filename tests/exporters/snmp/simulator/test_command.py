"""The simulated device: recordings, moving values, and what it notes; net-snmp's own tools read it."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Reply, Request
from exporters.snmp.security import Community
from exporters.snmp.simulator import live, recording
from exporters.snmp.simulator.agent import MOST_REPLY_BYTES, Agent
from exporters.snmp.simulator.command import LiveFile, Simulator
from exporters.snmp.simulator.live import value_at
from tests.fakes.daemons import wait_until

UP_TIME = oid.encode("1.3.6.1.2.1.1.3.0")
LINES = ["1.3.6.1.2.1.1.3.0|67|1000", "1.3.6.1.2.1.1.5.0|4|core", "1.3.6.1.2.1.2.1.0|2|3"]
SECURITY = Community(ber.V2C, "public")


def ask(agent: Agent, request: Request, now: float = 0.0, security: Community = SECURITY) -> Reply:
    response = agent.answer(security.wrap(ber.encode_request(request, 77)), now)
    assert response is not None
    return ber.decode_response(*security.unwrap(response), len(response))


def agent(lines: list[str] | None = None) -> Agent:
    return Agent(recording.parse(LINES if lines is None else lines), started_at=0.0)


def test_rows_out_of_order_are_sorted_and_the_first_of_one_oid_stays() -> None:
    recorded = recording.parse(["1.3.6.1.200|2|1", "1.3.6.1.9|2|2", "1.3.6.1.200|2|3"])
    assert [oid.text(name) for name in recorded.names] == ["1.3.6.1.9", "1.3.6.1.200"]
    assert recorded.value(1) == ber.integer(1)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2|-1", "0201ff"), ("4|a|b", "0403617c62"), ("4x|00ff", "040200ff"), ("5|", "0500"), ("6|1.3.6", "06022b06"),
        ("64|10.0.0.1", "40040a000001"), ("64x|0a000001", "40040a000001"), ("65|4294967295", "410500ffffffff"),
        ("70|1", "460101"), ("4x|text", "040474657874"),
    ],
)  # fmt: skip
def test_values_of_recordings(raw: str, expected: str) -> None:
    assert recording.encode_value(raw).hex() == expected


def test_variation_modules_are_left_out() -> None:
    assert len(recording.parse(["1.3.6.1.9|2:numeric|rate=1", "1.3.6.1.10|2|1", ""])) == 1


def test_compressed_recordings_are_read(tmp_path: Path) -> None:
    import bz2

    path = tmp_path / "a.snmprec.bz2"
    path.write_bytes(bz2.compress("\n".join(LINES).encode()))
    assert len(recording.load(path)) == 3


def test_up_time_advances() -> None:
    reply = ask(agent(), Request(Kind.GET, (UP_TIME,)), now=2.5)
    assert reply.varbinds == [(UP_TIME, (ber.TIME_TICKS, (1250).to_bytes(2)))]


def test_answers_are_remembered_for_any_request_id() -> None:
    simulated = agent()
    request = Request(Kind.GET_NEXT, (oid.encode("1.3.6.1.2.1.1.4"),))
    replies = [simulated.answer(SECURITY.wrap(ber.encode_request(request, number)), 0) for number in (1, 2**30)]
    decoded = [ber.decode_response(*SECURITY.unwrap(reply)) for reply in replies if reply]
    assert [reply.request_id for reply in decoded] == [1, 2**30]
    assert decoded[0].varbinds == decoded[1].varbinds


def test_bulk_answers_stay_within_a_packet() -> None:
    lines = [f"1.3.6.1.2.1.2.2.1.2.{row}|4|{'x' * 100}" for row in range(1, 50)]
    simulated = agent(lines)
    request = Request(Kind.GET_BULK, (oid.encode("1.3.6.1.2.1.2"),), 49)
    reply = ask(simulated, request)
    assert 10 < len(reply.varbinds) < 49
    assert reply.size <= MOST_REPLY_BYTES


def test_v1_names_the_value_that_is_missing() -> None:
    v1 = Community(ber.V1, "public")
    reply = ask(agent(), Request(Kind.GET, (UP_TIME, oid.encode("1.3.6.1.9.9"))), security=v1)
    assert (reply.status, len(reply.varbinds)) == (ber.NO_SUCH_NAME, 2)


def test_the_end_of_everything() -> None:
    reply = ask(agent(), Request(Kind.GET_BULK, (oid.encode("1.3.6.1.2.1.2.1"),), 5))
    assert [value[0] for _, value in reply.varbinds] == [ber.INTEGER, ber.END_OF_MIB_VIEW]


@pytest.mark.parametrize("message", [b"", b"\x30", b"\x30\x03\x02\x01\x01", bytes(50)])
def test_garbage_is_not_answered(message: bytes) -> None:
    assert agent().answer(message, 0) is None


def test_another_community_is_not_answered() -> None:
    request = ber.encode_request(Request(Kind.GET, (UP_TIME,)), 1)
    assert agent().answer(Community(ber.V2C, "private").wrap(request), 0) is None


def test_what_it_receives_is_noted_whatever_it_is() -> None:
    simulated = agent()
    ask(simulated, Request(Kind.GET, (UP_TIME,)))
    body = ber.integer(1) + ber.integer(0) + ber.integer(0) + ber.tlv(ber.SEQUENCE, b"")
    assert simulated.answer(SECURITY.wrap(ber.tlv(0xA3, body)), 0) is None
    assert (dict(simulated.received), list(simulated.noted)) == ({0xA0: 1, 0xA3: 1}, [0xA0, 0xA3])


@pytest.mark.parametrize(
    ("points", "now", "expected"),
    [
        ([(0, 5)], 100, 5),
        ([(0, 0), (10, 100)], -5, 0),
        ([(0, 0), (10, 100)], 2.5, 25),
        ([(0, 0), (10, 100)], 20, 200),
        ([(0, 0), (10, 100), (20, 100)], 99, 100),
        ([(0, 3), (10, 3), (10, 5), (20, 5)], 9, 3),
        ([(0, 3), (10, 3), (10, 5), (20, 5)], 10, 5),
        ([(0, 3), (10, 3), (10, 5)], 11, 5),
    ],
)
def test_points_are_joined_by_lines(points: list[tuple[float, float]], now: float, expected: float) -> None:
    assert value_at(points, now) == expected


NOT_POINTS = [
    "",
    "[]",
    '{"1.3.6.1.9": 1}',
    '{"1.3.6.1.9": {"type": "string", "points": [[0, 1]]}}',
    '{"1.3.6.1.9": {"type": "integer", "points": []}}',
    '{"1.3.6.1.9": {"type": "integer", "points": [1]}}',
]


@pytest.mark.parametrize("text", NOT_POINTS)
def test_files_of_points_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        live.parse(text)


def test_a_live_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path, simulated = tmp_path / "live.json", agent()
    file = LiveFile(path, simulated)
    name = oid.encode("1.3.6.1.2.1.31.1.1.1.6.1")
    contents = [
        json.dumps({"1.3.6.1.2.1.31.1.1.1.6.1": {"type": "counter64", "points": [[0, 0], [10, end]]}}) + " " * end
        for end in (100, 200)
    ]
    found = []
    for content in (contents[0], "half writ", contents[1]):
        path.write_text(content)
        file.check()
        found.append(ask(simulated, Request(Kind.GET, (name,)), now=5).varbinds[0][1])
    assert found == [(ber.COUNTER64, b"\x32"), (ber.COUNTER64, b"\x32"), (ber.COUNTER64, b"\x64")]


async def test_trouble_on_the_way_is_simulated() -> None:
    chances = iter([0.0, 0.9])
    simulator = Simulator(agent(), chance=lambda: next(chances))
    from exporters.snmp.simulator.command import Trouble

    simulator.trouble = Trouble(delay_s=0.01, loss=0.5)
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=simulator.address)
    for number in (1, 2):
        transport.sendto(SECURITY.wrap(ber.encode_request(Request(Kind.GET, (UP_TIME,)), number)))
    async with asyncio.timeout(10):
        first = await heard.get()
    assert (ber.decode_response(*SECURITY.unwrap(first)).request_id, heard.empty()) == (2, True)
    transport.close()
    simulator.close()


def test_the_command_serves_net_snmp(tmp_path: Path) -> None:
    walker = shutil.which("snmpwalk")
    if walker is None:
        pytest.skip("needs snmpwalk: apt-get install snmp")
    path = tmp_path / "device.snmprec"
    path.write_text("\n".join(LINES) + "\n")
    command = [sys.executable, "-m", "heronwatch", "exporter", "simulate", "snmp", "--recording", str(path),
               "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: log.read_text().count("listening on") == 2, 30, "the simulator")
        place = log.read_text().splitlines()[1].rpartition(" ")[2]
        found = subprocess.run(
            [walker, "-v2c", "-cpublic", "-On", "-Oe", "-m", "", place, "1.3.6.1"],
            capture_output=True, text=True, timeout=50, check=True,
        )  # fmt: skip
        lines = found.stdout.splitlines()
        assert lines[1:3] == ['.1.3.6.1.2.1.1.5.0 = STRING: "core"', ".1.3.6.1.2.1.2.1.0 = INTEGER: 3"]
        assert lines[0].startswith(".1.3.6.1.2.1.1.3.0 = Timeticks:")
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_a_recording_that_fits_no_listener_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from heronwatch.cli import main

    arguments = ["exporter", "simulate", "snmp", *["--recording", "x"] * 3, *["--listen", "127.0.0.1:0"] * 2]
    assert main(arguments) == 2
    assert "--recording: give one, or one for each --listen" in capsys.readouterr().out


def test_it_is_fast_enough_to_be_no_bottleneck() -> None:
    lines = [f"1.3.6.1.2.1.2.2.1.{column}.{row}|65|{row}" for column in range(1, 20) for row in range(1, 49)]
    simulated = agent(lines)
    requests = [
        SECURITY.wrap(ber.encode_request(Request(Kind.GET_BULK, (oid.encode(f"1.3.6.1.2.1.2.2.1.{c}"),), 50), c))
        for c in range(1, 20)
    ]
    for request in requests:
        simulated.answer(request, 0)
    started = time.process_time()
    for _ in range(100):
        for request in requests:
            simulated.answer(request, 0)
    per_answer_s = (time.process_time() - started) / 1900
    assert per_answer_s < 1e-4, "a remembered answer takes 10 microseconds; 100 mean that it was made anew"
