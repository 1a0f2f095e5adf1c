"""Asking Alertmanager's API: GET only, one deadline a call, no redirects, no proxy, answers bounded in size."""

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from alert_webhook.intake.api_alerts import Node, alerts_of, started_at
from alert_webhook.intake.blocks import AlertmanagerApi
from heronwatch.secrets import Secret

MAX_ANSWER_BYTES = 256 << 20  # some 250,000 alerts
READ_BYTES = 256 * 1024
KNOWN = (("active", "true"), ("silenced", "true"), ("inhibited", "true"), ("unprocessed", "true"))
ACTIVE = (("active", "true"), ("silenced", "false"), ("inhibited", "false"), ("unprocessed", "false"))
Parameters = Sequence[tuple[str, str]]


class AlertmanagerClient:
    """The nodes of one cluster. Each call has a session of its own, so that threads share nothing."""

    def __init__(self, block: AlertmanagerApi, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._block = block
        self._monotonic = monotonic

    def nodes(self) -> list[Node]:
        """Return what every node knows: silenced and inhibited alerts, too."""
        return [self._node(str(url).rstrip("/"), KNOWN) for url in self._block.urls]

    def active(self, labels: Mapping[str, str], receiver: str) -> Node:
        """Return what the first node that answers would send to a receiver (a regular expression) with these labels."""
        matchers = [("filter", f'{name}="{_escaped(value)}"') for name, value in sorted(labels.items())]
        node = Node(trouble="no node is configured")
        for url in self._block.urls:
            node = self._node(str(url).rstrip("/"), [*ACTIVE, ("receiver", receiver), *matchers])
            if not node.trouble:
                break
        return node

    def _node(self, url: str, parameters: Parameters) -> Node:
        try:
            with requests.Session() as session:
                session.trust_env = False
                status = self._get(session, f"{url}/api/v2/status")
                listed = self._get(session, f"{url}/api/v2/alerts?{urlencode(parameters)}")
            return Node(alerts_of(listed), started_at(status))
        except (requests.RequestException, ValueError, TimeoutError) as error:
            return Node(trouble=f"{url}: {_plain(error)}")

    def _get(self, session: requests.Session, url: str) -> bytes:
        timeout_s = float(self._block.timeout)
        ends = self._monotonic() + timeout_s
        with session.get(
            url,
            auth=_auth(self._block),
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
            verify=str(self._block.ca_file) if self._block.ca_file else True,
        ) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            return self._read(answer, ends)

    def _read(self, answer: requests.Response, ends: float) -> bytes:
        body = bytearray()
        for piece in answer.iter_content(READ_BYTES):
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            if self._monotonic() > ends:
                raise TimeoutError("the answer takes too long")
        return bytes(body)


class _Bearer(AuthBase):
    """A token; an auth object, so that the library looks for no other."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _auth(block: AlertmanagerApi) -> AuthBase | None:
    if block.token.reveal():
        return _Bearer(block.token)
    return HTTPBasicAuth(block.username, block.password.reveal()) if block.username else None


def _escaped(value: str) -> str:
    """Return a value as it stands in a matcher's quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _plain(error: Exception) -> str:
    """Return one line that holds no URL with a secret: the library's own messages repeat the address only."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
