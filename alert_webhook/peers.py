"""Asking a service of our own site (Prometheus, Alertmanager, the detector) once, within one deadline.

No retries, no redirects, no proxy or credentials from the environment; answers are bounded in size.
"""

import time
from collections.abc import Callable, Mapping

import requests
from msgspec import Struct
from requests.auth import HTTPBasicAuth

from alert_webhook.peer_blocks import Access
from heronwatch.bearer import Bearer

PIECE_BYTES = 256 * 1024


class PeerAnswer(Struct, frozen=True):
    """What a peer answered; `status` 0 where it did not, with the reason in `trouble`."""

    status: int
    body: bytes = b""
    trouble: str = ""


class Peer:
    """One peer. Each call has a connection of its own: they are rare, and the peer may have been restarted."""

    def __init__(self, url: str, access: Access, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.url = url.rstrip("/")
        self._access = access
        self._monotonic = monotonic

    def get(self, path: str, *, most_bytes: int) -> PeerAnswer:
        """GET; trouble on the way is an answer of status 0."""
        return self._ask(requests.Request("GET", self.url + path), most_bytes, float(self._access.timeout))

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
        request = requests.Request("POST", self.url + path, data=content, headers={"Content-Type": content_type})
        return self._ask(request, most_bytes, float(self._access.timeout) if timeout_s is None else timeout_s)

    def _ask(self, request: requests.Request, most_bytes: int, wait_s: float) -> PeerAnswer:
        ends = self._monotonic() + wait_s
        request.auth = _auth(self._access)
        verify = str(self._access.ca_file) if self._access.ca_file else True
        try:
            with requests.Session() as session:
                session.trust_env = False
                prepared = session.prepare_request(request)
                with session.send(
                    prepared, timeout=wait_s, allow_redirects=False, stream=True, verify=verify, proxies={}
                ) as answer:
                    return self._read(answer, ends, most_bytes)
        except (requests.RequestException, UnicodeError) as error:
            return PeerAnswer(0, trouble=type(error).__name__)

    def _read(self, answer: requests.Response, ends: float, most_bytes: int) -> PeerAnswer:
        body = bytearray()
        for piece in answer.iter_content(PIECE_BYTES):
            body += piece
            if len(body) > most_bytes:
                return PeerAnswer(0, trouble=f"the answer is larger than {most_bytes} bytes")
            if self._monotonic() > ends:
                return PeerAnswer(0, trouble="the answer takes too long")
        return PeerAnswer(answer.status_code, bytes(body))


def _auth(access: Access) -> Bearer | HTTPBasicAuth | None:
    if access.bearer_token is not None:
        return Bearer(access.bearer_token)
    return HTTPBasicAuth(access.user, access.password.reveal()) if access.password is not None else None
