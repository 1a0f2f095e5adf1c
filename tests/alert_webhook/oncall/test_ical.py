"""iCalendar in and out: what calendar programs write, what they read, and what tries to break the reader."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_webhook.errors import CalendarError
from alert_webhook.oncall.ical_lines import MAX_EVENTS, read_lines
from alert_webhook.oncall.ical_read import Read, read_calendar
from alert_webhook.oncall.ical_write import calendar
from alert_webhook.oncall.matching import matched
from alert_webhook.oncall.people import Contact, Person
from alert_webhook.oncall.span import Shift
from alert_webhook.oncall.wall import Zone

MADRID = Zone("Europe/Madrid")
START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
END = datetime(2027, 1, 1, tzinfo=UTC).timestamp()


def file(*events: str, own: str = "") -> bytes:
    inner = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nSUMMARY:ana\n{event}\nEND:VEVENT\n" for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{own}{inner}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def read(*events: str, own: str = "", start: float = START, end: float = END) -> Read:
    return read_calendar(file(*events, own=own), zone=MADRID, start=start, end=end)


def shown(found: Read) -> list[str]:
    def utc(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%m-%dT%H:%M")

    return [f"{utc(each.start)}/{utc(each.end)}" for each in found.happenings]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20260105T080000Z\nDTEND:20260105T100000Z", ["01-05T08:00/01-05T10:00"]),
        ("DTSTART;TZID=America/New_York:20260105T080000\nDURATION:PT90M", ["01-05T13:00/01-05T14:30"]),
        ('DTSTART;TZID="Europe/Berlin":20260705T080000\nDURATION:P1DT1H', ["07-05T06:00/07-06T07:00"]),
        ("DTSTART;TZID=/moz.org/1/Europe/Berlin:20260705T080000\nDURATION:PT1H", ["07-05T06:00/07-05T07:00"]),
        ("DTSTART:20260105T080000\nDTEND:20260105T100000", ["01-05T07:00/01-05T09:00"]),  # the schedule's zone
        ("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260107", ["01-04T23:00/01-06T23:00"]),  # all day
        ("DTSTART;VALUE=DATE:20260105", ["01-04T23:00/01-05T23:00"]),
        ("DTSTART;VALUE=DATE:20260329", ["03-28T23:00/03-29T22:00"]),  # the day of 23 hours
        ("DTSTART:20260105T080000Z", []),  # a moment is nobody's shift
        ("DTSTART:20260105T080000Z\nDTEND:20260105T100000Z\nSTATUS:CANCELLED", []),
        # left out that night: by the offset before (RFC 5545, 3.3.5), so 03:30 there
        ("DTSTART;TZID=Europe/Madrid:20260329T023000\nDURATION:PT2H", ["03-29T01:30/03-29T02:30"]),
    ],
)  # fmt: skip
def test_one_event(event: str, expected: list[str]) -> None:
    found = read(event)
    assert (shown(found), found.faults) == (expected, ())


def test_a_calendar_says_what_zone_its_floating_times_are_of() -> None:
    event = "DTSTART:20260105T080000\nDURATION:PT1H"
    assert shown(read(event, own="X-WR-TIMEZONE:Asia/Kathmandu\n")) == ["01-05T02:15/01-05T03:15"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", ["01-05", "01-06", "01-07"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20260125T080000Z", ["01-05", "01-15", "01-25"]),
        ("FREQ=DAILY;UNTIL=20260107", ["01-05", "01-06", "01-07"]),
        ("FREQ=WEEKLY;COUNT=3", ["01-05", "01-12", "01-19"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=5", ["01-05", "01-07", "01-09", "01-12", "01-14"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU;COUNT=4", ["01-05", "01-18", "01-19", "02-01"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;COUNT=4", ["01-05", "01-11", "01-19", "01-25"]),  # RFC 5545: WKST matters
        ("FREQ=DAILY;BYDAY=SA;COUNT=2", ["01-10", "01-17"]),
        ("FREQ=MONTHLY;COUNT=3", ["01-05", "02-05", "03-05"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", ["01-31", "03-31", "05-31"]),
        ("FREQ=YEARLY;COUNT=2", ["01-05"]),
    ],
)
def test_recurrence(rule: str, expected: list[str]) -> None:
    found = read(f"DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:{rule}")
    assert ([each[:5] for each in shown(found)], found.faults) == (expected, ())


def test_repetitions_keep_their_time_on_the_wall() -> None:
    event = "DTSTART;TZID=Europe/Madrid:20260327T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4"
    assert [each[6:11] for each in shown(read(event))] == ["08:00", "08:00", "07:00", "07:00"]


def test_a_rule_without_end_is_read_where_it_is_asked_for() -> None:
    start = datetime(2150, 3, 1, tzinfo=UTC).timestamp()
    found = read("DTSTART:19700101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY", start=start, end=start + 3 * 86_400)
    assert len(found.happenings) == 3


def test_what_is_left_out_is_left_out() -> None:
    event = (
        "DTSTART;TZID=Europe/Madrid:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\n"
        "EXDATE;TZID=Europe/Madrid:20260106T090000,20260108T090000"
    )
    assert [each[:5] for each in shown(read(event))] == ["01-05", "01-07", "01-09"]


def test_what_is_added_is_added() -> None:
    event = "DTSTART:20260105T090000Z\nDURATION:PT1H\nRDATE:20260110T090000Z,20260111T090000Z"
    assert [each[:5] for each in shown(read(event))] == ["01-05", "01-10", "01-11"]


def test_a_changed_repetition_takes_the_place_of_the_one_it_changes() -> None:
    series = "UID:x\nDTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "UID:x\nRECURRENCE-ID:20260106T080000Z\nDTSTART:20260106T120000Z\nDURATION:PT2H"
    gone = "UID:x\nRECURRENCE-ID:20260107T080000Z\nDTSTART:20260107T080000Z\nDURATION:PT1H\nSTATUS:CANCELLED"
    text = "".join(f"BEGIN:VEVENT\r\nSUMMARY:a\r\n{each}\r\nEND:VEVENT\r\n" for each in (series, moved, gone))
    found = read_calendar(f"BEGIN:VCALENDAR\r\n{text}END:VCALENDAR".encode(), zone=MADRID, start=START, end=END)
    assert shown(found) == ["01-05T08:00/01-05T09:00", "01-06T12:00/01-06T14:00"]


def test_alarms_and_zones_inside_are_passed_over() -> None:
    own = "BEGIN:VTIMEZONE\nTZID:Europe/Madrid\nBEGIN:STANDARD\nDTSTART:19701025T030000\nEND:STANDARD\nEND:VTIMEZONE\n"
    event = "DTSTART:20260105T080000Z\nDURATION:PT1H\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT9H\nEND:VALARM"
    assert shown(read(event, own=own)) == ["01-05T08:00/01-05T09:00"]


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ("DTSTART:20260230T080000Z", "'20260230T080000Z' is not a date or time"),
        ("DTSTART;TZID=Romance Standard Time:20260105T080000", "'Romance Standard Time' is not a time zone"),
        ("DTSTART:20260105T080000Z\nDTEND:20260105T070000Z", "it ends before it begins"),
        ("DTSTART:20260105T080000Z\nDURATION:P", "'P' is not a duration"),
        ("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "FREQ=SECONDLY is not understood"),
        ("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=2MO", "BYDAY with FREQ=MONTHLY"),
        ("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYSETPOS=1", "BYSETPOS is not understood"),
        ("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is not understood"),
        ("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=soon", "'SOON' is not a date"),
        ("DURATION:PT1H", "without DTSTART"),
    ],
)
def test_an_event_that_cannot_be_read_is_told_and_the_others_count(event: str, fault: str) -> None:
    found = read(event, "DTSTART:20260105T080000Z\nDURATION:PT1H")
    assert shown(found) == ["01-05T08:00/01-05T09:00"]
    assert [fault in each for each in found.faults] == [True]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html></html>", "not a line of iCalendar"),
        (b"SUMMARY:x\r\n", "does not begin with BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "cut off"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "without its BEGIN"),
        (b"BEGIN:VCALENDAR\r\nSUMMARY:\xff\r\nEND:VCALENDAR", "not UTF-8"),
        (b"x" * (5 << 20), "larger than 4 MiB"),
    ],
)
def test_what_is_no_calendar(content: bytes, reason: str) -> None:
    with pytest.raises(CalendarError, match=reason):
        read_calendar(content, zone=MADRID, start=START, end=END)


def test_a_bomb_of_events_is_refused() -> None:
    with pytest.raises(CalendarError, match="more than 10000 events"):
        read(*["DTSTART:20260105T080000Z\nDURATION:PT1H"] * (MAX_EVENTS + 1))


def test_a_bomb_of_repetitions_is_refused_quickly() -> None:
    rule = "DTSTART:19700101T080000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;COUNT=9999"
    february = rule.replace("19700101", "19700228")
    began = time.monotonic()
    with pytest.raises(CalendarError, match="too many repetitions"):
        read(*[february] * 9_000)
    assert time.monotonic() - began < 40


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
@settings(max_examples=200, deadline=None)
def test_nothing_else_than_a_reason_comes_of_garbage(garbage: bytes) -> None:
    for content in (garbage, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + garbage + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"):
        try:
            read_calendar(content, zone=MADRID, start=START, end=END)
        except CalendarError:
            continue


@given(st.text(alphabet="DTSTARENDRULEXQ:;=,+-0123456789PTHMSZ \r\n", max_size=200))
@settings(max_examples=300, deadline=None)
def test_nothing_else_than_a_reason_comes_of_near_misses(text: str) -> None:
    for line in ("DTSTART", "DTEND", "RRULE:FREQ=DAILY;COUNT", "EXDATE", "DURATION"):
        try:
            read(f"DTSTART:20260105T080000Z\n{line}{text}")
        except CalendarError:
            continue


PEOPLE = {
    "ana": Person("ana", "Ana Silva", (Contact("mail", "mail", "ana@example.org"),)),
    "ben": Person("ben", "Sam", ()),
    "cleo": Person("cleo", "Sam", ()),
}


@pytest.mark.parametrize("title", ["ana", "ANA", " Ana  Silva ", "ana@example.org"])
def test_a_title_is_a_key_a_name_or_an_address(title: str) -> None:
    text = file("DTSTART:20260105T080000Z\nDURATION:PT1H").replace(b"SUMMARY:ana", f"SUMMARY:{title}".encode())
    found = read_calendar(text, zone=MADRID, start=START, end=END)
    assert [each.person for each in matched(found.happenings, PEOPLE, source="s").overrides] == ["ana"]


@pytest.mark.parametrize("title", ["Sam", "nobody", ""])
def test_a_title_that_means_nobody_or_two_is_told(title: str) -> None:
    text = file("DTSTART:20260105T080000Z\nDURATION:PT1H").replace(b"SUMMARY:ana", f"SUMMARY:{title}".encode())
    found = read_calendar(text, zone=MADRID, start=START, end=END)
    assert matched(found.happenings, PEOPLE, source="s").unknown == (title,)


def test_what_we_write_we_read() -> None:
    shifts = [Shift(START + 60, START + 7200, "ana", "layer 1"), Shift(START + 7200, START + 9000, "ben", "override")]
    names = {"ana": "Ana; Silva, \\o/\nx" + "é" * 80, "ben": "Ben"}
    text = calendar("network", shifts, names=names, now=START)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    found = read_calendar(text.encode(), zone=MADRID, start=START, end=END)
    assert [(each.start, each.end) for each in found.happenings] == [(s.start, s.end) for s in shifts]
    assert found.happenings[0].title.startswith("Ana; Silva, \\o/ x" + "é" * 80)
    assert found.happenings[1].title == "Ben: on call for network"


def test_an_event_keeps_its_name_while_its_shift_stays() -> None:
    shift = Shift(START, START + 60, "ana", "layer 1")
    texts = [calendar("n", [shift], names={}, now=now) for now in (1.0, 2.0)]
    uids = [{line for line in text.split("\r\n") if line.startswith("UID:")} for text in texts]
    assert uids[0] == uids[1]


def test_a_control_character_in_a_name_breaks_no_line() -> None:
    text = calendar("n\r\nBEGIN:VEVENT", [Shift(START, START + 60, "a\nb\x00", "s")], names={}, now=0.0)
    assert len(read_lines(text.encode()).events) == 1
