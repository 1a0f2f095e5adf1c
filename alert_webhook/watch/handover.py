"""When somebody else is on call: who is told what. Pure."""

from msgspec import Struct

from alert_webhook.oncall.people import People
from alert_webhook.oncall.schedule import Schedule, standing


class Handover(Struct, frozen=True):
    """A change of who is on call; "" stands for nobody."""

    schedule: str
    before: str
    after: str
    text: str

    @property
    def told(self) -> tuple[str, ...]:
        """The people who are told."""
        return tuple(person for person in (self.after, self.before) if person)


def handover(schedule: Schedule, before: str | None, people: People, now: float) -> Handover | None:
    """Return the change since `before` was on call (None: not known, so nobody is told), None without one."""
    found = standing(schedule, now)
    after = found.now.person
    if before is None or before == after:
        return None
    until = f" until {schedule.zone.shown(found.until)}" if found.until is not None else ""
    text = f"{schedule.name}: {_name(after, people)} is on call{until}, after {_name(before, people)}"
    return Handover(schedule.name, before, after, text)


def _name(key: str, people: People) -> str:
    if not key:
        return "nobody"
    return people[key].name if key in people else key
