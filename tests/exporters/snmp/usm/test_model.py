"""One user at one device: what is sent, what is believed, what a report teaches. The device here is a forger's kit."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.snmp import ber, oid
from exporters.snmp.ber import Kind, Request
from exporters.snmp.errors import CredentialError, MalformedError, StatusError
from exporters.snmp.security import Reported
from exporters.snmp.usm import reports, v3_message
from exporters.snmp.usm.keys import Signer, authentication_key, privacy_key
from exporters.snmp.usm.model import Scope, User, UserSecurity
from exporters.snmp.usm.privacy import Cryptor, cryptor
from exporters.snmp.usm.v3_message import AUTH, LARGEST, PRIV, REPORT, REPORTABLE, Clock
from heronwatch.secrets import Secret
from tests.fakes.clock import FakeClock

ENGINE = bytes.fromhex("80001f880411223344")
OTHER = bytes.fromhex("80001f880455667788")
ANA = User(
    name="ana",
    auth_protocol="SHA256",
    auth_password=Secret("maple-auth"),
    priv_protocol="AES",
    priv_password=Secret("syrup-priv"),
)
BEN = User(name="ben", auth_protocol="SHA", auth_password=Secret("maple-auth"))
CLEO = User(name="cleo")
USERS = [ANA, BEN, CLEO]
PDU = ber.encode_request(Request(Kind.GET, (oid.encode("1.3.6.1.2.1.1.5.0"),)), 5)
RESPONSE = ber.tlv(ber.RESPONSE, ber.integer(5) + ber.integer(0) + ber.integer(0) + b"\x30\x00")


class Device:
    """Makes messages of a device that knows a user's passwords, true ones and others."""

    def __init__(self, user: User = ANA, *, engine_id: bytes = ENGINE, boots: int = 7, time_s: int = 1_000) -> None:
        self.user = user
        self.clock = Clock(engine_id, boots, time_s)
        self.level = {"noAuthNoPriv": 0, "authNoPriv": AUTH, "authPriv": AUTH | PRIV}[user.level]
        self.signer: Signer | None = None
        self.cryptor: Cryptor | None = None
        if user.auth_protocol:
            password = user.auth_password.reveal()
            self.signer = Signer(user.auth_protocol, authentication_key(user.auth_protocol, password, engine_id))
            if user.priv_protocol:
                key = privacy_key(user.priv_protocol, user.auth_protocol, user.priv_password.reveal(), engine_id)
                self.cryptor = cryptor(user.priv_protocol, key, lambda bits: 0)

    def message(self, data: bytes, message_id: int = 5, *, flags: int | None = None, name: str | None = None) -> bytes:
        """A message around what stands in a scoped PDU's place, signed and encrypted as the flags say."""
        flags, salt = self.level if flags is None else flags, b""
        if flags & PRIV:
            assert self.cryptor is not None
            secret, salt = self.cryptor.encrypt(data, self.clock.boots, self.clock.time_s)
            data = ber.tlv(ber.OCTET_STRING, secret)
        signer = self.signer if flags & AUTH else None
        mac = signer.blank if signer else b""
        user = self.user.name if name is None else name
        middle = v3_message.middle(flags, self.clock, user.encode(), mac_bytes=len(mac), salt_bytes=len(salt))
        message, at = v3_message.write(message_id, middle, mac, salt, data)
        return signer.signed(message, at) if signer else message

    def response(self, **how: object) -> bytes:
        return self.message(scoped(RESPONSE), **how)  # type: ignore[arg-type]

    def report(self, counter: bytes, message_id: int = 5, *, flags: int = 0) -> bytes:
        varbind = ber.tlv(ber.OBJECT_IDENTIFIER, counter) + ber.integer(1, ber.COUNTER32)
        varbinds = ber.tlv(ber.SEQUENCE, ber.tlv(ber.SEQUENCE, varbind))
        pdu = ber.tlv(REPORT, ber.integer(message_id) + ber.integer(0) + ber.integer(0) + varbinds)
        return self.message(scoped(pdu), message_id, flags=flags)


def scoped(pdu: bytes, engine_id: bytes = ENGINE) -> bytes:
    return ber.tlv(ber.SEQUENCE, v3_message.scoped(engine_id, b"") + pdu)


def security(user: User = ANA, *, scope: Scope | None = None, clock: FakeClock | None = None) -> UserSecurity:
    return UserSecurity(
        user, scope or Scope(), now=(clock or FakeClock()).monotonic, random_bits=lambda bits: 2**bits - 1
    )


def introduced(user: User = ANA, *, clock: FakeClock | None = None, asked: int = 5) -> UserSecurity:
    """A model that has met the device, and has sent message 5."""
    model = security(user, clock=clock)
    model.hello(4)
    with pytest.raises(Reported) as report:
        model.unwrap(Device(user).report(reports.UNKNOWN_ENGINE, 4))
    assert (report.value.message_id, report.value.error) == (4, None)
    for number in range(5, asked + 1):
        model.wrap(PDU, number)
    return model


def reported(model: UserSecurity, datagram: bytes) -> Reported:
    with pytest.raises(Reported) as report:
        model.unwrap(datagram)
    return report.value


def test_the_first_message_asks_who_is_there_and_tells_nothing() -> None:
    hello = security().hello(77)
    assert hello is not None
    message = v3_message.read(hello)
    assert (message.message_id, message.flags, message.engine_id, message.user) == (77, REPORTABLE, b"", b"")
    assert (message.boots, message.time_s, message.mac_start - message.mac_end, message.salt) == (0, 0, 0, b"")
    pdu = v3_message.pdu_of(hello, message.data_start)
    assert hello[pdu:] == bytes.fromhex("a00b02014d0201000201003000")


def test_before_that_is_known_nothing_else_is_sent() -> None:
    model = security()
    assert model.wrap(PDU, 77) == security().hello(77)
    assert (model.engine_id, model.engine_boots) == (b"", None)


def test_an_engine_is_known_from_its_report_and_its_boots_once_they_are_proved() -> None:
    model = introduced()
    assert model.hello(6) is None
    assert (model.engine_id, model.engine_boots) == (ENGINE, None)
    model.unwrap(Device().response())
    assert model.engine_boots == 7


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.level)
def test_a_request_and_its_answer(user: User) -> None:
    clock = FakeClock(monotonic=100.0)
    model = introduced(user, clock=clock)
    clock.advance(3)
    device = Device(user)
    sent = model.wrap(PDU, 6)
    message = v3_message.read(sent)
    assert (message.flags, message.user, message.engine_id) == (device.level | REPORTABLE, user.name.encode(), ENGINE)
    assert (message.boots, message.time_s) == (7, 1_003)
    assert device.signer is None or device.signer.accepts(sent, message.mac_start, message.mac_end)
    plain = sent[message.data_start : message.data_end]
    if device.cryptor is not None:
        plain = device.cryptor.decrypt(plain, message.boots, message.time_s, message.salt)
    assert plain == scoped(PDU)
    answer, start = model.unwrap(device.response())
    assert answer[start:] == RESPONSE


def test_no_request_is_encrypted_with_the_salt_of_another() -> None:
    model = introduced()
    salts = [v3_message.read(model.wrap(PDU, number)).salt for number in range(6, 106)]
    assert len(set(salts)) == 100


def test_context_and_its_engine_are_named_in_the_scope() -> None:
    model = security(CLEO, scope=Scope("blue", OTHER))
    model.hello(4)
    reported(model, Device(CLEO).report(reports.UNKNOWN_ENGINE, 4))
    sent = model.wrap(PDU, 5)
    plain = sent[v3_message.read(sent).data_start :]
    assert plain == ber.tlv(ber.SEQUENCE, v3_message.scoped(OTHER, b"blue") + PDU)


@pytest.mark.parametrize(
    ("counter", "kind", "word"),
    [
        (reports.UNSUPPORTED_LEVEL, CredentialError, "unsupportedSecLevels"),
        (reports.UNKNOWN_USER, CredentialError, "unknownUserNames"),
        (reports.WRONG_DIGEST, CredentialError, "wrongDigests"),
        (reports.DECRYPTION_ERROR, CredentialError, "decryptionErrors"),
        (reports.UNKNOWN_MODEL, StatusError, "unknownSecurityModels"),
        (reports.INVALID_MESSAGE, StatusError, "invalidMsgs"),
        (reports.UNKNOWN_HANDLER, StatusError, "unknownPDUHandlers"),
        (reports.UNAVAILABLE_CONTEXT, StatusError, "unavailableContexts"),
        (reports.UNKNOWN_CONTEXT, StatusError, "unknownContexts"),
        (oid.encode("1.3.6.1.6.3.99.0"), StatusError, "the device reports the counter 1.3.6.1.6.3.99.0 instead"),
        (b"", StatusError, "the device reports the counter"),
    ],
)
def test_a_report_says_what_to_do(counter: bytes, kind: type[Exception], word: str) -> None:
    report = reported(introduced(), Device().report(counter))
    assert isinstance(report.error, kind)
    assert word in str(report.error)
    assert report.message_id == 5


def test_a_report_on_what_was_not_sent_is_nothing() -> None:
    model = introduced()
    for number in (6, 1_000_000, 2**31 - 1 - 1_024):
        with pytest.raises(MalformedError, match="a report on a message that was not sent"):
            model.unwrap(Device().report(reports.WRONG_DIGEST, number))
    with pytest.raises(MalformedError):
        model.unwrap(Device().report(reports.WRONG_DIGEST, -1))


def test_the_time_is_taken_from_a_signed_report_only() -> None:
    clock = FakeClock()
    model = introduced(clock=clock)
    later = Device(boots=9, time_s=50)
    with pytest.raises(MalformedError, match="without a signature"):
        model.unwrap(later.report(reports.NOT_IN_TIME_WINDOW))
    assert reported(model, later.report(reports.NOT_IN_TIME_WINDOW, flags=AUTH)).error is None
    message = v3_message.read(model.wrap(PDU, 6))
    assert (message.boots, message.time_s, model.engine_boots) == (9, 50, 9)


def test_an_engine_that_forgot_its_boots_is_followed() -> None:
    model = introduced()
    model.unwrap(Device().response())
    reborn = Device(boots=1, time_s=3)
    with pytest.raises(MalformedError, match="outside the time window"):
        model.unwrap(reborn.response())
    assert reported(model, reborn.report(reports.NOT_IN_TIME_WINDOW, flags=AUTH)).error is None
    model.wrap(PDU, 6)
    model.unwrap(reborn.response(message_id=6))


def test_a_lesson_in_vain_is_an_error() -> None:
    model = introduced()
    again = Device().report
    assert reported(model, again(reports.NOT_IN_TIME_WINDOW, 5, flags=AUTH)).error is None
    model.wrap(PDU, 6)
    report = reported(model, again(reports.NOT_IN_TIME_WINDOW, 6, flags=AUTH))
    assert "notInTimeWindows" in str(report.error)


def test_reports_on_messages_in_flight_are_no_errors() -> None:
    model = introduced(asked=12)
    later = Device(boots=8, time_s=1)
    for number in range(5, 13):
        assert reported(model, later.report(reports.NOT_IN_TIME_WINDOW, number, flags=AUTH)).error is None
    moved = Device(engine_id=OTHER)
    for number in range(5, 13):
        assert reported(model, moved.report(reports.UNKNOWN_ENGINE, number)).error is None


def test_a_second_boot_is_a_second_lesson() -> None:
    model = introduced()
    for number, boots in enumerate((8, 9, 10), 5):
        later = Device(boots=boots, time_s=1)
        assert reported(model, later.report(reports.NOT_IN_TIME_WINDOW, number, flags=AUTH)).error is None
        model.wrap(PDU, number + 1)


def test_an_engine_that_can_boot_no_more_is_an_error() -> None:
    report = reported(introduced(), Device(boots=LARGEST).report(reports.NOT_IN_TIME_WINDOW, flags=AUTH))
    assert "notInTimeWindows" in str(report.error)


def test_without_authentication_there_is_no_time_to_learn() -> None:
    report = reported(introduced(CLEO), Device(CLEO).report(reports.NOT_IN_TIME_WINDOW))
    assert isinstance(report.error, CredentialError)


def test_another_engine_on_the_same_address_is_met_anew() -> None:
    model = introduced()
    model.unwrap(Device().response())
    moved = Device(engine_id=OTHER, boots=2, time_s=9)
    assert reported(model, moved.report(reports.UNKNOWN_ENGINE)).error is None
    assert (model.engine_id, model.engine_boots) == (OTHER, None)
    sent = model.wrap(PDU, 6)
    message = v3_message.read(sent)
    assert moved.signer is not None
    assert moved.signer.accepts(sent, message.mac_start, message.mac_end)
    model.unwrap(moved.response(message_id=6))


def test_an_engine_that_disowns_its_own_id_is_an_error() -> None:
    report = reported(introduced(), Device().report(reports.UNKNOWN_ENGINE))
    assert "unknownEngineIDs" in str(report.error)


FORGERIES = {
    "in clear, where signed and encrypted was asked": lambda: Device().response(flags=0),
    "signed only, where encrypted was asked": lambda: Device().response(flags=AUTH),
    "for another user": lambda: Device().response(name="ben"),
    "of another engine": lambda: Device(engine_id=OTHER).response(),
    "without an engine": lambda: Device(engine_id=b"").response(),
    "with another password": lambda: Device(
        User(name="ana", auth_protocol="SHA256", auth_password=Secret("x"), priv_protocol="AES",
             priv_password=ANA.priv_password)
    ).response(),
    "with another privacy password": lambda: Device(
        User(name="ana", auth_protocol="SHA256", auth_password=ANA.auth_password, priv_protocol="AES",
             priv_password=Secret("x"))
    ).response(),
    "from an earlier boot": lambda: Device(boots=6).response(),
    "from long ago": lambda: Device(time_s=1_000 - 151).response(),
    "encrypted and not signed": lambda: Device().response(flags=PRIV),
    "a report of another engine, encrypted": lambda: Device(engine_id=OTHER).report(
        reports.UNKNOWN_ENGINE, flags=AUTH | PRIV
    ),
    "a report of another engine, on something else": lambda: Device(engine_id=OTHER).report(reports.WRONG_DIGEST),
    "a scope that is none": lambda: Device().message(b"\x30\x02\x05\x00"),
    "a scope that is cut off": lambda: Device().message(b"\x30"),
    "nothing": lambda: Device().message(b""),
    "no message": lambda: b"\x30\x00",
    "a message of v2c": lambda: bytes.fromhex("302602010104067075626c6963a21902010102010002010030"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_not_believed(name: str) -> None:
    model = introduced()
    model.unwrap(Device().response())
    with pytest.raises(MalformedError):
        model.unwrap(FORGERIES[name]())
    model.unwrap(Device().response())


def test_a_signature_that_cannot_be_checked_is_not_believed() -> None:
    model = introduced(CLEO)
    with pytest.raises(MalformedError, match="signature"):
        model.unwrap(Device(User(name="cleo", auth_protocol="SHA", auth_password=Secret("x"))).response())


def test_an_answer_without_a_reading_of_the_clock_is_enough_without_authentication() -> None:
    model = introduced(CLEO)
    model.unwrap(Device(CLEO, boots=0, time_s=0).response())


def test_silence_after_the_introduction_is_explained() -> None:
    assert security().silence == security(CLEO).silence == introduced(CLEO).silence == ""
    assert introduced().silence == (
        "it told its engine ID, and then nothing: a wrong privacy password or protocol, "
        "an unknown context or no right to read look like this"
    )
    assert "privacy" not in introduced(BEN).silence
    model = introduced()
    model.unwrap(Device().response())
    assert model.silence == ""


def test_secrets_are_not_shown() -> None:
    model = introduced()
    shown = [repr(model), repr(ANA), repr(Scope()), *(repr(getattr(model, name)) for name in UserSecurity.__slots__)]
    keys = [authentication_key("SHA256", "maple-auth", ENGINE), privacy_key("AES", "SHA256", "syrup-priv", ENGINE)]
    for secret in ("maple", "syrup", *(repr(key)[2:-1] for key in keys), *(key.hex() for key in keys)):
        assert not any(secret in text for text in shown)


def test_a_model_may_talk_for_ever() -> None:
    model = introduced()
    for number in itertools.islice(itertools.cycle((2**31 - 1, 1, 2)), 9):
        model.wrap(PDU, number)
        assert reported(model, Device().report(reports.UNKNOWN_USER, number)).message_id == number


VALID = [
    (user, datagram)
    for user in USERS
    for datagram in (
        Device(user).response(),
        Device(user).report(reports.UNKNOWN_ENGINE),
        Device(user, engine_id=OTHER).report(reports.UNKNOWN_ENGINE),
        Device(user, boots=8).report(reports.NOT_IN_TIME_WINDOW, flags=Device(user).level & AUTH),
    )
]


def survives(model: UserSecurity, datagram: bytes) -> None:
    """Nothing but these two ever leaves, and a position inside the bytes is what is returned."""
    try:
        plain, start = model.unwrap(datagram)
    except (MalformedError, Reported):
        return
    assert 0 <= start < len(plain)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=5), st.data())
def test_changed_messages_harm_nobody(
    valid: tuple[User, bytes], changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    user, datagram = valid
    changed = bytearray(datagram)
    for position, value in changes:
        changed[position % len(changed)] = value
    cut = data.draw(st.integers(0, len(changed)))
    model = introduced(user)
    model.unwrap(Device(user).response())
    survives(model, bytes(changed))
    survives(model, bytes(changed[:cut]))
    survives(model, bytes(changed) + bytes(changed[cut:]))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(USERS), st.binary(max_size=80), st.integers(0, 7), st.integers(-5, 2**31))
def test_rightly_signed_nonsense_harms_nobody(user: User, data: bytes, flags: int, message_id: int) -> None:
    device = Device(user)
    survives(introduced(user), device.message(data, message_id, flags=flags & device.level))
    survives(security(user), device.message(data, message_id, flags=flags & device.level))
    survives(introduced(user), device.message(ber.tlv(ber.SEQUENCE, v3_message.scoped(ENGINE, b"") + data)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_noise_harms_nobody(noise: bytes) -> None:
    survives(introduced(), noise)
    survives(introduced(), b"\x30" + bytes((len(noise),)) + noise)
    survives(security(), b"\x30" + bytes((len(noise) + 3,)) + b"\x02\x01\x03" + noise)
