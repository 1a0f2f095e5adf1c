"""The wire: datagrams over UDP, and messages over TCP framed by their own BER header (RFC 3430 section 2.1)."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from errno import ECONNREFUSED, EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import Literal, Protocol

from msgspec import Struct

from exporters.snmp import ber
from exporters.snmp.errors import (
    DeviceError,
    GarbledError,
    NoAnswerError,
    OwnLimitError,
    RefusedByDeviceError,
    UnreachableError,
)

MOST_DATAGRAM = 65_535  # RFC 3417 section 3.1: what fits into a UDP datagram
MOST_MESSAGE = 1 << 20
"""Longest message over TCP in bytes; RFC 3430 sets no limit, and no agent known sends 64 KiB."""

MOST_AT_ONCE = 64
"""Datagrams read before the loop gets its turn, so that a flood from one device holds up no other."""

Heard = Callable[[bytes], bool]
"""Takes a message; True when no other is waited for, so that the socket need not be read again now."""

Failed = Callable[[DeviceError], None]


class Endpoint(Struct, frozen=True):
    """Where a device listens. With `any_source` answers may come from another of its addresses.

    `source` is our own address to ask from, '' for the one that the routing table chooses.
    """

    address: str
    port: int
    any_source: bool = False
    transport: Literal["udp", "tcp"] = "udp"
    source: str = ""


class Link(Protocol):
    """A way to one device."""

    async def open(self, deadline: float) -> None:
        """Make it ready by `deadline` (`loop.time()`), and read from now on; raises DeviceError."""
        ...

    def rest(self) -> None:
        """Read no more until it is opened again: what a device sends unasked costs nothing."""
        ...

    def send(self, message: bytes) -> None:
        """Send a message; raises DeviceError. What cannot be sent now is as good as lost on the way."""
        ...

    def close(self) -> None:
        """Give the socket back."""
        ...


def link(endpoint: Endpoint, heard: Heard, failed: Failed) -> Link:
    """Return the way to an endpoint; raises DeviceError where there can be none."""
    return (UdpLink if endpoint.transport == "udp" else TcpLink)(endpoint, heard, failed)


class UdpLink:
    """A socket kept for one device. A datagram is handed on where it is read."""

    def __init__(self, endpoint: Endpoint, heard: Heard, failed: Failed) -> None:
        self._loop = asyncio.get_running_loop()
        self._peer = (endpoint.address, endpoint.port)
        self._any_source = endpoint.any_source
        self._heard = heard
        self._failed = failed
        self._socket = _bound(endpoint)

    async def open(self, deadline: float) -> None:  # noqa: ARG002  datagrams need no connection
        """Read from now on."""
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def rest(self) -> None:
        """Read no more; what comes meanwhile fills the kernel's buffer, and then is dropped."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())

    def send(self, message: bytes) -> None:
        """Send a datagram; raises DeviceError."""
        try:
            if self._any_source:
                self._socket.sendto(message, self._peer)
            else:
                self._socket.send(message)
        except BlockingIOError:
            return  # the send buffer is full: the retry follows
        except OSError as error:
            raise mapped(error) from error

    def close(self) -> None:
        """Give the socket back."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                if self._any_source:
                    datagram, source = self._socket.recvfrom(MOST_DATAGRAM)
                    if source[1] != self._peer[1]:
                        continue
                else:
                    datagram = self._socket.recv(MOST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                self._failed(mapped(error))
                return
            if self._heard(datagram):
                return


class TcpLink(asyncio.Protocol):
    """A connection kept for one device, opened when it is needed."""

    def __init__(self, endpoint: Endpoint, heard: Heard, failed: Failed) -> None:
        self._endpoint = endpoint
        self._heard = heard
        self._failed = failed
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._resting = False

    async def open(self, deadline: float) -> None:
        """Connect, unless connected; raises DeviceError."""
        self._resting = False
        if self._transport is not None and not self._transport.is_closing():
            return
        self._frames = Frames()
        where = self._endpoint
        source = (where.source, 0) if where.source else None
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.get_running_loop().create_connection(
                    lambda: self, where.address, where.port, local_addr=source
                )
        except TimeoutError:
            raise NoAnswerError("no TCP connection in time") from None
        except OSError as error:
            raise mapped(error) from error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport  # type: ignore[assignment]  # asyncio hands stream protocols a Transport

    def rest(self) -> None:
        """Expect nothing more; a device that sends something nevertheless is cut off until it is opened again."""
        self._resting = True
        if self._frames.is_full:
            self.close()

    def data_received(self, data: bytes) -> None:
        """Hand on every whole message."""
        if self._resting:
            self.close()
            return
        self._frames.feed(data)
        self._hand_on()

    def _hand_on(self) -> None:
        """Hand on some messages; while there are more, the loop has its turn, and the device has to wait."""
        transport = self._transport
        if transport is None:
            return
        try:
            for message in self._frames.taken(MOST_AT_ONCE):
                self._heard(message)
        except GarbledError as error:
            self.close()
            self._failed(error)
            return
        if self._frames.is_full:
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._hand_on)
        else:
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        self._failed(mapped(exc) if isinstance(exc, OSError) else UnreachableError("the device closed the connection"))

    def send(self, message: bytes) -> None:
        """Send a message; raises DeviceError."""
        if self._transport is None:
            raise UnreachableError("the device closed the connection")
        self._transport.write(message)

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class Frames:
    r"""Bytes of a stream → whole messages.

    >>> frames = Frames()
    >>> frames.fed(b"0"), frames.fed(bytes.fromhex("03020101") + bytes.fromhex("3000"))
    ([], [b'0\x03\x02\x01\x01', b'0\x00'])
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.is_full = False
        """Whether there may be more messages than were taken."""

    def fed(self, data: bytes) -> list[bytes]:
        """Take bytes as they came, and return every message that is whole now; raises GarbledError."""
        self.feed(data)
        return self.taken(len(self._buffer))

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def taken(self, most: int) -> list[bytes]:
        """Return the first messages that are whole; raises GarbledError where no message can begin."""
        buffer = self._buffer
        found: list[bytes] = []
        start = 0
        while len(buffer) >= start + 2 and len(found) < most:
            size = _size(buffer, start)
            if size is None or len(buffer) < start + size:
                break
            found.append(bytes(buffer[start : start + size]))
            start += size
        del buffer[:start]
        self.is_full = len(found) == most
        return found


def _size(buffer: bytearray, start: int) -> int | None:
    """Return how long the message that begins at `start` is, or None while its header is not whole."""
    if buffer[start] != ber.SEQUENCE:
        raise GarbledError(f"tag 0x{buffer[start]:02x} where a message is due")
    size = 2 + buffer[start + 1]
    if buffer[start + 1] >= 0x80:
        count = buffer[start + 1] & 0x7F
        if not 0 < count <= 4:
            raise GarbledError("a message of no definite length")
        if len(buffer) < start + 2 + count:
            return None
        size = 2 + count + int.from_bytes(buffer[start + 2 : start + 2 + count])
    if size > MOST_MESSAGE:
        raise GarbledError(f"a message of {size} bytes; at most {MOST_MESSAGE} are taken")
    return size


def _bound(endpoint: Endpoint) -> socket.socket:
    """Open a socket; connected, so that the kernel drops what others send and reports a closed port."""
    family = socket.AF_INET6 if ipaddress.ip_address(endpoint.address).version == 6 else socket.AF_INET
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise mapped(error) from error
    try:
        opened.setblocking(False)
        if endpoint.source:
            opened.bind((endpoint.source, 0))
        if not endpoint.any_source:
            opened.connect((endpoint.address, endpoint.port))
    except OSError as error:
        opened.close()
        raise mapped(error) from error
    return opened


def mapped(error: OSError) -> DeviceError:
    """Return what an error of a socket says about the device."""
    if error.errno == ECONNREFUSED:
        return RefusedByDeviceError("nothing listens on the port")
    if error.errno in {EMFILE, ENFILE}:
        return OwnLimitError("this process has no file descriptor left for a socket: raise its limit (LimitNOFILE)")
    if error.errno in {ENOBUFS, ENOMEM}:
        return OwnLimitError(f"this machine: {error.strerror}")
    return UnreachableError(error.strerror or str(error))
