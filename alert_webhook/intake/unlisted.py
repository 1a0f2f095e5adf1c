"""Alerts of a severity that the configuration does not list: counted, and each value named in the log once."""

import threading
from collections.abc import Mapping

from prometheus_client import Counter

from alert_webhook.delivery.plain import cut
from heronwatch.logs import get_logger

LINES = 100  # values named while the process runs; more are a sender's mistake that the counter still shows
MAX_CHARACTERS = 40


class UnlistedSeverities:
    """What senders call severe that we do not know. Safe to use from several threads."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._named: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webhook.intake")

    def tell(self, integration: str, found: Mapping[str, int], *, counts_as: str) -> None:
        """Count the alerts of each value, and warn of those that are new."""
        if not found:
            return
        self._counter.labels(integration).inc(sum(found.values()))
        for value in found:
            shown = cut(value, MAX_CHARACTERS)
            if self._is_new(integration, shown):
                self._log.warning(
                    "a severity is not listed", integration=integration, severity=shown, counts_as=counts_as
                )

    def _is_new(self, integration: str, value: str) -> bool:
        with self._lock:
            if (integration, value) in self._named or len(self._named) >= LINES:
                return False
            self._named.add((integration, value))
            return True
