"""Reading who hangs from whom out of Prometheus, and remembering when each link was last there."""

import msgspec
from msgspec import Struct

from alert_webhook.incidents.blocks import TopologyBlock
from alert_webhook.parts import Parts
from alert_webhook.peers import Peer
from alert_webhook.store import topology
from heronwatch.logs import get_logger

MAX_ANSWER_BYTES = 32 << 20  # some 100,000 links
TIMEOUT_S = 10.0


class _Series(Struct):
    metric: dict[str, str]


class _Data(Struct):
    result: list[_Series]


class _Answer(Struct):
    data: _Data


def links_in(answer: bytes, block: TopologyBlock) -> list[tuple[str, str]]:
    """Return the links (child, parent) in an answer of the query API; ValueError where it is none.

    >>> text = b'{"data":{"result":[{"metric":{"instance":"sw2","parent":"core"},"value":[0,"1"]}]}}'
    >>> links_in(text, TopologyBlock())
    [('sw2', 'core')]
    """
    try:
        found = msgspec.json.decode(answer, type=_Answer).data.result
    except msgspec.DecodeError as error:
        raise ValueError(f"not an answer of Prometheus: {error}") from error
    pairs = [(each.metric.get(block.child, ""), each.metric.get(block.parent, "")) for each in found]
    return [(child, parent) for child, parent in pairs if child and parent and child != parent]


class TopologyReader:
    """`turn` asks when it is time; while Prometheus does not answer, links grow old and count no longer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._at: float | None = None
        self._log = get_logger("heronwatch.webhook.topology")

    def turn(self) -> None:
        """Ask Prometheus if it is time; StoreUnavailableError as ever."""
        config, now = self._parts.settings(), self._parts.clock.monotonic()
        block = config.suppression.topology
        if block is None or config.prometheus is None or (self._at is not None and now - self._at < block.every):
            return
        self._at = now
        answer = Peer(str(config.prometheus.url), config.prometheus).post(
            "/api/v1/query",
            content={"query": block.metric},
            content_type="application/x-www-form-urlencoded",
            most_bytes=MAX_ANSWER_BYTES,
            timeout_s=TIMEOUT_S,
        )
        try:
            links = links_in(answer.body, block) if answer.status == 200 else None
        except ValueError as error:
            links = None
            self._log.warning("the topology was not read", reason=str(error))
        if links is None:
            self._log.warning("the topology was not read", reason=answer.trouble or f"status {answer.status}")
        else:
            self._parts.store.write(lambda tx: topology.saw(tx, links), "topology")
