"""`heronwatch webhook route`: says who would be paged for an alert, when and why. Pages nobody, changes nothing."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.administration import Terminal
from alert_webhook.config import Config
from alert_webhook.errors import StoreUnavailableError
from alert_webhook.escalation.asked import parse_labels, parse_time
from alert_webhook.escalation.forecast import NO_CODES, Forecast, forecast
from alert_webhook.escalation.held import Hold
from alert_webhook.incidents.suppressing import covers_now
from alert_webhook.incidents.suppression import Covers
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.incidents.windows import active_windows
from alert_webhook.oncall.configured import from_calendars
from alert_webhook.oncall.current import with_overrides
from alert_webhook.oncall.schedule import Override
from alert_webhook.oncall.wall import Zone
from alert_webhook.store import incidents, maintenance, overrides, turns
from alert_webhook.store.database import Transaction
from alert_webhook.store.opening import is_there, open_existing
from heronwatch.clock import Clock, SystemClock
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import load
from heronwatch.errors import HeronwatchError

Turns = Mapping[tuple[str, int], int]
Stored = dict[str, list[Override]]
NO_TURNS: Turns = {}


UNPAGED = {  # what is done instead
    Urgency.PAGE: "its policy has no steps",
    Urgency.DIGEST: "it is told of in the next digest",
    Urgency.RECORD: "it is in the list of incidents",
    Urgency.CONTEXT: "it is named in the pages of incidents beside it",
}
NO_DIGEST = "it is in the list of incidents, and told of nowhere: no digest is configured"


class Known(Struct, frozen=True, kw_only=True):
    """What a forecast needs besides the file. `covers` None: what the file says of maintenance is all there is."""

    overrides: Stored
    turns: Turns = NO_TURNS
    covers: Covers | None = None
    codes: Mapping[int, str] = NO_CODES


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
    known = _known(config, at, clock, terminal)
    schedules = with_overrides(config, known.overrides)
    found = forecast(
        config, integration, labels, at,
        schedules=schedules, turns=known.turns, covers=known.covers, codes=known.codes,
    )  # fmt: skip
    if asked.as_json:
        terminal.say(msgspec.json.encode({"labels": labels, "at": at, **msgspec.to_builtins(found)}).decode())
    else:
        for line in lines(found, at, zone or config.common_zone(), digests=bool(config.digests)):
            terminal.say(line)
    return EXIT_OK


def lines(found: Forecast, at: float, zone: Zone, *, digests: bool) -> Iterator[str]:
    """Yield a forecast in words; `digests`: there are some."""
    where = "" if zone.called(at) == zone.name else f" ({zone.name})"
    yield f"{zone.shown(at)}{where}, integration {found.integration}"
    contacts = ", all contacts at once unless their rules say otherwise" if found.severity.every_contact else ""
    yield f"severity {found.severity.name} ({found.severity_why}): {found.severity.urgency.value}{contacts}"
    if not found.policy:
        untold = found.severity.urgency is Urgency.DIGEST and not digests
        yield f"nobody is paged: {NO_DIGEST if untold else UNPAGED[found.severity.urgency]}"
        return
    for hold in found.held:
        yield f"nobody is paged: {_hold(hold, zone)}"
    without = "without that: " if found.held else ""
    yield f"{without}policy {found.policy} ({found.policy_why}); if nobody answers:"
    for each in found.steps:
        yield f"  {zone.shown(each.at)}  +{(each.at - at) / 60:g} min  {each.text}"
    for note in found.notes:
        yield f"note: {note.why}{f' until {zone.shown(note.until)}' if note.until else ''}"


def _hold(hold: Hold, zone: Zone) -> str:
    if hold.now:
        return f"{hold.why}, as it is now; what still fires after that pages"
    return f"{hold.why} until {zone.shown(hold.until)}; what still fires then pages" if hold.until else hold.why


def _integration(config: Config, name: str) -> str:
    if name in config.integrations:
        return name
    if name:
        raise ValueError(f"{name!r} is not in integrations ({', '.join(config.integrations)})")
    if len(config.integrations) != 1:
        raise ValueError(f"which integration? Add --integration, one of {', '.join(config.integrations)}")
    return next(iter(config.integrations))


def _known(config: Config, at: float, clock: Clock, terminal: Terminal) -> Known:
    """Return what the database knows, or what the files say where it cannot be asked."""
    if is_there(config.database):
        store = open_existing(config.database, clock)
        try:
            return store.read(lambda tx: _read(tx, config, at))
        except StoreUnavailableError as error:
            terminal.warn(f"warning: the database was not asked for overrides, maintenance and what is down: {error}")
        finally:
            store.close()
    return Known(overrides=from_calendars(config, clock.now(), terminal.warn))


def _read(tx: Transaction, config: Config, at: float) -> Known:
    """Return overrides, turns, the maintenance of that time, and what is down now."""
    since = min(at, tx.now)
    kept: Stored = {}
    for each in overrides.not_over(tx, since):
        kept.setdefault(each.schedule, []).append(each.override)
    windows = active_windows([*config.maintenance_windows(), *maintenance.not_over(tx, since)], at)
    covers = replace(covers_now(tx, config), windows=windows, shadows=config.shadows())
    tops = {*covers.tree.down.values(), *covers.shadowed.down.values(), *covers.roots.values()}
    codes = {id_: found.code for id_, found in incidents.read_many(tx, list(tops)).items()}
    return Known(overrides=kept, turns=turns.taken(tx), covers=covers, codes=codes)
