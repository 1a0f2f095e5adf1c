"""Looking again, every few seconds, at what is suppressed or should be; a due step looks for itself."""

from functools import partial

from msgspec import Struct

from alert_webhook.config import Config
from alert_webhook.incidents.suppressing import covers_now, review
from alert_webhook.incidents.suppression import Covers
from alert_webhook.parts import Parts
from alert_webhook.store import suppression
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

EVERY_S = 5.0
AT_ONCE = 50  # incidents in one transaction
MOST = 5000  # incidents in one look: beyond, the rest is looked at when its steps are due


class _Seen(Struct, frozen=True):
    """What suppressed alerts at the last look, and the newest incident that was looked at."""

    covers: Covers | None = None
    newest_id: int = 0


class Reviewer:
    """Keeps the state Suppressed true. Where nothing changed, only what is suppressed and what is new is looked at."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._at: float | None = None
        self._seen = _Seen()
        self._warned: set[int] = set()  # windows with a pattern that cannot be read
        self._log = get_logger("heronwatch.webhook.incidents")

    def turn(self) -> None:
        """Look, if it is time; StoreUnavailableError as ever."""
        now = self._parts.clock.monotonic()
        if self._at is not None and now - self._at < EVERY_S:
            return
        self._at = now
        config = self._parts.settings()
        covers, ids = self._parts.store.read(partial(_candidates, config=config, seen=self._seen))
        self._warn(covers)
        for start in range(0, len(ids), AT_ONCE):
            piece = ids[start : start + AT_ONCE]
            self._parts.store.write(partial(review, ids=piece, config=config), "review")
        self._seen = _Seen(covers, max([self._seen.newest_id, *ids]))

    def _warn(self, covers: Covers) -> None:
        """Say once of each window that it suppresses nothing; the configuration has none of these."""
        for window in covers.windows:
            if window.match.unreadable and window.id not in self._warned:
                self._warned.add(window.id)
                why = "; ".join(fault for _key, fault in window.match.faults())
                self._log.warning("a maintenance window matches nothing", id=window.id, title=window.title, reason=why)


def _candidates(tx: Transaction, *, config: Config, seen: _Seen) -> tuple[Covers, list[int]]:
    covers = covers_now(tx, config)
    ids = suppression.suppressed_ids(tx)
    if covers.none:
        return covers, ids
    after_id = seen.newest_id if covers == seen.covers else 0
    return covers, [*ids, *suppression.wanting_ids(tx, after_id=after_id, limit=MOST)]
