"""Whether a series or its device alarmed: what the server has stored of their scores around a time that one names."""

from collections.abc import Sequence

import msgspec

from anomaly_detector.errors import DetectorError
from anomaly_detector.explain.lookup import Found, told
from anomaly_detector.explain.subject import written
from anomaly_detector.feedback.effects import SAME_S
from anomaly_detector.feedback.record import RefusedError
from anomaly_detector.feedback.verdicts import ALIAS, Entry
from anomaly_detector.grouping.names import GROUP, SITE
from anomaly_detector.plan import QueryPlan
from anomaly_detector.scoring.learning import Labels
from anomaly_detector.sink.series import SCORE, Identity, output_labels
from anomaly_detector.source.matrix import grid_times
from anomaly_detector.source.reading import Source

LONGEST_S = 7 * 86_400.0  # of an alarm, for which its scores are asked


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to have alarmed: its name for people, selectors of its scores and of those in its stead."""

    name: str
    own: Sequence[str]
    others: Sequence[str]


def claim(plan: QueryPlan, labels: Labels) -> Claim:
    """Return what is claimed of one series; its device may have alarmed in its stead."""
    identities = (Identity(plan.alias, lane.alias, plan.query.page) for lane in plan.lanes)
    label = plan.groups.groups.device if plan.groups else ""
    device = dict(labels).get(label, "")
    return Claim(
        name=written(plan.alias, labels),
        own=[written(SCORE, output_labels(dict(labels), one)) for one in identities],
        others=[written(GROUP, ((ALIAS, plan.alias), (label, device)))] if device else [],
    )


def claim_of(entry: Entry, plan: QueryPlan, series: Sequence[Labels]) -> Claim:
    """Return what a verdict claims; `series` are those that it is about, at least one.

    Any series of a device or a site may have alarmed in its stead.
    """
    if entry.scope == "series":
        return claim(plan, series[0])
    pair = (entry.by, entry.labels[entry.by])
    name = SITE if plan.groups and entry.by == plan.groups.groups.site else GROUP
    return Claim(
        name=f"{entry.by} {pair[1]} in {plan.alias}",
        own=[written(name, ((ALIAS, plan.alias), pair))],
        others=[written(SCORE, ((ALIAS, plan.alias), pair))],
    )


def demand_alarm(source: Source, found: Found, *, at_s: float) -> None:
    """Raise RefusedError where a series, and its device, stayed below 1 in the hour before a time.

    Not where nobody knows: the server has no score of it, or does not say.
    """
    what = claim(found.plan, found.labels)
    highest = without_alarm(source, what, from_s=at_s - SAME_S, to_s=at_s)
    if highest is not None:
        words = f"{what.name} scored {highest:.2f} at the most in the hour before {told(at_s)}: it did not alarm"
        more = "--at says when it alarmed, --force keeps it all the same"
        raise RefusedError(409, f"{words}, and nothing was kept ({more})")


def without_alarm(source: Source, what: Claim, *, from_s: float, to_s: float) -> float | None:
    """Return the highest score of what did not alarm; None where it alarmed, or nobody knows.

    Of longer spans only the end is asked for.
    """
    span_s = min(max(to_s - from_s, 1.0), LONGEST_S)
    try:
        highest = max((_highest(source, one, span_s, to_s) for one in what.own), default=-1.0)
        if not 0 <= highest <= 1 or any(_highest(source, one, span_s, to_s) > 1 for one in what.others):
            return None
    except DetectorError:
        return None
    return highest


def _highest(source: Source, selector: str, span_s: float, at_s: float) -> float:
    """Return the highest stored score, -1 where there is none."""
    expr = f"max(max_over_time({selector}[{span_s:.0f}s]))"
    answer = source.query_range(expr, grid_times(at_s, at_s, 1.0), step_s=1.0, max_series=1).values
    return float(answer[0, 0]) if answer.size and answer[0, 0] >= 0 else -1.0
