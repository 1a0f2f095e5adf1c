"""Suppressing and releasing incidents by what holds at the moment."""

from collections.abc import Sequence

from alert_webhook.config import Config
from alert_webhook.incidents import effects
from alert_webhook.incidents.dependencies import Rules, Tree
from alert_webhook.incidents.incident import Incident, release, suppress
from alert_webhook.incidents.suppression import NOTHING_DOWN, Cover, Covers
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import PAGEABLE, State
from alert_webhook.incidents.windows import active_windows
from alert_webhook.store import incidents, maintenance, suppression, topology
from alert_webhook.store.database import Transaction


def covers_now(tx: Transaction, config: Config) -> Covers:
    """Return everything that suppresses alerts now."""
    known = [*config.maintenance_windows(), *maintenance.not_over(tx, tx.now)]
    block = config.suppression
    rules = block.rules()
    windows, shadows = active_windows(known, tx.now), config.shadows()
    down, shadow_down = _down(tx, rules, shadows) if rules.down else ({}, {})
    if not down and not shadow_down:
        return Covers(windows, rules, NOTHING_DOWN, {})
    links = {**topology.parents(tx, tx.now - block.stale_after_s), **block.parents}
    shadowed = Tree(links, shadow_down)
    return Covers(windows, rules, Tree(links, down), suppression.folded(tx), shadowed, shadows)


def _down(tx: Transaction, rules: Rules, shadows: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the incidents about the devices that are down, and those that integrations in shadow say are."""
    names = [match.equal["alertname"] for match in rules.down if "alertname" in match.equal]
    wanted = names if len(names) == len(rules.down) else ()
    down: dict[str, int] = {}
    shadow_down: dict[str, int] = {}
    for firing in suppression.firing_of_paging(tx, wanted):
        device = rules.device(firing.labels)
        if device and rules.says_down(firing.labels):
            (shadow_down if firing.integration in shadows else down)[device] = firing.incident_id
    return down, shadow_down


def held_back(tx: Transaction, incident: Incident, covers: Covers) -> bool:
    """Suppress a locked incident whose step is due, if all that fires in it is covered; return whether it was."""
    if covers.none or incident.state not in PAGEABLE:
        return False
    cover = covers.over(suppression.firing_labels(tx, incident.id), incident)
    return cover is not None and _suppress(tx, incident, cover)


def review(tx: Transaction, ids: Sequence[int], config: Config) -> None:
    """Suppress and release these incidents by what holds now."""
    covers = covers_now(tx, config)
    for incident in incidents.lock(tx, ids).values():
        if incident.state is State.SUPPRESSED:
            _look_again(tx, incident, covers)
        else:
            held_back(tx, incident, covers)


def _look_again(tx: Transaction, incident: Incident, covers: Covers) -> None:
    cover = covers.over(suppression.firing_labels(tx, incident.id), incident)
    if cover is None:
        if not _settling(tx, incident, covers):
            _release(tx, incident)
    elif (cover.why, cover.parent_id) != (incident.suppressed_by, incident.parent_id):
        _suppress(tx, incident, cover)


def _settling(tx: Transaction, incident: Incident, covers: Covers) -> bool:
    """Return whether the parent's trouble ended so lately that the children's may be about to end, too."""
    parent = incidents.get(tx, incident.parent_id) if incident.parent_id else None
    return parent is not None and tx.now - (parent.resolved_at or 0.0) < covers.rules.settle_s


def _suppress(tx: Transaction, incident: Incident, cover: Cover) -> bool:
    changed = suppress(incident, cover.why, cover.parent_id, tx.now)
    if changed is None:
        return False
    parent = incidents.get(tx, cover.parent_id) if cover.parent_id else None
    into = f", part of {parent.code}" if parent else ""
    effects.taken(tx, changed, Event(incident.id, tx.now, Kind.SUPPRESSED, f"pages nobody: {cover.why}{into}"))
    if parent is not None:
        text = f"{incident.code} {incident.title} is part of this: {cover.why}"
        incidents.add_events(tx, [Event(parent.id, tx.now, Kind.FOLDED, text)])
    return True


def _release(tx: Transaction, incident: Incident) -> None:
    free = release(incident, tx.now)
    if free is not None:
        incidents.save(tx, free)
        text = f"still fires and is suppressed no longer by: {incident.suppressed_by}"
        incidents.add_events(tx, [Event(incident.id, tx.now, Kind.RELEASED, text)])
