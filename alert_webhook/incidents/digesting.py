"""Making digests: at its time, one message for each recipient about everything that pages nobody."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView, Reason
from alert_webhook.incidents.blocks import DigestBlock
from alert_webhook.incidents.digest import digest_view, latest_slot
from alert_webhook.incidents.effects import new_uid
from alert_webhook.incidents.incident import Incident
from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.naming import named
from alert_webhook.oncall.people import Reach, reached_by
from alert_webhook.oncall.rules import quiet_ends
from alert_webhook.oncall.wall import Zone
from alert_webhook.shadow.blocks import ShadowReportBlock
from alert_webhook.shadow.report import NAME as REPORT
from alert_webhook.shadow.report import report_view
from alert_webhook.store import digests, incidents, notifications, shadowed, views
from alert_webhook.store.database import Transaction
from alert_webhook.watch.trouble import OWN


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
    if made is None or before is None:
        return 0
    shadows = config.shadows()
    realms = [_strangers(config, integration) for integration in ("", *shadows[:1])]
    return sum(_owe(tx, made, block, config=config, without=without, random=random) for without in realms)


def _strangers(config: Config, integration: str) -> list[str]:
    """Return the integrations that are in no digest with this one: live ones and those in shadow stay apart."""
    shadows = config.shadows()
    return [OWN, *(each for each in config.integrations if each not in shadows)] if integration in shadows else shadows


def _owe(
    tx: Transaction,
    made: digests.Made,
    block: DigestBlock,
    *,
    config: Config,
    without: Sequence[str],
    random: Callable[[int], bytes],
) -> int:
    ids = digests.members(tx, made, block.match, without=without)
    if not ids:
        return 0
    newest = incidents.read_many(tx, ids[-1:])[ids[-1]]
    return owe(tx, newest, made.id, recipients(tx, block, config), random)


def owe(
    tx: Transaction, newest: Incident, digest_id: int, told: Sequence[Reach], random: Callable[[int], bytes]
) -> int:
    """Owe a digest to these contacts, after their delays; return how many messages that is.

    Every message is about an incident: `newest`.
    """
    places = [(digest_id, 0, each.person, each.contact, new_uid(random)) for each in told]
    rows = notifications.rows_for(newest.id, newest.rank, Reason.DIGEST, places)
    times = [tx.now + each.delay_s for each in told]
    notifications.add(tx, [{**row, "created_at": at, "due_at": at} for row, at in zip(rows, times, strict=True)])
    return len(places)


def view_of(tx: Transaction, digest_id: int, newest: IncidentView, config: Config, *, zone: Zone) -> IncidentView:
    """Return a digest as its message shows it, by what is true now; `newest` itself where the digest is forgotten."""
    made = digests.get(tx, digest_id)
    if made is None:
        return newest
    if made.name == REPORT:
        days = shadowed.days(tx, made.since_at, made.slot_at, config.common_zone())
        return report_view(days, newest, config.common_zone()) if days else newest
    block = config.digests.get(made.name)
    match, without = block.match if block else {}, _strangers(config, newest.integration)
    members = views.listed(tx, digests.members(tx, made, match, without=without))
    more = str(block.more) if block and block.more else ""
    return digest_view(members, made.since_at, newest, severities=list(config.severities), zone=zone, more=more)


def recipients(tx: Transaction, block: DigestBlock | ShadowReportBlock, config: Config) -> list[Reach]:
    """Return whom a digest is for, each at one contact; in a person's hours of quiet it waits for their end."""
    schedules, people = current_schedules(tx, config), config.persons()
    found: dict[str, Reach] = {}
    for entry in block.notify:
        for reach in reached_by(people, named(entry, schedules, tx.now).who)[:1]:
            quiet = people[reach.person].quiet if block.quiet_hours == "wait" else None
            found.setdefault(reach.person, replace(reach, delay_s=quiet_ends(quiet, tx.now) - tx.now))
    return list(found.values())
