"""A stand-in for Pushover, so that kills hit what follows a message, too: receipts, callbacks, emergencies that end."""

import json
import random
import string
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from benchmarks.http_sink import Asked, HttpSink, http_answer
from tests.fakes.webhook_victim import Victim

KEY_CHARACTERS = string.ascii_letters + string.digits
ADDRESS = "u" * 30
CHANNEL = "push"


class PushService(HttpSink):
    """Takes messages, gives receipts, and calls back when told to."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(self._said)
        self.receipts: list[str] = []  # one for each emergency, in order
        self._callbacks: list[tuple[str, str]] = []
        self._acked: set[str] = set()
        self._draw = draw

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

    def _said(self, asked: Asked) -> bytes:
        where = urlsplit(asked.path)
        if asked.method == "GET":
            said = self._receipt(Path(where.path).stem)
        elif where.path.endswith("messages.json"):
            said = self._taken(parse_qs(asked.body.decode()))
        else:
            said = {"status": 1}
        return http_answer(body=json.dumps(said).encode())


def with_push(config: Path, service: PushService) -> None:
    """Give the person of a configuration a second contact, by this service."""
    text = config.read_text()
    text = text.replace("[{channel: hook}]", f"[{{channel: hook}}, {{channel: {CHANNEL}, address: {ADDRESS}}}]")
    reached = f'base_url: "{service.url}", allowed_networks: [127.0.0.0/8], timeout: 1s'
    block = f"{{type: pushover, token: {'t' * 30}, {reached}}}"
    config.write_text(text.replace("channels:\n", f"channels:\n  {CHANNEL}: {block}\n"))
