"""What an SNMP agent answers, from the values of a recording: Get, GetNext and GetBulk. No socket here."""

from collections.abc import Mapping

from msgspec import Struct

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind
from exporters.snmp.simulator.live import Series
from exporters.snmp.simulator.recording import Recording

SYS_UP_TIME = oid.encode("1.3.6.1.2.1.1.3.0")
MOST_REPLY_BYTES = 1472
"""What fits into one Ethernet frame: a response to GetBulk ends there, one to Get may be longer as long as no device's
own limit is lower."""

_STATUS_BYTES = 40
"""Room for what stands before the varbinds: tags, lengths, request-id, status, index."""


class Question(Struct, frozen=True):
    """A request as it was received; `first` and `second` are error-status and error-index, or GetBulk's numbers.

    `head` is what stands before the PDU in a message of v1 or v2c, `identity` all but the request-id.
    """

    head: bytes
    version: int
    kind: int
    request_id: bytes
    first: int
    second: int
    names: tuple[bytes, ...]
    identity: bytes


def read_question(data: bytes) -> Question:
    """Read a request of v1 or v2c of any kind; raises MalformedError or IndexError for what is none."""
    start, _ = ber.header(data, 0)
    version, pos = ber.read_integer(data, start)
    _, pdu = ber.header(data, pos)
    return read_pdu(data, pdu, data[start:pdu], version=version)


def read_pdu(data: bytes, pdu: int, head: bytes = b"", *, version: int = ber.V2C) -> Question:
    """Read the PDU of any kind at a position; raises MalformedError or IndexError for what is none."""
    id_start, end = ber.header(data, pdu)
    _, id_end = ber.read_integer(data, id_start)
    first, pos = ber.read_integer(data, id_end)
    second, pos = ber.read_integer(data, pos)
    pos, list_end = ber.header(data, pos)
    return Question(
        head=head,
        version=version,
        kind=data[pdu],
        request_id=data[ber.header(data, id_start)[0] : id_end],
        first=first,
        second=second,
        names=tuple(_names(data, pos, min(list_end, end))),
        identity=head + data[pdu : pdu + 1] + data[id_end:],
    )


def _names(data: bytes, pos: int, end: int) -> list[bytes]:
    names = []
    while pos < end:
        start, stop = ber.header(data, pos)
        name, name_end = ber.header(data, start)
        names.append(data[name:name_end])
        pos = stop
    return names


class Values:
    """The values of a device: recorded ones, and those that move."""

    def __init__(self, recording: Recording, started_at: float) -> None:
        self.recording = recording
        self._started_at = started_at
        self._live: Mapping[bytes, Series] = {}
        self._moving = {SYS_UP_TIME}
        place = recording.find(SYS_UP_TIME)
        self._up_time = int.from_bytes(recording.value(place)[2:]) if place is not None else None

    def set_live(self, series: Mapping[bytes, Series]) -> None:
        """Let these values move from now on; one that is not named any more stands still at its first point."""
        for name, moving in series.items():
            self.recording.put(name, moving.encoded(moving.points[0][0]))
        self._live = series
        self._moving = {SYS_UP_TIME, *series}

    def at(self, place: int, now: float) -> tuple[bytes, bool]:
        """Return the value at a place as it is at a Unix time, and whether it moves."""
        name = self.recording.names[place]
        if name not in self._moving:
            return self.recording.value(place), False
        if name in self._live:
            return self._live[name].encoded(now), True
        ticks = (self._up_time or 0) + round((now - self._started_at) * 100)  # hundredths of a second
        return ber.integer(ticks % 2**32, ber.TIME_TICKS), True


class Answers:
    """The varbinds of one response; `moved` says that one of them is another the next time, `count` how many exist."""

    def __init__(self, values: Values, now: float, *, most_bytes: int) -> None:
        self.moved = False
        self.count = 0
        self._values = values
        self._recording = values.recording
        self._now = now
        self._most_bytes = most_bytes
        self._room = 0

    def tail(self, question: Question) -> bytes:
        """Return everything after the request-id: status, index, varbinds."""
        self._room = self._most_bytes - len(question.head) - _STATUS_BYTES
        status, failed = ber.NO_ERROR, 0
        if question.kind == Kind.GET_BULK and question.version != ber.V1:
            found = self._bulk(question)
        else:
            found, failed = self._each(question)
            status = ber.NO_SUCH_NAME if failed else ber.NO_ERROR
            if self._most_bytes < MOST_REPLY_BYTES and sum(map(len, found)) > self._room:
                found, status = [], ber.TOO_BIG  # RFC 3416 section 4.2.1
        if failed:
            found = [ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, n) + b"\x05\0") for n in question.names]
        return ber.integer(status) + ber.integer(failed) + ber.tlv(ber.SEQUENCE, b"".join(found))

    def _each(self, question: Question) -> tuple[list[bytes], int]:
        """Answer Get or GetNext; the second value is the position of what v1 cannot answer, or 0."""
        step = self._exact if question.kind == Kind.GET else self._next
        found = []
        for position, name in enumerate(question.names, 1):
            varbind, exists = step(name)
            if not exists and question.version == ber.V1:
                return [], position
            found.append(varbind)
        return found, 0

    def _exact(self, name: bytes) -> tuple[bytes, bool]:
        place = self._recording.find(name)
        if place is None:
            return _varbind(name, bytes((ber.NO_SUCH_INSTANCE, 0))), False
        return self._at(place), True

    def _next(self, name: bytes) -> tuple[bytes, bool]:
        place = self._recording.after(name)
        if place >= len(self._recording):
            return _varbind(name, bytes((ber.END_OF_MIB_VIEW, 0))), False
        return self._at(place), True

    def _at(self, place: int) -> bytes:
        value, moves = self._values.at(place, self._now)
        self.moved = self.moved or moves
        self.count += 1
        return _varbind(self._recording.names[place], value)

    def _bulk(self, question: Question) -> list[bytes]:
        """Answer GetBulk (RFC 3416 section 4.2.3) as far as the response has room, with one value at least."""
        singles = question.names[: max(0, question.first)]
        repeated = question.names[len(singles) :]
        found = [self._next(name)[0] for name in singles]
        self._room -= sum(map(len, found))
        places: list[int | bytes] = [self._place(name) for name in repeated]
        for _ in range(question.second):
            has_more = any(isinstance(place, int) for place in places)
            for column, place in enumerate(places):
                varbind = self._at(place) if isinstance(place, int) else _varbind(place, b"\x82\0")
                self._room -= len(varbind)
                if self._room < 0 and found:
                    return found
                found.append(varbind)
                places[column] = self._following(place)
            if not has_more:
                break
        return found

    def _place(self, name: bytes) -> int | bytes:
        """Return the place after a name, or the name itself at the end of everything."""
        place = self._recording.after(name)
        return place if place < len(self._recording) else name

    def _following(self, place: int | bytes) -> int | bytes:
        if isinstance(place, bytes) or place + 1 < len(self._recording):
            return place if isinstance(place, bytes) else place + 1
        return self._recording.names[place]


def _varbind(name: bytes, value: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value)
