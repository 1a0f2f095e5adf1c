"""What the timeline says about a step of escalation. Pure."""

from collections.abc import Mapping, Sequence

from alert_webhook.escalation.policy import Step, objection
from alert_webhook.escalation.step import Page, whom
from alert_webhook.incidents.incident import Incident
from alert_webhook.incidents.timeline import Event, Kind
from alert_webhook.incidents.transitions import State
from alert_webhook.oncall.schedule import Schedule


def step_event(
    before: Incident, after: Incident, pages: Sequence[Page], now: float, *, schedules: Mapping[str, Schedule]
) -> Event:
    """Return the event for what `step` made of an incident."""
    steps = before.policy.steps if before.policy else ()
    if before.next_step >= len(steps) or (after.state is State.CRITICAL and before.state is not State.CRITICAL):
        return Event(before.id, now, Kind.EXHAUSTED, "the last step went unanswered")
    number, current = before.next_step + 1, steps[before.next_step]
    against = objection(current.when, before.severity, before.labels, now)
    if against:
        return Event(before.id, now, Kind.PASSED_OVER, f"step {number} does not apply: {against}")
    if not pages:
        return Event(before.id, now, Kind.NOBODY, f"step {number} {_nobody(current, schedules, now)}")
    name = before.policy.name if before.policy else ""
    text = f"step {number} of policy {name} pages {_pages(pages)}{_why(current, schedules, now)}"
    return Event(before.id, now, Kind.STEP, text)


def _pages(pages: Sequence[Page]) -> str:
    return ", ".join(f"{page.person}/{page.contact}{_delay(page.delay_s)}" for page in pages)


def _delay(seconds: float) -> str:
    return f" in {max(1, round(seconds / 60))} min" if seconds > 0 else ""


def _why(current: Step, schedules: Mapping[str, Schedule], now: float) -> str:
    reasons = [f"{each.who} is {each.why}" for each in whom(current, schedules, now) if each.who and each.why]
    return f" ({'; '.join(reasons)})" if reasons and not current.round_robin else ""


def _nobody(current: Step, schedules: Mapping[str, Schedule], now: float) -> str:
    reasons = [each.why for each in whom(current, schedules, now) if not each.who]
    return "reaches nobody: " + "; ".join(reasons) if reasons else "names nobody who is still configured"
