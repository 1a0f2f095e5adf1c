"""Mail over a real SMTP server: encrypted to the right server, threaded, and never with a forged header."""

import email
import email.policy
import re
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from alert_webhook.delivery.channel import ChannelContext, Outcome, Permanent, Reason, Receipt, Retry
from alert_webhook.delivery.channels.smtp import LEADING_DOT, PLUGIN, SmtpBlock, compose
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from heronwatch.values import Duration
from tests.fakes.channel_rigs import sample_message
from tests.fakes.smtp_provider import mail_server

TO = "ana@example.org"
NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def tls_of(ca: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


def send(port: int, message: Any = None, **changes: Any) -> Outcome:
    values = {"host": "localhost", "port": port, "sender": "heronwatch@example.org", "timeout": Duration(10)}
    channel = PLUGIN.make(SmtpBlock(**{**values, **changes}), ChannelContext("mail", "", bytes, lambda: NOW))
    return channel.send(message or sample_message(TO))


def parsed(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_mail_arrives_encrypted(ca: trustme.CA, ca_file: Path) -> None:
    with mail_server(tls_of(ca)) as (box, port):
        outcome = send(port, ca_file=ca_file)
    assert outcome == Receipt("<0123456789abcdef0123456789abcdef@example.org>", "queued as 4F2A")
    ((sender, recipients, content),) = box.mails
    assert (sender, recipients) == ("heronwatch@example.org", [TO])
    mail = parsed(content)
    assert mail["Subject"] == "CRITICAL UpsOnBattery · ups-2 · plant-2 [K7QF]"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Acknowledge: https://pager.example.org/a/" in text.get_content()


def test_implicit_tls(ca: trustme.CA, ca_file: Path) -> None:
    with mail_server(tls_of(ca), implicit=True) as (box, port):
        assert isinstance(send(port, ca_file=ca_file, tls="implicit"), Receipt)
    assert len(box.mails) == 1


def test_clear_text_where_asked_for() -> None:
    with mail_server() as (box, port):
        assert isinstance(send(port, tls="none"), Receipt)
    assert len(box.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("flaw", ["stranger", "name", "public"])
def test_wrong_certificate_is_refused(ca: trustme.CA, ca_file: Path, flaw: str, tls: str) -> None:
    server = tls_of(trustme.CA() if flaw == "stranger" else ca, "mail.example.net" if flaw == "name" else "localhost")
    with mail_server(server, implicit=tls == "implicit") as (box, port):
        outcome = send(port, tls=tls, ca_file=None if flaw == "public" else ca_file)
    assert outcome == Retry("no way to the mail server: its certificate is not trusted")
    assert box.mails == []


def test_server_without_starttls_gets_neither_mail_nor_password() -> None:
    with mail_server() as (box, port):
        outcome = send(port, username="heronwatch", password=Secret("secret"))
    assert isinstance(outcome, Retry)
    assert "STARTTLS" in outcome.reason
    assert (box.mails, box.logins) == ([], [])


def test_sign_in(ca: trustme.CA, ca_file: Path) -> None:
    with mail_server(tls_of(ca), user=("heronwatch", "secret")) as (box, port):
        assert isinstance(send(port, ca_file=ca_file, username="heronwatch", password=Secret("secret")), Receipt)
    assert box.logins == [(b"heronwatch", b"secret")]


def test_wrong_password_is_permanent(ca: trustme.CA, ca_file: Path) -> None:
    with mail_server(tls_of(ca), user=("heronwatch", "secret")) as (box, port):
        outcome = send(port, ca_file=ca_file, username="heronwatch", password=Secret("wrong"))
    assert outcome == Permanent("refused with 535 for user and password")
    assert box.mails == []


def test_incident_is_one_thread_and_an_attempt_keeps_its_id() -> None:
    first = compose(sample_message(TO), sender="h@example.org", now=NOW)
    again = compose(sample_message(TO, attempt=2, possible_duplicate=True), sender="h@example.org", now=NOW + 60)
    over = compose(sample_message(TO, id="f" * 32, reason=Reason.RESOLVED), sender="h@example.org", now=NOW + 600)
    assert first["Message-ID"] == again["Message-ID"] != over["Message-ID"]
    assert {mail["References"] for mail in (first, again, over)} == {"<incident-7-K7QF@example.org>"}
    assert {mail["In-Reply-To"] for mail in (first, again, over)} == {"<incident-7-K7QF@example.org>"}


def test_headers_of_an_automatic_mail() -> None:
    mail = compose(sample_message(TO), sender="h@example.org", now=NOW)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert mail["From"] == "Heronwatch <h@example.org>"


def test_possible_repeat_is_said() -> None:
    mail = compose(sample_message(TO, possible_duplicate=True), sender="h@example.org", now=NOW)
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert "You may have got this already" in body.get_content()


@pytest.mark.parametrize("text", ["x\r\nBcc: e@x.org", "x\nBcc: e@x", "x\rBcc: e@x", "x\u2028Bcc: e", "x\x0bB\x0c\x85"])
def test_no_text_makes_a_header(text: str) -> None:
    message = sample_message(TO)
    forged = msgspec.structs.replace(message.incident, title=text, severity=text)
    with mail_server() as (box, port):
        assert isinstance(send(port, msgspec.structs.replace(message, incident=forged), tls="none"), Receipt)
    ((_sender, recipients, content),) = box.mails
    assert recipients == [TO]
    head = content.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"^\W*Bcc", head, re.IGNORECASE | re.MULTILINE)
    assert set(parsed(content).keys()) == set(compose(message, sender="h@example.org", now=NOW).keys())


def test_lines_are_short_and_seven_bit() -> None:
    """RFC 5321 section 4.5.3.1.6: at most 998 characters; and no server has to know 8BITMIME."""
    message = sample_message(TO)
    alert = msgspec.structs.replace(message.incident.alerts[0], annotations={"description": "é·😀 " * 3000})
    long = msgspec.structs.replace(message, incident=msgspec.structs.replace(message.incident, alerts=(alert,) * 20))
    content = compose(long, sender="h@example.org", now=NOW).as_bytes()
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert content.isascii()


def test_dots_and_line_ends_survive() -> None:
    """A long line breaks in quoted-printable wherever it is full: before dots, here."""
    message = sample_message(TO, context=("é" + "." * 290, "..", ". QUIT"))
    assert b"\n." in compose(message, sender="heronwatch@example.org", now=NOW).as_bytes()
    with mail_server() as (box, port):
        assert isinstance(send(port, message, tls="none"), Receipt)
    for kind in ("plain", "html"):
        arrived = parsed(box.mails[0][2]).get_body((kind,))
        sent = compose(message, sender="heronwatch@example.org", now=NOW).get_body((kind,))
        assert arrived is not None
        assert sent is not None
        assert arrived.get_content().splitlines() == sent.get_content().splitlines()


def test_line_of_one_dot_does_not_end_the_mail() -> None:
    """RFC 5321 section 4.5.2, on the bytes as they leave."""
    assert LEADING_DOT.sub(b"..", b".\r\n..x\r\ny.\r\n.") == b"..\r\n...x\r\ny.\r\n.."


FAULTS = [
    ("from: nobody", "'nobody' is not a mail address"),
    ("from: a@b.org\nusername: x", "missing: username and password go together"),
    ("from: a@b.org\npassword: x", "missing: username and password go together"),
    ("from: a@b.org\ntls: none\nusername: x\npassword: y", "a password is not sent in clear text"),
    ("from: a@b.org\nca_file: /nonexistent/ca.pem", "holds no certificates"),
    ("from: a@b.org\nca_file: /dev/null", "holds no certificates"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_bad_blocks_are_refused_when_the_configuration_loads(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(fault)):
        loads(f"host: mail.example.org\n{text}\n", SmtpBlock)


ADDRESSES = ["", "ana", "ana@", "@x.org", "a b@x.org", "ana@x.org\r\n", "ana@x.org, b@x.org", "<ana@x.org>", "é@x.org"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_bad_addresses_are_refused_when_the_configuration_loads(address: str) -> None:
    assert PLUGIN.address_fault(address)


def test_address_is_shown_in_part() -> None:
    assert PLUGIN.describe_address("ana@example.org") == "a…@example.org"
