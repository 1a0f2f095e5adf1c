"""The configuration's blocks about incidents. Every key is explained in docs/webhook/incidents.md."""

import re
from typing import Literal

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.incidents.correlation import CorrelationRule
from alert_webhook.incidents.dependencies import Rules
from alert_webhook.incidents.labels import LabelMatch
from alert_webhook.incidents.windows import Hours, MaintenanceWindow
from alert_webhook.oncall.blocks import WindowBlock
from alert_webhook.oncall.rotation import Window
from alert_webhook.oncall.schedule import FOREVER
from alert_webhook.oncall.wall import LAST_MINUTE, WEEKDAYS, TimeOfDay, WallTime, Weekday, Zone
from heronwatch.values import Duration, HttpUrl

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


class AcknowledgementBlock(Block, frozen=True, kw_only=True):
    """How long an acknowledgement holds, and how long before its end the holder is asked; 0: for ever, never."""

    expires_after: Duration = Duration(4 * 3600)
    remind_before: Duration = Duration(900)

    def config_faults(self) -> Faults:
        """Check that the reminder comes after the acknowledgement."""
        if 0 < self.expires_after <= self.remind_before:
            yield "remind_before", f"expected less than expires_after, {self.expires_after}, found {self.remind_before}"

    def times(self, now: float) -> tuple[float | None, float | None]:
        """Return when an acknowledgement made at `now` ends and when its holder is asked; None: never."""
        if not self.expires_after:
            return None, None
        ends_at = now + self.expires_after
        return ends_at, ends_at - self.remind_before if self.remind_before else None


class TopologyBlock(Block, frozen=True, kw_only=True):
    """Which info metric, read from the Prometheus of the block `prometheus`, says who hangs from whom."""

    metric: str = "heronwatch_device_parent_info"
    child: str = "instance"  # its labels
    parent: str = "parent"
    every: Duration = Duration(60)
    stale_after: Duration = Duration(900)  # a link that nobody has seen for so long is unknown

    def config_faults(self) -> Faults:
        """Check that a link lives longer than the time between two looks, and that the metric is a name."""
        if not METRIC.fullmatch(self.metric):
            yield "metric", f"{self.metric!r} is not the name of a metric"
        if self.every < 5 or self.stale_after <= self.every:
            yield "stale_after", f"expected every: 5s or more, and stale_after: more than every ({self.every})"


class SuppressionBlock(Block, frozen=True, kw_only=True):
    """Which alerts are another's consequence, by who hangs from whom."""

    label: str = "instance"  # the label that names the device of an alert
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)  # device → what it hangs from
    topology: TopologyBlock | None = None
    down: tuple[dict[str, str], ...] = ({"alertname": "TargetDown"}, {"alertname": "DeviceDown"})
    never_suppress: tuple[dict[str, str], ...] = ()
    settle: Duration = Duration(60)  # after the parent's end, before what still fires pages

    def config_faults(self) -> Faults:
        """Check that each match has a label."""
        for name in ("down", "never_suppress"):
            for index, match in enumerate(getattr(self, name)):
                if not match:
                    yield f"{name}[{index}]", "name at least one label"

    @property
    def stale_after_s(self) -> float:
        """How long a link of the topology is believed."""
        return float(self.topology.stale_after) if self.topology else 0.0

    def rules(self) -> Rules:
        """Return the rules as they are used; nothing says that a device is down where no link can be known."""
        linked = bool(self.parents) or self.topology is not None
        return Rules(
            label=self.label,
            down=tuple(LabelMatch(match) for match in self.down) if linked else (),
            never=tuple(LabelMatch(match) for match in self.never_suppress),
            settle_s=float(self.settle),
        )


class MaintenanceBlock(Block, frozen=True, kw_only=True):
    """A window in which matching alerts page nobody: once (`from`, `to`), or in hours that come again."""

    match: dict[str, str] = field(default_factory=dict)
    match_re: dict[str, str] = field(default_factory=dict)
    time_zone: Zone
    begins: WallTime | None = field(default=None, name="from")
    to: WallTime | None = None
    hours: tuple[WindowBlock, ...] = ()

    def config_faults(self) -> Faults:
        """Check that it means some alerts, and has an end."""
        yield from LabelMatch(self.match, self.match_re).faults()
        if not self.hours and (self.begins is None or self.to is None):
            yield "", "give from and to, or hours that come again"
        if self.begins is not None and self.to is not None and self.begins >= self.to:
            yield "to", "it ends before it begins"

    def window(self, name: str) -> MaintenanceWindow:
        """Return the window under this name."""
        zone = self.time_zone
        return MaintenanceWindow(
            id=0,
            title=name,
            match=LabelMatch(self.match, self.match_re),
            start_at=-FOREVER if self.begins is None else zone.instant(self.begins),
            end_at=FOREVER if self.to is None else zone.instant(self.to),
            hours=Hours(zone.name, tuple(each.window() for each in self.hours)) if self.hours else None,
            created_by="configuration",
        )


class CorrelationBlock(Block, frozen=True, kw_only=True):
    """Alerts of different groups that begin within `window` and share all these labels are one incident."""

    labels: tuple[str, ...]
    window: Duration = Duration(300)
    match: dict[str, str] = field(default_factory=dict)  # only alerts with these labels

    def config_faults(self) -> Faults:
        """Check that something is shared, and not for ever."""
        if not self.labels:
            yield "labels", "name at least one label that they share"
        if not 0 < self.window <= 3600:
            yield "window", f"expected up to 1h, found {self.window}"

    def rule(self, realm: str) -> CorrelationRule:
        """Return the rule; only alerts of one realm belong together."""
        return CorrelationRule(self.labels, float(self.window), self.match, realm)


class DigestBlock(Block, frozen=True, kw_only=True):
    """When whom is told, in one message, of what began since the last one and pages nobody."""

    notify: tuple[str, ...]
    time_zone: Zone
    at: tuple[TimeOfDay, ...] = (TimeOfDay(8 * 60),)
    days: tuple[Weekday, ...] = WEEKDAYS
    match: dict[str, str] = field(default_factory=dict)  # only incidents with these labels
    quiet_hours: Literal["wait", "ignore"] = "wait"  # in a person's hours of quiet
    more: HttpUrl | None = None  # where the reader finds the list of incidents

    def config_faults(self) -> Faults:
        """Check that there is a time, a day and somebody."""
        for name in ("notify", "at", "days"):
            if not getattr(self, name):
                yield name, "name at least one"

    def slots(self) -> Hours:
        """Return the minutes at which it is due, as hours of one minute."""
        days = frozenset(WEEKDAYS.index(day) for day in self.days)
        return Hours(self.time_zone.name, tuple(Window(days, int(at), (int(at) + 1) % LAST_MINUTE) for at in self.at))


class SilencesBlock(Block, frozen=True, kw_only=True):
    """An acknowledgement silences its alerts in Alertmanager for as long as it holds."""

    integrations: tuple[str, ...]  # of type alertmanager, with an `alertmanager` block
    length: Duration = Duration(900)  # each silence is short and made longer while it is needed
    most: int = 20  # an incident of more firing alerts is not silenced

    def config_faults(self) -> Faults:
        """Check that a silence outlives the time between two looks."""
        if not 120 <= self.length <= 86_400:
            yield "length", f"expected 2m to 1d, found {self.length}"
        if not 1 <= self.most <= 200:
            yield "most", f"expected 1 to 200, found {self.most}"
