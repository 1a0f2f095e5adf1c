"""A server that gives canned answers and remembers what it was asked: for tables of statuses only."""

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.daemons import LOOPBACK


@dataclass
class Canned:
    """An answer; `date` None leaves the Date header out, `delay_s` passes before the body is sent."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    date: str | None = ""
    delay_s: float = 0.0


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class CannedServer:
    """`answers` are given one after the other, the last one for ever."""

    url: str
    answers: list[Canned]
    asked: list[Asked] = field(default_factory=list)

    def next(self) -> Canned:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextlib.contextmanager
def canned_http(*answers: Canned, tls: ssl.SSLContext | None = None) -> Iterator[CannedServer]:
    """Serve the answers on a free port, over TLS with a server's context."""

    closed = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            canned.asked.append(Asked(self.command, self.path, dict(self.headers), self.rfile.read(length)))
            answer = canned.next()
            self.send_response_only(answer.status)
            if answer.date is not None:
                self.send_header("Date", answer.date or self.date_time_string())
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            closed.wait(answer.delay_s)
            with contextlib.suppress(OSError):
                self.wfile.write(answer.body)

        do_GET = do_POST = _answer  # noqa: N815  # the names that http.server calls

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # a client that breaks off is no news
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    canned = CannedServer(
        f"{'https' if tls else 'http'}://{LOOPBACK}:{server.server_port}", list(answers) or [Canned()]
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield canned
    finally:
        closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
