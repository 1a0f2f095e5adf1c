"""What pages, messages and the API show: incidents and alerts as values for people."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from alert_webhook.delivery.channel import AlertView, FoldedView, IncidentView
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.title import summary
from alert_webhook.incidents.transitions import PAGEABLE, State
from alert_webhook.incidents.urgency import Urgency
from alert_webhook.intake.timestamp import NANOSECONDS
from alert_webhook.store import incidents, suppression
from alert_webhook.store.database import Transaction
from alert_webhook.store.schema import alert, context_label, episode, incident
from alert_webhook.store.statements import from_json

SHOWN_ALERTS = 20
SHOWN_FOLDED = 20
MAX_PAGE = 200


def incident_view(tx: Transaction, subject: Incident) -> IncidentView:
    """Return an incident as it is shown, with its most severe alerts, the firing ones first."""
    return incident_views(tx, [subject])[subject.id]


def incident_views(tx: Transaction, subjects: Collection[Incident]) -> dict[int, IncidentView]:
    """Return incidents as they are shown, by their ids."""
    ids = [subject.id for subject in subjects]
    counts, behind = _counts(tx, ids), suppression.folded_counts(tx, ids)
    return {each.id: _whole(tx, each, counts[each.id], behind.get(each.id, 0)) for each in subjects}


def _whole(tx: Transaction, subject: Incident, counts: tuple[int, int], behind: int) -> IncidentView:
    firing, total = counts
    shown = _view(subject, _alerts(tx, subject.id) if total else (), firing=firing, total=total)
    return replace(shown, folded=_folded(tx, subject.id), folded_total=behind) if behind else shown


def incident_list(
    tx: Transaction, *, states: Collection[State], limit: int = 50, before_id: int | None = None
) -> list[IncidentView]:
    """Return incidents in these states, newest first, as `listed` does; `before_id` asks for the next page."""
    statement = sa.select(incident.c.id).where(incident.c.state.in_([state.value for state in states]))
    if before_id is not None:
        statement = statement.where(incident.c.id < before_id)
    ids = list(tx.execute(statement.order_by(incident.c.id.desc()).limit(min(limit, MAX_PAGE))).scalars())
    return listed(tx, ids)


def by_weight(
    tx: Transaction, *, states: Collection[State], limit: int = 50, after_id: int | None = None
) -> list[IncidentView]:
    """Return incidents in these states by who needs them most, as `listed` does; `after_id` asks for the next page.

    Those nobody answered come first, then those somebody has, then the suppressed ones; among them the most severe
    first, then those that have waited longest.
    """
    order = (
        sa.case(
            (incident.c.state.in_([state.value for state in PAGEABLE]), 0),
            (incident.c.state == State.ACKNOWLEDGED.value, 1),
            else_=2,
        ),
        incident.c.rank,
        incident.c.started_at,
        incident.c.id,
    )
    statement = sa.select(incident.c.id).where(incident.c.state.in_([state.value for state in states]))
    last = tx.execute(sa.select(*order).where(incident.c.id == after_id)).one_or_none() if after_id else None
    if last is not None:
        statement = statement.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, last)))
    return listed(tx, list(tx.execute(statement.order_by(*order).limit(min(limit, MAX_PAGE))).scalars()))


def listed(tx: Transaction, ids: Sequence[int]) -> list[IncidentView]:
    """Return these incidents in this order, without their alerts and what is folded into them but for its number."""
    if not ids:
        return []
    counts, behind = _counts(tx, ids), suppression.folded_counts(tx, ids)
    found = incidents.read_many(tx, ids)
    shown = [_view(found[id_], (), firing=counts[id_][0], total=counts[id_][1]) for id_ in ids]
    return [replace(view, folded_total=behind[view.id]) if view.id in behind else view for view in shown]


def context_lines(tx: Transaction, view: IncidentView, names: Sequence[str], *, lines: int) -> tuple[str, ...]:
    """Return what else is open beside an incident: alerts that are only context and share one of these labels.

    `names` are in order of closeness: what shares the first comes first.
    """
    pairs = {(name, labels[name]) for labels in _label_sets(view) for name in names if labels.get(name)}
    found: dict[int, str] = {}
    for name in names:
        values = sorted(value for key, value in pairs if key == name)
        for id_, line in _context_alerts(tx, name, values, lines + len(found)):
            found.setdefault(id_, line)
        if len(found) >= lines:
            break
    return tuple(list(found.values())[:lines])


def _folded(tx: Transaction, incident_id: int) -> tuple[FoldedView, ...]:
    ids = suppression.folded_into(tx, incident_id, SHOWN_FOLDED)
    found, counts = incidents.read_many(tx, ids), _counts(tx, ids)
    return tuple(_folded_view(found[id_], firing=counts[id_][0]) for id_ in ids)


def _folded_view(subject: Incident, *, firing: int) -> FoldedView:
    return FoldedView(
        code=subject.code,
        severity=subject.severity,
        title=subject.title,
        started_at=subject.started_at,
        firing=firing,
    )


def _label_sets(view: IncidentView) -> list[Mapping[str, str]]:
    return [view.labels, *(each.labels for each in view.alerts)]


def _context_alerts(tx: Transaction, name: str, values: Sequence[str], limit: int) -> list[tuple[int, str]]:
    if not values:
        return []
    statement = (
        sa.select(alert.c.id, alert.c.name, alert.c.labels, alert.c.annotations)
        .join(context_label, context_label.c.alert_id == alert.c.id)
        .where(context_label.c.name == name, context_label.c.value.in_(values))
        .where(alert.c.firing, alert.c.urgency == Urgency.CONTEXT.value)
        .order_by(alert.c.last_seen_at.desc(), alert.c.name)
        .limit(limit)
    )
    return [(row.id, summary(row.name, _pairs(row.labels), _pairs(row.annotations))) for row in tx.execute(statement)]


def _alerts(tx: Transaction, incident_id: int) -> tuple[AlertView, ...]:
    """Return the alerts that are shown: chosen by narrow rows first, as an incident may have many thousand."""
    ended_last = sa.case((episode.c.ended_ns.is_(None), 0), else_=1)
    order = (ended_last, alert.c.rank, episode.c.id)
    joined = alert.join(episode, episode.c.alert_id == alert.c.id)
    chosen = sa.select(episode.c.id).select_from(joined).where(episode.c.incident_id == incident_id)
    ids = list(tx.execute(chosen.order_by(*order).limit(SHOWN_ALERTS)).scalars())
    statement = (
        sa.select(alert, episode.c.starts_ns.label("began_ns"), episode.c.ended_ns.label("over_ns"))
        .select_from(joined)
        .where(episode.c.id.in_(ids))
        .order_by(*order)
    )
    return tuple(_alert(row) for row in tx.execute(statement))


_COUNTS = (
    sa.select(
        episode.c.incident_id,
        sa.func.sum(sa.case((episode.c.ended_ns.is_(None), 1), else_=0)),
        sa.func.count(sa.distinct(episode.c.alert_id)),
    )
    .where(episode.c.incident_id.in_(sa.bindparam("ids", expanding=True)))
    .group_by(episode.c.incident_id)
)


def _counts(tx: Transaction, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    counted = {id_: (int(firing), int(total)) for id_, firing, total in tx.execute(_COUNTS, {"ids": ids})}
    return {id_: counted.get(id_, (0, 0)) for id_ in ids}


def _alert(row: Any) -> AlertView:
    return AlertView(
        name=row.name,
        labels=_pairs(row.labels),
        annotations=_pairs(row.annotations),
        generator_url=row.generator_url,
        started_at=row.began_ns / NANOSECONDS,
        ended_at=None if row.over_ns is None else row.over_ns / NANOSECONDS,
    )


def _pairs(text: str) -> dict[str, str]:
    return from_json(text, dict[str, str])


def _view(subject: Incident, alerts: tuple[AlertView, ...], *, firing: int, total: int) -> IncidentView:
    return IncidentView(
        id=subject.id,
        code=subject.code,
        state=subject.state.value,
        severity=subject.severity,
        title=subject.title,
        labels=subject.labels,
        integration=subject.integration,
        source_url=subject.source_url,
        started_at=subject.started_at,
        updated_at=subject.updated_at,
        alerts=alerts,
        firing=firing,
        total=total,
        acked_by=subject.acked_by,
        acked_at=subject.acked_at,
        resolved_at=subject.resolved_at,
    )
