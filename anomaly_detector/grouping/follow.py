"""From the verdicts about one query's series to the scores of its devices and sites. No I/O."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.grouping.blocks import GroupPlan
from anomaly_detector.grouping.signing import DeviceSigns
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.query_state import Judged
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
        self.signing = DeviceSigns(plan.groups, step_s=step_s, direction=direction)
        self.roll_up = RollUp(np.zeros(0, np.intp), 0, step_s=step_s, threshold=plan.threshold)

    @property
    def devices(self) -> dict[str, int]:
        """The place of each device."""
        return self.signing.devices

    @property
    def sites(self) -> dict[str, int]:
        """The place of each site."""
        return self.signing.sites

    @property
    def site_of(self) -> list[int]:
        """The site of each device, -1 for none."""
        return self.signing.site_of

    def at(self, table: SeriesTable, judged: Judged, values: F64, held: Mask) -> Told | None:
        """Take the words of a model about an instant; None while too few days are known.

        `values` and `held` have one entry for each row of the table: NaN without a sample, and True where nothing is
        to be learnt. A device of which anything is held is let be.
        """
        signed = self.signing.at(table, judged, values, held)
        if signed is None:
            return None
        self._grow()
        rolled = self.roll_up.at(signed.signs, signed.there & signed.calm, judged.time_s)
        if self.roll_up.levels is None:
            return None
        worst = self.signing.worst(signed.score, rolled.group > 1)
        return Told(
            time_s=judged.time_s,
            group=rolled.group,
            there=signed.there & self.roll_up.judged,
            site=rolled.site,
            worst=worst,
            worst_score=signed.score[worst],
        )

    def use(self, plan: GroupPlan) -> None:
        """Go on with another budget; the labels of devices and sites are the same."""
        self.plan, self.roll_up.threshold = plan, plan.threshold

    def meet(self, devices: Sequence[tuple[str, str]]) -> None:
        """Give each of these devices, with its site (or ""), a place."""
        self.signing.meet(devices)
        self._grow()

    def take_over(self, past: "QueryGroups") -> None:
        """Go on with what another run remembers of its devices, which ended just now."""
        own, other = self.signing.take_over(past.signing)
        self._grow()
        self.roll_up.take_over(past.roll_up, own=own, other=other)

    def _grow(self) -> None:
        self.roll_up.grow(np.array(self.site_of, np.intp), len(self.sites))


def groups_of(plan: QueryPlan) -> QueryGroups | None:
    """Return a query's groups, nothing known yet; None where the plan asks for none."""
    if plan.groups is None:
        return None
    return QueryGroups(plan.groups, step_s=plan.step_s, direction=plan.rules.direction)


def dense(count: int, rows: Rows, values: F64, held: Mask | None) -> tuple[F64, Mask]:
    """Return values and what is held with one entry for each of `count` rows."""
    every, still = np.full(count, np.nan), np.zeros(count, np.bool_)
    every[rows] = values
    if held is not None:
        still[rows] = held
    return every, still
