"""`heronwatch webhook route`: says who would be paged for an alert, when and why. Pages nobody, changes nothing."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from alert_webhook.administration import Terminal
from alert_webhook.config import Config, Database
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.escalation.asked import parse_labels, parse_time
from alert_webhook.escalation.forecast import Forecast, forecast
from alert_webhook.oncall.configured import from_calendars
from alert_webhook.oncall.current import with_overrides
from alert_webhook.oncall.schedule import Override
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import overrides, turns
from alert_webhook.store.opening import engine_for, open_store
from heronwatch.clock import Clock, SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import load
from heronwatch.errors import HeronwatchError

Turns = Mapping[tuple[str, int], int]
Stored = dict[str, list[Override]]


class Asked(Struct, frozen=True, kw_only=True):
    """The arguments, as they were written."""

    labels: str
    at: str = ""
    time_zone: str = ""
    integration: str = ""
    as_json: bool = False


def route(files: Sequence[str], asked: Asked, terminal: Terminal) -> int:
    """Print who would be paged, when and why; with overrides from the database where it can be read."""
    clock = SystemClock()
    try:
        config = load(files, Config).value
        labels = parse_labels(asked.labels)
        zone = Zone.parse(asked.time_zone) if asked.time_zone else None
        at = parse_time(asked.at, zone=zone, now=clock.now())
        integration = _integration(config, asked.integration)
    except HeronwatchError as error:
        terminal.warn(str(error))
        return EXIT_FAULT
    except ValueError as error:
        terminal.warn(str(error))
        return EXIT_USAGE
    stored, taken = _stored(config, at, clock, terminal)
    found = forecast(config, integration, labels, at, schedules=with_overrides(config, stored), turns=taken)
    if asked.as_json:
        terminal.say(msgspec.json.encode({"labels": labels, "at": at, **msgspec.to_builtins(found)}).decode())
    else:
        for line in lines(found, at, zone or _usual_zone(config)):
            terminal.say(line)
    return EXIT_OK


def lines(found: Forecast, at: float, zone: Zone) -> Iterator[str]:
    """Yield a forecast in words."""
    yield f"{zone.shown(at)} ({zone.name}), integration {found.integration}"
    contacts = ", all contacts at once unless their rules say otherwise" if found.severity.every_contact else ""
    yield f"severity {found.severity.name} ({found.severity_why}): {found.severity.urgency.value}{contacts}"
    if not found.policy:
        yield "nobody is paged"
        return
    yield f"policy {found.policy} ({found.policy_why}); if nobody answers:"
    for each in found.steps:
        yield f"  {zone.shown(each.at)}  +{(each.at - at) / 60:g} min  {each.text}"


def _integration(config: Config, name: str) -> str:
    if name in config.integrations:
        return name
    if name:
        raise ValueError(f"{name!r} is not in integrations ({', '.join(config.integrations)})")
    if len(config.integrations) != 1:
        raise ValueError(f"which integration? Add --integration, one of {', '.join(config.integrations)}")
    return next(iter(config.integrations))


def _usual_zone(config: Config) -> Zone:
    return next((schedule.time_zone for schedule in config.schedules.values()), Zone("UTC"))


def _stored(config: Config, at: float, clock: Clock, terminal: Terminal) -> tuple[Stored, Turns]:
    """Return overrides and turns as the database has them, or what the calendar files say where it cannot be asked."""
    if _is_there(config.database):
        store = open_store(engine_for(config.database), clock)
        try:
            kept, taken = store.read(lambda tx: (overrides.not_over(tx, min(at, tx.now)), turns.taken(tx)))
        except StoreUnavailableError as error:
            terminal.warn(f"warning: the database was not asked for overrides: {error}")
        else:
            found: Stored = {}
            for each in kept:
                found.setdefault(each.schedule, []).append(each.override)
            return found, taken
        finally:
            store.close()
    return from_calendars(config, clock.now(), terminal.warn), {}


def _is_there(database: Database) -> bool:
    return database.sqlite is None or database.sqlite.is_file()
