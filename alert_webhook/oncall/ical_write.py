"""Shifts → an iCalendar file (RFC 5545) that calendar programs subscribe to. Pure.

Times are UTC: what a program shows does not depend on its idea of a zone's rules.
"""

import hashlib
from collections.abc import Mapping, Sequence

from alert_webhook.oncall.span import Shift
from alert_webhook.oncall.wall import utc

FOLD_OCTETS = 75  # RFC 5545 section 3.1
DELETE = "\x7f"  # a control character, too
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def calendar(name: str, shifts: Sequence[Shift], *, names: Mapping[str, str], now: float) -> str:
    """Return the shifts of a schedule as a calendar; `names` are what to call people, `now` is when it is made."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//heronwatch//on-call//EN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(f'On call: {name}')}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for shift in shifts:
        lines += _event(name, shift, names.get(shift.person, shift.person), now)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _event(schedule: str, shift: Shift, person: str, now: float) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{_uid(schedule, shift)}",
        f"DTSTAMP:{_stamp(now)}",
        f"DTSTART:{_stamp(shift.start)}",
        f"DTEND:{_stamp(shift.end)}",
        f"SUMMARY:{_text(f'{person}: on call for {schedule}')}",
        f"DESCRIPTION:{_text(shift.source)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _uid(schedule: str, shift: Shift) -> str:
    """Return a name that stays while the shift does, so that programs change an event instead of adding one."""
    text = f"{schedule}\0{shift.person}\0{shift.start:.0f}"
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}@heronwatch"


def _stamp(at: float) -> str:
    return utc(at).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    kept = "".join(
        " " if char in "\r\t" else char for char in value if (char >= " " and char != DELETE) or char in "\r\n\t"
    )
    return kept.translate(_ESCAPES)


def _folded(line: str) -> str:
    """Return a content line cut after at most 75 octets, never inside a character."""
    pieces, room, piece = [], FOLD_OCTETS, ""
    for char in line:
        size = len(char.encode(errors="replace"))
        if size > room:
            pieces.append(piece)
            piece, room = "", FOLD_OCTETS - 1  # the space that begins a continued line counts
        piece, room = piece + char, room - size
    return "\r\n ".join([*pieces, piece])
