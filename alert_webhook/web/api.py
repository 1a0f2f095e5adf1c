"""The JSON API: incidents, and who is on call (`web.oncall`); for local users by HTTP Basic."""

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from alert_webhook.incidents.timeline import Event
from alert_webhook.incidents.transitions import OPEN, State
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.answers import answer_json
from alert_webhook.web.basic import BasicUsers
from alert_webhook.web.oncall import add_oncall_routes

DEFAULT_LIMIT = 50


def make_api_blueprint(parts: Parts) -> Blueprint:
    """Return the API's routes; every one wants a user."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    users = BasicUsers(parts)

    @blueprint.before_request
    def guard() -> Response | None:
        g.user = users.user()
        return None if g.user else _unauthorized()

    @blueprint.get("/incidents")
    def incident_list() -> Response:
        wanted = _states(request.args.get("state", "open"))
        if wanted is None:
            return answer_json({"error": f"state is open, all or one of {', '.join(State)}"}, 400)
        limit = request.args.get("limit", DEFAULT_LIMIT, type=int)
        before = request.args.get("before", None, type=int)
        found = parts.store.read(
            lambda tx: views.incident_list(tx, states=wanted, limit=max(1, limit), before_id=before)
        )
        return answer_json({"incidents": found})

    @blueprint.get("/incidents/<code>")
    def incident(code: str) -> Response:
        found = parts.store.read(lambda tx: _detail(tx, code))
        return answer_json(found) if found else answer_json({"error": "no such incident"}, 404)

    add_oncall_routes(blueprint, parts)
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


def _unauthorized() -> Response:
    response = answer_json({"error": "send HTTP Basic with a user of this service"}, 401)
    response.headers["WWW-Authenticate"] = 'Basic realm="heronwatch", charset="UTF-8"'
    return response
