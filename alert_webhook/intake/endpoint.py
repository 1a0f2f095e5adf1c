"""`POST /api/v1/intake/alertmanager/NAME`: HTTP in front of `accepting`."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from alert_webhook.intake.accepting import Intake, Reply

PREFIX = "/api/v1/intake/"


def make_intake_blueprint(intake: Intake) -> Blueprint:
    """Return the intake's routes. Any method but POST is 405; there are no redirects."""
    blueprint = Blueprint("intake", __name__)

    @blueprint.post(f"{PREFIX}alertmanager/<name>", strict_slashes=False, provide_automatic_options=False)
    def alertmanager(name: str) -> Response:
        reply = _reply(intake, name)
        intake.answered(name, reply.status)
        return _response(reply)

    return blueprint


def _reply(intake: Intake, name: str) -> Reply:
    encoding = request.headers.get("Content-Encoding", "")
    admitted = intake.admit(name, authorization=request.headers.get("Authorization"), encoding=encoding)
    if isinstance(admitted, Reply):
        return admitted
    request.max_content_length = int(admitted.max_body)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return Reply(413, f"the body is larger than {admitted.max_body}")
    return intake.accept(name, admitted, body)


def _response(reply: Reply) -> Response:
    told = {"status": reply.reason, "accepted": reply.accepted, "quarantined": reply.quarantined}
    response = jsonify(told if reply.status == 200 else {"error": reply.reason})
    response.status_code = reply.status
    if reply.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="heronwatch intake"'
    return response
