"""`POST /api/v1/intake/TYPE/NAME`: HTTP in front of `accepting`."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from alert_webhook.intake.accepting import Intake, Reply

PREFIX = "/api/v1/intake/"
METHODS = {"alertmanager": ["POST"], "grafana": ["POST", "PUT"], "generic": ["POST", "PUT"]}  # Grafana lets one choose


def make_intake_blueprint(intake: Intake) -> Blueprint:
    """Return the intake's routes. Any other method is 405; there are no redirects."""
    blueprint = Blueprint("intake", __name__)
    for type_, methods in METHODS.items():
        blueprint.add_url_rule(
            f"{PREFIX}{type_}/<name>",
            endpoint=type_,
            view_func=_taking(intake, type_),
            methods=methods,
            strict_slashes=False,
            provide_automatic_options=False,
        )
    return blueprint


def _taking(intake: Intake, type_: str) -> Callable[[str], Response]:
    def take(name: str) -> Response:
        reply = _reply(intake, type_, name)
        intake.answered(name, reply.status)
        return _response(reply)

    return take


def _reply(intake: Intake, type_: str, name: str) -> Reply:
    admitted = intake.admit(type_, name, request.headers.get)
    if isinstance(admitted, Reply):
        return admitted
    request.max_content_length = int(admitted.max_body)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return Reply(413, f"the body is larger than {admitted.max_body}")
    return intake.verify(admitted, request.headers.get, body) or intake.accept(name, admitted, body)


def _response(reply: Reply) -> Response:
    told = {"status": reply.reason, "accepted": reply.accepted, "quarantined": reply.quarantined}
    response = jsonify(told if reply.status == 200 else {"error": reply.reason})
    response.status_code = reply.status
    if reply.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="heronwatch intake"'
    return response
