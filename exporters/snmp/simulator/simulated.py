"""Simulated devices on real sockets: an agent at a UDP address, at every address of a network, or behind TCP."""

import asyncio
import random
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Protocol

from exporters.snmp.errors import GarbledError
from exporters.snmp.simulator.agent import Agent
from exporters.snmp.simulator.trouble import NO_TROUBLE, Desk, Trouble
from exporters.snmp.transport import Frames

if TYPE_CHECKING:  # what needs no v3 needs no cryptography
    from exporters.snmp.simulator.engine import AgentEngine

BUFFER_BYTES = 4 * 1024 * 1024
MOST_DATAGRAM = 65_535
IP_PKTINFO = 8  # ip(7); Python 3.11 has no name for it
_INFO_BYTES = socket.CMSG_SPACE(12)  # ip(7), struct in_pktinfo

Peer = tuple[tuple[str, int], Sequence[tuple[int, int, bytes]]]
"""Whom to answer, and from which of our addresses where there are many."""


class Port(Protocol):
    """A bound socket."""

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        ...

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        ...

    def receive(self) -> tuple[bytes, Peer]:
        """Return a datagram and whom to answer; raises OSError where there is none."""
        ...

    def send(self, answer: bytes, peer: Peer) -> None:
        """Send an answer; raises OSError."""
        ...

    def close(self) -> None:
        """Give the socket back."""
        ...


class UdpPort:
    """One UDP address."""

    def __init__(self, listen: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in listen[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind(listen)
        self.fileno = self._socket.fileno
        self.close = self._socket.close

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def receive(self) -> tuple[bytes, Peer]:
        """Return a datagram and whom to answer; raises OSError where there is none."""
        datagram, source = self._socket.recvfrom(MOST_DATAGRAM)
        return datagram, (source, ())

    def send(self, answer: bytes, peer: Peer) -> None:
        """Send an answer; raises OSError."""
        self._socket.sendto(answer, peer[0])


class NetworkPort(UdpPort):
    """A UDP port of every address of a network, which this machine must have: 127.0.0.0/8 on Linux.

    The answer comes from the address that was asked. What is sent to any other address is dropped.
    """

    def __init__(self, network: IPv4Network, port: int) -> None:
        super().__init__(("0.0.0.0", port))  # datagrams to addresses outside the network are dropped
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._network = network
        self._mask = int(network.netmask)
        self._prefix = int(network.network_address)

    def receive(self) -> tuple[bytes, Peer]:
        """Return a datagram and whom to answer; raises OSError where there is none for this network."""
        datagram, ancillary, _, source = self._socket.recvmsg(MOST_DATAGRAM, _INFO_BYTES)
        if not ancillary or int.from_bytes(ancillary[0][2][8:12]) & self._mask != self._prefix:
            raise BlockingIOError
        return datagram, (source, ancillary)

    def send(self, answer: bytes, peer: Peer) -> None:
        """Send an answer; raises OSError."""
        self._socket.sendmsg((answer,), peer[1], 0, peer[0])


class Simulator:
    """An agent on a UDP port of this machine, port 0 for a free one. Start it inside a running loop."""

    def __init__(
        self,
        agent: Agent,
        listen: tuple[str, int] | Port = ("127.0.0.1", 0),
        *,
        engine: "AgentEngine | None" = None,
        trouble: Trouble = NO_TROUBLE,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self.agent = agent
        self.sources: set[tuple[str, int]] = set()
        self._engine = engine
        self._now = now
        self._chance = chance or random.Random(0).random  # noqa: S311  # lost packets need no secrecy
        self._loop = asyncio.get_running_loop()
        self._port = UdpPort(listen) if isinstance(listen, tuple) else listen
        self.trouble = trouble
        self._loop.add_reader(self._port.fileno(), self._readable)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._port.address

    @property
    def trouble(self) -> Trouble:
        """What goes wrong on the way."""
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self.desk = Desk(service_s=trouble.service_s, queue=trouble.queue) if trouble.service_s else None

    def close(self) -> None:
        """Stop answering."""
        if self._port.fileno() >= 0:
            self._loop.remove_reader(self._port.fileno())
            self._port.close()

    def _readable(self) -> None:
        """Take one datagram; the loop calls again while there are more."""
        try:
            datagram, peer = self._port.receive()
        except OSError:  # nothing to read, or a client that has gone
            return
        self.sources.add(peer[0][:2])
        if self._trouble.loss and self._chance() < self._trouble.loss:
            return
        after_s = self._trouble.delay_s
        if self.desk is not None:
            end = self.desk.admit(now=self._loop.time())
            if end is None:
                return
            after_s += end - self._loop.time()
        answer = self.agent.answer(datagram, self._now(), self._engine)
        if answer is None:
            return
        if after_s > 0:
            self._loop.call_later(after_s, self._send, answer, peer)
        else:
            self._send(answer, peer)

    def _send(self, answer: bytes, peer: Peer) -> None:
        if self._port.fileno() >= 0:
            with suppress(OSError):  # the client has gone, or its buffer is full: a lost packet
                self._port.send(answer, peer)


class TcpSimulator:
    """The same agent behind TCP (RFC 3430): await `listening` before use."""

    def __init__(
        self,
        agent: Agent,
        *,
        engine: "AgentEngine | None" = None,
        delay_s: float = 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.agent = agent
        self.engine = engine
        self.connections = 0
        self.delay_s = delay_s
        self.now = now
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; raises RuntimeError before it does."""
        if self._server is None:
            raise RuntimeError("not listening")
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def listening(self, listen: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        """Open the port, 0 for a free one; raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Stream(self), *listen)

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()


class _Stream(asyncio.Protocol):
    """One connection."""

    def __init__(self, simulator: TcpSimulator) -> None:
        self._simulator = simulator
        self._frames = Frames()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._simulator.connections += 1
        self._transport = transport  # type: ignore[assignment]  # asyncio hands stream protocols a Transport

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._frames.fed(data)
        except GarbledError:
            self._transport.close()
            return
        for message in messages:
            simulator = self._simulator
            answer = simulator.agent.answer(message, simulator.now(), simulator.engine)
            if answer is not None:
                asyncio.get_running_loop().call_later(simulator.delay_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
