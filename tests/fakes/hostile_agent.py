"""An SNMP agent that misbehaves, on real UDP and TCP sockets of the running loop.

    async with hostile(MISCHIEF["loops on one OID"]) as agent: ...  # agent.port, agent.asked

A mischief is a function from what was asked to what is sent: pure, and the sockets below do the rest. The device behind
it is honest: a switch of a few ports, community "public".
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from exporters.snmp import ber, oid
from exporters.snmp.ber import Varbind
from exporters.snmp.errors import MalformedError
from exporters.snmp.simulator import recording
from exporters.snmp.simulator.agent import Agent, read_question

LOOPBACK = "127.0.0.1"
ELSEWHERE = "127.0.0.2"
PORTS = 12
COLUMNS = {2: "4", 8: "2", 10: "65"}
"""Columns of ifTable that the honest device has, and the tags of recordings: ifDescr, ifOperStatus, ifInOctets."""

TABLE = "1.3.6.1.2.1.2.2.1"
ROWS = [
    f"{TABLE}.{column}.{row}|{tag}|{f'port {row}' if tag == '4' else row}"
    for column, tag in COLUMNS.items()
    for row in range(1, PORTS + 1)
]
FULL = 65_507  # RFC 768 and RFC 791: the most bytes in one datagram over IPv4
MOST_ROWS = 3000
LATE_S = 0.15
"""How late the slow mischiefs answer; less than the time-out of the module that the tests read."""


class Asked(Struct, frozen=True):
    """A request, how many came before it, and what an honest agent would answer."""

    request: bytes
    before: int
    honest: bytes


class Sent(Struct, frozen=True):
    """A message to send: after a while, or from another address."""

    message: bytes
    delay_s: float = 0.0
    elsewhere: bool = False


Mischief = Callable[[Asked], Iterable[Sent]]


def response(
    request: bytes,
    varbinds: Iterable[Varbind] = (),
    *,
    status: int = 0,
    tag: int = ber.RESPONSE,
    version: int | None = None,
    shift: int = 0,
) -> bytes:
    """Return a response to a request, of its version or another; `shift` is added to the request-id."""
    question = read_question(request)
    pairs = [ber.tlv(ber.OBJECT_IDENTIFIER, name) + ber.tlv(*value) for name, value in varbinds]
    listed = b"".join([ber.tlv(ber.SEQUENCE, pair) for pair in pairs])
    asked = int.from_bytes(question.request_id, signed=True)
    body = ber.integer(asked + shift) + ber.integer(status) + ber.integer(0) + ber.tlv(ber.SEQUENCE, listed)
    head = ber.integer(question.version if version is None else version) + ber.tlv(ber.OCTET_STRING, b"public")
    return ber.tlv(ber.SEQUENCE, head + ber.tlv(tag, body))


def row(number: int, column: int = 10, value: ber.Value = (ber.COUNTER32, b"\x01")) -> Varbind:
    """Return a value of ifTable."""
    return oid.encode(f"{TABLE}.{column}.{number}"), value


def always(make: Callable[[bytes], bytes], *, times: int = 1) -> Mischief:
    """Return the mischief that answers every request with what `make` makes of it."""
    return lambda asked: [Sent(make(asked.request))] * times


def silent(_asked: Asked) -> Iterable[Sent]:
    return ()


def honest(asked: Asked) -> Iterable[Sent]:
    return [Sent(asked.honest)]


def alternating(asked: Asked) -> Iterable[Sent]:
    return [Sent(response(asked.request, [row(1 + asked.before % 2)]))]


def for_ever(asked: Asked) -> Iterable[Sent]:
    """Ever more rows, as many in each reply as a datagram can hold: the most memory for its bytes."""
    return [Sent(response(asked.request, _rows(_row_asked_for(asked.request), MOST_ROWS)))]


def _row_asked_for(request: bytes) -> int:
    """Return the row that a request for the next one names, 0 where it names none."""
    name = read_question(request).names[-1]
    column = oid.encode(f"{TABLE}.10")
    return oid.decode_arcs(name.removeprefix(column))[0] if name.startswith(column) and name != column else 0


@lru_cache(maxsize=400)
def _rows(after: int, count: int) -> Sequence[Varbind]:
    column = oid.encode(f"{TABLE}.10")
    return [
        (column + oid.encode_arcs([number]), (ber.COUNTER32, b"\x01")) for number in range(after + 1, after + count)
    ]


def large_for_ever(asked: Asked) -> Iterable[Sent]:
    """One row after the other, each as large as a datagram can be."""
    return [Sent(_full(asked.request, 1 + _row_asked_for(asked.request)))]


def one_large(asked: Asked) -> Iterable[Sent]:
    """A reply as large as a datagram can be, and then the end."""
    if asked.before % 2 == 0:
        return [Sent(_full(asked.request, 1))]
    return [Sent(response(asked.request, [row(1, value=(ber.END_OF_MIB_VIEW, b""))]))]


def _full(request: bytes, number: int) -> bytes:
    room = FULL - len(response(request, [row(number, value=(ber.OCTET_STRING, bytes(60_000)))])) + 60_000
    return response(request, [row(number, value=(ber.OCTET_STRING, b"x" * room))])


def slow_drip(asked: Asked) -> Iterable[Sent]:
    """One row at a time, each just before the time-out, for ever."""
    return [Sent(response(asked.request, [row(1 + _row_asked_for(asked.request))]), delay_s=LATE_S)]


def from_elsewhere(asked: Asked) -> Iterable[Sent]:
    return [Sent(asked.honest, elsewhere=True)]


def stops_halfway(asked: Asked) -> Iterable[Sent]:
    """Two good answers, then silence to the request after them and to its repetition."""
    return [Sent(asked.honest)] if asked.before % 4 < 2 else ()


def garbage_then_silence(asked: Asked) -> Iterable[Sent]:
    """Garbage beside the first answers, which are good, and then nothing."""
    return [Sent(b"\x30\x03\x02\x01\x07"), *stops_halfway(asked)] if asked.before % 4 < 2 else ()


def swapped(asked: Asked) -> Iterable[Sent]:
    """Rows in an order that goes back."""
    return [Sent(response(asked.request, [row(3), row(2), row(1)]))]


def indefinite(message: bytes) -> bytes:
    """Return a message whose outermost length is of the indefinite form, which RFC 3417 section 8 forbids."""
    start, end = ber.header(message, 0)
    return b"\x30\x80" + message[start:end] + b"\0\0"


def _deep(request: bytes) -> bytes:
    return b"\x30\x82\x03\xe8" + b"\x30\x82\x03\xe8" * 250


def _own_name(request: bytes) -> bytes:
    return response(request, [(name, (ber.COUNTER32, b"\x01")) for name in read_question(request).names])


def _columns(value: ber.Value) -> Callable[[bytes], bytes]:
    """Return what makes a reply of two rows with a value, and then the end of everything."""
    return lambda request: response(
        request, [row(1, value=value), row(2, value=value), (b"\x2b\x07", (ber.END_OF_MIB_VIEW, b""))]
    )


MISCHIEF: Mapping[str, Mischief] = {
    "honest": honest,
    "silent": silent,
    "another request-id": always(lambda request: response(request, [row(1)], shift=1)),
    "the request-id of the request before": always(lambda request: response(request, [row(1)], shift=-1)),
    "another address": from_elsewhere,
    "stops halfway": stops_halfway,
    "garbage halfway, then silence": garbage_then_silence,
    "one reply of 65 kB": one_large,
    "65 kB replies for ever": large_for_ever,
    "loops on one OID": always(lambda request: response(request, [row(1)])),
    "answers with the OID asked for": always(_own_name),
    "alternates between two OIDs": alternating,
    "goes back": swapped,
    "rows for ever": for_ever,
    "tooBig": always(lambda request: response(request, status=ber.TOO_BIG)),
    "genErr": always(lambda request: response(request, status=5)),
    "an error-status that is none": always(lambda request: response(request, status=-7)),
    "truncated": lambda asked: [Sent(asked.honest[:-5])],
    "trailing garbage": lambda asked: [Sent(asked.honest + b"\xff" * 50)],
    "a thousand replies": lambda asked: [Sent(asked.honest)] * 1000,
    "a thousand pieces of garbage": always(lambda _: b"\x30\x03\x02\x01\x07", times=1000),
    "slow drip": slow_drip,
    "answers as v1": always(lambda request: response(request, [row(1)], version=ber.V1)),
    "answers as v3": always(lambda request: response(request, [row(1)], version=3)),
    "a report": always(lambda request: response(request, [row(1)], tag=0xA8)),
    "a request": always(lambda request: request),
    "a trap": always(lambda request: response(request, [row(1)], tag=0xA7)),
    "the end at once": always(lambda request: response(request, [row(1, value=(ber.END_OF_MIB_VIEW, b""))])),
    "no values": always(response),
    "huge integers": always(_columns((ber.COUNTER32, b"\x7f" * 200))),
    "integers of no bytes": always(_columns((ber.COUNTER32, b""))),
    "texts where numbers are due": always(_columns((ber.OCTET_STRING, b"many"))),
    "values of an unknown type": always(_columns((0x5F, b"\x01"))),
    "an OID of ten thousand arcs": always(
        lambda request: response(request, [(oid.encode(f"{TABLE}.10") + b"\x01" * 10_000, (ber.COUNTER32, b"\x01"))])
    ),
    "an OID whose last arc has thousands of digits": always(
        lambda request: response(request, [(oid.encode(f"{TABLE}.10") + b"\xff" * 3000 + b"\x01", (0x41, b"\x01"))])
    ),
    "an OID as value whose last arc has thousands of digits": always(
        _columns((ber.OBJECT_IDENTIFIER, b"\x2b" + b"\xff" * 3000 + b"\x01"))
    ),
    "an OID that is cut off": always(
        lambda request: response(request, [(oid.encode(f"{TABLE}.10") + b"\xff" * 50, (ber.COUNTER32, b"\x01"))])
    ),
    "names of no bytes": always(lambda request: response(request, [(b"", (ber.INTEGER, b"\x01"))])),
    "indefinite lengths": lambda asked: [Sent(indefinite(asked.honest))],
    "lengths of 4 GB": always(lambda _: b"\x30\x84\xff\xff\xff\xff\x02\x01\x01"),
    "nested without end": always(_deep),
    "empty": always(lambda _: b""),
    "not SNMP at all": always(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


class HostileAgent:
    """A running agent: what it was asked, and from which ports."""

    def __init__(self, mischief: Mischief) -> None:
        self.requests: list[bytes] = []
        self.sources: set[tuple[str, int]] = set()
        self.connections: set[asyncio.Transport] = set()
        self.port = 0
        self.loop = asyncio.get_running_loop()
        self._mischief = mischief
        self._agent = Agent(recording.parse(ROWS), started_at=0.0)

    @property
    def asked(self) -> int:
        """How many requests have come."""
        return len(self.requests)

    def hang_up(self) -> int:
        """Close all connections; how many there were."""
        for connection in self.connections:
            connection.close()
        return len(self.connections)

    def answers(self, request: bytes, source: tuple[str, int]) -> Iterable[Sent]:
        """Note a request and return what to send."""
        before = len(self.requests)
        self.requests.append(request)
        self.sources.add(source)
        try:
            read_question(request)
        except (MalformedError, IndexError):
            return ()
        return self._mischief(Asked(request, before, self._agent.answer(request, 0.0) or b""))


class _Datagrams:
    """A socket of the agent, and one at another address with the same port; asyncio's own would send nothing empty."""

    def __init__(self, agent: HostileAgent, port: int) -> None:
        self._agent = agent
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((LOOPBACK, port))
        self._elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = self._socket.getsockname()[1]
        agent.loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        self._agent.loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._elsewhere.close()

    def _readable(self) -> None:
        with contextlib.suppress(OSError):
            data, source = self._socket.recvfrom(FULL)
            for sent in self._agent.answers(data, source):
                self._agent.loop.call_later(sent.delay_s, self._send, sent, source)

    def _send(self, sent: Sent, source: tuple[str, int]) -> None:
        if sent.elsewhere and self._elsewhere.getsockname()[1] == 0:
            self._elsewhere.bind((ELSEWHERE, self.port))
        with contextlib.suppress(OSError):  # the client has gone, or reads too slowly
            (self._elsewhere if sent.elsewhere else self._socket).sendto(sent.message, source)


class Stream(asyncio.Protocol):
    """A connection to the agent over TCP (RFC 3430): messages one after the other."""

    def __init__(self, agent: HostileAgent) -> None:
        self._agent = agent
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._agent.connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._agent.connections.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        source = self.transport.get_extra_info("peername")
        while len(self._buffer) > 6:
            try:
                _, end = ber.header(self._buffer, 0)
            except MalformedError:
                return  # the rest is on its way
            request, self._buffer = self._buffer[:end], self._buffer[end:]
            for sent in self._agent.answers(request, source):
                self._send(sent)

    def _send(self, sent: Sent) -> None:
        if sent.delay_s:
            self._agent.loop.call_later(sent.delay_s, self.transport.write, sent.message)
        else:
            self.transport.write(sent.message)


class ClosesAtOnce(Stream):
    """Hangs up as soon as somebody calls."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.close()


class ClosesOnARequest(Stream):
    """Hangs up when it is asked."""

    def data_received(self, data: bytes) -> None:
        self.transport.close()


class ClosesHalfway(Stream):
    """Hangs up in the middle of an answer."""

    def _send(self, sent: Sent) -> None:
        self.transport.write(sent.message[: len(sent.message) // 2])
        self.transport.close()


class ByteByByte(Stream):
    """Sends every answer in pieces of one byte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _send(self, sent: Sent) -> None:
        for number, byte in enumerate(sent.message):
            self._agent.loop.call_later(number / 10_000, self.transport.write, bytes((byte,)))


class AnnouncesMuch(Stream):
    """Announces a message of almost a megabyte, and sends a few bytes of it."""

    def _send(self, sent: Sent) -> None:
        self.transport.write(b"\x30\x83\x0f\xff\x00" + sent.message)


class NeverReads(Stream):
    """Takes the call, and nothing more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Python 3.11.2 begins to read after this call
        asyncio.get_running_loop().call_soon(self.transport.pause_reading)


class Floods(Stream):
    """Sends messages of nothing for ever, as fast as they are taken."""

    FLOOD = b"\x30\x00" * 32_000

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._more()

    def _more(self) -> None:
        if not self.transport.is_closing():
            if self.transport.get_write_buffer_size() < len(self.FLOOD):
                self.transport.write(self.FLOOD)
            self._agent.loop.call_later(0.001, self._more)

    def data_received(self, data: bytes) -> None:
        """Answer nothing."""


STREAMS: Mapping[str, type[Stream]] = {
    "closes at once": ClosesAtOnce,
    "closes on a request": ClosesOnARequest,
    "closes halfway": ClosesHalfway,
    "byte by byte": ByteByByte,
    "announces much": AnnouncesMuch,
    "never reads": NeverReads,
    "floods": Floods,
}


@contextlib.asynccontextmanager
async def hostile(
    mischief: Mischief,
    *,
    transport: Literal["udp", "tcp"] = "udp",
    stream: type[Stream] = Stream,
    kind: type[HostileAgent] = HostileAgent,
    port: int = 0,
) -> AsyncIterator[HostileAgent]:
    """Run an agent on a loopback port, 0 for a free one."""
    agent = kind(mischief)
    listener: asyncio.Server | _Datagrams
    if transport == "tcp":
        listener = await agent.loop.create_server(lambda: stream(agent), LOOPBACK, port)
        agent.port = listener.sockets[0].getsockname()[1]
    else:
        listener = _Datagrams(agent, port)
        agent.port = listener.port
    try:
        yield agent
    finally:
        listener.close()
        for connection in list(agent.connections):
            connection.abort()
