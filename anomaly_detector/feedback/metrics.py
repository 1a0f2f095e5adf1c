"""What the detector's metrics say about feedback."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anomaly_detector.feedback.effects import Marks, expires_at
from anomaly_detector.feedback.listing import labels_text
from anomaly_detector.feedback.record import Feedback

NAME = "heronwatch_detector_feedback_in_force"
HELP = "Verdicts of people that count now: raised thresholds (false_alarm), spans not learnt from, accepted levels."
RAISED = "heronwatch_detector_false_alarm_expires_timestamp_seconds"
RAISED_HELP = "When a false alarm no longer counts: it raises the threshold of that series until then."


class FeedbackCollector(Collector):
    """Exposes how many verdicts are in force, and every raised threshold (1,000 at most)."""

    def __init__(self, feedback: Feedback) -> None:
        self._feedback = feedback

    def describe(self) -> Iterable[Metric]:
        """Return nothing: asking at registration would be too early."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of this moment."""
        family = GaugeMetricFamily(NAME, HELP, labels=("verdict",))
        marks = self._feedback.marks()
        for verdict, count in in_force(marks).items():
            family.add_metric((verdict,), count)
        yield family
        raised = GaugeMetricFamily(RAISED, RAISED_HELP, labels=("id", "query", "series"))
        for entry in marks.raises:
            raised.add_metric((entry.id, entry.query, labels_text(entry)), expires_at(entry))
        yield raised


def in_force(marks: Marks) -> dict[str, int]:
    """Return how many verdicts of each kind count."""
    counted = Counter(entry.verdict for entry in (*marks.raises, *marks.spans, *marks.accepts))
    return {verdict: counted[verdict] for verdict in ("false_alarm", "incident", "expected", "accepted")}
