"""The two web applications: everything for people and senders who sign in, and the public one for capability links."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.intake.accepting import Intake
from alert_webhook.intake.endpoint import PREFIX, make_intake_blueprint
from alert_webhook.parts import Parts
from alert_webhook.web.api import make_api_blueprint
from alert_webhook.web.calendars import make_calendars_blueprint
from alert_webhook.web.callbacks import make_callbacks_blueprint
from alert_webhook.web.false_alarms import FalseAlarms
from alert_webhook.web.pages import make_pages_blueprint
from alert_webhook.web.password_checks import PasswordChecks
from alert_webhook.web.public import make_public_blueprint
from alert_webhook.web.series import Charts

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
OWN_AUTH = (
    "/api/v1/",
    "/a/",
    "/callbacks/",
    "/calendars/",
)  # paths that check tokens of their own, not the web config's users


def main_app(parts: Parts, intake: Intake) -> Flask:
    """Return the application of `--web.listen-address`: intake, API, pages, and the public paths as well."""
    app = _flask("heronwatch-webhook", parts)
    app.register_blueprint(make_intake_blueprint(intake, parts.settings))
    checks, false_alarms, charts = PasswordChecks(parts), FalseAlarms(parts), Charts(parts)
    app.register_blueprint(make_api_blueprint(parts, checks, false_alarms))
    app.register_blueprint(make_pages_blueprint(parts, checks, false_alarms, charts))
    app.register_blueprint(make_calendars_blueprint(parts))
    app.register_blueprint(make_public_blueprint(parts, false_alarms, charts))
    app.register_blueprint(make_callbacks_blueprint(parts))
    return app


def public_app(parts: Parts) -> Flask:
    """Return the application of `--web.public-listen-address`: `/a/`, `/calendars/` and `/callbacks/` alone."""
    app = _flask("heronwatch-webhook-public", parts)
    app.register_blueprint(make_public_blueprint(parts, FalseAlarms(parts), Charts(parts)))
    app.register_blueprint(make_calendars_blueprint(parts))
    app.register_blueprint(make_callbacks_blueprint(parts))
    return app


def never_429(app: WsgiApp) -> WsgiApp:
    """Return the application with 503 for 429 on the intake: Alertmanager drops the alerts of a flush on any 4xx."""

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not str(environ.get("PATH_INFO", "")).startswith(PREFIX):
            return app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            told = "503 Service Unavailable" if status.startswith("429") else status
            return start_response(told, headers, exc_info)

        return app(environ, start)

    return outer


def _flask(name: str, parts: Parts) -> Flask:
    app = Flask(name, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # merging answers with a redirect, which turns a sender's POST into a GET
    app.extensions["heronwatch_parts"] = parts
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(StoreUnavailableError, _unavailable)
    return app


def _http_error(error: HTTPException) -> Response:
    response = jsonify({"error": error.description or error.name})
    response.status_code = error.code or 500
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]  # checked above
    return response


def _unavailable(error: StoreUnavailableError) -> Response:
    response = jsonify({"error": f"the database does not answer: {error}"})
    response.status_code = 503
    return response
