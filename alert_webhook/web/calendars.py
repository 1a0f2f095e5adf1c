"""`/calendars/TOKEN.ics`: a schedule for calendar programs. The path is the right to see it; it changes nothing."""

import threading

from flask import Blueprint, Response, request

from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.ical_write import calendar
from alert_webhook.oncall.schedule import shifts
from alert_webhook.parts import Parts
from alert_webhook.store import calendar_links
from alert_webhook.store.database import Transaction
from alert_webhook.web import answers
from alert_webhook.web.guards import looks_like_capability
from alert_webhook.web.tallies import Rate, Tally
from heronwatch.logs import get_logger

BEHIND_S, AHEAD_S = 32 * 86_400.0, 186 * 86_400.0
GUESSES = Rate(30, 60.0)
SUFFIX = ".ics"


def make_calendars_blueprint(parts: Parts) -> Blueprint:
    """Return the one route."""
    blueprint = Blueprint("calendars", __name__)
    log = get_logger("heronwatch.webhook.calendars")
    guesses, lock = Tally(GUESSES), threading.Lock()
    blueprint.after_request(_private)

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        return answers.failure(error, request.path, log)

    @blueprint.get("/calendars/<name>", strict_slashes=True)
    def subscribed(name: str) -> Response:
        token = name.removesuffix(SUFFIX)
        known = name.endswith(SUFFIX) and looks_like_capability(token)
        text = parts.store.read(lambda tx: _calendar(tx, parts, token)) if known else None
        if text is None:
            with lock:
                address, now = request.remote_addr or "", parts.clock.monotonic()
                wait_s = guesses.wait_s(address, now)
                guesses.count(address, now)
            return _refused(429 if wait_s > 0 else 404, wait_s)
        return Response(text, content_type="text/calendar; charset=utf-8")

    return blueprint


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _calendar(tx: Transaction, parts: Parts, token: str) -> str | None:
    link = calendar_links.find(tx, token)
    config = parts.settings()
    if link is None or link.schedule not in config.schedules:
        return None
    start, end = tx.now - BEHIND_S, tx.now + AHEAD_S
    schedule = current_schedules(tx, config, since=start)[link.schedule]
    shown = [each for each in shifts(schedule, start, end) if link.person in {"", each.person}]
    names = {key: person.name for key, person in config.persons().items()}
    return calendar(link.schedule, shown, names=names, now=tx.now)


def _refused(status: int, wait_s: float) -> Response:
    response = Response("No such calendar.\n", status=status, content_type="text/plain; charset=utf-8")
    if status == 429:
        response.headers["Retry-After"] = str(int(wait_s) + 1)
    return response
