"""Who would have been paged on one day, when and why: rows to text."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.incidents.title import MAX_CHARACTERS
from alert_webhook.oncall.wall import Zone

NAME = "shadow report"  # among the digests; none of a configuration can have a name with a space
KIND = "shadow"  # in place of a severity
MOST_LINES = 200  # of a message; the command and the API have all
WHY = {
    "fallback": "an earlier contact failed",
    "resolved": "the incident was over",
    "reminder": "was to say whether they still have it",
    "digest": "a digest",
    "handover": "somebody else is on call",
}


class WouldBe(Struct, frozen=True, kw_only=True):
    """One message that was kept back. `at` is Unix seconds."""

    at: float
    integration: str
    person: str
    contact: str
    reason: str  # as delivery.channel.Reason
    step: int  # counted from 1; 0 for notices
    incident: str  # its code
    title: str
    severity: str
    policy: str


class Day(Struct, frozen=True):
    """One day in one zone, and what was kept back on it, in order of time."""

    day: date
    messages: tuple[WouldBe, ...]


def bounds(day: date, zone: Zone) -> tuple[float, float]:
    """Return when a day begins and ends, Unix seconds.

    >>> bounds(date(1970, 1, 2), Zone("UTC"))
    (86400.0, 172800.0)
    """
    begins, ends = (zone.instant(datetime.combine(each, time())) for each in (day, day + timedelta(days=1)))
    return begins, ends


def days_between(since: float, until: float, zone: Zone, *, most: int) -> list[date]:
    """Return the days from one midnight up to another, the latest `most` of them.

    >>> days_between(0.0, 3 * 86400.0, Zone("UTC"), most=2)
    [datetime.date(1970, 1, 2), datetime.date(1970, 1, 3)]
    """
    today = zone.wall(until).date()
    number = min(most, max(0, round((until - since) / 86_400.0)))
    return [today - timedelta(days=back) for back in range(number, 0, -1)]


def lines(found: Day, zone: Zone) -> list[str]:
    """Return the report, line by line; `zone` is whose day it is."""
    if not found.messages:
        return [f"{found.day}: nobody would have been contacted."]
    return [f"{found.day}: {_sum([found])}", *(_line(each, zone) for each in found.messages)]


def why(message: WouldBe) -> str:
    """Return why this message would have been sent."""
    if message.reason != "page":
        return WHY.get(message.reason, message.reason)
    told = f"escalation step {message.step}"
    return f"{told} of policy {message.policy}" if message.policy else told


def report_view(days: Sequence[Day], newest: IncidentView, zone: Zone) -> IncidentView:
    """Return the report in the form of an incident, as a digest is; it belongs to no integration, so it is sent.

    `newest` lends its id and code.
    """
    told = [line for each in days for line in lines(each, zone)]
    when = str(days[0].day) if len(days) == 1 else f"{days[0].day} to {days[-1].day}"
    return IncidentView(
        id=newest.id,
        code=newest.code,
        state=newest.state,
        severity=KIND,
        title=f"of shadow mode, {when}: {_sum(days)}",
        labels={},
        integration="",
        source_url="",
        started_at=bounds(days[0].day, zone)[0],
        updated_at=newest.updated_at,
        alerts=tuple(_alert(line) for line in told[:MOST_LINES]),
        firing=0,
        total=len(told),
    )


def _sum(days: Sequence[Day]) -> str:
    pages = [each for found in days for each in found.messages if each.reason != "resolved"]
    told = Counter(each.person for each in pages)
    people = ", ".join(f"{name} {number}" for name, number in told.most_common())
    head = f"{len(pages)} page(s) about {len({each.incident for each in pages})} incident(s)"
    return f"{head}{': ' + people if people else ''}"


def _line(each: WouldBe, zone: Zone) -> str:
    at = f"{zone.wall(each.at):%H:%M:%S} {zone.called(each.at)}"
    return f"{at} {each.person}/{each.contact}: {each.incident} {each.severity} {each.title} ({why(each)})"


def _alert(line: str) -> AlertView:
    return AlertView(
        name=KIND, labels={}, annotations={"summary": line[:MAX_CHARACTERS]}, generator_url="", started_at=0.0
    )
