"""The agent's side of the user-based security model (RFC 3414 section 3.2): an engine with one user. No socket here."""

from collections.abc import Callable

from exporters.snmp import ber
from exporters.snmp.errors import MalformedError
from exporters.snmp.usm import reports, v3_message
from exporters.snmp.usm.engine import LARGEST, WINDOW_S
from exporters.snmp.usm.keys import Signer, authentication_key, privacy_key
from exporters.snmp.usm.model import User
from exporters.snmp.usm.privacy import Cryptor, cryptor
from exporters.snmp.usm.v3_message import AUTH, PRIV, REPORT, REPORTABLE, Clock, Message

Respond = Callable[[bytes, int, float], bytes | None]
"""(data that ends with a PDU, where that begins, Unix time) → the response PDU, None for silence."""

_ENTERPRISE = bytes.fromhex("80001f8804")  # RFC 3411 section 5: an enterprise's (net-snmp's) number, and text follows


def engine_id(name: str) -> bytes:
    """Return the engine id of a simulated device; the name must differ from device to device.

    >>> engine_id("10.0.0.1").hex()
    '80001f880431302e302e302e31'
    """
    return _ENTERPRISE + name.encode()[-27:]


class AgentEngine:
    """Answers messages of v3 as an engine that has booted `boots` times, at last at the Unix time `started_at`."""

    def __init__(
        self, user: User, *, engine_id: bytes, started_at: float, random_bits: Callable[[int], int], boots: int = 1
    ) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self._user = user
        self._name = user.name.encode()
        self._started_at = started_at
        self._level = (AUTH if user.auth_protocol else 0) | (PRIV if user.auth_protocol and user.priv_protocol else 0)
        self._scoped = v3_message.scoped(engine_id, b"")
        self._reader = v3_message.Reader()
        self._signer: Signer | None = None
        self._cryptor: Cryptor | None = None
        self.reported = 0
        self._reports: dict[bytes, int] = {}
        self._middle: tuple[tuple[bytes, int, int, int], bytes] = ((b"", -1, -1, -1), b"")
        if user.auth_protocol:
            auth = user.auth_protocol
            self._signer = Signer(auth, authentication_key(auth, user.auth_password.reveal(), engine_id))
            if user.priv_protocol:
                key = privacy_key(user.priv_protocol, auth, user.priv_password.reveal(), engine_id)
                self._cryptor = cryptor(user.priv_protocol, key, random_bits)

    def reboot(self, now: float) -> None:
        """Start again at a Unix time."""
        self.boots += 1
        self._started_at = now

    def answer(self, datagram: bytes, now: float, respond: Respond) -> bytes | None:
        """Return the response or the report to a message; raises MalformedError or IndexError for what is none."""
        message = self._reader.read(datagram)
        counter = self._complaint(datagram, message)
        if counter is not None:
            return self._report(message, counter, now, flags=0)
        if message.flags & AUTH and not self._is_timely(message, now):
            return self._report(message, reports.NOT_IN_TIME_WINDOW, now, flags=AUTH)
        plain, start = datagram, message.data_start
        if message.flags & PRIV and self._cryptor is not None:
            secret = datagram[message.data_start : message.data_end]
            plain, start = self._cryptor.decrypt(secret, message.boots, message.time_s, message.salt), 0
        try:
            pdu = v3_message.pdu_of(plain, start)
            _, end = ber.header(plain, pdu)
        except MalformedError:
            return self._report(message, reports.DECRYPTION_ERROR, now, flags=0)
        response = respond(plain[pdu:end], 0, now)
        if response is None:
            return None
        scope, _ = ber.header(plain, start)
        return self._sealed(message, plain[scope:pdu], response, now, flags=self._level)

    def _complaint(self, datagram: bytes, message: Message) -> bytes | None:
        """Return the counter of what is wrong with a message, looked at in the order of RFC 3414 section 3.2."""
        if message.engine_id != self.engine_id:
            return reports.UNKNOWN_ENGINE
        if message.user != self._name:
            return reports.UNKNOWN_USER
        if message.flags & ~REPORTABLE != self._level:
            return reports.UNSUPPORTED_LEVEL
        if self._signer is not None and not self._signer.accepts(datagram, message.mac_start, message.mac_end):
            return reports.WRONG_DIGEST
        return None

    def _is_timely(self, message: Message, now: float) -> bool:
        return message.boots == self.boots and abs(message.time_s - self._time_s(now)) <= WINDOW_S

    def _time_s(self, now: float) -> int:
        return min(int(now - self._started_at), LARGEST)

    def _report(self, message: Message, counter: bytes, now: float, *, flags: int) -> bytes | None:
        """Return the report that names a counter; None where the message allows no report."""
        if not message.flags & REPORTABLE:
            return None
        self.reported += 1
        self._reports[counter] = self._reports.get(counter, 0) + 1
        value = ber.tlv(ber.OBJECT_IDENTIFIER, counter) + ber.integer(self._reports[counter], ber.COUNTER32)
        varbinds = ber.tlv(ber.SEQUENCE, ber.tlv(ber.SEQUENCE, value))
        pdu = ber.tlv(REPORT, ber.integer(message.message_id) + ber.integer(0) * 2 + varbinds)
        return self._sealed(message, self._scoped, pdu, now, flags=flags)

    def _sealed(self, message: Message, scope: bytes, pdu: bytes, now: float, *, flags: int) -> bytes:
        """Return the message that carries a PDU, signed and encrypted as the flags say."""
        time_s = self._time_s(now)
        data, salt = ber.tlv(ber.SEQUENCE, scope + pdu), b""
        if flags & PRIV and self._cryptor is not None:
            secret, salt = self._cryptor.encrypt(data, self.boots, time_s)
            data = ber.tlv(ber.OCTET_STRING, secret)
        signer = self._signer if flags & AUTH else None
        blank = signer.blank if signer is not None else b""
        middle = self._middle_of(message.user, flags, time_s, len(blank), len(salt))
        answer, at = v3_message.write(message.message_id, middle, blank, salt, data)
        return signer.signed(answer, at) if signer is not None else answer

    def _middle_of(self, user: bytes, flags: int, time_s: int, mac_bytes: int, salt_bytes: int) -> bytes:
        """Return the part of a message that is the same for all of one second."""
        key = (user, flags, time_s, self.boots)
        if self._middle[0] != key:
            clock = Clock(self.engine_id, self.boots, time_s)
            made = v3_message.middle(flags, clock, user, mac_bytes=mac_bytes, salt_bytes=salt_bytes)
            self._middle = (key, made)
        return self._middle[1]
