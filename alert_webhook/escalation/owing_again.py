"""Owing pages again whose provider failed until they were given up: no incident stays untold of once one works."""

from alert_webhook.config import Config
from alert_webhook.escalation.again import Unreached, begun_again, paged_again
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.store import incidents, stepping
from alert_webhook.store.database import Transaction
from alert_webhook.store.unreached import being_tried, unreached, worked_at

LOOK_EVERY_S = 10.0
SINCE_S = 7 * 86_400.0  # what was given up longer ago is left to whoever reads the list
AT_ONCE = 500  # incidents in one transaction; the next ones follow with the next look


def wanted(tx: Transaction, config: Config) -> dict[int, tuple[int, str]]:
    """Return which incidents are to be paged again: by id, the round that reached nobody, and why now."""
    found = unreached(tx, since=tx.now - SINCE_S, limit=AT_ONCE)
    if not found:
        return {}
    channels = _channels(config, found)
    on = {place: channel for place, channel in _every_channel(config).items() if channel in channels.values()}
    tried = {on[place] for place in being_tried(tx) if place in on}
    again = paged_again(found, channels, worked_at(tx, set(channels.values())), tried=tried, now=tx.now)
    cycles = {each.incident_id: each.cycle for each in found}
    return {id_: (cycles[id_], why) for id_, why in again.items()}


def owe_again(tx: Transaction, config: Config) -> int:
    """Begin the escalation of such incidents once more; return of how many."""
    again = wanted(tx, config)
    known = incidents.lock(tx, again)
    begun = {id_: begun_again(known[id_], cycle, tx.now) for id_, (cycle, _why) in again.items() if id_ in known}
    changed = [each for each in begun.values() if each is not None]
    stepping.save(tx, changed)
    texts = {
        id_: f"its pages were given up and nobody was reached: paged again, {why}" for id_, (_, why) in again.items()
    }
    incidents.add_events(tx, [Event(each.id, tx.now, Kind.NOBODY, texts[each.id]) for each in changed])
    return len(changed)


def _channels(config: Config, found: list[Unreached]) -> dict[tuple[str, str], str]:
    every = _every_channel(config)
    return {place: every[place] for each in found if (place := (each.person, each.contact)) in every}


def _every_channel(config: Config) -> dict[tuple[str, str], str]:
    people = config.persons()
    return {(name, contact.name): contact.channel for name, each in people.items() for contact in each.contacts}
