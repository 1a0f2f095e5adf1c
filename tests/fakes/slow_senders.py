"""Clients that begin a request, say no more, and come back as soon as they are shut out."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

STEP_S = 0.05


class SlowSenders:
    """`number` connections from one address, each of which has sent `start` and is renewed when it ends."""

    def __init__(self, address: tuple[str, int], start: bytes, number: int) -> None:
        self._address = address
        self._start = start
        self._number = number
        self._stopped = threading.Event()
        self.begun = threading.Event()  # all of them have been there at once
        self.renewed = 0

    def run(self) -> None:
        """Keep them open until `stop`."""
        with selectors.DefaultSelector() as selector:
            while not self._stopped.is_set():
                self._fill(selector)
                for key, _ in selector.select(STEP_S):
                    if _has_ended(key.fileobj):  # type: ignore[arg-type]  # sockets alone are registered
                        selector.unregister(key.fileobj)
                        self.renewed += 1
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # as above

    def stop(self) -> None:
        """Let `run` end."""
        self._stopped.set()

    def _fill(self, selector: selectors.BaseSelector) -> None:
        while len(selector.get_map()) < self._number and not self._stopped.is_set():
            with contextlib.suppress(OSError):
                sock = socket.create_connection(self._address, timeout=5)
                selector.register(sock, selectors.EVENT_READ)
                sock.sendall(self._start)
        self.begun.set()


def _has_ended(sock: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        if sock.recv(65_536):
            return False  # it is told why, and goes when the server closes
    sock.close()
    return True


@contextlib.contextmanager
def slow_senders(address: tuple[str, int], start: bytes, *, number: int) -> Iterator[SlowSenders]:
    """Keep slow senders at it, from the moment that all have begun."""
    senders = SlowSenders(address, start, number)
    thread = threading.Thread(target=senders.run)
    thread.start()
    try:
        if not senders.begun.wait(40):
            raise AssertionError("the slow senders did not get in")
        yield senders
    finally:
        senders.stop()
        thread.join(20)
