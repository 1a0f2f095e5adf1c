"""What the pages show of an incident: bounded, on one line each, without anything a browser could follow but web links.

Pure. Alert texts come from outside; the templates escape them, and lengths are cut here.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from alert_webhook.delivery.channel import AlertView, FoldedView, IncidentView
from alert_webhook.delivery.plain import ago, cut, span, web_link
from alert_webhook.delivery.together import Beside, Together
from alert_webhook.incidents.naming import ALPHABET
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.title import PLACES, summary
from alert_webhook.incidents.transitions import OPEN, PAGEABLE, State
from alert_webhook.oncall.wall import Zone, utc
from alert_webhook.web.doing import SNOOZES

STATE_WORDS = {
    State.NEW: "not acknowledged",
    State.ESCALATED: "not acknowledged, escalated",
    State.CRITICAL: "not acknowledged, nobody left to page",
    State.ACKNOWLEDGED: "acknowledged",
    State.SUPPRESSED: "suppressed",
    State.RESOLVED: "resolved",
    State.EXPIRED: "expired",
}
MAX_URL = 300
_CODE = rf"([{ALPHABET}]{{4,16}})"
NAMED = {  # where a line of the timeline names another incident
    Kind.SUPPRESSED: re.compile(rf", part of {_CODE}$"),
    Kind.FOLDED: re.compile(rf"^{_CODE} "),
}


class Bounds(Struct, frozen=True):
    """How much of an incident is shown."""

    alerts: int
    events: int
    folded: int  # incidents that are folded into it
    characters: int  # of any one text


class Moment(Struct, frozen=True):
    """A time as people read it, as machines do, and how long ago it was."""

    text: str
    iso: str
    ago: str


class AlertShown(Struct, frozen=True, kw_only=True):
    """One alert."""

    title: str
    description: str
    labels: str
    since: Moment
    ended: Moment | None
    runbook: str  # a web link or ""
    source: str


class FoldedShown(Struct, frozen=True):
    """An incident that is folded into this one, in one line."""

    code: str
    text: str


class BesideShown(Struct, frozen=True):
    """An incident that the link's message told of, too, in one line."""

    code: str
    text: str


class EventShown(Struct, frozen=True):
    """One line of the timeline: `before` and `after` what it says of another incident, `code`, if it does ("")."""

    at: Moment
    before: str
    code: str = ""
    after: str = ""


class IncidentShown(Struct, frozen=True, kw_only=True):
    """One incident."""

    code: str
    title: str
    severity: str
    where: str
    state: str
    state_words: str
    open: bool
    unanswered: bool  # the button makes sense
    since: Moment
    acked_by: str
    acked: Moment | None
    over: Moment | None
    firing: int
    total: int
    alerts: tuple[AlertShown, ...]
    more_alerts: int
    folded: tuple[FoldedShown, ...]
    folded_total: int
    context: tuple[str, ...]
    events: tuple[EventShown, ...]
    next_step: str
    source: str
    assigned_to: str
    suppressed_by: str
    ack_ends: Moment | None  # when it escalates again
    shadow: bool  # nobody is contacted about it
    together: tuple[BesideShown, ...]  # what the link's message told of besides, and nobody has
    together_total: int


class Told(Struct, frozen=True, kw_only=True):
    """Everything that was read about one incident. `next_people` are paged at `due_at` (None: nobody is)."""

    view: IncidentView
    context: tuple[str, ...] = ()
    events: Sequence[Event] = ()
    next_people: tuple[str, ...] = ()
    due_at: float | None = None
    assigned_to: str = ""
    suppressed_by: str = ""
    ack_ends_at: float | None = None
    shadow: bool = False
    together: Together = Together()


class Offer(Struct, frozen=True, kw_only=True):
    """What the page lets its reader do; `key` is the hidden field of every form."""

    key: str
    false_alarm: bool = False  # a detector is configured, and this is one of its anomalies
    people: tuple[tuple[str, str], ...] = ()  # (key, name) of those it can be given to; none: not offered here
    notes: bool = False
    snoozes: tuple[str, ...] = SNOOZES


class Reader(Struct, frozen=True):
    """Who looks, as far as times go: when (Unix seconds), and in which zone they read them."""

    now: float
    zone: Zone


def moment(at: float, reader: Reader) -> Moment:
    """Return a time as its reader has it; the page works without scripts, so no browser could find out the zone.

    >>> moment(0.0, Reader(3700.0, Zone("Europe/Madrid")))
    Moment(text='1970-01-01 01:00 CET', iso='1970-01-01T00:00:00Z', ago='1 h 1 min ago')
    """
    try:
        text = f"{reader.zone.wall(at):%Y-%m-%d %H:%M} {reader.zone.called(at)}"
        iso = utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return Moment("at an unknown time", "", "")
    return Moment(text, iso, ago(reader.now - at))


def incident_shown(told: Told, reader: Reader, bounds: Bounds) -> IncidentShown:
    """Return an incident as its reader sees it."""
    view, state, now = told.view, State(told.view.state), reader.now
    shown = view.alerts[: bounds.alerts]
    return IncidentShown(
        code=view.code,
        title=cut(view.title, bounds.characters),
        severity=cut(view.severity, 20),
        where=cut(_where(view), bounds.characters),
        state=state.value,
        state_words=STATE_WORDS[state],
        open=state in OPEN,
        unanswered=state in PAGEABLE or state is State.SUPPRESSED,
        since=moment(view.began_at, reader),
        acked_by=cut(view.acked_by, 80),
        acked=None if view.acked_at is None else moment(view.acked_at, reader),
        over=None if view.resolved_at is None else moment(view.resolved_at, reader),
        firing=view.firing,
        total=view.total,
        alerts=tuple(_alert(each, reader, bounds.characters) for each in shown),
        more_alerts=max(0, view.total - len(shown)),
        folded=tuple(_folded(each, now, bounds.characters) for each in view.folded[: bounds.folded]),
        folded_total=view.folded_total,
        context=tuple(cut(line, bounds.characters) for line in told.context),
        events=tuple(_event(each, reader, bounds.characters) for each in _newest(told.events, bounds.events)),
        next_step=cut(_next_step(told, state, now), bounds.characters),
        source=_link(view.source_url),
        assigned_to=cut(told.assigned_to, 80),
        suppressed_by=cut(told.suppressed_by, bounds.characters) if state is State.SUPPRESSED else "",
        ack_ends=_ack_ends(told, state, reader),
        shadow=told.shadow,
        together=tuple(_beside(each, now, bounds.characters) for each in told.together.shown[: bounds.folded]),
        together_total=told.together.total,
    )


def _ack_ends(told: Told, state: State, reader: Reader) -> Moment | None:
    ends_at = told.ack_ends_at if state is State.ACKNOWLEDGED else None
    return None if ends_at is None else moment(ends_at, reader)


def _newest(events: Sequence[Event], count: int) -> Sequence[Event]:
    return events[-count:][::-1] if count else ()


def _where(view: IncidentView) -> str:
    return " · ".join(dict.fromkeys(view.labels[place] for place in PLACES if view.labels.get(place)))


def _alert(alert: AlertView, reader: Reader, characters: int) -> AlertShown:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    title = cut(summary(alert.name, alert.labels, alert.annotations), characters)
    description = cut(alert.annotations.get("description", ""), characters)
    return AlertShown(
        title=title,
        description="" if description == title else description,
        labels=cut(labels, characters),
        since=moment(alert.started_at, reader),
        ended=None if alert.ended_at is None else moment(alert.ended_at, reader),
        runbook=_link(alert.annotations.get("runbook_url", "")),
        source=_link(alert.generator_url),
    )


def _folded(each: FoldedView, now: float, characters: int) -> FoldedShown:
    words = f"{each.severity} · {each.title} · {each.firing} firing · began {ago(now - each.started_at)}"
    return FoldedShown(each.code, cut(words, characters))


def _beside(each: Beside, now: float, characters: int) -> BesideShown:
    return BesideShown(
        each.code, cut(f"{each.severity} · {each.title} · began {ago(now - each.started_at)}", characters)
    )


def _event(event: Event, reader: Reader, characters: int) -> EventShown:
    at, text = moment(event.at, reader), cut(event.text, characters)
    named = NAMED[event.kind].search(text) if event.kind in NAMED else None
    return EventShown(at, text[: named.start(1)], named[1], text[named.end(1) :]) if named else EventShown(at, text)


def _next_step(told: Told, state: State, now: float) -> str:
    """Return who is paged next, "" where nobody is."""
    if state not in PAGEABLE or told.due_at is None or not told.next_people:
        return ""
    people, wait = ", ".join(told.next_people), told.due_at - now
    return f"{people} now" if wait < 1 else f"{people} in {span(wait)}"


def _link(url: str) -> str:
    return web_link(url) if len(url) <= MAX_URL else ""
