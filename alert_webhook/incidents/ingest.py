"""One delivery → alerts, episodes and incidents, inside one transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.incidents import effects
from alert_webhook.incidents.alert import KnownAlert, TouchedAlert
from alert_webhook.incidents.correlating import remember, together
from alert_webhook.incidents.episode import Change, Life, apply
from alert_webhook.incidents.flapping import Flaps, follow
from alert_webhook.incidents.incident import Incident, begin_escalation, resolve, worsen
from alert_webhook.incidents.naming import group_name, new_code
from alert_webhook.incidents.rules import Rules
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.title import shared, title
from alert_webhook.incidents.transitions import Trigger, after
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.intake.update import AlertUpdate, Delivery, Status
from alert_webhook.store import alerts, incidents, quarantine
from alert_webhook.store.database import Transaction
from heronwatch.values import Duration

Random = Callable[[int], bytes]
NAMES_IN_EVENT = 5


class Ingested(Struct, frozen=True):
    """What became of a delivery: updates by status, stale ones among them, and rejected alerts by reason."""

    received: Counter[Status]
    stale: int
    rejected: Counter[str]
    escalating: bool  # an incident began or worsened: the engine has work


def ingest(tx: Transaction, delivery: Delivery, rules: Rules, random: Random) -> Ingested:
    """Record everything a delivery says.

    The order of locks is: groups, incidents, alerts; on another try alerts come first.
    """
    known = alerts.find(tx, rules.integration, {update.fingerprint for update in delivery.updates})
    touched = touch(known, delivery.updates, rules, tx.now)
    began = _settle(tx, touched, _Source(delivery, rules, random))
    quarantine.add(tx, rules.integration, delivery.rejected)
    return Ingested(
        received=Counter(update.status for update in delivery.updates),
        stale=sum(each.stale for each in touched),
        rejected=Counter(each.reason for each in delivery.rejected),
        escalating=began,
    )


def end_held(tx: Transaction, updates: Sequence[AlertUpdate], rules: Rules, random: Random) -> int:
    """Believe the ends of these alerts, as they were last described, whose time to be calm is over; return how many."""
    known = alerts.find(tx, rules.integration, [update.fingerprint for update in updates])
    touched = [
        TouchedAlert(
            before=before,
            life=before.life,
            update=update,
            severity=rules.severities.of(update.labels),
            stale=False,
            flaps=Flaps(before.flaps.openings),
        )
        for update in updates
        if (before := known.get(update.fingerprint)) and before.flaps.due(tx.now)
    ]
    _settle(tx, touched, _Source(Delivery(), rules, random))
    return len(touched)


def _settle(tx: Transaction, touched: Sequence[TouchedAlert], source: "_Source") -> bool:
    """Write what became of these alerts, and what follows for incidents; return whether one began or grew."""
    rules = source.rules
    groups = _by_group([each for each in touched if _wants_incident(each)], source.delivery, rules)
    owners = incidents.lock_groups(tx, rules.integration, groups)
    joined = together(tx, groups, owners, rules.correlation)
    leaving = {each.before.incident_id for each in touched if each.closed or each.held} - {None}
    held = incidents.lock(tx, [id_ for id_ in (*joined.owners.values(), *leaving) if id_ is not None])
    homes: dict[str, int | None] = {each.before.fingerprint: _stays(each) for each in touched}
    for name, members in joined.groups.items():
        home = _home(tx, held.get(joined.owners[name] or 0), name, members, source)
        held[home.id] = home
        homes.update((each.before.fingerprint, home.id) for each in members)
    remember(tx, rules.integration, joined, homes)
    ids = alerts.save(tx, rules.integration, touched, homes)
    alerts.save_episodes(tx, touched, homes, ids)
    only_context = [each for each in touched if each.opened and each.severity.urgency is Urgency.CONTEXT]
    alerts.save_context_labels(tx, only_context, rules.context_labels, ids)
    _hold(tx, [each for each in touched if each.held])
    _close(tx, held, [each for each in touched if each.closed], rules, source.random)
    return bool(groups)


def touch(
    known: Mapping[str, KnownAlert], updates: Sequence[AlertUpdate], rules: Rules, now: float
) -> list[TouchedAlert]:
    """Apply the updates in the order they came; return each alert once, with what became of it."""
    touched: dict[str, TouchedAlert] = {}
    for update in updates:
        name = update.fingerprint
        before = known.get(name) or KnownAlert(id=0, fingerprint=name, life=Life(ended_seen_at=now), incident_id=None)
        earlier = touched.get(name)
        was = earlier or before
        life, change = apply(was.life, update, now=now, stale_grace_s=rules.stale_grace_s)
        touched[name] = TouchedAlert(
            before=before,
            life=life,
            update=update,
            severity=rules.severities.of(update.labels),
            stale=change is Change.STALE and (earlier is None or earlier.stale),
            flaps=follow(was.flaps, fired=was.life.firing, fires=life.firing, now=now, rule=rules.flapping),
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
    return each.before.incident_id if each.going_on and not each.opened else None


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
    labels = shared([each.update.labels for each in members], source.delivery.shared_labels)
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
    among = source.delivery.shared_labels
    labels = shared(label_sets, among)
    severity = min((each.severity for each in members), key=lambda severity: severity.rank)
    fresh = Incident(
        id=0,
        code=new_code(source.random, lambda code: incidents.code_taken(tx, code)),
        integration=source.rules.integration,
        group=group,
        title=title(label_sets, among),
        labels=labels,
        source_url=source.delivery.source_url,
        severity=severity.name,
        rank=severity.rank,
        urgency=severity.urgency,
        started_at=tx.now,
        updated_at=tx.now,
    )
    fresh = begin_escalation(fresh, severity, source.rules.policy_for(labels), tx.now)
    stored = incidents.insert(tx, fresh)
    policy = f"; policy {stored.policy.name}" if stored.policy else "; recorded, nobody is paged"
    incidents.add_events(tx, [Event(stored.id, tx.now, Kind.BEGAN, f"{_names(members)} began{policy}")])
    return stored


def _hold(tx: Transaction, held: Sequence[TouchedAlert]) -> None:
    """Say in the timelines that these alerts ended and are not believed yet."""
    events = [
        Event(each.before.incident_id, tx.now, Kind.ALERTS_ENDED, _held_line(each, tx.now))
        for each in held
        if each.before.incident_id is not None
    ]
    incidents.add_events(tx, events)


def _held_line(each: TouchedAlert, now: float) -> str:
    calm = Duration((each.flaps.held_until or now) - now)
    return f"{each.name} ended, and flaps: over once calm for {calm}"


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
        over, why = _over(held[incident_id], members, tx.now)
        if over is not None:
            effects.over(tx, over, why, random, tell=rules.tell_resolved)


def _over(incident: Incident, ended: Sequence[TouchedAlert], now: float) -> tuple[Incident | None, str]:
    """Return the incident after its last alerts, None if it was over, and why."""
    resolved = resolve(incident, now)
    expired = after(incident.state, Trigger.EXPIRED)
    if resolved is None or expired is None or not all(each.update.unconfirmed for each in ended):
        return resolved, "all alerts ended"
    return replace(resolved, state=expired), "its sender no longer knows its alerts and never said that they ended"


def _names(members: Sequence[TouchedAlert]) -> str:
    counted = Counter(each.name for each in members)
    shown = [name if number == 1 else f"{number} {name}" for name, number in counted.most_common(NAMES_IN_EVENT)]
    more = len(counted) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
