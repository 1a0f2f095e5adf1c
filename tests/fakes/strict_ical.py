"""A reader of iCalendar that forgives nothing: RFC 5545's grammar to the letter, apart from the code under test."""

import re
from dataclasses import dataclass, field

# RFC 5545 section 3.1: contentline = name *(";" param) ":" value
NAME = r"[A-Za-z0-9-]+"
PARAMETER = rf';{NAME}=(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)'
LINE = re.compile(rf"({NAME})((?:{PARAMETER})*):([^\x00-\x08\x0a-\x1f\x7f]*)", re.DOTALL)
TEXT = re.compile(r"(?:[^\\;,]|\\[\\;,nN])*", re.DOTALL)  # section 3.3.11
UTC = re.compile(r"[0-9]{8}T[0-9]{6}Z")
TEXTS = {"SUMMARY", "DESCRIPTION", "X-WR-CALNAME", "UID"}
TIMES = {"DTSTAMP", "DTSTART", "DTEND"}
ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "TRANSP"}
OCTETS = 75


@dataclass
class StrictEvent:
    """One event, its texts unescaped."""

    values: dict[str, str] = field(default_factory=dict)


def strict_events(content: bytes) -> list[StrictEvent]:
    """Return the events of a calendar; AssertionError for whatever the grammar does not know."""
    assert content.endswith(b"\r\n")
    physical = content[:-2].split(b"\r\n")
    assert all(len(line) <= OCTETS for line in physical), "a line is longer than 75 octets"
    assert not [line for line in physical if b"\r" in line or b"\n" in line], "a line end that is none"
    assert all(line.decode() is not None for line in physical), "a character is cut in two"
    lines = content[:-2].decode().replace("\r\n ", "").split("\r\n")
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    events: list[StrictEvent] = []
    head: dict[str, str] = {}
    inside = False
    for line in lines[1:-1]:
        name, value = _property(line)
        if (name, value) == ("BEGIN", "VEVENT"):
            assert not inside
            inside = True
            events.append(StrictEvent())
        elif (name, value) == ("END", "VEVENT"):
            assert inside
            inside = False
            _whole(events[-1])
        else:
            _take(events[-1].values if inside else head, name, value)
    assert not inside
    assert head["VERSION"] == "2.0"
    assert head["PRODID"]  # section 3.6: both are required
    uids = [each.values["UID"] for each in events]
    assert len(set(uids)) == len(uids), "two events of one name"
    return events


def _property(line: str) -> tuple[str, str]:
    found = LINE.fullmatch(line)
    assert found is not None, f"not a content line: {line!r}"
    return found[1], found[3]


def _take(values: dict[str, str], name: str, value: str) -> None:
    assert name not in values or name not in ONCE, f"{name} twice"
    if name in TEXTS:
        assert TEXT.fullmatch(value) is not None, f"{name} is not escaped: {value!r}"
        value = re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
    if name in TIMES:
        assert UTC.fullmatch(value) is not None, f"{name} is not a time in UTC: {value!r}"
    values[name] = value


def _whole(event: StrictEvent) -> None:
    """Section 3.6.1: what an event must have."""
    assert {"UID", "DTSTAMP", "DTSTART"} <= set(event.values)
    assert event.values["DTEND"] > event.values["DTSTART"]
