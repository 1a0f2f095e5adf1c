"""The webhook's configuration: YAML → frozen values. Every key is explained in docs/webhook/README.md."""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import field

from alert_webhook import config_checks
from alert_webhook.config_block import Block, Faults
from alert_webhook.delivery.blocks import CriticalBlock
from alert_webhook.delivery.registry import CHANNELS
from alert_webhook.escalation.blocks import PolicyBlock, StepBlock
from alert_webhook.incidents.blocks import (
    AcknowledgementBlock,
    CorrelationBlock,
    DigestBlock,
    MaintenanceBlock,
    SilencesBlock,
    SuppressionBlock,
)
from alert_webhook.incidents.urgency import Severities, Severity, Urgency
from alert_webhook.incidents.windows import MaintenanceWindow
from alert_webhook.intake.blocks import Integration
from alert_webhook.oncall.blocks import ScheduleBlock
from alert_webhook.oncall.people import Person
from alert_webhook.oncall.person_blocks import ContactBlock, PersonBlock
from alert_webhook.oncall.reading import common_zone, zone_of, zones_of_turns
from alert_webhook.oncall.schedule import Schedule
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.blocks import ShadowReportBlock
from alert_webhook.watch.blocks import HealthBlock
from alert_webhook.web.blocks import DetectorBlock, PrometheusBlock
from heronwatch.config import ByKey
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl

AnyChannel = Annotated[Any, ByKey("type", names=CHANNELS.names, type_of=lambda name: CHANNELS.get(name).block)]
__all__ = ["Block", "Config", "ContactBlock", "Integration", "PersonBlock", "PolicyBlock", "StepBlock"]


class Postgresql(Block, frozen=True, kw_only=True):
    """A PostgreSQL server; `host` may be the folder of its Unix socket."""

    host: str
    port: int = 5432
    database: str = "heronwatch"
    user: str = "heronwatch"
    password: Secret = Secret("")
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"


class Database(Block, frozen=True, kw_only=True):
    """Where everything is kept: a SQLite file, or PostgreSQL where several replicas share the work."""

    sqlite: Path | None = None
    postgresql: Postgresql | None = None

    def config_faults(self) -> Faults:
        """Exactly one of the two."""
        if (self.sqlite is None) == (self.postgresql is None):
            yield "", "give either sqlite or postgresql"


class SeverityBlock(Block, frozen=True, kw_only=True):
    """What one value of the label `severity` asks for."""

    urgency: Urgency
    contacts: Literal["first", "all"] = "first"  # page a person's first contact, or all at once
    after: Duration = Duration(0)  # what ends sooner pages nobody


class Route(Block, frozen=True, kw_only=True):
    """Incidents whose alerts share all these labels go to this policy instead of the integration's."""

    match: dict[str, str]
    policy: str

    def config_faults(self) -> Faults:
        """Refuse a route without labels: it would take everything."""
        if not self.match:
            yield "match", "name at least one label; for everything, change the integration's policy"


class Context(Block, frozen=True, kw_only=True):
    """Which open alerts that page nobody are named in the pages of incidents beside them."""

    labels: tuple[str, ...] = ("instance", "site")  # sharing one of these is being beside it; the closest first
    lines: int = 3

    def config_faults(self) -> Faults:
        """Few enough lines for a text message."""
        if not 0 <= self.lines <= 3:
            yield "lines", f"expected 0 to 3, found {self.lines}"


class Delivery(Block, frozen=True, kw_only=True):
    """How pages are tried."""

    senders: int = 8  # messages on their way at once
    lease: Duration = Duration(60)  # longer than any channel's timeout
    fallback_after: Duration = Duration(60)  # then, or after two failures, the person's next contact is asked too
    give_up_after: Duration = Duration(1800)
    link_expires_after: Duration = Duration(86_400)
    resolved: bool = True  # tell those who were paged that it is over
    critical: CriticalBlock = CriticalBlock()  # how many critical messages a contact gets, each by itself

    def config_faults(self) -> Faults:
        """At least one sender."""
        if not 1 <= self.senders <= 64:
            yield "senders", f"expected 1 to 64, found {self.senders}"


DEFAULT_SEVERITIES = {  # the most severe first: the order is the rank
    "critical": SeverityBlock(urgency=Urgency.PAGE, contacts="all"),
    "high": SeverityBlock(urgency=Urgency.PAGE, after=Duration(300)),
    "warning": SeverityBlock(urgency=Urgency.DIGEST),
    "info": SeverityBlock(urgency=Urgency.CONTEXT),
    "none": SeverityBlock(urgency=Urgency.CONTEXT),
}


class Config(Block, frozen=True, kw_only=True):
    """The whole file. `channels` holds `ChannelBlock`s of the plug-ins' own classes."""

    version: Literal[1]
    database: Database
    integrations: dict[str, Integration]
    people: dict[str, PersonBlock]
    policies: dict[str, PolicyBlock]
    channels: dict[str, AnyChannel]
    schedules: dict[str, ScheduleBlock] = field(default_factory=dict)
    time_zone: Zone | None = None  # in which people without one of their own, and without a schedule, read times
    public_url: HttpUrl | None = None  # where ack links lead; none: messages carry none
    severities: dict[str, SeverityBlock] = field(default_factory=lambda: dict(DEFAULT_SEVERITIES))
    default_severity: str = "high"  # what an alert counts as whose severity is missing or not listed
    routes: tuple[Route, ...] = ()
    context: Context = Context()
    delivery: Delivery = Delivery()
    acknowledgement: AcknowledgementBlock = AcknowledgementBlock()
    suppression: SuppressionBlock = SuppressionBlock()
    maintenance: dict[str, MaintenanceBlock] = field(default_factory=dict)
    correlation: tuple[CorrelationBlock, ...] = ()
    digests: dict[str, DigestBlock] = field(default_factory=dict)
    shadow_report: ShadowReportBlock | None = None
    silences: SilencesBlock | None = None
    prometheus: PrometheusBlock | None = None
    detector: DetectorBlock | None = None
    health: HealthBlock = HealthBlock()
    retention: Duration = Duration(90 * 86_400)

    def config_faults(self) -> Faults:
        """Return every name that refers to nothing, every bad name, and every contact address a channel refuses."""
        return config_checks.faults(self)

    def ranked(self) -> Severities:
        """Return the severities with their ranks."""
        known = {
            name: Severity(name, rank, block.urgency, block.contacts == "all", float(block.after))
            for rank, (name, block) in enumerate(self.severities.items())
        }
        return Severities(known, known[self.default_severity])

    def maintenance_windows(self) -> list[MaintenanceWindow]:
        """Return the maintenance windows of the file."""
        return [block.window(name) for name, block in self.maintenance.items()]

    def shadows(self) -> list[str]:
        """Return the integrations in shadow mode: what they say contacts nobody."""
        return [name for name, integration in self.integrations.items() if integration.mode == "shadow"]

    def persons(self) -> dict[str, Person]:
        """Return the people."""
        turns, common = zones_of_turns(self.schedules), self.common_zone()
        return {key: block.person(key, turns.get(key, common)) for key, block in self.people.items()}

    def common_zone(self) -> Zone:
        """Return the time zone in which everybody reads times who has none of their own."""
        return common_zone(self.time_zone, self.schedules)

    def zone_of(self, name: str) -> Zone:
        """Return in which time zone a person (key or name) or a user of this name reads times."""
        return zone_of(name, self.persons(), self.common_zone())

    def rotas(self) -> dict[str, Schedule]:
        """Return the schedules as the file has them: without calendars, and without overrides made later."""
        return {name: block.schedule(name) for name, block in self.schedules.items()}
