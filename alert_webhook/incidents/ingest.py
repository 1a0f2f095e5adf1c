"""One delivery → alerts, episodes and incidents, inside one transaction."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.incidents import effects
from alert_webhook.incidents.alert import KnownAlert, TouchedAlert
from alert_webhook.incidents.correlating import Together, remember, together
from alert_webhook.incidents.effects import Over
from alert_webhook.incidents.episode import Change, Life, apply
from alert_webhook.incidents.flapping import Flaps, follow
from alert_webhook.incidents.incident import Incident, begin_escalation, resolve, worsen
from alert_webhook.incidents.naming import group_name, new_codes
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
NOWHERE = Delivery()


class Ingested(Struct, frozen=True):
    """What became of a delivery: updates by status, stale ones among them, and rejected alerts by reason."""

    received: Counter[Status]
    stale: int
    rejected: Counter[str]
    escalating: bool  # an incident began or worsened: the engine has work
    unlisted: Counter[str]  # severities that the configuration does not list, of the updates that had them


def ingest(tx: Transaction, delivery: Delivery, rules: Rules, random: Random) -> Ingested:
    """Record everything a delivery says."""
    return ingest_all(tx, [delivery], rules, random)


def ingest_all(tx: Transaction, deliveries: Sequence[Delivery], rules: Rules, random: Random) -> Ingested:
    """Record everything that some deliveries say, as if it were one; no two of them may speak of the same alert.

    The order of locks is: groups, incidents, alerts; on another try alerts come first.
    """
    origins = {update.fingerprint: delivery for delivery in deliveries for update in delivery.updates}
    updates = [update for delivery in deliveries for update in delivery.updates]
    rejected = [each for delivery in deliveries for each in delivery.rejected]
    touched = touch(alerts.find(tx, rules.integration, origins), updates, rules, tx.now)
    began = _settle(tx, touched, _Source(origins, rules, random))
    quarantine.add(tx, rules.integration, rejected)
    firing = sum(update.status is Status.FIRING for update in updates)
    received = {Status.FIRING: firing, Status.RESOLVED: len(updates) - firing}
    return Ingested(
        received=Counter({status: number for status, number in received.items() if number}),
        stale=sum(each.stale for each in touched),
        rejected=Counter(each.reason for each in rejected),
        escalating=began,
        unlisted=Counter(filter(None, (rules.severities.unlisted(update.labels) for update in updates))),
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
    _settle(tx, touched, _Source({}, rules, random))
    return len(touched)


def _settle(tx: Transaction, touched: Sequence[TouchedAlert], source: "_Source") -> bool:
    """Write what became of these alerts, and what follows for incidents; return whether one began or grew."""
    rules = source.rules
    moved = [each for each in touched if not each.quiet]
    closed, held_back = [each for each in moved if each.closed], [each for each in moved if each.held]
    groups = _by_group([each for each in moved if _wants_incident(each)], source)
    owners = incidents.lock_groups(tx, rules.integration, groups)
    joined = together(tx, groups, owners, rules.correlation)
    leaving = {each.before.incident_id for each in (*closed, *held_back)} - {None}
    held = incidents.lock(tx, [id_ for id_ in (*joined.owners.values(), *leaving) if id_ is not None])
    homes: dict[str, int | None] = {each.before.fingerprint: _stays(each) for each in moved}
    for name, home in _homes(tx, joined, held, source).items():
        held[home.id] = home
        homes.update((each.before.fingerprint, home.id) for each in joined.groups[name])
    remember(tx, rules.integration, joined, homes)
    ids = alerts.save(tx, rules.integration, touched, homes)
    alerts.save_episodes(tx, moved, homes, ids)
    only_context = [each for each in moved if each.opened and each.severity.urgency is Urgency.CONTEXT]
    alerts.save_context_labels(tx, only_context, rules.context_labels, ids)
    _hold(tx, held_back)
    _close(tx, held, closed, rules, source.random)
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
    """Where incidents come from: the deliveries, by the fingerprints of their alerts."""

    origins: Mapping[str, Delivery]
    rules: Rules
    random: Random

    def of(self, members: Sequence[TouchedAlert]) -> Delivery:
        """Return the delivery that a group of alerts came with, the first one of several."""
        return self.origins.get(members[0].before.fingerprint, NOWHERE)


def _wants_incident(each: TouchedAlert) -> bool:
    homeless = each.opened or each.before.incident_id is None
    return each.life.firing and each.severity.urgency is not Urgency.CONTEXT and homeless


def _stays(each: TouchedAlert) -> int | None:
    return each.before.incident_id if each.going_on and not each.opened else None


def _by_group(members: Sequence[TouchedAlert], source: _Source) -> dict[str, list[TouchedAlert]]:
    groups: dict[str, list[TouchedAlert]] = defaultdict(list)
    for each in members:
        groups[group_name(source.of([each]).group, each.update.labels, source.rules.group_by)].append(each)
    return dict(sorted(groups.items()))


def _homes(tx: Transaction, joined: Together, held: Mapping[int, Incident], source: _Source) -> dict[str, Incident]:
    """Return the incident that each group belongs to from now on: the group's open one, else a new one."""
    current = {name: held.get(joined.owners[name] or 0) for name in joined.groups}
    homes = {
        name: _join(tx, incident, joined.groups[name], source)
        for name, incident in current.items()
        if incident is not None and incident.open
    }
    fresh = {name: members for name, members in joined.groups.items() if name not in homes}
    return homes | _begin(tx, fresh, source)


def _join(tx: Transaction, current: Incident, members: Sequence[TouchedAlert], source: _Source) -> Incident:
    worst = min((each.severity for each in members), key=lambda severity: severity.rank)
    labels = shared([each.update.labels for each in members], source.of(members).shared_labels)
    changed = worsen(current, worst, source.rules.policy_for(labels), tx.now)
    began = Event(current.id, tx.now, Kind.ALERTS_BEGAN, f"{_names(members)} began")
    if changed is current:
        incidents.add_events(tx, [began])
        return current
    incidents.save(tx, changed)
    worse = Event(current.id, tx.now, Kind.WORSENED, f"worse: {current.severity} → {changed.severity}")
    incidents.add_events(tx, [began, worse])
    return changed


def _begin(tx: Transaction, groups: Mapping[str, Sequence[TouchedAlert]], source: _Source) -> dict[str, Incident]:
    """Store a new incident for each of these groups."""
    codes = new_codes(len(groups), source.random, lambda codes: incidents.codes_taken(tx, codes))
    pairs = zip(codes, groups.items(), strict=True)
    stored = incidents.insert_all(tx, [_new(code, name, members, source, tx.now) for code, (name, members) in pairs])
    incidents.add_events(
        tx,
        [
            Event(new.id, tx.now, Kind.BEGAN, f"{_names(members)} began{_followed(new)}")
            for new, members in zip(stored, groups.values(), strict=True)
        ],
    )
    return dict(zip(groups, stored, strict=True))


def _new(code: str, group: str, members: Sequence[TouchedAlert], source: _Source, now: float) -> Incident:
    label_sets, delivery = [each.update.labels for each in members], source.of(members)
    labels = shared(label_sets, delivery.shared_labels)
    severity = min((each.severity for each in members), key=lambda severity: severity.rank)
    fresh = Incident(
        id=0,
        code=code,
        integration=source.rules.integration,
        group=group,
        title=title(label_sets, delivery.shared_labels),
        labels=labels,
        source_url=delivery.source_url,
        severity=severity.name,
        rank=severity.rank,
        urgency=severity.urgency,
        started_at=now,
        updated_at=now,
    )
    return begin_escalation(fresh, severity, source.rules.policy_for(labels), now)


def _followed(new: Incident) -> str:
    return f"; policy {new.policy.name}" if new.policy else "; recorded, nobody is paged"


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
    lines = [
        Event(incident_id, tx.now, Kind.ALERTS_ENDED, f"{_names(members)} ended")
        for incident_id, members in sorted(ended.items())
    ]
    incidents.add_events(tx, lines)
    fires = alerts.still_firing(tx, ended)
    found = [_over(held[id_], members, tx.now) for id_, members in sorted(ended.items()) if id_ not in fires]
    effects.over_all(tx, [each for each in found if each is not None], random, tell=rules.tell_resolved)


def _over(incident: Incident, ended: Sequence[TouchedAlert], now: float) -> Over | None:
    """Return the incident after its last alerts, and why; None if it was over."""
    resolved = resolve(incident, now)
    if resolved is None:
        return None
    expired = after(incident.state, Trigger.EXPIRED)
    if expired is None or not all(each.update.unconfirmed for each in ended):
        return Over(resolved, "all alerts ended")
    why = "its sender no longer knows its alerts and never said that they ended"
    return Over(replace(resolved, state=expired), why)


def _names(members: Sequence[TouchedAlert]) -> str:
    counted = Counter(each.name for each in members)
    shown = [name if number == 1 else f"{number} {name}" for name, number in counted.most_common(NAMES_IN_EVENT)]
    more = len(counted) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
