"""The JSON API about shadow mode: `/api/v1/shadow`, who would have been paged on one day, when and why."""

from datetime import date, datetime

import msgspec
from flask import Blueprint, Response, request

from alert_webhook.parts import Parts
from alert_webhook.shadow.report import bounds, why
from alert_webhook.store import shadowed
from alert_webhook.web.answers import answer_json
from alert_webhook.web.bodies import Refused

FIRST, LAST = date(1990, 1, 1), date(2200, 1, 1)
LENGTH = len("2026-03-01")


def add_shadow_routes(blueprint: Blueprint, parts: Parts) -> None:
    """Add the route."""

    @blueprint.get("/shadow")
    def shadow() -> Response:
        zone = parts.settings().common_zone()
        day = _day(request.args.get("day"), zone.wall(parts.clock.now()).date())
        begins, ends = bounds(day, zone)
        found = parts.store.read(lambda tx: shadowed.kept_back(tx, begins, ends))
        messages = [{**msgspec.structs.asdict(each), "why": why(each)} for each in found]
        return answer_json({"day": day.isoformat(), "messages": messages})


def _day(text: str | None, today: date) -> date:
    """Return the day that is asked for; None is today."""
    if text is None:
        return today
    try:
        found = datetime.strptime(text, "%Y-%m-%d").date() if len(text) == LENGTH else None  # noqa: DTZ007  # a day
    except ValueError:
        found = None
    if found is None:
        raise Refused(400, "day is written 2026-03-01")
    if not FIRST <= found <= LAST:
        raise Refused(422, "days are from 1990 to 2200")
    return found
