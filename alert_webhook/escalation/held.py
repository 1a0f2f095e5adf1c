"""Why an alert that pages would page nobody at the moment, and what people should know besides. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.escalation.step import Page
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.suppression import NOTHING_DOWN, Covers
from alert_webhook.incidents.windows import active_windows
from alert_webhook.oncall.people import People
from alert_webhook.oncall.rules import quiet_until


class Hold(Struct, frozen=True):
    """One reason. `until` is when it ends, Unix seconds, None where that is not known.

    `now` says that it holds at the moment of the question, whatever the time that was asked about.
    """

    why: str
    until: float | None = None
    now: bool = False


def covers_of_file(config: Config, at: float) -> Covers:
    """Return what suppresses alerts at a time as the file alone says it: maintenance."""
    windows = active_windows(config.maintenance_windows(), at)
    return Covers(windows, config.suppression.rules(), NOTHING_DOWN, {}, shadows=config.shadows())


def holds(covers: Covers, incident: Incident, at: float, *, codes: Mapping[int, str]) -> tuple[Hold, ...]:
    """Return everything that keeps the pages of an incident back; `codes` are those of the incidents by id."""
    return tuple(_holds(covers, incident, at, codes))


def notes(covers: Covers, incident: Incident, parents: Mapping[str, Sequence[str]]) -> tuple[Hold, ...]:
    """Return what would keep them back, though it does not now: declared parents."""
    rules = covers.rules
    above = parents.get(rules.device(incident.labels), ())
    parent_is_down = _parent(covers, incident) is not None
    if not above or not rules.down or rules.exempt(incident.labels) or parent_is_down:
        return ()
    verb = "is" if len(above) == 1 else "are all"
    return (Hold(f"it pages nobody while {', '.join(above)} {verb} down, which it hangs from"),)


def quiet_notes(pages: Mapping[float, Sequence[Page]], people: People, severity: str) -> tuple[Hold, ...]:
    """Return whose hours of quiet put their pages off; `pages` by the time of their step."""
    found: dict[tuple[str, float], Hold] = {}
    for at, group in pages.items():
        for page in group:
            until = quiet_until(people[page.person].quiet, severity, at)
            if until > at:
                found[page.person, until] = Hold(f"hours of quiet of {page.person}: what is due waits", until)
    return tuple(found.values())


def _holds(covers: Covers, incident: Incident, at: float, codes: Mapping[int, str]) -> Iterator[Hold]:
    if incident.integration in covers.shadows:
        yield Hold(f"integration {incident.integration} is in shadow mode")
    for window in covers.windows:
        if window.match.holds(incident.labels):
            yield Hold(f"maintenance {window.title}", window.over_at(at))
    if (found := _parent(covers, incident)) is not None:
        why, parent_id = found
        code = codes.get(parent_id, "")
        yield Hold(f"{why}, part of {code}" if code else why, now=True)


def _parent(covers: Covers, incident: Incident) -> tuple[str, int] | None:
    cover = replace(covers, windows=()).over([incident.labels], incident)
    return None if cover is None or cover.parent_id is None else (cover.why, cover.parent_id)
