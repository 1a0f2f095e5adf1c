"""Asking Alertmanager's API: GET only."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from alert_webhook.intake.api_alerts import ApiAlert, Node, alerts_of, listed, started_at
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.peers import Peer, PeerAnswer

MAX_ANSWER_BYTES = 256 << 20  # some 250,000 alerts
KNOWN = (("active", "true"), ("silenced", "true"), ("inhibited", "true"), ("unprocessed", "true"))
ACTIVE = (("active", "true"), ("silenced", "false"), ("inhibited", "false"), ("unprocessed", "false"))
Parameters = Sequence[tuple[str, str]]


class Listed(Struct, frozen=True):
    """What one node would send, alert by alert as it is asked for; `trouble` says why it did not answer."""

    alerts: Iterator[ApiAlert] = iter(())
    trouble: str = ""


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
        node = Node(trouble="no node is configured")
        for url in self._block.urls:
            node = self._node(str(url).rstrip("/"), _sent_to(labels, receiver))
            if not node.trouble:
                break
        return node

    def each_active(self, labels: Mapping[str, str], receiver: str) -> Iterator[Listed]:
        """Yield the same of every node, one node's answer at a time: they may be large."""
        for url in self._block.urls:
            yield self._listed(str(url).rstrip("/"), _sent_to(labels, receiver))

    def _listed(self, url: str, parameters: Parameters) -> Listed:
        peer = Peer(url, self._block, monotonic=self._monotonic)
        try:
            return Listed(listed(_body(peer.get(_path(parameters), most_bytes=MAX_ANSWER_BYTES))))
        except ValueError as error:
            return Listed(trouble=_trouble(peer, error))

    def _node(self, url: str, parameters: Parameters) -> Node:
        peer = Peer(url, self._block, monotonic=self._monotonic)
        try:
            status = _body(peer.get("/api/v2/status", most_bytes=MAX_ANSWER_BYTES))
            listed = _body(peer.get(_path(parameters), most_bytes=MAX_ANSWER_BYTES))
            return Node(alerts_of(listed), started_at(status))
        except ValueError as error:
            return Node(trouble=_trouble(peer, error))


def _path(parameters: Parameters) -> str:
    return f"/api/v2/alerts?{urlencode(parameters)}"


def _sent_to(labels: Mapping[str, str], receiver: str) -> Parameters:
    matchers = [("filter", f'{name}="{_escaped(value)}"') for name, value in sorted(labels.items())]
    return [*ACTIVE, ("receiver", receiver), *matchers]


def _trouble(peer: Peer, error: ValueError) -> str:
    return f"{peer.url}: {' '.join(str(error).split())[:200]}"


def _body(answer: PeerAnswer) -> bytes:
    if answer.status != 200:
        raise ValueError(answer.trouble or f"status {answer.status}")
    return answer.body


def _escaped(value: str) -> str:
    """Return a value as it stands in a matcher's quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
