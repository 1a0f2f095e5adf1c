"""From the tapes of all blocks of a query to what its devices and sites would have notified. Reads tapes, no more."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Places, episodes
from anomaly_detector.backtest.incidents import Spans, during
from anomaly_detector.backtest.near import Highest, Wrong, highest
from anomaly_detector.backtest.tape import Tape
from anomaly_detector.grouping.blocks import GroupPlan
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.rollup import RollUp, held_by_sites


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notification: of a device, a site, or series whose device is not known; times are Unix seconds."""

    query: str
    kind: str
    name: str
    begins: float
    ends: float
    peak: float


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """One query: its notifications; how many would count at each of SENSITIVITIES; since when devices are known.

    True ones do not count, where incidents are known. `known_s` has each device's name: +Inf where it was never
    judged. `judged` is the share of instants and devices that were, of those with samples. `highest` is how high
    devices and sites came while something was known to be wrong with them.
    """

    query: str
    notices: list[Notice]
    counts: Places
    known_s: dict[str, float]
    judged: float
    highest: Highest = {}


class _Scores(msgspec.Struct, frozen=True):
    """Of the judged span: scores before sites speak (device, instant), of sites, and which are judged."""

    alone: F32
    site: F32
    judged: Mask
    there: Mask


class _Counting(Wrong, frozen=True, kw_only=True):
    """What counts: notifications of one query that match none of the `spans` of whom they are about."""

    apart: int

    def of(self, kind: str, names: Sequence[str], above: Mask) -> int:
        """Return how many of `above` (who, instants) count."""
        rows, first, last = episodes(above, least=1, apart=self.apart)
        known = [self.spans.get((self.query, kind, name), ()) for name in names] if self.spans else []
        true = sum(
            during(known[row], self.from_s + self.step_s * start, self.from_s + self.step_s * (end + 1))
            for row, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True)
            if known and known[row]
        )
        return len(rows) - true


def rolled(
    tapes: Sequence[Tape], plan: GroupPlan, *, from_s: float, apart_s: float, spans: Spans | None = None
) -> Rolled:
    """Roll up the tapes of one query; what is before `from_s` is how its devices came to be known.

    `spans` are the known incidents, see `incidents.spans_of`.
    """
    first = tapes[0]
    devices = [device for tape in tapes for device in tape.devices]
    sites = list(dict.fromkeys(site for _, site in devices if site))
    place = {site: number for number, site in enumerate(sites)}
    site_of = np.array([place.get(site, -1) for _, site in devices], np.intp)
    roll_up = RollUp(site_of, len(sites), step_s=first.step_s, threshold=plan.threshold)
    begin = max(0, round((from_s - first.first_s) / first.step_s))
    found = _scores(tapes, roll_up, begin)
    apart = max(0, round(apart_s / first.step_s) - 1)
    names = [name for name, _ in devices]
    from_s = first.first_s + begin * first.step_s
    group = held_by_sites(found.alone.T, found.site.T, site_of).T
    counting = _Counting(query=first.query, spans=spans or {}, from_s=from_s, step_s=first.step_s, apart=apart)
    notices = [
        Notice(
            query=first.query,
            kind=kind,
            name=of[one],
            begins=from_s + first.step_s * start,
            ends=from_s + first.step_s * (end + 1),
            peak=float(score[one, start : end + 1].max()),
        )
        for kind, of, score in (("device", names, group), ("site", sites, found.site))
        for one, start, end in zip(*(side.tolist() for side in episodes(score > 1, least=1, apart=apart)), strict=True)
    ]
    return Rolled(
        query=first.query,
        highest={
            key: score
            for kind, of, scores in (("device", names, group), ("site", sites, found.site))
            for key, score in highest(scores, of, kind, counting).items()
        },
        notices=notices,
        counts=_counts(found, site_of, {"device": names, "site": sites}, counting),
        known_s=dict(zip(names, _since(found.judged, from_s, first.step_s).tolist(), strict=True)),
        judged=float((found.judged & found.there).sum() / max(1, int(found.there.sum()))),
    )


def _scores(tapes: Sequence[Tape], roll_up: RollUp, begin: int) -> _Scores:
    """Play all instants; keep the scores of those from `begin` on."""
    parts = [tape.read() for tape in tapes]
    instants, groups = len(parts[0]), len(roll_up.site)
    kept = max(0, instants - begin)
    out = _Scores(
        alone=np.zeros((groups, kept), np.float32),
        site=np.zeros((roll_up.sites, kept), np.float32),
        judged=np.zeros((groups, kept), np.bool_),
        there=np.zeros((groups, kept), np.bool_),
    )
    for number in range(instants):
        signs = np.concatenate([part[number] for part in parts], axis=1)
        there = np.isfinite(signs[0])
        said = roll_up.at(np.nan_to_num(signs), there, tapes[0].first_s + number * tapes[0].step_s)
        if number >= begin:
            at = number - begin
            out.alone[:, at], out.site[:, at] = said.alone, said.site
            out.judged[:, at], out.there[:, at] = roll_up.judged, there
    return out


def _counts(found: _Scores, site_of: Places, names: Mapping[str, Sequence[str]], counting: _Counting) -> Places:
    """Return how many notifications would count at each sensitivity."""
    out = np.zeros(len(SENSITIVITIES), np.intp)
    lively = found.alone.max(axis=1, initial=0) * SENSITIVITIES[-1] > 1
    alone, of = found.alone[lively], site_of[lively]
    devices = [name for name, one in zip(names["device"], lively.tolist(), strict=True) if one]
    for place, sensitivity in enumerate(SENSITIVITIES.astype(np.float32).tolist()):
        site = found.site * np.float32(sensitivity)
        group = held_by_sites((alone * np.float32(sensitivity)).T, site.T, of).T
        out[place] = counting.of("device", devices, group > 1) + counting.of("site", names["site"], site > 1)
    return out


def _since(judged: Mask, from_s: float, step_s: float) -> F64:
    """Return since when each device is known."""
    first = judged.argmax(axis=1) if judged.shape[1] else np.zeros(len(judged), np.intp)
    return np.where(judged.any(axis=1), from_s + step_s * first, np.inf)
