"""From the verdicts about one query's series to the signs of its devices. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from anomaly_detector.grouping.blocks import Groups
from anomaly_detector.grouping.places import Device, Places
from anomaly_detector.grouping.row_identity import FREE, identities
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.groups import OF_ROWS, Grouped, Signs, deviation
from anomaly_detector.scoring.scoring import Direction
from anomaly_detector.series_table import Labels, Rows, SeriesTable

IDENTITY, RESIDUAL = "identity", "residual/"  # the latter begins the names of what `PcaResidual` remembers
OF_DEVICES = {"usual": np.nan, "unchanged_s": 0.0}  # what `Signs` remembers of each device, and what it begins with
OF_THE_MOMENT = ("last", "quick", "slow", "just", "lasting")  # of a row: after a long time they say nothing
Arrays = dict[str, npt.NDArray[Any]]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One instant: `signs` (sign, device), which devices have a sample, and of which nothing is held from learning.

    `score` has one entry for each row.
    """

    signs: F32
    there: Mask
    calm: Mask
    score: F32


class DeviceSigns:
    """The devices of one query with their sites, and their signs."""

    def __init__(self, groups: Groups, *, step_s: float, direction: Direction) -> None:
        self.places = Places()
        self._of = groups
        self._grouped = Grouped(np.zeros(0, np.intp), 0)
        self._step_s, self._direction = step_s, direction
        self._signs = self._new_signs(0)
        self._identity: Rows = np.zeros(0, np.intp)  # of each row, FREE without a series
        self._kept: Mapping[str, npt.NDArray[Any]] | None = None  # of a run before, until its rows are known
        self._table: SeriesTable | None = None
        self._version = self._turn = -1  # of the table and of its labels

    def at(self, table: SeriesTable, judged: Judged, values: F64, held: Mask) -> Signed | None:
        """Take the words of a model about an instant; None where there is no device.

        `values` and `held` have one entry for each row of the table: NaN without a sample, and True where nothing is
        to be learnt.
        """
        self.follow(table)
        if not self.places.devices:
            return None
        score, off = np.zeros(len(values), np.float32), np.zeros(len(values), np.float32)
        score[judged.rows] = judged.verdict.score
        off[judged.rows] = deviation(judged.verdict, values[judged.rows])
        calm = self.free_of(held)
        signs, there = self._signs.take(score, values, off, calm, unsure=judged.unsure)
        return Signed(signs=signs, there=there, calm=calm, score=score)

    def free_of(self, rows: Mask) -> Mask:
        """Return of which devices none of `rows` is."""
        return np.asarray(self.most(rows.astype(np.float32)) == 0, np.bool_)

    def most(self, of_rows: F32) -> F32:
        """Return the highest of each device's rows; 0 for one without."""
        return self._grouped.most(of_rows)

    def worst(self, score: F32, wanted: Mask) -> Rows:
        """Return the row of the highest score of each of the `wanted` devices that has one."""
        return self._grouped.worst(score, wanted)

    def meet(self, devices: Sequence[Device]) -> None:
        """Give each of these devices, with its site (or ""), a place."""
        self.places.meet(devices)

    def absent(self) -> Mask:
        """Return which places have no series: those of devices whose series are forgotten, and free ones."""
        out = np.ones(len(self.places), np.bool_)
        out[self._grouped.group[self._grouped.order]] = False
        return out

    def forget(self, places: Rows) -> None:
        """Forget devices that have no series."""
        self.places.forget(places.tolist())
        there = places[places < self._grouped.count]
        for name, blank in OF_DEVICES.items():
            getattr(self._signs, name)[there] = blank

    def follow(self, table: SeriesTable) -> None:
        """Take note of series that came or went."""
        if table is self._table and table.version == self._version:
            return
        same, labels = table is self._table, table.labels
        rows = labels.changed(self._turn) if same else list(range(len(table)))
        told = [labels[row] for row in rows] if same else list(labels)
        pairs = [self._pair(one) for one in told]
        self.meet(list(dict.fromkeys(pair for pair in pairs if pair[0])))
        before, past, past_count = self._identity, self._signs, self._grouped.count
        self._identity, group = (
            _wider(before, len(table), FREE, same),
            _wider(self._grouped.group, len(table), -1, same),
        )
        self._identity[rows] = identities(told)
        group[rows] = [self.places.devices.get(device, -1) for device, _ in pairs]
        self._grouped = Grouped(group, len(self.places))
        if self._table is None or same:
            past.regroup(self._grouped, np.array(rows, np.intp))
            self._recall()
        else:  # the query began anew: the same series stand in other rows
            self._signs = self._new_signs(len(table))
            for name in OF_DEVICES:
                before_of = getattr(past, name)
                getattr(self._signs, name)[: len(before_of)] = before_of
            self._remember({name: getattr(past, name) for name in OF_ROWS}, before)
            everyone = np.arange(min(past_count, self._grouped.count))
            self._recall_residual(_residual_of(past, before, everyone), everyone)
        self._table, self._version, self._turn = table, table.version, labels.turn

    def take_over(self, past: "DeviceSigns") -> tuple[Rows, Rows]:
        """Go on with what another run remembers, which ended just now; return its devices' places here and there."""
        self.meet(past.places.known())
        self._grouped = Grouped(self._grouped.group, len(self.places))
        self._signs.regroup(self._grouped, np.zeros(0, np.intp))
        theirs = past._signs  # noqa: SLF001  # our class
        self._remember({name: getattr(theirs, name) for name in OF_ROWS}, past._identity)  # noqa: SLF001
        own = np.array([self.places.devices[device] for device in past.places.devices], np.intp)
        other = past.places.taken()
        there = other < past._grouped.count  # noqa: SLF001
        for name in OF_DEVICES:
            getattr(self._signs, name)[own[there]] = getattr(theirs, name)[other[there]]
        self._recall_residual(_residual_of(theirs, past._identity, other[there]), own[there])  # noqa: SLF001
        return own, other

    def remembered(self) -> Arrays:
        """Return what a restart needs: of the rows of devices, and of the devices `places.taken()`."""
        rows = np.flatnonzero((self._identity != FREE) & (self._grouped.group >= 0))
        signs, taken = self._signs, self.places.taken()
        out: Arrays = {IDENTITY: self._identity[rows]} | {name: getattr(signs, name)[rows] for name in OF_ROWS}
        out |= {name: getattr(signs, name)[taken] for name in OF_DEVICES}
        return out | {RESIDUAL + name: array for name, array in _residual_of(signs, self._identity, taken).items()}

    def fits(self, kept: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Return whether this is what is `remembered` of the devices there are."""
        like = {name: getattr(self._signs, name).dtype for name in OF_ROWS} | {IDENTITY: self._identity.dtype}
        rows = {kept[name].shape if name in kept and kept[name].dtype == kind else () for name, kind in like.items()}
        of_devices = [kept.get(name) for name in OF_DEVICES]
        fit = [one is not None and one.shape == (len(self.places),) and one.dtype == np.float32 for one in of_devices]
        return len(rows) == 1 and len(rows.pop()) == 1 and all(fit)

    def recall(self, kept: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on with what was `remembered`, as soon as the rows are known; before anything else is met."""
        self._kept = kept

    def rest(self) -> None:
        """Forget what was so just now, after a time that nobody followed."""
        for name in OF_THE_MOMENT:
            getattr(self._signs, name)[:] = OF_ROWS[name]
        if self._kept is not None:
            blank = {name: np.full_like(self._kept[name], OF_ROWS[name]) for name in OF_THE_MOMENT}
            self._kept = {**self._kept, **blank}

    def _new_signs(self, rows: int) -> Signs:
        return Signs(self._grouped, rows, self._step_s, direction=self._direction, score=self._of.score)

    def _recall(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._remember(kept, kept[IDENTITY])
            for name in OF_DEVICES:
                getattr(self._signs, name)[: len(kept[name])] = kept[name]
            residual = {name[len(RESIDUAL) :]: one for name, one in kept.items() if name.startswith(RESIDUAL)}
            self._recall_residual(residual, np.arange(len(kept["usual"])))

    def _recall_residual(self, kept: Mapping[str, npt.NDArray[Any]], groups: Rows) -> None:
        if self._signs.residual is not None:
            self._signs.residual.recall(kept, self._identity, groups)

    def _remember(self, past: Mapping[str, npt.NDArray[Any]], identity: Rows) -> None:
        """Copy what is remembered of the same series in other rows."""
        _, mine, theirs = np.intersect1d(self._identity, identity, return_indices=True)
        same = self._identity[mine] != FREE
        for name in OF_ROWS:
            getattr(self._signs, name)[mine[same]] = past[name][theirs[same]]

    def _pair(self, labels: Labels | None) -> tuple[str, str]:
        has = dict(labels or ())
        return has.get(self._of.device, ""), has.get(self._of.site, "")


def _residual_of(signs: Signs, identity: Rows, groups: Rows) -> Arrays:
    return {} if signs.residual is None else signs.residual.remembered(identity, groups)


def _wider(of_rows: Rows, count: int, blank: int, same: bool) -> Rows:
    """Return a copy with an entry for each of `count` rows; where they are not the `same`, nothing of it is kept."""
    out = np.full(count, blank, np.intp)
    if same:
        out[: len(of_rows)] = of_rows
    return out
