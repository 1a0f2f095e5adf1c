"""Recurrence rules of iCalendar (RFC 5545 section 3.3.10), those that on-call calendars use. Pure.

FREQ=DAILY, WEEKLY, MONTHLY, YEARLY with INTERVAL, COUNT, UNTIL, WKST, BYDAY (days of the week, with DAILY and WEEKLY)
and BYMONTHDAY (with MONTHLY). Anything else is refused: a rule that is half understood would page the wrong person.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from alert_webhook.errors import CalendarError

DAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY"})
MAX_INTERVAL = 1000
MAX_COUNT = 10_000
WEEK = 7
LAST_YEAR = 2300


class Recurrence(Struct, frozen=True):
    """A rule. `until` is as it was written: 20261231 or 20261231T235959Z; its zone is its reader's business."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    week_start: int = 0
    weekdays: frozenset[int] = frozenset()
    month_days: tuple[int, ...] = ()


def parse_rule(text: str) -> Recurrence:
    """Return the rule that a text means; CalendarError for what this reader does not know."""
    parts = dict(part.partition("=")[::2] for part in text.upper().split(";") if part)
    strange = sorted(set(parts) - PARTS)
    if strange:
        raise CalendarError(f"RRULE: {strange[0][:20]} is not understood")
    frequency = parts.get("FREQ", "")
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise CalendarError(f"RRULE: FREQ={frequency[:20]} is not understood")
    if "BYDAY" in parts and frequency not in {"DAILY", "WEEKLY"}:
        raise CalendarError(f"RRULE: BYDAY with FREQ={frequency} is not understood")
    if "BYMONTHDAY" in parts and frequency != "MONTHLY":
        raise CalendarError(f"RRULE: BYMONTHDAY with FREQ={frequency} is not understood")
    return Recurrence(
        frequency=frequency,
        interval=_number(parts.get("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL),
        count=_number(parts["COUNT"], "COUNT", MAX_COUNT) if "COUNT" in parts else None,
        until=parts.get("UNTIL", ""),
        week_start=_day(parts.get("WKST", "MO")),
        weekdays=frozenset(_day(word) for word in parts["BYDAY"].split(",")) if "BYDAY" in parts else frozenset(),
        month_days=tuple(_number(n, "BYMONTHDAY", 31) for n in parts.get("BYMONTHDAY", "").split(",") if n),
    )


class Bounds(Struct, frozen=True):
    """Which days of a rule are asked for; `spend` is called for each day that is looked at, and may raise."""

    earliest: date
    latest: date
    spend: Callable[[], None]


def starts(rule: Recurrence, first: datetime, bounds: Bounds) -> Iterator[datetime]:
    """Yield the wall times of a rule that begins with `first`, in order, from about `earliest` to `latest`.

    Where the rule has a COUNT, from the first: they have to be counted.
    """
    skip_to = first.date() if rule.count is not None else max(first.date(), bounds.earliest)
    number = 0
    for day in _days(rule, first.date(), skip_to, bounds):
        if day < first.date():
            continue
        number += 1
        if rule.count is not None and number > rule.count:
            return
        yield datetime.combine(day, first.time())


def _days(rule: Recurrence, first: date, skip_to: date, bounds: Bounds) -> Iterator[date]:
    days = {"DAILY": _daily, "WEEKLY": _weekly}.get(rule.frequency, _by_month)(rule, first, skip_to)
    for day in days:
        bounds.spend()
        if day is not None and day > bounds.latest:
            return
        if day is not None:
            yield day


def _daily(rule: Recurrence, first: date, skip_to: date) -> Iterator[date | None]:
    day = first + timedelta(days=(skip_to - first).days // rule.interval * rule.interval)
    while day.year < LAST_YEAR:
        yield day if not rule.weekdays or day.weekday() in rule.weekdays else None
        day += timedelta(days=rule.interval)


def _weekly(rule: Recurrence, first: date, skip_to: date) -> Iterator[date | None]:
    length = WEEK * rule.interval
    week = first - timedelta(days=(first.weekday() - rule.week_start) % WEEK)
    week += timedelta(days=(skip_to - week).days // length * length)
    weekdays = rule.weekdays or {first.weekday()}
    offsets = sorted((weekday - rule.week_start) % WEEK for weekday in weekdays)
    while week.year < LAST_YEAR:
        yield from (week + timedelta(days=offset) for offset in offsets)
        week += timedelta(days=length)


def _by_month(rule: Recurrence, first: date, skip_to: date) -> Iterator[date | None]:
    length = rule.interval * (12 if rule.frequency == "YEARLY" else 1)
    number = first.year * 12 + first.month - 1
    number += max(0, (skip_to.year * 12 + skip_to.month - 1 - number) // length * length)
    while number // 12 < LAST_YEAR:
        for wanted in sorted(rule.month_days or (first.day,)):
            try:
                yield date(number // 12, number % 12 + 1, wanted)
            except ValueError:
                yield None  # a month without that day has none (RFC 5545)
        number += length


def _day(word: str) -> int:
    if word not in DAYS:
        raise CalendarError(f"RRULE: {word[:20]!r} is not a day of the week")
    return DAYS[word]


def _number(text: str, name: str, largest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= largest):
        raise CalendarError(f"RRULE: {name}={text[:20]} is not understood (1 to {largest})")
    return int(text)
