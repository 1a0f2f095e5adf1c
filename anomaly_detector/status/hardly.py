"""Looks now and then which series of a query can hardly alarm, some of them at a time, so that no step is late."""

from anomaly_detector.hardly_alarming import hardly_alarming, remembered
from anomaly_detector.lane import BLOCK
from anomaly_detector.metrics import HardlyStatus
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from heronwatch.clock import Clock

FIRST_S = 60.0  # after a start: what is urgent goes before
EVERY_S = 600.0  # between two looks, once every series was looked at
MOST_NAMED = 5  # series of a query


class HardlyWatch:
    """One query's; `told` may be asked by any thread, `look` by the query's own."""

    def __init__(self, plan: QueryPlan, *, clock: Clock) -> None:
        self._plan, self._clock = plan, clock
        self.told = HardlyStatus()
        self._next_at = clock.monotonic() + FIRST_S
        self._first = 0  # row of the next block
        self._found: dict[int, HardlyStatus] = {}  # by the first row of a block
        self._round = False  # whether every series was looked at

    def look(self, state: QueryState) -> None:
        """Look at the next block of series, where it is time to."""
        now = self._clock.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + EVERY_S if self._round else now
        first = self._first if self._first < len(state.table) else 0
        found = sorted(hardly_alarming(state, self._plan, remembered(state), first=first), key=lambda one: one.score)
        self._found[first] = HardlyStatus(count=len(found), series=tuple(map(str, found[:MOST_NAMED])))
        self._first = first + BLOCK
        if self._first >= len(state.table):
            self._round, self._first, self._next_at = True, 0, now + EVERY_S
            self._found = {start: one for start, one in self._found.items() if start < len(state.table)}
        every = self._found.values()
        names = [name for one in every for name in one.series]
        self.told = HardlyStatus(count=sum(one.count for one in every), series=tuple(names[:MOST_NAMED]))
