"""What the detector's metrics say about feedback."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anomaly_detector.feedback.effects import Marks
from anomaly_detector.feedback.record import Feedback

NAME = "heronwatch_detector_feedback_in_force"
HELP = "Verdicts of people that count now: raised thresholds (false_alarm), spans not learnt from, accepted levels."


class FeedbackCollector(Collector):
    """Exposes how many verdicts are in force."""

    def __init__(self, feedback: Feedback) -> None:
        self._feedback = feedback

    def describe(self) -> Iterable[Metric]:
        """Return nothing: asking at registration would be too early."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge of this moment."""
        family = GaugeMetricFamily(NAME, HELP, labels=("verdict",))
        for verdict, count in in_force(self._feedback.marks()).items():
            family.add_metric((verdict,), count)
        yield family


def in_force(marks: Marks) -> dict[str, int]:
    """Return how many verdicts of each kind count."""
    counted = Counter(entry.verdict for entry in (*marks.raises, *marks.spans, *marks.accepts))
    return {verdict: counted[verdict] for verdict in ("false_alarm", "incident", "expected", "accepted")}
