"""An SNMP agent: what it answers to a message of v1, v2c or v3, and what it counts. No socket here.

Answers are remembered by everything in the request but its request-id, so that a thousand scrapes of one device cost
little more than copying.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind
from exporters.snmp.errors import MalformedError
from exporters.snmp.simulator.answers import MOST_REPLY_BYTES, Answers, Question, Values, read_pdu, read_question
from exporters.snmp.simulator.live import Series
from exporters.snmp.simulator.recording import Recording
from exporters.snmp.usm.v3_message import V3

if TYPE_CHECKING:  # what needs no v3 needs no cryptography
    from exporters.snmp.simulator.engine import AgentEngine

__all__ = ["MOST_REPLY_BYTES", "PERMITTED", "Agent", "Question", "Tally", "read_question"]

MOST_REMEMBERED = 100_000
MOST_NOTED = 100_000
PERMITTED = frozenset(map(int, Kind))


class Tally(Struct, frozen=True):
    """What an agent received and sent: packets, values that exist, and PDUs of kinds that nothing here may send.

    `walks` counts walks by the OID that they begin with: a GetNext or GetBulk for a name that is no value of the
    device. What continues a walk names the last value received, so each subtree of each scrape counts once.
    """

    packets: int = 0
    values: int = 0
    forbidden: int = 0
    walks: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        walks = Counter(self.walks) + Counter(other.walks)
        return Tally(
            self.packets + other.packets, self.values + other.values, self.forbidden + other.forbidden, dict(walks)
        )

    def since(self, before: "Tally") -> "Tally":
        """Return what came after an earlier count."""
        walks = Counter(self.walks) - Counter(before.walks)
        return Tally(
            self.packets - before.packets, self.values - before.values, self.forbidden - before.forbidden, dict(walks)
        )


class _Kept:
    """A response but its request-id; `begins` is the OID of the walk that it begins, `given` how often it was given."""

    __slots__ = ("before", "begins", "behind", "given", "kind", "values")

    def __init__(self, kind: int, before: bytes, behind: bytes, *, values: int, begins: str) -> None:
        self.kind = kind
        self.before = before
        self.behind = behind
        self.values = values
        self.begins = begins
        self.given = 0

    def tally(self) -> Tally:
        walks = {self.begins: self.given} if self.begins else {}
        return Tally(self.given, self.values * self.given, 0, walks)


class Agent:
    """Answers for one device; notes the tag of every PDU that it receives.

    It answers to one community in some `versions`, and with an `engine` to that engine's user, too. A response
    exceeds `most_reply_bytes` only for the sake of one single value.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        community: str = "public",
        started_at: float,
        engine: "AgentEngine | None" = None,
        most_reply_bytes: int = MOST_REPLY_BYTES,
        versions: Collection[int] = (ber.V1, ber.V2C),
    ) -> None:
        self.recording = recording
        self.noted: deque[int] = deque(maxlen=MOST_NOTED)
        self._community = ber.tlv(ber.OCTET_STRING, community.encode())
        self._engine = engine
        self._most_reply_bytes = most_reply_bytes
        self._versions = versions
        self._values = Values(recording, started_at)
        self._kept: dict[bytes, _Kept] = {}
        self._received: Counter[int] = Counter()
        self._past = Tally()
        self._reported = 0

    @property
    def received(self) -> Counter[int]:
        """How often each kind of PDU was received, by its tag."""
        found = Counter(self._received)
        for kept in self._kept.values():
            found[kept.kind] += kept.given
        return found

    def tally(self) -> Tally:
        """Return what was received and sent so far."""
        received = self.received
        forbidden = sum(count for kind, count in received.items() if kind not in PERMITTED)
        found = sum((kept.tally() for kept in self._kept.values()), self._past)
        return Tally(received.total() + self._reported, found.values, forbidden, found.walks)

    def set_live(self, series: Mapping[bytes, Series]) -> None:
        """Let these values move from now on; one that is not named any more stands still at its first point."""
        self._values.set_live(series)
        self._forget()

    def answer(self, datagram: bytes, now: float, engine: "AgentEngine | None" = None) -> bytes | None:
        """Return the response to a request at a Unix time; None where an agent stays silent.

        An `engine` here stands in for the agent's own, so that many devices can share what was made.
        """
        try:
            if datagram[1] < 0x80 and datagram[4] != V3:
                return self._respond(datagram, 7 + datagram[6], now)  # message, version and community stand before
            start, _ = ber.header(datagram, 0)
            if datagram[start + 2] != V3:
                return self._respond(datagram, start + 5 + datagram[start + 4], now)
            return self._secured(datagram, now, engine or self._engine)
        except (MalformedError, IndexError):
            return None

    def _secured(self, datagram: bytes, now: float, engine: "AgentEngine | None") -> bytes | None:
        """Answer a message of v3."""
        if engine is None:
            return None
        before = engine.reported
        answer = engine.answer(datagram, now, self._respond)
        self._reported += engine.reported - before
        return answer

    def _respond(self, data: bytes, pdu: int, now: float) -> bytes | None:
        """Answer the PDU at a position, which ends the data: alone at 0, or behind the head of its message."""
        id_start = pdu + 4 if data[pdu + 1] < 0x80 else ber.header(data, pdu)[0] + 2
        id_end = id_start + data[id_start - 1]
        key = data[:id_start] + data[id_end:]
        kept = self._kept.get(key)
        if kept is None:
            question = read_question(data) if pdu else read_pdu(data, pdu)
            if data[id_start:id_end] != question.request_id:
                raise MalformedError("a message of another form")
            kept = self._made(question, key, now)
            if kept is None:
                return None
        else:
            kept.given += 1
        self.noted.append(kept.kind)
        return kept.before + data[id_start:id_end] + kept.behind

    def _made(self, question: Question, key: bytes, now: float) -> _Kept | None:
        """Make the response to a request that is new, and remember it unless it is another the next time."""
        if question.kind not in PERMITTED or (question.head and not self._lets_in(question)):
            self._received[question.kind] += 1
            self.noted.append(question.kind)
            return None
        answers = Answers(self._values, now, most_bytes=self._most_reply_bytes)
        behind = answers.tail(question)
        kept = _Kept(question.kind, _before(question, len(behind)), behind, values=answers.count,
                     begins=self._begins(question))  # fmt: skip
        kept.given = 1
        if answers.moved:
            self._received[kept.kind] += 1
            self._past += kept.tally()
        else:
            if len(self._kept) >= MOST_REMEMBERED:
                self._forget()
            self._kept[key] = kept
        return kept

    def _lets_in(self, question: Question) -> bool:
        return question.version in self._versions and question.head.endswith(self._community)

    def _begins(self, question: Question) -> str:
        """Return the OID of the walk that a request begins, '' when it begins none."""
        if question.kind == Kind.GET or not question.names or self.recording.find(question.names[0]) is not None:
            return ""
        return oid.text(question.names[0])

    def _forget(self) -> None:
        self._received = self.received
        self._past = sum((kept.tally() for kept in self._kept.values()), self._past)
        self._kept.clear()


def _before(question: Question, behind: int) -> bytes:
    """Return all of a response before the request-id's content; `behind` is the size of what follows it."""
    number = bytes((ber.INTEGER, len(question.request_id)))
    size = len(number) + len(question.request_id) + behind
    response = _opening(ber.RESPONSE, size) + number
    if not question.head:
        return response
    size += len(question.head) + len(response) - len(number)
    return _opening(ber.SEQUENCE, size) + question.head + response


def _opening(tag: int, size: int) -> bytes:
    """Return tag and length of an element whose content has so many bytes."""
    element = ber.tlv(tag, bytes(size))
    return element[: len(element) - size]
