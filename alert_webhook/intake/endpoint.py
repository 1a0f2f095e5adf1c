"""`POST /api/v1/intake/TYPE/NAME`: HTTP in front of `accepting`."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request
from msgspec.structs import replace
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from alert_webhook.config import Config
from alert_webhook.intake import certificates
from alert_webhook.intake.accepting import Intake, Reply
from alert_webhook.intake.blocks import Integration
from heronwatch.wsgi_ends import BODY_ENDS, BODY_UNREAD, BodyEnds, ends_of
from heronwatch.wsgi_server import PEER_CERTIFICATE

PREFIX = "/api/v1/intake/"
SIGNED_BYTES = 4 << 20  # of a body that only its signature can prove: anybody may send one
ELSEWHERE_BYTES = 1 << 20  # of a body to another path; each has a smaller bound of its own
UNREAD = Reply(503, "the configuration has just changed: try again")
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


def screen(intake: Intake, settings: Callable[[], Config]) -> Callable[[dict[str, Any]], int]:
    """Return how many bytes of a large body are taken in: none from those who are not let in.

    A signature can only be checked against the whole body: where it is all there is, the body may be SIGNED_BYTES.
    """

    def allowed(environ: dict[str, Any]) -> int:
        type_, _slash, name = str(environ.get("PATH_INFO", "")).removeprefix(PREFIX).strip("/").partition("/")
        integration = settings().integrations.get(name)
        if not str(environ.get("PATH_INFO", "")).startswith(PREFIX):
            return ELSEWHERE_BYTES
        if integration is None:
            return 0
        if isinstance(_admitted(intake, type_, name, Request(environ), _looks_into_query(integration)), Reply):
            return 0
        known = integration.tokens or integration.client_certificate
        return int(integration.max_body) if known else min(SIGNED_BYTES, int(integration.max_body))

    return allowed


def _taking(intake: Intake, settings: Callable[[], Config], type_: str) -> Callable[[str], Response]:
    def take(name: str) -> Response:
        in_query = _looks_into_query(settings().integrations.get(name))
        reply = _reply(intake, type_, name, in_query)
        intake.answered(name, reply.status)
        if reply.status == 401 and QUERY_TOKEN in request.args and not in_query:
            reply = replace(reply, reason=f"{reply.reason}; {QUERY_IGNORED}")
        return _response(reply)

    return take


def _admitted(intake: Intake, type_: str, name: str, asked: Request, in_query: bool) -> Integration | Reply:
    """Return the integration whose sender this is, as far as that is known without the body; else the refusal."""
    headers = _header_or_query(asked) if in_query else asked.headers.get
    admitted = intake.admit(type_, name, headers)
    return admitted if isinstance(admitted, Reply) else _certificate_refusal(admitted, asked) or admitted


def _reply(intake: Intake, type_: str, name: str, in_query: bool) -> Reply:
    admitted = _admitted(intake, type_, name, request, in_query)
    if isinstance(admitted, Reply):
        return admitted
    if request.environ.get(BODY_UNREAD):
        return UNREAD
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


def _header_or_query(asked: Request) -> Callable[[str], str | None]:
    """Return what finds a header of a request; the query's token stands for an Authorization that is missing."""

    def header(name: str) -> str | None:
        given = asked.headers.get(name)
        if name != "Authorization" or given is not None or QUERY_TOKEN not in asked.args:
            return given
        return f"Bearer {asked.args[QUERY_TOKEN]}"

    return header


def _certificate_refusal(integration: Integration, asked: Request) -> Reply | None:
    block = integration.client_certificate
    if block is None:
        return None
    certificate = asked.environ.get(PEER_CERTIFICATE)
    problem = certificates.fault(block, asked.headers.get, remote=asked.remote_addr or "", certificate=certificate)
    return Reply(401, problem) if problem else None


def _response(reply: Reply) -> Response:
    told = {"status": reply.reason, "accepted": reply.accepted, "quarantined": reply.quarantined}
    response = jsonify(told if reply.status == 200 else {"error": reply.reason})
    response.status_code = reply.status
    if reply.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="heronwatch intake"'
    return response
