"""What is known of marks: those told now, and those told before that are over since. No I/O.

The webhook lists windows that are not over and Alertmanager forgets silences after days; history is longer than that.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from anomaly_detector.errors import printable
from anomaly_detector.marks.matching import MarkedPause
from anomaly_detector.marks.silences import Silence, silence_pauses
from anomaly_detector.marks.webhook import Incident, Window, incident_pauses, window_pauses
from anomaly_detector.scoring.learning import Pause


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one server tells at its time `now_s`; `open_ids` are the incidents that last."""

    now_s: float
    incidents: Sequence[Incident] = ()
    open_ids: frozenset[int] = frozenset()
    windows: Sequence[Window] = ()
    silences: Sequence[Silence] = ()


class Known:
    """The marks of one server, `back_s` back."""

    def __init__(self, by: Sequence[str], *, before_s: float, back_s: float) -> None:
        self._by, self._before_s, self._back_s = by, before_s, back_s
        self._now_s = 0.0
        self._incidents: dict[int, Incident] = {}
        self._windows: dict[tuple[int, str], Window] = {}
        self._silences: dict[str, Silence] = {}

    def hear(self, told: Told) -> None:
        """Take over what a server tells; a mark that it no longer tells is over."""
        now_s = self._now_s = told.now_s
        self._incidents |= {one.id: one for one in told.incidents}
        for id_, one in self._incidents.items():
            if one.resolved_at is None and id_ not in told.open_ids:
                self._incidents[id_] = msgspec.structs.replace(one, resolved_at=now_s)
        present = {(one.id, one.title): one for one in told.windows}
        for key, window in self._windows.items():
            if key not in present and (window.to is None or window.to > now_s):
                self._windows[key] = msgspec.structs.replace(window, to=now_s)
        self._windows |= present
        self._silences |= {one.id: one for one in told.silences}
        self._forget(now_s - self._back_s)

    def pauses(self) -> tuple[tuple[Pause, ...], tuple[str, ...]]:
        """Return the pauses that all marks mean, and a word about each that cannot be understood."""
        found: list[Pause] = []
        odd: list[str] = []
        for name, understand in self._every():
            try:
                found += (_named(one, name) for one in understand())
            except (ValueError, OverflowError) as exc:
                odd.append(f"{name}: {printable(str(exc))}")
        return tuple(found), tuple(odd)

    def _every(self) -> Iterable[tuple[str, Callable[[], list[Pause]]]]:
        for one in self._incidents.values():
            yield f"incident {one.id}", partial(incident_pauses, one, self._by, before_s=self._before_s)
        for window in self._windows.values():
            understand = partial(window_pauses, window, self._by, now_s=self._now_s, back_s=self._back_s)
            yield f"window {window.id} {window.title}", understand
        for silence in self._silences.values():
            yield f"silence {silence.id}", partial(silence_pauses, silence, self._by)

    def _forget(self, before_s: float) -> None:
        def lasts(to_s: float | None) -> bool:
            return to_s is None or to_s > before_s

        self._incidents = {id_: one for id_, one in self._incidents.items() if lasts(one.resolved_at)}
        self._windows = {key: one for key, one in self._windows.items() if lasts(one.to)}
        self._silences = {id_: one for id_, one in self._silences.items() if lasts(one.ends_at.timestamp())}


def _named(pause: Pause, mark: str) -> Pause:
    return msgspec.structs.replace(pause, mark=mark) if isinstance(pause, MarkedPause) else pause
