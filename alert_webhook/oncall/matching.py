"""Whom the title of a calendar's event means; an event becomes an override. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from alert_webhook.oncall.ical_read import Happening
from alert_webhook.oncall.people import People
from alert_webhook.oncall.schedule import Override


class Matched(Struct, frozen=True):
    """The overrides of a calendar, and the titles that mean nobody, each once."""

    overrides: tuple[Override, ...]
    unknown: tuple[str, ...]


def matched(happenings: Iterable[Happening], people: People, *, source: str) -> Matched:
    """Return the events as overrides: a title is a person's key, name or address, in any case of letters."""
    known = _names(people)
    found: list[Override] = []
    unknown: dict[str, None] = {}
    for each in happenings:
        person = known.get(_folded(each.title))
        if person is None:
            unknown[each.title] = None
        else:
            found.append(Override(person, each.start, each.end, source=source))
    return Matched(tuple(found), tuple(unknown))


def _names(people: People) -> Mapping[str, str]:
    """Return who is meant by what; what could mean two people means nobody."""
    meant: dict[str, set[str]] = {}
    for key, person in people.items():
        for text in (key, person.name, *(contact.address for contact in person.contacts)):
            meant.setdefault(_folded(text), set()).add(key)
    keys = {_folded(key): key for key in people}
    clear = {text: next(iter(who)) for text, who in meant.items() if text and len(who) == 1}
    return {**clear, **keys}


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
