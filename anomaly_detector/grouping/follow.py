"""From the verdicts about one query's series to the scores of its devices and sites. No I/O."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anomaly_detector.grouping.blocks import GroupPlan
from anomaly_detector.grouping.limits import limits_first, outside_score
from anomaly_detector.grouping.signing import DeviceSigns, Signed
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.budget import QUIET_S
from anomaly_detector.scoring.rollup import Rolled, RollUp
from anomaly_detector.scoring.scoring import Rules
from anomaly_detector.series_table import Rows, SeriesTable
from anomaly_detector.sink.lanes import dense

SPARE = 1000  # devices without series that are remembered, however few have series


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one instant: `group` of each device, `site` of each site, and the rows of the worst series.

    `there` says which devices have a sample. `worst` has one row for each device above 1, and for each of which a site
    above 1 speaks; `worst_score` are their scores.
    """

    time_s: float
    group: F32
    there: Mask
    site: F32
    worst: Rows
    worst_score: F32


class QueryGroups:
    """The devices and sites of one query.

    A device without a sample for `retention_s`, all of whose series are forgotten, is forgotten as well; so are those
    seen longest ago, where more of them are without series than with.
    """

    def __init__(self, plan: GroupPlan, *, step_s: float, rules: Rules, retention_s: float) -> None:
        self.plan, self.retention_s, self._rules = plan, retention_s, rules
        self.seen_s: F64 = np.zeros(0)  # when each place had its last sample, or was met; NaN for a free one
        self.loud_s: F64 = np.zeros(0)  # when each place was above 1 for the last time; -Inf for never
        self.signing = DeviceSigns(plan.groups, step_s=step_s, direction=rules.direction)
        self.roll_up = RollUp(np.zeros(0, np.intp), 0, step_s=step_s, threshold=plan.threshold)

    @property
    def devices(self) -> dict[str, int]:
        """The place of each device."""
        return self.signing.places.devices

    @property
    def sites(self) -> dict[str, int]:
        """The place of each site."""
        return self.signing.places.sites

    @property
    def site_of(self) -> list[int]:
        """The site of each place, -1 for none."""
        return self.signing.places.site_of

    def at(
        self, table: SeriesTable, judged: Judged, values: F64, held: Mask, *, silent: Mask | None = None
    ) -> Told | None:
        """Take the words of a model about an instant; None while too few days are known and no limit is broken.

        `values` and `held` have one entry for each row of the table: NaN without a sample, and True where nothing is
        to be learnt. A device of which anything is held is let be, and nothing of it is remembered; but one that was
        above 1 is scored on until it was below for QUIET_S, as its own alarm may be why it is held: let be at once, it
        would be well for want of a score, and notify anew as soon as nothing holds it any more. With `silent` a
        device is let be only for what is True there; of one of which more is held nothing is remembered either.

        A device with a value outside of `data_range` has `outside_score` at least, whether it is known or not, and
        whatever its site says; levels learn nothing of it.
        """
        signed = self.signing.at(table, judged, values, held)
        if signed is None:
            return None
        self._grow()
        self._forget(signed.there, judged.time_s)
        going_on = self.loud_s >= judged.time_s - QUIET_S
        scored = signed.calm if silent is None else self.signing.free_of(silent)
        return self._told(judged, values, signed, judging=signed.there & (scored | going_on))

    def use(self, plan: GroupPlan, *, retention_s: float) -> None:
        """Go on with another budget; the labels of devices and sites are the same."""
        self.plan, self.roll_up.threshold, self.retention_s = plan, plan.threshold, retention_s

    def meet(self, devices: Sequence[tuple[str, str]]) -> None:
        """Give each of these devices, with its site (or ""), a place."""
        self.signing.meet(devices)
        self._grow()

    def take_over(self, past: "QueryGroups") -> None:
        """Go on with what another run remembers of its devices, which ended just now."""
        own, other = self.signing.take_over(past.signing)
        self._grow()
        self.seen_s[own] = np.fmax(self.seen_s[own], past.seen_s[other])
        self.loud_s[own] = np.fmax(self.loud_s[own], past.loud_s[other])
        self.roll_up.take_over(past.roll_up, own=own, other=other)

    def rest(self) -> None:
        """Forget what was so just now, after a time that nobody followed; what days showed stays."""
        self.signing.rest()
        _blank_signs(self.roll_up, np.arange(len(self.site_of)))

    def _grow(self) -> None:
        places = self.signing.places
        self.roll_up.grow(np.array(places.site_of, np.intp), places.site_places)
        more = len(places) - len(self.seen_s)
        self.seen_s = np.append(self.seen_s, np.full(more, np.nan))
        self.loud_s = np.append(self.loud_s, np.full(more, -np.inf))

    def _told(self, judged: Judged, values: F64, signed: Signed, *, judging: Mask) -> Told | None:
        """Score the devices in `judging`."""
        outside = outside_score(judged, values, self._rules)
        limit = self.signing.most(outside) * judging if outside.any() else np.zeros(len(judging), np.float32)
        rolled = self._rolled(signed, judging, judged.time_s, learn=signed.calm & (limit <= 1))
        self.loud_s[(rolled.alone > 1) | (limit > 1)] = judged.time_s
        if self.roll_up.levels is None and not (limit > 1).any():
            return None
        group: F32 = np.maximum(rolled.group, limit)
        wanted = (group > 1) | (self._spoken_for(rolled.site) & judging)
        worst = self.signing.worst(limits_first(signed.score, outside), wanted)
        return Told(
            time_s=judged.time_s,
            group=group,
            there=signed.there & (self.roll_up.judged | (limit > 1)),
            site=rolled.site,
            worst=worst,
            worst_score=signed.score[worst],
        )

    def _spoken_for(self, site: F32) -> Mask:
        """Return which devices a site above 1 speaks for: those above 1 themselves within TOGETHER_S."""
        above = np.append(site > 1, False)  # -1 is no site
        return np.asarray(above[self.roll_up.site] & (self.roll_up.best > 1), np.bool_)

    def _rolled(self, signed: Signed, scored: Mask, time_s: float, *, learn: Mask) -> Rolled:
        """Score the devices in `scored`; of those that are not in `learn` nothing is remembered."""
        roll_up = self.roll_up
        held = np.flatnonzero(scored & ~learn)
        day, today, loud = roll_up.day, roll_up.today[:, held], roll_up.loud_today[held]
        rolled = roll_up.at(signed.signs, scored, time_s)
        if len(held):
            same = roll_up.day == day
            roll_up.today[:, held] = today if same else np.nan
            roll_up.loud_today[held] = loud & same
        return rolled

    def _forget(self, there: Mask, time_s: float) -> None:
        """Free the places of devices that are gone."""
        taken = np.zeros(len(self.seen_s), np.bool_)
        taken[self.signing.places.taken()] = True
        self.seen_s[there | (taken & np.isnan(self.seen_s))] = time_s
        absent: Rows = np.flatnonzero(taken & self.signing.absent())
        absent = absent[np.argsort(self.seen_s[absent], kind="stable")]
        spare = max(SPARE, len(self.signing.places.devices) - len(absent))
        gone = absent[(self.seen_s[absent] < time_s - self.retention_s) | (np.arange(len(absent), 0, -1) > spare)]
        if not len(gone):
            return
        self.signing.forget(gone)
        self.seen_s[gone], self.loud_s[gone] = np.nan, -np.inf
        _blank(self.roll_up, gone)
        self._grow()


def _blank(roll_up: RollUp, places: Rows) -> None:
    """Leave nothing of who had these places."""
    _blank_signs(roll_up, places)
    roll_up.highest[..., places], roll_up.loud[:, places] = np.nan, False
    roll_up.today[:, places], roll_up.loud_today[places] = np.nan, False
    if roll_up.levels is not None:
        roll_up.levels.own[:, places] = np.nan


def _blank_signs(roll_up: RollUp, places: Rows) -> None:
    spans = roll_up.spans
    spans.means[..., places], spans.away[places], spans.settling[places] = 0, 0, 0
    roll_up.best[places], roll_up.best_s[places] = 0, -np.inf
    roll_up.falls.recent[places] = roll_up.rises.recent[places] = 0


def groups_of(plan: QueryPlan) -> QueryGroups | None:
    """Return a query's groups, nothing known yet; None where the plan asks for none."""
    if plan.groups is None:
        return None
    retention_s = float(plan.settings.retention)
    return QueryGroups(plan.groups, step_s=plan.step_s, rules=plan.rules, retention_s=retention_s)


def every_row(count: int, rows: Rows, values: F64, held: Mask | None) -> tuple[F64, Mask]:
    """Return values and what is held with one entry for each of `count` rows."""
    still = np.zeros(count, np.bool_)
    if held is not None:
        still[rows] = held
    return dense(rows, values, count=count), still
