"""Asking a service of our own site (Prometheus, the detector) within one short deadline; nothing is ever retried.

No redirects, no proxy or credentials from the environment, answers bounded in size: a page waits for this.
"""

import time
from collections.abc import Callable, Mapping

import requests
from msgspec import Struct

from alert_webhook.web.blocks import PeerBlock

PIECE = 64 * 1024


class PeerAnswer(Struct, frozen=True):
    """What a peer answered; `status` 0 where it did not, with the reason in `trouble`."""

    status: int
    body: bytes = b""
    trouble: str = ""


class Peer:
    """One peer. Each call has a connection of its own: they are rare, and the peer may have been restarted."""

    def __init__(self, block: PeerBlock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._block = block
        self._monotonic = monotonic

    def post(
        self,
        path: str,
        *,
        content: Mapping[str, str] | bytes,
        content_type: str,
        most_bytes: int,
        timeout_s: float | None = None,
    ) -> PeerAnswer:
        """POST a form or bytes within `timeout_s` (the block's); trouble on the way is an answer of status 0."""
        wait_s = float(self._block.timeout) if timeout_s is None else timeout_s
        ends = self._monotonic() + wait_s
        try:
            with requests.Session() as session:
                session.trust_env = False
                with session.post(
                    f"{str(self._block.url).rstrip('/')}{path}",
                    data=content,
                    headers={"Content-Type": content_type, **self._bearer()},
                    auth=self._basic(),
                    verify=str(self._block.ca_file) if self._block.ca_file else True,
                    timeout=wait_s,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    return self._read(answer, ends, most_bytes)
        except requests.exceptions.RequestException as error:
            return PeerAnswer(0, trouble=type(error).__name__)

    def _read(self, answer: requests.Response, ends: float, most_bytes: int) -> PeerAnswer:
        body = b""
        for piece in answer.iter_content(PIECE):
            body += piece
            if len(body) > most_bytes:
                return PeerAnswer(0, trouble="the answer is too large")
            if self._monotonic() > ends:
                return PeerAnswer(0, trouble="the answer takes too long")
        return PeerAnswer(answer.status_code, body)

    def _bearer(self) -> dict[str, str]:
        token = self._block.bearer_token
        return {"Authorization": f"Bearer {token.reveal()}"} if token is not None else {}

    def _basic(self) -> tuple[str, str] | None:
        password = self._block.password
        return (self._block.user, password.reveal()) if password is not None else None
