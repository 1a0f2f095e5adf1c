"""The form of iCalendar (RFC 5545 section 3.1): bytes → components with properties. Strict where it matters. Pure."""

from msgspec import Struct

from alert_webhook.errors import CalendarError

MAX_BYTES = 4 << 20
MAX_EVENTS = 10_000
MAX_PROPERTIES = 200  # of one event that are kept
CALENDAR = ["VCALENDAR"]
EVENT = ["VCALENDAR", "VEVENT"]


class Property(Struct, frozen=True):
    """One line: `EXDATE;TZID=Europe/Madrid:20260105T090000`. Names of parameters are upper case."""

    name: str
    parameters: dict[str, str]
    value: str


Component = tuple[Property, ...]


class Lines(Struct, frozen=True):
    """What a file holds: properties of the calendar itself, and its events."""

    calendar: Component
    events: tuple[Component, ...]


def read_lines(content: bytes) -> Lines:
    """Return what a calendar file holds; CalendarError when it is none, is too large, or has too many events."""
    if len(content) > MAX_BYTES:
        raise CalendarError(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CalendarError("not UTF-8") from error
    own: list[Property] = []
    events: list[list[Property]] = []
    inside: list[str] = []
    for line in _unfolded(text):
        found = _property(line)
        if found.name == "BEGIN":
            inside.append(found.value.upper())
            events += [[]] if inside == EVENT else []
        elif found.name == "END":
            _close(inside, found.value.upper())
        else:
            _keep(found, inside, own, events)
        if len(events) > MAX_EVENTS:
            raise CalendarError(f"more than {MAX_EVENTS} events")
    if inside or not text.strip():
        raise CalendarError(f"cut off: END:{inside[-1]} is missing" if inside else "it is empty")
    return Lines(tuple(own), tuple(tuple(event) for event in events))


def _keep(found: Property, inside: list[str], own: list[Property], events: list[list[Property]]) -> None:
    if not inside:
        raise CalendarError("not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
    if inside == CALENDAR:
        own.append(found)
    elif inside == EVENT and len(events[-1]) < MAX_PROPERTIES:
        events[-1].append(found)


def _close(inside: list[str], name: str) -> None:
    if not inside or inside[-1] != name:
        raise CalendarError(f"END:{name[:40]} without its BEGIN")
    inside.pop()


def _unfolded(text: str) -> list[str]:
    lines: list[list[str]] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line[:1] in {" ", "\t"} and lines:
            lines[-1].append(line[1:])
        elif line:
            lines.append([line])
    return ["".join(pieces) for pieces in lines]


def _property(line: str) -> Property:
    head, colon, value = _split(line, ":")
    if not colon:
        raise CalendarError(f"not a line of iCalendar: {line[:40]!r}")
    parameters: dict[str, str] = {}
    name, more, rest = _split(head, ";")
    while more:
        part, more, rest = _split(rest, ";")
        key, _equals, given = part.partition("=")
        parameters[key.upper()] = given.strip('"')
    return Property(name.upper(), parameters, value)


def _split(text: str, mark: str) -> tuple[str, str, str]:
    """Partition a text at the first mark outside of double quotes."""
    quoted = False
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == mark and not quoted:
            return text[:index], mark, text[index + 1 :]
    return text, "", ""
