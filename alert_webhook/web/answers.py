"""Answers of the web applications: HTML with the headers that keep a page to the person who asked for it, and JSON."""

import msgspec
import structlog
from flask import Response
from werkzeug.exceptions import HTTPException

from alert_webhook.errors import StoreUnavailableError
from alert_webhook.web.guards import masked
from alert_webhook.web.markup import content_security_policy, notice_page


def private_headers(response: Response, *, referrer: str) -> Response:
    """Add the headers of every page for people; `referrer` is the Referrer-Policy."""
    headers = response.headers
    headers["Referrer-Policy"] = referrer
    headers["Cache-Control"] = "no-store"
    headers["X-Robots-Tag"] = "noindex, nofollow"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Content-Security-Policy"] = content_security_policy()
    return response


def answer_json(content: object, status: int = 200) -> Response:
    """Return a value as JSON; nobody keeps it."""
    response = Response(msgspec.json.encode(content), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def page(html: str, status: int = 200) -> Response:
    """Return an HTML page."""
    return Response(html, status=status, content_type="text/html; charset=utf-8")


def see_other(location: str) -> Response:
    """Return a redirect after a form was taken; `location` is relative, so that a proxy's prefix does no harm."""
    response = Response(status=303, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = location
    response.autocorrect_location_header = False
    return response


def failure(error: Exception, path: str, log: structlog.stdlib.BoundLogger) -> Response:
    """Return the page for a fault and log it; a capability in the path is masked."""
    if isinstance(error, HTTPException):
        return page(notice_page(error.name, error.description or error.name), error.code or 500)
    if isinstance(error, StoreUnavailableError):
        log.error("the database does not answer", path=masked(path), reason=str(error))
        return page(notice_page("Not now", "The database does not answer. Try again in a moment."), 503)
    log.error("a page failed", path=masked(path), exc_info=error)
    return page(notice_page("Something went wrong", "The log has more."), 500)
