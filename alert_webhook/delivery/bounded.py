"""Sockets that keep to a deadline as a whole: names, connections and answers that come drop by drop end in time."""

import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

CONNECT_TIMEOUT_S = 5.0  # for one address, so that there is time for the next
TROUBLES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its name has no address"),
    (ConnectionRefusedError, "it refuses connections"),
    (TimeoutError, "no answer in time"),
    (ConnectionError, "the connection broke"),
)
Resolved = Sequence[tuple[Any, ...]]  # as socket.getaddrinfo gives it


class Deadline:
    """The moment at which a call is over, however slowly bytes drip in."""

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left; TimeoutError when none are."""
        left = self._ends - self._clock()
        if left <= 0:
            raise TimeoutError("the time for this call is up")
        return left


class BoundedReader(io.RawIOBase):
    """The reading side of a socket, bounded in time and size. `raw` is what `makefile("rb", buffering=0)` gives."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline, *, most_bytes: int) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._left = most_bytes

    def readable(self) -> bool:
        """Return that it is for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what is there; TimeoutError at the deadline, OSError after `most_bytes`."""
        if self._left <= 0:
            raise OSError("the other side says more than anybody wants to know")
        self._sock.settimeout(self._deadline.left_s())
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        return count

    def close(self) -> None:
        """Close the reading side."""
        self._raw.close()
        super().close()


def resolve(host: str, port: int, deadline: Deadline) -> Resolved:
    """Return the addresses of a name; OSError where there are none, TimeoutError when no name server answers."""
    answers: queue.SimpleQueue[Resolved | OSError] = queue.SimpleQueue()

    def ask() -> None:  # in a thread of its own: the system's resolver knows no deadline
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(socket.gaierror(f"{host!r} is no name"))

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.left_s())
    except queue.Empty:
        raise TimeoutError("no name server answered in time") from None
    if isinstance(found, OSError):
        raise found
    return found


def connect(addresses: Resolved, deadline: Deadline) -> socket.socket:
    """Return a connection to the first of these addresses that takes it; the last one's OSError when none does."""
    last: OSError = OSError("no address")
    for family, kind, protocol, _name, address in addresses:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(min(CONNECT_TIMEOUT_S, deadline.left_s()))
            made.connect(address)
            made.settimeout(deadline.left_s())
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            made.close()
            last = error
        else:
            return made
    raise last


def trouble(error: BaseException) -> str:
    """Return a connection's trouble in words that hold no address, URL or text of the other side."""
    for kind, words in TROUBLES:
        if isinstance(error, kind):
            return words
    return type(error).__name__
