"""When a digest is due and what it says. Pure."""

from collections.abc import Sequence

from alert_webhook.delivery.channel import AlertView, IncidentView
from alert_webhook.incidents.title import MAX_CHARACTERS
from alert_webhook.incidents.windows import LOOK_AHEAD_S, Hours
from alert_webhook.oncall.rotation import window_spans
from alert_webhook.oncall.wall import Zone, utc

MOST_SHOWN = 20


def latest_slot(slots: Hours, now: float) -> float | None:
    """Return the latest time up to now at which a digest was wanted, None where there was none for eight days."""
    spans = window_spans(slots.windows, Zone(slots.zone), now - LOOK_AHEAD_S, now + 1)
    return max((span.start for span in spans if span.start <= now), default=None)


def digest_view(members: Sequence[IncidentView], since: float, newest: IncidentView) -> IncidentView:
    """Return a digest in the form of an incident: one line for each of its incidents, the open ones first.

    `newest` lends its id and code: what the reader opens.
    """
    ordered = sorted(members, key=lambda each: (each.resolved_at is not None, each.started_at))
    still = sum(each.resolved_at is None for each in members)
    number = f"{len(members)} incident{'' if len(members) == 1 else 's'}"
    title = f"{number} since {utc(since):%d %b %H:%M} UTC, {still} still open"
    return IncidentView(
        id=newest.id,
        code=newest.code,
        state=newest.state,
        severity="digest",
        title=title,
        labels={},
        integration=newest.integration,
        source_url="",
        started_at=since,
        updated_at=newest.updated_at,
        alerts=tuple(_line(each) for each in ordered[:MOST_SHOWN]),
        firing=still,
        total=len(members),
    )


def _line(each: IncidentView) -> AlertView:
    state = "over" if each.resolved_at is not None else f"{each.firing} firing"
    return AlertView(
        name=each.title,
        labels=each.labels,
        annotations={"summary": f"{each.title} [{each.code}], {state}"[:MAX_CHARACTERS]},
        generator_url="",
        started_at=each.started_at,
        ended_at=each.resolved_at,
    )
