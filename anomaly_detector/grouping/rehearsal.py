"""A query's past played again with its devices and sites: by `check`, by a fresh start, by a backtest."""

from collections.abc import Callable, Iterator, Sequence

from anomaly_detector.feedback.effects import Marks
from anomaly_detector.grouping.follow import QueryGroups, Told, every_row
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Replay
from anomaly_detector.scoring.learning import Pause
from anomaly_detector.source.reading import Source

LATE_EVERY_S = 21_600.0  # of the past: history of series met meanwhile is read so often


class Rehearsal:
    """Learns from history up to an instant and rolls up what follows into `groups`, as if it were live."""

    def __init__(
        self,
        plan: QueryPlan,
        groups: QueryGroups,
        source: Source,
        *,
        pauses: Sequence[Pause] = (),
        marks: Callable[[], Marks] = Marks,
    ) -> None:
        self.groups = groups
        self._replay = Replay(plan, source, pauses=pauses, marks=marks, late_every_s=LATE_EVERY_S)
        self._state: QueryState | None = None

    def run(self, from_s: float, until_s: float) -> Iterator[Told | None]:
        """Yield what is told about every instant after `from_s` up to `until_s`, None while too little is known.

        Raises as `Source.query_range` does.
        """
        self._state = self._replay.learnt(from_s)
        yield from self.go_on(until_s)

    def go_on(self, until_s: float) -> Iterator[Told | None]:
        """Yield the same of what has passed since."""
        state = self._state
        if state is None:
            return
        for instant in self._replay.run(state, until_s):
            values, held = every_row(len(state.table), instant.rows, instant.values, instant.held)
            yield self.groups.at(state.table, instant.words[0], values, held)

    @property
    def last_s(self) -> float:
        """The last instant that was judged."""
        return self._state.last_s if self._state is not None else 0.0
