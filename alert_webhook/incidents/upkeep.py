"""What incidents need from time to time, done by the engine between its other work: one `turn` is one look at all."""

from functools import partial

from alert_webhook.incidents.acknowledgements import AT_ONCE, acknowledgements_due
from alert_webhook.incidents.digesting import digests_due, make_digest
from alert_webhook.incidents.reviewing import Reviewer
from alert_webhook.parts import Parts
from alert_webhook.shadow import going_live
from alert_webhook.store import audit, incidents
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

PIECES_A_TURN = 20  # transactions of one kind, so that senders are fed between them
HEAD_EVERY_S = 3600.0
DIGESTS_EVERY_S = 10.0
SHADOW_EVERY_S = 5.0


class Upkeep:
    """Ends acknowledgements and shadow mode, makes digests, suppresses and releases, and keeps the timelines' chain."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._head_at: float | None = None
        self._digests_at: float | None = None
        self._shadow_at: float | None = None
        self._reviewer = Reviewer(parts)
        self._log = get_logger("heronwatch.webhook.incidents")

    def turn(self) -> None:
        """Do what is due before anything is escalated; StoreUnavailableError as ever."""
        if self._parts.store.read(_ack_is_due):
            self._end_acknowledgements()
        self._reviewer.turn()
        self._go_live()
        self._make_digests()

    def seal(self) -> None:
        """Make what has happened part of the chain, and log its head every hour."""
        if self._parts.store.read(audit.has_unsealed):
            for _ in range(PIECES_A_TURN):
                if self._parts.store.write(audit.seal, "seal") < audit.AT_ONCE:
                    break
        now = self._parts.clock.monotonic()
        if self._head_at is None or now - self._head_at >= HEAD_EVERY_S:
            self._head_at = now
            head = self._parts.store.read(audit.head_of)
            self._log.info("the timelines' chain", head=f"{head.seq}:{head.hash}")

    def _make_digests(self) -> None:
        now = self._parts.clock.monotonic()
        config = self._parts.settings()
        if not config.digests or (self._digests_at is not None and now - self._digests_at < DIGESTS_EVERY_S):
            return
        self._digests_at = now
        for name in self._parts.store.read(partial(digests_due, config=config)):
            work = partial(make_digest, name=name, config=config, random=self._parts.random)
            self._parts.store.write(work, "digest")

    def _go_live(self) -> None:
        """Page about what was paged on paper only, once its integration has left shadow mode."""
        now, config = self._parts.clock.monotonic(), self._parts.settings()
        if self._shadow_at is not None and now - self._shadow_at < SHADOW_EVERY_S:
            return
        self._shadow_at = now
        if not self._parts.store.read(partial(going_live.waits, config=config)):
            return
        for _ in range(PIECES_A_TURN):
            if self._parts.store.write(partial(going_live.go_live, config=config), "go live") < going_live.AT_ONCE:
                return

    def _end_acknowledgements(self) -> None:
        work = partial(acknowledgements_due, config=self._parts.settings(), random=self._parts.random)
        for _ in range(PIECES_A_TURN):
            if self._parts.store.write(work, "acknowledgements") < AT_ONCE:
                return


def _ack_is_due(tx: Transaction) -> bool:
    due_at = incidents.next_due(tx, incidents.ACK)
    return due_at is not None and due_at <= tx.now
