"""Texts from outside, and times, as plain lines: no control characters, bounded lengths, only web links. Pure."""

import unicodedata

from alert_webhook.oncall.wall import Zone

# by Unicode category: control, line and paragraph separators; format (direction, zero width); halves of characters
REPLACED = {"Cc": " ", "Zl": " ", "Zp": " ", "Cf": "", "Cs": "\ufffd"}
MAX_URL = 2000
DAY_S = 86_400.0


def clean(text: str) -> str:
    r"""Return a text on one line, without control and direction characters, and without halves of characters.

    >>> clean("link\r\nBcc: x\u202e")
    'link Bcc: x'
    """
    kept = (REPLACED.get(unicodedata.category(c), c) for c in text)
    return " ".join("".join(kept).split())


def cut(text: str, characters: int) -> str:
    """Return a text on one line, with "…" where something was cut.

    >>> cut("link down on a switch", 10)
    'link down…'
    """
    line = clean(text[: 4 * characters + 100])
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def web_link(url: str) -> str:
    """Return a URL that a reader may follow, "" for anything but plain http and https.

    >>> web_link("https://wiki.example.org/ups"), web_link("javascript:alert(1)")
    ('https://wiki.example.org/ups', '')
    """
    plain = len(url) <= MAX_URL and clean(url) == url and '"' not in url
    return url if plain and url.startswith(("https://", "http://")) else ""


def counted(number: int, thing: str) -> str:
    """Return a number of things.

    >>> counted(1, "alert"), counted(48, "alert")
    ('1 alert', '48 alerts')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


JUST_NOW_S = 20.0


def span(seconds: float) -> str:
    """Return a duration in its two largest units.

    >>> span(40), span(3900), span(273_600)
    ('40 s', '1 h 5 min', '3 d 4 h')
    """
    if seconds < 60:
        return f"{int(seconds)} s"
    minutes = int(seconds // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    words = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (rest, "min")) if count]
    return " ".join(words[:2])


def ago(seconds: float) -> str:
    """Return how long ago something was, or in how long it will be.

    >>> ago(10), ago(40), ago(120), ago(-120)
    ('just now', '40 s ago', '2 min ago', 'in 2 min')
    """
    if seconds < -60:
        return f"in {span(-seconds)}"
    return "just now" if seconds < JUST_NOW_S else f"{span(seconds)} ago"


def clock_time(at: float, now: float, zone: Zone) -> str:
    """Return a time as people of a zone say it, with its day where that is not within a day of `now`.

    >>> clock_time(30_600.0, 36_000.0, Zone("UTC")), clock_time(30_600.0, 360_000.0, Zone("Europe/Madrid"))
    ('08:30 UTC', '1 Jan 09:30 CET')
    """
    try:
        when, called = zone.wall(at), zone.called(at)
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
    day = "" if abs(now - at) < DAY_S else f"{when.day} {when:%b} "
    return f"{day}{when:%H:%M} {called}"
