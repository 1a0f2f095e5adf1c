"""`POST /api/v1/intake/TYPE/NAME`: HTTP in front of `accepting`."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request
from msgspec.structs import replace
from werkzeug.exceptions import RequestEntityTooLarge

from alert_webhook.config import Config
from alert_webhook.intake import certificates
from alert_webhook.intake.accepting import Intake, Reply
from alert_webhook.intake.blocks import Integration
from heronwatch.wsgi_ends import BODY_ENDS, BodyEnds, ends_of
from heronwatch.wsgi_server import PEER_CERTIFICATE

PREFIX = "/api/v1/intake/"
METHODS = {"alertmanager": ["POST"], "grafana": ["POST", "PUT"], "generic": ["POST", "PUT"]}  # Grafana lets one choose
QUERY_TOKEN = "token"  # noqa: S105  # the name of the parameter
QUERY_IGNORED = "a token in the query string counts with token_in_query only: logs of proxies keep URLs"


def make_intake_blueprint(intake: Intake, settings: Callable[[], Config]) -> Blueprint:
    """Return the intake's routes. Any other method is 405; there are no redirects."""
    blueprint = Blueprint("intake", __name__)
    for type_, methods in METHODS.items():
        blueprint.add_url_rule(
            f"{PREFIX}{type_}/<name>",
            endpoint=type_,
            view_func=_taking(intake, settings, type_),
            methods=methods,
            strict_slashes=False,
            provide_automatic_options=False,
        )
    return blueprint


def _taking(intake: Intake, settings: Callable[[], Config], type_: str) -> Callable[[str], Response]:
    def take(name: str) -> Response:
        in_query = _looks_into_query(settings().integrations.get(name))
        reply = _reply(intake, type_, name, in_query=in_query)
        intake.answered(name, reply.status)
        if reply.status == 401 and QUERY_TOKEN in request.args and not in_query:
            reply = replace(reply, reason=f"{reply.reason}; {QUERY_IGNORED}")
        return _response(reply)

    return take


def _reply(intake: Intake, type_: str, name: str, *, in_query: bool) -> Reply:
    admitted = intake.admit(type_, name, _header_or_query if in_query else request.headers.get)
    if isinstance(admitted, Reply):
        return admitted
    if refusal := _certificate_refusal(admitted):
        return refusal
    body = _body(int(admitted.max_body))
    if isinstance(body, BodyEnds):
        return intake.accept_ends(name, admitted, body)
    return intake.verify(admitted, request.headers.get, body) or intake.accept(name, admitted, body)


def _body(most: int) -> bytes | BodyEnds:
    """Return the request's body, of one larger than `most` bytes the ends."""
    ends = request.environ.get(BODY_ENDS)
    if isinstance(ends, BodyEnds):
        return ends  # larger than the server reads: of a limit that was raised since it started, too
    request.max_content_length = most
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        return ends_of(request.environ["wsgi.input"].read())


def _looks_into_query(integration: Integration | None) -> bool:
    return integration is not None and integration.token_in_query


def _header_or_query(name: str) -> str | None:
    """Return a header of the request; the query's token stands for an Authorization that is missing."""
    given = request.headers.get(name)
    if name != "Authorization" or given is not None or QUERY_TOKEN not in request.args:
        return given
    return f"Bearer {request.args[QUERY_TOKEN]}"


def _certificate_refusal(integration: Integration) -> Reply | None:
    block = integration.client_certificate
    if block is None:
        return None
    certificate = request.environ.get(PEER_CERTIFICATE)
    problem = certificates.fault(block, request.headers.get, remote=request.remote_addr or "", certificate=certificate)
    return Reply(401, problem) if problem else None


def _response(reply: Reply) -> Response:
    told = {"status": reply.reason, "accepted": reply.accepted, "quarantined": reply.quarantined}
    response = jsonify(told if reply.status == 200 else {"error": reply.reason})
    response.status_code = reply.status
    if reply.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="heronwatch intake"'
    return response
