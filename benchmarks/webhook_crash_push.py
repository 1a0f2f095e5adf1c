"""A stand-in for Pushover, so that kills hit what follows a message, too: receipts, callbacks, emergencies that end."""

import json
import random
import string
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests

from tests.fakes.webhook_victim import Victim

KEY_CHARACTERS = string.ascii_letters + string.digits
ADDRESS = "u" * 30
CHANNEL = "push"


class PushService:
    """Takes messages, gives receipts, and calls back when told to."""

    def __init__(self, draw: random.Random) -> None:
        self.receipts: list[str] = []  # one for each emergency, in order
        self._callbacks: list[tuple[str, str]] = []
        self._acked: set[str] = set()
        self._draw = draw
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def call_back(self, process: Victim) -> None:
        """Say of one emergency that its receipt is to be asked for; of every other one it was acknowledged."""
        if not self._callbacks:
            return
        receipt, callback = self._callbacks.pop(0)
        if self._draw.random() < 0.5:
            self._acked.add(receipt)
        where = urlsplit(callback)
        try:
            requests.post(f"{process.url}{where.path}?{where.query}", data={"receipt": receipt}, timeout=8)
        except requests.RequestException:
            self._callbacks.append((receipt, callback))

    def _taken(self, fields: dict[str, list[str]]) -> dict[str, Any]:
        if fields["priority"][0] != "2":
            return {"status": 1, "request": "r"}
        receipt = "".join(random.SystemRandom().choices(KEY_CHARACTERS, k=30))
        self.receipts.append(receipt)
        if "callback" in fields:
            self._callbacks.append((receipt, fields["callback"][0]))
        return {"status": 1, "request": "r", "receipt": receipt}

    def _receipt(self, receipt: str) -> dict[str, Any]:
        acked = int(receipt in self._acked)
        return {"status": 1, "last_delivered_at": 1, "acknowledged": acked, "acknowledged_by": ADDRESS}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                sends = self.path.endswith("messages.json")
                self._say(service._taken(parse_qs(body)) if sends else {"status": 1})  # one class

            def do_GET(self) -> None:
                self._say(service._receipt(Path(urlsplit(self.path).path).stem))  # one class

            def _say(self, said: dict[str, Any]) -> None:
                body = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def with_push(config: Path, service: PushService) -> None:
    """Give the person of a configuration a second contact, by this service."""
    text = config.read_text()
    text = text.replace("[{channel: hook}]", f"[{{channel: hook}}, {{channel: {CHANNEL}, address: {ADDRESS}}}]")
    reached = f'base_url: "{service.url}", allowed_networks: [127.0.0.0/8], timeout: 1s'
    block = f"{{type: pushover, token: {'t' * 30}, {reached}}}"
    config.write_text(text.replace("channels:\n", f"channels:\n  {CHANNEL}: {block}\n"))
