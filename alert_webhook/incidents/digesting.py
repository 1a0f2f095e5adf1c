"""Making digests: at its time, one message for each recipient about everything that pages nobody."""

from collections.abc import Callable

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.blocks import DigestBlock
from alert_webhook.incidents.digest import digest_view, latest_slot
from alert_webhook.incidents.effects import new_uid
from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.naming import named
from alert_webhook.oncall.people import Reach, reached_by
from alert_webhook.store import digests, incidents, notifications, views
from alert_webhook.store.database import Transaction


def digests_due(tx: Transaction, config: Config) -> list[str]:
    """Return the names of digests whose time has come."""
    found = []
    for name, block in config.digests.items():
        slot, made = latest_slot(block.slots(), tx.now), digests.latest(tx, name)
        if slot is not None and (made is None or made.slot_at < slot):
            found.append(name)
    return found


def make_digest(tx: Transaction, name: str, *, config: Config, random: Callable[[int], bytes]) -> int:
    """Make a digest that is due and owe it to its recipients; return how many messages that is.

    The first digest of a name only marks where the second begins.
    """
    block = config.digests[name]
    slot, before = latest_slot(block.slots(), tx.now), digests.latest(tx, name)
    if slot is None or (before is not None and before.slot_at >= slot):
        return 0
    made = digests.make(tx, name, slot, before.slot_at if before else slot)
    ids = digests.members(tx, made, block.match, without=config.shadows()) if made and before else []
    if made is None or not ids:
        return 0
    newest = incidents.read_many(tx, ids[-1:])[ids[-1]]
    places = [(made.id, 0, each.person, each.contact, new_uid(random)) for each in _recipients(tx, block, config)]
    notifications.add(tx, notifications.rows_for(newest.id, newest.rank, Reason.DIGEST, places))
    return len(places)


def view_of(tx: Transaction, digest_id: int, newest: IncidentView, config: Config) -> IncidentView:
    """Return a digest as its message shows it, by what is true now; `newest` itself where the digest is forgotten."""
    made = digests.get(tx, digest_id)
    if made is None:
        return newest
    block = config.digests.get(made.name)
    members = views.listed(tx, digests.members(tx, made, block.match if block else {}, without=config.shadows()))
    return digest_view(members, made.since_at, newest)


def _recipients(tx: Transaction, block: DigestBlock, config: Config) -> list[Reach]:
    schedules, people = current_schedules(tx, config), config.persons()
    found: dict[str, Reach] = {}
    for entry in block.notify:
        for reach in reached_by(people, named(entry, schedules, tx.now).who)[:1]:
            found.setdefault(reach.person, reach)
    return list(found.values())
