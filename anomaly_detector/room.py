"""How much of the budgets of all queries is left for one of them. No I/O."""

import threading

import msgspec

from anomaly_detector.config import Settings
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState


class Held(msgspec.Struct, frozen=True):
    """What a query holds: series, and bytes that its models learnt."""

    series: int = 0
    state_bytes: int = 0


class Room:
    """The budgets of `settings`. Each query is noted when it asks: that costs the same however many there are.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._series = self._bytes = 0

    def beside(self, plan: QueryPlan, state: QueryState | None, *, settings: Settings) -> int:
        """Note what a query holds; return how many series it may hold beside the others."""
        with self._lock:
            held = self._noted(plan.alias, state)
            room = settings.max_series - (self._series - held.series)
            if settings.max_state_bytes is not None:
                left = settings.max_state_bytes - (self._bytes - held.state_bytes)
                room = min(room, left // plan.bytes_per_series)
        return max(0, room)

    def note(self, alias: str, state: QueryState | None) -> None:
        """Note what a query holds; None for nothing."""
        with self._lock:
            self._noted(alias, state)

    def leave(self, alias: str) -> None:
        """Forget a query that is gone."""
        with self._lock:
            self._noted(alias, None)
            del self._held[alias]

    def _noted(self, alias: str, state: QueryState | None) -> Held:
        held = Held() if state is None else Held(state.table.series, state.bytes)
        before = self._held.get(alias, Held())
        self._series += held.series - before.series
        self._bytes += held.state_bytes - before.state_bytes
        self._held[alias] = held
        return held
