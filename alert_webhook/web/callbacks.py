"""`POST /callbacks/NAME`: what the provider of channel NAME calls back with. Only its signature is believed."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from alert_webhook.delivery.callback import CallbackAnswer, CallbackRequest, Hears, Refused
from alert_webhook.delivery.hearing import take_in
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.parts import Parts
from heronwatch.logs import get_logger

MAX_BODY_BYTES = 64 * 1024
PLAIN = "text/plain; charset=utf-8"
NOT_ACCEPTED = CallbackAnswer(403, PLAIN, b"Not accepted.\n")
NOBODY = CallbackAnswer(404, PLAIN, b"Nobody listens here.\n")


def make_callbacks_blueprint(parts: Parts) -> Blueprint:
    """Return the route of callbacks, for both listeners."""
    blueprint = Blueprint("callbacks", __name__)
    log = get_logger("heronwatch.webhook.callbacks")

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return _response(CallbackAnswer(error.code or 500, PLAIN, f"{error.name}\n".encode()))
        if isinstance(error, StoreUnavailableError):
            log.error("a callback waits for the database", path=request.path, reason=str(error))
            return _response(CallbackAnswer(503, PLAIN, b"Not now. Try again.\n"))
        log.error("a callback failed", path=request.path, exc_info=error)
        return _response(CallbackAnswer(500, PLAIN, b"Something went wrong.\n"))

    @blueprint.post("/callbacks/<provider>", strict_slashes=True)
    def called_back(provider: str) -> Response:
        request.max_content_length = MAX_BODY_BYTES
        channel: object = parts.channels().get(provider)
        if not isinstance(channel, Hears):
            parts.callback_refused("")
            return _response(NOBODY)
        heard = channel.hear(_asked(provider, parts.public_url))
        if isinstance(heard, Refused):
            log.warning("a callback is not accepted", channel=provider, reason=heard.reason)
            parts.callback_refused(provider)
            return _response(NOT_ACCEPTED)
        results = take_in(parts, provider, heard)
        return _response(channel.respond(heard, results))

    return blueprint


def _asked(provider: str, public_url: str) -> CallbackRequest:
    query = request.query_string.decode("latin-1")
    return CallbackRequest(
        url=f"{public_url}/callbacks/{provider}{'?' if query else ''}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(cache=False),
    )


def _response(answer: CallbackAnswer) -> Response:
    response = Response(answer.body, status=answer.status)
    response.headers["Content-Type"] = answer.content_type or PLAIN
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
