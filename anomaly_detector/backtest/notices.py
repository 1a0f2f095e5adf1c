"""What would have been notified, over all queries: devices, sites, and series whose device is not known. No I/O."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from anomaly_detector.backtest.alarms import SENSITIVITIES, Alarm, Judgement, Places, groups
from anomaly_detector.backtest.block import LaneResult
from anomaly_detector.backtest.incidents import About, Met, Spans, met
from anomaly_detector.backtest.rolled import Notice, Rolled
from anomaly_detector.scoring.learning import Labels, Pause


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """At each of SENSITIVITIES: how many notifications would count, and which troubles that are known were met."""

    counts: Places
    met: Sequence[frozenset[Met]]


def notices(alarms: Sequence[Alarm], rolled: Mapping[str, Rolled], *, apart_s: float) -> list[Notice]:
    """Return all notifications, oldest first.

    A series' alarm notifies only while its device has no score of its own; those of one host that begin within
    `apart_s` of the one before are one.
    """
    out = [notice for one in rolled.values() for notice in one.notices]
    loose = [one for one in alarms if _unknown(rolled.get(one.query), one.host, one.begins)]
    group, count = groups(codes([one.host for one in loose]), np.array([one.begins for one in loose]), apart_s=apart_s)
    for number in range(count):
        of = [loose[place] for place in np.flatnonzero(group == number).tolist()]
        out.append(
            Notice(
                query=of[0].query,
                kind="series",
                name=of[0].host,
                begins=min(one.begins for one in of),
                ends=max(one.ends for one in of),
                peak=max(one.peak for one in of),
            )
        )
    return sorted(out, key=lambda one: (one.begins, one.query, one.kind, one.name))


def curve(
    lanes: Sequence[LaneResult], rolled: Mapping[str, Rolled], *, apart_s: float, spans: Spans | None = None
) -> Curve:
    """Return what each of SENSITIVITIES would have notified of; what matches one of `spans` does not count.

    A false one that grows into a true one where more is above 1 counts on, up to 1 and from 1 on: no sensitivity is
    praised for that, and at 1 it is what was notified.
    """
    loose = [_loose(lanes, rolled, place, apart_s=apart_s, known=spans or {}) for place in range(len(SENSITIVITIES))]
    every = np.array([count for count, _ in loose], np.intp) + sum(one.counts for one in rolled.values())
    of_groups = [one.met for one in rolled.values() if one.met]
    parts = np.split(every, [int(np.searchsorted(SENSITIVITIES, 1.0))])
    return Curve(
        counts=every if spans is None else np.concatenate([np.maximum.accumulate(part) for part in parts]),
        met=[troubles.union(*(each[place] for each in of_groups)) for place, (_, troubles) in enumerate(loose)],
    )


def _loose(
    lanes: Sequence[LaneResult], rolled: Mapping[str, Rolled], place: int, *, apart_s: float, known: Spans
) -> tuple[int, frozenset[Met]]:
    """Return how many notifications of series would count at one of SENSITIVITIES, and which troubles others meet."""
    every = sorted(
        (begin, lane.query, host, end)
        for lane in lanes
        for host, begin, end in _ranges(lane, place)
        if _unknown(rolled.get(lane.query), host, begin)
    )
    group, count = groups(codes([one[2] for one in every]), np.array([one[0] for one in every]), apart_s=apart_s)
    whole: dict[int, tuple[float, str, str, float]] = {}  # each notification: as its first alarm, to the last one's end
    for number, (begin, query, host, end) in zip(group.tolist(), every, strict=True):
        first = whole.setdefault(number, (begin, query, host, end))
        whole[number] = (*first[:3], max(first[3], end))
    true = {
        number: [("series", host, *span) for span in met(known.get((query, "series", host), ()), begin, end)]
        for number, (begin, query, host, end) in whole.items()
    }
    troubles = frozenset((whole[number][1], *one) for number, each in true.items() for one in each)
    return count - sum(map(bool, true.values())), troubles


def judged_against(found: Sequence[Notice], incidents: Sequence[Pause], about: About) -> Judgement:
    """Compare notifications with incidents; `about` says which series each is about."""
    true: set[int] = set()
    first: dict[int, float] = {}
    for place, one in enumerate(found):
        series = about.get((one.query, one.kind, one.name), ())
        for number, incident in enumerate(incidents):
            if one.begins < incident.to and one.ends >= incident.begins and any(map(incident.is_about, series)):
                true.add(place)
                first[number] = min(first.get(number, np.inf), max(0.0, one.begins - incident.begins))
    return Judgement(
        notifications=len(found),
        true=len(true),
        incidents=len(incidents),
        found=len(first),
        delays_s=tuple(first.values()),
        missed=tuple(one for number, one in enumerate(incidents) if number not in first),
    )


def about(
    series: Sequence[Labels], query: str, *, device: str, site: str
) -> Iterator[tuple[tuple[str, str, str], Labels]]:
    """Yield whom each series of a query may be notified of as, and the series."""
    for labels in series:
        has = dict(labels)
        host, place = has.get(device, ""), has.get(site, "")
        yield (query, "series", host), labels
        if host:
            yield (query, "device", host), labels
        if place:
            yield (query, "site", place), labels


def codes(keys: Sequence[str]) -> Places:
    """Return a number for each name, the same for the same."""
    known = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    return np.array([known[key] for key in keys], np.intp)


def _ranges(lane: LaneResult, place: int) -> Iterator[tuple[str, float, float]]:
    """Yield host, begin and end of the alarms at one of SENSITIVITIES."""
    yield from zip(lane.hosts[place], lane.begins_s[place].tolist(), lane.ends_s[place].tolist(), strict=True)


def _unknown(rolled: Rolled | None, host: str, begins_s: float) -> bool:
    """Whether nobody speaks for a host's series at a time: its device has no score, nor is a limit of it broken."""
    if rolled is None:
        return True
    limited = any(since <= begins_s < to for since, to in rolled.limited.get(host, ()))
    return not limited and not rolled.known_s.get(host, np.inf) <= begins_s
