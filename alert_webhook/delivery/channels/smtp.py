"""E-mail by SMTP: STARTTLS by default, certificates verified, one deadline for the whole dialogue."""

import contextlib
import io
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate
from pathlib import Path
from typing import ClassVar, Literal

from msgspec import field

from alert_webhook.delivery.bounded import BoundedReader, Deadline, connect, resolve, trouble
from alert_webhook.delivery.channel import (
    Channel,
    ChannelBlock,
    ChannelContext,
    Message,
    Outcome,
    Permanent,
    Plugin,
    Receipt,
    Retry,
    Unknown,
)
from alert_webhook.delivery.render import mail
from heronwatch.secrets import Secret

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
MAX_READ_BYTES = 64 * 1024
SEVEN_BIT = SMTP.clone(cte_type="7bit")  # no server has to know 8BITMIME
QUEUED_AS = re.compile(r"queued as ([A-Za-z0-9]{1,32})\b")  # Postfix and its relatives
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpBlock(ChannelBlock, frozen=True, kw_only=True, tag="smtp"):
    """A mail server. `tls`: starttls (587), implicit (465), or none (25), which sends everything in clear text."""

    link_in_text: ClassVar[bool] = True

    host: str
    sender: str = field(name="from")
    port: int | None = None
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca_file: Path | None = None
    username: str = ""
    password: Secret | None = None

    def config_faults(self) -> Iterable[tuple[str, str]]:
        """An address to send from, a password never in clear text, certificates that can be read."""
        if not ADDRESS.fullmatch(self.sender):
            yield "from", f"{self.sender!r} is not a mail address"
        if bool(self.username) != (self.password is not None):
            yield "password" if self.username else "username", "missing: username and password go together"
        if self.tls == "none" and self.password is not None:
            yield "tls", "a password is not sent in clear text: use starttls or implicit"
        try:
            ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError) as error:
            yield "ca_file", f"{str(self.ca_file)!r} holds no certificates: {type(error).__name__}"


class SmtpChannel:
    """Sends one mail in one connection."""

    def __init__(self, block: SmtpBlock, context: ChannelContext, *, clock: Callable[[], float]) -> None:
        self._block = block
        self._context = context
        self._clock = clock
        self._tls = ssl.create_default_context(cafile=block.ca_file)

    def send(self, message: Message) -> Outcome:
        """Hand a mail to the server."""
        deadline = Deadline(float(self._block.timeout), self._clock)
        try:
            composed = compose(message, sender=self._block.sender, now=self._context.now())
            text = composed.as_bytes()
        except (ValueError, LookupError) as error:  # a line break in a header, a character that is none
            return Permanent(f"the mail cannot be written: {type(error).__name__}")
        server = _Server(self._block, self._tls, deadline)
        with contextlib.closing(server):
            refused = self._until_data(server, message.recipient.address)
            return refused or _hand_over(server, text, str(composed["Message-ID"]))

    def close(self) -> None:
        """Nothing is kept open."""

    def _until_data(self, server: "_Server", to: str) -> Outcome | None:
        """Go through the dialogue up to the mail itself; trouble so far means that nothing has arrived."""
        try:
            return self._greet(server) or self._address(server, to)
        except smtplib.SMTPAuthenticationError as error:
            return _answered(error.smtp_code, "for user and password")
        except smtplib.SMTPNotSupportedError:
            return Retry("the mail server offers no STARTTLS, or no way to sign in that we know")
        except smtplib.SMTPResponseException as error:
            return Retry(f"the mail server answers {error.smtp_code} at the start")  # it is not about this mail
        except (smtplib.SMTPException, OSError) as error:
            return Retry(f"no way to the mail server: {trouble(server.trouble or error)}")
        except ValueError as error:  # an address that is not ASCII
            return Permanent(f"the command cannot be written: {type(error).__name__}")

    def _greet(self, server: "_Server") -> Outcome | None:
        block = self._block
        code, _text = server.connect(block.host, block.port or PORTS[block.tls])
        if code != 220:
            return Retry(f"the mail server greets with {code}")
        if block.tls == "starttls":
            server.starttls(context=self._tls)
        server.ehlo_or_helo_if_needed()
        if block.password is not None:
            server.login(block.username, block.password.reveal())
        return None

    def _address(self, server: "_Server", to: str) -> Outcome | None:
        code, _text = server.mail(self._block.sender)
        if code != 250:
            return _answered(code, "for the sender")
        code, _text = server.rcpt(to)
        if code not in {250, 251}:
            return _answered(code, "for the recipient")
        code, _text = server.docmd("DATA")
        return None if code == 354 else _answered(code, "before the text")


class _Server(smtplib.SMTP):
    """The dialogue, bounded as a whole: smtplib's own time-out starts anew with every byte."""

    def __init__(self, block: SmtpBlock, tls: ssl.SSLContext, deadline: Deadline) -> None:
        super().__init__(local_hostname=_own_name(), timeout=float(block.timeout))
        self._host = block.host  # smtplib's: the name that starttls checks the certificate for
        self.trouble: OSError | None = None  # under smtplib's own words for it
        self._implicit = tls if block.tls == "implicit" else None
        self._deadline = deadline

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  # smtplib's
        plain = connect(resolve(host, port, self._deadline), self._deadline)
        return plain if self._implicit is None else self._implicit.wrap_socket(plain, server_hostname=host)

    def send(self, s: str | bytes | bytearray | memoryview) -> None:  # type: ignore[override]  # a wider type is fine
        if self.sock is not None:
            self.sock.settimeout(self._deadline.left_s())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            raw = self.sock.makefile("rb", buffering=0)
            bounded = BoundedReader(raw, self.sock, self._deadline, most_bytes=MAX_READ_BYTES)
            self.file = io.BufferedReader(bounded)
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            self.trouble = error.__context__ if isinstance(error.__context__, OSError) else None
            raise


def _hand_over(server: _Server, text: bytes, identifier: str) -> Outcome:
    """Send the mail itself; from here on, no answer means that nobody knows."""
    quoted = LEADING_DOT.sub(b"..", text)  # RFC 5321 section 4.5.2
    try:
        server.send(quoted + (b"" if quoted.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, answer = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        return Unknown(f"no answer after the text: {trouble(server.trouble or error)}")
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.putcmd("QUIT")
    if 200 <= code < 300:
        queued = QUEUED_AS.search(answer.decode(errors="replace"))
        return Receipt(reference=identifier, detail=queued[0] if queued else str(code))
    return _answered(code, "after the text") if 400 <= code < 600 else Unknown("an answer after the text that is none")


def compose(message: Message, *, sender: str, now: float) -> EmailMessage:
    """Return the mail; the same message gives the same Message-ID, one incident is one thread.

    ValueError for what cannot stand in a mail, such as a line break in an address.
    """
    words, domain = mail(message), sender.rpartition("@")[2]
    composed = EmailMessage(policy=SEVEN_BIT)
    composed["Subject"] = words.subject
    composed["From"] = formataddr(("Heronwatch", sender))
    composed["To"] = message.recipient.address
    composed["Date"] = formatdate(now)
    composed["Message-ID"] = f"<{message.id}@{domain}>"
    thread = f"<incident-{message.incident.id}-{message.incident.code}@{domain}>"
    composed["In-Reply-To"] = thread
    composed["References"] = thread
    composed["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers
    composed["X-Auto-Response-Suppress"] = "All"
    composed.set_content(words.text)
    composed.add_alternative(words.html, subtype="html")
    return composed


def _answered(code: int, when: str) -> Outcome:
    if 500 <= code < 600:
        return Permanent(f"refused with {code} {when}")
    return Retry(f"put off with {code} {when}" if 400 <= code < 500 else f"an answer {when} that is none")


def _own_name() -> str:
    """Return what we call ourselves (RFC 5321 section 4.1.4), without asking a name server."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _address_fault(address: str) -> str | None:
    return None if ADDRESS.fullmatch(address) else f"{address!r} is not a mail address"


def _describe(address: str) -> str:
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"


def _make(block: SmtpBlock, context: ChannelContext) -> Channel:
    return SmtpChannel(block, context, clock=time.monotonic)


PLUGIN = Plugin("smtp", SmtpBlock, _make, _address_fault, _describe)
