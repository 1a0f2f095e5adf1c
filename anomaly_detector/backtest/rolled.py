"""From the tapes of all blocks of a query to what its devices and sites would have notified. Reads tapes, no more."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Places, episodes
from anomaly_detector.backtest.incidents import Met, Spans, met
from anomaly_detector.backtest.near import Highest, Wrong, highest
from anomaly_detector.backtest.tape import LIMIT, Tape
from anomaly_detector.grouping.blocks import GroupPlan
from anomaly_detector.models.model import F32, F64, Mask
from anomaly_detector.scoring.rollup import RollUp
from anomaly_detector.scoring.sites import held_by_sites


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notification: of a device, a site, or series whose device is not known; times are Unix seconds.

    `label` is that whose value is `name`, "" where it is the host's of the series.
    """

    query: str
    kind: str
    name: str
    begins: float
    ends: float
    peak: float
    label: str = ""


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """One query: its notifications; how many would count at each of SENSITIVITIES; since when devices are known.

    True ones do not count, where incidents are known. `known_s` has each device's name: +Inf where it was never
    judged. `judged` is the share of instants and devices that were, of those with samples. `highest` is how high
    devices and sites came while something was known to be wrong with them; `met`, at each of SENSITIVITIES, which of
    those troubles would have been notified of. `limited` has the spans of time in which a device's limit was broken.
    """

    query: str
    notices: list[Notice]
    counts: Places
    known_s: dict[str, float]
    judged: float
    highest: Highest = {}
    met: tuple[frozenset[Met], ...] = ()
    limited: Mapping[str, Sequence[tuple[float, float]]] = {}


class _Scores(msgspec.Struct, frozen=True):
    """Of the judged span: scores before sites speak (device, instant), of limits, of sites, and which are judged."""

    alone: F32
    limit: F32
    site: F32
    judged: Mask
    there: Mask


class _Speakers(msgspec.Struct, frozen=True):
    """Devices or sites: which, by what label series are theirs, their names and scores (who, instants)."""

    kind: str
    label: str
    names: Sequence[str]
    score: F32


class _Counting(Wrong, frozen=True, kw_only=True):
    """What counts: notifications of one query that match none of the `spans` of whom they are about."""

    apart: int

    def of(self, kind: str, names: Sequence[str], above: Mask) -> tuple[int, set[Met]]:
        """Return how many of `above` (who, instants) count, and which troubles the others met."""
        rows, first, last = episodes(above, least=1, apart=self.apart)
        known = [self.spans.get((self.query, kind, name), ()) for name in names] if self.spans else []
        true, troubles = 0, set[Met]()
        for row, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
            if known and known[row]:
                spans = met(known[row], self.from_s + self.step_s * start, self.from_s + self.step_s * (end + 1))
                true += bool(spans)
                troubles.update((self.query, kind, names[row], *span) for span in spans)
        return len(rows) - true, troubles


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
    group = np.maximum(held_by_sites(found.alone.T, found.site.T, site_of).T, found.limit)
    speakers = [
        _Speakers("device", plan.groups.device, names, group),
        _Speakers("site", plan.groups.site, sites, found.site),
    ]
    counting = _Counting(query=first.query, spans=spans or {}, from_s=from_s, step_s=first.step_s, apart=apart)
    counts, troubles = _counts(found, site_of, {"device": names, "site": sites}, counting)
    return Rolled(
        query=first.query,
        highest={
            key: score for one in speakers for key, score in highest(one.score, one.names, one.kind, counting).items()
        },
        notices=[notice for one in speakers for notice in _notices(one, counting)],
        counts=counts,
        met=troubles,
        limited=_limited(names, found.limit, counting),
        known_s=dict(zip(names, _since(found.judged, from_s, first.step_s).tolist(), strict=True)),
        judged=float((found.judged & found.there).sum() / max(1, int(found.there.sum()))),
    )


def _notices(speakers: _Speakers, counting: _Counting) -> Iterator[Notice]:
    """Yield what is notified of devices or of sites, with the sensitivity as configured."""
    rows, first, last = episodes(speakers.score > 1, least=1, apart=counting.apart)
    for one, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        yield Notice(
            query=counting.query,
            kind=speakers.kind,
            name=speakers.names[one],
            begins=counting.from_s + counting.step_s * start,
            ends=counting.from_s + counting.step_s * (end + 1),
            peak=float(speakers.score[one, start : end + 1].max()),
            label=speakers.label,
        )


def _scores(tapes: Sequence[Tape], roll_up: RollUp, begin: int) -> _Scores:
    """Play all instants; keep the scores of those from `begin` on."""
    parts = [tape.read() for tape in tapes]
    instants, groups = len(parts[0]), len(roll_up.site)
    kept = max(0, instants - begin)
    out = _Scores(
        alone=np.zeros((groups, kept), np.float32),
        limit=np.zeros((groups, kept), np.float32),
        site=np.zeros((roll_up.sites, kept), np.float32),
        judged=np.zeros((groups, kept), np.bool_),
        there=np.zeros((groups, kept), np.bool_),
    )
    for number in range(instants):
        rows = np.concatenate([part[number] for part in parts], axis=1)
        there = np.isfinite(rows[0])
        rows = np.nan_to_num(rows)
        said = roll_up.at(rows[:LIMIT], there, tapes[0].first_s + number * tapes[0].step_s)
        if number >= begin:
            at = number - begin
            out.alone[:, at], out.limit[:, at], out.site[:, at] = said.alone, rows[LIMIT], said.site
            out.judged[:, at], out.there[:, at] = roll_up.judged, there
    return out


def _counts(
    found: _Scores, site_of: Places, names: Mapping[str, Sequence[str]], counting: _Counting
) -> tuple[Places, tuple[frozenset[Met], ...]]:
    """Return, for each sensitivity, how many notifications would count and which troubles the others would meet.

    A limit is broken whatever the sensitivity.
    """
    out, troubles = np.zeros(len(SENSITIVITIES), np.intp), []
    lively = (found.alone.max(axis=1, initial=0) * SENSITIVITIES[-1] > 1) | (found.limit > 1).any(axis=1)
    alone, limit, of = found.alone[lively], found.limit[lively], site_of[lively]
    devices = [name for name, one in zip(names["device"], lively.tolist(), strict=True) if one]
    for place, sensitivity in enumerate(SENSITIVITIES.astype(np.float32).tolist()):
        site = found.site * np.float32(sensitivity)
        group = np.maximum(held_by_sites((alone * np.float32(sensitivity)).T, site.T, of).T, limit)
        of_devices, met_by_devices = counting.of("device", devices, group > 1)
        of_sites, met_by_sites = counting.of("site", names["site"], site > 1)
        out[place] = of_devices + of_sites
        troubles.append(frozenset(met_by_devices | met_by_sites))
    return out, tuple(troubles)


def _limited(names: Sequence[str], limit: F32, counting: _Counting) -> dict[str, list[tuple[float, float]]]:
    """Return when limits of each device were broken, of those that broke one."""
    out: dict[str, list[tuple[float, float]]] = {}
    rows, first, last = episodes(limit > 1, least=1, apart=0)
    for one, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        span = counting.from_s + counting.step_s * start, counting.from_s + counting.step_s * (end + 1)
        out.setdefault(names[one], []).append(span)
    return out


def _since(judged: Mask, from_s: float, step_s: float) -> F64:
    """Return since when each device is known."""
    first = judged.argmax(axis=1) if judged.shape[1] else np.zeros(len(judged), np.intp)
    return np.where(judged.any(axis=1), from_s + step_s * first, np.inf)
