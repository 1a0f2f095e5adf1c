"""What /metrics says about people and deliveries: who waits, how long answers take, how long pages take.

Labels are severities and channels of the configuration, never what an alert says.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.config import Config
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.store.answer_times import AnswerTimes, Mean, answer_times
from alert_webhook.store.database import Store

QUANTILES = (0.5, 0.95, 1.0)


class AnswerGauges(Collector):
    """Asked of the database at scrape time; while it is away they are absent."""

    def __init__(self, store: Store, settings: Callable[[], Config]) -> None:
        self._store = store
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        try:
            found = self._store.read(answer_times)
        except StoreUnavailableError:
            return
        yield from families(found, self._settings().severities)

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []


def families(found: AnswerTimes, severities: Iterable[str]) -> Iterator[Metric]:
    """Yield the gauges; every severity of the configuration has its count, also at 0, so that rules can compare."""
    waiting = _by_severity("unacked_incidents", "Incidents that page and have no answer.")
    for severity in dict.fromkeys([*severities, *found.unanswered]):
        waiting.add_metric((severity,), float(found.unanswered.get(severity, 0)))
    yield waiting
    yield from _times("time_to_ack_seconds", "time_to_ack_incidents", "acknowledgement", found.to_ack)
    yield from _times("time_to_resolve_seconds", "time_to_resolve_incidents", "end", found.to_resolve)
    pages = GaugeMetricFamily(
        "heronwatch_webhook_page_seconds",
        "From being owed to being taken by a provider: pages of the last hour.",
        labels=("channel", "quantile"),
    )
    for channel, seconds in found.pages.items():
        for quantile in QUANTILES:
            pages.add_metric((channel, f"{quantile:g}"), ranked(seconds, quantile))
    yield pages


def ranked(ascending: Sequence[float], quantile: float) -> float:
    """Return a quantile by the nearest rank.

    >>> ranked((1.0, 2.0, 3.0, 10.0), 0.5), ranked((1.0, 2.0, 3.0, 10.0), 1.0)
    (2.0, 10.0)
    """
    return ascending[max(0, -int(-quantile * len(ascending) // 1) - 1)]


def _by_severity(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"heronwatch_webhook_{name}", text, labels=("severity",))


def _times(mean_name: str, count_name: str, what: str, means: dict[str, Mean]) -> Iterator[Metric]:
    mean = _by_severity(mean_name, f"Mean time to the {what} of incidents that began within 7 days and paged.")
    count = _by_severity(count_name, f"How many incidents the mean time to the {what} is of.")
    for severity, each in means.items():
        mean.add_metric((severity,), each.seconds)
        count.add_metric((severity,), float(each.count))
    yield mean
    yield count
