"""The JSON API about incidents: the list, one with its timeline, and what people do to them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Struct, field

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.incidents.actions import Answer
from alert_webhook.incidents.timeline import Event
from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, shadowed, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.answers import answer_json
from alert_webhook.web.bodies import Refused, body, page, same_site
from alert_webhook.web.doing import Action, Wish, do, until_from
from alert_webhook.web.false_alarms import FalseAlarms

DEFAULT_LIMIT = 50


class Reassign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `…/reassign`: a person of the configuration."""

    to: str


class Snooze(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `…/snooze`: one of a duration ("1h") and a time in Unix seconds."""

    for_: str = field(name="for", default="")
    until: float | None = None


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `…/notes`."""

    text: str


def add_incident_routes(blueprint: Blueprint, parts: Parts, false_alarms: FalseAlarms) -> None:
    """Add the routes."""
    desk = _Desk(parts, false_alarms)

    @blueprint.get("/incidents")
    def incident_list() -> Response:
        return desk.listed()

    @blueprint.get("/incidents/<code>")
    def incident(code: str) -> Response:
        found = parts.store.read(lambda tx: _detail(tx, parts.settings(), code))
        return answer_json(found) if found else answer_json({"error": "no such incident"}, 404)

    @blueprint.post("/incidents/<code>/ack")
    def ack(code: str) -> Response:
        return desk.done(code, Wish(Action.ACK))

    @blueprint.post("/incidents/<code>/resolve")
    def resolve(code: str) -> Response:
        return desk.done(code, Wish(Action.RESOLVE))

    @blueprint.post("/incidents/<code>/escalate")
    def escalate(code: str) -> Response:
        return desk.done(code, Wish(Action.ESCALATE))

    @blueprint.post("/incidents/<code>/reassign")
    def reassign(code: str) -> Response:
        return desk.done(code, Wish(Action.REASSIGN, to=body(Reassign, parts.public_url).to))

    @blueprint.post("/incidents/<code>/snooze")
    def snooze(code: str) -> Response:
        asked = body(Snooze, parts.public_url)
        return desk.done(code, Wish(Action.SNOOZE, until=_until(asked, parts.clock.now())))

    @blueprint.post("/incidents/<code>/notes")
    def note(code: str) -> Response:
        return desk.done(code, Wish(Action.NOTE, text=body(Note, parts.public_url).text))

    @blueprint.post("/incidents/<code>/false-alarm")
    def false_alarm(code: str) -> Response:
        return desk.false_alarm(code)


class _Desk:
    """Answers about incidents."""

    def __init__(self, parts: Parts, false_alarms: FalseAlarms) -> None:
        self._parts = parts
        self._false_alarms = false_alarms

    def listed(self) -> Response:
        """List incidents, newest first."""
        wanted = _states(request.args.get("state", "open"))
        if wanted is None:
            raise Refused(400, f"state is open, all or one of {', '.join(State)}")
        limit, before = page(DEFAULT_LIMIT)
        config = self._parts.settings()

        def listed(tx: Transaction) -> list[dict[str, Any]]:
            return _marked(tx, config, views.incident_list(tx, states=wanted, limit=limit, before_id=before))

        return answer_json({"incidents": self._parts.store.read(listed)})

    def done(self, code: str, wish: Wish) -> Response:
        """Do something to an incident and tell how it is now."""
        same_site(self._parts.public_url)
        done = do(self._parts, self._id(code), wish, who=g.caller.name, via=g.caller.via)
        if done.answer is Answer.UNKNOWN:
            raise Refused(404, "no such incident")
        if done.answer is Answer.REFUSED:
            raise Refused(422, done.why)
        now = self._marked(done.incident) if done.incident else None
        return answer_json({"answer": done.answer, "incident": now}, 409 if done.answer is Answer.OVER else 200)

    def _marked(self, shown: IncidentView) -> dict[str, Any]:
        """Return an incident that was changed; without shadow mode the database is not asked again."""
        config = self._parts.settings()
        if not config.shadows():
            return {**msgspec.to_builtins(shown), "shadow": False}
        return self._parts.store.read(lambda tx: _marked(tx, config, [shown]))[0]

    def false_alarm(self, code: str) -> Response:
        """Tell the detector that an incident was none; it is neither acknowledged nor resolved by that."""
        same_site(self._parts.public_url)
        told = self._false_alarms.tell(self._id(code), who=g.caller.name, via=g.caller.via)
        if told.status != 200:
            raise Refused(told.status, told.words)
        return answer_json({"told": told.words})

    def _id(self, code: str) -> int:
        found = self._parts.store.read(lambda tx: incidents.find(tx, code)) if code.isascii() else None
        if found is None:
            raise Refused(404, "no such incident")
        return found.id


def _until(asked: Snooze, now: float) -> float:
    if bool(asked.for_) == (asked.until is not None):
        raise Refused(422, 'give one of "for", such as "1h", and "until" in Unix seconds')
    if asked.until is not None:
        return asked.until
    try:
        return until_from(asked.for_, now)
    except ValueError as error:
        raise Refused(422, str(error)) from error


def _states(word: str) -> frozenset[State] | None:
    if word == "open":
        return OPEN
    if word == "all":
        return frozenset(State)
    return frozenset({State(word)}) if word in set(State) else None


def _detail(tx: Transaction, config: Config, code: str) -> dict[str, Any] | None:
    found = incidents.find(tx, code) if code.isascii() else None
    if found is None:
        return None
    return {
        **_marked(tx, config, [views.incident_view(tx, found)])[0],
        "timeline": [_event(each) for each in incidents.timeline(tx, found.id)],
    }


def _marked(tx: Transaction, config: Config, shown: Sequence[IncidentView]) -> list[dict[str, Any]]:
    """Return incidents as the API shows them: with a word on whether anybody is contacted about them."""
    shadows = shadowed.shadows_of(tx, config, shown)
    return [{**msgspec.to_builtins(view), "shadow": view.id in shadows} for view in shown]


def _event(event: Event) -> dict[str, Any]:
    return {"at": event.at, "kind": event.kind.value, "who": event.who, "text": event.text}
