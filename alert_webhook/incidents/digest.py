"""When a digest is due and what it says. Pure."""

from collections import Counter
from collections.abc import Sequence

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.delivery.plain import counted
from alert_webhook.incidents.title import MAX_CHARACTERS
from alert_webhook.incidents.windows import LOOK_AHEAD_S, Hours
from alert_webhook.oncall.rotation import window_spans
from alert_webhook.oncall.wall import Zone

MOST_SHOWN = 20


def latest_slot(slots: Hours, now: float) -> float | None:
    """Return the latest time up to now at which a digest was wanted, None where there was none for eight days."""
    spans = window_spans(slots.windows, Zone(slots.zone), now - LOOK_AHEAD_S, now + 1)
    return max((span.start for span in spans if span.start <= now), default=None)


def digest_view(
    members: Sequence[IncidentView],
    since: float,
    newest: IncidentView,
    *,
    severities: Sequence[str],
    zone: Zone,
    more: str = "",
) -> IncidentView:
    """Return a digest in the form of an incident: one line for each of its incidents.

    The open ones come first, of them the most severe, by the order of `severities`. `newest` lends its id and code;
    `zone` is in which its reader has times, `more` is where the list of incidents is.
    """
    ranks = {name: rank for rank, name in enumerate(severities)}
    worst = {each.severity: ranks.get(each.severity, len(ranks)) for each in members}
    ordered = sorted(members, key=lambda each: (each.resolved_at is not None, worst[each.severity], each.started_at))
    still = sum(each.resolved_at is None for each in members)
    counts = Counter(each.severity for each in members)
    by_severity = ", ".join(f"{counts[name]} {name}" for name in sorted(worst, key=lambda name: (worst[name], name)))
    begins = f"{counted(len(members), 'incident')} since {zone.wall(since):%d %b %H:%M} {zone.called(since)}"
    title = f"{begins}: {by_severity}; {still} still open"
    return IncidentView(
        id=newest.id,
        code=newest.code,
        state=newest.state,
        severity="digest",
        title=title,
        labels={},
        integration=newest.integration,
        source_url=more,
        started_at=since,
        updated_at=newest.updated_at,
        alerts=tuple(_line(each) for each in ordered[:MOST_SHOWN]),
        firing=still,
        total=len(members),
    )


def _line(each: IncidentView) -> AlertView:
    state = "over" if each.resolved_at is not None else f"{each.firing} firing"
    words = f"{each.code} {each.severity}, {state}: {each.title}"
    return AlertView(
        name=each.title,
        labels=each.labels,
        annotations={"summary": words[:MAX_CHARACTERS]},
        generator_url="",
        started_at=each.started_at,
        ended_at=each.resolved_at,
    )
