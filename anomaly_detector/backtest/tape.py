"""The signs of a block's devices, instant by instant: what is rolled up once all blocks of a query are done.

Beside them stands which device broke a limit, which is above 1 whatever the roll-up says.
"""

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.backtest.recording import RecordingError
from anomaly_detector.grouping.blocks import Groups
from anomaly_detector.grouping.follow import every_row
from anomaly_detector.grouping.limits import outside_score
from anomaly_detector.grouping.signing import DeviceSigns
from anomaly_detector.models.model import F32
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import QueryState
from anomaly_detector.replay import Instant
from anomaly_detector.scoring.groups import SIGNS
from anomaly_detector.series_table import Labels

Device = tuple[str, str]  # its name, and that of its site or ""
LIMIT = len(SIGNS)  # the row after the signs: the highest `outside_score` of a device's series, 0 for none outside


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """Signs and LIMIT (instant, row, device) from `first_s` on, NaN where a device is let be; an array, or a file."""

    query: str
    first_s: float
    step_s: float
    devices: list[Device]
    signs: F32 | None = None
    file: Path | None = None

    def read(self) -> F32:
        """Return the signs and LIMIT; RecordingError when the file is not what it was."""
        if self.file is None:
            return self.signs if self.signs is not None else np.zeros((0, LIMIT + 1, len(self.devices)), np.float32)
        try:
            kept: F32 = np.load(self.file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as exc:
            raise RecordingError(f"{self.file} cannot be read: {exc}") from exc
        return kept


class Taping:
    """Writes a tape; `file` is where it goes, None to keep it in memory."""

    def __init__(
        self, plan: QueryPlan, groups: Groups, series: list[Labels], *, first_s: float, to_s: float, file: Path | None
    ) -> None:
        self._plan, self._groups = plan, groups
        self._first_s, self._file = first_s, file
        has = [dict(labels) for labels in series]
        pairs = [(one.get(groups.device, ""), one.get(groups.site, "")) for one in has]
        self._devices = list(dict(pair for pair in pairs if pair[0]).items())
        instants = max(0, int(np.floor((to_s - first_s) / plan.step_s + 1e-6)) + 1)
        shape = (instants, LIMIT + 1, len(self._devices))
        self._signs: F32 = _room(shape, file)
        self._signing = self._new()

    def begin(self, state: QueryState) -> None:
        """Go over to another run, which goes on where the one before ended."""
        past, self._signing = self._signing, self._new()
        self._signing.follow(state.table)
        self._signing.take_over(past)

    def note(self, state: QueryState, instant: Instant) -> None:
        """Take what the first model said of an instant."""
        values, held = every_row(len(state.table), instant.rows, instant.values, instant.held)
        signed = self._signing.at(state.table, instant.words[0], values, held)
        place = round((instant.time_s - self._first_s) / self._plan.step_s)
        if signed is not None and 0 <= place < len(self._signs):
            limit = self._signing.most(outside_score(instant.words[0], values, self._plan.rules))
            rows = np.concatenate((signed.signs, limit[None]))
            self._signs[place] = np.where(signed.there & signed.calm, rows, np.float32(np.nan))

    def tape(self) -> Tape:
        """Return it."""
        filed = isinstance(self._signs, np.memmap)
        if isinstance(self._signs, np.memmap):
            self._signs.flush()
        return Tape(
            query=self._plan.alias,
            first_s=self._first_s,
            step_s=self._plan.step_s,
            devices=self._devices,
            signs=None if filed else self._signs,
            file=self._file if filed else None,
        )

    def _new(self) -> DeviceSigns:
        signing = DeviceSigns(self._groups, step_s=self._plan.step_s, direction=self._plan.rules.direction)
        signing.meet(self._devices)
        return signing


def _room(shape: tuple[int, ...], file: Path | None) -> F32:
    if file is None or 0 in shape:
        return np.full(shape, np.nan, np.float32)
    try:
        out: npt.NDArray[np.float32] = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    except OSError as exc:
        raise RecordingError(f"{file}: {exc.strerror}") from exc
    out[:] = np.nan
    return out
