"""What stands between the outbox and the channels: throttles for contacts, a breaker for each channel."""

import threading
from collections.abc import Callable

from alert_webhook.config import Config
from alert_webhook.delivery import breaker
from alert_webhook.delivery.breaker import Breaker, Position
from alert_webhook.delivery.channel import Decision, Message, Outcome, Permanent, Receipt
from alert_webhook.delivery.throttle import throttled
from heronwatch.logs import get_logger


class LiveGate:
    """Remembers the breakers of this process, for the channels of the configuration in force.

    The throttles' memory is the database. A channel whose block was changed by a reload starts afresh.
    """

    def __init__(self, settings: Callable[[], Config]) -> None:
        self._settings = settings
        self._breakers: dict[str, tuple[object, Breaker]] = {}
        self._refusals: dict[str, str] = {}
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webhook.provider")

    def ask(self, message: Message, recent: tuple[float, ...], now: float) -> Decision:
        """Decide about one message; `recent` are the times of what this contact was sent in the last three hours."""
        decision = throttled(message, recent, now, critical=self._settings().delivery.critical.ceiling())
        if not decision.send:
            return decision
        channel = message.recipient.channel
        with self._lock:
            after, decision = breaker.ask(self._breaker(channel), now)
            self._keep(channel, after)
        return decision

    def tell(self, channel: str, outcome: Outcome, now: float) -> None:
        """Learn how an attempt through `channel` ended."""
        with self._lock:
            before = self._breaker(channel)
            after = breaker.tell(before, outcome, now)
            self._keep(channel, after)
            self._say(channel, before, after)
            if isinstance(outcome, Permanent) and outcome.refused_us:
                self._refusals[channel] = outcome.reason
            elif isinstance(outcome, Receipt):
                self._refusals[channel] = ""

    def refusals(self) -> dict[str, str]:
        """Return why providers refuse us, "" for those that do not; channels never tried are absent."""
        with self._lock:
            return dict(self._refusals)

    def states(self, now: float) -> dict[str, Position]:
        """Return the position of every configured channel's breaker."""
        with self._lock:
            return {name: breaker.position(self._breaker(name), now) for name in self._settings().channels}

    def _say(self, channel: str, before: Breaker, after: Breaker) -> None:
        """Log that a channel is left in peace from now on, or works again: a trial that fails is no news."""
        if breaker.closed(after) and not breaker.closed(before):
            self._log.info("a provider works again", channel=channel, failures=before.failures)
        elif breaker.closed(before) and not breaker.closed(after):
            self._log.warning("a provider fails and is left in peace for a while", channel=channel)

    def _breaker(self, channel: str) -> Breaker:
        block, kept = self._breakers.get(channel, (None, Breaker()))
        return kept if block == self._settings().channels.get(channel) else Breaker()

    def _keep(self, channel: str, kept: Breaker) -> None:
        configured = self._settings().channels
        self._breakers = {name: value for name, value in self._breakers.items() if name in configured}
        if channel in configured:
            self._breakers[channel] = configured[channel], kept
