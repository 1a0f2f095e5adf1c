"""What verdicts change: which thresholds are raised, and from which spans nothing is learnt. No I/O.

A false alarm raises the threshold of that one series (of each of a device's, where it was the device that alarmed) by
RAISE for LASTS_S; the same alarm said twice counts once, and
several together raise it by no more than MOST. It never touches a query that is `protected`. An incident and what was
expected are spans from which that series learns nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np

from anomaly_detector.feedback.journal import Past
from anomaly_detector.feedback.verdicts import ACCEPTED, ALIAS, FALSE_ALARM, Entry, Undo
from anomaly_detector.instant import Judged
from anomaly_detector.models.model import F32, F64
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.learning import Instant, Labels, Pause
from anomaly_detector.scoring.scoring import Rules, outside
from anomaly_detector.series_table import Rows, SeriesTable
from anomaly_detector.sink.series import Identity, output_labels
from heronwatch.go_regex import AnchoredRegex

RAISE = 1.2  # by at most 20 %
MOST = 2.0  # what any number of false alarms may raise a threshold to: a series is never silenced
LASTS_S = 30 * 86_400.0
SAME_S = 3600.0  # alarms of a series that are no farther apart are one: two people may say so at 3 a.m.
OURS = frozenset({ALIAS, "model_alias", "page"})  # labels that the detector adds


class SaidPause(Pause, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A span that a verdict means: it never silences the devices of a `protected` query."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force at a moment: verdicts not taken back, and of the false alarms those not yet expired.

    `accepts` are new levels, `withdrawn` those no longer accepted. `changes_at` is when the next false alarm expires.
    `version` tells one set of marks from another.
    """

    version: int = 0
    raises: tuple[Entry, ...] = ()
    spans: tuple[Entry, ...] = ()
    accepts: tuple[Entry, ...] = ()
    withdrawn: tuple[tuple[Entry, Undo], ...] = ()
    changes_at: float = float("inf")


def marks_of(past: Past, now: float, *, version: int) -> Marks:
    """Return what a journal means at `now`."""
    kept = [entry for entry in past.entries if entry.id not in past.undone]
    raises = tuple(entry for entry in kept if entry.verdict == FALSE_ALARM and now < expires_at(entry))
    return Marks(
        version=version,
        raises=raises,
        spans=tuple(entry for entry in kept if entry.verdict not in {FALSE_ALARM, ACCEPTED}),
        accepts=tuple(entry for entry in kept if entry.verdict == ACCEPTED),
        withdrawn=tuple(
            (entry, past.undone[entry.id])
            for entry in past.entries
            if entry.verdict == ACCEPTED and entry.id in past.undone
        ),
        changes_at=min((expires_at(entry) for entry in raises), default=float("inf")),
    )


def expires_at(entry: Entry) -> float:
    """Return when a false alarm no longer counts."""
    return entry.at + LASTS_S


def about(entry: Entry, labels: Labels, identity: Identity) -> bool:
    """Return whether a verdict's labels name this very series: all of its labels are there, with their values.

    The verdict may have more labels, as alerts carry those of their rule and of their Prometheus. One about a device
    or a site names every series of it that does not differ in a label.
    """
    if entry.query != identity.query or entry.labels.get("model_alias", identity.model) != identity.model:
        return False
    own = labels if OURS.isdisjoint(name for name, _ in labels) else _as_written(labels, identity)
    if entry.scope == "device":
        same = all(entry.labels.get(name, value) == value for name, value in own)
        return same and entry.by in entry.labels and any(name == entry.by for name, _ in own)
    return bool(own) and all(entry.labels.get(name) == value for name, value in own)


def said_before(marks: Marks, entry: Entry) -> Entry | None:
    """Return the false alarm in force that was said of the same alarm before, None where there is none."""
    same = (
        one
        for one in marks.raises
        if entry.verdict == FALSE_ALARM
        and one.labels == entry.labels
        and one.start <= entry.end + SAME_S
        and entry.start <= one.end + SAME_S
    )
    return max(same, key=lambda one: one.at, default=None)


def factor(marks: Marks, labels: Labels, identity: Identity) -> float:
    """Return what a series' threshold is multiplied by; 1 without a false alarm."""
    alarms = distinct(entry for entry in marks.raises if about(entry, labels, identity))
    return float(min(RAISE ** len(alarms), MOST))


def distinct(entries: Iterable[Entry]) -> list[Entry]:
    """Return one false alarm of each alarm of a series: what was said last of it."""
    out: list[Entry] = []
    last_end = float("-inf")
    for entry in sorted(entries, key=lambda one: one.start):
        if entry.start > last_end + SAME_S:
            out.append(entry)
        elif entry.at > out[-1].at:
            out[-1] = entry
        last_end = max(last_end, entry.end)
    return out


def spanned(entry: Entry, labels: Labels) -> bool:
    """Return whether a span is about a series and shares a label with it; one that names a query alone is about all."""
    named = {name for name in entry.labels if name not in OURS}
    return (not named or any(name in named for name, _ in labels)) and _pause(entry).is_about(labels)


def pauses(marks: Marks, query: str) -> tuple[Pause, ...]:
    """Return the spans from which series of a query learn nothing."""
    return tuple(_pause(entry) for entry in marks.spans if entry.query in {"", query} and entry.start < entry.end)


class Raised:
    """The raised thresholds of one query; the factors of its rows are found anew when marks or rows change."""

    def __init__(self, plan: QueryPlan, marks: Callable[[], Marks]) -> None:
        self._plan, self._ask, self._marks = plan, marks, Marks()
        self._found: dict[str, tuple[int, F32]] = {}  # of each model: the table's version, the factor of every row

    def soften(self, words: list[Judged], table: SeriesTable, rows: Rows, values: F64) -> list[Judged]:
        """Return the verdicts about an instant under the raised thresholds; `values` are those of `rows`."""
        marks = self._ask()
        if marks.version != self._marks.version:
            self._marks, self._found = marks, {}
        if self._plan.query.protected or not any(one.query == self._plan.alias for one in marks.raises):
            return words
        dense = np.full(len(table), np.nan)
        dense[rows] = values
        rules = self._plan.rules
        return [softened(one, self._factors(one.lane, table)[one.rows], dense[one.rows], rules) for one in words]

    def _factors(self, lane: str, table: SeriesTable) -> F32:
        version, factors = self._found.get(lane, (-1, np.zeros(0, np.float32)))
        if version != table.version or len(factors) != len(table):
            identity = Identity(self._plan.alias, lane, self._plan.query.page)
            every = (1.0 if labels is None else factor(self._marks, labels, identity) for labels in table.labels)
            factors = np.fromiter(every, np.float32, len(table))
            self._found[lane] = table.version, factors
        return factors


def softened(judged: Judged, factors: F32, values: F64, rules: Rules) -> Judged:
    """Return a verdict whose thresholds are raised: lower scores, a wider band.

    A value outside the query's `data_range` keeps its score: that is a fact, not a threshold.
    """
    verdict, (low, high) = judged.verdict, rules.data_range
    if not (factors > 1).any():
        return judged
    told = msgspec.structs.replace(
        verdict,
        score=np.where(outside(values, rules), verdict.score, verdict.score / factors).astype(np.float32),
        lower=np.maximum(verdict.expected - (verdict.expected - verdict.lower) * factors, low),
        upper=np.minimum(verdict.expected + (verdict.upper - verdict.expected) * factors, high),
        contribution=(verdict.contribution / factors).astype(np.float32),
    )
    return msgspec.structs.replace(judged, verdict=told)


def _as_written(labels: Labels, identity: Identity) -> Labels:
    ours = identity.labels()
    return tuple(pair for pair in output_labels(dict(labels), identity) if pair[0] not in ours)


def _pause(entry: Entry) -> SaidPause:
    """Say a span in the words of the configuration.

    With a query named, the labels are an alert's: a series that lacks one of them is meant all the same. Without, a
    person named what is meant: each label has to be there.
    """
    absent_too = "|" if entry.query else ""
    match: Mapping[str, AnchoredRegex] = {
        name: AnchoredRegex(f"(?:{re.escape(value)}){absent_too}")
        for name, value in entry.labels.items()
        if name not in OURS
    }
    return SaidPause(begins=Instant(entry.start), to=Instant(entry.reaches_to), match=match)
