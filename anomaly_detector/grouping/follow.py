"""From the verdicts about one query's series to the scores of its devices and sites. No I/O."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.grouping.blocks import GroupPlan
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.query_state import Judged
from anomaly_detector.scoring.groups import Grouped, Signs
from anomaly_detector.scoring.rollup import RollUp
from anomaly_detector.scoring.scoring import Direction
from anomaly_detector.series_table import Rows, SeriesTable


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one instant: `group` of each device, `site` of each site, and the rows of the worst series.

    `there` says which devices have a sample. `worst` has one row for each device above 1, `worst_score` their scores.
    """

    time_s: float
    group: F32
    there: Mask
    site: F32
    worst: Rows
    worst_score: F32


class QueryGroups:
    """The devices and sites of one query, in the order in which they were met."""

    def __init__(self, plan: GroupPlan, *, step_s: float, direction: Direction) -> None:
        self.plan = plan
        self.devices: dict[str, int] = {}
        self.sites: dict[str, int] = {}
        self.site_of: list[int] = []
        none = np.zeros(0, np.intp)
        self.roll_up = RollUp(none, 0, step_s=step_s, threshold=plan.threshold)
        self._grouped = Grouped(none, 0)
        self._signs = Signs(self._grouped, 0, step_s, direction=direction)
        self._identity: Rows = np.zeros(0, np.intp)  # a hash of each row's labels
        self._version = -1

    def at(self, table: SeriesTable, judged: Judged, values: F64, held: Mask) -> Told | None:
        """Take the words of a model about an instant; None while too few days are known.

        `values` and `held` have one entry for each row of the table: NaN without a sample, and True where nothing is
        to be learnt. A device of which anything is held is let be.
        """
        self._follow(table)
        if not self.devices:
            return None
        score, expected = np.zeros(len(values), np.float32), np.zeros(len(values))
        score[judged.rows], expected[judged.rows] = judged.verdict.score, judged.verdict.expected
        calm = self._grouped.most(held.astype(np.float32)) == 0
        signs, there = self._signs.take(score, values, expected, calm)
        rolled = self.roll_up.at(signs, there & calm, judged.time_s)
        if self.roll_up.levels is None:
            return None
        worst = self._grouped.worst(score, rolled.group > 1)
        return Told(
            time_s=judged.time_s,
            group=rolled.group,
            there=there & self.roll_up.judged,
            site=rolled.site,
            worst=worst,
            worst_score=score[worst],
        )

    def meet(self, devices: Sequence[tuple[str, str]]) -> None:
        """Give each of these devices, with its site (or ""), a place."""
        for device, site in devices:
            place = self.sites.setdefault(site, len(self.sites)) if site else -1
            if self.devices.setdefault(device, len(self.site_of)) == len(self.site_of):
                self.site_of.append(place)
            else:
                self.site_of[self.devices[device]] = place
        self.roll_up.grow(np.array(self.site_of, np.intp), len(self.sites))

    def _follow(self, table: SeriesTable) -> None:
        """Take note of series that came or went."""
        if table.version == self._version:
            return
        device, site = self.plan.groups.device, self.plan.groups.site
        pairs, identity = [], np.zeros(len(table), np.intp)
        for row, labels in enumerate(table.labels):
            has = dict(labels or ())
            pairs.append((has.get(device, ""), has.get(site, "")))
            identity[row] = hash(labels)
        self.meet(list(dict.fromkeys(pair for pair in pairs if pair[0])))
        group = np.array([self.devices.get(one, -1) for one, _ in pairs], np.intp)
        before = np.pad(self._identity, (0, len(identity) - len(self._identity)))
        self._grouped = Grouped(group, len(self.devices))
        self._signs.regroup(self._grouped, np.flatnonzero(identity != before))
        self._identity, self._version = identity, table.version
