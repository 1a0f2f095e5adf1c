"""SNMPv3 messages as bytes: RFC 3412 section 6, and the security parameters of RFC 3414 section 2.4. No keys here."""

from msgspec import Struct

from exporters.snmp import ber
from exporters.snmp.errors import MalformedError

V3 = 3
USER_BASED = 3  # RFC 3411 section 5, SnmpSecurityModel
AUTH = 0x01  # RFC 3412 section 6.4, msgFlags
PRIV = 0x02
REPORTABLE = 0x04
REPORT = 0xA8  # RFC 3416 section 3
MOST_BYTES = 65_507  # of a UDP datagram's payload: what we take, told to the device
LARGEST = 2**31 - 1
MOST_ENGINE_ID = 32  # RFC 3411 section 5, SnmpEngineID

_VERSION = ber.integer(V3)
_MOST = ber.integer(MOST_BYTES)
_MODEL = ber.integer(USER_BASED)
_GLOBAL_REST = len(_MOST) + 3 + len(_MODEL)  # msgGlobalData without the message's id; msgFlags takes 3 bytes
_START = _VERSION + bytes((ber.SEQUENCE,))
_MOST_ID_BYTES = 5


class Message(Struct, frozen=True, gc=False):
    """The head of a message. `mac` and `data` are positions; `data` ends with the message.

    `data` is the scoped PDU's SEQUENCE, or the content of the OCTET STRING that holds it encrypted.
    """

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    mac_start: int
    mac_end: int
    salt: bytes
    data_start: int
    data_end: int


class Clock(Struct, frozen=True):
    """An engine, and the time that it has: boots and seconds since the last."""

    engine_id: bytes
    boots: int
    time_s: int


def middle(flags: int, clock: Clock, user: bytes, *, mac_bytes: int, salt_bytes: int) -> bytes:
    """Return all between a message's id and its authentication code: the same for every message of one second."""
    engine = ber.tlv(ber.OCTET_STRING, clock.engine_id) + ber.integer(clock.boots) + ber.integer(clock.time_s)
    fields = engine + ber.tlv(ber.OCTET_STRING, user) + bytes((ber.OCTET_STRING, mac_bytes))
    size = len(fields) + mac_bytes + 2 + salt_bytes
    sequence = _opening(ber.SEQUENCE, size)
    security = _opening(ber.OCTET_STRING, len(sequence) + size) + sequence + fields
    return _MOST + bytes((ber.OCTET_STRING, 1, flags)) + _MODEL + security


def write(message_id: int, middle: bytes, mac: bytes, salt: bytes, data: bytes) -> tuple[bytes, int]:
    """Return a message, and where in it the authentication code begins."""
    number = ber.integer(message_id)
    tail = bytes((ber.OCTET_STRING, len(salt))) + salt + data
    head = _START + bytes((len(number) + _GLOBAL_REST,)) + number + middle
    message = ber.tlv(ber.SEQUENCE, head + mac + tail)
    return message, len(message) - len(tail) - len(mac)


class Reader:
    """Reads the messages of one device; one that differs from the last in ids, codes and data alone costs a third."""

    __slots__ = ("_last", "_middle", "_rest", "_salt_head")

    def __init__(self) -> None:
        self._last: Message | None = None
        self._middle = b""
        self._rest = 0
        self._salt_head = b""

    def read(self, data: bytes) -> Message:
        """Read the head of a message; raises MalformedError as `read` does."""
        message = self._alike(data, self._last) if self._last is not None else None
        if message is None:
            message = read(data)
            self._remember(data, message)
        return message

    def _remember(self, data: bytes, message: Message) -> None:
        start, _ = ber.header(data, 0)
        if data[start : start + 4] != _START or data[start + 5] != ber.INTEGER:
            self._last = None  # a length in a longer form than it needs
            return
        self._last = message
        self._rest = data[start + 4] - data[start + 6]
        self._middle = data[start + 7 + data[start + 6] : message.mac_start]
        self._salt_head = bytes((ber.OCTET_STRING, len(message.salt)))

    def _alike(self, data: bytes, last: Message) -> Message | None:
        """Return the head of a message of the last one's form; None for one of another, or none at all."""
        try:
            start, end = ber.header(data, 0)
            id_start = start + 7
            id_end = id_start + data[start + 6]
            mac_start = id_end + len(self._middle)
            mac_end = mac_start + last.mac_end - last.mac_start
            salt_start = mac_end + 2
            salt_end = salt_start + len(last.salt)
            data_start, data_end = ber.header(data, salt_end)
            is_alike = (
                data.startswith(self._middle, id_end)
                and data.startswith(_START, start)
                and data.startswith(self._salt_head, mac_end)
                and data[0] == ber.SEQUENCE
                and data[start + 4] - data[start + 6] == self._rest
                and data[start + 5] == ber.INTEGER
                and id_start < id_end <= id_start + _MOST_ID_BYTES
                and data[id_start] < 0x80
                and data[salt_end] == (ber.OCTET_STRING if last.flags & PRIV else ber.SEQUENCE)
                and data_end == end
            )
        except (IndexError, MalformedError):
            return None
        if not is_alike:
            return None
        return Message(
            int.from_bytes(data[id_start:id_end], signed=True), last.flags, last.engine_id, last.boots, last.time_s,
            last.user, mac_start, mac_end, data[salt_start:salt_end],
            data_start if last.flags & PRIV else salt_end, data_end,
        )  # fmt: skip


def read(data: bytes) -> Message:
    """Read the head of a message; raises MalformedError for what is no message of the user-based model."""
    try:
        pos, end = _element(data, 0, ber.SEQUENCE)
        version, pos = _number(data, pos)
        if version != V3:
            raise MalformedError(f"a message of version {version}, not {V3}")
        pos, global_end = _element(data, pos, ber.SEQUENCE)
        message_id, pos = _number(data, pos)
        _, pos = _number(data, pos)
        flags_start, flags_end = _element(data, pos, ber.OCTET_STRING)
        model, pos = _number(data, flags_end)
        if message_id < 0 or flags_end - flags_start != 1 or model != USER_BASED or pos != global_end:
            raise MalformedError("not a message of the user-based security model")
        return _read_security(data, message_id, data[flags_start], pos, end)
    except IndexError:
        raise MalformedError("the message is cut off") from None


def _read_security(data: bytes, message_id: int, flags: int, pos: int, end: int) -> Message:
    """Read the security parameters at `pos`, and find the data behind them."""
    start, security_end = _element(data, pos, ber.OCTET_STRING)
    pos, sequence_end = _element(data, start, ber.SEQUENCE)
    engine_start, engine_end = _element(data, pos, ber.OCTET_STRING)
    boots, pos = _number(data, engine_end)
    time_s, pos = _number(data, pos)
    user_start, user_end = _element(data, pos, ber.OCTET_STRING)
    mac_start, mac_end = _element(data, user_end, ber.OCTET_STRING)
    salt_start, salt_end = _element(data, mac_end, ber.OCTET_STRING)
    if not salt_end == sequence_end == security_end or engine_end - engine_start > MOST_ENGINE_ID:
        raise MalformedError("security parameters of another form")
    if not (0 <= boots <= LARGEST and 0 <= time_s <= LARGEST):
        raise MalformedError("an engine's clock out of range")
    if flags & PRIV:
        data_start, data_end = _element(data, security_end, ber.OCTET_STRING)
    else:
        data_start, data_end = security_end, _element(data, security_end, ber.SEQUENCE)[1]
    if data_end != end:
        raise MalformedError("a message whose parts do not fill it")
    return Message(
        message_id, flags, data[engine_start:engine_end], boots, time_s, data[user_start:user_end],
        mac_start, mac_end, data[salt_start:salt_end], data_start, data_end,
    )  # fmt: skip


def scoped(context_engine_id: bytes, context: bytes) -> bytes:
    """Return what stands before the PDU in a scoped PDU (RFC 3412 section 6.8)."""
    return ber.tlv(ber.OCTET_STRING, context_engine_id) + ber.tlv(ber.OCTET_STRING, context)


def pdu_of(plain: bytes, start: int) -> int:
    """Return where the PDU begins in the scoped PDU at `start`; raises MalformedError for what is none."""
    try:
        pos, end = _element(plain, start, ber.SEQUENCE)
        _, pos = _element(plain, pos, ber.OCTET_STRING)
        _, pos = _element(plain, pos, ber.OCTET_STRING)
        if ber.header(plain, pos)[1] > end:
            raise MalformedError("a PDU longer than its scope")
    except IndexError:
        raise MalformedError("the scoped PDU is cut off") from None
    return pos


def counter_of(plain: bytes, start: int) -> bytes:
    """Return the counter that the Report-PDU at `start` names, as OID content; raises MalformedError for none."""
    try:
        pos, _ = _element(plain, start, REPORT)
        for _ in range(3):  # request-id, error-status, error-index
            _, pos = _number(plain, pos)
        pos, _ = _element(plain, pos, ber.SEQUENCE)
        pos, _ = _element(plain, pos, ber.SEQUENCE)
        pos, end = _element(plain, pos, ber.OBJECT_IDENTIFIER)
    except IndexError:
        raise MalformedError("the report is cut off") from None
    return plain[pos:end]


def _opening(tag: int, size: int) -> bytes:
    """Return tag and length of an element whose content has `size` bytes."""
    if size < 0x80:
        return bytes((tag, size))
    return bytes((tag, 0x82)) + size.to_bytes(2)


def _element(data: bytes, pos: int, tag: int) -> tuple[int, int]:
    """Return where the content of an element starts and ends; short ones are read in place, for speed."""
    if data[pos] != tag:
        raise MalformedError(f"tag 0x{data[pos]:02x} where 0x{tag:02x} is due")
    size = data[pos + 1]
    start = pos + 2
    if size < 0x80 and start + size <= len(data):
        return start, start + size
    return ber.header(data, pos)


def _number(data: bytes, pos: int) -> tuple[int, int]:
    """Return an INTEGER and the position after it."""
    size = data[pos + 1]
    start = pos + 2
    end = start + size
    if data[pos] == ber.INTEGER and 0 < size < 9 and end <= len(data):
        return int.from_bytes(data[start:end], signed=True), end
    return ber.read_integer(data, pos)
