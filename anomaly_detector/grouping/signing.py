"""From the verdicts about one query's series to the signs of its devices. No I/O."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.grouping.blocks import Groups
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.query_state import Judged
from anomaly_detector.scoring.groups import OF_ROWS, Grouped, Signs, deviation
from anomaly_detector.scoring.scoring import Direction
from anomaly_detector.series_table import Labels, Rows, SeriesTable

FREE = 0


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One instant: `signs` (sign, device), which devices have a sample, and of which nothing is held from learning.

    `score` has one entry for each row.
    """

    signs: F32
    there: Mask
    calm: Mask
    score: F32


class DeviceSigns:
    """The devices of one query with their sites, in the order in which they were met, and their signs."""

    def __init__(self, groups: Groups, *, step_s: float, direction: Direction) -> None:
        self.devices: dict[str, int] = {}
        self.sites: dict[str, int] = {}
        self.site_of: list[int] = []
        self._of = groups
        self._grouped = Grouped(np.zeros(0, np.intp), 0)
        self._step_s, self._direction = step_s, direction
        self._signs = self._new_signs(0)
        self._identity: Rows = np.zeros(0, np.intp)  # a hash of each row's labels, FREE without
        self._table: SeriesTable | None = None
        self._version = -1  # of the table

    def at(self, table: SeriesTable, judged: Judged, values: F64, held: Mask) -> Signed | None:
        """Take the words of a model about an instant; None where there is no device.

        `values` and `held` have one entry for each row of the table: NaN without a sample, and True where nothing is
        to be learnt.
        """
        self.follow(table)
        if not self.devices:
            return None
        score, off = np.zeros(len(values), np.float32), np.zeros(len(values), np.float32)
        score[judged.rows] = judged.verdict.score
        off[judged.rows] = deviation(judged.verdict, values[judged.rows])
        calm = self._grouped.most(held.astype(np.float32)) == 0
        signs, there = self._signs.take(score, values, off, calm)
        return Signed(signs=signs, there=there, calm=calm, score=score)

    def worst(self, score: F32, wanted: Mask) -> Rows:
        """Return the row of the highest score of each of the `wanted` devices that has one."""
        return self._grouped.worst(score, wanted)

    def meet(self, devices: Sequence[tuple[str, str]]) -> None:
        """Give each of these devices, with its site (or ""), a place."""
        for device, site in devices:
            place = self.sites.setdefault(site, len(self.sites)) if site else -1
            if self.devices.setdefault(device, len(self.site_of)) == len(self.site_of):
                self.site_of.append(place)
            else:
                self.site_of[self.devices[device]] = place

    def known(self) -> list[tuple[str, str]]:
        """Return the devices with their sites, in their order."""
        sites = list(self.sites)
        return [
            (device, sites[site] if site >= 0 else "") for device, site in zip(self.devices, self.site_of, strict=True)
        ]

    def follow(self, table: SeriesTable) -> None:
        """Take note of series that came or went."""
        if table is self._table and table.version == self._version:
            return
        pairs, identity = [], np.full(len(table), FREE, np.intp)
        for row, labels in enumerate(table.labels):
            pairs.append(self._pair(labels))
            identity[row] = FREE if labels is None else hash(labels)
        self.meet(list(dict.fromkeys(pair for pair in pairs if pair[0])))
        group = np.array([self.devices.get(one, -1) for one, _ in pairs], np.intp)
        before, self._grouped = self._identity, Grouped(group, len(self.devices))
        self._identity = identity
        if self._table is None or table is self._table:
            before = np.pad(before, (0, len(identity) - len(before)))
            self._signs.regroup(self._grouped, np.flatnonzero(identity != before))
        else:  # the query began anew: the same series stand in other rows
            past, self._signs = self._signs, self._new_signs(len(identity))
            self._signs.usual[: len(past.usual)] = past.usual
            self._remember(past, before)
        self._table, self._version = table, table.version

    def take_over(self, past: "DeviceSigns") -> tuple[Rows, Rows]:
        """Go on with what another run remembers, which ended just now; return its devices' places here and there."""
        self.meet(past.known())
        self._grouped = Grouped(self._grouped.group, len(self.devices))
        self._signs.regroup(self._grouped, np.zeros(0, np.intp))
        self._remember(past._signs, past._identity)  # noqa: SLF001  # our class
        own = np.array([self.devices[device] for device in past.devices], np.intp)
        usual = past._signs.usual  # noqa: SLF001
        self._signs.usual[own[: len(usual)]] = usual
        return own, np.arange(len(past.devices))

    def _new_signs(self, rows: int) -> Signs:
        return Signs(self._grouped, rows, self._step_s, direction=self._direction, score=self._of.score)

    def _remember(self, past: Signs, identity: Rows) -> None:
        """Copy what is remembered of the same series in other rows."""
        _, mine, theirs = np.intersect1d(self._identity, identity, return_indices=True)
        same = self._identity[mine] != FREE
        for name in OF_ROWS:
            getattr(self._signs, name)[mine[same]] = getattr(past, name)[theirs[same]]

    def _pair(self, labels: Labels | None) -> tuple[str, str]:
        has = dict(labels or ())
        return has.get(self._of.device, ""), has.get(self._of.site, "")
