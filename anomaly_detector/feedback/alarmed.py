"""Whether a series or its device alarmed: what the server has stored of their scores around a time that one names."""

from anomaly_detector.errors import DetectorError
from anomaly_detector.explain.lookup import Found, told
from anomaly_detector.explain.subject import written
from anomaly_detector.feedback.effects import SAME_S
from anomaly_detector.feedback.record import RefusedError
from anomaly_detector.grouping.names import GROUP
from anomaly_detector.sink.series import SCORE, Identity, output_labels
from anomaly_detector.source.matrix import grid_times
from anomaly_detector.source.reading import Source


def demand_alarm(source: Source, found: Found, *, at_s: float) -> None:
    """Raise RefusedError where a series, and its device, stayed below 1 in the hour before a time.

    Not where nobody knows: the server has no score of it, or does not say.
    """
    scores = [_highest(source, one, at_s) for one in _of_series(found)]
    highest = max(scores, default=-1.0)
    if not 0 <= highest <= 1 or any(_highest(source, one, at_s) > 1 for one in _of_device(found)):
        return
    series = written(found.plan.alias, found.labels)
    words = f"{series} scored {highest:.2f} at the most in the hour before {told(at_s)}: it did not alarm"
    raise RefusedError(409, f"{words}, and nothing was kept (--at says when it alarmed, --force keeps it all the same)")


def _of_series(found: Found) -> list[str]:
    """Return selectors of a series' scores, one for each model."""
    identities = (Identity(found.plan.alias, lane.alias, found.plan.query.page) for lane in found.plan.lanes)
    return [written(SCORE, output_labels(dict(found.labels), one)) for one in identities]


def _of_device(found: Found) -> list[str]:
    """Return the selector of its device's score, if it has one."""
    label = found.plan.groups.groups.device if found.plan.groups else ""
    device = dict(found.labels).get(label, "")
    return [written(GROUP, (("for", found.plan.alias), (label, device)))] if device else []


def _highest(source: Source, selector: str, at_s: float) -> float:
    """Return the highest stored score, -1 where there is none."""
    expr = f"max(max_over_time({selector}[{SAME_S:.0f}s]))"
    try:
        answer = source.query_range(expr, grid_times(at_s, at_s, 1.0), step_s=1.0, max_series=1).values
    except DetectorError:
        return -1.0
    return float(answer[0, 0]) if answer.size and answer[0, 0] >= 0 else -1.0
