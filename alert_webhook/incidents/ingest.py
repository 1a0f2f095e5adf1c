"""One delivery → alerts, episodes and incidents, inside one transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from alert_webhook.incidents import effects
from alert_webhook.incidents.alert import KnownAlert, TouchedAlert
from alert_webhook.incidents.episode import Change, apply
from alert_webhook.incidents.incident import Incident, escalate_from_start, resolve, worsen
from alert_webhook.incidents.naming import group_name, new_code
from alert_webhook.incidents.rules import Rules
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.title import shared, title
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.store import alerts, incidents, quarantine
from alert_webhook.store.database import Transaction

Random = Callable[[int], bytes]
NAMES_IN_EVENT = 5


class Ingested(Struct, frozen=True):
    """What became of a delivery: updates by status, stale ones among them, and rejected alerts by reason."""

    received: Counter[Status]
    stale: int
    rejected: Counter[str]
    escalating: bool  # an incident began or worsened: the engine has work


def ingest(tx: Transaction, delivery: Delivery, rules: Rules, random: Random) -> Ingested:
    """Record everything a delivery says. The order of locks is: alerts, groups, incidents."""
    latest = {update.fingerprint: update for update in delivery.updates}
    known = alerts.lock(tx, rules.integration, latest, rules.severities)
    touched = touch(known, delivery.updates, rules, tx.now)
    homeless = [each for each in touched if _wants_incident(each)]
    groups = _by_group(homeless, delivery, rules)
    owners = incidents.lock_groups(tx, rules.integration, groups)
    closing = {each.before.incident_id for each in touched if each.closed} - {None}
    held = incidents.lock(tx, [id_ for id_ in (*owners.values(), *closing) if id_ is not None])
    homes: dict[str, int | None] = {each.before.fingerprint: _stays(each) for each in touched}
    for name, members in groups.items():
        home = _home(tx, held.get(owners[name] or 0), name, members, _Source(delivery, rules, random))
        held[home.id] = home
        homes.update((each.before.fingerprint, home.id) for each in members)
    alerts.save_episodes(tx, touched, homes)
    alerts.save(tx, touched, homes)
    only_context = [each for each in touched if each.opened and each.severity.urgency is Urgency.CONTEXT]
    alerts.save_context_labels(tx, only_context, rules.context_labels)
    _close(tx, held, [each for each in touched if each.closed], rules, random)
    quarantine.add(tx, rules.integration, delivery.rejected)
    return Ingested(
        received=Counter(update.status for update in delivery.updates),
        stale=sum(each.stale for each in touched),
        rejected=Counter(each.reason for each in delivery.rejected),
        escalating=bool(groups),
    )


def touch(
    known: Mapping[str, KnownAlert], updates: Sequence[AlertUpdate], rules: Rules, now: float
) -> list[TouchedAlert]:
    """Apply the updates in the order they came; return each alert once, with what became of it."""
    touched: dict[str, TouchedAlert] = {}
    for update in updates:
        before = known[update.fingerprint]
        earlier = touched.get(update.fingerprint)
        life, change = apply(
            earlier.life if earlier else before.life, update, now=now, stale_grace_s=rules.stale_grace_s
        )
        touched[update.fingerprint] = TouchedAlert(
            before=before,
            life=life,
            update=update,
            severity=rules.severities.of(update.labels),
            stale=change is Change.STALE and (earlier is None or earlier.stale),
        )
    return list(touched.values())


class _Source(Struct, frozen=True):
    """Where an incident comes from."""

    delivery: Delivery
    rules: Rules
    random: Random


def _wants_incident(each: TouchedAlert) -> bool:
    homeless = each.opened or each.before.incident_id is None
    return each.life.firing and each.severity.urgency is not Urgency.CONTEXT and homeless


def _stays(each: TouchedAlert) -> int | None:
    return each.before.incident_id if each.life.firing and not each.opened else None


def _by_group(members: Sequence[TouchedAlert], delivery: Delivery, rules: Rules) -> dict[str, list[TouchedAlert]]:
    groups: dict[str, list[TouchedAlert]] = defaultdict(list)
    for each in members:
        groups[group_name(delivery.group, each.update.labels, rules.group_by)].append(each)
    return dict(sorted(groups.items()))


def _home(
    tx: Transaction, current: Incident | None, group: str, members: Sequence[TouchedAlert], source: _Source
) -> Incident:
    """Return the incident that these alerts belong to from now on: the group's open one, else a new one."""
    if current is None or not current.open:
        return _begin(tx, group, members, source)
    worst = min((each.severity for each in members), key=lambda severity: severity.rank)
    labels = shared([each.update.labels for each in members])
    changed = worsen(current, worst, source.rules.policy_for(labels), tx.now)
    began = Event(current.id, tx.now, Kind.ALERTS_BEGAN, f"{_names(members)} began")
    if changed is current:
        incidents.add_events(tx, [began])
        return current
    incidents.save(tx, changed)
    worse = Event(current.id, tx.now, Kind.WORSENED, f"worse: {current.severity} → {changed.severity}")
    incidents.add_events(tx, [began, worse])
    return changed


def _begin(tx: Transaction, group: str, members: Sequence[TouchedAlert], source: _Source) -> Incident:
    label_sets = [each.update.labels for each in members]
    labels = shared(label_sets)
    severity = min((each.severity for each in members), key=lambda severity: severity.rank)
    fresh = Incident(
        id=0,
        code=new_code(source.random, lambda code: incidents.code_taken(tx, code)),
        integration=source.rules.integration,
        group=group,
        title=title(label_sets),
        labels=labels,
        source_url=source.delivery.source_url,
        severity=severity.name,
        rank=severity.rank,
        urgency=severity.urgency,
        started_at=tx.now,
        updated_at=tx.now,
    )
    if severity.urgency is Urgency.PAGE:
        fresh = escalate_from_start(fresh, source.rules.policy_for(labels), tx.now)
    stored = incidents.insert(tx, fresh)
    policy = f"; policy {stored.policy.name}" if stored.policy else "; recorded, nobody is paged"
    incidents.add_events(tx, [Event(stored.id, tx.now, Kind.BEGAN, f"{_names(members)} began{policy}")])
    return stored


def _close(
    tx: Transaction, held: Mapping[int, Incident], closed: Sequence[TouchedAlert], rules: Rules, random: Random
) -> None:
    ended: dict[int, list[TouchedAlert]] = defaultdict(list)
    for each in closed:
        if each.before.incident_id is not None and each.before.incident_id in held:
            ended[each.before.incident_id].append(each)
    for incident_id, members in sorted(ended.items()):
        text = f"{_names(members)} ended"
        incidents.add_events(tx, [Event(incident_id, tx.now, Kind.ALERTS_ENDED, text)])
        if alerts.firing_count(tx, incident_id):
            continue
        resolved = resolve(held[incident_id], tx.now)
        if resolved is not None:
            effects.over(tx, resolved, "all alerts ended", random, tell=rules.tell_resolved)


def _names(members: Sequence[TouchedAlert]) -> str:
    counted = Counter(each.name for each in members)
    shown = [name if number == 1 else f"{number} {name}" for name, number in counted.most_common(NAMES_IN_EVENT)]
    more = len(counted) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
