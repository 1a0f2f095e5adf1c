"""The JSON API: `/api/v1/incidents` and `/api/v1/incidents/CODE`, for local users by HTTP Basic."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request

from alert_webhook.incidents.timeline import Event
from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.basic import BasicUsers

DEFAULT_LIMIT = 50


def make_api_blueprint(parts: Parts) -> Blueprint:
    """Return the API's routes; every one wants a user."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    users = BasicUsers(parts)

    @blueprint.before_request
    def guard() -> Response | None:
        return None if users.user() else _unauthorized()

    @blueprint.get("/incidents")
    def incident_list() -> Response:
        wanted = _states(request.args.get("state", "open"))
        if wanted is None:
            return _answer({"error": f"state is open, all or one of {', '.join(State)}"}, 400)
        limit = request.args.get("limit", DEFAULT_LIMIT, type=int)
        before = request.args.get("before", None, type=int)
        found = parts.store.read(
            lambda tx: views.incident_list(tx, states=wanted, limit=max(1, limit), before_id=before)
        )
        return _answer({"incidents": found})

    @blueprint.get("/incidents/<code>")
    def incident(code: str) -> Response:
        found = parts.store.read(lambda tx: _detail(tx, code))
        return _answer(found) if found else _answer({"error": "no such incident"}, 404)

    return blueprint


def _states(word: str) -> frozenset[State] | None:
    if word == "open":
        return OPEN
    if word == "all":
        return frozenset(State)
    return frozenset({State(word)}) if word in set(State) else None


def _detail(tx: Transaction, code: str) -> dict[str, Any] | None:
    found = incidents.find(tx, code)
    if found is None:
        return None
    view = msgspec.to_builtins(views.incident_view(tx, found))
    return {**view, "timeline": [_event(each) for each in incidents.timeline(tx, found.id)]}


def _event(event: Event) -> dict[str, Any]:
    return {"at": event.at, "kind": event.kind.value, "who": event.who, "text": event.text}


def _answer(content: object, status: int = 200) -> Response:
    response = Response(msgspec.json.encode(content), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _unauthorized() -> Response:
    response = _answer({"error": "send HTTP Basic with a user of this service"}, 401)
    response.headers["WWW-Authenticate"] = 'Basic realm="heronwatch", charset="UTF-8"'
    return response
