"""Who would have been paged on one day, when and why: rows to text."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from msgspec import Struct

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


def bounds(day: date, zone: tzinfo = UTC) -> tuple[float, float]:
    """Return when a day begins and ends, Unix seconds.

    >>> bounds(date(1970, 1, 2))
    (86400.0, 172800.0)
    """
    begins, ends = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    return begins.timestamp(), ends.timestamp()


def lines(found: Day, zone: tzinfo = UTC) -> list[str]:
    """Return the report, line by line."""
    pages = [each for each in found.messages if each.reason != "resolved"]
    if not found.messages:
        return [f"{found.day}: nobody would have been contacted."]
    told = Counter(each.person for each in pages)
    people = ", ".join(f"{name} {number}" for name, number in told.most_common())
    head = f"{found.day}: {len(pages)} page(s) about {len({each.incident for each in pages})} incident(s)"
    return [f"{head}{': ' + people if people else ''}", *(_line(each, zone) for each in found.messages)]


def why(message: WouldBe) -> str:
    """Return why this message would have been sent."""
    if message.reason != "page":
        return WHY.get(message.reason, message.reason)
    told = f"escalation step {message.step}"
    return f"{told} of policy {message.policy}" if message.policy else told


def _line(each: WouldBe, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(each.at, zone).strftime("%H:%M:%S")
    return f"{at} {each.person}/{each.contact}: {each.incident} {each.severity} {each.title} ({why(each)})"
