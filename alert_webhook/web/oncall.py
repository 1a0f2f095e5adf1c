"""The JSON API about who is on call: `/api/v1/oncall…`. The guard of the API's blueprint stands before every route."""

from flask import Blueprint, Response, g
from msgspec import Struct, field

from alert_webhook.capability import new_token
from alert_webhook.config import Config
from alert_webhook.escalation.asked import parse_time
from alert_webhook.oncall.current import PAST_S, current_schedules
from alert_webhook.oncall.listing import listing, stretch
from alert_webhook.oncall.schedule import Override, Schedule
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller
from alert_webhook.store import calendar_links, changes, overrides
from alert_webhook.store.database import Transaction
from alert_webhook.web.answers import answer_json
from alert_webhook.web.bodies import Refused, body, number, row_id, same_site
from heronwatch.logs import get_logger

DAY_S = 86_400.0
EARLIEST, LATEST = 631_152_000.0, 7_258_118_400.0  # 1990 and 2200
LONGEST_S = 400 * DAY_S
CALENDAR_S = 400 * DAY_S  # a link has to be renewed once a year


class NewOverride(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/oncall/overrides`; a time without an offset is one of the schedule's zone."""

    schedule: str
    person: str
    begins: str = field(name="from")
    to: str
    instead_of: str = ""


class NewCalendar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/oncall/calendars`; without a person it shows everybody's shifts."""

    schedule: str
    person: str = ""


def add_oncall_routes(blueprint: Blueprint, parts: Parts) -> None:
    """Add the routes."""
    desk = _Desk(parts)

    @blueprint.get("/oncall")
    def oncall() -> Response:
        return desk.now()

    @blueprint.get("/oncall/shifts/<schedule>")
    def oncall_shifts(schedule: str) -> Response:
        return desk.shifts(schedule)

    @blueprint.post("/oncall/overrides")
    def new_override() -> Response:
        return desk.add_override()

    @blueprint.delete("/oncall/overrides/<int:override_id>")
    def drop_override(override_id: int) -> Response:
        return desk.remove_override(override_id)

    @blueprint.post("/oncall/calendars")
    def new_calendar() -> Response:
        return desk.add_calendar()

    @blueprint.delete("/oncall/calendars/<int:link_id>")
    def drop_calendar(link_id: int) -> Response:
        return desk.revoke_calendar(link_id)


class _Desk:
    """Answers about schedules."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = get_logger("heronwatch.webhook.oncall")

    def now(self) -> Response:
        """Tell who is on call, with the overrides that are not over and the calendar links."""
        config = self._parts.settings()

        def read(tx: Transaction) -> dict[str, object]:
            return {
                "at": tx.now,
                "schedules": listing(current_schedules(tx, config, since=tx.now - PAST_S), config.persons(), tx.now),
                "overrides": [_shown(each) for each in overrides.not_over(tx, tx.now)],
                "calendars": calendar_links.every(tx),
            }

        return answer_json(self._parts.store.read(read))

    def shifts(self, name: str) -> Response:
        """Tell the shifts and gaps of a stretch, by default of the next 31 days."""
        config = self._parts.settings()
        now = self._parts.clock.now()
        start = number("from", now)
        end = number("to", start + 31 * DAY_S)
        if not 0.0 <= start < end <= start + LONGEST_S or end > 6e9:
            raise Refused(400, "from and to are Unix seconds, from before to, at most 400 days")
        schedules = self._parts.store.read(lambda tx: current_schedules(tx, config, since=start))
        return answer_json(stretch(_known(schedules, name), config.persons(), start, end))

    def add_override(self) -> Response:
        """Put somebody on call for a while."""
        config = self._parts.settings()
        asked = body(NewOverride, self._parts.public_url)
        schedule = _known(config.rotas(), asked.schedule)
        override = _override(asked, schedule, config)
        if override.end <= self._parts.clock.now():
            raise Refused(422, "it is over already")
        caller = _caller()

        def write(tx: Transaction) -> int:
            what = f"{override.person} on {schedule.name}"
            changes.note(tx, "override made", what, who=caller.name, via=caller.via)
            return overrides.add(tx, schedule.name, override, who=caller.name)

        override_id = self._parts.store.write(write, "override")
        self._log.info("an override was made", schedule=schedule.name, person=override.person, user=caller.name)
        return answer_json({"id": override_id}, 201)

    def remove_override(self, override_id: int) -> Response:
        """Take an override back."""
        same_site(self._parts.public_url)
        caller, known = _caller(), row_id(override_id)

        def write(tx: Transaction) -> bool:
            gone = overrides.remove(tx, known)
            if gone:
                changes.note(tx, "override taken back", str(known), who=caller.name, via=caller.via)
            return gone

        if not self._parts.store.write(write, "override"):
            raise Refused(404, "no such override; those of the configuration and of calendars are changed there")
        self._log.info("an override was taken back", id=override_id, user=caller.name)
        return answer_json({"id": override_id})

    def add_calendar(self) -> Response:
        """Make a link that calendar programs subscribe to; it is shown this once."""
        config = self._parts.settings()
        asked = body(NewCalendar, self._parts.public_url)
        _known(config.rotas(), asked.schedule)
        if asked.person:
            _known_person(asked.person, config)
        token, caller = new_token(self._parts.random), _caller()

        def write(tx: Transaction) -> int:
            expires_at, who = tx.now + CALENDAR_S, caller.name
            what = f"{asked.schedule}{f', {asked.person}' if asked.person else ''}"
            changes.note(tx, "calendar link made", what, who=who, via=caller.via)
            return calendar_links.add(
                tx, token, schedule=asked.schedule, person=asked.person, who=who, expires_at=expires_at
            )

        link_id = self._parts.store.write(write, "calendar_link")
        return answer_json({"id": link_id, "url": f"{self._parts.public_url}/calendars/{token}.ics"}, 201)

    def revoke_calendar(self, link_id: int) -> Response:
        """End a calendar link."""
        same_site(self._parts.public_url)
        caller, known = _caller(), row_id(link_id)

        def write(tx: Transaction) -> bool:
            gone = calendar_links.revoke(tx, known)
            if gone:
                changes.note(tx, "calendar link revoked", str(known), who=caller.name, via=caller.via)
            return gone

        if not self._parts.store.write(write, "calendar_link"):
            raise Refused(404, "no such calendar link")
        return answer_json({"id": link_id})


def _caller() -> Caller:
    caller: Caller = g.caller
    return caller


def _override(asked: NewOverride, schedule: Schedule, config: Config) -> Override:
    _known_person(asked.person, config)
    if asked.instead_of:
        _known_person(asked.instead_of, config)
    start, end = _instant(asked.begins, schedule), _instant(asked.to, schedule)
    if not start < end <= start + LONGEST_S:
        raise Refused(422, "to is after from, by at most 400 days")
    return Override(asked.person, start, end, asked.instead_of)


def _instant(text: str, schedule: Schedule) -> float:
    try:
        found = parse_time(text or "nothing", zone=schedule.zone, now=0.0)
    except (ValueError, OverflowError) as error:
        raise Refused(422, str(error)) from error
    if not EARLIEST <= found <= LATEST:
        raise Refused(422, "times are from 1990 to 2200")
    return found


def _known(schedules: dict[str, Schedule], name: str) -> Schedule:
    if name not in schedules:
        raise Refused(404, "no such schedule")
    return schedules[name]


def _known_person(key: str, config: Config) -> None:
    if key not in config.people:
        raise Refused(422, "no such person in the configuration")


def _shown(stored: overrides.Stored) -> dict[str, object]:
    own = stored.override
    return {
        "id": stored.id,
        "schedule": stored.schedule,
        "person": own.person,
        "instead_of": own.instead_of,
        "from": own.start,
        "to": own.end,
        "calendar": stored.calendar,
        "created_by": stored.created_by,
    }
