"""The socket: what is an answer, what is not, and when to give up. Devices here are sockets with a script."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Request
from exporters.snmp.conversation import Attempts
from exporters.snmp.errors import GarbledError, NoAnswerError, RefusedByDeviceError
from exporters.snmp.security import Community
from exporters.snmp.session import Endpoint, Session
from tests.fakes.daemons import free_port

SECURITY = Community(ber.V2C, "public")
NAME = oid.encode("1.3.6.1.2.1.1.5.0")
GET = Request(Kind.GET, (NAME,))
Script = Callable[[bytes, int], list[bytes]]
"""(request, how many before it) → what to send back"""


class Scripted(asyncio.DatagramProtocol):
    """A device that does what a script says."""

    def __init__(self, script: Script) -> None:
        self.heard: list[bytes] = []
        self._script = script

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answers = self._script(data, len(self.heard))
        self.heard.append(data)
        for answer in answers:
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def device(script: Script, *, any_source: bool = False) -> AsyncIterator[tuple[Session, Scripted]]:
    loop = asyncio.get_running_loop()
    transport, scripted = await loop.create_datagram_endpoint(lambda: Scripted(script), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    session = Session(
        Endpoint("127.0.0.1", port, any_source, source="127.0.0.1" if any_source else ""), request_id=lambda: 1000
    )
    try:
        yield session, scripted
    finally:
        session.close()
        transport.close()


def answer(request: bytes, *, request_id: int | None = None, value: bytes = b"core") -> bytes:
    """Return the response to a request, or one with another request-id."""
    pdu = ber.header(request, 0)[0] + len(ber.integer(1)) + len(ber.tlv(4, b"public"))
    asked, _ = ber.read_integer(request, ber.header(request, pdu)[0])
    varbind = ber.tlv(ber.SEQUENCE, ber.tlv(6, NAME) + ber.tlv(4, value))
    body = ber.integer(asked if request_id is None else request_id) + ber.integer(0) + ber.integer(0)
    return SECURITY.wrap(ber.tlv(ber.RESPONSE, body + ber.tlv(ber.SEQUENCE, varbind)))


def attempts(timeout_s: float = 0.25, retries: int = 2, deadline_s: float = 30.0) -> Attempts:
    return Attempts(timeout_s, retries, asyncio.get_running_loop().time() + deadline_s)


async def test_an_answer_is_returned() -> None:
    async with device(lambda request, _: [answer(request)]) as (session, _):
        reply = await session.ask(GET, SECURITY, attempts())
    assert reply.varbinds == [(NAME, (4, b"core"))]
    assert (session.sent, session.retried, reply.attempts) == (1, 0, 1)


async def test_a_lost_packet_is_sent_again() -> None:
    async with device(lambda request, before: [answer(request)] if before == 2 else []) as (session, scripted):
        reply = await session.ask(GET, SECURITY, attempts())
    assert (session.sent, session.retried, reply.attempts) == (3, 2, 3)
    assert len(set(scripted.heard)) == 1, "a late answer to the first attempt answers the second, too"


async def test_silence_is_a_timeout_after_all_attempts() -> None:
    async with device(lambda *_: []) as (session, scripted):
        with pytest.raises(NoAnswerError, match="no answer in time"):
            await session.ask(GET, SECURITY, attempts(retries=1))
        assert len(scripted.heard) == 2


async def test_the_deadline_cuts_the_attempts() -> None:
    async with device(lambda *_: []) as (session, _):
        started = time.monotonic()
        with pytest.raises(NoAnswerError):
            await session.ask(GET, SECURITY, attempts(timeout_s=60, retries=5, deadline_s=0.1))
        assert time.monotonic() - started < 30


async def test_after_the_deadline_nothing_is_sent() -> None:
    async with device(lambda *_: []) as (session, scripted):
        with pytest.raises(NoAnswerError):
            await session.ask(GET, SECURITY, attempts(deadline_s=-1))
        assert (session.sent, scripted.heard) == (0, [])


async def test_other_request_ids_and_garbage_are_no_answer() -> None:
    def script(request: bytes, _before: int) -> list[bytes]:
        good = answer(request)
        return [b"", b"\x30", good[:-1], answer(request, request_id=5), answer(request, request_id=-1), good]

    async with device(script) as (session, _):
        assert (await session.ask(GET, SECURITY, attempts())).varbinds[0][1] == (4, b"core")


async def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    held: list[bytes] = []

    def script(request: bytes, before: int) -> list[bytes]:
        if before == 0:
            held.append(answer(request, value=b"late"))
            return []
        return [*held, answer(request)]

    async with device(script) as (session, _):
        with pytest.raises(NoAnswerError):
            await session.ask(GET, SECURITY, attempts(retries=0))
        assert (await session.ask(GET, SECURITY, attempts())).varbinds[0][1] == (4, b"core")


async def test_only_garbage_is_garbled() -> None:
    async with device(lambda *_: [b"\x30\x00", b"no"]) as (session, _):
        with pytest.raises(GarbledError, match="2 answers came, and none was a well-formed SNMP message"):
            await session.ask(GET, SECURITY, attempts(retries=0))


async def test_a_closed_port_is_told_at_once() -> None:
    session = Session(Endpoint("127.0.0.1", free_port(socket.SOCK_DGRAM)), request_id=lambda: 1)
    started = time.monotonic()
    with pytest.raises(RefusedByDeviceError, match="nothing listens"):
        await session.ask(GET, SECURITY, attempts(timeout_s=50, deadline_s=50))
    assert time.monotonic() - started < 30
    session.close()


async def answered_from_elsewhere(port: int | None, *, any_source: bool) -> None:
    """Ask a device that answers from 127.0.0.2, from `port` or its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:

        def script(request: bytes, _before: int) -> list[bytes]:
            elsewhere.sendto(answer(request), session._link._socket.getsockname())
            return []

        async with device(script, any_source=any_source) as (session, _):
            elsewhere.bind(("127.0.0.2", session.endpoint.port if port is None else port))
            await session.ask(GET, SECURITY, attempts(retries=0))


async def test_an_answer_from_another_address_is_dropped() -> None:
    with pytest.raises(NoAnswerError):
        await answered_from_elsewhere(None, any_source=False)


async def test_with_any_source_another_address_may_answer() -> None:
    await answered_from_elsewhere(None, any_source=True)


async def test_with_any_source_the_port_still_counts() -> None:
    with pytest.raises(NoAnswerError):
        await answered_from_elsewhere(0, any_source=True)


async def test_a_repeated_large_question_asks_for_less() -> None:
    sizes: list[int] = []

    def script(request: bytes, _before: int) -> list[bytes]:
        sizes.append(request[request.index(b"\x30", 2) - 1])  # repetitions stand before the list of varbinds
        return [answer(request)] if len(sizes) == 2 else []

    async with device(script) as (session, _):
        await session.ask(Request(Kind.GET_BULK, (NAME,), 60), SECURITY, attempts())
    assert sizes == [60, 25]


async def test_closing_twice_is_fine() -> None:
    async with device(lambda *_: []) as (session, _):
        session.close()
        session.close()
