"""Whether a series alarmed at all: what the server has stored of its score around the time that a person names."""

from anomaly_detector.errors import DetectorError
from anomaly_detector.explain.lookup import Found, told
from anomaly_detector.explain.subject import written
from anomaly_detector.feedback.effects import SAME_S
from anomaly_detector.feedback.record import RefusedError
from anomaly_detector.sink.series import SCORE, Identity, output_labels
from anomaly_detector.source.matrix import grid_times
from anomaly_detector.source.reading import Source


def demand_alarm(source: Source, found: Found, *, at_s: float) -> None:
    """Raise RefusedError where a series stayed below its threshold in the hour before a time.

    Not where nobody knows: the server has no score of it, or does not say.
    """
    scores = [score for score in (_highest(source, found, lane.alias, at_s) for lane in found.plan.lanes) if score >= 0]
    if not scores or max(scores) > 1:
        return
    series = written(found.plan.alias, found.labels)
    words = f"{series} scored {max(scores):.2f} at the most in the hour before {told(at_s)}: it did not alarm"
    raise RefusedError(409, f"{words}, and nothing was kept (--at says when it alarmed, --force keeps it all the same)")


def _highest(source: Source, found: Found, lane: str, at_s: float) -> float:
    """Return the highest stored score of one model, -1 where there is none."""
    labels = output_labels(dict(found.labels), Identity(found.plan.alias, lane, found.plan.query.page))
    expr = f"max(max_over_time({written(SCORE, labels)}[{SAME_S:.0f}s]))"
    try:
        answer = source.query_range(expr, grid_times(at_s, at_s, 1.0), step_s=1.0, max_series=1).values
    except DetectorError:
        return -1.0
    return float(answer[0, 0]) if answer.size and answer[0, 0] >= 0 else -1.0
