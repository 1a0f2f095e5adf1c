"""Finds the one series that somebody means, among the series of all queries."""

from datetime import UTC, datetime

import msgspec

from anomaly_detector.config import Config
from anomaly_detector.errors import DetectorError, ResponseTooLargeError
from anomaly_detector.explain.subject import Subject, written
from anomaly_detector.grid import newest_instant
from anomaly_detector.plan import QueryPlan, plans
from anomaly_detector.series_table import Labels
from anomaly_detector.source.matrix import grid_times, parse_labels
from anomaly_detector.source.narrowed import Narrowed
from anomaly_detector.source.reading import Source
from heronwatch.faults import quoted
from heronwatch.words import hint

LOOK_BACK_S, MOST_LOOKS = 3600.0, 60  # a series that was there within the hour before is found
MOST_MEANT = 2000  # series looked at, to find the one
MOST_NAMED = 10  # series told when several are meant
NAME = "__name__"


class NoSuchSeriesError(DetectorError):
    """Nothing, or more than one thing, is what was asked for; the message says which there are."""

    reason = "no_series"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A series that is meant, and the instant to explain."""

    plan: QueryPlan
    labels: Labels
    at_s: float


def find(config: Config, source: Source, subject: Subject, *, at_s: float | None) -> Found:
    """Return the one series that is meant; NoSuchSeriesError when there is none, or several.

    Without `at_s` the newest instant is explained. Raises as `Source.query_range` does.
    """
    now_s = source.server_time()
    every = plans(config)
    found: list[Found] = []
    for plan in (plan for plan in every if subject.may_be_in(plan)):
        newest_s = newest_instant(now_s, plan.step_s, float(plan.reader.latency_offset))
        if at_s is not None and at_s > now_s + plan.step_s:
            raise NoSuchSeriesError(f"{told(at_s)} is ahead: the newest instant is {told(newest_s)}")
        if at_s is not None:
            newest_s = min(newest_s, newest_instant(at_s, plan.step_s, 0.0))
        found += [Found(plan=plan, labels=labels, at_s=newest_s) for labels in _there(plan, source, subject, newest_s)]
    if not any(subject.may_be_in(plan) for plan in every):
        raise NoSuchSeriesError(_unknown(subject, [plan.alias for plan in every]))
    return _only(found, [plan.alias for plan in every], at_s=now_s if at_s is None else at_s)


def told(time_s: float) -> str:
    """Return an instant for people.

    >>> told(1_792_893_600.0)
    '2026-10-25T02:00:00Z'
    """
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%S}Z"


def _unknown(subject: Subject, queries: list[str]) -> str:
    """Return what is wrong with a name that no query knows."""
    if subject.query:
        return f"{quoted(subject.query)} is no alias of this configuration{hint(subject.query, queries)}"
    named = f"{quoted(subject.name)} is neither an alias nor a metric of this configuration"
    return named + hint(subject.name, queries)


def _there(plan: QueryPlan, source: Source, subject: Subject, newest_s: float) -> list[Labels]:
    """Return the series of a query that are meant and were there within the hour; now, where no label narrows them."""
    apart_s = plan.step_s * max(1.0, LOOK_BACK_S / MOST_LOOKS // plan.step_s)
    back_s = LOOK_BACK_S // apart_s * apart_s if subject.labels else 0.0
    times_s = grid_times(newest_s - back_s, newest_s, apart_s)
    only = Narrowed(source, subject.labels)
    try:
        matrix = only.query_range(plan.query.expr, times_s, step_s=apart_s, max_series=MOST_MEANT)
    except ResponseTooLargeError as exc:
        raise NoSuchSeriesError(f"more than {MOST_MEANT} series are meant, name more labels") from exc
    every = (tuple(sorted(parse_labels(key).items())) for key in matrix.keys)
    bare = (tuple((name, value) for name, value in labels if name != NAME and value) for labels in every)
    return [labels for labels in bare if subject.is_(labels)]


def _only(found: list[Found], queries: list[str], *, at_s: float) -> Found:
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuchSeriesError(f"no such series within the hour before {told(at_s)}; queries: {', '.join(queries)}")
    names = [written(one.plan.alias, one.labels) for one in found[:MOST_NAMED]]
    more = f"\n  and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    raise NoSuchSeriesError("several series are meant, name more labels:\n  " + "\n  ".join(names) + more)
