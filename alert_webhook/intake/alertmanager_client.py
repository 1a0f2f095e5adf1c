"""Asking Alertmanager's API: GET only."""

import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from alert_webhook.intake.api_alerts import Node, alerts_of, started_at
from alert_webhook.intake.blocks import AlertmanagerApi
from alert_webhook.peers import Peer, PeerAnswer

MAX_ANSWER_BYTES = 256 << 20  # some 250,000 alerts
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
        peer = Peer(url, self._block, monotonic=self._monotonic)
        try:
            status = _body(peer.get("/api/v2/status", most_bytes=MAX_ANSWER_BYTES))
            listed = _body(peer.get(f"/api/v2/alerts?{urlencode(parameters)}", most_bytes=MAX_ANSWER_BYTES))
            return Node(alerts_of(listed), started_at(status))
        except ValueError as error:
            return Node(trouble=f"{peer.url}: {' '.join(str(error).split())[:200]}")


def _body(answer: PeerAnswer) -> bytes:
    if answer.status != 200:
        raise ValueError(answer.trouble or f"status {answer.status}")
    return answer.body


def _escaped(value: str) -> str:
    """Return a value as it stands in a matcher's quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
