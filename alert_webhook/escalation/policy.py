"""An escalation policy as an incident keeps it: a snapshot, so that a later edit changes later incidents only.

Who is on call is no part of it: a step that names a schedule asks the schedule as it is when the step is due.
"""

from collections.abc import Mapping

from msgspec import Struct

from alert_webhook.oncall.rotation import Window, inside
from alert_webhook.oncall.wall import Zone


class Condition(Struct, frozen=True):
    """When a step applies: every part that is given must hold at the moment the step is due."""

    severities: tuple[str, ...] = ()
    match: Mapping[str, str] = {}
    zone: str = "UTC"
    during: tuple[Window, ...] = ()
    outside: tuple[Window, ...] = ()


class Step(Struct, frozen=True):
    """Page `notify` ("ana", "ana/phone", "schedule:network") when `after_s` seconds have passed since the step before.

    With `round_robin` only one of them, in turn; with `when` only under that condition.
    """

    after_s: float
    notify: tuple[str, ...]
    round_robin: bool = False
    when: Condition | None = None


class Policy(Struct, frozen=True):
    """The steps, how often the whole list is repeated, and when silence after the last step is critical.

    `page_after` names severities that page after so many seconds, whatever their urgency says.
    """

    name: str
    steps: tuple[Step, ...]
    repeat: int
    exhausted_after_s: float
    page_after: Mapping[str, float] = {}


def objection(condition: Condition | None, severity: str, labels: Mapping[str, str], now: float) -> str:
    """Return why a step does not apply to an incident now, "" if it does."""
    if condition is None:
        return ""
    if condition.severities and severity not in condition.severities:
        return f"for {', '.join(condition.severities)} only"
    for name, value in condition.match.items():
        if labels.get(name) != value:
            return f"for {name}={value} only"
    zone = Zone(condition.zone)
    if condition.during and not inside(condition.during, zone, now):
        return "outside its hours"
    if condition.outside and inside(condition.outside, zone, now):
        return "within the hours it leaves out"
    return ""
