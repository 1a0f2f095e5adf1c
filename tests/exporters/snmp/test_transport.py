"""The wire: framing over TCP, connections that come and go, what comes unasked. (More of UDP: test_session.py.)"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Request
from exporters.snmp.conversation import Attempts
from exporters.snmp.errors import DeviceError, GarbledError, NoAnswerError, RefusedByDeviceError, UnreachableError
from exporters.snmp.security import Community
from exporters.snmp.session import Session
from exporters.snmp.transport import MOST_MESSAGE, Endpoint, Frames, UdpLink
from tests.fakes.daemons import free_port

SECURITY = Community(ber.V2C, "public")
NAME = oid.encode("1.3.6.1.2.1.1.5.0")
GET = Request(Kind.GET, (NAME,))


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
def test_messages_come_whole_however_they_are_cut(contents: list[bytes], data: st.DataObject) -> None:
    messages = [ber.tlv(ber.SEQUENCE, content) for content in contents]
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    frames, found = Frames(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += frames.fed(stream[start:end])
    assert found == messages


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_a_hostile_stream_raises_nothing_but_garbled(parts: list[bytes]) -> None:
    frames = Frames()
    with contextlib.suppress(GarbledError):
        for part in parts:
            assert all(message[0] == ber.SEQUENCE for message in frames.fed(part))


@pytest.mark.parametrize(
    "stream", [b"\x31\x00", b"\x30\x80", b"\x30\x85\x01\x01\x01\x01\x01", b"\x30\x84" + (MOST_MESSAGE + 1).to_bytes(4)]
)
def test_what_is_no_message_is_refused_at_its_header(stream: bytes) -> None:
    with pytest.raises(GarbledError):
        Frames().fed(stream)


def test_a_flood_is_taken_bit_by_bit() -> None:
    frames = Frames()
    frames.feed(b"\x30\x00" * 5)
    assert (len(frames.taken(3)), frames.is_full) == (3, True)
    assert (len(frames.taken(3)), frames.is_full) == (2, False)


def answer(request: bytes) -> bytes:
    pdu = ber.header(request, 0)[0] + len(ber.integer(1)) + len(ber.tlv(4, b"public"))
    asked, _ = ber.read_integer(request, ber.header(request, pdu)[0])
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(6, NAME) + ber.tlv(4, b"core"))
    body = ber.integer(asked) + ber.integer(0) + ber.integer(0)
    return SECURITY.wrap(ber.tlv(ber.RESPONSE, body + ber.tlv(ber.SEQUENCE, varbind)))


Script = Callable[[bytes, asyncio.Transport], None]


class Device(asyncio.Protocol):
    """A device that does what a script says."""

    def __init__(self, script: Script, heard: list[bytes], gone: asyncio.Event) -> None:
        self._script = script
        self._heard = heard
        self._gone = gone
        self._frames = Frames()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for message in self._frames.fed(data):
            self._heard.append(message)
            self._script(message, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()


@contextlib.asynccontextmanager
async def device(script: Script) -> AsyncIterator[tuple[Session, list[bytes]]]:
    heard: list[bytes] = []
    gone = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(lambda: Device(script, heard, gone), "127.0.0.1", 0)
    session = Session(Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], transport="tcp"), request_id=lambda: 5)
    try:
        yield session, heard
    finally:
        session.close()
        async with asyncio.timeout(40):
            await gone.wait()
        server.close()


def attempts(timeout_s: float = 30.0) -> Attempts:
    return Attempts(timeout_s, 0, asyncio.get_running_loop().time() + 30)


async def test_a_connection_is_kept_and_made_anew_when_it_ended() -> None:
    connections = set()

    def script(message: bytes, transport: asyncio.Transport) -> None:
        connections.add(transport)
        transport.write(answer(message))
        if len(heard) == 2:
            transport.close()

    async with device(script) as (session, heard):
        for _ in range(4):
            reply = await session.ask(GET, SECURITY, attempts())
            assert reply.elements == [b"\x04\x04core"]
            await within(lambda: len(heard) != 2 or session._link._transport is None)  # type: ignore[attr-defined]
    assert (len(heard), len(connections)) == (4, 2)


async def fails_with(script: Script) -> DeviceError:
    async with device(script) as (session, _):
        with pytest.raises(DeviceError) as caught:
            await session.ask(GET, SECURITY, attempts(0.2))
    return caught.value


async def test_each_trouble_has_its_error() -> None:
    assert isinstance(await fails_with(lambda _, transport: transport.close()), UnreachableError)
    assert isinstance(await fails_with(lambda _, transport: transport.write(b"HTTP/1.1 400\r\n")), GarbledError)
    assert isinstance(await fails_with(lambda *_: None), NoAnswerError)
    closed = Session(Endpoint("127.0.0.1", free_port(), transport="tcp"), request_id=lambda: 5)
    with pytest.raises(RefusedByDeviceError, match="nothing listens"):
        await closed.ask(GET, SECURITY, attempts())


async def test_a_device_that_goes_on_unasked_is_cut_off_until_it_is_asked_again() -> None:
    """A stream without an end must cost nothing once the scrape is over."""
    connections: list[asyncio.Transport] = []

    def script(message: bytes, transport: asyncio.Transport) -> None:
        if transport not in connections:
            connections.append(transport)
        transport.write(answer(message))
        asyncio.get_running_loop().call_later(0.01, transport.write, b"0\x00" * 100_000)

    async with device(script) as (session, _):
        assert (await session.ask(GET, SECURITY, attempts())).elements == [b"\x04\x04core"]
        await within(lambda: bool(connections) and connections[0].is_closing())
        assert (await session.ask(GET, SECURITY, attempts())).elements == [b"\x04\x04core"]
    assert len(connections) == 2


async def test_datagrams_that_come_unasked_are_not_read() -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        way = UdpLink(Endpoint(*agent.getsockname()), lambda message: bool(heard.append(message)), pytest.fail)
        try:
            await way.open(0)
            way.send(b"hello")
            _, asker = agent.recvfrom(100)
            agent.sendto(b"first", asker)
            await within(lambda: heard == [b"first"])
            way.rest()
            agent.sendto(b"unasked", asker)
            await asyncio.sleep(0)  # the loop looks at its sockets once
            await asyncio.sleep(0)
            assert heard == [b"first"]
            await way.open(0)
            await within(lambda: heard == [b"first", b"unasked"])
        finally:
            way.close()


async def within(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110  # until it happens
            await asyncio.sleep(0.001)
