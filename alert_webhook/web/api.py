"""The JSON API, `/api/v1/…`: one guard before every route, by the table in `web.wanted`."""

from importlib.resources import files

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.parts import Parts
from alert_webhook.web.answers import answer_json
from alert_webhook.web.api_accounts import add_account_routes
from alert_webhook.web.api_callers import ApiCallers
from alert_webhook.web.api_incidents import add_incident_routes
from alert_webhook.web.api_maintenance import add_maintenance_routes
from alert_webhook.web.api_shadow import add_shadow_routes
from alert_webhook.web.bodies import Refused
from alert_webhook.web.false_alarms import FalseAlarms
from alert_webhook.web.oncall import add_oncall_routes
from alert_webhook.web.password_checks import PasswordChecks
from alert_webhook.web.wanted import PREFIX, wanted
from heronwatch.logs import get_logger


def make_api_blueprint(parts: Parts, checks: PasswordChecks, false_alarms: FalseAlarms) -> Blueprint:
    """Return the API's routes."""
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    callers = ApiCallers(parts, checks)

    @blueprint.before_request
    def guard() -> None:
        rule = request.url_rule.rule if request.url_rule else ""
        scope = wanted(request.method, rule)
        if scope is not None:
            g.caller = callers.admitted(scope)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(openapi_text(), content_type="application/json")

    _answer_errors(blueprint)
    add_incident_routes(blueprint, parts, false_alarms)
    add_oncall_routes(blueprint, parts)
    add_maintenance_routes(blueprint, parts)
    add_shadow_routes(blueprint, parts)
    add_account_routes(blueprint, parts)
    return blueprint


def openapi_text() -> str:
    """Return the OpenAPI document, written by hand and held to the routes by a test."""
    return files("alert_webhook.web").joinpath("openapi.json").read_text(encoding="utf-8")


def _answer_errors(blueprint: Blueprint) -> None:
    log = get_logger("heronwatch.webhook.api")

    @blueprint.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        response = answer_json({"error": str(error)}, error.status)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="heronwatch", charset="UTF-8"'
        if error.wait_s > 0:
            response.headers["Retry-After"] = str(int(error.wait_s) + 1)
        return response

    @blueprint.errorhandler(StoreUnavailableError)
    def unavailable(error: StoreUnavailableError) -> Response:
        return answer_json({"error": f"the database does not answer: {error}"}, 503)

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return answer_json({"error": error.description or error.name}, error.code or 500)
        log.error("an API request failed", path=request.path, exc_info=error)
        return answer_json({"error": "something went wrong; the log has more"}, 500)
