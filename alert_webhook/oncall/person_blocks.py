"""The configuration's blocks about people: contacts, rules, hours of quiet."""

from msgspec import field

from alert_webhook.config_block import Block, Faults
from alert_webhook.oncall.people import Contact, Person
from alert_webhook.oncall.rotation import Window
from alert_webhook.oncall.rules import Quiet, Rule, RuleContact
from alert_webhook.oncall.wall import LAST_MINUTE, WEEKDAYS, TimeOfDay, Weekday, Zone
from heronwatch.values import Duration, Verbatim

LONGEST_DELAY = Duration(86_400)


class ContactBlock(Block, frozen=True, kw_only=True):
    """One way to reach a person, tried in the order of the list."""

    channel: str
    address: Verbatim = ""
    name: str = ""  # the channel's name, unless the person has two contacts on it


class RuleContactBlock(Block, frozen=True, kw_only=True):
    """A contact that a rule uses, some time after the step that names the person."""

    contact: str
    after: Duration = Duration(0)

    def config_faults(self) -> Faults:
        """Check that the wait is not one without end."""
        if self.after > LONGEST_DELAY:
            yield "after", f"expected at most {LONGEST_DELAY}, found {self.after}"


class RuleBlock(Block, frozen=True, kw_only=True):
    """Which contacts are used for incidents of some severities; the first rule that fits counts."""

    contacts: tuple[RuleContactBlock, ...]
    severities: tuple[str, ...] = ()

    def config_faults(self) -> Faults:
        """Check that there is a contact, and none twice."""
        if not self.contacts:
            yield "contacts", "give at least one contact"
        names = [each.contact for each in self.contacts]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield f"contacts[{index}].contact", f"{name!r} stands in this rule already"


class QuietBlock(Block, frozen=True, kw_only=True):
    """Hours in which pages of some severities wait; `to` that is not after `from` is the next day's."""

    severities: tuple[str, ...]
    begins: TimeOfDay = field(default=TimeOfDay(22 * 60), name="from")
    to: TimeOfDay = TimeOfDay(7 * 60)
    days: tuple[Weekday, ...] = WEEKDAYS

    def config_faults(self) -> Faults:
        """Check that there are severities and days, and an end."""
        if not self.severities:
            yield "severities", "name the severities whose pages wait"
        if not self.days:
            yield "days", "name at least one day"
        if self.begins == LAST_MINUTE:
            yield "from", "24:00 is the end of a day: write 00:00 of the next"
        if int(self.begins) % LAST_MINUTE == int(self.to) % LAST_MINUTE:
            yield "to", "these hours never end"

    def quiet(self, zone: Zone) -> Quiet:
        """Return the hours as escalation uses them."""
        days = frozenset(WEEKDAYS.index(day) for day in self.days)
        return Quiet(frozenset(self.severities), zone, (Window(days, int(self.begins), int(self.to)),))


class PersonBlock(Block, frozen=True, kw_only=True):
    """Somebody who can be paged."""

    contacts: tuple[ContactBlock, ...]
    name: str = ""
    time_zone: Zone | None = None
    rules: tuple[RuleBlock, ...] = ()
    quiet_hours: QuietBlock | None = None

    def config_faults(self) -> Faults:
        """Check that hours of quiet are somewhere's hours."""
        if self.quiet_hours is not None and self.time_zone is None:
            yield "time_zone", "missing: quiet_hours are hours of which time zone? (Europe/Madrid)"

    def person(self, key: str, zone: Zone) -> Person:
        """Return the person under this key; `zone` is in which they read times if they have none of their own."""
        contacts = tuple(Contact(each.name or each.channel, each.channel, each.address) for each in self.contacts)
        rules = tuple(
            Rule(
                frozenset(rule.severities),
                tuple(RuleContact(each.contact, float(each.after)) for each in rule.contacts),
            )
            for rule in self.rules
        )
        quiet = self.quiet_hours.quiet(self.time_zone) if self.quiet_hours and self.time_zone else None
        return Person(key, self.name or key, contacts, rules, quiet, (self.time_zone or zone).name)
