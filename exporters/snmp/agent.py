"""An SNMP agent's answers from a recording: Get, GetNext and GetBulk of v1 and v2c. No socket here.

Answers are remembered by everything in the request but its request-id, so that a thousand scrapes of one device cost
little more than copying.
"""

from collections import Counter, deque
from collections.abc import Mapping

from msgspec import Struct

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind
from exporters.snmp.errors import MalformedError
from exporters.snmp.live import Series
from exporters.snmp.recording import Recording

MOST_REPLY_BYTES = 1472  # what fits into one Ethernet frame
MOST_REMEMBERED = 100_000
MOST_NOTED = 100_000
SYS_UP_TIME = oid.encode("1.3.6.1.2.1.1.3.0")
PERMITTED = frozenset(map(int, Kind))


class Question(Struct, frozen=True):
    """A request as it was received; `first` and `second` are error-status and error-index, or GetBulk's numbers."""

    head: bytes
    version: int
    kind: int
    request_id: bytes
    first: int
    second: int
    names: tuple[bytes, ...]
    identity: bytes


class Agent:
    """Answers for one device; notes the tag of every PDU that it receives."""

    def __init__(self, recording: Recording, *, community: str = "public", started_at: float) -> None:
        self.recording = recording
        self.received: Counter[int] = Counter()
        self.noted: deque[int] = deque(maxlen=MOST_NOTED)
        self._community = community.encode()
        self._started_at = started_at
        self._live: Mapping[bytes, Series] = {}
        self._remembered: dict[bytes, bytes] = {}
        self._moving = {SYS_UP_TIME}
        place = recording.find(SYS_UP_TIME)
        self._up_time = int.from_bytes(recording.value(place)[2:]) if place is not None else None

    def set_live(self, series: Mapping[bytes, Series]) -> None:
        """Let these values move from now on; one that is not named any more stands still at its first point."""
        for name, moving in series.items():
            self.recording.put(name, moving.encoded(moving.points[0][0]))
        self._live = series
        self._moving = {SYS_UP_TIME, *series}
        self._remembered.clear()

    def answer(self, datagram: bytes, now: float) -> bytes | None:
        """Return the response to a request at a Unix time; None where an agent stays silent."""
        try:
            question = read_question(datagram)
        except (MalformedError, IndexError):
            return None
        self.received[question.kind] += 1
        self.noted.append(question.kind)
        if not question.head.endswith(ber.tlv(ber.OCTET_STRING, self._community)) or question.kind not in PERMITTED:
            return None
        tail = self._remembered.get(question.identity)
        if tail is None:
            tail = self._made(question, now)
        return ber.tlv(
            ber.SEQUENCE, question.head + ber.tlv(ber.RESPONSE, ber.tlv(ber.INTEGER, question.request_id) + tail)
        )

    def _made(self, question: Question, now: float) -> bytes:
        answers = _Answers(self, now)
        tail = answers.tail(question)
        if not answers.moved:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[question.identity] = tail
        return tail

    def value(self, name: bytes, place: int, now: float) -> tuple[bytes, bool]:
        """Return a value as it is at a Unix time, and whether it moves."""
        if name not in self._moving:
            return self.recording.value(place), False
        if name in self._live:
            return self._live[name].encoded(now), True
        ticks = (self._up_time or 0) + round((now - self._started_at) * 100)  # hundredths of a second
        return ber.integer(ticks % 2**32, ber.TIME_TICKS), True


class _Answers:
    """The varbinds of one response."""

    def __init__(self, agent: Agent, now: float) -> None:
        self.moved = False
        self._agent = agent
        self._now = now
        self._room = 0

    def tail(self, question: Question) -> bytes:
        """Return everything after the request-id: status, index, varbinds."""
        self._room = MOST_REPLY_BYTES - len(question.head) - 40  # tags, lengths, request-id, status, index
        if question.kind == Kind.GET_BULK and question.version != ber.V1:
            found, failed = self._bulk(question), 0
        else:
            found, failed = self._each(question)
        if failed:
            found = [ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, n) + b"\x05\0") for n in question.names]
        status = ber.integer(ber.NO_SUCH_NAME if failed else ber.NO_ERROR)
        return status + ber.integer(failed) + ber.tlv(ber.SEQUENCE, b"".join(found))

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
        place = self._agent.recording.find(name)
        if place is None:
            return _varbind(name, bytes((ber.NO_SUCH_INSTANCE, 0))), False
        return self._at(place), True

    def _next(self, name: bytes) -> tuple[bytes, bool]:
        place = self._agent.recording.after(name)
        if place >= len(self._agent.recording):
            return _varbind(name, bytes((ber.END_OF_MIB_VIEW, 0))), False
        return self._at(place), True

    def _at(self, place: int) -> bytes:
        name = self._agent.recording.names[place]
        value, moves = self._agent.value(name, place, self._now)
        self.moved = self.moved or moves
        return _varbind(name, value)

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
        place = self._agent.recording.after(name)
        return place if place < len(self._agent.recording) else name

    def _following(self, place: int | bytes) -> int | bytes:
        if isinstance(place, bytes) or place + 1 < len(self._agent.recording):
            return place if isinstance(place, bytes) else place + 1
        return self._agent.recording.names[place]


def _varbind(name: bytes, value: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value)


def read_question(data: bytes) -> Question:
    """Read a request of any kind; raises MalformedError or IndexError for what is none."""
    start, _ = ber.header(data, 0)
    version, pos = ber.read_integer(data, start)
    _, community_end = ber.header(data, pos)
    kind = data[community_end]
    id_start, end = ber.header(data, community_end)
    _, id_end = ber.read_integer(data, id_start)
    first, pos = ber.read_integer(data, id_end)
    second, pos = ber.read_integer(data, pos)
    pos, list_end = ber.header(data, pos)
    return Question(
        head=data[start:community_end],
        version=version,
        kind=kind,
        request_id=data[ber.header(data, id_start)[0] : id_end],
        first=first,
        second=second,
        names=tuple(_names(data, pos, min(list_end, end))),
        identity=data[start : community_end + 1] + data[id_end:],
    )


def _names(data: bytes, pos: int, end: int) -> list[bytes]:
    names = []
    while pos < end:
        start, stop = ber.header(data, pos)
        name, name_end = ber.header(data, start)
        names.append(data[name:name_end])
        pos = stop
    return names
