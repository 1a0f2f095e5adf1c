"""The configuration's blocks about the webhook's own health."""

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.delivery.reachable import url_fault
from heronwatch.values import Duration, HttpUrl, Network

SHORTEST_SILENCE_S = 120.0  # a Watchdog comes once a minute, and when it came is written down once a minute


class WatchdogBlock(Block, frozen=True, kw_only=True):
    """An alert that always fires: its absence is the alarm."""

    alertname: str = "Watchdog"
    silent_after: Duration = Duration(300)

    def config_faults(self) -> Faults:
        """Check that a silence can be told from the time between two posts."""
        if self.silent_after < SHORTEST_SILENCE_S:
            yield "silent_after", f"expected at least 2m, found {self.silent_after}"


class HeartbeatBlock(Block, frozen=True, kw_only=True):
    """Where to say, as long as everything is on time, that it is: the one who listens there alarms when we stop."""

    url: HttpUrl
    every: Duration = Duration(60)
    timeout: Duration = Duration(10)
    allowed_networks: tuple[Network, ...] = ()

    def config_faults(self) -> Faults:
        """Check the address, and that one call is over before the next."""
        if fault := url_fault(self.url, self.allowed_networks):
            yield "url", fault
        if not 0 < self.timeout < self.every:
            yield "timeout", f"{self.timeout} is not shorter than every, {self.every}"


class HealthBlock(Block, frozen=True, kw_only=True):
    """Who is paged when the webhook itself is in trouble, and by what it notices."""

    operator: str = ""  # the policy of incidents about the webhook itself
    emergency: tuple[str, ...] = ()  # the people who are told without the database when the engine does not work
    watchdogs: dict[str, WatchdogBlock] = field(default_factory=dict)  # by integration
    heartbeat: HeartbeatBlock | None = None

    def config_faults(self) -> Faults:
        """Check that somebody hears of it."""
        if self.watchdogs and not self.operator:
            yield "operator", "missing: which policy pages when a watchdog goes silent?"


class ShiftTestBlock(Block, frozen=True, kw_only=True):
    """A page at the start of each shift that has to be acknowledged, else `alarm` is paged."""

    alarm: str  # a policy
    answer_within: Duration = Duration(900)
