"""What /metrics says about schedules. The label is a name of the configuration, never an alert's."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alert_webhook.config import Config
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.oncall.blocks import CalendarBlock
from alert_webhook.oncall.current import current_schedules, with_overrides
from alert_webhook.oncall.remote_calendars import remote, stale_s
from alert_webhook.oncall.schedule import Schedule, gap_seconds, on_call
from alert_webhook.store import calendar_copies
from alert_webhook.store.calendar_copies import Key
from alert_webhook.store.database import Store, Transaction

AHEAD_S = 7 * 86_400.0


class OnCallGauges(Collector):
    """Computed at scrape time. While the database is away, by the configuration alone, without later overrides."""

    def __init__(self, store: Store, settings: Callable[[], Config], now: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        schedules, now = self._ask()
        if schedules:
            yield from families(schedules, now)
        wanted = remote(self._settings())
        if wanted:
            yield from self._copies(wanted)

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []

    def _ask(self) -> tuple[dict[str, Schedule], float]:
        config = self._settings()

        def read(tx: Transaction) -> tuple[dict[str, Schedule], float]:
            return current_schedules(tx, config), tx.now

        try:
            return self._store.read(read) if config.schedules else ({}, 0.0)
        except StoreUnavailableError:
            return with_overrides(config, {}), self._now()

    def _copies(self, wanted: Mapping[Key, CalendarBlock]) -> Iterator[Metric]:
        """Yield the age of the copies of calendars that come from a URL; nothing while the database is away."""
        try:
            now, copies = self._store.read(lambda tx: (tx.now, calendar_copies.known(tx)))
        except StoreUnavailableError:
            return
        age = GaugeMetricFamily(
            "heronwatch_webhook_calendar_age_seconds",
            "How old the copy of a calendar from a URL is; endless before the first.",
            labels=("schedule", "calendar"),
        )
        stale = GaugeMetricFamily(
            "heronwatch_webhook_calendars_stale", "Calendars from a URL whose copy is older than stale_after."
        )
        for key in wanted:
            read_at = copies[key].fetched_at if key in copies else None
            age.add_metric(key, float("inf") if read_at is None else now - read_at)
        stale.add_metric(
            (), float(sum(stale_s(copies.get(key), block, now) is not None for key, block in wanted.items()))
        )
        yield age
        yield stale


def families(schedules: dict[str, Schedule], now: float) -> Iterator[Metric]:
    """Yield the gauges of these schedules at a time."""
    gap = GaugeMetricFamily(
        "heronwatch_webhook_oncall_gap_seconds",
        "For how many seconds of the next 7 days nobody is on call.",
        labels=("schedule",),
    )
    covered = GaugeMetricFamily(
        "heronwatch_webhook_oncall_covered", "1 while somebody is on call.", labels=("schedule",)
    )
    for name, schedule in schedules.items():
        gap.add_metric((name,), gap_seconds(schedule, now, now + AHEAD_S))
        covered.add_metric((name,), 1.0 if on_call(schedule, now).person else 0.0)
    yield gap
    yield covered
