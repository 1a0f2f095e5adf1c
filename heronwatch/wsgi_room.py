"""How many bytes of request bodies a server holds at once: a body is read before anybody knows who sends it."""

import threading

from heronwatch.wsgi_request import BadRequestError

FREE_BYTES = 65_536  # of each body: what people send always fits, however much a stranger has sent


class BodyRoom:
    """The bytes that all requests of one server may hold together. Safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._lock = threading.Lock()

    def take(self, number: int) -> None:
        """Count some bytes that have arrived; BadRequestError (503) where there is no room for them."""
        with self._lock:
            if number > self._left:
                raise BadRequestError("503 Service Unavailable", "too many large bodies at once; try again")
            self._left -= number

    def give_back(self, number: int) -> None:
        """The bytes are no longer held."""
        with self._lock:
            self._left += number


class Held:
    """What one request holds of the room. It is charged for bytes that came, not for what it said would come."""

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self._received = 0
        self._charged = 0

    def more(self, number: int) -> None:
        """Count bytes of the body; BadRequestError (503) where there is no room for them."""
        self._received += number
        due = max(0, self._received - FREE_BYTES) - self._charged
        if due:
            self._room.take(due)
            self._charged += due

    def release(self) -> None:
        """The request is over."""
        self._room.give_back(self._charged)
        self._received = self._charged = 0
