"""Where the demo's pages arrive: an SMTP server and Twilio's message API, both on loopback, both only keep and show."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller

MESSAGES_PATH = re.compile(r"^/2010-04-01/Accounts/(?P<account>\w+)/Messages(?:/(?P<sid>\w+))?\.json$")
BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Received:
    """A page that arrived: over what, for whom, the text, and when (unix seconds)."""

    kind: str
    to: str
    text: str
    at: float


class Inbox:
    """Keeps what arrived and tells a listener."""

    def __init__(self, tell: Callable[[Received], None]) -> None:
        self._messages: list[Received] = []
        self._lock = threading.Lock()
        self._tell = tell

    def put(self, message: Received) -> None:
        """Keep a message."""
        with self._lock:
            self._messages.append(message)
        self._tell(message)

    def all(self, *, kind: str | None = None, to: str | None = None) -> list[Received]:
        """Return what arrived so far, in order, by kind and recipient where given."""
        with self._lock:
            return [m for m in self._messages if kind in (None, m.kind) and to in (None, m.to)]


class MailSink:
    """An SMTP server that keeps every mail."""

    def __init__(self, inbox: Inbox, port: int) -> None:
        self._controller = Controller(_MailHandler(inbox), hostname="127.0.0.1", port=port)

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()


class _MailHandler:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain",))
        text = f"Subject: {mail['subject']}\n\n{body.get_content() if body else ''}"
        for recipient in envelope.rcpt_tos:
            self._inbox.put(Received(kind="mail", to=recipient, text=text, at=time.time()))
        return "250 kept"


class SmsSink:
    """Twilio's message API as far as sending goes: 201 with a sid for the right account and token."""

    def __init__(self, inbox: Inbox, port: int, *, account: str, token: str) -> None:
        expected = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()

        class Handler(_SmsHandler):
            sink_inbox = inbox
            authorization = expected

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="sms-sink", daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _SmsHandler(BaseHTTPRequestHandler):
    sink_inbox: Inbox
    authorization: str
    timeout = 10
    count = 0
    count_lock = threading.Lock()

    def do_POST(self) -> None:
        """Take a message."""
        form = parse_qs(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_LIMIT)).decode())
        if not MESSAGES_PATH.match(self.path):
            self._answer(404, {"code": 20404, "message": "not found"})
        elif self.headers.get("Authorization") != self.authorization:
            self._answer(401, {"code": 20003, "message": "authenticate"})
        elif not form.get("To") or not form.get("Body"):
            self._answer(400, {"code": 21604, "message": "'To' and 'Body' are required"})
        else:
            message = Received(kind="sms", to=form["To"][0], text=form["Body"][0], at=time.time())
            self._answer(201, {"sid": self._next_sid(), "status": "queued", "error_code": None, "num_segments": "1"})
            self.sink_inbox.put(message)

    def do_GET(self) -> None:
        """Say that a message was delivered."""
        found = MESSAGES_PATH.match(self.path)
        if found and found["sid"]:
            self._answer(200, {"sid": found["sid"], "status": "delivered", "error_code": None})
        else:
            self._answer(404, {"code": 20404, "message": "not found"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Stay quiet: the inbox tells what arrived."""

    def _next_sid(self) -> str:
        cls = type(self)
        with cls.count_lock:
            cls.count += 1
            return f"SM{cls.count:032x}"

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
