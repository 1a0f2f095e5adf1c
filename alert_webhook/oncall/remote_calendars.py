"""Calendars from a URL → overrides in the database: asked for in turns, bounded, the last good copy kept.

A source that is away, slow, huge, moved or full of something else changes nothing: what it said before stays in force,
and is read anew, so that its repetitions go on coming into view.
"""

from alert_webhook.config import Config
from alert_webhook.delivery.guarded_http import Answer, GuardedHttp
from alert_webhook.errors import CalendarError
from alert_webhook.oncall.blocks import CalendarBlock
from alert_webhook.oncall.calendars import CalendarFile, understood
from alert_webhook.oncall.ical_lines import MAX_BYTES
from alert_webhook.parts import Parts
from alert_webhook.store import calendar_copies, overrides
from alert_webhook.store.calendar_copies import Copy, Key
from alert_webhook.store.database import Transaction
from heronwatch.logs import get_logger

LOOK_EVERY_S = 10.0
HEADERS = {"Accept": "text/calendar", "User-Agent": "heronwatch"}


class RemoteCalendars:
    """One turn asks for every calendar whose time has come and that no other replica has just asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: set[Key] | None = None
        self._log = get_logger("heronwatch.webhook.calendars")

    def turn(self) -> None:
        """Do what is due; StoreUnavailableError when the database is away."""
        config, store = self._parts.settings(), self._parts.store
        wanted = remote(config)
        if self._known != set(wanted):
            store.write(lambda tx: calendar_copies.forget_others(tx, wanted), "calendars")
            self._known = set(wanted)
        if not wanted:
            return
        now, copies = store.read(lambda tx: (tx.now, calendar_copies.known(tx)))
        for key, block in wanted.items():
            if _is_due(copies.get(key), block, now) and self._my_turn(key, block):
                self._refresh(config, key, block)

    def _my_turn(self, key: Key, block: CalendarBlock) -> bool:
        take = calendar_copies.take_turn
        return self._parts.store.write(lambda tx: take(tx, key, every_s=float(block.every)), "calendars")

    def _refresh(self, config: Config, key: Key, block: CalendarBlock) -> None:
        store, now = self._parts.store, self._parts.clock.now()
        try:
            content = fetch(block)
            found = _read(content, config, key, now)
        except CalendarError as error:
            self._log.error("a calendar was not read, its last copy stays", calendar="/".join(key), reason=str(error))
            why = str(error)
            store.write(lambda tx: calendar_copies.failed(tx, key, why), "calendars")
            self._again(config, key, now)
            return
        for fault in found.faults:
            self._log.warning("a part of a calendar was not used", calendar="/".join(key), reason=fault)
        store.write(lambda tx: _keep(tx, key, content, found), "calendars")
        self._parts.wake()

    def _again(self, config: Config, key: Key, now: float) -> None:
        """Read the last good copy anew."""
        store = self._parts.store
        content = store.read(lambda tx: calendar_copies.content(tx, key))
        if content is None:
            return
        try:
            own = _read(content, config, key, now).overrides.overrides
        except CalendarError:
            return  # it has become too much; what was read of it stays
        store.write(lambda tx: overrides.replace_calendar(tx, *key, own), "calendars")


def remote(config: Config) -> dict[Key, CalendarBlock]:
    """Return the calendars that come from a URL."""
    return {
        (schedule, name): block
        for schedule, each in config.schedules.items()
        for name, block in each.calendars.items()
        if block.url is not None
    }


def fetch(block: CalendarBlock) -> bytes:
    """Return what the URL of a calendar says now; CalendarError when it says nothing of use."""
    http = GuardedHttp(block.allowed_networks, ca_file=block.ca_file, most_bytes=MAX_BYTES + 1)
    url = block.url.reveal() if block.url is not None else ""
    try:
        answer = http.get(url, timeout_s=float(block.timeout), headers=HEADERS)
    finally:
        http.close()
    if not isinstance(answer, Answer):
        raise CalendarError(getattr(answer, "reason", "no answer"))
    if 300 <= answer.status < 400:
        raise CalendarError(f"HTTP {answer.status}: redirects are not followed; write the final address")
    if answer.status != 200:
        raise CalendarError(f"HTTP {answer.status}")
    return answer.body


def stale_s(copy: Copy | None, block: CalendarBlock, now: float) -> float | None:
    """Return how old the copy of a calendar is where that is too old, None where it is not; endless without a copy."""
    age_s = float("inf") if copy is None or copy.fetched_at is None else now - copy.fetched_at
    return age_s if age_s > float(block.stale_after) else None


def _is_due(copy: Copy | None, block: CalendarBlock, now: float) -> bool:
    return copy is None or now - copy.tried_at >= float(block.every)


def _read(content: bytes, config: Config, key: Key, now: float) -> CalendarFile:
    schedule, name = key
    return understood(content, config.persons(), name=name, zone=config.schedules[schedule].time_zone, now=now)


def _keep(tx: Transaction, key: Key, content: bytes, found: CalendarFile) -> None:
    calendar_copies.keep(tx, key, content)
    overrides.replace_calendar(tx, *key, found.overrides.overrides)
