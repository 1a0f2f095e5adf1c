"""An SMTP server that misbehaves at a chosen moment, and aiosmtpd as one that does not."""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.fakes.raw_server import LOOPBACK, Behaviour

Step = bytes | Behaviour  # what is answered, or what happens in place of an answer
GOOD: Mapping[str, bytes] = {
    "greeting": b"220 mail.example.org ESMTP\r\n",
    "EHLO": b"250-mail.example.org\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
    "STARTTLS": b"220 go on\r\n",
    "AUTH": b"235 hello\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "text": b"250 2.0.0 Ok: queued as 4F2A\r\n",
    "QUIT": b"221 bye\r\n",
}


def smtp_server(tls: ssl.SSLContext | None, **steps: Step) -> Behaviour:
    """Go through the dialogue; a step named as the client's verb (or greeting, text) is answered as given."""
    script: dict[str, Step] = {**GOOD, **steps}

    def behave(sock: socket.socket) -> None:
        _do(sock, script["greeting"])
        if _talk(sock, script, until="STARTTLS") and tls is not None:
            with tls.wrap_socket(sock, server_side=True) as inside:
                _talk(inside, script)

    return behave


def _talk(sock: socket.socket, script: Mapping[str, Step], *, until: str = "") -> bool:
    while verb := _verb(_line(sock)):
        _do(sock, script.get(verb, b"502 what?\r\n"))
        if verb == until:
            return True
        if verb == "DATA":
            _text(sock)
            _do(sock, script["text"])
    return False


def _do(sock: socket.socket, step: Step) -> None:
    if isinstance(step, bytes):
        sock.sendall(step)
        return
    step(sock)
    raise EOFError  # the dialogue is over


def _verb(line: bytes) -> str:
    return line.split(b" ")[0].strip().decode("latin-1").upper()


def _line(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = sock.recv(1)
        if not byte:
            return b""
        line += byte
    return line


def _text(sock: socket.socket) -> None:
    while line := _line(sock):
        if line == b".\r\n":
            return


class Mailbox:
    """A handler of aiosmtpd that keeps what it is given: (sender, recipients, content)."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 Ok: queued as 4F2A"


@contextlib.contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, user: tuple[str, str] | None = None
) -> Iterator[tuple[Mailbox, int]]:
    """A real SMTP server: STARTTLS required (or implicit TLS) where `tls` is given, sign-in where `user` is."""
    box = Mailbox()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        box.logins.append((data.login, data.password))
        good = user is not None and (data.login, data.password) == (user[0].encode(), user[1].encode())
        return AuthResult(success=good, handled=good)

    options: dict[str, Any] = {"auth_required": user is not None, "auth_require_tls": tls is not None and not implicit}
    if user:
        options["authenticator"] = authenticate
    if tls is not None and implicit:
        options["ssl_context"] = tls
    elif tls is not None:
        options |= {"tls_context": tls, "require_starttls": True}
    controller = _on_free_port(box, options)
    try:
        yield box, controller.port
    finally:
        controller.stop()


def _on_free_port(box: Mailbox, options: dict[str, Any]) -> Any:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(box, hostname=LOOPBACK, port=port, **options)
    controller.start()
    return controller
