"""The user-based security model of SNMPv3 (RFC 3414) behind the seam of `security.py`: one user at one device.

The device is asked first who it is; its reports teach the rest. Nothing is decrypted or believed before the signature
is right, and nothing that is less secure than the question counts as an answer. No I/O: `now` and `random_bits` are
arguments.
"""

from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct

from exporters.snmp import ber
from exporters.snmp.errors import MalformedError
from exporters.snmp.security import Reported
from exporters.snmp.usm import reports, v3_message
from exporters.snmp.usm.engine import LARGEST, Engine
from exporters.snmp.usm.keys import AuthProtocol, PrivProtocol, SecurityLevel, Signer, authentication_key, privacy_key
from exporters.snmp.usm.privacy import Cryptor, cryptor
from exporters.snmp.usm.v3_message import AUTH, PRIV, REPORT, REPORTABLE, Clock, Message
from heronwatch.secrets import Secret

RECENT = 1_024
"""A report counts when the message that it is about is one of so many sent last."""


class User(Struct, frozen=True, kw_only=True):
    """Who asks, and how that is proved and hidden: passwords are there for what the level needs."""

    name: str
    auth_protocol: AuthProtocol | None = None
    auth_password: Secret = Secret("")
    priv_protocol: PrivProtocol | None = None
    priv_password: Secret = Secret("")

    @property
    def level(self) -> SecurityLevel:
        """The security level of every request."""
        if self.auth_protocol is None:
            return "noAuthNoPriv"
        return "authNoPriv" if self.priv_protocol is None else "authPriv"


class Scope(Struct, frozen=True):
    """What of the device is asked: a context by name, of another engine than the device's own where one is named."""

    context: str = ""
    engine_id: bytes = b""


class UserSecurity:
    """Wraps and unwraps the messages of one user at one device, and remembers the device's engine.

    `message_id`s are expected to count upwards.
    """

    __slots__ = (
        "_cryptor", "_engine", "_flags", "_last_id", "_lesson_id", "_level", "_middle", "_middle_of", "_name", "_now",
        "_random_bits", "_reader", "_scope", "_scoped", "_signer", "_user", "version",
    )  # fmt: skip

    def __init__(
        self, user: User, scope: Scope, *, now: Callable[[], float], random_bits: Callable[[int], int]
    ) -> None:
        self.version = v3_message.V3
        self._user = user
        self._scope = scope
        self._now = now
        self._random_bits = random_bits
        self._name = user.name.encode()
        self._level = (AUTH if user.auth_protocol else 0) | (PRIV if user.auth_protocol and user.priv_protocol else 0)
        self._flags = self._level | REPORTABLE
        self._reader = v3_message.Reader()
        self._last_id = 0
        self._lesson_id = 0
        self._engine: Engine | None = None
        self._signer: Signer | None = None
        self._cryptor: Cryptor | None = None
        self._scoped = b""
        self._middle = b""
        self._middle_of = (-1, -1)

    @property
    def engine_id(self) -> bytes:
        """The device's engine id, empty until it is known."""
        return self._engine.engine_id if self._engine else b""

    @property
    def engine_boots(self) -> int | None:
        """How often the device has booted, as far as it has proved that; None until then."""
        return self._engine.boots if self._engine and self._engine.trusted else None

    @property
    def silence(self) -> str:
        """What it may mean that the device is silent, '' where there is nothing to add to that."""
        if self._engine is None or self._engine.trusted or self._signer is None:
            return ""
        secret = "a wrong privacy password or protocol, " if self._cryptor is not None else ""
        return f"it told its engine ID, and then nothing: {secret}an unknown context or no right to read look like this"

    def hello(self, message_id: int) -> bytes | None:
        """Return the question for the engine id (RFC 3414 section 4), None once that is known."""
        if self._engine is not None:
            return None
        self._last_id = message_id
        pdu = ber.encode_request(ber.Request(ber.Kind.GET, ()), message_id)
        data = ber.tlv(ber.SEQUENCE, v3_message.scoped(b"", b"") + pdu)
        middle = v3_message.middle(REPORTABLE, Clock(b"", 0, 0), b"", mac_bytes=0, salt_bytes=0)
        return v3_message.write(message_id, middle, b"", b"", data)[0]

    def wrap(self, pdu: bytes, message_id: int) -> bytes:
        """Return the message that carries a PDU; while the engine is unknown, the question for it instead."""
        engine = self._engine
        if engine is None:
            return self.hello(message_id) or b""
        self._last_id = message_id
        time_s = engine.time_s(self._now())
        data, salt = ber.tlv(ber.SEQUENCE, self._scoped + pdu), b""
        if self._cryptor is not None:
            secret, salt = self._cryptor.encrypt(data, engine.boots, time_s)
            data = ber.tlv(ber.OCTET_STRING, secret)
        if self._middle_of != (engine.boots, time_s):
            self._start_second(Clock(engine.engine_id, engine.boots, time_s), len(salt))
        if self._signer is None:
            return v3_message.write(message_id, self._middle, b"", salt, data)[0]
        return self._signer.signed(*v3_message.write(message_id, self._middle, self._signer.blank, salt, data))

    def _start_second(self, clock: Clock, salt_bytes: int) -> None:
        mac_bytes = len(self._signer.blank) if self._signer is not None else 0
        self._middle = v3_message.middle(self._flags, clock, self._name, mac_bytes=mac_bytes, salt_bytes=salt_bytes)
        self._middle_of = (clock.boots, clock.time_s)

    def unwrap(self, datagram: bytes) -> tuple[bytes, int]:
        """Return bytes and where in them the response PDU begins.

        Raises MalformedError for what cannot be believed, Reported for a report.
        """
        message = self._reader.read(datagram)
        engine = self._engine
        if engine is None or message.engine_id != engine.engine_id:
            self._introduced(datagram, message)
        proved = self._proved(datagram, message)
        plain, start = self._plain(datagram, message)
        pdu = v3_message.pdu_of(plain, start)
        if plain[pdu] == REPORT:
            self._reported(message, v3_message.counter_of(plain, pdu), engine, proved=proved)
        if message.flags & self._level != self._level or message.user != self._name:
            raise MalformedError("an answer less secure than its question, or to another user")
        if proved and not engine.hear(message.boots, message.time_s, now=self._now()):
            raise MalformedError("an answer from outside the time window")
        return plain, pdu

    def _proved(self, datagram: bytes, message: Message) -> bool:
        """Say whether a message is signed, and rightly; raises MalformedError for a wrong signature."""
        if not message.flags & AUTH:
            return False
        if self._signer is None or not self._signer.accepts(datagram, message.mac_start, message.mac_end):
            raise MalformedError("a message whose signature is wrong")
        return True

    def _plain(self, datagram: bytes, message: Message) -> tuple[bytes, int]:
        """Return bytes and where in them the scoped PDU begins; what is signed only is no secret."""
        if not message.flags & PRIV:
            return datagram, message.data_start
        if self._cryptor is None or not message.flags & AUTH:
            raise MalformedError("an encrypted message where none is due")
        secret = datagram[message.data_start : message.data_end]
        return self._cryptor.decrypt(secret, message.boots, message.time_s, message.salt), 0

    def _introduced(self, datagram: bytes, message: Message) -> NoReturn:
        """Learn who the device is. It cannot be proved yet; a wrong id makes keys that nobody else can use."""
        if not message.engine_id or not self._is_recent(message.message_id):
            raise MalformedError("a message from an unknown engine")
        if self._engine is not None and not self._disowns(datagram, message):
            raise MalformedError("a message from another engine")
        self._meet(Engine(message.engine_id, message.boots, message.time_s, now=self._now()))
        raise Reported(message.message_id)

    @staticmethod
    def _disowns(datagram: bytes, message: Message) -> bool:
        """Say whether a message is a report, in clear, that the engine has another id than the one we asked."""
        if message.flags & PRIV:
            return False
        pdu = v3_message.pdu_of(datagram, message.data_start)
        return v3_message.counter_of(datagram, pdu) == reports.UNKNOWN_ENGINE

    def _meet(self, engine: Engine) -> None:
        """Make the keys for an engine."""
        user = self._user
        self._engine = engine
        self._lesson_id = self._last_id
        self._middle_of = (-1, -1)
        self._scoped = v3_message.scoped(self._scope.engine_id or engine.engine_id, self._scope.context.encode())
        if not user.auth_protocol:
            return
        self._signer = Signer(
            user.auth_protocol,
            authentication_key(user.auth_protocol, user.auth_password.reveal(), engine.engine_id),
        )
        if user.priv_protocol:
            key = privacy_key(user.priv_protocol, user.auth_protocol, user.priv_password.reveal(), engine.engine_id)
            self._cryptor = cryptor(user.priv_protocol, key, self._random_bits)

    def _reported(self, message: Message, counter: bytes, engine: Engine, *, proved: bool) -> NoReturn:
        """Say what a report means. One on a message that was not sent, or a clock without proof, means nothing."""
        if not self._is_recent(message.message_id):
            raise MalformedError("a report on a message that was not sent")
        is_lesson = False
        if counter == reports.UNKNOWN_ENGINE:
            is_lesson = not self._is_taught(message)
        elif counter == reports.NOT_IN_TIME_WINDOW and self._signer is not None:
            if not proved:
                raise MalformedError("a report about the time without a signature")
            is_lesson = self._corrected(message, engine)
        raise Reported(message.message_id, None if is_lesson else reports.error_of(counter))

    def _corrected(self, message: Message, engine: Engine) -> bool:
        """Take the engine's clock; False when that is what was sent, or one that stands still for ever."""
        now = self._now()
        is_new = not (self._is_taught(message) and engine.agrees(message.boots, message.time_s, now=now))
        engine.correct(message.boots, message.time_s, now=now)
        self._lesson_id = self._last_id
        return is_new and message.boots != LARGEST

    def _is_taught(self, message: Message) -> bool:
        """Say whether the question was sent after the last that we learnt from a report."""
        return 0 < (message.message_id - self._lesson_id) & LARGEST <= RECENT

    def _is_recent(self, message_id: int) -> bool:
        return (self._last_id - message_id) & LARGEST < RECENT

    def __repr__(self) -> str:
        return f"UserSecurity({self._user.level})"
